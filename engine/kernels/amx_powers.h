/* amx_powers.h - scores of attention to powers of two in bf16, 32 numbers in eight instructions.
 *
 * Beside products of tiles only port 0 of these processors takes what is done to f32 in 512 bits, while whole
 * numbers go through two ports (docs/SPEED.md). So two multiply-adds bring two vectors of scores to numbers
 * of 16 bits, f·s + b in 1/1024, and the rest is done to both at once: such a number is the logarithm of a
 * power, and has the exponent's last six bits and the fraction where bf16 has them, but for three bits of
 * rounding and for the curve between x and 2^x - 1, of at most 0.086, which stands in a table for each 1/64
 * (Schraudolph 1999 has it without the curve). The error is 0.62 % at most and 0.18 % in the mean (root of
 * squares), where rounding to bf16 alone has 0.39 and 0.16. */
#ifndef ATL_KERNELS_AMX_POWERS_H
#define ATL_KERNELS_AMX_POWERS_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/attend.h"

#define ATL_POWER_UNIT  1024        /* of exponents, in whole numbers */
#define ATL_POWER_MAGIC 12582912.0f /* 1.5·2^23: f32 of this size have whole numbers in their lower bits */
#define ATL_POWER_HALF  4           /* of the last place that stays */
#define ATL_POWER_LEAST (0x4b400000 + 4) /* the bits of MAGIC + HALF: six bits of exponent that are all 0 */

/* Added to f·s. Without a maximum 2^x becomes 2^(x - 32), for x from -30 to 30: three bits before the six are
 * 001. By peaks it becomes 2^(x - 65), for x from -61 to 0, the three bits being 0; and for less than that 0,
 * as tiles take numbers below 2^-126. */
#define ATL_POWER_PLAIN (ATL_POWER_MAGIC + 31 * ATL_POWER_UNIT + ATL_POWER_HALF)
#define ATL_POWER_PEAK  (ATL_POWER_MAGIC + 62 * ATL_POWER_UNIT + ATL_POWER_HALF)

/* What powers are made with, in registers. */
typedef struct atl_powers {
    __m512 factor; /* f in whole numbers */
    __m512i lower, places, curve, top, least;
} atl_powers;

static inline atl_powers atl_powers_of(float factor)
{
    /* 1024·(x - (2^x - 1)) in the middle of each 1/64, after HALF was added. */
    static const uint8_t curve[64] = {1,  6,  11, 15, 20, 24, 28, 32, 36, 40, 44, 47, 51, 54, 57, 60,
                                      63, 66, 68, 71, 73, 75, 77, 79, 80, 82, 83, 84, 85, 86, 87, 88,
                                      88, 88, 88, 88, 88, 87, 86, 86, 85, 83, 82, 80, 78, 76, 74, 72,
                                      69, 66, 63, 60, 57, 53, 49, 45, 41, 37, 32, 27, 22, 16, 11, 5};
    return (atl_powers){.factor = _mm512_set1_ps(factor * ATL_POWER_UNIT),
                        .lower = _mm512_set1_epi32(0xffff),
                        .places = _mm512_set1_epi64(0x0034002400140004), /* bits 4–9 of each 16 */
                        .curve = _mm512_loadu_si512(curve),
                        .top = _mm512_set1_epi16(1),
                        .least = _mm512_set1_epi32(ATL_POWER_LEAST + ATL_POWER_UNIT / 2)};
}

/* A query's scores with the unit's even keys, s[0 … 15], and odd ones, s[16 … 31], to powers[32] in the keys'
 * order. */
static inline __attribute__((always_inline)) void atl_raise_row(const atl_powers *p, const float *s,
                                                                __m512 base, bool by_peak, uint16_t *powers)
{
    __m512i even = _mm512_castps_si512(_mm512_fmadd_ps(_mm512_loadu_ps(s), p->factor, base));
    __m512i odd = _mm512_castps_si512(_mm512_fmadd_ps(_mm512_loadu_ps(s + 16), p->factor, base));
    if (by_peak) {
        even = _mm512_max_epi32(even, p->least);
        odd = _mm512_max_epi32(odd, p->least);
    }
    __m512i x = _mm512_slli_epi32(odd, 16);
    x = _mm512_ternarylogic_epi32(x, even, p->lower, 0xf8); /* odd | (even & lower) */
    __m512i sixty_fourth = _mm512_multishift_epi64_epi8(p->places, x);
    x = _mm512_sub_epi16(x, _mm512_maskz_permutexvar_epi8(0x5555555555555555, sixty_fourth, p->curve));
    _mm512_storeu_si512(powers, by_peak ? _mm512_srli_epi16(x, 3) : _mm512_shrdi_epi16(x, p->top, 3));
}

#endif
