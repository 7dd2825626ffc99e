/* report_warnings.c - what a reader must know before relying on a study's figures. Each is said once. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report_private.h"

#define LEAST_PROBED    0.97
#define MOST_EFFICIENCY 1.05 /* what the noise of medians makes of 1 where no interval says */

__attribute__((format(printf, 2, 3))) static void warn(report *r, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (int i = 0; i < r->n_warnings; i++)
        if (!r->warning[i] || strcmp(r->warning[i], text) == 0)
            return; /* said before */
    const size_t most = sizeof r->warning / sizeof *r->warning;
    if ((size_t)r->n_warnings < most)
        r->warning[r->n_warnings++] = strdup(text); /* NULL is seen at the end */
}

static bool has_valid(const report_series *s, const atl_study_config *config)
{
    for (size_t i = 0; i < s->n_windows; i++)
        if (s->window[i].valid && atl_study_config_equal(&s->window[i].config, config))
            return true;
    return false;
}

static bool seen_before(const report_series *s, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (atl_study_config_equal(&s->window[i].config, &s->window[at].config))
            return true;
    return false;
}

/* Of the largest count that has not cores enough; the study's own words know more, where it has some. */
static void warn_of_cores(report *r, const report_series *s)
{
    char known[64];
    if (!(s->n_alive * s->threads > r->cores))
        return;
    snprintf(known, sizeof known, "%d workers x %d threads share cores", s->n_alive, s->threads);
    for (int i = 0; i < r->study->head.n_warnings; i++)
        if (strncmp(r->study->head.warnings[i], known, strlen(known)) == 0)
            return;
    warn(r, "%s: %d workers × %d thread%s are more than the %g cores that may be used.", s->label, s->n_alive,
         s->threads, s->threads == 1 ? "" : "s", r->cores);
}

/* A study that left half of the cores out, or was stopped before it came to them. */
static void warn_of_cores_left(report *r, const report_series *s)
{
    int most = 0;
    for (size_t i = 0; i < s->n_windows; i++)
        if (s->window[i].valid && s->window[i].config.workers > most)
            most = s->window[i].config.workers;
    if (most > 0 && 2 * most * s->threads <= r->cores)
        warn(r,
             "%s: at most %d worker%s × %d thread%s were measured, and there are %g cores: what more of them "
             "bring is not known%s.",
             s->label, most, most == 1 ? "" : "s", s->threads, s->threads == 1 ? "" : "s", r->cores,
             s->at >= 0 ? ", and the recommendation is among these" : "");
}

/* No worker can gain from company: where it looks so, the least count's windows were slow. */
static void warn_of_too_much_gain(report *r, const report_series *s)
{
    const report_count *most = NULL;
    for (int i = 1; i < s->n_counts; i++)
        if (!most || s->count[i].efficiency > most->efficiency)
            most = &s->count[i];
    if (most &&
        (isfinite(most->efficiency_low) ? most->efficiency_low > 1 : most->efficiency > MOST_EFFICIENCY))
        warn(r,
             "%s: %d workers seem to gain %.0f %% of what is possible: the windows with %d were slowed by "
             "something that is not in their figures (clock, hypervisor, neighbours). Believe the images an "
             "hour rather than the gain.",
             s->label, most->workers, 100 * most->efficiency, s->count[0].workers);
}

static void warn_of_series(report *r, const report_series *s)
{
    size_t mixed = 0;
    warn_of_cores(r, s);
    warn_of_too_much_gain(r, s);
    warn_of_cores_left(r, s);
    for (size_t i = 0; i < s->n_windows; i++) {
        const atl_study_window *w = &s->window[i];
        mixed += w->valid && !w->same_pixels;
        if (w->round >= 0 && !seen_before(s, i) && !has_valid(s, &w->config))
            warn(r, "%s: no valid window with %d worker%s%s%s: %s", s->label, w->config.workers,
                 w->config.workers == 1 ? "" : "s", w->config.corunners ? " beside co-runners" : "",
                 w->config.probe != s->probe && !w->config.corunners
                     ? (s->probe ? " without the probe" : " with the probe")
                     : "",
                 w->flaws);
    }
    if (mixed > 0)
        warn(r,
             "%s: in %zu windows a picture had other pixels than before. The speed figures of such "
             "windows are not of the same work.",
             s->label, mixed);
    if (!s->scales)
        warn(r, "%s: no recommendation: %s.", s->label, s->why_not);
    if (s->probe_cost < LEAST_PROBED)
        warn(r, "%s: the memory probe itself costs about %.0f %% of the rate, by %d window%s without it.%s",
             s->label, 100 * (1 - s->probe_cost), s->n_without, s->n_without == 1 ? "" : "s",
             atl_report_unprobed(s) > 0 ? " The largest number of workers left it no core: its gain over the "
                                          "others may be too high by that."
                                        : "");
}

static const char *rounds_words(const report_series *s)
{
    return s->scaling.rounds_warning;
}

static const char *counts_words(const report_series *s)
{
    return s->scaling.counts_warning;
}

/* What several series share is said once, with their names unless it is all of them. */
static void warn_of_models(report *r, const char *(*words_of)(const report_series *s))
{
    for (int i = 0; i < r->n_series; i++) {
        const char *words = words_of(&r->series[i]);
        char names[256] = "";
        int n = 0;
        bool before = !words[0];
        for (int k = 0; k < r->n_series && !before; k++) {
            if (strcmp(words_of(&r->series[k]), words) != 0)
                continue;
            before = k < i;
            n++;
            const size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "", r->series[k].label);
        }
        if (!before && n == r->n_series)
            warn(r, "%s", words);
        else if (!before)
            warn(r, "%s: %s", names, words);
    }
}

/* A series that could not be recommended, and paints more than the one that is. */
static void warn_of_better(report *r)
{
    const report_series *best = r->best >= 0 ? &r->series[r->best] : NULL;
    for (int i = 0; best && i < r->n_series; i++) {
        const report_series *s = &r->series[i];
        const report_count *most = NULL;
        for (int k = 0; k < s->n_counts; k++)
            if (!most || s->count[k].rate > most->rate)
                most = &s->count[k];
        if (s->at < 0 && most && most->rate > best->count[best->at].rate)
            warn(r,
                 "%s painted %.0f images an hour with %d worker%s, more than what is recommended paints "
                 "(%.0f): of its other worker counts no window was valid, so it cannot be recommended. "
                 "Measure "
                 "it again.",
                 s->label, most->rate, most->workers, most->workers == 1 ? "" : "s",
                 best->count[best->at].rate);
    }
}

/* Whether a window of that configuration was measured in that round. */
static bool has_round(const atl_study *study, const atl_study_config *config, int round)
{
    for (size_t i = 0; i < study->n_windows; i++)
        if (study->windows[i].round == round && atl_study_config_equal(&study->windows[i].config, config))
            return true;
    return false;
}

/* The rounds that have all that the first one has, but for what is measured once (beside streams, and
 * without the probe). */
static int whole_rounds(const atl_study *study)
{
    int whole = study->head.rounds;
    for (size_t i = 0; i < study->n_windows; i++) {
        const atl_study_window *w = &study->windows[i];
        if (w->round != 0 || w->config.corunners > 0 || !has_round(study, &w->config, 1))
            continue;
        for (int round = 2; round < whole; round++)
            if (!has_round(study, &w->config, round))
                whole = round;
    }
    for (int round = 0; round < whole; round++) {
        bool some = false;
        for (size_t i = 0; i < study->n_windows && !some; i++)
            some = study->windows[i].round == round;
        whole = some ? whole : round;
    }
    return whole;
}

static void warn_of_a_stop(report *r)
{
    const int whole = whole_rounds(r->study), wanted = r->study->head.rounds;
    if (whole < wanted)
        warn(
            r,
            "The study was stopped, or is at work still: %d of %d rounds are whole. The same command goes on "
            "from there.",
            whole, wanted);
}

void atl_report_collect_warnings(report *r)
{
    warn_of_better(r);
    warn_of_a_stop(r);
    for (int i = 0; i < r->study->head.n_warnings; i++)
        warn(r, "%s", r->study->head.warnings[i]);
    for (int i = 0; i < r->n_series; i++)
        warn_of_series(r, &r->series[i]);
    warn_of_models(r, rounds_words);
    warn_of_models(r, counts_words);
    size_t left_out = r->study->n_windows;
    for (int i = 0; i < r->n_series; i++)
        left_out -= r->series[i].n_windows;
    if (left_out > 0)
        warn(r, "%zu windows of further series are left out: the report has room for %d.", left_out,
             REPORT_MAX_SERIES);
}
