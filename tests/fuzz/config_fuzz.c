/* config_fuzz.c - any bytes as a config file; the first byte says of which part. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/config_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_part(uint8_t part, atl_json *json)
{
    atl_model_config config = {0};
    bool complete;
    switch (part % 7) {
    case 0:
        atl_config_read_unet(json, &config.unet);
        break;
    case 1:
        atl_config_read_vae_kl(json, &config.vae);
        break;
    case 2:
        atl_config_read_vae_tiny(json, &config.vae);
        break;
    case 3:
        atl_config_read_clip(json, true, &config.text[0]);
        break;
    case 4:
        atl_config_read_scheduler(json, NULL, &config.scheduler);
        break;
    case 5:
        atl_config_read_tokenizer(json, &config.tokenizer[0], &complete);
        break;
    default:
        atl_config_read_special_tokens(json, &config.tokenizer[0]);
        break;
    }
    atl_model_config_done(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = size > 0 ? malloc(size) : NULL;
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    atl_note note = {0};
    atl_json json;
    atl_text unread = {0};
    atl_json_open_bytes(&json, "fuzz", text, size - 1, &note);
    if (json.status == ATL_OK)
        read_part(data[0], &json);
    atl_json_close(&json, &unread);
    atl_text_done(&unread);
    free(text);
    return 0;
}
