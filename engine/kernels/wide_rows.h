/* wide_rows.h - kernels over rows that are f32 or bf16, written once over a vector; see wide.h.
 *
 * Apart from wide.h because avx512_bf16.c has them too, with conversions of its own. Without an instruction
 * for it, bf16 is multiplied as f32: a tile's rows are widened into a few KB that stay in L1 (once for 32
 * columns), the weights in registers (once for all rows), so that the product runs as fast as f32's. */
#ifndef ATL_KERNELS_WIDE_ROWS_H
#define ATL_KERNELS_WIDE_ROWS_H

#include <string.h>

#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include "kernels/wide_math.h"

#if defined(__clang__)
#define UNROLL_ROWS _Pragma("clang loop unroll(full)")
#else
#define UNROLL_ROWS _Pragma("GCC unroll 16")
#endif

/* ---- product ---- */

/* Sums, four vectors of weights and a broadcast number stay in registers. */
#define GATHERED_ROWS (LANES == 16 ? 12 : LANES == 8 ? 4 : 8)

/* Numbers [0, 32) of rows [first, first + n) of a tap; rows past the end stay as they are. */
static inline void widen_block(const atl_gathered *a, size_t first, size_t n, size_t at,
                               float wide[GATHERED_ROWS][ATL_BLOCK_K])
{
    for (size_t i = 0; i < n; i++) {
        size_t row = first + i;
        const uint16_t *from =
            (row < 16 ? a->upper + row * a->stride : a->lower + (row - 16) * a->stride) + at;
        for (int j = 0; j < ATL_BLOCK_K; j += LANES)
            v_store(&wide[i][j], v_from_bf16(from + j));
    }
}

/* 32 numbers of each row times 32 rows of 2 · LANES columns of a panel. */
static inline __attribute__((always_inline)) void multiply_block(float wide[GATHERED_ROWS][ATL_BLOCK_K],
                                                                 const uint16_t *b, vec *left, vec *right)
{
    for (int k = 0; k < ATL_BLOCK_K; k += 2, b += 2 * ATL_TILE_COLS) {
        vec left_even = v_even_bf16(b), right_even = v_even_bf16(b + 2 * LANES);
        vec left_odd = v_odd_bf16(b), right_odd = v_odd_bf16(b + 2 * LANES);
        UNROLL_ROWS for (int i = 0; i < GATHERED_ROWS; i++)
        {
            vec even = v_set(wide[i][k]), odd = v_set(wide[i][k + 1]);
            left[i] = v_fma(odd, left_odd, v_fma(even, left_even, left[i]));
            right[i] = v_fma(odd, right_odd, v_fma(even, right_even, right[i]));
        }
    }
}

/* Rows [first, first + n ≤ GATHERED_ROWS) × 2 · LANES columns; c at the first of them. */
static inline void gathered_pass(const atl_gathered *a, size_t first, size_t n, const uint16_t *b, float *c,
                                 bool add)
{
    float wide[GATHERED_ROWS][ATL_BLOCK_K];
    vec left[GATHERED_ROWS], right[GATHERED_ROWS];
    if (n < GATHERED_ROWS)
        memset(wide, 0, sizeof wide);
    UNROLL_ROWS for (int i = 0; i < GATHERED_ROWS; i++)
    {
        bool load = add && (size_t)i < n;
        left[i] = load ? v_load(c + i * ATL_TILE_COLS) : v_set(0.0f);
        right[i] = load ? v_load(c + i * ATL_TILE_COLS + LANES) : v_set(0.0f);
    }
    for (size_t tap = 0; tap < a->n_taps; tap++)
        for (size_t k = 0; k < a->k; k += ATL_BLOCK_K, b += ATL_BLOCK_K * ATL_TILE_COLS) {
            widen_block(a, first, n, a->taps[tap] + k, wide);
            multiply_block(wide, b, left, right);
        }
    UNROLL_ROWS for (int i = 0; i < GATHERED_ROWS; i++) if ((size_t)i < n)
    {
        v_store(c + i * ATL_TILE_COLS, left[i]);
        v_store(c + i * ATL_TILE_COLS + LANES, right[i]);
    }
}

void KERNEL(gemm_gathered_bf16)(int m, const atl_gathered *a, const uint16_t *b, float *c, bool add,
                                const uint16_t *ahead)
{
    (void)ahead;
    for (size_t first = 0; first < (size_t)m; first += GATHERED_ROWS)
        for (size_t col = 0; col < ATL_TILE_COLS; col += 2 * LANES) {
            size_t left = (size_t)m - first;
            gathered_pass(a, first, left < GATHERED_ROWS ? left : GATHERED_ROWS, b + 2 * col,
                          c + first * ATL_TILE_COLS + col, add);
        }
}

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

void KERNEL(finish_rows)(const atl_finish *finish, int m, int n, const float *sums, const atl_rows *residual,
                         const atl_rows *out)
{
    vec scale = v_set(finish->scale);
    for (int j = 0; j < n; j += LANES) {
        int part = n - j < LANES ? n - j : 0;
        vec bias = finish->bias ? load_some(finish->bias + j, part) : v_set(0.0f);
        vec time = finish->per_picture ? load_some(finish->per_picture + j, part) : v_set(0.0f);
        for (size_t i = 0; i < (size_t)m; i++) {
            vec y = v_add(v_add(v_load(sums + i * ATL_TILE_COLS + j), bias), time);
            y = v_activate(finish->before, y);
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

#define MOMENT_VECS 4 /* columns at a time: chains of sums that do not wait for each other */

void KERNEL(moments_rows)(int m, int n, const atl_rows *x, const float *pivot, float *sum, float *sum_sq)
{
    int j = 0;
    for (; j + MOMENT_VECS * LANES <= n; j += MOMENT_VECS * LANES) {
        vec s[MOMENT_VECS], q[MOMENT_VECS], p[MOMENT_VECS];
        UNROLL_ROWS for (int v = 0; v < MOMENT_VECS; v++)
        {
            s[v] = q[v] = v_set(0.0f);
            p[v] = v_load(pivot + j + v * LANES);
        }
        for (size_t i = 0; i < (size_t)m; i++) {
            UNROLL_ROWS for (int v = 0; v < MOMENT_VECS; v++)
            {
                vec d = v_sub(load_any(x, i, j + v * LANES, 0), p[v]);
                s[v] = v_add(s[v], d);
                q[v] = v_fma(d, d, q[v]);
            }
        }
        UNROLL_ROWS for (int v = 0; v < MOMENT_VECS; v++)
        {
            v_store(sum + j + v * LANES, s[v]);
            v_store(sum_sq + j + v * LANES, q[v]);
        }
    }
    for (; j < n; j += LANES) {
        int part = n - j < LANES ? n - j : 0;
        vec p = load_some(pivot + j, part), s = v_set(0.0f), q = v_set(0.0f);
        for (size_t i = 0; i < (size_t)m; i++) {
            vec d = v_sub(load_any(x, i, j, part), p);
            s = v_add(s, d);
            q = v_fma(d, d, q);
        }
        store_some(sum + j, part, s);
        store_some(sum_sq + j, part, q);
    }
}

void KERNEL(affine_rows)(atl_activation act, int m, int n, const atl_rows *x, const float *scale,
                         const float *shift, const atl_rows *out)
{
    bool near = act == ATL_ACT_SILU && out->dtype == ATL_BF16;
    for (size_t i = 0; i < (size_t)m; i++)
        for (int j = 0; j < n; j += LANES) {
            int part = n - j < LANES ? n - j : 0;
            vec y = v_fma(load_any(x, i, j, part), load_some(scale + j, part), load_some(shift + j, part));
            store_any(out, i, j, part, near ? v_silu_near(y) : v_activate(act, y));
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
