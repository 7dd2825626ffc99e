/* elementwise.c - activations, copies, planes, the sinusoidal embedding; see elementwise.h. */
#include "ops/elementwise.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

#define CHUNK_ROWS 64

float atl_activate_one(atl_activation act, float x)
{
    switch (act) {
    case ATL_ACT_NONE:
        return x;
    case ATL_ACT_RELU:
        return x > 0.0f ? x : 0.0f;
    case ATL_ACT_SILU:
        return x / (1.0f + expf(-x));
    case ATL_ACT_GELU:
        return x * 0.5f * erfcf(-x * 0.707106781f);
    case ATL_ACT_GELU_TANH:
        return 0.5f * x * (1.0f + tanhf(0.797884561f * (x + 0.044715f * x * x * x)));
    case ATL_ACT_QUICK_GELU:
        return x / (1.0f + expf(-1.702f * x));
    case ATL_ACT_MISH: /* softplus as log1p(eˣ), which is x itself past 20 */
        return x * tanhf(x > 20.0f ? x : log1pf(expf(x)));
    case ATL_ACT_TANH:
        return tanhf(x);
    }
    return x;
}

/* What the row-wise ops below need; each uses its part. */
typedef struct rows_job {
    const atl_kernels *kernels;
    atl_activation act;
    const atl_map *x, *out;
    const float *planes;
    float *ret_planes;
} rows_job;

static float *row_of(const atl_map *map, size_t row)
{
    return atl_map_f32(map) + row * map->stride;
}

static size_t chunk_end(const atl_map *map, size_t tile)
{
    size_t end = (tile + 1) * CHUNK_ROWS, n_rows = atl_map_rows(map);
    return end < n_rows ? end : n_rows;
}

static void run_rows(const atl_bench *bench, const atl_map *map, atl_tile_fn fn, rows_job *job)
{
    job->kernels = bench->kernels;
    if (!bench->arena->measuring)
        atl_pool_run(bench->pool, (atl_map_rows(map) + CHUNK_ROWS - 1) / CHUNK_ROWS, fn, job);
}

static void activate_rows(void *user, size_t tile, int thread)
{
    const rows_job *job = user;
    (void)thread;
    for (size_t row = tile * CHUNK_ROWS; row < chunk_end(job->x, tile); row++)
        job->kernels->activate_f32(job->act, (size_t)job->x->c, row_of(job->x, row), row_of(job->out, row));
}

void atl_activate(const atl_bench *bench, atl_activation act, const atl_map *x, const atl_map *out)
{
    run_rows(bench, x, activate_rows, &(rows_job){.act = act, .x = x, .out = out});
}

static void copy_row(const atl_kernels *kernels, const atl_map *x, const atl_map *out, size_t row)
{
    size_t n = (size_t)x->c, bytes = atl_dtype_bytes(x->dtype);
    const void *from = (const char *)x->data + row * x->stride * bytes;
    void *to = (char *)out->data + row * out->stride * atl_dtype_bytes(out->dtype);
    if (x->dtype == out->dtype)
        memcpy(to, from, n * bytes);
    else if (out->dtype == ATL_BF16)
        kernels->f32_to_bf16(n, from, to);
    else
        kernels->bf16_to_f32(n, from, to);
}

static void copy_rows(void *user, size_t tile, int thread)
{
    const rows_job *job = user;
    (void)thread;
    for (size_t row = tile * CHUNK_ROWS; row < chunk_end(job->x, tile); row++)
        copy_row(job->kernels, job->x, job->out, row);
}

void atl_copy(const atl_bench *bench, const atl_map *x, const atl_map *out)
{
    run_rows(bench, x, copy_rows, &(rows_job){.x = x, .out = out});
}

/* Where channel 0 of a row stands among planes [n][c][h·w]; channels are h·w apart. */
static size_t plane_index(const atl_map *map, size_t row)
{
    size_t pixels = (size_t)map->h * (size_t)map->w;
    return row / pixels * pixels * (size_t)map->c + row % pixels;
}

static void rows_from_planes(void *user, size_t tile, int thread)
{
    const rows_job *job = user;
    const atl_map *out = job->out;
    size_t pixels = (size_t)out->h * (size_t)out->w;
    (void)thread;
    for (size_t row = tile * CHUNK_ROWS; row < chunk_end(out, tile); row++)
        for (size_t c = 0; c < (size_t)out->c; c++)
            row_of(out, row)[c] = job->planes[plane_index(out, row) + c * pixels];
}

void atl_from_planes(const atl_bench *bench, const float *planes, const atl_map *out)
{
    run_rows(bench, out, rows_from_planes, &(rows_job){.planes = planes, .out = out});
}

static void rows_to_planes(void *user, size_t tile, int thread)
{
    const rows_job *job = user;
    const atl_map *x = job->x;
    size_t pixels = (size_t)x->h * (size_t)x->w;
    (void)thread;
    for (size_t row = tile * CHUNK_ROWS; row < chunk_end(x, tile); row++)
        for (size_t c = 0; c < (size_t)x->c; c++)
            job->ret_planes[plane_index(x, row) + c * pixels] = row_of(x, row)[c];
}

void atl_to_planes(const atl_bench *bench, const atl_map *x, float *planes)
{
    run_rows(bench, x, rows_to_planes, &(rows_job){.x = x, .ret_planes = planes});
}

/* In f32 step by step, as diffusers computes it: at t = 999 the rounding of the frequency is visible. */
void atl_sinusoid(const atl_bench *bench, const float *timesteps, int n, int dim, bool flip_sin_to_cos,
                  float freq_shift, float max_period, const atl_map *out)
{
    int half = dim / 2;
    float step = (float)-log((double)max_period), span = (float)half - freq_shift;
    if (bench->arena->measuring)
        return;
    for (int i = 0; i < n; i++) {
        float *row = row_of(out, (size_t)i), *sines = row + (flip_sin_to_cos ? half : 0);
        float *cosines = row + (flip_sin_to_cos ? 0 : half);
        for (int j = 0; j < half; j++) {
            float angle = timesteps[i] * expf(step * (float)j / span);
            sines[j] = sinf(angle);
            cosines[j] = cosf(angle);
        }
        if (dim % 2)
            row[dim - 1] = 0.0f;
    }
}
