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

/* Keys and values of the text, which do not change from step to step, kept between calls: for each attention
 * to the text a line that says of which text they are, and the map. Zeros, at first. */
typedef struct atl_text_kept {
    void *data;       /* 64-byte aligned, atl_transformer_text_bytes of each transformer in all */
    size_t n_rows;    /* the most there are: pictures · tokens */
    uint64_t version; /* of the text, counted from 1: whoever calls counts on when any picture's text changes,
                         or their order, number or adapters */
} atl_text_kept;

/* Walks norm, proj_in, transformer_blocks.*, proj_out at the loader's place. NULL: the loader has failed. */
atl_transformer *atl_transformer_new(atl_loader *loader, const atl_transformer_shape *shape);
void atl_transformer_free(atl_transformer **transformer);

/* What keeping its keys and values takes, for texts of n_rows rows of `dtype` (the attention class's
 * compute). */
size_t atl_transformer_text_bytes(const atl_transformer *transformer, size_t n_rows, atl_dtype dtype);
/* Where among all that is kept its own begin: after `first` attentions with `first_c` channels in all. Counts
 * both on by its own. */
void atl_transformer_place_text(atl_transformer *transformer, size_t *first, size_t *first_c);

/* What a transformer attends to beside pixels. */
typedef struct atl_text_heard {
    const atl_map *context;    /* [n][1][t][context_dim] */
    const atl_text_kept *kept; /* or NULL: keys and values are made in each call */
} atl_text_heard;

/* x[n][h][w][c] += transformer(x), in place. `merge_tokens`: which part of the
 * tokens is merged away before self-attention (token_merge.h); 0: none. */
void atl_transformer_run(const atl_transformer *transformer, const atl_bench *bench, const atl_map *x,
                         const atl_text_heard *text, float merge_tokens);

#endif
