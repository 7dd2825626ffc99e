/* conv.c - convolutions: packing into panels, and the product over taps; see layers.h.
 *
 * Packed: panels (panels.h), then the bias [c_out] if there is one. */
#include <string.h>

#include "ops/account.h"
#include "ops/adapter.h"
#include "ops/layers.h"
#include "ops/panels.h"
#include "ops/patch.h"
#include "ops/product.h"

static size_t conv_k(int c_in, int kernel)
{
    return (size_t)c_in * (size_t)kernel * (size_t)kernel;
}

size_t atl_conv_packed_bytes(int c_in, int c_out, int kernel, bool bias, atl_dtype dtype)
{
    return atl_linear_packed_bytes((int)conv_k(c_in, kernel), c_out, bias, dtype);
}

void atl_conv_pack(const atl_conv *conv, int first, int count, const float *weight, const float *bias,
                   void *region)
{
    atl_panels_shape shape = {.c_in = (size_t)conv->c_in,
                              .n_taps = (size_t)conv->kernel * (size_t)conv->kernel,
                              .n_out = (size_t)conv->c_out};
    atl_panels_pack(shape, conv->dtype, (size_t)first, (size_t)count, weight, region);
    if (!bias)
        return;
    size_t panels_bytes = atl_panels_bytes(conv_k(conv->c_in, conv->kernel), conv->c_out, conv->dtype);
    float *packed_bias = (void *)((char *)region + panels_bytes);
    memcpy(packed_bias + first, bias, (size_t)count * sizeof *bias);
}

void atl_conv_bind(atl_conv *conv, int c_in, int c_out, int kernel, int stride, int pad_before, int pad_after,
                   bool bias, atl_dtype dtype, const void *region)
{
    *conv = (atl_conv){.c_in = c_in,
                       .c_out = c_out,
                       .kernel = kernel,
                       .stride = stride,
                       .pad_before = pad_before,
                       .pad_after = pad_after,
                       .dtype = dtype,
                       .weight = region};
    if (bias)
        conv->bias =
            (const void *)((const char *)region + atl_panels_bytes(conv_k(c_in, kernel), c_out, dtype));
}

int atl_conv_out_size(const atl_conv *conv, int h)
{
    return (h + conv->pad_before + conv->pad_after - conv->kernel) / conv->stride + 1;
}

/* Lines of a padded patch are what it is applied to (patch.h). */
bool atl_conv_takes_affine(const atl_conv *conv, const atl_conv_input *in)
{
    bool same_size = conv->kernel == 3 && conv->stride == 1 && conv->pad_before == 1 && conv->pad_after == 1;
    return conv->dtype == ATL_BF16 && same_size && !in->upsample && in->x->w % ATL_PATCH_WIDTH == 0 &&
           conv->c_in % ATL_BLOCK_K == 0;
}

bool atl_conv_runs_lines(const atl_bench *bench, const atl_conv *conv, const atl_conv_input *in)
{
    atl_map seen = *in->x; /* as the convolution sees it */
    seen.w <<= in->upsample ? 1 : 0;
    return seen.n == 1 && atl_conv_takes_affine(conv, &(atl_conv_input){.x = &seen}) &&
           !atl_adapter_beside(bench, conv->weight);
}

static atl_product product_of(const atl_conv *conv, const atl_conv_input *in, const atl_epilogue *epilogue,
                              const atl_map *out)
{
    return (atl_product){.in = in,
                         .kernel = conv->kernel,
                         .stride = conv->stride,
                         .pad = conv->pad_before,
                         .n_out = conv->c_out,
                         .dtype = conv->dtype,
                         .panels = conv->weight,
                         .bias = conv->bias,
                         .epilogue = epilogue,
                         .out = out};
}

void atl_conv_run_lines(const atl_bench *bench, const atl_conv *conv, const atl_conv_input *in,
                        const atl_epilogue *epilogue, const atl_map *out, atl_lines lines)
{
    const int up = in->upsample ? 1 : 0;
    const atl_map read = atl_map_lines(in->x, (atl_lines){lines.first >> up, lines.n >> up}),
                  made = atl_map_lines(out, lines);
    atl_product product = product_of(conv, in, epilogue, out);
    product.lines = lines;
    atl_account_begin(bench);
    atl_product_run(bench, &product);
    atl_account_end_product(bench, "conv3x3", conv->kernel, &(atl_conv_input){.x = &read}, conv->c_out,
                            conv->dtype, epilogue && epilogue->residual ? &made : NULL, &made);
}

void atl_conv_run(const atl_bench *bench, const atl_conv *conv, const atl_conv_input *in,
                  const atl_epilogue *epilogue, const atl_map *out)
{
    const size_t mark = atl_arena_mark(bench->arena);
    atl_adapted adapted;
    atl_adapter_run(bench, atl_adapter_beside(bench, conv->weight), in, epilogue, out, &adapted);
    atl_product product = product_of(conv, in, adapted.epilogue, out);
    product.aside = adapted.aside;
    atl_account_begin(bench);
    atl_product_run(bench, &product);
    atl_account_end_product(bench,
                            conv->kernel == 1   ? "conv1x1"
                            : conv->stride == 2 ? "conv3x3/2"
                                                : "conv3x3",
                            conv->kernel, in, conv->c_out, conv->dtype,
                            adapted.epilogue ? adapted.epilogue->residual : NULL, out);
    atl_arena_release(bench->arena, mark);
}
