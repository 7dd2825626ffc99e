/* report_charts_memory.c - what the workers take of the memory, and what is left of it: proportional set
 * sizes, what the probe gets beside them, and one worker beside streaming neighbours. */
#include <math.h>
#include <stdio.h>

#include "report_lines_private.h"

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

/* ---- memory ---- */

bool atl_report_has_memory(const report *r)
{
    return atl_report_highest(r, pss_of) > 0;
}

void atl_report_draw_memory(const report *r, const void *what, bool narrow, atl_text *out)
{
    (void)what;
    chart c;
    double ticks[REPORT_MAX_COUNTS];
    const int n = atl_report_begin_chart(r, &c, narrow, false, 0, "Memory of all processes against workers",
                                         ticks, out);
    atl_chart_range_y(&c, 0, atl_report_highest(r, pss_of));
    atl_chart_axis_y(&c, "GB of memory (PSS), all processes together");
    atl_chart_axis_x(&c, ticks, n, "workers");
    atl_report_draw_lines(&c, r, pss_of, "GB");
    atl_chart_end(&c);
}

bool atl_report_has_probe(const report *r)
{
    return atl_report_highest(r, gbps_of) > 0 || atl_report_highest(r, ns_of) > 0;
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
    const int n =
        atl_report_begin_chart(r, &c, narrow, false, 0, "The probe's bandwidth against workers", ticks, out);
    const double one = ceilings->triad_gbps_one;
    atl_chart_range_y(&c, 0, fmax(atl_report_highest(r, gbps_of), one > 0 ? one : 0));
    atl_chart_axis_y(&c, "GB/s that the probe gets");
    atl_chart_axis_x(&c, ticks, n, "workers");
    draw_ceiling(&c, one, "one core");
    atl_report_draw_lines(&c, r, gbps_of, "GB/s");
    atl_chart_end(&c);
}

void atl_report_draw_probe_latency(const report *r, const void *what, bool narrow, atl_text *out)
{
    (void)what;
    chart c;
    double ticks[REPORT_MAX_COUNTS];
    const double idle = r->study->head.ceilings.latency_ns_idle;
    const int n =
        atl_report_begin_chart(r, &c, narrow, false, 0, "The probe's latency against workers", ticks, out);
    atl_chart_range_y(&c, 0, fmax(atl_report_highest(r, ns_of), idle > 0 ? idle : 0));
    atl_chart_axis_y(&c, "ns that one read takes");
    atl_chart_axis_x(&c, ticks, n, "workers");
    draw_ceiling(&c, idle, "idle");
    atl_report_draw_lines(&c, r, ns_of, "ns");
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
