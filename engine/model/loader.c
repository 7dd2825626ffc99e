/* loader.c - the walk over a network's layers: its three modes (loader.h), the names on the way, and the
 * moves of which the loading of a layer consists (loader_parts.h). What layers there are: loader_layers.c. */
#include "model/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "model/loader_parts.h"

#define REGION_ALIGN ((size_t)64)

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
    return open_loader(&(atl_loader){.mode = ATL_LIST, .policy = policy, .visit = visit, .user = user}, ret,
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
                .mode = ATL_PACK, .policy = policy, .weights = weights, .store = store, .packing = packing},
            ret, note);
    if (st != ATL_OK)
        atl_packing_close(&packing);
    return st;
}

atl_status atl_loader_open_bind(const atl_policy *policy, atl_store *store, atl_loader **ret, atl_note *note)
{
    return open_loader(&(atl_loader){.mode = ATL_BIND, .policy = policy, .store = store}, ret, note);
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
    if (n < 0 || (size_t)n + 1 >= room || loader->depth == ATL_LOADER_DEPTH) {
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

atl_param atl_loader_param(atl_loader *loader, char name[ATL_LOADER_NAME], atl_param_kind kind,
                           const char *layer, const char *tail, int rank, const size_t *shape)
{
    atl_param p = {.component = loader->component, .name = name, .kind = kind, .rank = rank};
    memcpy(p.shape, shape, (size_t)rank * sizeof *shape);
    name[0] = '\0';
    if (loader->status != ATL_OK)
        return p;
    const int n = snprintf(name, ATL_LOADER_NAME, "%s%s%s", loader->prefix, layer, tail);
    if (n < 0 || n >= ATL_LOADER_NAME)
        atl_loader_fail(loader, ATL_UNSUPPORTED, "the names of its tensors are too long");
    else if (loader->mode == ATL_LIST && loader->visit)
        loader->visit(loader->user, &p);
    return p;
}

static void list_region(const atl_loader *loader, const char *layer, atl_dtype dtype, const char *layout,
                        size_t bytes)
{
    char name[2 * ATL_LOADER_NAME];
    snprintf(name, sizeof name, "%s%s", loader->prefix, layer);
    loader->visit_region(loader->user, &(atl_region){.component = loader->component,
                                                     .name = name,
                                                     .dtype = dtype,
                                                     .layout = layout,
                                                     .at = loader->packed_bytes - bytes,
                                                     .bytes = bytes});
}

void *atl_loader_take(atl_loader *loader, const char *layer, atl_dtype dtype, const char *layout,
                      size_t bytes)
{
    if (loader->status != ATL_OK)
        return NULL;
    loader->packed_bytes = atl_round_up(loader->packed_bytes, REGION_ALIGN) + bytes;
    if (loader->visit_region)
        list_region(loader, layer, dtype, layout, bytes);
    if (loader->mode == ATL_LIST)
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

void atl_loader_find(atl_loader *loader, const atl_param *p, bool loose, atl_weight *ret)
{
    if (loader->mode == ATL_PACK && loader->status == ATL_OK)
        keep(loader, atl_fetch_find(loader->weights, p, loose, ret, loader->note));
}

void atl_loader_fill_panels(atl_loader *loader, const atl_stack *from, size_t n_taps, atl_dtype dtype,
                            const void *panels)
{
    if (loader->mode == ATL_PACK && loader->status == ATL_OK)
        keep(loader, atl_packing_add_panels(loader->packing, from, n_taps, dtype, (void *)(uintptr_t)panels,
                                            loader->note));
}

void atl_loader_fill_floats(atl_loader *loader, const atl_stack *from, const float *to)
{
    if (loader->mode == ATL_PACK && loader->status == ATL_OK)
        keep(loader, atl_packing_add_floats(loader->packing, from, (float *)(uintptr_t)to, loader->note));
}

void atl_loader_tell(const atl_loader *loader, atl_layer_site site, const char *name)
{
    char whole[2 * ATL_LOADER_NAME];
    if (!loader->visit_layer || loader->status != ATL_OK)
        return;
    snprintf(whole, sizeof whole, "%s%s", loader->prefix, name);
    site.component = loader->component;
    site.name = whole;
    loader->visit_layer(loader->layer_user, &site);
}
