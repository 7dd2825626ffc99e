/* product_bf16_plan.c - how a product in bf16 is cut into blocks of rows, of panels and of k; see
 * product_bf16.h and product_bf16.c.
 *
 * What decides is what stays in a core's L2 while the rest passes by. Where k is cut depends on the layer's
 * shape alone, as the order of a sum does. */
#include "base/sizes.h"
#include "ops/moments.h"
#include "ops/panels.h"
#include "ops/product_bf16.h"

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

/* What atl_finishing can say. */
static bool may_wait(const atl_product *p)
{
    const atl_epilogue *e = p->epilogue;
    const atl_map *residual = e ? e->residual : NULL;
    if (p->out->c % ATL_TILE_COLS != 0 || (e && e->scale != 0.0f && e->scale != 1.0f))
        return false;
    if (p->out->dtype == ATL_F32)
        return residual && residual->dtype == ATL_F32 && e->before == ATL_ACT_NONE &&
               e->after == ATL_ACT_NONE;
    if (!e)
        return true;
    if (residual)
        return residual->dtype == ATL_BF16 && e->before == ATL_ACT_NONE &&
               (e->after == ATL_ACT_NONE || e->after == ATL_ACT_RELU);
    return e->after == ATL_ACT_NONE &&
           (e->before == ATL_ACT_NONE || e->before == ATL_ACT_RELU || e->before == ATL_ACT_QUICK_GELU);
}

static bool activates(const atl_epilogue *e)
{
    return e && (e->before != ATL_ACT_NONE || e->after != ATL_ACT_NONE);
}

/* Whether moments of the result can be left: of whole pieces, each made within one block. */
static bool leaves_moments(const atl_bf16_job *job)
{
    const atl_map *out = job->product->out;
    const size_t piece = atl_moments_rows(out);
    return out->moments && out->dtype == ATL_BF16 && out->c % ATL_TILE_COLS == 0 &&
           (size_t)out->h * (size_t)out->w % piece == 0 && job->first_row % piece == 0 &&
           job->end_row % piece == 0;
}

/* Blocks are multiples of it. */
static size_t grain_of(const atl_bf16_job *job)
{
    const size_t grain = job->patch.grain, piece = atl_moments_rows(job->product->out);
    size_t whole = grain;
    while (job->leaves_moments && whole % piece != 0)
        whole += grain;
    return whole;
}

static void plan_chunks(atl_bf16_job *job)
{
    size_t n_taps = job->patch.n_taps, k = job->patch.k;
    job->n_slices = n_taps > 1 && k >= WIDE_K ? atl_ceil_div(k, MAX_SLICE_K) : 1;
    job->slice_k = atl_round_up(atl_ceil_div(k, job->n_slices), ATL_BLOCK_K);
    job->taps_a_chunk = n_taps;
    while (job->taps_a_chunk > 1 && job->taps_a_chunk * job->slice_k > PASSING_K)
        job->taps_a_chunk /= 3;
    job->n_chunks = job->n_slices * atl_ceil_div(n_taps, job->taps_a_chunk);
}

/* Blocks as large as the cache likes, smaller where that leaves too few tiles for the threads. */
static void plan_blocks(atl_bf16_job *job, size_t n_threads)
{
    const atl_patch_plan *patch = &job->patch;
    const size_t n_rows = job->end_row - job->first_row;
    size_t grain = grain_of(job), n_grains = atl_ceil_div(n_rows, grain);
    size_t unit_bytes = job->panels_a_unit * job->panel_k * ATL_TILE_COLS * sizeof(uint16_t);
    size_t max_rows = MAX_BLOCK_ROWS, max_units = job->n_units, min_tiles = TILES_A_THREAD * n_threads;
    const bool gap = job->product->out->gap > 0; /* then strips are what is in one line */
    bool few_rows = patch->n_taps == 1 && n_rows <= FEW_ROWS && job->panels_a_unit == 1 && !gap &&
                    unit_bytes * job->n_units > RESIDENT_PANEL_BYTES;
    if (few_rows)
        min_tiles = TILES_OF_FEW_ROWS * n_threads;
    size_t resident = atl_patch_can_roll(patch) ? ROLLING_PANEL_BYTES : RESIDENT_PANEL_BYTES;
    bool in_place = patch->form == ATL_PATCH_IN_PLACE && !gap;
    size_t rows_that_stay = RESIDENT_ROWS_BYTES / (patch->k * sizeof(uint16_t)) / grain * grain;
    bool rows_stay = in_place && rows_that_stay >= MIN_BLOCK_ROWS &&
                     n_rows * patch->k * sizeof(uint16_t) < unit_bytes * job->n_units;
    bool units_first = rows_stay && n_rows <= rows_that_stay;
    size_t min_rows = MIN_BLOCK_ROWS;
    job->n_threads = n_threads;
    job->panels_stay =
        !few_rows && !rows_stay && (patch->n_taps == 1 || unit_bytes * job->n_units <= resident);
    if (rows_stay)
        max_rows = atl_least(max_rows, rows_that_stay);
    if (job->panels_stay)
        max_units = unit_bytes < resident ? resident / unit_bytes : 1;
    else
        plan_chunks(job);
    if (job->n_slices > 1)
        min_rows = MIN_SLICED_ROWS;
    bool may_roll = job->panels_stay && job->n_units <= max_units && atl_patch_can_roll(patch);
    if (may_roll)
        max_rows = MAX_ROLLING_ROWS;
    if (may_roll && n_rows < patch->n_rows) /* whoever runs lines cuts them himself */
        min_tiles = n_threads;
    while (!may_roll && max_rows > grain && max_rows > ATL_BF16_TILE_ROWS &&
           patch->form != ATL_PATCH_IN_PLACE &&
           atl_patch_bytes(patch, max_rows) / job->n_slices > RESIDENT_PATCH_BYTES)
        max_rows /= 2;
    size_t max_grains = max_rows > grain ? max_rows / grain : 1;
    job->n_blocks = atl_ceil_div(n_grains, max_grains);
    job->n_unit_blocks = atl_ceil_div(job->n_units, max_units);
    while (n_threads > 1 && !units_first && job->n_blocks < n_grains &&
           job->n_blocks * job->n_unit_blocks < min_tiles && n_rows / job->n_blocks > min_rows)
        job->n_blocks++;
    while (n_threads > 1 && job->n_unit_blocks < job->n_units &&
           job->n_blocks * job->n_unit_blocks < min_tiles)
        job->n_unit_blocks++;
    job->rows_a_block = atl_ceil_div(n_grains, job->n_blocks) * grain;
    job->n_blocks = atl_ceil_div(n_rows, job->rows_a_block);
    job->units_a_block = atl_ceil_div(job->n_units, job->n_unit_blocks);
    job->n_unit_blocks = atl_ceil_div(job->n_units, job->units_a_block);
    job->shared = job->n_unit_blocks > 1 || patch->form == ATL_PATCH_IN_PLACE;
    job->patch.rolling = may_roll && !job->shared;
    size_t strips = atl_ceil_div(job->rows_a_block, ATL_BF16_TILE_ROWS);
    size_t waiting = job->n_slices > 1 ? SLICED_WAITING_TILES : WAITING_TILES;
    job->units_a_group = job->n_chunks > 1 && strips < waiting ? waiting / strips : 1;
}

void atl_bf16_plan(atl_bf16_job *job, const atl_bench *bench, const atl_product *product)
{
    const atl_epilogue *e = product->epilogue;
    *job = (atl_bf16_job){.product = product, .kernels = bench->kernels};
    atl_patch_plan_init(&job->patch, product, bench->kernels);
    job->end_row = job->patch.n_rows;
    if (product->lines.n > 0) {
        job->first_row = (size_t)product->lines.first * (size_t)product->out->w;
        job->end_row = job->first_row + (size_t)product->lines.n * (size_t)product->out->w;
    }
    job->panel_k = job->patch.n_taps * job->patch.k;
    job->panels_a_unit = product->geglu ? 2 : 1;
    job->n_units = atl_ceil_div((size_t)product->n_out, ATL_TILE_COLS * job->panels_a_unit);
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
    job->one_tap =
        job->may_wait && bench->kernels->gemm_run_bf16 && job->patch.n_taps == 1 && (!e || !e->per_picture);
    job->leaves_moments = leaves_moments(job);
    job->moments_wait = job->leaves_moments && job->may_wait && !job->one_tap && !activates(e);
    plan_blocks(job, (size_t)atl_pool_n_threads(bench->pool));
}
