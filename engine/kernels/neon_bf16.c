/* neon_bf16.c - the matrix product in bf16 for arm64 processors that have BFMMLA (Armv8.6; Neoverse V1, N2
 * and later).
 *
 * BFMMLA adds the product of 2 rows × 4 k and 4 k × 2 columns to 2 × 2 sums: sixteen multiply-adds, where a
 * vector of f32 has four. A tile is 8 rows × 8 columns in 16 registers of sums; four k of four columns are
 * zipped from two pairs of the panel. It takes subnormal numbers as 0. Checked under emulation only: nobody
 * has measured it. */
#if defined(__aarch64__)
#include <arm_neon.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/kernels.h"

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#define SIDE   8          /* of a tile of sums */
#define BLOCKS (SIDE / 2) /* of two rows, of two columns */

static inline bfloat16x8_t two_rows(const uint16_t *upper)
{
    return vreinterpretq_bf16_u16(vcombine_u16(vld1_u16(upper), vld1_u16(upper + ATL_BLOCK_K)));
}

/* Four k of two columns each: from two pairs of k of four columns. */
static inline void zip_columns(const uint16_t *b, bfloat16x8_t columns[2])
{
    uint32x4_t first = vreinterpretq_u32_u16(vld1q_u16(b));
    uint32x4_t second = vreinterpretq_u32_u16(vld1q_u16(b + 2 * ATL_TILE_COLS));
    columns[0] = vreinterpretq_bf16_u32(vzip1q_u32(first, second));
    columns[1] = vreinterpretq_bf16_u32(vzip2q_u32(first, second));
}

/* sums[SIDE][SIDE] of as many rows of the strip, rows past its last included, and columns of the panel. */
static void multiply(size_t k, const uint16_t *a, const uint16_t *b, float *sums)
{
    float32x4_t tile[BLOCKS][BLOCKS];
    UNROLL for (int i = 0; i < BLOCKS * BLOCKS; i++) tile[i / BLOCKS][i % BLOCKS] = vdupq_n_f32(0.0f);
    for (size_t block = 0; block < k; block += ATL_BLOCK_K) {
        for (int four = 0; four < ATL_BLOCK_K / 4; four++, a += 4, b += 4 * ATL_TILE_COLS) {
            bfloat16x8_t columns[BLOCKS];
            zip_columns(b, columns);
            zip_columns(b + 8, columns + 2);
            UNROLL for (int i = 0; i < BLOCKS; i++)
            {
                bfloat16x8_t rows = two_rows(a + 2 * i * ATL_BLOCK_K);
                UNROLL for (int j = 0; j < BLOCKS; j++) tile[i][j] =
                    vbfmmlaq_f32(tile[i][j], rows, columns[j]);
            }
        }
        a += (ATL_BF16_TILE_ROWS - 1) * ATL_BLOCK_K;
    }
    UNROLL for (int i = 0; i < BLOCKS * BLOCKS; i++)
    {
        float *to = sums + i / BLOCKS * 2 * SIDE + i % BLOCKS * 2;
        vst1_f32(to, vget_low_f32(tile[i / BLOCKS][i % BLOCKS]));
        vst1_f32(to + SIDE, vget_high_f32(tile[i / BLOCKS][i % BLOCKS]));
    }
}

static void store_row(const float *sums, float *c, bool add)
{
    float32x4_t left = vld1q_f32(sums), right = vld1q_f32(sums + 4);
    vst1q_f32(c, add ? vaddq_f32(vld1q_f32(c), left) : left);
    vst1q_f32(c + 4, add ? vaddq_f32(vld1q_f32(c + 4), right) : right);
}

void atl_gemm_bf16__neon_bf16(int m, size_t k, const uint16_t *a, const uint16_t *b, float *c, size_t ldc,
                              bool add, const uint16_t *ahead)
{
    float sums[SIDE * SIDE];
    (void)ahead;
    for (int first = 0; first < m; first += SIDE)
        for (int col = 0; col < ATL_TILE_COLS; col += SIDE) {
            multiply(k, a + first * ATL_BLOCK_K, b + 2 * col, sums);
            for (int i = first; i < m && i < first + SIDE; i++)
                store_row(sums + (i - first) * SIDE, c + (size_t)i * ldc + col, add);
        }
}

#endif
