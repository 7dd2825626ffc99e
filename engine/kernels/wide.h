/* wide.h - the kernels, written once over a vector `vec` of LANES floats.
 *
 * avx2.c and avx512.c each include their vector (wide_avx2.h, wide_avx512.h), then this file: KERNEL(name) is
 * the name with the instruction set behind it. Sums run in an order that depends on shapes alone; a column of
 * a tile never sees its neighbours. What is here is everything but the matrix product, which wants a register
 * tile of its own on each instruction set. */
#ifndef ATL_KERNELS_WIDE_H
#define ATL_KERNELS_WIDE_H

#include <string.h>

#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include "kernels/unroll.h"
#include "kernels/wide_math.h"

/* Runs `body` for i = 0, LANES, …, with `part` 0 for whole vectors and the number of lanes in the last. */
static inline vec load_part(const float *p, int part)
{
    return part ? v_load_n(p, part) : v_load(p);
}

static inline void store_part(float *p, int part, vec v)
{
    if (part)
        v_store_n(p, part, v);
    else
        v_store(p, v);
}

static inline int part_at(size_t i, size_t n)
{
    return n - i >= LANES ? 0 : (int)(n - i);
}

/* Eight or sixteen k at a time: as many rows of k lanes are turned into k rows of as many lanes. */
static inline void pack_block(int m, int part, const float *const *rows, size_t j, float *packed,
                              size_t stride)
{
    for (int first = 0; first < ATL_STRIP_WIDTH; first += LANES) {
        vec r[LANES];
        for (int i = 0; i < LANES; i++)
            r[i] = first + i < m ? load_part(rows[first + i] + j, part) : v_set(0.0f);
        v_transpose(r);
        for (int i = 0; i < (part ? part : LANES); i++)
            v_store(&packed[(j + (size_t)i) * stride + (size_t)first], r[i]);
    }
}

void KERNEL(pack_f32)(int m, size_t k, const float *const *rows, float *packed, size_t stride)
{
    for (size_t j = 0; j < k; j += LANES)
        pack_block(m, part_at(j, k), rows, j, packed, stride);
}

void KERNEL(finish_f32)(const atl_finish *finish, int n, const float *sums, float *out)
{
    vec scale = v_set(finish->scale);
    for (int i = 0; i < n; i += LANES) {
        int part = part_at((size_t)i, (size_t)n);
        vec y = load_part(sums + i, part);
        if (finish->bias)
            y = v_add(y, load_part(finish->bias + i, part));
        if (finish->per_picture)
            y = v_add(y, load_part(finish->per_picture + i, part));
        y = v_activate(finish->before, y);
        if (finish->residual)
            y = v_add(y, load_part(finish->residual + i, part));
        store_part(out + i, part, v_activate(finish->after, v_mul(y, scale)));
    }
}

void KERNEL(geglu_f32)(int n, const float *a, const float *b, const float *bias_a, const float *bias_b,
                       float *out)
{
    for (int i = 0; i < n; i += LANES) {
        int part = part_at((size_t)i, (size_t)n);
        vec value = load_part(a + i, part), gate = load_part(b + i, part);
        if (bias_a)
            value = v_add(value, load_part(bias_a + i, part));
        if (bias_b)
            gate = v_add(gate, load_part(bias_b + i, part));
        store_part(out + i, part, v_mul(value, v_gelu(gate)));
    }
}

void KERNEL(activate_f32)(atl_activation act, size_t n, const float *x, float *out)
{
    for (size_t i = 0; i < n; i += LANES) {
        int part = part_at(i, n);
        store_part(out + i, part, v_activate(act, load_part(x + i, part)));
    }
}

void KERNEL(add_f32)(size_t n, const float *x, const float *y, float *out)
{
    for (size_t i = 0; i < n; i += LANES) {
        int part = part_at(i, n);
        store_part(out + i, part, v_add(load_part(x + i, part), load_part(y + i, part)));
    }
}

void KERNEL(affine_f32)(atl_activation act, int n, const float *x, const float *scale, const float *shift,
                        float *out)
{
    for (int i = 0; i < n; i += LANES) {
        int part = part_at((size_t)i, (size_t)n);
        vec y = v_fma(load_part(x + i, part), load_part(scale + i, part), load_part(shift + i, part));
        store_part(out + i, part, v_activate(act, y));
    }
}

static inline float row_mean(int n, const float *x)
{
    vec sum = v_set(0.0f);
    for (int i = 0; i < n; i += LANES)
        sum = v_add(sum, load_part(x + i, part_at((size_t)i, (size_t)n)));
    return v_sum(sum) / (float)n;
}

/* Lanes past the end would each add mean²: they are left out of the last vector by hand. */
static inline float row_variance(int n, const float *x, float mean)
{
    vec sum = v_set(0.0f), m = v_set(mean);
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec d = v_sub(v_load(x + i), m);
        sum = v_fma(d, d, sum);
    }
    float total = v_sum(sum);
    for (; i < n; i++)
        total += (x[i] - mean) * (x[i] - mean);
    return total / (float)n;
}

void KERNEL(layer_norm_f32)(int n, const float *x, const float *gamma, const float *beta, float eps,
                            float *out)
{
    float mean = row_mean(n, x);
    vec scale = v_set(1.0f / sqrtf(row_variance(n, x, mean) + eps)), m = v_set(mean);
    for (int i = 0; i < n; i += LANES) {
        int part = part_at((size_t)i, (size_t)n);
        vec y = v_mul(v_sub(load_part(x + i, part), m), scale);
        if (gamma)
            y = v_mul(y, load_part(gamma + i, part));
        if (beta)
            y = v_add(y, load_part(beta + i, part));
        store_part(out + i, part, y);
    }
}

#define N_VECS (ATL_TILE_COLS / LANES)

/* The largest s of each column, two keys at a time so that no chain of maxima holds the loop back. */
static inline void column_peaks(int n_keys, const float *s, vec *peaks)
{
    vec others[N_VECS];
    UNROLL for (int j = 0; j < N_VECS; j++) others[j] = peaks[j] = v_load(s + j * LANES);
    int key = 0;
    for (; key + 2 <= n_keys; key += 2, s += 2 * ATL_TILE_COLS) {
        UNROLL for (int j = 0; j < N_VECS; j++)
        {
            peaks[j] = v_max(peaks[j], v_load(s + j * LANES));
            others[j] = v_max(others[j], v_load(s + ATL_TILE_COLS + j * LANES));
        }
    }
    UNROLL for (int j = 0; j < N_VECS; j++)
    {
        if (key < n_keys)
            peaks[j] = v_max(peaks[j], v_load(s + j * LANES));
        peaks[j] = v_max(peaks[j], others[j]);
    }
}

/* In powers of two: exp(scale·s - max) = 2^(scale'·s - max') with scale' = scale·log₂e. */
void KERNEL(softmax_f32)(int n_keys, float scale, float *s, float *max, float *sum, float *correction)
{
    vec factor = v_set(scale * 1.44269504f), peaks[N_VECS], totals[N_VECS];
    column_peaks(n_keys, s, peaks);
    UNROLL for (int j = 0; j < N_VECS; j++)
    {
        vec old = v_load(max + j * LANES), peak = v_max(old, v_mul(peaks[j], factor));
        v_store(correction + j * LANES, v_exp2_of_negative(v_sub(old, peak)));
        v_store(max + j * LANES, peak);
        peaks[j] = peak;
        totals[j] = v_set(0.0f);
    }
    for (int key = 0; key < n_keys; key++, s += ATL_TILE_COLS) {
        UNROLL for (int j = 0; j < N_VECS; j++)
        {
            vec e = v_exp2_of_negative(v_fms(v_load(s + j * LANES), factor, peaks[j]));
            v_store(s + j * LANES, e);
            totals[j] = v_add(totals[j], e);
        }
    }
    UNROLL for (int j = 0; j < N_VECS; j++)
    {
        vec before = v_mul(v_load(sum + j * LANES), v_load(correction + j * LANES));
        v_store(sum + j * LANES, v_add(before, totals[j]));
    }
}

void KERNEL(scale_rows_f32)(int n_rows, const float *factor, float *o)
{
    for (int j = 0; j < ATL_TILE_COLS; j += LANES) {
        vec f = v_load(factor + j);
        for (int i = 0; i < n_rows; i++) {
            float *p = o + i * ATL_TILE_COLS + j;
            v_store(p, v_mul(v_load(p), f));
        }
    }
}

/* The last few go through a padded copy: half-width loads have no masked form on AVX2. */
void KERNEL(f16_to_f32)(size_t n, const uint16_t *x, float *out)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        v_store(out + i, v_from_f16(x + i));
    if (i < n) {
        uint16_t rest[LANES] = {0};
        for (size_t j = i; j < n; j++)
            rest[j - i] = x[j];
        store_part(out + i, part_at(i, n), v_from_f16(rest));
    }
}

void KERNEL(bf16_to_f32)(size_t n, const uint16_t *x, float *out)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        v_store(out + i, v_from_bf16(x + i));
    if (i < n) {
        uint16_t rest[LANES] = {0};
        for (size_t j = i; j < n; j++)
            rest[j - i] = x[j];
        store_part(out + i, part_at(i, n), v_from_bf16(rest));
    }
}

/* ---- bf16 without instructions for it: widened, multiplied as f32 ---- */

/* Rows whose sums, with four vectors of weights and two of the row, stay in registers. */
#define BF16_ROWS (LANES == 16 ? 8 : 4)

/* c[rows ≤ BF16_ROWS][2·LANES]. All rows are computed; those past the end are not stored. */
static inline void gemm_bf16_pass(int rows, size_t k, const uint16_t *a, const uint16_t *b, float *c,
                                  size_t ldc, bool add)
{
    vec left[BF16_ROWS], right[BF16_ROWS];
    UNROLL for (int i = 0; i < BF16_ROWS; i++)
    {
        left[i] = add && i < rows ? v_load(c + (size_t)i * ldc) : v_set(0.0f);
        right[i] = add && i < rows ? v_load(c + (size_t)i * ldc + LANES) : v_set(0.0f);
    }
    for (size_t block = 0; block < k; block += ATL_BLOCK_K) {
        for (int pair = 0; pair < ATL_BLOCK_K / 2; pair++, a += 2, b += 2 * ATL_TILE_COLS) {
            vec left_even = v_even_bf16(b), right_even = v_even_bf16(b + 2 * LANES);
            vec left_odd = v_odd_bf16(b), right_odd = v_odd_bf16(b + 2 * LANES);
            UNROLL for (int i = 0; i < BF16_ROWS; i++)
            {
                vec even = v_set(atl_bf16_to_f32(a[i * ATL_BLOCK_K]));
                vec odd = v_set(atl_bf16_to_f32(a[i * ATL_BLOCK_K + 1]));
                left[i] = v_fma(odd, left_odd, v_fma(even, left_even, left[i]));
                right[i] = v_fma(odd, right_odd, v_fma(even, right_even, right[i]));
            }
        }
        a += (ATL_BF16_TILE_ROWS - 1) * ATL_BLOCK_K;
    }
    UNROLL for (int i = 0; i < BF16_ROWS; i++) if (i < rows)
    {
        v_store(c + (size_t)i * ldc, left[i]);
        v_store(c + (size_t)i * ldc + LANES, right[i]);
    }
}

void KERNEL(gemm_bf16)(int m, size_t k, const uint16_t *a, const uint16_t *b, float *c, size_t ldc, bool add,
                       const uint16_t *ahead)
{
    (void)ahead;
    for (int first = 0; first < m; first += BF16_ROWS)
        for (int col = 0; col < ATL_TILE_COLS; col += 2 * LANES)
            gemm_bf16_pass(m - first, k, a + first * ATL_BLOCK_K, b + 2 * col,
                           c + (size_t)first * ldc + (size_t)col, ldc, add);
}

#endif
