/* resnet.h - the residual block of UNet and autoencoder: ResnetBlock2D of diffusers (He et al. 2016, with
 * the time embedding of Ho et al. 2020). */
#ifndef ATL_NETS_RESNET_H
#define ATL_NETS_RESNET_H

#include "model/loader.h"
#include "ops/map.h"

typedef struct atl_resnet_shape {
    int c_in, c_out;
    int time_dim;     /* channels of the time embedding; 0: the block knows no time */
    bool scale_shift; /* time scales and shifts the second norm, instead of being added before it */
    int groups;
    float eps;
    atl_activation act;
    float output_scale_factor;      /* the sum is divided by it */
    atl_layer_class layer_class;    /* of the convolutions … */
    atl_layer_class shortcut_class; /* … and of that past them */
} atl_resnet_shape;

/* Plain data: the weights are the store's. */
typedef struct atl_resnet {
    atl_resnet_shape shape;
    atl_norm norm1, norm2;
    atl_conv conv1, conv2;
    atl_linear time_proj;
    atl_conv shortcut; /* 1 × 1, only where c_in ≠ c_out */
} atl_resnet;

/* Walks norm1, conv1, time_emb_proj, norm2, conv2, conv_shortcut at the loader's place. */
void atl_resnet_load(atl_loader *loader, atl_resnet *resnet, const atl_resnet_shape *shape);

typedef struct atl_resnet_io {
    const atl_map *x;      /* [n][h][w][c] */
    const atl_map *x_more; /* NULL, or the skip connection: channels that follow x's */
    const atl_map *time; /* act(time embedding): [n][1][1][time_dim], or one row for all; NULL without time */
    const atl_map *normed;  /* scratch [n][h][w][c_in], or NULL: from the arena. With a shortcut and without
                               x_more it may be x, which is lost then */
    const atl_map *between; /* scratch [n][h][w][c_out] of conv1's result, or NULL: from the arena */
    const atl_map *out;     /* [n][h][w][c_out]; may be x where c_in = c_out */
} atl_resnet_io;

/* Takes what io does not give from the arena, and gives it back. Cannot fail. */
void atl_resnet_run(const atl_resnet *resnet, const atl_bench *bench, const atl_resnet_io *io);

/* Whether norm1 is applied within conv1, so that a normed copy of x is never made. */
bool atl_resnet_is_fused(const atl_resnet *resnet, const atl_map *x);

/* ---- in place, where channels become half as many or fewer ----
 *
 * A line of x has room for a line of conv1's result and one of the block's: so both are woven into the memory
 * of x, line by line from the last one up, in bands that lie `lag` lines further on than the lines that they
 * were made from. Where lines cannot be apart (map.h), rows are woven. */

/* Whether the block can do so: fused, without time and without x_more, over one picture. */
bool atl_resnet_can_weave(const atl_resnet *resnet, const atl_bench *bench, const atl_map *x);
/* x is dense and lost, and the memory of `lag` ≥ 2 more lines behind it is free. *ret_out [1][h][w][c_out]
 * has lines as far apart as x and begins `lag` lines after it: atl_resnet_woven_room says what is between. */
void atl_resnet_weave(const atl_resnet *resnet, const atl_bench *bench, const atl_map *x, int lag,
                      atl_map *ret_out);
/* Whether `map` was woven; then *ret is the memory between its lines or rows, a map of the same
 * shape. */
bool atl_resnet_woven_room(const atl_map *map, atl_map *ret);

/* GroupNorm needs whole groups: fails the walk where `groups` does not divide `c`. */
bool atl_net_check_groups(atl_loader *loader, int c, int groups);

#endif
