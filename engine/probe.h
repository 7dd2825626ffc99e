/* probe.h - the engine's parts on their own, for people who compare implementations.
 *
 * Tensors go in and out as safetensors in diffusers' names and layouts (NCHW, f32); the man page lists them.
 */
#ifndef ATL_PROBE_H
#define ATL_PROBE_H

#include "engine/engine.h"

/* `part`: "text_encoder", "unet", "vae_decode", "vae_encode" or "pipeline" (then `request` holds the options,
 * else NULL). Errors: ATL_USAGE (unknown part), ATL_NOT_FOUND (a tensor that the part needs), ATL_BAD_INPUT
 * (a shape; NaN). No output file on error. */
atl_status atl_probe(const atl_engine_options *options, const char *part, const char *in_path,
                     const char *out_path, const atl_request *request, atl_note *note);

/* One JSON string in, the tokenizer's ids out as a JSON array: `which` is 0 or 1 (SDXL's second tokenizer).
 * Errors of opening: as atl_engine_open's; of a line: ATL_BAD_INPUT, ATL_NO_MEMORY. */
typedef struct atl_token_probe atl_token_probe;
atl_status atl_token_probe_open(const char *model, int which, atl_token_probe **ret, atl_note *note);
/* `json` is a JSON string literal; appends "[49406,320,…]" (start and end included, not padded, not
 * truncated). */
atl_status atl_token_probe_line(const atl_token_probe *probe, const char *json, size_t n_bytes, atl_text *out,
                                atl_note *note);
void atl_token_probe_close(atl_token_probe **probe);

/* {"sampler":…,"timesteps":[…],"sigmas":[…],"init_noise_sigma":…}. Errors as atl_sampler_open's. */
atl_status atl_schedule_probe(const char *model, const char *sampler, int n_steps, double strength,
                              atl_text *out, atl_note *note);

#endif
