/* report_charts_choices.c - what is there to choose from: threads and placements at equal cores, precisions
 * by speed and quality. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report_lines_private.h"

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
    atl_chart_range_y(&c, 0, atl_report_highest(r, atl_report_rate));
    atl_chart_axis_y(&c, "images an hour");
    atl_chart_axis_x(&c, ticks, n, "cores used: workers × threads");
    for (int i = 0; i < r->n_series; i++) {
        const report_series *s = &r->series[i];
        report_line line;
        atl_report_fill_line(s, atl_report_rate, &line);
        for (int k = 0; k < line.n; k++)
            line.x[k] *= s->threads;
        atl_chart_line(&c, line.x, line.y, line.n, i, "line");
        atl_report_draw_points(&c, s, &line, i, "images an hour");
        atl_chart_label_end(&c, atl_report_last_finite(&line), i, s->label);
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
