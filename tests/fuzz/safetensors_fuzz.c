/* safetensors_fuzz.c - any bytes as a safetensors file: opened, searched, converted, and looked at as a
 * single file with LDM keys. */
#include <stdint.h>
#include <stdlib.h>

#include "model/safetensors.h"
#include "model/weights_table.h"

#define MOST 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static float out[MOST];
    atl_note note = {0};
    atl_safetensors *file;
    if (atl_safetensors_open_bytes("fuzz", data, size, &file, &note) != ATL_OK)
        return 0;
    for (size_t i = 0; i < atl_safetensors_count(file); i++) {
        const atl_st_tensor *tensor = atl_safetensors_at(file, i);
        const size_t n = tensor->n_bytes / atl_st_dtype_bytes(tensor->dtype);
        if (atl_safetensors_find(file, tensor->name) != tensor)
            abort();
        atl_st_to_f32(tensor, 0, n < MOST ? n : MOST, out, &note);
    }
    atl_model_config config;
    if (atl_config_from_ldm(file, &config, &note) == ATL_OK)
        atl_model_config_done(&config);
    char name[ATL_MAX_TENSOR_NAME];
    for (size_t i = 0; i < atl_safetensors_count(file); i++) {
        const char *ldm = atl_safetensors_at(file, i)->name;
        atl_name_ldm_vae(ldm, 4, name);
        atl_name_open_clip(ldm, name);
        atl_name_vae_attention(ldm, name);
    }
    atl_safetensors_close(&file);
    return 0;
}
