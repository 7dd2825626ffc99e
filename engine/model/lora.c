/* lora.c - see lora.h. */
#include "model/lora.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "model/lora_metadata.h"

enum { MAX_RANK_OF_PAIR = 4096 };

static atl_status fail_at(const atl_lora *lora, const atl_st_tensor *tensor, atl_status status,
                          const char *why, atl_note *note)
{
    return atl_fail(note, status, "%s: tensor %s: %s", atl_safetensors_path(lora->file), tensor->name, why);
}

/* Puts each tensor of the file where it belongs. */
static atl_status sort_tensors(atl_lora *lora, const atl_lora_modules *modules, atl_note *note)
{
    for (size_t i = 0; i < atl_safetensors_count(lora->file); i++) {
        const atl_st_tensor *tensor = atl_safetensors_at(lora->file, i);
        size_t module;
        atl_lora_role role;
        if (!atl_lora_modules_find(modules, tensor->name, &module, &role))
            return fail_at(lora, tensor, ATL_UNSUPPORTED,
                           "belongs to no layer of this model, or is of a kind of network that cannot be "
                           "applied (LoRA in the keys of kohya, PEFT or diffusers can)",
                           note);
        atl_lora_pair *pair = &lora->pairs[module];
        const atl_st_tensor **place = role == ATL_LORA_DOWN ? &pair->down
                                      : role == ATL_LORA_UP ? &pair->up
                                                            : &pair->alpha_tensor;
        if (*place)
            return fail_at(lora, tensor, ATL_BAD_INPUT, "its layer has one of these already", note);
        *place = tensor;
    }
    return ATL_OK;
}

/* The tensor's shape is `wanted`[rank], with or without dimensions of 1 behind. */
static bool has_shape(const atl_st_tensor *tensor, const size_t *wanted, int rank)
{
    const int longest = tensor->rank > rank ? tensor->rank : rank;
    for (int i = 0; i < longest; i++)
        if ((i < tensor->rank ? tensor->shape[i] : 1) != (i < rank ? wanted[i] : 1))
            return false;
    return tensor->rank >= 2;
}

static atl_status fail_shape(const atl_lora *lora, const atl_st_tensor *tensor, const size_t wanted[4],
                             const char *layer, atl_note *note)
{
    return atl_fail(note, ATL_BAD_INPUT,
                    "%s: tensor %s: found a shape that begins with %zu x %zu, wanted %zu x %zu x %zu x %zu "
                    "for %s of this model",
                    atl_safetensors_path(lora->file), tensor->name, tensor->rank > 0 ? tensor->shape[0] : 1,
                    tensor->rank > 1 ? tensor->shape[1] : 1, wanted[0], wanted[1], wanted[2], wanted[3],
                    layer);
}

static atl_status read_alpha(const atl_lora *lora, atl_lora_pair *pair, atl_note *note)
{
    float alpha = 0;
    size_t n = 1;
    for (int i = 0; i < pair->alpha_tensor->rank; i++)
        n *= pair->alpha_tensor->shape[i];
    const atl_status st = n == 1 ? atl_st_to_f32(pair->alpha_tensor, 0, 1, &alpha, note)
                                 : atl_fail(note, ATL_BAD_INPUT, "found %zu numbers, wanted one", n);
    if (st != ATL_OK)
        atl_note_prefix(note, "%s: tensor %s", atl_safetensors_path(lora->file), pair->alpha_tensor->name);
    pair->factor = alpha / (float)pair->rank;
    return st;
}

static atl_status check_pair(const atl_lora *lora, atl_lora_pair *pair, const atl_lora_module *module,
                             const atl_lora_metadata *metadata, atl_note *note)
{
    if (!pair->down || !pair->up)
        return fail_at(lora,
                       pair->down ? pair->down
                       : pair->up ? pair->up
                                  : pair->alpha_tensor,
                       ATL_BAD_INPUT, "the other tensors of its pair are not in the file", note);
    const atl_layer_site *site = &module->site;
    const size_t kernel = (size_t)site->kernel;
    pair->rank = pair->down->rank > 0 ? pair->down->shape[0] : 0;
    if (pair->rank < 1 || pair->rank > MAX_RANK_OF_PAIR)
        return fail_at(lora, pair->down, ATL_BAD_INPUT, "its rank is not 1 to 4096", note);
    const size_t down[4] = {pair->rank, (size_t)site->n_in, kernel, kernel};
    const size_t up[4] = {(size_t)site->n_out, pair->rank, 1, 1};
    if (!has_shape(pair->down, down, 4))
        return fail_shape(lora, pair->down, down, module->name, note);
    if (!has_shape(pair->up, up, 4))
        return fail_shape(lora, pair->up, up, module->name, note);
    if (pair->alpha_tensor)
        return read_alpha(lora, pair, note);
    pair->factor = atl_lora_metadata_factor(metadata, site->component, module->name, pair->rank);
    return ATL_OK;
}

static atl_status read_pairs(atl_lora *lora, const atl_lora_modules *modules, atl_note *note)
{
    atl_lora_metadata *metadata = NULL;
    atl_status st = sort_tensors(lora, modules, note);
    if (st == ATL_OK)
        st = atl_lora_metadata_read(lora->file, &metadata, note);
    for (size_t i = 0; i < lora->n && st == ATL_OK; i++) {
        atl_lora_pair *pair = &lora->pairs[i];
        if (!pair->down && !pair->up && !pair->alpha_tensor)
            continue;
        st = check_pair(lora, pair, &modules->at[i], metadata, note);
        lora->n_pairs++;
    }
    if (st == ATL_OK && lora->n_pairs == 0)
        st = atl_fail(note, ATL_BAD_INPUT, "%s: has nothing in it", atl_safetensors_path(lora->file));
    atl_lora_metadata_close(&metadata);
    return st;
}

/* Tensors fill a file from its header to its end without holes. What a trainer left in the metadata is the
 * same, unless the file was changed since: it is not asked. */
static void hash_tensors(atl_lora *lora)
{
    const uint8_t *begin = NULL;
    size_t n_bytes = 0;
    unsigned char digest[crypto_hash_sha256_BYTES];
    for (size_t i = 0; i < atl_safetensors_count(lora->file); i++) {
        const atl_st_tensor *tensor = atl_safetensors_at(lora->file, i);
        n_bytes += tensor->n_bytes;
        if (!begin || tensor->data < begin)
            begin = tensor->data;
    }
    crypto_hash_sha256(digest, begin, n_bytes);
    sodium_bin2hex(lora->hash, sizeof lora->hash, digest, ATL_LORA_HASH / 2);
}

atl_status atl_lora_read(atl_safetensors *file, const atl_lora_modules *modules, atl_lora **ret,
                         atl_note *note)
{
    atl_lora *lora = calloc(1, sizeof *lora);
    if (!lora) {
        atl_fail(note, ATL_NO_MEMORY, "%s: no memory to read it", atl_safetensors_path(file));
        atl_safetensors_close(&file);
        return ATL_NO_MEMORY;
    }
    lora->file = file;
    lora->n = modules->n;
    lora->pairs = calloc(modules->n + 1, sizeof *lora->pairs);
    const atl_status st =
        lora->pairs ? read_pairs(lora, modules, note)
                    : atl_fail(note, ATL_NO_MEMORY, "%s: no memory to read it", atl_safetensors_path(file));
    if (st != ATL_OK) {
        atl_lora_close(&lora);
        return st;
    }
    hash_tensors(lora);
    *ret = lora;
    return ATL_OK;
}

atl_status atl_lora_open(const char *path, const atl_lora_modules *modules, atl_lora **ret, atl_note *note)
{
    atl_safetensors *file = NULL;
    const atl_status st = atl_safetensors_open(path, &file, note);
    return st == ATL_OK ? atl_lora_read(file, modules, ret, note) : st;
}

void atl_lora_close(atl_lora **lora)
{
    if (*lora) {
        atl_safetensors_close(&(*lora)->file);
        free((*lora)->pairs);
        free(*lora);
    }
    *lora = NULL;
}
