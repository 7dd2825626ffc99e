/* weights_table.h - the inside of atl_weights, shared by the readers of the two layouts; private to model/.
 */
#ifndef ATL_MODEL_WEIGHTS_TABLE_H
#define ATL_MODEL_WEIGHTS_TABLE_H

#include "model/weights.h"

#define ATL_MAX_TENSOR_NAME 256

/* A tensor under diffusers' name. */
typedef struct atl_weight_entry {
    char *name; /* owned */
    atl_weight weight;
} atl_weight_entry;

typedef struct atl_weight_table {
    atl_weight_entry *at;
    size_t n, capacity;
} atl_weight_table;

struct atl_weights {
    char *path;
    char *tokenizer_dir[2]; /* NULL for a single file */
    atl_model_config config;
    atl_safetensors **files;
    size_t n_files;
    atl_weight_table table[ATL_N_COMPONENTS];
};

/* Opens a file that the weights own from then on. */
atl_status atl_weights_add_file(atl_weights *weights, const char *path, atl_safetensors **ret_file,
                                atl_note *note);
/* Adds the whole of `tensor` under `name`. Errors: ATL_NO_MEMORY, ATL_BAD_INPUT (a name too long). */
atl_status atl_weights_add(atl_weights *weights, atl_component component, const char *name,
                           const atl_safetensors *file, const atl_st_tensor *tensor, atl_note *note);
atl_status atl_weights_add_part(atl_weights *weights, atl_component component, const char *name,
                                const atl_weight *weight, atl_note *note);

/* Fills the tables from a diffusers directory, and from a single file with LDM keys (with the config, which
 * is deduced). The caller sorts the tables afterwards. */
atl_status atl_weights_read_dir(atl_weights *weights, const char *variant, atl_note *note);
atl_status atl_weights_read_ldm(atl_weights *weights, atl_note *note);

/* The rules of naming, each from one name to another; false where the name belongs to nothing known.
 * `out` has room for ATL_MAX_TENSOR_NAME bytes. */
bool atl_name_ldm_unet(const char *ldm, const atl_unet_config *config, char *out);
bool atl_name_ldm_vae(const char *ldm, int n_blocks, char *out);
bool atl_name_open_clip(const char *ldm, char *out); /* without the fused in_proj */
/* Old VAE attention names to new ones; other names are copied. */
bool atl_name_vae_attention(const char *name, char *out);

/* The config that diffusers' from_single_file would give, from the tensors alone. */
atl_status atl_config_from_ldm(const atl_safetensors *file, atl_model_config *ret, atl_note *note);

#endif
