/* pack_cache.h - packed weights kept on disk between runs: which file they have, and whether it can be used.
 * Private to engine/. */
#ifndef ATL_ENGINE_PACK_CACHE_H
#define ATL_ENGINE_PACK_CACHE_H

#include "engine_private.h"
#include "model/pack_file.h"

typedef struct atl_pack_cache {
    char *path; /* of the file; NULL: no cache is wanted, or none can be had */
    uint8_t key[ATL_PACK_KEY_BYTES];
} atl_pack_cache;

/* Which file these parts of this model have under this policy. The key is made of the digests of all files of
 * weights and of `listing` (atl_engine_measure_store): what lies where, and in which type and layout. Hashing
 * files that were not hashed before takes seconds, once. Makes the directory. Errors: ATL_IO, ATL_NO_MEMORY.
 */
atl_status atl_pack_cache_find(const char *dir, const atl_engine *engine, const uint8_t listing[32],
                               atl_pack_cache *ret, atl_note *note);
void atl_pack_cache_done(atl_pack_cache *cache);

#endif
