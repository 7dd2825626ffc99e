/* avx512_bf16.c - bf16 for processors that multiply it in vectors (Cooper Lake, Zen 4 and later), and the
 * conversions that AMX shares.
 *
 * The product is avx512.c's with a pair of k where that has one: a tile of up to 11 rows × 32 columns, three
 * of which make a strip. VDPBF16PS and the conversions take subnormal numbers as 0. */
#if defined(__x86_64__)
#define KERNEL(name) atl_##name##__avx512_bf16
#include "kernels/wide_avx512.h"

#include "kernels/unroll.h"
#include "kernels/wide_rows.h"
#include "kernels/wide_widened.h"

#define PASS_ROWS 11

/* ---- product ---- */

static inline __m512bh pair_of(const uint16_t *p)
{
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return (__m512bh)_mm512_set1_epi32(pair);
}

static inline __attribute__((always_inline)) void gemm_pass(const int m, size_t k, const uint16_t *a,
                                                            const uint16_t *b, float *c, size_t ldc, bool add)
{
    __m512 sums[2 * PASS_ROWS];
    UNROLL for (int i = 0; i < m; i++)
    {
        sums[2 * i] = add ? _mm512_loadu_ps(c + (size_t)i * ldc) : _mm512_setzero_ps();
        sums[2 * i + 1] = add ? _mm512_loadu_ps(c + (size_t)i * ldc + 16) : _mm512_setzero_ps();
    }
    for (size_t block = 0; block < k; block += ATL_BLOCK_K) {
        for (int pair = 0; pair < ATL_BLOCK_K / 2; pair++, a += 2, b += 2 * ATL_TILE_COLS) {
            __m512bh left = (__m512bh)_mm512_loadu_si512(b);
            __m512bh right = (__m512bh)_mm512_loadu_si512(b + ATL_TILE_COLS);
            UNROLL for (int i = 0; i < m; i++)
            {
                __m512bh x = pair_of(a + i * ATL_BLOCK_K);
                sums[2 * i] = _mm512_dpbf16_ps(sums[2 * i], x, left);
                sums[2 * i + 1] = _mm512_dpbf16_ps(sums[2 * i + 1], x, right);
            }
        }
        a += (ATL_BF16_TILE_ROWS - 1) * ATL_BLOCK_K;
    }
    UNROLL for (int i = 0; i < m; i++)
    {
        _mm512_storeu_ps(c + (size_t)i * ldc, sums[2 * i]);
        _mm512_storeu_ps(c + (size_t)i * ldc + 16, sums[2 * i + 1]);
    }
}

#define GEMM_CASE(rows)                                                                                      \
    case rows:                                                                                               \
        gemm_pass(rows, k, a, b, c, ldc, add);                                                               \
        break;

static void gemm_rows(int m, size_t k, const uint16_t *a, const uint16_t *b, float *c, size_t ldc, bool add)
{
    switch (m) {
        CASES_TO_11(GEMM_CASE)
    default:
        break;
    }
}

void atl_gemm_bf16__avx512_bf16(int m, size_t k, const uint16_t *a, const uint16_t *b, float *c, size_t ldc,
                                bool add, const uint16_t *ahead)
{
    (void)ahead;
    for (int first = 0; first < m; first += PASS_ROWS) {
        int rows = m - first < PASS_ROWS ? m - first : PASS_ROWS;
        gemm_rows(rows, k, a + first * ATL_BLOCK_K, b, c + (size_t)first * ldc, ldc, add);
    }
}

/* ---- conversions ---- */

static inline __mmask16 lanes_up_to(size_t n)
{
    const uint32_t lanes = n >= 16 ? 0xffffu : (1u << n) - 1u;
    return (__mmask16)lanes;
}

/* n ≤ 32 numbers that share a row of a tile. */
static inline void pack_run(size_t n, const float *from, uint16_t *to)
{
    if (n == ATL_BLOCK_K) {
        __m512 low = _mm512_loadu_ps(from), high = _mm512_loadu_ps(from + 16);
        _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(high, low));
        return;
    }
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = lanes_up_to(n - i);
        _mm256_mask_storeu_epi16(to + i, lanes,
                                 (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(lanes, from + i)));
    }
}

void atl_pack_bf16__avx512_bf16(int m, size_t first, size_t k, const float *const *rows, uint16_t *packed)
{
    for (size_t j = 0, n; j < k; j += n) {
        size_t at = first + j, block = at / ATL_BLOCK_K * ATL_BF16_TILE_ROWS,
               room = ATL_BLOCK_K - at % ATL_BLOCK_K;
        uint16_t *to = packed + block * ATL_BLOCK_K + at % ATL_BLOCK_K;
        n = k - j < room ? k - j : room;
        for (size_t i = 0; i < (size_t)m; i++)
            pack_run(n, rows[i] + j, to + i * ATL_BLOCK_K);
    }
}

/* 16 columns of two k, zipped. */
static inline void zip(const float *even, const float *odd, uint16_t *to)
{
    __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(even)));
    __m512i high = _mm512_setzero_si512();
    if (odd)
        high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(odd)));
    _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

void atl_pairs_bf16__avx512_bf16(size_t k, const float *x, uint16_t *packed)
{
    size_t i = 0;
    for (; i < k; i += 2, x += 2 * ATL_TILE_COLS, packed += 2 * ATL_TILE_COLS) {
        const float *odd = i + 1 < k ? x + ATL_TILE_COLS : NULL;
        zip(x, odd, packed);
        zip(x + 16, odd ? odd + 16 : NULL, packed + ATL_TILE_COLS);
    }
    for (; i % ATL_BLOCK_K != 0; i += 2, packed += 2 * ATL_TILE_COLS)
        memset(packed, 0, 2 * ATL_TILE_COLS * sizeof *packed);
}

#endif
