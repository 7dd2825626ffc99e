/* product.c - gather, multiply, finish, in f32; see product.h. In bf16 it is product_bf16.c's, in s8
 * product_s8.c's.
 *
 * Rows are cut into strips of up to 14 (a register tile's height), strips into blocks, columns into panels of
 * 32 and blocks of panels. A tile of the pool is one block of rows × one block of panels. It
 * walks k in chunks: packs the chunk of its rows, then multiplies strip by strip while a panel's chunk stays
 * in L2. Sums that are not complete yet wait in scratch; being stored as f32 does not change them, so how k
 * is chunked and how rows are grouped leave no trace in the result: each number is one sum over k upwards.
 *
 * Weights in f16 are widened into scratch, where they stay in L2 while strips pass by: once for a panel's
 * chunk, or where k is one chunk for all panels of the tile. What is multiplied is then f32.
 *
 * Where OpenBLAS multiplies instead (product_blas.c) the order inside is its own. */
#include "ops/product.h"

#include <string.h>

#include "base/sizes.h"
#include "ops/elementwise.h"
#include "ops/moments.h"
#include "ops/panels.h"
#include "ops/product_parts.h"

/* Strips of 224 rows × 960 take 0.9 MB and a panel's chunk 0.12 MB of a 2 MB L2 cache. */
#define CHUNK_K      960
#define BLOCK_STRIPS 16
#define BLOCK_PANELS 20

/* Where k is one chunk, up to 1 MB of panels stay in L2 and strips pass by. */
#define BLOCK_PANEL_BYTES ((size_t)1 << 20)

/* Fewer tiles than this would leave threads idle at the end. */
#define TILES_A_THREAD 6

void atl_product_plan_init(atl_product_plan *plan, const atl_bench *bench, const atl_product *product)
{
    const atl_conv_input *in = product->in;
    size_t c_in = (size_t)in->x->c + (in->x_more ? (size_t)in->x_more->c : 0);
    size_t k = c_in * (size_t)product->kernel * (size_t)product->kernel;
    *plan = (atl_product_plan){.product = product, .kernels = bench->kernels, .k = k, .c_in = c_in};
    plan->panel_k = atl_panels_k(k, product->dtype);
    plan->n_zeros = c_in;
    size_t n_chunks = atl_ceil_div(plan->panel_k, CHUNK_K);
    plan->chunk_k = n_chunks > 1 ? atl_round_up(atl_ceil_div(plan->panel_k, n_chunks), 16) : plan->panel_k;
    plan->panels_a_unit = product->geglu ? 2 : 1;
    plan->n_units = atl_ceil_div((size_t)product->n_out, ATL_TILE_COLS * plan->panels_a_unit);
    plan->finish = (atl_finish){.scale = 1.0f};
    if (product->epilogue) {
        plan->finish.before = product->epilogue->before;
        plan->finish.after = product->epilogue->after;
        plan->finish.scale = product->epilogue->scale != 0.0f ? product->epilogue->scale : 1.0f;
    }
}

/* ---- gather ---- */

atl_pixel atl_product_pixel(const atl_product *product, size_t row)
{
    const atl_map *out = product->out;
    size_t w = (size_t)out->w, h = (size_t)out->h;
    return (atl_pixel){.n = (int)(row / w / h), .y = (int)(row / w % h), .x = (int)(row % w)};
}

const float *atl_product_source(const atl_product_plan *plan, const atl_map *map, int tap, atl_pixel pixel)
{
    const atl_product *p = plan->product;
    int up = p->in->upsample ? 1 : 0;
    int y = pixel.y * p->stride + tap / p->kernel - p->pad,
        x = pixel.x * p->stride + tap % p->kernel - p->pad;
    if (y < 0 || x < 0 || y >= map->h << up || x >= map->w << up)
        return plan->zeros;
    size_t row = ((size_t)pixel.n * (size_t)map->h + (size_t)(y >> up)) * (size_t)map->w + (size_t)(x >> up);
    return atl_map_f32(map) + row * map->stride;
}

atl_segment atl_product_segment(const atl_product_plan *plan, size_t k)
{
    const atl_conv_input *in = plan->product->in;
    size_t channel = k % plan->c_in, first_c = (size_t)in->x->c;
    atl_segment segment = {
        .tap = (int)(k / plan->c_in), .map = in->x, .channel = channel, .left = first_c - channel};
    if (channel >= first_c) {
        segment.map = in->x_more;
        segment.channel = channel - first_c;
        segment.left = plan->c_in - channel;
    }
    return segment;
}

/* A chunk of the strip's m rows, in the strip's layout (kernels.h). */
static void pack_strip(const atl_product_plan *plan, const atl_pixel *pixels, int m, size_t k_begin,
                       size_t k_end, float *packed)
{
    for (size_t k = k_begin, n; k < k_end; k += n) {
        const float *rows[ATL_TILE_ROWS];
        atl_segment segment = atl_product_segment(plan, k);
        n = atl_least(segment.left, k_end - k);
        for (int i = 0; i < m; i++)
            rows[i] = atl_product_source(plan, segment.map, segment.tap, pixels[i]) + segment.channel;
        plan->kernels->pack_f32(m, n, rows, packed + (k - k_begin) * ATL_STRIP_WIDTH, ATL_STRIP_WIDTH);
    }
}

/* ---- finish ---- */

void atl_product_finish(const atl_product_plan *plan, size_t row, size_t first_unit, size_t n_units,
                        const float *sums)
{
    const atl_product *p = plan->product;
    const atl_epilogue *e = p->epilogue;
    size_t col = first_unit * ATL_TILE_COLS;
    int n = (int)atl_least(n_units * ATL_TILE_COLS, (size_t)p->out->c - col);
    float *out = atl_map_f32(p->out) + row * p->out->stride + col;
    const float *bias = p->bias ? p->bias + col : NULL;
    if (p->geglu) {
        plan->kernels->geglu_f32(n, sums, sums + n_units * ATL_TILE_COLS, bias,
                                 bias ? bias + p->n_out / 2 : NULL, out);
        return;
    }
    atl_finish finish = plan->finish;
    finish.bias = bias;
    if (e && e->per_picture) {
        size_t picture = row / ((size_t)p->out->h * (size_t)p->out->w);
        finish.per_picture = e->per_picture + picture * e->per_picture_stride + col;
    }
    if (e && e->residual)
        finish.residual = atl_map_f32(e->residual) + row * e->residual->stride + col;
    plan->kernels->finish_f32(&finish, n, sums, out);
}

/* ---- the tile, with our own kernels ---- */

typedef struct tile_job {
    atl_product_plan plan;
    size_t n_rows, rows_a_strip, n_strips;
    size_t strips_a_block, units_a_block, n_unit_blocks;
    size_t strips_a_pass; /* packed at a time: one if k is a single chunk, else the whole block */
    size_t packed_floats, sums_floats, thread_floats;
    bool wide_chunks, wide_tiles; /* weights are f16: widened a panel's chunk or a tile's panels at a time */
    float *scratch;
} tile_job;

/* One thread's work: some strips of the rows × some units of the columns. */
typedef struct tile {
    const tile_job *job;
    size_t first_strip, n_strips, first_unit, n_units;
    float *packed; /* [n_strips][chunk_k][16] */
    float *sums;   /* [n_strips · rows_a_strip][cols] */
    float *wide;   /* weights that were widened: [chunk_k][32], or [panels][k][32] */
    size_t cols;   /* of all panels of the units */
    atl_pixel pixels[BLOCK_STRIPS * ATL_TILE_ROWS];
} tile;

static int strip_rows(const tile *t, size_t strip)
{
    const tile_job *job = t->job;
    return (int)atl_least(job->rows_a_strip, job->n_rows - (t->first_strip + strip) * job->rows_a_strip);
}

static float *sums_at(const tile *t, size_t strip, size_t panel)
{
    return t->sums + strip * t->job->rows_a_strip * t->cols + panel * ATL_TILE_COLS;
}

/* Where the store has them, in the weights' own type. */
static const void *stored_at(const tile *t, size_t panel, size_t k)
{
    const atl_product_plan *plan = &t->job->plan;
    const atl_product *p = plan->product;
    size_t half = panel / t->n_units, unit = t->first_unit + panel % t->n_units;
    size_t elements = ((half * plan->n_units + unit) * plan->panel_k + k) * ATL_TILE_COLS;
    return (const char *)p->panels + elements * atl_dtype_bytes(p->dtype);
}

static const void *panel_at(const tile *t, size_t panel, size_t k)
{
    return t->job->wide_tiles ? t->wide + (panel * t->job->plan.panel_k + k) * ATL_TILE_COLS
                              : stored_at(t, panel, k);
}

static void widen(const tile *t, size_t panel, size_t k, size_t n_k, float *wide)
{
    t->job->plan.kernels->f16_to_f32(n_k * ATL_TILE_COLS, stored_at(t, panel, k), wide);
}

static const void *next_panel(const tile *t, size_t panel, size_t k_begin, size_t k_end)
{
    const atl_product_plan *plan = &t->job->plan;
    if (panel + 1 < t->n_units * plan->panels_a_unit)
        return panel_at(t, panel + 1, k_begin);
    return panel_at(t, k_end < plan->panel_k ? 0 : panel, k_end < plan->panel_k ? k_end : k_begin);
}

/* All strips × one panel; meanwhile the next panel's chunk is called near, 16 bytes of each k a strip. */
static void multiply_panel(const tile *t, size_t panel, size_t k_begin, size_t k_end)
{
    const tile_job *job = t->job;
    const atl_product_plan *plan = &job->plan;
    const size_t n_k = k_end - k_begin, part = 4 * n_k, n_parts = job->wide_chunks ? 4 : 8;
    const float *b = panel_at(t, panel, k_begin), *ahead = next_panel(t, panel, k_begin, k_end);
    if (job->wide_chunks) {
        widen(t, panel, k_begin, n_k, t->wide);
        b = t->wide;
    }
    for (size_t s = 0; s < t->n_strips; s++)
        plan->kernels->gemm_f32(strip_rows(t, s), n_k, t->packed + s * plan->chunk_k * ATL_STRIP_WIDTH,
                                ATL_STRIP_WIDTH, b, sums_at(t, s, panel), t->cols, k_begin > 0,
                                s < n_parts ? ahead + s * part : b);
}

static void find_pixels(tile *t)
{
    const tile_job *job = t->job;
    for (size_t s = 0; s < t->n_strips; s++)
        for (int i = 0; i < strip_rows(t, s); i++)
            t->pixels[s * job->rows_a_strip + (size_t)i] =
                atl_product_pixel(job->plan.product, (t->first_strip + s) * job->rows_a_strip + (size_t)i);
}

static void run_pass(tile *t)
{
    const tile_job *job = t->job;
    const atl_product_plan *plan = &job->plan;
    find_pixels(t);
    for (size_t k = 0; k < plan->panel_k; k += plan->chunk_k) {
        size_t k_end = atl_least(k + plan->chunk_k, plan->panel_k);
        for (size_t s = 0; s < t->n_strips; s++)
            pack_strip(plan, &t->pixels[s * job->rows_a_strip], strip_rows(t, s), k, k_end,
                       t->packed + s * plan->chunk_k * ATL_STRIP_WIDTH);
        for (size_t panel = 0; panel < t->n_units * plan->panels_a_unit; panel++)
            multiply_panel(t, panel, k, k_end);
    }
    size_t first_row = t->first_strip * job->rows_a_strip;
    size_t end_row = atl_least(first_row + t->n_strips * job->rows_a_strip, job->n_rows);
    for (size_t row = first_row; row < end_row; row++)
        atl_product_finish(plan, row, t->first_unit, t->n_units, t->sums + (row - first_row) * t->cols);
}

static void run_tile(void *user, size_t index, int thread)
{
    const tile_job *job = user;
    const atl_product_plan *plan = &job->plan;
    tile t = {.job = job};
    size_t first_strip = index / job->n_unit_blocks * job->strips_a_block;
    size_t end_strip = atl_least(first_strip + job->strips_a_block, job->n_strips);
    t.first_unit = index % job->n_unit_blocks * job->units_a_block;
    t.n_units = atl_least(job->units_a_block, plan->n_units - t.first_unit);
    t.cols = t.n_units * plan->panels_a_unit * ATL_TILE_COLS;
    t.packed = job->scratch + (size_t)thread * job->thread_floats;
    t.sums = t.packed + job->packed_floats;
    t.wide = t.sums + job->sums_floats;
    for (size_t panel = 0; job->wide_tiles && panel < t.n_units * plan->panels_a_unit; panel++)
        widen(&t, panel, 0, plan->panel_k, t.wide + panel * plan->panel_k * ATL_TILE_COLS);
    for (t.first_strip = first_strip; t.first_strip < end_strip; t.first_strip += job->strips_a_pass) {
        t.n_strips = atl_least(job->strips_a_pass, end_strip - t.first_strip);
        run_pass(&t);
    }
}

/* Blocks as large as the caches like, smaller where that leaves too few tiles for the threads. */
static void choose_blocks(tile_job *job, size_t n_threads)
{
    const atl_product_plan *plan = &job->plan;
    bool one_chunk = plan->chunk_k == plan->panel_k;
    size_t panel_bytes = atl_panels_bytes(plan->k, ATL_TILE_COLS, ATL_F32); /* as it is multiplied */
    size_t max_panels = one_chunk ? BLOCK_PANEL_BYTES / panel_bytes : BLOCK_PANELS;
    size_t max_units = max_panels > plan->panels_a_unit ? max_panels / plan->panels_a_unit : 1;
    size_t max_strips = one_chunk ? 2 * BLOCK_STRIPS : BLOCK_STRIPS, min_tiles = TILES_A_THREAD * n_threads;
    job->rows_a_strip = atl_ceil_div(job->n_rows, atl_ceil_div(job->n_rows, ATL_TILE_ROWS));
    job->n_strips = atl_ceil_div(job->n_rows, job->rows_a_strip);
    size_t n_blocks = atl_ceil_div(job->n_strips, max_strips);
    job->n_unit_blocks = atl_ceil_div(plan->n_units, max_units);
    if (n_threads > 1) {
        while (n_blocks * job->n_unit_blocks < min_tiles &&
               atl_ceil_div(job->n_strips, n_blocks) > BLOCK_STRIPS / 2)
            n_blocks++;
        while (n_blocks * job->n_unit_blocks < min_tiles && job->n_unit_blocks < plan->n_units)
            job->n_unit_blocks++;
    }
    job->strips_a_block = atl_ceil_div(job->n_strips, n_blocks);
    job->strips_a_pass = one_chunk ? 1 : job->strips_a_block;
    job->units_a_block = atl_ceil_div(plan->n_units, job->n_unit_blocks);
    job->n_unit_blocks = atl_ceil_div(plan->n_units, job->units_a_block);
}

/* Floats of a thread's sums and of weights that it widens. */
static size_t plan_columns(tile_job *job)
{
    const atl_product_plan *plan = &job->plan;
    const bool half = plan->product->dtype == ATL_F16, one_chunk = plan->chunk_k == plan->panel_k;
    const size_t cols = job->units_a_block * plan->panels_a_unit * ATL_TILE_COLS;
    job->wide_tiles = half && one_chunk;
    job->wide_chunks = half && !one_chunk;
    job->sums_floats = job->strips_a_pass * job->rows_a_strip * cols;
    if (!half)
        return job->sums_floats;
    return job->sums_floats + plan->chunk_k * (one_chunk ? cols : ATL_TILE_COLS);
}

/* A map as f32: itself, or a copy from the arena. NULL stays NULL. */
static const atl_map *widened(const atl_bench *bench, const atl_map *map, atl_map *copy)
{
    if (!map || map->dtype == ATL_F32)
        return map;
    *copy = atl_map_take(bench, ATL_F32, map->n, map->h, map->w, map->c);
    atl_copy(bench, map, copy);
    return copy;
}

/* f32 weights between maps of another type: rare, and done by way of copies. */
static void run_between_copies(const atl_bench *bench, const atl_product *product)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map x, more, residual, out = *product->out;
    atl_conv_input in = *product->in;
    atl_epilogue epilogue = product->epilogue ? *product->epilogue : (atl_epilogue){0};
    atl_product wide = *product;
    in.x = widened(bench, in.x, &x);
    in.x_more = widened(bench, in.x_more, &more);
    epilogue.residual = widened(bench, epilogue.residual, &residual);
    if (out.dtype != ATL_F32)
        out = atl_map_take(bench, ATL_F32, out.n, out.h, out.w, out.c);
    wide.in = &in;
    wide.epilogue = product->epilogue ? &epilogue : NULL;
    wide.out = &out;
    atl_product_run(bench, &wide);
    if (product->out->dtype != ATL_F32)
        atl_copy(bench, &out, product->out);
    atl_arena_release(bench->arena, mark);
}

static bool all_f32(const atl_product *product)
{
    const atl_epilogue *e = product->epilogue;
    return product->in->x->dtype == ATL_F32 &&
           (!product->in->x_more || product->in->x_more->dtype == ATL_F32) &&
           (!e || !e->residual || e->residual->dtype == ATL_F32) && product->out->dtype == ATL_F32;
}

void atl_product_run(const atl_bench *bench, const atl_product *product)
{
    if (product->lines.n == 0)
        atl_moments_forget(bench, product->out);
    if (product->dtype == ATL_BF16) {
        atl_product_run_bf16(bench, product);
        return;
    }
    if (product->dtype == ATL_S8) {
        atl_product_run_s8(bench, product);
        return;
    }
    if (!all_f32(product)) {
        run_between_copies(bench, product);
        return;
    }
    if (bench->kernels->gemm_by_blas) {
        atl_product_run_blas(bench, product);
        return;
    }
    tile_job job = {.n_rows = atl_map_rows(product->out)};
    atl_product_plan_init(&job.plan, bench, product);
    size_t n_threads = (size_t)atl_pool_n_threads(bench->pool);
    choose_blocks(&job, n_threads);
    job.packed_floats = job.strips_a_pass * job.plan.chunk_k * ATL_STRIP_WIDTH;
    job.thread_floats = job.packed_floats + plan_columns(&job);

    size_t mark = atl_arena_mark(bench->arena);
    float *zeros = atl_arena_take(bench->arena, job.plan.n_zeros * sizeof *zeros);
    job.scratch = atl_arena_take(bench->arena, n_threads * job.thread_floats * sizeof *job.scratch);
    if (!bench->arena->measuring) {
        memset(zeros, 0, job.plan.n_zeros * sizeof *zeros);
        job.plan.zeros = zeros;
        atl_pool_run(bench->pool, atl_ceil_div(job.n_strips, job.strips_a_block) * job.n_unit_blocks,
                     run_tile, &job);
    }
    atl_arena_release(bench->arena, mark);
}
