/* wide_avx512.h - what wide.h needs of a vector, in AVX-512: 16 lanes. See wide.h. */
#ifndef ATL_KERNELS_WIDE_AVX512_H
#define ATL_KERNELS_WIDE_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define LANES 16
#ifndef KERNEL
#define KERNEL(name) atl_##name##__avx512
#endif

typedef __m512 vec;

static inline vec v_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

static inline void v_store(float *p, vec v)
{
    _mm512_storeu_ps(p, v);
}

static inline __mmask16 first_lanes(int n)
{
    return (__mmask16)((1u << n) - 1u);
}

/* The first n lanes, n in [0, 16); the others read as 0 and are not touched. */
static inline vec v_load_n(const float *p, int n)
{
    return _mm512_maskz_loadu_ps(first_lanes(n), p);
}

static inline void v_store_n(float *p, int n, vec v)
{
    _mm512_mask_storeu_ps(p, first_lanes(n), v);
}

static inline vec v_set(float x)
{
    return _mm512_set1_ps(x);
}

static inline vec v_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}

static inline vec v_sub(vec a, vec b)
{
    return _mm512_sub_ps(a, b);
}

static inline vec v_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}

static inline vec v_fma(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline vec v_fms(vec a, vec b, vec c) /* a·b - c */
{
    return _mm512_fmsub_ps(a, b, c);
}

static inline vec v_fnma(vec a, vec b, vec c) /* c - a·b */
{
    return _mm512_fnmadd_ps(a, b, c);
}

static inline vec v_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}

static inline vec v_min(vec a, vec b)
{
    return _mm512_min_ps(a, b);
}

static inline vec v_abs(vec a)
{
    return _mm512_abs_ps(a);
}

static inline vec v_round(vec a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* a · 2^n for whole n in [-126, 127]. */
static inline vec v_scale2(vec a, vec n)
{
    return _mm512_scalef_ps(a, n);
}

/* 1/a to an ulp or two, for a in [1, 2^126]: an estimate of 14 bits and one Newton step. */
static inline vec v_reciprocal(vec a)
{
    vec r = _mm512_rcp14_ps(a);
    return _mm512_mul_ps(r, _mm512_fnmadd_ps(a, r, _mm512_set1_ps(2.0f)));
}

/* The estimate alone: 2⁻¹⁴. */
static inline vec v_reciprocal_near(vec a)
{
    return _mm512_rcp14_ps(a);
}

/* 2ˣ good to 1e-4 of it, for any x: p(x - ⌊x⌋), fitted for least relative error, times 2 to the ⌊x⌋. */
static inline vec v_power_near(vec x)
{
    vec r = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    vec p = v_fma(v_set(0.0780245233f), r, v_set(0.226067159f));
    p = v_fma(v_fma(p, r, v_set(0.695833537f)), r, v_set(0.999925219f));
    return _mm512_scalef_ps(p, x);
}

/* a < b ? 0 : x, lane by lane. */
static inline vec v_zero_if_less(vec a, vec b, vec x)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ), x);
}

/* a < 0 ? x : y */
static inline vec v_if_negative(vec a, vec x, vec y)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_LT_OQ), y, x);
}

static inline float v_sum(vec a)
{
    return _mm512_reduce_add_ps(a);
}

static inline vec v_from_f16(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

static inline void v_store_f16(uint16_t *p, vec x)
{
    _mm256_storeu_si256((__m256i *)(void *)p,
                        _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

static inline vec v_from_bf16(const uint16_t *p)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

/* Of LANES pairs of bf16, the first or the second. */
static inline vec v_even_bf16(const uint16_t *pairs)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(pairs), 16));
}

static inline vec v_odd_bf16(const uint16_t *pairs)
{
    return _mm512_castsi512_ps(
        _mm512_and_si512(_mm512_loadu_si512(pairs), _mm512_set1_epi32((int)0xffff0000u)));
}

/* Each lane's bf16, to nearest with ties to even, in its upper half; what is below is not cleared. */
static inline __m512i bf16_rounded(vec x)
{
    __m512i bits = _mm512_castps_si512(x), one = _mm512_set1_epi32(1);
    __m512i last = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
    __m512i near = _mm512_add_epi32(bits, _mm512_add_epi32(last, _mm512_set1_epi32(0x7fff)));
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_mask_or_epi32(near, nan, bits, _mm512_set1_epi32(0x400000));
}

static inline void v_store_bf16(uint16_t *p, vec x)
{
#ifdef __AVX512BF16__ /* which takes subnormal numbers as 0 */
    _mm256_storeu_si256((__m256i *)(void *)p, (__m256i)_mm512_cvtneps_pbh(x));
#else
    __m256i narrow = _mm512_cvtepi32_epi16(_mm512_srli_epi32(bf16_rounded(x), 16));
    _mm256_storeu_si256((__m256i *)(void *)p, narrow);
#endif
}

static inline void v_store_pairs(uint16_t *p, vec even, vec odd)
{
    __m512i high = _mm512_and_si512(bf16_rounded(odd), _mm512_set1_epi32((int)0xffff0000u));
    _mm512_storeu_si512(p, _mm512_or_si512(high, _mm512_srli_epi32(bf16_rounded(even), 16)));
}

/* ---- whole numbers ---- */

typedef __m512i ivec;

static inline vec v_from_s32(const int32_t *p)
{
    return _mm512_cvtepi32_ps(_mm512_loadu_si512(p));
}

/* LANES numbers of at most ±128, to the nearest, ties to even. */
static inline void v_store_s8(int8_t *p, vec x)
{
    _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(x)));
}

/* The same for four, zipped: a's first, b's first, … */
static inline void v_store_fours(int8_t *p, vec a, vec b, vec c, vec d)
{
    const ivec byte = _mm512_set1_epi32(0xff);
    ivec low = _mm512_or_si512(_mm512_and_si512(_mm512_cvtps_epi32(a), byte),
                               _mm512_slli_epi32(_mm512_and_si512(_mm512_cvtps_epi32(b), byte), 8));
    ivec high = _mm512_or_si512(_mm512_and_si512(_mm512_cvtps_epi32(c), byte),
                                _mm512_slli_epi32(_mm512_cvtps_epi32(d), 8));
    _mm512_storeu_si512(p, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

static inline ivec i_load(const void *p)
{
    return _mm512_loadu_si512(p);
}

static inline void i_store(int32_t *p, ivec x)
{
    _mm512_storeu_si512(p, x);
}

static inline ivec i_set(int32_t x)
{
    return _mm512_set1_epi32(x);
}

/* Of pairs of s8, the first or the second as s16. */
static inline ivec i_even(ivec x)
{
    return _mm512_srai_epi16(_mm512_slli_epi16(x, 8), 8);
}

static inline ivec i_odd(ivec x)
{
    return _mm512_srai_epi16(x, 8);
}

/* sum + the products of pairs of s16. */
static inline ivec i_add_products(ivec sum, ivec a, ivec b)
{
    return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
}

/* r[i] lane j becomes r[j] lane i, for 16 × 16: pairs, quads, then 128-bit blocks twice. */
static inline __attribute__((always_inline)) void v_transpose(vec r[16])
{
    vec t[16];
    for (int i = 0; i < 16; i += 4) {
        vec ab_lo = _mm512_unpacklo_ps(r[i], r[i + 1]), ab_hi = _mm512_unpackhi_ps(r[i], r[i + 1]);
        vec cd_lo = _mm512_unpacklo_ps(r[i + 2], r[i + 3]), cd_hi = _mm512_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(ab_lo), _mm512_castps_pd(cd_lo)));
        t[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(ab_lo), _mm512_castps_pd(cd_lo)));
        t[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(ab_hi), _mm512_castps_pd(cd_hi)));
        t[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(ab_hi), _mm512_castps_pd(cd_hi)));
    }
    for (int j = 0; j < 4; j++) { /* t[4·q + j], block b: lane 4·b + j of rows 4·q … 4·q + 3 */
        vec even01 = _mm512_shuffle_f32x4(t[j], t[4 + j], 0x88),
            odd01 = _mm512_shuffle_f32x4(t[j], t[4 + j], 0xdd);
        vec even23 = _mm512_shuffle_f32x4(t[8 + j], t[12 + j], 0x88);
        vec odd23 = _mm512_shuffle_f32x4(t[8 + j], t[12 + j], 0xdd);
        r[j] = _mm512_shuffle_f32x4(even01, even23, 0x88);
        r[8 + j] = _mm512_shuffle_f32x4(even01, even23, 0xdd);
        r[4 + j] = _mm512_shuffle_f32x4(odd01, odd23, 0x88);
        r[12 + j] = _mm512_shuffle_f32x4(odd01, odd23, 0xdd);
    }
}

#endif
