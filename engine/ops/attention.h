/* attention.h - softmax(q·kᵀ·scale)·v without the t_q × t_k matrix.
 *
 * Tiled with a running maximum and a running sum (online softmax: Milakov & Gimelshein 2018; Dao et al.
 * 2022), so that memory is a few tiles a thread at any number of tokens. */
#ifndef ATL_OPS_ATTENTION_H
#define ATL_OPS_ATTENTION_H

#include "ops/map.h"

/* q[n][t_q][heads·d], k and v[n][t_k][heads·d], out like q: maps whose h·w are the tokens and whose strides
 * may be those of a fused projection. Head i has channels [i·d, (i+1)·d). `causal`: token i sees 0 … i (t_q =
 * t_k). Any d from 1 to 512. `scale` is usually 1/√d, and above 0. The policy says in which type
 * products are made: of a text encoder where causal, of ATL_LAYER_ATTENTION elsewhere; bf16 is multiplied as
 * f32 where that is faster. The softmax is f32. Each map may be f32 or bf16. */
void atl_attention(const atl_bench *bench, const atl_map *q, const atl_map *k, const atl_map *v, int heads,
                   float scale, bool causal, const atl_map *out);

#endif
