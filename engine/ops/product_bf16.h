/* product_bf16.h - how a product in bf16 is cut (private to ops/): what product_bf16_plan.c decides and
 * product_bf16.c does. */
#ifndef ATL_OPS_PRODUCT_BF16_H
#define ATL_OPS_PRODUCT_BF16_H

#include "ops/patch.h"
#include "ops/product_parts.h"

typedef struct atl_bf16_job {
    atl_patch_plan patch;
    const atl_product *product;
    const atl_kernels *kernels;
    size_t first_row, end_row; /* what of the patch's rows is made */
    size_t panel_k, panels_a_unit, n_units;
    size_t slice_k, n_slices, taps_a_chunk, n_chunks; /* chunks: of the first slice, then of the second… */
    size_t n_threads, rows_a_block, n_blocks, units_a_block, n_unit_blocks;
    size_t units_a_group; /* whose sums wait together */
    bool panels_stay;
    bool shared; /* one patch for all tiles; else each makes its own */
    atl_patch whole;
    atl_finish finish;
    bool may_wait;       /* finished sums of whole panels are what gemm_finishing_bf16 can finish */
    bool one_tap;        /* whole panels by rows that are read once: gemm_run_bf16 does them */
    bool leaves_moments; /* of out; pieces lie within blocks */
    bool moments_wait;   /* and are what gemm_finishing_bf16 leaves, too */
    size_t patch_elements, thread_bytes;
    char *scratch;
} atl_bf16_job;

/* A tile of the pool: a block of rows × a block of units. */
typedef struct atl_bf16_tile {
    const atl_bf16_job *job;
    atl_patch patch;
    size_t first_row, end_row, first_unit, end_unit;
    size_t next_unit; /* of the tile that this thread is likely to take next */
    float *sums;      /* [units_a_group][strips][32][32]; or two sets in turn of a tile, for geglu two */

    bool waiting;       /* sums whose results are made while the next are multiplied; never geglu's */
    atl_finishing left; /* what becomes of them */
} atl_bf16_tile;

/* What becomes of the sums of rows from `row` on, all of one picture if that matters, and a unit's columns:
 * all but m, the sums, and what geglu has of gates. */
atl_finishing atl_bf16_results(const atl_bf16_job *job, size_t row, size_t unit);

/* All of a job's tile of one tap, between bf16_begin and bf16_end. */
void atl_bf16_tile_of_one_tap(const atl_bf16_tile *t);

/* All but the memory, which is the caller's: whole, patch_elements, thread_bytes and scratch. */
void atl_bf16_plan(atl_bf16_job *job, const atl_bench *bench, const atl_product *product);

#endif
