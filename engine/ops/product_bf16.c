/* product_bf16.c - the product in bf16; see product.h. How it is cut is product_bf16_plan.c's.
 *
 * Rows are multiplied in the form that patch.h gives them, 32 × 32 sums at a time, each over the whole of k
 * or over as many taps as let a panel's part stay in L2; finished sums leave L1 only as results, which are
 * made while the next sums are multiplied where the kernels can do both at once. A tile of
 * the pool is a block of rows × a block of panels. Within it, either strips of 32 rows pass by panels that
 * stay in L2, or, where the panels are too large for that, panels pass by a patch that does.
 *
 * What has one tap and whole panels is product_bf16_one_tap.c's.
 *
 * Each sum runs over k upwards in steps of 32 (of wide 3 × 3 convolutions slice by slice of the channels),
 * whatever the blocks and whoever else is computed: how the work is cut leaves no trace in the result. */
#include <string.h>

#include "base/sizes.h"
#include "ops/moments.h"
#include "ops/product_bf16.h"

#define TILE (ATL_BF16_TILE_ROWS * ATL_TILE_COLS)

#define FILL_LINES 16 /* of a shared patch, at a time */

/* ---- one tile of sums ---- */

void atl_product_add_aside(const atl_kernels *kernels, const atl_aside *aside, size_t row, int m,
                           size_t panel, float *sums)
{
    static const size_t tap = 0;
    const uint16_t *rows = aside->rows + row * aside->k,
                   *b = aside->panels + panel * aside->k * ATL_TILE_COLS;
    const atl_gathered a = {.upper = rows,
                            .lower = rows + ATL_BF16_TILE_ROWS / 2 * aside->k,
                            .stride = aside->k,
                            .taps = &tap,
                            .n_taps = 1,
                            .k = aside->k,
                            .panel_k = aside->k};
    kernels->gemm_gathered_bf16(m, &a, b, sums, true, b);
}

/* What a chunk of k begins with. */
static size_t first_tap(const atl_bf16_job *job, size_t chunk)
{
    return chunk % (job->n_chunks / job->n_slices) * job->taps_a_chunk;
}

static size_t first_channel(const atl_bf16_job *job, size_t chunk)
{
    return chunk / (job->n_chunks / job->n_slices) * job->slice_k;
}

static const uint16_t *panel_at(const atl_bf16_job *job, size_t panel, size_t chunk)
{
    size_t k = first_tap(job, chunk) * job->patch.k + first_channel(job, chunk);
    return (const uint16_t *)job->product->panels + (panel * job->panel_k + k) * ATL_TILE_COLS;
}

static int strip_rows(const atl_bf16_tile *t, size_t row)
{
    return (int)atl_least(ATL_BF16_TILE_ROWS, t->end_row - row);
}

static void multiply(atl_bf16_tile *t, size_t row, size_t panel, size_t chunk, float *sums, atl_soon soon)
{
    const atl_bf16_job *job = t->job;
    const uint16_t *b = panel_at(job, panel, chunk);
    atl_gathered a = atl_patch_rows(&t->patch, row);
    a.taps += first_tap(job, chunk);
    a.n_taps = atl_least(job->taps_a_chunk, a.n_taps - first_tap(job, chunk));
    a.upper += first_channel(job, chunk);
    a.lower += first_channel(job, chunk);
    a.k = atl_least(job->slice_k, job->patch.k - first_channel(job, chunk));
    if (job->kernels->gemm_finishing_bf16) {
        job->kernels->gemm_finishing_bf16(strip_rows(t, row), &a, b, sums, chunk > 0, soon,
                                          t->waiting ? &t->left : NULL);
        t->waiting = false;
    } else {
        job->kernels->gemm_gathered_bf16(strip_rows(t, row), &a, b, sums, chunk > 0, soon.n ? soon.from : b);
    }
    if (job->product->aside && chunk + 1 == job->n_chunks)
        atl_product_add_aside(job->kernels, job->product->aside, row, strip_rows(t, row), panel, sums);
}

static atl_rows rows_at(const atl_map *map, size_t row, size_t col)
{
    size_t at = (atl_map_row_at(map, row) + col) * atl_dtype_bytes(map->dtype);
    return (atl_rows){.data = (char *)map->data + at, .stride = map->stride, .dtype = map->dtype};
}

/* Rows [row, row + m), all of one picture if that matters. */
static void finish_rows(const atl_bf16_job *job, size_t row, int m, size_t unit, const float *sums)
{
    const atl_product *p = job->product;
    const atl_epilogue *e = p->epilogue;
    size_t col = unit * ATL_TILE_COLS;
    int n = (int)atl_least(ATL_TILE_COLS, (size_t)p->out->c - col);
    atl_rows out = rows_at(p->out, row, col), residual = {0};
    const float *bias = p->bias ? p->bias + col : NULL;
    if (p->geglu) {
        job->kernels->geglu_rows(m, n, sums, sums + TILE, bias, bias ? bias + p->n_out / 2 : NULL, &out);
        return;
    }
    atl_finish finish = job->finish;
    finish.bias = bias;
    if (e && e->per_picture)
        finish.per_picture =
            e->per_picture + row / ((size_t)p->out->h * (size_t)p->out->w) * e->per_picture_stride + col;
    if (e && e->residual)
        residual = rows_at(e->residual, row, col);
    job->kernels->finish_rows(&finish, m, n, sums, e && e->residual ? &residual : NULL, &out);
}

atl_finishing atl_bf16_results(const atl_bf16_job *job, size_t row, size_t unit)
{
    const atl_product *p = job->product;
    const atl_epilogue *e = p->epilogue;
    const size_t col = unit * ATL_TILE_COLS, pixels = (size_t)p->out->h * (size_t)p->out->w;
    const atl_rows out = rows_at(p->out, row, col);
    atl_finishing f = {.out = out.data, .out_stride = out.stride, .dtype = out.dtype};
    f.bias = p->bias ? p->bias + col : NULL;
    if (e && e->per_picture)
        f.per_picture = e->per_picture + row / pixels * e->per_picture_stride + col;
    if (e)
        f.act = e->residual ? e->after : e->before;
    if (e && e->residual) {
        f.residual_stride = e->residual->stride;
        f.residual = rows_at(e->residual, row, col).data;
    }
    return f;
}

/* The sums' results are made while the next are multiplied. */
static void let_wait(atl_bf16_tile *t, size_t row, size_t unit, const float *sums)
{
    t->left = atl_bf16_results(t->job, row, unit);
    t->left.m = strip_rows(t, row);
    t->left.sums = sums;
    if (t->job->moments_wait) {
        const atl_map *out = t->job->product->out;
        t->left.mean = atl_moments_at(out, row, unit * ATL_TILE_COLS);
        t->left.squares = t->left.mean + out->c;
        t->left.before = (int)(row % atl_moments_rows(out));
    }
    t->waiting = true;
}

static void finish_waiting(atl_bf16_tile *t)
{
    const atl_finishing *f = &t->left;
    const atl_rows out = {.data = f->out, .stride = f->out_stride, .dtype = f->dtype};
    const atl_rows residual = {
        .data = (void *)(uintptr_t)f->residual, .stride = f->residual_stride, .dtype = f->dtype};
    atl_finish finish = t->job->finish;
    finish.bias = f->bias;
    finish.per_picture = f->per_picture;
    if (!t->waiting)
        return;
    t->job->kernels->finish_rows(&finish, f->m, ATL_TILE_COLS, f->sums, f->residual ? &residual : NULL, &out);
    if (f->mean)
        t->job->kernels->moments_rows(f->m, ATL_TILE_COLS, &out, f->before, f->mean, f->squares);
    t->waiting = false;
}

static void finish(atl_bf16_tile *t, size_t row, size_t unit, const float *sums)
{
    const atl_bf16_job *job = t->job;
    const atl_epilogue *e = job->product->epilogue;
    size_t pixels = (size_t)job->product->out->h * (size_t)job->product->out->w;
    size_t end = row + (size_t)strip_rows(t, row);
    if (job->may_wait && (!e || !e->per_picture || row / pixels == (end - 1) / pixels)) {
        let_wait(t, row, unit, sums);
        return;
    }
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

/* What is called near while panel `index` of `n` is multiplied by a strip: its share of the next strip's
 * rows, or of what the lines of a rolling patch that follow the first n_filled will be filled with; but with
 * the tile's first strip the next panel, which comes from memory. */
static atl_soon soon_of_strips(const atl_bf16_tile *t, size_t row, size_t panel, size_t index, size_t n,
                               size_t n_filled)
{
    const atl_bf16_job *job = t->job;
    size_t next = row + ATL_BF16_TILE_ROWS, rows = ATL_BF16_TILE_ROWS * job->patch.stride, share;
    if (row == t->first_row && index + 1 < n)
        return (atl_soon){panel_at(job, panel + 1, 0), job->panel_k * ATL_TILE_COLS};
    if (next >= t->end_row && !job->patch.rolling)
        return (atl_soon){0};
    share = atl_round_up(atl_ceil_div(rows, n), ATL_BLOCK_K);
    const uint16_t *upper = job->patch.rolling ? atl_patch_source(&t->patch, n_filled, row)
                                               : atl_patch_rows(&t->patch, next).upper;
    return (atl_soon){upper + index * share,
                      index * share < rows ? atl_least(share, rows - index * share) : 0};
}

/* Strips pass by. */
static void pass_strips(atl_bf16_tile *t)
{
    const atl_bf16_job *job = t->job;
    size_t n_filled = 0, turn = 0, n = t->end_unit - t->first_unit;
    for (size_t row = t->first_row; row < t->end_row; row += ATL_BF16_TILE_ROWS) {
        if (job->patch.rolling)
            while (n_filled < atl_patch_lines_read(&t->patch, row))
                atl_patch_fill(&t->patch, n_filled++);
        for (size_t unit = t->first_unit; unit < t->end_unit; unit++, turn = 1 - turn) {
            float *sums = t->sums + turn * job->panels_a_unit * TILE;
            for (size_t half = 0; half < job->panels_a_unit; half++) {
                size_t panel = half * job->n_units + unit;
                multiply(t, row, panel, 0, sums + half * TILE,
                         soon_of_strips(t, row, panel, unit - t->first_unit, n, n_filled));
            }
            finish(t, row, unit, sums);
        }
    }
}

/* What the strips of (unit, chunk) call near, a part each: the panel's chunk that comes next. */
static const uint16_t *next_panel(const atl_bf16_tile *t, size_t unit, size_t half, size_t chunk,
                                  size_t group_end)
{
    const atl_bf16_job *job = t->job;
    size_t group = unit / job->units_a_group * job->units_a_group, gates = half * job->n_units;
    if (unit + 1 < group_end)
        return panel_at(job, gates + unit + 1, chunk);
    if (chunk + 1 < job->n_chunks)
        return panel_at(job, gates + (group > t->first_unit ? group : t->first_unit), chunk + 1);
    return panel_at(job, gates + (unit + 1 < t->end_unit ? unit + 1 : t->next_unit), 0);
}

/* The part `index` of `n` of a panel's chunk that begins at `from`: a tap's channels after the other's. */
static atl_soon part_of_chunk(const atl_bf16_job *job, const uint16_t *from, size_t index, size_t n)
{
    size_t tap = job->slice_k * ATL_TILE_COLS;
    size_t all = atl_least(job->taps_a_chunk, job->patch.n_taps) * tap;
    size_t share = atl_round_up(atl_ceil_div(all, n), ATL_BLOCK_K), at = index * share;
    if (at >= all)
        return (atl_soon){from, 0};
    return (atl_soon){from + at / tap * job->patch.k * ATL_TILE_COLS + at % tap, share};
}

static void pass_panel(atl_bf16_tile *t, size_t unit, size_t chunk, size_t group_end, float *sums)
{
    const atl_bf16_job *job = t->job;
    size_t n_strips = atl_ceil_div(t->end_row - t->first_row, ATL_BF16_TILE_ROWS), strip = 0;
    for (size_t row = t->first_row; row < t->end_row; row += ATL_BF16_TILE_ROWS, strip++) {
        float *to = sums + (job->n_chunks > 1 ? strip : strip % 2) * job->panels_a_unit * TILE;
        if (t->waiting && t->left.sums == to)
            finish_waiting(t);
        for (size_t half = 0; half < job->panels_a_unit; half++) {
            atl_soon soon = part_of_chunk(job, next_panel(t, unit, half, chunk, group_end), strip, n_strips);
            multiply(t, row, half * job->n_units + unit, chunk, to + half * TILE, soon);
        }
        if (chunk + 1 == job->n_chunks)
            finish(t, row, unit, to);
    }
}

static void pass_panels(atl_bf16_tile *t)
{
    const atl_bf16_job *job = t->job;
    size_t tiles_a_panel =
        job->n_chunks > 1 ? atl_ceil_div(t->end_row - t->first_row, ATL_BF16_TILE_ROWS) * TILE : 0;
    for (size_t group = t->first_unit, end; group < t->end_unit; group = end) {
        end = atl_least((group / job->units_a_group + 1) * job->units_a_group, t->end_unit);
        for (size_t chunk = 0; chunk < job->n_chunks; chunk++)
            for (size_t unit = group; unit < end; unit++)
                pass_panel(t, unit, chunk, end, t->sums + (unit - group) * tiles_a_panel);
    }
}

static void run_tile(void *user, size_t index, int thread)
{
    const atl_bf16_job *job = user;
    const atl_product *product = job->product;
    size_t block = index / job->n_unit_blocks, unit_block = index % job->n_unit_blocks;
    char *scratch = job->scratch + (size_t)thread * job->thread_bytes;
    atl_bf16_tile t = {.job = job, .first_row = job->first_row + block * job->rows_a_block};
    t.end_row = atl_least(t.first_row + job->rows_a_block, job->end_row);
    t.first_unit = unit_block * job->units_a_block;
    t.end_unit = atl_least(t.first_unit + job->units_a_block, job->n_units);
    t.next_unit = (unit_block + job->n_threads) % job->n_unit_blocks * job->units_a_block;
    t.sums = (void *)scratch;
    t.patch = job->whole;
    if (!job->shared) {
        uint16_t *data = (void *)(scratch + job->thread_bytes - job->patch_elements * sizeof *data);
        atl_patch_init(&t.patch, &job->patch, t.first_row, t.end_row - t.first_row, data);
        for (size_t line = 0, n = atl_patch_n_lines(&t.patch); line < n && !job->patch.rolling; line++)
            atl_patch_fill(&t.patch, line);
    }
    job->kernels->bf16_begin();
    if (job->one_tap)
        atl_bf16_tile_of_one_tap(&t);
    else if (job->panels_stay)
        pass_strips(&t);
    else
        pass_panels(&t);
    finish_waiting(&t);
    job->kernels->bf16_end();
    if (job->leaves_moments && !job->moments_wait)
        atl_moments_leave(job->kernels, product->out, t.first_row, t.end_row,
                          (int)(t.first_unit * ATL_TILE_COLS),
                          (int)((t.end_unit - t.first_unit) * ATL_TILE_COLS));
}

static void fill_shared(void *user, size_t index, int thread)
{
    const atl_bf16_job *job = user;
    size_t end = atl_least((index + 1) * FILL_LINES, atl_patch_n_lines(&job->whole));
    (void)thread;
    for (size_t line = index * FILL_LINES; line < end; line++)
        atl_patch_fill(&job->whole, line);
}

/* ---- the product ---- */

void atl_product_run_bf16(const atl_bench *bench, const atl_product *product)
{
    atl_bf16_job job;
    size_t mark = atl_arena_mark(bench->arena), n_threads = (size_t)atl_pool_n_threads(bench->pool);
    atl_bf16_plan(&job, bench, product);
    size_t n_tiles = 2 * job.panels_a_unit;
    if (job.n_chunks > 1)
        n_tiles = job.units_a_group * atl_ceil_div(job.rows_a_block, ATL_BF16_TILE_ROWS);
    const size_t n_rows = job.end_row - job.first_row;
    size_t patch_rows = job.shared ? n_rows : job.rows_a_block;
    size_t patch_bytes = atl_round_up(atl_patch_bytes(&job.patch, patch_rows), ATL_ARENA_ALIGN);
    job.thread_bytes = n_tiles * TILE * sizeof(float);
    uint16_t *shared = NULL;
    if (job.shared) {
        shared = atl_arena_take(bench->arena, patch_bytes);
    } else {
        job.patch_elements = patch_bytes / sizeof(uint16_t);
        job.thread_bytes += patch_bytes;
    }
    job.scratch = atl_arena_take(bench->arena, n_threads * job.thread_bytes);
    if (!bench->arena->measuring) {
        atl_patch_init(&job.whole, &job.patch, job.first_row, n_rows, shared);
        if (job.shared)
            atl_pool_run(bench->pool, atl_ceil_div(atl_patch_n_lines(&job.whole), FILL_LINES), fill_shared,
                         &job);
        atl_pool_run(bench->pool, job.n_blocks * job.n_unit_blocks, run_tile, &job);
        if (job.leaves_moments)
            product->out->moments->n_rows += n_rows;
    }
    atl_arena_release(bench->arena, mark);
}
