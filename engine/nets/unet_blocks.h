/* unet_blocks.h - one resolution of the UNet: DownBlock2D, CrossAttnDownBlock2D, UNetMidBlock2D(CrossAttn),
 * UpBlock2D and CrossAttnUpBlock2D of diffusers.
 *
 * All of them are a row of layers, each a ResNet block and maybe a transformer, and maybe a sampler at the
 * end: one struct serves for all, filled from the config. What differs is where maps come from and go. */
#ifndef ATL_NETS_UNET_BLOCKS_H
#define ATL_NETS_UNET_BLOCKS_H

#include "model/loader.h"
#include "nets/lanes.h"
#include "nets/resnet.h"
#include "nets/transformer.h"

#define ATL_MAX_SKIPS 128 /* maps that wait for the way up; SDXL has 9, SD 1.x has 12 */

typedef struct atl_unet_layer {
    atl_resnet resnet;
    atl_transformer *transformer; /* NULL in plain blocks */
} atl_unet_layer;

typedef struct atl_unet_stage {
    int n_layers;
    atl_unet_layer *layers;
    bool has_sampler;
    atl_conv sampler; /* down or up */
} atl_unet_stage;

/* Each walks one block at the loader's place ("down_blocks.<i>" entered). After a failure of the loader the
 * stage is still one that atl_unet_stage_done takes. */
void atl_unet_down_load(atl_loader *loader, atl_unet_stage *stage, const atl_unet_config *config, int i);
void atl_unet_mid_load(atl_loader *loader, atl_unet_stage *stage, const atl_unet_config *config);
void atl_unet_up_load(atl_loader *loader, atl_unet_stage *stage, const atl_unet_config *config, int i);
void atl_unet_stage_done(atl_unet_stage *stage);

/* What conditions every layer. */
typedef struct atl_unet_condition {
    const atl_map *time; /* act(time embedding): [n or 1][1][1][time_embed_dim] */
    atl_text_heard text; /* its context [n][1][t][cross_attention_dim] */
    int h, w;            /* of the sample: the highest resolution */
    float merge_tokens;  /* there, in self-attention; 0: none */
} atl_unet_condition;

/* The maps of the way down, waiting for the way up. */
typedef struct atl_skips {
    int n;
    atl_map maps[ATL_MAX_SKIPS];
} atl_skips;

/* From the last skip; pushes one map for each layer and one for the sampler, all taken from the arena. */
void atl_unet_down_run(const atl_unet_stage *stage, const atl_bench *bench, const atl_unet_condition *on,
                       atl_skips *skips);
/* x is the last skip before and in a lane afterwards. */
void atl_unet_mid_run(const atl_unet_stage *stage, const atl_bench *bench, const atl_unet_condition *on,
                      atl_lanes *lanes, atl_map *x);
/* Layers [first, end) of the next alone: each pops a skip. */
void atl_unet_up_layers_run(const atl_unet_stage *stage, const atl_bench *bench, const atl_unet_condition *on,
                            int first, int end, atl_skips *skips, atl_lanes *lanes, atl_map *x);
/* Each layer pops a skip; the sampler brings x to the size of the next one. x is in a lane afterwards. */
void atl_unet_up_run(const atl_unet_stage *stage, const atl_bench *bench, const atl_unet_condition *on,
                     atl_skips *skips, atl_lanes *lanes, atl_map *x);

#endif
