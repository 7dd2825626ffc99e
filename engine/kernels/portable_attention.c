/* portable_attention.c - attention of one head in plain C, like portable.c: said plainly, for checks. */
#include <math.h>

#include "kernels/attend.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"

static float channel_of_query(const atl_attend *a, size_t query, size_t c)
{
    size_t strip = query / ATL_BF16_TILE_ROWS, row = query % ATL_BF16_TILE_ROWS;
    const uint16_t *block = a->q + (strip * a->d_k + c / ATL_BLOCK_K * ATL_BLOCK_K) * ATL_BF16_TILE_ROWS;
    return atl_bf16_to_f32(block[row * ATL_BLOCK_K + c % ATL_BLOCK_K]);
}

static float channel_of_key(const atl_attend *a, size_t key, size_t c)
{
    size_t of_unit = key % ATL_ATTEND_KEYS, column = of_unit / 2 + of_unit % 2 * 16;
    const uint16_t *unit = a->k + key / ATL_ATTEND_KEYS * a->d_k * ATL_ATTEND_KEYS;
    return atl_bf16_to_f32(unit[(c / 2 * ATL_ATTEND_KEYS + column) * 2 + c % 2]);
}

static float value(const atl_attend *a, size_t key, size_t column)
{
    size_t panel = key / ATL_ATTEND_KEYS * ((a->v_tiles + 1) / 2) + column / ATL_TILE_COLS;
    const uint16_t *pairs =
        a->v + (panel * ATL_ATTEND_KEYS / 2 + key % ATL_ATTEND_KEYS / 2) * (2 * ATL_TILE_COLS);
    return atl_bf16_to_f32(pairs[column % ATL_TILE_COLS * 2 + key % 2]);
}

/* f·q·k. */
static float exponent(const atl_attend *a, size_t query, size_t key)
{
    float s = 0.0f;
    for (size_t c = 0; c < a->d_k; c++)
        s += channel_of_query(a, query, c) * channel_of_key(a, key, c);
    return s * a->factor;
}

/* Adds keys [first, end) to a query's sums. */
static void add_block(const atl_attend *a, size_t query, size_t first, size_t end, float *peak)
{
    size_t columns = a->v_tiles * 16;
    float *o = a->o + query * columns, before = *peak;
    for (size_t key = first; a->by_peak[query / ATL_ATTEND_QUERIES] && key < end; key++)
        *peak = fmaxf(*peak, exponent(a, query, key));
    for (size_t c = 0; c < columns; c++)
        o[c] = first == 0 ? 0.0f : o[c] * exp2f(before - *peak);
    for (size_t key = first; key < end; key++) {
        float power = atl_bf16_to_f32(atl_bf16_from_f32(exp2f(exponent(a, query, key) - *peak)));
        for (size_t c = 0; c < columns; c++)
            o[c] += power * value(a, key, c);
    }
}

void atl_attend_bf16__portable(const atl_attend *a)
{
    for (size_t query = 0; query < a->n_tiles * ATL_ATTEND_QUERIES; query++) {
        float peak = a->by_peak[query / ATL_ATTEND_QUERIES] ? -INFINITY : 0.0f;
        size_t n_keys = a->n_keys;
        if (a->causal && a->first_query + query + 1 < n_keys)
            n_keys = a->first_query + query + 1;
        for (size_t first = 0; first < n_keys; first += a->keys_a_block) {
            size_t end = first + a->keys_a_block;
            add_block(a, query, first, end < n_keys ? end : n_keys, &peak);
        }
    }
}

void atl_squares_bf16__portable(size_t k, const uint16_t *strip, float *sums)
{
    for (size_t row = 0; row < ATL_BF16_TILE_ROWS; row++) {
        sums[row] = 0.0f;
        for (size_t c = 0; c < k; c++) {
            size_t block = c / ATL_BLOCK_K * ATL_BF16_TILE_ROWS;
            float x = atl_bf16_to_f32(strip[(block + row) * ATL_BLOCK_K + c % ATL_BLOCK_K]);
            sums[row] += x * x;
        }
    }
}

void atl_attended_rows__portable(int m, int d, const float *o, size_t stride, float doubt,
                                 const atl_rows *out)
{
    for (size_t i = 0; i < (size_t)m; i++, o += stride)
        for (size_t c = 0; c < (size_t)d; c++) {
            float y = o[c] * (1.0f / o[d] + doubt);
            if (out->dtype == ATL_BF16)
                ((uint16_t *)out->data)[i * out->stride + c] = atl_bf16_from_f32(y);
            else
                ((float *)out->data)[i * out->stride + c] = y;
        }
}
