/* paint_args.h - what can be said about a picture on the command line: `paint`, and `model probe … pipeline`.
 */
#ifndef ATL_CLI_PAINT_ARGS_H
#define ATL_CLI_PAINT_ARGS_H

#include "base/options.h"
#include "engine/engine.h"
#include "image/picture.h"

#define PAINT_MAX_ROWS 32

typedef struct paint_args {
    const char *prompt, *negative_prompt, *sampler, *init_image, *rng;
    uint64_t seed;
    int64_t steps, width, height, clip_skip, deep_cache;
    double guidance_scale, strength, guidance_from, guidance_until, merge_tokens;
    /* the engine's */
    const char *model, *variant, *policy, *pack_cache, *tokenizer, *lora_dir;
    int64_t threads;
    /* paint's alone */
    const char *output;
    bool json, force, quiet;
    /* probe's alone */
    const char *in, *out;
} paint_args;

/* Nothing asked for: a random seed of 32 bits, as many threads as there are CPUs to run on. */
paint_args paint_args_new(void);

/* The rows of `paint`, or of `model probe`. */
size_t paint_rows(bool probe, atl_option rows[PAINT_MAX_ROWS]);

/* What the table cannot say: prompts are UTF-8, a strength needs an init image. Errors: ATL_USAGE,
 * ATL_BAD_INPUT. */
atl_status paint_args_check(const paint_args *args, atl_note *note);

atl_engine_options paint_engine_options(const paint_args *args, const char *model);

/* Reads --init-image; *ret stays as it is without one. Errors: as atl_png_read's. */
atl_status paint_init_read(const paint_args *args, atl_picture *ret, atl_note *note);
/* Gives the init image, if there is one, the size that is asked for; where none is, its own, cut down to
 * multiples of vae_factor (0: not known, 8). Errors: as atl_resize's. */
atl_status paint_init_fit(const paint_args *args, int vae_factor, atl_picture *picture, atl_note *note);

/* `init` may be empty; otherwise its size is the request's. Borrows from both, and from *rgb. */
atl_request paint_request(const paint_args *args, const atl_picture *init, atl_rgb *rgb);

#endif
