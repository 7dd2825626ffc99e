/* product_bf16.c - the product in bf16; see product.h.
 *
 * Rows are multiplied in the form that patch.h gives them, 32 × 32 sums at a time, each over the whole of k
 * or over as many taps as let a panel's part stay in L2; finished sums leave L1 only as results, which are
 * made while the next sums are multiplied where the kernels can do both at once. A tile of
 * the pool is a block of rows × a block of panels. Within it, either strips of 32 rows pass by panels that
 * stay in L2, or, where the panels are too large for that, panels pass by a patch that does.
 *
 * Each sum runs over k upwards in steps of 32 (of wide 3 × 3 convolutions slice by slice of the channels),
 * whatever the blocks and whoever else is computed: how the work is cut leaves no trace in the result. */
#include <string.h>

#include "base/sizes.h"
#include "ops/panels.h"
#include "ops/patch.h"
#include "ops/product_parts.h"

#define TILE (ATL_BF16_TILE_ROWS * ATL_TILE_COLS)

/* What stays in an L2 cache of 2 MB while the rest passes by. */
#define RESIDENT_PANEL_BYTES ((size_t)1 << 20)
#define RESIDENT_PATCH_BYTES ((size_t)1 << 20)
#define RESIDENT_ROWS_BYTES  ((size_t)11 << 17) /* of a map that is multiplied in place */
/* Beside a patch that rolls, which is small, panels may be more. */
#define ROLLING_PANEL_BYTES ((size_t)5 << 18)
/* A panel's part that passes by, while the next one is called near. */
#define PASSING_K 4096
/* Sums of several chunks of k wait here. */
#define WAITING_TILES 64
/* Of wide convolutions: channels are taken in slices, so that the slice of a patch of many rows stays. */
#define MAX_SLICE_K          320
#define WIDE_K               640 /* channels from which on there are slices */
#define SLICED_WAITING_TILES 128
#define MIN_SLICED_ROWS      512

#define MAX_BLOCK_ROWS 1024
#define MIN_BLOCK_ROWS 256
/* Of blocks whose patch rolls: two lines more are filled for each. */
#define MAX_ROLLING_ROWS 16384
/* Fewer tiles than this would leave threads idle at the end. */
#define TILES_A_THREAD 6
/* Of so few rows, all of which stay in L2, memory's pace is the limit: panels pass by once, called near one
 * ahead, and a tile has as many of them as can be, as nobody calls its first one. */
#define FEW_ROWS          256
#define TILES_OF_FEW_ROWS 2
#define FILL_LINES        16 /* of a shared patch, at a time */

typedef struct bf16_job {
    atl_patch_plan patch;
    const atl_product *product;
    const atl_kernels *kernels;
    size_t panel_k, panels_a_unit, n_units;
    size_t slice_k, n_slices, taps_a_chunk, n_chunks; /* chunks: of the first slice, then of the second… */
    size_t n_threads, rows_a_block, n_blocks, units_a_block, n_unit_blocks;
    size_t units_a_group; /* whose sums wait together */
    bool panels_stay;
    bool shared; /* one patch for all tiles; else each makes its own */
    atl_patch whole;
    atl_finish finish;
    bool may_wait; /* finished sums of whole panels are what gemm_finishing_bf16 can finish */
    size_t patch_elements, thread_bytes;
    char *scratch;
} bf16_job;

typedef struct bf16_tile {
    const bf16_job *job;
    atl_patch patch;
    size_t first_row, end_row, first_unit, end_unit;
    size_t next_unit; /* of the tile that this thread is likely to take next */
    float *sums;      /* [units_a_group][strips][32][32]; or two sets in turn of a tile, for geglu two */

    bool waiting;        /* sums whose results are made while the next are multiplied */
    atl_finishing left;  /* what of them is not finished yet */
    size_t n_multiplies; /* until they must be */
} bf16_tile;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* ---- one tile of sums ---- */

/* What a chunk of k begins with. */
static size_t first_tap(const bf16_job *job, size_t chunk)
{
    return chunk % (job->n_chunks / job->n_slices) * job->taps_a_chunk;
}

static size_t first_channel(const bf16_job *job, size_t chunk)
{
    return chunk / (job->n_chunks / job->n_slices) * job->slice_k;
}

static const uint16_t *panel_at(const bf16_job *job, size_t panel, size_t chunk)
{
    size_t k = first_tap(job, chunk) * job->patch.k + first_channel(job, chunk);
    return (const uint16_t *)job->product->panels + (panel * job->panel_k + k) * ATL_TILE_COLS;
}

static int strip_rows(const bf16_tile *t, size_t row)
{
    return (int)least(ATL_BF16_TILE_ROWS, t->end_row - row);
}

/* A share of the rows that wait, for the next of `n_multiplies`. */
static atl_finishing take_waiting(bf16_tile *t)
{
    atl_finishing all = t->left, part = all;
    part.m = (int)ceil_div((size_t)all.m, t->n_multiplies--);
    size_t n = (size_t)part.m;
    t->left.m -= part.m;
    t->left.sums += n * ATL_TILE_COLS;
    t->left.gates += all.gates ? n * ATL_TILE_COLS : 0;
    t->left.residual += all.residual ? n * all.residual_stride : 0;
    t->left.out += n * all.out_stride;
    t->waiting = t->n_multiplies > 0;
    return part;
}

static void multiply(bf16_tile *t, size_t row, size_t panel, size_t chunk, float *sums, atl_soon soon)
{
    const bf16_job *job = t->job;
    const uint16_t *b = panel_at(job, panel, chunk);
    atl_gathered a = atl_patch_rows(&t->patch, row);
    a.taps += first_tap(job, chunk);
    a.n_taps = least(job->taps_a_chunk, a.n_taps - first_tap(job, chunk));
    a.upper += first_channel(job, chunk);
    a.lower += first_channel(job, chunk);
    a.k = least(job->slice_k, job->patch.k - first_channel(job, chunk));
    if (job->kernels->gemm_finishing_bf16) {
        atl_finishing part = t->waiting ? take_waiting(t) : (atl_finishing){0};
        job->kernels->gemm_finishing_bf16(strip_rows(t, row), &a, b, sums, chunk > 0, soon,
                                          part.m > 0 ? &part : NULL);
    } else {
        job->kernels->gemm_gathered_bf16(strip_rows(t, row), &a, b, sums, chunk > 0, soon.n ? soon.from : b);
    }
}

static atl_rows rows_at(const atl_map *map, size_t row, size_t col)
{
    size_t at = (row * map->stride + col) * atl_dtype_bytes(map->dtype);
    return (atl_rows){.data = (char *)map->data + at, .stride = map->stride, .dtype = map->dtype};
}

/* Rows [row, row + m), all of one picture if that matters. */
static void finish_rows(const bf16_job *job, size_t row, int m, size_t unit, const float *sums)
{
    const atl_product *p = job->product;
    const atl_epilogue *e = p->epilogue;
    size_t col = unit * ATL_TILE_COLS;
    int n = (int)least(ATL_TILE_COLS, (size_t)p->out->c - col);
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

static bool may_wait(const atl_product *p)
{
    const atl_epilogue *e = p->epilogue;
    if (p->out->dtype != ATL_BF16 || p->out->c % ATL_TILE_COLS != 0)
        return false;
    return !e || (e->before == ATL_ACT_NONE && e->after == ATL_ACT_NONE &&
                  (e->scale == 0.0f || e->scale == 1.0f) && (!e->residual || e->residual->dtype == ATL_BF16));
}

/* The sums' results are made while the next are multiplied. */
static void let_wait(bf16_tile *t, size_t row, size_t unit, const float *sums)
{
    const bf16_job *job = t->job;
    const atl_product *p = job->product;
    const atl_epilogue *e = p->epilogue;
    const size_t col = unit * ATL_TILE_COLS, pixels = (size_t)p->out->h * (size_t)p->out->w;
    atl_finishing *f = &t->left;
    *f = (atl_finishing){.m = strip_rows(t, row), .sums = sums, .out_stride = p->out->stride};
    f->out = (uint16_t *)p->out->data + row * p->out->stride + col;
    f->bias = p->bias ? p->bias + col : NULL;
    if (p->geglu) {
        f->gates = sums + TILE;
        f->gate_bias = f->bias ? f->bias + p->n_out / 2 : NULL;
    }
    if (e && e->per_picture)
        f->per_picture = e->per_picture + row / pixels * e->per_picture_stride + col;
    if (e && e->residual) {
        f->residual_stride = e->residual->stride;
        f->residual = (const uint16_t *)e->residual->data + row * f->residual_stride + col;
    }
    t->waiting = true;
    t->n_multiplies = job->panels_a_unit;
}

static void finish_waiting(bf16_tile *t)
{
    const atl_finishing *f = &t->left;
    const atl_kernels *kernels = t->job->kernels;
    const atl_rows out = {.data = f->out, .stride = f->out_stride, .dtype = ATL_BF16};
    const atl_rows residual = {
        .data = (void *)(uintptr_t)f->residual, .stride = f->residual_stride, .dtype = ATL_BF16};
    atl_finish finish = {.bias = f->bias, .per_picture = f->per_picture, .scale = 1.0f};
    if (!t->waiting)
        return;
    if (f->gates)
        kernels->geglu_rows(f->m, ATL_TILE_COLS, f->sums, f->gates, f->bias, f->gate_bias, &out);
    else
        kernels->finish_rows(&finish, f->m, ATL_TILE_COLS, f->sums, f->residual ? &residual : NULL, &out);
    t->waiting = false;
}

static void finish(bf16_tile *t, size_t row, size_t unit, const float *sums)
{
    const bf16_job *job = t->job;
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
            n = least(n, pixels - row % pixels);
        finish_rows(job, row, (int)n, unit, sums);
        row += n;
        sums += n * ATL_TILE_COLS;
    }
}

/* ---- a tile of the pool ---- */

/* What is called near while panel `index` of `n` is multiplied by a strip: its share of the next strip's
 * rows, or of what the lines of a rolling patch that follow the first n_filled will be filled with; but with
 * the tile's first strip the next panel, which comes from memory. */
static atl_soon soon_of_strips(const bf16_tile *t, size_t row, size_t panel, size_t index, size_t n,
                               size_t n_filled)
{
    const bf16_job *job = t->job;
    size_t next = row + ATL_BF16_TILE_ROWS, rows = ATL_BF16_TILE_ROWS * job->patch.stride, share;
    if (row == t->first_row && index + 1 < n)
        return (atl_soon){panel_at(job, panel + 1, 0), job->panel_k * ATL_TILE_COLS};
    if (next >= t->end_row && !job->patch.rolling)
        return (atl_soon){0};
    share = atl_round_up(ceil_div(rows, n), ATL_BLOCK_K);
    const uint16_t *upper = job->patch.rolling ? atl_patch_source(&t->patch, n_filled, row)
                                               : atl_patch_rows(&t->patch, next).upper;
    return (atl_soon){upper + index * share, index * share < rows ? least(share, rows - index * share) : 0};
}

/* Strips pass by. */
static void pass_strips(bf16_tile *t)
{
    const bf16_job *job = t->job;
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
static const uint16_t *next_panel(const bf16_tile *t, size_t unit, size_t half, size_t chunk,
                                  size_t group_end)
{
    const bf16_job *job = t->job;
    size_t group = unit / job->units_a_group * job->units_a_group, gates = half * job->n_units;
    if (unit + 1 < group_end)
        return panel_at(job, gates + unit + 1, chunk);
    if (chunk + 1 < job->n_chunks)
        return panel_at(job, gates + (group > t->first_unit ? group : t->first_unit), chunk + 1);
    return panel_at(job, gates + (unit + 1 < t->end_unit ? unit + 1 : t->next_unit), 0);
}

/* The part `index` of `n` of a panel's chunk that begins at `from`: a tap's channels after the other's. */
static atl_soon part_of_chunk(const bf16_job *job, const uint16_t *from, size_t index, size_t n)
{
    size_t tap = job->slice_k * ATL_TILE_COLS;
    size_t all = least(job->taps_a_chunk, job->patch.n_taps) * tap;
    size_t share = atl_round_up(ceil_div(all, n), ATL_BLOCK_K), at = index * share;
    if (at >= all)
        return (atl_soon){from, 0};
    return (atl_soon){from + at / tap * job->patch.k * ATL_TILE_COLS + at % tap, share};
}

static void pass_panel(bf16_tile *t, size_t unit, size_t chunk, size_t group_end, float *sums)
{
    const bf16_job *job = t->job;
    size_t n_strips = ceil_div(t->end_row - t->first_row, ATL_BF16_TILE_ROWS), strip = 0;
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

static void pass_panels(bf16_tile *t)
{
    const bf16_job *job = t->job;
    size_t tiles_a_panel =
        job->n_chunks > 1 ? ceil_div(t->end_row - t->first_row, ATL_BF16_TILE_ROWS) * TILE : 0;
    for (size_t group = t->first_unit, end; group < t->end_unit; group = end) {
        end = least((group / job->units_a_group + 1) * job->units_a_group, t->end_unit);
        for (size_t chunk = 0; chunk < job->n_chunks; chunk++)
            for (size_t unit = group; unit < end; unit++)
                pass_panel(t, unit, chunk, end, t->sums + (unit - group) * tiles_a_panel);
    }
}

static void run_tile(void *user, size_t index, int thread)
{
    const bf16_job *job = user;
    size_t block = index / job->n_unit_blocks, unit_block = index % job->n_unit_blocks;
    char *scratch = job->scratch + (size_t)thread * job->thread_bytes;
    bf16_tile t = {.job = job, .first_row = block * job->rows_a_block};
    t.end_row = least(t.first_row + job->rows_a_block, job->patch.n_rows);
    t.first_unit = unit_block * job->units_a_block;
    t.end_unit = least(t.first_unit + job->units_a_block, job->n_units);
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
    if (job->panels_stay)
        pass_strips(&t);
    else
        pass_panels(&t);
    finish_waiting(&t);
    job->kernels->bf16_end();
}

static void fill_shared(void *user, size_t index, int thread)
{
    const bf16_job *job = user;
    size_t end = least((index + 1) * FILL_LINES, atl_patch_n_lines(&job->whole));
    (void)thread;
    for (size_t line = index * FILL_LINES; line < end; line++)
        atl_patch_fill(&job->whole, line);
}

/* ---- planning ---- */

static void plan_chunks(bf16_job *job)
{
    size_t n_taps = job->patch.n_taps, k = job->patch.k;
    job->n_slices = n_taps > 1 && k >= WIDE_K ? ceil_div(k, MAX_SLICE_K) : 1;
    job->slice_k = atl_round_up(ceil_div(k, job->n_slices), ATL_BLOCK_K);
    job->taps_a_chunk = n_taps;
    while (job->taps_a_chunk > 1 && job->taps_a_chunk * job->slice_k > PASSING_K)
        job->taps_a_chunk /= 3;
    job->n_chunks = job->n_slices * ceil_div(n_taps, job->taps_a_chunk);
}

/* Blocks as large as the cache likes, smaller where that leaves too few tiles for the threads. */
static void plan_blocks(bf16_job *job, size_t n_threads)
{
    const atl_patch_plan *patch = &job->patch;
    size_t grain = patch->grain, n_grains = ceil_div(patch->n_rows, grain);
    size_t unit_bytes = job->panels_a_unit * job->panel_k * ATL_TILE_COLS * sizeof(uint16_t);
    size_t max_rows = MAX_BLOCK_ROWS, max_units = job->n_units, min_tiles = TILES_A_THREAD * n_threads;
    bool few_rows = patch->n_taps == 1 && patch->n_rows <= FEW_ROWS && job->panels_a_unit == 1 &&
                    unit_bytes * job->n_units > RESIDENT_PANEL_BYTES;
    if (few_rows)
        min_tiles = TILES_OF_FEW_ROWS * n_threads;
    size_t resident = atl_patch_can_roll(patch) ? ROLLING_PANEL_BYTES : RESIDENT_PANEL_BYTES;
    bool in_place = patch->form == ATL_PATCH_IN_PLACE;
    size_t rows_that_stay = RESIDENT_ROWS_BYTES / (patch->k * sizeof(uint16_t)) / grain * grain;
    bool rows_stay = in_place && rows_that_stay >= MIN_BLOCK_ROWS &&
                     patch->n_rows * patch->k * sizeof(uint16_t) < unit_bytes * job->n_units;
    bool units_first = rows_stay && patch->n_rows <= rows_that_stay;
    size_t min_rows = MIN_BLOCK_ROWS;
    job->n_threads = n_threads;
    job->panels_stay =
        !few_rows && !rows_stay && (patch->n_taps == 1 || unit_bytes * job->n_units <= resident);
    if (rows_stay)
        max_rows = least(max_rows, rows_that_stay);
    if (job->panels_stay)
        max_units = unit_bytes < resident ? resident / unit_bytes : 1;
    else
        plan_chunks(job);
    if (job->n_slices > 1)
        min_rows = MIN_SLICED_ROWS;
    bool may_roll = job->panels_stay && job->n_units <= max_units && atl_patch_can_roll(patch);
    if (may_roll)
        max_rows = MAX_ROLLING_ROWS;
    while (!may_roll && max_rows > grain && max_rows > ATL_BF16_TILE_ROWS &&
           patch->form != ATL_PATCH_IN_PLACE &&
           atl_patch_bytes(patch, max_rows) / job->n_slices > RESIDENT_PATCH_BYTES)
        max_rows /= 2;
    size_t max_grains = max_rows > grain ? max_rows / grain : 1;
    job->n_blocks = ceil_div(n_grains, max_grains);
    job->n_unit_blocks = ceil_div(job->n_units, max_units);
    while (n_threads > 1 && !units_first && job->n_blocks < n_grains &&
           job->n_blocks * job->n_unit_blocks < min_tiles && patch->n_rows / job->n_blocks > min_rows)
        job->n_blocks++;
    while (n_threads > 1 && job->n_unit_blocks < job->n_units &&
           job->n_blocks * job->n_unit_blocks < min_tiles)
        job->n_unit_blocks++;
    job->rows_a_block = ceil_div(n_grains, job->n_blocks) * grain;
    job->n_blocks = ceil_div(patch->n_rows, job->rows_a_block);
    job->units_a_block = ceil_div(job->n_units, job->n_unit_blocks);
    job->n_unit_blocks = ceil_div(job->n_units, job->units_a_block);
    job->shared = job->n_unit_blocks > 1 || patch->form == ATL_PATCH_IN_PLACE;
    job->patch.rolling = may_roll && !job->shared;
    size_t strips = ceil_div(job->rows_a_block, ATL_BF16_TILE_ROWS);
    size_t waiting = job->n_slices > 1 ? SLICED_WAITING_TILES : WAITING_TILES;
    job->units_a_group = job->n_chunks > 1 && strips < waiting ? waiting / strips : 1;
}

static void plan(bf16_job *job, const atl_bench *bench, const atl_product *product)
{
    const atl_epilogue *e = product->epilogue;
    *job = (bf16_job){.product = product, .kernels = bench->kernels};
    atl_patch_plan_init(&job->patch, product, bench->kernels);
    job->panel_k = job->patch.n_taps * job->patch.k;
    job->panels_a_unit = product->geglu ? 2 : 1;
    job->n_units = ceil_div((size_t)product->n_out, ATL_TILE_COLS * job->panels_a_unit);
    job->taps_a_chunk = job->patch.n_taps;
    job->slice_k = job->patch.k;
    job->n_slices = job->n_chunks = 1;
    job->finish = (atl_finish){.scale = 1.0f};
    if (e) {
        job->finish.before = e->before;
        job->finish.after = e->after;
        job->finish.scale = e->scale != 0.0f ? e->scale : 1.0f;
    }
    job->may_wait = bench->kernels->gemm_finishing_bf16 && may_wait(product);
    plan_blocks(job, (size_t)atl_pool_n_threads(bench->pool));
}

void atl_product_run_bf16(const atl_bench *bench, const atl_product *product)
{
    bf16_job job;
    size_t mark = atl_arena_mark(bench->arena), n_threads = (size_t)atl_pool_n_threads(bench->pool);
    plan(&job, bench, product);
    size_t n_tiles = 2 * job.panels_a_unit;
    if (job.n_chunks > 1)
        n_tiles = job.units_a_group * ceil_div(job.rows_a_block, ATL_BF16_TILE_ROWS);
    size_t patch_rows = job.shared ? job.patch.n_rows : job.rows_a_block;
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
        atl_patch_init(&job.whole, &job.patch, 0, job.patch.n_rows, shared);
        if (job.shared)
            atl_pool_run(bench->pool, ceil_div(atl_patch_n_lines(&job.whole), FILL_LINES), fill_shared, &job);
        atl_pool_run(bench->pool, job.n_blocks * job.n_unit_blocks, run_tile, &job);
    }
    atl_arena_release(bench->arena, mark);
}
