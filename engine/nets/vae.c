/* vae.c - one name for two autoencoders; the config says which. See vae_kl.c and vae_tiny.c. */
#include "nets/vae.h"

#include <stdlib.h>

#include "nets/vae_kl.h"
#include "nets/vae_tiny.h"

struct atl_vae {
    atl_vae_kl *kl; /* exactly one of the two */
    atl_vae_tiny *tiny;
};

atl_vae *atl_vae_new(atl_loader *loader, const atl_vae_config *config)
{
    atl_vae *vae = calloc(1, sizeof *vae);
    if (!vae)
        return NULL;
    if (config->kind == ATL_VAE_TINY)
        vae->tiny = atl_vae_tiny_new(loader, config);
    else
        vae->kl = atl_vae_kl_new(loader, config);
    if (!vae->tiny && !vae->kl)
        atl_vae_free(&vae);
    return vae;
}

void atl_vae_free(atl_vae **vae)
{
    if (!*vae)
        return;
    atl_vae_kl_free(&(*vae)->kl);
    atl_vae_tiny_free(&(*vae)->tiny);
    free(*vae);
    *vae = NULL;
}

void atl_vae_decode(const atl_vae *vae, const atl_bench *bench, const atl_map *latent, const atl_map *image)
{
    if (vae->tiny)
        atl_vae_tiny_decode(vae->tiny, bench, latent, image);
    else
        atl_vae_kl_decode(vae->kl, bench, latent, image);
}

void atl_vae_encode(const atl_vae *vae, const atl_bench *bench, const atl_map *image, const atl_map *out)
{
    if (vae->tiny)
        atl_vae_tiny_encode(vae->tiny, bench, image, out);
    else
        atl_vae_kl_encode(vae->kl, bench, image, out);
}
