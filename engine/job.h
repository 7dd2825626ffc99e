/* job.h - one job while it is painted; private to the engine. settle.c fills in what the request left open,
 * paint.c does the rest. */
#ifndef ATL_JOB_H
#define ATL_JOB_H

#include "denoise.h"

/* All that one job owns while it is painted. */
typedef struct atl_job_state {
    atl_engine *engine;
    const atl_request *request;
    const atl_paint_probe *probe; /* or NULL */
    atl_latent_size size;
    atl_noise noise;
    size_t n_drawn; /* draws of the sampler so far */
    bool guided;
    char *prompt;         /* without networks */
    atl_lora_set *beside; /* the networks that it asks for; NULL: none */
    atl_sampler *sampler;
    atl_conditioning conditioning;
    float *latent, *scaled, *model_output; /* [size.n] each */
    atl_painting painting;
    atl_status status;
    atl_note *note; /* the caller's */
} atl_job_state;

/* Fills in the job's settings, sizes and noise from its request and the model's defaults, and checks that
 * they can be painted. Errors: ATL_USAGE (a size, scale or strength that cannot be), ATL_UNSUPPORTED,
 * ATL_BAD_INPUT (a model that does not fit together). */
atl_status atl_job_settle(atl_job_state *job, atl_note *note);

#endif
