/* patch_s8.h - the rows of a product in s8: whole numbers and a scale (private to ops/).
 *
 * A row's scale is the largest magnitude that it meets, over 127. Rows are multiplied where they stand, as in
 * patch.h, and a number can stand there in one scale only; so there are two forms:
 *
 *   ROWS    [rows][stride]: each row's k numbers copied together, in the row's own scale
 *   GROUPS  [rows/16][3][18][stride]: 3 × 3, width a multiple of 16: the pixels under sixteen neighbours in
 *           one scale, the largest of the 54. Each pixel is copied 3.4 times, not nine, and two groups, which
 *           are a tile's rows, are few enough for L1
 *
 * What a scale is depends on the map alone: not on blocks, threads or other pictures. */
#ifndef ATL_OPS_PATCH_S8_H
#define ATL_OPS_PATCH_S8_H

#include "kernels/kernels.h"
#include "ops/product.h"

#define ATL_S8_GROUP 16 /* rows that share a scale in GROUPS */

typedef struct atl_patch_s8_plan {
    const atl_product *product;
    const atl_kernels *kernels;
    bool in_groups;
    size_t n_rows; /* of the product */
    size_t c_in;
    size_t n_taps, k; /* as atl_gathered_s8 has them */
    size_t stride;    /* bytes from row to row */
    size_t taps[9];
    size_t line_rows;   /* rows that are filled at a time: 1 or a group */
    const float *peaks; /* of each of the inputs' pixels, the largest magnitude; 3 × 3 only */
} atl_patch_s8_plan;

/* All but the peaks. */
void atl_patch_s8_plan_init(atl_patch_s8_plan *plan, const atl_product *product, const atl_kernels *kernels);
/* The largest magnitudes of pixels [first, first + n) of the input, counted over all pictures. */
void atl_patch_s8_peaks(const atl_patch_s8_plan *plan, size_t first, size_t n, float *peaks);

/* Some output rows. */
typedef struct atl_patch_s8 {
    const atl_patch_s8_plan *plan;
    size_t first_row, n_rows; /* first_row: a multiple of line_rows */
    int8_t *data;             /* atl_patch_s8_bytes */
    float *scales;            /* [n_rows] */
} atl_patch_s8;

/* A multiple of 64. */
size_t atl_patch_s8_bytes(const atl_patch_s8_plan *plan, size_t n_rows);
/* Lines are filled by any threads in any order. */
size_t atl_patch_s8_n_lines(const atl_patch_s8 *patch);
void atl_patch_s8_fill(const atl_patch_s8 *patch, size_t line);
/* The up to 32 rows from `row` on, which is counted over all. */
atl_gathered_s8 atl_patch_s8_rows(const atl_patch_s8 *patch, size_t row);

#endif
