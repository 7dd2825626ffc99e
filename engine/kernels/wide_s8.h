/* wide_s8.h - kernels of whole numbers, once over the vector of wide.h: included after it, wide_panels.h and
 * wide_rows.h.
 *
 * Where no instruction multiplies s8, the even and the odd ones of a dword are widened to s16, whose products
 * are added in pairs: exact, unlike the u8 × s8 of AVX2, which saturates. Rows are widened into a few KB that
 * stay in L1, once for 2 · LANES columns; weights in registers, once for all rows. */
#ifndef ATL_KERNELS_WIDE_S8_H
#define ATL_KERNELS_WIDE_S8_H

#include "base/sizes.h"

/* ---- product ---- */

/* Of 64 numbers of a row, the even and the odd ones as s16: dword q of each belongs to the q-th four. */
typedef struct s8_wide {
    int32_t even[ATL_S8_BLOCK_K / 4], odd[ATL_S8_BLOCK_K / 4];
} s8_wide;

/* Rows [first, first + n) of a tap, `at` its first number; rows past the end stay as they are. */
static inline void s8_widen(const atl_gathered_s8 *a, size_t first, size_t n, size_t at, s8_wide *wide)
{
    for (size_t i = 0; i < n; i++) {
        const size_t row = first + i;
        const int8_t *from = (row < 16 ? a->upper + row * a->stride : a->lower + (row - 16) * a->stride) + at;
        for (int q = 0; q < ATL_S8_BLOCK_K / 4; q += LANES) {
            const ivec x = i_load(from + 4 * q);
            i_store(wide[i].even + q, i_even(x));
            i_store(wide[i].odd + q, i_odd(x));
        }
    }
}

/* 64 numbers of each row times 2 · LANES columns of a panel. */
static inline __attribute__((always_inline)) void s8_block(const s8_wide wide[GATHERED_ROWS], const int8_t *b,
                                                           ivec *left, ivec *right)
{
    for (int q = 0; q < ATL_S8_BLOCK_K / 4; q++, b += 4 * ATL_TILE_COLS) {
        const ivec left_b = i_load(b), right_b = i_load(b + 4 * LANES);
        const ivec left_even = i_even(left_b), left_odd = i_odd(left_b);
        const ivec right_even = i_even(right_b), right_odd = i_odd(right_b);
        UNROLL for (int i = 0; i < GATHERED_ROWS; i++)
        {
            const ivec even = i_set(wide[i].even[q]), odd = i_set(wide[i].odd[q]);
            left[i] = i_add_products(i_add_products(left[i], even, left_even), odd, left_odd);
            right[i] = i_add_products(i_add_products(right[i], even, right_even), odd, right_odd);
        }
    }
}

/* Rows [first, first + n ≤ GATHERED_ROWS) × 2 · LANES columns; c at the first of them. */
static inline void s8_pass(const atl_gathered_s8 *a, size_t first, size_t n, const int8_t *b, int32_t *c,
                           bool add)
{
    s8_wide wide[GATHERED_ROWS];
    ivec left[GATHERED_ROWS], right[GATHERED_ROWS];
    if (n < GATHERED_ROWS)
        memset(wide, 0, sizeof wide);
    UNROLL for (int i = 0; i < GATHERED_ROWS; i++)
    {
        const bool load = add && (size_t)i < n;
        left[i] = load ? i_load(c + i * ATL_TILE_COLS) : i_set(0);
        right[i] = load ? i_load(c + i * ATL_TILE_COLS + LANES) : i_set(0);
    }
    for (size_t tap = 0; tap < a->n_taps; tap++)
        for (size_t k = 0; k < a->k; k += ATL_S8_BLOCK_K, b += ATL_S8_BLOCK_K * ATL_TILE_COLS) {
            s8_widen(a, first, n, a->taps[tap] + k, wide);
            s8_block(wide, b, left, right);
        }
    UNROLL for (int i = 0; i < GATHERED_ROWS; i++) if ((size_t)i < n)
    {
        i_store(c + i * ATL_TILE_COLS, left[i]);
        i_store(c + i * ATL_TILE_COLS + LANES, right[i]);
    }
}

void KERNEL(gemm_gathered_s8)(int m, const atl_gathered_s8 *a, const int8_t *b, int32_t *c, bool add,
                              const int8_t *ahead)
{
    (void)ahead;
    for (size_t first = 0; first < (size_t)m; first += GATHERED_ROWS)
        for (size_t col = 0; col < ATL_TILE_COLS; col += 2 * LANES) {
            const size_t left = (size_t)m - first;
            s8_pass(a, first, left < GATHERED_ROWS ? left : GATHERED_ROWS, b + 4 * col,
                    c + first * ATL_TILE_COLS + col, add);
        }
}

/* ---- rows ---- */

static inline float largest_lane(vec x)
{
    float lanes[LANES], most = 0.0f;
    v_store(lanes, x);
    for (int i = 0; i < LANES; i++)
        most = lanes[i] > most ? lanes[i] : most;
    return most;
}

/* x · 0 is 0 unless x is NaN or infinite. */
void KERNEL(absmax_row)(int n, const atl_rows *x, float *max)
{
    vec peak = v_set(0.0f), bad = v_set(0.0f), zero = v_set(0.0f);
    for (int j = 0; j < n; j += LANES) {
        vec v = load_any(x, 0, j, n - j < LANES ? n - j : 0);
        peak = v_max(peak, v_abs(v));
        bad = v_fma(v, zero, bad);
    }
    const float most = largest_lane(peak);
    *max = (most > *max ? most : *max) + v_sum(bad);
}

void KERNEL(quantise_row)(int n, const atl_rows *x, float factor, int8_t *out)
{
    const vec f = v_set(factor);
    int j = 0;
    for (; j + LANES <= n; j += LANES)
        v_store_s8(out + j, v_mul(load_any(x, 0, j, 0), f));
    if (j < n) {
        int8_t rest[LANES];
        v_store_s8(rest, v_mul(load_any(x, 0, j, n - j), f));
        memcpy(out + j, rest, (size_t)(n - j));
    }
}

void KERNEL(dequantise)(int m, const int32_t *sums, const float *row, const float *column, float *out)
{
    for (int i = 0; i < m; i++, sums += ATL_TILE_COLS, out += ATL_TILE_COLS) {
        const vec scale = v_set(row[i]);
        UNROLL for (int j = 0; j < ATL_TILE_COLS; j += LANES)
            v_store(out + j, v_mul(v_mul(v_from_s32(sums + j), scale), v_load(column + j)));
    }
}

/* ---- panels ---- */

/* Scales behind the panel, from the rows as they stand in the file; factors for whoever packs. */
static inline __attribute__((always_inline)) void s8_scales(const atl_dtype type, const atl_panel_rows *rows,
                                                            float factors[ATL_TILE_COLS], float *scales,
                                                            float *trouble)
{
    const size_t all = rows->c_in * rows->n_taps;
    for (int j = 0; j < ATL_TILE_COLS; j++) {
        vec peak = v_set(0.0f), bad = v_set(0.0f), zero = v_set(0.0f);
        for (size_t at = 0; j < rows->n && at < all; at += LANES) {
            vec v = panel_load(type, rows->row[j], at, all - at < LANES ? all - at : LANES);
            peak = v_max(peak, v_abs(v));
            bad = v_fma(v, zero, bad);
        }
        const float most = largest_lane(peak), scale = most / 127.0f;
        factors[j] = atl_s8_factor(most);
        memcpy(scales + j, &scale, sizeof scale);
        *trouble += v_sum(bad);
    }
}

/* One tap: what is turned is in the panel's order already. */
static inline __attribute__((always_inline)) void
panel_s8_flat(const atl_dtype type, const atl_panel_rows *rows, const float *factors, int8_t *panel)
{
    vec bad = v_set(0.0f);
    for (int first = 0; first < ATL_TILE_COLS; first += LANES) {
        const vec factor = v_load(factors + first);
        for (size_t at = 0; at < rows->c_in; at += LANES) {
            const size_t n = rows->c_in - at < LANES ? rows->c_in - at : LANES;
            vec r[LANES];
            panel_turn(type, rows, first, at, n, r, &bad);
            for (size_t i = 0; i < n; i += 4)
                v_store_fours(panel + ((at + i) * ATL_TILE_COLS + 4 * (size_t)first), v_mul(r[i], factor),
                              v_mul(r[i + 1], factor), v_mul(r[i + 2], factor), v_mul(r[i + 3], factor));
        }
    }
}

/* Channels [c, c + n) of all taps, n a multiple of 4. */
static inline __attribute__((always_inline)) void panel_s8_block(const atl_dtype type,
                                                                 const atl_panel_rows *rows, int first,
                                                                 size_t c, size_t n, vec factor,
                                                                 int8_t *panel)
{
    float turned[(PANEL_CHANNELS * PANEL_TAPS + LANES) * LANES];
    const size_t taps = rows->n_taps, all = n * taps;
    vec bad = v_set(0.0f);
    for (size_t at = 0; at < all; at += LANES) {
        vec r[LANES];
        panel_turn(type, rows, first, c * taps + at, all - at < LANES ? all - at : LANES, r, &bad);
        UNROLL for (int i = 0; i < LANES; i++)
            v_store(turned + (at + (size_t)i) * LANES, v_mul(r[i], factor));
    }
    for (size_t tap = 0; tap < taps; tap++)
        for (size_t i = 0; i < n; i += 4)
            v_store_fours(panel + ((tap * rows->c_in + c + i) * ATL_TILE_COLS + 4 * (size_t)first),
                          v_load(turned + (i * taps + tap) * LANES),
                          v_load(turned + ((i + 1) * taps + tap) * LANES),
                          v_load(turned + ((i + 2) * taps + tap) * LANES),
                          v_load(turned + ((i + 3) * taps + tap) * LANES));
}

static inline __attribute__((always_inline)) void panel_s8(const atl_dtype type, const atl_panel_rows *rows,
                                                           size_t padded, int8_t *panel, float *trouble)
{
    float factors[ATL_TILE_COLS];
    s8_scales(type, rows, factors, (void *)(panel + padded * ATL_TILE_COLS), trouble);
    if (rows->n_taps == 1) {
        panel_s8_flat(type, rows, factors, panel);
        return;
    }
    for (int first = 0; first < ATL_TILE_COLS; first += LANES)
        for (size_t c = 0; c < rows->c_in; c += PANEL_CHANNELS)
            panel_s8_block(type, rows, first, c,
                           rows->c_in - c < PANEL_CHANNELS ? rows->c_in - c : PANEL_CHANNELS,
                           v_load(factors + first), panel);
}

void KERNEL(panel_s8)(const atl_panel_rows *rows, int8_t *panel, float *trouble)
{
    const size_t k = rows->c_in * rows->n_taps, padded = atl_round_up(k, ATL_S8_BLOCK_K);
    const size_t written = atl_round_up(k, 4) * ATL_TILE_COLS;
    if (rows->n_taps > PANEL_TAPS || (rows->n_taps > 1 && rows->c_in % 4 != 0)) {
        atl_panel_s8__portable(rows, panel, trouble); /* fours would join two taps */
        return;
    }
    if (rows->type == ATL_F32)
        panel_s8(ATL_F32, rows, padded, panel, trouble);
    else if (rows->type == ATL_F16)
        panel_s8(ATL_F16, rows, padded, panel, trouble);
    else
        panel_s8(ATL_BF16, rows, padded, panel, trouble);
    memset(panel + written, 0, padded * ATL_TILE_COLS - written);
}

#endif
