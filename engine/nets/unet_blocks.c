/* unet_blocks.c - see unet_blocks.h.
 *
 * `resnet_skip_time_act`, `resnet_out_scale_factor` and `mid_block_only_cross_attention` are nowhere here on
 * purpose: diffusers hands them to block types that this engine refuses, and to none of these. */
#include "nets/unet_blocks.h"

#include <stdlib.h>

#include "nets/pixelwise.h"
#include "nets/resample.h"

/* ---- loading ---- */

static atl_resnet_shape resnet_shape(const atl_unet_config *config, int c_in, int c_out, float divisor)
{
    return (atl_resnet_shape){.c_in = c_in,
                              .c_out = c_out,
                              .time_dim = config->time_embed_dim,
                              .scale_shift = config->scale_shift_norm,
                              .groups = config->norm_num_groups,
                              .eps = config->norm_eps,
                              .act = config->act,
                              .output_scale_factor = divisor,
                              .layer_class = ATL_LAYER_CONV,
                              .shortcut_class = ATL_LAYER_SHORTCUT};
}

/* The transformers of the resolution that is the i-th on the way down. */
static atl_transformer_shape transformer_shape(const atl_unet_config *config, int i, int n_layers,
                                               bool only_cross)
{
    return (atl_transformer_shape){.c = config->block_out_channels[i],
                                   .n_heads = config->n_heads[i],
                                   .n_layers = n_layers,
                                   .context_dim = config->cross_attention_dim[i],
                                   .groups = config->norm_num_groups,
                                   .linear_projection = config->use_linear_projection,
                                   .only_cross_attention = only_cross};
}

static bool take_layers(atl_loader *loader, atl_unet_stage *stage, int n_layers)
{
    stage->layers = calloc((size_t)n_layers, sizeof *stage->layers);
    if (!stage->layers) {
        atl_loader_fail(loader, ATL_NO_MEMORY, "out of memory for a block of %d layers", n_layers);
        return false;
    }
    stage->n_layers = n_layers;
    return true;
}

static void load_resnet(atl_loader *loader, atl_unet_stage *stage, int layer, const atl_resnet_shape *shape)
{
    atl_loader_enter(loader, "resnets.%d", layer);
    atl_resnet_load(loader, &stage->layers[layer].resnet, shape);
    atl_loader_leave(loader);
}

static void load_transformer(atl_loader *loader, atl_unet_stage *stage, int layer,
                             const atl_transformer_shape *shape)
{
    atl_loader_enter(loader, "attentions.%d", layer);
    stage->layers[layer].transformer = atl_transformer_new(loader, shape);
    atl_loader_leave(loader);
}

void atl_unet_down_load(atl_loader *loader, atl_unet_stage *stage, const atl_unet_config *config, int i)
{
    int c_out = config->block_out_channels[i];
    int c_in = config->block_out_channels[i > 0 ? i - 1 : 0];
    atl_transformer_shape attn =
        transformer_shape(config, i, config->transformer_layers[i], config->only_cross_attention[i]);

    if (!take_layers(loader, stage, config->layers_per_block[i]))
        return;
    for (int j = 0; j < stage->n_layers; j++) {
        atl_resnet_shape resnet = resnet_shape(config, j == 0 ? c_in : c_out, c_out, 1.0f);
        load_resnet(loader, stage, j, &resnet);
        if (config->down[i] == ATL_BLOCK_CROSS_ATTN)
            load_transformer(loader, stage, j, &attn);
    }
    stage->has_sampler = i < config->n_blocks - 1;
    if (stage->has_sampler)
        atl_downsampler_load(loader, &stage->sampler, ATL_LAYER_CONV, c_out, config->downsample_padding);
}

/* resnets.0, attentions.0, resnets.1; without attention only resnets.0. */
void atl_unet_mid_load(atl_loader *loader, atl_unet_stage *stage, const atl_unet_config *config)
{
    int last = config->n_blocks - 1, c = config->block_out_channels[last];
    bool cross = config->mid == ATL_MID_CROSS_ATTN;
    atl_resnet_shape resnet = resnet_shape(config, c, c, config->mid_block_scale_factor);
    atl_transformer_shape attn = transformer_shape(config, last, config->transformer_layers[last], false);

    if (!take_layers(loader, stage, cross ? 2 : 1))
        return;
    load_resnet(loader, stage, 0, &resnet);
    if (cross) {
        load_transformer(loader, stage, 0, &attn);
        load_resnet(loader, stage, 1, &resnet);
    }
}

/* Up block i works at the resolution of down block n_blocks - 1 - i. Its layers take, besides what comes from
 * below, the maps which that block left, and at last the one with which that block began. */
void atl_unet_up_load(atl_loader *loader, atl_unet_stage *stage, const atl_unet_config *config, int i)
{
    int level = config->n_blocks - 1 - i;
    const int *channels = config->block_out_channels;
    int c_out = channels[level];
    int c_below = channels[i > 0 ? level + 1 : level], c_first_skip = channels[level > 0 ? level - 1 : 0];
    atl_transformer_shape attn = transformer_shape(config, level, config->up_transformer_layers[i],
                                                   config->only_cross_attention[level]);

    if (!take_layers(loader, stage, config->layers_per_block[level] + 1))
        return;
    for (int j = 0; j < stage->n_layers; j++) {
        int c_skip = j == stage->n_layers - 1 ? c_first_skip : c_out;
        atl_resnet_shape resnet = resnet_shape(config, (j == 0 ? c_below : c_out) + c_skip, c_out, 1.0f);
        load_resnet(loader, stage, j, &resnet);
        if (config->up[i] == ATL_BLOCK_CROSS_ATTN)
            load_transformer(loader, stage, j, &attn);
    }
    stage->has_sampler = level > 0;
    if (stage->has_sampler)
        atl_upsampler_load(loader, &stage->sampler, ATL_LAYER_CONV, c_out);
}

void atl_unet_stage_done(atl_unet_stage *stage)
{
    for (int i = 0; i < stage->n_layers; i++)
        atl_transformer_free(&stage->layers[i].transformer);
    free(stage->layers);
    *stage = (atl_unet_stage){0};
}

/* ---- running ---- */

static void run_layer(const atl_unet_layer *layer, const atl_bench *bench, const atl_unet_condition *on,
                      const atl_map *x, const atl_map *skip, const atl_map *out)
{
    atl_resnet_io io = {.x = x, .x_more = skip, .time = on->time, .out = out};

    atl_resnet_run(&layer->resnet, bench, &io);
    if (layer->transformer) {
        const bool highest = out->h == on->h && out->w == on->w;
        atl_transformer_run(layer->transformer, bench, out, &on->text, highest ? on->merge_tokens : 0.0f);
    }
}

static atl_map *push(atl_skips *skips, atl_map map)
{
    skips->maps[skips->n] = map;
    return &skips->maps[skips->n++];
}

void atl_unet_down_run(const atl_unet_stage *stage, const atl_bench *bench, const atl_unet_condition *on,
                       atl_skips *skips)
{
    for (int i = 0; i < stage->n_layers; i++) {
        const atl_map *x = &skips->maps[skips->n - 1];
        int c = stage->layers[i].resnet.shape.c_out;
        atl_map *out = push(skips, atl_net_take_stream(bench, ATL_LAYER_CONV, x->n, x->h, x->w, c));
        run_layer(&stage->layers[i], bench, on, x, NULL, out);
    }
    if (stage->has_sampler) {
        const atl_map *x = &skips->maps[skips->n - 1];
        int h = atl_conv_out_size(&stage->sampler, x->h), w = atl_conv_out_size(&stage->sampler, x->w);
        atl_map *out = push(skips, atl_net_take_stream(bench, ATL_LAYER_CONV, x->n, h, w, x->c));
        atl_downsampler_run(bench, &stage->sampler, x, out);
    }
}

void atl_unet_mid_run(const atl_unet_stage *stage, const atl_bench *bench, const atl_unet_condition *on,
                      atl_lanes *lanes, atl_map *x)
{
    for (int i = 0; i < stage->n_layers; i++) {
        atl_map out = atl_lanes_other(lanes, x->dtype, x->n, x->h, x->w, x->c);
        run_layer(&stage->layers[i], bench, on, x, NULL, &out);
        atl_lanes_switch(lanes);
        *x = out;
    }
}

void atl_unet_up_layers_run(const atl_unet_stage *stage, const atl_bench *bench, const atl_unet_condition *on,
                            int first, int end, atl_skips *skips, atl_lanes *lanes, atl_map *x)
{
    for (int i = first; i < end; i++) {
        const atl_map *skip = &skips->maps[--skips->n];
        int c = stage->layers[i].resnet.shape.c_out;
        atl_map out = atl_lanes_other(lanes, x->dtype, x->n, x->h, x->w, c);
        run_layer(&stage->layers[i], bench, on, x, skip, &out);
        atl_lanes_switch(lanes);
        *x = out;
    }
}

void atl_unet_up_run(const atl_unet_stage *stage, const atl_bench *bench, const atl_unet_condition *on,
                     atl_skips *skips, atl_lanes *lanes, atl_map *x)
{
    atl_unet_up_layers_run(stage, bench, on, 0, stage->n_layers, skips, lanes, x);
    if (stage->has_sampler) {
        const atl_map *next = &skips->maps[skips->n - 1];
        atl_map out = atl_lanes_other(lanes, x->dtype, x->n, next->h, next->w, x->c);
        atl_upsampler_run(bench, &stage->sampler, x, &out);
        atl_lanes_switch(lanes);
        *x = out;
    }
}
