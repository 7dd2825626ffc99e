/* compare_text.c - a comparison in words, Markdown, CSV and JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/sizes.h"
#include "compare_private.h"
#include "report_private.h"
#include "results/json_text.h"
#include "study_private.h"

/* ---- words ---- */

const char atl_compare_of_intervals[] =
    "Ratios are of the same round (Hodges and Lehmann), intervals and p Wilcoxon's. Each is of its setup "
    "alone, "
    "not widened for how many setups there are; and the fastest is chosen by the same rounds, so its gain is "
    "rather too high than too low.";
const char atl_compare_of_stages[] = "Means of a picture. No ratio stands at stages under 1 ms, nor at "
                                     "text_encode: its mean mixes prompts that "
                                     "were encoded with prompts that a worker had encoded before.";

void atl_compare_put_setup(const compare_setup *s, atl_text *out)
{
    atl_text_printf(out, "%d worker%s × %d thread%s", s->workers, s->workers == 1 ? "" : "s", s->threads,
                    s->threads == 1 ? "" : "s");
}

static void put_p(double p, atl_text *out)
{
    if (p < 0.001)
        atl_text_puts(out, "p < 0.001");
    else
        atl_text_printf(out, "p = %.2g", p);
}

void atl_compare_put_gain(const compare_gain *gain, atl_text *out)
{
    atl_put_figure(out, gain->ratio);
    atl_text_puts(out, " times as fast");
    if (!isfinite(gain->low) || !isfinite(gain->high)) {
        atl_text_printf(out, " (%d round%s, so no interval can be told)", gain->n, gain->n == 1 ? "" : "s");
        return;
    }
    atl_text_puts(out, " (");
    atl_put_figure(out, gain->low);
    atl_text_puts(out, " to ");
    atl_put_figure(out, gain->high);
    atl_text_printf(out, ": %d %%, ", atl_compare_percent_sure(gain));
    put_p(gain->p_value, out);
    atl_text_printf(out, ", %d round%s)", gain->n, gain->n == 1 ? "" : "s");
}

static int n_measured(const compare_policy *p)
{
    int n = 0;
    for (int i = 0; i < p->n_setups; i++)
        n += p->setup[i].last_window >= 0;
    return n;
}

void atl_compare_put_headline(const comparison *c, atl_text *out)
{
    if (c->best < 0) {
        atl_text_puts(out, "Nothing was painted that could be compared.");
        return;
    }
    const compare_policy *p = &c->policy[c->best];
    const compare_setup *s = &p->setup[p->best];
    if (p->best == p->one) {
        atl_text_puts(out, n_measured(p) > 1 ? "One core is as fast as this machine gets."
                                             : "One core has no valid batch beside it to be compared with.");
        return;
    }
    atl_compare_put_setup(s, out);
    if (isfinite(s->over_one.ratio)) {
        atl_text_puts(out, s->workers == 1 ? " paints " : " paint ");
        atl_put_figure(out, s->over_one.ratio);
        atl_text_puts(out, " times as fast as one core");
    } else {
        atl_text_puts(out, s->workers == 1 ? " is fastest" : " are fastest");
    }
    atl_text_printf(out, c->n_policies > 1 ? ", in %s." : ".", p->policy);
}

static void put_policy_text(const compare_policy *p, atl_text *out)
{
    if (p->best < 0) {
        atl_text_printf(out, "%s: no valid batch.\n", p->policy);
        return;
    }
    const compare_setup *s = &p->setup[p->best];
    atl_text_printf(out, "%s: ", p->policy);
    atl_compare_put_setup(s, out);
    atl_text_puts(out, ", ");
    atl_put_figure_unit(out, s->rate, "images an hour");
    if (isfinite(s->over_one.ratio)) {
        atl_text_puts(out, ": against one core ");
        atl_compare_put_gain(&s->over_one, out);
        atl_text_printf(out, ", %.0f %% of the ideal", 100 * s->efficiency);
    }
    if (isfinite(s->over_threads.ratio)) {
        atl_text_puts(out, "; against one worker on all cores ");
        atl_compare_put_gain(&s->over_threads, out);
    }
    atl_text_puts(out, ".\n");
}

static void put_words(const comparison *c, atl_text *out)
{
    atl_compare_put_headline(c, out);
    atl_text_putc(out, '\n');
    for (int i = 0; i < c->n_policies; i++)
        put_policy_text(&c->policy[i], out);
    for (int i = 0; i < c->n_warnings; i++)
        atl_text_printf(out, "Mind: %s\n", c->warning[i]);
}

void atl_compare_put_text(const atl_study *study, atl_text *out)
{
    comparison *c;
    if (atl_comparison_work_out(-1, study, &c, NULL) != ATL_OK) {
        out->failed = true;
        return;
    }
    put_words(c, out);
    atl_comparison_free(c);
}

/* ---- figures by name ---- */

typedef struct named {
    const char *name, *title; /* title: Markdown's, "" where it has no column */
    double value;
} named;

enum { N_NAMED = 24 };

static void figures_of(const compare_setup *s, named list[N_NAMED])
{
    const named figures[N_NAMED] = {
        {"images_per_hour", "images/hour", s->rate},
        {"batch_s", "batch, s", s->seconds},
        {"speedup", "speed-up", s->over_one.ratio},
        {"speedup_low", "", s->over_one.low},
        {"speedup_high", "", s->over_one.high},
        {"speedup_confidence", "", s->over_one.confidence},
        {"speedup_p", "", s->over_one.p_value},
        {"efficiency", "efficiency", s->efficiency},
        {"over_all_threads", "over 1 × all threads", s->over_threads.ratio},
        {"over_all_threads_low", "", s->over_threads.low},
        {"over_all_threads_high", "", s->over_threads.high},
        {"over_all_threads_confidence", "", s->over_threads.confidence},
        {"over_all_threads_p", "", s->over_threads.p_value},
        {"job_ms_p50", "p50 ms", s->job_ms[0]},
        {"job_ms_p90", "p90 ms", s->job_ms[1]},
        {"job_ms_p99", "p99 ms", s->job_ms[2]},
        {"cpu_share", "", s->cpu_share},
        {"cpus_busy", "CPUs busy", s->cpus_busy},
        {"pss_mb", "PSS MB", s->pss_mb},
        {"memory_mb_most", "", s->memory_mb},
        {"read_mb", "read MB", s->read_mb},
        {"written_mb", "written MB", s->written_mb},
        {"energy_j_per_image", "J/image", s->energy_j},
        {"windows", "batches", s->n_windows}, /* the last: a count, written as one */
    };
    memcpy(list, figures, sizeof figures);
}

/* Whose ratio that figure is; NULL: it is none. */
static const compare_gain *gain_of(const compare_setup *s, const char *name)
{
    return strcmp(name, "speedup") == 0            ? &s->over_one
           : strcmp(name, "over_all_threads") == 0 ? &s->over_threads
                                                   : NULL;
}

static void put_interval(const compare_gain *gain, atl_text *out)
{
    if (!gain || atl_compare_percent_sure(gain) == 0)
        return;
    atl_text_puts(out, " (");
    atl_put_figure(out, gain->low);
    atl_text_puts(out, " to ");
    atl_put_figure(out, gain->high);
    atl_text_puts(out, ", ");
    put_p(gain->p_value, out);
    atl_text_putc(out, ')');
}

static void put_markdown_row(const compare_policy *p, const compare_setup *s, atl_text *out)
{
    named list[N_NAMED];
    const char *mark = p->best >= 0 && s == &p->setup[p->best] ? "**" : "";
    figures_of(s, list);
    atl_text_printf(out, "| %s%d × %d%s |", mark, s->workers, s->threads, mark);
    for (int i = 0; i < N_NAMED - 1; i++)
        if (*list[i].title) {
            atl_text_putc(out, ' ');
            atl_put_figure(out, list[i].value);
            put_interval(gain_of(s, list[i].name), out);
            atl_text_puts(out, " |");
        }
    atl_text_printf(out, " %d |\n", s->n_windows);
}

static void put_markdown_energy(const comparison *c, const compare_policy *p, atl_text *out)
{
    for (int k = 0; k < p->n_setups; k++)
        if (isfinite(p->setup[k].energy_j))
            return;
    atl_text_puts(out, "\nEnergy a picture is unavailable: ");
    atl_report_put_escaped(out, atl_compare_why_no_energy(c, p));
    atl_text_puts(out, ".\n");
}

static void put_markdown_stages(const compare_policy *p, atl_text *out)
{
    if (p->one < 0 || p->best < 0 || p->one == p->best)
        return;
    const compare_setup *a = &p->setup[p->one], *b = &p->setup[p->best];
    atl_text_printf(out, "\n| stage | 1 × 1, ms | %d × %d, ms | times |\n|---|---:|---:|---:|\n", b->workers,
                    b->threads);
    for (int i = 0; i < ATL_N_STAGES; i++) {
        if (!isfinite(a->wall_ms[i]) && !isfinite(b->wall_ms[i]))
            continue;
        atl_text_printf(out, "| %s | ", atl_stage_name((atl_stage)i));
        atl_put_figure(out, a->wall_ms[i]);
        atl_text_puts(out, " | ");
        atl_put_figure(out, b->wall_ms[i]);
        atl_text_puts(out, " | ");
        atl_put_figure(out, atl_compare_stage_times(a->wall_ms, b->wall_ms, i));
        atl_text_puts(out, " |\n");
    }
    atl_text_putc(out, '\n');
    atl_report_put_escaped(out, atl_compare_of_stages);
    atl_text_putc(out, '\n');
}

static void put_markdown_quality(const atl_study_head *h, atl_text *out)
{
    if (h->n_quality == 0)
        return;
    atl_text_puts(out, "\n| policy | pictures | PSNR dB | SSIM | entropy bits | largest difference |\n"
                       "|---|---:|---:|---:|---:|---:|\n");
    for (int i = 0; i < h->n_quality; i++) {
        const atl_study_quality *q = &h->quality[i];
        const double figures[] = {q->psnr_db, q->ssim, q->entropy_bits, q->largest_difference};
        atl_text_printf(out, "| %s | %d |", q->policy, q->n_pictures);
        for (size_t k = 0; k < ATL_COUNT(figures); k++) {
            atl_text_putc(out, ' ');
            if (k == 0 && q->largest_difference == 0)
                atl_text_puts(out, "equal");
            else if (k == 1 && isfinite(figures[k]))
                atl_text_printf(out, "%.4f", figures[k]);
            else
                atl_put_figure(out, figures[k]);
            atl_text_puts(out, " |");
        }
        atl_text_putc(out, '\n');
    }
}

void atl_compare_put_markdown(const comparison *c, atl_text *out)
{
    const compare_setup nothing = {0};
    named list[N_NAMED];
    figures_of(&nothing, list);
    atl_text_puts(out, "# One core against many\n\n");
    put_words(c, out);
    for (int i = 0; i < c->n_policies; i++) {
        const compare_policy *p = &c->policy[i];
        atl_text_printf(out, "\n## %s\n\n| workers × threads |", p->policy);
        for (int k = 0; k < N_NAMED; k++)
            if (*list[k].title)
                atl_text_printf(out, " %s |", list[k].title);
        atl_text_puts(out, "\n|---:|");
        for (int k = 0; k < N_NAMED; k++)
            atl_text_puts(out, *list[k].title ? "---:|" : "");
        atl_text_putc(out, '\n');
        for (int k = 0; k < p->n_setups; k++)
            put_markdown_row(p, &p->setup[k], out);
        if (atl_compare_least_sure(p) > 0)
            atl_text_printf(out, "\nIntervals of %d %%. %s\n", atl_compare_least_sure(p),
                            atl_compare_of_intervals);
        put_markdown_energy(c, p, out);
        put_markdown_stages(p, out);
    }
    put_markdown_quality(&c->study->head, out);
    atl_report_put_source_markdown(c->study, "batches", out);
}

/* ---- CSV and JSON ---- */

void atl_compare_put_csv(const comparison *c, atl_text *out)
{
    const compare_setup nothing = {0};
    named list[N_NAMED];
    figures_of(&nothing, list);
    atl_text_puts(out, "policy,workers,threads");
    for (int k = 0; k < N_NAMED; k++)
        atl_text_printf(out, ",%s", list[k].name);
    for (int k = 0; k < ATL_N_STAGES; k++)
        atl_text_printf(out, ",%s_wall_ms,%s_cpu_ms", atl_stage_name((atl_stage)k),
                        atl_stage_name((atl_stage)k));
    atl_text_puts(out, "\r\n");
    for (int i = 0; i < c->n_policies; i++)
        for (int k = 0; k < c->policy[i].n_setups; k++) {
            const compare_setup *s = &c->policy[i].setup[k];
            figures_of(s, list);
            atl_text_printf(out, "%s,%d,%d", c->policy[i].policy, s->workers, s->threads);
            for (int n = 0; n < N_NAMED + 2 * ATL_N_STAGES; n++) {
                const int stage = (n - N_NAMED) / 2;
                const double v = n < N_NAMED            ? list[n].value
                                 : n % 2 == N_NAMED % 2 ? s->wall_ms[stage]
                                                        : s->cpu_ms[stage];
                atl_text_putc(out, ',');
                if (isfinite(v))
                    atl_text_printf(out, "%.17g", v);
            }
            atl_text_puts(out, "\r\n");
        }
}

static void put_json_setup(const compare_setup *s, atl_text *out)
{
    named list[N_NAMED];
    figures_of(s, list);
    atl_text_printf(out, "{\"workers\":%d,\"threads\":%d,\"flawed\":%d", s->workers, s->threads, s->n_flawed);
    for (int k = 0; k < N_NAMED; k++) {
        atl_text_printf(out, ",\"%s\":", list[k].name);
        atl_study_put_number(list[k].value, out);
    }
    for (int k = 0; k < ATL_N_STAGES; k++) {
        atl_text_printf(out, ",\"%s\":{\"wall_ms\":", atl_stage_name((atl_stage)k));
        atl_study_put_number(s->wall_ms[k], out);
        atl_text_puts(out, ",\"cpu_ms\":");
        atl_study_put_number(s->cpu_ms[k], out);
        atl_text_putc(out, '}');
    }
    atl_text_putc(out, '}');
}

void atl_compare_put_json(const comparison *c, atl_text *out)
{
    atl_text_puts(out, "{\"study\":");
    atl_study_put_head(&c->study->head, out);
    atl_text_puts(out, ",\n\"warnings\":[");
    for (int i = 0; i < c->n_warnings; i++) {
        atl_text_puts(out, i > 0 ? "," : "");
        atl_json_put_string(out, c->warning[i]);
    }
    atl_text_puts(out, "],\n\"policies\":[\n");
    for (int i = 0; i < c->n_policies; i++) {
        atl_text_puts(out, i > 0 ? ",\n{\"policy\":" : "{\"policy\":");
        atl_json_put_string(out, c->policy[i].policy);
        atl_text_puts(out, ",\"setups\":[");
        for (int k = 0; k < c->policy[i].n_setups; k++) {
            atl_text_puts(out, k > 0 ? ",\n" : "\n");
            put_json_setup(&c->policy[i].setup[k], out);
        }
        atl_text_puts(out, "]}");
    }
    atl_text_puts(out, "],\n\"windows\":[\n");
    for (size_t i = 0; i < c->study->n_windows; i++) {
        atl_text_puts(out, i > 0 ? ",\n" : "");
        atl_study_put_window(&c->study->windows[i], out);
    }
    atl_text_puts(out, "],\n\"samples\":[\n");
    for (size_t i = 0; i < c->n_samples; i++) {
        atl_text_puts(out, i > 0 ? ",\n" : "");
        atl_compare_put_sample(&c->samples[i], out);
    }
    atl_text_puts(out, "]}\n");
}
