/* transformer.h - attention over the pixels of a map and over the text: Transformer2DModel of diffusers, the
 * "spatial transformer" of Rombach et al. 2022, section 3.3. */
#ifndef ATL_NETS_TRANSFORMER_H
#define ATL_NETS_TRANSFORMER_H

#include "model/loader.h"
#include "ops/map.h"

typedef struct atl_transformer atl_transformer;

typedef struct atl_transformer_shape {
    int c;                     /* channels of the map */
    int n_heads;               /* of c / n_heads channels each */
    int n_layers;              /* transformer_blocks */
    int context_dim;           /* cross_attention_dim */
    int groups;                /* of the first norm */
    bool linear_projection;    /* proj_in and proj_out are stored as matrices, not as 1 × 1 convolutions */
    bool only_cross_attention; /* attn1 attends to the text as well */
} atl_transformer_shape;

/* Walks norm, proj_in, transformer_blocks.*, proj_out at the loader's place. NULL: the loader has failed. */
atl_transformer *atl_transformer_new(atl_loader *loader, const atl_transformer_shape *shape);
void atl_transformer_free(atl_transformer **transformer);

/* x[n][h][w][c] += transformer(x), in place; context[n][1][t][context_dim]. `merge_tokens`: which part of the
 * tokens is merged away before self-attention (token_merge.h); 0: none. */
void atl_transformer_run(const atl_transformer *transformer, const atl_bench *bench, const atl_map *x,
                         const atl_map *context, float merge_tokens);

#endif
