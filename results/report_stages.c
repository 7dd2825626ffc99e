/* report_stages.c - where a series' time goes: latencies, stages stacked, and which stages slow down. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "chart_private.h"
#include "report_charts_private.h"

#define FULL_HEAT 1.0 /* more time by as much is the full colour: twice the time */

static int ticks_of(const report_series *s, double *ticks)
{
    for (int i = 0; i < s->n_counts; i++)
        ticks[i] = s->count[i].workers;
    return s->n_counts;
}

/* ---- latency of a picture ---- */

void atl_report_draw_latency(const report *r, const void *what, bool narrow, atl_text *out)
{
    static const char *const names[] = {"half within", "90 % within", "99 % within"};
    const report_series *s = what;
    chart c;
    double x[REPORT_MAX_COUNTS], y[REPORT_MAX_COUNTS], most = 0;
    (void)r;
    atl_chart_begin(&c, out, narrow, false, 0, "How long a picture takes against workers");
    const int n = ticks_of(s, x);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 3; k++)
            most = fmax(most, isfinite(s->count[i].job_ms[k]) ? s->count[i].job_ms[k] / 1000 : 0);
    atl_chart_range_x(&c, x[0], x[n - 1], x[n - 1] / x[0] >= 8);
    atl_chart_range_y(&c, 0, most);
    atl_chart_axis_y(&c, "seconds a picture");
    atl_chart_axis_x(&c, x, n, "workers");
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < n; i++)
            y[i] = s->count[i].job_ms[k] / 1000;
        atl_chart_line(&c, x, y, n, k, "line");
        for (int i = 0; i < n; i++) {
            char tip[128];
            snprintf(tip, sizeof tip, "workers: %g, %s %.3g s", x[i], names[k], isfinite(y[i]) ? y[i] : 0);
            atl_chart_point(&c, x[i], y[i], k, tip);
        }
        atl_chart_label_end(&c, y[n - 1], k, names[k]);
    }
    atl_chart_end(&c);
}

/* ---- stages stacked ---- */

static double sum_of(const report_count *c)
{
    double sum = 0;
    for (int i = 0; i < ATL_N_STAGES; i++)
        sum += isfinite(c->wall_ms[i]) ? c->wall_ms[i] : 0;
    return sum;
}

static const char *plain_name(int stage, char name[32])
{
    snprintf(name, 32, "%s", atl_stage_name((atl_stage)stage));
    for (char *p = name; *p; p++)
        if (*p == '_')
            *p = ' ';
    return name;
}

static void draw_stack(chart *c, const report_count *count, double px, double width)
{
    double top = 0;
    for (int k = 0; k < ATL_N_STAGES; k++) {
        char tip[128], name[32], fill[16];
        const double s = count->wall_ms[k] / 1000;
        if (!isfinite(s))
            continue;
        snprintf(tip, sizeof tip, "workers: %d, %s: %.3g s", count->workers, plain_name(k, name), s);
        snprintf(fill, sizeof fill, "var(--s%d)", k);
        const double y0 = atl_chart_y(c, top), y1 = atl_chart_y(c, top + s);
        atl_chart_rect(c, px, y1, width, fmax(y0 - y1 - (y0 - y1 > 2 ? 0.7 : 0), 0.3), fill, 1, tip);
        top += s;
    }
}

/* Stages below a hundredth of the time have no label: nobody could see them. */
static void label_stack(chart *c, const report_count *last)
{
    const double sum = sum_of(last);
    double top = 0, y = 1e9;
    for (int k = 0; k < ATL_N_STAGES; k++) {
        const double ms = last->wall_ms[k];
        char name[32];
        if (!isfinite(ms))
            continue;
        const double middle = atl_chart_y(c, (top + ms / 2) / 1000);
        top += ms;
        if (ms < sum / 100)
            continue;
        y = fmin(middle, y - 14);
        char fill[16];
        snprintf(fill, sizeof fill, "var(--s%d)", k);
        atl_chart_rect(c, c->width - c->right + 6, y - 5, 9, 9, fill, 1, NULL);
        atl_chart_text(c, c->width - c->right + 19, y + 4, "", "label", plain_name(k, name));
    }
}

void atl_report_draw_stages(const report *r, const void *what, bool narrow, atl_text *out)
{
    const report_series *s = what;
    chart c;
    double most = 0;
    (void)r;
    atl_chart_begin(&c, out, narrow, false, 0, "Seconds a picture by stage against workers");
    c.right = 104;
    for (int i = 0; i < s->n_counts; i++)
        most = fmax(most, sum_of(&s->count[i]) / 1000);
    atl_chart_range_y(&c, 0, most);
    atl_chart_axis_y(&c, "seconds a picture, by stage");
    const double room = (c.width - c.left - c.right) / s->n_counts;
    double free_from = 0;
    for (int i = 0; i < s->n_counts; i++) {
        char text[16];
        const double px = c.left + room * i, middle = px + room / 2;
        draw_stack(&c, &s->count[i], px + room * 0.14, room * 0.72);
        snprintf(text, sizeof text, "%d", s->count[i].workers);
        const double half = atl_chart_text_width(text, 12) / 2 + 2;
        if (middle - half >= free_from) {
            atl_chart_text(&c, middle, c.height - c.bottom + 17, "middle", "", text);
            free_from = middle + half;
        }
    }
    atl_chart_text(&c, (c.left + c.width - c.right) / 2, c.height - 5, "middle", "unit", "workers");
    label_stack(&c, &s->count[s->n_counts - 1]);
    atl_chart_end(&c);
}

/* ---- slowdowns ---- */

/* A stage takes a row; the denoiser's single step has one of its own. */
static double slowdown(const report_count *c, int stage, bool cpu)
{
    if (stage == ATL_N_STAGES)
        return cpu ? c->slow_step_cpu : c->slow_step_wall;
    return cpu ? c->slow_cpu[stage] : c->slow_wall[stage];
}

static void draw_cell(chart *c, double px, double py, double w, double h, double s, const char *tip)
{
    char text[16];
    const double heat = isfinite(s) ? fmin(fmax((s - 1) / FULL_HEAT, 0), 1) : 0;
    atl_chart_rect(c, px + 0.5, py + 0.5, w - 1, h - 1, "var(--well)", 1, heat > 0.01 ? NULL : tip);
    if (heat > 0.01)
        atl_chart_rect(c, px + 0.5, py + 0.5, w - 1, h - 1, "var(--heat)", 0.1 + 0.9 * heat, tip);
    if (!isfinite(s))
        snprintf(text, sizeof text, "–");
    else
        snprintf(text, sizeof text, w < 26 ? "%.1f" : "%.2f", s);
    atl_chart_text(c, px + w / 2, py + h / 2 + 4, "middle", w < 26 ? "cell small" : "cell", text);
}

static void draw_heat(const report_series *s, bool cpu, bool narrow, atl_text *out)
{
    int row[ATL_N_STAGES + 1], n = 0;
    for (int k = 0; k <= ATL_N_STAGES; k++)
        if (isfinite(slowdown(&s->count[0], k, cpu)))
            row[n++] = k;
    chart c;
    const double h = 24, top = 22;
    atl_chart_begin(&c, out, narrow, false, top + h * n + 22,
                    cpu ? "Slowdown of stages in CPU time" : "Slowdown of stages in wall time");
    const double left = narrow ? 82 : 88, w = fmin((c.width - left - 2) / s->n_counts, 56);
    atl_chart_text(&c, 2, 12, "", "unit", "times alone");
    for (int i = 0; i < s->n_counts; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", s->count[i].workers);
        atl_chart_text(&c, left + w * (i + 0.5), 14, "middle", "", text);
    }
    for (int k = 0; k < n; k++) {
        char name[32], tip[128];
        const double y = top + h * k;
        const char *label = row[k] == ATL_N_STAGES ? "one step" : plain_name(row[k], name);
        atl_chart_text(&c, left - 5, y + h / 2 + 4, "end", "", label);
        for (int i = 0; i < s->n_counts; i++) {
            const double v = slowdown(&s->count[i], row[k], cpu);
            snprintf(tip, sizeof tip, "%s, workers: %d: %.3g times its %s time with %d", label,
                     s->count[i].workers, isfinite(v) ? v : 0, cpu ? "CPU" : "wall", s->count[0].workers);
            draw_cell(&c, left + w * i, y, w, h, v, tip);
        }
    }
    atl_chart_text(&c, left, top + h * n + 16, "", "unit", "workers →");
    atl_chart_end(&c);
}

void atl_report_draw_heat_wall(const report *r, const void *what, bool narrow, atl_text *out)
{
    (void)r;
    draw_heat(what, false, narrow, out);
}

void atl_report_draw_heat_cpu(const report *r, const void *what, bool narrow, atl_text *out)
{
    (void)r;
    draw_heat(what, true, narrow, out);
}
