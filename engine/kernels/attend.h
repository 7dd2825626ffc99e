/* attend.h - what attend_bf16 (kernels_list.h) is given: some queries of one head, and all its keys. */
#ifndef ATL_KERNELS_ATTEND_H
#define ATL_KERNELS_ATTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATL_ATTEND_QUERIES 16 /* in a tile; a strip is two tiles */
#define ATL_ATTEND_KEYS    32 /* in a unit */
#define ATL_ATTEND_TILES   16 /* at most, in one call */
#define ATL_ATTEND_STRETCH 8  /* units that a strip's scores and powers are kept of */

/* Where f·q·k is surely within ± this (f = scale·log₂e), powers of two of it are taken without a maximum. A
 * query's largest power, 1 with a maximum and exact, is then rounded like any other; where few keys rule that
 * makes the error, of some 2^-13 of the largest value, up to half as large again. */
#define ATL_ATTEND_SAFE 28.0f

typedef struct atl_attend {
    size_t n_tiles;      /* of queries */
    size_t n_keys;       /* that exist; what the last unit has beyond is zeros in k and v */
    size_t keys_a_block; /* whole units that are done at a time; a block's k and v should stay in L1 */
    size_t d_k;          /* channels of q and k: a multiple of 32 */
    size_t v_tiles;      /* v has 16 columns for each */
    float factor;        /* scale·log₂e, above 0 */
    bool causal;         /* query i sees keys 0 … first_query + i; every tile goes by its peaks then */
    size_t first_query;
    const uint16_t *q; /* strips of 32 queries × d_k, as kernels.h has them */
    const uint16_t *k; /* [unit][d_k/2][32][2]: column i is the unit's key 2·i, column 16 + i key 2·i + 1 */
    const uint16_t *v; /* [unit][⌈v_tiles/2⌉][16][32][2]: in pairs of keys, 32 columns at a time */
    const bool *by_peak; /* [n_tiles]: whether powers are taken of the distance to the largest so far */
    float *o; /* [n_tiles · 16][v_tiles · 16], each row times a power of two of its own; overwritten */
    float *scratch; /* atl_attend_floats() */
} atl_attend;

/* Two blocks of scores in f32, and two of powers in bf16; or a strip's with a stretch of units. */
static inline size_t atl_attend_floats(size_t keys_a_block)
{
    size_t by_blocks = 3 * keys_a_block * ATL_ATTEND_QUERIES;
    size_t by_strips = 3 * ATL_ATTEND_STRETCH * ATL_ATTEND_QUERIES * ATL_ATTEND_KEYS;
    return by_blocks > by_strips ? by_blocks : by_strips;
}

#endif
