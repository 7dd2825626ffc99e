/* report_evidence.c - what the machine told beside the times: medians over a series' windows, on the page, in
 * Markdown and as evidence.csv.
 *
 * A finding that no window has is not left out: it stands with its reason, beside others of the same reason.
 * Where a series has no valid window, its flawed ones tell why. */
#include <math.h>
#include <string.h>

#include "chart_private.h"
#include "report_tables_private.h"

enum { MAX_COLUMNS = 3, MAX_VALUES = 1024 };

/* A finding at the shown worker counts. */
typedef struct finding {
    const char *name, *unit, *why;
    double value[MAX_COLUMNS];
    bool some;
} finding;

/* What is shown of a series: which findings, at which worker counts. */
typedef struct shown {
    const report_series *s;
    bool flawed; /* of flawed windows, for want of others */
    int workers[MAX_COLUMNS], n_workers;
    finding found[ATL_STUDY_MAX_EVIDENCE];
    int n; /* 0: no window has any */
} shown;

static bool is_used(const report_series *s, const atl_study_window *w, bool flawed)
{
    return flawed ? w->round >= 0 && w->config.corunners == 0 : atl_report_counts(s, w);
}

/* The record's PSS is of the workers that paint alone, and shares what they map with those that sleep: it
 * gives way to the one that all tables and charts have. */
static double value_of(const shown *c, const atl_study_window *w, const atl_evidence *e, const char **ret_why)
{
    const double pss_mb = atl_report_pss_mb(w, c->s->n_alive);
    const bool other = strcmp(e->name, "pss") == 0 && isfinite(pss_mb);
    *ret_why = other ? "of all processes, less what those that slept hold of their own" : e->why;
    return other ? pss_mb : e->value;
}

/* The median over the windows of that worker count; NAN. *ret_why is borrowed from one of them: why there is
 * none, or how it was measured. */
static double median_at(const shown *c, int workers, const char *name, const char **ret_why)
{
    double values[MAX_VALUES];
    size_t n = 0;
    for (size_t i = 0; i < c->s->n_windows && n < MAX_VALUES; i++) {
        const atl_study_window *w = &c->s->window[i];
        if (w->config.workers != workers || !is_used(c->s, w, c->flawed))
            continue;
        for (int k = 0; k < w->n_evidence; k++)
            if (strcmp(w->evidence[k].name, name) == 0)
                values[n++] = value_of(c, w, &w->evidence[k], ret_why);
    }
    return atl_median(values, n);
}

/* The window with the most findings, and the least and the most workers; NULL: there is none. */
static const atl_study_window *look_at(const report_series *s, bool flawed, int *ret_least, int *ret_most)
{
    const atl_study_window *widest = NULL;
    *ret_least = *ret_most = 0;
    for (size_t i = 0; i < s->n_windows; i++) {
        const atl_study_window *w = &s->window[i];
        if (!is_used(s, w, flawed))
            continue;
        if (!widest || w->n_evidence > widest->n_evidence)
            widest = w;
        if (*ret_least == 0 || w->config.workers < *ret_least)
            *ret_least = w->config.workers;
        if (w->config.workers > *ret_most)
            *ret_most = w->config.workers;
    }
    return widest;
}

static finding finding_of(const shown *c, const atl_evidence *e)
{
    finding f = {.name = e->name, .unit = strcmp(e->unit, "1") == 0 ? "" : e->unit, .why = ""};
    for (int k = 0; k < c->n_workers; k++) {
        f.value[k] = median_at(c, c->workers[k], f.name, &f.why);
        f.some = f.some || isfinite(f.value[k]);
    }
    if (!f.some && !f.why[0])
        f.why = "no reason was recorded";
    return f;
}

static void choose(const report_series *s, shown *ret)
{
    int least, most;
    *ret = (shown){.s = s, .flawed = s->n_counts == 0};
    const atl_study_window *widest = look_at(s, ret->flawed, &least, &most);
    if (!widest)
        return;
    ret->workers[ret->n_workers++] = least;
    if (s->at > 0 && s->at < s->n_counts - 1)
        ret->workers[ret->n_workers++] = s->count[s->at].workers;
    if (most > least)
        ret->workers[ret->n_workers++] = most;
    for (int i = 0; i < widest->n_evidence; i++)
        ret->found[ret->n++] = finding_of(ret, &widest->evidence[i]);
}

/* The names of all that are missing for the reason of the i-th; false: an earlier one has said them. */
static bool names_missing(const shown *c, int i, atl_text *ret)
{
    ret->length = 0;
    if (c->found[i].some)
        return false;
    for (int k = 0; k < c->n; k++) {
        const finding *f = &c->found[k];
        if (f->some || strcmp(f->why, c->found[i].why) != 0)
            continue;
        if (k < i)
            return false;
        atl_text_printf(ret, "%s%s", ret->length > 0 ? ", " : "", f->name);
    }
    return !ret->failed;
}

static const char *words_for(const shown *c)
{
    return c->flawed ? "Of flawed windows: no other was measured." : "";
}

/* ---- on the page ---- */

static void put_row(const shown *c, const finding *f, atl_text *out)
{
    atl_text_puts(out, "<tr><td>");
    atl_put_xml(out, f->name);
    atl_text_puts(out, "</td><td>");
    atl_put_xml(out, f->unit);
    atl_text_puts(out, "</td>");
    for (int k = 0; k < c->n_workers; k++) {
        atl_text_puts(out, "<td>");
        atl_put_figure(out, f->value[k]);
        atl_text_puts(out, "</td>");
    }
    atl_text_puts(out, "<td class=\"words quiet\">");
    atl_put_xml(out, f->why);
    atl_text_puts(out, "</td></tr>\n");
}

static void put_missing(const shown *c, atl_text *out)
{
    atl_text names = {0};
    bool begun = false;
    for (int i = 0; i < c->n; i++) {
        if (!names_missing(c, i, &names))
            continue;
        atl_text_puts(out, begun ? "" : "<h3>Unavailable here</h3><ul class=\"reasons\">\n");
        begun = true;
        atl_text_puts(out, "<li>");
        atl_put_xml(out, names.data);
        atl_text_puts(out, ": <span class=\"quiet\">");
        atl_put_xml(out, c->found[i].why);
        atl_text_puts(out, "</span></li>\n");
    }
    atl_text_puts(out, begun ? "</ul>\n" : "");
    out->failed = out->failed || names.failed;
    atl_text_done(&names);
}

void atl_report_put_evidence_table(const report_series *s, atl_text *out)
{
    shown c;
    choose(s, &c);
    if (c.n == 0) {
        atl_text_puts(out, "<p class=\"quiet\">No evidence was recorded beside the times.</p>\n");
        return;
    }
    if (c.flawed)
        atl_text_printf(out, "<p class=\"quiet\">%s</p>\n", words_for(&c));
    atl_text_puts(out,
                  "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th>evidence</th><th>unit</th>");
    for (int i = 0; i < c.n_workers; i++)
        atl_text_printf(out, "<th>%d worker%s</th>", c.workers[i], c.workers[i] == 1 ? "" : "s");
    atl_text_puts(out, "<th class=\"words\">how</th></tr></thead><tbody>\n");
    for (int i = 0; i < c.n; i++) {
        if (c.found[i].some)
            put_row(&c, &c.found[i], out);
    }
    atl_text_puts(out, "</tbody></table></div>\n");
    put_missing(&c, out);
}

/* ---- Markdown ---- */

static void put_markdown_row(const shown *c, const finding *f, atl_text *out)
{
    atl_text_puts(out, "| ");
    atl_report_put_escaped(out, f->name);
    atl_text_printf(out, " | %s |", f->unit);
    for (int k = 0; k < c->n_workers; k++) {
        atl_text_putc(out, ' ');
        atl_put_figure(out, f->value[k]);
        atl_text_puts(out, " |");
    }
    atl_text_putc(out, ' ');
    atl_report_put_escaped(out, f->why);
    atl_text_puts(out, " |\n");
}

void atl_report_put_evidence_markdown(const report_series *s, atl_text *out)
{
    shown c;
    atl_text names = {0};
    choose(s, &c);
    if (c.n == 0)
        return;
    atl_text_printf(out, "\n%s%s| evidence | unit |", words_for(&c), c.flawed ? "\n\n" : "");
    for (int i = 0; i < c.n_workers; i++)
        atl_text_printf(out, " %d worker%s |", c.workers[i], c.workers[i] == 1 ? "" : "s");
    atl_text_puts(out, " how |\n|---|---|");
    for (int i = 0; i < c.n_workers; i++)
        atl_text_puts(out, "---:|");
    atl_text_puts(out, "---|\n");
    for (int i = 0; i < c.n; i++) {
        if (c.found[i].some)
            put_markdown_row(&c, &c.found[i], out);
    }
    atl_text_puts(out, "\n");
    for (int i = 0; i < c.n; i++) {
        if (!names_missing(&c, i, &names))
            continue;
        atl_text_puts(out, "- unavailable: ");
        atl_report_put_escaped(out, names.data);
        atl_text_puts(out, ": ");
        atl_report_put_escaped(out, c.found[i].why);
        atl_text_putc(out, '\n');
    }
    out->failed = out->failed || names.failed;
    atl_text_done(&names);
}

/* ---- CSV (RFC 4180) ---- */

static void put_quoted(atl_text *out, const char *text)
{
    atl_text_putc(out, '"');
    for (; *text; text++) {
        atl_text_puts(out, *text == '"' ? "\"" : "");
        atl_text_putc(out, *text);
    }
    atl_text_putc(out, '"');
}

static void put_rows_at(const shown *c, int workers, atl_text *out)
{
    for (int i = 0; i < c->n; i++) {
        const finding *f = &c->found[i];
        const char *why = "";
        const double value = median_at(c, workers, f->name, &why);
        atl_text_printf(out, "%s,%d,%s,%d,%s,%s,%s,", c->s->policy, c->s->threads, c->s->order, workers,
                        c->flawed ? "flawed" : "valid", f->name, f->unit);
        if (isfinite(value))
            atl_text_printf(out, "%.17g", value);
        atl_text_puts(out, isfinite(value) ? ",measured," : ",unavailable,");
        put_quoted(out, why);
        atl_text_puts(out, "\r\n");
    }
}

void atl_report_put_evidence_csv(const report *r, atl_text *out)
{
    atl_text_puts(out, "policy,threads,order,workers,windows,evidence,unit,value,state,how\r\n");
    for (int i = 0; i < r->n_series; i++) {
        shown c;
        choose(&r->series[i], &c);
        for (int k = 0; c.n > 0 && !c.flawed && k < c.s->n_counts; k++)
            put_rows_at(&c, c.s->count[k].workers, out);
        for (int k = 0; c.n > 0 && c.flawed && k < c.n_workers; k++)
            put_rows_at(&c, c.workers[k], out);
    }
}
