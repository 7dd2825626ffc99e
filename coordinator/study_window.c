/* study_window.c - one window: when it opens, when it closes, what is read meanwhile; see study_private.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "evidence.h"
#include "study_company.h"

enum { TURN_MS = 50, LEAST_PICTURES = 2 };
#define MB 1e6

/* ---- when it opens ---- */

/* The last begin among the first pictures that workers 0 … n − 1 begun at `after_ns` or later; −1 while one
 * has none. */
static int64_t last_first_begin(const atl_study_pool *pool, int64_t after_ns)
{
    int64_t last = -1;
    for (int worker = 0; worker < pool->limit; worker++) {
        int64_t first = INT64_MAX;
        for (size_t i = 0; i < pool->n_samples; i++) {
            const atl_study_sample *p = &pool->samples[i];
            if (p->worker == worker && p->begun_ns >= after_ns && p->begun_ns < first)
                first = p->begun_ns;
        }
        if (first == INT64_MAX)
            return -1;
        last = first > last ? first : last;
    }
    return last;
}

/* When the last of the workers that no longer belong ended its picture. */
static int64_t quiet_since(const atl_study_pool *pool)
{
    int64_t since = pool->switch_ns;
    for (size_t i = 0; i < pool->n_samples; i++)
        if (pool->samples[i].worker >= pool->limit && pool->samples[i].ended_ns > since)
            since = pool->samples[i].ended_ns;
    return since;
}

/* −1: it cannot open yet. A picture was painted under the new limit by the time there is a begin to look at,
 * so the pool's count is of that limit. */
static int64_t opens_at(const atl_study_pool *pool)
{
    const int64_t begin_ns = last_first_begin(pool, quiet_since(pool));
    return begin_ns >= 0 && atl_executor_counts(pool->executor).n_beyond == 0 ? begin_ns : -1;
}

/* ---- when it closes ---- */

static bool is_complete(const atl_studier *s, int64_t begin_ns, int64_t now_ns)
{
    const int wanted = s->options->least_pictures > 0 ? s->options->least_pictures : LEAST_PICTURES;
    if (atl_ns_to_s(now_ns - begin_ns) < s->options->window_s)
        return false;
    for (int worker = 0; worker < s->pool.limit; worker++)
        if (atl_study_whole(s->pool.samples, s->pool.n_samples, worker, begin_ns, now_ns) < (size_t)wanted)
            return false;
    return true;
}

/* ---- what is read ---- */

/* PSS counts each shared page once over all that map it, so the sum has the weights once. */
void atl_study_weigh(const atl_studier *s, atl_study_window *ret)
{
    const size_t n = (size_t)s->pool.n_workers;
    size_t *each = calloc(n, sizeof *each), painting = 0;
    const size_t all = each ? atl_executor_pss_bytes(s->pool.executor, each, n) : 0;
    for (int worker = 0; each && worker < s->pool.limit; worker++)
        painting += each[worker];
    free(each);
    ret->pss_mb = all > 0 ? (double)all / MB : (double)NAN;
    ret->n_alive = s->pool.n_workers;
    ret->worker_pss_mb = (double)NAN;
    const atl_weights_file *weights = s->weights[atl_study_policy_index(s, ret->config.policy)];
    if (painting == 0)
        return;
    const double share = (double)atl_weights_file_bytes(weights) * ret->config.workers / (double)n;
    ret->worker_pss_mb = ((double)painting - share) / ret->config.workers / MB;
}

/* The processes and CPUs of the workers that paint. */
atl_status atl_study_watch_evidence(const atl_studier *s, atl_evidence_watch **ret, atl_note *note)
{
    const atl_plan *plan = atl_executor_plan(s->pool.executor);
    const size_t n = (size_t)s->pool.limit, n_threads = (size_t)plan->n_threads;
    pid_t *pids = calloc(n, sizeof *pids);
    int *cpus = calloc(n * n_threads, sizeof *cpus);
    atl_status st = pids && cpus ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for %zu workers", n);
    for (size_t i = 0; st == ATL_OK && i < n; i++) {
        pids[i] = (pid_t)atl_executor_worker_pid(s->pool.executor, (uint32_t)i);
        memcpy(&cpus[i * n_threads], plan->slots[i].pus, n_threads * sizeof *cpus);
    }
    const atl_evidence_scope scope = {.pids = pids, .n_pids = n, .cpus = cpus, .n_cpus = n * n_threads};
    if (st == ATL_OK)
        st = atl_evidence_begin(&scope, ret, note);
    free(pids);
    free(cpus);
    return st;
}

/* ---- the window ---- */

/* CPUs for each thread of the workers that paint. */
static double room_of(const atl_studier *s, const atl_study_window *window)
{
    const atl_plan *plan = atl_executor_plan(s->pool.executor);
    const int threads = window->config.threads, n = window->config.workers * threads;
    int own = 0;
    for (int i = 0; i < n; i++) {
        const int pu = plan->slots[i / threads].pus[i % threads];
        bool is_new = true;
        for (int k = 0; k < i && is_new; k++)
            is_new = plan->slots[k / threads].pus[k % threads] != pu;
        own += is_new;
    }
    return n > 0 ? (double)own / n : 1;
}

void atl_study_judge_window(const atl_studier *s, atl_study_window *window)
{
    atl_study_judge(window, room_of(s, window));
    if (atl_executor_counts(s->pool.executor).lost > s->pool.lost) {
        window->valid = false;
        snprintf(window->flaws, sizeof window->flaws, "A worker was lost and started anew.");
    }
}

/* What one window is made of. */
typedef struct open_window {
    int64_t begin_ns, end_ns;
    int64_t watched_ns; /* since when the evidence is taken: all workers painted by then */
    atl_evidence_watch *evidence;
    atl_study_company company;
} open_window;

/* Paints until the window is open and long enough. */
static atl_status keep_painting(atl_studier *s, open_window *w, atl_note *note)
{
    atl_status st = ATL_OK;
    w->begin_ns = -1;
    while (st == ATL_OK) {
        atl_study_watch(s, w->begin_ns < 0 ? ATL_STUDY_SETTLING : ATL_STUDY_MEASURING);
        st = atl_study_pool_turn(s, TURN_MS, note);
        w->end_ns = atl_clock_now_ns();
        if (st == ATL_OK && w->begin_ns < 0 && (w->begin_ns = opens_at(&s->pool)) >= 0) {
            w->watched_ns = w->end_ns;
            atl_study_company_open(&w->company);
            st = atl_study_watch_evidence(s, &w->evidence, note);
        } else if (w->begin_ns >= 0 && is_complete(s, w->begin_ns, w->end_ns)) {
            break;
        }
    }
    return st;
}

static void take_evidence(open_window *w, atl_study_window *ret)
{
    const double n_images = ret->images_per_hour / 3600 * atl_ns_to_s(w->end_ns - w->watched_ns);
    const size_t n = (size_t)ret->n_evidence;
    ret->n_evidence +=
        (int)atl_evidence_end(&w->evidence, n_images, ret->evidence + n, ATL_STUDY_MAX_EVIDENCE - n);
}

atl_status atl_study_window_run(atl_studier *s, const atl_study_config *config, int sequence,
                                atl_study_window *ret, atl_note *note)
{
    atl_study_window window = {.config = *config, .sequence = sequence, .same_pixels = true};
    open_window w = {0};
    atl_status st = atl_study_company_start(s, config, &w.company, note); /* meanwhile nobody is fed */
    if (st == ATL_OK) {
        atl_study_pool_limit(s, config->workers);
        st = keep_painting(s, &w, note);
    }
    if (st == ATL_OK)
        st = atl_study_measure(s->pool.samples, s->pool.n_samples, w.begin_ns, w.end_ns, &window, note);
    if (st == ATL_OK)
        take_evidence(&w, &window);
    atl_evidence_drop(&w.evidence);
    atl_study_company_close(&w.company, &window);
    if (st != ATL_OK)
        return st;
    window.begun_ns = w.begin_ns;
    window.begun_s = atl_ns_to_s(w.begin_ns - s->begun_ns);
    atl_study_weigh(s, &window);
    atl_study_judge_window(s, &window);
    *ret = window;
    return ATL_OK;
}
