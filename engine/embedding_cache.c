/* embedding_cache.c - see embedding_cache.h. */
#include "embedding_cache.h"

#include <stdlib.h>
#include <string.h>

static bool matches(const atl_embedding_entry *entry, const atl_embedding_key *key, size_t n_values)
{
    return entry->prompt && entry->clip_skip == key->clip_skip && entry->n_tokens == key->n_tokens &&
           entry->n_values == n_values && strcmp(entry->prompt, key->prompt) == 0 &&
           strcmp(entry->networks, key->networks) == 0;
}

bool atl_embedding_cache_get(atl_embedding_cache *cache, const atl_embedding_key *key, float *context,
                             size_t n_context, float *pooled, size_t n_pooled)
{
    for (size_t i = 0; i < ATL_EMBEDDING_CACHE_ENTRIES; i++) {
        atl_embedding_entry *entry = &cache->entry[i];
        if (!matches(entry, key, n_context + n_pooled))
            continue;
        memcpy(context, entry->values, n_context * sizeof *context);
        if (n_pooled > 0)
            memcpy(pooled, entry->values + n_context, n_pooled * sizeof *pooled);
        entry->used = ++cache->count;
        return true;
    }
    return false;
}

static void entry_done(atl_embedding_entry *entry)
{
    free(entry->prompt);
    free(entry->networks);
    free(entry->values);
    *entry = (atl_embedding_entry){0};
}

void atl_embedding_cache_put(atl_embedding_cache *cache, const atl_embedding_key *key, const float *context,
                             size_t n_context, const float *pooled, size_t n_pooled)
{
    atl_embedding_entry *oldest = &cache->entry[0];
    for (size_t i = 0; i < ATL_EMBEDDING_CACHE_ENTRIES; i++)
        if (cache->entry[i].used < oldest->used)
            oldest = &cache->entry[i];
    entry_done(oldest);
    atl_embedding_entry entry = {.prompt = strdup(key->prompt),
                                 .networks = strdup(key->networks),
                                 .clip_skip = key->clip_skip,
                                 .n_tokens = key->n_tokens,
                                 .values = malloc((n_context + n_pooled) * sizeof(float)),
                                 .n_values = n_context + n_pooled,
                                 .used = ++cache->count};
    if (!entry.prompt || !entry.networks || !entry.values) {
        entry_done(&entry);
        return;
    }
    memcpy(entry.values, context, n_context * sizeof *context);
    if (n_pooled > 0)
        memcpy(entry.values + n_context, pooled, n_pooled * sizeof *pooled);
    *oldest = entry;
}

void atl_embedding_cache_done(atl_embedding_cache *cache)
{
    for (size_t i = 0; i < ATL_EMBEDDING_CACHE_ENTRIES; i++)
        entry_done(&cache->entry[i]);
}
