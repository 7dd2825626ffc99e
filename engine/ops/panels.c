/* panels.c - weights into panels; see panels.h. */
#include "ops/panels.h"

#include <string.h>

#include "base/sizes.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"

/* × 9 taps × 32 columns are 18 KB: what is written stays in L1 until it is whole. */
#define BLOCK_CHANNELS 16

size_t atl_panels_k(size_t k, atl_dtype dtype)
{
    return dtype == ATL_BF16 ? atl_round_up(k, ATL_BLOCK_K) : k;
}

size_t atl_panels_bytes(size_t k, int n_out, atl_dtype dtype)
{
    return atl_round_up((size_t)n_out, ATL_TILE_COLS) * atl_panels_k(k, dtype) * atl_dtype_bytes(dtype);
}

/* Channels [begin, end) of one output: from[c][tap] to column `to`, where [tap][c] are 32 floats apart. */
static void pack_channels(atl_panels_shape shape, size_t begin, size_t end, const float *from, float *to)
{
    for (size_t c = begin; c < end; c++)
        for (size_t tap = 0; tap < shape.n_taps; tap++)
            to[(tap * shape.c_in + c) * ATL_TILE_COLS] = from[c * shape.n_taps + tap];
}

/* The same in pairs: k is at [k/2][column][k%2]. */
static void pack_channels_bf16(atl_panels_shape shape, size_t begin, size_t end, const float *from,
                               uint16_t *to)
{
    for (size_t c = begin; c < end; c++)
        for (size_t tap = 0; tap < shape.n_taps; tap++) {
            size_t k = tap * shape.c_in + c;
            to[k / 2 * (2 * ATL_TILE_COLS) + k % 2] = atl_bf16_from_f32(from[c * shape.n_taps + tap]);
        }
}

/* Columns [used, 32) of a panel of k rows. */
static void zero_columns(size_t k, size_t used, float *panel)
{
    for (size_t i = 0; i < k; i++)
        memset(panel + i * ATL_TILE_COLS + used, 0, (ATL_TILE_COLS - used) * sizeof *panel);
}

/* `n` outputs into one panel, from its first column on. */
static void pack_panel(atl_panels_shape shape, size_t n, const float *weight, float *panel)
{
    size_t k = shape.c_in * shape.n_taps;
    for (size_t c = 0; c < shape.c_in; c += BLOCK_CHANNELS) {
        size_t end = c + BLOCK_CHANNELS < shape.c_in ? c + BLOCK_CHANNELS : shape.c_in;
        for (size_t o = 0; o < n; o++)
            pack_channels(shape, c, end, weight + o * k, panel + o);
    }
    if (n < ATL_TILE_COLS)
        zero_columns(k, n, panel);
}

static void pack_panel_bf16(atl_panels_shape shape, size_t n, const float *weight, uint16_t *panel)
{
    size_t k = shape.c_in * shape.n_taps, padded = atl_panels_k(k, ATL_BF16);
    if (n < ATL_TILE_COLS)
        memset(panel, 0, padded * ATL_TILE_COLS * sizeof *panel);
    else if (k < padded)
        memset(panel + k / 2 * (2 * ATL_TILE_COLS), 0, (padded - k / 2 * 2) * ATL_TILE_COLS * sizeof *panel);
    for (size_t c = 0; c < shape.c_in; c += BLOCK_CHANNELS) {
        size_t end = c + BLOCK_CHANNELS < shape.c_in ? c + BLOCK_CHANNELS : shape.c_in;
        for (size_t o = 0; o < n; o++)
            pack_channels_bf16(shape, c, end, weight + o * k, panel + 2 * o);
    }
}

void atl_panels_pack(atl_panels_shape shape, atl_dtype dtype, size_t first, size_t count, const float *weight,
                     void *panels)
{
    size_t k = shape.c_in * shape.n_taps;
    size_t panel_bytes = atl_panels_bytes(k, ATL_TILE_COLS, dtype);
    for (size_t done = 0; done < count; done += ATL_TILE_COLS) {
        size_t n = count - done < ATL_TILE_COLS ? count - done : ATL_TILE_COLS;
        void *panel = (char *)panels + (first + done) / ATL_TILE_COLS * panel_bytes;
        if (dtype == ATL_BF16)
            pack_panel_bf16(shape, n, weight + done * k, panel);
        else
            pack_panel(shape, n, weight + done * k, panel);
    }
}
