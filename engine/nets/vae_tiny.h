/* vae_tiny.h - AutoencoderTiny of diffusers; vae.h chooses between it and the large one. */
#ifndef ATL_NETS_VAE_TINY_H
#define ATL_NETS_VAE_TINY_H

#include "nets/vae.h"

typedef struct atl_vae_tiny atl_vae_tiny;

/* As atl_vae_new. */
atl_vae_tiny *atl_vae_tiny_new(atl_loader *loader, const atl_vae_config *config);
void atl_vae_tiny_free(atl_vae_tiny **vae);

/* As atl_vae_decode and atl_vae_encode, one picture at a time. */
void atl_vae_tiny_decode(const atl_vae_tiny *vae, const atl_bench *bench, const atl_map *latent,
                         const atl_map *image);
void atl_vae_tiny_encode(const atl_vae_tiny *vae, const atl_bench *bench, const atl_map *image,
                         const atl_map *latents);

#endif
