/* neon_bf16.c - bf16 for arm64 processors that multiply it (BFMMLA: Armv8.6; Neoverse V1, N2 and later): the
 * matrix product, and rows that are read and written by the processor's own conversion. Checked under
 * emulation only: nobody has measured it. */
#if defined(__aarch64__)
#include "kernels/neon_bf16.h"

#include "kernels/wide_neon.h"
#undef KERNEL
#define KERNEL(name) atl_##name##__neon_bf16
#include "kernels/wide_pack.h"
#include "kernels/wide_rows.h"

void atl_gemm_bf16__neon_bf16(int m, size_t k, const uint16_t *a, const uint16_t *b, float *c, size_t ldc,
                              bool add, const uint16_t *ahead)
{
    (void)ahead;
    for (int first = 0; first < m; first += SIDE) {
        const uint16_t *row[SIDE]; /* a strip has rows past its last */
        for (int i = 0; i < SIDE; i++)
            row[i] = a + (first + i) * ATL_BLOCK_K;
        for (int col = 0; col < ATL_TILE_COLS; col += SIDE) {
            float sums[SIDE * SIDE];
            sums_tile tile;
            clear(tile);
            multiply(k, row, ATL_BF16_TILE_ROWS * ATL_BLOCK_K, b + 2 * col, tile);
            spread(tile, sums);
            store_rows(first, m, sums, c + col, ldc, add);
        }
    }
}

/* Row i, or the last one that there is. */
static const uint16_t *gathered_row(const atl_gathered *a, int m, int i)
{
    const size_t at = (size_t)(i < m ? i : m - 1);
    return at < 16 ? a->upper + at * a->stride : a->lower + (at - 16) * a->stride;
}

void atl_gemm_gathered_bf16__neon_bf16(int m, const atl_gathered *a, const uint16_t *b, float *c, bool add,
                                       const uint16_t *ahead)
{
    (void)ahead;
    for (int first = 0; first < m; first += SIDE)
        for (int col = 0; col < ATL_TILE_COLS; col += SIDE) {
            float sums[SIDE * SIDE];
            sums_tile tile;
            clear(tile);
            for (size_t tap = 0; tap < a->n_taps; tap++) {
                const uint16_t *row[SIDE];
                for (int i = 0; i < SIDE; i++)
                    row[i] = gathered_row(a, m, first + i) + a->taps[tap];
                multiply(a->k, row, ATL_BLOCK_K, b + tap * a->panel_k * ATL_TILE_COLS + 2 * col, tile);
            }
            spread(tile, sums);
            store_rows(first, m, sums, c + col, ATL_TILE_COLS, add);
        }
}

#endif
