/* wide_rows.h - kernels over rows that are f32 or bf16, written once over a vector; see wide.h.
 *
 * Apart from wide.h because avx512_bf16.c and neon_bf16.c have them too, with conversions of their own. */
#ifndef ATL_KERNELS_WIDE_ROWS_H
#define ATL_KERNELS_WIDE_ROWS_H

#include <string.h>

#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include "kernels/unroll.h"
#include "kernels/wide_math.h"
#include "kernels/wide_moments.h"

/* Rows of a product's tile whose sums, four vectors of weights and a broadcast number stay in registers. */
#define GATHERED_ROWS (LANES == 16 ? 12 : LANES == 8 ? 4 : 8)

/* ---- rows of either type ---- */

static inline vec load_any(const atl_rows *rows, size_t i, int j, int part)
{
    if (rows->dtype != ATL_BF16) {
        const float *p = (const float *)rows->data + i * rows->stride + j;
        return part ? v_load_n(p, part) : v_load(p);
    }
    const uint16_t *p = (const uint16_t *)rows->data + i * rows->stride + j;
    if (!part)
        return v_from_bf16(p);
    uint16_t some[LANES] = {0};
    memcpy(some, p, (size_t)part * sizeof *p);
    return v_from_bf16(some);
}

static inline void store_any(const atl_rows *rows, size_t i, int j, int part, vec x)
{
    if (rows->dtype != ATL_BF16) {
        float *p = (float *)rows->data + i * rows->stride + j;
        if (part)
            v_store_n(p, part, x);
        else
            v_store(p, x);
        return;
    }
    uint16_t *p = (uint16_t *)rows->data + i * rows->stride + j;
    if (!part) {
        v_store_bf16(p, x);
        return;
    }
    uint16_t all[LANES];
    v_store_bf16(all, x);
    memcpy(p, all, (size_t)part * sizeof *p);
}

static inline vec load_some(const float *p, int part)
{
    return part ? v_load_n(p, part) : v_load(p);
}

static inline void store_some(float *p, int part, vec x)
{
    if (part)
        v_store_n(p, part, x);
    else
        v_store(p, x);
}

/* Good enough for results that are rounded to bf16. */
static inline vec activate_near(atl_activation act, vec x)
{
    if (act == ATL_ACT_SILU)
        return v_silu_near(x);
    if (act == ATL_ACT_QUICK_GELU)
        return v_quick_gelu_near(x);
    return v_activate(act, x);
}

void KERNEL(finish_rows)(const atl_finish *finish, int m, int n, const float *sums, const atl_rows *residual,
                         const atl_rows *out)
{
    vec scale = v_set(finish->scale);
    bool near = out->dtype == ATL_BF16;
    for (int j = 0; j < n; j += LANES) {
        int part = n - j < LANES ? n - j : 0;
        vec bias = finish->bias ? load_some(finish->bias + j, part) : v_set(0.0f);
        vec time = finish->per_picture ? load_some(finish->per_picture + j, part) : v_set(0.0f);
        for (size_t i = 0; i < (size_t)m; i++) {
            vec y = v_add(v_add(v_load(sums + i * ATL_TILE_COLS + j), bias), time);
            y = near ? activate_near(finish->before, y) : v_activate(finish->before, y);
            if (residual)
                y = v_add(y, load_any(residual, i, j, part));
            store_any(out, i, j, part, v_activate(finish->after, v_mul(y, scale)));
        }
    }
}

void KERNEL(geglu_rows)(int m, int n, const float *a, const float *b, const float *bias_a,
                        const float *bias_b, const atl_rows *out)
{
    for (int j = 0; j < n; j += LANES) {
        int part = n - j < LANES ? n - j : 0;
        vec more_a = bias_a ? load_some(bias_a + j, part) : v_set(0.0f);
        vec more_b = bias_b ? load_some(bias_b + j, part) : v_set(0.0f);
        for (size_t i = 0; i < (size_t)m; i++) {
            vec value = v_add(v_load(a + i * ATL_TILE_COLS + j), more_a);
            vec gate = v_add(v_load(b + i * ATL_TILE_COLS + j), more_b);
            store_any(out, i, j, part, v_mul(value, v_gelu_near(gate)));
        }
    }
}

/* `n` bytes that are read soon, `at` bytes behind the first; they need not exist. */
static inline void call_near(const atl_rows *rows, size_t at, size_t n)
{
    for (size_t line = 0; line < n; line += 64)
        __builtin_prefetch((const void *)((uintptr_t)rows->data + at + line));
}

#define MOMENT_VECS  4     /* columns at a time: chains of sums that do not wait for each other */
#define MOMENT_AHEAD 16384 /* bytes: what is called near while as much before it is read */

void KERNEL(moments_rows)(int m, int n, const atl_rows *x, int before, float *mean, float *squares)
{
    const size_t bytes = x->dtype == ATL_BF16 ? sizeof(uint16_t) : sizeof(float), row = x->stride * bytes;
    const size_t ahead = MOMENT_AHEAD / row * row;
    const joining how = joining_of(before, m);
    int j = 0;
    for (; j + MOMENT_VECS * LANES <= n; j += MOMENT_VECS * LANES) {
        moments all[MOMENT_VECS];
        UNROLL for (int v = 0; v < MOMENT_VECS; v++) all[v] = moments_from(load_any(x, 0, j + v * LANES, 0));
        for (size_t i = 0; i < (size_t)m; i++) {
            call_near(x, i * row + (size_t)j * bytes + ahead, MOMENT_VECS * LANES * bytes);
            UNROLL for (int v = 0; v < MOMENT_VECS; v++)
                moments_add(&all[v], load_any(x, i, j + v * LANES, 0));
        }
        UNROLL for (int v = 0; v < MOMENT_VECS; v++)
        {
            vec so_far = v_load(mean + j + v * LANES), squared = v_load(squares + j + v * LANES);
            moments_join(&all[v], &how, &so_far, &squared);
            v_store(mean + j + v * LANES, so_far);
            v_store(squares + j + v * LANES, squared);
        }
    }
    for (; j < n; j += LANES) {
        int part = n - j < LANES ? n - j : 0;
        moments all = moments_from(load_any(x, 0, j, part));
        for (size_t i = 0; i < (size_t)m; i++)
            moments_add(&all, load_any(x, i, j, part));
        vec so_far = load_some(mean + j, part), squared = load_some(squares + j, part);
        moments_join(&all, &how, &so_far, &squared);
        store_some(mean + j, part, so_far);
        store_some(squares + j, part, squared);
    }
}

/* SiLU of whole vectors from bf16 to bf16, the decoder's daily bread. */
static inline void affine_silu(int m, int n, const atl_rows *x, const float *scale, const float *shift,
                               const atl_rows *out)
{
    for (size_t i = 0; i < (size_t)m; i++) {
        const uint16_t *from = (const uint16_t *)x->data + i * x->stride;
        uint16_t *to = (uint16_t *)out->data + i * out->stride;
        for (int j = 0; j < n; j += LANES)
            v_store_bf16(to + j,
                         v_silu_near(v_fma(v_from_bf16(from + j), v_load(scale + j), v_load(shift + j))));
    }
}

void KERNEL(affine_rows)(atl_activation act, int m, int n, const atl_rows *x, const float *scale,
                         const float *shift, const atl_rows *out)
{
    bool near = out->dtype == ATL_BF16;
    if (act == ATL_ACT_SILU && near && x->dtype == ATL_BF16 && n % LANES == 0) {
        affine_silu(m, n, x, scale, shift, out);
        return;
    }
    for (size_t i = 0; i < (size_t)m; i++)
        for (int j = 0; j < n; j += LANES) {
            int part = n - j < LANES ? n - j : 0;
            vec y = v_fma(load_any(x, i, j, part), load_some(scale + j, part), load_some(shift + j, part));
            store_any(out, i, j, part, near ? activate_near(act, y) : v_activate(act, y));
        }
}

void KERNEL(f32_to_bf16)(size_t n, const float *x, uint16_t *out)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        v_store_bf16(out + i, v_load(x + i));
    if (i < n) {
        uint16_t all[LANES];
        v_store_bf16(all, v_load_n(x + i, (int)(n - i)));
        memcpy(out + i, all, (n - i) * sizeof *out);
    }
}

#endif
