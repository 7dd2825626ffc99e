/* time_embedding.h - what the denoiser is told besides picture and text: the noise level (Ho et al. 2020),
 * the guidance scale of a distilled model (LCM), size, crop and pooled text (SDXL, Podell et al. 2023). */
#ifndef ATL_NETS_TIME_EMBEDDING_H
#define ATL_NETS_TIME_EMBEDDING_H

#include "nets/unet.h"

/* Plain data: the weights are the store's. */
typedef struct atl_time_embedding {
    atl_linear cond_proj;          /* time_cond_proj_dim → block_out_channels[0], LCM only */
    atl_linear linear_1, linear_2; /* block_out_channels[0] → time_embed_dim → time_embed_dim */
    atl_linear add_1, add_2;       /* "add_embedding": pooled text and sizes → time_embed_dim, SDXL only */
} atl_time_embedding;

/* Walks time_embedding.* and add_embedding.*. */
void atl_time_embedding_load(atl_loader *loader, atl_time_embedding *embedding,
                             const atl_unet_config *config);

/* Whether pictures of one batch can have different embeddings. If not, one row serves all. */
bool atl_time_embedding_per_picture(const atl_unet_config *config, const atl_unet_input *in);

/* out[rows][1][1][time_embed_dim] = act(embedding), as every ResNet block wants it; rows is n or 1, as
 * above. */
void atl_time_embedding_run(const atl_time_embedding *embedding, const atl_unet_config *config,
                            const atl_bench *bench, const atl_unet_input *in, const atl_map *out);

#endif
