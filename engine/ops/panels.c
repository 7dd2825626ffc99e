/* panels.c - weights into panels; see panels.h. */
#include "ops/panels.h"

#include <string.h>

#include "base/sizes.h"
#include "kernels/kernels.h"

/* × 9 taps × 32 columns are 18 KB: what is written stays in L1 until it is whole. */
#define BLOCK_CHANNELS 16

size_t atl_panels_floats(size_t k, int n_out)
{
    return atl_round_up((size_t)n_out, ATL_TILE_COLS) * k;
}

/* Channels [begin, end) of one output: from[c][tap] to column `to`, where [tap][c] are 32 floats apart. */
static void pack_channels(atl_panels_shape shape, size_t begin, size_t end, const float *from, float *to)
{
    for (size_t c = begin; c < end; c++)
        for (size_t tap = 0; tap < shape.n_taps; tap++)
            to[(tap * shape.c_in + c) * ATL_TILE_COLS] = from[c * shape.n_taps + tap];
}

/* Columns [used, 32) of a panel of k rows. */
static void zero_columns(size_t k, size_t used, float *panel)
{
    for (size_t i = 0; i < k; i++)
        memset(panel + i * ATL_TILE_COLS + used, 0, (ATL_TILE_COLS - used) * sizeof *panel);
}

void atl_panels_pack(atl_panels_shape shape, size_t first, size_t count, const float *weight, float *panels)
{
    size_t k = shape.c_in * shape.n_taps, end = first + count;
    for (size_t row = first; row < end;) {
        size_t next = row - row % ATL_TILE_COLS + ATL_TILE_COLS, stop = next < end ? next : end;
        float *panel = panels + row / ATL_TILE_COLS * ATL_TILE_COLS * k;
        for (size_t c = 0; c < shape.c_in; c += BLOCK_CHANNELS) {
            size_t c_end = c + BLOCK_CHANNELS < shape.c_in ? c + BLOCK_CHANNELS : shape.c_in;
            for (size_t o = row; o < stop; o++)
                pack_channels(shape, c, c_end, weight + (o - first) * k, panel + o % ATL_TILE_COLS);
        }
        if (stop == shape.n_out && stop < next)
            zero_columns(k, stop % ATL_TILE_COLS, panel);
        row = stop;
    }
}
