/* report_choice.c - the sentences that a decision is made by: why this number of workers, what another one
 * would cost, and what nobody measured. The first screen has them, and report.md, and the terminal. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report_private.h"

#define LEAST_CHANGE_MB 1.0 /* of memory that is worth a word */

const report_count *atl_report_count_of(const report_series *s, int workers)
{
    const report_count *c = s->count;
    while (c + 1 < s->count + s->n_counts && c->workers != workers)
        c++;
    return c;
}

/* ---- why ---- */

/* " (1, 8, 16, 32)", or their ends where there are many. */
static void put_measured(const report_series *s, atl_text *out)
{
    enum { MANY = 12 };
    atl_text_printf(out, " (%d", s->count[0].workers);
    for (int i = 1; i < s->n_counts && s->n_counts <= MANY; i++)
        atl_text_printf(out, ", %d", s->count[i].workers);
    if (s->n_counts > MANY)
        atl_text_printf(out, " to %d", s->count[s->n_counts - 1].workers);
    atl_text_putc(out, ')');
}

void atl_report_put_reason(const report_series *s, atl_text *out)
{
    const atl_scaling *sc = &s->scaling;
    const report_count *most = atl_report_count_of(s, sc->most), *at = &s->count[s->at];
    const char *by = sc->holds ? " by the law that fits them" : "";
    atl_text_printf(out, "Why %d: of the numbers measured", at->workers);
    put_measured(s, out);
    if (at == most && s->at == 0) {
        atl_text_puts(out, " it paints the most.");
    } else if (at == most) {
        atl_text_printf(out, " it paints the most, and no smaller one comes to 95 %% of that%s.", by);
    } else {
        atl_text_printf(out, " it is the smallest that comes to 95 %% of the most%s. The most is ", by);
        atl_put_figure(out, most->rate);
        atl_text_printf(out, " an hour, with %d; %d paint%s %.0f %% of that.", most->workers, at->workers,
                        at->workers == 1 ? "s" : "", 100 * at->rate / most->rate);
    }
}

void atl_report_put_refusal(const report *r, atl_text *out)
{
    atl_text_printf(out, "Why not: %s.", r->n_series > 0 ? r->series[0].why_not : "nothing was measured");
    for (int i = 0; i < r->n_series; i++) {
        const report_series *s = &r->series[i];
        for (int k = 0; k < s->n_counts; k++) {
            atl_text_printf(out, " %s: %d worker%s painted ", s->label, s->count[k].workers,
                            s->count[k].workers == 1 ? "" : "s");
            atl_put_figure(out, s->count[k].rate);
            atl_text_puts(out, " images an hour.");
        }
    }
}

/* ---- what another number costs ---- */

static void put_memory(double mb, atl_text *out)
{
    const bool is_large = fabs(mb) >= 1000;
    atl_text_puts(out, " and take ");
    atl_put_figure(out, fabs(mb) / (is_large ? 1000 : 1));
    atl_text_printf(out, " %s %s memory", is_large ? "GB" : "MB", mb < 0 ? "less" : "more");
}

static void put_instead(const report_count *at, const report_count *other, atl_text *out)
{
    const double change = 100 * (other->rate / at->rate - 1), mb = other->pss_mb - at->pss_mb;
    atl_text_printf(out, " %d would paint ", other->workers);
    if (fabs(change) < 0.5)
        atl_text_puts(out, "as much");
    else
        atl_text_printf(out, "%.0f %% %s an hour", fabs(change), change < 0 ? "less" : "more");
    if (isfinite(mb) && fabs(mb) >= LEAST_CHANGE_MB)
        put_memory(mb, out);
}

/* Of the measured numbers next to the recommended one. */
void atl_report_put_regret(const report_series *s, atl_text *out)
{
    const report_count *at = &s->count[s->at];
    const bool fewer = s->at > 0, more = s->at + 1 < s->n_counts;
    atl_text_printf(out, "What it costs to be wrong: instead of %d,", at->workers);
    if (fewer)
        put_instead(at, at - 1, out);
    if (fewer && more)
        atl_text_putc(out, ';');
    if (more)
        put_instead(at, at + 1, out);
    atl_text_putc(out, '.');
}

/* ---- what was not measured ---- */

static void add(atl_text *out, int *n, const char *words)
{
    atl_text_printf(out, "%s%s", (*n)++ > 0 ? "; " : "", words);
}

/* Numbers that were passed over beside the recommended one. */
static void add_gaps(const report_series *s, atl_text *out, int *n)
{
    char words[96];
    const int at = s->count[s->at].workers;
    const int before = s->at > 0 ? s->count[s->at - 1].workers : at;
    const int after = s->at + 1 < s->n_counts ? s->count[s->at + 1].workers : at;
    if (at - before <= 1 && after - at <= 1)
        return;
    const int low = at - before > 1 ? before : at, high = after - at > 1 ? after : at;
    const int used = snprintf(words, sizeof words, "numbers of workers between %d and %d", low, high);
    if (low < at && at < high)
        snprintf(words + used, sizeof words - (size_t)used, " other than %d", at);
    add(out, n, words);
}

static void add_more(const report *r, const report_series *s, atl_text *out, int *n)
{
    char words[96];
    const int last = s->count[s->n_counts - 1].workers;
    const double own = floor(r->cores / s->threads); /* workers with cores of their own; NAN: not known */
    const int used = snprintf(words, sizeof words, "more than %d worker%s", last, last == 1 ? "" : "s");
    char *end = words + used;
    const size_t left = sizeof words - (size_t)used;
    if (last < own)
        snprintf(end, left, ", though there are cores for more");
    else if (last > own && own < 1)
        snprintf(end, left, " (a worker's threads share cores already)");
    else if (last > own)
        snprintf(end, left, " (more than %.0f share cores already)", own);
    else if (last == own)
        snprintf(end, left,
                 r->cores < r->study->head.n_cores ? " (more would pass the quota of CPU time)"
                                                   : " (more would share cores)");
    add(out, n, words);
}

/* What no series but this one's has. */
static void add_choices(const report *r, const report_series *s, atl_text *out, int *n)
{
    bool other_threads = false, other_order = false;
    char words[96];
    atl_text policies = {0};
    for (int i = 0; i < r->n_series; i++) {
        const report_series *o = &r->series[i];
        other_threads = other_threads || o->threads != s->threads;
        other_order = other_order || strcmp(o->order, s->order) != 0;
        bool known = false;
        for (int k = 0; k < i; k++)
            known = known || strcmp(r->series[k].policy, o->policy) == 0;
        if (!known)
            atl_text_printf(&policies, "%s%s", policies.length > 0 ? " and " : "", o->policy);
    }
    if (!other_threads && r->cores > 1) {
        snprintf(words, sizeof words, "workers of another number of threads than %d", s->threads);
        add(out, n, words);
    }
    snprintf(words, sizeof words, "other precisions than %.60s", policies.data ? policies.data : "this");
    add(out, n, words);
    if (!other_order && r->cores > 2)
        add(out, n,
            strcmp(s->order, "compact") == 0 ? "workers far from each other"
                                             : "workers side by side on neighbouring cores");
    out->failed = out->failed || policies.failed;
    atl_text_done(&policies);
}

static bool was_found(const report_series *s, const char *const *names)
{
    for (size_t i = 0; i < s->n_windows; i++)
        for (int k = 0; k < s->window[i].n_evidence; k++)
            for (int name = 0; names[name]; name++)
                if (strcmp(s->window[i].evidence[k].name, names[name]) == 0 &&
                    isfinite(s->window[i].evidence[k].value))
                    return true;
    return false;
}

/* What counters would have told, had they been there. */
static void add_counters(const report_series *s, atl_text *out, int *n)
{
    static const struct {
        const char *what, *names[4];
    } kinds[] = {
        {"energy", {"power_package"}},
        {"clock frequency", {"frequency", "frequency_aperf", "frequency_cpufreq"}},
        {"the workers' memory traffic", {"memory_bandwidth", "llc_misses"}},
    };
    int missing = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!was_found(s, kinds[i].names))
            atl_text_printf(out, "%s%s", missing++ > 0 ? ", " : (*n)++ > 0 ? "; " : "", kinds[i].what);
    if (missing > 0)
        atl_text_puts(out, " (no counter could be read)");
}

void atl_report_put_gaps(const report *r, const report_series *s, atl_text *out)
{
    int n = 0;
    atl_text_puts(out, "Not measured: ");
    add_gaps(s, out, &n);
    add_more(r, s, out, &n);
    add_choices(r, s, out, &n);
    add_counters(s, out, &n);
    add(out, &n, "pictures of other sizes, steps or models; this machine with other work on it");
    atl_text_putc(out, '.');
}
