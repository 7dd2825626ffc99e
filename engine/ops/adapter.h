/* adapter.h - what stands beside a layer and is added to it: a product to few channels and one back, without
 * touching the layer's weights, which other processes share (Hu et al. 2021, "LoRA").
 *
 *   y = W x + b + up (down x)
 *
 * A bench may carry a set of adapters; linear layers and convolutions look there for their own, by the
 * address of their packed weights. A bench without one pays one comparison a layer. */
#ifndef ATL_OPS_ADAPTER_H
#define ATL_OPS_ADAPTER_H

#include "ops/layers.h"
#include "ops/product.h"

typedef struct atl_adapter {
    const void *beside; /* the packed weights of the layer */
    atl_conv down;      /* to the rank, with the layer's own kernel, stride and padding; no bias */
    atl_linear up;      /* from the rank to all outputs of the layer; no bias */
} atl_adapter;

typedef struct atl_adapters {
    atl_adapter *at; /* [n], by ascending `beside`, each once */
    size_t n;
} atl_adapters;

/* The bench's adapter of the layer with these packed weights, or NULL. */
const atl_adapter *atl_adapter_beside(const atl_bench *bench, const void *weight);

/* What the layer's own product then has beside its input and weights: in bf16 down x, with which it makes the
 * sums of `up`, too; in f32 up (down x) as a residual. From the arena, what the caller releases. */
typedef struct atl_adapted {
    const atl_aside *aside;       /* or NULL */
    const atl_epilogue *epilogue; /* in place of the layer's own; or NULL */
    atl_aside own_aside;
    atl_map sum;
    atl_epilogue own_epilogue;
} atl_adapted;

/* Whether the adapter is one that goes aside, so that an activation or gate after the layer's sums is as
 * without it. */
bool atl_adapter_goes_aside(const atl_adapter *adapter);

/* Makes what the layer's product takes. `adapter` may be NULL: that is nothing aside and the layer's own
 * epilogue. `epilogue` may be NULL; in f32 one with an activation `before` has no residual, scale or other
 * activation. `ret` is pointed into, and must stay where it is. */
void atl_adapter_run(const atl_bench *bench, const atl_adapter *adapter, const atl_conv_input *in,
                     const atl_epilogue *epilogue, const atl_map *out, atl_adapted *ret);

#endif
