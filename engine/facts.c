/* facts.c - what an engine can say about itself, and the hash of its model.
 *
 * AUTOMATIC1111 writes the first ten hex digits of the model file's SHA-256 into each picture. Hashing
 * gigabytes takes longer than painting, so the digest is kept in the user's cache directory, under a name
 * made from the file's real path, size and time of change; without such a directory it is computed each time.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/sizes.h"
#include "engine_private.h"

enum { HASH_HEX = ATL_FILE_HASH_HEX };

static void to_hex(const unsigned char *bytes, size_t n, char *hex)
{
    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

/* "<cache>/atelier/<hash of the file's identity>", or NULL where there is no place to keep it; free() it. */
static char *cache_path(const char *path)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *real = realpath(path, NULL);
    struct stat s;
    char *result = NULL;
    if (real && stat(real, &s) == 0 && ((cache && cache[0] == '/') || (home && home[0] == '/'))) {
        atl_text identity = {0};
        atl_text_printf(&identity, "%s %lld %lld.%09ld", real, (long long)s.st_size,
                        (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
        unsigned char digest[crypto_hash_sha256_BYTES];
        char hex[HASH_HEX + 1];
        if (!identity.failed) {
            crypto_hash_sha256(digest, (const unsigned char *)identity.data, identity.length);
            to_hex(digest, sizeof digest, hex);
            atl_text name = {0};
            if (cache && cache[0] == '/')
                atl_text_printf(&name, "%s/atelier/%s.sha256", cache, hex);
            else
                atl_text_printf(&name, "%s/.cache/atelier/%s.sha256", home, hex);
            result = name.failed ? NULL : name.data;
        }
        atl_text_done(&identity);
    }
    free(real);
    return result;
}

static bool read_cached(const char *cached, char *hex)
{
    char *data = NULL;
    size_t size = 0;
    const bool ok = atl_file_read(cached, HASH_HEX, &data, &size, NULL) == ATL_OK && size == HASH_HEX &&
                    strspn(data, "0123456789abcdef") == HASH_HEX;
    if (ok)
        memcpy(hex, data, HASH_HEX + 1);
    free(data);
    return ok;
}

/* Keeping the hash is a courtesy: where it fails, the next run computes it again. */
static void write_cached(const char *cached, const char *hex)
{
    char *dir = strdup(cached);
    char *slash = dir ? strrchr(dir, '/') : NULL;
    if (slash) {
        *slash = '\0';
        if (atl_dir_make(dir, NULL) == ATL_OK)
            atl_file_write(cached, hex, HASH_HEX, NULL);
    }
    free(dir);
}

static atl_status hash_file(const char *path, char *hex, atl_note *note)
{
    enum { CHUNK = 1 << 22 };
    atl_mapping file;
    const atl_status st = atl_mapping_open(path, &file, note);
    if (st != ATL_OK)
        return st;
    crypto_hash_sha256_state state;
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_init(&state);
    for (size_t at = 0; at < file.size_bytes; at += CHUNK) {
        const size_t n = file.size_bytes - at < CHUNK ? file.size_bytes - at : CHUNK;
        crypto_hash_sha256_update(&state, file.data + at, n);
        atl_mapping_forget(&file, at, at + n);
    }
    crypto_hash_sha256_final(&state, digest);
    atl_mapping_close(&file);
    to_hex(digest, sizeof digest, hex);
    return ATL_OK;
}

/* The file that stands for the model: the single file, or the one that holds the UNet's first tensor. */
static void first_file(void *user, const char *name, const atl_weight *weight)
{
    (void)name;
    const char **path = user;
    if (!*path)
        *path = atl_safetensors_path(weight->file);
}

atl_status atl_engine_hash_file(const char *path, char hex[ATL_FILE_HASH_HEX + 1], atl_note *note)
{
    char *cached = cache_path(path);
    atl_status st = ATL_OK;
    if (!cached || !read_cached(cached, hex)) {
        st = hash_file(path, hex, note);
        if (st == ATL_OK && cached)
            write_cached(cached, hex);
    }
    free(cached);
    return st;
}

static atl_status model_hash(const atl_weights *weights, char *hex, atl_note *note)
{
    const char *path = NULL;
    atl_weights_visit(weights, ATL_UNET, first_file, &path);
    if (!path)
        return atl_fail(note, ATL_NOT_FOUND, "%s: holds no UNet", atl_weights_path(weights));
    return atl_engine_hash_file(path, hex, note);
}

/* The directory's or file's last part, without ".safetensors". */
static void model_name(const char *path, char *out, size_t size)
{
    char *real = realpath(path, NULL);
    const char *whole = real ? real : path;
    const char *slash = strrchr(whole, '/');
    snprintf(out, size, "%s", slash ? slash + 1 : whole);
    char *dot = strstr(out, ".safetensors");
    if (dot && dot[strlen(".safetensors")] == '\0')
        *dot = '\0';
    free(real);
}

atl_status atl_engine_identify_model(const char *model, const char *variant, char ret_name[128],
                                     char ret_hash[11], atl_note *note)
{
    atl_weights *weights = NULL;
    char hex[HASH_HEX + 1];
    atl_status st = atl_weights_open(model, variant ? variant : "", &weights, note);
    if (st == ATL_OK)
        st = model_hash(weights, hex, note);
    if (st == ATL_OK) {
        model_name(model, ret_name, 128);
        snprintf(ret_hash, 11, "%.10s", hex);
    }
    atl_weights_close(&weights);
    return st;
}

/* The instruction set that paints under this policy. AMX, AVX512_BF16 and the like multiply bf16 and s8 only:
 * beside that their tables hold the kernels of AVX-512, AVX2 or NEON, and an fp32 picture that named them
 * would say what is not so. */
static const char *isa_in_use(const atl_engine *engine)
{
    const char *isa = engine->kernels->isa;
    for (int i = 0; i < ATL_N_LAYER_CLASSES; i++)
        if (engine->policy->layer[i].store != ATL_F32 && engine->policy->layer[i].store != ATL_F16)
            return isa;
    static const char *const plain[] = {"avx512", "avx2", "neon"};
    for (size_t i = 0; i < ATL_COUNT(plain); i++)
        if (strncmp(isa, plain[i], strlen(plain[i])) == 0)
            return plain[i];
    return strcmp(isa, "amx") == 0 ? "avx512" : isa;
}

atl_status atl_engine_facts_get(atl_engine *engine, atl_engine_facts *ret, atl_note *note)
{
    atl_engine_facts facts = {
        .packed_bytes = engine->store.used_bytes,
        .scratch_peak_bytes = engine->arena.capacity_bytes,
        .load_ns = engine->load_ns,
        .n_threads = atl_pool_n_threads(engine->pool),
        .vae_factor = atl_vae_scale(&engine->config->vae),
        .policy = engine->policy->name,
        .isa = isa_in_use(engine),
        .pack_note = engine->pack_note.text,
    };
    model_name(atl_weights_path(engine->weights), facts.model_name, sizeof facts.model_name);
    char hex[HASH_HEX + 1];
    const atl_status st = model_hash(engine->weights, hex, note);
    if (st != ATL_OK)
        return st;
    snprintf(facts.model_hash, sizeof facts.model_hash, "%.10s", hex);
    *ret = facts;
    return ATL_OK;
}
