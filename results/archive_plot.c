/* archive_plot.c - the archive's trends as one SVG file.
 *
 * Rows stand side by side in the order in which they were measured, since runs come in bursts and weeks lie
 * between: a time axis would show the bursts as one point. A tooltip has each point's date and value. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "results/archive_noise.h"
#include "results/archive_trend.h"

enum { WIDTH = 900, LEFT = 80, RIGHT = 30, PLOT = 180, HEAD = 46, ENTRY = 18, FOOT = 24, N_COLOURS = 8 };

static const char style[] =
    "<style>:root{--ink:#1d2430;--faint:#8a93a3;--paper:#fff}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--faint:#7c8798;--paper:#14181f}}"
    "svg{background:var(--paper)}text{font:13px system-ui,sans-serif;fill:var(--ink)}"
    ".faint{fill:var(--faint);font-size:11px}.axis{stroke:var(--faint);stroke-width:1}"
    ".line{fill:none;stroke-width:2}.worse{fill:none;stroke:#d1242f;stroke-width:2.5}</style>\n";

/* Told apart with any kind of colour vision (Okabe & Ito 2008), in an order that suits both papers. */
static const char *const colours[N_COLOURS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                               "#e69f00", "#56b4e9", "#8a93a3", "#b5a900"};

static void put_escaped(atl_text *out, const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c == '<' || *c == '>' || *c == '&' || *c == '"')
            atl_text_printf(out, "&#%d;", *c);
        else if ((unsigned char)*c >= 0x20)
            atl_text_putc(out, *c);
}

static bool is_shown(const atl_trend *t, const char *figure)
{
    return figure ? strcmp(t->figure->name, figure) == 0 : t->headline;
}

static bool same_panel(const atl_trend *a, const atl_trend *b)
{
    return strcmp(a->figure->name, b->figure->name) == 0 && strcmp(a->figure->unit, b->figure->unit) == 0;
}

/* Whether no shown series before it has its figure and unit. */
static bool opens_panel(const atl_trends *trends, int at, const char *figure)
{
    for (int i = 0; i < at; i++)
        if (is_shown(&trends->items[i], figure) && same_panel(&trends->items[i], &trends->items[at]))
            return false;
    return is_shown(&trends->items[at], figure);
}

typedef struct panel {
    const atl_trends *trends;
    const atl_trend *first; /* whose name and unit it has */
    const char *figure;
    double top, most; /* pixels; the axis' end */
    int64_t ids[ATL_ARCHIVE_MAX_ROWS];
    int n_ids, n_series;
} panel;

static bool is_in(const panel *p, const atl_trend *t)
{
    return is_shown(t, p->figure) && same_panel(t, p->first);
}

/* Rows of the panel, ascending, each once. */
static void add_id(panel *p, int64_t id)
{
    int at = p->n_ids;
    while (at > 0 && p->ids[at - 1] > id)
        at--;
    if ((at > 0 && p->ids[at - 1] == id) || p->n_ids == ATL_ARCHIVE_MAX_ROWS)
        return;
    memmove(p->ids + at + 1, p->ids + at, (size_t)(p->n_ids - at) * sizeof *p->ids);
    p->ids[at] = id;
    p->n_ids++;
}

static double nice(double value)
{
    const double unit = pow(10, floor(log10(value)));
    const double steps[] = {1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (value <= steps[i] * unit)
            return steps[i] * unit;
    return value;
}

static void open_panel(panel *p)
{
    double most = 0;
    p->n_ids = p->n_series = 0;
    for (int i = 0; i < p->trends->n; i++) {
        const atl_trend *t = &p->trends->items[i];
        if (!is_in(p, t))
            continue;
        p->n_series++;
        for (int k = 0; k < t->n; k++) {
            most = fmax(most, t->values[k]);
            add_id(p, t->entries[k]->id);
        }
    }
    p->most = most > 0 ? nice(most) : 1;
}

static double x_of(const panel *p, int64_t id)
{
    int at = 0;
    while (at < p->n_ids - 1 && p->ids[at] < id)
        at++;
    return p->n_ids > 1 ? LEFT + (double)(WIDTH - LEFT - RIGHT) * at / (p->n_ids - 1) : WIDTH / 2.0;
}

static double y_of(const panel *p, double value)
{
    return p->top + HEAD + PLOT * (1 - fmax(0, value) / p->most);
}

static void put_date(int64_t time_s, atl_text *out)
{
    const time_t t = (time_t)time_s;
    struct tm parts;
    char date[32] = "";
    if (gmtime_r(&t, &parts))
        strftime(date, sizeof date, "%Y-%m-%d %H:%M", &parts);
    atl_text_puts(out, date);
}

static void put_axes(const panel *p, atl_text *out)
{
    const double bottom = p->top + HEAD + PLOT;
    atl_text_printf(out, "<text x=\"%d\" y=\"%g\" font-weight=\"600\">", LEFT, p->top + 26);
    put_escaped(out, p->first->figure->name);
    if (p->first->figure->unit[0]) {
        atl_text_puts(out, ", ");
        put_escaped(out, p->first->figure->unit);
    }
    atl_text_puts(out, "</text>\n");
    for (int i = 0; i <= 2; i++) {
        const double y = y_of(p, p->most * i / 2);
        atl_text_printf(
            out,
            "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%g\" y2=\"%g\"%s/><text class=\"faint\" "
            "x=\"%d\" y=\"%g\" text-anchor=\"end\">%.10g</text>\n",
            LEFT, WIDTH - RIGHT, y, y, i > 0 ? " stroke-dasharray=\"2 4\"" : "", LEFT - 8, y + 4,
            p->most * i / 2);
    }
    atl_text_printf(out, "<text class=\"faint\" x=\"%d\" y=\"%g\">oldest</text>", LEFT, bottom + 16);
    atl_text_printf(out, "<text class=\"faint\" x=\"%d\" y=\"%g\" text-anchor=\"end\">latest</text>\n",
                    WIDTH - RIGHT, bottom + 16);
}

static void put_point(const panel *p, const atl_trend *t, int k, const char *colour, atl_text *out)
{
    const atl_archive_entry *e = t->entries[k];
    const double x = x_of(p, e->id), y = y_of(p, t->values[k]);
    char why[128];
    const bool disturbed = t->disturbed[k];
    atl_text_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"", x, y,
                    disturbed ? "none" : colour);
    if (disturbed) /* empty: it says little */
        atl_text_printf(out, " stroke=\"%s\"", colour);
    atl_text_puts(out, "><title>");
    put_date(e->time_s, out);
    atl_text_printf(out, ": %.5g ", t->values[k]);
    put_escaped(out, t->figure->unit);
    atl_text_puts(out, e->commit[0] ? ", " : "");
    put_escaped(out, e->commit);
    if (disturbed && atl_archive_disturbed(e, t->figure->name, why)) {
        atl_text_puts(out, "; disturbed: ");
        put_escaped(out, why);
    }
    atl_text_puts(out, "</title></circle>\n");
    if (k == t->n - 1 && t->verdict == ATL_TREND_WORSE)
        atl_text_printf(out, "<circle class=\"worse\" cx=\"%.1f\" cy=\"%.1f\" r=\"8\"/>\n", x, y);
}

static void put_series(const panel *p, const atl_trend *t, int rank, atl_text *out)
{
    const char *colour = colours[rank % N_COLOURS];
    const atl_archive_entry *e = t->latest;
    atl_text_printf(out, "<polyline class=\"line\" stroke=\"%s\"%s points=\"", colour,
                    rank >= N_COLOURS ? " stroke-dasharray=\"6 3\"" : "");
    for (int k = 0; k < t->n; k++)
        atl_text_printf(out, "%.1f,%.1f ", x_of(p, t->entries[k]->id), y_of(p, t->values[k]));
    atl_text_puts(out, "\"/>\n");
    for (int k = 0; k < t->n; k++)
        put_point(p, t, k, colour, out);
    const double y = p->top + HEAD + PLOT + FOOT + ENTRY * (rank + 1);
    atl_text_printf(
        out, "<rect x=\"%d\" y=\"%g\" width=\"12\" height=\"12\" fill=\"%s\"/><text x=\"%d\" y=\"%g\">", LEFT,
        y - 10, colour, LEFT + 18, y);
    atl_text_puts(out, t->verdict == ATL_TREND_WORSE ? "worse than noise explains: " : "");
    put_escaped(out, e->kind);
    const char *const parts[] = {e->model_name, e->policy, e->work};
    for (int i = 0; i < 3; i++) {
        atl_text_puts(out, parts[i][0] ? ", " : "");
        put_escaped(out, parts[i]);
    }
    if (e->workers > 0 && !atl_archive_finds_workers(e))
        atl_text_printf(out, ", %d × %d", e->workers, e->threads);
    atl_text_puts(out, e->machine[0] ? " on " : "");
    put_escaped(out, e->machine);
    atl_text_puts(out, "</text>\n");
}

bool atl_trends_put_svg(const atl_trends *trends, const char *figure, atl_text *out)
{
    panel p = {.trends = trends, .figure = figure};
    atl_text body = {0};
    for (int i = 0; i < trends->n; i++) {
        if (!opens_panel(trends, i, figure))
            continue;
        int rank = 0;
        p.first = &trends->items[i];
        open_panel(&p);
        put_axes(&p, &body);
        for (int k = 0; k < trends->n; k++)
            if (is_in(&p, &trends->items[k]))
                put_series(&p, &trends->items[k], rank++, &body);
        p.top += HEAD + PLOT + FOOT + ENTRY * p.n_series + 20;
    }
    if (p.top > 0) {
        atl_text_printf(out,
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %g\" width=\"%d\" "
                        "height=\"%g\" role=\"img\" aria-label=\"figures over time\">\n%s",
                        (int)WIDTH, p.top, (int)WIDTH, p.top, style);
        atl_text_append(out, body.data, body.length);
        atl_text_puts(out, "</svg>\n");
        out->failed |= body.failed;
    }
    atl_text_done(&body);
    return p.top > 0;
}
