/* inspect.h - what is in a checkpoint, in words and as JSON; private to the engine (engine.h exports it). */
#ifndef ATL_MODEL_INSPECT_H
#define ATL_MODEL_INSPECT_H

#include "base/text.h"
#include "model/weights.h"

/* Family in words ("Stable Diffusion 1.x", …; said for people, never decided upon), blocks, parameters and
 * bytes per component, what would be loaded, and what is wrong (missing, misshapen, unused tensors;
 * unsupported values; missing tokenizer). A checkpoint with faults still gives a report: *ret_n_faults counts
 * them. Errors: only where there is nothing to inspect at all. */
atl_status atl_model_inspect(const char *path, const char *variant, bool json, atl_text *out,
                             size_t *ret_n_faults, atl_note *note);

/* Writes a whole checkpoint of a real architecture ("sd15", "sd21", "sdxl", "sdxs", "tiny", and further ones
 * that atl_model_synth_names lists), with seeded random weights of sane scale, that diffusers loads
 * unchanged. `dtype`: f32, f16 or bf16. Written file by file; `dir` must not exist or be empty. `progress`
 * may be NULL. Errors: ATL_USAGE (unknown name; the note lists the names), ATL_IO. */
typedef void (*atl_synth_progress)(void *user, size_t done_bytes, size_t total_bytes);
atl_status atl_model_synth(const char *family, const char *dir, atl_dtype dtype, uint64_t seed,
                           atl_synth_progress progress, void *user, atl_note *note);
const char *atl_model_synth_names(void); /* "sd15, sd21, …" */

#endif
