/* portable.c - the kernels in plain C: what each computes, said as plainly as it can be. The others are
 * checked against these; nothing here is meant to be fast. Weights become panels in portable_panels.c. */
#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include "ops/elementwise.h"

void atl_gemm_f32__portable(int m, size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc,
                            bool add, const float *ahead)
{
    (void)ahead;
    for (int i = 0; i < m; i++, c += ldc) {
        if (!add)
            memset(c, 0, ATL_TILE_COLS * sizeof *c);
        for (size_t kk = 0; kk < k; kk++)
            for (int j = 0; j < ATL_TILE_COLS; j++)
                c[j] += a[kk * lda + (size_t)i] * b[kk * ATL_TILE_COLS + (size_t)j];
    }
}

void atl_pack_f32__portable(int m, size_t k, const float *const *rows, float *packed, size_t stride)
{
    for (size_t j = 0; j < k; j++)
        for (int i = 0; i < m; i++)
            packed[j * stride + (size_t)i] = rows[i][j];
}

void atl_finish_f32__portable(const atl_finish *finish, int n, const float *sums, float *out)
{
    for (int i = 0; i < n; i++) {
        float y = sums[i];
        if (finish->bias)
            y += finish->bias[i];
        if (finish->per_picture)
            y += finish->per_picture[i];
        y = atl_activate_one(finish->before, y);
        if (finish->residual)
            y += finish->residual[i];
        out[i] = atl_activate_one(finish->after, y * finish->scale);
    }
}

void atl_geglu_f32__portable(int n, const float *a, const float *b, const float *bias_a, const float *bias_b,
                             float *out)
{
    for (int i = 0; i < n; i++) {
        float value = a[i] + (bias_a ? bias_a[i] : 0.0f);
        float gate = b[i] + (bias_b ? bias_b[i] : 0.0f);
        out[i] = value * atl_activate_one(ATL_ACT_GELU, gate);
    }
}

void atl_activate_f32__portable(atl_activation act, size_t n, const float *x, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = atl_activate_one(act, x[i]);
}

void atl_add_f32__portable(size_t n, const float *x, const float *y, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = x[i] + y[i];
}

void atl_affine_f32__portable(atl_activation act, int n, const float *x, const float *scale,
                              const float *shift, float *out)
{
    for (int i = 0; i < n; i++)
        out[i] = atl_activate_one(act, x[i] * scale[i] + shift[i]);
}

void atl_layer_norm_f32__portable(int n, const float *x, const float *gamma, const float *beta, float eps,
                                  float *out)
{
    double mean = 0.0, variance = 0.0;
    for (int i = 0; i < n; i++)
        mean += (double)x[i];
    mean /= n;
    for (int i = 0; i < n; i++)
        variance += ((double)x[i] - mean) * ((double)x[i] - mean);
    double scale = 1.0 / sqrt(variance / n + (double)eps);
    for (int i = 0; i < n; i++) {
        float y = (float)(((double)x[i] - mean) * scale);
        out[i] = (gamma ? gamma[i] : 1.0f) * y + (beta ? beta[i] : 0.0f);
    }
}

void atl_softmax_f32__portable(int n_keys, float scale, float *s, float *max, float *sum, float *correction)
{
    float factor = scale * 1.44269504f;
    for (int j = 0; j < ATL_TILE_COLS; j++) {
        float peak = max[j], total = 0.0f;
        for (int key = 0; key < n_keys; key++)
            peak = fmaxf(peak, s[key * ATL_TILE_COLS + j] * factor);
        for (int key = 0; key < n_keys; key++) {
            float *p = &s[key * ATL_TILE_COLS + j];
            *p = exp2f(fmaf(*p, factor, -peak));
            total += *p;
        }
        correction[j] = exp2f(max[j] - peak);
        sum[j] = sum[j] * correction[j] + total;
        max[j] = peak;
    }
}

void atl_scale_rows_f32__portable(int n_rows, const float *factor, float *o)
{
    for (int i = 0; i < n_rows; i++)
        for (int j = 0; j < ATL_TILE_COLS; j++)
            o[i * ATL_TILE_COLS + j] *= factor[j];
}

/* Products of two bf16 are exact in f32. */
void atl_gemm_bf16__portable(int m, size_t k, const uint16_t *a, const uint16_t *b, float *c, size_t ldc,
                             bool add, const uint16_t *ahead)
{
    (void)ahead;
    for (int i = 0; i < m; i++, c += ldc) {
        if (!add)
            memset(c, 0, ATL_TILE_COLS * sizeof *c);
        for (size_t kk = 0; kk < k; kk++) {
            size_t block = kk / ATL_BLOCK_K * ATL_BF16_TILE_ROWS;
            float x = atl_bf16_to_f32(a[(block + (size_t)i) * ATL_BLOCK_K + kk % ATL_BLOCK_K]);
            const uint16_t *pairs = b + kk / 2 * (2 * ATL_TILE_COLS) + kk % 2;
            for (size_t j = 0; j < ATL_TILE_COLS; j++)
                c[j] += x * atl_bf16_to_f32(pairs[2 * j]);
        }
    }
}

void atl_pack_bf16__portable(int m, size_t first, size_t k, const float *const *rows, uint16_t *packed)
{
    for (size_t i = 0; i < (size_t)m; i++)
        for (size_t j = 0; j < k; j++) {
            size_t to = first + j, block = to / ATL_BLOCK_K * ATL_BF16_TILE_ROWS;
            packed[(block + i) * ATL_BLOCK_K + to % ATL_BLOCK_K] = atl_bf16_from_f32(rows[i][j]);
        }
}

void atl_pairs_bf16__portable(size_t k, const float *x, uint16_t *packed)
{
    size_t padded = (k + ATL_BLOCK_K - 1) / ATL_BLOCK_K * ATL_BLOCK_K;
    for (size_t i = 0; i < padded; i++)
        for (size_t j = 0; j < ATL_TILE_COLS; j++)
            packed[i / 2 * (2 * ATL_TILE_COLS) + 2 * j + i % 2] =
                i < k ? atl_bf16_from_f32(x[i * ATL_TILE_COLS + j]) : 0;
}

void atl_gemm_gathered_bf16__portable(int m, const atl_gathered *a, const uint16_t *b, float *c, bool add,
                                      const uint16_t *ahead)
{
    (void)ahead;
    for (size_t i = 0; i < (size_t)m; i++, c += ATL_TILE_COLS) {
        const uint16_t *row = i < 16 ? a->upper + i * a->stride : a->lower + (i - 16) * a->stride;
        if (!add)
            memset(c, 0, ATL_TILE_COLS * sizeof *c);
        for (size_t kk = 0; kk < a->n_taps * a->k; kk++) {
            size_t tap = kk / a->k, k = kk % a->k;
            float x = atl_bf16_to_f32(row[a->taps[tap] + k]);
            const uint16_t *pairs = b + (tap * a->panel_k + k / 2 * 2) * ATL_TILE_COLS + k % 2;
            for (size_t j = 0; j < ATL_TILE_COLS; j++)
                c[j] += x * atl_bf16_to_f32(pairs[2 * j]);
        }
    }
}

static float row_get(const atl_rows *rows, size_t i, size_t j)
{
    return rows->dtype == ATL_BF16 ? atl_bf16_to_f32(((const uint16_t *)rows->data)[i * rows->stride + j])
                                   : ((const float *)rows->data)[i * rows->stride + j];
}

static void row_set(const atl_rows *rows, size_t i, size_t j, float x)
{
    if (rows->dtype == ATL_BF16)
        ((uint16_t *)rows->data)[i * rows->stride + j] = atl_bf16_from_f32(x);
    else
        ((float *)rows->data)[i * rows->stride + j] = x;
}

void atl_finish_rows__portable(const atl_finish *finish, int m, int n, const float *sums,
                               const atl_rows *residual, const atl_rows *out)
{
    for (size_t i = 0; i < (size_t)m; i++, sums += ATL_TILE_COLS)
        for (size_t j = 0; j < (size_t)n; j++) {
            float y = sums[j];
            if (finish->bias)
                y += finish->bias[j];
            if (finish->per_picture)
                y += finish->per_picture[j];
            y = atl_activate_one(finish->before, y);
            if (residual)
                y += row_get(residual, i, j);
            row_set(out, i, j, atl_activate_one(finish->after, y * finish->scale));
        }
}

void atl_geglu_rows__portable(int m, int n, const float *a, const float *b, const float *bias_a,
                              const float *bias_b, const atl_rows *out)
{
    for (size_t i = 0; i < (size_t)m; i++, a += ATL_TILE_COLS, b += ATL_TILE_COLS)
        for (size_t j = 0; j < (size_t)n; j++) {
            float value = a[j] + (bias_a ? bias_a[j] : 0.0f), gate = b[j] + (bias_b ? bias_b[j] : 0.0f);
            row_set(out, i, j, value * atl_activate_one(ATL_ACT_GELU, gate));
        }
}

/* The m rows of a column, and what they and those before are together. */
static void join_column(int m, const atl_rows *x, size_t j, int before, float *mean, float *squares)
{
    const float pivot = row_get(x, 0, j), part = (float)m / (float)(before + m);
    float sum = 0.0f, sum_sq = 0.0f;
    for (size_t i = 0; i < (size_t)m; i++) {
        const float d = row_get(x, i, j) - pivot;
        sum += d;
        sum_sq += d * d;
    }
    const float d = sum * (1.0f / (float)m), own_mean = pivot + d, own_squares = sum_sq - sum * d;
    if (before == 0) {
        *mean = own_mean;
        *squares = own_squares;
        return;
    }
    const float apart = own_mean - *mean;
    *mean += apart * part;
    *squares += apart * apart * ((float)before * part) + own_squares;
}

void atl_moments_rows__portable(int m, int n, const atl_rows *x, int before, float *mean, float *squares)
{
    for (size_t j = 0; j < (size_t)n; j++)
        join_column(m, x, j, before, mean + j, squares + j);
}

void atl_affine_rows__portable(atl_activation act, int m, int n, const atl_rows *x, const float *scale,
                               const float *shift, const atl_rows *out)
{
    for (size_t i = 0; i < (size_t)m; i++)
        for (size_t j = 0; j < (size_t)n; j++)
            row_set(out, i, j, atl_activate_one(act, row_get(x, i, j) * scale[j] + shift[j]));
}

/* ---- s8 ---- */

static int8_t whole_of(float x)
{
    float near = nearbyintf(x);
    return (int8_t)(near >= 127.0f ? 127 : near > -128.0f ? (int)near : -128);
}

void atl_absmax_row__portable(int n, const atl_rows *x, float *max)
{
    for (size_t j = 0; j < (size_t)n; j++) {
        float y = fabsf(row_get(x, 0, j));
        if (!isfinite(y))
            *max = NAN;
        if (y > *max)
            *max = y;
    }
}

void atl_quantise_row__portable(int n, const atl_rows *x, float factor, int8_t *out)
{
    for (size_t j = 0; j < (size_t)n; j++)
        out[j] = whole_of(row_get(x, 0, j) * factor);
}

void atl_dequantise__portable(int m, const int32_t *sums, const float *row, const float *column, float *out)
{
    for (size_t i = 0; i < (size_t)m * ATL_TILE_COLS; i++)
        out[i] = (float)sums[i] * row[i / ATL_TILE_COLS] * column[i % ATL_TILE_COLS];
}

void atl_gemm_gathered_s8__portable(int m, const atl_gathered_s8 *a, const int8_t *b, int32_t *c, bool add,
                                    const int8_t *ahead)
{
    (void)ahead;
    for (size_t i = 0; i < (size_t)m; i++, c += ATL_TILE_COLS) {
        const int8_t *row = i < 16 ? a->upper + i * a->stride : a->lower + (i - 16) * a->stride;
        if (!add)
            memset(c, 0, ATL_TILE_COLS * sizeof *c);
        for (size_t kk = 0; kk < a->n_taps * a->k; kk++) {
            const int8_t x = row[a->taps[kk / a->k] + kk % a->k];
            const int8_t *fours = b + kk / 4 * (4 * ATL_TILE_COLS) + kk % 4;
            for (size_t j = 0; j < ATL_TILE_COLS; j++)
                c[j] += x * fours[4 * j];
        }
    }
}
