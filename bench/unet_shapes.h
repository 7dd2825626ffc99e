/* unet_shapes.h - the layers of an SD 1.5 step at 512 × 512 with guidance (2 pictures): what
 * unet_shapes_bench.c measures one by one, and onednn_bench.c beside oneDNN. */
#ifndef ATL_BENCH_UNET_SHAPES_H
#define ATL_BENCH_UNET_SHAPES_H

#define N_PICTURES 2

typedef enum shape_kind {
    CONV,
    LINEAR,
    GEGLU,
    SELF_ATTENTION,
    CROSS_ATTENTION,
    GROUP_NORM,
    LAYER_NORM
} shape_kind;

typedef struct shape {
    const char *name;
    shape_kind kind;
    int side, c_in, c_out, kernel; /* attention: c_in = channels, c_out = heads */
    int count;                     /* in one step */
} shape;

static const shape shapes[] = {
    {"conv3x3 320>320 @64", CONV, 64, 320, 320, 3, 7},
    {"conv3x3 960>320 @64", CONV, 64, 960, 320, 3, 1},
    {"conv3x3 640>320 @64", CONV, 64, 640, 320, 3, 2},
    {"conv3x3 640>640 @32", CONV, 32, 640, 640, 3, 6},
    {"conv3x3 1920>640 @32", CONV, 32, 1920, 640, 3, 1},
    {"conv3x3 1280>640 @32", CONV, 32, 1280, 640, 3, 1},
    {"conv3x3 1280>1280 @32", CONV, 32, 1280, 1280, 3, 1},
    {"conv3x3 640>640 @64", CONV, 64, 640, 640, 3, 1},
    {"conv3x3 1280>1280 @16", CONV, 16, 1280, 1280, 3, 7},
    {"conv3x3 2560>1280 @16", CONV, 16, 2560, 1280, 3, 2},
    {"conv3x3 1920>1280 @16", CONV, 16, 1920, 1280, 3, 1},
    {"conv3x3 1280>1280 @8", CONV, 8, 1280, 1280, 3, 11},
    {"conv3x3 2560>1280 @8", CONV, 8, 2560, 1280, 3, 3},
    {"conv1x1 2560>1280 @16", CONV, 16, 2560, 1280, 1, 2},
    {"conv1x1 640>320 @64", CONV, 64, 640, 320, 1, 2},
    {"linear 320>320 @64", LINEAR, 64, 320, 320, 1, 25},
    {"linear 320>960 @64", LINEAR, 64, 320, 960, 1, 5},
    {"geglu 320>2560 @64", GEGLU, 64, 320, 2560, 1, 5},
    {"linear 1280>320 @64", LINEAR, 64, 1280, 320, 1, 5},
    {"linear 640>640 @32", LINEAR, 32, 640, 640, 1, 25},
    {"linear 640>1920 @32", LINEAR, 32, 640, 1920, 1, 5},
    {"geglu 640>5120 @32", GEGLU, 32, 640, 5120, 1, 5},
    {"linear 2560>640 @32", LINEAR, 32, 2560, 640, 1, 5},
    {"linear 1280>1280 @16", LINEAR, 16, 1280, 1280, 1, 25},
    {"linear 1280>3840 @16", LINEAR, 16, 1280, 3840, 1, 5},
    {"geglu 1280>10240 @16", GEGLU, 16, 1280, 10240, 1, 5},
    {"linear 5120>1280 @16", LINEAR, 16, 5120, 1280, 1, 5},
    {"attention 4096x4096 d40", SELF_ATTENTION, 64, 320, 8, 1, 5},
    {"attention 1024x1024 d80", SELF_ATTENTION, 32, 640, 8, 1, 5},
    {"attention 256x256 d160", SELF_ATTENTION, 16, 1280, 8, 1, 5},
    {"attention 64x64 d160", SELF_ATTENTION, 8, 1280, 8, 1, 1},
    {"attention 4096x77 d40", CROSS_ATTENTION, 64, 320, 8, 1, 5},
    {"groupnorm+silu 320 @64", GROUP_NORM, 64, 320, 320, 1, 13},
    {"groupnorm+silu 960 @64", GROUP_NORM, 64, 960, 960, 1, 1},
    {"layernorm 320 @64", LAYER_NORM, 64, 320, 320, 1, 15},
};

#endif
