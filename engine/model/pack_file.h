/* pack_file.h - packed weights in a file: written so that it is there whole or not at all, checked before it
 * is used, mapped read-only and so shared by all who map it. What goes into the key is the caller's business
 * (pack_cache.c). */
#ifndef ATL_MODEL_PACK_FILE_H
#define ATL_MODEL_PACK_FILE_H

#include "model/store.h"

#define ATL_PACK_KEY_BYTES 32

/* Maps the file for reading, and has the pool's threads bring it into memory as far as it is not. `key` and
 * `bytes` are what it has to hold. Errors: ATL_NOT_FOUND (no such file), ATL_BAD_INPUT (cut short, damaged in
 * its header, of another layout, or of another model), ATL_IO, ATL_NO_MEMORY. Its weights themselves are not
 * read; who changes them, changes the pictures. */
atl_status atl_pack_file_map(const char *path, const uint8_t key[ATL_PACK_KEY_BYTES], size_t bytes,
                             atl_pool *pool, atl_store *ret_store, atl_note *note);

/* Writes the first `bytes` of the store, in the place of what is there: beside it, synced, renamed. Room on
 * the disk is asked for first. On failure nothing is left behind. Errors: ATL_IO, ATL_NO_MEMORY. */
atl_status atl_pack_file_write(const char *path, const uint8_t key[ATL_PACK_KEY_BYTES],
                               const atl_store *store, size_t bytes, atl_note *note);

#endif
