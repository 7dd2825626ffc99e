/* loader_parts.h - between loader.c and loader_layers.c: the walk, and the moves that load a layer.
 *
 * A layer is loaded in the same four moves whatever the mode: name its tensors (`_param`), take its region of
 * the store (`_take`), point the layer at it (PACK and BIND) and note what is to be packed there (`_fill_…`,
 * PACK alone; packing.c does it after the walk). Regions are counted in every mode, so that a LIST walk says
 * how large the store has to be. All are no-ops after the first failure. */
#ifndef ATL_MODEL_LOADER_PARTS_H
#define ATL_MODEL_LOADER_PARTS_H

#include "model/fetch.h"
#include "model/loader.h"
#include "model/packing.h"

#define ATL_LOADER_NAME  256
#define ATL_LOADER_DEPTH 32

typedef enum atl_loader_mode { ATL_LIST, ATL_PACK, ATL_BIND } atl_loader_mode;

struct atl_loader {
    atl_loader_mode mode;
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
    char prefix[ATL_LOADER_NAME]; /* "down_blocks.0." */
    size_t lengths[ATL_LOADER_DEPTH];
    int depth;
    atl_packing *packing; /* PACK: what atl_loader_pack will do */
};

/* Names a tensor; LIST reports it. `name` is the buffer that the param points at. */
atl_param atl_loader_param(atl_loader *loader, char name[ATL_LOADER_NAME], atl_param_kind kind,
                           const char *layer, const char *tail, int rank, const size_t *shape);
/* The layer's region, `layout` being its layout in a word; NULL in LIST, and after a failure. */
void *atl_loader_take(atl_loader *loader, const char *layer, atl_dtype dtype, const char *layout,
                      size_t bytes);
/* A tensor that has been named: PACK finds it. */
void atl_loader_find(atl_loader *loader, const atl_param *p, bool loose, atl_weight *ret);
/* A region, or a part of one, that PACK will fill. */
void atl_loader_fill_panels(atl_loader *loader, const atl_stack *from, size_t n_taps, atl_dtype dtype,
                            const void *panels);
void atl_loader_fill_floats(atl_loader *loader, const atl_stack *from, const float *to);
/* Tells of a layer, or of matrix `name` of a stack. */
void atl_loader_tell(const atl_loader *loader, atl_layer_site site, const char *name);

#endif
