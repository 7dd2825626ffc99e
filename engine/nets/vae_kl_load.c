/* vae_kl_load.c - an AutoencoderKL's layers by the names that diffusers gives their tensors, and its end. */
#include <stdlib.h>

#include "nets/resample.h"
#include "nets/vae_kl_private.h"

#define NORM_EPS 1e-6f
#define MAX_HEAD 512 /* channels of the one attention head */

static atl_conv_shape conv_shape(int c_in, int c_out, int kernel)
{
    int padding = (kernel - 1) / 2;
    return (atl_conv_shape){.c_in = c_in,
                            .c_out = c_out,
                            .kernel = kernel,
                            .stride = 1,
                            .pad_before = padding,
                            .pad_after = padding};
}

static atl_resnet_shape resnet_shape(const atl_vae_config *config, int c_in, int c_out)
{
    return (atl_resnet_shape){.c_in = c_in,
                              .c_out = c_out,
                              .groups = config->norm_num_groups,
                              .eps = NORM_EPS,
                              .act = config->act,
                              .output_scale_factor = 1.0f,
                              .layer_class = ATL_LAYER_VAE,
                              .shortcut_class = ATL_LAYER_VAE};
}

static void load_attention(atl_loader *loader, atl_vae_middle *mid, const atl_vae_config *config, int c)
{
    static const char *const qkv[] = {"to_q", "to_k", "to_v"};
    atl_linear_shape square = {.n_in = c, .n_out = c, .bias = true};

    if (c > MAX_HEAD) {
        atl_loader_fail(loader, ATL_UNSUPPORTED,
                        "block_out_channels ends with %d; attention over at most %d channels can be run", c,
                        MAX_HEAD);
        return;
    }
    atl_loader_enter(loader, "attentions.0");
    atl_load_norm(loader, &mid->attn_norm, c, config->norm_num_groups, NORM_EPS, "group_norm");
    atl_load_linear_stack(loader, &mid->qkv, ATL_LAYER_VAE, square, qkv, 3);
    atl_load_linear(loader, &mid->attn_out, ATL_LAYER_VAE, square, "to_out.0");
    atl_loader_leave(loader);
}

static void load_middle(atl_loader *loader, atl_vae_middle *mid, const atl_vae_config *config, int c)
{
    atl_resnet_shape shape = resnet_shape(config, c, c);

    atl_loader_enter(loader, "mid_block");
    for (int i = 0; i < 2; i++) {
        atl_loader_enter(loader, "resnets.%d", i);
        atl_resnet_load(loader, &mid->resnets[i], &shape);
        atl_loader_leave(loader);
    }
    mid->has_attention = config->mid_block_add_attention;
    if (mid->has_attention)
        load_attention(loader, mid, config, c);
    atl_loader_leave(loader);
}

/* n ResNets from c_in to c_out channels; the sampler is the caller's. */
static void load_resnets(atl_loader *loader, atl_vae_stage *s, const atl_vae_config *config, int n, int c_in,
                         int c_out)
{
    s->resnets = calloc((size_t)n, sizeof *s->resnets);
    if (!s->resnets) {
        atl_loader_fail(loader, ATL_NO_MEMORY, "out of memory for a block of %d layers", n);
        return;
    }
    s->n_resnets = n;
    for (int i = 0; i < n; i++) {
        atl_resnet_shape shape = resnet_shape(config, i == 0 ? c_in : c_out, c_out);
        atl_loader_enter(loader, "resnets.%d", i);
        atl_resnet_load(loader, &s->resnets[i], &shape);
        atl_loader_leave(loader);
    }
}

/* Level 0 is the picture's resolution. The encoder walks the levels upwards, the decoder downwards. */
static void load_stage(atl_loader *loader, atl_vae_half *h, const atl_vae_config *config, int i)
{
    const int *channels = config->block_out_channels;
    int last = config->n_blocks - 1, level = h->decoder ? last - i : i;
    int before = h->decoder ? level + 1 : level - 1;
    int c_in = channels[i == 0 ? level : before], c_out = channels[level];
    atl_vae_stage *s = &h->stages[i];

    atl_loader_enter(loader, h->decoder ? "up_blocks.%d" : "down_blocks.%d", i);
    load_resnets(loader, s, config, config->layers_per_block + (h->decoder ? 1 : 0), c_in, c_out);
    s->has_sampler = i < last;
    if (s->has_sampler && h->decoder)
        atl_upsampler_load(loader, &s->sampler, ATL_LAYER_VAE, c_out);
    else if (s->has_sampler)
        atl_downsampler_load(loader, &s->sampler, ATL_LAYER_VAE, c_out, 0);
    atl_loader_leave(loader);
}

static void load_half(atl_loader *loader, atl_vae_half *h, const atl_vae_config *config, bool decoder)
{
    int picture = config->block_out_channels[0], deepest = config->block_out_channels[config->n_blocks - 1];
    int moments = 2 * config->latent_channels;
    int first = decoder ? deepest : picture, last = decoder ? picture : deepest;

    h->decoder = decoder;
    h->n_stages = config->n_blocks;
    atl_loader_enter(loader, decoder ? "decoder" : "encoder");
    atl_load_conv(loader, &h->conv_in, ATL_LAYER_IO,
                  conv_shape(decoder ? config->latent_channels : config->in_channels, first, 3), "conv_in");
    load_middle(loader, &h->mid, config, deepest);
    for (int i = 0; i < h->n_stages; i++)
        load_stage(loader, h, config, i);
    atl_load_norm(loader, &h->norm_out, last, config->norm_num_groups, NORM_EPS, "conv_norm_out");
    /* three channels of the whole picture: of what is done in f32 by far the dearest */
    atl_load_conv(loader, &h->conv_out, decoder ? ATL_LAYER_VAE : ATL_LAYER_IO,
                  conv_shape(last, decoder ? config->out_channels : moments, 3), "conv_out");
    atl_loader_leave(loader);

    h->has_latent_conv = decoder ? config->use_post_quant_conv : config->use_quant_conv;
    int c = decoder ? config->latent_channels : moments;
    if (h->has_latent_conv)
        atl_load_conv(loader, &h->latent_conv, ATL_LAYER_IO, conv_shape(c, c, 1),
                      decoder ? "post_quant_conv" : "quant_conv");
}

static bool config_can_be_built(atl_loader *loader, const atl_vae_config *config)
{
    if (config->n_blocks < 1 || config->n_blocks > ATL_MAX_BLOCKS || config->layers_per_block < 1) {
        atl_loader_fail(loader, ATL_UNSUPPORTED,
                        "%d blocks of %d layers; 1 to %d blocks of at least one can be run", config->n_blocks,
                        config->layers_per_block, ATL_MAX_BLOCKS);
        return false;
    }
    return true;
}

atl_vae_kl *atl_vae_kl_new(atl_loader *loader, const atl_vae_config *config)
{
    if (!config_can_be_built(loader, config))
        return NULL;
    atl_vae_kl *vae = calloc(1, sizeof *vae);
    if (!vae)
        return NULL;
    load_half(loader, &vae->encoder, config, false);
    load_half(loader, &vae->decoder, config, true);
    if (atl_loader_status(loader) != ATL_OK)
        atl_vae_kl_free(&vae);
    return vae;
}

void atl_vae_kl_free(atl_vae_kl **vae)
{
    if (!*vae)
        return;
    for (int i = 0; i < ATL_MAX_BLOCKS; i++) {
        free((*vae)->encoder.stages[i].resnets);
        free((*vae)->decoder.stages[i].resnets);
    }
    free(*vae);
    *vae = NULL;
}
