/* amx_attention_passing.c - attention of one head on AMX where O of 16 queries fits three tiles: all keys and
 * values pass by them, and O never leaves its tiles.
 *
 * A turn is one tile of 16 queries and a unit of 32 keys, in three stages that stand side by side: the scores
 * of turn i + 1 are multiplied, those of turn i raised to powers, and the powers of turn i - 1 multiplied by
 * values. What an instruction of one stage needs was made a turn before. After each product of tiles follow
 * some rows of powers, so that neither kind of work waits for its turn in a queue of the other; tiles are
 * stored apart from each other and long after their last product, for which a store would wait.
 *
 * Keys and values then come from L2 for every 16 queries, which takes as long as all products. Blocks of them
 * in L1, with O of many tiles stored and loaded again for each, were slower: what is stored to L2 holds up
 * the loads that follow (docs/SPEED.md).
 *
 * Tiles: 0–2 O, 3 and 4 scores, 5–7 operands. */
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/amx_attention.h"
#include "kernels/amx_powers.h"
#include "kernels/amx_tiles.h"
#include "kernels/kernels.h"

#define TILE      512 /* elements of 16 × 32 */
#define D_K       ATL_PASSING_D_K
#define O_COLUMNS (ATL_PASSING_V_TILES * 16)
#define O_BYTES   (O_COLUMNS * sizeof(float))

/* Where a stage is. */
typedef struct turn {
    const uint16_t *q, *k, *v;
    float *o;
    size_t tile, unit;
} turn;

typedef struct walk {
    const atl_attend *a;
    size_t n_units;
    turn scored, summed;
    float *sums; /* where tiles 0–2 belong, or NULL */
} walk;

static inline __attribute__((always_inline)) void go_on(const walk *w, turn *t)
{
    const atl_attend *a = w->a;
    t->k += D_K * ATL_ATTEND_KEYS;
    t->v += 4 * TILE;
    if (++t->unit < w->n_units)
        return;
    t->unit = 0;
    t->tile++;
    t->q = a->q + t->tile / 2 * D_K * ATL_BF16_TILE_ROWS + t->tile % 2 * TILE;
    t->k = a->k;
    t->v = a->v;
    t->o += ATL_ATTEND_QUERIES * O_COLUMNS;
}

static inline void store_sums(float *o)
{
    _tile_stored(0, o, O_BYTES);
    _tile_stored(1, o + 16, O_BYTES);
    _tile_stored(2, o + 32, O_BYTES);
}

/* The sums of a tile of queries go where they belong; those of the next begin. */
static inline __attribute__((always_inline)) void begin_sums(walk *w)
{
    if (w->sums)
        store_sums(w->sums);
    w->sums = w->summed.o;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
}

/* Rows [from, to) of a unit's powers. */
static inline __attribute__((always_inline)) void raise_rows(const atl_powers *p, size_t from, size_t to,
                                                             const float *scores, uint16_t *powers)
{
    BARRIER();
#pragma GCC unroll 4
    for (size_t i = from; i < to; i++)
        atl_raise_row(p, scores + i * ATL_ATTEND_KEYS, _mm512_set1_ps(ATL_POWER_PLAIN), false,
                      powers + i * ATL_ATTEND_KEYS);
    BARRIER();
}

/* The first half of a turn: scores of `scored` in tiles 3 and 4, the left half of powers of what `now` has.
 * Tile 4 had the right half of those scores until now. */
static inline __attribute__((always_inline)) void multiply_keys(const walk *w, const atl_powers *p,
                                                                float *now, uint16_t *powers)
{
    const uint16_t *q = w->scored.q, *k = w->scored.k;
    _tile_loadd(5, q, ROW_BYTES);
    _tile_loadd(6, k, PAIRS_BYTES);
    _tile_stored(4, now + 16, 2 * ROW_BYTES);
    _tile_zero(3);
    _tile_zero(4);
    _tile_dpbf16ps(3, 5, 6);
    _tile_loadd(7, k + 32, PAIRS_BYTES);
    _tile_dpbf16ps(4, 5, 7);
    raise_rows(p, 0, 4, now, powers);
    _tile_loadd(5, q + 2 * TILE, ROW_BYTES);
    _tile_loadd(6, k + 2 * TILE, PAIRS_BYTES);
    _tile_dpbf16ps(3, 5, 6);
    raise_rows(p, 4, 7, now, powers);
    _tile_loadd(7, k + 2 * TILE + 32, PAIRS_BYTES);
    _tile_dpbf16ps(4, 5, 7);
    raise_rows(p, 7, 9, now, powers);
}

/* The second half: O += the last turn's powers · values, and the other half of powers of `now`. */
static inline __attribute__((always_inline)) void
multiply_values(const walk *w, const atl_powers *p, const uint16_t *last, const float *now, uint16_t *powers)
{
    const uint16_t *v = w->summed.v;
    _tile_loadd(5, last, ROW_BYTES);
    _tile_loadd(6, v, PAIRS_BYTES);
    _tile_dpbf16ps(0, 5, 6);
    raise_rows(p, 9, 11, now, powers);
    _tile_loadd(7, v + 32, PAIRS_BYTES);
    _tile_dpbf16ps(1, 5, 7);
    raise_rows(p, 11, 13, now, powers);
    _tile_loadd(6, v + 2 * TILE, PAIRS_BYTES);
    _tile_dpbf16ps(2, 5, 6);
}

void atl_attend_passing__amx(const atl_attend *a)
{
    const atl_powers p = atl_powers_of(a->factor);
    float *scores[2] = {a->scratch, a->scratch + TILE};
    uint16_t *powers = (uint16_t *)(void *)(a->scratch + 2 * TILE);
    walk w = {.a = a, .n_units = (a->n_keys + ATL_ATTEND_KEYS - 1) / ATL_ATTEND_KEYS};
    w.scored = w.summed = (turn){.q = a->q, .k = a->k, .v = a->v, .o = a->o};
    size_t n_turns = a->n_tiles * w.n_units;
    _tile_zero(4);
    for (size_t i = 0; i < n_turns + 2; i++) {
        float *now = scores[!(i & 1)];
        uint16_t *powers_now = powers + !(i & 1) * TILE;
        multiply_keys(&w, &p, now, powers_now);
        if (i < 2) { /* no powers yet */
            raise_rows(&p, 9, 13, now, powers_now);
        } else {
            if (w.summed.unit == 0)
                begin_sums(&w);
            multiply_values(&w, &p, powers + (i & 1) * TILE, now, powers_now);
            go_on(&w, &w.summed);
        }
        _tile_stored(3, scores[i & 1], 2 * ROW_BYTES);
        raise_rows(&p, 13, ATL_ATTEND_QUERIES, now, powers_now);
        if (i + 1 < n_turns) /* the last two only repeat it */
            go_on(&w, &w.scored);
    }
    store_sums(w.sums);
}
#endif
