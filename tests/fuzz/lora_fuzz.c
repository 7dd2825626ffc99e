/* lora_fuzz.c - any bytes as a network's file, held against a model of a few layers: its keys in all their
 * styles, its shapes, its alphas and its metadata. And the bytes as one key. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/lora.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void add(atl_lora_modules *modules, atl_component component, const char *name, int n_in, int n_out,
                int kernel)
{
    atl_lora_modules_add(modules, &(atl_layer_site){.component = component,
                                                    .name = name,
                                                    .n_in = n_in,
                                                    .n_out = n_out,
                                                    .kernel = kernel,
                                                    .stride = 1,
                                                    .n_out_all = n_out});
}

static atl_lora_modules small_modules(const atl_unet_config *unet)
{
    atl_lora_modules modules = {.unet = unet};
    add(&modules, ATL_TEXT_ENCODER, "text_model.encoder.layers.0.self_attn.q_proj", 4, 4, 1);
    add(&modules, ATL_TEXT_ENCODER_2, "text_projection", 4, 4, 1);
    add(&modules, ATL_UNET, "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", 6, 8, 1);
    add(&modules, ATL_UNET, "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0", 8, 6, 1);
    add(&modules, ATL_UNET, "down_blocks.1.resnets.0.conv1", 6, 8, 3);
    demand(!modules.failed);
    return modules;
}

/* What was let through fits: a rank, two shapes that agree with the layer, twelve digits. */
static void check(const atl_lora *lora, const atl_lora_modules *modules)
{
    size_t n_pairs = 0;
    demand(lora->n == modules->n && strlen(lora->hash) == ATL_LORA_HASH);
    for (size_t i = 0; i < lora->n; i++) {
        const atl_lora_pair *pair = &lora->pairs[i];
        const atl_layer_site *site = &modules->at[i].site;
        if (!pair->down)
            continue;
        const size_t area = (size_t)site->kernel * (size_t)site->kernel;
        const size_t n_down = pair->rank * (size_t)site->n_in * area, n_up = (size_t)site->n_out * pair->rank;
        n_pairs++;
        demand(pair->rank > 0 && pair->up);
        demand(pair->down->n_bytes == n_down * atl_st_dtype_bytes(pair->down->dtype));
        demand(pair->up->n_bytes == n_up * atl_st_dtype_bytes(pair->up->dtype));
    }
    demand(n_pairs > 0 && n_pairs == lora->n_pairs);
}

static void look_up(const atl_lora_modules *modules, const uint8_t *data, size_t size)
{
    size_t module = 0;
    atl_lora_role role = ATL_LORA_N_ROLES;
    char *key = malloc(size + 1);
    demand(key != NULL);
    memcpy(key, data, size);
    key[size] = '\0';
    if (atl_lora_modules_find(modules, key, &module, &role))
        demand(module < modules->n && role < ATL_LORA_N_ROLES);
    free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const atl_unet_config unet = {.n_blocks = 2, .layers_per_block = {2, 2}};
    atl_lora_modules modules = small_modules(&unet);
    atl_note note = {0};
    atl_safetensors *file = NULL;
    atl_lora *lora = NULL;
    look_up(&modules, data, size);
    if (atl_safetensors_open_bytes("fuzz", data, size, &file, &note) == ATL_OK) {
        if (atl_lora_read(file, &modules, &lora, &note) == ATL_OK)
            check(lora, &modules);
        else
            demand(note.text[0] != '\0' && !lora);
        atl_lora_close(&lora);
    }
    atl_lora_modules_done(&modules);
    return 0;
}
