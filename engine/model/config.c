/* config.c - the checkpoint as a whole: model_index.json decides which parts there are, and of which class;
 * each part's file is read by a file of its own (config_unet.c, …). */
#include "model/config.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/sizes.h"
#include "model/config_json.h"

typedef struct pipeline {
    const char *class_name;
    bool two_encoders, lcm;
} pipeline;

static const pipeline pipelines[] = {
    {.class_name = "StableDiffusionPipeline"},
    {.class_name = "StableDiffusionImg2ImgPipeline"},
    {.class_name = "LatentConsistencyModelPipeline", .lcm = true},
    {.class_name = "LatentConsistencyModelImg2ImgPipeline", .lcm = true},
    {.class_name = "StableDiffusionXLPipeline", .two_encoders = true},
    {.class_name = "StableDiffusionXLImg2ImgPipeline", .two_encoders = true},
};

static const char *const encoder_keys[2] = {"text_encoder", "text_encoder_2"};
static const char *const tokenizer_keys[2] = {"tokenizer", "tokenizer_2"};

/* What model_index.json says. Class names are copied out of it. */
typedef struct model_index {
    char unet_class[64], vae_class[64], scheduler_class[64], encoder_class[2][64];
} model_index;

/* "key": ["library", "Class"]; the class goes to `out`, "" where the part is missing or [null, null]. */
static void read_part(atl_json *json, const char *key, char *out, size_t room)
{
    const json_t *pair = atl_json_has(json, key) ? atl_json_get(json, key) : NULL;
    const json_t *name = json_array_get(pair, 1);
    out[0] = '\0';
    if (!pair || (json_is_array(pair) && json_is_null(name)))
        return;
    if (!json_is_string(name) || strlen(json_string_value(name)) >= room)
        atl_json_refuse(json, ATL_BAD_INPUT, key, "[library, class] was wanted");
    else
        snprintf(out, room, "%s", json_string_value(name));
}

static void want_class(atl_json *json, const char *key, const char *found, const char *a, const char *b)
{
    if (strcmp(found, a) == 0 || (b && strcmp(found, b) == 0))
        return;
    if (!found[0])
        atl_json_fail(json, ATL_UNSUPPORTED, "has no \"%s\"; a model needs one", key);
    else
        atl_json_fail(json, ATL_UNSUPPORTED, "\"%s\" is of class \"%s\"; supported: %s%s%s", key, found, a,
                      b ? ", " : "", b ? b : "");
}

static void read_pipeline_class(atl_json *json, atl_model_config *config)
{
    const char *name = atl_json_string(json, "_class_name", "");
    for (size_t i = 0; i < ATL_COUNT(pipelines); i++)
        if (strcmp(pipelines[i].class_name, name) == 0) {
            config->two_encoder_pipeline = pipelines[i].two_encoders;
            config->lcm_pipeline = pipelines[i].lcm;
            config->n_text_encoders = pipelines[i].two_encoders ? 2 : 1;
            return;
        }
    atl_json_fail(
        json, ATL_UNSUPPORTED,
        "\"_class_name\" is \"%.100s\"; supported are StableDiffusionPipeline, StableDiffusionXLPipeline, "
        "LatentConsistencyModelPipeline and their Img2Img forms",
        name);
}

static void read_index(atl_json *json, atl_model_config *config, model_index *index)
{
    static const char *const idle[] = {"feature_extractor", "image_encoder", "safety_checker",
                                       "requires_safety_checker", "add_watermarker"};
    for (size_t i = 0; i < ATL_COUNT(idle); i++)
        atl_json_get(json, idle[i]);
    read_pipeline_class(json, config);
    read_part(json, "unet", index->unet_class, sizeof index->unet_class);
    read_part(json, "vae", index->vae_class, sizeof index->vae_class);
    read_part(json, "scheduler", index->scheduler_class, sizeof index->scheduler_class);
    want_class(json, "unet", index->unet_class, "UNet2DConditionModel", NULL);
    want_class(json, "vae", index->vae_class, "AutoencoderKL", "AutoencoderTiny");
    char tokenizer[64];
    for (int i = 0; i < 2; i++) {
        read_part(json, encoder_keys[i], index->encoder_class[i], sizeof index->encoder_class[i]);
        read_part(json, tokenizer_keys[i], tokenizer, sizeof tokenizer);
        if (i >= config->n_text_encoders)
            continue;
        want_class(json, encoder_keys[i], index->encoder_class[i], "CLIPTextModel",
                   "CLIPTextModelWithProjection");
        want_class(json, tokenizer_keys[i], tokenizer, "CLIPTokenizer", "CLIPTokenizerFast");
    }
    const bool xl = config->two_encoder_pipeline;
    if (xl)
        want_class(json, encoder_keys[1], index->encoder_class[1], "CLIPTextModelWithProjection", NULL);
    config->force_zeros_for_empty_prompt = atl_json_bool(json, "force_zeros_for_empty_prompt", true) && xl;
    atl_json_only_bool(json, "requires_aesthetics_score", false);
}

/* One file of the directory, while it is read: its path, its reader, and where failures go. */
typedef struct component_file {
    char *path;
    atl_json json;
} component_file;

static atl_status part_open(component_file *part, const char *dir, const char *name, atl_note *note)
{
    part->path = atl_path_join(dir, name);
    if (!part->path)
        return atl_fail(note, ATL_NO_MEMORY, "%s/%s: no memory for its name", dir, name);
    atl_json_open(&part->json, part->path, note);
    if (part->json.status == ATL_OK)
        return ATL_OK;
    const atl_status st = atl_json_close(&part->json, NULL);
    free(part->path);
    return st;
}

static atl_status part_close(component_file *part, atl_text *unread)
{
    const atl_status st = atl_json_close(&part->json, unread);
    free(part->path);
    return st;
}

static bool part_there(const char *dir, const char *name)
{
    char path[PATH_MAX]; /* no allocation: what memory is wanting for is not absent */
    return (size_t)snprintf(path, sizeof path, "%s/%s", dir, name) < sizeof path && atl_is_file(path);
}

static atl_status read_tokenizer(const char *dir, int which, atl_model_config *config, atl_note *note)
{
    static const char *const configs[2] = {"tokenizer/tokenizer_config.json",
                                           "tokenizer_2/tokenizer_config.json"};
    static const char *const maps[2] = {"tokenizer/special_tokens_map.json",
                                        "tokenizer_2/special_tokens_map.json"};
    atl_tokenizer_config *tokenizer = &config->tokenizer[which];
    component_file file;
    bool complete = false;
    atl_status st = ATL_OK;
    atl_tokenizer_config_init(tokenizer);
    if (part_there(dir, configs[which])) {
        st = part_open(&file, dir, configs[which], note);
        if (st != ATL_OK)
            return st;
        atl_config_read_tokenizer(&file.json, tokenizer, &complete);
        st = part_close(&file, &config->unread_keys);
    }
    if (st == ATL_OK && !complete && part_there(dir, maps[which])) {
        st = part_open(&file, dir, maps[which], note);
        if (st != ATL_OK)
            return st;
        atl_config_read_special_tokens(&file.json, tokenizer);
        st = part_close(&file, &config->unread_keys);
    }
    return st;
}

static atl_status read_text_encoders(const char *dir, const model_index *index, atl_model_config *config,
                                     atl_note *note)
{
    static const char *const files[2] = {"text_encoder/config.json", "text_encoder_2/config.json"};
    for (int i = 0; i < config->n_text_encoders; i++) {
        component_file file;
        atl_status st = part_open(&file, dir, files[i], note);
        if (st != ATL_OK)
            return st;
        const bool projects = strcmp(index->encoder_class[i], "CLIPTextModelWithProjection") == 0;
        atl_config_read_clip(&file.json, projects, &config->text[i]);
        st = part_close(&file, &config->unread_keys);
        if (st == ATL_OK)
            st = read_tokenizer(dir, i, config, note);
        if (st != ATL_OK)
            return st;
    }
    return ATL_OK;
}

static atl_status read_unet_and_vae(const char *dir, const model_index *index, atl_model_config *config,
                                    atl_note *note)
{
    component_file file;
    atl_status st = part_open(&file, dir, "unet/config.json", note);
    if (st != ATL_OK)
        return st;
    atl_config_read_unet(&file.json, &config->unet);
    st = part_close(&file, &config->unread_keys);
    if (st == ATL_OK)
        st = part_open(&file, dir, "vae/config.json", note);
    if (st != ATL_OK)
        return st;
    if (strcmp(index->vae_class, "AutoencoderTiny") == 0)
        atl_config_read_vae_tiny(&file.json, &config->vae);
    else
        atl_config_read_vae_kl(&file.json, &config->vae);
    return part_close(&file, &config->unread_keys);
}

static atl_status read_scheduler(const char *dir, const model_index *index, atl_model_config *config,
                                 atl_note *note)
{
    component_file file;
    const atl_status st = part_open(&file, dir, "scheduler/scheduler_config.json", note);
    if (st != ATL_OK)
        return st;
    const char *class_name = index->scheduler_class[0] ? index->scheduler_class : NULL;
    atl_config_read_scheduler(&file.json, class_name, &config->scheduler);
    return part_close(&file, &config->unread_keys);
}

/* Ours, optional: the settings that suit the model. */
static atl_status read_own(const char *dir, atl_model_config *config, atl_note *note)
{
    config->default_guidance_scale = NAN;
    if (!part_there(dir, "atelier.json"))
        return ATL_OK;
    component_file file;
    const atl_status st = part_open(&file, dir, "atelier.json", note);
    if (st != ATL_OK)
        return st;
    atl_json *json = &file.json;
    config->default_steps = atl_json_int_or_null(json, "steps", 0, 1, 10000);
    config->default_width = atl_json_int_or_null(json, "width", 0, 1, 65536);
    config->default_height = atl_json_int_or_null(json, "height", 0, 1, 65536);
    config->default_guidance_scale = atl_json_double_or_null(json, "guidance_scale", NAN);
    if (atl_json_has(json, "sampler"))
        atl_json_copy(json, "sampler", "", config->default_sampler, sizeof config->default_sampler);
    return part_close(&file, &config->unread_keys);
}

static atl_status open_index(const char *dir, component_file *file, atl_note *note)
{
    if (!atl_is_dir(dir))
        return atl_fail(note, ATL_NOT_FOUND, "%s: is not a directory", dir);
    if (!part_there(dir, "model_index.json"))
        return atl_fail(
            note, ATL_NOT_FOUND,
            "%s: has no model_index.json; a diffusers directory (model_index.json beside unet/, vae/, "
            "text_encoder/, tokenizer/, scheduler/) or a single .safetensors file was wanted",
            dir);
    return part_open(file, dir, "model_index.json", note);
}

atl_status atl_model_config_read(const char *model_dir, atl_model_config *ret_config, atl_note *note)
{
    atl_model_config config = {0};
    model_index index;
    component_file file;
    atl_scheduler_config_init(&config.scheduler);
    atl_status st = open_index(model_dir, &file, note);
    if (st != ATL_OK)
        return st;
    read_index(&file.json, &config, &index);
    st = part_close(&file, &config.unread_keys);
    if (st == ATL_OK)
        st = read_unet_and_vae(model_dir, &index, &config, note);
    if (st == ATL_OK)
        st = read_text_encoders(model_dir, &index, &config, note);
    if (st == ATL_OK)
        st = read_scheduler(model_dir, &index, &config, note);
    if (st == ATL_OK)
        st = read_own(model_dir, &config, note);
    if (st != ATL_OK) {
        atl_model_config_done(&config);
        return st;
    }
    *ret_config = config;
    return ATL_OK;
}

void atl_model_config_done(atl_model_config *config)
{
    free(config->scheduler.trained_betas);
    config->scheduler.trained_betas = NULL;
    atl_text_done(&config->unread_keys);
}

int atl_model_text_width(const atl_model_config *config)
{
    int width = 0;
    for (int i = 0; i < config->n_text_encoders; i++)
        width += config->text[i].hidden_size;
    return width;
}

atl_status atl_model_config_check(const atl_model_config *config, atl_note *note)
{
    const atl_unet_config *unet = &config->unet;
    if (unet->in_channels != config->vae.latent_channels || unet->out_channels != unet->in_channels)
        return atl_fail(
            note, ATL_UNSUPPORTED,
            "the UNet takes %d channels and gives %d, the VAE has %d; equal numbers are supported (9 or 8 "
            "belong to inpainting and editing models)",
            unet->in_channels, unet->out_channels, config->vae.latent_channels);
    const int width = atl_model_text_width(config);
    for (int i = 0; i < unet->n_blocks; i++) {
        const int wanted = unet->encoder_hid_dim ? unet->encoder_hid_dim : unet->cross_attention_dim[i];
        const int j = unet->n_blocks - 1 - i;
        const bool used = unet->encoder_hid_dim || unet->down[i] == ATL_BLOCK_CROSS_ATTN ||
                          unet->up[j] == ATL_BLOCK_CROSS_ATTN || (j == 0 && unet->mid == ATL_MID_CROSS_ATTN);
        if (used && wanted != width)
            return atl_fail(note, ATL_UNSUPPORTED,
                            "the UNet attends to text of width %d, the text encoders give %d", wanted, width);
    }
    if (unet->addition_text_time && !config->two_encoder_pipeline)
        return atl_fail(
            note, ATL_UNSUPPORTED,
            "the UNet's addition_embed_type is \"text_time\", which needs a StableDiffusionXLPipeline");
    const int pooled = config->text[1].projection_dim + 6 * unet->addition_time_embed_dim;
    if (config->two_encoder_pipeline && unet->projection_class_embeddings_input_dim != pooled)
        return atl_fail(
            note, ATL_UNSUPPORTED,
            "the UNet's projection_class_embeddings_input_dim is %d; the second text encoder and six sizes "
            "give %d",
            unet->projection_class_embeddings_input_dim, pooled);
    return ATL_OK;
}
