/* unet.c - UNet2DConditionModel: down through the resolutions, and up again with what the way down left.
 *
 *   sample[n][h][w][4] ─▶ conv_in ─▶ down_blocks ─▶ mid_block ─▶ up_blocks ─▶ norm, act, conv_out
 *                             └── skips: last in, first out ──────┘
 *
 * The blocks' insides are unet_blocks.c's. The way down keeps every map (the arena, as a stack, holds them);
 * from the middle on, one map goes to and fro between two lanes.
 *
 * diffusers forwards an `upsample_size` where a side is no multiple of the overall factor. That size is the
 * next skip's, and where the sides are multiples, twice the size is the next skip's too: so the up-samplers
 * always go by the next skip, and no case is told apart. */
#include "nets/unet.h"

#include <stdlib.h>
#include <string.h>

#include "nets/pixelwise.h"
#include "nets/time_embedding.h"
#include "nets/unet_blocks.h"

struct atl_unet {
    atl_unet_config config;
    atl_time_embedding time;
    atl_linear context_proj; /* "encoder_hid_proj", only if encoder_hid_dim */
    atl_conv conv_in, conv_out;
    atl_norm norm_out;
    atl_unet_stage down[ATL_MAX_BLOCKS], mid, up[ATL_MAX_BLOCKS];
};

/* ---- loading ---- */

static atl_conv_shape same_size_conv(int c_in, int c_out, int kernel)
{
    return (atl_conv_shape){.c_in = c_in,
                            .c_out = c_out,
                            .kernel = kernel,
                            .stride = 1,
                            .pad_before = (kernel - 1) / 2,
                            .pad_after = (kernel - 1) / 2};
}

/* Refuses by name what would otherwise index out of bounds, or what no diffusers model can be. */
static bool config_can_be_built(atl_loader *loader, const atl_unet_config *config)
{
    int n_skips = config->n_blocks; /* conv_in and n_blocks - 1 down-samplers */

    if (config->n_blocks < 1 || config->n_blocks > ATL_MAX_BLOCKS) {
        atl_loader_fail(loader, ATL_UNSUPPORTED, "%d blocks; 1 to %d can be run", config->n_blocks,
                        ATL_MAX_BLOCKS);
        return false;
    }
    for (int i = 0; i < config->n_blocks; i++) {
        int layers = config->layers_per_block[i];
        if (layers < 1 || layers > ATL_MAX_SKIPS - n_skips) {
            atl_loader_fail(loader, ATL_UNSUPPORTED, "layers_per_block is %d; 1 to %d in all can be run",
                            layers, ATL_MAX_SKIPS - config->n_blocks);
            return false;
        }
        n_skips += layers;
    }
    if (config->mid != ATL_MID_NONE && !(config->mid_block_scale_factor != 0)) {
        atl_loader_fail(loader, ATL_UNSUPPORTED, "mid_block_scale_factor is 0, and is divided by");
        return false;
    }
    return true;
}

static void load_edges(atl_loader *loader, atl_unet *unet)
{
    const atl_unet_config *config = &unet->config;
    int c = config->block_out_channels[0];
    atl_linear_shape context = {
        .n_in = config->encoder_hid_dim, .n_out = config->cross_attention_dim[0], .bias = true};

    atl_load_conv(loader, &unet->conv_in, ATL_LAYER_IO,
                  same_size_conv(config->in_channels, c, config->conv_in_kernel), "conv_in");
    atl_time_embedding_load(loader, &unet->time, config);
    if (config->encoder_hid_dim)
        atl_load_linear(loader, &unet->context_proj, ATL_LAYER_LINEAR, context, "encoder_hid_proj");
    atl_load_norm(loader, &unet->norm_out, c, config->norm_num_groups, config->norm_eps, "conv_norm_out");
    /* four channels of a whole picture's latents: by far the dearest of what was done in f32 */
    atl_load_conv(loader, &unet->conv_out, ATL_LAYER_SHORTCUT,
                  same_size_conv(c, config->out_channels, config->conv_out_kernel), "conv_out");
}

/* Every stage, in the order of the walk. */
static size_t list_stages(const atl_unet *unet, const atl_unet_stage *ret[2 * ATL_MAX_BLOCKS + 1])
{
    size_t n = 0;
    for (int i = 0; i < unet->config.n_blocks; i++)
        ret[n++] = &unet->down[i];
    ret[n++] = &unet->mid;
    for (int i = 0; i < unet->config.n_blocks; i++)
        ret[n++] = &unet->up[i];
    return n;
}

static void place_texts(const atl_unet *unet)
{
    const atl_unet_stage *stages[2 * ATL_MAX_BLOCKS + 1];
    const size_t n = list_stages(unet, stages);
    size_t first = 0, first_c = 0;
    for (size_t i = 0; i < n; i++)
        for (int j = 0; j < stages[i]->n_layers; j++)
            if (stages[i]->layers[j].transformer)
                atl_transformer_place_text(stages[i]->layers[j].transformer, &first, &first_c);
}

size_t atl_unet_text_bytes(const atl_unet *unet, size_t n_rows, const atl_policy *policy)
{
    const atl_unet_stage *stages[2 * ATL_MAX_BLOCKS + 1];
    const size_t n = list_stages(unet, stages);
    const atl_dtype dtype = policy->layer[ATL_LAYER_ATTENTION].compute;
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        for (int j = 0; j < stages[i]->n_layers; j++)
            if (stages[i]->layers[j].transformer)
                bytes += atl_transformer_text_bytes(stages[i]->layers[j].transformer, n_rows, dtype);
    return bytes;
}

static void load_blocks(atl_loader *loader, atl_unet *unet)
{
    const atl_unet_config *config = &unet->config;

    for (int i = 0; i < config->n_blocks; i++) {
        atl_loader_enter(loader, "down_blocks.%d", i);
        atl_unet_down_load(loader, &unet->down[i], config, i);
        atl_loader_leave(loader);
    }
    if (config->mid != ATL_MID_NONE) {
        atl_loader_enter(loader, "mid_block");
        atl_unet_mid_load(loader, &unet->mid, config);
        atl_loader_leave(loader);
    }
    for (int i = 0; i < config->n_blocks; i++) {
        atl_loader_enter(loader, "up_blocks.%d", i);
        atl_unet_up_load(loader, &unet->up[i], config, i);
        atl_loader_leave(loader);
    }
}

atl_unet *atl_unet_new(atl_loader *loader, const atl_unet_config *config)
{
    if (!config_can_be_built(loader, config))
        return NULL;
    atl_unet *unet = calloc(1, sizeof *unet);
    if (!unet)
        return NULL;
    unet->config = *config;
    load_edges(loader, unet);
    load_blocks(loader, unet);
    if (atl_loader_status(loader) != ATL_OK)
        atl_unet_free(&unet);
    else
        place_texts(unet);
    return unet;
}

void atl_unet_free(atl_unet **unet)
{
    if (!*unet)
        return;
    for (int i = 0; i < ATL_MAX_BLOCKS; i++) {
        atl_unet_stage_done(&(*unet)->down[i]);
        atl_unet_stage_done(&(*unet)->up[i]);
    }
    atl_unet_stage_done(&(*unet)->mid);
    free(*unet);
    *unet = NULL;
}

/* ---- running ---- */

/* Pushes conv_in(sample) and, unless `shallow`, what the down blocks make of it. */
static void run_down(const atl_unet *unet, const atl_bench *bench, const atl_map *sample,
                     const atl_unet_condition *on, bool shallow, atl_skips *skips)
{
    atl_map first =
        atl_net_take_stream(bench, ATL_LAYER_CONV, sample->n, sample->h, sample->w, unet->conv_in.c_out);
    size_t mark = atl_arena_mark(bench->arena);
    atl_map centred = *sample;

    if (unet->config.center_input_sample) { /* [0, 1] → [-1, 1] */
        centred = atl_map_take(bench, sample->dtype, sample->n, sample->h, sample->w, sample->c);
        atl_shift_scale(bench, sample, -0.5f, 2.0f, &centred);
    }
    atl_conv_input in = {.x = &centred};
    atl_conv_run(bench, &unet->conv_in, &in, NULL, &first);
    atl_arena_release(bench->arena, mark);

    skips->n = 1;
    skips->maps[0] = first;
    for (int i = 0; !shallow && i < unet->config.n_blocks; i++)
        atl_unet_down_run(&unet->down[i], bench, on, skips);
}

typedef struct way_up {
    const atl_unet_condition *on;
    const atl_skips *skips;
    const atl_unet_deep *deep;
    const atl_map *out;
} way_up;

static const atl_unet_stage *last_stage(const atl_unet *unet)
{
    return &unet->up[unet->config.n_blocks - 1];
}

/* Of the map that enters the last layer of the way up. */
static int deep_channels(const atl_unet *unet)
{
    const atl_unet_stage *stage = last_stage(unet);
    return stage->layers[stage->n_layers - 1].resnet.shape.c_in - unet->conv_in.c_out;
}

size_t atl_unet_deep_bytes(const atl_unet *unet, int n, int h, int w)
{
    return (size_t)n * (size_t)h * (size_t)w * (size_t)deep_channels(unet) * sizeof(float);
}

static size_t map_bytes(const atl_map *map)
{
    return atl_map_rows(map) * (size_t)map->c * atl_dtype_bytes(map->dtype);
}

/* Middle and up blocks, to the map that enters the last layer. */
static void run_deep(const atl_unet *unet, const atl_bench *bench, const way_up *way, atl_skips *skips,
                     atl_lanes *lanes, atl_map *x)
{
    const atl_unet_stage *stage = last_stage(unet);
    atl_unet_mid_run(&unet->mid, bench, way->on, lanes, x);
    for (int i = 0; i + 1 < unet->config.n_blocks; i++)
        atl_unet_up_run(&unet->up[i], bench, way->on, skips, lanes, x);
    atl_unet_up_layers_run(stage, bench, way->on, 0, stage->n_layers - 1, skips, lanes, x);
    if (way->deep && !bench->arena->measuring)
        memcpy(way->deep->data, x->data, map_bytes(x));
}

/* The same map as it was then. */
static void recall_deep(const atl_unet *unet, const atl_bench *bench, const way_up *way, atl_lanes *lanes,
                        atl_map *x)
{
    const atl_map recalled = atl_lanes_other(lanes, x->dtype, x->n, x->h, x->w, deep_channels(unet));
    if (!bench->arena->measuring)
        memcpy(recalled.data, way->deep->data, map_bytes(&recalled));
    atl_lanes_switch(lanes);
    *x = recalled;
}

/* Middle, up blocks and the last layers: what happens in lanes. */
static void run_up(const void *net, const atl_bench *bench, atl_lanes *lanes, void *io)
{
    const atl_unet *unet = net;
    const way_up *way = io;
    const atl_unet_stage *stage = last_stage(unet);
    atl_skips skips = *way->skips;
    atl_map x = skips.maps[skips.n - 1];

    if (way->deep && way->deep->reuse)
        recall_deep(unet, bench, way, lanes, &x);
    else
        run_deep(unet, bench, way, &skips, lanes, &x);
    atl_unet_up_layers_run(stage, bench, way->on, stage->n_layers - 1, stage->n_layers, &skips, lanes, &x);
    atl_conv_input in = {.x = &x};
    atl_group_norm_conv(bench, &unet->norm_out, unet->config.act, &unet->conv_out, &in, &x, NULL, way->out);
}

/* context[n][1][t][encoder_hid_dim] → [n][1][t][cross_attention_dim], or itself. */
static atl_map project_context(const atl_unet *unet, const atl_bench *bench, const atl_map *context)
{
    if (!unet->config.encoder_hid_dim)
        return *context;
    atl_map projected =
        atl_net_take(bench, ATL_LAYER_LINEAR, context->n, context->h, context->w, unet->context_proj.n_out);
    atl_linear_run(bench, &unet->context_proj, context, NULL, &projected);
    return projected;
}

void atl_unet_run(const atl_unet *unet, const atl_bench *bench, const atl_unet_input *in, const atl_map *out)
{
    size_t mark = atl_arena_mark(bench->arena);
    int n_times = atl_time_embedding_per_picture(&unet->config, in) ? in->sample->n : 1;
    atl_map time = atl_net_take(bench, ATL_LAYER_TIME, n_times, 1, 1, unet->config.time_embed_dim);
    atl_map context = project_context(unet, bench, in->context);
    atl_unet_condition on = {.time = &time,
                             .text = {.context = &context, .kept = in->kept},
                             .h = in->sample->h,
                             .w = in->sample->w,
                             .merge_tokens = in->merge_tokens};
    atl_skips skips;

    atl_time_embedding_run(&unet->time, &unet->config, bench, in, &time);
    run_down(unet, bench, in->sample, &on, in->deep && in->deep->reuse, &skips);
    atl_lanes_run(bench, 0, run_up, unet,
                  &(way_up){.on = &on, .skips = &skips, .deep = in->deep, .out = out});
    atl_arena_release(bench->arena, mark);
}
