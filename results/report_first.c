/* report_first.c - the first screen of a study's page: what to run, how sure that is, what limits, and what
 * to mind before relying on it. */
#include <math.h>
#include <string.h>

#include "chart_private.h"
#include "report_tables_private.h"

static void put_answer(const char *name, const char *value, const char *more, atl_text *out)
{
    atl_text_printf(out, "<div><dt>%s</dt><dd>", name);
    atl_put_xml(out, value);
    if (*more) {
        atl_text_puts(out, " <small>");
        atl_put_xml(out, more);
        atl_text_puts(out, "</small>");
    }
    atl_text_puts(out, "</dd></div>\n");
}

static const char *limit_words(atl_limit limit)
{
    static const char *const words[] = {"none seen", "the memory", "the cores", "not proven"};
    return words[limit];
}

static void put_answers(const report_series *s, atl_text *out)
{
    const report_count *c = &s->count[s->at], *first = &s->count[0];
    atl_text value = {0}, more = {0};
    atl_text_puts(out, "<dl class=\"answers\">\n");
    atl_put_figure(&value, c->rate);
    if (isfinite(c->rate_low) && isfinite(c->rate_high)) {
        atl_text_puts(&more, "between ");
        atl_put_figure(&more, c->rate_low);
        atl_text_puts(&more, " and ");
        atl_put_figure(&more, c->rate_high);
        atl_text_puts(&more, " (95 % interval)");
    }
    put_answer("images an hour", value.data, more.data ? more.data : "", out);
    value.length = more.length = 0;
    atl_put_figure(&value, c->ratio);
    atl_text_puts(&value, " ×");
    atl_put_figure(&more, first->rate);
    atl_text_printf(&more, " an hour with %d worker%s; %.0f %% of the ideal gain", first->workers,
                    first->workers == 1 ? "" : "s", 100 * c->efficiency);
    put_answer(first->workers == 1 ? "the speed of one worker" : "the speed of the least workers", value.data,
               more.data, out);
    value.length = more.length = 0;
    if (isfinite(s->scaling.recommended_share)) {
        atl_text_printf(&value, "%.0f %%", 100 * s->scaling.recommended_share);
        atl_report_put_certainty(s, &more);
    } else {
        atl_text_puts(&value, "not known");
        atl_text_puts(&more, atl_report_why_unsure(s));
    }
    put_answer("how sure", value.data, more.data, out);
    put_answer("what limits", limit_words(s->verdict.limit), "", out);
    atl_text_puts(out, "</dl>\n");
    out->failed = out->failed || value.failed || more.failed;
    atl_text_done(&value);
    atl_text_done(&more);
}

static void put_warnings(const report *r, atl_text *out)
{
    if (r->n_warnings == 0)
        return;
    atl_text_puts(out, "<div class=\"warnings\"><strong>Before you rely on this</strong><ul>\n");
    for (int i = 0; i < r->n_warnings; i++) {
        atl_text_puts(out, "<li>");
        atl_put_xml(out, r->warning[i]);
        atl_text_puts(out, "</li>\n");
    }
    atl_text_puts(out, "</ul></div>\n");
}

/* ---- sentences ---- */

static void say_why(const report *r, atl_text *out)
{
    atl_report_put_reason(&r->series[r->best], out);
}

static void say_limit(const report *r, atl_text *out)
{
    const report_series *s = &r->series[r->best];
    atl_text_printf(out, "What ends the gain: %s ", s->verdict.sentence);
    atl_report_put_knee(s, out);
}

static void say_regret(const report *r, atl_text *out)
{
    atl_report_put_regret(&r->series[r->best], out);
}

static void say_gaps(const report *r, atl_text *out)
{
    atl_report_put_gaps(r, &r->series[r->best], out);
}

/* What stands before the first colon in bold: those who skim find it. */
static void put_paragraph(const char *class, void (*say)(const report *r, atl_text *out), const report *r,
                          atl_text *out)
{
    atl_text words = {0};
    say(r, &words);
    char *colon = words.data ? strchr(words.data, ':') : NULL;
    atl_text_printf(out, "<p%s%s%s><strong>", *class ? " class=\"" : "", class, *class ? "\"" : "");
    if (colon) {
        *colon = '\0';
        atl_put_xml(out, words.data);
        atl_text_puts(out, ":</strong>");
        atl_put_xml(out, colon + 1);
    } else {
        atl_text_puts(out, "</strong>");
        atl_put_xml(out, words.data ? words.data : "");
    }
    atl_text_puts(out, "</p>\n");
    out->failed = out->failed || words.failed;
    atl_text_done(&words);
}

void atl_report_put_first_screen(const report *r, atl_text *out)
{
    const atl_study_head *h = &r->study->head;
    atl_text_puts(out, "<header id=\"recommendation\">\n<p class=\"kicker\">");
    atl_put_xml(out, h->model_name && *h->model_name ? h->model_name : "a model");
    atl_text_puts(out, ", ");
    atl_study_put_work(h, out);
    atl_text_puts(out, ", on ");
    atl_put_xml(out, h->cpu_model && *h->cpu_model ? h->cpu_model : "a machine");
    if (isfinite(r->cores))
        atl_text_printf(out, ", %.3g cores", r->cores);
    atl_text_puts(out, "</p>\n<h1>");
    atl_text headline = {0};
    atl_report_put_headline(r, &headline);
    atl_put_xml(out, headline.data ? headline.data : "");
    atl_text_done(&headline);
    atl_text_puts(out, "</h1>\n");
    if (r->best >= 0) {
        put_paragraph("lead", say_why, r, out);
        put_answers(&r->series[r->best], out);
    } else {
        put_paragraph("lead", atl_report_put_refusal, r, out);
    }
    atl_text_puts(out, "</header>\n");
    if (r->best >= 0) {
        put_paragraph("", say_limit, r, out);
        put_paragraph("", say_regret, r, out);
        put_paragraph("", say_gaps, r, out);
    }
    put_warnings(r, out);
}
