/* run_args.c - see run_args.h. */
#include "run_args.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "engine/engine.h"
#include "image/picture.h"
#include "leave_row.h"
#include "run_show.h"
#include "shared_options.h"
#include "workers_arg.h"

#define AT(field)   offsetof(run_args, field)
#define MAX_MICRO   16
#define MAX_REPAINT 1000000
#define MAX_GRACE   86400

static const atl_option pool_rows[] = {
    {"workers", 'w', ATL_OPTION_STRING, AT(workers), "N", NULL, 0, 0, "ATELIER_WORKERS", "auto",
     "worker processes; auto: as the latest study of this machine, model and policy recommends, or as many "
     "as have cores of their own, within the CPU quota and memory"},
    {"threads", 't', ATL_OPTION_INT, AT(threads), "T", NULL, 1, MAX_THREADS, "ATELIER_THREADS", NULL,
     "of each worker, otherwise 1; pictures do not depend on it"},
    {"order", 0, ATL_OPTION_CHOICE, AT(order), "ORDER", "scatter|compact", 0, 0, "ATELIER_ORDER", "scatter",
     "workers far from each other, or side by side"},
    {"cpus", 0, ATL_OPTION_STRING, AT(cpus), "LIST", NULL, 0, 0, "ATELIER_CPUS", NULL,
     "stay within these CPUs: 0-3,8; otherwise all that cpuset and taskset leave"},
    {"no-bind", 0, ATL_OPTION_FLAG, AT(no_bind), NULL, NULL, 0, 0, "ATELIER_NO_BIND", NULL,
     "leave the workers where the system puts them"},
    {"reserve-core", 0, ATL_OPTION_FLAG, AT(reserve_core), NULL, NULL, 0, 0, "ATELIER_RESERVE_CORE", NULL,
     "keep one core free of workers, and bind the coordinator to it"},
    {"pack-cache", 0, ATL_OPTION_STRING, AT(pack_cache), "DIR", NULL, 0, 0, "ATELIER_PACK_CACHE", NULL,
     "keep packed weights in this directory, and begin at once where they are there; files of gigabytes, "
     "yours to delete"},
    {"batch-size", 0, ATL_OPTION_INT, AT(batch_size), "N", NULL, 1, MAX_MICRO, "ATELIER_BATCH_SIZE", "1",
     "jobs of one size that share the denoiser's calls; pictures do not depend on it"},
};

static const atl_option model_rows[] = {
    {"model", 'm', ATL_OPTION_STRING, AT(model), "PATH", NULL, 0, 0, "ATELIER_MODEL", NULL,
     "a diffusers folder, or one .safetensors file; otherwise the model that came with the program"},
    {"variant", 0, ATL_OPTION_STRING, AT(variant), "NAME", NULL, 0, 0, "ATELIER_VARIANT", NULL,
     "which files of a checkpoint: fp16 takes *.fp16.safetensors"},
    {"tokenizer", 0, ATL_OPTION_STRING, AT(tokenizer), "DIR", NULL, 0, 0, "ATELIER_TOKENIZER", NULL,
     "for a single-file checkpoint, which carries none: a folder that holds tokenizer/"},
    {"lora-dir", 0, ATL_OPTION_STRING, AT(lora_dir), "DIR", NULL, 0, 0, "ATELIER_LORA_DIR", NULL,
     "where <lora:name:0.8> in a prompt finds name.safetensors; otherwise the folder loras beside the model"},
    {"policy", 0, ATL_OPTION_CHOICE, AT(policy), "NAME", POLICY_CHOICES, 0, 0, "ATELIER_POLICY", "fp32",
     POLICY_WORDS},
};

static const atl_option batch_rows[] = {
    {"output", 'o', ATL_OPTION_STRING, AT(output), "DIR", NULL, 0, 0, "ATELIER_OUTPUT", NULL,
     "where the pictures go; a directory that holds this same run is taken up where it ended"},
    {"format", 0, ATL_OPTION_CHOICE, AT(format), "NAME", "auto|txt|jsonl|csv|infotext", 0, 0,
     "ATELIER_FORMAT", "auto", "how the prompt file is read; auto: by its extension"},
    {"lenient", 0, ATL_OPTION_FLAG, AT(lenient), NULL, NULL, 0, 0, "ATELIER_LENIENT", NULL,
     "read lines with mistakes as AUTOMATIC1111 does: as prompts, with a warning"},
    {"wildcards", 0, ATL_OPTION_STRING, AT(wildcards), "DIR", NULL, 0, 0, "ATELIER_WILDCARDS", NULL,
     "where __name__ finds name.txt"},
    {"combinatorial", 0, ATL_OPTION_FLAG, AT(combinatorial), NULL, NULL, 0, 0, NULL, NULL,
     "paint all variants of a line instead of one that its seed draws"},
    {"sweep", 0, ATL_OPTION_LIST, AT(sweeps), "KEY=VALUES", NULL, 0, 0, NULL, NULL,
     "paint each line with each value: steps=10-30(+5), cfg_scale=3,5,7, prompt=red,blue; may be given "
     "again, and the product is painted"},
    {"repeat", 0, ATL_OPTION_INT, AT(repeat), "N", NULL, 1, ATL_BATCH_MAX_REPEATS, NULL, "1",
     "paint each line so often, with seeds that follow on each other"},
    {"seed", 's', ATL_OPTION_SEED, AT(seed), "N", NULL, 0, 0, "ATELIER_SEED", "0",
     "of the first line; lines that say none have N + their index"},
    {"name", 0, ATL_OPTION_STRING, AT(name), "TEMPLATE", NULL, 0, 0, "ATELIER_NAME", NULL,
     "of the pictures, from [index] [id] [seed] [steps] [cfg] [width] [height] [sampler] [model_name] "
     "[model_hash] [prompt_words] [date]; otherwise [index]-[seed]"},
    {"negative-prompt", 'n', ATL_OPTION_STRING, AT(negative_prompt), "TEXT", NULL, 0, 0,
     "ATELIER_NEGATIVE_PROMPT", NULL, "for lines that say none"},
    {"steps", 0, ATL_OPTION_INT, AT(steps), "N", NULL, 1, MAX_STEPS, "ATELIER_STEPS", NULL,
     "for lines that say none; otherwise the model's own number"},
    {"guidance-scale", 'g', ATL_OPTION_REAL, AT(guidance_scale), "X", NULL, 0, 1000, "ATELIER_GUIDANCE_SCALE",
     NULL, "for lines that say none; otherwise the model's own"},
    {"width", 'W', ATL_OPTION_INT, AT(width), "PX", NULL, 1, ATL_PICTURE_MAX_SIDE, "ATELIER_WIDTH", NULL,
     "for lines that say none; otherwise the model's own"},
    {"height", 'H', ATL_OPTION_INT, AT(height), "PX", NULL, 1, ATL_PICTURE_MAX_SIDE, "ATELIER_HEIGHT", NULL,
     "for lines that say none; otherwise the model's own"},
    {"sampler", 0, ATL_OPTION_STRING, AT(sampler), "NAME", NULL, 0, 0, "ATELIER_SAMPLER", NULL,
     "for lines that say none; otherwise the checkpoint's own"},
    {"clip-skip", 0, ATL_OPTION_INT, AT(clip_skip), "N", NULL, 1, MAX_CLIP_SKIP, "ATELIER_CLIP_SKIP", NULL,
     "for lines that say none: 1 is the text encoder's last layer"},
    {"init-image", 'i', ATL_OPTION_STRING, AT(init_image), "FILE", NULL, 0, 0, NULL, NULL,
     "for lines that say none: a PNG to begin from"},
    {"strength", 0, ATL_OPTION_REAL, AT(strength), "X", NULL, LEAST_STRENGTH, 1, NULL, NULL,
     "for lines that say none: how far to go from the init image"},
    {"guidance-from", 0, ATL_OPTION_REAL, AT(guidance_from), "X", NULL, 0, 1, "ATELIER_GUIDANCE_FROM", NULL,
     "for lines that say none: guide only from this part of the steps on (0.2: after a fifth); changes "
     "pictures"},
    {"guidance-until", 0, ATL_OPTION_REAL, AT(guidance_until), "X", NULL, 0, 1, "ATELIER_GUIDANCE_UNTIL",
     NULL,
     "for lines that say none: guide only until this part of the steps (0.8); each step without guidance "
     "takes half the time"},
    {"deep-cache", 0, ATL_OPTION_INT, AT(deep_cache), "K", NULL, 1, MAX_STEPS, "ATELIER_DEEP_CACHE", NULL,
     "for lines that say none: all of the denoiser at each K-th step alone, its outermost layers between; "
     "changes pictures"},
    {"merge-tokens", 0, ATL_OPTION_REAL, AT(merge_tokens), "R", NULL, 0, MAX_MERGED, "ATELIER_MERGE_TOKENS",
     NULL,
     "for lines that say none: merge this part of the tokens before the largest self-attentions (0.5: half); "
     "changes pictures"},
    {"rng", 0, ATL_OPTION_CHOICE, AT(rng), "NAME", "cpu|cuda", 0, 0, "ATELIER_RNG", "cpu",
     "whose noise: torch's generator on the CPU, or that on CUDA devices"},
    {"dry-run", 0, ATL_OPTION_FLAG, AT(dry_run), NULL, NULL, 0, 0, NULL, NULL,
     "check everything, print the jobs as JSON lines, and paint nothing"},
    {"print-config", 0, ATL_OPTION_FLAG, AT(print_config), NULL, NULL, 0, 0, NULL, NULL,
     "print what is in force, and why, and do nothing"},
};

static const atl_option run_only_rows[] = {
    {"no-sync", 0, ATL_OPTION_FLAG, AT(no_sync), NULL, NULL, 0, 0, "ATELIER_NO_SYNC", NULL,
     "do not wait for the disk at each picture: what a crash of the machine loses is painted again"},
    {"grace", 0, ATL_OPTION_INT, AT(grace), "SECONDS", NULL, 0, MAX_GRACE, "ATELIER_GRACE", "20",
     "after SIGTERM or SIGHUP, how long what is being painted may take before the workers are ended"},
    NO_HISTORY_ROW(AT(no_history)),
    {"plain", 0, ATL_OPTION_FLAG, AT(plain), NULL, NULL, 0, 0, "ATELIER_PLAIN", NULL,
     "one line of progress every few seconds, on a terminal too"},
    {"show", 0, ATL_OPTION_MODE, AT(show), NULL, RUN_SHOW_CHOICES, 0, 0, "ATELIER_SHOW", NULL,
     "show the pictures as they come: themselves in terminals that can, small and in coloured characters in "
     "others; without a word, as the terminal says that it can"},
    {"quiet", 'q', ATL_OPTION_FLAG, AT(quiet), NULL, NULL, 0, 0, "ATELIER_QUIET", NULL,
     "no words while all goes well"},
    {"json", 0, ATL_OPTION_FLAG, AT(json), NULL, NULL, 0, 0, "ATELIER_JSON", NULL,
     "print the summary as one JSON object"},
};

static const atl_option verify_only_rows[] = {
    {"repaint", 0, ATL_OPTION_INT, AT(repaint), "N", NULL, 1, MAX_REPAINT, NULL, NULL,
     "paint N of the pictures again and compare them, too"},
    {"json", 0, ATL_OPTION_FLAG, AT(json), NULL, NULL, 0, 0, "ATELIER_JSON", NULL,
     "print what was found as one JSON object"},
};

run_args run_args_new(void)
{
    return (run_args){.guidance_scale = (double)NAN};
}

static size_t add_rows(atl_option *rows, size_t n, const atl_option *more, size_t n_more)
{
    memcpy(rows + n, more, n_more * sizeof *rows);
    return n + n_more;
}

/* The batch's and the model's, without those that a study has in another form, or not at all. */
static size_t add_study_rows(atl_option *rows)
{
    static const char *const not_a_studys[] = {"policy", "dry-run",    "print-config",
                                               "name",   "init-image", "strength"};
    size_t n = 0, n_all = add_rows(rows, 0, batch_rows, ATL_COUNT(batch_rows));
    n_all = add_rows(rows, n_all, model_rows, ATL_COUNT(model_rows));
    for (size_t i = 0; i < n_all; i++) {
        bool other = false;
        for (size_t k = 0; k < ATL_COUNT(not_a_studys); k++)
            other = other || strcmp(rows[i].name, not_a_studys[k]) == 0;
        if (!other)
            rows[n++] = rows[i];
    }
    return n;
}

size_t run_rows(run_rows_of command, atl_option rows[RUN_MAX_ROWS])
{
    size_t n = 0;
    if (command == RUN_ROWS_STUDY)
        return add_study_rows(rows);
    if (command == RUN_ROWS_RUN) {
        n = add_rows(rows, n, batch_rows, ATL_COUNT(batch_rows));
        n = add_rows(rows, n, model_rows, ATL_COUNT(model_rows));
    }
    n = add_rows(rows, n, pool_rows, ATL_COUNT(pool_rows));
    if (command == RUN_ROWS_VERIFY)
        return add_rows(rows, n, verify_only_rows, ATL_COUNT(verify_only_rows));
    return add_rows(rows, n, run_only_rows, ATL_COUNT(run_only_rows));
}

atl_status run_pool_options(const run_args *args, atl_executor_options *ret, atl_note *note)
{
    int n_workers = 0;
    const atl_status st = workers_arg_read(args->workers, &n_workers, note);
    if (st != ATL_OK)
        return st;
    *ret = (atl_executor_options){
        .model = args->model,
        .variant = args->variant,
        .policy = atl_engine_policy_settle(args->policy, args->model, args->variant),
        .tokenizer_dir = args->tokenizer,
        .lora_dir = args->lora_dir,
        .pack_cache = args->pack_cache,
        .n_workers = n_workers,
        .n_threads = (int)args->threads,
        .order = strcmp(args->order, "compact") == 0 ? ATL_COMPACT : ATL_SCATTER,
        .cpus = args->cpus,
        .bind = !args->no_bind,
        .reserve_core = args->reserve_core,
        .batch_size = (int)args->batch_size,
    };
    return ATL_OK;
}

static atl_batch_format format_of(const char *name)
{
    static const char *const names[] = {[ATL_BATCH_TXT] = "txt",
                                        [ATL_BATCH_JSONL] = "jsonl",
                                        [ATL_BATCH_CSV] = "csv",
                                        [ATL_BATCH_INFOTEXT] = "infotext"};
    for (int i = ATL_BATCH_TXT; i <= ATL_BATCH_INFOTEXT; i++)
        if (strcmp(name, names[i]) == 0)
            return (atl_batch_format)i;
    return ATL_BATCH_AUTO;
}

/* Options are borrowed; a job's strings would be owned, but nobody frees these. */
static char *borrowed(const char *text)
{
    return (char *)(uintptr_t)text;
}

atl_batch_options run_batch_options(const run_args *args, const char *prompts)
{
    return (atl_batch_options){
        .path = prompts,
        .format = format_of(args->format),
        .lenient = args->lenient,
        .wildcards_dir = args->wildcards,
        .combinatorial = args->combinatorial,
        .sweeps = args->sweeps.items,
        .n_sweeps = args->sweeps.n,
        .repeat = (uint32_t)args->repeat,
        .defaults = {.negative_prompt = borrowed(args->negative_prompt),
                     .n_steps = (int)args->steps,
                     .guidance_scale = args->guidance_scale,
                     .width = (int)args->width,
                     .height = (int)args->height,
                     .clip_skip = (int)args->clip_skip,
                     .sampler = borrowed(args->sampler),
                     .init_image = borrowed(args->init_image),
                     .strength = args->strength,
                     .guidance_from = args->guidance_from,
                     .guidance_until = args->guidance_until,
                     .deep_cache = (int)args->deep_cache,
                     .merge_tokens = args->merge_tokens,
                     .noise = strcmp(args->rng, "cuda") == 0 ? ATL_JOB_NOISE_CUDA : ATL_JOB_NOISE_CPU},
        .seed = args->seed,
        .name_template = args->name,
    };
}
