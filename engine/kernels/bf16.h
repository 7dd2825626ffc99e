/* bf16.h - bfloat16 in plain C: the upper half of an f32. */
#ifndef ATL_KERNELS_BF16_H
#define ATL_KERNELS_BF16_H

#include <stdint.h>
#include <string.h>

/* To nearest, ties to even; NaNs stay NaNs. */
static inline uint16_t atl_bf16_from_f32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)((bits >> 16) | 0x40u);
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

static inline float atl_bf16_to_f32(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, sizeof y);
    return y;
}

#endif
