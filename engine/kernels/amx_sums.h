/* amx_sums.h - the sums of a strip's 32 rows × a panel's 32 columns in tiles 0 (upper left), 1 (upper right),
 * 2 and 3 (lower): from memory and back. */
#ifndef ATL_KERNELS_AMX_SUMS_H
#define ATL_KERNELS_AMX_SUMS_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

/* One of the four, `i` a number: its instruction has it as an immediate. */
#define ATL_LOAD_SUM(i, c, ldc)                                                                              \
    _tile_loadd(i, (c) + (i) / 2 * 16 * (ldc) + (i) % 2 * 16, (ldc) * sizeof(float))
#define ATL_STORE_SUM(i, c, ldc)                                                                             \
    _tile_stored(i, (c) + (i) / 2 * 16 * (ldc) + (i) % 2 * 16, (ldc) * sizeof(float))

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
    ATL_LOAD_SUM(0, c, ldc);
    ATL_LOAD_SUM(1, c, ldc);
    ATL_LOAD_SUM(2, c, ldc);
    ATL_LOAD_SUM(3, c, ldc);
}

static inline void atl_store_sums(float *c, size_t ldc)
{
    ATL_STORE_SUM(0, c, ldc);
    ATL_STORE_SUM(1, c, ldc);
    ATL_STORE_SUM(2, c, ldc);
    ATL_STORE_SUM(3, c, ldc);
}

#endif
