/* panels.h - how weights are packed (private to ops/): panels of 32 output channels,
 * [⌈n_out/32⌉][tap][c_in][32].
 *
 * The right-hand side of the product in product.h. A linear layer has one tap. Taps come before channels (the
 * checkpoint has them after), so that each tap reads its pixel's channels in one run. The layout is the same
 * for every instruction set. */
#ifndef ATL_OPS_PANELS_H
#define ATL_OPS_PANELS_H

#include <stddef.h>

/* Floats in the panels of an [n_out][k] matrix, columns without an output included. */
size_t atl_panels_floats(size_t k, int n_out);

typedef struct atl_panels_shape {
    size_t c_in, n_taps, n_out;
} atl_panels_shape;

/* Packs outputs [first, first + count) of `weight`, [count][c_in][n_taps] as a checkpoint has them. What
 * comes with the last output zeroes the columns that have none. */
void atl_panels_pack(atl_panels_shape shape, size_t first, size_t count, const float *weight, float *panels);

#endif
