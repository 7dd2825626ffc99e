/* networks.h - "<lora:name:0.8>": networks beside the model that a prompt asks for, taken out of its text.
 *
 * As AUTOMATIC1111's web UI reads it: "<lora:name>" at full strength; "<lora:name:a>"; "<lora:name:a:b>" with
 * one strength for the text encoders and one for the UNet. It may stand anywhere in the prompt, holds for all
 * steps, and leaves nothing behind, not even a space. */
#ifndef ATL_TEXT_NETWORKS_H
#define ATL_TEXT_NETWORKS_H

#include <stddef.h>

#include "base/status.h"

#define ATL_MAX_NETWORKS      16  /* in one prompt */
#define ATL_MAX_NETWORK_NAME  200 /* bytes */
#define ATL_MAX_NETWORK_POWER 100 /* either way */

typedef struct atl_network {
    char name[ATL_MAX_NETWORK_NAME + 1]; /* of a file, without its ending; never a path */
    double text, unet;                   /* strengths */
} atl_network;

typedef struct atl_networks {
    size_t n;
    atl_network at[ATL_MAX_NETWORKS]; /* in the order of the text; the same one may come twice */
    char *prompt;                     /* owned: what is left of the text; a NUL follows */
    size_t n_bytes;                   /* of prompt */
} atl_networks;

/* Errors: ATL_BAD_INPUT (a name that is none, a strength that is no number, too many), ATL_UNSUPPORTED
 * ("<lyco:…>", "<hypernet:…>"), ATL_NO_MEMORY. */
atl_status atl_networks_parse(const char *prompt, size_t n_bytes, atl_networks *ret, atl_note *note);
void atl_networks_done(atl_networks *networks);

#endif
