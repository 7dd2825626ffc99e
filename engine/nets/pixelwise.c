/* pixelwise.c - shifting, scaling and resizing of maps; see pixelwise.h. Work is cut by rows of pixels. */
#include "nets/pixelwise.h"

#include <math.h>
#include <string.h>

atl_map atl_net_take(const atl_bench *bench, atl_layer_class layer_class, int n, int h, int w, int c)
{
    return atl_map_take(bench, bench->policy->layer[layer_class].compute, n, h, w, c);
}

atl_map atl_net_take_stream(const atl_bench *bench, atl_layer_class layer_class, int n, int h, int w, int c)
{
    return atl_map_take(bench, bench->policy->layer[layer_class].stream, n, h, w, c);
}

typedef struct pixel_job {
    const atl_map *x, *out;
    float shift, factor;
} pixel_job;

/* One tile is one row of pixels: w·c floats. */
static void shift_scale_row(void *user, size_t row, int thread)
{
    const pixel_job *job = user;
    size_t n = (size_t)job->x->w * (size_t)job->x->c;
    const float *x = atl_map_f32(job->x) + row * n;
    float *out = atl_map_f32(job->out) + row * n;

    (void)thread;
    for (size_t i = 0; i < n; i++)
        out[i] = (x[i] + job->shift) * job->factor;
}

void atl_shift_scale(const atl_bench *bench, const atl_map *x, float shift, float factor, const atl_map *out)
{
    if (bench->arena->measuring)
        return;
    pixel_job job = {.x = x, .out = out, .shift = shift, .factor = factor};
    atl_pool_run(bench->pool, (size_t)x->n * (size_t)x->h, shift_scale_row, &job);
}

static int nearest(int i, int size_in, int size_out)
{
    int at = (int)floorf((float)i * ((float)size_in / (float)size_out));
    return at < size_in ? at : size_in - 1;
}

static void resize_row(void *user, size_t row, int thread)
{
    const pixel_job *job = user;
    const atl_map *x = job->x, *out = job->out;
    size_t pixel_bytes = (size_t)x->c * atl_dtype_bytes(x->dtype);
    size_t picture = row / (size_t)out->h;
    int from_row = nearest((int)(row % (size_t)out->h), x->h, out->h);
    const uint8_t *src =
        (const uint8_t *)x->data + (picture * (size_t)x->h + (size_t)from_row) * (size_t)x->w * pixel_bytes;
    uint8_t *dst = (uint8_t *)out->data + row * (size_t)out->w * pixel_bytes;

    (void)thread;
    for (int i = 0; i < out->w; i++)
        memcpy(dst + (size_t)i * pixel_bytes, src + (size_t)nearest(i, x->w, out->w) * pixel_bytes,
               pixel_bytes);
}

void atl_resize_nearest(const atl_bench *bench, const atl_map *x, const atl_map *out)
{
    if (bench->arena->measuring)
        return;
    pixel_job job = {.x = x, .out = out};
    atl_pool_run(bench->pool, (size_t)out->n * (size_t)out->h, resize_row, &job);
}
