/* neon_attention.c - attention of one head by BFMMLA, for arm64 processors that multiply bf16.
 *
 * Blocks of keys are the outer loop, so that their keys and values stay in the first cache while tiles of 16
 * queries pass by: scores of a tile and a block, their powers as rows of bf16, powers times values. A tile's
 * sums stay in registers over the whole of a block. Checked under emulation only: nobody has measured it. */
#if defined(__aarch64__)
#include <math.h>

#include "kernels/attend.h"
#include "kernels/neon_bf16.h"

#include "kernels/wide_neon.h"

#include "kernels/wide_math.h"

#define UNIT (ATL_ATTEND_QUERIES * ATL_ATTEND_KEYS) /* scores of a tile of queries and a unit of keys */

typedef struct block {
    size_t first_unit, n_units;
    float *scores;    /* [unit][16 queries][32 keys], even keys before odd ones */
    uint16_t *powers; /* the same, keys in their own order */
} block;

/* Scores of 16 queries with each unit of the block. */
static void multiply_keys(const atl_attend *a, size_t tile, const block *b)
{
    const uint16_t *q =
        a->q + tile / 2 * a->d_k * ATL_BF16_TILE_ROWS + tile % 2 * ATL_ATTEND_QUERIES * ATL_BLOCK_K;
    for (size_t unit = 0; unit < b->n_units; unit++)
        atl_gemm_bf16__neon_bf16(ATL_ATTEND_QUERIES, a->d_k, q,
                                 a->k + (b->first_unit + unit) * a->d_k * ATL_ATTEND_KEYS,
                                 b->scores + unit * UNIT, ATL_ATTEND_KEYS, false, NULL);
}

/* Keys past the last have no score. */
static void hide_padding(const atl_attend *a, const block *b)
{
    const size_t last = (b->first_unit + b->n_units) * ATL_ATTEND_KEYS;
    float *unit = b->scores + (b->n_units - 1) * UNIT;
    for (size_t key = a->n_keys; key < last; key++) {
        const size_t of_unit = key % ATL_ATTEND_KEYS;
        for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++)
            unit[i * ATL_ATTEND_KEYS + of_unit / 2 + of_unit % 2 * 16] = -INFINITY;
    }
}

/* How many keys of a unit come no later than a query, where that matters. */
static size_t n_seen(const atl_attend *a, const block *b, size_t unit, size_t query)
{
    const size_t seen = a->first_query + query + 1, before = (b->first_unit + unit) * ATL_ATTEND_KEYS;
    if (!a->causal || seen >= before + ATL_ATTEND_KEYS)
        return ATL_ATTEND_KEYS;
    return seen < before ? 0 : seen - before;
}

static void hide_future(const atl_attend *a, size_t tile, const block *b)
{
    for (size_t unit = 0; unit < b->n_units; unit++)
        for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++)
            for (size_t key = n_seen(a, b, unit, tile * ATL_ATTEND_QUERIES + i); key < ATL_ATTEND_KEYS; key++)
                b->scores[unit * UNIT + i * ATL_ATTEND_KEYS + key / 2 + key % 2 * 16] = -INFINITY;
}

/* What has no score got next to no power; but BFMMLA rounds to odd, and would show it. */
static void forget_future(const atl_attend *a, size_t tile, const block *b)
{
    for (size_t unit = 0; unit < b->n_units; unit++)
        for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++)
            for (size_t key = n_seen(a, b, unit, tile * ATL_ATTEND_QUERIES + i); key < ATL_ATTEND_KEYS; key++)
                b->powers[unit * UNIT + i * ATL_ATTEND_KEYS + key] = 0;
}

/* The largest f·s of a query so far. */
static float find_peak(const atl_attend *a, const block *b, size_t query)
{
    vec peak = v_set(-INFINITY);
    for (size_t unit = 0; unit < b->n_units; unit++)
        for (size_t j = 0; j < ATL_ATTEND_KEYS; j += LANES)
            peak = v_max(peak, v_load(b->scores + unit * UNIT + query * ATL_ATTEND_KEYS + j));
    return vmaxvq_f32(peak) * a->factor;
}

/* Moves the peaks of a tile's queries, and scales what was summed with the old ones. */
static void move_peaks(const atl_attend *a, size_t tile, const block *b, float *peaks)
{
    const size_t columns = a->v_tiles * 16;
    hide_padding(a, b);
    hide_future(a, tile, b);
    for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++) {
        const float found = find_peak(a, b, i), peak = b->first_unit && peaks[i] > found ? peaks[i] : found;
        float *o = a->o + (tile * ATL_ATTEND_QUERIES + i) * columns;
        const vec correction = v_exp2_of_negative(v_set(peaks[i] - peak));
        for (size_t c = 0; b->first_unit && c < columns; c += LANES)
            v_store(o + c, v_mul(v_load(o + c), correction));
        peaks[i] = peak;
    }
}

static void raise(const atl_attend *a, const block *b, const float *peaks)
{
    const vec factor = v_set(a->factor);
    for (size_t unit = 0; unit < b->n_units; unit++)
        for (size_t i = 0; i < ATL_ATTEND_QUERIES; i++) {
            const float *s = b->scores + unit * UNIT + i * ATL_ATTEND_KEYS;
            uint16_t *powers = b->powers + unit * UNIT + i * ATL_ATTEND_KEYS;
            const vec peak = v_set(peaks[i]);
            for (size_t j = 0; j < ATL_ATTEND_KEYS / 2; j += LANES)
                v_store_pairs(powers + 2 * j, v_exp2_of_negative(v_sub(v_mul(v_load(s + j), factor), peak)),
                              v_exp2_of_negative(v_sub(v_mul(v_load(s + 16 + j), factor), peak)));
        }
}

/* Sums of eight queries and eight columns. */
static void multiply_values(const atl_attend *a, const block *b, size_t tile, size_t first, size_t column)
{
    const size_t columns = a->v_tiles * 16, panels = (a->v_tiles + 1) / 2;
    const uint16_t *values =
        a->v + (b->first_unit * panels + column / ATL_TILE_COLS) * ATL_ATTEND_KEYS * ATL_TILE_COLS;
    float sums[SIDE * SIDE];
    sums_tile of_tile;
    clear(of_tile);
    for (size_t unit = 0; unit < b->n_units; unit++) {
        const uint16_t *row[SIDE];
        for (size_t i = 0; i < SIDE; i++)
            row[i] = b->powers + unit * UNIT + (first + i) * ATL_ATTEND_KEYS;
        multiply(ATL_ATTEND_KEYS, row, 0,
                 values + unit * panels * ATL_ATTEND_KEYS * ATL_TILE_COLS + 2 * (column % ATL_TILE_COLS),
                 of_tile);
    }
    spread(of_tile, sums);
    store_rows(0, SIDE, sums, a->o + (tile * ATL_ATTEND_QUERIES + first) * columns + column, columns,
               b->first_unit > 0);
}

static void attend_tile(const atl_attend *a, size_t tile, const block *b, float *peaks)
{
    multiply_keys(a, tile, b);
    if (a->by_peak[tile])
        move_peaks(a, tile, b, peaks);
    raise(a, b, peaks);
    forget_future(a, tile, b);
    for (size_t first = 0; first < ATL_ATTEND_QUERIES; first += SIDE)
        for (size_t column = 0; column < a->v_tiles * 16; column += SIDE)
            multiply_values(a, b, tile, first, column);
}

void atl_attend_bf16__neon_bf16(const atl_attend *a)
{
    float peaks[ATL_ATTEND_TILES * ATL_ATTEND_QUERIES] = {0};
    const size_t n_units = (a->n_keys + ATL_ATTEND_KEYS - 1) / ATL_ATTEND_KEYS;
    const size_t most = a->keys_a_block / ATL_ATTEND_KEYS;
    block b = {.scores = a->scratch, .powers = (void *)(a->scratch + most * UNIT)};
    for (; b.first_unit < n_units; b.first_unit += most) {
        b.n_units = n_units - b.first_unit < most ? n_units - b.first_unit : most;
        for (size_t tile = 0; tile < a->n_tiles; tile++)
            attend_tile(a, tile, &b, peaks + tile * ATL_ATTEND_QUERIES);
    }
}

void atl_squares_bf16__neon_bf16(size_t k, const uint16_t *strip, float *sums)
{
    for (size_t row = 0; row < ATL_BF16_TILE_ROWS; row++) {
        vec sum = v_set(0.0f);
        for (size_t c = 0; c < k; c += 2 * LANES) {
            const uint16_t *x = strip + c / ATL_BLOCK_K * ATL_BLOCK_K * ATL_BF16_TILE_ROWS +
                                row * ATL_BLOCK_K + c % ATL_BLOCK_K;
            const vec even = v_even_bf16(x), odd = v_odd_bf16(x);
            sum = v_fma(even, even, v_fma(odd, odd, sum));
        }
        sums[row] = v_sum(sum);
    }
}

void atl_attended_rows__neon_bf16(int m, int d, const float *o, size_t stride, float doubt,
                                  const atl_rows *out)
{
    for (size_t i = 0; i < (size_t)m; i++, o += stride) {
        const float factor = 1.0f / o[d] + doubt;
        float y[LANES];
        for (int c = 0; c < d; c += LANES) {
            const int n = d - c < LANES ? d - c : LANES;
            const size_t at = i * out->stride + (size_t)c;
            uint16_t narrow[LANES];
            v_store(y, v_mul(n < LANES ? v_load_n(o + c, n) : v_load(o + c), v_set(factor)));
            v_store_bf16(narrow, v_load(y));
            if (out->dtype == ATL_BF16)
                memcpy((uint16_t *)out->data + at, narrow, (size_t)n * sizeof *narrow);
            else
                memcpy((float *)out->data + at, y, (size_t)n * sizeof *y);
        }
    }
}

#endif
