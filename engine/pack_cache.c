/* pack_cache.c - see pack_cache.h. */
#include "pack_cache.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/grow.h"

/* ---- the files of a model and their digests, each once ---- */

typedef struct one_file {
    const char *path;
    char hex[ATL_FILE_HASH_HEX + 1];
    atl_status status;
    atl_note note;
} one_file;

typedef struct file_list {
    one_file *at;
    size_t n, capacity;
    bool failed;
} file_list;

static void add_file(void *user, const char *name, const atl_weight *weight)
{
    file_list *files = user;
    const char *path = atl_safetensors_path(weight->file);
    (void)name;
    for (size_t i = files->n; i > 0; i--) /* neighbours mostly share one */
        if (files->at[i - 1].path == path)
            return;
    one_file *at = atl_grown(files->at, files->n, &files->capacity, 8, sizeof *at);
    if (!at) {
        files->failed = true;
        return;
    }
    files->at = at;
    files->at[files->n++] = (one_file){.path = path};
}

static void hash_one(void *job, size_t i, int thread)
{
    one_file *file = &((file_list *)job)->at[i];
    (void)thread;
    file->status = atl_engine_hash_file(file->path, file->hex, &file->note);
}

static atl_status hash_files(const atl_engine *engine, file_list *files, atl_note *note)
{
    for (int c = 0; c < ATL_N_COMPONENTS; c++)
        atl_weights_visit(engine->weights, (atl_component)c, add_file, files);
    if (files->failed)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the names of a model's files");
    atl_pool_run(engine->pool, files->n, hash_one, files);
    for (size_t i = 0; i < files->n; i++)
        if (files->at[i].status != ATL_OK)
            return atl_fail(note, files->at[i].status, "%s", files->at[i].note.text);
    return ATL_OK;
}

/* ---- the key ---- */

static void add_text(crypto_generichash_state *state, const char *text)
{
    crypto_generichash_update(state, (const unsigned char *)text, strlen(text) + 1);
}

static void make_key(const uint8_t listing[32], const file_list *files, uint8_t key[ATL_PACK_KEY_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, ATL_PACK_KEY_BYTES);
    crypto_generichash_update(&state, listing, 32);
    for (size_t i = 0; i < files->n; i++)
        add_text(&state, files->at[i].hex);
    crypto_generichash_final(&state, key, ATL_PACK_KEY_BYTES);
}

/* "bf16-0123456789abcdef0123456789abcdef.atlpack" in the directory. */
static char *make_path(const char *dir, const char *policy, const uint8_t *key)
{
    char name[128], hex[33];
    sodium_bin2hex(hex, sizeof hex, key, 16);
    snprintf(name, sizeof name, "%.64s-%s.atlpack", policy, hex);
    return atl_path_join(dir, name);
}

atl_status atl_pack_cache_find(const char *dir, const atl_engine *engine, const uint8_t listing[32],
                               atl_pack_cache *ret, atl_note *note)
{
    file_list files = {0};
    atl_status st = atl_dir_make(dir, note);
    if (st == ATL_OK)
        st = hash_files(engine, &files, note);
    if (st == ATL_OK) {
        make_key(listing, &files, ret->key);
        ret->path = make_path(dir, engine->policy->name, ret->key);
        if (!ret->path)
            st = atl_fail(note, ATL_NO_MEMORY, "no memory for a path");
    }
    free(files.at);
    return st;
}

void atl_pack_cache_done(atl_pack_cache *cache)
{
    free(cache->path);
    cache->path = NULL;
}
