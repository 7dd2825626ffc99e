/* avx512_vnni.c - the product in s8 for processors that multiply it in vectors (Cascade Lake, Zen 4 and
 * later).
 *
 * VPDPBUSD wants one factor without a sign: rows are multiplied as x + 128, and what that adds, 128 times the
 * sum of a column's weights, is gathered on the way and taken off at the end. Sums are exact. Eleven rows ×
 * 32 columns, as in avx512_bf16.c. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/unroll.h"

#define PASS_ROWS 11

/* Four s8 of a row in all lanes, 128 more each: the sign's bit turned round. */
static inline __m512i four_of(const int8_t *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four ^ (int32_t)0x80808080u);
}

static inline __attribute__((always_inline)) void pass(const int m, const atl_gathered_s8 *a, size_t first,
                                                       const int8_t *b, int32_t *c, bool add)
{
    const int8_t *rows[PASS_ROWS];
    __m512i sums[2 * PASS_ROWS], more[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    const __m512i shift = _mm512_set1_epi8((char)0x80);
    UNROLL for (int i = 0; i < m; i++)
    {
        const size_t row = first + (size_t)i;
        rows[i] = row < 16 ? a->upper + row * a->stride : a->lower + (row - 16) * a->stride;
        sums[2 * i] = add ? _mm512_loadu_si512(c + i * ATL_TILE_COLS) : _mm512_setzero_si512();
        sums[2 * i + 1] = add ? _mm512_loadu_si512(c + i * ATL_TILE_COLS + 16) : _mm512_setzero_si512();
    }
    for (size_t tap = 0; tap < a->n_taps; tap++)
        for (size_t k = 0; k < a->k; k += 4, b += 4 * ATL_TILE_COLS) {
            const __m512i left = _mm512_loadu_si512(b), right = _mm512_loadu_si512(b + 64);
            const size_t at = a->taps[tap] + k;
            more[0] = _mm512_dpbusd_epi32(more[0], shift, left);
            more[1] = _mm512_dpbusd_epi32(more[1], shift, right);
            UNROLL for (int i = 0; i < m; i++)
            {
                const __m512i x = four_of(rows[i] + at);
                sums[2 * i] = _mm512_dpbusd_epi32(sums[2 * i], x, left);
                sums[2 * i + 1] = _mm512_dpbusd_epi32(sums[2 * i + 1], x, right);
            }
        }
    UNROLL for (int i = 0; i < m; i++)
    {
        _mm512_storeu_si512(c + i * ATL_TILE_COLS, _mm512_sub_epi32(sums[2 * i], more[0]));
        _mm512_storeu_si512(c + i * ATL_TILE_COLS + 16, _mm512_sub_epi32(sums[2 * i + 1], more[1]));
    }
}

#define PASS_CASE(rows)                                                                                      \
    case rows:                                                                                               \
        pass(rows, a, first, b, c, add);                                                                     \
        break;

void atl_gemm_gathered_s8__avx512_vnni(int m, const atl_gathered_s8 *a, const int8_t *b, int32_t *c, bool add,
                                       const int8_t *ahead)
{
    (void)ahead;
    for (size_t first = 0; first < (size_t)m; first += PASS_ROWS, c += PASS_ROWS * ATL_TILE_COLS) {
        switch ((size_t)m - first < PASS_ROWS ? (size_t)m - first : PASS_ROWS) {
            CASES_TO_11(PASS_CASE)
        default:
            break;
        }
    }
}

#endif
