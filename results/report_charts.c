/* report_charts.c - what more workers bring: throughput with its law, and efficiency, all series in one chart
 * with labels at their lines. */
#include <math.h>
#include <stdio.h>

#include "report_lines_private.h"

enum { CURVE_POINTS = 97 };

static void efficiency_of(const report_count *c, double *v, double *low, double *high)
{
    *v = 100 * c->efficiency;
    *low = 100 * c->efficiency_low;
    *high = 100 * c->efficiency_high;
}

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
    const bool below = leaves || s->count[s->n_counts - 1].efficiency > 1; /* the curve lies above it */
    atl_chart_text(c, atl_chart_x(c, at) + (below ? 6 : -8), atl_chart_y(c, one * at) + (below ? 14 : -4),
                   below ? "start" : "end", "quiet", "ideal");
}

/* Worker counts from the largest one measured to as many as there are cores for, or to twice it. */
bool atl_report_beyond(const report *r, double *ret_from, double *ret_to)
{
    const report_series *s = r->best >= 0 ? &r->series[r->best] : NULL;
    if (!s || !s->scaling.modelled || !s->scaling.holds || !isfinite(r->cores))
        return false;
    *ret_from = 0;
    for (int i = 0; i < r->n_series; i++)
        for (int k = 0; k < r->series[i].n_counts; k++)
            *ret_from = fmax(*ret_from, r->series[i].count[k].workers);
    *ret_to = fmin(floor(r->cores / s->threads), 2 * *ret_from);
    return *ret_to > *ret_from;
}

/* Slanted lines over all of the plot's height from one worker count to another. */
static void draw_hatch(chart *c, double from, double to)
{
    enum { EVERY_PX = 9 };
    const double x0 = atl_chart_x(c, from), x1 = atl_chart_x(c, to), y0 = c->top, y1 = c->height - c->bottom;
    atl_text_puts(c->out, "<path class=\"hatch\" d=\"");
    const int n = (int)ceil((x1 - x0 + y1 - y0) / EVERY_PX);
    for (int i = 0; i < n; i++) {
        const double x = x0 - (y1 - y0) + i * EVERY_PX;
        const double begin = fmax(x, x0), end = fmin(x + (y1 - y0), x1);
        atl_text_printf(c->out, "M%.1f %.1fL%.1f %.1f", begin, y1 - (begin - x), end, y1 - (end - x));
    }
    atl_text_puts(c->out, "\"/>\n");
}

/* The law of the best series where nothing was measured. */
static void draw_beyond(chart *c, const report *r, double from, double to)
{
    const report_series *s = &r->series[r->best];
    const double last = s->count[s->n_counts - 1].workers;
    double x[CURVE_POINTS], y[CURVE_POINTS];
    for (int i = 0; i < CURVE_POINTS; i++) {
        x[i] = last * pow(to / last, i / (CURVE_POINTS - 1.0));
        y[i] = atl_law_rate(&s->scaling.fits[s->scaling.chosen], x[i]);
    }
    draw_hatch(c, from, to);
    atl_chart_line(c, x, y, CURVE_POINTS, r->best, "line dashed");
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
    int n = atl_report_begin_chart(r, &c, narrow, true, narrow ? 300 : 380, "Images an hour against workers",
                                   ticks, out);
    double from = 0, to = 0, most = atl_report_highest(r, atl_report_rate);
    const bool beyond = atl_report_beyond(r, &from, &to) && n < REPORT_MAX_COUNTS;
    if (beyond) {
        const atl_scaling *sc = &r->series[r->best].scaling;
        most = fmax(most, atl_law_rate(&sc->fits[sc->chosen], to));
        ticks[n++] = to;
        atl_chart_range_x(&c, ticks[0], to, c.x_log2);
    }
    atl_chart_range_y(&c, 0, 1.08 * most);
    atl_chart_axis_y(&c, "images an hour");
    atl_chart_axis_x(&c, ticks, n, "workers");
    if (beyond)
        draw_beyond(&c, r, from, to);
    if (r->best >= 0)
        draw_ideal(&c, &r->series[r->best]);
    for (int i = 0; i < r->n_series; i++) {
        const report_series *s = &r->series[i];
        report_line line;
        atl_report_fill_line(s, atl_report_rate, &line);
        if (s->scales && s->scaling.modelled && s->scaling.holds)
            draw_law(&c, s, i, i == r->best || r->n_series < 4);
        else
            atl_chart_line(&c, line.x, line.y, line.n, i, "line dashed");
        atl_report_draw_points(&c, s, &line, i, "images an hour");
        if (s->at >= 0 && i != r->best)
            atl_chart_ring(&c, s->count[s->at].workers, s->count[s->at].rate, i);
        const atl_law_fit *law = &s->scaling.fits[s->scaling.chosen];
        atl_chart_label_end(
            &c, beyond && i == r->best ? atl_law_rate(law, to) : atl_report_last_finite(&line), i, s->label);
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
    const int n = atl_report_begin_chart(r, &c, narrow, false, 0, "Efficiency against workers", ticks, out);
    atl_chart_range_y(&c, 0, fmax(100, fmin(atl_report_highest(r, efficiency_of), 160)));
    atl_chart_axis_y(&c, "% of the ideal gain");
    atl_chart_axis_x(&c, ticks, n, "workers");
    atl_report_draw_lines(&c, r, efficiency_of, "%");
    atl_chart_end(&c);
}
