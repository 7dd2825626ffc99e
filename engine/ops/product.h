/* product.h - the one matrix product behind linear layers and convolutions (private to ops/).
 *
 * out[row][col] = finish(Σ_k gathered[row][k] · panels[k][col]): a row is an output pixel, and its k numbers
 * are the channels of the input pixels under the kernel's taps, tap after tap. They are gathered a block of
 * rows and a chunk of k at a time into scratch that stays in the L2 cache, so that no im2col matrix ever
 * exists; padding, stride, up-sampling and the concatenation of two inputs cost nothing beyond the gather. */
#ifndef ATL_OPS_PRODUCT_H
#define ATL_OPS_PRODUCT_H

#include "ops/layers.h"

/* A second, small product whose sums are the first one's, too: Σ_j rows[row][j] · panels[j][col], in bf16. */
typedef struct atl_aside {
    const uint16_t *rows;   /* [rows of the product, and 32 more to read][k] */
    size_t k;               /* a multiple of 32 */
    const uint16_t *panels; /* of as many columns as the product has */
} atl_aside;

typedef struct atl_product {
    const atl_conv_input *in;
    int kernel, stride, pad; /* taps in each direction, step, and zero rows and columns before the first */
    int n_out;               /* columns of the weights; twice out->c for geglu */
    atl_dtype dtype;    /* of the weights. bf16, s8: gathered rows are rounded to it; f16: multiplied as f32.
                           Maps are f32 or bf16 */
    const void *panels; /* panels.h */
    const float *bias;  /* [n_out], or NULL */
    const atl_epilogue *epilogue;
    bool geglu; /* column i is multiplied by gelu(column n_out/2 + i); n_out/2 is a multiple of 32, no
                   epilogue */
    const atl_aside *aside; /* bf16, s8: may be NULL */
    const atl_map *out;
    atl_lines lines; /* of out, which alone are made; n = 0: all. Where atl_conv_runs_lines says so */
} atl_product;

/* Scratch is the arena's, for the call; `out` must not overlap the input. Cannot fail. */
void atl_product_run(const atl_bench *bench, const atl_product *product);

#endif
