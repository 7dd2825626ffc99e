/* study_args.c - see study_args.h. */
#include "study_args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "engine/engine.h"
#include "leave_row.h"

#define AT(field)    offsetof(study_args, field)
#define MAX_ROUNDS   1000
#define MAX_MINUTES  100000
#define MAX_WINDOW_S 3600
#define MAX_PICTURES 1000

static const atl_option study_only_rows[] = {
    {"workers", 'w', ATL_OPTION_STRING, AT(workers), "LIST", NULL, 0, 0, NULL, "auto",
     "worker counts to measure: 1-16, or 1,2,4,8; auto: 1, 2, 3, 4, 6, 8, 12 … up to the machine's cores, "
     "and the neighbours of the knee"},
    {"threads", 't', ATL_OPTION_STRING, AT(threads), "LIST", NULL, 0, 0, NULL, "1",
     "of each worker: 1,2,4; with several, worker counts that would have to share cores are left out"},
    {"order", 0, ATL_OPTION_CHOICE, AT(order), "ORDER", "scatter|compact|both", 0, 0, NULL, "scatter",
     "workers far from each other, or side by side"},
    {"policy", 0, ATL_OPTION_STRING, AT(policies), "LIST", NULL, 0, 0, NULL, "fp32",
     "precisions to compare: fp32,fp16,bf16,int8; with fp32 among them the report says what the others cost "
     "in quality"},
    {"rounds", 'r', ATL_OPTION_INT, AT(rounds), "N", NULL, 1, MAX_ROUNDS, NULL, "7",
     "how often each count is measured; five or more say how sure the figures are"},
    {"window", 0, ATL_OPTION_REAL, AT(window_s), "S", NULL, 0.1, MAX_WINDOW_S, NULL, "10",
     "the least seconds of a window"},
    {"pictures", 0, ATL_OPTION_INT, AT(pictures), "N", NULL, 1, MAX_PICTURES, NULL, "2",
     "the least pictures of each worker in a window"},
    {"minutes", 0, ATL_OPTION_REAL, AT(minutes), "M", NULL, 0.1, MAX_MINUTES, NULL, NULL,
     "as many rounds, at most --rounds, as fit into M minutes"},
    {"order-seed", 0, ATL_OPTION_SEED, AT(order_seed), "N", NULL, 0, 0, NULL, "1",
     "of the random order of windows"},
    {"no-probe", 0, ATL_OPTION_FLAG, AT(no_probe), NULL, NULL, 0, 0, NULL, NULL,
     "run no memory probe on a spare core"},
    {"no-ceilings", 0, ATL_OPTION_FLAG, AT(no_ceilings), NULL, NULL, 0, 0, NULL, NULL,
     "do not measure first what the machine can do at most"},
    {"no-corunners", 0, ATL_OPTION_FLAG, AT(no_corunners), NULL, NULL, 0, 0, NULL, NULL,
     "measure no worker beside streams through memory"},
    {"cpus", 0, ATL_OPTION_STRING, AT(run.cpus), "LIST", NULL, 0, 0, "ATELIER_CPUS", NULL,
     "stay within these CPUs: 0-3,8; otherwise all that cpuset and taskset leave"},
    {"no-bind", 0, ATL_OPTION_FLAG, AT(run.no_bind), NULL, NULL, 0, 0, "ATELIER_NO_BIND", NULL,
     "leave the workers where the system puts them"},
    {"reserve-core", 0, ATL_OPTION_FLAG, AT(run.reserve_core), NULL, NULL, 0, 0, "ATELIER_RESERVE_CORE", NULL,
     "keep one core free of workers, and bind the coordinator to it"},
    NO_HISTORY_ROW(AT(run.no_history)),
    {"plain", 0, ATL_OPTION_FLAG, AT(run.plain), NULL, NULL, 0, 0, "ATELIER_PLAIN", NULL,
     "one line of progress every few seconds, on a terminal too"},
    {"quiet", 'q', ATL_OPTION_FLAG, AT(run.quiet), NULL, NULL, 0, 0, "ATELIER_QUIET", NULL,
     "no words while all goes well"},
};

study_args study_args_new(void)
{
    return (study_args){.run = run_args_new(), .workers = "auto", .threads = "1", .order = "scatter"};
}

/* A study keeps its record where a run keeps its pictures. */
static void name_record(atl_option *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].name, "output") == 0)
            rows[i].help = "where the record, the report and its pictures go; a directory that holds the "
                           "same is taken up where it ended";
}

/* The study's, without what says which W x T are measured, and how long. */
size_t compare_rows(atl_option rows[RUN_MAX_ROWS])
{
    static const char *const not_a_comparisons[] = {"workers",  "threads",      "order",
                                                    "window",   "pictures",     "minutes",
                                                    "no-probe", "no-corunners", "reserve-core"};
    size_t n = run_rows(RUN_ROWS_STUDY, rows);
    for (size_t i = 0; i < ATL_COUNT(study_only_rows); i++) {
        bool other = false;
        for (size_t k = 0; k < ATL_COUNT(not_a_comparisons); k++)
            other = other || strcmp(study_only_rows[i].name, not_a_comparisons[k]) == 0;
        if (!other)
            rows[n++] = study_only_rows[i];
    }
    name_record(rows, n);
    return n;
}

size_t study_rows(atl_option rows[RUN_MAX_ROWS])
{
    const size_t n = run_rows(RUN_ROWS_STUDY, rows);
    memcpy(rows + n, study_only_rows, sizeof study_only_rows);
    name_record(rows, n);
    return n + ATL_COUNT(study_only_rows);
}

/* ---- lists of counts ---- */

static bool read_count(const char **at, int most, int *ret)
{
    if (**at < '1' || **at > '9')
        return false;
    char *end;
    errno = 0;
    const long n = strtol(*at, &end, 10);
    *at = end;
    *ret = (int)n;
    return errno == 0 && n <= most;
}

atl_status study_counts_read(const char *option, const char *text, int most, int *ret_counts, size_t capacity,
                             size_t *ret_n, atl_note *note)
{
    const char *at = text;
    size_t n = 0;
    for (;;) {
        int first, last;
        if (!read_count(&at, most, &first))
            break;
        last = first;
        if (*at == '-') {
            at++;
            if (!read_count(&at, most, &last) || last < first)
                break;
        }
        if ((n > 0 && first <= ret_counts[n - 1]) || (size_t)(last - first) >= capacity - n)
            break;
        for (int count = first; count <= last; count++)
            ret_counts[n++] = count;
        if (*at == '\0') {
            *ret_n = n;
            return ATL_OK;
        }
        if (*at++ != ',')
            break;
    }
    return atl_fail(note, ATL_USAGE,
                    "--%s: found '%s', wanted at most %zu ascending numbers from 1 to %d, as 1-4,8", option,
                    text, capacity, most);
}

/* ---- all of it ---- */

/* Whether `word` is a policy, and not there yet once `auto` has become one of them. */
static atl_status check_policy(const char *word, const char *settled, const atl_study_options *options,
                               atl_note *note)
{
    static const char *const known[] = {"fp32", "fp16", "bf16", "int8", "auto"};
    bool is_known = false;
    for (size_t i = 0; i < ATL_COUNT(known); i++)
        is_known = is_known || strcmp(word, known[i]) == 0;
    if (!is_known)
        return atl_fail(note, ATL_USAGE, "--policy: found '%s', wanted some of fp32, fp16, bf16, int8, auto",
                        word);
    for (size_t i = 0; i < options->n_policies; i++)
        if (strcmp(options->policies[i], settled) == 0)
            return atl_fail(note, ATL_USAGE, "--policy: %s stands there twice%s", settled,
                            strcmp(word, "auto") == 0 ? ": it is what auto becomes here" : "");
    return ATL_OK;
}

static atl_status cut_policies(char *words, const run_args *run, atl_study_options *ret, atl_note *note)
{
    char *rest = words;
    while (rest) {
        const char *word = strsep(&rest, ",");
        if (ret->n_policies == ATL_STUDY_MAX_POLICIES || !word[0])
            return atl_fail(note, ATL_USAGE, "--policy: wanted at most %d names with commas between them",
                            (int)ATL_STUDY_MAX_POLICIES);
        const char *settled = atl_engine_policy_settle(word, run->model, run->variant);
        const atl_status st = check_policy(word, settled, ret, note);
        if (st != ATL_OK)
            return st;
        ret->policies[ret->n_policies++] = settled;
    }
    return ATL_OK;
}

atl_status study_options(const study_args *args, char *policy_words, atl_study_options *ret, atl_note *note)
{
    *ret = (atl_study_options){
        .dir = args->run.output,
        .executor = {.variant = args->run.variant,
                     .tokenizer_dir = args->run.tokenizer,
                     .lora_dir = args->run.lora_dir,
                     .cpus = args->run.cpus,
                     .bind = !args->run.no_bind,
                     .reserve_core = args->run.reserve_core},
        .rounds = (int)args->rounds,
        .window_s = args->window_s,
        .least_pictures = (int)args->pictures,
        .minutes = args->minutes,
        .seed = args->order_seed,
        .probe = !args->no_probe,
        .corunners = !args->no_corunners,
    };
    if (strcmp(args->order, "compact") != 0)
        ret->orders[ret->n_orders++] = ATL_SCATTER;
    if (strcmp(args->order, "scatter") != 0)
        ret->orders[ret->n_orders++] = ATL_COMPACT;
    atl_status st = cut_policies(policy_words, &args->run, ret, note);
    if (st == ATL_OK)
        st = study_counts_read("threads", args->threads, ATL_PLAN_MAX_THREADS, ret->threads,
                               ATL_COUNT(ret->threads), &ret->n_threads, note);
    if (st == ATL_OK && strcmp(args->workers, "auto") != 0)
        st = study_counts_read("workers", args->workers, ATL_PLAN_MAX_WORKERS, ret->workers,
                               ATL_COUNT(ret->workers), &ret->n_workers, note);
    return st;
}

void study_plan_words(const study_args *args, atl_text *out)
{
    atl_text_printf(out,
                    "workers %s, threads %s, order %s, policies %s, windows of %g s and %lld pictures a "
                    "worker, order seed %llu%s%s%s",
                    args->workers, args->threads, args->order, args->policies, args->window_s,
                    (long long)args->pictures, (unsigned long long)args->order_seed,
                    args->no_probe ? "" : ", probe", args->no_corunners ? "" : ", co-runners",
                    args->run.reserve_core ? ", a core for the coordinator" : "");
}
