/* run_args.h - what can be said about a run on the command line: `run`, `retry`, `verify`. */
#ifndef ATL_CLI_RUN_ARGS_H
#define ATL_CLI_RUN_ARGS_H

#include "base/options.h"
#include "batches/batch.h"
#include "coordinator/executor.h"

#define RUN_MAX_ROWS 64

typedef struct run_args {
    /* the pool's */
    const char *model, *variant, *policy, *tokenizer, *lora_dir, *workers, *order, *cpus, *pack_cache;
    int64_t threads, batch_size;
    bool no_bind, reserve_core;
    /* the batch's */
    const char *format, *wildcards, *name, *negative_prompt, *sampler, *rng, *init_image;
    atl_option_list sweeps;
    bool lenient, combinatorial;
    int64_t repeat, steps, width, height, clip_skip, deep_cache;
    uint64_t seed;
    double guidance_scale, strength, guidance_from, guidance_until, merge_tokens;
    /* the run's */
    const char *output;
    const char *show;
    int64_t grace;
    bool no_sync, no_history, plain, quiet, json, dry_run, print_config;
    /* verify's alone */
    int64_t repaint;
} run_args;

typedef enum run_rows_of { RUN_ROWS_RUN, RUN_ROWS_RETRY, RUN_ROWS_VERIFY, RUN_ROWS_STUDY } run_rows_of;

run_args run_args_new(void);
/* The rows of that command; returns how many. */
size_t run_rows(run_rows_of command, atl_option rows[RUN_MAX_ROWS]);

/* What the command line says of pool and batch; borrows from it. Errors: ATL_USAGE. */
atl_status run_pool_options(const run_args *args, atl_executor_options *ret, atl_note *note);
atl_batch_options run_batch_options(const run_args *args, const char *prompts);

#endif
