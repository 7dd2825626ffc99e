/* neon_bf16.h - eight rows × eight columns by BFMMLA, for arm64's products in bf16 and for attention.
 *
 * BFMMLA adds the product of 2 rows × 4 k and 4 k × 2 columns to 2 × 2 sums: sixteen multiply-adds, where a
 * vector of f32 has four. Sixteen registers hold a tile's sums; four k of four columns are zipped from two
 * pairs of a panel. It takes subnormal numbers as 0. */
#ifndef ATL_KERNELS_NEON_BF16_H
#define ATL_KERNELS_NEON_BF16_H

#include <arm_neon.h>
#include <stdbool.h>

#include "kernels/kernels.h"
#include "kernels/unroll.h"

#define SIDE   8          /* of a tile of sums */
#define BLOCKS (SIDE / 2) /* of two rows, of two columns */

static inline bfloat16x8_t two_rows(const uint16_t *upper, const uint16_t *lower)
{
    return vreinterpretq_bf16_u16(vcombine_u16(vld1_u16(upper), vld1_u16(lower)));
}

/* Four k of two columns each: from two pairs of k of four columns. */
static inline void zip_columns(const uint16_t *b, bfloat16x8_t columns[2])
{
    uint32x4_t first = vreinterpretq_u32_u16(vld1q_u16(b));
    uint32x4_t second = vreinterpretq_u32_u16(vld1q_u16(b + 2 * ATL_TILE_COLS));
    columns[0] = vreinterpretq_bf16_u32(vzip1q_u32(first, second));
    columns[1] = vreinterpretq_bf16_u32(vzip2q_u32(first, second));
}

typedef float32x4_t sums_tile[BLOCKS][BLOCKS];

/* Adds eight rows of k, in blocks of 32 that lie `block_stride` apart, times eight columns. */
static inline __attribute__((always_inline)) void
multiply(size_t k, const uint16_t *const row[SIDE], size_t block_stride, const uint16_t *b, sums_tile tile)
{
    for (size_t at = 0; at < k; at += 4, b += 4 * ATL_TILE_COLS) {
        const size_t from = at / ATL_BLOCK_K * block_stride + at % ATL_BLOCK_K;
        bfloat16x8_t columns[BLOCKS];
        zip_columns(b, columns);
        zip_columns(b + 8, columns + 2);
        UNROLL for (int i = 0; i < BLOCKS; i++)
        {
            bfloat16x8_t rows = two_rows(row[2 * i] + from, row[2 * i + 1] + from);
            UNROLL for (int j = 0; j < BLOCKS; j++) tile[i][j] = vbfmmlaq_f32(tile[i][j], rows, columns[j]);
        }
    }
}

static inline __attribute__((always_inline)) void clear(sums_tile tile)
{
    UNROLL for (int i = 0; i < BLOCKS * BLOCKS; i++) tile[i / BLOCKS][i % BLOCKS] = vdupq_n_f32(0.0f);
}

/* The blocks of two by two in rows. */
static inline __attribute__((always_inline)) void spread(sums_tile tile, float sums[SIDE * SIDE])
{
    UNROLL for (int i = 0; i < BLOCKS * BLOCKS; i++)
    {
        float *to = sums + i / BLOCKS * 2 * SIDE + i % BLOCKS * 2;
        vst1_f32(to, vget_low_f32(tile[i / BLOCKS][i % BLOCKS]));
        vst1_f32(to + SIDE, vget_high_f32(tile[i / BLOCKS][i % BLOCKS]));
    }
}

static inline void store_row(const float *sums, float *c, bool add)
{
    float32x4_t left = vld1q_f32(sums), right = vld1q_f32(sums + 4);
    vst1q_f32(c, add ? vaddq_f32(vld1q_f32(c), left) : left);
    vst1q_f32(c + 4, add ? vaddq_f32(vld1q_f32(c + 4), right) : right);
}

/* Rows [first, m) of at most SIDE. */
static inline void store_rows(int first, int m, const float sums[SIDE * SIDE], float *c, size_t ldc, bool add)
{
    for (int i = first; i < m && i < first + SIDE; i++)
        store_row(sums + (i - first) * SIDE, c + (size_t)i * ldc, add);
}

#endif
