/* neon_dot.c - the product in s8 for arm64 processors that have SDOT (Armv8.4, most since 8.2; Neoverse N1,
 * Apple M1 and later).
 *
 * SDOT adds four products of s8 to each of four sums: a panel's fours of k are what it wants. Eight rows ×
 * eight columns keep 16 sums, sixteen k of each row, and two vectors of weights in 26 registers: two loads
 * for 16 instructions. Sums are exact. Checked under emulation only: nobody has measured it. */
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/kernels.h"
#include "kernels/unroll.h"

#define PASS_ROWS 8
#define PASS_COLS 8

/* One four of sixteen k: lane `four` of every row. */
#define STEP(four)                                                                                           \
    do {                                                                                                     \
        const int8x16_t b_left = vld1q_s8(b), b_right = vld1q_s8(b + 16);                                    \
        UNROLL for (int i = 0; i < PASS_ROWS; i++)                                                           \
        {                                                                                                    \
            left[i] = vdotq_laneq_s32(left[i], b_left, x[i], four);                                          \
            right[i] = vdotq_laneq_s32(right[i], b_right, x[i], four);                                       \
        }                                                                                                    \
        b += 4 * ATL_TILE_COLS;                                                                              \
    } while (0)

/* Rows [first, first + n ≤ PASS_ROWS); those past the end are the first one again. */
static inline void pass(const atl_gathered_s8 *a, size_t first, size_t n, const int8_t *b, int32_t *c,
                        bool add)
{
    const int8_t *rows[PASS_ROWS];
    int32x4_t left[PASS_ROWS], right[PASS_ROWS];
    UNROLL for (int i = 0; i < PASS_ROWS; i++)
    {
        const size_t row = first + ((size_t)i < n ? (size_t)i : 0);
        const bool load = add && (size_t)i < n;
        rows[i] = row < 16 ? a->upper + row * a->stride : a->lower + (row - 16) * a->stride;
        left[i] = load ? vld1q_s32(c + i * ATL_TILE_COLS) : vdupq_n_s32(0);
        right[i] = load ? vld1q_s32(c + i * ATL_TILE_COLS + 4) : vdupq_n_s32(0);
    }
    for (size_t tap = 0; tap < a->n_taps; tap++)
        for (size_t k = 0; k < a->k; k += 16) {
            int8x16_t x[PASS_ROWS];
            UNROLL for (int i = 0; i < PASS_ROWS; i++) x[i] = vld1q_s8(rows[i] + a->taps[tap] + k);
            STEP(0);
            STEP(1);
            STEP(2);
            STEP(3);
        }
    UNROLL for (int i = 0; i < PASS_ROWS; i++) if ((size_t)i < n)
    {
        vst1q_s32(c + i * ATL_TILE_COLS, left[i]);
        vst1q_s32(c + i * ATL_TILE_COLS + 4, right[i]);
    }
}

void atl_gemm_gathered_s8__neon_dot(int m, const atl_gathered_s8 *a, const int8_t *b, int32_t *c, bool add,
                                    const int8_t *ahead)
{
    (void)ahead;
    for (size_t first = 0; first < (size_t)m; first += PASS_ROWS)
        for (size_t col = 0; col < ATL_TILE_COLS; col += PASS_COLS) {
            const size_t left = (size_t)m - first;
            pass(a, first, left < PASS_ROWS ? left : PASS_ROWS, b + 4 * col, c + first * ATL_TILE_COLS + col,
                 add);
        }
}

#endif
