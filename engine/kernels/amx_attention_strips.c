/* amx_attention_strips.c - attention of one head on AMX, strips of 32 queries at a time.
 *
 * Two passes over a stretch of up to 256 keys: scores of the strip with each unit of 32 keys, raised to
 * powers while the next unit's are multiplied; then O += powers · values, two tiles of O beside each other
 * over the whole stretch. So each tile of keys and of values that comes from L2 serves 32 queries, O is
 * loaded and stored once a stretch and not once a unit, and powers stay in L1. Stretches are the outer loop,
 * as all strips of a call read the same keys and values.
 *
 * Where powers are taken by peaks, the whole stretch is scored first, and raised after its peaks are known.
 *
 * Tiles: 0–3 scores, or O; 4–7 operands. */
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/amx_attention.h"
#include "kernels/amx_peaks.h"
#include "kernels/amx_powers.h"
#include "kernels/amx_tiles.h"
#include "kernels/kernels.h"

#define TILE  512 /* elements of 16 × 32 */
#define STRIP ATL_BF16_TILE_ROWS
#define KEYS  ATL_ATTEND_KEYS

/* A strip's scores with a unit that become powers while other products are made. */
typedef struct raising {
    const float *scores; /* [32 queries][32 keys] */
    uint16_t *powers;    /* likewise */
    size_t row;          /* that is next */
} raising;

static inline __attribute__((always_inline)) void raise_rows(const atl_powers *p, raising *r, size_t n)
{
    BARRIER();
#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++)
        atl_raise_row(p, r->scores + (r->row + i) * KEYS, _mm512_set1_ps(ATL_POWER_PLAIN), false,
                      r->powers + (r->row + i) * KEYS);
    r->row += n;
    BARRIER();
}

/* Scores of a strip with a unit of keys, and of another unit's powers `n` rows after each product while there
 * are any. */
static inline __attribute__((always_inline)) void multiply_keys(size_t n_blocks, size_t n, const uint16_t *q,
                                                                const uint16_t *k, const atl_powers *p,
                                                                raising *r, float *scores)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t block = 0; block < n_blocks; block++, q += 2 * TILE, k += 2 * TILE) {
        const bool busy = r->row + 4 * n <= STRIP;
        _tile_loadd(4, q, ROW_BYTES);
        _tile_loadd(6, k, PAIRS_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        if (busy)
            raise_rows(p, r, n);
        _tile_loadd(7, k + 32, PAIRS_BYTES);
        _tile_dpbf16ps(1, 4, 7);
        if (busy)
            raise_rows(p, r, n);
        _tile_loadd(5, q + TILE, ROW_BYTES);
        _tile_dpbf16ps(2, 5, 6);
        if (busy)
            raise_rows(p, r, n);
        _tile_dpbf16ps(3, 5, 7);
        if (busy)
            raise_rows(p, r, n);
    }
    _tile_stored(0, scores, 2 * ROW_BYTES);
    _tile_stored(1, scores + 16, 2 * ROW_BYTES);
    _tile_stored(2, scores + TILE, 2 * ROW_BYTES);
    _tile_stored(3, scores + TILE + 16, 2 * ROW_BYTES);
}

static void raise_stretch(const atl_attend *a, size_t n_blocks, size_t rows, const uint16_t *q,
                          const uint16_t *k, size_t n_units, float *scores, uint16_t *powers)
{
    const atl_powers p = atl_powers_of(a->factor);
    raising r = {.row = STRIP};
    for (size_t unit = 0; unit < n_units; unit++, k += a->d_k * KEYS) {
        float *now = scores + unit % 2 * 2 * TILE;
        multiply_keys(n_blocks, rows, q, k, &p, &r, now);
        while (r.row < STRIP)
            raise_rows(&p, &r, 4);
        r = (raising){.scores = now, .powers = powers + unit * 2 * TILE};
    }
    while (r.row < STRIP)
        raise_rows(&p, &r, 4);
}

/* Two tiles of O beside each other, of 32 queries, += powers[n_units] · values. */
static void sum_two(const uint16_t *powers, const uint16_t *v, size_t unit_elements, size_t n_units, float *o,
                    size_t stride, bool add)
{
    const size_t bytes = stride * sizeof *o;
    float *lower = o + ATL_ATTEND_QUERIES * stride;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    if (add) {
        _tile_loadd(0, o, bytes);
        _tile_loadd(1, o + 16, bytes);
        _tile_loadd(2, lower, bytes);
        _tile_loadd(3, lower + 16, bytes);
    }
    for (size_t unit = 0; unit < n_units; unit++, powers += 2 * TILE, v += unit_elements) {
        _tile_loadd(4, powers, ROW_BYTES);
        _tile_loadd(6, v, PAIRS_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, v + 32, PAIRS_BYTES);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, powers + TILE, ROW_BYTES);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, o, bytes);
    _tile_stored(1, o + 16, bytes);
    _tile_stored(2, lower, bytes);
    _tile_stored(3, lower + 16, bytes);
}

/* The same with one tile, the last of an odd number. Loads go to other tiles than the last unit's, as they
 * wait for products that still read those. */
static void sum_one(const uint16_t *powers, const uint16_t *v, size_t unit_elements, size_t n_units, float *o,
                    size_t stride, bool add)
{
    const size_t bytes = stride * sizeof *o;
    float *lower = o + ATL_ATTEND_QUERIES * stride;
    _tile_zero(0);
    _tile_zero(1);
    if (add) {
        _tile_loadd(0, o, bytes);
        _tile_loadd(1, lower, bytes);
    }
    for (size_t unit = 0; unit < n_units; unit++, powers += 2 * TILE, v += unit_elements) {
        if (unit % 2) {
            _tile_loadd(4, powers, ROW_BYTES);
            _tile_loadd(6, v, PAIRS_BYTES);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(5, powers + TILE, ROW_BYTES);
            _tile_dpbf16ps(1, 5, 6);
        } else {
            _tile_loadd(2, powers, ROW_BYTES);
            _tile_loadd(7, v, PAIRS_BYTES);
            _tile_dpbf16ps(0, 2, 7);
            _tile_loadd(3, powers + TILE, ROW_BYTES);
            _tile_dpbf16ps(1, 3, 7);
        }
    }
    _tile_stored(0, o, bytes);
    _tile_stored(1, lower, bytes);
}

static void sum_stretch(const atl_attend *a, const uint16_t *powers, size_t first, size_t n_units, float *o)
{
    const size_t unit_elements = (a->v_tiles + 1) / 2 * 2 * TILE, stride = a->v_tiles * 16;
    const uint16_t *v = a->v + first * unit_elements;
    for (size_t c = 0; c < a->v_tiles; c += 2, v += 2 * TILE, o += 32) {
        if (c + 1 < a->v_tiles)
            sum_two(powers, v, unit_elements, n_units, o, stride, first > 0);
        else
            sum_one(powers, v, unit_elements, n_units, o, stride, first > 0);
    }
}

/* Of a stretch that is scored, half a strip. */
static void raise_by_peaks(const atl_attend *a, size_t tile, size_t first, size_t n_units, float *scores,
                           float *bases, uint16_t *powers)
{
    const atl_powers p = atl_powers_of(a->factor);
    const size_t stride = a->v_tiles * 16;
    const bool by_peak = a->by_peak[tile];
    float correction[ATL_ATTEND_QUERIES];
    if (by_peak) {
        atl_hide_padding(a->n_keys, first, n_units, 2 * TILE, scores);
        atl_find_peaks(scores, n_units, 2 * TILE, a->factor, first == 0, bases, correction);
        if (first > 0)
            atl_correct_sums(a->o + tile * ATL_ATTEND_QUERIES * stride, stride, correction);
    }
    for (size_t unit = 0; unit < n_units; unit++, scores += 2 * TILE, powers += 2 * TILE)
        for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++)
            if (by_peak)
                atl_raise_row(&p, scores + i * KEYS, _mm512_set1_ps(bases[i]), true, powers + i * KEYS);
            else
                atl_raise_row(&p, scores + i * KEYS, _mm512_set1_ps(ATL_POWER_PLAIN), false,
                              powers + i * KEYS);
}

static void score_stretch(const atl_attend *a, const uint16_t *q, const uint16_t *k, size_t n_units,
                          float *scores)
{
    const atl_powers p = atl_powers_of(a->factor);
    raising none = {.row = STRIP};
    for (size_t unit = 0; unit < n_units; unit++, k += a->d_k * KEYS, scores += 2 * TILE)
        multiply_keys(a->d_k / ATL_BLOCK_K, 4, q, k, &p, &none, scores);
}

void atl_attend_strips__amx(const atl_attend *a, size_t n_strips)
{
    const size_t n_units = (a->n_keys + KEYS - 1) / KEYS, n_blocks = a->d_k / ATL_BLOCK_K;
    float *scores = a->scratch, bases[ATL_ATTEND_TILES][ATL_ATTEND_QUERIES];
    uint16_t *powers = (uint16_t *)(void *)(scores + ATL_ATTEND_STRETCH * 2 * TILE);
    for (size_t first = 0; first < n_units; first += ATL_ATTEND_STRETCH) {
        const size_t left = n_units - first, n = left < ATL_ATTEND_STRETCH ? left : ATL_ATTEND_STRETCH;
        const uint16_t *k = a->k + first * a->d_k * KEYS, *q = a->q;
        for (size_t i = 0; i < n_strips; i++, q += a->d_k * STRIP) {
            BARRIER();
            if (a->by_peak[2 * i] || a->by_peak[2 * i + 1]) {
                score_stretch(a, q, k, n, scores);
                BARRIER();
                raise_by_peaks(a, 2 * i, first, n, scores, bases[2 * i], powers);
                raise_by_peaks(a, 2 * i + 1, first, n, scores + TILE, bases[2 * i + 1], powers + TILE);
                BARRIER();
            } else {
                raise_stretch(a, n_blocks, n_blocks < 4 ? 4 : 2, q, k, n, scores, powers);
            }
            sum_stretch(a, powers, first, n, a->o + i * STRIP * a->v_tiles * 16);
            BARRIER();
        }
    }
}
#endif
