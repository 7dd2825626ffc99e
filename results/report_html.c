/* report_html.c - report.html: one file that opens offline, for a manager on the first screen and an expert
 * on the last. The first screen is report_first.c's, the charts are report_charts.c's and its neighbours',
 * the tables report_tables.c's, the style report_page.html's. The raw data stands in the page as JSON, in
 * which no "<" is left. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "chart_private.h"
#include "report_charts_private.h"
#include "report_page_private.h"
#include "report_tables_private.h"

/* ---- the shell ---- */

static const char *put_until(const char *from, const char *end, const char *marker, atl_text *out)
{
    const char *at = memmem(from, (size_t)(end - from), marker, strlen(marker));
    if (!at)
        return from;
    atl_text_append(out, from, (size_t)(at - from));
    return at + strlen(marker);
}

void atl_report_put_page(const char *title, const atl_text *body, atl_text *out)
{
    const char *html = (const char *)atl_report_page, *end = html + atl_report_page_bytes;
    html = put_until(html, end, "@TITLE@", out);
    atl_put_xml(out, title);
    html = put_until(html, end, "@BODY@", out);
    atl_text_append(out, body->data, body->length);
    atl_text_append(out, html, (size_t)(end - html));
    out->failed = out->failed || body->failed;
}

/* A chart, drawn twice. `more` is HTML. */
static void put_chart(const report *r, const char *title, const char *more, draw_fn draw, const void *what,
                      bool full, atl_text *out)
{
    atl_text_printf(out, "<figure%s><h3>%s</h3><figcaption>%s</figcaption>\n", full ? " class=\"full\"" : "",
                    title, more);
    draw(r, what, false, out);
    draw(r, what, true, out);
    atl_text_puts(out, "</figure>\n");
}

/* ---- the charts ---- */

static void put_title(const char *title, const char *words, atl_text *out)
{
    atl_text_printf(out, "<h2>%s</h2>\n", title);
    if (*words)
        atl_text_printf(out, "<p class=\"quiet\">%s</p>\n", words);
}

/* Whether any series is drawn by its law instead of by its points. */
static bool some_law(const report *r)
{
    for (int i = 0; i < r->n_series; i++)
        if (r->series[i].scales && r->series[i].scaling.modelled && r->series[i].scaling.holds)
            return true;
    return false;
}

/* That have a window which counts; a study that was stopped has fewer than its plan. */
static int n_rounds(const report *r)
{
    int n = 0;
    for (int i = 0; i < r->n_series; i++)
        for (size_t k = 0; k < r->series[i].n_windows; k++) {
            const atl_study_window *w = &r->series[i].window[k];
            n = atl_report_counts(&r->series[i], w) && w->round >= n ? w->round + 1 : n;
        }
    return n;
}

static void put_throughput(const report *r, atl_text *out)
{
    atl_text caption = {0};
    put_title("What more workers bring", "", out);
    bool some = false, intervals = false;
    for (int i = 0; i < r->n_series; i++) {
        some = some || r->series[i].n_counts > 0;
        intervals = intervals || atl_report_has_intervals(&r->series[i]);
    }
    if (!some) {
        atl_text_puts(out, "<p>No valid window was measured: there is nothing to draw.</p>\n");
        return;
    }
    const int rounds = n_rounds(r);
    if (intervals)
        atl_text_puts(&caption, "Points: medians of the rounds, with 95 % intervals.");
    else
        atl_text_printf(&caption, "Points: %s%d round%s, %s.", rounds == 1 ? "" : "medians of ", rounds,
                        rounds == 1 ? "" : "s",
                        rounds < ATL_SCALING_LEAST_ROUNDS ? "too few for intervals"
                                                          : "with too few valid windows for intervals");
    if (some_law(r))
        atl_text_printf(&caption, " Lines: the law that fits best%s.",
                        intervals ? ", its band where it is sure" : "");
    atl_text_puts(&caption, " Dotted: what as many lone workers would paint.");
    if (r->best >= 0 && !r->series[r->best].scaling.modelled)
        atl_text_puts(&caption, " Dashed: fewer than five worker counts, so no law is fitted.");
    else if (r->best >= 0 && !r->series[r->best].scaling.holds)
        atl_text_printf(
            &caption,
            " Dashed: the best law misses a point by %.0f %%, so the points are joined instead, and the "
            "recommendation is of them.",
            100 * r->series[r->best].scaling.miss);
    double from, to;
    if (atl_report_beyond(r, &from, &to))
        atl_text_printf(&caption,
                        " Hatched: beyond %.0f workers nothing was measured; there the law stands alone.",
                        from);
    atl_text_puts(out, "<div class=\"charts\">\n");
    put_chart(r, "Throughput", caption.data, atl_report_draw_throughput, NULL, true, out);
    atl_text_done(&caption);
    put_chart(r, "Efficiency", "Images an hour over what as many lone workers would paint; 100 % is no loss.",
              atl_report_draw_efficiency, NULL, false, out);
    if (atl_report_has_memory(r))
        put_chart(r, "Memory",
                  "Proportional set size of what that many workers take: the weights, which all share, count "
                  "once; what sleeping "
                  "workers of the same pool hold of their own is taken off.",
                  atl_report_draw_memory, NULL, false, out);
    atl_text_puts(out, "</div>\n");
    if (r->n_series > 1) {
        put_title("Each series",
                  "All that differs is what the columns name; figures at each one's recommended workers.",
                  out);
        atl_report_put_series_table(r, out);
    }
}

static void put_stage_legend(const report_series *s, atl_text *out)
{
    atl_text_puts(out, "<span class=\"legend\">");
    for (int i = 0; i < ATL_N_STAGES; i++)
        if (isfinite(s->count[0].wall_ms[i]))
            atl_text_printf(out, "<span><b style=\"background:var(--s%d)\"></b>%s</span>", i,
                            atl_stage_name((atl_stage)i));
    atl_text_puts(out, "</span>");
}

static void put_placement(const report *r, const report_series *s, atl_text *out)
{
    if (!atl_report_has_placement(r, s))
        return;
    put_chart(
        r, "Who sat where",
        atl_report_placement_is_planned(r, s)
            ? "A strip for each number of workers, a column for each core; each worker has a colour. Worked "
              "out "
              "again from the machine's topology: this record does not hold what was bound."
            : "A strip for each number of workers, a column for each core; each worker has a colour. As the "
              "workers said when they were bound.",
        atl_report_draw_placement, s, true, out);
}

static void put_series_charts(const report *r, const report_series *s, atl_text *out)
{
    atl_text_puts(out, "<div class=\"charts\">\n");
    put_chart(r, "How long one picture takes",
              "Half, 90 % and 99 % of the pictures took no longer than this.", atl_report_draw_latency, s,
              false, out);
    put_chart(r, "Where the time goes", "Wall time of the stages, stacked.", atl_report_draw_stages, s, false,
              out);
    put_chart(r, "Slower by the clock",
              "Wall time of a stage over its time with the least workers: 1.00 is as fast as alone. Left "
              "out: stages under "
              "1 ms, and text encode, whose mean mixes prompts that were encoded with those that a worker "
              "had encoded "
              "before.",
              atl_report_draw_heat_wall, s, false, out);
    put_chart(
        r, "Slower in CPU time",
        "Where this rises too, cores wait for memory or run slower; where only wall time rises, workers "
        "wait for cores.",
        atl_report_draw_heat_cpu, s, false, out);
    put_placement(r, s, out);
    atl_text_puts(out, "</div>\n");
}

static void put_stages(const report *r, atl_text *out)
{
    put_title("Inside a picture", "", out);
    for (int i = 0; i < r->n_series; i++) {
        const report_series *s = &r->series[i];
        const bool open = i == r->best || r->n_series == 1;
        if (s->n_counts == 0)
            continue;
        atl_text_printf(out, "<details%s><summary>", open ? " open" : "");
        atl_text name = {0};
        atl_report_put_series_name(s, &name);
        atl_put_xml(out, name.data ? name.data : "");
        atl_text_done(&name);
        atl_text_puts(out, "</summary>\n");
        put_series_charts(r, s, out);
        atl_report_put_counts_table(s, out);
        atl_text_puts(out, "</details>\n");
    }
}

static void put_probe(const report *r, atl_text *out)
{
    put_title("The memory, watched",
              "A probe reads memory on a core of its own, one part in ten of the time. What it gets falls, "
              "and each read "
              "takes longer, where the workers fill the memory's channels.",
              out);
    atl_text_puts(out, "<div class=\"charts\">\n");
    if (atl_report_has_probe(r)) {
        put_chart(r, "Bandwidth left for the probe", "Medians of the windows.",
                  atl_report_draw_probe_bandwidth, NULL, false, out);
        put_chart(r, "Time of one read", "A chain of dependent reads, far apart.",
                  atl_report_draw_probe_latency, NULL, false, out);
    }
    if (atl_report_has_sensitivity(r))
        put_chart(r, "The other way round: a worker beside streams",
                  "How fast one worker paints beside processes that only stream through memory.",
                  atl_report_draw_sensitivity, NULL, false, out);
    atl_text_puts(out, "</div>\n");
    if (!atl_report_has_probe(r))
        atl_text_puts(
            out,
            "<p class=\"quiet\">The probe's figures are unavailable: it did not run in these windows.</p>\n");
    for (int i = 0; i < r->n_series; i++) {
        atl_text words = {0};
        atl_report_put_probe_cost(&r->series[i], &words);
        if (words.length > 0) {
            atl_text_puts(out, "<p class=\"quiet\">");
            atl_put_xml(out, r->series[i].label);
            atl_text_printf(out, ": %s.</p>\n", words.data);
        }
        out->failed = out->failed || words.failed;
        atl_text_done(&words);
    }
    atl_report_put_ceilings(r, out);
}

static void put_why(const report *r, atl_text *out)
{
    put_title("Why: the evidence",
              "\"The memory is the limit\" is said only where two pieces of evidence agree and none speaks "
              "against it.",
              out);
    for (int i = 0; i < r->n_series; i++) {
        const report_series *s = &r->series[i];
        atl_text name = {0};
        atl_report_put_series_name(s, &name);
        atl_text_printf(out, "<details%s><summary>", i == r->best ? " open" : "");
        atl_put_xml(out, name.data ? name.data : "");
        atl_text_puts(out, "</summary>\n");
        atl_text_done(&name);
        atl_report_put_reasons(s, out);
        atl_report_put_evidence_table(s, out);
        atl_text_puts(out, "</details>\n");
    }
}

static void put_times(const report *r, int dir_fd, atl_text *out)
{
    report_jobs *jobs = atl_report_jobs_read(r, dir_fd);
    put_title("How it was measured", "", out);
    atl_text_puts(out, "<div class=\"charts\">\n");
    if (jobs) {
        atl_text caption = {0};
        atl_text_printf(&caption,
                        "Pictures by worker, window %d. Shaded: the steady window, while all of them paint.",
                        atl_report_jobs_window(jobs));
        put_stage_legend(&r->series[r->best], &caption);
        put_chart(r, "Workers over time", caption.data, atl_report_draw_timeline, jobs, true, out);
        out->failed = out->failed || caption.failed;
        atl_text_done(&caption);
    }
    put_chart(r, "All windows, in order",
              "A square each, in its series' colour; a cross was flawed and is not used; empty is warm-up.",
              atl_report_draw_strip, NULL, true, out);
    atl_text_puts(out, "</div>\n");
    atl_report_jobs_free(jobs);
}

static void put_others(const report *r, atl_text *out)
{
    if (atl_report_has_factorings(r)) {
        put_title("At equal cores",
                  "Few workers with many threads against many workers with one: what the same number of "
                  "cores paints.",
                  out);
        atl_text_puts(out, "<div class=\"charts\">\n");
        put_chart(r, "Throughput against cores used", "Workers × threads.", atl_report_draw_factorings, NULL,
                  true, out);
        atl_text_puts(out, "</div>\n");
    }
    atl_text gap = {0};
    atl_report_put_quality_gap(r, &gap);
    if (gap.length > 0) {
        put_title("Precision against quality", gap.data, out);
    } else if (r->study->head.n_quality > 0) {
        put_title("Precision against quality",
                  "Pictures of each policy beside those of fp32, same prompts and seeds.", out);
        if (atl_report_has_quality(r)) {
            atl_text_puts(out, "<div class=\"charts\">\n");
            put_chart(r, "Likeness against speed", "Up and to the right is better.", atl_report_draw_quality,
                      NULL, false, out);
            atl_text_puts(out, "</div>\n");
        }
        atl_report_put_quality_table(r, out);
    }
    out->failed = out->failed || gap.failed;
    atl_text_done(&gap);
}

static void put_models(const report *r, atl_text *out)
{
    put_title("The laws",
              "γ: images an hour of one worker; α: the share that only one can use at a time; β: what "
              "workers cost each other; s: where the ceiling begins; p: how sharp the bend is.",
              out);
    for (int i = 0; i < r->n_series; i++) {
        atl_text_puts(out, "<h3>");
        atl_put_xml(out, r->series[i].label);
        atl_text_puts(out, "</h3>\n");
        atl_report_put_laws_table(&r->series[i], out);
    }
}

void atl_report_put_html(const report *r, int dir_fd, atl_text *out)
{
    atl_text body = {0}, title = {0};
    atl_report_put_first_screen(r, &body);
    put_throughput(r, &body);
    put_stages(r, &body);
    put_probe(r, &body);
    put_times(r, dir_fd, &body);
    put_others(r, &body);
    put_why(r, &body);
    put_models(r, &body);
    put_title("Where this comes from", "", &body);
    atl_report_put_provenance(r, &body);
    put_title("Every window",
              "As it was recorded; the same and more is in this page as JSON (id \"data\"), in report.json "
              "and in windows.jsonl.",
              &body);
    atl_report_put_windows_table(r, &body);
    atl_text_puts(&body, "<script id=\"data\" type=\"application/json\">");
    atl_report_put_json(r, &body);
    atl_text_puts(&body, "</script>\n");
    atl_report_put_headline(r, &title);
    atl_report_put_page(title.data ? title.data : "A study", &body, out);
    atl_text_done(&body);
    atl_text_done(&title);
}
