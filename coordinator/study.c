/* study.c - the order of things in a study: plan, record, rounds (study_rounds.c), report; see study.h.
 *
 * What is measured follows from the options, the seed and, for the counts around the knee, the windows of the
 * first round; so a study that is taken up again plans the same windows and measures those that the record
 * lacks. */
#include "coordinator/study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "results/dir_file.h"
#include "study_private.h"

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

/* "512 x 512 px, 20 steps of ddim"; what a job leaves to the model is the model's own. */
static void spell_cost(const atl_job *job, char ret[160])
{
    char size[48] = "the model's own size", steps[32] = "its own number of";
    if (job->width > 0 || job->height > 0)
        snprintf(size, sizeof size, "%d x %d px", job->width, job->height);
    if (job->n_steps > 0)
        snprintf(steps, sizeof steps, "%d", job->n_steps);
    snprintf(ret, 160, "%s, %s step%s of %s%s", size, steps, job->n_steps == 1 ? "" : "s",
             job->sampler[0] ? job->sampler : "the model's sampler",
             job->guidance_scale > 1 ? ", guided" : "");
}

static atl_status check_jobs(const atl_study_options *o, atl_note *note)
{
    if (o->n_jobs == 0)
        return atl_fail(note, ATL_USAGE, "there is no prompt to paint");
    for (size_t i = 1; i < o->n_jobs; i++) {
        const atl_job *a = &o->jobs[0], *b = &o->jobs[i];
        char first[160], other[160];
        if (a->n_steps == b->n_steps && a->width == b->width && a->height == b->height &&
            (a->guidance_scale > 1) == (b->guidance_scale > 1) && strcmp(a->sampler, b->sampler) == 0)
            continue;
        spell_cost(a, first);
        spell_cost(b, other);
        return atl_fail(
            note, ATL_USAGE,
            "prompt %zu: found %s; wanted %s, as prompt 1: a study compares pictures of equal cost", i + 1,
            other, first);
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
    if (o->n_workers > 0 && series->n_counts < (int)o->n_workers && order == o->orders[0] &&
        strcmp(policy, o->policies[0]) == 0)
        atl_study_say(
            s, "with %d thread%s a worker: the worker counts above %d would share cores and are left out",
            threads, threads == 1 ? "" : "s", n_max);
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

/* One count alone has a rate, and nothing to hold it against. */
static atl_status warn_of_one_count(atl_studier *s, atl_note *note)
{
    for (int i = 0; i < s->n_series; i++)
        if (s->series[i].n_counts > 1)
            return ATL_OK;
    return atl_study_warn(
        s, note,
        "Only one worker count is measured: that gives its rate, but says nothing of what more or "
        "fewer workers would gain, and recommends none.");
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
    for (int i = 0; i < ATL_STUDY_BUILD; i++)
        free(s->build[i]);
    atl_study_done(&s->study);
    atl_machine_free(&s->machine);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    free(s);
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
        st = warn_of_one_count(s, note);
    if (st == ATL_OK)
        st = atl_studier_begin(s, note);
    if (st == ATL_OK)
        st = atl_study_run_rounds(s, note);
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
