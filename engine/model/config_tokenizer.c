/* config_tokenizer.c - tokenizer_config.json and special_tokens_map.json, for CLIPTokenizer.
 *
 * A token is text, or an object with a "content". special_tokens_map.json wins over tokenizer_config.json,
 * unless the latter has "added_tokens_decoder" (transformers 5 reads them so). */
#include <string.h>

#include "base/sizes.h"
#include "model/config_json.h"

#define CLIP_LENGTH 77

void atl_tokenizer_config_init(atl_tokenizer_config *ret)
{
    *ret = (atl_tokenizer_config){.bos = "<|startoftext|>",
                                  .eos = "<|endoftext|>",
                                  .pad = "<|endoftext|>",
                                  .unk = "<|endoftext|>",
                                  .model_max_length = CLIP_LENGTH};
}

static void read_token(atl_json *json, const char *key, char *out, size_t room)
{
    if (!atl_json_has(json, key))
        return;
    const json_t *value = atl_json_get(json, key);
    if (json_is_object(value))
        value = json_object_get(value, "content");
    const char *text = json_string_value(value);
    if (!text || strlen(text) == 0 || strlen(text) >= room)
        atl_json_refuse(json, ATL_BAD_INPUT, key, "a token (text, or an object with \"content\") was wanted");
    else
        snprintf(out, room, "%s", text);
}

static void read_tokens(atl_json *json, atl_tokenizer_config *ret)
{
    read_token(json, "bos_token", ret->bos, sizeof ret->bos);
    read_token(json, "eos_token", ret->eos, sizeof ret->eos);
    read_token(json, "pad_token", ret->pad, sizeof ret->pad);
    read_token(json, "unk_token", ret->unk, sizeof ret->unk);
}

void atl_config_read_tokenizer(atl_json *json, atl_tokenizer_config *ret, bool *ret_complete)
{
    static const char *const idle[] = {
        "add_prefix_space", "clean_up_tokenization_spaces", "do_lower_case",  "errors",
        "name_or_path",     "special_tokens_map_file",      "tokenizer_file", "backend",
        "is_local",         "added_tokens_decoder",         "add_bos_token",  "extra_special_tokens"};
    for (size_t i = 0; i < ATL_COUNT(idle); i++)
        atl_json_get(json, idle[i]);
    read_tokens(json, ret);
    *ret_complete = atl_json_has(json, "added_tokens_decoder");
    const char *class_name = atl_json_string_or_null(json, "tokenizer_class", NULL);
    if (class_name && strcmp(class_name, "CLIPTokenizer") != 0 &&
        strcmp(class_name, "CLIPTokenizerFast") != 0)
        atl_json_refuse(json, ATL_UNSUPPORTED, "tokenizer_class", "\"CLIPTokenizer\" is supported");
    /* transformers writes 1e30 for "no bound known" */
    const double length = atl_json_double_or_null(json, "model_max_length", CLIP_LENGTH);
    if (length < 3)
        atl_json_refuse(json, ATL_BAD_INPUT, "model_max_length", "at least 3 was wanted");
    ret->model_max_length = length >= 3 && length <= 1e6 ? (int)length : CLIP_LENGTH;
}

void atl_config_read_special_tokens(atl_json *json, atl_tokenizer_config *ret)
{
    atl_json_get(json, "additional_special_tokens");
    read_tokens(json, ret);
}
