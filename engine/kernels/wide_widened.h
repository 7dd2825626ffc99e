/* wide_widened.h - bf16 multiplied as f32 where no instruction multiplies it, written once over a vector; see
 * wide.h.
 *
 * A tile's rows are widened into a few KB that stay in L1 (once for 32 columns), the weights in registers
 * (once for all rows), so that the product runs as fast as f32's. */
#ifndef ATL_KERNELS_WIDE_WIDENED_H
#define ATL_KERNELS_WIDE_WIDENED_H

#include <string.h>

#include "kernels/wide_rows.h"

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
        UNROLL for (int i = 0; i < GATHERED_ROWS; i++)
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
    UNROLL for (int i = 0; i < GATHERED_ROWS; i++)
    {
        bool load = add && (size_t)i < n;
        left[i] = load ? v_load(c + i * ATL_TILE_COLS) : v_set(0.0f);
        right[i] = load ? v_load(c + i * ATL_TILE_COLS + LANES) : v_set(0.0f);
    }
    for (size_t tap = 0; tap < a->n_taps; tap++, b += a->panel_k * ATL_TILE_COLS)
        for (size_t k = 0; k < a->k; k += ATL_BLOCK_K) {
            widen_block(a, first, n, a->taps[tap] + k, wide);
            multiply_block(wide, b + k * ATL_TILE_COLS, left, right);
        }
    UNROLL for (int i = 0; i < GATHERED_ROWS; i++) if ((size_t)i < n)
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

#endif
