/* chart_private.h - charts as inline SVG: axes with round ticks, lines, bands, points, labels.
 *
 * Sizes are in the viewBox's units, which the page shows as about a pixel each: a chart is drawn once for
 * wide screens and once for phones, so that its text is as large on both. Colours are the page's CSS
 * variables (--c0 … --c5 for series), so that light and dark are the page's business; every colour comes with
 * a shape. What is not finite is left out. */
#ifndef ATL_RESULTS_CHART_PRIVATE_H
#define ATL_RESULTS_CHART_PRIVATE_H

#include <stdbool.h>

#include "base/text.h"

enum { CHART_COLOURS = 6, CHART_MAX_TICKS = 40, CHART_MAX_LABELS = 16 };

typedef struct chart_label {
    char text[48];
    double y; /* in the picture */
    int colour;
} chart_label;

typedef struct chart {
    atl_text *out;
    bool narrow;
    double width, height, left, right, top, bottom; /* of the picture; the margins of the plot in it */
    double x_min, x_max, y_min, y_max;              /* of the data */
    bool x_log2;
    int n_labels;
    chart_label label[CHART_MAX_LABELS]; /* at the right edge, put where they do not meet */
} chart;

/* XML's escapes. */
void atl_put_xml(atl_text *out, const char *string);
/* The least of 1, 2, 2.5, 5 · 10^k that cuts [0, span] into at most n parts. */
double atl_chart_nice_step(double span, int n);
/* low, low + step, … up to `most`, at most `max` of them; returns how many. */
int atl_chart_ticks(double low, double most, double step, double *ticks, int max);
/* What a text of that size takes, roughly. */
double atl_chart_text_width(const char *text, double size_px);

/* `title` is for those who cannot see. `full`: as wide as the page, not as half of it. `height` 0: the usual.
 */
void atl_chart_begin(chart *c, atl_text *out, bool narrow, bool full, double height, const char *title);
void atl_chart_end(chart *c);

double atl_chart_x(const chart *c, double x);
double atl_chart_y(const chart *c, double y);

/* Ranges: y from 0 (or `low`) to a round number at or above `high`. */
void atl_chart_range_y(chart *c, double low, double high);
void atl_chart_range_x(chart *c, double low, double high, bool log2);
/* Grid lines and numbers; `unit` stands above the topmost. */
void atl_chart_axis_y(chart *c, const char *unit);
/* Numbers at those places that have room; `name` stands below. */
void atl_chart_axis_x(chart *c, const double *ticks, int n, const char *name);

/* `style` is a CSS class: "line", "line dashed", "line ideal"; colour −1 is the ink. */
void atl_chart_line(chart *c, const double *x, const double *y, int n, int colour, const char *style);
void atl_chart_band(chart *c, const double *x, const double *low, const double *high, int n, int colour);
void atl_chart_bar(chart *c, double x, double low, double high, int colour); /* of an interval */
void atl_chart_point(chart *c, double x, double y, int colour, const char *tip);
void atl_chart_ring(chart *c, double x, double y, int colour);
void atl_chart_text(chart *c, double px, double py, const char *anchor, const char *class, const char *text);
/* A text at a line's end; chart_end puts it where it fits. Narrow charts have a legend below. */
void atl_chart_label_end(chart *c, double y, int colour, const char *text);
/* A rectangle in the picture's units; `fill` is a CSS value. */
void atl_chart_rect(chart *c, double px, double py, double w, double h, const char *fill, double opacity,
                    const char *tip);

#endif
