/* run.c - `atelier run`: a file of prompts into a directory of pictures. The run itself is
 * coordinator/run.h's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "auto_workers.h"
#include "base/file.h"
#include "commands.h"
#include "config.h"
#include "console.h"
#include "engine/engine.h"
#include "find_model.h"
#include "job_check.h"
#include "leave_row.h"
#include "results/summary.h"
#include "run_command.h"
#include "run_signals.h"

/* ---- shared with retry (run_command.h) ---- */

void run_say(void *user, const char *sentence)
{
    run_progress_clear(user);
    console_say("%s", sentence);
}

/* The summary, as the run left it in its directory. */
static void print_summary(const char *dir)
{
    char *path = atl_path_join(dir, ATL_SUMMARY_NAME), *json = NULL;
    size_t n = 0;
    if (path && atl_file_read(path, 1 << 26, &json, &n, NULL) == ATL_OK)
        fwrite(json, 1, n, stdout);
    free(json);
    free(path);
}

int run_and_report(atl_run_options *options, const run_args *args)
{
    atl_note note = {0};
    atl_run_outcome outcome = {0};
    run_progress progress = run_progress_new(args->quiet, args->plain, args->show);
    options->sync = !args->no_sync;
    options->version = atl_engine_version();
    options->stops = run_signals_stops;
    options->paused = run_signals_paused;
    options->say = run_say;
    options->watch = args->quiet ? NULL : run_progress_watch;
    options->watch_every_ms = run_progress_every_ms(&progress);
    options->executor.step_every_ms = progress.live ? run_progress_every_ms(&progress) : -1;
    options->picture = run_progress_picture;
    options->user = &progress;
    run_signals_grace(args->grace);
    run_signals_listen();
    options->executor.nudge_fd = run_signals_fd();
    setrlimit(RLIMIT_CORE, &(struct rlimit){0}); /* prompts are private; workers inherit it */
    const atl_status st = atl_run(options, &outcome, &note);
    run_progress_clear(&progress);
    if (st != ATL_OK)
        return console_fail(st, &note);
    if (outcome.n_painted > 0 && !args->no_history)
        leave_row_of_run(options->dir, args->cpus);
    if (!args->quiet) {
        fputs(outcome.summary, stderr);
        console_say("%s/index.html shows the pictures", options->dir);
    }
    if (args->json)
        print_summary(options->dir);
    if (outcome.stopped) {
        console_say("stopped; the same command goes on where this ended");
        return run_signals_exit_code();
    }
    return outcome.n_failed > 0 ? 3 : 0;
}

/* ---- run ---- */

typedef struct command_state {
    run_args args;
    char *model;      /* its whole path */
    bool is_there;    /* a run, in the output directory */
    atl_rules *rules; /* of the model: what every line is held against before anything starts */
    char *prompts;    /* its whole path; NULL for standard input */
    char *tokenizer, *lora_dir;
    char model_name[128], model_hash[11], date[16];
    atl_memory_wish largest; /* of all lines */
    atl_batch_options batch;
    atl_run_options options;
} command_state;

static void done(command_state *s)
{
    atl_rules_close(&s->rules);
    free(s->model);
    free(s->prompts);
    free(s->tokenizer);
    free(s->lora_dir);
}

/* The run's record, for retry and verify from wherever they are called, has whole paths. What is not there
 * stays as it is: whoever opens it will say so. NULL stays NULL. */
static atl_status make_whole(const char *path, char **ret, atl_note *note)
{
    if (!path)
        return ATL_OK;
    char *whole = realpath(path, NULL);
    *ret = whole ? whole : strdup(path);
    return *ret ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for a path");
}

static atl_status find_files(command_state *s, const char *prompts, atl_note *note)
{
    atl_status st = strcmp(prompts, "-") == 0 ? ATL_OK : make_whole(prompts, &s->prompts, note);
    if (st == ATL_OK)
        st = s->args.model ? make_whole(s->args.model, &s->model, note) : find_model(&s->model, note);
    if (st == ATL_OK)
        st = make_whole(s->args.tokenizer, &s->tokenizer, note);
    if (st == ATL_OK)
        st = make_whole(s->args.lora_dir, &s->lora_dir, note);
    if (st != ATL_OK)
        return st;
    s->args.model = s->model;
    s->options.executor.tokenizer_dir = s->args.tokenizer = s->tokenizer;
    s->options.executor.lora_dir = s->args.lora_dir = s->lora_dir;
    return atl_engine_identify_model(s->model, s->args.variant, s->model_name, s->model_hash, note);
}

static void warn(void *user, const char *sentence)
{
    (void)user;
    console_say("%s", sentence);
}

static atl_status judge(void *user, const atl_job *job, atl_note *note)
{
    command_state *s = user;
    s->largest.width = job->width > s->largest.width ? job->width : s->largest.width;
    s->largest.height = job->height > s->largest.height ? job->height : s->largest.height;
    s->largest.init_images = s->largest.init_images || (job->init_image && job->init_image[0]);
    s->largest.deep_cache = s->largest.deep_cache || job->deep_cache > 1;
    return job_check(s->rules, job, note);
}

static void list_networks(void *user, atl_text *out)
{
    atl_rules_networks(((command_state *)user)->rules, out);
}

/* fp32 is the default, as its pictures differ between machines by rounding alone; who has not chosen should
 * know, unless the run is there already and keeps what it began with. */
static void say_faster(const command_state *s)
{
    if (s->args.quiet || s->is_there || strcmp(s->options.executor.policy, "fp32") != 0)
        return;
    const char *faster = atl_rules_policy_auto(s->rules);
    if (strcmp(faster, "fp32") != 0)
        console_say("painting in fp32; --policy auto would take %s here, which is faster", faster);
}

/* Whether there is a run in the directory: its pictures' precision is settled. */
static atl_status look_for_run(command_state *s, atl_note *note)
{
    char *ledger = s->args.dry_run ? NULL : atl_path_join(s->args.output, "ledger.tsv");
    if (!ledger && !s->args.dry_run)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a path");
    s->is_there = ledger && atl_is_file(ledger);
    free(ledger);
    return ATL_OK;
}

/* The batch is checked. What a worker will need for the largest picture of it. Where that cannot be told, the
 * plan does not look at memory. */
static void weigh(void *user, atl_executor_options *executor)
{
    command_state *s = user;
    const atl_engine_options engine = {.model = s->model,
                                       .variant = s->args.variant,
                                       .policy = s->args.policy,
                                       .n_threads = executor->n_threads > 0 ? executor->n_threads : 1};
    atl_memory_need need = {0};
    say_faster(s);
    s->largest.batch_size = executor->batch_size;
    /* also where a study chose the workers: then the plan warns */
    if (strcmp(s->args.workers, "auto") != 0 ||
        atl_engine_memory(&engine, &s->largest, &need, NULL) != ATL_OK)
        return;
    executor->shared_bytes = need.shared_bytes;
    executor->worker_bytes = need.each_bytes + atl_rules_network_bytes(s->rules);
}

/* [date] is not a default of names: a run that is taken up on another day must give the same ones. */
static void put_today(char date[16])
{
    const time_t now = time(NULL);
    struct tm parts;
    if (!localtime_r(&now, &parts) || strftime(date, 16, "%Y-%m-%d", &parts) == 0)
        date[0] = '\0';
}

/* CPUs that are not there are a mistake of the command: told of before it leaves a directory behind. */
static atl_status check_cpus(const char *cpus, atl_note *note)
{
    atl_machine *machine = NULL;
    const atl_status st =
        cpus ? atl_machine_load(&(atl_machine_source){.cpus = cpus}, &machine, note) : ATL_OK;
    atl_machine_free(&machine);
    return st;
}

static atl_status prepare(command_state *s, const char *prompts, atl_note *note)
{
    if (!s->args.output && !s->args.dry_run)
        return atl_fail(note, ATL_USAGE, "there is no --output; wanted: atelier run %s -o DIR", prompts);
    atl_status st = run_pool_options(&s->args, &s->options.executor, note);
    if (st == ATL_OK)
        st = check_cpus(s->args.cpus, note);
    if (st == ATL_OK)
        st = find_files(s, prompts, note);
    if (st == ATL_OK)
        st = look_for_run(s, note);
    if (st != ATL_OK)
        return st;
    s->options.executor.policy = atl_engine_policy_settle(s->args.policy, s->model, s->args.variant);
    if (!s->args.dry_run)
        auto_workers(&s->args, s->model_hash, &s->options.executor);
    st = atl_rules_open(s->model, s->args.variant, s->args.lora_dir, &s->rules, note);
    if (st != ATL_OK)
        return st;
    put_today(s->date);
    s->options.executor.model = s->model;
    s->batch = run_batch_options(&s->args, s->prompts ? s->prompts : "-");
    s->batch.model_name = s->model_name;
    s->batch.model_hash = s->model_hash;
    s->batch.date = s->date;
    s->batch.warn = warn;
    s->batch.mistake = warn;
    s->batch.judge = judge;
    s->batch.user = s;
    s->options.batch = &s->batch;
    s->options.weigh = weigh;
    s->options.networks = list_networks;
    s->options.weigh_user = s;
    s->options.dir = s->args.output;
    s->options.model_name = s->model_name;
    s->options.model_hash = s->model_hash;
    return ATL_OK;
}

static atl_status print_jobs(atl_batch *batch, atl_note *note)
{
    bool end = false;
    atl_status st = ATL_OK;
    while (st == ATL_OK && !end) {
        atl_job job = {0};
        atl_text line = {0};
        st = atl_batch_next(batch, &job, &end, note);
        if (st == ATL_OK && !end) {
            atl_batch_write_line(&job, &line);
            st = line.failed ? ATL_NO_MEMORY : ATL_OK;
            fputs(line.data ? line.data : "", stdout);
        }
        atl_job_done(&job);
        atl_text_done(&line);
    }
    return st;
}

static int dry_run(const command_state *s)
{
    atl_note note = {0};
    atl_batch *batch = NULL;
    uint64_t n_jobs = 0;
    uint8_t digest[32];
    atl_status st = atl_batch_open(&s->batch, &batch, &note);
    if (st == ATL_OK)
        st = atl_batch_check(batch, &n_jobs, digest, &note);
    if (st == ATL_OK)
        st = print_jobs(batch, &note);
    atl_batch_close(&batch);
    if (st != ATL_OK)
        return console_fail(st, &note);
    console_say("%llu picture%s would be painted with %s (%s)", (unsigned long long)n_jobs,
                n_jobs == 1 ? "" : "s", s->model_name, s->model_hash);
    return 0;
}

static int run(command_state *s, const char *prompts)
{
    atl_note note = {0};
    const atl_status st = prepare(s, prompts, &note);
    if (st != ATL_OK)
        return console_fail(st, &note);
    return s->args.dry_run ? dry_run(s) : run_and_report(&s->options, &s->args);
}

int command_run(int argc, char **argv)
{
    atl_option rows[RUN_MAX_ROWS];
    const atl_command command = {
        .name = "atelier run",
        .operands = "PROMPTS",
        .summary = "Paints every prompt of a file (.txt, .jsonl, .csv, a picture of its own; - is standard "
                   "input) into a directory.\nCtrl-C stops after what is being painted; the same command "
                   "goes on from there. SIGUSR1 pauses, SIGUSR2 goes on.\nWhat failed is in failed.jsonl; "
                   "atelier retry DIR tries it again. Exit codes: 0 all done, 1 failed, 2 usage,\n3 some "
                   "pictures failed, 129, 130 and 143 stopped by a signal with everything safe.",
        .options = rows,
        .n_options = run_rows(RUN_ROWS_RUN, rows),
        .least_operands = 1,
        .most_operands = 1,
    };
    command_state s = {.args = run_args_new()};
    atl_note note = {0};
    config settings = {0};
    char **operands, **words = calloc((size_t)argc + 1, sizeof *words); /* parsing moves operands about */
    int n, code = 1;
    const atl_status st = words ? config_load(&command, &settings, &note) : ATL_NO_MEMORY;
    if (st != ATL_OK) {
        free(words);
        return console_fail(st, &note);
    }
    memcpy(words, argv, (size_t)argc * sizeof *words);
    if (console_parse(&command, argc, argv, &s.args, &operands, &n, &code)) {
        if (s.args.print_config) {
            config_print(&command, &settings, &s.args, argc, words);
            code = 0;
        } else {
            code = run(&s, operands[0]);
        }
    }
    config_done(&settings);
    free(words);
    done(&s);
    return code;
}
