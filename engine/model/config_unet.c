/* config_unet.c - UNet2DConditionModel's config.json.
 *
 * Every parameter of the class is named below. Three of them (resnet_skip_time_act, resnet_out_scale_factor,
 * mid_block_only_cross_attention) diffusers hands to none of the block types that are supported here, so they
 * change nothing whatever their value; their types are checked all the same. */
#include <string.h>

#include "model/config_json.h"

#define MAX_CHANNELS 65536
#define MAX_LAYERS   64

static const char *const down_types[] = {"DownBlock2D", "CrossAttnDownBlock2D", NULL};
static const char *const up_types[] = {"UpBlock2D", "CrossAttnUpBlock2D", NULL};

/* One list of block types; a missing key gives diffusers' four. */
static int read_block_types(atl_json *json, const char *key, const char *const *names, bool reversed,
                            atl_unet_block out[ATL_MAX_BLOCKS])
{
    const json_t *list = atl_json_get(json, key);
    if (!list) {
        for (int i = 0; i < 4; i++)
            out[i] = (reversed ? i > 0 : i < 3) ? ATL_BLOCK_CROSS_ATTN : ATL_BLOCK_PLAIN;
        return 4;
    }
    const size_t n = json_array_size(list);
    if (!json_is_array(list) || n == 0 || n > ATL_MAX_BLOCKS) {
        atl_json_refuse(json, json_is_array(list) ? ATL_UNSUPPORTED : ATL_BAD_INPUT, key,
                        "a list of 1 to 8 block types was wanted");
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name) {
            atl_json_refuse(json, ATL_BAD_INPUT, key, "a list of block types was wanted");
            return 0;
        }
        if (strncmp(name, "UNetRes", 7) == 0)
            name += 7; /* an old spelling, as diffusers reads it */
        if (strcmp(name, names[0]) == 0) {
            out[i] = ATL_BLOCK_PLAIN;
        } else if (strcmp(name, names[1]) == 0) {
            out[i] = ATL_BLOCK_CROSS_ATTN;
        } else {
            atl_json_fail(json, ATL_UNSUPPORTED, "\"%s\" has \"%.100s\"; supported are \"%s\" and \"%s\"",
                          key, name, names[0], names[1]);
            return 0;
        }
    }
    return (int)n;
}

static void read_blocks(atl_json *json, atl_unet_config *c)
{
    static const char *const mids[] = {"UNetMidBlock2DCrossAttn", "UNetMidBlock2D", NULL};
    static const atl_mid_block mid_of[] = {ATL_MID_CROSS_ATTN, ATL_MID_PLAIN};
    static const int default_channels[] = {320, 640, 1280, 1280};

    c->n_blocks = read_block_types(json, "down_block_types", down_types, false, c->down);
    const int n_up = read_block_types(json, "up_block_types", up_types, true, c->up);
    int n_channels = atl_json_ints(json, "block_out_channels", 1, 1, MAX_CHANNELS, c->block_out_channels);
    if (n_channels == 0) {
        memcpy(c->block_out_channels, default_channels, sizeof default_channels);
        n_channels = 4;
    }
    if (n_up != c->n_blocks)
        atl_json_fail(json, ATL_BAD_INPUT, "\"up_block_types\" has %d entries and \"down_block_types\" %d",
                      n_up, c->n_blocks);
    if (n_channels != c->n_blocks)
        atl_json_fail(json, ATL_BAD_INPUT,
                      "\"block_out_channels\" has %d entries and \"down_block_types\" %d", n_channels,
                      c->n_blocks);
    const json_t *mid = atl_json_get(json, "mid_block_type");
    if (mid && json_is_null(mid))
        c->mid = ATL_MID_NONE;
    else
        c->mid = mid_of[atl_json_word(json, "mid_block_type", mids, 0)];
}

/* A list a layer (asymmetrical UNets) is taken only where its entries agree. */
static bool read_depth(const json_t *value, int *ret)
{
    const bool list = json_is_array(value);
    for (size_t i = 0; i < (list ? json_array_size(value) : 1); i++) {
        const json_t *one = list ? json_array_get(value, i) : value;
        int depth;
        if (!atl_json_whole(one, 1, MAX_LAYERS, &depth) || (i > 0 && depth != *ret))
            return false;
        *ret = depth;
    }
    return !list || json_array_size(value) > 0;
}

/* Transformer layers of each block; an entry of a block without transformers may be anything, as in
 * diffusers, and counts as 1. */
static bool read_depths(atl_json *json, const char *key, int n, const atl_unet_block *types, bool last_counts,
                        int out[ATL_MAX_BLOCKS])
{
    const json_t *value = atl_json_get(json, key);
    if (!value || json_is_null(value))
        return false;
    if (json_is_array(value) && json_array_size(value) != (size_t)n) {
        atl_json_refuse(json, ATL_BAD_INPUT, key, "one entry a block was wanted");
        return false;
    }
    for (int i = 0; i < n; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, (size_t)i) : value;
        out[i] = 1;
        const bool counts = types[i] == ATL_BLOCK_CROSS_ATTN || (last_counts && i == n - 1);
        if (!read_depth(one, &out[i]) && counts)
            atl_json_refuse(
                json, ATL_UNSUPPORTED, key,
                "whole numbers from 1 to 64 are supported, one a block (a list a layer only if its "
                "entries agree)");
    }
    return true;
}

static void read_transformers(atl_json *json, atl_unet_config *c)
{
    const int n = c->n_blocks;
    for (int i = 0; i < n; i++)
        c->transformer_layers[i] = 1;
    read_depths(json, "transformer_layers_per_block", n, c->down, c->mid == ATL_MID_CROSS_ATTN,
                c->transformer_layers);
    if (!read_depths(json, "reverse_transformer_layers_per_block", n, c->up, false, c->up_transformer_layers))
        for (int i = 0; i < n; i++)
            c->up_transformer_layers[i] = c->transformer_layers[n - 1 - i];
    atl_json_ints_each(json, "cross_attention_dim", 1280, n, 1, MAX_CHANNELS, c->cross_attention_dim);
    atl_json_only_null(json, "num_attention_heads"); /* diffusers refuses it too */
    atl_json_ints_each(json, "attention_head_dim", 8, n, 1, MAX_CHANNELS, c->n_heads);
    c->use_linear_projection = atl_json_bool(json, "use_linear_projection", false);
    c->upcast_attention = atl_json_bool(json, "upcast_attention", false);
    atl_json_only_bool(json, "dual_cross_attention", false);
    static const char *const attention_types[] = {"default", NULL};
    atl_json_word(json, "attention_type", attention_types, 0);
    atl_json_string_or_null(json, "cross_attention_norm", NULL); /* of no supported block type */

    const json_t *only = atl_json_get(json, "only_cross_attention");
    if (json_is_array(only) && json_array_size(only) != (size_t)n)
        atl_json_refuse(json, ATL_BAD_INPUT, "only_cross_attention", "one entry a block was wanted");
    for (int i = 0; only && i < n; i++) {
        const json_t *one = json_is_array(only) ? json_array_get(only, (size_t)i) : only;
        if (!json_is_boolean(one))
            atl_json_refuse(json, ATL_BAD_INPUT, "only_cross_attention", "true or false was wanted");
        c->only_cross_attention[i] = json_is_true(one);
    }
    if (atl_json_has(json, "mid_block_only_cross_attention"))
        atl_json_bool(json, "mid_block_only_cross_attention", false);
}

static void read_time(atl_json *json, atl_unet_config *c)
{
    static const char *const types[] = {"positional", NULL};
    c->flip_sin_to_cos = atl_json_bool(json, "flip_sin_to_cos", true);
    c->freq_shift = (float)atl_json_double(json, "freq_shift", 0);
    atl_json_word(json, "time_embedding_type", types, 0);
    c->time_embed_dim = atl_json_int_or_null(json, "time_embedding_dim", 0, 0, MAX_CHANNELS);
    if (c->time_embed_dim == 0)
        c->time_embed_dim = 4 * c->block_out_channels[0];
    c->time_embed_act = c->act;
    c->time_embedding_act = atl_json_diffusers_act(json, "time_embedding_act_fn", ATL_ACT_NONE);
    c->timestep_post_act = atl_json_diffusers_act(json, "timestep_post_act", ATL_ACT_NONE);
    c->time_cond_proj_dim = atl_json_int_or_null(json, "time_cond_proj_dim", 0, 1, MAX_CHANNELS);
}

/* What is added to the time embedding, and what is done to the text before attention. */
static void read_conditions(atl_json *json, atl_unet_config *c)
{
    static const char *const additions[] = {"text_time", NULL};
    static const char *const projections[] = {"text_proj", NULL};
    atl_json_only_null(json, "class_embed_type");
    atl_json_only_null(json, "num_class_embeds");
    atl_json_only_bool(json, "class_embeddings_concat", false);
    atl_json_int(json, "addition_embed_type_num_heads", 64, 0, MAX_CHANNELS); /* of type "text" alone */
    c->addition_text_time = atl_json_has(json, "addition_embed_type") &&
                            atl_json_word(json, "addition_embed_type", additions, 0) == 0;
    c->addition_time_embed_dim = atl_json_int_or_null(json, "addition_time_embed_dim", 0, 1, MAX_CHANNELS);
    c->projection_class_embeddings_input_dim =
        atl_json_int_or_null(json, "projection_class_embeddings_input_dim", 0, 1, MAX_CHANNELS);
    if (c->addition_text_time && c->addition_time_embed_dim == 0)
        atl_json_refuse(json, ATL_BAD_INPUT, "addition_time_embed_dim", "\"text_time\" needs it");
    if (c->addition_text_time && c->projection_class_embeddings_input_dim == 0)
        atl_json_refuse(json, ATL_BAD_INPUT, "projection_class_embeddings_input_dim",
                        "\"text_time\" needs it");
    if (atl_json_has(json, "encoder_hid_dim_type"))
        atl_json_word(json, "encoder_hid_dim_type", projections, 0);
    c->encoder_hid_dim = atl_json_int_or_null(json, "encoder_hid_dim", 0, 1, MAX_CHANNELS);
    if (atl_json_has(json, "encoder_hid_dim_type") && c->encoder_hid_dim == 0)
        atl_json_refuse(json, ATL_BAD_INPUT, "encoder_hid_dim", "\"encoder_hid_dim_type\" needs it");
    for (int i = 1; c->encoder_hid_dim && i < c->n_blocks; i++)
        if (c->cross_attention_dim[i] != c->cross_attention_dim[0])
            atl_json_refuse(json, ATL_BAD_INPUT, "cross_attention_dim",
                            "with \"encoder_hid_dim\" one number was wanted");
}

static void read_sample_size(atl_json *json, atl_unet_config *c)
{
    int size[ATL_MAX_BLOCKS] = {0};
    if (!atl_json_has(json, "sample_size"))
        return;
    if (atl_json_ints(json, "sample_size", 2, 1, MAX_CHANNELS, size) != 2)
        atl_json_refuse(json, ATL_BAD_INPUT, "sample_size", "a number, [height, width] or null was wanted");
    c->sample_h = size[0];
    c->sample_w = size[1];
}

static void read_convolutions(atl_json *json, atl_unet_config *c)
{
    c->in_channels = atl_json_int(json, "in_channels", 4, 1, MAX_CHANNELS);
    c->out_channels = atl_json_int(json, "out_channels", 4, 1, MAX_CHANNELS);
    c->conv_in_kernel = atl_json_int(json, "conv_in_kernel", 3, 1, 1024);
    c->conv_out_kernel = atl_json_int(json, "conv_out_kernel", 3, 1, 1024);
    if (c->conv_in_kernel != 1 && c->conv_in_kernel != 3)
        atl_json_refuse(json, ATL_UNSUPPORTED, "conv_in_kernel", "1 and 3 are supported");
    if (c->conv_out_kernel != 1 && c->conv_out_kernel != 3)
        atl_json_refuse(json, ATL_UNSUPPORTED, "conv_out_kernel", "1 and 3 are supported");
    c->downsample_padding = atl_json_int(json, "downsample_padding", 1, 0, 1024);
    if (c->downsample_padding > 1)
        atl_json_refuse(json, ATL_UNSUPPORTED, "downsample_padding", "0 and 1 are supported");
}

static void read_resnets(atl_json *json, atl_unet_config *c)
{
    static const char *const shifts[] = {"default", "scale_shift", NULL};
    atl_json_ints_each(json, "layers_per_block", 2, c->n_blocks, 1, MAX_LAYERS, c->layers_per_block);
    c->scale_shift_norm = atl_json_word(json, "resnet_time_scale_shift", shifts, 0) == 1;
    atl_json_bool(json, "resnet_skip_time_act", false);
    atl_json_double(json, "resnet_out_scale_factor", 1);
    c->resnet_out_scale_factor = 1;
    c->mid_block_scale_factor = (float)atl_json_double(json, "mid_block_scale_factor", 1);
    if (!(c->mid_block_scale_factor != 0))
        atl_json_refuse(json, ATL_BAD_INPUT, "mid_block_scale_factor", "a number other than 0 was wanted");
    atl_json_double(json, "dropout", 0); /* of training alone */
    c->norm_eps = (float)atl_json_double(json, "norm_eps", 1e-5);
    if (atl_json_get(json, "norm_num_groups") && !atl_json_has(json, "norm_num_groups"))
        atl_json_refuse(json, ATL_UNSUPPORTED, "norm_num_groups", "a number of groups is supported");
    c->norm_num_groups = atl_json_int(json, "norm_num_groups", 32, 1, MAX_CHANNELS);
}

static void check_divisions(atl_json *json, const atl_unet_config *c)
{
    for (int i = 0; i < c->n_blocks && json->status == ATL_OK; i++) {
        const int channels = c->block_out_channels[i];
        if (channels % c->norm_num_groups != 0)
            atl_json_fail(json, ATL_BAD_INPUT,
                          "\"block_out_channels\" has %d, which \"norm_num_groups\" (%d) does not divide",
                          channels, c->norm_num_groups);
        const bool attends = c->down[i] == ATL_BLOCK_CROSS_ATTN ||
                             c->up[c->n_blocks - 1 - i] == ATL_BLOCK_CROSS_ATTN ||
                             (i == c->n_blocks - 1 && c->mid == ATL_MID_CROSS_ATTN);
        if (attends && channels % c->n_heads[i] != 0)
            atl_json_fail(json, ATL_UNSUPPORTED,
                          "\"attention_head_dim\" gives %d heads, which do not divide block %d's %d channels",
                          c->n_heads[i], i, channels);
    }
}

void atl_config_read_unet(atl_json *json, atl_unet_config *ret)
{
    *ret = (atl_unet_config){0};
    read_blocks(json, ret);
    if (json->status != ATL_OK)
        return;
    read_sample_size(json, ret);
    ret->center_input_sample = atl_json_bool(json, "center_input_sample", false);
    ret->act = atl_json_diffusers_act(json, "act_fn", ATL_ACT_SILU);
    read_convolutions(json, ret);
    read_resnets(json, ret);
    read_transformers(json, ret);
    read_time(json, ret);
    read_conditions(json, ret);
    check_divisions(json, ret);
}
