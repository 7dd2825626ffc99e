/* pixelwise.h - the few things that networks do to a map without weights, and that no neighbour absorbs. */
#ifndef ATL_NETS_PIXELWISE_H
#define ATL_NETS_PIXELWISE_H

#include "ops/map.h"

/* An uninitialised dense map from the arena, in the type of what only products and attention read. */
atl_map atl_net_take(const atl_bench *bench, atl_layer_class layer_class, int n, int h, int w, int c);

/* The same for a map to which layer after layer adds: a residual stream, a skip. */
atl_map atl_net_take_stream(const atl_bench *bench, atl_layer_class layer_class, int n, int h, int w, int c);

/* out = (x + shift) · factor, same shapes, dense f32; out may be x. */
void atl_shift_scale(const atl_bench *bench, const atl_map *x, float shift, float factor, const atl_map *out);

/* out[n][h'][w'][c] = x at the nearest pixel as torch's interpolate(mode="nearest") finds it: row
 * floor(i · (float)h / h'), columns alike. Dense maps of one type. */
void atl_resize_nearest(const atl_bench *bench, const atl_map *x, const atl_map *out);

#endif
