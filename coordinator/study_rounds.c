/* study_rounds.c - the rounds of a study: the rehearsal that says how long they will take, the promise, and
 * the windows in their shuffled order; see study.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "draw_words.h"
#include "results/scaling.h"
#include "study_private.h"

enum { MAX_WINDOWS_A_ROUND = 2 * ATL_STUDY_MAX_COUNTS, LEAST_PICTURES = 2, TIMED_WINDOWS = 3 };
#define KNEE_SHARE     0.95
#define SECONDS_A_POOL 5.0
#define SECONDS_A_MIN  60.0

/* ---- how long a round takes ---- */

/* Of one round's windows, in s; job_s is known by now. */
static double round_seconds(const atl_studier *s, int round)
{
    const int least = s->options->least_pictures > 0 ? s->options->least_pictures : LEAST_PICTURES;
    atl_study_config configs[MAX_WINDOWS_A_ROUND];
    double sum = 0;
    for (int i = 0; i < s->n_series; i++) {
        const size_t n = atl_study_plan_round(&s->series[i], round, s->options->seed, s->options->probe,
                                              round == 0, configs, MAX_WINDOWS_A_ROUND);
        const double job_s = s->job_s[i], settle_s = 1.5 * job_s;
        const double window_s = fmax(s->options->window_s, (least + 0.5) * job_s);
        sum += (double)n * (settle_s + window_s) + (s->n_series > 1 ? SECONDS_A_POOL + 2 * job_s : 0);
    }
    return sum;
}

static bool has_two_counts(const atl_scaling_point *points, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (points[i].n != points[0].n)
            return true;
    return false;
}

/* Counts beside the knee of the first round join the grid, where the grid was ours to choose. Where only one
 * count's windows were without a flaw no knee is known, and the grid stays as it is. */
static atl_status refine(atl_studier *s, atl_study_series *series, atl_note *note)
{
    atl_scaling_point points[MAX_WINDOWS_A_ROUND];
    atl_scaling *scaling = calloc(1, sizeof *scaling);
    size_t n = 0;
    if (!scaling)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a fit");
    for (size_t i = 0; i < s->study.n_windows && n < MAX_WINDOWS_A_ROUND; i++) {
        const atl_study_window *w = &s->study.windows[i];
        if (w->valid && w->round == 0 && w->config.corunners == 0 && w->config.threads == series->threads &&
            strcmp(w->config.policy, series->policy) == 0 &&
            strcmp(w->config.order, atl_order_name(series->order)) == 0)
            points[n++] = (atl_scaling_point){.n = w->config.workers, .rate = w->images_per_hour};
    }
    const int most = series->counts[series->n_counts - 1];
    const bool known = has_two_counts(points, n);
    const atl_status st =
        known ? atl_scaling_analyse(points, n, KNEE_SHARE, 0, s->options->seed, scaling, note) : ATL_OK;
    const int knee = st == ATL_OK && known ? scaling->recommended : 0;
    if (knee > 1)
        atl_study_add_count(series, knee - 1);
    if (knee > 0 && knee < most)
        atl_study_add_count(series, knee + 1);
    free(scaling);
    return st;
}

/* ---- measuring ---- */

/* One window less: what is left takes as long a window as those of this session did. */
static void count_measured(atl_studier *s)
{
    s->view.n_measured++;
    if (s->pool.executor == NULL) /* it was in the record */
        return;
    s->n_timed++;
    const double spent_s = atl_ns_to_s(atl_clock_now_ns() - s->rehearsed_ns);
    if (s->n_timed >= TIMED_WINDOWS)
        s->view.eta_s = spent_s / s->n_timed * (s->view.n_windows - s->view.n_measured);
    else if (s->view.n_windows > 0)
        s->view.eta_s -= s->view.eta_s / s->view.n_windows;
}

static atl_status run_series(atl_studier *s, int at, int round, void *user, atl_note *note)
{
    int *sequence = user;
    atl_study_config configs[MAX_WINDOWS_A_ROUND];
    const size_t n = atl_study_plan_round(&s->series[at], round, s->options->seed, s->options->probe,
                                          round == 0, configs, MAX_WINDOWS_A_ROUND);
    atl_status st = ATL_OK;
    for (size_t i = 0; st == ATL_OK && i < n; i++) {
        const atl_study_turn turn = {"window", atl_study_window_run, &s->series[at], configs[i],
                                     round,    (*sequence)++};
        st = atl_study_take_turn(s, &turn, note);
        s->view.config = NULL;
        if (st == ATL_OK)
            count_measured(s);
    }
    return st;
}

static atl_status run_round(atl_studier *s, int round, int *sequence, atl_note *note)
{
    atl_status st = atl_study_each_series(s, round, run_series, sequence, note);
    for (int i = 0; st == ATL_OK && round == 0 && s->options->n_workers == 0 && i < s->n_series; i++)
        st = refine(s, &s->series[i], note);
    return st;
}

/* ---- the rehearsal: how long a picture takes, before anything is promised ---- */

static double mean_job_seconds(const atl_study_pool *pool)
{
    double sum = 0;
    for (size_t i = 0; i < pool->n_samples; i++)
        sum += atl_ns_to_s(pool->samples[i].ended_ns - pool->samples[i].begun_ns);
    return pool->n_samples > 0 ? sum / (double)pool->n_samples : 0;
}

static atl_status rehearse(atl_studier *s, atl_note *note)
{
    atl_status st = ATL_OK;
    for (int i = 0; st == ATL_OK && i < s->n_series; i++) {
        s->job_s[i] = i > 0 && s->series[i].threads == s->series[i - 1].threads &&
                              strcmp(s->series[i].policy, s->series[i - 1].policy) == 0
                          ? s->job_s[i - 1]
                          : 0;
        if (s->job_s[i] > 0)
            continue;
        st = atl_study_pool_use(s, &s->series[i], note);
        if (st == ATL_OK)
            s->job_s[i] = mean_job_seconds(&s->pool);
    }
    return st;
}

static int count_windows(const atl_studier *s, int rounds)
{
    atl_study_config configs[MAX_WINDOWS_A_ROUND];
    size_t n = 0;
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < s->n_series; i++)
            n += atl_study_plan_round(&s->series[i], round, s->options->seed, s->options->probe, round == 0,
                                      configs, MAX_WINDOWS_A_ROUND);
    return (int)n;
}

static int count_recorded(const atl_studier *s, int n_windows)
{
    int n = 0, attempts;
    for (int sequence = 0; sequence < n_windows; sequence++)
        n += atl_study_record_has(s, sequence, &attempts);
    return n;
}

/* "40 s", "3 minutes", "2.5 hours". */
static void put_span(double seconds, char text[32])
{
    const double minutes = ceil(seconds / SECONDS_A_MIN);
    if (seconds < 1.5 * SECONDS_A_MIN)
        snprintf(text, 32, "%.0f s", seconds < 10 ? ceil(seconds) : 10 * ceil(seconds / 10));
    else if (minutes < 120)
        snprintf(text, 32, "%.0f minutes", minutes);
    else
        snprintf(text, 32, "%.1f hours", minutes / 60);
}

/* How many rounds there will be, and how long what the record lacks of them takes, in plain words. */
static void promise(atl_studier *s)
{
    const atl_study_options *o = s->options;
    const double first_s = round_seconds(s, 0), next_s = round_seconds(s, 1);
    int rounds = o->rounds;
    if (o->minutes > 0) {
        const double left_s = o->minutes * SECONDS_A_MIN - atl_ns_to_s(atl_clock_now_ns() - s->begun_ns);
        rounds = left_s < first_s ? 1 : 1 + (int)((left_s - first_s) / next_s);
        rounds = rounds < o->rounds ? rounds : o->rounds;
    }
    o->head->rounds = rounds;
    const double all_s = first_s + (rounds - 1) * next_s;
    s->view.n_windows = count_windows(s, rounds);
    const int n = s->view.n_windows, recorded = count_recorded(s, n);
    s->view.eta_s = all_s * (n - recorded) / fmax(n, 1);
    char span[32], there[64] = "";
    put_span(s->view.eta_s, span);
    if (recorded > 0)
        snprintf(there, sizeof there, ", %d of which the record has", recorded);
    if (recorded == n)
        atl_study_say(s, "%d round%s, %d window%s, all of which the record has", rounds,
                      rounds == 1 ? "" : "s", n, n == 1 ? "" : "s");
    else
        atl_study_say(s, "%d round%s, %d window%s%s; a picture takes about %.2g s: about %s%s", rounds,
                      rounds == 1 ? "" : "s", n, n == 1 ? "" : "s", there, s->job_s[0], span,
                      recorded > 0 ? " for the rest" : "");
    if (rounds < ATL_SCALING_LEAST_ROUNDS) /* the report says so too, of what was measured in the end */
        atl_study_say(s, "so few rounds do not say how far a figure is from chance: five or more are wanted");
}

/* ---- all rounds ---- */

/* Where minutes are given: whether one more round fits, judged by the longest of this session. What was
 * promised takes every picture to last as long as beside all workers, so there may be time left. */
static bool one_more_fits(atl_studier *s, int n_rounds, double round_s)
{
    const atl_study_options *o = s->options;
    const double spent_s = atl_ns_to_s(atl_clock_now_ns() - s->begun_ns);
    if (!(o->minutes > 0) || n_rounds >= o->rounds || s->n_timed == 0 ||
        spent_s + round_s > o->minutes * SECONDS_A_MIN)
        return false;
    o->head->rounds = n_rounds + 1;
    s->view.n_windows = count_windows(s, n_rounds + 1);
    return true;
}

atl_status atl_study_run_rounds(atl_studier *s, atl_note *note)
{
    int sequence = 0;
    double round_s = 0;
    atl_status st = rehearse(s, note);
    s->rehearsed_ns = atl_clock_now_ns();
    if (st == ATL_OK)
        promise(s);
    for (int round = 0;
         st == ATL_OK && (round < s->options->head->rounds || one_more_fits(s, round, round_s)); round++) {
        const int64_t begun_ns = atl_clock_now_ns();
        st = run_round(s, round, &sequence, note);
        round_s = fmax(round_s, atl_ns_to_s(atl_clock_now_ns() - begun_ns));
    }
    return st;
}
