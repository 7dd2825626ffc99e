/* lora_pack.h - several LoRA files, each at its strength, as one adapter a layer. Private to the engine. */
#ifndef ATL_LORA_PACK_H
#define ATL_LORA_PACK_H

#include "model/lora.h"
#include "ops/adapter.h"
#include "text/networks.h"

/* loras[i] is the file of networks->at[i]; the modules point at packed weights. Errors: ATL_NO_MEMORY,
 * ATL_BAD_INPUT (NaN or Inf), ATL_UNSUPPORTED (not a float type): which tensor. */
atl_status atl_lora_pack(const atl_lora_modules *modules, const atl_networks *networks,
                         const atl_lora *const *loras, atl_adapters *ret, atl_note *note);
void atl_lora_unpack(atl_adapters *adapters); /* frees them and their matrices */

#endif
