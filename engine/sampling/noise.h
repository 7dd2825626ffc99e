/* noise.h - standard normal numbers as torch draws them, bit for bit.
 *
 * CPU: MT19937 (Matsumoto & Nishimura 1998) with torch's way of making normals: 16 or more at once in blocks
 * of 16 by Box–Muller (the last block redrawn where the count is no multiple of 16), fewer one by one with a
 * cached second value in double. CUDA: Philox 4×32-10 (Salmon et al. 2011), as torch.randn on a CUDA device
 * lays it out. A generator lives as long as its job: draws follow each other as they would from one
 * torch.Generator. */
#ifndef ATL_SAMPLING_NOISE_H
#define ATL_SAMPLING_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum atl_rng { ATL_RNG_CPU, ATL_RNG_CUDA } atl_rng;

typedef struct atl_noise {
    atl_rng rng;
    uint32_t state[624];
    int next; /* into state */
    bool has_cached;
    double cached;         /* the second normal of a pair (scalar path) */
    uint64_t seed, offset; /* Philox */
} atl_noise;

/* As a torch.Generator after manual_seed(seed). */
void atl_noise_init(atl_noise *noise, atl_rng rng, uint64_t seed);
/* out[n] as torch.randn(shape of n elements, generator=…) gives them, in row-major order. */
void atl_noise_normal(atl_noise *noise, float *out, size_t n);

#endif
