/* avx512.c - the kernels for AVX-512 (Skylake-X and later, Zen 4 and later).
 *
 * The matrix product keeps a tile of up to 14 rows × 32 columns in 28 registers; per k it loads two vectors
 * of weights and broadcasts 14 numbers, for 28 multiply-adds: neither loads nor latency hold it back. */
#if defined(__x86_64__)
#include "kernels/wide_avx512.h"

#include "kernels/wide.h"

static inline __attribute__((always_inline)) void gemm_tile(const int m, size_t k, const float *a, size_t lda,
                                                            const float *b, float *c, bool add)
{
    __m512 left[ATL_TILE_ROWS], right[ATL_TILE_ROWS];
    _Pragma("GCC unroll 16") for (int i = 0; i < m; i++)
    {
        left[i] = add ? _mm512_loadu_ps(c + i * ATL_TILE_COLS) : _mm512_setzero_ps();
        right[i] = add ? _mm512_loadu_ps(c + i * ATL_TILE_COLS + 16) : _mm512_setzero_ps();
    }
    for (size_t kk = 0; kk < k; kk++, a += lda, b += ATL_TILE_COLS) {
        __m512 b_left = _mm512_loadu_ps(b), b_right = _mm512_loadu_ps(b + 16);
        _Pragma("GCC unroll 16") for (int i = 0; i < m; i++)
        {
            __m512 x = _mm512_set1_ps(a[i]);
            left[i] = _mm512_fmadd_ps(x, b_left, left[i]);
            right[i] = _mm512_fmadd_ps(x, b_right, right[i]);
        }
    }
    _Pragma("GCC unroll 16") for (int i = 0; i < m; i++)
    {
        _mm512_storeu_ps(c + i * ATL_TILE_COLS, left[i]);
        _mm512_storeu_ps(c + i * ATL_TILE_COLS + 16, right[i]);
    }
}

/* One compiled tile for each number of rows: registers cannot be indexed at run time. */
#define GEMM_CASE(rows)                                                                                      \
    case rows:                                                                                               \
        gemm_tile(rows, k, a, lda, b, c, add);                                                               \
        break;

void atl_gemm_f32__avx512(int m, size_t k, const float *a, size_t lda, const float *b, float *c, bool add)
{
    switch (m) {
        GEMM_CASE(1)
        GEMM_CASE(2)
        GEMM_CASE(3)
        GEMM_CASE(4)
        GEMM_CASE(5)
        GEMM_CASE(6)
        GEMM_CASE(7)
        GEMM_CASE(8)
        GEMM_CASE(9)
        GEMM_CASE(10)
        GEMM_CASE(11)
        GEMM_CASE(12)
        GEMM_CASE(13)
        GEMM_CASE(14)
    default:
        break;
    }
}

#endif
