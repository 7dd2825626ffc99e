/* loader.c - the walk over a network's layers; see loader.h for its three modes.
 *
 * A layer is loaded in the same four moves whatever the mode: name its tensors (`param`), take its region of
 * the store (`take`), point the layer at it (PACK and BIND) and note what is to be packed there (PACK alone;
 * packing.c does it after the walk). Regions are counted in every mode, so that a LIST walk says how large
 * the store has to be. */
#include "model/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "model/fetch.h"
#include "model/packing.h"
#include "ops/panels.h"

#define MAX_NAME     256
#define MAX_DEPTH    32
#define REGION_ALIGN ((size_t)64)

/* What a region is, beside its type; whoever changes how one of them is filled changes its word. */
#define LAYER_LAYOUT "panels, then biases in f32; " ATL_PANELS_LAYOUT
#define NORM_LAYOUT  "1: factors, then offsets"
#define TABLE_LAYOUT "1: rows"

typedef enum mode { LIST, PACK, BIND } mode;

struct atl_loader {
    mode mode;
    const atl_policy *policy;
    const atl_weights *weights; /* PACK */
    atl_store *store;           /* PACK, BIND */
    atl_param_visitor visit;    /* LIST; may be NULL */
    atl_region_visitor visit_region;
    void *user;
    atl_layer_visitor visit_layer; /* may be NULL */
    void *layer_user;
    atl_note *note;
    atl_status status;
    size_t packed_bytes;
    atl_component component;
    char prefix[MAX_NAME]; /* "down_blocks.0." */
    size_t lengths[MAX_DEPTH];
    int depth;
    atl_packing *packing; /* PACK: what atl_loader_pack will do */
};

static atl_status open_loader(const atl_loader *proto, atl_loader **ret, atl_note *note)
{
    atl_loader *loader = malloc(sizeof *loader);
    if (!loader)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a loader");
    *loader = *proto;
    loader->note = note;
    *ret = loader;
    return ATL_OK;
}

atl_status atl_loader_open_list(const atl_policy *policy, atl_param_visitor visit, void *user,
                                atl_loader **ret, atl_note *note)
{
    return open_loader(&(atl_loader){.mode = LIST, .policy = policy, .visit = visit, .user = user}, ret,
                       note);
}

atl_status atl_loader_open_pack(const atl_policy *policy, const atl_weights *weights, atl_store *store,
                                atl_loader **ret, atl_note *note)
{
    atl_packing *packing;
    atl_status st = atl_packing_open(&packing, note);
    if (st == ATL_OK)
        st = open_loader(
            &(atl_loader){
                .mode = PACK, .policy = policy, .weights = weights, .store = store, .packing = packing},
            ret, note);
    if (st != ATL_OK)
        atl_packing_close(&packing);
    return st;
}

atl_status atl_loader_open_bind(const atl_policy *policy, atl_store *store, atl_loader **ret, atl_note *note)
{
    return open_loader(&(atl_loader){.mode = BIND, .policy = policy, .store = store}, ret, note);
}

void atl_loader_list_regions(atl_loader *loader, atl_region_visitor visit)
{
    loader->visit_region = visit;
}

void atl_loader_visit_layers(atl_loader *loader, atl_layer_visitor visit, void *user)
{
    loader->visit_layer = visit;
    loader->layer_user = user;
}

atl_status atl_loader_status(const atl_loader *loader)
{
    return loader->status;
}

atl_status atl_loader_pack(atl_loader *loader, atl_pool *pool, const atl_kernels *kernels)
{
    if (loader->status == ATL_OK)
        loader->status = atl_packing_run(loader->packing, pool, kernels, loader->note);
    return loader->status;
}

size_t atl_loader_packed_bytes(const atl_loader *loader)
{
    return loader->packed_bytes;
}

void atl_loader_close(atl_loader **loader)
{
    if (!*loader)
        return;
    atl_packing_close(&(*loader)->packing);
    free(*loader);
    *loader = NULL;
}

void atl_loader_component(atl_loader *loader, atl_component component)
{
    loader->component = component;
    loader->prefix[0] = '\0';
    loader->depth = 0;
}

void atl_loader_enter(atl_loader *loader, const char *format, ...)
{
    if (loader->status != ATL_OK)
        return;
    const size_t used = strlen(loader->prefix), room = sizeof loader->prefix - used;
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(loader->prefix + used, room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n + 1 >= room || loader->depth == MAX_DEPTH) {
        loader->prefix[used] = '\0';
        atl_loader_fail(loader, ATL_UNSUPPORTED, "the names of its tensors are too long or too deep");
        return;
    }
    memcpy(loader->prefix + used + n, ".", 2);
    loader->lengths[loader->depth++] = used;
}

void atl_loader_leave(atl_loader *loader)
{
    if (loader->status == ATL_OK && loader->depth > 0)
        loader->prefix[loader->lengths[--loader->depth]] = '\0';
}

void atl_loader_fail(atl_loader *loader, atl_status status, const char *format, ...)
{
    if (loader->status != ATL_OK)
        return;
    va_list args;
    va_start(args, format);
    loader->status = atl_fail_v(loader->note, status, format, args);
    va_end(args);
    if (loader->prefix[0])
        atl_note_prefix(loader->note, "%.*s", (int)strlen(loader->prefix) - 1, loader->prefix);
    atl_note_prefix(loader->note, "%s", atl_component_name(loader->component));
    if (loader->weights)
        atl_note_prefix(loader->note, "%s", atl_weights_path(loader->weights));
}

/* ---- the moves ---- */

/* Names a tensor; LIST reports it. `name` is the buffer that the param points at. */
static atl_param param(atl_loader *loader, char name[MAX_NAME], atl_param_kind kind, const char *layer,
                       const char *tail, int rank, const size_t *shape)
{
    atl_param p = {.component = loader->component, .name = name, .kind = kind, .rank = rank};
    memcpy(p.shape, shape, (size_t)rank * sizeof *shape);
    name[0] = '\0';
    if (loader->status != ATL_OK)
        return p;
    const int n = snprintf(name, MAX_NAME, "%s%s%s", loader->prefix, layer, tail);
    if (n < 0 || n >= MAX_NAME)
        atl_loader_fail(loader, ATL_UNSUPPORTED, "the names of its tensors are too long");
    else if (loader->mode == LIST && loader->visit)
        loader->visit(loader->user, &p);
    return p;
}

static void list_region(const atl_loader *loader, const char *layer, atl_dtype dtype, const char *layout,
                        size_t bytes)
{
    char name[2 * MAX_NAME];
    snprintf(name, sizeof name, "%s%s", loader->prefix, layer);
    loader->visit_region(loader->user, &(atl_region){.component = loader->component,
                                                     .name = name,
                                                     .dtype = dtype,
                                                     .layout = layout,
                                                     .at = loader->packed_bytes - bytes,
                                                     .bytes = bytes});
}

/* The layer's region; NULL in LIST, and after a failure. */
static void *take(atl_loader *loader, const char *layer, atl_dtype dtype, const char *layout, size_t bytes)
{
    if (loader->status != ATL_OK)
        return NULL;
    loader->packed_bytes = atl_round_up(loader->packed_bytes, REGION_ALIGN) + bytes;
    if (loader->visit_region)
        list_region(loader, layer, dtype, layout, bytes);
    if (loader->mode == LIST)
        return NULL;
    void *region = atl_store_take(loader->store, bytes);
    if (!region)
        atl_loader_fail(loader, ATL_NO_MEMORY, "the store of %zu bytes is full",
                        loader->store->capacity_bytes);
    return region;
}

static void keep(atl_loader *loader, atl_status status)
{
    if (loader->status == ATL_OK)
        loader->status = status;
}

/* A tensor that has been named: PACK finds it. */
static void find(atl_loader *loader, const atl_param *p, bool loose, atl_weight *ret)
{
    if (loader->mode == PACK && loader->status == ATL_OK)
        keep(loader, atl_fetch_find(loader->weights, p, loose, ret, loader->note));
}

/* A region, or a part of one, that PACK will fill. */
static void fill_panels(atl_loader *loader, const atl_stack *from, size_t n_taps, atl_dtype dtype,
                        const void *panels)
{
    if (loader->mode == PACK && loader->status == ATL_OK)
        keep(loader, atl_packing_add_panels(loader->packing, from, n_taps, dtype, (void *)(uintptr_t)panels,
                                            loader->note));
}

static void fill_floats(atl_loader *loader, const atl_stack *from, const float *to)
{
    if (loader->mode == PACK && loader->status == ATL_OK)
        keep(loader, atl_packing_add_floats(loader->packing, from, (float *)(uintptr_t)to, loader->note));
}

/* Tells of a layer, or of matrix `name` of a stack. */
static void tell_layer(const atl_loader *loader, atl_layer_site site, const char *name)
{
    char whole[2 * MAX_NAME];
    if (!loader->visit_layer || loader->status != ATL_OK)
        return;
    snprintf(whole, sizeof whole, "%s%s", loader->prefix, name);
    site.component = loader->component;
    site.name = whole;
    loader->visit_layer(loader->layer_user, &site);
}

/* ---- linear ---- */

/* Names the tensors of all matrices, and of their biases if they have any. */
static void name_linears(atl_loader *loader, atl_linear_shape shape, const char *const *names, int n_names,
                         atl_stack *weights, atl_stack *biases)
{
    const size_t sizes[4] = {(size_t)shape.n_out, (size_t)shape.n_in, 1, 1};
    char name[MAX_NAME];
    *weights = (atl_stack){.n = n_names, .rows_each = sizes[0], .row_elements = sizes[1]};
    *biases = (atl_stack){.n = n_names, .rows_each = sizes[0], .row_elements = 1};
    for (int i = 0; i < n_names; i++) {
        atl_param p =
            param(loader, name, ATL_PARAM_WEIGHT, names[i], ".weight", shape.conv_shaped ? 4 : 2, sizes);
        find(loader, &p, true, &weights->weight[i]);
        if (!shape.bias)
            continue;
        p = param(loader, name, ATL_PARAM_BIAS, names[i], ".bias", 1, sizes);
        find(loader, &p, false, &biases->weight[i]);
    }
}

void atl_load_linear_stack(atl_loader *loader, atl_linear *ret, atl_layer_class layer_class,
                           atl_linear_shape each, const char *const *names, int n_names)
{
    const atl_dtype dtype = loader->policy->layer[layer_class].store;
    const int n_out = each.n_out * n_names;
    *ret = (atl_linear){.n_in = each.n_in, .n_out = n_out, .dtype = dtype};
    if (loader->status != ATL_OK)
        return;
    atl_stack weights, biases;
    name_linears(loader, each, names, n_names, &weights, &biases);
    void *region = take(loader, names[0], dtype, LAYER_LAYOUT,
                        atl_linear_packed_bytes(each.n_in, n_out, each.bias, dtype));
    for (int i = 0; i < n_names; i++)
        tell_layer(loader,
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
    fill_panels(loader, &weights, 1, dtype, ret->weight);
    if (each.bias)
        fill_floats(loader, &biases, ret->bias);
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
    char name[MAX_NAME];
    *weight = (atl_stack){.n = 1, .rows_each = sizes[0], .row_elements = sizes[1] * kernel * kernel};
    *bias = (atl_stack){.n = 1, .rows_each = sizes[0], .row_elements = 1};
    atl_param p = param(loader, name, ATL_PARAM_WEIGHT, layer, ".weight", 4, sizes);
    find(loader, &p, false, &weight->weight[0]);
    if (shape.no_bias)
        return;
    p = param(loader, name, ATL_PARAM_BIAS, layer, ".bias", 1, sizes);
    find(loader, &p, false, &bias->weight[0]);
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
    void *region = take(loader, name, dtype, LAYER_LAYOUT,
                        atl_conv_packed_bytes(shape.c_in, shape.c_out, shape.kernel, !shape.no_bias, dtype));
    tell_layer(loader,
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
    fill_panels(loader, &weight, (size_t)shape.kernel * (size_t)shape.kernel, dtype, ret->weight);
    if (!shape.no_bias)
        fill_floats(loader, &bias, ret->bias);
}

/* ---- norms and tables ---- */

/* One whole tensor as floats. */
static void load_floats(atl_loader *loader, const atl_param *p, const float *to)
{
    atl_stack s = {.n = 1, .rows_each = p->shape[0], .row_elements = p->rank > 1 ? p->shape[1] : 1};
    find(loader, p, false, &s.weight[0]);
    fill_floats(loader, &s, to);
}

void atl_load_norm(atl_loader *loader, atl_norm *ret, int c, int groups, float eps, const char *layer)
{
    *ret = (atl_norm){.c = c, .groups = groups, .eps = eps};
    if (loader->status != ATL_OK)
        return;
    const size_t size = (size_t)c;
    char gamma_name[MAX_NAME], beta_name[MAX_NAME];
    const atl_param gamma = param(loader, gamma_name, ATL_PARAM_NORM_GAMMA, layer, ".weight", 1, &size);
    const atl_param beta = param(loader, beta_name, ATL_PARAM_NORM_BETA, layer, ".bias", 1, &size);
    void *region = take(loader, layer, ATL_F32, NORM_LAYOUT, atl_norm_packed_bytes(c));
    if (!region)
        return;
    atl_norm_bind(ret, c, groups, eps, region);
    load_floats(loader, &gamma, ret->gamma);
    load_floats(loader, &beta, ret->beta);
}

void atl_load_embedding(atl_loader *loader, const float **ret, int n, int d, const char *name)
{
    const size_t sizes[2] = {(size_t)n, (size_t)d};
    char whole[MAX_NAME];
    *ret = NULL;
    const atl_param p = param(loader, whole, ATL_PARAM_EMBEDDING, name, "", 2, sizes);
    float *region = take(loader, name, ATL_F32, TABLE_LAYOUT, sizes[0] * sizes[1] * sizeof *region);
    if (!region)
        return;
    load_floats(loader, &p, region);
    *ret = region;
}
