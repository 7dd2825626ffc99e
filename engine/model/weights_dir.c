/* weights_dir.c - the safetensors files of a diffusers directory.
 *
 * A component's weights are BASE.safetensors, or BASE.VARIANT.safetensors, or shards that an index names
 * (BASE.safetensors.index.json, BASE.safetensors.index.VARIANT.json), where BASE is
 * diffusion_pytorch_model for unet and vae and model for the text encoders. */
#include <dirent.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_load.h"
#include "base/sizes.h"
#include "model/weights_table.h"

#define MAX_INDEX_BYTES   ((size_t)64 << 20)
#define MAX_VARIANT       64
#define MAX_FILE_NAME     256
#define DIFFUSERS_BASE    "diffusion_pytorch_model"
#define TRANSFORMERS_BASE "model"

/* Where a component's weights lie; `variant` is "" for plain files. */
typedef struct place {
    const char *dir;
    const char *base;
    char variant[MAX_VARIANT];
} place;

static void plain_name(const place *p, char out[MAX_FILE_NAME])
{
    if (p->variant[0])
        snprintf(out, MAX_FILE_NAME, "%s.%s.safetensors", p->base, p->variant);
    else
        snprintf(out, MAX_FILE_NAME, "%s.safetensors", p->base);
}

static void index_name(const place *p, char out[MAX_FILE_NAME])
{
    if (p->variant[0])
        snprintf(out, MAX_FILE_NAME, "%s.safetensors.index.%s.json", p->base, p->variant);
    else
        snprintf(out, MAX_FILE_NAME, "%s.safetensors.index.json", p->base);
}

static bool is_there(const char *dir, const char *name)
{
    char path[PATH_MAX]; /* no allocation: what memory is wanting for is not absent */
    return (size_t)snprintf(path, sizeof path, "%s/%s", dir, name) < sizeof path && atl_is_file(path);
}

static bool place_exists(const place *p)
{
    char plain[MAX_FILE_NAME], index[MAX_FILE_NAME];
    plain_name(p, plain);
    index_name(p, index);
    return is_there(p->dir, plain) || is_there(p->dir, index);
}

/* If `name` is BASE.VARIANT.safetensors or BASE.safetensors.index.VARIANT.json, the variant. */
static bool variant_of(const char *name, const char *base, char out[MAX_VARIANT])
{
    static const struct {
        const char *before, *after;
    } forms[] = {{".safetensors.index.", ".json"}, {".", ".safetensors"}};
    const size_t n_base = strlen(base), n = strlen(name);
    if (strncmp(name, base, n_base) != 0)
        return false;
    for (size_t i = 0; i < ATL_COUNT(forms); i++) {
        const size_t head = n_base + strlen(forms[i].before), tail = strlen(forms[i].after);
        if (n <= head + tail || strncmp(name + n_base, forms[i].before, strlen(forms[i].before)) != 0 ||
            strcmp(name + n - tail, forms[i].after) != 0)
            continue;
        const size_t length = n - head - tail;
        if (length >= MAX_VARIANT || memchr(name + head, '.', length))
            continue;
        memcpy(out, name + head, length);
        out[length] = '\0';
        return true;
    }
    return false;
}

/* What a directory holds besides the wanted file, for the choice of a variant and for messages. */
typedef struct survey {
    char variant[MAX_VARIANT]; /* the first found */
    bool several;              /* more than one */
    char pickle[MAX_FILE_NAME];
} survey;

static bool is_pickle(const char *name)
{
    static const char *const tails[] = {".bin", ".ckpt", ".pt", ".pth"};
    for (size_t i = 0; i < ATL_COUNT(tails); i++) {
        const size_t n = strlen(name), m = strlen(tails[i]);
        if (n > m && strcmp(name + n - m, tails[i]) == 0)
            return true;
    }
    return false;
}

static atl_status look_around(const place *p, survey *ret, atl_note *note)
{
    *ret = (survey){0};
    DIR *dir = opendir(p->dir);
    if (!dir)
        return atl_fail(note, ATL_NOT_FOUND,
                        "%s: no such directory can be read, but model_index.json names it", p->dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char variant[MAX_VARIANT];
        if (is_pickle(entry->d_name)) {
            snprintf(ret->pickle, sizeof ret->pickle, "%s", entry->d_name);
        } else if (variant_of(entry->d_name, p->base, variant)) {
            ret->several |= ret->variant[0] && strcmp(ret->variant, variant) != 0;
            snprintf(ret->variant, sizeof ret->variant, "%s", variant);
        }
    }
    closedir(dir);
    return ATL_OK;
}

static atl_status fail_missing(const place *p, const survey *found, atl_note *note)
{
    char wanted[MAX_FILE_NAME];
    plain_name(p, wanted);
    if (found->pickle[0])
        return atl_fail(
            note, ATL_UNSUPPORTED,
            "%s: has only pickle weights (%s), which can run code when they are read; convert them to "
            "safetensors first, e.g. in Python: "
            "diffusers' DiffusionPipeline.from_pretrained(DIR).save_pretrained(NEW_DIR)",
            p->dir, found->pickle);
    if (found->several)
        return atl_fail(note, ATL_NOT_FOUND, "%s: has no %s, and more than one variant; name the one to take",
                        p->dir, wanted);
    return atl_fail(note, ATL_NOT_FOUND, "%s: has neither %s nor its sharded form%s%s", p->dir, wanted,
                    found->variant[0] ? "; there is the variant " : "", found->variant);
}

/* Settles which files are taken: those of the variant; else plain ones (as in diffusers, a part that has no
 * files of the variant is read plainly); else, where nothing was asked for, the only variant there is. */
static atl_status find_place(place *p, bool *ret_variant_found, atl_note *note)
{
    if (place_exists(p)) {
        *ret_variant_found |= p->variant[0] != '\0';
        return ATL_OK;
    }
    survey found;
    const atl_status st = look_around(p, &found, note);
    if (st != ATL_OK)
        return st;
    const bool asked = p->variant[0] != '\0';
    place other = *p;
    if (asked)
        other.variant[0] = '\0';
    else if (!found.several)
        snprintf(other.variant, sizeof other.variant, "%s", found.variant);
    if ((!asked && !other.variant[0]) || !place_exists(&other))
        return fail_missing(p, &found, note);
    *p = other;
    return ATL_OK;
}

/* The name that the networks ask for; false for tensors that nobody needs. */
static bool settle_name(atl_component component, const char *name, char out[ATL_MAX_TENSOR_NAME])
{
    if (strlen(name) + sizeof "text_model." > ATL_MAX_TENSOR_NAME)
        return false;
    if (component == ATL_VAE)
        return atl_name_vae_attention(name, out);
    const bool bare = component != ATL_UNET && strncmp(name, "text_model.", 11) != 0 &&
                      strncmp(name, "text_projection.", 16) != 0;
    snprintf(out, ATL_MAX_TENSOR_NAME, "%s%s", bare ? "text_model." : "", name);
    return true;
}

/* One file's tensors. With an `index` (weight_map of a shard) only those that it gives to `file_name`. */
static atl_status add_tensors(atl_weights *weights, atl_component component, const char *path,
                              const char *file_name, const json_t *index, atl_note *note)
{
    atl_safetensors *file;
    atl_status st = atl_weights_add_file(weights, path, &file, note);
    for (size_t i = 0; st == ATL_OK && i < atl_safetensors_count(file); i++) {
        const atl_st_tensor *tensor = atl_safetensors_at(file, i);
        const char *shard = json_string_value(json_object_get(index, tensor->name));
        char name[ATL_MAX_TENSOR_NAME];
        if (index && (!shard || strcmp(shard, file_name) != 0))
            continue;
        if (!settle_name(component, tensor->name, name))
            st = atl_fail(note, ATL_BAD_INPUT, "%s: tensor \"%.100s…\": has too long a name", path,
                          tensor->name);
        else
            st = atl_weights_add(weights, component, name, file, tensor, note);
    }
    return st;
}

/* A shard's name stays within the directory. */
static bool is_plain_name(const char *name)
{
    return name && name[0] && name[0] != '.' && !strchr(name, '/') && strlen(name) < MAX_FILE_NAME;
}

/* Each shard once: a shard is opened at the first of its tensors. */
static atl_status add_shards(atl_weights *weights, atl_component component, const place *p,
                             const char *index_path, const json_t *map, atl_note *note)
{
    json_t *seen = json_object();
    atl_status st = seen ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "%s: no memory to read it", index_path);
    const char *tensor;
    json_t *shard;
    json_object_foreach((json_t *)(uintptr_t)map, tensor, shard)
    {
        const char *name = json_string_value(shard);
        if (st != ATL_OK || json_object_get(seen, name ? name : ""))
            continue;
        if (!is_plain_name(name)) {
            st = atl_fail(note, ATL_BAD_INPUT,
                          "%s: the shard of \"%.100s\" is not the name of a file beside it", index_path,
                          tensor);
            continue;
        }
        char *path = atl_path_join(p->dir, name);
        if (!path || json_object_set_new(seen, name, json_true()) != 0)
            st = atl_fail(note, ATL_NO_MEMORY, "%s: no memory to read it", index_path);
        else
            st = add_tensors(weights, component, path, name, map, note);
        free(path);
    }
    json_decref(seen);
    return st;
}

/* Every tensor that the index names has to be in its shard. */
static atl_status check_shards(const atl_weights *weights, atl_component component, const char *index_path,
                               const json_t *map, atl_note *note)
{
    const size_t found = weights->table[component].n, named = json_object_size(map);
    if (found != named)
        return atl_fail(note, ATL_NOT_FOUND, "%s: names %zu tensors, but its shards hold %zu of them",
                        index_path, named, found);
    return ATL_OK;
}

static atl_status add_indexed(atl_weights *weights, atl_component component, const place *p,
                              const char *index_path, atl_note *note)
{
    char *data;
    size_t size;
    atl_status st = atl_file_read(index_path, MAX_INDEX_BYTES, &data, &size, note);
    if (st != ATL_OK)
        return st;
    json_error_t error;
    json_t *root = atl_json_load(data, size, JSON_REJECT_DUPLICATES, &error);
    free(data);
    const json_t *map = json_object_get(root, "weight_map");
    if (!root && error.text[0] == '\0')
        st = atl_fail(note, ATL_NO_MEMORY, "%s: no memory to read it", index_path);
    else if (!root)
        st = atl_fail(note, ATL_BAD_INPUT, "%s: is not valid JSON at line %d, column %d: %s", index_path,
                      error.line, error.column, error.text);
    else if (!json_is_object(map))
        st = atl_fail(note, ATL_BAD_INPUT, "%s: has no \"weight_map\" object", index_path);
    else
        st = add_shards(weights, component, p, index_path, map, note);
    if (st == ATL_OK)
        st = check_shards(weights, component, index_path, map, note);
    json_decref(root);
    return st;
}

static atl_status add_component(atl_weights *weights, atl_component component, const char *variant,
                                bool *ret_variant_found, atl_note *note)
{
    char name[MAX_FILE_NAME];
    char *dir = atl_path_join(weights->path, atl_component_name(component)), *path = NULL;
    place p = {.dir = dir,
               .base = component == ATL_UNET || component == ATL_VAE ? DIFFUSERS_BASE : TRANSFORMERS_BASE};
    atl_status st = ATL_NO_MEMORY;
    if (!dir) {
        atl_fail(note, st, "%s: no memory to open it", weights->path);
        goto done;
    }
    snprintf(p.variant, sizeof p.variant, "%s", variant);
    st = find_place(&p, ret_variant_found, note);
    if (st != ATL_OK)
        goto done;
    plain_name(&p, name);
    const bool plain = is_there(dir, name);
    if (!plain)
        index_name(&p, name);
    path = atl_path_join(dir, name);
    if (!path)
        st = atl_fail(note, ATL_NO_MEMORY, "%s: no memory to open it", dir);
    else
        st = plain ? add_tensors(weights, component, path, name, NULL, note)
                   : add_indexed(weights, component, &p, path, note);
done:
    free(path);
    free(dir);
    return st;
}

static atl_status find_tokenizers(atl_weights *weights, atl_note *note)
{
    static const char *const names[2] = {"tokenizer", "tokenizer_2"};
    for (int i = 0; i < weights->config.n_text_encoders; i++) {
        weights->tokenizer_dir[i] = atl_path_join(weights->path, names[i]);
        if (!weights->tokenizer_dir[i])
            return atl_fail(note, ATL_NO_MEMORY, "%s: no memory to open it", weights->path);
    }
    return ATL_OK;
}

atl_status atl_weights_read_dir(atl_weights *weights, const char *variant, atl_note *note)
{
    if (strlen(variant) >= MAX_VARIANT || strchr(variant, '/'))
        return atl_fail(note, ATL_USAGE, "\"%.100s\" cannot be the variant of a file name", variant);
    atl_status st = atl_model_config_read(weights->path, &weights->config, note);
    if (st == ATL_OK)
        st = find_tokenizers(weights, note);
    bool variant_found = variant[0] == '\0';
    for (int c = 0; st == ATL_OK && c < ATL_N_COMPONENTS; c++)
        if (c != ATL_TEXT_ENCODER_2 || weights->config.n_text_encoders > 1)
            st = add_component(weights, (atl_component)c, variant, &variant_found, note);
    if (st == ATL_OK && !variant_found)
        st = atl_fail(note, ATL_NOT_FOUND, "%s: has no safetensors files of the variant \"%s\"",
                      weights->path, variant);
    return st;
}
