/* study.c - the order of things in a study: plan, rehearsal, rounds, record, report; see study.h.
 *
 * What is measured follows from the options, the seed and, for the counts around the knee, the windows of the
 * first round; so a study that is taken up again plans the same windows and measures those that the record
 * lacks. */
#include "coordinator/study.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "draw_words.h"
#include "results/dir_file.h"
#include "results/scaling.h"
#include "study_private.h"

enum { MAX_WINDOWS_A_ROUND = 2 * ATL_STUDY_MAX_COUNTS, LEAST_PICTURES = 2, TIMED_WINDOWS = 3 };
#define KNEE_SHARE     0.95
#define SECONDS_A_POOL 5.0
#define SECONDS_A_MIN  60.0

/* ---- small services ---- */

bool atl_study_stopped(const atl_studier *s)
{
    return s->options->stops && s->options->stops(s->options->user) > 0;
}

void atl_study_say(const atl_studier *s, const char *format, ...)
{
    atl_note words = {0};
    va_list args;
    va_start(args, format);
    atl_fail_v(&words, ATL_OK, format, args);
    va_end(args);
    if (s->options->say)
        s->options->say(s->options->user, words.text);
}

void atl_study_watch(atl_studier *s, atl_study_phase phase)
{
    s->view.phase = phase;
    s->view.elapsed_s = atl_ns_to_s(atl_clock_now_ns() - s->begun_ns);
    if (s->options->watch)
        s->options->watch(s->options->user, &s->view);
}

size_t atl_study_policy_index(const atl_studier *s, const char *policy)
{
    size_t i = 0;
    while (i + 1 < s->options->n_policies && strcmp(s->options->policies[i], policy) != 0)
        i++;
    return i;
}

atl_status atl_study_warn(atl_studier *s, atl_note *note, const char *format, ...)
{
    atl_study_head *head = s->options->head;
    atl_note words = {0};
    va_list args;
    va_start(args, format);
    atl_fail_v(&words, ATL_OK, format, args);
    va_end(args);
    for (int i = 0; i < head->n_warnings; i++)
        if (strcmp(head->warnings[i], words.text) == 0)
            return ATL_OK;
    char **more = realloc(head->warnings, ((size_t)head->n_warnings + 1) * sizeof *more);
    if (more)
        head->warnings = more;
    if (!more || !(more[head->n_warnings] = strdup(words.text)))
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a warning");
    head->n_warnings++;
    atl_study_say(s, "%s", words.text);
    return ATL_OK;
}

/* ---- the plan ---- */

static atl_status check_jobs(const atl_study_options *o, atl_note *note)
{
    if (o->n_jobs == 0)
        return atl_fail(note, ATL_USAGE, "there is no prompt to paint");
    for (size_t i = 1; i < o->n_jobs; i++) {
        const atl_job *a = &o->jobs[0], *b = &o->jobs[i];
        if (a->n_steps != b->n_steps || a->width != b->width || a->height != b->height ||
            (a->guidance_scale > 1) != (b->guidance_scale > 1) || strcmp(a->sampler, b->sampler) != 0)
            return atl_fail(
                note, ATL_USAGE,
                "prompt %zu wants %d x %d in %d steps of %s, the first one %d x %d in %d of %s: a study "
                "compares pictures of equal cost",
                i + 1, b->width, b->height, b->n_steps, b->sampler[0] ? b->sampler : "the model's sampler",
                a->width, a->height, a->n_steps, a->sampler[0] ? a->sampler : "the model's sampler");
    }
    return ATL_OK;
}

/* What the machine has room for, and what is said of counts above it. */
static atl_status check_counts(atl_studier *s, const atl_study_series *series, int n_max, atl_note *note)
{
    const int most = series->counts[series->n_counts - 1];
    const double quota = s->machine->quota_cpus;
    if (quota > 0 && most * series->threads > quota)
        return atl_fail(
            note, ATL_USAGE,
            "%d workers x %d threads want %d CPUs' worth of time; the cgroup's quota gives %.1f: the "
            "system would stop them again and again, and no honest figure can come of it",
            most, series->threads, most * series->threads, quota);
    if (most <= n_max)
        return ATL_OK;
    return atl_study_warn(
        s, note,
        "%d workers x %d threads share cores: there are cores of their own for %d. What is measured "
        "beyond that shows oversubscription, not this machine's memory.",
        most, series->threads, n_max);
}

static atl_status add_series(atl_studier *s, const char *policy, int threads, atl_order order, atl_note *note)
{
    const atl_study_options *o = s->options;
    atl_study_series *series = &s->series[s->n_series];
    atl_plan plan = {0};
    const atl_plan_wish wish = {
        .n_threads = threads, .order = order, .reserve_core = o->executor.reserve_core};
    atl_status st = atl_plan_for(s->machine, &wish, &plan, note);
    if (st != ATL_OK)
        return st;
    const int n_max = plan.n_max;
    atl_plan_done(&plan);
    *series = (atl_study_series){.threads = threads, .order = order};
    snprintf(series->policy, sizeof series->policy, "%s", policy);
    for (size_t i = 0; i < o->n_workers; i++)
        if (o->n_threads == 1 || o->workers[i] <= n_max)
            atl_study_add_count(series, o->workers[i]);
    if (o->n_workers > 0 && series->n_counts == 0 && n_max > 0)
        atl_study_add_count(series, n_max);
    if (o->n_workers == 0)
        series->n_counts = atl_study_default_counts(n_max, series->counts);
    if (series->n_counts == 0) /* more threads than the machine has cores: one worker, and a warning */
        atl_study_add_count(series, 1);
    if (o->corunners && threads == 1 && order == o->orders[0])
        series->most_corunners = s->machine->n_cores - 1 - o->executor.reserve_core;
    st = check_counts(s, series, n_max, note);
    s->n_series += st == ATL_OK;
    return st;
}

static atl_status plan_series(atl_studier *s, atl_note *note)
{
    const atl_study_options *o = s->options;
    atl_status st = ATL_OK;
    if (o->n_policies * o->n_threads * o->n_orders > ATL_STUDY_MAX_SERIES)
        return atl_fail(note, ATL_USAGE,
                        "%zu policies x %zu thread counts x %zu orders; %d series can be studied",
                        o->n_policies, o->n_threads, o->n_orders, ATL_STUDY_MAX_SERIES);
    for (size_t p = 0; p < o->n_policies; p++)
        for (size_t t = 0; t < o->n_threads; t++)
            for (size_t k = 0; st == ATL_OK && k < o->n_orders; k++)
                st = add_series(s, o->policies[p], o->threads[t], o->orders[k], note);
    return st;
}

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

/* Counts beside the knee of the first round join the grid, where the grid was ours to choose. */
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
    const atl_status st =
        n > 0 ? atl_scaling_analyse(points, n, KNEE_SHARE, 0, s->options->seed, scaling, note) : ATL_OK;
    const int knee = st == ATL_OK && n > 0 ? scaling->recommended : 0;
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

/* A flawed window is measured again at once, a few times. */
static atl_status measure(atl_studier *s, const atl_study_series *series, const atl_study_config *config,
                          int round, int sequence, atl_note *note)
{
    int attempts = 0;
    atl_status st = ATL_OK;
    while (st == ATL_OK && !atl_study_record_has(s, sequence, &attempts)) {
        atl_study_window window = {0};
        s->view.config = config;
        st = atl_study_pool_use(s, series, note);
        if (st == ATL_OK)
            st = atl_study_window_run(s, config, &window, note);
        if (st != ATL_OK)
            break;
        window.round = round;
        window.sequence = sequence;
        window.attempt = attempts + 1;
        s->view.last_images_per_hour = window.images_per_hour;
        if (!window.valid)
            atl_study_say(s, "window %d (%d workers) is flawed: %s%s", sequence, config->workers,
                          window.flaws,
                          attempts + 1 < ATL_STUDY_MAX_ATTEMPTS ? " It is measured again." : "");
        st = atl_study_record_raw(s, sequence, note);
        if (st == ATL_OK)
            st = atl_study_record_window(s, &window, note);
    }
    if (st == ATL_OK)
        count_measured(s);
    return st;
}

static atl_status run_series(atl_studier *s, int at, int round, int *sequence, atl_note *note)
{
    atl_study_config configs[MAX_WINDOWS_A_ROUND];
    const size_t n = atl_study_plan_round(&s->series[at], round, s->options->seed, s->options->probe,
                                          round == 0, configs, MAX_WINDOWS_A_ROUND);
    atl_status st = ATL_OK;
    for (size_t i = 0; st == ATL_OK && i < n; i++)
        st = measure(s, &s->series[at], &configs[i], round, (*sequence)++, note);
    return st;
}

static atl_status run_round(atl_studier *s, int round, int *sequence, atl_note *note)
{
    int order[ATL_STUDY_MAX_SERIES];
    atl_status st = ATL_OK;
    for (int i = 0; i < s->n_series; i++)
        order[i] = i;
    atl_study_shuffle(order, s->n_series, s->options->seed + (uint64_t)round);
    for (int i = 0; st == ATL_OK && i < s->n_series; i++)
        st = run_series(s, order[i], round, sequence, note);
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

/* How many rounds there will be, and how long that takes, in plain words. */
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
    s->view.eta_s = all_s;
    atl_study_say(s, "%d rounds, %d windows; a picture takes about %.1f s: about %.0f minutes", rounds,
                  s->view.n_windows, s->job_s[0], ceil(all_s / SECONDS_A_MIN));
    if (rounds < ATL_SCALING_LEAST_ROUNDS) /* the report says so too, of what was measured in the end */
        atl_study_say(s, "so few rounds do not say how far a figure is from chance: five or more are wanted");
}

/* ---- all of it ---- */

/* What the placement knows of the machine. */
static atl_status describe_machine(atl_studier *s, atl_note *note)
{
    atl_study_head *head = s->options->head;
    atl_text cores = {0};
    atl_study_put_cores(s->machine, &cores);
    char *name = strdup(s->machine->name);
    if (!name || cores.failed) {
        free(name);
        atl_text_done(&cores);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a name");
    }
    free(head->machine);
    free(head->cores);
    head->machine = name;
    head->cores = cores.data;
    head->n_cores = s->machine->n_cores;
    head->n_numa_nodes = s->machine->numas.n;
    head->quota_cpus = s->machine->quota_cpus;
    head->memory_gb = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 1e9;
    return ATL_OK;
}

static atl_status write_machine(const atl_studier *s, atl_note *note)
{
    atl_text xml = {0};
    atl_status st = atl_machine_xml(s->machine, &xml, note);
    if (st == ATL_OK)
        st = atl_dir_file_write(s->dir_fd, ATL_STUDY_MACHINE_NAME, xml.data, xml.length, note);
    atl_text_done(&xml);
    return st;
}

atl_status atl_studier_begin(atl_studier *s, atl_note *note)
{
    const atl_status st = atl_study_record_open(s, note);
    return st == ATL_OK ? write_machine(s, note) : st;
}

static atl_status open_parts(atl_studier *s, atl_note *note)
{
    const atl_study_options *o = s->options;
    const atl_machine_source source = {.cpus = o->executor.cpus};
    atl_status st = check_jobs(o, note);
    if (st == ATL_OK)
        st = atl_machine_load(&source, &s->machine, note);
    if (st == ATL_OK)
        st = describe_machine(s, note);
    for (size_t i = 0; st == ATL_OK && i < o->n_policies; i++) {
        s->pixels[i] = calloc(o->n_jobs, sizeof *s->pixels[i]);
        st = s->pixels[i] ? atl_weights_file_open(&s->weights[i], note)
                          : atl_fail(note, ATL_NO_MEMORY, "no memory for digests");
    }
    return st;
}

atl_status atl_studier_open(const atl_study_options *options, atl_studier **ret, atl_note *note)
{
    atl_studier *s = calloc(1, sizeof *s);
    if (!s)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a study");
    s->options = options;
    s->dir_fd = -1;
    s->begun_ns = atl_clock_now_ns();
    s->view.eta_s = s->view.last_images_per_hour = (double)NAN;
    const atl_status st = open_parts(s, note);
    if (st == ATL_OK)
        *ret = s;
    else
        atl_studier_close(&s);
    return st;
}

void atl_studier_close(atl_studier **studier)
{
    atl_studier *s = *studier;
    *studier = NULL;
    if (!s)
        return;
    atl_study_pool_close(s);
    for (size_t i = 0; i < ATL_STUDY_MAX_POLICIES; i++) {
        atl_weights_file_close(&s->weights[i]);
        free(s->pixels[i]);
    }
    atl_study_done(&s->study);
    atl_machine_free(&s->machine);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    free(s);
}

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

static atl_status run_rounds(atl_studier *s, atl_note *note)
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

static atl_status write_report(const atl_studier *s, atl_note *note)
{
    const atl_study study = atl_study_record_view(s);
    const atl_status st = atl_study_write_head(s->dir_fd, &study.head, note);
    return st == ATL_OK ? atl_study_report_write(s->dir_fd, &study, note) : st;
}

atl_status atl_study_run(const atl_study_options *options, atl_note *note)
{
    atl_studier *s = NULL;
    atl_status st = atl_studier_open(options, &s, note);
    if (st != ATL_OK)
        return st;
    st = plan_series(s, note);
    if (st == ATL_OK)
        st = atl_studier_begin(s, note);
    if (st == ATL_OK)
        st = run_rounds(s, note);
    if (st == ATL_OK && options->conclude)
        st = options->conclude(options->user, note);
    if (s->study.n_windows > 0 && (st == ATL_OK || st == ATL_CANCELLED)) {
        atl_note later = {0};
        const atl_status written = write_report(s, &later);
        if (st == ATL_OK && written != ATL_OK) {
            st = written;
            *note = later;
        }
    }
    atl_studier_close(&s);
    return st;
}
