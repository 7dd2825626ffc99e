/* amx.c - the matrix products in bf16 and s8 on AMX (Sapphire Rapids and later).
 *
 * Eight tiles: four sums of 16 × 16 f32 make 32 rows × 32 columns, and each 32 of k bring two tiles of rows
 * (16 × 32 bf16) and two of weights (16 pairs × 16 columns) for four products. Tiles are set up once for a
 * run of products; a strip of fewer rows is multiplied as if it were whole, into a copy. In s8 the tiles are
 * the same bytes, with 64 of k in them. Gathered rows in bf16 are amx_finishing.c's. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "kernels/amx_tiles.h"
#include "kernels/kernels.h"

/* The operand of ldtilecfg: palette 1, eight tiles of 16 rows of 64 bytes. */
typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_config;

void atl_bf16_begin__amx(void)
{
    static const tile_config config = {.palette = 1,
                                       .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
                                       .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&config);
}

void atl_bf16_end__amx(void)
{
    _tile_release();
}

/* Without `two` the upper half alone, for up to 16 rows. */
static inline void multiply(bool two, size_t k, const uint16_t *a, const uint16_t *b, const uint16_t *ahead)
{
    for (size_t block = 0; block < k; block += ATL_BLOCK_K) {
        atl_multiply_block(two, a, a + 16 * ATL_BLOCK_K, ROW_BYTES, b);
        for (size_t line = 0; two && line < 8; line++)
            _mm_prefetch((const char *)(ahead + 32 * line), _MM_HINT_T1);
        a += ATL_BF16_TILE_ROWS * ATL_BLOCK_K;
        b += ATL_BLOCK_K * ATL_TILE_COLS;
        ahead += 8 * ATL_BLOCK_K;
    }
}

static void copy_rows(int m, const float *from, size_t from_stride, float *to, size_t to_stride)
{
    for (size_t i = 0; i < (size_t)m; i++)
        memcpy(to + i * to_stride, from + i * from_stride, ATL_TILE_COLS * sizeof *to);
}

static void multiply_part(int m, size_t k, const uint16_t *a, const uint16_t *b, float *c, size_t ldc,
                          bool add, const uint16_t *ahead)
{
    float whole[ATL_BF16_TILE_ROWS * ATL_TILE_COLS];
    if (add)
        copy_rows(m, c, ldc, whole, ATL_TILE_COLS);
    BARRIER();
    atl_load_sums(whole, ATL_TILE_COLS, add);
    if (m > 16)
        multiply(true, k, a, b, ahead);
    else
        multiply(false, k, a, b, ahead);
    atl_store_sums(whole, ATL_TILE_COLS);
    BARRIER();
    copy_rows(m, whole, ATL_TILE_COLS, c, ldc);
}

void atl_gemm_bf16__amx(int m, size_t k, const uint16_t *a, const uint16_t *b, float *c, size_t ldc, bool add,
                        const uint16_t *ahead)
{
    BARRIER();
    if (m < ATL_BF16_TILE_ROWS) {
        multiply_part(m, k, a, b, c, ldc, add, ahead);
        return;
    }
    atl_load_sums(c, ldc, add);
    multiply(true, k, a, b, ahead);
    atl_store_sums(c, ldc);
    BARRIER();
}

/* ---- s8 ---- */

#define FOURS_BYTES 128 /* of a panel: 32 columns of four k */

/* 64 of k of up to 16 or, with `two`, 32 rows where they stand. */
static inline void multiply_s8_block(bool two, const int8_t *upper, const int8_t *lower, size_t stride,
                                     const int8_t *b, const int8_t *ahead)
{
    _tile_loadd(4, upper, stride);
    _tile_loadd(6, b, FOURS_BYTES);
    _tile_loadd(7, b + FOURS_BYTES / 2, FOURS_BYTES);
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    if (!two)
        return;
    _tile_loadd(5, lower, stride);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
    for (size_t line = 0; line < 8; line++)
        _mm_prefetch((const char *)(ahead + 64 * line), _MM_HINT_T1);
}

/* The taps of an image row in turn, as in amx_finishing.c. */
void atl_gemm_gathered_s8__amx(int m, const atl_gathered_s8 *a, const int8_t *b, int32_t *c, bool add,
                               const int8_t *ahead)
{
    const size_t n_turn = a->n_taps % 3 == 0 ? 3 : 1;
    __m128 busy = _mm_setzero_ps(); /* as in amx_finishing.c */
    BARRIER();
    atl_load_sums((const void *)c, ATL_TILE_COLS, add);
    for (size_t first = 0; first < a->n_taps; first += n_turn, b += n_turn * a->k * ATL_TILE_COLS)
        for (size_t k = 0; k < a->k; k += ATL_S8_BLOCK_K)
            for (size_t i = 0; i < n_turn; i++, ahead += 8 * ATL_S8_BLOCK_K) {
                const int8_t *panel = b + (i * a->k + k) * ATL_TILE_COLS;
                size_t at = a->taps[first + i] + k;
                multiply_s8_block(m > 16, a->upper + at, a->lower + at, a->stride, panel, ahead);
                __asm__ volatile("vfmadd231ps %0, %0, %0" : "+v"(busy));
            }
    atl_store_sums((void *)c, ATL_TILE_COLS);
    BARRIER();
}

#endif
