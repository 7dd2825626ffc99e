/* resample.c - see resample.h. */
#include "nets/resample.h"

#include "nets/pixelwise.h"

void atl_downsampler_load(atl_loader *loader, atl_conv *conv, atl_layer_class layer_class, int c, int padding)
{
    atl_conv_shape shape = {.c_in = c,
                            .c_out = c,
                            .kernel = 3,
                            .stride = 2,
                            .pad_before = padding,
                            .pad_after = padding ? padding : 1};
    atl_load_conv(loader, conv, layer_class, shape, "downsamplers.0.conv");
}

void atl_downsampler_run(const atl_bench *bench, const atl_conv *conv, const atl_map *x, const atl_map *out)
{
    atl_conv_input in = {.x = x};
    atl_conv_run(bench, conv, &in, NULL, out);
}

void atl_upsampler_load(atl_loader *loader, atl_conv *conv, atl_layer_class layer_class, int c)
{
    atl_conv_shape shape = {.c_in = c, .c_out = c, .kernel = 3, .stride = 1, .pad_before = 1, .pad_after = 1};
    atl_load_conv(loader, conv, layer_class, shape, "upsamplers.0.conv");
}

void atl_upsampler_run(const atl_bench *bench, const atl_conv *conv, const atl_map *x, const atl_map *out)
{
    size_t mark = atl_arena_mark(bench->arena);
    bool same = out->h == x->h && out->w == x->w;
    bool doubled = out->h == 2 * x->h && out->w == 2 * x->w;
    atl_map resized = *x;

    if (!same && !doubled) {
        resized = atl_map_take(bench, x->dtype, x->n, out->h, out->w, x->c);
        atl_resize_nearest(bench, x, &resized);
    }
    atl_conv_input in = {.x = &resized, .upsample = doubled};
    atl_conv_run(bench, conv, &in, NULL, out);
    atl_arena_release(bench->arena, mark);
}
