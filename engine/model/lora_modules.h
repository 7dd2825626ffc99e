/* lora_modules.h - the layers of a model that can have something beside them, under the names that LoRA files
 * know them by. */
#ifndef ATL_MODEL_LORA_MODULES_H
#define ATL_MODEL_LORA_MODULES_H

#include "model/loader.h"

typedef struct atl_lora_module {
    char *name;          /* owned: diffusers' name within its component */
    atl_layer_site site; /* its own name is NULL */
} atl_lora_module;

/* Zero-initialised is empty. */
typedef struct atl_lora_modules {
    atl_lora_module *at;
    size_t n, capacity;
    bool failed;                 /* memory ran out */
    const atl_unet_config *unet; /* for LDM's names; borrowed */
    bool has[ATL_N_COMPONENTS];  /* which parts the model has layers of */
} atl_lora_modules;

/* An atl_layer_visitor whose user is the modules. */
void atl_lora_modules_add(void *modules, const atl_layer_site *site);
void atl_lora_modules_done(atl_lora_modules *modules);

typedef enum atl_lora_role { ATL_LORA_DOWN, ATL_LORA_UP, ATL_LORA_ALPHA, ATL_LORA_N_ROLES } atl_lora_role;

/* Whose tensor `key` is, and which: a key of kohya's scripts ("lora_unet_…_to_q.lora_down.weight", also with
 * LDM's block names), of PEFT ("unet.….to_q.lora_A.weight") or of diffusers before it
 * ("….to_q.lora.down.weight", "….processor.to_q_lora.down.weight", "….lora_linear_layer.down.weight").
 * False if it is none of these or the model has no such layer. */
bool atl_lora_modules_find(const atl_lora_modules *modules, const char *key, size_t *ret_module,
                           atl_lora_role *ret_role);

#endif
