/* lora_pack.c - see lora_pack.h.
 *
 * The pairs of all networks for one layer become one pair: their small matrices under each other on the way
 * down, beside each other on the way up, where strength · alpha / rank is multiplied in. A layer that is
 * several matrices stacked (queries, keys, values) is one layer here, too: what a pair does not reach of the
 * outputs is zeros on the way up.
 *
 *   down[rank of all][n_in][k][k]      up[n_out of all][rank of all]
 *
 * Types follow the layer's: bf16 where it multiplies bf16 or smaller, else f32. */
#include "lora_pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"

/* One layer's modules: neighbours in the walk, with the same packed weights. */
typedef struct layer {
    const atl_lora_modules *modules;
    const atl_networks *networks;
    const atl_lora *const *loras;
    size_t first, end; /* modules */
    size_t rank;       /* of all pairs */
    const atl_layer_site *site;
} layer;

static double strength(const layer *l, size_t network)
{
    return l->site->component == ATL_UNET ? l->networks->at[network].unet : l->networks->at[network].text;
}

/* The pair of network `i` for a module, or NULL if it has none or no strength. */
static const atl_lora_pair *pair_of(const layer *l, size_t i, size_t module)
{
    const atl_lora_pair *pair = &l->loras[i]->pairs[module];
    return pair->down && strength(l, i) != 0 ? pair : NULL;
}

static size_t count_rank(const layer *l)
{
    size_t rank = 0;
    for (size_t i = 0; i < l->networks->n; i++)
        for (size_t m = l->first; m < l->end; m++)
            rank += pair_of(l, i, m) ? pair_of(l, i, m)->rank : 0;
    return rank;
}

static size_t row_of(const atl_layer_site *site)
{
    return (size_t)site->n_in * (size_t)site->kernel * (size_t)site->kernel;
}

static atl_status read_tensor(const atl_lora *lora, const atl_st_tensor *tensor, size_t n, float *out,
                              atl_note *note)
{
    const atl_status st = atl_st_to_f32(tensor, 0, n, out, note);
    if (st != ATL_OK)
        atl_note_prefix(note, "%s: tensor %s", atl_safetensors_path(lora->file), tensor->name);
    return st;
}

/* Puts one pair at `at` of the rank. `scratch` has room for the larger way up. */
static atl_status put_pair(const layer *l, size_t network, size_t module, size_t at, float *down, float *up,
                           float *scratch, atl_note *note)
{
    const atl_lora_pair *pair = pair_of(l, network, module);
    const atl_layer_site *site = &l->modules->at[module].site;
    const size_t n_out = (size_t)site->n_out, first_out = (size_t)site->first_out;
    const float factor = (float)(strength(l, network) * (double)pair->factor);
    atl_status st =
        read_tensor(l->loras[network], pair->down, pair->rank * row_of(site), down + at * row_of(site), note);
    if (st == ATL_OK)
        st = read_tensor(l->loras[network], pair->up, n_out * pair->rank, scratch, note);
    for (size_t o = 0; st == ATL_OK && o < n_out; o++)
        for (size_t r = 0; r < pair->rank; r++)
            up[(first_out + o) * l->rank + at + r] = factor * scratch[o * pair->rank + r];
    return st;
}

static atl_status fill(const layer *l, float *down, float *up, float *scratch, atl_note *note)
{
    atl_status st = ATL_OK;
    size_t at = 0;
    for (size_t i = 0; i < l->networks->n; i++)
        for (size_t m = l->first; m < l->end && st == ATL_OK; m++) {
            const atl_lora_pair *pair = pair_of(l, i, m);
            if (!pair)
                continue;
            st = put_pair(l, i, m, at, down, up, scratch, note);
            at += pair->rank;
        }
    return st;
}

/* Packs both matrices into one block, which begins with the way down. */
static bool pack(const layer *l, const float *down, const float *up, atl_adapter *ret)
{
    const atl_layer_site *s = l->site;
    const atl_dtype dtype = s->dtype == ATL_BF16 || s->dtype == ATL_S8 ? ATL_BF16 : ATL_F32;
    const int rank = (int)l->rank;
    const size_t down_bytes = atl_conv_packed_bytes(s->n_in, rank, s->kernel, false, dtype);
    const size_t bytes = down_bytes + atl_linear_packed_bytes(rank, s->n_out_all, false, dtype);
    char *block = aligned_alloc(ATL_ARENA_ALIGN, bytes);
    if (!block)
        return false;
    memset(block, 0, bytes);
    ret->beside = s->weight;
    atl_conv_bind(&ret->down, s->n_in, rank, s->kernel, s->stride, s->pad_before, s->pad_after, false, dtype,
                  block);
    atl_linear_bind(&ret->up, rank, s->n_out_all, false, dtype, block + down_bytes);
    atl_conv_pack(&ret->down, 0, rank, down, NULL, block);
    atl_linear_pack(&ret->up, 0, s->n_out_all, up, NULL, block + down_bytes);
    return true;
}

static atl_status add_layer(const layer *l, atl_adapters *adapters, atl_note *note)
{
    const size_t n_up = (size_t)l->site->n_out_all * l->rank;
    float *down = malloc(l->rank * row_of(l->site) * sizeof *down);
    float *up = calloc(n_up, sizeof *up), *scratch = malloc(n_up * sizeof *scratch);
    atl_status st = ATL_NO_MEMORY;
    if (down && up && scratch) {
        st = fill(l, down, up, scratch, note);
        if (st == ATL_OK && !pack(l, down, up, &adapters->at[adapters->n]))
            st = ATL_NO_MEMORY;
    }
    if (st == ATL_OK)
        adapters->n++;
    if (st == ATL_NO_MEMORY)
        atl_fail(note, st, "no memory for networks of rank %zu", l->rank);
    free(down);
    free(up);
    free(scratch);
    return st;
}

static int by_address(const void *a, const void *b)
{
    const uintptr_t x = (uintptr_t)((const atl_adapter *)a)->beside;
    const uintptr_t y = (uintptr_t)((const atl_adapter *)b)->beside;
    return (x > y) - (x < y);
}

atl_status atl_lora_pack(const atl_lora_modules *modules, const atl_networks *networks,
                         const atl_lora *const *loras, atl_adapters *ret, atl_note *note)
{
    atl_adapters adapters = {.at = calloc(modules->n + 1, sizeof *adapters.at)};
    layer l = {.modules = modules, .networks = networks, .loras = loras};
    atl_status st = adapters.at ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for networks");
    for (; st == ATL_OK && l.first < modules->n; l.first = l.end) {
        l.site = &modules->at[l.first].site;
        for (l.end = l.first + 1; l.end < modules->n && modules->at[l.end].site.weight == l.site->weight;)
            l.end++;
        l.rank = count_rank(&l);
        if (l.rank > 0)
            st = add_layer(&l, &adapters, note);
    }
    if (st != ATL_OK) {
        atl_lora_unpack(&adapters);
        return st;
    }
    qsort(adapters.at, adapters.n, sizeof *adapters.at, by_address);
    *ret = adapters;
    return ATL_OK;
}

void atl_lora_unpack(atl_adapters *adapters)
{
    for (size_t i = 0; adapters->at && i < adapters->n; i++)
        free((void *)(uintptr_t)adapters->at[i].down.weight);
    free(adapters->at);
    *adapters = (atl_adapters){0};
}
