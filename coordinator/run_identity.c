/* run_identity.c - what a run is, and whether a directory holds the same one.
 *
 * The RUN record's fields are "key=value". Those in `compared` must be the same for a directory to be taken
 * up; the others let a person, and `retry`, find things again. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "results/history.h"
#include "run_private.h"

enum { PLAN_FIELDS = 7, NETWORKS = 13 /* of the settings */ };

static const struct {
    const char *key, *words;
} compared[] = {
    {"jobs", "the number of jobs"},
    {"ids", "the jobs themselves (prompts, settings or seeds)"},
    {"names", "the pictures' names"},
    {"model_hash", "the model's weights"},
    {"networks", "the networks beside the model"},
    {"policy", "the precision"},
    {"version", "the program's version"},
};

/* Those a retry does not have: it reads failed.jsonl. */
static bool is_of_batch(const char *key)
{
    return strcmp(key, "jobs") == 0 || strcmp(key, "networks") == 0 || strcmp(key, "ids") == 0 ||
           strcmp(key, "names") == 0;
}

static bool set(atl_runner *r, int at, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool set(atl_runner *r, int at, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    const int n = vasprintf(&text, format, args);
    va_end(args);
    free(r->settings[at]);
    r->settings[at] = n < 0 ? NULL : text;
    return n >= 0;
}

static void put_date(char date[32])
{
    const time_t now = time(NULL);
    struct tm parts;
    if (!gmtime_r(&now, &parts) || strftime(date, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        date[0] = '\0';
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

atl_status atl_runner_describe(atl_runner *r, atl_note *note)
{
    const atl_run_options *o = r->o;
    char date[32];
    atl_text networks = {0};
    put_date(date);
    if (o->networks)
        o->networks(o->weigh_user, &networks);
    const char *names = o->retry ? "" : o->batch->name_template;
    bool ok = set(r, 0, "version=%s", or_empty(o->version)) &&
              set(r, 1, "jobs=%llu", (unsigned long long)r->n_jobs) && set(r, 2, "ids=%s", r->ids) &&
              set(r, 3, "names=%s", names ? names : ATL_BATCH_DEFAULT_TEMPLATE) &&
              set(r, 4, "model_hash=%s", or_empty(o->model_hash)) &&
              set(r, 5, "policy=%s", o->executor.policy ? o->executor.policy : "fp32") &&
              set(r, 6, "model_name=%s", or_empty(o->model_name)) &&
              set(r, 7, "model=%s", or_empty(o->executor.model)) &&
              set(r, 8, "variant=%s", or_empty(o->executor.variant)) &&
              set(r, 9, "tokenizer=%s", or_empty(o->executor.tokenizer_dir)) &&
              set(r, 10, "prompts=%s", o->retry ? "" : or_empty(o->batch->path)) &&
              set(r, 11, "date=%s", date) && set(r, 12, "lora_dir=%s", or_empty(o->executor.lora_dir)) &&
              set(r, NETWORKS, "networks=%s", or_empty(networks.data)) && !networks.failed;
    atl_text_done(&networks);
    return ok ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for what the run is");
}

static const char *value_now(const atl_runner *r, const char *key)
{
    const size_t n = strlen(key);
    for (int i = 0; i < RUN_RECORD_FIELDS; i++)
        if (strncmp(r->settings[i], key, n) == 0 && r->settings[i][n] == '=')
            return r->settings[i] + n + 1;
    return "";
}

const char *atl_runner_networks(const atl_runner *r)
{
    return value_now(r, "networks");
}

atl_status atl_runner_compare(atl_runner *r, const atl_record *record, atl_note *note)
{
    atl_text words = {0};
    r->known = true;
    for (size_t i = 0; i < sizeof compared / sizeof *compared; i++) {
        const char *key = compared[i].key;
        const char *then = atl_record_value(record, key), *now = value_now(r, key);
        if ((r->o->retry && is_of_batch(key)) || strcmp(then, now) == 0)
            continue;
        atl_text_printf(&words, "%s%s", words.length > 0 ? "; " : "", compared[i].words);
        if (strcmp(key, "ids") != 0)
            atl_text_printf(&words, " (there: %s, here: %s)", then, now);
    }
    if (r->o->retry)
        r->n_jobs = strtoull(atl_record_value(record, "jobs"), NULL, 10);
    if (r->o->retry && !set(r, NETWORKS, "networks=%s", atl_record_value(record, "networks"))) {
        atl_text_done(&words);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for what the run is");
    }
    const atl_status st =
        words.length == 0
            ? ATL_OK
            : atl_fail(note, ATL_USAGE, "%s holds another run; what differs: %s", r->o->dir, words.data);
    atl_text_done(&words);
    return st;
}

atl_status atl_runner_begin_session(atl_runner *r, atl_note *note)
{
    atl_record run = {.type = ATL_RECORD_RUN}, plan = {.type = ATL_RECORD_PLAN};
    const atl_plan *placed = r->executor ? atl_executor_plan(r->executor) : NULL;
    char field[PLAN_FIELDS][64], date[32];
    put_date(date);
    snprintf(field[0], sizeof *field, "session=%u", r->session);
    snprintf(field[1], sizeof *field, "workers=%d", placed ? placed->n_workers : 0);
    snprintf(field[2], sizeof *field, "threads=%d", placed ? placed->n_threads : 0);
    snprintf(field[3], sizeof *field, "pid=%ld", (long)getpid());
    snprintf(field[4], sizeof *field, "begun_ns=%lld", (long long)atl_clock_now_ns());
    snprintf(field[5], sizeof *field, "date=%s", date);
    snprintf(field[6], sizeof *field, "coordinator_cpu=%d",
             placed && placed->reserved ? placed->coordinator_pu : -1);
    for (int i = 0; i < RUN_RECORD_FIELDS; i++)
        atl_record_add(&run, r->settings[i]);
    for (int i = 0; i < PLAN_FIELDS; i++)
        atl_record_add(&plan, field[i]);
    atl_status st = r->known ? ATL_OK : atl_ledger_append(r->ledger, &run, note);
    if (st == ATL_OK)
        st = atl_ledger_append(r->ledger, &plan, note);
    return st != ATL_OK ? st : atl_runner_commit(r, note);
}

atl_status atl_runner_end_session(atl_runner *r, const char *how, atl_note *note)
{
    atl_record end = {.type = ATL_RECORD_END};
    char field[3][64];
    snprintf(field[0], sizeof *field, "done=%llu", (unsigned long long)r->marks.n[ATL_MARK_DONE]);
    snprintf(field[1], sizeof *field, "failed=%llu", (unsigned long long)r->marks.n[ATL_MARK_FAILED]);
    snprintf(field[2], sizeof *field, "how=%s", how);
    for (int i = 0; i < 3; i++)
        atl_record_add(&end, field[i]);
    const atl_status st = atl_ledger_append(r->ledger, &end, note);
    return st != ATL_OK ? st : atl_runner_commit(r, note);
}

atl_status atl_runner_record_state(atl_runner *r, const char *state, atl_note *note)
{
    atl_record record = {.type = ATL_RECORD_STATE};
    char field[64];
    snprintf(field, sizeof field, "state=%s", state);
    atl_record_add(&record, field);
    r->urgent = true;
    return atl_ledger_append(r->ledger, &record, note);
}
