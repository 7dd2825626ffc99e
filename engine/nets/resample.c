/* resample.c - see resample.h. */
#include "nets/resample.h"

#include "nets/pixelwise.h"

/* Rows (pixels) of a band that a thread makes: where a convolution's patch rolls, two lines more are read for
 * each. */
enum { BAND_ROWS_A_THREAD = 16384, LEAST_BANDS = 4 };

void atl_downsampler_load(atl_loader *loader, atl_conv *conv, atl_layer_class layer_class, int c, int padding)
{
    atl_conv_shape shape = {.c_in = c,
                            .c_out = c,
                            .kernel = 3,
                            .stride = 2,
                            .pad_before = padding,
                            .pad_after = padding ? padding : 1};
    atl_load_conv(loader, conv, layer_class, shape, "downsamplers.0.conv");
}

void atl_downsampler_run(const atl_bench *bench, const atl_conv *conv, const atl_map *x, const atl_map *out)
{
    atl_conv_input in = {.x = x};
    atl_conv_run(bench, conv, &in, NULL, out);
}

void atl_upsampler_load(atl_loader *loader, atl_conv *conv, atl_layer_class layer_class, int c)
{
    atl_conv_shape shape = {.c_in = c, .c_out = c, .kernel = 3, .stride = 1, .pad_before = 1, .pad_after = 1};
    atl_load_conv(loader, conv, layer_class, shape, "upsamplers.0.conv");
}

void atl_upsampler_run(const atl_bench *bench, const atl_conv *conv, const atl_map *x, const atl_map *out)
{
    size_t mark = atl_arena_mark(bench->arena);
    bool same = out->h == x->h && out->w == x->w;
    bool doubled = out->h == 2 * x->h && out->w == 2 * x->w;
    atl_map resized = *x;

    if (!same && !doubled) {
        resized = atl_map_take(bench, x->dtype, x->n, out->h, out->w, x->c);
        atl_resize_nearest(bench, x, &resized);
    }
    atl_conv_input in = {.x = &resized, .upsample = doubled};
    atl_conv_run(bench, conv, &in, NULL, out);
    atl_arena_release(bench->arena, mark);
}

int atl_band_lines(const atl_bench *bench, const atl_map *out)
{
    const int wanted = BAND_ROWS_A_THREAD / out->w * atl_pool_n_threads(bench->pool),
              most = out->h / LEAST_BANDS;
    const int n = wanted < most ? wanted : most;
    return n > 1 ? n : 1;
}

bool atl_upsampler_can_grow(const atl_bench *bench, const atl_conv *conv, const atl_map *x)
{
    const atl_conv_input in = {.x = x, .upsample = true};
    return atl_map_dense(x) && conv->c_in == conv->c_out && atl_conv_runs_lines(bench, conv, &in);
}

/* Lines from `first` on that can be made before they reach the first line of x that they are made from. */
static int lines_free(const atl_map *x, size_t bytes, const atl_map *out, int first)
{
    const size_t line = first > 0 ? (size_t)(first - 1) / 2 : 0;
    const size_t before = bytes - ((size_t)x->h - line) * atl_map_line_bytes(x);
    return (int)(before / atl_map_line_bytes(out)) - first;
}

void atl_upsampler_grow(const atl_bench *bench, const atl_conv *conv, const atl_map *x, size_t bytes,
                        const atl_map *out)
{
    const atl_conv_input in = {.x = x, .upsample = true};
    const int band = atl_band_lines(bench, out);
    for (int first = 0, n; first < out->h; first += n) {
        n = lines_free(x, bytes, out, first);
        if (n >= out->h - first)
            n = out->h - first;
        else
            n -= n % band;
        atl_conv_run_lines(bench, conv, &in, NULL, out, (atl_lines){first, n});
    }
}
