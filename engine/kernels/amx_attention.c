/* amx_attention.c - attention of one head on AMX: products of one tile of queries beside the powers of
 * another.
 *
 * A step is one tile of 16 queries × one block of keys, and three of them are under way at a time: while
 * vectors raise the scores of a step to powers, tiles multiply the next step's queries by its keys and the
 * last step's powers by its values. Blocks are the outer loop, so that their keys and values stay in L1 and
 * queries and sums pass by. The processor overlaps what stands side by side here; nothing waits.
 *
 * Tiles: 0–2 sums of O, 3 and 4 scores, 5–7 operands. A tile's instruction is no memory access in the
 * compiler's eyes, hence the barriers. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>

#include "kernels/amx_attention.h"
#include "kernels/amx_powers.h"
#include "kernels/attend.h"
#include "kernels/kernels.h"

#define BARRIER()   __asm__ volatile("" ::: "memory")
#define TILE        512 /* elements of 16 × 32 */
#define ROW_BYTES   64
#define PAIRS_BYTES 128     /* from one pair to the next, of 32 columns */
#define GROUP       3       /* tiles of O that are summed at a time */
#define FLUSH       0x8040u /* of MXCSR: subnormal results and operands are 0, as they are in tiles */

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

/* Keys past the last have no score. */
static void hide_padding(const walk *w, step s, float *scores)
{
    size_t last = (s.first_unit + s.n_units) * ATL_ATTEND_KEYS;
    float *unit = scores + (s.n_units - 1) * TILE;
    for (size_t key = w->a->n_keys; key < last; key++) {
        size_t of_unit = key % ATL_ATTEND_KEYS, column = of_unit / 2 + of_unit % 2 * 16;
        for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++)
            unit[i * ATL_ATTEND_KEYS + column] = -INFINITY;
    }
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

/* The largest number in each of 16 vectors, in lane i that of row i: halves as many vectors each time. */
static inline __attribute__((always_inline)) __m512 largest_of_rows(const __m512 *row)
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
 * from before. */
static void find_peaks(walk *w, step s, const float *scores, float *correction)
{
    float *bases = w->bases + s.tile * ATL_ATTEND_QUERIES;
    __m512 rows[ATL_ATTEND_QUERIES];
    for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++) {
        __m512 peak = _mm512_loadu_ps(scores + i * ATL_ATTEND_KEYS);
        for (size_t unit = 0; unit < s.n_units; unit++) {
            const float *row = scores + unit * TILE + i * ATL_ATTEND_KEYS;
            peak = _mm512_max_ps(peak, _mm512_max_ps(_mm512_loadu_ps(row), _mm512_loadu_ps(row + 16)));
        }
        rows[i] = peak;
    }
    __m512 now = _mm512_fnmadd_ps(largest_of_rows(rows), _mm512_set1_ps(w->a->factor * ATL_POWER_UNIT),
                                  _mm512_set1_ps(ATL_POWER_PEAK));
    now = _mm512_roundscale_ps(now, 0);
    __m512 old = s.first_unit == 0 ? now : _mm512_loadu_ps(bases);
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

static void correct_sums(const walk *w, step s, const float *correction)
{
    float *o = w->a->o + s.tile * ATL_ATTEND_QUERIES * w->o_stride;
    for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++, o += w->o_stride) {
        __m512 factor = _mm512_set1_ps(correction[i]);
        for (size_t c = 0; c < w->o_stride; c += 16)
            _mm512_storeu_ps(o + c, _mm512_mul_ps(_mm512_loadu_ps(o + c), factor));
    }
}

/* Everything of step `now`, beside the products of the steps before and after it. */
static void run_step(walk *w, size_t parity, step before, step now, step after)
{
    const bool *by_peak = w->a->by_peak;
    size_t n = now.n_units ? now.n_units : 1, n_items = before.n_units * w->n_groups, scored = 0, item = 0;
    float *scores = w->scores[parity], *correction = w->correction[parity];
    const float *bases = w->bases + now.tile * ATL_ATTEND_QUERIES;
    const atl_powers p = atl_powers_of(w->a->factor);
    if (before.first_unit > 0 && by_peak[before.tile] && before.n_units)
        correct_sums(w, before, w->correction[!parity]);
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
            hide_padding(w, now, scores);
            if (w->a->causal)
                hide_future(w, now, scores);
            find_peaks(w, now, scores, correction);
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

/* Tiles [first, end) by blocks. */
static void attend_some_in_blocks(const atl_attend *a, size_t first, size_t end)
{
    atl_attend some = *a;
    some.n_tiles = end - first;
    some.first_query += first * ATL_ATTEND_QUERIES;
    some.q += first / 2 * a->d_k * ATL_BF16_TILE_ROWS;
    some.by_peak += first;
    some.o += first * ATL_ATTEND_QUERIES * a->v_tiles * 16;
    if (some.n_tiles)
        attend_in_blocks(&some);
}

static bool any_by_peak(const atl_attend *a)
{
    for (size_t tile = 0; tile < a->n_tiles; tile++)
        if (a->by_peak[tile])
            return true;
    return false;
}

/* Whole strips of queries none of which needs its peaks go together, what is between them by blocks. */
static void attend_in_strips(const atl_attend *a)
{
    size_t strips[ATL_ATTEND_TILES / 2], n_strips = 0, done = 0;
    for (size_t tile = 0; tile + 1 < a->n_tiles; tile += 2) {
        if (a->by_peak[tile] || a->by_peak[tile + 1])
            continue;
        attend_some_in_blocks(a, done, tile);
        strips[n_strips++] = tile / 2;
        done = tile + 2;
    }
    attend_some_in_blocks(a, done, a->n_tiles);
    if (n_strips)
        atl_attend_strips__amx(a, n_strips, strips);
}

void atl_attend_bf16__amx(const atl_attend *a)
{
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | FLUSH);
    if (a->d_k == ATL_PASSING_D_K && a->v_tiles == ATL_PASSING_V_TILES && !any_by_peak(a))
        atl_attend_passing__amx(a);
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

#endif
