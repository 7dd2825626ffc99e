/* config_clip.c - config.json of CLIPTextModel and CLIPTextModelWithProjection. */
#include <string.h>

#include "base/sizes.h"
#include "model/config_json.h"

#define MAX_SIZE 1048576

static atl_activation read_activation(atl_json *json)
{
    static const char *const words[] = {"quick_gelu", "gelu", "gelu_python", "gelu_new", "gelu_pytorch_tanh",
                                        "relu",       "silu", "swish",       "mish",     "tanh",
                                        "linear",     NULL};
    static const atl_activation acts[] = {ATL_ACT_QUICK_GELU, ATL_ACT_GELU, ATL_ACT_GELU, ATL_ACT_GELU_TANH,
                                          ATL_ACT_GELU_TANH,  ATL_ACT_RELU, ATL_ACT_SILU, ATL_ACT_SILU,
                                          ATL_ACT_MISH,       ATL_ACT_TANH, ATL_ACT_NONE};
    return acts[atl_json_word(json, "hidden_act", words, 0)];
}

/* Keys that every transformers config carries, which change nothing in a forward pass. */
static void skip_common(atl_json *json)
{
    static const char *const keys[] = {
        "architectures",        "attention_dropout", "dropout", "initializer_factor",   "initializer_range",
        "pad_token_id",         "torch_dtype",       "dtype",   "transformers_version", "model_type",
        "output_hidden_states", "return_dict"};
    for (size_t i = 0; i < ATL_COUNT(keys); i++)
        atl_json_get(json, keys[i]);
}

void atl_config_read_clip(atl_json *json, bool with_projection, atl_clip_config *ret)
{
    *ret = (atl_clip_config){.with_projection = with_projection};
    const char *type = atl_json_string_or_null(json, "model_type", NULL);
    if (type && strcmp(type, "clip") == 0 && json_is_object(atl_json_get(json, "text_config")))
        json->root =
            atl_json_get(json, "text_config"); /* a whole CLIP model's config, as transformers reads it */
    ret->vocab_size = atl_json_int(json, "vocab_size", 49408, 1, 1 << 30);
    ret->hidden_size = atl_json_int(json, "hidden_size", 512, 1, MAX_SIZE);
    ret->intermediate_size = atl_json_int(json, "intermediate_size", 2048, 1, MAX_SIZE);
    ret->projection_dim = atl_json_int_or_null(json, "projection_dim", 512, 1, MAX_SIZE);
    ret->n_layers = atl_json_int(json, "num_hidden_layers", 12, 0, MAX_SIZE);
    if (ret->n_layers > ATL_MAX_TEXT_LAYERS)
        atl_json_refuse(json, ATL_UNSUPPORTED, "num_hidden_layers", "at most 64 are supported");
    ret->n_heads = atl_json_int(json, "num_attention_heads", 8, 1, MAX_SIZE);
    ret->n_positions = atl_json_int(json, "max_position_embeddings", 77, 2, MAX_SIZE);
    ret->act = read_activation(json);
    ret->layer_norm_eps = (float)atl_json_double(json, "layer_norm_eps", 1e-5);
    ret->bos_token_id = atl_json_int_or_null(json, "bos_token_id", 49406, 0, 1 << 30);
    ret->eos_token_id = atl_json_int_or_null(json, "eos_token_id", 49407, 0, 1 << 30);
    skip_common(json);
    if (json->status == ATL_OK && ret->hidden_size % ret->n_heads != 0)
        atl_json_fail(json, ATL_BAD_INPUT,
                      "\"hidden_size\" %d is not a multiple of \"num_attention_heads\" %d", ret->hidden_size,
                      ret->n_heads);
}
