/* vae_kl.h - AutoencoderKL of diffusers; vae.h chooses between it and the tiny one. */
#ifndef ATL_NETS_VAE_KL_H
#define ATL_NETS_VAE_KL_H

#include "nets/vae.h"

typedef struct atl_vae_kl atl_vae_kl;

/* As atl_vae_new. */
atl_vae_kl *atl_vae_kl_new(atl_loader *loader, const atl_vae_config *config);
void atl_vae_kl_free(atl_vae_kl **vae);

/* As atl_vae_decode and atl_vae_encode, one picture at a time. */
void atl_vae_kl_decode(const atl_vae_kl *vae, const atl_bench *bench, const atl_map *latent,
                       const atl_map *image);
void atl_vae_kl_encode(const atl_vae_kl *vae, const atl_bench *bench, const atl_map *image,
                       const atl_map *moments);

#endif
