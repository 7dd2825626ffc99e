/* amx_tiles.h - what the products of tiles share (private to amx*.c): a tile's bytes; the sums of a strip's
 * 32 rows × a panel's 32 columns in tiles 0 (upper left), 1 (upper right), 2 and 3 (lower), from memory and
 * back; and what 32 of k in bf16 add to them. */
#ifndef ATL_KERNELS_AMX_TILES_H
#define ATL_KERNELS_AMX_TILES_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A tile's instruction is no memory access in the compiler's eyes. */
#define BARRIER() __asm__ volatile("" ::: "memory")

#define ROW_BYTES   64  /* of a tile: 32 bf16, 64 s8 or 16 sums */
#define PAIRS_BYTES 128 /* of a panel: 32 columns of one pair of k */

/* From c[32][32], whose rows are ldc numbers of 4 bytes apart; without `add` they begin at 0. */
static inline void atl_load_sums(const float *c, size_t ldc, bool add)
{
    if (!add) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        return;
    }
    _tile_loadd(0, c, ldc * sizeof *c);
    _tile_loadd(1, c + 16, ldc * sizeof *c);
    _tile_loadd(2, c + 16 * ldc, ldc * sizeof *c);
    _tile_loadd(3, c + 16 * ldc + 16, ldc * sizeof *c);
}

static inline void atl_store_sums(float *c, size_t ldc)
{
    _tile_stored(0, c, ldc * sizeof *c);
    _tile_stored(1, c + 16, ldc * sizeof *c);
    _tile_stored(2, c + 16 * ldc, ldc * sizeof *c);
    _tile_stored(3, c + 16 * ldc + 16, ldc * sizeof *c);
}

/* Of up to 16 rows from `upper` on, `row_bytes` apart, and with `two` of 16 more from `lower` on; b is 32 of
 * k of a panel. Tiles 4 to 7 are overwritten. */
static inline __attribute__((always_inline)) void atl_multiply_block(bool two, const uint16_t *upper,
                                                                     const uint16_t *lower, size_t row_bytes,
                                                                     const uint16_t *b)
{
    _tile_loadd(4, upper, row_bytes);
    _tile_loadd(6, b, PAIRS_BYTES);
    _tile_loadd(7, b + 32, PAIRS_BYTES);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if (!two)
        return;
    _tile_loadd(5, lower, row_bytes);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

#endif
