/* compare_charts.c - the charts of a comparison: how much faster, where a picture's time goes before and
 * after, and what the pool took over time. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "chart_private.h"
#include "compare_charts_private.h"
#include "report_private.h"

/* ---- how much faster ---- */

static void put_row_name(chart *c, const compare_setup *s, double y)
{
    char name[32];
    snprintf(name, sizeof name, "%d × %d", s->workers, s->threads);
    atl_chart_text(c, c->left - 6, y + 4, "end", "label", name);
}

static void put_interval(chart *c, const compare_gain *gain, double y)
{
    if (isfinite(gain->low) && isfinite(gain->high))
        atl_text_printf(c->out,
                        "<path class=\"bar\" style=\"stroke:var(--ink)\" d=\"M%.1f %.1fH%.1fM%.1f "
                        "%.1fv8M%.1f %.1fv8\"/>\n",
                        atl_chart_x(c, gain->low), y, atl_chart_x(c, gain->high), atl_chart_x(c, gain->low),
                        y - 4, atl_chart_x(c, gain->high), y - 4);
}

static void draw_gain(chart *c, const compare_policy *p, int i, double y, int colour)
{
    const compare_setup *s = &p->setup[i];
    const double gain = i == p->one ? 1 : s->over_one.ratio, ideal = s->workers * s->threads;
    char fill[16], text[32], tip[160];
    put_row_name(c, s, y);
    if (!isfinite(gain))
        return;
    snprintf(fill, sizeof fill, "var(--c%d)", colour);
    snprintf(tip, sizeof tip, "%d workers × %d threads: %.3g times as fast as one core, %.0f %% of %g",
             s->workers, s->threads, gain, 100 * gain / ideal, ideal);
    atl_chart_rect(c, c->left, y - 9, atl_chart_x(c, gain) - c->left, 18, fill, 0.75, tip);
    if (ideal <= c->x_max)
        atl_text_printf(c->out, "<path class=\"mark\" d=\"M%.1f %.1fv20\"/>\n", atl_chart_x(c, ideal),
                        y - 10);
    put_interval(c, &s->over_one, y);
    snprintf(text, sizeof text, "%.3g ×", gain);
    const double end = atl_chart_x(c, isfinite(s->over_one.high) ? fmax(s->over_one.high, gain) : gain);
    atl_chart_text(c, end + 7, y + 4, "", "strong", text);
}

void atl_compare_draw_gains(const comparison *all, const compare_policy *p, bool narrow, atl_text *out)
{
    chart c;
    double most = 1, ticks[CHART_MAX_TICKS];
    for (int i = 0; i < p->n_setups; i++) {
        most = fmax(most, p->setup[i].workers * p->setup[i].threads);
        most = fmax(most, isfinite(p->setup[i].over_one.ratio) ? p->setup[i].over_one.ratio : 0);
        most = fmax(most, isfinite(p->setup[i].over_one.high) ? p->setup[i].over_one.high : 0);
    }
    const double row = 28;
    atl_chart_begin(&c, out, narrow, false, 12 + row * p->n_setups + 40, "How much faster than one core");
    c.left = 56;
    c.right = 72;
    c.top = 12;
    const double step = atl_chart_nice_step(most, narrow ? 5 : 8);
    const int n = atl_chart_ticks(0, most, step, ticks, CHART_MAX_TICKS);
    atl_chart_range_x(&c, 0, most, false);
    atl_chart_axis_x(&c, ticks, n, "times as fast as one core");
    for (int i = 0; i < p->n_setups; i++)
        draw_gain(&c, p, i, 12 + row * (i + 0.5), (int)(p - all->policy));
    atl_chart_end(&c);
}

/* ---- a picture's time, before and after ---- */

static double sum_of(const compare_setup *s)
{
    double sum = 0;
    for (int i = 0; i < ATL_N_STAGES; i++)
        sum += isfinite(s->wall_ms[i]) ? s->wall_ms[i] / 1000 : 0;
    return sum;
}

static void draw_stack(chart *c, const compare_setup *s, double y)
{
    double at = 0;
    put_row_name(c, s, y);
    for (int i = 0; i < ATL_N_STAGES; i++) {
        char fill[16], tip[96];
        const double seconds = s->wall_ms[i] / 1000;
        if (!isfinite(seconds))
            continue;
        snprintf(fill, sizeof fill, "var(--s%d)", i);
        snprintf(tip, sizeof tip, "%s: %.3g s", atl_stage_name((atl_stage)i), seconds);
        const double px = atl_chart_x(c, at), w = atl_chart_x(c, at + seconds) - px;
        atl_chart_rect(c, px, y - 13, fmax(w - 0.7, 0.3), 26, fill, 1, tip);
        at += seconds;
    }
}

void atl_compare_draw_stages(const comparison *all, const compare_policy *p, bool narrow, atl_text *out)
{
    chart c;
    const compare_setup *shown[] = {&p->setup[p->one], &p->setup[p->best]};
    double ticks[CHART_MAX_TICKS];
    (void)all;
    const double most = fmax(sum_of(shown[0]), sum_of(shown[1]));
    atl_chart_begin(&c, out, narrow, false, 12 + 2 * 38 + 40, "Seconds a picture by stage, before and after");
    c.left = 56;
    c.right = 16;
    const double step = atl_chart_nice_step(most, narrow ? 4 : 7);
    const int n = atl_chart_ticks(0, most, step, ticks, CHART_MAX_TICKS);
    atl_chart_range_x(&c, 0, most, false);
    atl_chart_axis_x(&c, ticks, n, "seconds a picture");
    for (int i = 0; i < 2; i++)
        draw_stack(&c, shown[i], 12 + 38 * (i + 0.5));
    atl_chart_end(&c);
}

/* ---- over time ---- */

static double sample_value(const atl_compare_sample *s, compare_sampled what)
{
    switch (what) {
    case COMPARE_CPUS:
        return s->cpus_busy;
    case COMPARE_MEMORY:
        return s->memory_mb / 1000;
    default:
        return s->read_mbps + s->written_mbps;
    }
}

static size_t samples_of(const comparison *c, const compare_setup *s, compare_sampled what, double *x,
                         double *y, size_t most)
{
    size_t n = 0;
    for (size_t i = atl_compare_first_sample(c, s); i < c->n_samples && n < most; i++)
        if (c->samples[i].window == s->last_window) {
            x[n] = c->samples[i].at_s;
            y[n++] = sample_value(&c->samples[i], what);
        }
    return n;
}

enum { MAX_SHOWN = 4096 };

bool atl_compare_has_samples(const comparison *c, const compare_policy *p, compare_sampled what)
{
    double x[MAX_SHOWN], y[MAX_SHOWN];
    const int setups[] = {p->one, p->best};
    for (int i = 0; i < 2; i++) {
        const size_t n = setups[i] < 0 ? 0 : samples_of(c, &p->setup[setups[i]], what, x, y, MAX_SHOWN);
        for (size_t k = 0; k < n; k++)
            if (isfinite(x[k]) && isfinite(y[k]))
                return true;
    }
    return false;
}

static double largest(const double *v, size_t n, double most)
{
    for (size_t i = 0; i < n; i++)
        most = isfinite(v[i]) && v[i] > most ? v[i] : most;
    return most;
}

/* Batches that take unlike times share one axis: each goes from its begin to its end. */
void atl_compare_draw_over_time(const comparison *all, const compare_policy *p, compare_sampled what,
                                bool narrow, atl_text *out)
{
    static const char *const units[] = {"CPUs busy", "GB of memory (PSS)", "MB/s to and from storage"};
    double x[2][MAX_SHOWN], y[2][MAX_SHOWN], seconds[2], ticks[CHART_MAX_TICKS];
    const int setups[] = {p->one, p->best};
    size_t n[2] = {0};
    for (int i = 0; i < 2; i++)
        if (setups[i] >= 0 && (i == 0 || setups[1] != setups[0]))
            n[i] = samples_of(all, &p->setup[setups[i]], what, x[i], y[i], MAX_SHOWN);
    chart c;
    atl_chart_begin(&c, out, narrow, false, 220, units[what]);
    for (int i = 0; i < 2; i++) {
        seconds[i] = largest(x[i], n[i], 1e-3);
        for (size_t k = 0; k < n[i]; k++)
            x[i][k] *= 100 / seconds[i];
    }
    const int n_ticks = atl_chart_ticks(0, 100, narrow ? 25 : 10, ticks, CHART_MAX_TICKS);
    atl_chart_range_x(&c, 0, 100, false);
    atl_chart_range_y(&c, 0, largest(y[1], n[1], largest(y[0], n[0], 1e-3)));
    atl_chart_axis_y(&c, units[what]);
    atl_chart_axis_x(&c, ticks, n_ticks, "% of the batch's time");
    for (int i = 0; i < 2; i++) {
        char name[48];
        if (n[i] == 0)
            continue;
        snprintf(name, sizeof name, "%d × %d, %.3g s", p->setup[setups[i]].workers,
                 p->setup[setups[i]].threads, seconds[i]);
        atl_chart_line(&c, x[i], y[i], (int)n[i], i, i == 0 ? "line dashed" : "line");
        atl_chart_label_end(&c, y[i][n[i] - 1], i, name);
    }
    atl_chart_end(&c);
}
