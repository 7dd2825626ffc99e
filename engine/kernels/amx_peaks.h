/* amx_peaks.h - attention by peaks: what a tile's powers are taken of the distance to (private to the files
 * of attention on AMX).
 *
 * Scores are [unit][16 queries][32 keys], `unit_stride` floats from one unit to the next. */
#ifndef ATL_KERNELS_AMX_PEAKS_H
#define ATL_KERNELS_AMX_PEAKS_H

#include <immintrin.h>
#include <math.h>

#include "kernels/amx_powers.h"
#include "kernels/attend.h"

/* Keys past the last have no score with the last of a tile's n_units units, the first of which is first_unit.
 */
static inline void atl_hide_padding(size_t n_keys, size_t first_unit, size_t n_units, size_t unit_stride,
                                    float *scores)
{
    size_t last = (first_unit + n_units) * ATL_ATTEND_KEYS;
    float *unit = scores + (n_units - 1) * unit_stride;
    for (size_t key = n_keys; key < last; key++) {
        size_t of_unit = key % ATL_ATTEND_KEYS, column = of_unit / 2 + of_unit % 2 * 16;
        for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++)
            unit[i * ATL_ATTEND_KEYS + column] = -INFINITY;
    }
}

/* The largest number in each of 16 vectors, in lane i that of row i: halves as many vectors each time. */
static inline __attribute__((always_inline)) __m512 atl_largest_of_rows(const __m512 *row)
{
    __m512 fours[4];
    for (int i = 0; i < 4; i++) {
        const __m512 *r = row + 4 * i;
        __m512d low =
            _mm512_castps_pd(_mm512_max_ps(_mm512_unpacklo_ps(r[0], r[1]), _mm512_unpackhi_ps(r[0], r[1])));
        __m512d high =
            _mm512_castps_pd(_mm512_max_ps(_mm512_unpacklo_ps(r[2], r[3]), _mm512_unpackhi_ps(r[2], r[3])));
        fours[i] = _mm512_max_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(low, high)),
                                 _mm512_castpd_ps(_mm512_unpackhi_pd(low, high)));
    }
    __m512 low = _mm512_max_ps(_mm512_shuffle_f32x4(fours[0], fours[1], 0x88),
                               _mm512_shuffle_f32x4(fours[0], fours[1], 0xdd));
    __m512 high = _mm512_max_ps(_mm512_shuffle_f32x4(fours[2], fours[3], 0x88),
                                _mm512_shuffle_f32x4(fours[2], fours[3], 0xdd));
    return _mm512_max_ps(_mm512_shuffle_f32x4(low, high, 0x88), _mm512_shuffle_f32x4(low, high, 0xdd));
}

/* What is added to each query's f·s, so that its largest so far comes to PEAK, and what that does to sums
 * from before, of which the `first` have none. */
static inline void atl_find_peaks(const float *scores, size_t n_units, size_t unit_stride, float factor,
                                  bool first, float *bases, float *correction)
{
    __m512 rows[ATL_ATTEND_QUERIES];
    for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++) {
        __m512 peak = _mm512_loadu_ps(scores + i * ATL_ATTEND_KEYS);
        for (size_t unit = 0; unit < n_units; unit++) {
            const float *row = scores + unit * unit_stride + i * ATL_ATTEND_KEYS;
            peak = _mm512_max_ps(peak, _mm512_max_ps(_mm512_loadu_ps(row), _mm512_loadu_ps(row + 16)));
        }
        rows[i] = peak;
    }
    __m512 now = _mm512_fnmadd_ps(atl_largest_of_rows(rows), _mm512_set1_ps(factor * ATL_POWER_UNIT),
                                  _mm512_set1_ps(ATL_POWER_PEAK));
    now = _mm512_roundscale_ps(now, 0);
    __m512 old = first ? now : _mm512_loadu_ps(bases);
    now = _mm512_min_ps(old, now);
    __m512 x = _mm512_mul_ps(_mm512_sub_ps(now, old), _mm512_set1_ps(1.0f / ATL_POWER_UNIT));
    __m512 r = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.013534168f), r, _mm512_set1_ps(0.0520114611f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.241442756f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.693003834f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    _mm512_storeu_ps(bases, now);
    _mm512_storeu_ps(correction, _mm512_scalef_ps(p, x));
}

/* o[16 queries][stride] · correction. */
static inline void atl_correct_sums(float *o, size_t stride, const float *correction)
{
    for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++, o += stride) {
        __m512 factor = _mm512_set1_ps(correction[i]);
        for (size_t c = 0; correction[i] != 1.0f && c < stride; c += 16)
            _mm512_storeu_ps(o + c, _mm512_mul_ps(_mm512_loadu_ps(o + c), factor));
    }
}

#endif
