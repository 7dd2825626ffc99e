/* retry.c - `atelier retry`: what failed in a run is tried again, in the same directory. */
#include <stdio.h>

#include "commands.h"
#include "console.h"
#include "engine/engine.h"
#include "results/progress_of.h"
#include "run_command.h"
#include "run_dir.h"

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

/* Whether anything of the run stands as failed. */
static atl_status count_failed(const run_dir *dir, uint64_t *ret, atl_note *note)
{
    atl_progress_of progress = {0};
    const atl_status st = atl_progress_read(dir->fd, &progress, note);
    *ret = progress.n_failed;
    atl_progress_done(&progress);
    return st;
}

static int retry(const run_args *args, const char *path)
{
    atl_note note = {0};
    run_dir dir;
    atl_run_options options = {.dir = path, .retry = true};
    atl_status st = run_pool_options(args, &options.executor, &note);
    if (st == ATL_OK)
        st = run_dir_open(path, &dir, &note);
    if (st != ATL_OK)
        return console_fail(st, &note);
    uint64_t n_failed = 0;
    st = count_failed(&dir, &n_failed, &note);
    if (st != ATL_OK || n_failed == 0) {
        run_dir_close(&dir);
        if (st == ATL_OK && !args->quiet)
            console_say("%s: nothing failed", path);
        return st == ATL_OK ? 0 : console_fail(st, &note);
    }
    char name[128], hash[11];
    options.executor.model = dir.model;
    options.executor.variant = or_null(dir.variant);
    options.executor.policy = or_null(dir.policy);
    options.executor.tokenizer_dir = or_null(dir.tokenizer);
    options.executor.lora_dir = or_null(dir.lora_dir);
    options.model_name = name;
    options.model_hash = hash;
    st = atl_engine_identify_model(dir.model, or_null(dir.variant), name, hash, &note);
    const int code = st == ATL_OK ? run_and_report(&options, args) : console_fail(st, &note);
    run_dir_close(&dir);
    return code;
}

int command_retry(int argc, char **argv)
{
    atl_option rows[RUN_MAX_ROWS];
    const atl_command command = {
        .name = "atelier retry",
        .operands = "DIR",
        .summary =
            "Paints what failed in a run again, as failed.jsonl has it: lines may be taken out of that "
            "file, but not changed.",
        .options = rows,
        .n_options = run_rows(RUN_ROWS_RETRY, rows),
        .least_operands = 1,
        .most_operands = 1,
    };
    run_args args = run_args_new();
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n, &code))
        return code;
    return retry(&args, operands[0]);
}
