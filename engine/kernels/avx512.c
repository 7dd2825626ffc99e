/* avx512.c - the kernels for AVX-512 (Skylake-X and later, Zen 4 and later).
 *
 * The matrix product keeps a tile of up to 14 rows × 32 columns in 28 registers; per k it loads two vectors
 * of weights and broadcasts 14 numbers, for 28 multiply-adds: neither loads nor latency hold it back. */
#if defined(__x86_64__)
#include "kernels/wide_avx512.h"

#include "kernels/wide.h"
#include "kernels/wide_pack.h"
#include "kernels/wide_panels.h"
#include "kernels/wide_rows.h"
#include "kernels/wide_s8.h"
#include "kernels/wide_widened.h"

/* One k: sums[2·i] and sums[2·i + 1] are the two halves of row i. */
static inline __attribute__((always_inline)) void gemm_step(const int m, const float **a, size_t lda,
                                                            const float **b, vec *sums)
{
    vec left = v_load(*b), right = v_load(*b + 16);
    UNROLL for (int i = 0; i < m; i++)
    {
        vec x = v_set((*a)[i]);
        sums[2 * i] = v_fma(x, left, sums[2 * i]);
        sums[2 * i + 1] = v_fma(x, right, sums[2 * i + 1]);
    }
    *a += lda;
    *b += ATL_TILE_COLS;
    __asm__(""
            : "+r"(*a), "+r"(*b)); /* or gcc keeps a pointer for each row of each k, most of them in memory */
}

static inline __attribute__((always_inline)) void gemm_tile(const int m, size_t k, const float *a, size_t lda,
                                                            const float *b, float *c, size_t ldc, bool add,
                                                            const float *ahead)
{
    vec sums[2 * ATL_TILE_ROWS];
    UNROLL for (int i = 0; i < m; i++)
    {
        sums[2 * i] = add ? v_load(c + (size_t)i * ldc) : v_set(0.0f);
        sums[2 * i + 1] = add ? v_load(c + (size_t)i * ldc + 16) : v_set(0.0f);
    }
    for (size_t quads = k / 4; quads > 0; quads--, ahead += 16) {
        _mm_prefetch((const char *)ahead, _MM_HINT_T1);
        gemm_step(m, &a, lda, &b, sums);
        gemm_step(m, &a, lda, &b, sums);
        gemm_step(m, &a, lda, &b, sums);
        gemm_step(m, &a, lda, &b, sums);
    }
    for (size_t rest = k % 4; rest > 0; rest--)
        gemm_step(m, &a, lda, &b, sums);
    UNROLL for (int i = 0; i < m; i++)
    {
        v_store(c + (size_t)i * ldc, sums[2 * i]);
        v_store(c + (size_t)i * ldc + 16, sums[2 * i + 1]);
    }
}

#define GEMM_CASE(rows)                                                                                      \
    case rows:                                                                                               \
        gemm_tile(rows, k, a, lda, b, c, ldc, add, ahead);                                                   \
        break;

void atl_gemm_f32__avx512(int m, size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc,
                          bool add, const float *ahead)
{
    switch (m) {
        CASES_TO_14(GEMM_CASE)
    default:
        break;
    }
}

#endif
