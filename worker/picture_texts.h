/* picture_texts.h - the two texts that a painted picture's file carries: `parameters` and `atelier`.
 *
 * One place for them, so that a picture says the same of itself whether one command painted it or a worker of
 * a pool. docs/FORMATS.md has the keys. */
#ifndef ATL_WORKER_PICTURE_TEXTS_H
#define ATL_WORKER_PICTURE_TEXTS_H

#include "base/text.h"
#include "engine/engine.h"

/* Borrowed for the call. */
typedef struct atl_picture_texts {
    const char *prompt, *negative_prompt;
    atl_noise_source noise;
    const atl_settings *settings;
    const atl_timings *timings;
    const atl_engine_facts *facts;
    const char *networks;    /* as atl_painting has them; NULL: none */
    const char *init_digest; /* of the init image as it was used; NULL without one */
    const char *job;         /* its id, in hex digits */
    const char *digest;      /* of the pixels, in hex digits */
} atl_picture_texts;

/* Appends the text of the key `parameters`; needs neither `job` nor `digest`. */
void atl_picture_parameters(const atl_picture_texts *texts, atl_text *out);
/* Appends the text of the key `atelier`, an object of JSON in one line. */
void atl_picture_json(const atl_picture_texts *texts, atl_text *out);

#endif
