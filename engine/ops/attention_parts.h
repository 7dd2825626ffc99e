/* attention_parts.h - what attention.c hands on to attention_tiles.c (private to ops/). */
#ifndef ATL_OPS_ATTENTION_PARTS_H
#define ATL_OPS_ATTENTION_PARTS_H

#include "ops/map.h"

typedef struct atl_attention_maps {
    const atl_map *q, *k, *v, *out;
    int heads;
    float scale;
    bool causal;
} atl_attention_maps;

/* Attention in bf16 by kernels->attend_bf16; maps of either type. */
void atl_attention_in_tiles(const atl_bench *bench, const atl_attention_maps *maps);

#endif
