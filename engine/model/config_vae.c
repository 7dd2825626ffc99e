/* config_vae.c - config.json of AutoencoderKL and of AutoencoderTiny. */
#include <string.h>

#include "base/sizes.h"
#include "model/config_json.h"

#define MAX_CHANNELS 65536
#define MAX_LAYERS   64

int atl_vae_scale(const atl_vae_config *config)
{
    return 1 << ((config->kind == ATL_VAE_KL ? config->n_blocks : config->n_decoder_blocks) - 1);
}

static void require_positive(atl_json *json, const char *key, float value)
{
    if (!(value > 0))
        atl_json_refuse(json, ATL_BAD_INPUT, key, "a number above 0 was wanted");
}

/* All blocks of one type, as many as there are channels. */
static void read_block_types(atl_json *json, const char *key, const char *only, int n)
{
    const json_t *list = atl_json_get(json, key);
    const size_t count = list ? json_array_size(list) : 1;
    if (list && !json_is_array(list))
        atl_json_refuse(json, ATL_BAD_INPUT, key, "a list of block types was wanted");
    for (size_t i = 0; list && i < count; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name)
            atl_json_refuse(json, ATL_BAD_INPUT, key, "a list of block types was wanted");
        else if (strcmp(name, only) != 0)
            atl_json_fail(json, ATL_UNSUPPORTED, "\"%s\" has \"%.100s\"; supported is \"%s\"", key, name,
                          only);
    }
    if (count != (size_t)n)
        atl_json_fail(json, ATL_BAD_INPUT, "\"%s\" has %zu entries and \"block_out_channels\" %d", key, count,
                      n);
}

static void read_sample_size(atl_json *json, atl_vae_config *c)
{
    int size[ATL_MAX_BLOCKS] = {0};
    if (atl_json_has(json, "sample_size"))
        atl_json_ints(json, "sample_size", 1, 1, MAX_CHANNELS, size);
    c->sample_size = size[0];
}

/* latents_mean or latents_std: one number a latent channel. */
static bool read_stats(atl_json *json, const char *key, int n, float *out)
{
    if (!atl_json_has(json, key))
        return false;
    const json_t *list = atl_json_get(json, key);
    if (!json_is_array(list) || json_array_size(list) != (size_t)n) {
        atl_json_refuse(json, ATL_BAD_INPUT, key, "a list of one number a latent channel was wanted");
        return false;
    }
    for (int i = 0; i < n; i++) {
        const json_t *one = json_array_get(list, (size_t)i);
        if (!json_is_number(one))
            atl_json_refuse(json, ATL_BAD_INPUT, key, "a list of numbers was wanted");
        out[i] = (float)json_number_value(one);
    }
    return true;
}

static void read_latents(atl_json *json, atl_vae_config *c, double scaling_factor)
{
    c->latent_channels = atl_json_int(json, "latent_channels", 4, 1, (int)ATL_COUNT(c->latents_mean));
    c->scaling_factor = (float)atl_json_double(json, "scaling_factor", scaling_factor);
    require_positive(json, "scaling_factor", c->scaling_factor);
    c->shift_factor = (float)atl_json_double_or_null(json, "shift_factor", 0);
}

void atl_config_read_vae_kl(atl_json *json, atl_vae_config *ret)
{
    *ret = (atl_vae_config){.kind = ATL_VAE_KL};
    ret->in_channels = atl_json_int(json, "in_channels", 3, 1, MAX_CHANNELS);
    ret->out_channels = atl_json_int(json, "out_channels", 3, 1, MAX_CHANNELS);
    read_latents(json, ret, 0.18215);
    ret->n_blocks = atl_json_ints(json, "block_out_channels", 0, 1, MAX_CHANNELS, ret->block_out_channels);
    if (ret->n_blocks == 0 && atl_json_get(json, "block_out_channels"))
        atl_json_refuse(json, ATL_BAD_INPUT, "block_out_channels", "a list was wanted");
    if (ret->n_blocks == 0) {
        ret->n_blocks = 1;
        ret->block_out_channels[0] = 64;
    }
    read_block_types(json, "down_block_types", "DownEncoderBlock2D", ret->n_blocks);
    read_block_types(json, "up_block_types", "UpDecoderBlock2D", ret->n_blocks);
    ret->layers_per_block = atl_json_int(json, "layers_per_block", 1, 1, MAX_LAYERS);
    ret->act = atl_json_diffusers_act(json, "act_fn", ATL_ACT_SILU);
    ret->norm_num_groups = atl_json_int(json, "norm_num_groups", 32, 1, MAX_CHANNELS);
    for (int i = 0; i < ret->n_blocks && json->status == ATL_OK; i++)
        if (ret->block_out_channels[i] % ret->norm_num_groups != 0)
            atl_json_fail(json, ATL_BAD_INPUT,
                          "\"block_out_channels\" has %d, which \"norm_num_groups\" (%d) does not divide",
                          ret->block_out_channels[i], ret->norm_num_groups);
    read_sample_size(json, ret);
    const bool mean = read_stats(json, "latents_mean", ret->latent_channels, ret->latents_mean);
    const bool std = read_stats(json, "latents_std", ret->latent_channels, ret->latents_std);
    ret->has_latents_stats = mean && std;      /* as the pipelines: both or neither */
    atl_json_bool(json, "force_upcast", true); /* of half precision alone */
    ret->use_quant_conv = atl_json_bool(json, "use_quant_conv", true);
    ret->use_post_quant_conv = atl_json_bool(json, "use_post_quant_conv", true);
    ret->mid_block_add_attention = atl_json_bool(json, "mid_block_add_attention", true);
}

/* Blocks of one side: channels, which have to be equal (no convolution of the class changes them), and how
 * many residual modules each has. */
static int read_tiny_side(atl_json *json, const char *channels_key, const char *blocks_key,
                          const int missing[4], int channels[ATL_MAX_BLOCKS], int blocks[ATL_MAX_BLOCKS])
{
    int n = atl_json_ints(json, channels_key, 0, 1, MAX_CHANNELS, channels);
    if (n == 0 && atl_json_get(json, channels_key))
        atl_json_refuse(json, ATL_BAD_INPUT, channels_key, "a list was wanted");
    for (int i = 0; n == 0 && i < 4; i++)
        channels[i] = 64;
    n = n ? n : 4;
    int n_blocks = atl_json_ints(json, blocks_key, 0, 0, MAX_LAYERS, blocks);
    if (n_blocks == 0 && atl_json_get(json, blocks_key))
        atl_json_refuse(json, ATL_BAD_INPUT, blocks_key, "a list was wanted");
    if (n_blocks == 0)
        memcpy(blocks, missing, 4 * sizeof *blocks);
    n_blocks = n_blocks ? n_blocks : 4;
    if (n != n_blocks)
        atl_json_fail(json, ATL_BAD_INPUT, "\"%s\" has %d entries and \"%s\" %d", channels_key, n, blocks_key,
                      n_blocks);
    for (int i = 1; i < n; i++)
        if (channels[i] != channels[0])
            atl_json_refuse(json, ATL_BAD_INPUT, channels_key, "equal numbers were wanted");
    return n;
}

void atl_config_read_vae_tiny(atl_json *json, atl_vae_config *ret)
{
    static const int encoder_blocks[4] = {1, 3, 3, 3}, decoder_blocks[4] = {3, 3, 3, 1};
    static const char *const upsamplers[] = {"nearest", NULL};
    *ret = (atl_vae_config){.kind = ATL_VAE_TINY};
    ret->in_channels = atl_json_int(json, "in_channels", 3, 1, MAX_CHANNELS);
    ret->out_channels = atl_json_int(json, "out_channels", 3, 1, MAX_CHANNELS);
    read_latents(json, ret, 1.0);
    ret->n_blocks = read_tiny_side(json, "encoder_block_out_channels", "num_encoder_blocks", encoder_blocks,
                                   ret->block_out_channels, ret->num_encoder_blocks);
    ret->n_decoder_blocks =
        read_tiny_side(json, "decoder_block_out_channels", "num_decoder_blocks", decoder_blocks,
                       ret->decoder_block_out_channels, ret->num_decoder_blocks);
    ret->act = atl_json_diffusers_act(json, "act_fn", ATL_ACT_RELU);
    atl_json_word(json, "upsample_fn", upsamplers, 0);
    ret->upsampling_scaling_factor = atl_json_int(json, "upsampling_scaling_factor", 2, 1, 64);
    if (ret->upsampling_scaling_factor != 2)
        atl_json_refuse(json, ATL_UNSUPPORTED, "upsampling_scaling_factor", "only 2 is supported");
    ret->latent_magnitude = (float)atl_json_double(json, "latent_magnitude", 3);
    ret->latent_shift = (float)atl_json_double(json, "latent_shift", 0.5);
    atl_json_bool(json, "force_upcast", false);
    atl_json_get(json, "block_out_channels"); /* written by diffusers as a copy of the decoder's */
}
