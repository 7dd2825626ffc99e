/* engine.h - turns a request into a picture. Knows no process, no socket, no topology.
 *
 * One engine holds one model; it is used by one thread at a time and owns the threads that compute. */
#ifndef ATL_ENGINE_H
#define ATL_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

typedef struct atl_engine atl_engine;

typedef struct atl_engine_options {
    const char *model;   /* a diffusers directory or a single .safetensors file */
    const char *variant; /* "" or NULL; "fp16": take *.fp16.safetensors */
    const char *policy;  /* "fp32", "fp16", "bf16", "int8" or "auto"; NULL: the first */
    int n_threads;       /* ≥ 1 */
    void (*thread_hook)(void *user,
                        int thread); /* called once in each compute thread: pins it. May be NULL */
    void *hook_user;
    /* A single file carries no tokenizer: a directory that holds tokenizer/ (and tokenizer_2/), or NULL. */
    const char *tokenizer_dir;
    /* A memfd inherited by several processes that open the same model: the first packs the weights into it,
     * the others map them. 0: weights of one's own. */
    int shared_weights_fd;
    /* A directory where packed weights are kept: mapped from there if they are, else written there once they
     * are packed. NULL or "": none. Trouble with it never fails the opening; the facts tell of it. */
    const char *pack_cache;
    /* Where the networks that prompts ask for are: "<lora:name:0.8>" is NAME.safetensors there. NULL or "":
     * the folder "loras" beside the model. Files are opened when they are first asked for. */
    const char *lora_dir;
    /* What they must be, as atl_rules_networks lists them: a file that is another one by now fails the
     * request. NULL or "": nothing is known of them. */
    const char *networks;
} atl_engine_options;

/* Reads, checks and packs the whole model. Errors: the note says file, tensor or key, what was found and what
 * was wanted. */
atl_status atl_engine_open(const atl_engine_options *options, atl_engine **ret_engine, atl_note *note);
void atl_engine_close(atl_engine **engine);

typedef struct atl_rgb {
    int width, height;
    uint8_t *pixels; /* [height][width][3] */
} atl_rgb;

typedef enum atl_noise_source { ATL_NOISE_CPU, ATL_NOISE_CUDA } atl_noise_source;

/* Zero-initialised fields mean "the model's default" where that makes sense. */
typedef struct atl_request {
    /* UTF-8, with the grammar of FORMATS.md. NULL counts as "", but for a negative prompt under SDXL's
     * force_zeros_for_empty_prompt: an absent one is zeros, an empty one is encoded, as in diffusers. */
    const char *prompt, *negative_prompt;
    uint64_t seed;
    int n_steps;               /* 0: the model's default, else 20 */
    double guidance_scale;     /* NAN: the model's default, else 7 (0 or 1 for guidance-distilled models) */
    int width, height;         /* 0: the model's default, or the init image's size */
    const char *sampler;       /* NULL or "": the checkpoint's own */
    int clip_skip;             /* AUTOMATIC1111's count: 1 (or 0) is the last layer, 2 the one before */
    const atl_rgb *init_image; /* NULL: text to image. Must be width × height */
    double strength;           /* with an init image, (0, 1]; 0: 0.75 */
    atl_noise_source noise;
    /* Savings; each changes the picture, and is off where it is 0. Step i of n is at i/n. */
    double guidance_from, guidance_until; /* guidance at steps in [from, until) only; until 0: to the end
                                             (Kynkäänniemi et al. 2024) */
    int deep_cache; /* k: all of the UNet at each k-th step, its outermost layers alone between (Ma et al.
                       2023, "DeepCache") */
    double merge_tokens; /* up to 0.75: the part of the tokens that is merged away in the highest resolution's
                            self-attentions (Bolya & Hoffman 2023) */
} atl_request;

/* What was used after defaults were filled in. */
typedef struct atl_settings {
    int n_steps, width, height, clip_skip;
    double guidance_scale, strength, guidance_from, guidance_until, merge_tokens;
    int deep_cache; /* 1: off */
    uint64_t seed;
    char sampler[32], sampler_display[32], schedule_display[32];
} atl_settings;

/* Wall times in ns, and CPU time of the whole process for each. */
typedef struct atl_stage_time {
    int64_t wall_ns, cpu_ns;
} atl_stage_time;

typedef struct atl_timings {
    atl_stage_time tokenize, text_encode, vae_encode, vae_decode;
    int n_unet_steps;
    atl_stage_time *unet_step; /* [n_unet_steps] */
} atl_timings;

typedef struct atl_painting {
    atl_rgb image;
    atl_settings settings;
    atl_timings timings;
    char *networks; /* beside the model, "fur: 0123456789ab, light: …" with their hashes; NULL: none */
} atl_painting;

void atl_painting_done(atl_painting *painting); /* frees what it holds */

/* Called before the first and after every denoising step, from the thread that called paint. Return false to
 * stop: paint then returns ATL_CANCELLED. */
typedef bool (*atl_progress_fn)(void *user, int step, int n_steps);

/* Errors: ATL_USAGE (a size that is no multiple of the VAE's factor, an unknown sampler, …), ATL_BAD_INPUT (a
 * prompt that is not UTF-8; a network that does not fit the model; NaN in the latents), ATL_NOT_FOUND (a
 * network), ATL_UNSUPPORTED (a network of another kind), ATL_NO_MEMORY, ATL_CANCELLED. */
atl_status atl_engine_paint(atl_engine *engine, const atl_request *request, atl_progress_fn progress,
                            void *user, atl_painting *ret_painting, atl_note *note);

/* Paints n requests. Those that agree in size, sampler, steps, guidance being on, and length of text share
 * the UNet's calls, up to ATL_MAX_BATCH at a time; each gives the same bytes as alone. Fills ret_statuses[n],
 * and ret_paintings[i] where the status is ATL_OK, else notes[i]. The times of shared steps are told to each
 * job. `progress` as above, for each group that is denoised together. */
#define ATL_MAX_BATCH 16
void atl_engine_paint_batch(atl_engine *engine, const atl_request *requests, size_t n,
                            atl_progress_fn progress, void *user, atl_painting *ret_paintings,
                            atl_status *ret_statuses, atl_note *notes);

/* What a policy's name stands for on this machine: "auto" becomes the fastest one that the machine runs well
 * with a model of that width, and whose quality was measured; NULL and "" become "fp32"; other names stay,
 * known or not. A model that is NULL is the one that came with the program, which is narrow. For who records
 * what was painted with before an engine is opened. */
const char *atl_engine_policy_settle(const char *policy, const char *model, const char *variant);
/* "auto", for a UNet whose first blocks have that many channels; ATL_WIDE_MODEL and more are all the same. */
#define ATL_WIDE_MODEL 320
const char *atl_engine_policy_auto(int width);

/* ATL_USAGE, in words, if ATELIER_ISA is no instruction set's name; opening an engine says the same. */
atl_status atl_engine_check_isa(atl_note *note);

/* Facts for reports. */
typedef struct atl_engine_facts {
    size_t packed_bytes;       /* of weights */
    size_t scratch_peak_bytes; /* of activations so far */
    int64_t load_ns;
    int n_threads;
    int vae_factor;           /* sizes must be multiples of it */
    const char *policy, *isa; /* "fp32", "avx512" */
    const char *pack_note;    /* what went wrong with the cache of packed weights, or "" */
    char model_name[128];     /* the directory's or file's name */
    char model_hash[11]; /* the first 10 hex digits of the SHA-256 of the UNet's file (of the single file) */
} atl_engine_facts;
/* Errors: ATL_NOT_FOUND (no UNet to hash), ATL_IO, ATL_NO_MEMORY. */
atl_status atl_engine_facts_get(atl_engine *engine, atl_engine_facts *ret, atl_note *note);

/* The same name and hash without opening an engine: the checkpoint's headers and configs are checked, the
 * file is hashed if it was not before. Errors: as atl_engine_open's. */
atl_status atl_engine_identify_model(const char *model, const char *variant, char ret_name[128],
                                     char ret_hash[11], atl_note *note);

/* ---- how much memory an engine will need, before one is opened ---- */
typedef struct atl_memory_wish {
    int width, height; /* the largest picture; cut down to what the model can */
    int batch_size;    /* painted together; 0 means 1 */
    bool init_images;
    bool deep_cache; /* some are painted with DeepCache: a map is kept from step to step */
} atl_memory_wish;

typedef struct atl_memory_need {
    size_t shared_bytes;  /* packed weights: once for all processes that share them */
    size_t scratch_bytes; /* of activations, in each */
    size_t each_bytes;    /* of each process in all, beside the weights */
} atl_memory_need;

/* With guidance and prompts of at most two chunks of words. Reads configs and headers; computes nothing.
 * Errors: as atl_engine_open's. */
atl_status atl_engine_memory(const atl_engine_options *options, const atl_memory_wish *wish,
                             atl_memory_need *ret, atl_note *note);

/* ---- what can be said of requests before the model is loaded: sizes, samplers, strengths, words ---- */
typedef struct atl_rules atl_rules;
/* Reads the model's configs and the headers of its files. `lora_dir` as atl_engine_options: the networks that
 * prompts ask for are opened, and have to fit the model. Errors as atl_engine_open's for these. */
atl_status atl_rules_open(const char *model, const char *variant, const char *lora_dir, atl_rules **ret_rules,
                          atl_note *note);
void atl_rules_close(atl_rules **rules); /* accepts NULL inside */
/* What "auto" is for that model, without opening it again. */
const char *atl_rules_policy_auto(const atl_rules *rules);
/* `request->init_image` is not looked at: whether there will be one is said apart. Errors: what
 * atl_engine_paint would say of the request. Not thread-safe: the rules remember the sampler that was asked
 * for last. */
atl_status atl_rules_check(atl_rules *rules, const atl_request *request, bool has_init_image, atl_note *note);

/* Appends the networks that the requests so far asked for: "fur: 0123456789ab, light: …". */
void atl_rules_networks(const atl_rules *rules, atl_text *out);

/* How much memory a process needs for them beside the weights, at most: as many sets as are kept, each with
 * the largest of them. */
size_t atl_rules_network_bytes(const atl_rules *rules);

/* ---- tools about checkpoints (see model/inspect.h for the contracts) ---- */
atl_status atl_engine_inspect_model(const char *model, const char *variant, bool json, atl_text *out,
                                    size_t *ret_n_faults, atl_note *note);
atl_status atl_engine_synth_model(const char *family, const char *dir, const char *dtype, uint64_t seed,
                                  void (*progress)(void *user, size_t done_bytes, size_t total_bytes),
                                  void *user, atl_note *note);
const char *atl_engine_synth_names(void);
const char *atl_engine_sampler_names(void);
const char *atl_engine_version(void);

#endif
