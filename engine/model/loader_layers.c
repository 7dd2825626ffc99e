/* loader_layers.c - what layers there are: linear ones, convolutions, norms, tables.
 *
 * Each is loaded in the moves of loader_parts.h: name its tensors, take its region, tell of it, point at the
 * region, note what is to be packed there. */
#include "model/loader_parts.h"
#include "ops/panels.h"

/* What a region is, beside its type; whoever changes how one of them is filled changes its word. */
#define LAYER_LAYOUT "panels, then biases in f32; " ATL_PANELS_LAYOUT
#define NORM_LAYOUT  "1: factors, then offsets"
#define TABLE_LAYOUT "1: rows"

/* ---- linear ---- */

/* Names the tensors of all matrices, and of their biases if they have any. */
static void name_linears(atl_loader *loader, atl_linear_shape shape, const char *const *names, int n_names,
                         atl_stack *weights, atl_stack *biases)
{
    const size_t sizes[4] = {(size_t)shape.n_out, (size_t)shape.n_in, 1, 1};
    char name[ATL_LOADER_NAME];
    *weights = (atl_stack){.n = n_names, .rows_each = sizes[0], .row_elements = sizes[1]};
    *biases = (atl_stack){.n = n_names, .rows_each = sizes[0], .row_elements = 1};
    for (int i = 0; i < n_names; i++) {
        atl_param p = atl_loader_param(loader, name, ATL_PARAM_WEIGHT, names[i], ".weight",
                                       shape.conv_shaped ? 4 : 2, sizes);
        atl_loader_find(loader, &p, true, &weights->weight[i]);
        if (!shape.bias)
            continue;
        p = atl_loader_param(loader, name, ATL_PARAM_BIAS, names[i], ".bias", 1, sizes);
        atl_loader_find(loader, &p, false, &biases->weight[i]);
    }
}

void atl_load_linear_stack(atl_loader *loader, atl_linear *ret, atl_layer_class layer_class,
                           atl_linear_shape each, const char *const *names, int n_names)
{
    const int n_out = each.n_out * n_names;
    const atl_dtype dtype = loader->policy->layer[atl_layer_class_of_linear(layer_class, n_out)].store;
    *ret = (atl_linear){.n_in = each.n_in, .n_out = n_out, .dtype = dtype};
    if (loader->status != ATL_OK)
        return;
    atl_stack weights, biases;
    name_linears(loader, each, names, n_names, &weights, &biases);
    void *region = atl_loader_take(loader, names[0], dtype, LAYER_LAYOUT,
                                   atl_linear_packed_bytes(each.n_in, n_out, each.bias, dtype));
    for (int i = 0; i < n_names; i++)
        atl_loader_tell(loader,
                        (atl_layer_site){.n_in = each.n_in,
                                         .n_out = each.n_out,
                                         .kernel = 1,
                                         .stride = 1,
                                         .dtype = dtype,
                                         .weight = region,
                                         .first_out = i * each.n_out,
                                         .n_out_all = n_out},
                        names[i]);
    if (!region)
        return;
    atl_linear_bind(ret, each.n_in, n_out, each.bias, dtype, region);
    atl_loader_fill_panels(loader, &weights, 1, dtype, ret->weight);
    if (each.bias)
        atl_loader_fill_floats(loader, &biases, ret->bias);
}

void atl_load_linear(atl_loader *loader, atl_linear *ret, atl_layer_class layer_class, atl_linear_shape shape,
                     const char *name)
{
    atl_load_linear_stack(loader, ret, layer_class, shape, &name, 1);
}

/* ---- convolution ---- */

/* As name_linears, for one convolution. */
static void name_conv(atl_loader *loader, atl_conv_shape shape, const char *layer, atl_stack *weight,
                      atl_stack *bias)
{
    const size_t kernel = (size_t)shape.kernel;
    const size_t sizes[4] = {(size_t)shape.c_out, (size_t)shape.c_in, kernel, kernel};
    char name[ATL_LOADER_NAME];
    *weight = (atl_stack){.n = 1, .rows_each = sizes[0], .row_elements = sizes[1] * kernel * kernel};
    *bias = (atl_stack){.n = 1, .rows_each = sizes[0], .row_elements = 1};
    atl_param p = atl_loader_param(loader, name, ATL_PARAM_WEIGHT, layer, ".weight", 4, sizes);
    atl_loader_find(loader, &p, false, &weight->weight[0]);
    if (shape.no_bias)
        return;
    p = atl_loader_param(loader, name, ATL_PARAM_BIAS, layer, ".bias", 1, sizes);
    atl_loader_find(loader, &p, false, &bias->weight[0]);
}

void atl_load_conv(atl_loader *loader, atl_conv *ret, atl_layer_class layer_class, atl_conv_shape shape,
                   const char *name)
{
    const atl_dtype dtype = loader->policy->layer[layer_class].store;
    *ret = (atl_conv){.c_in = shape.c_in,
                      .c_out = shape.c_out,
                      .kernel = shape.kernel,
                      .stride = shape.stride,
                      .pad_before = shape.pad_before,
                      .pad_after = shape.pad_after,
                      .dtype = dtype};
    if (loader->status != ATL_OK)
        return;
    atl_stack weight, bias;
    name_conv(loader, shape, name, &weight, &bias);
    void *region =
        atl_loader_take(loader, name, dtype, LAYER_LAYOUT,
                        atl_conv_packed_bytes(shape.c_in, shape.c_out, shape.kernel, !shape.no_bias, dtype));
    atl_loader_tell(loader,
                    (atl_layer_site){.n_in = shape.c_in,
                                     .n_out = shape.c_out,
                                     .kernel = shape.kernel,
                                     .stride = shape.stride,
                                     .pad_before = shape.pad_before,
                                     .pad_after = shape.pad_after,
                                     .dtype = dtype,
                                     .weight = region,
                                     .n_out_all = shape.c_out},
                    name);
    if (!region)
        return;
    atl_conv_bind(ret, shape.c_in, shape.c_out, shape.kernel, shape.stride, shape.pad_before, shape.pad_after,
                  !shape.no_bias, dtype, region);
    atl_loader_fill_panels(loader, &weight, (size_t)shape.kernel * (size_t)shape.kernel, dtype, ret->weight);
    if (!shape.no_bias)
        atl_loader_fill_floats(loader, &bias, ret->bias);
}

/* ---- norms and tables ---- */

/* One whole tensor as floats. */
static void load_floats(atl_loader *loader, const atl_param *p, const float *to)
{
    atl_stack s = {.n = 1, .rows_each = p->shape[0], .row_elements = p->rank > 1 ? p->shape[1] : 1};
    atl_loader_find(loader, p, false, &s.weight[0]);
    atl_loader_fill_floats(loader, &s, to);
}

void atl_load_norm(atl_loader *loader, atl_norm *ret, int c, int groups, float eps, const char *layer)
{
    *ret = (atl_norm){.c = c, .groups = groups, .eps = eps};
    if (loader->status != ATL_OK)
        return;
    const size_t size = (size_t)c;
    char gamma_name[ATL_LOADER_NAME], beta_name[ATL_LOADER_NAME];
    const atl_param gamma =
        atl_loader_param(loader, gamma_name, ATL_PARAM_NORM_GAMMA, layer, ".weight", 1, &size);
    const atl_param beta = atl_loader_param(loader, beta_name, ATL_PARAM_NORM_BETA, layer, ".bias", 1, &size);
    void *region = atl_loader_take(loader, layer, ATL_F32, NORM_LAYOUT, atl_norm_packed_bytes(c));
    if (!region)
        return;
    atl_norm_bind(ret, c, groups, eps, region);
    load_floats(loader, &gamma, ret->gamma);
    load_floats(loader, &beta, ret->beta);
}

void atl_load_embedding(atl_loader *loader, const float **ret, int n, int d, const char *name)
{
    const size_t sizes[2] = {(size_t)n, (size_t)d};
    char whole[ATL_LOADER_NAME];
    *ret = NULL;
    const atl_param p = atl_loader_param(loader, whole, ATL_PARAM_EMBEDDING, name, "", 2, sizes);
    float *region =
        atl_loader_take(loader, name, ATL_F32, TABLE_LAYOUT, sizes[0] * sizes[1] * sizeof *region);
    if (!region)
        return;
    load_floats(loader, &p, region);
    *ret = region;
}
