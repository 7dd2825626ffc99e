/* avx2.c - the kernels for AVX2 with FMA and F16C (Haswell and later, every Zen).
 *
 * The matrix product keeps 5 rows × 16 columns in ten of the sixteen registers: two vectors of weights and
 * one broadcast fit beside them, and 14 rows are passes of 5, 5 and 4. */
#if defined(__x86_64__)
#include "kernels/wide_avx2.h"

#include "kernels/wide.h"
#include "kernels/wide_pack.h"
#include "kernels/wide_panels.h"
#include "kernels/wide_rows.h"
#include "kernels/wide_s8.h"
#include "kernels/wide_widened.h"

#define PASS_ROWS 5

static inline __attribute__((always_inline)) void gemm_pass(const int m, size_t k, const float *a, size_t lda,
                                                            const float *b, float *c, size_t ldc, bool add)
{
    vec left[PASS_ROWS], right[PASS_ROWS];
    UNROLL for (int i = 0; i < m; i++)
    {
        left[i] = add ? v_load(c + (size_t)i * ldc) : v_set(0.0f);
        right[i] = add ? v_load(c + (size_t)i * ldc + 8) : v_set(0.0f);
    }
    for (size_t kk = 0; kk < k; kk++, a += lda, b += ATL_TILE_COLS) {
        vec b_left = v_load(b), b_right = v_load(b + 8);
        UNROLL for (int i = 0; i < m; i++)
        {
            vec x = v_set(a[i]);
            left[i] = v_fma(x, b_left, left[i]);
            right[i] = v_fma(x, b_right, right[i]);
        }
    }
    UNROLL for (int i = 0; i < m; i++)
    {
        v_store(c + (size_t)i * ldc, left[i]);
        v_store(c + (size_t)i * ldc + 8, right[i]);
    }
}

static void gemm_rows(int m, size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc,
                      bool add)
{
    switch (m) {
    case 1:
        gemm_pass(1, k, a, lda, b, c, ldc, add);
        break;
    case 2:
        gemm_pass(2, k, a, lda, b, c, ldc, add);
        break;
    case 3:
        gemm_pass(3, k, a, lda, b, c, ldc, add);
        break;
    case 4:
        gemm_pass(4, k, a, lda, b, c, ldc, add);
        break;
    default:
        gemm_pass(5, k, a, lda, b, c, ldc, add);
        break;
    }
}

void atl_gemm_f32__avx2(int m, size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc,
                        bool add, const float *ahead)
{
    (void)ahead; /* slower arithmetic leaves the hardware's own prefetching enough time */
    for (int first = 0; first < m; first += PASS_ROWS) {
        int rows = m - first < PASS_ROWS ? m - first : PASS_ROWS;
        for (int half = 0; half < ATL_TILE_COLS; half += 16)
            gemm_rows(rows, k, a + first, lda, b + half, c + (size_t)first * ldc + half, ldc, add);
    }
}

#endif
