/* neon.c - the kernels for arm64's NEON, which every such processor has.
 *
 * The matrix product keeps 14 rows × 8 columns in 28 of the 32 registers; per k two vectors of weights are
 * loaded and 14 numbers loaded into all lanes, for 28 multiply-adds. Checked under emulation only: nobody has
 * measured it. Half precision is only read: sums of products in it would lose what fp32 pictures keep. */
#if defined(__aarch64__)
#include "kernels/wide_neon.h"

#include "kernels/wide.h"
#include "kernels/wide_pack.h"
#include "kernels/wide_panels.h"
#include "kernels/wide_rows.h"
#include "kernels/wide_s8.h"
#include "kernels/wide_widened.h"

static inline __attribute__((always_inline)) void gemm_tile(const int m, size_t k, const float *a, size_t lda,
                                                            const float *b, float *c, size_t ldc, bool add)
{
    vec left[ATL_TILE_ROWS], right[ATL_TILE_ROWS];
    UNROLL for (int i = 0; i < m; i++)
    {
        left[i] = add ? v_load(c + (size_t)i * ldc) : v_set(0.0f);
        right[i] = add ? v_load(c + (size_t)i * ldc + 4) : v_set(0.0f);
    }
    for (size_t kk = 0; kk < k; kk++, a += lda, b += ATL_TILE_COLS) {
        vec b_left = v_load(b), b_right = v_load(b + 4);
        UNROLL for (int i = 0; i < m; i++)
        {
            vec x = vld1q_dup_f32(a + i);
            left[i] = v_fma(x, b_left, left[i]);
            right[i] = v_fma(x, b_right, right[i]);
        }
    }
    UNROLL for (int i = 0; i < m; i++)
    {
        v_store(c + (size_t)i * ldc, left[i]);
        v_store(c + (size_t)i * ldc + 4, right[i]);
    }
}

#define GEMM_CASE(rows)                                                                                      \
    case rows:                                                                                               \
        gemm_tile(rows, k, a, lda, b + col, c + col, ldc, add);                                              \
        break;

void atl_gemm_f32__neon(int m, size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc,
                        bool add, const float *ahead)
{
    (void)ahead; /* the hardware's own prefetching follows the panel */
    for (int col = 0; col < ATL_TILE_COLS; col += 2 * LANES)
        switch (m) {
            CASES_TO_14(GEMM_CASE)
        default:
            break;
        }
}

#endif
