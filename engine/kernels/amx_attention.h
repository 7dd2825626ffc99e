/* amx_attention.h - what amx_attention.c leaves to amx_attention_passing.c and amx_attention_strips.c
 * (private to them). */
#ifndef ATL_KERNELS_AMX_ATTENTION_H
#define ATL_KERNELS_AMX_ATTENTION_H

#include "kernels/attend.h"

#define ATL_PASSING_D_K     64 /* heads of up to 47 channels whose q and k take two tiles: SD 1.5's of 40 */
#define ATL_PASSING_V_TILES 3

/* attend_bf16 for heads of that size, where no tile of queries goes by its peaks. */
void atl_attend_passing__amx(const atl_attend *a);

/* attend_bf16 of the first n_strips pairs of tiles, without the future hidden. */
void atl_attend_strips__amx(const atl_attend *a, size_t n_strips);

#endif
