/* bench_roofline.c - the roofline of a benchmark, drawn: GFLOP/s against flops a byte, both on logarithmic
 * axes.
 *
 * Of the rows with the most threads: a slanted line for each bandwidth, a level one for each peak that a dot
 * is measured by, a dot for each stage and layer. Labels that would lie on dots, roofs' names or each other
 * move up or down. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/sizes.h"
#include "bench_rows.h"

enum { WIDTH = 960, HEIGHT = 600, LEFT = 70, RIGHT = 30, TOP = 60, BOTTOM = 60 };

enum { MAX_LABELS = 48, MAX_BOXES = 256, LINE_PX = 14, DOT_PX = 16, FAR_PX = 80, MOST_PX = 160 };

#define LEAST_SHARE    0.005 /* of its stage's time: a layer below has no dot */
#define LABELLED_SHARE 0.08  /* one below has no label */

#define STAGE_EM_PX 7.4 /* of a letter, about: 12 px and bold, 10 px, 11 px */
#define LAYER_EM_PX 5.6
#define ROOF_EM_PX  6.2

/* What a label must not lie on: from x on, about y. */
typedef struct box {
    double x, y, width, height;
} box;

typedef struct drawing {
    const bench_row *rows;
    size_t n;
    int threads;           /* the most */
    double x0, x1, y0, y1; /* log10 of the axes' ends */
    double top;            /* the highest peak */
    box boxes[MAX_BOXES];
    int n_boxes, n_labels;
    atl_text *out;
} drawing;

static double x_px(const drawing *d, double intensity)
{
    return LEFT + (log10(intensity) - d->x0) / (d->x1 - d->x0) * (WIDTH - LEFT - RIGHT);
}

static double y_px(const drawing *d, double gflops)
{
    return HEIGHT - BOTTOM - (log10(gflops) - d->y0) / (d->y1 - d->y0) * (HEIGHT - TOP - BOTTOM);
}

static double intensity(const bench_row *row)
{
    return row->gflop / (row->mb / 1e3);
}

/* The stage that a layer's time is a part of. */
static const bench_row *stage_of(const drawing *d, const bench_row *layer)
{
    for (size_t i = 0; i < d->n; i++) {
        const bench_row *row = &d->rows[i];
        if (strcmp(row->kind, "stage") == 0 && strcmp(row->stage, layer->stage) == 0 &&
            strcmp(row->policy, layer->policy) == 0 && row->threads == layer->threads &&
            row->width == layer->width && row->height == layer->height)
            return row;
    }
    return layer;
}

static double share_of_stage(const drawing *d, const bench_row *row)
{
    return row->median / stage_of(d, row)->median;
}

static bool is_dot(const drawing *d, const bench_row *row)
{
    if (strcmp(row->kind, "layer") == 0 && share_of_stage(d, row) < LEAST_SHARE)
        return false;
    return strcmp(row->kind, "ceiling") != 0 && row->threads == d->threads && isfinite(row->gflops) &&
           row->gflops > 0 && row->mb > 0;
}

static bool is_ceiling(const drawing *d, const bench_row *row, const char *prefix)
{
    return strcmp(row->kind, "ceiling") == 0 && row->threads == d->threads &&
           strncmp(row->name, prefix, strlen(prefix)) == 0;
}

/* A peak is drawn if something here is measured by it. */
static bool is_peak(const drawing *d, const bench_row *row)
{
    for (size_t i = 0; is_ceiling(d, row, "gemm") && i < d->n; i++)
        if (is_dot(d, &d->rows[i]) && d->rows[i].peak_gflops == row->median)
            return true;
    return false;
}

static void find_ranges(drawing *d)
{
    double least_x = 1, most_x = 100, least_y = INFINITY;
    for (size_t i = 0; i < d->n; i++)
        d->threads = d->rows[i].threads > d->threads ? d->rows[i].threads : d->threads;
    for (size_t i = 0; i < d->n; i++) {
        const bench_row *row = &d->rows[i];
        if (is_peak(d, row))
            d->top = fmax(d->top, row->median);
        if (!is_dot(d, row))
            continue;
        least_x = fmin(least_x, intensity(row));
        most_x = fmax(most_x, intensity(row));
        least_y = fmin(least_y, row->gflops);
        d->top = fmax(d->top, row->gflops);
    }
    d->top = d->top > 0 ? d->top : 100;
    d->x0 = floor(log10(least_x));
    d->x1 = ceil(log10(most_x * 1.5));
    d->y0 = floor(log10(fmin(least_y, d->top / 100)));
    d->y1 = ceil(log10(d->top * 1.3) * 4) / 4;
}

static void put_escaped(const char *text, atl_text *out)
{
    for (; *text; text++)
        if (*text == '<' || *text == '&' || *text == '>')
            atl_text_puts(out, *text == '<' ? "&lt;" : *text == '&' ? "&amp;" : "&gt;");
        else
            atl_text_putc(out, *text);
}

static void draw_axes(const drawing *d)
{
    for (int e = (int)d->x0; e <= (int)d->x1; e++) {
        const double x = x_px(d, pow(10, e));
        atl_text_printf(d->out, "<line class='grid' x1='%.1f' x2='%.1f' y1='%d' y2='%d'/>", x, x, TOP,
                        HEIGHT - BOTTOM);
        atl_text_printf(d->out, "<text class='tick' text-anchor='middle' x='%.1f' y='%d'>%g</text>\n", x,
                        HEIGHT - BOTTOM + 18, pow(10, e));
    }
    for (int e = (int)d->y0; e <= (int)floor(d->y1); e++) {
        const double y = y_px(d, pow(10, e));
        atl_text_printf(d->out, "<line class='grid' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>", LEFT,
                        WIDTH - RIGHT, y, y);
        atl_text_printf(d->out, "<text class='tick' text-anchor='end' x='%d' y='%.1f'>%g</text>\n", LEFT - 6,
                        y + 4, pow(10, e));
    }
    atl_text_printf(d->out,
                    "<text class='axis' text-anchor='middle' x='%d' y='%d'>flops a byte (inputs, weights and "
                    "results of every op once)</text>\n"
                    "<text class='axis' text-anchor='middle' transform='translate(20 %d) rotate(-90)'>GFLOP/s"
                    "</text>\n",
                    (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, (TOP + HEIGHT - BOTTOM) / 2);
}

/* From where it enters the plot to where it meets the highest peak. Names stand above their lines, memory's,
 * the lowest, below: the last cache's line may be close. */
static void draw_bandwidth(const drawing *d, const char *name, double gbps)
{
    const double from = fmax(pow(10, d->x0), pow(10, d->y0) / gbps), to = fmin(d->top / gbps, pow(10, d->x1));
    if (!(from < to))
        return;
    const double x1 = x_px(d, from), y1 = y_px(d, from * gbps), x2 = x_px(d, to), y2 = y_px(d, to * gbps);
    const double angle = atan2(y2 - y1, x2 - x1) * 180 / 3.14159265358979;
    atl_text_printf(d->out, "<line class='roof' x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f'/>", x1, y1, x2, y2);
    const bool memory = strcmp(name, "memory") == 0;
    atl_text_printf(
        d->out,
        "<text class='roof-name' transform='translate(%.1f %.1f) rotate(%.1f)' dy='%d' dx='%d'>%s "
        "%.0f GB/s</text>\n",
        x1, y1, angle, memory ? 13 : -5, memory || strcmp(name, "L2") == 0 ? 110 : 8, name, gbps);
}

static void keep_free(drawing *d, double x, double y, double width, double height)
{
    if (d->n_boxes < MAX_BOXES)
        d->boxes[d->n_boxes++] = (box){x, y, width, height};
}

static void draw_peak(drawing *d, const bench_row *row)
{
    char name[96];
    const double y = y_px(d, row->median);
    snprintf(name, sizeof name, "%s, %s: %.0f GFLOP/s", row->name, row->isa, row->median);
    const double width = ROOF_EM_PX * (double)strlen(name);
    atl_text_printf(d->out, "<line class='roof' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>", LEFT, WIDTH - RIGHT,
                    y, y);
    atl_text_printf(d->out, "<text class='roof-name' text-anchor='end' x='%d' y='%.1f'>%s</text>\n",
                    WIDTH - RIGHT - 4, y - 5, name);
    keep_free(d, WIDTH - RIGHT - 4 - width, y - 9, width, LINE_PX);
}

static void draw_roofs(drawing *d)
{
    static const char *const caches[] = {"read_l1", "read_l2", "read_l3"};
    static const char *const names[] = {"L1", "L2", "L3"};
    double memory = 0;
    for (size_t i = 0; i < d->n; i++) {
        const bench_row *row = &d->rows[i];
        for (size_t c = 0; c < ATL_COUNT(caches); c++)
            if (is_ceiling(d, row, caches[c]))
                draw_bandwidth(d, names[c], row->median);
        if (is_ceiling(d, row, "read_memory") || is_ceiling(d, row, "triad_streaming"))
            memory = fmax(memory, row->median);
        if (is_peak(d, row))
            draw_peak(d, row);
    }
    if (memory > 0)
        draw_bandwidth(d, "memory", memory);
}

static bool is_free(const drawing *d, double x, double y, double width)
{
    bool free = y > TOP && y < HEIGHT - BOTTOM - LINE_PX / 2.0;
    for (int i = 0; free && i < d->n_boxes; i++) {
        const box *b = &d->boxes[i];
        free = x >= b->x + b->width || b->x >= x + width || fabs(y - b->y) >= (LINE_PX + b->height) / 2 - 1;
    }
    return free;
}

/* The nearest height at which it lies on nothing, in half lines to either side; NAN: there is none near. */
static double free_place(const drawing *d, double x, double y, double width)
{
    for (int off = 0; off <= MOST_PX; off += LINE_PX / 2) {
        if (is_free(d, x, y + off, width))
            return y + off;
        if (is_free(d, x, y - off, width))
            return y - off;
    }
    return (double)NAN;
}

static void draw_label(drawing *d, const bench_row *row, double x, double y)
{
    char text[96];
    const bool is_layer = strcmp(row->kind, "layer") == 0;
    if (is_layer || strcmp(row->stage, "text_encode") == 0)
        snprintf(text, sizeof text, "%s %s", row->name, row->policy);
    else
        snprintf(text, sizeof text, "%s %s %d×%d", row->name, row->policy, row->width, row->height);
    const double width = (is_layer ? LAYER_EM_PX : STAGE_EM_PX) * (double)strlen(text);
    const bool is_left = x + 10 + width > WIDTH - RIGHT;
    const double from = is_left ? x - 10 - width : x + 10, at = free_place(d, from, y, width);
    if (isnan(at) || (is_layer && fabs(at - y) > FAR_PX) || d->n_labels == MAX_LABELS)
        return; /* its tooltip says it all */
    d->n_labels++;
    keep_free(d, from, at, width, LINE_PX);
    if (fabs(at - y) > 1)
        atl_text_printf(d->out, "<line class='leader' x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f'/>", x, y,
                        is_left ? x - 8 : x + 8, at);
    atl_text_printf(d->out, "<text class='%s' text-anchor='%s' x='%.1f' y='%.1f'>",
                    is_layer ? "layer" : "stage", is_left ? "end" : "start", is_left ? x - 10 : x + 10,
                    at + 4);
    put_escaped(text, d->out);
    atl_text_puts(d->out, "</text>\n");
}

/* Hues far apart, policy by policy. */
static int colour_of(const char *policy)
{
    static const char *const known[] = {"fp32", "bf16", "int8", "fp16"};
    for (size_t i = 0; i < ATL_COUNT(known); i++)
        if (strcmp(policy, known[i]) == 0)
            return (int)i;
    return (int)ATL_COUNT(known);
}

static void draw_dot(drawing *d, const bench_row *row)
{
    const bool is_layer = strcmp(row->kind, "layer") == 0;
    if (!is_layer)
        keep_free(d, x_px(d, intensity(row)) - DOT_PX / 2.0, y_px(d, row->gflops), DOT_PX, DOT_PX);
    atl_text_printf(d->out, "<circle class='p%d%s' cx='%.1f' cy='%.1f' r='%s'><title>",
                    colour_of(row->policy), is_layer ? " faint" : "", x_px(d, intensity(row)),
                    y_px(d, row->gflops), is_layer ? "4" : "7");
    put_escaped(row->name, d->out);
    atl_text_printf(d->out, ", %s, %d thread%s: %.2f ms, %.0f GFLOP/s, %.1f GB/s, %.0f %% of the roof",
                    row->policy, row->threads, row->threads == 1 ? "" : "s", row->median, row->gflops,
                    row->gbps, row->of_roof);
    if (is_layer)
        atl_text_printf(d->out, ", %.0f %% of %s", 100 * share_of_stage(d, row), row->stage);
    atl_text_puts(d->out, "</title></circle>\n");
}

static void draw_dots(drawing *d, const char *kind)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->rows[i].kind, kind) == 0 && is_dot(d, &d->rows[i]))
            draw_dot(d, &d->rows[i]);
}

static void draw_labels(drawing *d, const char *kind)
{
    const bool are_layers = strcmp(kind, "layer") == 0;
    for (size_t i = 0; i < d->n && d->n_labels < MAX_LABELS; i++) {
        const bench_row *row = &d->rows[i];
        if (strcmp(row->kind, kind) == 0 && is_dot(d, row) &&
            (!are_layers || share_of_stage(d, row) >= LABELLED_SHARE))
            draw_label(d, row, x_px(d, intensity(row)), y_px(d, row->gflops));
    }
}

static void draw_title(const bench_about *about, const drawing *d)
{
    atl_text_printf(d->out, "<text class='title' x='%d' y='26'>", LEFT);
    put_escaped(about->model, d->out);
    atl_text_printf(d->out, " on %d thread%s</text>\n<text class='axis' x='%d' y='44'>", d->threads,
                    d->threads == 1 ? "" : "s", LEFT);
    put_escaped(about->machine, d->out);
    atl_text_printf(d->out, " · %s · atelier %s</text>\n", about->started, about->version);
    static const char *const policies[] = {"fp32", "bf16", "int8", "fp16", "other"};
    int x = WIDTH - RIGHT;
    for (size_t p = ATL_COUNT(policies); p-- > 0;) {
        bool is_used = false;
        for (size_t i = 0; i < d->n; i++)
            is_used = is_used || (is_dot(d, &d->rows[i]) && colour_of(d->rows[i].policy) == (int)p);
        if (!is_used)
            continue;
        x -= 60;
        atl_text_printf(
            d->out,
            "<circle class='p%zu' cx='%d' cy='22' r='6'/><text class='axis' x='%d' y='26'>%s</text>\n", p, x,
            x + 10, policies[p]);
    }
}

static const char style[] =
    "<style>text{font:12px system-ui,sans-serif;fill:#333}.title{font-size:17px;font-weight:600}"
    ".tick,.axis{fill:#666}.grid{stroke:#ddd}.roof{stroke:#777;stroke-width:1.5}.roof-name{fill:#777;font-"
    "size:11px}"
    ".leader{stroke:#aaa}.layer{font-size:10px;fill:#777}.stage{font-weight:600;paint-order:stroke;stroke:#"
    "fff;stroke-width:3px}.bg{fill:#fff}.faint{opacity:"
    ".55}"
    ".p0{fill:#0b6bcb}.p1{fill:#c4421a}.p2{fill:#2f8132}.p3{fill:#7b3fb0}.p4{fill:#8a8a8a}"
    "@media "
    "(prefers-color-scheme:dark){text{fill:#ddd}.tick,.axis{fill:#aaa}.grid{stroke:#3a3a3a}.bg{fill:#181818}."
    "stage{stroke:#181818}"
    ".roof{stroke:#999}.roof-name,.layer{fill:#aaa}.leader{stroke:#666}.p0{fill:#63a9f0}.p1{fill:#f08a63}"
    ".p2{fill:#7cc97f}.p3{fill:#c094ea}.p4{fill:#9a9a9a}}</style>\n";

void bench_write_roofline(const bench_about *about, const bench_row *rows, size_t n, atl_text *out)
{
    drawing d = {.rows = rows, .n = n, .out = out};
    find_ranges(&d);
    atl_text_printf(out,
                    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' width='%d' height='%d'>\n",
                    WIDTH, HEIGHT, WIDTH, HEIGHT);
    atl_text_puts(out, style);
    atl_text_printf(out, "<rect class='bg' width='%d' height='%d'/>\n", WIDTH, HEIGHT);
    draw_axes(&d);
    draw_roofs(&d);
    draw_dots(&d, "layer");
    draw_dots(&d, "stage");
    draw_labels(&d, "stage"); /* first come the nearest places */
    draw_labels(&d, "layer");
    draw_title(about, &d);
    atl_text_puts(out, "</svg>\n");
}
