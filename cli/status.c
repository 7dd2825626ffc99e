/* status.c - `atelier status`: how far a run is, also one in progress: its ledger tells. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "console.h"
#include "progress.h"
#include "results/progress_of.h"
#include "run_dir.h"

typedef struct status_args {
    bool json;
} status_args;

static bool is_running(const atl_progress_of *p)
{
    return !p->ended && p->pid > 0 && (kill((pid_t)p->pid, 0) == 0 || errno == EPERM);
}

static const char *state_of(const atl_progress_of *p)
{
    if (p->n_sessions == 0)
        return "never begun";
    if (is_running(p))
        return strcmp(p->state, "painting") == 0 ? "running" : p->state;
    return p->ended ? p->how : "killed";
}

static void print_number(const char *key, double value)
{
    if (isfinite(value))
        printf(",\"%s\":%.6g", key, value);
    else
        printf(",\"%s\":null", key);
}

static double eta_s(const atl_progress_of *p)
{
    const uint64_t ended = p->n_done + p->n_failed;
    const double left = p->n_jobs > ended ? (double)(p->n_jobs - ended) : 0;
    return is_running(p) && strcmp(p->state, "painting") == 0 ? left / p->recent_per_min * 60 : (double)NAN;
}

static void print_json(const atl_progress_of *p)
{
    printf(
        "{\"state\":\"%s\",\"jobs\":%llu,\"done\":%llu,\"failed\":%llu,\"sessions\":%u,\"leases_lost\":%llu,"
        "\"put_back\":%llu,\"session_begun\":\"%s\",\"session_pictures\":%llu",
        state_of(p), (unsigned long long)p->n_jobs, (unsigned long long)p->n_done,
        (unsigned long long)p->n_failed, p->n_sessions, (unsigned long long)p->n_lost,
        (unsigned long long)p->n_put_back, p->date, (unsigned long long)p->session_done);
    print_number("images_per_minute", p->per_min);
    print_number("eta_s", eta_s(p));
    fputs(",\"workers\":[", stdout);
    for (uint32_t i = 0; i < p->n_workers; i++) {
        const atl_worker_progress *w = &p->workers[i];
        printf("%s{\"worker\":%u,\"pictures\":%llu,\"painting\":", i > 0 ? "," : "", i,
               (unsigned long long)w->n_done);
        if (w->painting && is_running(p))
            printf("%llu}", (unsigned long long)w->index);
        else
            fputs("null}", stdout);
    }
    puts("]}");
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void print_words(const atl_progress_of *p)
{
    char eta[32], rate[32];
    printf("%s: %llu of %llu done, %llu failed", state_of(p), (unsigned long long)p->n_done,
           (unsigned long long)p->n_jobs, (unsigned long long)p->n_failed);
    if (isfinite(p->per_min)) {
        progress_format_rate(p->per_min, rate);
        printf(", %s images/min", rate);
    }
    if (isfinite(eta_s(p))) {
        progress_format_eta(eta_s(p), eta);
        printf(", ETA %s", eta);
    }
    printf("\nsession %u, begun %s, %llu picture%s; %llu lease%s lost", p->n_sessions,
           p->date[0] ? p->date : "never", (unsigned long long)p->session_done, plural(p->session_done),
           (unsigned long long)p->n_lost, plural(p->n_lost));
    if (p->n_put_back > 0)
        printf(", %llu job%s put back before painting", (unsigned long long)p->n_put_back,
               plural(p->n_put_back));
    putchar('\n');
    for (uint32_t i = 0; i < p->n_workers; i++) {
        const atl_worker_progress *w = &p->workers[i];
        printf("  worker %u: %llu picture%s", i, (unsigned long long)w->n_done, plural(w->n_done));
        if (w->painting && is_running(p))
            printf(", painting job %llu", (unsigned long long)w->index);
        putchar('\n');
    }
}

int command_status(int argc, char **argv)
{
    static const atl_option rows[] = {
        {"json", 0, ATL_OPTION_FLAG, offsetof(status_args, json), NULL, NULL, 0, 0, "ATELIER_JSON", NULL,
         "print one JSON object"},
    };
    const atl_command command = {
        .name = "atelier status",
        .operands = "DIR",
        .summary = "How far a run is: pictures, rate, what each worker does. Also while it is running.",
        .options = rows,
        .n_options = 1,
        .least_operands = 1,
        .most_operands = 1,
    };
    status_args args = {0};
    atl_note note = {0};
    run_dir dir;
    atl_progress_of p = {0};
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n, &code))
        return code;
    atl_status st = run_dir_open(operands[0], &dir, &note);
    if (st == ATL_OK) {
        st = atl_progress_read(dir.fd, &p, &note);
        run_dir_close(&dir);
    }
    if (st != ATL_OK)
        return console_fail(st, &note);
    (args.json ? print_json : print_words)(&p);
    atl_progress_done(&p);
    return 0;
}
