/* elementwise.h - what is left when everything natural was fused into a neighbour. */
#ifndef ATL_OPS_ELEMENTWISE_H
#define ATL_OPS_ELEMENTWISE_H

#include "ops/layers.h"

/* out = act(x); out may be x. */
void atl_activate(const atl_bench *bench, atl_activation act, const atl_map *x, const atl_map *out);
float atl_activate_one(atl_activation act, float x); /* the reference that kernels are checked against */

/* Copies channels of x into out (same n, h, w, c; strides may differ). */
void atl_copy(const atl_bench *bench, const atl_map *x, const atl_map *out);

/* Planes [n][c][h][w] f32 to a map and back. */
void atl_from_planes(const atl_bench *bench, const float *planes, const atl_map *out);
void atl_to_planes(const atl_bench *bench, const atl_map *x, float *planes);

/* out[n][1][1][2·half (+1 zero if dim is odd)]: the sinusoidal embedding of `timesteps[n]` in `dim` channels,
 * as diffusers' get_timestep_embedding: frequencies exp(-ln(max_period)·i/(half - freq_shift)), cosines first
 * if flip_sin_to_cos. */
void atl_sinusoid(const atl_bench *bench, const float *timesteps, int n, int dim, bool flip_sin_to_cos,
                  float freq_shift, float max_period, const atl_map *out);

#endif
