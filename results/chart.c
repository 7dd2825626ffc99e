/* chart.c - see chart_private.h. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "chart_private.h"

#define WIDE         640
#define FULL         920
#define NARROW       344
#define HEIGHT       300
#define TEXT         12.0 /* px, as the page's style has it */
#define LABEL_HEIGHT 15
#define MARKER       4.2

void atl_put_xml(atl_text *out, const char *string)
{
    size_t left = strlen(string);
    while (left > 0) {
        uint32_t c = 0;
        const size_t n = atl_utf8_next(string, left, &c);
        if (c == '<' || c == '>' || c == '&' || c == '"')
            atl_text_printf(out, "&#%u;", (unsigned)c);
        else if (n == 0 || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F)
            atl_text_puts(out, "\ufffd");
        else
            atl_text_append(out, string, n);
        string += n > 0 ? n : 1;
        left -= n > 0 ? n : 1;
    }
}

double atl_chart_nice_step(double span, int n)
{
    static const double parts[] = {1, 2, 2.5, 5, 10};
    if (!(span > 0) || n < 1)
        return 1;
    const double unit = pow(10, floor(log10(span / n)));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (span / (parts[i] * unit) <= n + 1e-9)
            return parts[i] * unit;
    return 10 * unit;
}

int atl_chart_ticks(double low, double most, double step, double *ticks, int max)
{
    int n = 0;
    while (n < max && low + n * step <= most) {
        ticks[n] = low + n * step;
        n++;
    }
    return n;
}

double atl_chart_text_width(const char *text, double size_px)
{
    double units = 0;
    size_t left = strlen(text), n;
    uint32_t c;
    for (; (n = atl_utf8_next(text, left, &c)) > 0; text += n, left -= n)
        units += c == 0x202F || c == '.' || c == ',' || c == 'i' || c == 'l' ? 0.3
                 : c == 'm' || c == 'w'                                      ? 0.85
                                                                             : 0.58;
    return units * size_px;
}

void atl_chart_begin(chart *c, atl_text *out, bool narrow, bool full, double height, const char *title)
{
    *c = (chart){.out = out,
                 .narrow = narrow,
                 .width = narrow ? NARROW
                          : full ? FULL
                                 : WIDE,
                 .height = height > 0 ? height : HEIGHT,
                 .left = 48,
                 .right = narrow ? 10 : 110,
                 .top = 26,
                 .bottom = 40,
                 .x_max = 1,
                 .y_max = 1};
    atl_text_printf(out, "<svg class=\"%s\" viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"",
                    narrow ? "narrow" : "wide", c->width, c->height);
    atl_put_xml(out, title);
    atl_text_puts(out, "\">\n");
}

/* ---- places ---- */

double atl_chart_x(const chart *c, double x)
{
    const double room = c->width - c->left - c->right;
    if (c->x_log2)
        return c->left + room * log2(x / c->x_min) / log2(c->x_max / c->x_min);
    return c->left + room * (x - c->x_min) / (c->x_max - c->x_min);
}

double atl_chart_y(const chart *c, double y)
{
    return c->height - c->bottom - (c->height - c->top - c->bottom) * (y - c->y_min) / (c->y_max - c->y_min);
}

void atl_chart_range_y(chart *c, double low, double high)
{
    const double span = high > low ? high - low : 1, step = atl_chart_nice_step(span, 5);
    c->y_min = floor(low / step + 1e-9) * step;
    c->y_max = ceil((low + span) / step - 1e-9) * step;
    if (!(c->y_max > c->y_min) || !isfinite(c->y_max - c->y_min)) {
        c->y_min = 0;
        c->y_max = 1;
    }
}

void atl_chart_range_x(chart *c, double low, double high, bool log2_)
{
    c->x_log2 = log2_ && low > 0;
    c->x_min = low;
    c->x_max = high > low ? high : low + 1;
    if (c->x_log2 && !(high > low))
        c->x_max = 2 * low;
}

/* ---- texts ---- */

void atl_chart_text(chart *c, double px, double py, const char *anchor, const char *class, const char *text)
{
    atl_text_printf(c->out, "<text x=\"%.1f\" y=\"%.1f\"", px, py);
    if (*anchor)
        atl_text_printf(c->out, " text-anchor=\"%s\"", anchor);
    if (*class)
        atl_text_printf(c->out, " class=\"%s\"", class);
    atl_text_putc(c->out, '>');
    atl_put_xml(c->out, text);
    atl_text_puts(c->out, "</text>\n");
}

/* As many decimals as tell one tick from the next. */
static void tick_text(double value, double step, char *out, size_t size)
{
    int decimals = 0;
    double whole = step;
    while (decimals < 6 && fabs(whole - round(whole)) > 1e-6 * whole) {
        whole *= 10;
        decimals++;
    }
    if (fabs(value) < step / 2)
        snprintf(out, size, "0");
    else if (step >= 1e6)
        snprintf(out, size, "%g M", value / 1e6);
    else if (step >= 1e3)
        snprintf(out, size, "%g k", value / 1e3);
    else
        snprintf(out, size, "%.*f", decimals, value);
}

void atl_chart_axis_y(chart *c, const char *unit)
{
    const double step = atl_chart_nice_step(c->y_max - c->y_min, 5);
    double ticks[CHART_MAX_TICKS];
    const int n = atl_chart_ticks(c->y_min, c->y_max + step / 2, step, ticks, CHART_MAX_TICKS);
    for (int i = 0; i < n; i++) {
        char text[32];
        const double y = ticks[i], py = atl_chart_y(c, y);
        tick_text(y, step, text, sizeof text);
        atl_text_printf(c->out, "<path class=\"%s\" d=\"M%.1f %.1fH%.1f\"/>\n",
                        fabs(y - c->y_min) < step / 2 ? "axis" : "grid", c->left, py, c->width - c->right);
        atl_chart_text(c, c->left - 6, py + 4, "end", "", text);
    }
    atl_chart_text(c, 2, 12, "", "unit", unit);
}

void atl_chart_axis_x(chart *c, const double *ticks, int n, const char *name)
{
    double free_from = -1e9;
    const double last = n > 0 ? atl_chart_x(c, ticks[n - 1]) : 0, y = c->height - c->bottom;
    for (int i = 0; i < n; i++) {
        char text[32];
        if (ticks[n - 1] >= 1e4)
            tick_text(ticks[i], ticks[n - 1] / n, text, sizeof text);
        else
            snprintf(text, sizeof text, "%g", ticks[i]);
        const double x = atl_chart_x(c, ticks[i]), half = atl_chart_text_width(text, TEXT) / 2 + 2;
        atl_text_printf(c->out, "<path class=\"axis\" d=\"M%.1f %.1fv4\"/>\n", x, y);
        const bool last_one = i == n - 1;
        if (x - half < free_from || (!last_one && x + half > last - half))
            continue;
        const bool over = x + half > c->width;
        atl_chart_text(c, over ? c->width - 1 : x, y + 17, over ? "end" : "middle", "", text);
        free_from = x + half;
    }
    atl_chart_text(c, (c->left + c->width - c->right) / 2, c->height - 5, "middle", "unit", name);
}

/* ---- marks ---- */

static void put_colour(chart *c, const char *property, int colour)
{
    if (colour < 0)
        atl_text_printf(c->out, "%s:var(--ink)", property);
    else
        atl_text_printf(c->out, "%s:var(--c%d)", property, colour % CHART_COLOURS);
}

void atl_chart_line(chart *c, const double *x, const double *y, int n, int colour, const char *style)
{
    bool pen = false;
    atl_text_printf(c->out, "<path class=\"%s\" style=\"", style);
    put_colour(c, "stroke", colour);
    atl_text_puts(c->out, "\" d=\"");
    for (int i = 0; i < n; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i])) {
            pen = false;
            continue;
        }
        atl_text_printf(c->out, "%c%.1f %.1f", pen ? 'L' : 'M', atl_chart_x(c, x[i]), atl_chart_y(c, y[i]));
        pen = true;
    }
    atl_text_puts(c->out, "\"/>\n");
}

void atl_chart_band(chart *c, const double *x, const double *low, const double *high, int n, int colour)
{
    int m = 0;
    for (int i = 0; i < n; i++)
        m += isfinite(low[i]) && isfinite(high[i]);
    if (m < 2)
        return;
    atl_text_puts(c->out, "<path class=\"band\" style=\"");
    put_colour(c, "fill", colour);
    atl_text_puts(c->out, "\" d=\"");
    m = 0;
    for (int i = 0; i < n; i++)
        if (isfinite(low[i]) && isfinite(high[i]))
            atl_text_printf(c->out, "%c%.1f %.1f", m++ ? 'L' : 'M', atl_chart_x(c, x[i]),
                            atl_chart_y(c, fmin(high[i], c->y_max)));
    for (int i = n - 1; i >= 0; i--)
        if (isfinite(low[i]) && isfinite(high[i]))
            atl_text_printf(c->out, "L%.1f %.1f", atl_chart_x(c, x[i]),
                            atl_chart_y(c, fmax(low[i], c->y_min)));
    atl_text_puts(c->out, "z\"/>\n");
}

void atl_chart_bar(chart *c, double x, double low, double high, int colour)
{
    if (!isfinite(low) || !isfinite(high))
        return;
    const double px = atl_chart_x(c, x), from = atl_chart_y(c, fmax(low, c->y_min)),
                 to = atl_chart_y(c, fmin(high, c->y_max));
    atl_text_puts(c->out, "<path class=\"bar\" style=\"");
    put_colour(c, "stroke", colour);
    atl_text_printf(c->out, "\" d=\"M%.1f %.1fV%.1fM%.1f %.1fh6M%.1f %.1fh6\"/>\n", px, from, to, px - 3,
                    from, px - 3, to);
}

/* A shape for each colour: who cannot tell the colours tells the shapes. */
static void put_marker(chart *c, double px, double py, double r, int colour, const char *class)
{
    atl_text_printf(c->out, "<path class=\"%s\" style=\"", class);
    put_colour(c, strcmp(class, "ring") == 0 ? "stroke" : "fill", colour);
    atl_text_puts(c->out, "\" d=\"");
    switch (colour < 0 ? 0 : colour % CHART_COLOURS) {
    case 0:
        atl_text_printf(c->out, "M%.1f %.1fa%.1f %.1f 0 1 0 %.1f 0a%.1f %.1f 0 1 0 %.1f 0z", px - r, py, r, r,
                        2 * r, r, r, -2 * r);
        break;
    case 1:
        atl_text_printf(c->out, "M%.1f %.1fh%.1fv%.1fh%.1fz", px - r, py - r, 2 * r, 2 * r, -2 * r);
        break;
    case 2:
        atl_text_printf(c->out, "M%.1f %.1fl%.1f %.1fl%.1f %.1fl%.1f %.1fz", px, py - 1.3 * r, 1.3 * r,
                        1.3 * r, -1.3 * r, 1.3 * r, -1.3 * r, -1.3 * r);
        break;
    case 3:
        atl_text_printf(c->out, "M%.1f %.1fl%.1f %.1fh%.1fz", px, py - 1.2 * r, 1.2 * r, 2.1 * r, -2.4 * r);
        break;
    case 4:
        atl_text_printf(c->out, "M%.1f %.1fl%.1f %.1fh%.1fz", px, py + 1.2 * r, 1.2 * r, -2.1 * r, -2.4 * r);
        break;
    default:
        atl_text_printf(c->out, "M%.1f %.1fh%.1fv%.1fh%.1fv%.1fh%.1fv%.1fh%.1fv%.1fh%.1fv%.1fh%.1fz",
                        px - 0.45 * r, py - 1.3 * r, 0.9 * r, 0.85 * r, 0.85 * r, 0.9 * r, -0.85 * r,
                        0.85 * r, -0.9 * r, -0.85 * r, -0.85 * r, -0.9 * r, 0.85 * r);
    }
    atl_text_puts(c->out, "\"");
}

void atl_chart_point(chart *c, double x, double y, int colour, const char *tip)
{
    if (!isfinite(x) || !isfinite(y))
        return;
    put_marker(c, atl_chart_x(c, x), atl_chart_y(c, y), MARKER, colour, "point");
    atl_text_puts(c->out, "><title>");
    atl_put_xml(c->out, tip);
    atl_text_puts(c->out, "</title></path>\n");
}

void atl_chart_ring(chart *c, double x, double y, int colour)
{
    if (!isfinite(x) || !isfinite(y))
        return;
    put_marker(c, atl_chart_x(c, x), atl_chart_y(c, y), 2.1 * MARKER, colour, "ring");
    atl_text_puts(c->out, "/>\n");
}

void atl_chart_rect(chart *c, double px, double py, double w, double h, const char *fill, double opacity,
                    const char *tip)
{
    if (!isfinite(px + py + w + h) || w <= 0 || h <= 0)
        return;
    atl_text_printf(c->out, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" style=\"fill:%s\"",
                    px, py, w, h, fill);
    if (opacity < 1)
        atl_text_printf(c->out, " fill-opacity=\"%.3f\"", opacity);
    if (!tip) {
        atl_text_puts(c->out, "/>\n");
        return;
    }
    atl_text_puts(c->out, "><title>");
    atl_put_xml(c->out, tip);
    atl_text_puts(c->out, "</title></rect>\n");
}

/* ---- labels ---- */

void atl_chart_label_end(chart *c, double y, int colour, const char *text)
{
    if (c->n_labels == CHART_MAX_LABELS || !isfinite(y))
        return;
    chart_label *l = &c->label[c->n_labels++];
    snprintf(l->text, sizeof l->text, "%s", text);
    l->y = atl_chart_y(c, fmin(fmax(y, c->y_min), c->y_max));
    l->colour = colour;
}

/* From the top down, each at its line's end or right below the one before; then up again from the bottom. */
static void place_labels(chart *c)
{
    for (int i = 1; i < c->n_labels; i++)
        for (int k = i; k > 0 && c->label[k].y < c->label[k - 1].y; k--) {
            const chart_label held = c->label[k];
            c->label[k] = c->label[k - 1];
            c->label[k - 1] = held;
        }
    for (int i = 1; i < c->n_labels; i++)
        c->label[i].y = fmax(c->label[i].y, c->label[i - 1].y + LABEL_HEIGHT);
    double lowest = c->height - c->bottom;
    for (int i = c->n_labels - 1; i >= 0; i--) {
        c->label[i].y = fmin(c->label[i].y, lowest);
        lowest = c->label[i].y - LABEL_HEIGHT;
    }
}

/* On phones the labels stand below the picture, where they wrap. */
static void put_legend(chart *c)
{
    if (c->n_labels == 0)
        return;
    atl_text_puts(c->out, "<p class=\"legend narrow\">");
    for (int i = 0; i < c->n_labels; i++) {
        atl_text_puts(c->out, "<span>");
        if (c->label[i].colour >= 0) {
            atl_text_puts(c->out, "<svg class=\"key\" viewBox=\"0 0 12 12\">");
            put_marker(c, 6, 6, 4, c->label[i].colour, "point");
            atl_text_puts(c->out, "/></svg>");
        }
        atl_put_xml(c->out, c->label[i].text);
        atl_text_puts(c->out, "</span> ");
    }
    atl_text_puts(c->out, "</p>\n");
}

void atl_chart_end(chart *c)
{
    const double x = c->width - c->right + 8;
    if (!c->narrow)
        place_labels(c);
    for (int i = 0; i < c->n_labels && !c->narrow; i++) {
        const chart_label *l = &c->label[i];
        if (l->colour >= 0) {
            put_marker(c, x + 4, l->y, 3.6, l->colour, "point");
            atl_text_puts(c->out, "/>\n");
        }
        atl_chart_text(c, l->colour >= 0 ? x + 13 : x, l->y + 4, "", "label", l->text);
    }
    atl_text_puts(c->out, "</svg>\n");
    if (c->narrow)
        put_legend(c);
}
