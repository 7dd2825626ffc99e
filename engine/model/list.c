/* list.c - see list.h. */
#include "model/list.h"

#include "nets/clip.h"
#include "nets/unet.h"
#include "nets/vae.h"

static void walk(atl_loader *loader, const atl_model_config *config)
{
    for (int i = 0; i < config->n_text_encoders; i++) {
        atl_loader_component(loader, i == 0 ? ATL_TEXT_ENCODER : ATL_TEXT_ENCODER_2);
        atl_clip *clip = atl_clip_new(loader, &config->text[i]);
        atl_clip_free(&clip);
    }
    atl_loader_component(loader, ATL_UNET);
    atl_unet *unet = atl_unet_new(loader, &config->unet);
    atl_unet_free(&unet);
    atl_loader_component(loader, ATL_VAE);
    atl_vae *vae = atl_vae_new(loader, &config->vae);
    atl_vae_free(&vae);
}

atl_status atl_model_list(const atl_model_config *config, const atl_policy *policy, atl_param_visitor visit,
                          void *user, size_t *ret_packed_bytes, atl_note *note)
{
    atl_loader *loader;
    atl_status st = atl_loader_open_list(policy, visit, user, &loader, note);
    if (st != ATL_OK)
        return st;
    walk(loader, config);
    st = atl_loader_status(loader);
    if (st == ATL_OK && ret_packed_bytes)
        *ret_packed_bytes = atl_loader_packed_bytes(loader);
    atl_loader_close(&loader);
    return st;
}
