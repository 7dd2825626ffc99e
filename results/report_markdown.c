/* report_markdown.c - report.md, for those who read a study in a terminal or beside code, and the few lines
 * that a study ends with. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/sizes.h"
#include "report_private.h"

static void put_series_text(const report *r, const report_series *s, atl_text *out)
{
    if (r->n_series > 1) {
        atl_report_put_series_name(s, out);
        atl_text_puts(out, ":\n");
    }
    if (s->at < 0) {
        atl_text_printf(out, "no recommendation: %s\n", s->why_not);
        return;
    }
    atl_text_printf(out, "%d worker%s: ", s->count[s->at].workers, s->count[s->at].workers == 1 ? "" : "s");
    atl_report_put_gain(s, out);
    atl_text_puts(out, "\n");
    atl_report_put_reason(s, out);
    atl_text_printf(out, "\n%s ", s->verdict.sentence);
    atl_report_put_knee(s, out);
    atl_text_puts(out, "\nHow sure: ");
    atl_report_put_certainty(s, out);
    atl_text_puts(out, ".\n");
    atl_report_put_regret(s, out);
    atl_text_puts(out, "\n");
    if (s != &r->series[r->best])
        return;
    atl_report_put_gaps(r, s, out);
    atl_text_puts(out, "\n");
}

void atl_report_put_text(const report *r, atl_text *out)
{
    atl_report_put_headline(r, out);
    atl_text_puts(out, "\n");
    for (int i = 0; i < r->n_series; i++)
        put_series_text(r, &r->series[i], out);
    for (int i = 0; i < r->n_warnings; i++)
        atl_text_printf(out, "Mind: %s\n", r->warning[i]);
}

/* ---- Markdown ---- */

static void put_cell(atl_text *out, double value)
{
    atl_text_puts(out, " ");
    atl_put_figure(out, value);
    atl_text_puts(out, " |");
}

static void put_interval(atl_text *out, double value, double low, double high)
{
    atl_text_puts(out, " ");
    atl_put_figure(out, value);
    if (isfinite(low) && isfinite(high)) {
        atl_text_puts(out, " (");
        atl_put_figure(out, low);
        atl_text_puts(out, " to ");
        atl_put_figure(out, high);
        atl_text_puts(out, ")");
    }
    atl_text_puts(out, " |");
}

static void put_throughput(const report_series *s, atl_text *out)
{
    atl_text_printf(out,
                    "\n| workers | images/hour%s | speed-up | efficiency | p50 ms | p90 ms | p99 ms | CPU "
                    "share | PSS MB | a worker's own MB | probe GB/s | probe ns | windows |\n"
                    "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
                    atl_report_has_intervals(s) ? " (95 %)" : "");
    for (int i = 0; i < s->n_counts; i++) {
        const report_count *c = &s->count[i];
        atl_text_printf(out, "| %s%d%s |", i == s->at ? "**" : "", c->workers, i == s->at ? "**" : "");
        put_interval(out, c->rate, c->rate_low, c->rate_high);
        put_interval(out, c->ratio, c->ratio_low, c->ratio_high);
        put_cell(out, c->efficiency);
        for (int k = 0; k < 3; k++)
            put_cell(out, c->job_ms[k]);
        put_cell(out, c->cpu_share);
        put_cell(out, c->pss_mb);
        put_cell(out, c->worker_pss_mb);
        put_cell(out, c->probe_gbps);
        put_cell(out, c->probe_ns);
        atl_text_printf(out, " %d |\n", c->n_windows);
    }
}

static void put_slowdowns(const report_series *s, atl_text *out)
{
    atl_text_puts(
        out, "\nTime of a stage over its time with the least workers, wall / CPU (– for stages under 1 ms, "
             "and for text\\_encode: "
             "its mean mixes prompts that were encoded with prompts that a worker had encoded before):\n\n"
             "| stage | least, ms |");
    for (int i = 1; i < s->n_counts; i++)
        atl_text_printf(out, " %d |", s->count[i].workers);
    atl_text_puts(out, "\n|---|---:|");
    for (int i = 1; i < s->n_counts; i++)
        atl_text_puts(out, "---:|");
    for (int k = 0; k < ATL_N_STAGES; k++) {
        if (!isfinite(s->count[0].wall_ms[k]))
            continue;
        atl_text_puts(out, "\n| ");
        atl_report_put_escaped(out, atl_stage_name((atl_stage)k));
        atl_text_puts(out, " |");
        put_cell(out, s->count[0].wall_ms[k]);
        for (int i = 1; i < s->n_counts; i++) {
            atl_text_putc(out, ' ');
            atl_put_figure(out, s->count[i].slow_wall[k]);
            atl_text_puts(out, " / ");
            atl_put_figure(out, s->count[i].slow_cpu[k]);
            atl_text_puts(out, " |");
        }
    }
    atl_text_putc(out, '\n');
}

static void put_laws(const report_series *s, atl_text *out)
{
    if (!s->scaling.modelled)
        return;
    if (!s->scaling.holds)
        atl_text_printf(out,
                        "\nThe best law misses a median by %.0f %%: the recommendation is of the medians.\n",
                        100 * s->scaling.miss);
    atl_text_puts(out, "\n| law | parameters | AICc |\n|---|---|---:|\n");
    for (int i = 0; i < ATL_N_LAWS; i++) {
        const atl_law_fit *fit = &s->scaling.fits[i];
        const char *mark = fit->law == s->scaling.chosen ? "**" : "";
        if (!fit->fitted)
            continue;
        atl_text_printf(out, "| %s%s%s | ", mark, atl_law_name(fit->law), mark);
        atl_report_put_law(fit, out);
        atl_text_puts(out, " |");
        put_cell(out, fit->aicc);
        atl_text_putc(out, '\n');
    }
}

static void put_reasons(const char *title, const char list[][256], int n, atl_text *out)
{
    for (int i = 0; i < n; i++) {
        atl_text_printf(out, "- %s: ", title);
        atl_report_put_escaped(out, list[i]);
        atl_text_putc(out, '\n');
    }
}

static void put_shares(const report_series *s, atl_text *out)
{
    if (s->n_shares < 2)
        return;
    atl_text_puts(out, "\n| streaming neighbours | images/hour | share |\n|---:|---:|---:|\n");
    for (int i = 0; i < s->n_shares; i++) {
        atl_text_printf(out, "| %d |", s->share[i].corunners);
        put_cell(out, s->share[i].rate);
        put_cell(out, s->share[i].share);
        atl_text_putc(out, '\n');
    }
}

static void put_probe_cost(const report_series *s, atl_text *out)
{
    atl_text words = {0};
    atl_report_put_probe_cost(s, &words);
    if (words.length > 0)
        atl_text_printf(out, "\nThe memory probe: %s.\n", words.data);
    out->failed = out->failed || words.failed;
    atl_text_done(&words);
}

static void put_answers(const report_series *s, atl_text *out)
{
    atl_text words = {0};
    atl_report_put_gain(s, out);
    atl_text_puts(out, "\n\n");
    atl_report_put_reason(s, &words);
    atl_text_printf(&words, " %s ", s->verdict.sentence);
    atl_report_put_knee(s, &words);
    atl_report_put_escaped(out, words.data ? words.data : "");
    atl_text_puts(out, "\n\nHow sure: ");
    atl_report_put_certainty(s, out);
    atl_text_puts(out, ".\n\n");
    atl_report_put_regret(s, out);
    atl_text_puts(out, "\n\n");
    out->failed = out->failed || words.failed;
    atl_text_done(&words);
}

static void put_series(const report *r, const report_series *s, atl_text *out)
{
    const bool is_best = r->best >= 0 && s == &r->series[r->best]; /* which stands at the top */
    atl_text_puts(out, "\n## ");
    atl_report_put_series_name(s, out);
    atl_text_puts(out, "\n\n");
    if (s->at >= 0) {
        if (!is_best)
            put_answers(s, out);
        put_reasons("for the memory", s->verdict.reason_for, s->verdict.n_for, out);
        put_reasons("against it", s->verdict.reason_against, s->verdict.n_against, out);
        put_reasons("not known", s->verdict.unknown, s->verdict.n_unknown, out);
    } else {
        atl_text_puts(out, "No recommendation: ");
        atl_report_put_escaped(out, s->why_not);
        atl_text_puts(out, "\n");
    }
    if (s->n_counts > 0) {
        put_throughput(s, out);
        put_slowdowns(s, out);
        put_laws(s, out);
        put_shares(s, out);
        put_probe_cost(s, out);
    }
    atl_report_put_evidence_markdown(s, out);
}

static void put_quality(const report *r, atl_text *out)
{
    const atl_study_head *h = &r->study->head;
    atl_text gap = {0};
    atl_report_put_quality_gap(r, &gap);
    if (gap.length > 0)
        atl_text_printf(out, "\n## Precision against quality\n\n%s\n", gap.data);
    if (h->n_quality > 0)
        atl_text_puts(out,
                      "\n## Precision against quality\n\nPictures of each policy beside those of fp32.\n\n"
                      "| policy | pictures | PSNR dB | SSIM | entropy bits | largest difference |\n"
                      "|---|---:|---:|---:|---:|---:|\n");
    for (int i = 0; i < h->n_quality; i++) {
        const atl_study_quality *q = &h->quality[i];
        atl_text_printf(out, "| %s | %d |", q->policy, q->n_pictures);
        if (q->largest_difference == 0)
            atl_text_puts(out, " equal |");
        else
            put_cell(out, q->psnr_db);
        if (isfinite(q->ssim))
            atl_text_printf(out, " %.4f |", q->ssim);
        else
            atl_text_puts(out, " – |");
        put_cell(out, q->entropy_bits);
        put_cell(out, q->largest_difference);
        atl_text_putc(out, '\n');
    }
    out->failed = out->failed || gap.failed;
    atl_text_done(&gap);
}

/* The machine's ceilings, as far as they were measured. */
static void put_ceilings(const atl_study_ceilings *c, atl_text *out)
{
    const struct {
        const char *name, *unit;
        double value;
    } list[] = {{"memory bandwidth of one core (triad)", "GB/s", c->triad_gbps_one},
                {"memory bandwidth of all cores together", "GB/s", c->triad_gbps_all},
                {"one read from an idle memory", "ns", c->latency_ns_idle},
                {"the policy's matrix product from the first cache, one core", "GFLOP/s", c->gflops_one},
                {"the same, all cores together", "GFLOP/s", c->gflops_all}};
    bool begun = false;
    for (size_t i = 0; i < ATL_COUNT(list); i++) {
        if (!isfinite(list[i].value))
            continue;
        atl_text_puts(out,
                      begun ? "" : "\n## What the machine can do at most\n\n| ceiling | |\n|---|---:|\n");
        begun = true;
        atl_text_printf(out, "| %s | ", list[i].name);
        atl_put_figure_unit(out, list[i].value, list[i].unit);
        atl_text_puts(out, " |\n");
    }
}

static void put_fact(atl_text *out, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    atl_text_printf(out, "- %s: ", key);
    atl_report_put_escaped(out, value);
    atl_text_putc(out, '\n');
}

void atl_report_put_source_markdown(const atl_study *study, const char *windows, atl_text *out)
{
    const atl_study_head *h = &study->head;
    atl_text_puts(out, "\n## Where this comes from\n\n");
    put_fact(out, "machine", h->machine);
    put_fact(out, "processor", h->cpu_model);
    put_fact(out, "instruction set", h->isa);
    put_fact(out, "kernel", h->kernel);
    put_fact(out, "model", h->model_name);
    put_fact(out, "model's hash", h->model_hash);
    put_fact(out, "networks beside it", h->networks && !*h->networks ? "none" : h->networks);
    put_fact(out, "prompts (SHA-256)", h->prompts_sha256);
    put_fact(out, "Atelier", h->version);
    put_fact(out, "commit", h->commit);
    put_fact(out, "compiler", h->compiler);
    put_fact(out, "flags", h->flags);
    put_fact(out, "command", h->command);
    put_fact(out, "begun", h->started);
    atl_text_puts(out, "- ");
    atl_study_put_work(h, out);
    atl_text_printf(out, ", %d round%s, %zu %s\n", h->rounds, h->rounds == 1 ? "" : "s", study->n_windows,
                    windows);
}

void atl_report_put_markdown(const report *r, atl_text *out)
{
    const atl_study_head *h = &r->study->head;
    atl_text_puts(out, "# How many workers\n\n**");
    atl_report_put_headline(r, out);
    atl_text_puts(out, "**\n");
    if (r->best >= 0) {
        atl_text_puts(out, "\n");
        put_answers(&r->series[r->best], out);
        atl_report_put_gaps(r, &r->series[r->best], out);
        atl_text_puts(out, "\n");
    } else {
        atl_text refusal = {0};
        atl_report_put_refusal(r, &refusal);
        atl_text_puts(out, "\n");
        atl_report_put_escaped(out, refusal.data ? refusal.data : "");
        atl_text_puts(out, "\n");
        out->failed = out->failed || refusal.failed;
        atl_text_done(&refusal);
    }
    for (int i = 0; i < r->n_warnings; i++) {
        atl_text_puts(out, i > 0 ? "- " : "\nMind:\n\n- ");
        atl_report_put_escaped(out, r->warning[i]);
        atl_text_putc(out, '\n');
    }
    for (int i = 0; i < r->n_series; i++)
        put_series(r, &r->series[i], out);
    put_quality(r, out);
    put_ceilings(&h->ceilings, out);
    atl_report_put_source_markdown(r->study, "windows", out);
}
