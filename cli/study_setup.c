/* study_setup.c - see study_setup.h. */
#include "study_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "console.h"
#include "engine/ceilings.h"
#include "engine/cpu.h"
#include "engine/engine.h"
#include "find_model.h"
#include "job_check.h"
#include "run_signals.h"

#define CEILING_S   0.5
#define MAX_PROMPTS 64 /* of the file that are painted round and round */

static void say(void *user, const char *sentence)
{
    study_setup *s = user;
    study_progress_clear(&s->progress);
    console_say("%s", sentence);
}

static void watch(void *user, const atl_study_view *view)
{
    study_progress_watch(&((study_setup *)user)->progress, view);
}

/* ---- the prompts ---- */

static atl_status judge(void *user, const atl_job *job, atl_note *note)
{
    return job_check(((study_setup *)user)->rules, job, note);
}

static atl_status read_jobs(study_setup *s, const char *prompts, atl_note *note)
{
    atl_batch_options options = run_batch_options(&s->args.run, prompts);
    atl_batch *batch = NULL;
    bool end = false;
    options.mistake = say;
    options.judge = judge;
    options.user = s;
    s->jobs = calloc(MAX_PROMPTS, sizeof *s->jobs);
    if (!s->jobs)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for prompts");
    atl_status st = atl_batch_open(&options, &batch, note);
    while (st == ATL_OK && !end && s->n_jobs < MAX_PROMPTS) {
        st = atl_batch_next(batch, &s->jobs[s->n_jobs], &end, note);
        s->n_jobs += st == ATL_OK && !end;
    }
    atl_batch_close(&batch);
    if (st == ATL_OK && !end)
        say(s, "the first 64 prompts are painted, round and round");
    s->options.jobs = s->jobs;
    s->options.n_jobs = s->n_jobs;
    return st;
}

/* What workers may open: the networks that were checked, as they were then. */
static atl_status name_networks(study_setup *s, atl_note *note)
{
    atl_rules_networks(s->rules, &s->networks);
    s->options.executor.networks = s->networks.length > 0 ? s->networks.data : NULL;
    s->head.networks = strdup(s->networks.length > 0 ? s->networks.data : "");
    return s->networks.failed || !s->head.networks
               ? atl_fail(note, ATL_NO_MEMORY, "no memory for the networks' names")
               : ATL_OK;
}

/* The prompts' and settings' own hash: that over the jobs' ids. */
static atl_status hash_jobs(study_setup *s, atl_note *note)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    char hex[2 * sizeof digest + 1];
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < s->n_jobs; i++)
        crypto_hash_sha256_update(&state, s->jobs[i].id.bytes, sizeof s->jobs[i].id.bytes);
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    s->head.prompts_sha256 = strdup(hex);
    return s->head.prompts_sha256 ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for a hash");
}

/* ---- what is known of program and machine ---- */

static char *cpu_model(void)
{
    atl_cpu cpu;
    atl_cpu_look("", &cpu);
    return strdup(cpu.model);
}

static char *command_words(int argc, char **argv)
{
    atl_text words = {0};
    atl_text_puts(&words, "atelier");
    for (int i = 0; i < argc; i++)
        atl_text_printf(&words, " %s", argv[i]);
    return words.failed ? NULL : words.data;
}

static char *now_words(void)
{
    char text[40] = "";
    const time_t now = time(NULL);
    struct tm parts;
    if (localtime_r(&now, &parts))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &parts);
    return strdup(text);
}

static atl_status fill_head(study_setup *s, char *command, atl_note *note)
{
    atl_study_head *h = &s->head;
    atl_text plan = {0}, kernel = {0};
    struct utsname system;
    char name[128], hash[11];
    const atl_status st = atl_engine_identify_model(s->model, s->args.run.variant, name, hash, note);
    if (st != ATL_OK) {
        free(command);
        return st;
    }
    if (uname(&system) == 0)
        atl_text_printf(&kernel, "%s %s %s", system.sysname, system.release, system.machine);
    study_plan_words(&s->args, &plan);
    h->command = command;
    h->version = strdup(atl_engine_version());
    h->commit = strdup(ATELIER_COMMIT);
    h->compiler = strdup(ATELIER_COMPILER);
    h->flags = strdup(ATELIER_FLAGS);
    h->machine = strdup("");
    h->cpu_model = cpu_model();
    h->kernel = kernel.data;
    h->isa = strdup("");
    h->model_name = strdup(name);
    h->model_hash = strdup(hash);
    h->plan = plan.data;
    h->started = now_words();
    h->guidance_scale = s->jobs[0].guidance_scale;
    h->seed = s->args.order_seed;
    h->rounds = (int)s->args.rounds;
    h->window_s = s->args.window_s;
    return h->command && h->version && h->commit && h->compiler && h->flags && h->machine && h->cpu_model &&
                   h->kernel && h->isa && h->model_name && h->model_hash && h->plan && h->started
               ? ATL_OK
               : atl_fail(note, ATL_NO_MEMORY, "no memory for the study's head");
}

/* ---- the machine's ceilings ---- */

/* Whose kernels multiply in the convolutions under that policy. */
static void name_isa(const char *policy, char isa[16])
{
    atl_cpu cpu;
    atl_cpu_look("", &cpu);
    snprintf(isa, 16, "%s", cpu.isa);
    for (size_t i = 0; i < cpu.n_uses; i++)
        if (strcmp(cpu.uses[i].policy, policy) == 0 && strcmp(cpu.uses[i].layers, "convolutions") == 0)
            snprintf(isa, 16, "%s", cpu.uses[i].isa);
}

/* One figure of n threads; NAN where it cannot be had. */
static double ceiling_of(const char *name, int n_threads)
{
    const atl_ceilings_options options = {.n_threads = n_threads, .seconds = CEILING_S, .only = name};
    atl_ceiling found[ATL_MAX_CEILINGS];
    size_t n = 0;
    if (atl_ceilings_measure(&options, found, &n, NULL) != ATL_OK || n == 0)
        return (double)NAN;
    return found[0].median;
}

static atl_status measure_ceilings(void *user, atl_note *note)
{
    study_setup *s = user;
    cpu_set_t usable;
    char isa[16] = "";
    const int n = sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable) : 1;
    const char *policy = s->options.policies[0];
    const bool by_f32 = strcmp(policy, "fp32") == 0 || strcmp(policy, "fp16") == 0;
    const char *product = by_f32 ? "gemm_f32" : strcmp(policy, "int8") == 0 ? "gemm_s8" : "gemm_bf16";
    name_isa(policy, isa);
    free(s->head.isa);
    s->head.isa = strdup(isa);
    if (!s->head.isa)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a name");
    if (s->args.no_ceilings) {
        s->head.ceilings =
            (atl_study_ceilings){(double)NAN, (double)NAN, (double)NAN, (double)NAN, (double)NAN, ""};
        return ATL_OK;
    }
    say(s, "measuring what the machine can do at most");
    s->head.ceilings = (atl_study_ceilings){
        .triad_gbps_one = ceiling_of("triad", 1),
        .triad_gbps_all = ceiling_of("triad", n),
        .latency_ns_idle = ceiling_of("latency_memory", 1),
        .gflops_one = ceiling_of(product, 1),
        .gflops_all = ceiling_of(product, n),
    };
    snprintf(s->head.ceilings.product, sizeof s->head.ceilings.product, "%.15s", s->options.policies[0]);
    return ATL_OK;
}

atl_status study_setup_open(study_setup *s, const char *command, const char *prompts, int argc, char **argv,
                            atl_note *note)
{
    if (!s->args.run.output)
        return atl_fail(note, ATL_USAGE, "there is no --output; wanted: atelier %s %s -o DIR", command,
                        prompts);
    s->policy_words = strdup(s->args.policies);
    if (!s->policy_words)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a name");
    atl_status st = study_options(&s->args, s->policy_words, &s->options, note);
    if (st == ATL_OK && !s->args.run.model)
        st = find_model(&s->model, note);
    else if (st == ATL_OK && !(s->model = strdup(s->args.run.model)))
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for a path");
    if (st == ATL_OK)
        st = atl_rules_open(s->model, s->args.run.variant, s->args.run.lora_dir, &s->rules, note);
    if (st == ATL_OK)
        st = read_jobs(s, prompts, note);
    if (st == ATL_OK)
        st = name_networks(s, note);
    if (st == ATL_OK)
        st = hash_jobs(s, note);
    if (st == ATL_OK)
        st = fill_head(s, command_words(argc, argv), note);
    s->options.prepare = measure_ceilings;
    s->options.executor.model = s->model;
    s->options.head = &s->head;
    s->options.stops = run_signals_stops;
    s->options.say = s->args.run.quiet ? NULL : say;
    s->options.watch = watch;
    s->options.user = s;
    s->progress = study_progress_new(s->args.run.quiet, s->args.run.plain);
    run_signals_listen();
    return st;
}

void study_setup_close(study_setup *s)
{
    for (size_t i = 0; i < s->n_jobs; i++)
        atl_job_done(&s->jobs[i]);
    free(s->jobs);
    atl_rules_close(&s->rules);
    atl_text_done(&s->networks);
    free(s->model);
    free(s->policy_words);
    atl_study_head_done(&s->head);
}

int study_setup_end(study_setup *s, atl_status st, const atl_note *note)
{
    study_progress_clear(&s->progress);
    if (st == ATL_CANCELLED && run_signals_stops(NULL) > 0) {
        console_say("stopped; the same command goes on where this ended");
        return run_signals_exit_code();
    }
    return st == ATL_OK ? 0 : console_fail(st, note);
}

atl_status study_setup_read(const study_setup *s, atl_study *ret_study, atl_note *note)
{
    const char *dir = s->options.dir;
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return atl_fail(note, ATL_IO, "%s: %s", dir, strerror(errno));
    const atl_status st = atl_study_read(fd, ret_study, note);
    close(fd);
    return st;
}

int study_setup_code(const atl_study *study)
{
    if (atl_study_has_valid(study))
        return 0;
    console_say(
        "no honest figure can come of this: there is not one measurement without a flaw; the report says "
        "what disturbed them");
    return 1;
}

int study_setup_command(const atl_command *command, int argc, char **argv,
                        int (*run)(study_setup *s, const char *prompts, int argc, char **argv))
{
    study_setup s = {.args = study_args_new()};
    char **operands, **words = calloc((size_t)argc + 1, sizeof *words); /* parsing moves operands about */
    int n, code = 1;
    if (!words)
        return console_fail(ATL_NO_MEMORY, NULL);
    memcpy(words, argv, (size_t)argc * sizeof *words);
    if (console_parse(command, argc, argv, &s.args, &operands, &n, &code))
        code = run(&s, operands[0], argc, words);
    study_setup_close(&s);
    free(words);
    return code;
}
