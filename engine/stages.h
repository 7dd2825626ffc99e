/* stages.h - the stages of a picture on their own, on random numbers, timed: for benchmarks.
 *
 * One bench holds one model under one policy on so many threads; it is used by one thread at a time. Inputs
 * are random and the same in every run; what comes out is not looked at. */
#ifndef ATL_STAGES_H
#define ATL_STAGES_H

#include "engine/engine.h"

typedef struct atl_stage_bench atl_stage_bench;

/* What one stage is to be run on. */
typedef struct atl_stage_case {
    const char *stage; /* "text_encode", "unet_step", "vae_decode", "vae_encode" */
    int width, height; /* of the picture in px; 0: the model's own. No matter to text_encode */
    int batch;         /* prompts, latents, pictures at once; 0: 2 for text and UNet (both sides of guidance),
                          1 for the autoencoder */
} atl_stage_case;

/* What an op of a stage cost: entries of one shape together. */
typedef struct atl_stage_op {
    char name[48]; /* "conv3x3 320>320 @64x64" */
    int n_calls;
    double flops, bytes; /* of all calls: 2 for a multiply-add; inputs, weights and results once each */
    int64_t ns;
} atl_stage_op;

typedef struct atl_stage_cost {
    int64_t wall_ns, cpu_ns; /* CPU time of the whole process */
    double flops, bytes;     /* sums over its ops: norms and what is pointwise have no flops here */
    size_t n_ops;
    atl_stage_op *ops; /* owned by the caller: free() it. NULL unless asked for; the dearest first */
} atl_stage_cost;

/* Errors: as atl_engine_open. */
atl_status atl_stage_bench_open(const atl_engine_options *options, atl_stage_bench **ret, atl_note *note);
void atl_stage_bench_close(atl_stage_bench **bench);

/* Runs the case once. `with_ops` times every op (about 0.1 µs each). Errors: ATL_USAGE (an unknown stage, a
 * size that is no multiple of the autoencoder's factor), ATL_NO_MEMORY. */
atl_status atl_stage_run(atl_stage_bench *bench, const atl_stage_case *which, bool with_ops,
                         atl_stage_cost *ret, atl_note *note);

const char *atl_stage_names(void); /* "text_encode, unet_step, …": for messages */
/* The model's own size in px. */
void atl_stage_bench_size(const atl_stage_bench *bench, int *ret_width, int *ret_height);
const char *atl_stage_bench_isa(const atl_stage_bench *bench); /* the kernels that were chosen */

#endif
