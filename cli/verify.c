/* verify.c - `atelier verify`: are all pictures of a run there, whole, and what its ledger says? */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "commands.h"
#include "console.h"
#include "coordinator/repaint.h"
#include "results/verify.h"
#include "run_args.h"
#include "run_dir.h"
#include "run_signals.h"

/* All that one call owns. */
typedef struct check {
    run_args args;
    const char *path;
    run_dir dir;
    atl_verify_counts counts;
    atl_repaint_counts again;
    atl_repaint_sample *samples; /* drawn evenly from all whole pictures: Vitter's reservoir */
    size_t n_samples;
    uint64_t n_seen;
    bool no_memory;
} check;

static void tell_fault(void *user, const char *name, const char *what)
{
    (void)user;
    console_say("%s: %s", name, what);
}

static bool stop(void *user)
{
    return run_signals_stops(user) > 0;
}

static void draw_sample(void *user, const char *name, const char *digest)
{
    check *c = user;
    const size_t wanted = (size_t)c->args.repaint;
    size_t at = c->n_samples;
    c->n_seen++;
    if (wanted == 0)
        return;
    if (c->n_samples == wanted) {
        const uint64_t drawn =
            c->n_seen <= UINT32_MAX ? randombytes_uniform((uint32_t)c->n_seen) : UINT64_MAX;
        if (drawn >= wanted)
            return;
        at = (size_t)drawn;
    }
    char *path = atl_path_join(c->path, name);
    if (!path) {
        c->no_memory = true;
        return;
    }
    free(c->samples[at].path);
    c->samples[at].path = path;
    snprintf(c->samples[at].digest, sizeof c->samples[at].digest, "%s", digest);
    c->n_samples += at == c->n_samples;
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static atl_status repaint(check *c, atl_note *note)
{
    atl_executor_options options;
    const atl_status st = run_pool_options(&c->args, &options, note);
    if (st != ATL_OK || c->n_samples == 0)
        return st;
    options.model = c->dir.model;
    options.variant = or_null(c->dir.variant);
    options.policy = or_null(c->dir.policy);
    options.tokenizer_dir = or_null(c->dir.tokenizer);
    options.lora_dir = or_null(c->dir.lora_dir);
    return atl_repaint(c->samples, c->n_samples, &options, tell_fault, stop, NULL, &c->again, note);
}

static void report(const check *c)
{
    const atl_verify_counts *n = &c->counts;
    const uint64_t ended = n->n_done + n->n_failed;
    const uint64_t left = c->dir.n_jobs > ended ? c->dir.n_jobs - ended : 0;
    if (c->args.json) {
        printf(
            "{\"jobs\":%llu,\"done\":%llu,\"failed\":%llu,\"left\":%llu,\"whole\":%llu,\"missing\":%llu,"
            "\"damaged\":%llu,\"repainted_same\":%llu,\"repainted_different\":%llu,\"repainted_failed\":%llu,"
            "\"repainted_skipped\":%llu}\n",
            (unsigned long long)c->dir.n_jobs, (unsigned long long)n->n_done, (unsigned long long)n->n_failed,
            (unsigned long long)left, (unsigned long long)n->n_whole, (unsigned long long)n->n_missing,
            (unsigned long long)n->n_damaged, (unsigned long long)c->again.n_same,
            (unsigned long long)c->again.n_different, (unsigned long long)c->again.n_failed,
            (unsigned long long)c->again.n_skipped);
        return;
    }
    printf("%llu picture%s whole, %llu missing, %llu damaged; %llu job%s failed, %llu not painted yet, of "
           "%llu\n",
           (unsigned long long)n->n_whole, n->n_whole == 1 ? "" : "s", (unsigned long long)n->n_missing,
           (unsigned long long)n->n_damaged, (unsigned long long)n->n_failed, n->n_failed == 1 ? "" : "s",
           (unsigned long long)left, (unsigned long long)c->dir.n_jobs);
    if (c->args.repaint > 0)
        printf("painted again: %llu the same, %llu different, %llu failed, %llu could not be\n",
               (unsigned long long)c->again.n_same, (unsigned long long)c->again.n_different,
               (unsigned long long)c->again.n_failed, (unsigned long long)c->again.n_skipped);
}

static int verify(check *c)
{
    atl_note note = {0};
    atl_status st = run_dir_open(c->path, &c->dir, &note);
    if (st != ATL_OK)
        return console_fail(st, &note);
    c->samples = calloc((size_t)c->args.repaint + 1, sizeof *c->samples);
    const atl_verify_watch watch = {.whole = draw_sample, .fault = tell_fault, .stop = stop, .user = c};
    st = !c->samples || sodium_init() < 0 ? ATL_NO_MEMORY : atl_verify(c->dir.fd, &watch, &c->counts, &note);
    if (st == ATL_OK && c->no_memory)
        st = ATL_NO_MEMORY;
    if (st == ATL_OK)
        st = repaint(c, &note);
    run_dir_close(&c->dir);
    if (st == ATL_CANCELLED && run_signals_stops(NULL) > 0) {
        console_say("%s", note.text);
        return run_signals_exit_code();
    }
    if (st != ATL_OK)
        return console_fail(st, &note);
    report(c);
    const bool whole =
        c->counts.n_missing + c->counts.n_damaged + c->again.n_different + c->again.n_failed == 0;
    if (!whole)
        console_say("atelier run paints again what is missing; remove a damaged picture first");
    return whole ? 0 : 1;
}

int command_verify(int argc, char **argv)
{
    atl_option rows[RUN_MAX_ROWS];
    const atl_command command = {
        .name = "atelier verify",
        .operands = "DIR",
        .summary = "Reads the ledger of a run twice and every picture in it whole, several at once on all "
                   "cores: that it is there, is a sound PNG, carries its job's id, and has the size and the "
                   "SHA-256 of its pixels that the ledger says. The timings, the summary and the gallery are "
                   "copies, and not read. Exit codes: 0 all are whole, 1 some are not.",
        .options = rows,
        .n_options = run_rows(RUN_ROWS_VERIFY, rows),
        .least_operands = 1,
        .most_operands = 1,
    };
    check c = {.args = run_args_new()};
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &c.args, &operands, &n, &code))
        return code;
    c.path = operands[0];
    run_signals_listen();
    code = verify(&c);
    for (size_t i = 0; i < c.n_samples; i++)
        free(c.samples[i].path);
    free(c.samples);
    return code;
}
