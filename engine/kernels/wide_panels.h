/* wide_panels.h - weights into panels, once over the vector of wide.h: included after it.
 *
 * LANES rows × LANES numbers are read in the checkpoint's own type, widened, turned in registers, and stored
 * where the panel wants them: nothing passes through memory but what is read and what is packed. With taps,
 * bf16 wants numbers side by side that are n_taps apart: sixteen channels are turned into a block in L1
 * first. Whether all numbers were finite costs one multiply-add a vector: x · 0 is 0 unless x is NaN or
 * infinite. */
#ifndef ATL_KERNELS_WIDE_PANELS_H
#define ATL_KERNELS_WIDE_PANELS_H

#define PANEL_CHANNELS 16 /* turned at a time */
#define PANEL_TAPS     9  /* of the largest kernel there is; larger ones would be packed one by one */

/* n ≤ LANES numbers from `at` on; the last few go through a padded copy. */
static inline __attribute__((always_inline)) vec panel_load(const atl_dtype type, const void *row, size_t at,
                                                            size_t n)
{
    const size_t size = type == ATL_F32 ? sizeof(float) : sizeof(uint16_t);
    const void *from = (const char *)row + at * size;
    float rest[LANES] = {0};
    if (n < LANES)
        from = memcpy(rest, from, n * size);
    return type == ATL_F32 ? v_load(from) : type == ATL_F16 ? v_from_f16(from) : v_from_bf16(from);
}

/* r[i], lane j: number at + i of row first + j; 0 where there is none. */
static inline __attribute__((always_inline)) void panel_turn(const atl_dtype type, const atl_panel_rows *rows,
                                                             int first, size_t at, size_t n, vec r[LANES],
                                                             vec *trouble)
{
    UNROLL for (int i = 0; i < LANES; i++)
    {
        r[i] = first + i < rows->n ? panel_load(type, rows->row[first + i], at, n) : v_set(0.0f);
        *trouble = v_fma(r[i], v_set(0.0f), *trouble);
    }
    v_transpose(r);
}

/* LANES columns at k, in the panel's type. */
static inline __attribute__((always_inline)) void panel_store(const bool half, void *panel, size_t at, vec x)
{
    if (half)
        v_store_f16((uint16_t *)panel + at, v_min(v_max(x, v_set(-ATL_F16_MOST)), v_set(ATL_F16_MOST)));
    else
        v_store((float *)panel + at, x);
}

static inline __attribute__((always_inline)) void
panel_plain(const bool half, const atl_dtype type, const atl_panel_rows *rows, void *panel, float *trouble)
{
    const size_t all = rows->c_in * rows->n_taps;
    vec bad = v_set(0.0f);
    for (int first = 0; first < ATL_TILE_COLS; first += LANES) {
        size_t c = 0, tap = 0;
        for (size_t at = 0; at < all; at += LANES) {
            const size_t n = all - at < LANES ? all - at : LANES;
            vec r[LANES];
            panel_turn(type, rows, first, at, n, r, &bad);
            for (size_t i = 0; i < n; i++) {
                panel_store(half, panel, (tap * rows->c_in + c) * ATL_TILE_COLS + (size_t)first, r[i]);
                if (++tap == rows->n_taps) {
                    tap = 0;
                    c++;
                }
            }
        }
    }
    *trouble += v_sum(bad);
}

void KERNEL(panel_f32)(const atl_panel_rows *rows, float *panel, float *trouble)
{
    if (rows->type == ATL_F32)
        panel_plain(false, ATL_F32, rows, panel, trouble);
    else if (rows->type == ATL_F16)
        panel_plain(false, ATL_F16, rows, panel, trouble);
    else
        panel_plain(false, ATL_BF16, rows, panel, trouble);
}

void KERNEL(panel_f16)(const atl_panel_rows *rows, uint16_t *panel, float *trouble)
{
    if (rows->type == ATL_F32)
        panel_plain(true, ATL_F32, rows, panel, trouble);
    else if (rows->type == ATL_F16)
        panel_plain(true, ATL_F16, rows, panel, trouble);
    else
        panel_plain(true, ATL_BF16, rows, panel, trouble);
}

/* One tap: what is turned is in the panel's order already. */
static inline __attribute__((always_inline)) vec panel_bf16_flat(const atl_dtype type,
                                                                 const atl_panel_rows *rows, uint16_t *panel)
{
    vec bad = v_set(0.0f);
    for (int first = 0; first < ATL_TILE_COLS; first += LANES)
        for (size_t at = 0; at < rows->c_in; at += LANES) {
            const size_t n = rows->c_in - at < LANES ? rows->c_in - at : LANES;
            vec r[LANES];
            panel_turn(type, rows, first, at, n, r, &bad);
            for (size_t i = 0; i < n; i += 2)
                v_store_pairs(panel + (at + i) * ATL_TILE_COLS + 2 * first, r[i], r[i + 1]);
        }
    return bad;
}

/* Channels [c, c + n) of all taps, n even. */
static inline __attribute__((always_inline)) void panel_bf16_block(const atl_dtype type,
                                                                   const atl_panel_rows *rows, int first,
                                                                   size_t c, size_t n, uint16_t *panel,
                                                                   vec *bad)
{
    float turned[(PANEL_CHANNELS * PANEL_TAPS + LANES) * LANES];
    const size_t taps = rows->n_taps, all = n * taps;
    for (size_t at = 0; at < all; at += LANES) {
        vec r[LANES];
        panel_turn(type, rows, first, c * taps + at, all - at < LANES ? all - at : LANES, r, bad);
        UNROLL for (int i = 0; i < LANES; i++) v_store(turned + (at + (size_t)i) * LANES, r[i]);
    }
    for (size_t tap = 0; tap < taps; tap++)
        for (size_t i = 0; i < n; i += 2)
            v_store_pairs(panel + (tap * rows->c_in + c + i) * ATL_TILE_COLS + 2 * first,
                          v_load(turned + (i * taps + tap) * LANES),
                          v_load(turned + ((i + 1) * taps + tap) * LANES));
}

static inline __attribute__((always_inline)) void panel_bf16(const atl_dtype type, const atl_panel_rows *rows,
                                                             uint16_t *panel, float *trouble)
{
    vec bad = v_set(0.0f);
    if (rows->n_taps == 1)
        bad = panel_bf16_flat(type, rows, panel);
    else
        for (int first = 0; first < ATL_TILE_COLS; first += LANES)
            for (size_t c = 0; c < rows->c_in; c += PANEL_CHANNELS)
                panel_bf16_block(type, rows, first, c,
                                 rows->c_in - c < PANEL_CHANNELS ? rows->c_in - c : PANEL_CHANNELS, panel,
                                 &bad);
    *trouble += v_sum(bad);
}

void KERNEL(panel_bf16)(const atl_panel_rows *rows, uint16_t *panel, float *trouble)
{
    size_t k = rows->c_in * rows->n_taps;
    if (rows->n_taps > PANEL_TAPS || (rows->n_taps > 1 && rows->c_in % 2 != 0)) {
        atl_panel_bf16__portable(rows, panel, trouble); /* pairs would join two taps */
        return;
    }
    if (rows->type == ATL_F32)
        panel_bf16(ATL_F32, rows, panel, trouble);
    else if (rows->type == ATL_F16)
        panel_bf16(ATL_F16, rows, panel, trouble);
    else
        panel_bf16(ATL_BF16, rows, panel, trouble);
    for (k += k % 2; k % ATL_BLOCK_K != 0; k += 2)
        memset(panel + k * ATL_TILE_COLS, 0, 2 * ATL_TILE_COLS * sizeof *panel);
}

#endif
