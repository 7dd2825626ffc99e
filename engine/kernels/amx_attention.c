/* amx_attention.c - attention of one head on AMX: products of one tile of queries beside the powers of
 * another.
 *
 * A step is one tile of 16 queries × one block of keys, and three of them are under way at a time: while
 * vectors raise the scores of a step to powers, tiles multiply the next step's queries by its keys and the
 * last step's powers by its values. Blocks are the outer loop, so that their keys and values stay in L1 and
 * queries and sums pass by. The processor overlaps what stands side by side here; nothing waits.
 *
 * Tiles: 0–2 sums of O, 3 and 4 scores, 5–7 operands. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>

#include "kernels/amx_attention.h"
#include "kernels/amx_peaks.h"
#include "kernels/amx_powers.h"
#include "kernels/amx_tiles.h"
#include "kernels/attend.h"
#include "kernels/kernels.h"

#define TILE  512     /* elements of 16 × 32 */
#define GROUP 3       /* tiles of O that are summed at a time */
#define FLUSH 0x8040u /* of MXCSR: subnormal results and operands are 0, as they are in tiles */

/* One tile of queries × one block of keys. */
typedef struct step {
    size_t tile, first_unit, n_units; /* no units: before the first step, or after the last */
} step;

typedef struct walk {
    const atl_attend *a;
    size_t block_units, n_units, v_panels, n_groups, o_stride;
    float *scores[2];    /* of every other step: [unit][16 queries][32 keys] */
    uint16_t *powers[2]; /* likewise */
    float correction[2][ATL_ATTEND_QUERIES];
    float bases[ATL_ATTEND_TILES * ATL_ATTEND_QUERIES]; /* by peaks: what is added to f·s */
} walk;

static step step_at(const walk *w, size_t index)
{
    size_t first = index / w->a->n_tiles * w->block_units;
    step s = {.tile = index % w->a->n_tiles, .first_unit = first};
    if (first < w->n_units)
        s.n_units = w->n_units - first < w->block_units ? w->n_units - first : w->block_units;
    return s;
}

/* Scores of a tile of queries and a unit of keys. */
static inline void multiply_keys(const walk *w, step s, size_t unit, float *scores)
{
    const atl_attend *a = w->a;
    const uint16_t *q = a->q + s.tile / 2 * a->d_k * ATL_BF16_TILE_ROWS + s.tile % 2 * TILE;
    const uint16_t *k = a->k + (s.first_unit + unit) * a->d_k * ATL_ATTEND_KEYS;
    _tile_zero(3);
    _tile_zero(4);
    for (size_t c = 0; c < a->d_k; c += ATL_BLOCK_K, q += 2 * TILE, k += 2 * TILE) {
        _tile_loadd(5, q, ROW_BYTES);
        _tile_loadd(6, k, PAIRS_BYTES);
        _tile_dpbf16ps(3, 5, 6);
        _tile_loadd(7, k + 32, PAIRS_BYTES);
        _tile_dpbf16ps(4, 5, 7);
    }
    _tile_stored(3, scores, 2 * ROW_BYTES);
    _tile_stored(4, scores + 16, 2 * ROW_BYTES);
}

static inline void load_sums(const float *o, size_t stride, size_t n, bool first)
{
    if (first) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        return;
    }
    _tile_loadd(0, o, stride);
    if (n > 1)
        _tile_loadd(1, o + 16, stride);
    if (n > 2)
        _tile_loadd(2, o + 32, stride);
}

static inline void store_sums(float *o, size_t stride, size_t n)
{
    _tile_stored(0, o, stride);
    if (n > 1)
        _tile_stored(1, o + 16, stride);
    if (n > 2)
        _tile_stored(2, o + 32, stride);
}

/* Sums in a group of tiles += powers of a unit · its values. */
static inline void multiply_values(const walk *w, step s, size_t group, size_t unit, const uint16_t *powers)
{
    const atl_attend *a = w->a;
    size_t c = group * GROUP, n = a->v_tiles - c < GROUP ? a->v_tiles - c : GROUP;
    float *o = a->o + s.tile * ATL_ATTEND_QUERIES * w->o_stride + c * 16;
    const uint16_t *v = a->v + (s.first_unit + unit) * w->v_panels * (2 * TILE);
#define VALUES(c) (v + (c) / 2 * (2 * TILE) + (c) % 2 * 32)
    if (unit == 0)
        load_sums(o, w->o_stride * sizeof *o, n, s.first_unit == 0);
    _tile_loadd(5, powers, ROW_BYTES);
    _tile_loadd(6, VALUES(c), PAIRS_BYTES);
    _tile_dpbf16ps(0, 5, 6);
    if (n > 1) {
        _tile_loadd(7, VALUES(c + 1), PAIRS_BYTES);
        _tile_dpbf16ps(1, 5, 7);
    }
    if (n > 2) {
        _tile_loadd(6, VALUES(c + 2), PAIRS_BYTES);
        _tile_dpbf16ps(2, 5, 6);
    }
    if (unit + 1 == s.n_units)
        store_sums(o, w->o_stride * sizeof *o, n);
#undef VALUES
}

/* Powers of a tile's scores with a unit: keys 0, 2, 4 … are in the left 16 columns and 1, 3, 5 … in the right
 * ones. */
static inline void raise_unit(const atl_powers *p, const float *s, const float *bases, bool by_peak,
                              uint16_t *powers)
{
    for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++, s += ATL_ATTEND_KEYS, powers += ATL_ATTEND_KEYS)
        if (by_peak)
            atl_raise_row(p, s, _mm512_set1_ps(bases[i]), true, powers);
        else
            atl_raise_row(p, s, _mm512_set1_ps(ATL_POWER_PLAIN), false, powers);
}

/* Keys after a query have no score for it. */
static void hide_future(const walk *w, step s, float *scores)
{
    const __m512 hidden = _mm512_set1_ps(-INFINITY);
    size_t first = w->a->first_query + s.tile * ATL_ATTEND_QUERIES;
    for (size_t unit = 0; unit < s.n_units; unit++)
        for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++, scores += ATL_ATTEND_KEYS) {
            size_t seen = first + i + 1, before = (s.first_unit + unit) * ATL_ATTEND_KEYS;
            size_t n = seen < before ? 0 : seen - before;
            if (n >= ATL_ATTEND_KEYS)
                continue;
            __mmask16 even = (__mmask16)(0xffffu << (n + 1) / 2), odd = (__mmask16)(0xffffu << n / 2);
            _mm512_mask_storeu_ps(scores, even, hidden);
            _mm512_mask_storeu_ps(scores + 16, odd, hidden);
        }
}

/* Everything of step `now`, beside the products of the steps before and after it. */
static void run_step(walk *w, size_t parity, step before, step now, step after)
{
    const bool *by_peak = w->a->by_peak;
    size_t n = now.n_units ? now.n_units : 1, n_items = before.n_units * w->n_groups, scored = 0, item = 0;
    float *scores = w->scores[parity], *correction = w->correction[parity];
    float *bases = w->bases + now.tile * ATL_ATTEND_QUERIES;
    const atl_powers p = atl_powers_of(w->a->factor);
    if (before.first_unit > 0 && by_peak[before.tile] && before.n_units)
        atl_correct_sums(w->a->o + before.tile * ATL_ATTEND_QUERIES * w->o_stride, w->o_stride,
                         w->correction[!parity]);
    for (size_t unit = 0; unit < n; unit++) {
        BARRIER();
        for (; scored * n < after.n_units * (unit + 1); scored++)
            multiply_keys(w, after, scored, w->scores[!parity] + scored * TILE);
        for (; item * n < n_items * (unit + 1); item++) {
            size_t of_before = item % before.n_units;
            multiply_values(w, before, item / before.n_units, of_before,
                            w->powers[!parity] + of_before * TILE);
        }
        BARRIER();
        if (unit == 0 && now.n_units && by_peak[now.tile]) {
            atl_hide_padding(w->a->n_keys, now.first_unit, now.n_units, TILE, scores);
            if (w->a->causal)
                hide_future(w, now, scores);
            atl_find_peaks(scores, now.n_units, TILE, w->a->factor, now.first_unit == 0, bases, correction);
        }
        if (now.n_units)
            raise_unit(&p, scores + unit * TILE, bases, by_peak[now.tile], w->powers[parity] + unit * TILE);
    }
}

static void attend_in_blocks(const atl_attend *a)
{
    size_t block = a->keys_a_block * ATL_ATTEND_QUERIES;
    walk w = {.a = a, .block_units = a->keys_a_block / ATL_ATTEND_KEYS};
    w.n_units = (a->n_keys + ATL_ATTEND_KEYS - 1) / ATL_ATTEND_KEYS;
    w.v_panels = (a->v_tiles + 1) / 2;
    w.n_groups = (a->v_tiles + GROUP - 1) / GROUP;
    w.o_stride = a->v_tiles * 16;
    w.scores[0] = a->scratch;
    w.scores[1] = a->scratch + block;
    w.powers[0] = (uint16_t *)(void *)(a->scratch + 2 * block);
    w.powers[1] = w.powers[0] + block;

    step before = {0}, now = {0}, after = step_at(&w, 0);
    for (size_t index = 1; before.n_units || now.n_units || after.n_units; index++) {
        run_step(&w, index & 1, before, now, after);
        before = now;
        now = after;
        after = step_at(&w, index);
    }
}

static bool any_by_peak(const atl_attend *a)
{
    for (size_t tile = 0; tile < a->n_tiles; tile++)
        if (a->by_peak[tile])
            return true;
    return false;
}

/* All but the last tile of an odd number. */
static void attend_in_strips(const atl_attend *a)
{
    const size_t n_strips = a->n_tiles / 2, done = n_strips * 2;
    atl_attend_strips__amx(a, n_strips);
    if (done == a->n_tiles)
        return;
    atl_attend last = *a;
    last.n_tiles = 1;
    last.q += n_strips * a->d_k * ATL_BF16_TILE_ROWS;
    last.by_peak += done;
    last.o += done * ATL_ATTEND_QUERIES * a->v_tiles * 16;
    attend_in_blocks(&last);
}

void atl_attend_bf16__amx(const atl_attend *a)
{
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | FLUSH);
    if (a->d_k == ATL_PASSING_D_K && a->v_tiles == ATL_PASSING_V_TILES && !any_by_peak(a))
        atl_attend_passing__amx(a);
    else if (a->causal)
        attend_in_blocks(a);
    else
        attend_in_strips(a);
    BARRIER();
    _mm_setcsr(mode);
}

void atl_squares_bf16__amx(size_t k, const uint16_t *strip, float *sums)
{
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000u);
    for (size_t row = 0; row < ATL_BF16_TILE_ROWS; row++) {
        __m512 sum = _mm512_setzero_ps();
        for (size_t c = 0; c < k; c += ATL_BLOCK_K) {
            __m512i pairs = _mm512_loadu_si512(strip + c * ATL_BF16_TILE_ROWS + row * ATL_BLOCK_K);
            __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
            __m512 odd = _mm512_castsi512_ps(_mm512_and_si512(pairs, upper));
            sum = _mm512_fmadd_ps(even, even, _mm512_fmadd_ps(odd, odd, sum));
        }
        sums[row] = _mm512_reduce_add_ps(sum);
    }
}

/* Up to 16 numbers. */
static inline __m512 scaled(__mmask16 some, const float *o, __m512 factor)
{
    return _mm512_mul_ps(_mm512_maskz_loadu_ps(some, o), factor);
}

void atl_attended_rows__amx(int m, int d, const float *o, size_t stride, float doubt, const atl_rows *out)
{
    for (size_t i = 0; i < (size_t)m; i++, o += stride) {
        const __m512 factor = _mm512_set1_ps(1.0f / o[d] + doubt);
        for (int c = 0; c < d; c += 32) {
            const __mmask32 some = d - c < 32 ? (1u << (d - c)) - 1 : 0xffffffffu;
            const __mmask16 first = (__mmask16)some, second = (__mmask16)(some >> 16);
            const __m512 left = scaled(first, o + c, factor), right = scaled(second, o + c + 16, factor);
            const size_t at = i * out->stride + (size_t)c;
            if (out->dtype == ATL_BF16) {
                _mm512_mask_storeu_epi16((uint16_t *)out->data + at, some,
                                         (__m512i)_mm512_cvtne2ps_pbh(right, left));
            } else {
                _mm512_mask_storeu_ps((float *)out->data + at, first, left);
                _mm512_mask_storeu_ps((float *)out->data + at + 16, second, right);
            }
        }
    }
}

#endif
