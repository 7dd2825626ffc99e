/* linear.c - linear layers: packing into panels, and the product with one tap; see layers.h.
 *
 * Packed: panels (panels.h), then the bias [n_out] if there is one. */
#include <string.h>

#include "base/sizes.h"
#include "kernels/kernels.h"
#include "ops/account.h"
#include "ops/adapter.h"
#include "ops/elementwise.h"
#include "ops/layers.h"
#include "ops/panels.h"
#include "ops/product.h"

size_t atl_linear_packed_bytes(int n_in, int n_out, bool bias, atl_dtype dtype)
{
    size_t bias_bytes = bias ? (size_t)n_out * sizeof(float) : 0;
    return atl_round_up(atl_panels_bytes((size_t)n_in, n_out, dtype) + bias_bytes, ATL_ARENA_ALIGN);
}

void atl_linear_pack(const atl_linear *linear, int first_row, int n_rows, const float *weight,
                     const float *bias, void *region)
{
    atl_panels_shape shape = {.c_in = (size_t)linear->n_in, .n_taps = 1, .n_out = (size_t)linear->n_out};
    atl_panels_pack(shape, linear->dtype, (size_t)first_row, (size_t)n_rows, weight, region);
    if (!bias)
        return;
    float *packed_bias =
        (void *)((char *)region + atl_panels_bytes(shape.c_in, linear->n_out, linear->dtype));
    memcpy(packed_bias + first_row, bias, (size_t)n_rows * sizeof *bias);
}

void atl_linear_bind(atl_linear *linear, int n_in, int n_out, bool bias, atl_dtype dtype, const void *region)
{
    *linear = (atl_linear){.n_in = n_in, .n_out = n_out, .dtype = dtype, .weight = region};
    if (bias)
        linear->bias = (const void *)((const char *)region + atl_panels_bytes((size_t)n_in, n_out, dtype));
}

/* The product, and of geglu the gate, with what stands beside the layer. */
static void run(const atl_bench *bench, const atl_linear *linear, const atl_map *x,
                const atl_adapter *adapter, const atl_epilogue *epilogue, bool geglu, const atl_map *out)
{
    const atl_conv_input in = {.x = x};
    const size_t mark = atl_arena_mark(bench->arena);
    atl_adapted adapted;
    atl_adapter_run(bench, adapter, &in, epilogue, out, &adapted);
    atl_account_begin(bench);
    atl_product_run(bench, &(atl_product){.in = &in,
                                          .kernel = 1,
                                          .stride = 1,
                                          .n_out = linear->n_out,
                                          .dtype = linear->dtype,
                                          .panels = linear->weight,
                                          .bias = linear->bias,
                                          .epilogue = adapted.epilogue,
                                          .geglu = geglu,
                                          .aside = adapted.aside,
                                          .out = out});
    atl_account_end_product(bench, geglu ? "geglu" : "linear", 1, &in, linear->n_out, linear->dtype,
                            adapted.epilogue ? adapted.epilogue->residual : NULL, out);
    atl_arena_release(bench->arena, mark);
}

void atl_linear_run(const atl_bench *bench, const atl_linear *linear, const atl_map *x,
                    const atl_epilogue *epilogue, const atl_map *out)
{
    run(bench, linear, x, atl_adapter_beside(bench, linear->weight), epilogue, false, out);
}

typedef struct gate_job {
    const atl_kernels *kernels;
    const atl_map *both, *out;
} gate_job;

static void gate_row(void *user, size_t row, int thread)
{
    const gate_job *job = user;
    const float *values = atl_map_f32(job->both) + row * job->both->stride;
    (void)thread;
    job->kernels->geglu_f32(job->out->c, values, values + job->out->c, NULL, NULL,
                            atl_map_f32(job->out) + row * job->out->stride);
}

/* Halves that end within a panel have no gate panels of their own, and an adapter that does not go aside is
 * added before the gate: then the whole product is made first. */
static void run_geglu_whole(const atl_bench *bench, const atl_linear *linear, const atl_map *x,
                            const atl_map *out)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map both = atl_map_take(bench, ATL_F32, out->n, out->h, out->w, linear->n_out);
    atl_linear_run(bench, linear, x, NULL, &both);
    atl_map gated = *out;
    if (out->dtype != ATL_F32)
        gated = atl_map_take(bench, ATL_F32, out->n, out->h, out->w, out->c);
    gate_job job = {.kernels = bench->kernels, .both = &both, .out = &gated};
    if (!bench->arena->measuring)
        atl_pool_run(bench->pool, atl_map_rows(out), gate_row, &job);
    if (out->dtype != ATL_F32)
        atl_copy(bench, &gated, out);
    atl_arena_release(bench->arena, mark);
}

void atl_linear_run_geglu(const atl_bench *bench, const atl_linear *linear, const atl_map *x,
                          const atl_map *out)
{
    const atl_adapter *adapter = atl_adapter_beside(bench, linear->weight);
    if (out->c % ATL_TILE_COLS != 0 || (adapter && !atl_adapter_goes_aside(adapter)))
        run_geglu_whole(bench, linear, x, out);
    else
        run(bench, linear, x, adapter, NULL, true, out);
}
