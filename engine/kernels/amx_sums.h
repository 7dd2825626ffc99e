/* amx_sums.h - the sums of a strip's 32 rows × a panel's 32 columns in tiles 0 (upper left), 1 (upper right),
 * 2 and 3 (lower): from memory and back. */
#ifndef ATL_KERNELS_AMX_SUMS_H
#define ATL_KERNELS_AMX_SUMS_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

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

#endif
