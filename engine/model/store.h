/* store.h - the one region that holds all packed weights of a model.
 *
 * Laid out by one walk over the networks (loader.h), so that a second process that walks the same
 * networks over the same bytes finds every layer where the first one put it: that is how workers will
 * share one copy. Aligned to 2 MiB, asked for in huge pages. */
#ifndef ATL_MODEL_STORE_H
#define ATL_MODEL_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct atl_store {
    uint8_t *base;
    size_t used_bytes, capacity_bytes;
} atl_store;

/* Private anonymous memory. Errors: ATL_NO_MEMORY. */
atl_status atl_store_open(size_t capacity_bytes, atl_store *ret_store, atl_note *note);
void atl_store_close(atl_store *store);
/* The next `bytes`, 64-byte aligned; NULL when the store is full (a bug of ours: the walk was not repeated).
 */
void *atl_store_take(atl_store *store, size_t bytes);

#endif
