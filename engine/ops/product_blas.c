/* product_blas.c - the product by OpenBLAS, for processors on which our own kernels do not beat it.
 *
 * OpenBLAS chooses how it sums by the shapes of a call, so the calls' shapes may depend on the layer and the
 * size of a picture alone: tiles are cut picture by picture, whatever the number of threads. One call
 * multiplies a block of gathered rows by a chunk of k of some panels, which are laid side by side first: a
 * copy of 1 for every BLOCK_ROWS multiplications. */
#include <cblas.h>
#include <string.h>

#include "base/sizes.h"
#include "ops/product_parts.h"

#define BLOCK_ROWS  192
#define BLOCK_UNITS 8

typedef struct blas_job {
    atl_product_plan plan;
    size_t picture_rows, n_row_blocks, n_unit_blocks, units_a_block, cols;
    size_t rows_floats, panels_floats, thread_floats;
    float *scratch;
} blas_job;

/* gathered[n_rows][n_k], from row `first` of all. */
static void gather(const atl_product_plan *plan, size_t first, size_t n_rows, size_t k_begin, size_t n_k,
                   float *gathered)
{
    for (size_t i = 0; i < n_rows; i++) {
        atl_pixel pixel = atl_product_pixel(plan->product, first + i);
        for (size_t k = 0; k < n_k;) {
            atl_segment segment = atl_product_segment(plan, k_begin + k);
            size_t n = atl_least(segment.left, n_k - k);
            const float *from = atl_product_source(plan, segment.map, segment.tap, pixel) + segment.channel;
            memcpy(gathered + i * n_k + k, from, n * sizeof *from);
            k += n;
        }
    }
}

/* 32 weights as f32, from that element on. */
static void lay_row(const atl_product_plan *plan, size_t element, float *to)
{
    if (plan->product->dtype == ATL_F16)
        plan->kernels->f16_to_f32(ATL_TILE_COLS, (const uint16_t *)plan->product->panels + element, to);
    else
        memcpy(to, (const float *)plan->product->panels + element, ATL_TILE_COLS * sizeof *to);
}

/* side_by_side[n_k][cols] from units [first, first + n); gates behind all values. */
static void lay_panels(const blas_job *job, size_t first, size_t n, size_t k_begin, size_t n_k,
                       float *side_by_side)
{
    const atl_product_plan *plan = &job->plan;
    for (size_t u = 0; u < n; u++)
        for (size_t half = 0; half < plan->panels_a_unit; half++) {
            size_t panel = first + u + half * plan->n_units;
            const size_t first_k = (panel * plan->k + k_begin) * ATL_TILE_COLS;
            float *to = side_by_side + (half * n + u) * ATL_TILE_COLS;
            for (size_t k = 0; k < n_k; k++)
                lay_row(plan, first_k + k * ATL_TILE_COLS, to + k * job->cols);
        }
}

static void run_tile(void *user, size_t index, int thread)
{
    const blas_job *job = user;
    const atl_product_plan *plan = &job->plan;
    size_t unit_block = index % job->n_unit_blocks, row_block = index / job->n_unit_blocks;
    size_t in_picture = row_block % job->n_row_blocks * BLOCK_ROWS;
    size_t first_row = row_block / job->n_row_blocks * job->picture_rows + in_picture;
    size_t n_rows = atl_least(BLOCK_ROWS, job->picture_rows - in_picture);
    size_t first_unit = unit_block * job->units_a_block;
    size_t n_units = atl_least(job->units_a_block, plan->n_units - first_unit);
    float *gathered = job->scratch + (size_t)thread * job->thread_floats;
    float *panels = gathered + job->rows_floats, *sums = panels + job->panels_floats;

    for (size_t k = 0; k < plan->k; k += plan->chunk_k) {
        size_t n_k = atl_least(plan->chunk_k, plan->k - k);
        gather(plan, first_row, n_rows, k, n_k, gathered);
        lay_panels(job, first_unit, n_units, k, n_k, panels);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n_rows,
                    (int)(n_units * plan->panels_a_unit * ATL_TILE_COLS), (int)n_k, 1.0f, gathered, (int)n_k,
                    panels, (int)job->cols, k > 0 ? 1.0f : 0.0f, sums, (int)job->cols);
    }
    for (size_t i = 0; i < n_rows; i++)
        atl_product_finish(plan, first_row + i, first_unit, n_units, sums + i * job->cols);
}

void atl_product_run_blas(const atl_bench *bench, const atl_product *product)
{
    blas_job job = {.picture_rows = (size_t)product->out->h * (size_t)product->out->w};
    atl_product_plan_init(&job.plan, bench, product);
    job.n_row_blocks = (job.picture_rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
    job.units_a_block = atl_least(BLOCK_UNITS / job.plan.panels_a_unit, job.plan.n_units);
    job.n_unit_blocks = (job.plan.n_units + job.units_a_block - 1) / job.units_a_block;
    job.cols = job.units_a_block * job.plan.panels_a_unit * ATL_TILE_COLS;
    size_t n_rows = atl_least(BLOCK_ROWS, job.picture_rows);
    job.rows_floats = atl_round_up(n_rows * job.plan.chunk_k, 16);
    job.panels_floats = job.plan.chunk_k * job.cols;
    job.thread_floats = job.rows_floats + job.panels_floats + n_rows * job.cols;

    size_t mark = atl_arena_mark(bench->arena), n_threads = (size_t)atl_pool_n_threads(bench->pool);
    float *zeros = atl_arena_take(bench->arena, job.plan.n_zeros * sizeof *zeros);
    job.scratch = atl_arena_take(bench->arena, n_threads * job.thread_floats * sizeof *job.scratch);
    if (!bench->arena->measuring) {
        memset(zeros, 0, job.plan.n_zeros * sizeof *zeros);
        job.plan.zeros = zeros;
        size_t n_tiles = (size_t)product->out->n * job.n_row_blocks * job.n_unit_blocks;
        atl_pool_run(bench->pool, n_tiles, run_tile, &job);
    }
    atl_arena_release(bench->arena, mark);
}
