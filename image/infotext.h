/* infotext.h - the `parameters` text of a picture, as AUTOMATIC1111's web UI writes and reads it.
 *
 *     a house by a lake
 *     Negative prompt: blurry
 *     Steps: 20, Sampler: Euler a, Schedule type: Karras, CFG scale: 7, Seed: 965400086, Size: 512x512, …
 *
 * Here is the text only: where it lies in a file is png_file.h's business, what the settings mean the
 * engine's. Source of the grammar: AUTOMATIC1111/stable-diffusion-webui, modules/infotext_utils.py and
 * create_infotext of modules/processing.py. */
#ifndef ATL_IMAGE_INFOTEXT_H
#define ATL_IMAGE_INFOTEXT_H

#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

/* What is written. Strings that are NULL or "" are left out, and so are numbers that are NAN or 0 where the
 * comment says so. */
typedef struct atl_infotext_settings {
    const char *prompt, *negative_prompt; /* UTF-8, may have several lines */
    int steps;
    const char *sampler;       /* the display name: "Euler a" */
    const char *schedule_type; /* "Karras" */
    double cfg_scale;
    uint64_t seed;
    int width, height; /* px */
    const char *model_hash, *model;
    double denoising_strength;            /* image to image; NAN: left out */
    int clip_skip;                        /* left out unless above 1 */
    double guidance_from, guidance_until; /* left out at 0, and at 0 or 1 */
    double merge_tokens;                  /* left out at 0 */
    int deep_cache;                       /* left out unless above 1 */
    const char *lora_hashes;              /* "name: 0123456789ab, …" */
    const char *rng;                      /* "CPU", "NV" */
    const char *version;
} atl_infotext_settings;

/* Appends the text, without a final newline. Running out of memory shows in `out->failed`. */
void atl_infotext_write(const atl_infotext_settings *settings, atl_text *out);

/* Appends the shortest decimal that reads back as the same double: "7", "7.5", "0.1". */
void atl_infotext_put_number(double number, atl_text *out);

#define ATL_INFOTEXT_MAX_PAIRS 256

/* What was read: every pair of the last line, in its order, unquoted. */
typedef struct atl_infotext {
    char *prompt, *negative_prompt; /* "" where there is none */
    size_t n_pairs;
    struct {
        char *key, *value;
    } pairs[ATL_INFOTEXT_MAX_PAIRS];
} atl_infotext;

/* Reads any text: one whose last line holds fewer than three pairs is a prompt as a whole. Errors:
 * ATL_BAD_INPUT (not UTF-8, at which byte; more pairs than the bound), ATL_NO_MEMORY. */
atl_status atl_infotext_parse(const char *text, size_t n_bytes, atl_infotext **ret, atl_note *note);
void atl_infotext_close(atl_infotext **infotext);

/* The value of the last pair of that key, or NULL. */
const char *atl_infotext_get(const atl_infotext *infotext, const char *key);

#endif
