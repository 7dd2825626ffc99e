/* panels.h - how weights are packed (private to ops/): panels of 32 output channels.
 *
 *   f32, f16  [⌈n_out/32⌉][k][32]           k = tap · c_in + channel
 *   bf16  [⌈n_out/32⌉][k/2][32][2]          k rounded up to a multiple of 32, with zeros
 *   s8    [⌈n_out/32⌉]{[k/4][32][4], f32 [32]}  k rounded up to a multiple of 64; then the columns' scales
 *
 * The right-hand side of the product in product.h. A linear layer has one tap. Taps come before channels (the
 * checkpoint has them after), so that each tap reads its pixel's channels in one run. bf16 stands in pairs of
 * k and s8 in fours, as the instructions that multiply them want. The layout is the same for every
 * instruction set. */
#ifndef ATL_OPS_PANELS_H
#define ATL_OPS_PANELS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/kernels.h"

/* The layout in a word: packed weights that were kept on disk are used only by who has the same. Whoever
 * changes what a panel looks like changes this. */
#define ATL_PANELS_LAYOUT                                                                                    \
    "2: 32 columns; bf16 in pairs of k, k in blocks of 32; s8 in fours, blocks of 64, scales behind"

/* What k becomes in a panel. */
size_t atl_panels_k(size_t k, atl_dtype dtype);
/* Bytes of the panels of an [n_out][k] matrix, columns without an output included. */
size_t atl_panels_bytes(size_t k, int n_out, atl_dtype dtype);

/* Packs rows into panel `index`, whole. False if one of their numbers is NaN or infinite. */
bool atl_panels_pack_one(const atl_kernels *kernels, const atl_panel_rows *rows, atl_dtype dtype,
                         size_t index, void *panels);

typedef struct atl_panels_shape {
    size_t c_in, n_taps, n_out;
} atl_panels_shape;

/* The same for outputs [first, first + count) of a `weight` in f32, [count][c_in][n_taps] as a checkpoint has
 * them, in plain C. `first` is a multiple of 32. */
void atl_panels_pack(atl_panels_shape shape, atl_dtype dtype, size_t first, size_t count, const float *weight,
                     void *panels);

#endif
