/* report_tables.c - a report's tables, as HTML. What was not measured says so, with its reason. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "chart_private.h"
#include "report_tables_private.h"

static void put_cell(atl_text *out, double value)
{
    atl_text_puts(out, "<td>");
    atl_put_figure(out, value);
    atl_text_puts(out, "</td>");
}

static void put_words(atl_text *out, const char *words)
{
    atl_text_puts(out, "<td class=\"words\">");
    atl_put_xml(out, words);
    atl_text_puts(out, "</td>");
}

/* A head that begins with "<" stands above words, at their left. */
static void put_heads(atl_text *out, const char *const *heads, size_t n)
{
    atl_text_puts(out, "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>");
    for (size_t i = 0; i < n; i++)
        atl_text_printf(out, "<th%s>%s</th>", heads[i][0] == '<' ? " class=\"words\"" : "",
                        heads[i][0] == '<' ? heads[i] + 1 : heads[i]);
    atl_text_puts(out, "</tr></thead><tbody>\n");
}
#define PUT_HEADS(out, ...)                                                                                  \
    put_heads(out, (const char *const[]){__VA_ARGS__},                                                       \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void put_end(atl_text *out)
{
    atl_text_puts(out, "</tbody></table></div>\n");
}

/* "412 401…420" */
static void put_range_of(atl_text *out, double value, double low, double high)
{
    atl_put_figure(out, value);
    if (!isfinite(low) || !isfinite(high))
        return;
    atl_text_puts(out, " <span class=\"quiet\">");
    atl_put_figure(out, low);
    atl_text_puts(out, "…");
    atl_put_figure(out, high);
    atl_text_puts(out, "</span>");
}

static void put_interval(atl_text *out, double value, double low, double high)
{
    atl_text_puts(out, "<td>");
    put_range_of(out, value, low, high);
    atl_text_puts(out, "</td>");
}

/* ---- what is recommended ---- */

/* On phones each row becomes a card, whose lines name themselves. */
static void put_named(atl_text *out, const char *name, const char *class)
{
    atl_text_printf(out, "<td data-h=\"%s\"%s>", name, class);
}

static void put_recommended(const report_series *s, atl_text *out)
{
    const report_count *c = &s->count[s->at];
    put_named(out, "workers", "");
    atl_text_printf(out, "%d</td>", c->workers);
    put_named(out, "images an hour", "");
    put_range_of(out, c->rate, c->rate_low, c->rate_high);
    atl_text_puts(out, "</td>");
    put_named(out, "gain", "");
    put_range_of(out, c->ratio, c->ratio_low, c->ratio_high);
    atl_text_puts(out, "</td>");
}

static void put_series_row(const report *r, const report_series *s, atl_text *out)
{
    atl_text certainty = {0};
    atl_text_puts(out, r->best >= 0 && s == &r->series[r->best] ? "<tr class=\"chosen\">" : "<tr>");
    put_named(out, "policy", "");
    atl_put_xml(out, s->policy);
    atl_text_puts(out, "</td>");
    put_named(out, "threads a worker", "");
    atl_text_printf(out, "%d</td>", s->threads);
    put_named(out, "order", "");
    atl_put_xml(out, s->order);
    atl_text_puts(out, "</td>");
    if (s->at >= 0)
        put_recommended(s, out);
    else
        atl_text_puts(out, "<td>–</td><td>–</td><td>–</td>");
    atl_report_put_certainty(s, &certainty);
    put_named(out, "how sure", " class=\"words\"");
    atl_put_xml(out, certainty.data ? certainty.data : "");
    atl_text_puts(out, "</td>");
    put_named(out, "what limits", " class=\"words\"");
    atl_put_xml(out, s->verdict.sentence);
    atl_text_puts(out, "</td></tr>\n");
    out->failed = out->failed || certainty.failed;
    atl_text_done(&certainty);
}

void atl_report_put_series_table(const report *r, atl_text *out)
{
    atl_text_puts(out, "<div class=\"cards\">");
    bool intervals = false;
    for (int i = 0; i < r->n_series; i++)
        intervals = intervals || atl_report_has_intervals(&r->series[i]);
    PUT_HEADS(out, "policy", "threads", "order", "workers",
              intervals ? "images an hour (95 %)" : "images an hour", "gain over the least", "<how sure",
              "<what limits");
    for (int i = 0; i < r->n_series; i++)
        put_series_row(r, &r->series[i], out);
    put_end(out);
    atl_text_puts(out, "</div>\n");
}

void atl_report_put_counts_table(const report_series *s, atl_text *out)
{
    const bool intervals = atl_report_has_intervals(s);
    PUT_HEADS(out, "workers", intervals ? "images an hour (95 %)" : "images an hour",
              intervals ? "gain (95 %)" : "gain", "efficiency, %", "p50, s", "p90, s", "p99, s",
              "CPU time, % of wall", "memory, GB", "a worker's own, MB", "probe, GB/s", "probe, ns",
              "windows");
    for (int i = 0; i < s->n_counts; i++) {
        const report_count *c = &s->count[i];
        atl_text_printf(out, "<tr%s><td>%d</td>", i == s->at ? " class=\"chosen\"" : "", c->workers);
        put_interval(out, c->rate, c->rate_low, c->rate_high);
        put_interval(out, c->ratio, c->ratio_low, c->ratio_high);
        put_cell(out, 100 * c->efficiency);
        for (int k = 0; k < 3; k++)
            put_cell(out, c->job_ms[k] / 1000);
        put_cell(out, 100 * c->cpu_share);
        put_cell(out, c->pss_mb / 1000);
        put_cell(out, c->worker_pss_mb);
        put_cell(out, c->probe_gbps);
        put_cell(out, c->probe_ns);
        atl_text_printf(out, "<td>%d</td></tr>\n", c->n_windows);
    }
    put_end(out);
}

/* ---- why ---- */

static void put_list(const char *title, const char list[][256], int n, atl_text *out)
{
    if (n == 0)
        return;
    atl_text_printf(out, "<h3>%s</h3><ul class=\"reasons\">", title);
    for (int i = 0; i < n; i++) {
        atl_text_puts(out, "<li>");
        atl_put_xml(out, list[i]);
        atl_text_puts(out, "</li>");
    }
    atl_text_puts(out, "</ul>\n");
}

void atl_report_put_reasons(const report_series *s, atl_text *out)
{
    const atl_verdict *v = &s->verdict;
    put_list("For the memory as the limit", v->reason_for, v->n_for, out);
    put_list("Against it", v->reason_against, v->n_against, out);
    put_list("Not known", v->unknown, v->n_unknown, out);
}

/* ---- the models ---- */

static void put_range(atl_text *out, const char *name, atl_interval range)
{
    if (!isfinite(range.low) || !isfinite(range.high))
        return;
    atl_text_printf(out, "%s ", name);
    atl_put_figure(out, range.low);
    atl_text_puts(out, " to ");
    atl_put_figure(out, range.high);
    atl_text_puts(out, "; ");
}

static void put_law_row(const report_series *s, const atl_law_fit *fit, atl_text *out)
{
    static const char *const formulas[] = {"γN", "γN / (1 + α(N − 1))", "γN / (1 + α(N − 1) + βN(N − 1))",
                                           "γN / (1 + (N/s)^p)^(1/p)"};
    const bool chosen = fit->law == s->scaling.chosen;
    atl_text_printf(out, "<tr%s><td>%s</td><td class=\"words\">%s</td><td class=\"words\">",
                    chosen ? " class=\"chosen\"" : "", atl_law_name(fit->law), formulas[fit->law]);
    atl_report_put_law(fit, out);
    atl_text_puts(out, "</td>");
    put_cell(out, fit->aicc);
    atl_text_puts(out, "<td class=\"words\">");
    if (chosen) {
        if (isfinite(s->scaling.chosen_share))
            atl_text_printf(out, "chosen, in %.0f %% of the resamplings; ", 100 * s->scaling.chosen_share);
        if (fit->law == ATL_LAW_AMDAHL || fit->law == ATL_LAW_USL)
            put_range(out, "α", s->scaling.alpha);
        if (fit->law == ATL_LAW_USL)
            put_range(out, "β", s->scaling.beta);
        if (fit->law == ATL_LAW_SATURATION)
            put_range(out, "s", s->scaling.s);
    }
    atl_text_puts(out, "</td></tr>\n");
}

static void put_peak(const report_series *s, atl_text *out)
{
    const atl_scaling *sc = &s->scaling;
    atl_text_puts(out, "<p>");
    if (!sc->holds)
        atl_text_printf(
            out,
            "None of them describes these points: the best one misses a median by %.0f %% (%.0f %% are "
            "allowed), so what is recommended is of the medians. ",
            100 * sc->miss, 100 * ATL_SCALING_MOST_MISS);
    if (sc->peak_seen && isfinite(sc->peak)) {
        atl_text_printf(out, "The law has its peak at about %.3g workers", sc->peak);
        if (isfinite(sc->peak_range.low) && isfinite(sc->peak_range.high))
            atl_text_printf(out, " (%.3g to %.3g)", sc->peak_range.low, sc->peak_range.high);
        atl_text_puts(out, ": beyond it more workers paint less.");
    } else {
        atl_text_printf(out, "No peak was seen up to %g workers.", sc->counts[sc->n_counts - 1]);
    }
    atl_text_puts(out, "</p>\n");
}

void atl_report_put_laws_table(const report_series *s, atl_text *out)
{
    if (!s->scales || !s->scaling.modelled) {
        atl_text_puts(out,
                      "<p class=\"quiet\">No law is fitted: that takes five worker counts or more.</p>\n");
        return;
    }
    PUT_HEADS(out, "law", "<throughput of N workers", "<parameters", "AICc (less is better)", "<");
    for (int i = 0; i < ATL_N_LAWS; i++)
        if (s->scaling.fits[i].fitted)
            put_law_row(s, &s->scaling.fits[i], out);
    put_end(out);
    put_peak(s, out);
}

/* ---- the machine ---- */

static void put_ceiling(const char *name, double value, const char *unit, atl_text *out)
{
    atl_text_printf(out, "<tr><td class=\"words\">%s</td><td>", name);
    atl_put_figure_unit(out, value, unit);
    atl_text_puts(out, "</td></tr>\n");
}

void atl_report_put_ceilings(const report *r, atl_text *out)
{
    const atl_study_ceilings *c = &r->study->head.ceilings;
    if (!isfinite(c->triad_gbps_one) && !isfinite(c->latency_ns_idle) && !isfinite(c->gflops_one)) {
        atl_text_puts(out, "<p class=\"quiet\">What the machine can do at most was not measured.</p>\n");
        return;
    }
    PUT_HEADS(out, "<the machine's ceilings, measured in this study", "");
    put_ceiling("memory bandwidth of one core (triad)", c->triad_gbps_one, "GB/s", out);
    put_ceiling("memory bandwidth of all cores together", c->triad_gbps_all, "GB/s", out);
    put_ceiling("one read from an idle memory", c->latency_ns_idle, "ns", out);
    put_ceiling("the policy's matrix product from the first cache, one core", c->gflops_one, "GFLOP/s", out);
    put_ceiling("the same, all cores together", c->gflops_all, "GFLOP/s", out);
    put_end(out);
}

void atl_report_put_quality_table(const report *r, atl_text *out)
{
    const atl_study_head *h = &r->study->head;
    PUT_HEADS(out, "policy", "pictures", "PSNR, dB", "SSIM", "entropy, bits",
              "largest difference of a channel");
    for (int i = 0; i < h->n_quality; i++) {
        const atl_study_quality *q = &h->quality[i];
        atl_text_puts(out, "<tr><td>");
        atl_put_xml(out, q->policy);
        atl_text_printf(out, "</td><td>%d</td><td>", q->n_pictures);
        if (q->largest_difference == 0)
            atl_text_puts(out, "equal");
        else
            atl_put_figure(out, q->psnr_db);
        if (isfinite(q->ssim))
            atl_text_printf(out, "</td><td>%.4f</td>", q->ssim);
        else
            atl_text_puts(out, "</td><td>–</td>");
        put_cell(out, q->entropy_bits);
        put_cell(out, q->largest_difference);
        atl_text_puts(out, "</tr>\n");
    }
    put_end(out);
}

static void put_fact(const char *key, const char *value, atl_text *out)
{
    atl_text_printf(out, "<dt>%s</dt><dd>", key);
    atl_put_xml(out, value && *value ? value : "not known");
    atl_text_puts(out, "</dd>\n");
}

void atl_report_put_provenance(const report *r, atl_text *out)
{
    const atl_study_head *h = &r->study->head;
    atl_text text = {0};
    atl_text_puts(out, "<dl class=\"facts\">\n");
    put_fact("machine", h->machine, out);
    put_fact("processor", h->cpu_model, out);
    atl_text_printf(&text, "%d core%s, %d NUMA node%s", h->n_cores, h->n_cores == 1 ? "" : "s",
                    h->n_numa_nodes, h->n_numa_nodes == 1 ? "" : "s");
    if (h->quota_cpus > 0)
        atl_text_printf(&text, ", of which a quota allows %.3g", h->quota_cpus);
    if (isfinite(h->memory_gb))
        atl_text_printf(&text, ", %.4g GB of memory", h->memory_gb);
    put_fact("cores and memory", text.data, out);
    put_fact("instruction set", h->isa, out);
    put_fact("kernel", h->kernel, out);
    put_fact("model", h->model_name, out);
    put_fact("model's hash", h->model_hash, out);
    put_fact("networks beside it", h->networks && !*h->networks ? "none" : h->networks, out);
    put_fact("prompts (SHA-256)", h->prompts_sha256, out);
    text.length = 0;
    atl_study_put_work(h, &text);
    if (isfinite(h->guidance_scale))
        atl_text_printf(&text, ", guidance scale %.4g", h->guidance_scale);
    put_fact("pictures", text.data, out);
    text.length = 0;
    atl_text_printf(&text, "%d round%s", h->rounds, h->rounds == 1 ? "" : "s");
    if (h->window_s > 0)
        atl_text_printf(&text, ", windows of at least %.3g s", h->window_s);
    atl_text_printf(&text, ", order from seed %llu", (unsigned long long)h->seed);
    put_fact("protocol", text.data, out);
    put_fact("Atelier", h->version, out);
    put_fact("commit", h->commit, out);
    put_fact("compiler", h->compiler, out);
    put_fact("flags", h->flags, out);
    put_fact("command", h->command, out);
    put_fact("begun", h->started, out);
    atl_text_puts(out, "</dl>\n");
    out->failed = out->failed || text.failed;
    atl_text_done(&text);
}

/* ---- raw ---- */

static void put_window_row(const atl_study_window *w, atl_text *out)
{
    atl_text_printf(out, "<tr%s><td>%d</td><td>", w->valid ? "" : " class=\"flawed\"", w->sequence);
    if (w->round < 0)
        atl_text_puts(out, "warm-up");
    else
        atl_text_printf(out, "%d", w->round + 1);
    atl_text_printf(out, "</td><td>%d</td><td class=\"words\">", w->attempt);
    atl_put_xml(out, w->config.policy);
    atl_text_printf(out, " %d × %d ", w->config.workers, w->config.threads);
    atl_put_xml(out, w->config.order);
    if (w->config.corunners > 0)
        atl_text_printf(out, ", %d beside", w->config.corunners);
    atl_text_puts(out, atl_report_had_probe(w) ? ", probe</td>"
                       : w->config.probe       ? ", no core for the probe</td>"
                                               : "</td>");
    put_cell(out, w->images_per_hour);
    put_cell(out, w->images);
    put_cell(out, w->begun_s);
    put_cell(out, w->length_s);
    put_cell(out, (double)w->unet_step.wall_ns / 1e6);
    put_cell(out, (double)w->unet_step.cpu_ns / 1e6);
    put_cell(out, 100 * w->cpu_share);
    put_cell(out, w->pss_mb);
    put_cell(out, w->probe_gbps);
    put_cell(out, w->probe_ns);
    put_words(out, !w->same_pixels ? "other pixels than before"
                   : w->flaws[0]   ? w->flaws
                   : w->valid      ? "valid"
                                   : "");
    atl_text_puts(out, "</tr>\n");
}

void atl_report_put_windows_table(const report *r, atl_text *out)
{
    PUT_HEADS(out, "window", "round", "attempt", "<workers × threads", "images an hour", "images", "begun, s",
              "length, s", "step, ms", "step, CPU ms", "CPU, %", "PSS, MB", "probe, GB/s", "probe, ns", "<");
    for (size_t i = 0; i < r->study->n_windows; i++)
        put_window_row(&r->study->windows[i], out);
    put_end(out);
}
