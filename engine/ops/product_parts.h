/* product_parts.h - what product.c and product_blas.c share: the plan, the gather, the finish; and the doors
 * to those that product.c hands a product on to. */
#ifndef ATL_OPS_PRODUCT_PARTS_H
#define ATL_OPS_PRODUCT_PARTS_H

#include "kernels/kernels.h"
#include "ops/product.h"

typedef struct atl_product_plan {
    const atl_product *product;
    const atl_kernels *kernels;
    size_t k, c_in;       /* numbers in a gathered row; channels of one tap, both inputs together */
    size_t panel_k;       /* k as the panels have it: the same in f32 */
    size_t chunk_k;       /* k in one pass */
    size_t panels_a_unit; /* 2 for geglu: a unit is a panel and its gates */
    size_t n_units;
    const float *zeros; /* [n_zeros]: what a tap outside the picture reads, and k beyond the last */
    size_t n_zeros;
    atl_finish finish; /* what is the same for all rows */
} atl_product_plan;

/* Everything but `zeros`. */
void atl_product_plan_init(atl_product_plan *plan, const atl_bench *bench, const atl_product *product);

typedef struct atl_pixel {
    int n, y, x;
} atl_pixel;

/* The output pixel of a row. */
atl_pixel atl_product_pixel(const atl_product *product, size_t row);
/* Where `tap` finds its channels of `map` for that output pixel; zeros outside the picture. */
const float *atl_product_source(const atl_product_plan *plan, const atl_map *map, int tap, atl_pixel pixel);

/* A run of k that is contiguous in memory. */
typedef struct atl_segment {
    int tap;
    const atl_map *map;
    size_t channel, left; /* first channel in the map; how many follow */
} atl_segment;

atl_segment atl_product_segment(const atl_product_plan *plan, size_t k);

/* Finishes a row's sums of some units (fewer columns in the last), and stores them. For geglu the gates
 * follow behind all values. */
void atl_product_finish(const atl_product_plan *plan, size_t row, size_t first_unit, size_t n_units,
                        const float *sums);

/* Adds what stands aside to the sums [m][32] of a panel's columns, m ≤ 32 rows from `row` on. Between
 * bf16_begin and bf16_end. */
void atl_product_add_aside(const atl_kernels *kernels, const atl_aside *aside, size_t row, int m,
                           size_t panel, float *sums);

/* The product with weights in bf16; maps of either type. */
void atl_product_run_bf16(const atl_bench *bench, const atl_product *product);

/* The product with weights in s8; maps of either type. */
void atl_product_run_s8(const atl_bench *bench, const atl_product *product);

/* The same product with cblas_sgemm. */
void atl_product_run_blas(const atl_bench *bench, const atl_product *product);

#endif
