/* embedding_cache.h - text embeddings that were computed before: in a batch the negative prompt is always the
 * same one, and many prompts come with several seeds. A few dozen entries, the least recently used goes
 * first; copies in, copies out. Private to the engine. */
#ifndef ATL_EMBEDDING_CACHE_H
#define ATL_EMBEDDING_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#define ATL_EMBEDDING_CACHE_ENTRIES 32

/* All that decides an embedding of one model. */
typedef struct atl_embedding_key {
    const char *prompt;   /* plain: without switches */
    const char *networks; /* the key of what stands beside the encoders; "": nothing does */
    int clip_skip;
    int n_tokens;
} atl_embedding_key;

typedef struct atl_embedding_entry {
    char *prompt;   /* owned; NULL: the entry is free */
    char *networks; /* owned */
    int clip_skip, n_tokens;
    float *values; /* [n_values], owned: context, then pooled */
    size_t n_values;
    unsigned long used; /* the cache's count when it was last of use */
} atl_embedding_entry;

/* Zero-initialised is empty. */
typedef struct atl_embedding_cache {
    atl_embedding_entry entry[ATL_EMBEDDING_CACHE_ENTRIES];
    unsigned long count;
} atl_embedding_cache;

/* Copies the values out if there is an entry of that key with as many; says whether. */
bool atl_embedding_cache_get(atl_embedding_cache *cache, const atl_embedding_key *key, float *context,
                             size_t n_context, float *pooled, size_t n_pooled);
/* Keeps a copy; where memory is out it keeps nothing. */
void atl_embedding_cache_put(atl_embedding_cache *cache, const atl_embedding_key *key, const float *context,
                             size_t n_context, const float *pooled, size_t n_pooled);
void atl_embedding_cache_done(atl_embedding_cache *cache);

#endif
