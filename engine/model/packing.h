/* packing.h - what a walk over the networks found to be packed, and the packing itself: on all threads, from
 * the files' own types straight into the store. Private to model/.
 *
 * A walk only notes where each layer's tensors lie and where its packed weights go; then everything is cut
 * into tiles of about a megabyte, whatever layer they belong to, and the pool takes them in turn. Pages of
 * the store are first touched, and thus cleared, by the thread that fills them. */
#ifndef ATL_MODEL_PACKING_H
#define ATL_MODEL_PACKING_H

#include "kernels/kernels.h"
#include "model/weights.h"
#include "ops/pool.h"

/* Up to four tensors, one under the other, as one matrix: each has `rows_each` rows of `row_elements`. */
typedef struct atl_stack {
    atl_weight weight[4];
    int n;
    size_t rows_each, row_elements;
} atl_stack;

typedef struct atl_packing atl_packing;

/* An empty list of what is to be packed. Errors: ATL_NO_MEMORY. */
atl_status atl_packing_open(atl_packing **ret, atl_note *note);
void atl_packing_close(atl_packing **packing); /* accepts NULL inside */

/* The rows, [c_in][n_taps] each, into panels of `dtype`; n_taps divides row_elements. Errors: ATL_NO_MEMORY.
 */
atl_status atl_packing_add_panels(atl_packing *packing, const atl_stack *from, size_t n_taps, atl_dtype dtype,
                                  void *panels, atl_note *note);
/* The rows as f32, one after the other. Errors: ATL_NO_MEMORY. */
atl_status atl_packing_add_floats(atl_packing *packing, const atl_stack *from, float *to, atl_note *note);

/* Packs all that was added. Errors: ATL_BAD_INPUT (NaN or Inf: file, tensor and element; the first in the
 * order of the walk, whatever thread met it), ATL_UNSUPPORTED (not a float type), ATL_NO_MEMORY. */
atl_status atl_packing_run(const atl_packing *packing, atl_pool *pool, const atl_kernels *kernels,
                           atl_note *note);

#endif
