/* compare_html.c - the one-page report of a comparison, in the shell of a study's page. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "chart_private.h"
#include "compare_charts_private.h"
#include "report_page_private.h"
#include "report_private.h"
#include "report_tables_private.h"

static void put_answer(const char *name, const char *value, const char *more, atl_text *out)
{
    atl_text_printf(out, "<div><dt>%s</dt><dd>%s <small>%s</small></dd></div>\n", name, value, more);
}

/* What a gain says, and how sure: figures alone, so nothing is to be escaped. */
static void put_gain_answer(const char *name, const compare_gain *gain, atl_text *out)
{
    atl_text value = {0}, more = {0};
    if (!isfinite(gain->ratio))
        return;
    atl_put_figure(&value, gain->ratio);
    atl_text_puts(&value, " ×");
    if (isfinite(gain->low) && isfinite(gain->high)) {
        atl_put_figure(&more, gain->low);
        atl_text_puts(&more, " to ");
        atl_put_figure(&more, gain->high);
        atl_text_printf(&more, " (%d %%)", atl_compare_percent_sure(gain));
        atl_text_printf(&more, gain->p_value < 0.001 ? ", p &lt; 0.001" : ", p = %.2g", gain->p_value);
    }
    atl_text_printf(&more, "%s%d round%s", more.length ? ", " : "", gain->n, gain->n == 1 ? "" : "s");
    put_answer(name, value.data, more.data, out);
    out->failed = out->failed || value.failed || more.failed;
    atl_text_done(&value);
    atl_text_done(&more);
}

static void put_answers(const compare_policy *p, atl_text *out)
{
    const compare_setup *s = &p->setup[p->best];
    atl_text value = {0}, more = {0};
    atl_text_puts(out, "<dl class=\"answers\">\n");
    put_gain_answer("against one core", &s->over_one, out);
    put_gain_answer("against one worker on all cores", &s->over_threads, out);
    if (isfinite(s->efficiency)) {
        atl_text_printf(&value, "%.0f %%", 100 * s->efficiency);
        atl_text_printf(&more, "of %d times, what as many cores could bring", s->workers * s->threads);
        put_answer("efficiency", value.data, more.data, out);
    }
    value.length = more.length = 0;
    atl_put_figure(&value, s->rate);
    atl_text_puts(&more, "the batch in ");
    atl_put_figure_unit(&more, s->seconds, "s");
    put_answer("images an hour", value.data, more.data, out);
    if (isfinite(s->energy_j)) {
        value.length = 0;
        atl_put_figure_unit(&value, s->energy_j, "J");
        put_answer("energy a picture", value.data, "the whole machine's, by RAPL", out);
    }
    atl_text_puts(out, "</dl>\n");
    out->failed = out->failed || value.failed || more.failed;
    atl_text_done(&value);
    atl_text_done(&more);
}

static void put_first_screen(const comparison *c, atl_text *out)
{
    const atl_study_head *h = &c->study->head;
    atl_text headline = {0};
    atl_text_puts(out, "<header id=\"recommendation\">\n<p class=\"kicker\">");
    atl_put_xml(out, h->model_name && *h->model_name ? h->model_name : "a model");
    atl_text_puts(out, ", ");
    atl_study_put_work(h, out);
    const int n_pictures = atl_compare_batch(c);
    if (n_pictures > 0)
        atl_text_printf(out, ", the same %d picture%s each time, on ", n_pictures,
                        n_pictures == 1 ? "" : "s");
    else
        atl_text_puts(out, ", the same batch each time, on ");
    atl_put_xml(out, h->cpu_model && *h->cpu_model ? h->cpu_model : "a machine");
    atl_text_puts(out, "</p>\n<h1>");
    atl_compare_put_headline(c, &headline);
    atl_put_xml(out, headline.data ? headline.data : "");
    atl_text_puts(out, "</h1>\n");
    atl_text_done(&headline);
    if (c->best >= 0)
        put_answers(&c->policy[c->best], out);
    atl_text_puts(out, "</header>\n");
    if (c->n_warnings == 0)
        return;
    atl_text_puts(out, "<div class=\"warnings\"><strong>Before you rely on this</strong><ul>\n");
    for (int i = 0; i < c->n_warnings; i++) {
        atl_text_puts(out, "<li>");
        atl_put_xml(out, c->warning[i]);
        atl_text_puts(out, "</li>\n");
    }
    atl_text_puts(out, "</ul></div>\n");
}

/* ---- charts ---- */

typedef void (*draw_fn)(const comparison *c, const compare_policy *p, bool narrow, atl_text *out);

static void begin_figure(const char *title, const char *caption, atl_text *out)
{
    atl_text_printf(out, "<figure><h3>%s</h3><figcaption>%s</figcaption>\n", title, caption);
}

static void put_chart(const comparison *c, const compare_policy *p, const char *title, const char *caption,
                      draw_fn draw, atl_text *out)
{
    begin_figure(title, caption, out);
    draw(c, p, false, out);
    draw(c, p, true, out);
    atl_text_puts(out, "</figure>\n");
}

static void put_over_time(const comparison *c, const compare_policy *p, atl_text *out)
{
    static const char *const titles[] = {"Processors over time", "Memory over time", "Storage over time"};
    static const char *const captions[] = {
        "CPU time of all processes over wall time.",
        "Proportional set size of all processes: shared weights count once.",
        "Read and written by the coordinator and its workers."};
    for (int i = 0; i < COMPARE_N_SAMPLED; i++) {
        const compare_sampled what = (compare_sampled)i;
        begin_figure(titles[i], captions[i], out);
        if (atl_compare_has_samples(c, p, what)) {
            atl_compare_draw_over_time(c, p, what, false, out);
            atl_compare_draw_over_time(c, p, what, true, out);
        } else {
            atl_text_puts(out,
                          "<p class=\"quiet\">unavailable: no sample was taken, or none could be read</p>\n");
        }
        atl_text_puts(out, "</figure>\n");
    }
}

static void put_stage_legend(const compare_setup *s, atl_text *out)
{
    atl_text_puts(out, "<span class=\"legend\">");
    for (int i = 0; i < ATL_N_STAGES; i++)
        if (isfinite(s->wall_ms[i]))
            atl_text_printf(out, "<span><b style=\"background:var(--s%d)\"></b>%s</span>", i,
                            atl_stage_name((atl_stage)i));
    atl_text_puts(out, "</span>");
}

/* ---- tables ---- */

static void put_cell(atl_text *out, double value)
{
    atl_text_puts(out, "<td>");
    atl_put_figure(out, value);
    atl_text_puts(out, "</td>");
}

static void put_gain_cell(atl_text *out, const compare_gain *gain)
{
    atl_text_puts(out, "<td>");
    atl_put_figure(out, gain->ratio);
    if (isfinite(gain->low) && isfinite(gain->high)) {
        atl_text_puts(out, "<br><span class=\"quiet\">");
        atl_put_figure(out, gain->low);
        atl_text_puts(out, "…");
        atl_put_figure(out, gain->high);
        atl_text_printf(out, gain->p_value < 0.001 ? "<br>p &lt; 0.001</span>" : "<br>p = %.2g</span>",
                        gain->p_value);
    }
    atl_text_puts(out, "</td>");
}

/* The columns of plain figures: one that no setup has is left out, and named below. */
enum { N_PLAIN = 8 };
static const char *const plain_heads[N_PLAIN] = {"efficiency, %", "p50, s",   "p99, s",      "CPUs busy",
                                                 "memory, GB",    "read, MB", "written, MB", "J a picture"};

static void plain_figures(const compare_setup *s, double ret[N_PLAIN])
{
    const double figures[N_PLAIN] = {100 * s->efficiency, s->job_ms[0] / 1000, s->job_ms[2] / 1000,
                                     s->cpus_busy,        s->pss_mb / 1000,    s->read_mb,
                                     s->written_mb,       s->energy_j};
    memcpy(ret, figures, sizeof figures);
}

static void find_plain(const compare_policy *p, bool ret[N_PLAIN])
{
    memset(ret, 0, N_PLAIN * sizeof *ret);
    for (int i = 0; i < p->n_setups; i++) {
        double figures[N_PLAIN];
        plain_figures(&p->setup[i], figures);
        for (int k = 0; k < N_PLAIN; k++)
            ret[k] = ret[k] || isfinite(figures[k]);
    }
}

static void put_setup_row(const compare_policy *p, int i, const bool shown[N_PLAIN], atl_text *out)
{
    const compare_setup *s = &p->setup[i];
    double figures[N_PLAIN];
    plain_figures(s, figures);
    atl_text_printf(out, "<tr%s><td>%d × %d</td>", i == p->best ? " class=\"chosen\"" : "", s->workers,
                    s->threads);
    put_cell(out, s->rate);
    put_cell(out, s->seconds);
    put_gain_cell(out, &s->over_one);
    put_gain_cell(out, &s->over_threads);
    for (int k = 0; k < N_PLAIN; k++)
        if (shown[k])
            put_cell(out, figures[k]);
    atl_text_printf(out, "<td>%d</td></tr>\n", s->n_windows);
}

static void put_unavailable(const comparison *c, const compare_policy *p, const bool shown[N_PLAIN],
                            atl_text *out)
{
    bool sampled = true;
    for (int k = 0; k < N_PLAIN - 1; k++)
        if (!shown[k]) {
            atl_text_printf(out, "%s%s", sampled ? "<p class=\"quiet\">Unavailable: " : "; ", plain_heads[k]);
            sampled = false;
        }
    atl_text_puts(out, sampled ? "" : ".</p>\n");
    if (shown[N_PLAIN - 1])
        return;
    atl_text_puts(out, "<p class=\"quiet\">Energy a picture is unavailable: ");
    atl_put_xml(out, atl_compare_why_no_energy(c, p));
    atl_text_puts(out, ".</p>\n");
}

static void put_setups_table(const comparison *c, const compare_policy *p, atl_text *out)
{
    const int percent = atl_compare_least_sure(p);
    char sure[24] = "";
    if (percent > 0)
        snprintf(sure, sizeof sure, " (%d\u00a0%%)", percent);
    bool shown[N_PLAIN];
    find_plain(p, shown);
    atl_text_printf(out,
                    "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th>workers × threads</th>"
                    "<th>images an hour</th><th>batch, s</th><th>over one core%s</th>"
                    "<th>over one worker on all cores%s</th>",
                    sure, sure);
    for (int k = 0; k < N_PLAIN; k++)
        if (shown[k])
            atl_text_printf(out, "<th>%s</th>", plain_heads[k]);
    atl_text_puts(out, "<th>batches</th></tr></thead><tbody>\n");
    for (int i = 0; i < p->n_setups; i++)
        put_setup_row(p, i, shown, out);
    atl_text_puts(out, "</tbody></table></div>\n");
    if (percent > 0)
        atl_text_printf(out, "<p class=\"quiet\">%s</p>\n", atl_compare_of_intervals);
    put_unavailable(c, p, shown, out);
}

static void put_stages_table(const compare_policy *p, atl_text *out)
{
    const compare_setup *a = &p->setup[p->one], *b = &p->setup[p->best];
    atl_text_printf(
        out,
        "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th>stage, ms a picture</th><th>1 × 1</th>"
        "<th>%d × %d</th><th>times</th><th>CPU, 1 × 1</th><th>CPU, %d × "
        "%d</th><th>times</th></tr></thead><tbody>\n",
        b->workers, b->threads, b->workers, b->threads);
    for (int i = 0; i < ATL_N_STAGES; i++) {
        if (!isfinite(a->wall_ms[i]) && !isfinite(b->wall_ms[i]))
            continue;
        atl_text_printf(out, "<tr><td>%s</td>", atl_stage_name((atl_stage)i));
        put_cell(out, a->wall_ms[i]);
        put_cell(out, b->wall_ms[i]);
        put_cell(out, atl_compare_stage_times(a->wall_ms, b->wall_ms, i));
        put_cell(out, a->cpu_ms[i]);
        put_cell(out, b->cpu_ms[i]);
        put_cell(out, atl_compare_stage_times(a->cpu_ms, b->cpu_ms, i));
        atl_text_puts(out, "</tr>\n");
    }
    atl_text_puts(out, "</tbody></table></div>\n<p class=\"quiet\">");
    atl_text_puts(out, atl_compare_of_stages);
    atl_text_puts(out, "</p>\n");
}

static void put_policy(const comparison *c, const compare_policy *p, atl_text *out)
{
    const bool pair = p->one >= 0 && p->best >= 0 && p->one != p->best;
    atl_text_puts(out, "<h2>");
    atl_put_xml(out, p->policy);
    atl_text_puts(out, "</h2>\n");
    put_setups_table(c, p, out);
    atl_text_puts(out, "<div class=\"charts\">\n");
    if (pair) {
        atl_text caption = {0};
        const int percent = atl_compare_least_sure(p);
        atl_text_puts(&caption, "Workers × threads against one core, ");
        if (percent > 0)
            atl_text_printf(&caption, "with intervals of %d %% over paired rounds", percent);
        else
            atl_text_puts(&caption, "of too few rounds for intervals");
        if (percent > 0 && percent < 95)
            atl_text_puts(&caption, ": more than that takes more rounds, 95 % takes six");
        atl_text_puts(&caption, ". Dashed: as many times as cores.");
        put_chart(c, p, "How much faster", caption.data ? caption.data : "", atl_compare_draw_gains, out);
        caption.length = 0;
        atl_text_puts(&caption, "What the stages of one picture take, with one core and with all. ");
        put_stage_legend(&p->setup[p->one], &caption);
        put_chart(c, p, "A picture before and after", caption.data ? caption.data : "",
                  atl_compare_draw_stages, out);
        out->failed = out->failed || caption.failed;
        atl_text_done(&caption);
    }
    put_over_time(c, p, out);
    atl_text_puts(out, "</div>\n");
    if (pair)
        put_stages_table(p, out);
}

void atl_compare_put_html(const comparison *c, atl_text *out)
{
    atl_text body = {0}, title = {0};
    const report study = {.study = c->study}; /* for the tables that both reports have */
    put_first_screen(c, &body);
    for (int i = 0; i < c->n_policies; i++)
        put_policy(c, &c->policy[(i + (c->best > 0 ? c->best : 0)) % c->n_policies], &body);
    if (c->study->head.n_quality > 0) {
        atl_text_puts(
            &body,
            "<h2>Precision against quality</h2>\n<p class=\"quiet\">Pictures of each policy beside those of "
            "fp32, same prompts and seeds.</p>\n");
        atl_report_put_quality_table(&study, &body);
    }
    atl_text_puts(&body, "<h2>Where this comes from</h2>\n");
    atl_report_put_provenance(&study, &body);
    atl_text_puts(&body, "<details><summary>Every batch, as it was recorded</summary>\n");
    atl_report_put_windows_table(&study, &body);
    atl_text_puts(&body, "</details>\n<script id=\"data\" type=\"application/json\">");
    atl_compare_put_json(c, &body);
    atl_text_puts(&body, "</script>\n");
    atl_compare_put_headline(c, &title);
    atl_report_put_page(title.data ? title.data : "A comparison", &body, out);
    atl_text_done(&body);
    atl_text_done(&title);
}
