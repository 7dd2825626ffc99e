/* report_data.c - report.json and report.csv: the figures for programs. The JSON also holds every window as
 * it was recorded; the page embeds the same object. What is not finite is null, or an empty cell. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/sizes.h"
#include "report_private.h"
#include "results/json_text.h"
#include "study_private.h"

/* A figure of a worker count, by name: one list for JSON, CSV and their heads. */
typedef struct named {
    char name[48];
    double value;
} named;

enum { MAX_NAMED = 32 + 4 * ATL_N_STAGES };

static void add(named *list, int *n, const char *prefix, const char *name, double value)
{
    snprintf(list[*n].name, sizeof list[*n].name, "%s%s", prefix, name);
    list[(*n)++].value = value;
}

static void add_stages(const report_count *c, named *list, int *n)
{
    for (int i = 0; i < ATL_N_STAGES; i++) {
        const char *stage = atl_stage_name((atl_stage)i);
        add(list, n, stage, "_wall_ms", c->wall_ms[i]);
        add(list, n, stage, "_cpu_ms", c->cpu_ms[i]);
        add(list, n, stage, "_wall_slowdown", c->slow_wall[i]);
        add(list, n, stage, "_cpu_slowdown", c->slow_cpu[i]);
    }
    add(list, n, "unet_step", "_wall_ms", c->step_wall_ms);
    add(list, n, "unet_step", "_cpu_ms", c->step_cpu_ms);
}

static int figures_of(const report_count *c, named *list)
{
    int n = 0;
    add(list, &n, "", "images_per_hour", c->rate);
    add(list, &n, "", "images_per_hour_low", c->rate_low);
    add(list, &n, "", "images_per_hour_high", c->rate_high);
    add(list, &n, "", "speedup", c->ratio);
    add(list, &n, "", "speedup_low", c->ratio_low);
    add(list, &n, "", "speedup_high", c->ratio_high);
    add(list, &n, "", "efficiency", c->efficiency);
    add(list, &n, "", "efficiency_low", c->efficiency_low);
    add(list, &n, "", "efficiency_high", c->efficiency_high);
    add(list, &n, "", "job_ms_p50", c->job_ms[0]);
    add(list, &n, "", "job_ms_p90", c->job_ms[1]);
    add(list, &n, "", "job_ms_p99", c->job_ms[2]);
    add(list, &n, "", "cpu_share", c->cpu_share);
    add(list, &n, "", "pss_mb", c->pss_mb);
    add(list, &n, "", "worker_pss_mb", c->worker_pss_mb);
    add(list, &n, "", "probe_gbps", c->probe_gbps);
    add(list, &n, "", "probe_ns", c->probe_ns);
    add_stages(c, list, &n);
    return n;
}

/* ---- JSON ---- */

static void put_key_number(atl_text *out, const char *key, double value)
{
    atl_text_printf(out, ",\"%s\":", key);
    atl_study_put_number(value, out);
}

static void put_key_string(atl_text *out, const char *key, const char *value)
{
    atl_text_printf(out, ",\"%s\":", key);
    atl_json_put_string(out, value);
}

static void put_range(atl_text *out, const char *key, atl_interval range)
{
    atl_text_printf(out, ",\"%s\":[", key);
    atl_study_put_number(range.low, out);
    atl_text_putc(out, ',');
    atl_study_put_number(range.high, out);
    atl_text_putc(out, ']');
}

static void put_counts(const report_series *s, atl_text *out)
{
    named list[MAX_NAMED];
    atl_text_puts(out, ",\"counts\":[");
    for (int i = 0; i < s->n_counts; i++) {
        atl_text_printf(out, "%s\n  {\"workers\":%d,\"windows\":%d", i > 0 ? "," : "", s->count[i].workers,
                        s->count[i].n_windows);
        const int n = figures_of(&s->count[i], list);
        for (int k = 0; k < n; k++)
            put_key_number(out, list[k].name, list[k].value);
        atl_text_putc(out, '}');
    }
    atl_text_putc(out, ']');
}

static void put_fit(const atl_law_fit *fit, atl_text *out)
{
    atl_text_printf(out, "{\"law\":\"%s\"", atl_law_name(fit->law));
    put_key_number(out, "gamma", fit->gamma);
    put_key_number(out, "alpha", fit->alpha);
    put_key_number(out, "beta", fit->beta);
    put_key_number(out, "s", fit->s);
    put_key_number(out, "p", fit->p);
    put_key_number(out, "rss", fit->rss);
    put_key_number(out, "aicc", fit->aicc);
    atl_text_putc(out, '}');
}

static void put_scaling(const atl_scaling *sc, atl_text *out)
{
    atl_text_printf(out, ",\"recommended\":%d,\"recommended_range\":[%d,%d]", sc->recommended,
                    sc->recommended_low, sc->recommended_high);
    put_key_number(out, "recommended_share", sc->recommended_share);
    atl_text_printf(out, ",\"most\":%d,\"knee\":%d,\"knee_range\":[%d,%d]", sc->most, sc->knee, sc->knee_low,
                    sc->knee_high);
    put_key_number(out, "knee_share", sc->knee_share);
    put_key_number(out, "beyond_knee", sc->beyond_knee);
    put_key_number(out, "law_miss", sc->miss);
    atl_text_puts(out, ",\"laws\":[");
    bool some = false;
    for (int i = 0; i < ATL_N_LAWS && sc->modelled; i++) {
        if (!sc->fits[i].fitted)
            continue;
        atl_text_puts(out, some ? "," : "");
        put_fit(&sc->fits[i], out);
        some = true;
    }
    atl_text_putc(out, ']');
    if (sc->modelled) {
        put_key_string(out, "law", atl_law_name(sc->chosen));
        put_key_number(out, "law_share", sc->chosen_share);
        put_range(out, "alpha_range", sc->alpha);
        put_range(out, "beta_range", sc->beta);
        put_range(out, "s_range", sc->s);
    }
    put_key_number(out, "peak", sc->peak_seen ? sc->peak : NAN);
}

static void put_reasons(const char *key, const char list[][256], int n, atl_text *out)
{
    atl_text_printf(out, ",\"%s\":[", key);
    for (int i = 0; i < n; i++) {
        atl_text_puts(out, i > 0 ? "," : "");
        atl_json_put_string(out, list[i]);
    }
    atl_text_putc(out, ']');
}

static void put_series(const report_series *s, atl_text *out)
{
    atl_text_printf(out, "{\"threads\":%d", s->threads);
    put_key_string(out, "policy", s->policy);
    put_key_string(out, "order", s->order);
    atl_text_printf(out, ",\"probe\":%s", s->probe ? "true" : "false");
    put_key_number(out, "probe_cost", s->probe_cost);
    if (s->scales) {
        put_scaling(&s->scaling, out);
        put_key_string(out, "limit", atl_limit_name(s->verdict.limit));
        put_key_string(out, "verdict", s->verdict.sentence);
        put_reasons("memory_for", s->verdict.reason_for, s->verdict.n_for, out);
        put_reasons("memory_against", s->verdict.reason_against, s->verdict.n_against, out);
        put_reasons("memory_unknown", s->verdict.unknown, s->verdict.n_unknown, out);
    } else {
        put_key_string(out, "no_recommendation", s->why_not);
    }
    put_counts(s, out);
    atl_text_puts(out, ",\"corunners\":[");
    for (int i = 0; i < s->n_shares; i++) {
        atl_text_printf(out, "%s{\"corunners\":%d,\"windows\":%d", i > 0 ? "," : "", s->share[i].corunners,
                        s->share[i].n_windows);
        put_key_number(out, "images_per_hour", s->share[i].rate);
        put_key_number(out, "share", s->share[i].share);
        atl_text_putc(out, '}');
    }
    atl_text_puts(out, "]}");
}

void atl_report_put_json(const report *r, atl_text *out)
{
    atl_text_puts(out, "{\"study\":");
    atl_study_put_head(&r->study->head, out);
    atl_text_printf(out, ",\n\"best\":%d,\n\"warnings\":[", r->best);
    for (int i = 0; i < r->n_warnings; i++) {
        atl_text_puts(out, i > 0 ? "," : "");
        atl_json_put_string(out, r->warning[i]);
    }
    atl_text_puts(out, "],\n\"series\":[\n");
    for (int i = 0; i < r->n_series; i++) {
        atl_text_puts(out, i > 0 ? ",\n" : "");
        put_series(&r->series[i], out);
    }
    atl_text_puts(out, "],\n\"windows\":[\n");
    for (size_t i = 0; i < r->study->n_windows; i++) {
        atl_text_puts(out, i > 0 ? ",\n" : "");
        atl_study_put_window(&r->study->windows[i], out);
    }
    atl_text_puts(out, "]}\n");
}

/* ---- CSV (RFC 4180) ---- */

static const char *const quality_names[] = {"quality_pictures", "quality_psnr_db", "quality_ssim",
                                            "quality_entropy_bits", "quality_largest_difference"};

/* Of the policy's pictures beside fp32's: empty cells where they were not compared. */
static void put_quality(const report *r, const char *policy, atl_text *out)
{
    const atl_study_quality *q = NULL;
    for (int i = 0; i < r->study->head.n_quality; i++)
        if (strcmp(r->study->head.quality[i].policy, policy) == 0)
            q = &r->study->head.quality[i];
    const double nan = (double)NAN, values[ATL_COUNT(quality_names)] = {
                                        q ? q->n_pictures : nan, q ? q->psnr_db : nan, q ? q->ssim : nan,
                                        q ? q->entropy_bits : nan, q ? q->largest_difference : nan};
    for (size_t i = 0; i < ATL_COUNT(values); i++) {
        atl_text_putc(out, ',');
        if (isfinite(values[i]))
            atl_text_printf(out, "%.17g", values[i]);
    }
}

static void put_row(const report *r, const report_series *s, const report_count *c, atl_text *out)
{
    named list[MAX_NAMED];
    const int n = figures_of(c, list);
    atl_text_printf(out, "%s,%d,%s,%d,%d,%d", s->policy, s->threads, s->order, c->workers,
                    s->at >= 0 && c == &s->count[s->at], c->n_windows);
    for (int i = 0; i < n; i++) {
        atl_text_putc(out, ',');
        if (isfinite(list[i].value))
            atl_text_printf(out, "%.17g", list[i].value);
    }
    put_quality(r, s->policy, out);
    atl_text_puts(out, "\r\n");
}

void atl_report_put_csv(const report *r, atl_text *out)
{
    const report_count nothing = {0};
    named list[MAX_NAMED];
    const int n = figures_of(&nothing, list);
    atl_text_puts(out, "policy,threads,order,workers,recommended,windows");
    for (int i = 0; i < n; i++)
        atl_text_printf(out, ",%s", list[i].name);
    for (size_t i = 0; i < ATL_COUNT(quality_names); i++)
        atl_text_printf(out, ",%s", quality_names[i]);
    atl_text_puts(out, "\r\n");
    for (int i = 0; i < r->n_series; i++)
        for (int k = 0; k < r->series[i].n_counts; k++)
            put_row(r, &r->series[i], &r->series[i].count[k], out);
}
