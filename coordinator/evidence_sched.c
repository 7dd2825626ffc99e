/* evidence_sched.c - how long the workers' threads waited for a CPU, and how often they were switched.
 *
 * Of each thread, /proc/…/task/…/schedstat tells the time run and the time runnable but waiting, in ns, and
 * status the context switches. Threads that end within the window take their counts with them. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence_private.h"

enum { PATH_BYTES = 4352 };

enum { RUN_NS, DELAY_NS, WANTED, FORCED, N_COUNTS };

typedef struct thread_counts {
    int thread;
    uint64_t counts[N_COUNTS];
} thread_counts;

typedef struct sched {
    thread_counts *threads;
    size_t n, capacity;
    int sched_error, status_error; /* of the last thread that did not tell */
    size_t n_sched, n_status;      /* that did */
} sched;

static bool add_thread(sched *s, const char *root, pid_t pid, int thread)
{
    char text[ATL_EVIDENCE_TEXT];
    thread_counts found = {.thread = thread};
    unsigned long long run, delay;
    if (!atl_evidence_read(text, sizeof text, "%s/proc/%d/task/%d/schedstat", root, pid, thread)) {
        s->sched_error = errno;
    } else if (sscanf(text, "%llu %llu", &run, &delay) == 2) {
        found.counts[RUN_NS] = run;
        found.counts[DELAY_NS] = delay;
        s->n_sched++;
    }
    if (!atl_evidence_read(text, sizeof text, "%s/proc/%d/task/%d/status", root, pid, thread))
        s->status_error = errno;
    else if (atl_evidence_field(text, "voluntary_ctxt_switches", &found.counts[WANTED]) &&
             atl_evidence_field(text, "nonvoluntary_ctxt_switches", &found.counts[FORCED]))
        s->n_status++;
    if (s->n == s->capacity) {
        thread_counts *more = realloc(s->threads, (s->capacity * 2 + 64) * sizeof *more);
        if (!more)
            return false;
        s->threads = more;
        s->capacity = s->capacity * 2 + 64;
    }
    s->threads[s->n++] = found;
    return true;
}

static bool add_process(sched *s, const char *root, pid_t pid)
{
    char path[PATH_BYTES];
    int *threads = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/proc/%d/task", root, pid);
    if (!atl_evidence_numbered(path, "", &threads, &n)) {
        s->sched_error = s->status_error = errno;
        return errno != ENOMEM;
    }
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = add_thread(s, root, pid, threads[i]);
    free(threads);
    return ok;
}

static int by_thread(const void *a, const void *b)
{
    const int x = ((const thread_counts *)a)->thread, y = ((const thread_counts *)b)->thread;
    return (x > y) - (x < y);
}

static bool read_all(sched *s, const atl_watched *watched)
{
    bool ok = true;
    for (size_t i = 0; ok && i < watched->n_pids; i++)
        ok = add_process(s, watched->root, watched->pids[i]);
    if (s->n > 0)
        qsort(s->threads, s->n, sizeof *s->threads, by_thread);
    return ok;
}

static void *begin(const atl_watched *watched)
{
    sched *s = calloc(1, sizeof *s);
    if (s && read_all(s, watched))
        return s;
    if (s)
        free(s->threads);
    free(s);
    return NULL;
}

static void sum_growth(const sched *begun, const sched *now, double sums[N_COUNTS])
{
    for (size_t i = 0; i < now->n; i++) {
        const thread_counts none = {0}, *first = NULL;
        if (begun->n > 0)
            first = bsearch(&now->threads[i], begun->threads, begun->n, sizeof none, by_thread);
        for (int c = 0; c < N_COUNTS; c++)
            sums[c] += atl_growth((first ? first : &none)->counts[c], now->threads[i].counts[c]);
    }
}

static void end(void *state, const atl_watched *watched, atl_evidence_list *list)
{
    sched *begun = state, now = {0};
    double sums[N_COUNTS] = {0};
    char why[128] = "";
    if (read_all(&now, watched))
        sum_growth(begun, &now, sums);
    const double wanted_ns = sums[RUN_NS] + sums[DELAY_NS];
    if (now.n_sched == 0)
        atl_evidence_reason(why, sizeof why, "schedstat of the workers' threads",
                            now.sched_error ? now.sched_error : EINVAL);
    else if (wanted_ns <= 0)
        snprintf(why, sizeof why, "schedstat counts nothing here, or nothing ran");
    atl_evidence_add(list, "run_delay", "%", why[0] ? NAN : 100 * sums[DELAY_NS] / wanted_ns, why);
    why[0] = '\0';
    if (now.n_status == 0)
        atl_evidence_reason(why, sizeof why, "status of the workers' threads",
                            now.status_error ? now.status_error : EINVAL);
    static const char *const names[2] = {"switches_wanted", "switches_forced"};
    for (int i = 0; i < 2; i++)
        atl_evidence_add(list, names[i], "1/s", why[0] ? NAN : sums[WANTED + i] / watched->seconds, why);
    free(now.threads);
    free(begun->threads);
    free(begun);
}

const atl_evidence_source atl_evidence_sched = {begin, end};
