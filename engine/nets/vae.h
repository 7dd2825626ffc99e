/* vae.h - the autoencoder between pictures and latents: AutoencoderKL (Kingma & Welling 2014; Rombach et al.
 * 2022) and AutoencoderTiny (TAESD, Bohan 2023). Scaling by scaling_factor and shift is the pipeline's
 * business, not this file's. */
#ifndef ATL_NETS_VAE_H
#define ATL_NETS_VAE_H

#include "model/loader.h"
#include "ops/map.h"

typedef struct atl_vae atl_vae;

/* Walks encoder and decoder with `loader` (already at its component); nothing of `config` is kept. NULL only
 * when out of memory or when the loader failed. */
atl_vae *atl_vae_new(atl_loader *loader, const atl_vae_config *config);
void atl_vae_free(atl_vae **vae);

/* Both work on one picture after the other, so that scratch does not grow with n. All maps are dense f32.
 *
 * latent[n][h][w][latent_channels] as fed to the decoder → image[n][h·s][w·s][3], nominally in [-1, 1], not
 * clamped. For the tiny one this is what AutoencoderTiny.decode returns: its clamping of the input by tanh
 * and its scaling to [-1, 1] are inside. */
void atl_vae_decode(const atl_vae *vae, const atl_bench *bench, const atl_map *latent, const atl_map *image);

/* image[n][h·s][w·s][3] in [-1, 1] → KL: moments[n][h][w][2·latent_channels] (means, then log variances,
 * unclamped); tiny: latents[n][h][w][latent_channels]. */
void atl_vae_encode(const atl_vae *vae, const atl_bench *bench, const atl_map *image, const atl_map *out);

#endif
