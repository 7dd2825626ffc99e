/* wide_pack.h - strips and panels of bf16 from f32, written once over a vector; see wide.h. Apart from it
 * because neon_bf16.c has them too, with a conversion of its own. */
#ifndef ATL_KERNELS_WIDE_PACK_H
#define ATL_KERNELS_WIDE_PACK_H

#include <string.h>

#include "kernels/bf16.h"
#include "kernels/kernels.h"

/* n ≤ 32 numbers that share a row of a tile. */
static inline void pack_run(size_t n, const float *from, uint16_t *to)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        v_store_bf16(to + i, v_load(from + i));
    for (; i < n; i++)
        to[i] = atl_bf16_from_f32(from[i]);
}

void KERNEL(pack_bf16)(int m, size_t first, size_t k, const float *const *rows, uint16_t *packed)
{
    for (size_t j = 0, n; j < k; j += n) {
        size_t at = first + j, block = at / ATL_BLOCK_K * ATL_BF16_TILE_ROWS,
               room = ATL_BLOCK_K - at % ATL_BLOCK_K;
        uint16_t *to = packed + block * ATL_BLOCK_K + at % ATL_BLOCK_K;
        n = k - j < room ? k - j : room;
        for (size_t i = 0; i < (size_t)m; i++)
            pack_run(n, rows[i] + j, to + i * ATL_BLOCK_K);
    }
}

void KERNEL(pairs_bf16)(size_t k, const float *x, uint16_t *packed)
{
    size_t i = 0;
    for (; i < k; i += 2, x += 2 * ATL_TILE_COLS)
        for (int j = 0; j < ATL_TILE_COLS; j += LANES, packed += 2 * LANES)
            v_store_pairs(packed, v_load(x + j), i + 1 < k ? v_load(x + ATL_TILE_COLS + j) : v_set(0.0f));
    for (; i % ATL_BLOCK_K != 0; i += 2, packed += 2 * ATL_TILE_COLS)
        memset(packed, 0, 2 * ATL_TILE_COLS * sizeof *packed);
}

#endif
