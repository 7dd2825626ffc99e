/* lora.h - a LoRA file: pairs of small matrices for layers of a model (Hu et al. 2021), read and checked
 * against that model whole.
 *
 * Every tensor has to belong to a layer of the model and to fit it; what cannot be applied is an error that
 * names the tensor, never passed over. */
#ifndef ATL_MODEL_LORA_H
#define ATL_MODEL_LORA_H

#include "model/lora_modules.h"

/* Hex digits of the SHA-256 of all tensors' bytes: what trainers leave in the metadata ("sshs_model_hash")
 * and AUTOMATIC1111's web UI shows. */
#define ATL_LORA_HASH 12

/* What a file has for one layer; down is NULL where it has nothing. */
typedef struct atl_lora_pair {
    const atl_st_tensor *down; /* [rank][n_in], of a convolution [rank][n_in][k][k] */
    const atl_st_tensor *up;   /* [n_out][rank], maybe with dimensions of 1 behind */
    const atl_st_tensor *alpha_tensor;
    size_t rank;
    float factor; /* alpha / rank */
} atl_lora_pair;

typedef struct atl_lora {
    atl_safetensors *file;
    atl_lora_pair *pairs; /* [n], of the model's modules in their order */
    size_t n, n_pairs;    /* pairs: those that the file has */
    char hash[ATL_LORA_HASH + 1];
} atl_lora;

/* Errors: as atl_safetensors_open's; ATL_UNSUPPORTED (a tensor that is for no layer of the model),
 * ATL_BAD_INPUT (a shape that does not fit; half a pair; no pair at all). */
atl_status atl_lora_open(const char *path, const atl_lora_modules *modules, atl_lora **ret, atl_note *note);
/* The same of a file that is open; it is the network's from then on, and closed where this fails. Errors: the
 * same, but those of opening. */
atl_status atl_lora_read(atl_safetensors *file, const atl_lora_modules *modules, atl_lora **ret,
                         atl_note *note);
void atl_lora_close(atl_lora **lora); /* accepts NULL inside */

#endif
