/* store.h - the one region that holds all packed weights of a model.
 *
 * Laid out by one walk over the networks (loader.h), so that a second process that walks the same
 * networks over the same bytes finds every layer where the first one put it: that is how workers will
 * share one copy. Aligned to 2 MiB, asked for in huge pages. */
#ifndef ATL_MODEL_STORE_H
#define ATL_MODEL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "ops/pool.h"

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

/* The same region for several processes, in a memfd that they inherited. If it is packed already, *ret_packed
 * is true and the store is mapped read-only; else it is mapped for writing under a lock that makes others
 * wait, with all its pages made by the pool's threads: pack, then call _end. `capacity_bytes` must be what
 * the model needs. Errors: ATL_NO_MEMORY (no room in /dev/shm), ATL_BAD_INPUT (packed for another model),
 * ATL_IO. */
atl_status atl_store_share_begin(int fd, size_t capacity_bytes, atl_pool *pool, atl_store *ret_store,
                                 bool *ret_packed, atl_note *note);
/* Seals what was packed (or, packing having failed, leaves it to the next process) and unlocks. On ATL_OK
 * after good packing the store is mapped anew, read-only, at another address: bind to it. */
atl_status atl_store_share_end(int fd, bool packed_well, atl_store *store, atl_note *note);

#endif
