/* lora_metadata.c - see lora_metadata.h. */
#include "model/lora_metadata.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_load.h"
#include "model/json_depth.h"

enum { MAX_DEPTH = 32 };

struct atl_lora_metadata {
    json_t *json;
};

atl_status atl_lora_metadata_read(const atl_safetensors *file, atl_lora_metadata **ret, atl_note *note)
{
    const char *text = atl_safetensors_metadata(file, "lora_adapter_metadata");
    *ret = NULL;
    if (!text)
        return ATL_OK;
    json_t *json = NULL;
    json_error_t error = {.text = "too deep"};
    if (!atl_json_nests_deeper(text, strlen(text), MAX_DEPTH))
        json = atl_json_load(text, strlen(text), JSON_REJECT_DUPLICATES, &error);
    atl_lora_metadata *metadata = malloc(sizeof *metadata);
    if (!metadata || !json_is_object(json)) {
        const bool memory_ended = json_is_object(json) || (!json && error.text[0] == '\0');
        json_decref(json);
        free(metadata);
        return memory_ended ? atl_fail(note, ATL_NO_MEMORY, "no memory for a network's metadata")
                            : atl_fail(note, ATL_BAD_INPUT,
                                       "%s: metadata lora_adapter_metadata: wanted an object of JSON",
                                       atl_safetensors_path(file));
    }
    metadata->json = json;
    *ret = metadata;
    return ATL_OK;
}

void atl_lora_metadata_close(atl_lora_metadata **metadata)
{
    if (*metadata)
        json_decref((*metadata)->json);
    free(*metadata);
    *metadata = NULL;
}

static const json_t *value_of(const atl_lora_metadata *metadata, atl_component component, const char *key)
{
    char whole[64];
    snprintf(whole, sizeof whole, "%s.%s", atl_component_name(component), key);
    return json_object_get(metadata->json, whole);
}

/* PEFT takes a pattern for the end of a layer's name. */
static bool ends_with(const char *layer, const char *pattern)
{
    const size_t n = strlen(layer), m = strlen(pattern);
    return n >= m && strcmp(layer + n - m, pattern) == 0 && (n == m || layer[n - m - 1] == '.');
}

float atl_lora_metadata_factor(const atl_lora_metadata *metadata, atl_component component, const char *layer,
                               size_t rank)
{
    if (!metadata)
        return 1.0f;
    const json_t *alpha = value_of(metadata, component, "lora_alpha"), *other;
    const char *pattern;
    json_t *patterns = (json_t *)(uintptr_t)value_of(metadata, component, "alpha_pattern");
    json_object_foreach(patterns, pattern, other)
    {
        if (ends_with(layer, pattern))
            alpha = other;
    }
    if (!json_is_number(alpha))
        return 1.0f;
    const bool by_root = json_is_true(value_of(metadata, component, "use_rslora"));
    const double divisor = by_root ? sqrt((double)rank) : (double)rank;
    return (float)(json_number_value(alpha) / divisor);
}
