/* report_charts.c - what depends on the worker count, all series in one chart with labels at their lines. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "chart_private.h"
#include "report_charts_private.h"

enum { CURVE_POINTS = 97 };

typedef struct series_line {
    double x[REPORT_MAX_COUNTS], y[REPORT_MAX_COUNTS], low[REPORT_MAX_COUNTS], high[REPORT_MAX_COUNTS];
    int n;
} series_line;

typedef void (*figure_fn)(const report_count *c, double *ret_value, double *ret_low, double *ret_high);

static void rate_of(const report_count *c, double *v, double *low, double *high)
{
    *v = c->rate;
    *low = c->rate_low;
    *high = c->rate_high;
}

static void efficiency_of(const report_count *c, double *v, double *low, double *high)
{
    *v = 100 * c->efficiency;
    *low = 100 * c->efficiency_low;
    *high = 100 * c->efficiency_high;
}

static void pss_of(const report_count *c, double *v, double *low, double *high)
{
    *v = c->pss_mb / 1000;
    *low = *high = NAN;
}

static void gbps_of(const report_count *c, double *v, double *low, double *high)
{
    *v = c->probe_gbps;
    *low = *high = NAN;
}

static void ns_of(const report_count *c, double *v, double *low, double *high)
{
    *v = c->probe_ns;
    *low = *high = NAN;
}

static void fill_line(const report_series *s, figure_fn figure, series_line *line)
{
    line->n = s->n_counts;
    for (int i = 0; i < s->n_counts; i++) {
        line->x[i] = s->count[i].workers;
        figure(&s->count[i], &line->y[i], &line->low[i], &line->high[i]);
    }
}

/* The worker counts of all series, ascending, at most `most`. */
static int all_counts(const report *r, double *ticks, int most)
{
    int n = 0;
    for (int i = 0; i < r->n_series; i++)
        for (int k = 0; k < r->series[i].n_counts; k++) {
            const double v = r->series[i].count[k].workers;
            int at = 0;
            while (at < n && ticks[at] < v)
                at++;
            if ((at < n && ticks[at] == v) || n == most)
                continue;
            memmove(ticks + at + 1, ticks + at, (size_t)(n - at) * sizeof *ticks);
            ticks[at] = v;
            n++;
        }
    return n;
}

static double highest(const report *r, figure_fn figure)
{
    double most = 0;
    for (int i = 0; i < r->n_series; i++)
        for (int k = 0; k < r->series[i].n_counts; k++) {
            double v, low, high;
            figure(&r->series[i].count[k], &v, &low, &high);
            most = fmax(most, fmax(isfinite(v) ? v : 0, isfinite(high) ? high : 0));
        }
    return most;
}

/* Doublings deserve equal steps; eight counts in a row do not need them. */
static bool wants_log2(const double *ticks, int n)
{
    return n > 1 && ticks[n - 1] / ticks[0] >= 8 && ticks[n - 1] - ticks[0] > n;
}

static int begin(const report *r, chart *c, bool narrow, bool full, double height, const char *title,
                 double *ticks, atl_text *out)
{
    atl_chart_begin(c, out, narrow, full, height, title);
    const int n = all_counts(r, ticks, REPORT_MAX_COUNTS);
    if (n > 0)
        atl_chart_range_x(c, ticks[0], ticks[n - 1], wants_log2(ticks, n));
    return n;
}

/* "bf16, 6 workers: 412 images an hour (95 %: 401 to 420)" */
static void put_tip(const report_series *s, int at, double v, double low, double high, const char *unit,
                    char tip[256])
{
    atl_text text = {0};
    const int workers = s->count[at].workers;
    atl_text_printf(&text, "%s%s%d worker%s: ", s->label, *s->label ? ", " : "", workers,
                    workers == 1 ? "" : "s");
    atl_put_figure_unit(&text, v, unit);
    if (isfinite(low) && isfinite(high)) {
        atl_text_puts(&text, " (95 %: ");
        atl_put_figure(&text, low);
        atl_text_puts(&text, " to ");
        atl_put_figure(&text, high);
        atl_text_puts(&text, ")");
    }
    snprintf(tip, 256, "%s", text.data ? text.data : "");
    atl_text_done(&text);
}

static void draw_points(chart *c, const report_series *s, const series_line *line, int colour,
                        const char *unit)
{
    char tip[256];
    for (int i = 0; i < line->n; i++) {
        put_tip(s, i, line->y[i], line->low[i], line->high[i], unit, tip);
        atl_chart_bar(c, line->x[i], line->low[i], line->high[i], colour);
        atl_chart_point(c, line->x[i], line->y[i], colour, tip);
    }
}

static double last_finite(const series_line *line)
{
    for (int i = line->n - 1; i >= 0; i--)
        if (isfinite(line->y[i]))
            return line->y[i];
    return NAN;
}

static void draw_series(chart *c, const report *r, figure_fn figure, const char *unit)
{
    series_line line;
    for (int i = 0; i < r->n_series; i++) {
        fill_line(&r->series[i], figure, &line);
        atl_chart_line(c, line.x, line.y, line.n, i, "line");
        draw_points(c, &r->series[i], &line, i, unit);
        atl_chart_label_end(c, last_finite(&line), i, r->series[i].label);
    }
}

/* ---- throughput ---- */

/* What one worker gives, times the workers, as far as the plot goes. */
static void draw_ideal(chart *c, const report_series *s)
{
    double x[CURVE_POINTS], y[CURVE_POINTS];
    int n = 0;
    const double one = s->count[0].rate / s->count[0].workers;
    const double from = s->count[0].workers, to = fmin(c->x_max, c->y_max / one);
    if (!(to > from))
        return;
    for (int i = 0; i < CURVE_POINTS; i++, n++) {
        x[n] = from * pow(to / from, i / (CURVE_POINTS - 1.0));
        y[n] = one * x[n];
    }
    atl_chart_line(c, x, y, n, -1, "line ideal");
    if (c->narrow) /* no room beside the recommendation; the caption says what is dotted */
        return;
    const bool leaves = to < 0.9 * c->x_max; /* through the top */
    const double at = leaves ? to : from * pow(to / from, 0.8);
    atl_chart_text(c, atl_chart_x(c, at) + (leaves ? 6 : -8), atl_chart_y(c, one * at) + (leaves ? 12 : -4),
                   leaves ? "start" : "end", "quiet", "ideal");
}

static void draw_law(chart *c, const report_series *s, int colour, bool with_band)
{
    const atl_scaling *sc = &s->scaling;
    double x[CURVE_POINTS], y[CURVE_POINTS], low[REPORT_MAX_COUNTS], high[REPORT_MAX_COUNTS];
    const double from = sc->counts[0], to = sc->counts[sc->n_counts - 1];
    for (int i = 0; i < CURVE_POINTS; i++) {
        x[i] = from * pow(to / from, i / (CURVE_POINTS - 1.0));
        y[i] = atl_law_rate(&sc->fits[sc->chosen], x[i]);
    }
    for (int i = 0; i < sc->n_counts; i++) {
        low[i] = sc->predicted[i].low;
        high[i] = sc->predicted[i].high;
    }
    if (with_band)
        atl_chart_band(c, sc->counts, low, high, sc->n_counts, colour);
    atl_chart_line(c, x, y, CURVE_POINTS, colour, "line");
}

static void draw_recommendation(chart *c, const report_series *s, int colour)
{
    const report_count *at = &s->count[s->at];
    const double x = atl_chart_x(c, at->workers);
    char text[48];
    atl_text_printf(c->out, "<path class=\"mark\" d=\"M%.1f %.1fV%.1f\"/>\n", x, atl_chart_y(c, at->rate),
                    c->height - c->bottom);
    atl_chart_ring(c, at->workers, at->rate, colour);
    snprintf(text, sizeof text, "%d worker%s", at->workers, at->workers == 1 ? "" : "s");
    const double half = atl_chart_text_width(text, 13) / 2;
    const double px = fmin(fmax(x, c->left + half), c->width - c->right - half);
    atl_chart_text(c, px, fmax(atl_chart_y(c, at->rate) - 16, 24), "middle", "strong", text);
}

/* Where the gain bends, if that is not what is recommended; under its point, where the curve is not. */
static void draw_knee(chart *c, const report_series *s, int colour)
{
    char text[32];
    int i = 0;
    while (i < s->n_counts && s->count[i].workers != s->scaling.knee)
        i++;
    if (i == s->n_counts || i == s->at)
        return;
    const report_count *at = &s->count[i];
    snprintf(text, sizeof text, "bend: %d", at->workers);
    atl_chart_ring(c, at->workers, at->rate, colour);
    const double x = atl_chart_x(c, at->workers), width = atl_chart_text_width(text, 13) + 8;
    const bool fits = x + width < c->width - c->right;
    atl_chart_text(c, fits ? x + 8 : x - 2, atl_chart_y(c, at->rate) + (fits ? 20 : 26), fits ? "" : "end",
                   "quiet", text);
}

void atl_report_draw_throughput(const report *r, const void *what, bool narrow, atl_text *out)
{
    (void)what;
    chart c;
    double ticks[REPORT_MAX_COUNTS];
    const int n =
        begin(r, &c, narrow, true, narrow ? 300 : 380, "Images an hour against workers", ticks, out);
    atl_chart_range_y(&c, 0, 1.08 * highest(r, rate_of));
    atl_chart_axis_y(&c, "images an hour");
    atl_chart_axis_x(&c, ticks, n, "workers");
    if (r->best >= 0)
        draw_ideal(&c, &r->series[r->best]);
    for (int i = 0; i < r->n_series; i++) {
        const report_series *s = &r->series[i];
        series_line line;
        fill_line(s, rate_of, &line);
        if (s->scales && s->scaling.modelled && s->scaling.holds)
            draw_law(&c, s, i, i == r->best || r->n_series < 4);
        else
            atl_chart_line(&c, line.x, line.y, line.n, i, "line dashed");
        draw_points(&c, s, &line, i, "images an hour");
        if (s->at >= 0 && i != r->best)
            atl_chart_ring(&c, s->count[s->at].workers, s->count[s->at].rate, i);
        atl_chart_label_end(&c, last_finite(&line), i, s->label);
    }
    if (r->best >= 0)
        draw_recommendation(&c, &r->series[r->best], r->best);
    if (r->best >= 0)
        draw_knee(&c, &r->series[r->best], r->best);
    atl_chart_end(&c);
}

void atl_report_draw_efficiency(const report *r, const void *what, bool narrow, atl_text *out)
{
    (void)what;
    chart c;
    double ticks[REPORT_MAX_COUNTS];
    const int n = begin(r, &c, narrow, false, 0, "Efficiency against workers", ticks, out);
    atl_chart_range_y(&c, 0, fmax(100, fmin(highest(r, efficiency_of), 160)));
    atl_chart_axis_y(&c, "% of the ideal gain");
    atl_chart_axis_x(&c, ticks, n, "workers");
    draw_series(&c, r, efficiency_of, "%");
    atl_chart_end(&c);
}

/* ---- memory ---- */

bool atl_report_has_memory(const report *r)
{
    return highest(r, pss_of) > 0;
}

void atl_report_draw_memory(const report *r, const void *what, bool narrow, atl_text *out)
{
    (void)what;
    chart c;
    double ticks[REPORT_MAX_COUNTS];
    const int n = begin(r, &c, narrow, false, 0, "Memory of all processes against workers", ticks, out);
    atl_chart_range_y(&c, 0, highest(r, pss_of));
    atl_chart_axis_y(&c, "GB of memory (PSS), all processes together");
    atl_chart_axis_x(&c, ticks, n, "workers");
    draw_series(&c, r, pss_of, "GB");
    atl_chart_end(&c);
}

bool atl_report_has_probe(const report *r)
{
    return highest(r, gbps_of) > 0 || highest(r, ns_of) > 0;
}

/* A dotted line at a ceiling, and its words among the labels. */
static void draw_ceiling(chart *c, double value, const char *name)
{
    char text[48];
    const double x[] = {c->x_min, c->x_max}, y[] = {value, value};
    if (!(value > 0) || value > c->y_max)
        return;
    snprintf(text, sizeof text, "%s %.3g", name, value);
    atl_chart_line(c, x, y, 2, -1, "line ideal");
    atl_chart_label_end(c, value, -1, text);
}

void atl_report_draw_probe_bandwidth(const report *r, const void *what, bool narrow, atl_text *out)
{
    (void)what;
    chart c;
    double ticks[REPORT_MAX_COUNTS];
    const atl_study_ceilings *ceilings = &r->study->head.ceilings;
    const int n = begin(r, &c, narrow, false, 0, "The probe's bandwidth against workers", ticks, out);
    const double one = ceilings->triad_gbps_one;
    atl_chart_range_y(&c, 0, fmax(highest(r, gbps_of), one > 0 ? one : 0));
    atl_chart_axis_y(&c, "GB/s that the probe gets");
    atl_chart_axis_x(&c, ticks, n, "workers");
    draw_ceiling(&c, one, "one core");
    draw_series(&c, r, gbps_of, "GB/s");
    atl_chart_end(&c);
}

void atl_report_draw_probe_latency(const report *r, const void *what, bool narrow, atl_text *out)
{
    (void)what;
    chart c;
    double ticks[REPORT_MAX_COUNTS];
    const double idle = r->study->head.ceilings.latency_ns_idle;
    const int n = begin(r, &c, narrow, false, 0, "The probe's latency against workers", ticks, out);
    atl_chart_range_y(&c, 0, fmax(highest(r, ns_of), idle > 0 ? idle : 0));
    atl_chart_axis_y(&c, "ns that one read takes");
    atl_chart_axis_x(&c, ticks, n, "workers");
    draw_ceiling(&c, idle, "idle");
    draw_series(&c, r, ns_of, "ns");
    atl_chart_end(&c);
}

/* ---- co-runners ---- */

bool atl_report_has_sensitivity(const report *r)
{
    for (int i = 0; i < r->n_series; i++)
        if (r->series[i].n_shares > 1)
            return true;
    return false;
}

static void share_tip(const report_share *share, char tip[256])
{
    atl_text text = {0};
    atl_text_printf(&text, "%d streaming neighbour%s: ", share->corunners, share->corunners == 1 ? "" : "s");
    atl_put_figure_unit(&text, share->rate, "images an hour");
    atl_text_printf(&text, ", %.0f %%", isfinite(share->share) ? 100 * share->share : 0);
    snprintf(tip, 256, "%s", text.data ? text.data : "");
    atl_text_done(&text);
}

void atl_report_draw_sensitivity(const report *r, const void *what, bool narrow, atl_text *out)
{
    (void)what;
    chart c;
    double ticks[REPORT_MAX_SHARES], most = 1;
    int n = 0;
    for (int i = 0; i < r->n_series; i++)
        for (int k = 0; k < r->series[i].n_shares; k++) {
            most = fmax(most, r->series[i].share[k].corunners);
            if (r->series[i].n_shares > n)
                n = r->series[i].n_shares;
        }
    atl_chart_begin(&c, out, narrow, false, 0, "A worker's rate beside streaming processes");
    atl_chart_range_x(&c, 0, most, false);
    atl_chart_range_y(&c, 0, 100);
    const double step = fmax(1, atl_chart_nice_step(most, 8));
    const int n_ticks = atl_chart_ticks(0, most, step, ticks, REPORT_MAX_SHARES);
    atl_chart_axis_y(&c, "% of its rate alone");
    atl_chart_axis_x(&c, ticks, n_ticks, "processes that only stream through memory");
    for (int i = 0; i < r->n_series; i++) {
        const report_series *s = &r->series[i];
        double x[REPORT_MAX_SHARES], y[REPORT_MAX_SHARES];
        for (int k = 0; k < s->n_shares; k++) {
            x[k] = s->share[k].corunners;
            y[k] = 100 * s->share[k].share;
        }
        if (s->n_shares < 2)
            continue;
        atl_chart_line(&c, x, y, s->n_shares, i, "line");
        for (int k = 0; k < s->n_shares; k++) {
            char tip[256];
            share_tip(&s->share[k], tip);
            atl_chart_point(&c, x[k], y[k], i, tip);
        }
        atl_chart_label_end(&c, y[s->n_shares - 1], i, s->label);
    }
    atl_chart_end(&c);
}

/* ---- equal cores ---- */

/* Series of one policy and order that differ in threads: rate against cores used. */
bool atl_report_has_factorings(const report *r)
{
    for (int i = 1; i < r->n_series; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(r->series[i].policy, r->series[k].policy) == 0 &&
                (r->series[i].threads != r->series[k].threads ||
                 strcmp(r->series[i].order, r->series[k].order) != 0))
                return true;
    return false;
}

void atl_report_draw_factorings(const report *r, const void *what, bool narrow, atl_text *out)
{
    (void)what;
    chart c;
    double ticks[REPORT_MAX_COUNTS], most = 1;
    int n = 0;
    for (int i = 0; i < r->n_series; i++)
        if (r->series[i].n_counts > 0)
            most = fmax(most, r->series[i].threads * r->series[i].count[r->series[i].n_counts - 1].workers);
    while (n < REPORT_MAX_COUNTS && ldexp(1, n) <= most) {
        ticks[n] = ldexp(1, n);
        n++;
    }
    atl_chart_begin(&c, out, narrow, true, narrow ? 300 : 340, "Images an hour against cores used");
    atl_chart_range_x(&c, 1, most, most >= 8);
    atl_chart_range_y(&c, 0, highest(r, rate_of));
    atl_chart_axis_y(&c, "images an hour");
    atl_chart_axis_x(&c, ticks, n, "cores used: workers × threads");
    for (int i = 0; i < r->n_series; i++) {
        const report_series *s = &r->series[i];
        series_line line;
        fill_line(s, rate_of, &line);
        for (int k = 0; k < line.n; k++)
            line.x[k] *= s->threads;
        atl_chart_line(&c, line.x, line.y, line.n, i, "line");
        draw_points(&c, s, &line, i, "images an hour");
        atl_chart_label_end(&c, last_finite(&line), i, s->label);
    }
    atl_chart_end(&c);
}

/* ---- precision against quality ---- */

static double rate_of_policy(const report *r, const char *policy)
{
    double most = NAN;
    for (int i = 0; i < r->n_series; i++) {
        const report_series *s = &r->series[i];
        if (strcmp(s->policy, policy) == 0 && s->at >= 0 && !(s->count[s->at].rate <= most))
            most = s->count[s->at].rate;
    }
    return most;
}

bool atl_report_has_quality(const report *r)
{
    int n = 0;
    for (int i = 0; i < r->study->head.n_quality; i++)
        n += isfinite(r->study->head.quality[i].ssim) &&
             isfinite(rate_of_policy(r, r->study->head.quality[i].policy));
    return n > 1;
}

void atl_report_draw_quality(const report *r, const void *what, bool narrow, atl_text *out)
{
    (void)what;
    chart c;
    const atl_study_head *h = &r->study->head;
    double most = 0, low = 1, ticks[CHART_MAX_TICKS];
    for (int i = 0; i < h->n_quality; i++) {
        const double rate = rate_of_policy(r, h->quality[i].policy);
        most = fmax(most, isfinite(rate) ? rate : 0);
        low = fmin(low, isfinite(h->quality[i].ssim) ? h->quality[i].ssim : 1);
    }
    atl_chart_begin(&c, out, narrow, false, 0, "Likeness to fp32 against images an hour");
    atl_chart_range_y(&c, low - (1 - low) * 0.2, 1);
    const double step = atl_chart_nice_step(1.1 * most, narrow ? 4 : 6);
    const int n = atl_chart_ticks(0, 1.1 * most + step, step, ticks, CHART_MAX_TICKS);
    atl_chart_range_x(&c, 0, ticks[n - 1], false);
    atl_chart_axis_y(&c, "SSIM against fp32's pictures");
    atl_chart_axis_x(&c, ticks, n, "images an hour at the recommended workers");
    for (int i = 0; i < h->n_quality; i++) {
        const double rate = rate_of_policy(r, h->quality[i].policy);
        char tip[256];
        if (isfinite(h->quality[i].psnr_db))
            snprintf(tip, sizeof tip, "%s: SSIM %.4f, PSNR %.3g dB", h->quality[i].policy, h->quality[i].ssim,
                     h->quality[i].psnr_db);
        else
            snprintf(tip, sizeof tip, "%s: SSIM %.4f", h->quality[i].policy, h->quality[i].ssim);
        atl_chart_point(&c, rate, h->quality[i].ssim, i, tip);
        if (isfinite(rate) && isfinite(h->quality[i].ssim))
            atl_chart_text(&c, atl_chart_x(&c, rate), atl_chart_y(&c, h->quality[i].ssim) + 18, "middle",
                           "label", h->quality[i].policy);
    }
    atl_chart_end(&c);
}
