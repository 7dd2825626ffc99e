/* small_model_fixture.h - whole checkpoints, as small as the block types allow: a diffusers directory, and
 * single files with LDM keys. Weights are st_value of the tensor's own name. */
#ifndef ATL_TESTS_SMALL_MODEL_FIXTURE_H
#define ATL_TESTS_SMALL_MODEL_FIXTURE_H

#include "unit/engine/model/model_fixture.h"

#include "model/list.h"

#define SMALL_INDEX                                                                                          \
    "{\"_class_name\": \"StableDiffusionPipeline\", \"unet\": [\"diffusers\", \"UNet2DConditionModel\"], "   \
    "\"vae\": [\"diffusers\", \"AutoencoderKL\"], \"text_encoder\": [\"transformers\", \"CLIPTextModel\"], " \
    "\"tokenizer\": [\"transformers\", \"CLIPTokenizer\"], \"scheduler\": [\"diffusers\", "                  \
    "\"DDIMScheduler\"], "                                                                                   \
    "\"safety_checker\": [null, null]}"
#define SMALL_UNET                                                                                           \
    "{\"block_out_channels\": [8, 16], \"down_block_types\": [\"CrossAttnDownBlock2D\", \"DownBlock2D\"], "  \
    "\"up_block_types\": [\"UpBlock2D\", \"CrossAttnUpBlock2D\"], \"layers_per_block\": 1, "                 \
    "\"norm_num_groups\": 4, "                                                                               \
    "\"cross_attention_dim\": 12, \"attention_head_dim\": 2, \"sample_size\": 8}"
#define SMALL_VAE                                                                                            \
    "{\"block_out_channels\": [8, 8], \"down_block_types\": [\"DownEncoderBlock2D\", "                       \
    "\"DownEncoderBlock2D\"], "                                                                              \
    "\"up_block_types\": [\"UpDecoderBlock2D\", \"UpDecoderBlock2D\"], \"norm_num_groups\": 4}"
#define SMALL_TEXT                                                                                           \
    "{\"hidden_size\": 12, \"intermediate_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": "   \
    "2, "                                                                                                    \
    "\"vocab_size\": 40}"

/* The tensors that the networks of a config ask for. */
typedef struct small_tensors {
    st_named at[1024];
    atl_component component[1024];
    size_t n;
} small_tensors;

static FIXTURE_UNUSED void small_visit(void *user, const atl_param *param)
{
    small_tensors *t = user;
    assert_true(t->n < 1024);
    t->component[t->n] = param->component;
    st_named *named = &t->at[t->n++];
    named->name = strdup(param->name);
    named->rank = param->rank;
    memcpy(named->shape, param->shape, sizeof named->shape);
}

static FIXTURE_UNUSED small_tensors *small_list(const atl_model_config *config)
{
    atl_note note = {0};
    small_tensors *t = calloc(1, sizeof *t);
    assert_ok(atl_model_list(config, atl_policy_find("fp32"), small_visit, t, NULL, &note), &note);
    return t;
}

static FIXTURE_UNUSED void small_free(small_tensors *t)
{
    for (size_t i = 0; i < t->n; i++)
        free((char *)(uintptr_t)t->at[i].name);
    free(t);
}

static FIXTURE_UNUSED void small_configs(const char *folder)
{
    put_file(folder, "unet/config.json", SMALL_UNET);
    put_file(folder, "vae/config.json", SMALL_VAE);
    put_file(folder, "text_encoder/config.json", SMALL_TEXT);
    put_file(folder, "scheduler/scheduler_config.json", "{\"_class_name\": \"DDIMScheduler\"}");
    put_file(folder, "tokenizer/vocab.json", "{}");
    put_file(folder, "tokenizer/merges.txt", "");
    put_file(folder, "model_index.json", SMALL_INDEX);
}

/* One component's tensors into a file of the folder. */
static FIXTURE_UNUSED void small_write(const char *folder, const char *name, const small_tensors *t,
                                       atl_component c)
{
    static st_named some[1024];
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (t->component[i] == c)
            some[n++] = t->at[i];
    st_write(in_folder(folder, name), some, n);
}

/* The whole directory. */
static FIXTURE_UNUSED char *small_model(void)
{
    char *folder = folder_make();
    atl_note note = {0};
    atl_model_config config;
    small_configs(folder);
    assert_ok(atl_model_config_read(folder, &config, &note), &note);
    small_tensors *t = small_list(&config);
    small_write(folder, "text_encoder/model.safetensors", t, ATL_TEXT_ENCODER);
    small_write(folder, "unet/diffusion_pytorch_model.safetensors", t, ATL_UNET);
    small_write(folder, "vae/diffusion_pytorch_model.safetensors", t, ATL_VAE);
    small_free(t);
    atl_model_config_done(&config);
    return folder;
}

/* Moves a file within the folder. */
static FIXTURE_UNUSED void small_move(const char *folder, const char *from, const char *to)
{
    assert_int_equal(rename(in_folder(folder, from), in_folder(folder, to)), 0);
}

static FIXTURE_UNUSED void small_remove(const char *folder, const char *name)
{
    assert_int_equal(unlink(in_folder(folder, name)), 0);
}

#endif
