/* weights.h - the tensors of a checkpoint, found by diffusers' names whatever file they lie in.
 *
 * Hides three things: which files there are (plain, `variant`, sharded with an index, one single file); LDM
 * keys and the old VAE attention names (query, key, value, proj_attn); and fused or transposed tensors of the
 * LDM OpenCLIP encoder (in_proj_weight is q, k and v in one; text_projection is stored transposed). */
#ifndef ATL_MODEL_WEIGHTS_H
#define ATL_MODEL_WEIGHTS_H

#include "model/config.h"
#include "model/safetensors.h"

typedef enum atl_component {
    ATL_TEXT_ENCODER,
    ATL_TEXT_ENCODER_2,
    ATL_UNET,
    ATL_VAE,
    ATL_N_COMPONENTS
} atl_component;

const char *atl_component_name(atl_component component); /* "text_encoder", "text_encoder_2", "unet", "vae" */

typedef struct atl_weights atl_weights;

/* A tensor as diffusers would see it: `tensor`, or rows [first_row, first_row + n_rows) of it, maybe
 * transposed. */
typedef struct atl_weight {
    const atl_safetensors *file;
    const atl_st_tensor *tensor;
    size_t first_row, n_rows; /* of the first dimension, before any transposition */
    bool transposed;          /* a matrix stored as [in][out] */
} atl_weight;

/* Opens a diffusers directory or a single file, and reads the configs (for a single file: deduces them).
 * `variant` is "" or, say, "fp16": then `*.fp16.safetensors` is taken, and the plain file only of a component
 * that has none of the variant (at least one must have it). With "" and no plain file, the only variant that
 * is there is taken. Pickle files are refused with a sentence that says how to convert. Errors: as
 * atl_safetensors_open, and ATL_UNSUPPORTED with the key's name. */
atl_status atl_weights_open(const char *path, const char *variant, atl_weights **ret_weights, atl_note *note);
void atl_weights_close(atl_weights **weights);

const atl_model_config *atl_weights_config(const atl_weights *weights);
/* By diffusers' name without the component ("down_blocks.0.resnets.0.conv1.weight"); text encoders with the
 * "text_model." prefix, also where a file lacks it. False if there is none. */
bool atl_weights_find(const atl_weights *weights, atl_component component, const char *name, atl_weight *ret);

/* All tensors of a component under diffusers' names, for inspection: calls `visit` for each. */
typedef void (*atl_weights_visitor)(void *user, const char *name, const atl_weight *weight);
void atl_weights_visit(const atl_weights *weights, atl_component component, atl_weights_visitor visit,
                       void *user);

/* Where the tokenizer's files are: "<dir>/tokenizer" or "<dir>/tokenizer_2"; NULL for a single file, which
 * carries none. */
const char *atl_weights_tokenizer_dir(const atl_weights *weights, int which);
const char *atl_weights_path(const atl_weights *weights);

#endif
