/* list.h - all tensors that a config's networks have; private to the engine. */
#ifndef ATL_MODEL_LIST_H
#define ATL_MODEL_LIST_H

#include "model/loader.h"

/* Builds every network of `config` over a LIST loader, and frees them again. `visit` may be NULL.
 * *ret_packed_bytes (may be NULL): the store that packing needs. Errors: ATL_UNSUPPORTED, ATL_NO_MEMORY. */
atl_status atl_model_list(const atl_model_config *config, const atl_policy *policy, atl_param_visitor visit,
                          void *user, size_t *ret_packed_bytes, atl_note *note);

#endif
