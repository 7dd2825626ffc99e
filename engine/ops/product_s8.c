/* product_s8.c - the product in s8; see product.h.
 *
 *     out = finish(scale_row · scale_column · Σ_k row[k] · column[k])
 *
 * Columns were rounded to whole numbers when they were packed, rows are rounded as they are gathered
 * (patch_s8.h); the sum is whole, and exact, so that no order of blocks, chunks or threads leaves a trace.
 *
 * Where all panels stay in L2, each tile of the pool is a block of rows: a strip of 32 is gathered, which
 * stays in L1, and all panels pass by. Otherwise everybody gathers everything first; then a tile is a block
 * of rows × a block of panels, of which one stays in L2 while the other passes, in chunks of k where it is
 * long. */
#include "base/sizes.h"
#include "ops/panels.h"
#include "ops/patch_s8.h"
#include "ops/product_parts.h"

#define STRIP ATL_BF16_TILE_ROWS
#define TILE  (STRIP * ATL_TILE_COLS)

/* What stays in an L2 cache of 2 MB while the rest passes by. */
#define RESIDENT_BYTES ((size_t)1 << 20)
/* k of a panel's part that passes by. */
#define PASSING_K 4096
/* Sums of several chunks of k wait here. */
#define WAITING_TILES 64

#define MAX_BLOCK_ROWS 1024
/* Fewer tiles than this would leave threads idle at the end. */
#define TILES_A_THREAD 6
#define FILL_LINES     16 /* of a shared patch, at a time */
#define PEAK_PIXELS    256

typedef struct s8_job {
    atl_patch_s8_plan patch;
    const atl_product *product;
    size_t panel_bytes, panel_k, panels_a_unit, n_units;
    size_t k_a_chunk, n_chunks;
    size_t rows_a_block, n_blocks, units_a_block, n_unit_blocks;
    size_t units_a_group; /* whose sums wait together */
    bool strip_by_strip;  /* each tile gathers its own rows, a strip at a time */
    bool panels_stay;
    atl_patch_s8 whole; /* if all is gathered first */
    atl_finish finish;
    size_t n_pixels;
    float *peaks;
    size_t n_sums, thread_bytes;
    char *scratch;
} s8_job;

typedef struct s8_tile {
    const s8_job *job;
    atl_patch_s8 patch;
    size_t first_row, end_row, first_unit, end_unit;
    int32_t *sums;
} s8_tile;

/* ---- one tile of sums ---- */

static const int8_t *panel_at(const s8_job *job, size_t panel, size_t k)
{
    return (const int8_t *)job->product->panels + panel * job->panel_bytes + k * ATL_TILE_COLS;
}

static const float *column_scales(const s8_job *job, size_t panel)
{
    return (const void *)panel_at(job, panel, job->panel_k);
}

static int strip_rows(const s8_tile *t, size_t row)
{
    return (int)atl_least(STRIP, t->end_row - row);
}

static void multiply(const s8_tile *t, size_t row, size_t panel, size_t chunk, int32_t *sums,
                     const int8_t *ahead)
{
    const s8_job *job = t->job;
    atl_gathered_s8 a = atl_patch_s8_rows(&t->patch, row);
    size_t first_k = chunk * job->k_a_chunk, n_k = atl_least(job->k_a_chunk, job->panel_k - first_k);
    if (a.n_taps > 1) { /* whole taps */
        a.taps += first_k / a.k;
        a.n_taps = n_k / a.k;
    } else {
        a.upper += first_k;
        a.lower += first_k;
        a.k = n_k;
    }
    job->patch.kernels->gemm_gathered_s8(strip_rows(t, row), &a, panel_at(job, panel, first_k), sums,
                                         chunk > 0, ahead);
}

static atl_rows rows_at(const atl_map *map, size_t row, size_t col)
{
    size_t at = (row * map->stride + col) * atl_dtype_bytes(map->dtype);
    return (atl_rows){.data = (char *)map->data + at, .stride = map->stride, .dtype = map->dtype};
}

/* Rows [row, row + m), all of one picture if that matters. */
static void finish_rows(const s8_job *job, size_t row, int m, size_t unit, const float *sums)
{
    const atl_product *p = job->product;
    const atl_epilogue *e = p->epilogue;
    const atl_kernels *kernels = job->patch.kernels;
    size_t col = unit * ATL_TILE_COLS;
    int n = (int)atl_least(ATL_TILE_COLS, (size_t)p->out->c - col);
    atl_rows out = rows_at(p->out, row, col), residual = {0};
    const float *bias = p->bias ? p->bias + col : NULL;
    if (p->geglu) {
        kernels->geglu_rows(m, n, sums, sums + TILE, bias, bias ? bias + p->n_out / 2 : NULL, &out);
        return;
    }
    atl_finish finish = job->finish;
    finish.bias = bias;
    if (e && e->per_picture)
        finish.per_picture =
            e->per_picture + row / ((size_t)p->out->h * (size_t)p->out->w) * e->per_picture_stride + col;
    if (e && e->residual)
        residual = rows_at(e->residual, row, col);
    kernels->finish_rows(&finish, m, n, sums, e && e->residual ? &residual : NULL, &out);
}

/* Sums become numbers where they stand. */
static const float *dequantise(const s8_tile *t, size_t row, size_t unit, int32_t *sums)
{
    const s8_job *job = t->job;
    const atl_kernels *kernels = job->patch.kernels;
    for (size_t half = 0; half < job->panels_a_unit; half++) {
        const size_t panel = half * job->n_units + unit;
        float *numbers = (void *)(sums + half * TILE);
        kernels->dequantise(strip_rows(t, row), sums + half * TILE,
                            t->patch.scales + (row - t->patch.first_row), column_scales(job, panel), numbers);
        if (job->product->aside)
            atl_product_add_aside(kernels, job->product->aside, row, strip_rows(t, row), panel, numbers);
    }
    return (const void *)sums;
}

static void finish(const s8_tile *t, size_t row, size_t unit, int32_t *whole)
{
    const s8_job *job = t->job;
    const atl_epilogue *e = job->product->epilogue;
    const float *sums = dequantise(t, row, unit, whole);
    size_t pixels = (size_t)job->product->out->h * (size_t)job->product->out->w;
    size_t end = row + (size_t)strip_rows(t, row);
    while (row < end) {
        size_t n = end - row;
        if (e && e->per_picture)
            n = atl_least(n, pixels - row % pixels);
        finish_rows(job, row, (int)n, unit, sums);
        row += n;
        sums += n * ATL_TILE_COLS;
    }
}

/* ---- a tile of the pool ---- */

static void fill_strip(s8_tile *t, size_t row)
{
    t->patch.first_row = row;
    t->patch.n_rows = (size_t)strip_rows(t, row);
    for (size_t line = 0; line < atl_patch_s8_n_lines(&t->patch); line++)
        atl_patch_s8_fill(&t->patch, line);
}

/* Strips pass by panels that stay. What is called near is the panel that comes next, a quarter of it. */
static void pass_strips(s8_tile *t)
{
    const s8_job *job = t->job;
    for (size_t row = t->first_row; row < t->end_row; row += STRIP) {
        if (job->strip_by_strip)
            fill_strip(t, row);
        for (size_t unit = t->first_unit; unit < t->end_unit; unit++) {
            for (size_t half = 0; half < job->panels_a_unit; half++) {
                size_t panel = half * job->n_units + unit;
                multiply(t, row, panel, 0, t->sums + half * TILE, panel_at(job, panel, 0));
            }
            finish(t, row, unit, t->sums);
        }
    }
}

/* What the strips of (unit, chunk) call near: a quarter each of the panel's chunk that comes next. */
static const int8_t *next_panel(const s8_tile *t, size_t unit, size_t chunk, size_t group, size_t group_end)
{
    const s8_job *job = t->job;
    if (unit + 1 < group_end)
        return panel_at(job, unit + 1, chunk * job->k_a_chunk);
    if (chunk + 1 < job->n_chunks)
        return panel_at(job, group, (chunk + 1) * job->k_a_chunk);
    return panel_at(job, unit + 1 < t->end_unit ? unit + 1 : unit, 0);
}

static void pass_panel(const s8_tile *t, size_t unit, size_t chunk, size_t group, size_t group_end)
{
    const s8_job *job = t->job;
    const size_t strips = atl_ceil_div(t->end_row - t->first_row, STRIP), part = 8 * job->k_a_chunk;
    const int8_t *next = next_panel(t, unit, chunk, group, group_end);
    for (size_t strip = 0; strip < strips; strip++) {
        const size_t row = t->first_row + strip * STRIP;
        int32_t *sums = job->n_chunks > 1 ? t->sums + ((unit - group) * strips + strip) * TILE : t->sums;
        multiply(t, row, unit, chunk, sums, next + (strip < 4 ? strip * part : 0));
        if (chunk + 1 == job->n_chunks)
            finish(t, row, unit, sums);
    }
}

static void pass_panels(const s8_tile *t)
{
    const s8_job *job = t->job;
    for (size_t group = t->first_unit, end; group < t->end_unit; group = end) {
        end = atl_least(group + job->units_a_group, t->end_unit);
        for (size_t chunk = 0; chunk < job->n_chunks; chunk++)
            for (size_t unit = group; unit < end; unit++)
                pass_panel(t, unit, chunk, group, end);
    }
}

static void run_tile(void *user, size_t index, int thread)
{
    const s8_job *job = user;
    char *scratch = job->scratch + (size_t)thread * job->thread_bytes;
    s8_tile t = {.job = job, .patch = job->whole, .sums = (void *)scratch};
    t.first_row = index / job->n_unit_blocks * job->rows_a_block;
    t.end_row = atl_least(t.first_row + job->rows_a_block, job->patch.n_rows);
    t.first_unit = index % job->n_unit_blocks * job->units_a_block;
    t.end_unit = atl_least(t.first_unit + job->units_a_block, job->n_units);
    if (job->strip_by_strip) {
        float *scales = (void *)(t.sums + job->n_sums);
        t.patch = (atl_patch_s8){.plan = &job->patch, .scales = scales, .data = (void *)(scales + STRIP)};
    }
    job->patch.kernels->bf16_begin();
    if (job->panels_stay)
        pass_strips(&t);
    else
        pass_panels(&t);
    job->patch.kernels->bf16_end();
}

static void find_peaks(void *user, size_t index, int thread)
{
    const s8_job *job = user;
    size_t first = index * PEAK_PIXELS;
    (void)thread;
    atl_patch_s8_peaks(&job->patch, first, atl_least(PEAK_PIXELS, job->n_pixels - first), job->peaks);
}

static void fill_whole(void *user, size_t index, int thread)
{
    const s8_job *job = user;
    size_t end = atl_least((index + 1) * FILL_LINES, atl_patch_s8_n_lines(&job->whole));
    (void)thread;
    for (size_t line = index * FILL_LINES; line < end; line++)
        atl_patch_s8_fill(&job->whole, line);
}

/* ---- planning ---- */

/* Chunks of whole taps, or of as many k. */
static void plan_chunks(s8_job *job)
{
    size_t step = job->patch.n_taps > 1 ? 3 * job->patch.k : ATL_S8_BLOCK_K;
    job->n_chunks = atl_ceil_div(job->panel_k, PASSING_K);
    job->k_a_chunk =
        atl_ceil_div(atl_ceil_div(job->panel_k, job->n_chunks), step) * step; /* no power of two */
    job->n_chunks = atl_ceil_div(job->panel_k, job->k_a_chunk);
}

/* Blocks as large as the cache likes, smaller where that leaves too few tiles for the threads. */
static void plan_blocks(s8_job *job, size_t n_threads)
{
    const atl_patch_s8_plan *patch = &job->patch;
    size_t unit_bytes = job->panels_a_unit * job->panel_bytes, n_strips = atl_ceil_div(patch->n_rows, STRIP);
    size_t max_rows = MAX_BLOCK_ROWS, max_units = job->n_units, min_tiles = TILES_A_THREAD * n_threads;
    job->strip_by_strip = unit_bytes * job->n_units <= RESIDENT_BYTES;
    job->panels_stay = job->strip_by_strip || job->panels_a_unit > 1 || job->panel_k <= PASSING_K / 2;
    if (job->panels_stay)
        max_units = unit_bytes < RESIDENT_BYTES ? RESIDENT_BYTES / unit_bytes : 1;
    else
        plan_chunks(job);
    while (!job->panels_stay && max_rows > STRIP &&
           atl_patch_s8_bytes(patch, max_rows) / job->n_chunks > RESIDENT_BYTES / 2)
        max_rows /= 2;
    job->n_blocks = atl_ceil_div(n_strips, max_rows / STRIP);
    job->n_unit_blocks = atl_ceil_div(job->n_units, max_units);
    while (n_threads > 1 && job->n_blocks < n_strips && job->n_blocks * job->n_unit_blocks < min_tiles &&
           n_strips / job->n_blocks > 8)
        job->n_blocks++;
    while (n_threads > 1 && !job->strip_by_strip && job->n_unit_blocks < job->n_units &&
           job->n_blocks * job->n_unit_blocks < min_tiles)
        job->n_unit_blocks++;
    job->rows_a_block = atl_ceil_div(n_strips, job->n_blocks) * STRIP;
    job->n_blocks = atl_ceil_div(patch->n_rows, job->rows_a_block);
    job->units_a_block = atl_ceil_div(job->n_units, job->n_unit_blocks);
    job->n_unit_blocks = atl_ceil_div(job->n_units, job->units_a_block);
    size_t strips = job->rows_a_block / STRIP;
    job->units_a_group = job->n_chunks > 1 && strips < WAITING_TILES ? WAITING_TILES / strips : 1;
    job->n_sums = TILE * (job->n_chunks > 1 ? job->units_a_group * strips : job->panels_a_unit);
}

static void plan(s8_job *job, const atl_bench *bench, const atl_product *product)
{
    const atl_epilogue *e = product->epilogue;
    *job = (s8_job){.product = product, .n_chunks = 1};
    atl_patch_s8_plan_init(&job->patch, product, bench->kernels);
    job->panel_k = job->patch.n_taps * job->patch.k;
    job->panel_bytes = atl_panels_bytes(job->panel_k, ATL_TILE_COLS, ATL_S8);
    job->panels_a_unit = product->geglu ? 2 : 1;
    job->n_units = atl_ceil_div((size_t)product->n_out, ATL_TILE_COLS * job->panels_a_unit);
    job->k_a_chunk = job->panel_k;
    job->finish = (atl_finish){.scale = 1.0f};
    if (e) {
        job->finish.before = e->before;
        job->finish.after = e->after;
        job->finish.scale = e->scale != 0.0f ? e->scale : 1.0f;
    }
    job->n_pixels = product->kernel > 1 ? atl_map_rows(product->in->x) : 0;
    plan_blocks(job, (size_t)atl_pool_n_threads(bench->pool));
}

static void run(s8_job *job, const atl_bench *bench)
{
    job->patch.peaks = job->n_pixels > 0 ? job->peaks : NULL;
    job->whole.plan = &job->patch;
    atl_pool_run(bench->pool, atl_ceil_div(job->n_pixels, PEAK_PIXELS), find_peaks, job);
    if (!job->strip_by_strip)
        atl_pool_run(bench->pool, atl_ceil_div(atl_patch_s8_n_lines(&job->whole), FILL_LINES), fill_whole,
                     job);
    atl_pool_run(bench->pool, job->n_blocks * job->n_unit_blocks, run_tile, job);
}

void atl_product_run_s8(const atl_bench *bench, const atl_product *product)
{
    s8_job job;
    size_t mark = atl_arena_mark(bench->arena), n_threads = (size_t)atl_pool_n_threads(bench->pool);
    plan(&job, bench, product);
    job.thread_bytes = job.n_sums * sizeof(int32_t);
    job.peaks = atl_arena_take(bench->arena, job.n_pixels * sizeof *job.peaks);
    if (job.strip_by_strip) {
        job.thread_bytes += STRIP * sizeof(float) + atl_patch_s8_bytes(&job.patch, STRIP);
    } else {
        job.whole = (atl_patch_s8){.n_rows = job.patch.n_rows};
        job.whole.data = atl_arena_take(bench->arena, atl_patch_s8_bytes(&job.patch, job.patch.n_rows));
        job.whole.scales = atl_arena_take(bench->arena, job.patch.n_rows * sizeof(float));
    }
    job.scratch = atl_arena_take(bench->arena, n_threads * job.thread_bytes);
    if (!bench->arena->measuring)
        run(&job, bench);
    atl_arena_release(bench->arena, mark);
}
