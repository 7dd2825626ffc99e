/* draw_svg.c - the machine as a picture: packages and NUMA nodes hold clusters, clusters hold cores, a core's
 * hardware threads stand below each other, and each worker has a colour and its name.
 *
 * Boxes flow into lines like words: every cluster is measured, then placed, then drawn. Light and dark by the
 * reader's preference. Nothing is loaded from elsewhere. */
#include <stdio.h>
#include <stdlib.h>

#include "draw_words.h"

enum {
    WIDTH = 1080, /* no line of boxes is wider, unless one box is */
    LEAST_WIDTH = 760,
    LINE_BYTES = 100, /* of a sentence on one line: LEAST_WIDTH holds them */
    LINE = 18,        /* of words, with what parts it from the next */
    HEAD = 72,        /* the machine's name, and what is clear below it */
    EDGE = 24,        /* around everything */
    GAP = 12,         /* between boxes */
    PADDING = 12,     /* within a box */
    TITLE = 26,       /* a box's line of words */
    CELL_WIDTH = 40,  /* a hardware thread */
    CELL_HEIGHT = 30, /* of it */
    CORE_GAP = 4,
    MODULE_GAP = 6, /* more between cores that do not share an L2 */
    LETTER = 7,     /* about the width of one at 12 px */
    MOST_COLUMNS = 20,
    N_COLOURS = 12
};

static const char *const light[N_COLOURS] = {"#a9cdef", "#efcba9", "#a9efcb", "#eda9ef",
                                             "#cdefa9", "#a9abef", "#efa9ab", "#a9efed",
                                             "#efa9cd", "#abefa9", "#cba9ef", "#efeda9"};
static const char *const dark[N_COLOURS] = {"#315677", "#775331", "#317753", "#763177", "#567731", "#313277",
                                            "#773132", "#317776", "#773156", "#327731", "#533177", "#777631"};

typedef struct box {
    int x, y, width, height;
} box;

typedef struct picture {
    const atl_machine *m;
    const atl_seats *seats;
    atl_text *out;
    box *clusters; /* [n_clusters] */
    box *groups;   /* [n_clusters] is room enough: clusters of one package and NUMA set */
    int *group_of; /* [n_clusters] */
    int n_groups;
} picture;

static void put_escaped(atl_text *out, const char *words)
{
    for (const char *c = words; *c; c++) {
        if (*c == '&' || *c == '<' || *c == '>' || *c == '"')
            atl_text_printf(out, "&#%d;", *c);
        else if ((unsigned char)*c >= 0x20)
            atl_text_putc(out, *c);
    }
}

static void put_words(const picture *p, int x, int y, const char *class_name, const char *words)
{
    atl_text_printf(p->out, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class_name);
    put_escaped(p->out, words);
    atl_text_puts(p->out, "</text>\n");
}

static void put_box(const picture *p, const box *b, const char *class_name, int radius)
{
    atl_text_printf(p->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\" class=\"%s\"/>\n",
                    b->x, b->y, b->width, b->height, radius, class_name);
}

/* Columns of letters in UTF-8, for their width. */
static int columns_of(const char *words)
{
    int n = 0;
    for (const char *c = words; *c; c++)
        n += ((unsigned char)*c & 0xC0) != 0x80;
    return n;
}

/* ---- where things are ---- */

/* A walk over the cluster's cores: where each one's left upper corner is within the cluster. */
typedef struct walk {
    int core, column, x, y, row_height, most_x;
} walk;

static bool next_core(const picture *p, int cluster, walk *w)
{
    const atl_machine *m = p->m;
    const int before = w->core;
    int i = before + 1;
    while (i < m->n_cores && m->cores[i].cluster != cluster)
        i++;
    if (i == m->n_cores)
        return false;
    if (before < 0) {
        w->x = PADDING;
        w->y = TITLE + 4;
    } else if (++w->column == MOST_COLUMNS) {
        w->column = 0;
        w->x = PADDING;
        w->y += w->row_height + CORE_GAP + MODULE_GAP;
    } else {
        w->x += CELL_WIDTH + CORE_GAP + (m->cores[i].module != m->cores[before].module ? MODULE_GAP : 0);
    }
    w->core = i;
    w->most_x = w->x + CELL_WIDTH > w->most_x ? w->x + CELL_WIDTH : w->most_x;
    return true;
}

static walk begin_walk(const atl_machine *m)
{
    return (walk){.core = -1, .row_height = m->most_pus * CELL_HEIGHT};
}

static void measure_cluster(picture *p, int cluster)
{
    walk w = begin_walk(p->m);
    while (next_core(p, cluster, &w))
        continue;
    atl_text title = {0};
    atl_words_of_cluster(p->m, cluster, &title);
    const int words = 2 * PADDING + LETTER * (title.data ? columns_of(title.data) : 0);
    p->out->failed = p->out->failed || title.failed;
    atl_text_done(&title);
    box *b = &p->clusters[cluster];
    b->width = w.most_x + PADDING > words ? w.most_x + PADDING : words;
    b->height = w.y + w.row_height + PADDING;
}

/* Places boxes like words on lines from (x0, y0), no line wider than `width`. Returns the room they took. */
static box flow(box *boxes, int n, int x0, int y0, int width)
{
    int x = x0, y = y0, line = 0;
    box all = {x0, y0, 0, 0};
    for (int i = 0; i < n; i++) {
        if (x > x0 && x + boxes[i].width > x0 + width) {
            x = x0;
            y += line + GAP;
            line = 0;
        }
        boxes[i].x = x;
        boxes[i].y = y;
        x += boxes[i].width + GAP;
        line = boxes[i].height > line ? boxes[i].height : line;
        all.width = x - GAP - x0 > all.width ? x - GAP - x0 : all.width;
    }
    all.height = y + line - y0;
    return all;
}

static void group_clusters(picture *p)
{
    for (int i = 0; i < p->m->n_clusters; i++) {
        const atl_cluster *c = &p->m->clusters[i], *before = c - 1;
        if (i == 0 || before->package != c->package || before->numa != c->numa)
            p->n_groups++;
        p->group_of[i] = p->n_groups - 1;
    }
}

/* The clusters of group g: *ret_first and how many. They lie beside each other. */
static int clusters_in(const picture *p, int g, int *ret_first)
{
    int n = 0;
    for (int i = 0; i < p->m->n_clusters; i++) {
        if (p->group_of[i] != g)
            continue;
        if (n++ == 0)
            *ret_first = i;
    }
    return n;
}

static box lay_out(picture *p, int top)
{
    const int inner = WIDTH - 2 * EDGE - 2 * PADDING;
    int first = 0;
    for (int i = 0; i < p->m->n_clusters; i++)
        measure_cluster(p, i);
    for (int g = 0; g < p->n_groups; g++) {
        const int n = clusters_in(p, g, &first);
        const box room = flow(p->clusters + first, n, PADDING, TITLE + 8, inner);
        p->groups[g].width = room.width + 2 * PADDING > 220 ? room.width + 2 * PADDING : 220;
        p->groups[g].height = room.height + TITLE + 8 + PADDING;
    }
    const box all = flow(p->groups, p->n_groups, EDGE, top, WIDTH - 2 * EDGE);
    for (int i = 0; i < p->m->n_clusters; i++) {
        p->clusters[i].x += p->groups[p->group_of[i]].x;
        p->clusters[i].y += p->groups[p->group_of[i]].y;
    }
    return all;
}

/* ---- how they look ---- */

static void put_style(const picture *p)
{
    atl_text *out = p->out;
    atl_text_puts(out, "<style>\n"
                       ":root{--page:#ffffff;--group:#f5f6f8;--cluster:#ffffff;--line:#c9ced6;--cell:#eceef2;"
                       "--ink:#1d2330;--dim:#667085;--warn:#a04a00;color-scheme:light dark}\n");
    for (int i = 0; i < N_COLOURS; i++)
        atl_text_printf(out, ".c%d{fill:%s}\n", i, light[i]);
    atl_text_puts(out, "@media(prefers-color-scheme:dark){\n"
                       ":root{--page:#14171d;--group:#1b2028;--cluster:#222833;--line:#3b4454;--cell:#2d3441;"
                       "--ink:#e8ebf1;--dim:#98a2b3;--warn:#ffb366}\n");
    for (int i = 0; i < N_COLOURS; i++)
        atl_text_printf(out, ".c%d{fill:%s}\n", i, dark[i]);
    atl_text_puts(out, "}\ntext{font:12px system-ui,sans-serif;fill:var(--ink)}\n"
                       ".name{font-size:18px;font-weight:600}.title{font-weight:600}.dim{fill:var(--dim)}\n"
                       ".warn{fill:var(--warn);font-weight:600}\n"
                       ".cpu{font-size:9px;opacity:.7;text-anchor:middle}"
                       ".seat{font-weight:600;text-anchor:middle}\n"
                       ".page{fill:var(--page)}.group{fill:var(--group);stroke:var(--line)}"
                       ".cluster{fill:var(--cluster);stroke:var(--line)}\n"
                       ".free{fill:var(--cell)}.module{fill:none;stroke:var(--line)}\n</style>\n");
}

/* "w7", in letters small enough for a cell: a bold one at 12 px is up to 9 px wide, a "w" 11. */
static void put_seat(const picture *p, int x, int y, int worker, const char *more)
{
    char words[24];
    const int n = snprintf(words, sizeof words, "w%d%s", worker, more);
    const char *size = n < 4 ? "" : n < 6 ? " style=\"font-size:10px\"" : " style=\"font-size:8px\"";
    atl_text_printf(p->out, "<text x=\"%d\" y=\"%d\" class=\"seat\"%s>%s</text>", x, y, size, words);
}

static void put_cell(const picture *p, const atl_core *core, int layer, int x, int y)
{
    const int pu = core->first_pu + layer, n = p->seats->counts[pu], worker = p->seats->workers[pu];
    const int cpu = p->m->pus[pu], middle = x + CELL_WIDTH / 2;
    atl_text_printf(p->out, "<g><title>CPU %d · core %u · cluster %d · ", cpu, core->object->logical_index,
                    core->cluster);
    if (n == 0)
        atl_text_puts(p->out, "free");
    else
        atl_text_printf(p->out, "worker %d", worker);
    if (n > 1)
        atl_text_printf(p->out, " and %d more", n - 1);
    atl_text_puts(p->out, "</title>");
    char colour[16] = "free";
    if (n > 0)
        snprintf(colour, sizeof colour, "c%d", worker % N_COLOURS);
    const box cell = {x + 1, y + 1, CELL_WIDTH - 2, CELL_HEIGHT - 2};
    put_box(p, &cell, colour, 4);
    if (n > 0)
        put_seat(p, middle, y + 15, worker, n > 1 ? "+" : "");
    atl_text_printf(p->out, "<text x=\"%d\" y=\"%d\" class=\"cpu\">%d</text></g>\n", middle,
                    n > 0 ? y + 25 : y + 19, cpu);
}

/* The outline of what shares an L2: from the module's first core on this line to its last. */
static void put_module(const picture *p, const walk *from, const walk *to, const box *cluster)
{
    const box outline = {cluster->x + from->x - 3, cluster->y + from->y - 3, to->x - from->x + CELL_WIDTH + 6,
                         from->row_height + 6};
    put_box(p, &outline, "module", 6);
}

static void put_cluster(const picture *p, int cluster)
{
    const box *b = &p->clusters[cluster];
    atl_text title = {0};
    put_box(p, b, "cluster", 8);
    atl_words_of_cluster(p->m, cluster, &title);
    put_words(p, b->x + PADDING, b->y + 18, "dim", title.data ? title.data : "");
    p->out->failed = p->out->failed || title.failed;
    atl_text_done(&title);
    walk w = begin_walk(p->m), from = {0}, last = {0};
    bool open = false;
    while (next_core(p, cluster, &w)) {
        const atl_core *core = &p->m->cores[w.core];
        if (open && (core->module != p->m->cores[last.core].module || w.y != last.y)) {
            put_module(p, &from, &last, b);
            open = false;
        }
        from = open ? from : w;
        open = true;
        last = w;
        for (int layer = 0; layer < core->n_pus; layer++)
            put_cell(p, core, layer, b->x + w.x, b->y + w.y + layer * CELL_HEIGHT);
    }
    put_module(p, &from, &last, b);
}

static void put_group(const picture *p, int g)
{
    int first = 0;
    const int n = clusters_in(p, g, &first);
    atl_text title = {0};
    put_box(p, &p->groups[g], "group", 10);
    atl_words_of_place(p->m, &p->m->clusters[first], &title);
    put_words(p, p->groups[g].x + PADDING, p->groups[g].y + 21, "title", title.data ? title.data : "");
    p->out->failed = p->out->failed || title.failed;
    atl_text_done(&title);
    for (int i = first; i < first + n; i++)
        put_cluster(p, i);
}

/* Bytes of `words` that go on one line: broken at a blank. */
static size_t line_bytes(const char *words)
{
    size_t n = 0, blank = 0;
    for (; words[n] && n < LINE_BYTES; n++)
        blank = words[n] == ' ' ? n : blank;
    return words[n] && blank > 0 ? blank : n;
}

static int n_lines(const char *words)
{
    int n = 0;
    for (; words && *words; n++) {
        words += line_bytes(words);
        words += *words == ' ';
    }
    return n;
}

/* Returns the y below them. */
static int put_lines(const picture *p, int y, const char *class_name, const char *words)
{
    while (words && *words) {
        char line[LINE_BYTES + 1];
        const size_t n = line_bytes(words);
        snprintf(line, sizeof line, "%.*s", (int)n, words);
        put_words(p, EDGE, y, class_name, line);
        words += n;
        words += *words == ' ';
        y += LINE;
    }
    return y;
}

static void put_head(const picture *p, int width, int height)
{
    atl_text_printf(
        p->out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
        "role=\"img\">\n<title>",
        width, height, width, height);
    put_escaped(p->out, p->m->name);
    atl_text_puts(p->out, "</title>\n");
    put_style(p);
    const box page = {0, 0, width, height};
    put_box(p, &page, "page", 0);
    put_words(p, EDGE, EDGE + 16, "name", p->m->name);
}

static void put_all(picture *p, const atl_plan *plan)
{
    atl_text facts = {0}, limits = {0}, wish = {0};
    const char *warning = plan ? plan->warning : "";
    atl_words_of_machine(p->m, &facts);
    atl_words_of_limits(p->m, &limits);
    if (plan)
        atl_words_of_plan(plan, &wish);
    group_clusters(p);
    const int lines = n_lines(facts.data) + n_lines(limits.data) + n_lines(wish.data) + n_lines(warning);
    const box all = lay_out(p, HEAD + lines * LINE);
    const int width = all.width + 2 * EDGE > LEAST_WIDTH ? all.width + 2 * EDGE : LEAST_WIDTH;
    put_head(p, width, all.y + all.height + EDGE);
    int y = put_lines(p, HEAD - 8, "dim", facts.data);
    y = put_lines(p, y, "dim", limits.data);
    y = put_lines(p, y, "title", wish.data);
    put_lines(p, y, "warn", warning);
    for (int g = 0; g < p->n_groups; g++)
        put_group(p, g);
    atl_text_puts(p->out, "</svg>\n");
    p->out->failed = p->out->failed || facts.failed || limits.failed || wish.failed;
    atl_text_done(&facts);
    atl_text_done(&limits);
    atl_text_done(&wish);
}

void atl_machine_svg(const atl_machine *machine, const atl_plan *plan, atl_text *out)
{
    const size_t n = (size_t)machine->n_clusters;
    atl_seats seats = {0};
    picture p = {.m = machine,
                 .seats = &seats,
                 .out = out,
                 .clusters = calloc(n, sizeof(box)),
                 .groups = calloc(n, sizeof(box)),
                 .group_of = calloc(n, sizeof(int))};
    if (p.clusters && p.groups && p.group_of && atl_seats_init(&seats, machine, plan))
        put_all(&p, plan);
    else
        out->failed = true;
    free(p.clusters);
    free(p.groups);
    free(p.group_of);
    atl_seats_done(&seats);
}
