/* report_lines_private.h - what charts against the worker count share: a series as a line, their range, their
 * points and labels. */
#ifndef ATL_RESULTS_REPORT_LINES_PRIVATE_H
#define ATL_RESULTS_REPORT_LINES_PRIVATE_H

#include "chart_private.h"
#include "report_charts_private.h"

typedef struct report_line {
    double x[REPORT_MAX_COUNTS], y[REPORT_MAX_COUNTS], low[REPORT_MAX_COUNTS], high[REPORT_MAX_COUNTS];
    int n;
} report_line;

/* One figure of a worker count, with its interval; NAN: none. */
typedef void (*report_figure_fn)(const report_count *c, double *ret_value, double *ret_low, double *ret_high);

void atl_report_rate(const report_count *c, double *ret_value, double *ret_low, double *ret_high);

void atl_report_fill_line(const report_series *s, report_figure_fn figure, report_line *ret);
double atl_report_last_finite(const report_line *line);              /* NAN: none is */
double atl_report_highest(const report *r, report_figure_fn figure); /* with intervals; at least 0 */
/* Begins a chart over the worker counts of all series; those are written to `ticks`. Returns how many. */
int atl_report_begin_chart(const report *r, chart *c, bool narrow, bool full, double height,
                           const char *title, double ticks[REPORT_MAX_COUNTS], atl_text *out);
void atl_report_draw_points(chart *c, const report_series *s, const report_line *line, int colour,
                            const char *unit);
/* All series: lines, points, labels at their ends. */
void atl_report_draw_lines(chart *c, const report *r, report_figure_fn figure, const char *unit);

#endif
