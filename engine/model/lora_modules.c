/* lora_modules.c - see lora_modules.h.
 *
 * A key is a layer's name between what says which part of the model it is in and what says which tensor of
 * the pair it is. kohya's scripts write the name with all its points as underscores, which cannot be undone;
 * so names are compared in that form. */
#include "model/lora_modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/sizes.h"
#include "model/weights_table.h"

void atl_lora_modules_add(void *user, const atl_layer_site *site)
{
    atl_lora_modules *modules = user;
    atl_lora_module *at = atl_grown(modules->at, modules->n, &modules->capacity, 256, sizeof *at);
    if (!at) {
        modules->failed = true;
        return;
    }
    modules->at = at;
    char *name = strdup(site->name);
    if (!name) {
        modules->failed = true;
        return;
    }
    atl_lora_module *module = &modules->at[modules->n++];
    *module = (atl_lora_module){.name = name, .site = *site};
    module->site.name = NULL;
    modules->has[site->component] = true;
}

void atl_lora_modules_done(atl_lora_modules *modules)
{
    for (size_t i = 0; i < modules->n; i++)
        free(modules->at[i].name);
    free(modules->at);
    *modules = (atl_lora_modules){0};
}

/* ---- the parts of a key ---- */

enum { ROOM = 8 }; /* that a name may grow by */

typedef struct prefix {
    const char *text;
    atl_component component;
    bool flat; /* points are underscores from here on */
} prefix;

static const prefix prefixes[] = {
    {"lora_unet_", ATL_UNET, true},
    {"lora_te_", ATL_TEXT_ENCODER, true},
    {"lora_te1_", ATL_TEXT_ENCODER, true},
    {"lora_te2_", ATL_TEXT_ENCODER_2, true},
    {"unet.", ATL_UNET, false},
    {"text_encoder.", ATL_TEXT_ENCODER, false},
    {"text_encoder_2.", ATL_TEXT_ENCODER_2, false},
    {"", ATL_UNET, false}, /* the UNet's alone, as diffusers once saved it */
};

typedef struct suffix {
    const char *text;
    atl_lora_role role;
} suffix;

static const suffix suffixes[] = {
    {".lora_down.weight", ATL_LORA_DOWN},
    {".lora_up.weight", ATL_LORA_UP},
    {".lora_A.weight", ATL_LORA_DOWN},
    {".lora_B.weight", ATL_LORA_UP},
    {".lora_A.default.weight", ATL_LORA_DOWN},
    {".lora_B.default.weight", ATL_LORA_UP},
    {".lora.down.weight", ATL_LORA_DOWN},
    {".lora.up.weight", ATL_LORA_UP},
    {".lora_linear_layer.down.weight", ATL_LORA_DOWN},
    {".lora_linear_layer.up.weight", ATL_LORA_UP},
    {"_lora.down.weight", ATL_LORA_DOWN}, /* of "….processor.to_q_lora" */
    {"_lora.up.weight", ATL_LORA_UP},
    {".alpha", ATL_LORA_ALPHA},
};

/* Cuts what ends the key off; false if nothing known does. */
static bool cut_suffix(char *key, atl_lora_role *ret)
{
    const size_t n = strlen(key);
    for (size_t i = 0; i < ATL_COUNT(suffixes); i++) {
        const size_t length = strlen(suffixes[i].text);
        if (n <= length || strcmp(key + n - length, suffixes[i].text) != 0)
            continue;
        key[n - length] = '\0';
        *ret = suffixes[i].role;
        return true;
    }
    return false;
}

static const char *skip(const char *text, const char *what)
{
    const size_t n = strlen(what);
    return strncmp(text, what, n) == 0 ? text + n : text;
}

static const prefix *find_prefix(const char *key)
{
    size_t i = 0;
    while (strncmp(key, prefixes[i].text, strlen(prefixes[i].text)) != 0)
        i++;
    return &prefixes[i];
}

/* "….attn1.processor.to_out" as ….attn1.to_out.0: the projections' old place. */
static void undo_processor(char *name)
{
    static const char inside[] = ".processor.", out[] = ".to_out";
    char *at = strstr(name, inside);
    if (!at)
        return;
    memmove(at + 1, at + sizeof inside - 1, strlen(at + sizeof inside - 1) + 1);
    const size_t n = strlen(name);
    if (n >= sizeof out - 1 && strcmp(name + n - (sizeof out - 1), out) == 0)
        memcpy(name + n, ".0", sizeof ".0"); /* shorter than what was cut out */
}

/* A text encoder's "….self_attn.to_q" of the same time as ….self_attn.q_proj. */
static void undo_text_attention(char *name)
{
    static const char before[] = ".self_attn.to_", after[] = "_proj";
    char *at = strstr(name, before);
    if (!at)
        return;
    char *which = at + sizeof before - 1, *to = which - strlen("to_");
    const size_t n = strlen(which);
    if (n > 3) /* q, k, v, out */
        return;
    memmove(to, which, n);
    memcpy(to + n, after, sizeof after); /* at most two bytes more than was there */
}

static void flatten(char *name)
{
    for (; *name; name++)
        if (*name == '.')
            *name = '_';
}

/* ---- LDM's names of the UNet's blocks ---- */

/* Writes the points back that LDM's rules of naming look at: "input_blocks_4_1_proj_in" becomes
 * "input_blocks.4.1.proj_in.". */
static bool point_ldm(const char *flat, char *out, size_t size)
{
    static const char *const heads[] = {"input_blocks_", "output_blocks_", "middle_block_"};
    static const char *const tails[][2] = {{"in_layers_2", "in_layers.2"},
                                           {"out_layers_3", "out_layers.3"},
                                           {"emb_layers_1", "emb_layers.1"},
                                           {"transformer_blocks_", "transformer_blocks."},
                                           {"time_embed_", "time_embed."},
                                           {"label_emb_0_", "label_emb.0."},
                                           {"out_2", "out.2"}};
    size_t used = 0;
    for (size_t i = 0; i < ATL_COUNT(heads); i++) {
        const char *rest = skip(flat, heads[i]);
        if (rest == flat)
            continue;
        int index[2] = {0, 0}, n = 0;
        const bool middle = i == 2;
        if (sscanf(rest, middle ? "%4d_%n" : "%4d_%*4d_%n", &index[0], &n) != 1 || n == 0)
            return false;
        if (!middle && sscanf(rest, "%*4d_%4d", &index[1]) != 1)
            return false;
        const int written = middle ? snprintf(out, size, "middle_block.%d.", index[0])
                                   : snprintf(out, size, "%.*s.%d.%d.", (int)strlen(heads[i]) - 1, heads[i],
                                              index[0], index[1]);
        used = (size_t)written;
        flat = rest + n;
        break;
    }
    for (size_t i = 0; i < ATL_COUNT(tails); i++) {
        const char *rest = skip(flat, tails[i][0]);
        if (rest != flat)
            return (size_t)snprintf(out + used, size - used, "%s%s.", tails[i][1], rest) < size - used;
    }
    return (size_t)snprintf(out + used, size - used, "%s.", flat) < size - used;
}

/* The flat diffusers name of a flat LDM name; false if it is none. */
static bool rename_ldm(const atl_unet_config *unet, const char *flat, char *out)
{
    char pointed[ATL_MAX_TENSOR_NAME];
    if (!point_ldm(flat, pointed, sizeof pointed) || !atl_name_ldm_unet(pointed, unet, out))
        return false;
    out[strlen(out) - 1] = '\0'; /* the point at the end */
    flatten(out);
    return true;
}

/* ---- looking up ---- */

static bool same_flat(const char *name, const char *flat)
{
    while (*name && (*name == *flat || (*name == '.' && *flat == '_'))) {
        name++;
        flat++;
    }
    return *name == '\0' && *flat == '\0';
}

static bool look_up(const atl_lora_modules *modules, atl_component component, const char *name, bool flat,
                    size_t *ret)
{
    for (size_t i = 0; i < modules->n; i++) {
        const atl_lora_module *m = &modules->at[i];
        if (m->site.component != component || component == ATL_VAE)
            continue;
        if (flat ? same_flat(m->name, name) : strcmp(m->name, name) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

bool atl_lora_modules_find(const atl_lora_modules *modules, const char *key, size_t *ret_module,
                           atl_lora_role *ret_role)
{
    char rest[ATL_MAX_TENSOR_NAME + ROOM], other[ATL_MAX_TENSOR_NAME];
    const char *name = skip(key, "base_model.model.");
    const prefix *where = find_prefix(name);
    name = skip(name + strlen(where->text), "base_model.model.");
    if ((size_t)snprintf(rest, ATL_MAX_TENSOR_NAME, "%s", name) >= ATL_MAX_TENSOR_NAME ||
        !cut_suffix(rest, ret_role))
        return false;
    if (!where->flat) {
        undo_processor(rest);
        undo_text_attention(rest);
    }
    if (look_up(modules, where->component, rest, where->flat, ret_module))
        return true;
    if (where->component == ATL_UNET)
        return where->flat && rename_ldm(modules->unet, rest, other) &&
               look_up(modules, ATL_UNET, other, true, ret_module);
    snprintf(other, sizeof other, "text_model%c%.200s", where->flat ? '_' : '.', rest);
    return look_up(modules, where->component, other, where->flat, ret_module);
}
