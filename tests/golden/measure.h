/* measure.h - how far what the engine gave is from what diffusers gave. */
#ifndef GOLDEN_MEASURE_H
#define GOLDEN_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "model/safetensors.h"

/* Measured over all cases: a part at most 3.4e-6, a latent 2.1e-5, a guided model output in the middle of 20
 * steps 9e-5, a picture at least 77 dB and one value off by 1. A norm's epsilon mistaken or an activation
 * taken for its neighbour moves a part by 1e-4 and more. */
#define GOLDEN_PART_BOUND   2e-5
#define GOLDEN_LATENT_BOUND 3e-4
#define GOLDEN_SIGMA_BOUND  1e-6
/* Pictures in bytes: a value on the edge of rounding may fall to either side. */
#define GOLDEN_MIN_PSNR_DB 60.0
#define GOLDEN_MAX_OFF     2

/* |found - wanted|₂ / |wanted|₂ (of the absolute difference if wanted is all zeros); infinite for a NaN. */
double golden_relative_l2(const float *wanted, const float *found, size_t n);

/* Every tensor of the file `wanted_path` is in the file `found_path` with the same shape and within the
 * bound that its name calls for; else fails the test, with the measured error. */
void golden_assert_close(const char *wanted_path, const char *found_path);

/* Pictures alone: [n] bytes against the tensor "image" of `wanted_path`. */
void golden_assert_picture(const char *wanted_path, const uint8_t *found, int width, int height);

#endif
