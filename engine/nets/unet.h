/* unet.h - the denoiser: UNet2DConditionModel of diffusers (Rombach et al. 2022; Podell et al. 2023 for
 * SDXL). */
#ifndef ATL_NETS_UNET_H
#define ATL_NETS_UNET_H

#include "model/loader.h"
#include "ops/map.h"

typedef struct atl_unet atl_unet;

/* Walks the layers with `loader` (already at its component). `config` is copied. NULL only when out of memory
 * or when the loader failed. */
atl_unet *atl_unet_new(atl_loader *loader, const atl_unet_config *config);
void atl_unet_free(atl_unet **unet);

typedef struct atl_unet_input {
    const atl_map *sample;  /* [n][h][w][in_channels]; any h, w ≥ 1 (odd sizes as diffusers handles them) */
    float timestep;         /* one for all */
    const atl_map *context; /* [n][1][t][cross_attention_dim], or encoder_hid_dim if set: the text */
    const float *timestep_cond; /* [n][time_cond_proj_dim], or NULL (LCM) */
    const float *text_embeds;   /* [n][pooled dim], SDXL only */
    const float *time_ids;      /* [n][6], SDXL only */
} atl_unet_input;

/* out[n][h][w][out_channels], dense f32 as the inputs. Scratch comes from the bench's arena and is released
 * before return. */
void atl_unet_run(const atl_unet *unet, const atl_bench *bench, const atl_unet_input *in, const atl_map *out);

#endif
