/* lora_metadata.h - what PEFT's files say of themselves beside their tensors: the alphas that newer diffusers
 * writes as JSON under "lora_adapter_metadata", in the words of PEFT's LoraConfig. Private to model/. */
#ifndef ATL_MODEL_LORA_METADATA_H
#define ATL_MODEL_LORA_METADATA_H

#include "model/safetensors.h"
#include "model/weights.h"

typedef struct atl_lora_metadata atl_lora_metadata;

/* NULL where the file has none. Errors: ATL_BAD_INPUT (no JSON object), ATL_NO_MEMORY. */
atl_status atl_lora_metadata_read(const atl_safetensors *file, atl_lora_metadata **ret, atl_note *note);
void atl_lora_metadata_close(atl_lora_metadata **metadata); /* accepts NULL inside */

/* What a layer's product is multiplied with, alpha / rank or, with use_rslora, alpha / sqrt(rank)
 * (Kalajdzievski 2023); 1 where nothing is said. `metadata` may be NULL. */
float atl_lora_metadata_factor(const atl_lora_metadata *metadata, atl_component component, const char *layer,
                               size_t rank);

#endif
