/* bench.c - `atelier bench`: stages and layers of a model, timed, as shares of what the machine can do. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sizes.h"
#include "bench_plan.h"
#include "commands.h"
#include "console.h"
#include "engine/cpu.h"
#include "engine/engine.h"
#include "engine/stages.h"
#include "find_model.h"
#include "leave_row.h"
#include "results/archive_noise.h"
#include "shared_options.h"

#define AT(field) offsetof(bench_args, field)

typedef struct bench_args {
    const char *model, *variant, *stages, *policy, *threads, *width, *height, *output, *roofline;
    int64_t batch, repetitions;
    bool kernels, ceilings, no_ceilings, no_history;
} bench_args;

static const atl_option rows[] = {
    {"model", 'm', ATL_OPTION_STRING, AT(model), "PATH", NULL, 0, 0, "ATELIER_MODEL", NULL,
     "a diffusers folder, or one .safetensors file; otherwise the one that comes with the program"},
    {"variant", 0, ATL_OPTION_STRING, AT(variant), "NAME", NULL, 0, 0, NULL, NULL,
     "which files of a checkpoint: fp16"},
    {"stages", 's', ATL_OPTION_STRING, AT(stages), "LIST", NULL, 0, 0, NULL,
     "text_encode,unet_step,vae_decode", "text_encode, unet_step, vae_decode, vae_encode; or all"},
    {"policy", 0, ATL_OPTION_STRING, AT(policy), "LIST", NULL, 0, 0, "ATELIER_POLICY", "fp32",
     "precisions, with commas between: fp32, fp16, bf16, int8, auto"},
    {"threads", 't', ATL_OPTION_STRING, AT(threads), "LIST", NULL, 0, 0, "ATELIER_THREADS", "1",
     "numbers of threads: 1,2,4"},
    {"width", 'W', ATL_OPTION_STRING, AT(width), "LIST", NULL, 0, 0, NULL, NULL,
     "of the picture in px: 512,768; otherwise the model's own"},
    {"height", 'H', ATL_OPTION_STRING, AT(height), "LIST", NULL, 0, 0, NULL, NULL,
     "one for each width; otherwise the same"},
    {"batch-size", 'b', ATL_OPTION_INT, AT(batch), "N", NULL, 0, ATL_MAX_BATCH * 2, NULL, "0",
     "prompts, latents or pictures at once; 0: 2 for text and UNet (both sides of guidance), 1 for the "
     "autoencoder"},
    {"repetitions", 'r', ATL_OPTION_INT, AT(repetitions), "R", NULL, 1, BENCH_MAX_REPETITIONS, NULL, "5",
     "of each, in random turns"},
    {"kernels", 'k', ATL_OPTION_FLAG, AT(kernels), NULL, NULL, 0, 0, NULL, NULL,
     "a row for each shape of layer, too, and with --ceilings the products of every instruction set"},
    {"ceilings", 'c', ATL_OPTION_FLAG, AT(ceilings), NULL, NULL, 0, 0, NULL, NULL,
     "all ceilings of the machine: products, bandwidths and latencies of each cache and of memory"},
    {"no-ceilings", 0, ATL_OPTION_FLAG, AT(no_ceilings), NULL, NULL, 0, 0, NULL, NULL,
     "measure no ceiling: times alone, without shares"},
    {"output", 'o', ATL_OPTION_CHOICE, AT(output), "FORMAT", "md|csv|json|jsonl|sql", 0, 0, NULL, "md",
     "how to print it"},
    {"roofline", 0, ATL_OPTION_STRING, AT(roofline), "FILE", NULL, 0, 0, NULL, NULL,
     "draw a roofline of it into an SVG file; measures all ceilings"},
    NO_HISTORY_ROW(AT(no_history)),
};

static const atl_command command = {
    .name = "atelier bench",
    .operands = "",
    .summary = "Times the stages of a model on random inputs and says what share of the machine's ceilings, "
               "measured in the same\nrun, each figure is. Rows go to stdout, what is being done to stderr.",
    .options = rows,
    .n_options = ATL_COUNT(rows),
    .least_operands = 0,
    .most_operands = 0,
};

enum { MAX_SIDE_PX = 16384 };

/* Comma-separated: "1,2,4" within [1, most]; then words. */
static atl_status read_numbers(const char *option, const char *list, int most, int ret[BENCH_MAX_LIST],
                               int *ret_n, atl_note *note)
{
    int n = 0;
    for (const char *at = list;; at++) {
        char *end;
        const long number = *at >= '0' && *at <= '9' ? strtol(at, &end, 10) : 0;
        if (number < 1 || number > most || n == BENCH_MAX_LIST || (*end != ',' && *end != '\0'))
            return atl_fail(note, ATL_USAGE,
                            "--%s: found '%s', wanted up to %d numbers from 1 to %d with commas between",
                            option, list, BENCH_MAX_LIST, most);
        ret[n++] = (int)number;
        at = end;
        if (*at == '\0')
            break;
    }
    *ret_n = n;
    return ATL_OK;
}

static atl_status read_words(const char *option, const char *list, char (*ret)[BENCH_WORD], int most,
                             int *ret_n, atl_note *note)
{
    int n = 0;
    for (const char *at = list;; at++) {
        const size_t length = strcspn(at, ",");
        if (length == 0 || length >= BENCH_WORD || n == most)
            return atl_fail(note, ATL_USAGE, "--%s: found '%s', wanted up to %d words with commas between",
                            option, list, most);
        snprintf(ret[n++], BENCH_WORD, "%.*s", (int)length, at);
        at += length;
        if (*at == '\0')
            break;
    }
    *ret_n = n;
    return ATL_OK;
}

static atl_status read_sizes(const bench_args *args, bench_plan *plan, atl_note *note)
{
    int n_heights = 0;
    atl_status st = ATL_OK;
    plan->n_sizes = 1;
    if (!args->width && args->height)
        return atl_fail(note, ATL_USAGE, "--height: wanted a --width as well");
    if (args->width)
        st = read_numbers("width", args->width, MAX_SIDE_PX, plan->widths, &plan->n_sizes, note);
    if (st == ATL_OK && args->height)
        st = read_numbers("height", args->height, MAX_SIDE_PX, plan->heights, &n_heights, note);
    if (st != ATL_OK)
        return st;
    if (n_heights > 1 && n_heights != plan->n_sizes)
        return atl_fail(note, ATL_USAGE, "--height: found %d, wanted one for each of %d widths", n_heights,
                        plan->n_sizes);
    for (int i = n_heights; i < plan->n_sizes; i++)
        plan->heights[i] = n_heights == 1 ? plan->heights[0] : plan->widths[i];
    return ATL_OK;
}

/* Names are checked before the model is opened. */
static atl_status check_names(const bench_plan *plan, atl_note *note)
{
    char list[128];
    for (int i = 0; i < plan->n_stages; i++) {
        snprintf(list, sizeof list, ", %s,", atl_stage_names());
        char word[BENCH_WORD + 4];
        snprintf(word, sizeof word, " %s,", plan->stages[i]);
        if (!strstr(list, word))
            return atl_fail(note, ATL_USAGE, "--stages: found '%s', wanted some of %s", plan->stages[i],
                            atl_stage_names());
    }
    return ATL_OK;
}

static atl_status read_plan(const bench_args *args, bench_plan *plan, atl_note *note)
{
    const char *stages =
        strcmp(args->stages, "all") == 0 ? "text_encode,unet_step,vae_decode,vae_encode" : args->stages;
    plan->batch = (int)args->batch;
    plan->repetitions = (int)args->repetitions;
    plan->layers = args->kernels;
    plan->all_ceilings = args->ceilings || args->roofline;
    plan->no_ceilings = args->no_ceilings;
    plan->variant = args->variant;
    if (args->no_ceilings && plan->all_ceilings)
        return atl_fail(note, ATL_USAGE,
                        "--no-ceilings: found with --ceilings or --roofline, which need them");
    atl_status st = read_words("stages", stages, plan->stages, BENCH_MAX_STAGES, &plan->n_stages, note);
    if (st == ATL_OK)
        st = check_names(plan, note);
    if (st == ATL_OK)
        st = read_words("policy", args->policy, plan->policies, BENCH_MAX_LIST, &plan->n_policies, note);
    for (int i = 0; st == ATL_OK && i < plan->n_policies; i++)
        if (strcmp(plan->policies[i], "auto") == 0)
            snprintf(plan->policies[i], BENCH_WORD, "%s",
                     atl_engine_policy_settle("auto", args->model, args->variant));
    if (st == ATL_OK)
        st = read_numbers("threads", args->threads, MAX_THREADS, plan->threads, &plan->n_threads, note);
    return st == ATL_OK ? read_sizes(args, plan, note) : st;
}

static atl_status write_all(const bench_args *args, const bench_about *about, const bench_row *found,
                            size_t n, atl_note *note)
{
    atl_text text = {0}, svg = {0};
    atl_status st = ATL_OK;
    bench_write(args->output, about, found, n, &text);
    if (args->roofline)
        bench_write_roofline(about, found, n, &svg);
    if (text.failed || svg.failed)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for the report");
    if (st == ATL_OK)
        fwrite(text.data, 1, text.length, stdout);
    if (st == ATL_OK && args->roofline)
        st = atl_file_write(args->roofline, svg.data, svg.length, note);
    atl_text_done(&text);
    atl_text_done(&svg);
    return st;
}

#define STRANGERS_MOST 5.0  /* % of the cores' time */
#define DRIFT_MOST     10.0 /* % */

static void warn_of_noise(const bench_about *about)
{
    if (about->foreign_load > STRANGERS_MOST || about->steal > STRANGERS_MOST)
        console_say(
            "warning: others used %.0f %% of these cores' time, and the hypervisor took %.0f %%: the figures "
            "say less about the program than about the company it had",
            about->foreign_load, about->steal);
    if (about->ceiling_drift > DRIFT_MOST)
        console_say("warning: a ceiling changed by %.0f %% from begin to end", about->ceiling_drift);
}

static bool is_one_case(const bench_row *a, const bench_row *b)
{
    return strcmp(a->policy, b->policy) == 0 && a->threads == b->threads && a->width == b->width &&
           a->height == b->height && strcmp(a->kind, "stage") == 0 && strcmp(b->kind, "stage") == 0;
}

/* One row of the history for each policy × threads × size: the UNet's step is its headline. */
static void leave_rows(const bench_about *about, const bench_row *found, size_t n)
{
    const atl_archive_noise noise = {.steal = about->steal,
                                     .foreign_load = about->foreign_load,
                                     .run_delay = about->run_delay,
                                     .cpu_pressure = about->cpu_pressure,
                                     .ceiling_drift = about->ceiling_drift,
                                     .cpu_share = (double)NAN};
    for (size_t i = 0; i < n; i++) {
        bool is_first = strcmp(found[i].kind, "stage") == 0;
        for (size_t j = 0; j < i && is_first; j++)
            is_first = !is_one_case(&found[i], &found[j]);
        if (!is_first)
            continue;
        atl_archive_entry row = {.kind = "bench", .workers = 1, .threads = found[i].threads};
        snprintf(row.policy, sizeof row.policy, "%s", found[i].policy);
        snprintf(row.model_name, sizeof row.model_name, "%s", about->model);
        snprintf(row.model_hash, sizeof row.model_hash, "%s", about->model_hash);
        snprintf(row.work, sizeof row.work, "stages %dx%d", found[i].width, found[i].height);
        for (int headline = 1; headline >= 0; headline--)
            for (size_t j = i; j < n; j++) {
                char name[48];
                if (!is_one_case(&found[i], &found[j]) ||
                    (strcmp(found[j].name, "unet_step") == 0) != headline)
                    continue;
                snprintf(name, sizeof name, "%.24s batch %d", found[j].name, found[j].batch);
                atl_archive_figure_add(&row, name, "ms", found[j].median, ATL_LESS_IS_BETTER);
                atl_archive_spread_add(&row, name, 100 * found[j].sd / found[j].median, found[j].n);
            }
        atl_archive_noise_add(&row, &noise);
        leave_row(&row, NULL);
    }
}

static atl_status bench(const bench_args *args, bench_plan *plan, atl_note *note)
{
    char started[32], name[128], hash[11];
    const time_t now = time(NULL);
    struct tm local;
    strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%S%z", localtime_r(&now, &local));
    atl_status st = atl_engine_identify_model(plan->model, plan->variant, name, hash, note);
    if (st != ATL_OK)
        return st;
    atl_cpu cpu;
    atl_cpu_look("", &cpu);
    bench_about about = {.started = started,
                         .version = atl_engine_version(),
                         .machine = cpu.model,
                         .model = name,
                         .model_hash = hash,
                         .n_cores = (int)sysconf(_SC_NPROCESSORS_ONLN)};
    bench_row *found = NULL;
    size_t n = 0;
    st = bench_measure(plan, &found, &n, &about, note);
    if (st == ATL_OK)
        st = write_all(args, &about, found, n, note);
    if (st == ATL_OK)
        warn_of_noise(&about);
    if (st == ATL_OK && !args->no_history)
        leave_rows(&about, found, n);
    free(found);
    return st;
}

int command_bench(int argc, char **argv)
{
    bench_args args = {0};
    bench_plan plan = {0};
    atl_note note = {0};
    atl_machine *machine = NULL;
    char **operands, *model = NULL;
    int n, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n, &code))
        return code;
    atl_status st = read_plan(&args, &plan, &note);
    if (st == ATL_OK && args.roofline)
        st = atl_file_check_target(args.roofline, true, &note);
    if (st == ATL_OK)
        st = atl_machine_load(&(atl_machine_source){0}, &machine, &note);
    plan.machine = machine;
    if (st == ATL_OK)
        st = args.model ? ATL_OK : find_model(&model, &note);
    plan.model = args.model ? args.model : model;
    if (st == ATL_OK)
        st = bench(&args, &plan, &note);
    free(model);
    atl_machine_free(&machine);
    return st == ATL_OK ? 0 : console_fail(st, &note);
}
