/* weights_ldm.c - a single .safetensors file with LDM keys: its tensors under diffusers' names.
 *
 * Tensors that belong to no part that is loaded (EMA copies, the noise schedule, the last layer of SD 2.x's
 * text encoder) are left out, as diffusers leaves them out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "model/weights_table.h"

static const char *after(const char *name, const char *prefix)
{
    const size_t n = strlen(prefix);
    return strncmp(name, prefix, n) == 0 ? name + n : NULL;
}

/* q, k and v out of one tensor: thirds of its rows. */
static atl_status add_fused(atl_weights *weights, atl_component component, const char *name, const char *tail,
                            const atl_safetensors *file, const atl_st_tensor *tensor, atl_note *note)
{
    static const char *const parts[] = {"q_proj", "k_proj", "v_proj"};
    const size_t rows = tensor->rank > 0 ? tensor->shape[0] : 0,
                 head = strlen(name) - strlen("in_proj_") - strlen(tail);
    if (rows % 3 != 0)
        return atl_fail(note, ATL_BAD_INPUT, "%s: tensor \"%s\" has %zu rows, not three equal parts",
                        atl_safetensors_path(file), tensor->name, rows);
    atl_status st = ATL_OK;
    for (size_t i = 0; st == ATL_OK && i < ATL_COUNT(parts); i++) {
        char part[ATL_MAX_TENSOR_NAME + 16];
        snprintf(part, sizeof part, "%.*s%s.%s", (int)head, name, parts[i], tail);
        const atl_weight third = {
            .file = file, .tensor = tensor, .first_row = i * (rows / 3), .n_rows = rows / 3};
        st = atl_weights_add_part(weights, component, part, &third, note);
    }
    return st;
}

/* A layer past those that the config uses. */
static bool is_spared(const char *name, const atl_clip_config *config)
{
    int layer;
    return sscanf(name, "text_model.encoder.layers.%4d.", &layer) == 1 && layer >= config->n_layers;
}

static atl_status add_open_clip(atl_weights *weights, atl_component component, const char *rest,
                                const atl_safetensors *file, const atl_st_tensor *tensor, atl_note *note)
{
    const atl_clip_config *config = &weights->config.text[component == ATL_TEXT_ENCODER_2];
    char name[ATL_MAX_TENSOR_NAME];
    if (strcmp(rest, "text_projection") == 0) {
        const atl_weight turned = {.file = file,
                                   .tensor = tensor,
                                   .n_rows = tensor->rank > 0 ? tensor->shape[0] : 0,
                                   .transposed = true};
        return config->with_projection
                   ? atl_weights_add_part(weights, component, "text_projection.weight", &turned, note)
                   : ATL_OK;
    }
    if (!atl_name_open_clip(rest, name) || is_spared(name, config))
        return ATL_OK;
    if (strstr(name, ".in_proj_weight"))
        return add_fused(weights, component, name, "weight", file, tensor, note);
    if (strstr(name, ".in_proj_bias"))
        return add_fused(weights, component, name, "bias", file, tensor, note);
    return atl_weights_add(weights, component, name, file, tensor, note);
}

static atl_status add_clip(atl_weights *weights, const char *rest, const atl_safetensors *file,
                           const atl_st_tensor *tensor, atl_note *note)
{
    char name[ATL_MAX_TENSOR_NAME];
    const bool prefixed = after(rest, "text_model.") != NULL;
    if (snprintf(name, sizeof name, "%s%s", prefixed ? "" : "text_model.", rest) >= (int)sizeof name)
        return ATL_OK;
    return atl_weights_add(weights, ATL_TEXT_ENCODER, name, file, tensor, note);
}

static atl_status add_tensor(atl_weights *weights, const atl_safetensors *file, const atl_st_tensor *tensor,
                             atl_note *note)
{
    const char *full = tensor->name, *rest;
    char name[ATL_MAX_TENSOR_NAME];
    if ((rest = after(full, "model.diffusion_model.")))
        return atl_name_ldm_unet(rest, &weights->config.unet, name)
                   ? atl_weights_add(weights, ATL_UNET, name, file, tensor, note)
                   : ATL_OK;
    if ((rest = after(full, "first_stage_model.")) || (rest = after(full, "vae.")))
        return atl_name_ldm_vae(rest, weights->config.vae.n_blocks, name)
                   ? atl_weights_add(weights, ATL_VAE, name, file, tensor, note)
                   : ATL_OK;
    if ((rest = after(full, "cond_stage_model.transformer.")) ||
        (rest = after(full, "conditioner.embedders.0.transformer.")))
        return add_clip(weights, rest, file, tensor, note);
    if ((rest = after(full, "cond_stage_model.model.")))
        return add_open_clip(weights, ATL_TEXT_ENCODER, rest, file, tensor, note);
    if ((rest = after(full, "conditioner.embedders.1.model.")))
        return add_open_clip(weights, ATL_TEXT_ENCODER_2, rest, file, tensor, note);
    return ATL_OK;
}

atl_status atl_weights_read_ldm(atl_weights *weights, atl_note *note)
{
    atl_safetensors *file;
    atl_status st = atl_weights_add_file(weights, weights->path, &file, note);
    if (st == ATL_OK)
        st = atl_config_from_ldm(file, &weights->config, note);
    for (size_t i = 0; st == ATL_OK && i < atl_safetensors_count(file); i++)
        st = add_tensor(weights, file, atl_safetensors_at(file, i), note);
    return st;
}
