/* report_words.c - figures as people read them, and the sentences that every form of the report has. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report_private.h"

#define DIGITS     3
#define NEARLY_ALL 0.9 /* of the ideal: what brings that has no bend on the way */

/* Thousands apart, by a thin space that does not break. */
static void put_grouped(atl_text *out, const char *digits)
{
    const size_t whole = strcspn(digits, ".");
    const size_t first = strspn(digits, "-");
    for (size_t i = 0; i < whole; i++) {
        atl_text_putc(out, digits[i]);
        if (whole - first > 4 && i >= first && i + 1 < whole && (whole - i - 1) % 3 == 0)
            atl_text_puts(out, "\u202f");
    }
    atl_text_puts(out, digits + whole);
}

void atl_put_figure(atl_text *out, double value)
{
    char digits[64];
    if (!isfinite(value)) {
        atl_text_puts(out, "–");
        return;
    }
    const double size = fabs(value);
    int decimals = 0;
    if (size > 0 && size < 100)
        decimals = DIGITS - 1 - (int)floor(log10(size));
    if (size >= 1e15 || decimals > 8) {
        atl_text_printf(out, "%.*g", DIGITS, value);
        return;
    }
    snprintf(digits, sizeof digits, "%.*f", decimals < 0 ? 0 : decimals, value);
    put_grouped(out, digits);
}

void atl_put_figure_unit(atl_text *out, double value, const char *unit)
{
    if (!isfinite(value)) {
        atl_text_puts(out, "unavailable");
        return;
    }
    atl_put_figure(out, value);
    if (*unit)
        atl_text_printf(out, "\u00a0%s", unit);
}

void atl_report_put_escaped(atl_text *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("\\`*_|<>[]", *text))
            atl_text_putc(out, '\\');
        atl_text_putc(out, *text == '\n' ? ' ' : *text);
    }
}

static const char *plural(int n)
{
    return n == 1 ? "" : "s";
}

void atl_report_put_series_name(const report_series *s, atl_text *out)
{
    atl_text_printf(out, "%s, %d thread%s a worker", s->policy, s->threads, plural(s->threads));
    if (s->order[0])
        atl_text_printf(out, ", %s", s->order);
}

void atl_report_put_headline(const report *r, atl_text *out)
{
    if (r->best < 0) {
        atl_text_puts(out, "No recommendation can be made from what was measured.");
        return;
    }
    const report_series *s = &r->series[r->best];
    const int workers = s->count[s->at].workers;
    atl_text_printf(out, "Run %d worker%s × %d thread%s", workers, plural(workers), s->threads,
                    plural(s->threads));
    if (s->policy[0])
        atl_text_printf(out, " in %s", s->policy);
    atl_text_puts(out, ".");
}

void atl_report_put_gain(const report_series *s, atl_text *out)
{
    const report_count *c = &s->count[s->at], *first = &s->count[0];
    atl_put_figure(out, c->rate);
    atl_text_puts(out, " images an hour");
    if (s->at == 0) {
        atl_text_puts(out, first->workers == 1 ? ": one worker is enough." : ".");
        return;
    }
    atl_text_puts(out, ": ");
    atl_put_figure(out, c->ratio);
    atl_text_printf(out, " times what %d worker%s paint%s (", first->workers, plural(first->workers),
                    first->workers == 1 ? "s" : "");
    atl_put_figure(out, first->rate);
    atl_text_printf(out, " an hour), %.0f %% of the ideal gain.", 100 * c->efficiency);
}

static void put_knee_certainty(const atl_scaling *sc, atl_text *out)
{
    if (!isfinite(sc->knee_share))
        return;
    if (sc->knee_low == sc->knee_high)
        atl_text_printf(out, " That bend is at %d in %.0f %% of the resampled studies.", sc->knee,
                        100 * sc->knee_share);
    else
        atl_text_printf(out, " That bend is between %d and %d in %.0f %% of the resampled studies.",
                        sc->knee_low, sc->knee_high, 100 * sc->knee_share);
}

/* Where the count beyond is more than twice that before, and brings less than so many times: the widest such;
 * −1. */
static int widest_gap(const report_series *s)
{
    int at = -1;
    double widest = 2;
    for (int i = 0; i + 1 < s->n_counts; i++) {
        const double gap = (double)s->count[i + 1].workers / s->count[i].workers;
        if (gap > widest && s->count[i + 1].rate < NEARLY_ALL * gap * s->count[i].rate) {
            widest = gap;
            at = i;
        }
    }
    return at;
}

void atl_report_put_knee(const report_series *s, atl_text *out)
{
    const atl_scaling *sc = &s->scaling;
    const int gap = widest_gap(s);
    if ((sc->knee == 0 || !isfinite(sc->beyond_knee)) && gap >= 0) {
        atl_text_printf(out,
                        "No bend was seen; but between %d and %d workers, where it may be, nothing was "
                        "measured.",
                        s->count[gap].workers, s->count[gap + 1].workers);
        return;
    }
    if (sc->knee == 0 || !isfinite(sc->beyond_knee)) {
        atl_text_printf(out,
                        "No bend was seen: up to %d, twice the workers still brought 1.4 times as much or "
                        "more.",
                        s->count[s->n_counts - 1].workers);
        return;
    }
    const double share =
                     100 * atl_report_count_of(s, sc->knee)->rate / atl_report_count_of(s, sc->most)->rate,
                 most = 100 * sc->beyond_knee;
    atl_text_printf(out, "The gain bends at %d: from there on, with %.0f %% of the most, ", sc->knee, share);
    if (most <= 0)
        atl_text_puts(out, "further ones bring nothing.");
    else
        atl_text_printf(out, "each further one brings under %.0f %% of what %s brought.", floor(most) + 1,
                        s->count[0].workers == 1 ? "the first one" : "each of the least");
    put_knee_certainty(sc, out);
}

const char *atl_report_why_unsure(const report_series *s)
{
    return s->scaling.n_rounds < ATL_SCALING_LEAST_ROUNDS ? "too few rounds were measured"
                                                          : "too few valid windows with some of the numbers";
}

bool atl_report_has_intervals(const report_series *s)
{
    for (int i = 0; i < s->n_counts; i++)
        if (isfinite(s->count[i].rate_low) && isfinite(s->count[i].rate_high))
            return true;
    return false;
}

void atl_report_put_certainty(const report_series *s, atl_text *out)
{
    const atl_scaling *sc = &s->scaling;
    if (!s->scales) {
        atl_text_printf(out, "not known: %s", s->why_not);
    } else if (!isfinite(sc->recommended_share)) {
        atl_text_printf(out, "not known: %s", atl_report_why_unsure(s));
    } else if (sc->recommended_low == sc->recommended_high) {
        atl_text_printf(out, "%.0f %% of %d studies drawn anew from the measured rounds say %d, too",
                        100 * sc->recommended_share, REPORT_RESAMPLINGS, sc->recommended);
    } else {
        atl_text_printf(out, "%.0f %% of %d studies drawn anew from the measured rounds say %d to %d",
                        100 * sc->recommended_share, REPORT_RESAMPLINGS, sc->recommended_low,
                        sc->recommended_high);
        if (sc->recommended_low == (int)sc->counts[0] &&
            sc->recommended_high == (int)sc->counts[sc->n_counts - 1])
            atl_text_puts(out, ", which is every number measured: nothing is sure");
    }
}

static void put_parameter(atl_text *out, const char *name, double value)
{
    atl_text_printf(out, "%s%s ", out->length && out->data[out->length - 1] != ' ' ? ", " : "", name);
    atl_put_figure(out, value);
}

void atl_report_put_law(const atl_law_fit *fit, atl_text *out)
{
    atl_text own = {0};
    put_parameter(&own, "γ", fit->gamma);
    if (fit->law == ATL_LAW_AMDAHL || fit->law == ATL_LAW_USL)
        put_parameter(&own, "α", fit->alpha);
    if (fit->law == ATL_LAW_USL)
        put_parameter(&own, "β", fit->beta);
    if (fit->law == ATL_LAW_SATURATION) {
        put_parameter(&own, "s", fit->s);
        put_parameter(&own, "p", fit->p);
    }
    atl_text_append(out, own.data, own.length);
    out->failed = out->failed || own.failed;
    atl_text_done(&own);
}

void atl_report_put_quality_gap(const report *r, atl_text *out)
{
    const char *policies[REPORT_MAX_SERIES];
    bool has_fp32 = false;
    int n = 0;
    for (int i = 0; i < r->n_series; i++) {
        const char *policy = r->series[i].policy;
        bool known = strcmp(policy, "fp32") == 0;
        has_fp32 = has_fp32 || known;
        for (int k = 0; k < n && !known; k++)
            known = strcmp(policies[k], policy) == 0;
        if (!known)
            policies[n++] = policy;
    }
    if (n == 0 || r->study->head.n_quality > 0)
        return;
    atl_text_puts(out, "How far the pictures of ");
    for (int i = 0; i < n; i++)
        atl_text_printf(out, "%s%s", i == 0 ? "" : i == n - 1 ? " and " : ", ", policies[i]);
    atl_text_puts(out, " are from those of fp32 is not known: ");
    atl_text_puts(out, has_fp32
                           ? "the study ended before they were compared, or is older than the comparison."
                           : "fp32 is not among the policies of this study. The same study with fp32 among "
                             "them tells, or atelier compare, which takes a batch alone.");
}

void atl_report_put_probe_cost(const report_series *s, atl_text *out)
{
    const int unprobed = atl_report_unprobed(s);
    if (isfinite(s->probe_cost))
        atl_text_printf(out,
                        "with the probe the workers paint %.1f %% of what they paint without (%d window%s "
                        "without it)",
                        100 * s->probe_cost, s->n_without, s->n_without == 1 ? "" : "s");
    if (unprobed > 0)
        atl_text_printf(out, "%swith %d workers no core was left for it", isfinite(s->probe_cost) ? "; " : "",
                        unprobed);
}
