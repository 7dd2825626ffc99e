/* panels.c - where panels lie; how one is filled is the kernels' business. See panels.h. */
#include "ops/panels.h"

#include <math.h>

#include "base/sizes.h"

size_t atl_panels_k(size_t k, atl_dtype dtype)
{
    return dtype == ATL_BF16 ? atl_round_up(k, ATL_BLOCK_K)
           : dtype == ATL_S8 ? atl_round_up(k, ATL_S8_BLOCK_K)
                             : k;
}

size_t atl_panels_bytes(size_t k, int n_out, atl_dtype dtype)
{
    size_t column = atl_panels_k(k, dtype) * atl_dtype_bytes(dtype) + (dtype == ATL_S8 ? sizeof(float) : 0);
    return atl_round_up((size_t)n_out, ATL_TILE_COLS) * column;
}

bool atl_panels_pack_one(const atl_kernels *kernels, const atl_panel_rows *rows, atl_dtype dtype,
                         size_t index, void *panels)
{
    float trouble = 0.0f;
    void *panel = (char *)panels + index * atl_panels_bytes(rows->c_in * rows->n_taps, ATL_TILE_COLS, dtype);
    if (dtype == ATL_BF16)
        kernels->panel_bf16(rows, panel, &trouble);
    else if (dtype == ATL_F16)
        kernels->panel_f16(rows, panel, &trouble);
    else if (dtype == ATL_S8)
        kernels->panel_s8(rows, panel, &trouble);
    else
        kernels->panel_f32(rows, panel, &trouble);
    return !isnan(trouble);
}

void atl_panels_pack(atl_panels_shape shape, atl_dtype dtype, size_t first, size_t count, const float *weight,
                     void *panels)
{
    const size_t k = shape.c_in * shape.n_taps;
    atl_panel_rows rows = {.type = ATL_F32, .c_in = shape.c_in, .n_taps = shape.n_taps};
    for (size_t done = 0; done < count; done += ATL_TILE_COLS) {
        rows.n = count - done < ATL_TILE_COLS ? (int)(count - done) : ATL_TILE_COLS;
        for (int i = 0; i < rows.n; i++)
            rows.row[i] = weight + (done + (size_t)i) * k;
        atl_panels_pack_one(atl_kernels_choose(0), &rows, dtype, (first + done) / ATL_TILE_COLS, panels);
    }
}
