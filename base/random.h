/* random.h - repeatable randomness that needs to differ, not to be secret: SplitMix64 (Steele, Lea & Flood
 * 2014). */
#ifndef ATL_BASE_RANDOM_H
#define ATL_BASE_RANDOM_H

#include <stdint.h>

static inline uint64_t atl_random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* In [0, n); n from 1 to 2³², where the unevenness is below one in 2³². */
static inline uint32_t atl_random_below(uint64_t *state, uint64_t n)
{
    return (uint32_t)((atl_random_next(state) >> 32) * n >> 32);
}

#endif
