/* avx2.c - the kernels for AVX2 with FMA and F16C (Haswell and later, every Zen).
 *
 * The matrix product keeps 5 rows × 16 columns in ten of the sixteen registers: two vectors of weights and
 * one broadcast fit beside them, and 14 rows are passes of 5, 5 and 4. */
#if defined(__x86_64__)
#include "kernels/wide_avx2.h"

#include "kernels/wide.h"

#define PASS_ROWS 5

static inline __attribute__((always_inline)) void gemm_pass(const int m, size_t k, const float *a, size_t lda,
                                                            const float *b, float *c, bool add)
{
    __m256 left[PASS_ROWS], right[PASS_ROWS];
    _Pragma("GCC unroll 16") for (int i = 0; i < m; i++)
    {
        left[i] = add ? _mm256_loadu_ps(c + i * ATL_TILE_COLS) : _mm256_setzero_ps();
        right[i] = add ? _mm256_loadu_ps(c + i * ATL_TILE_COLS + 8) : _mm256_setzero_ps();
    }
    for (size_t kk = 0; kk < k; kk++, a += lda, b += ATL_TILE_COLS) {
        __m256 b_left = _mm256_loadu_ps(b), b_right = _mm256_loadu_ps(b + 8);
        _Pragma("GCC unroll 16") for (int i = 0; i < m; i++)
        {
            __m256 x = _mm256_set1_ps(a[i]);
            left[i] = _mm256_fmadd_ps(x, b_left, left[i]);
            right[i] = _mm256_fmadd_ps(x, b_right, right[i]);
        }
    }
    _Pragma("GCC unroll 16") for (int i = 0; i < m; i++)
    {
        _mm256_storeu_ps(c + i * ATL_TILE_COLS, left[i]);
        _mm256_storeu_ps(c + i * ATL_TILE_COLS + 8, right[i]);
    }
}

static void gemm_rows(int m, size_t k, const float *a, size_t lda, const float *b, float *c, bool add)
{
    switch (m) {
    case 1:
        gemm_pass(1, k, a, lda, b, c, add);
        break;
    case 2:
        gemm_pass(2, k, a, lda, b, c, add);
        break;
    case 3:
        gemm_pass(3, k, a, lda, b, c, add);
        break;
    case 4:
        gemm_pass(4, k, a, lda, b, c, add);
        break;
    default:
        gemm_pass(5, k, a, lda, b, c, add);
        break;
    }
}

void atl_gemm_f32__avx2(int m, size_t k, const float *a, size_t lda, const float *b, float *c, bool add)
{
    for (int first = 0; first < m; first += PASS_ROWS) {
        int rows = m - first < PASS_ROWS ? m - first : PASS_ROWS;
        for (int half = 0; half < ATL_TILE_COLS; half += 16)
            gemm_rows(rows, k, a + first, lda, b + half, c + first * ATL_TILE_COLS + half, add);
    }
}

#endif
