/* wide_neon.h - what wide.h needs of a vector, in NEON: 4 lanes, and arm64's 32 registers. See wide.h. */
#ifndef ATL_KERNELS_WIDE_NEON_H
#define ATL_KERNELS_WIDE_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES        4
#define KERNEL(name) atl_##name##__neon

typedef float32x4_t vec;

static inline vec v_load(const float *p)
{
    return vld1q_f32(p);
}

static inline void v_store(float *p, vec v)
{
    vst1q_f32(p, v);
}

/* The first n lanes, n in [0, 4); the others read as 0 and are not touched. */
static inline vec v_load_n(const float *p, int n)
{
    float lanes[LANES] = {0};
    memcpy(lanes, p, (size_t)n * sizeof *p);
    return vld1q_f32(lanes);
}

static inline void v_store_n(float *p, int n, vec v)
{
    float lanes[LANES];
    vst1q_f32(lanes, v);
    memcpy(p, lanes, (size_t)n * sizeof *p);
}

static inline vec v_set(float x)
{
    return vdupq_n_f32(x);
}

static inline vec v_add(vec a, vec b)
{
    return vaddq_f32(a, b);
}

static inline vec v_sub(vec a, vec b)
{
    return vsubq_f32(a, b);
}

static inline vec v_mul(vec a, vec b)
{
    return vmulq_f32(a, b);
}

static inline vec v_fma(vec a, vec b, vec c)
{
    return vfmaq_f32(c, a, b);
}

static inline vec v_fms(vec a, vec b, vec c) /* a·b - c */
{
    return vfmaq_f32(vnegq_f32(c), a, b);
}

static inline vec v_fnma(vec a, vec b, vec c) /* c - a·b */
{
    return vfmsq_f32(c, a, b);
}

static inline vec v_max(vec a, vec b)
{
    return vmaxq_f32(a, b);
}

static inline vec v_min(vec a, vec b)
{
    return vminq_f32(a, b);
}

static inline vec v_abs(vec a)
{
    return vabsq_f32(a);
}

static inline vec v_round(vec a)
{
    return vrndnq_f32(a);
}

/* a · 2^n for whole n in [-126, 127]: 2^n by its exponent bits. */
static inline vec v_scale2(vec a, vec n)
{
    int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
    return vmulq_f32(a, vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
}

static inline vec v_reciprocal(vec a)
{
    return vdivq_f32(vdupq_n_f32(1.0f), a);
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
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x), vcltq_f32(a, b)));
}

/* a < 0 ? x : y */
static inline vec v_if_negative(vec a, vec x, vec y)
{
    return vbslq_f32(vcltzq_f32(a), x, y);
}

static inline float v_sum(vec a)
{
    return vaddvq_f32(a);
}

static inline vec v_from_f16(const uint16_t *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

static inline void v_store_f16(uint16_t *p, vec x)
{
    vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x)));
}

static inline vec v_from_bf16(const uint16_t *p)
{
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}

/* Of LANES pairs of bf16, the first or the second. */
static inline vec v_even_bf16(const uint16_t *pairs)
{
    return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_u16(vld1q_u16(pairs)), 16));
}

static inline vec v_odd_bf16(const uint16_t *pairs)
{
    uint32x4_t both = vreinterpretq_u32_u16(vld1q_u16(pairs));
    return vreinterpretq_f32_u32(vandq_u32(both, vdupq_n_u32(0xffff0000u)));
}

/* Each lane's bf16, to nearest with ties to even, in its upper half; what is below is not cleared. */
static inline uint32x4_t bf16_rounded(vec x)
{
    uint32x4_t bits = vreinterpretq_u32_f32(x);
    uint32x4_t last = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    uint32x4_t near = vaddq_u32(bits, vaddq_u32(last, vdupq_n_u32(0x7fff)));
    return vbslq_u32(vceqq_f32(x, x), near, vorrq_u32(bits, vdupq_n_u32(0x400000)));
}

static inline void v_store_bf16(uint16_t *p, vec x)
{
#ifdef __ARM_FEATURE_BF16
    vst1_u16(p, vreinterpret_u16_bf16(vcvt_bf16_f32(x)));
#else
    vst1_u16(p, vshrn_n_u32(bf16_rounded(x), 16));
#endif
}

static inline void v_store_pairs(uint16_t *p, vec even, vec odd)
{
#ifdef __ARM_FEATURE_BF16
    uint16x4x2_t pairs = {
        {vreinterpret_u16_bf16(vcvt_bf16_f32(even)), vreinterpret_u16_bf16(vcvt_bf16_f32(odd))}};
    vst2_u16(p, pairs);
#else
    vst1q_u16(p, vreinterpretq_u16_u32(vsriq_n_u32(bf16_rounded(odd), bf16_rounded(even), 16)));
#endif
}

/* ---- whole numbers ---- */

typedef int32x4_t ivec;

static inline ivec i_load(const void *p)
{
    return vreinterpretq_s32_s8(vld1q_s8(p));
}

static inline vec v_from_s32(const int32_t *p)
{
    return vcvtq_f32_s32(vld1q_s32(p));
}

/* LANES numbers of at most ±128, to the nearest, ties to even. */
static inline void v_store_s8(int8_t *p, vec x)
{
    int16x4_t half = vqmovn_s32(vcvtnq_s32_f32(x));
    int32_t four = vget_lane_s32(vreinterpret_s32_s8(vqmovn_s16(vcombine_s16(half, half))), 0);
    memcpy(p, &four, sizeof four);
}

/* The same for four, zipped: a's first, b's first, … */
static inline void v_store_fours(int8_t *p, vec a, vec b, vec c, vec d)
{
    ivec all = vsliq_n_s32(vcvtnq_s32_f32(a), vcvtnq_s32_f32(b), 8);
    all = vsliq_n_s32(all, vcvtnq_s32_f32(c), 16);
    vst1q_s8(p, vreinterpretq_s8_s32(vsliq_n_s32(all, vcvtnq_s32_f32(d), 24)));
}

static inline void i_store(int32_t *p, ivec x)
{
    vst1q_s32(p, x);
}

static inline ivec i_set(int32_t x)
{
    return vdupq_n_s32(x);
}

/* Of pairs of s8, the first or the second as s16. */
static inline ivec i_even(ivec x)
{
    return vreinterpretq_s32_s16(vshrq_n_s16(vshlq_n_s16(vreinterpretq_s16_s32(x), 8), 8));
}

static inline ivec i_odd(ivec x)
{
    return vreinterpretq_s32_s16(vshrq_n_s16(vreinterpretq_s16_s32(x), 8));
}

/* sum + the products of pairs of s16. */
static inline ivec i_add_products(ivec sum, ivec a, ivec b)
{
    int16x8_t x = vreinterpretq_s16_s32(a), y = vreinterpretq_s16_s32(b);
    ivec low = vmull_s16(vget_low_s16(x), vget_low_s16(y)), high = vmull_high_s16(x, y);
    return vaddq_s32(sum, vpaddq_s32(low, high));
}

/* r[i] lane j becomes r[j] lane i, for 4 × 4. */
static inline __attribute__((always_inline)) void v_transpose(vec r[4])
{
    float32x4_t ab_even = vtrn1q_f32(r[0], r[1]), ab_odd = vtrn2q_f32(r[0], r[1]);
    float32x4_t cd_even = vtrn1q_f32(r[2], r[3]), cd_odd = vtrn2q_f32(r[2], r[3]);
    r[0] = vcombine_f32(vget_low_f32(ab_even), vget_low_f32(cd_even));
    r[1] = vcombine_f32(vget_low_f32(ab_odd), vget_low_f32(cd_odd));
    r[2] = vcombine_f32(vget_high_f32(ab_even), vget_high_f32(cd_even));
    r[3] = vcombine_f32(vget_high_f32(ab_odd), vget_high_f32(cd_odd));
}

#endif
