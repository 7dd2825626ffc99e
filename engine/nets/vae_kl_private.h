/* vae_kl_private.h - the parts of an AutoencoderKL: vae_kl_load.c fills them, vae_kl.c runs them. */
#ifndef ATL_NETS_VAE_KL_PRIVATE_H
#define ATL_NETS_VAE_KL_PRIVATE_H

#include "nets/resnet.h"
#include "nets/vae_kl.h"
#include "ops/layers.h"

typedef struct atl_vae_stage {
    int n_resnets;
    atl_resnet *resnets;
    bool has_sampler;
    atl_conv sampler;
} atl_vae_stage;

typedef struct atl_vae_middle {
    atl_resnet resnets[2];
    bool has_attention;
    atl_norm attn_norm;
    atl_linear qkv, attn_out;
} atl_vae_middle;

/* Encoder and decoder are the same parts in another order. */
typedef struct atl_vae_half {
    bool decoder;
    bool has_latent_conv;
    atl_conv latent_conv; /* quant_conv behind the encoder, post_quant_conv before the decoder */
    atl_conv conv_in, conv_out;
    atl_vae_middle mid;
    int n_stages;
    atl_vae_stage stages[ATL_MAX_BLOCKS];
    atl_norm norm_out;
} atl_vae_half;

struct atl_vae_kl {
    atl_vae_half encoder, decoder;
};

#endif
