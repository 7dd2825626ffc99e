/* job.h - one picture to paint, as every room speaks of it.
 *
 * A job is settled before a run starts: no default is filled in later, so that its id says all that decides
 * its bytes. */
#ifndef ATL_SCHEMAS_JOB_H
#define ATL_SCHEMAS_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define ATL_JOB_ID_BYTES     16 /* the first half of the SHA-256 of the job's canonical MessagePack bytes */
#define ATL_MAX_PROMPT_BYTES (1u << 20)

typedef struct atl_job_id {
    uint8_t bytes[ATL_JOB_ID_BYTES];
} atl_job_id;

typedef enum atl_job_noise { ATL_JOB_NOISE_CPU, ATL_JOB_NOISE_CUDA } atl_job_noise;

/* Strings are UTF-8, owned, never NULL once a job is settled ("" where absent). */
typedef struct atl_job {
    uint64_t index; /* its place in the batch, from 0: decides its name, not its bytes */
    atl_job_id id;  /* of everything below */
    char *prompt, *negative_prompt;
    uint64_t seed;
    int n_steps;           /* 0: the model's default (the engine's, the same for every worker) */
    double guidance_scale; /* NAN: the model's default */
    int width, height;     /* 0: the model's default */
    int clip_skip;         /* 0: 1 */
    char *sampler;         /* "": the checkpoint's */
    char *init_image;      /* path, "" for text to image; its bytes' SHA-256 is part of the id */
    uint8_t init_digest[32];
    double strength; /* 0: the default */
    atl_job_noise noise;
    /* Ways to save steps' work; each changes the picture, and is off where it is 0. */
    double guidance_from,
        guidance_until;  /* guide only in these parts of the steps, of 1; until 0: to the end */
    double merge_tokens; /* the part of the tokens merged away in the largest self-attentions */
    int deep_cache;      /* the whole denoiser at each k-th step alone */
    uint32_t repeat;     /* equal jobs of one batch differ in this: 0, 1, … so that ids are unique */
    char *name;          /* settled file name without ".png"; decides no bytes, not in the id */
} atl_job;

void atl_job_done(atl_job *job);
/* Deep copy. Errors: ATL_NO_MEMORY. */
atl_status atl_job_copy(const atl_job *from, atl_job *ret);
/* Fills `id` from the other fields. Errors: ATL_NO_MEMORY. */
atl_status atl_job_identify(atl_job *job, atl_note *note);
void atl_job_id_hex(const atl_job_id *id, char hex[2 * ATL_JOB_ID_BYTES + 1]);
bool atl_job_id_parse(const char *hex, atl_job_id *ret);

/* Wall and CPU time of a stage, in ns. */
typedef struct atl_span {
    int64_t wall_ns, cpu_ns;
} atl_span;

/* What painting one job took, as its worker measured it. */
typedef struct atl_job_timings {
    atl_span tokenize, text_encode, vae_encode, vae_decode, png_encode, send;
    int n_unet_steps;
    atl_span *unet_step;        /* owned */
    int64_t begun_ns, ended_ns; /* the worker's CLOCK_MONOTONIC: one clock for all workers of a machine */
    int64_t waited_ns;          /* between the job's arrival at the worker and its start */
    int64_t sent_ns;            /* when the worker gave the result to its socket; the same clock */
    uint64_t minor_faults, major_faults; /* of the process, during the job */
    uint64_t voluntary_switches, involuntary_switches;
    uint64_t peak_rss_bytes;
    int batch_size; /* how many jobs shared the denoiser's calls; 1 alone */
} atl_job_timings;
void atl_job_timings_done(atl_job_timings *timings);

#endif
