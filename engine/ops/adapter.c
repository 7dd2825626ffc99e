/* adapter.c - see adapter.h.
 *
 * The small products come first. What they give is the residual of the layer's own product, so that sums are
 * f32 until the layer's result is stored, and an activation comes after the sum as it would after the layer
 * alone. */
#include "ops/adapter.h"

#include <assert.h>
#include <stdint.h>

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

void atl_adapter_run(const atl_bench *bench, const atl_adapter *adapter, const atl_conv_input *in,
                     const atl_epilogue *epilogue, const atl_map *out, atl_adapted *ret)
{
    ret->epilogue = epilogue ? *epilogue : (atl_epilogue){0};
    atl_epilogue *e = &ret->epilogue;
    const atl_epilogue with_residual = {.residual = e->residual};
    if (e->before != ATL_ACT_NONE) {
        assert(!e->residual && e->scale == 0.0f && e->after == ATL_ACT_NONE);
        e->after = e->before;
        e->before = ATL_ACT_NONE;
    }
    ret->sum = atl_map_take(bench, ATL_F32, out->n, out->h, out->w, out->c);
    e->residual = &ret->sum;
    const size_t mark = atl_arena_mark(bench->arena);
    const atl_map few = atl_map_take(bench, ATL_F32, out->n, out->h, out->w, adapter->down.c_out);
    atl_conv_run(bench, &adapter->down, in, NULL, &few);
    atl_linear_run(bench, &adapter->up, &few, &with_residual, &ret->sum);
    atl_arena_release(bench->arena, mark);
}
