/* report_lines.c - see report_lines_private.h. */
#include "report_lines_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void atl_report_rate(const report_count *c, double *v, double *low, double *high)
{
    *v = c->rate;
    *low = c->rate_low;
    *high = c->rate_high;
}

void atl_report_fill_line(const report_series *s, report_figure_fn figure, report_line *line)
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

double atl_report_highest(const report *r, report_figure_fn figure)
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

int atl_report_begin_chart(const report *r, chart *c, bool narrow, bool full, double height,
                           const char *title, double ticks[REPORT_MAX_COUNTS], atl_text *out)
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

void atl_report_draw_points(chart *c, const report_series *s, const report_line *line, int colour,
                            const char *unit)
{
    char tip[256];
    for (int i = 0; i < line->n; i++) {
        put_tip(s, i, line->y[i], line->low[i], line->high[i], unit, tip);
        atl_chart_bar(c, line->x[i], line->low[i], line->high[i], colour);
        atl_chart_point(c, line->x[i], line->y[i], colour, tip);
    }
}

double atl_report_last_finite(const report_line *line)
{
    for (int i = line->n - 1; i >= 0; i--)
        if (isfinite(line->y[i]))
            return line->y[i];
    return NAN;
}

void atl_report_draw_lines(chart *c, const report *r, report_figure_fn figure, const char *unit)
{
    report_line line;
    for (int i = 0; i < r->n_series; i++) {
        atl_report_fill_line(&r->series[i], figure, &line);
        atl_chart_line(c, line.x, line.y, line.n, i, "line");
        atl_report_draw_points(c, &r->series[i], &line, i, unit);
        atl_chart_label_end(c, atl_report_last_finite(&line), i, r->series[i].label);
    }
}
