/* loader.h - walks a network's layers in a fixed order and does one thing with each.
 *
 * The networks (nets/) say once what layers they have; the walk's mode decides what happens:
 *   LIST  calls a visitor with the name and shape of each tensor (inspect, synth, and the sizing of
 *         the store);
 *   PACK  finds each tensor and checks its shape; when the walk is over, atl_loader_pack checks all values
 * and packs them into the store; BIND  points each layer at bytes that were packed before, by this process or
 * another. Sticky: after the first failure every call is a no-op, and atl_loader_status tells what it was; so
 * that a network is described without an `if` a line. Names are diffusers' names, entered level by level:
 *
 *     atl_loader_enter(l, "down_blocks.%d", i);
 *     atl_load_conv(l, &block->conv, (atl_conv_shape){...}, "conv1");   // down_blocks.0.conv1.weight, .bias
 *     atl_loader_leave(l);
 */
#ifndef ATL_MODEL_LOADER_H
#define ATL_MODEL_LOADER_H

#include "kernels/kernels.h"
#include "model/store.h"
#include "model/weights.h"
#include "ops/layers.h"
#include "ops/pool.h"

typedef enum atl_param_kind {
    ATL_PARAM_WEIGHT, /* of a linear or convolution: a matrix whose rows have fan-in `shape[1…]` */
    ATL_PARAM_BIAS,
    ATL_PARAM_NORM_GAMMA,
    ATL_PARAM_NORM_BETA,
    ATL_PARAM_EMBEDDING,
} atl_param_kind;

typedef struct atl_param {
    atl_component component;
    const char *name; /* whole diffusers name, e.g. "mid_block.resnets.0.conv1.weight" */
    atl_param_kind kind;
    int rank;
    size_t shape[4];
} atl_param;

typedef void (*atl_param_visitor)(void *user, const atl_param *param);

/* A layer's part of the store: from the byte `at` on, whose tensors, in which type and layout. */
typedef struct atl_region {
    atl_component component;
    const char *name; /* the layer's, of a stack its first one's */
    atl_dtype dtype;
    const char *layout; /* in a word that changes with it */
    size_t at, bytes;
} atl_region;

typedef void (*atl_region_visitor)(void *user, const atl_region *region);

/* A linear layer or a convolution, under the name of its own tensors; of a stack each matrix. */
typedef struct atl_layer_site {
    atl_component component;
    const char *name; /* "down_blocks.0.attentions.0.proj_in" */
    int n_in, n_out, kernel, stride, pad_before, pad_after;
    atl_dtype dtype;
    const void *weight;       /* the packed weights of the whole layer; NULL in LIST */
    int first_out, n_out_all; /* which of the whole layer's outputs are this one's, and how many it has */
} atl_layer_site;

typedef void (*atl_layer_visitor)(void *user, const atl_layer_site *site);

typedef struct atl_loader atl_loader;

/* `policy` decides the packed types. The loader borrows all that it is given. Errors of
 * the three: ATL_NO_MEMORY; what goes wrong in a walk is said by atl_loader_status. */
atl_status atl_loader_open_list(const atl_policy *policy, atl_param_visitor visit, void *user,
                                atl_loader **ret, atl_note *note);
/* LIST: calls `visit`, too, for each region, with the same user, after its tensors. */
void atl_loader_list_regions(atl_loader *loader, atl_region_visitor visit);
/* LIST and BIND: calls `visit` for each linear layer and convolution. */
void atl_loader_visit_layers(atl_loader *loader, atl_layer_visitor visit, void *user);
atl_status atl_loader_open_pack(const atl_policy *policy, const atl_weights *weights, atl_store *store,
                                atl_loader **ret, atl_note *note);
atl_status atl_loader_open_bind(const atl_policy *policy, atl_store *store, atl_loader **ret, atl_note *note);
/* PACK: fills what the walk so far took of the store, on all threads of the pool; until then layers point at
 * nothing. Errors: the walk's, ATL_BAD_INPUT (NaN or Inf), ATL_NO_MEMORY. */
atl_status atl_loader_pack(atl_loader *loader, atl_pool *pool, const atl_kernels *kernels);
/* ATL_OK, or what failed first; the note is the one given at open. */
atl_status atl_loader_status(const atl_loader *loader);
size_t atl_loader_packed_bytes(const atl_loader *loader); /* what the walk so far needs of a store */
void atl_loader_close(atl_loader **loader);

void atl_loader_component(atl_loader *loader, atl_component component); /* and an empty prefix */
void atl_loader_enter(atl_loader *loader, const char *format, ...) __attribute__((format(printf, 2, 3)));
void atl_loader_leave(atl_loader *loader);
/* Fails the walk: a network met a config that it cannot build. */
void atl_loader_fail(atl_loader *loader, atl_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "<name>.weight" [n_out][n_in] and, if `bias`, "<name>.bias" [n_out]. A weight stored as [n_out][n_in][1][1]
 * is taken too (proj_in of old models; VAE attention), and said so to LIST only if `conv_shaped`. */
typedef struct atl_linear_shape {
    int n_in, n_out;
    bool bias;
    bool conv_shaped; /* LIST reports rank 4: [n_out][n_in][1][1] */
} atl_linear_shape;
void atl_load_linear(atl_loader *loader, atl_linear *ret, atl_layer_class layer_class, atl_linear_shape shape,
                     const char *name);
/* Several matrices with the same input, stacked by rows into one layer ("to_q", "to_k", "to_v"); n_names ≤ 4.
 */
void atl_load_linear_stack(atl_loader *loader, atl_linear *ret, atl_layer_class layer_class,
                           atl_linear_shape each, const char *const *names, int n_names);
/* conv: "<name>.weight" [c_out][c_in][k][k]. */
typedef struct atl_conv_shape {
    int c_in, c_out, kernel, stride, pad_before, pad_after;
    bool no_bias;
} atl_conv_shape;
void atl_load_conv(atl_loader *loader, atl_conv *ret, atl_layer_class layer_class, atl_conv_shape shape,
                   const char *name);
void atl_load_norm(atl_loader *loader, atl_norm *ret, int c, int groups, float eps, const char *name);
/* A table of rows [n][d], kept as f32. `name` is the whole tail ("token_embedding.weight"). */
void atl_load_embedding(atl_loader *loader, const float **ret, int n, int d, const char *name);

#endif
