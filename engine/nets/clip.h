/* clip.h - the CLIP text transformer (Radford et al. 2021), as transformers' CLIPTextModel computes it. */
#ifndef ATL_NETS_CLIP_H
#define ATL_NETS_CLIP_H

#include "model/loader.h"
#include "ops/map.h"

typedef struct atl_clip atl_clip;

/* Walks the layers with `loader` (already at its component). `config` is copied. NULL only when out of memory
 * or when the loader failed. */
atl_clip *atl_clip_new(atl_loader *loader, const atl_clip_config *config);
void atl_clip_free(atl_clip **clip);

/* What to keep. Pointers that are NULL are not computed; buffers are the caller's. d = hidden_size. */
typedef struct atl_clip_output {
    float *hidden[ATL_MAX_TEXT_LAYERS + 1]; /* [n][n_positions][d]: 0 the embeddings, l the output of layer l;
                                               before the final norm */
    float *last;                            /* [n][n_positions][d]: the last layer after final_layer_norm */
    float *pooled;       /* [n][d], or [n][projection_dim] if with_projection: `last` at the end token */
    int skip_norm_layer; /* if `skipped` is set: which hidden layer (0 … n_layers) it takes */
    float *skipped;      /* [n][n_positions][d]: final_layer_norm(hidden[skip_norm_layer]): clip skip */
} atl_clip_output;

/* ids[n][n_positions], each in [0, vocab_size): checked by the caller. */
void atl_clip_run(const atl_clip *clip, const atl_bench *bench, const int32_t *ids, int n,
                  const atl_clip_output *out);

#endif
