/* resample.h - the 3 × 3 convolutions between two resolutions: Downsample2D and Upsample2D of diffusers. */
#ifndef ATL_NETS_RESAMPLE_H
#define ATL_NETS_RESAMPLE_H

#include "model/loader.h"
#include "ops/map.h"

/* "downsamplers.0.conv", c → c channels with stride 2. `padding` on all four sides; 0 means one row below
 * and one column to the right. */
void atl_downsampler_load(atl_loader *loader, atl_conv *conv, atl_layer_class layer_class, int c,
                          int padding);
void atl_downsampler_run(const atl_bench *bench, const atl_conv *conv, const atl_map *x, const atl_map *out);

/* "upsamplers.0.conv", c → c channels. */
void atl_upsampler_load(atl_loader *loader, atl_conv *conv, atl_layer_class layer_class, int c);
/* Resizes x to out's size by the nearest pixel, then convolves. Doubling is folded into the convolution; any
 * other size (the skip connection of an odd-sized map) is made in scratch first. */
void atl_upsampler_run(const atl_bench *bench, const atl_conv *conv, const atl_map *x, const atl_map *out);

/* Lines of a band: as many as keep the threads busy, and no more than a quarter of `out`. */
int atl_band_lines(const atl_bench *bench, const atl_map *out);
/* Whether atl_upsampler_grow can be run. */
bool atl_upsampler_can_grow(const atl_bench *bench, const atl_conv *conv, const atl_map *x);
/* Doubles x where it stands: `out` is dense, twice as high and wide and begins `bytes` before the end of x,
 * of which atl_band_lines(out) lines and one are more than it is long. It is made band by band from its first
 * line on, and runs over lines of x that were read. */
void atl_upsampler_grow(const atl_bench *bench, const atl_conv *conv, const atl_map *x, size_t bytes,
                        const atl_map *out);

#endif
