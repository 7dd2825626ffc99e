/* wide_math.h - exp and what is made of it, on one vector. Part of wide.h; see there. */
#ifndef ATL_KERNELS_WIDE_MATH_H
#define ATL_KERNELS_WIDE_MATH_H

#include <math.h>

#include "ops/layers.h"

/* eˣ: x = n·ln 2 + r with |r| ≤ ln 2 / 2, eʳ = 1 + r + r²·q(r) with q fitted for least relative error (3e-9,
 * before rounding). Below -87.33, where results would be subnormal, 0; above 88, e⁸⁸. */
static inline vec v_exp(vec x)
{
    vec clamped = v_min(v_max(x, v_set(-87.33f)), v_set(88.0f));
    vec n = v_round(v_mul(clamped, v_set(1.44269504f)));
    vec r = v_fnma(n, v_set(0.693145752f), clamped); /* ln 2 in two parts: the first has zeros at its end */
    r = v_fnma(n, v_set(1.42860677e-6f), r);
    vec q = v_fma(v_set(0.00138144615f), r, v_set(0.00836878084f));
    q = v_fma(q, r, v_set(0.0416683927f));
    q = v_fma(q, r, v_set(0.166665196f));
    q = v_fma(q, r, v_set(0.49999994f));
    vec p = v_add(v_fma(v_mul(r, r), q, r), v_set(1.0f));
    return v_zero_if_less(x, v_set(-87.33f), v_scale2(p, n));
}

/* 2ˣ for x ≤ 126: n + r with |r| ≤ ½, 2ʳ = 1 + r·q(r), fitted for least relative error (9e-8).
 * Below -126, 2⁻¹²⁶: next to a sum that is at least 1, nothing. */
static inline vec v_exp2_of_negative(vec x)
{
    vec clamped = v_max(x, v_set(-126.0f));
    vec n = v_round(clamped), r = v_sub(clamped, n);
    vec q = v_fma(v_set(0.00132647227f), r, v_set(0.00967151299f));
    q = v_fma(q, r, v_set(0.0555073358f));
    q = v_fma(q, r, v_set(0.240222424f));
    q = v_fma(q, r, v_set(0.693147004f));
    return v_scale2(v_fma(q, r, v_set(1.0f)), n);
}

/* x·σ(a·x). The argument of exp is kept below 87 so that 1 + e stays within v_reciprocal's range. */
static inline vec v_swish(vec x, float a)
{
    vec e = v_exp(v_min(v_mul(x, v_set(-a)), v_set(87.0f)));
    return v_mul(x, v_reciprocal(v_add(e, v_set(1.0f))));
}

/* x·Φ(x). With z = |x|/√2 and t = 1/(1 + 0.3·z), erfc(z) = t·p(t)·exp(-z²), p fitted for least relative error
 * (2e-8): the form of Abramowitz & Stegun 7.1.26, longer. */
static inline vec v_gelu(vec x)
{
    static const float p[] = {0.485572726f, -0.512298286f, 0.547743857f, -0.0946677625f,
                              0.214933589f, 0.14833717f,   0.170715526f, 0.169187993f};
    vec z = v_mul(v_abs(x), v_set(0.707106781f));
    vec t = v_reciprocal(v_fma(z, v_set(0.3f), v_set(1.0f)));
    vec sum = v_set(-0.129524812f);
    for (int i = 0; i < 8; i++)
        sum = v_fma(sum, t, v_set(p[i]));
    vec half_erfc = v_mul(v_mul(v_mul(t, sum), v_set(0.5f)), v_exp(v_mul(z, v_sub(v_set(0.0f), z))));
    return v_mul(x, v_if_negative(x, half_erfc, v_sub(v_set(1.0f), half_erfc)));
}

/* x·σ(x) for results that are rounded to bf16, good to 2e-04 of it: no Newton step. */
static inline vec v_silu_near(vec x)
{
    vec e = v_power_near(v_mul(x, v_set(-1.44269504f)));
    return v_mul(x, v_reciprocal_near(v_add(e, v_set(1.0f))));
}

/* x·σ(1.702·x), as good. */
static inline vec v_quick_gelu_near(vec x)
{
    return v_mul(v_silu_near(v_mul(x, v_set(1.702f))), v_set(1.0f / 1.702f));
}

/* x·Φ(x) for results that are rounded to bf16: Φ(x) = ½ + x·p(x²) up to |x| = 4.2, fitted for least error of
 * the result (8e-5 at most) and meeting 0 and 1 there, where it stays. */
static inline vec v_gelu_near(vec x)
{
    static const float p[] = {-9.01750565e-10f, 7.9413208e-08f, -3.03792627e-06f, 6.68906172e-05f,
                              -0.000950656859f, 0.00929822646f, -0.065528196f,    0.398465869f};
    vec near = v_min(v_max(x, v_set(-4.2f)), v_set(4.2f)), square = v_mul(near, near), sum = v_set(p[0]);
    for (int i = 1; i < 8; i++)
        sum = v_fma(sum, square, v_set(p[i]));
    return v_mul(x, v_fma(near, sum, v_set(0.5f)));
}

/* x·½·(1 + tanh u) = x·σ(2u), u = √(2/π)·(x + 0.044715·x³). */
static inline vec v_gelu_tanh(vec x)
{
    vec cubic = v_fma(v_mul(v_mul(x, x), x), v_set(0.044715f), x);
    vec e = v_exp(v_min(v_mul(cubic, v_set(-1.59576912f)), v_set(87.0f)));
    return v_mul(x, v_reciprocal(v_add(e, v_set(1.0f))));
}

/* x·tanh(ln(1 + eˣ)) = x·s/(s + 2) with s = eˣ·(eˣ + 2); past 20 the quotient is 1. */
static inline vec v_mish(vec x)
{
    vec e = v_exp(v_min(x, v_set(20.0f)));
    vec s = v_mul(e, v_add(e, v_set(2.0f)));
    return v_mul(x, v_mul(s, v_reciprocal(v_add(s, v_set(2.0f)))));
}

/* No network of ours spends time here, and near 0 only the library's keeps its relative precision. */
static inline vec v_tanh(vec x)
{
    float lane[LANES];
    v_store(lane, x);
    for (int i = 0; i < LANES; i++)
        lane[i] = tanhf(lane[i]);
    return v_load(lane);
}

static inline vec v_activate(atl_activation act, vec x)
{
    switch (act) {
    case ATL_ACT_NONE:
        return x;
    case ATL_ACT_RELU:
        return v_max(x, v_set(0.0f));
    case ATL_ACT_SILU:
        return v_swish(x, 1.0f);
    case ATL_ACT_GELU:
        return v_gelu(x);
    case ATL_ACT_GELU_TANH:
        return v_gelu_tanh(x);
    case ATL_ACT_QUICK_GELU:
        return v_swish(x, 1.702f);
    case ATL_ACT_MISH:
        return v_mish(x);
    case ATL_ACT_TANH:
        return v_tanh(x);
    }
    return x;
}

#endif
