/* unet.h - the denoiser: UNet2DConditionModel of diffusers (Rombach et al. 2022; Podell et al. 2023 for
 * SDXL). */
#ifndef ATL_NETS_UNET_H
#define ATL_NETS_UNET_H

#include <stdbool.h>

#include "model/loader.h"
#include "nets/transformer.h"
#include "ops/map.h"

typedef struct atl_unet atl_unet;

/* Walks the layers with `loader` (already at its component). `config` is copied. NULL only when out of memory
 * or when the loader failed. */
atl_unet *atl_unet_new(atl_loader *loader, const atl_unet_config *config);
void atl_unet_free(atl_unet **unet);

/* What all but the outermost layers said of the same pictures at an earlier step: the map that enters the
 * last layer of the way up. It changes slowly from step to step (Ma et al. 2023, "DeepCache", branch 0). */
typedef struct atl_unet_deep {
    void *data; /* atl_unet_deep_bytes of them */
    bool reuse; /* run the outermost layers on it; else run everything and keep it here */
} atl_unet_deep;

/* For n pictures of h × w. */
size_t atl_unet_deep_bytes(const atl_unet *unet, int n, int h, int w);

/* What keeping the text's keys and values between calls takes (transformer.h), for at most n_rows rows of
 * text in all pictures. */
size_t atl_unet_text_bytes(const atl_unet *unet, size_t n_rows, const atl_policy *policy);

typedef struct atl_unet_input {
    const atl_map *sample;  /* [n][h][w][in_channels]; any h, w ≥ 1 (odd sizes as diffusers handles them) */
    float timestep;         /* one for all */
    const atl_map *context; /* [n][1][t][cross_attention_dim], or encoder_hid_dim if set: the text */
    const float *timestep_cond; /* [n][time_cond_proj_dim], or NULL (LCM) */
    const float *text_embeds;   /* [n][pooled dim], SDXL only */
    const float *time_ids;      /* [n][6], SDXL only */
    const atl_text_kept *kept;  /* or NULL: the text's keys and values are made anew */
    const atl_unet_deep *deep;  /* or NULL: everything is run, nothing is kept */
    float merge_tokens; /* the part of the tokens merged away in the highest resolution's self-attentions
                           (token_merge.h), up to 0.75; 0: none */
} atl_unet_input;

/* out[n][h][w][out_channels], dense f32 as the inputs. Scratch comes from the bench's arena and is released
 * before return. */
void atl_unet_run(const atl_unet *unet, const atl_bench *bench, const atl_unet_input *in, const atl_map *out);

#endif
