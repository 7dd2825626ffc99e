/* avx2_vnni.c - the product in s8 for processors that multiply it in vectors of 32 bytes (AVX-VNNI: Alder
 * Lake and later, where AVX-512 is not).
 *
 * VPDPBUSD wants one factor without a sign: rows are multiplied as x + 128, see avx512_vnni.c. Five rows × 16
 * columns, two vectors of weights, two of what is to be taken off, a broadcast number and the shift are the
 * sixteen registers. Sums are exact. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/unroll.h"

#define PASS_ROWS 5
#define PASS_COLS 16

static inline __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

static inline void store(int32_t *p, __m256i x)
{
    _mm256_storeu_si256((__m256i *)(void *)p, x);
}

/* Four s8 of a row in all lanes. */
static inline __m256i four_of(const int8_t *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
}

static inline __attribute__((always_inline)) void pass(const int m, const atl_gathered_s8 *a, size_t first,
                                                       const int8_t *b, int32_t *c, bool add)
{
    const int8_t *rows[PASS_ROWS];
    __m256i left[PASS_ROWS], right[PASS_ROWS], more_left, more_right;
    const __m256i shift = _mm256_set1_epi8((char)0x80);
    more_left = more_right = _mm256_setzero_si256();
    UNROLL for (int i = 0; i < m; i++)
    {
        const size_t row = first + (size_t)i;
        rows[i] = row < 16 ? a->upper + row * a->stride : a->lower + (row - 16) * a->stride;
        left[i] = add ? load(c + i * ATL_TILE_COLS) : _mm256_setzero_si256();
        right[i] = add ? load(c + i * ATL_TILE_COLS + 8) : _mm256_setzero_si256();
    }
    for (size_t tap = 0; tap < a->n_taps; tap++)
        for (size_t k = 0; k < a->k; k += 4, b += 4 * ATL_TILE_COLS) {
            const __m256i b_left = load(b), b_right = load(b + 32);
            const size_t at = a->taps[tap] + k;
            more_left = _mm256_dpbusd_avx_epi32(more_left, shift, b_left);
            more_right = _mm256_dpbusd_avx_epi32(more_right, shift, b_right);
            UNROLL for (int i = 0; i < m; i++)
            {
                const __m256i x = _mm256_xor_si256(four_of(rows[i] + at), shift);
                left[i] = _mm256_dpbusd_avx_epi32(left[i], x, b_left);
                right[i] = _mm256_dpbusd_avx_epi32(right[i], x, b_right);
            }
        }
    UNROLL for (int i = 0; i < m; i++)
    {
        store(c + i * ATL_TILE_COLS, _mm256_sub_epi32(left[i], more_left));
        store(c + i * ATL_TILE_COLS + 8, _mm256_sub_epi32(right[i], more_right));
    }
}

static void pass_rows(size_t m, const atl_gathered_s8 *a, size_t first, const int8_t *b, int32_t *c, bool add)
{
    switch (m) {
    case 1:
        pass(1, a, first, b, c, add);
        break;
    case 2:
        pass(2, a, first, b, c, add);
        break;
    case 3:
        pass(3, a, first, b, c, add);
        break;
    case 4:
        pass(4, a, first, b, c, add);
        break;
    default:
        pass(PASS_ROWS, a, first, b, c, add);
        break;
    }
}

void atl_gemm_gathered_s8__avx2_vnni(int m, const atl_gathered_s8 *a, const int8_t *b, int32_t *c, bool add,
                                     const int8_t *ahead)
{
    (void)ahead;
    for (size_t first = 0; first < (size_t)m; first += PASS_ROWS)
        for (size_t col = 0; col < ATL_TILE_COLS; col += PASS_COLS)
            pass_rows((size_t)m - first, a, first, b + 4 * col, c + first * ATL_TILE_COLS + col, add);
}

#endif
