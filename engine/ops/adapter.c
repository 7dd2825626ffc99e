/* adapter.c - see adapter.h.
 *
 * The way down comes first. In bf16 the layer's own product then goes on with it: after the last of its own
 * k the sums run over the rank, in the same registers, before anything is rounded or stored. In f32 the way
 * up is a product of its own, and what it gives is the residual of the layer's. */
#include "ops/adapter.h"

#include <assert.h>
#include <stdint.h>

#include "kernels/kernels.h"
#include "ops/panels.h"

const atl_adapter *atl_adapter_beside(const atl_bench *bench, const void *weight)
{
    size_t begin = 0, end = bench->adapters ? bench->adapters->n : 0;
    while (begin < end) {
        const size_t middle = begin + (end - begin) / 2;
        const atl_adapter *adapter = &bench->adapters->at[middle];
        if (adapter->beside == weight)
            return adapter;
        if ((uintptr_t)adapter->beside < (uintptr_t)weight)
            begin = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

bool atl_adapter_goes_aside(const atl_adapter *adapter)
{
    return adapter->up.dtype == ATL_BF16;
}

/* Down x, with zeros up to whole blocks of k, and rows beyond the last that may be read. */
static void go_aside(const atl_bench *bench, const atl_adapter *adapter, const atl_conv_input *in,
                     const atl_map *out, atl_aside *ret)
{
    const size_t k = atl_panels_k((size_t)adapter->up.n_in, ATL_BF16);
    const size_t n_rows = atl_map_rows(out) + ATL_BF16_TILE_ROWS;
    void *rows = atl_arena_take(bench->arena, n_rows * k * sizeof(uint16_t));
    const atl_map few = atl_map_over(rows, ATL_BF16, out->n, out->h, out->w, (int)k);
    atl_conv_run(bench, &adapter->down, in, NULL, &few);
    *ret = (atl_aside){.rows = rows, .k = k, .panels = adapter->up.weight};
}

/* Up (down x) and the residual that was to be, in f32. */
static void add_to_residual(const atl_bench *bench, const atl_adapter *adapter, const atl_conv_input *in,
                            const atl_map *out, atl_adapted *ret)
{
    atl_epilogue *e = &ret->own_epilogue;
    const atl_epilogue with_residual = {.residual = e->residual};
    if (e->before != ATL_ACT_NONE) {
        assert(!e->residual && e->scale == 0.0f && e->after == ATL_ACT_NONE);
        e->after = e->before;
        e->before = ATL_ACT_NONE;
    }
    ret->sum = atl_map_take(bench, ATL_F32, out->n, out->h, out->w, out->c);
    e->residual = &ret->sum;
    ret->epilogue = e;
    const size_t mark = atl_arena_mark(bench->arena);
    const atl_map few = atl_map_take(bench, ATL_F32, out->n, out->h, out->w, adapter->down.c_out);
    atl_conv_run(bench, &adapter->down, in, NULL, &few);
    atl_linear_run(bench, &adapter->up, &few, &with_residual, &ret->sum);
    atl_arena_release(bench->arena, mark);
}

void atl_adapter_run(const atl_bench *bench, const atl_adapter *adapter, const atl_conv_input *in,
                     const atl_epilogue *epilogue, const atl_map *out, atl_adapted *ret)
{
    *ret = (atl_adapted){.epilogue = epilogue, .own_epilogue = epilogue ? *epilogue : (atl_epilogue){0}};
    if (!adapter)
        return;
    if (atl_adapter_goes_aside(adapter)) {
        go_aside(bench, adapter, in, out, &ret->own_aside);
        ret->aside = &ret->own_aside;
    } else {
        add_to_residual(bench, adapter, in, out, ret);
    }
}
