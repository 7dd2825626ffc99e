/* wide_avx2.h - what wide.h needs of a vector, in AVX2 with FMA and F16C: 8 lanes. See wide.h. */
#ifndef ATL_KERNELS_WIDE_AVX2_H
#define ATL_KERNELS_WIDE_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define LANES        8
#define KERNEL(name) atl_##name##__avx2

typedef __m256 vec;

static inline vec v_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

static inline void v_store(float *p, vec v)
{
    _mm256_storeu_ps(p, v);
}

static inline __m256i first_lanes(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* The first n lanes, n in [0, 8); the others read as 0 and are not touched. */
static inline vec v_load_n(const float *p, int n)
{
    return _mm256_maskload_ps(p, first_lanes(n));
}

static inline void v_store_n(float *p, int n, vec v)
{
    _mm256_maskstore_ps(p, first_lanes(n), v);
}

static inline vec v_set(float x)
{
    return _mm256_set1_ps(x);
}

static inline vec v_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}

static inline vec v_sub(vec a, vec b)
{
    return _mm256_sub_ps(a, b);
}

static inline vec v_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}

static inline vec v_fma(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

static inline vec v_fms(vec a, vec b, vec c) /* a·b - c */
{
    return _mm256_fmsub_ps(a, b, c);
}

static inline vec v_fnma(vec a, vec b, vec c) /* c - a·b */
{
    return _mm256_fnmadd_ps(a, b, c);
}

static inline vec v_max(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}

static inline vec v_min(vec a, vec b)
{
    return _mm256_min_ps(a, b);
}

static inline vec v_abs(vec a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}

static inline vec v_round(vec a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* a · 2^n for whole n in [-126, 127]: 2^n by its exponent bits. */
static inline vec v_scale2(vec a, vec n)
{
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
}

static inline vec v_reciprocal(vec a)
{
    return _mm256_div_ps(_mm256_set1_ps(1.0f), a);
}

static inline vec v_reciprocal_near(vec a)
{
    return v_reciprocal(a);
}

/* 2ˣ good to 1e-4 of it: three terms. Past ±126 it may be anything smaller or larger. */
static inline vec v_power_near(vec x)
{
    vec t = v_min(v_max(x, v_set(-126.0f)), v_set(125.0f)), n = v_round(t), r = v_sub(t, n);
    vec q = v_fma(v_fma(v_set(0.0550089309f), r, v_set(0.242210984f)), r, v_set(0.69328293f));
    return v_scale2(v_fma(q, r, v_set(1.0f)), n);
}

/* a < b ? 0 : x, lane by lane. */
static inline vec v_zero_if_less(vec a, vec b, vec x)
{
    return _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_NLT_UQ), x);
}

/* a < 0 ? x : y */
static inline vec v_if_negative(vec a, vec x, vec y)
{
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_LT_OQ));
}

static inline float v_sum(vec a)
{
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static inline vec v_from_f16(const uint16_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

static inline void v_store_f16(uint16_t *p, vec x)
{
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

static inline vec v_from_bf16(const uint16_t *p)
{
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

/* Of LANES pairs of bf16, the first or the second. */
static inline vec v_even_bf16(const uint16_t *pairs)
{
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_loadu_si256((const __m256i *)(const void *)pairs), 16));
}

static inline vec v_odd_bf16(const uint16_t *pairs)
{
    return _mm256_castsi256_ps(_mm256_and_si256(_mm256_loadu_si256((const __m256i *)(const void *)pairs),
                                                _mm256_set1_epi32((int)0xffff0000u)));
}

/* Each lane's bf16, to nearest with ties to even, in its upper half; what is below is not cleared. */
static inline __m256i bf16_rounded(vec x)
{
    __m256i bits = _mm256_castps_si256(x), one = _mm256_set1_epi32(1);
    __m256i last = _mm256_and_si256(_mm256_srli_epi32(bits, 16), one);
    __m256i near = _mm256_add_epi32(bits, _mm256_add_epi32(last, _mm256_set1_epi32(0x7fff)));
    __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    return _mm256_blendv_epi8(near, quiet, _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
}

static inline void v_store_bf16(uint16_t *p, vec x)
{
    __m256i narrow = _mm256_srli_epi32(bf16_rounded(x), 16);
    narrow = _mm256_permute4x64_epi64(_mm256_packus_epi32(narrow, narrow), 0x08);
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_castsi256_si128(narrow));
}

static inline void v_store_pairs(uint16_t *p, vec even, vec odd)
{
    __m256i high = _mm256_and_si256(bf16_rounded(odd), _mm256_set1_epi32((int)0xffff0000u));
    _mm256_storeu_si256((__m256i *)(void *)p,
                        _mm256_or_si256(high, _mm256_srli_epi32(bf16_rounded(even), 16)));
}

/* ---- whole numbers ---- */

typedef __m256i ivec;

static inline ivec i_load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

static inline vec v_from_s32(const int32_t *p)
{
    return _mm256_cvtepi32_ps(i_load(p));
}

/* LANES numbers of at most ±128, to the nearest, ties to even. */
static inline void v_store_s8(int8_t *p, vec x)
{
    ivec whole = _mm256_cvtps_epi32(x);
    __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64((__m128i *)(void *)p, _mm_packs_epi16(half, half));
}

/* The same for four, zipped: a's first, b's first, … */
static inline void v_store_fours(int8_t *p, vec a, vec b, vec c, vec d)
{
    const ivec byte = _mm256_set1_epi32(0xff);
    ivec low = _mm256_or_si256(_mm256_and_si256(_mm256_cvtps_epi32(a), byte),
                               _mm256_slli_epi32(_mm256_and_si256(_mm256_cvtps_epi32(b), byte), 8));
    ivec high = _mm256_or_si256(_mm256_and_si256(_mm256_cvtps_epi32(c), byte),
                                _mm256_slli_epi32(_mm256_cvtps_epi32(d), 8));
    _mm256_storeu_si256((__m256i *)(void *)p, _mm256_or_si256(low, _mm256_slli_epi32(high, 16)));
}

static inline void i_store(int32_t *p, ivec x)
{
    _mm256_storeu_si256((__m256i *)(void *)p, x);
}

static inline ivec i_set(int32_t x)
{
    return _mm256_set1_epi32(x);
}

/* Of pairs of s8, the first or the second as s16. */
static inline ivec i_even(ivec x)
{
    return _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8);
}

static inline ivec i_odd(ivec x)
{
    return _mm256_srai_epi16(x, 8);
}

/* sum + the products of pairs of s16. */
static inline ivec i_add_products(ivec sum, ivec a, ivec b)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}

/* r[i] lane j becomes r[j] lane i, for 8 × 8: pairs, quads, then 128-bit halves. */
static inline __attribute__((always_inline)) void v_transpose(vec r[8])
{
    vec t[8];
    for (int i = 0; i < 8; i += 4) {
        vec ab_lo = _mm256_unpacklo_ps(r[i], r[i + 1]), ab_hi = _mm256_unpackhi_ps(r[i], r[i + 1]);
        vec cd_lo = _mm256_unpacklo_ps(r[i + 2], r[i + 3]), cd_hi = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm256_shuffle_ps(ab_lo, cd_lo, 0x44);
        t[i + 1] = _mm256_shuffle_ps(ab_lo, cd_lo, 0xee);
        t[i + 2] = _mm256_shuffle_ps(ab_hi, cd_hi, 0x44);
        t[i + 3] = _mm256_shuffle_ps(ab_hi, cd_hi, 0xee);
    }
    for (int j = 0; j < 4; j++) {
        r[j] = _mm256_permute2f128_ps(t[j], t[4 + j], 0x20);
        r[4 + j] = _mm256_permute2f128_ps(t[j], t[4 + j], 0x31);
    }
}

#endif
