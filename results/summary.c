/* summary.c - see summary.h.
 *
 * Percentiles are of all pictures up to a million; beyond that of every second, every fourth, … picture, so
 * that memory stays bounded. A worker's time is what it could have painted in: the pace's (pace.h). */
#include "results/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/grow.h"
#include "results/history.h"
#include "results/json_text.h"
#include "results/pace.h"

enum { MAX_SAMPLES = 1 << 20, MAX_WORKERS = 16384 };

typedef struct worker_sum {
    uint64_t n;
    int64_t busy_ns;
} worker_sum;

struct atl_summary {
    uint64_t n, n_adopted, n_failed;
    atl_span stage[ATL_N_STAGES], painting;
    double queued_ms, transfer_ms, write_ms;
    float *sample_ms;
    size_t n_samples, capacity;
    uint64_t stride, seen;
    bool sorted;
    atl_pace pace;
    worker_sum *workers;
    uint32_t n_workers;
};

atl_summary *atl_summary_new(void)
{
    atl_summary *s = calloc(1, sizeof *s);
    if (s)
        s->stride = 1;
    return s;
}

void atl_summary_free(atl_summary **summary)
{
    if (*summary) {
        free((*summary)->sample_ms);
        free((*summary)->workers);
    }
    free(*summary);
    *summary = NULL;
}

/* ---- taking in ---- */

static void halve_samples(atl_summary *s)
{
    for (size_t i = 0; i < s->n_samples / 2; i++)
        s->sample_ms[i] = s->sample_ms[2 * i];
    s->n_samples /= 2;
    s->stride *= 2;
}

static bool add_sample(atl_summary *s, double ms)
{
    if (s->seen++ % s->stride != 0)
        return true;
    if (s->n_samples == MAX_SAMPLES)
        halve_samples(s);
    float *more = atl_grown(s->sample_ms, s->n_samples, &s->capacity, 256, sizeof *more);
    if (!more)
        return false;
    s->sample_ms = more;
    s->sample_ms[s->n_samples++] = (float)ms;
    s->sorted = false;
    return true;
}

static bool add_worker(atl_summary *s, const atl_row *row)
{
    if (row->worker >= MAX_WORKERS)
        return true;
    if (row->worker >= s->n_workers) {
        worker_sum *more = realloc(s->workers, (row->worker + 1) * sizeof *more);
        if (!more)
            return false;
        memset(more + s->n_workers, 0, (row->worker + 1 - s->n_workers) * sizeof *more);
        s->workers = more;
        s->n_workers = row->worker + 1;
    }
    s->workers[row->worker].n++;
    /* jobs of one micro-batch share their time */
    s->workers[row->worker].busy_ns +=
        (row->ended_ns - row->begun_ns) / (row->batch_size > 1 ? row->batch_size : 1);
    return true;
}

atl_status atl_summary_add(atl_summary *s, const atl_row *row, atl_note *note)
{
    if (row->adopted) {
        s->n++;
        s->n_adopted++;
        return ATL_OK;
    }
    atl_pace_add(&s->pace, row);
    s->n++;
    for (int i = 0; i < ATL_N_STAGES; i++) {
        s->stage[i].wall_ns += row->stage[i].wall_ns;
        s->stage[i].cpu_ns += row->stage[i].cpu_ns;
    }
    s->painting.wall_ns += row->ended_ns - row->begun_ns;
    s->queued_ms += row->queued_ms;
    s->transfer_ms += row->transfer_ms;
    s->write_ms += row->write_ms;
    if (!add_sample(s, atl_ns_to_ms(row->ended_ns - row->begun_ns)) || !add_worker(s, row))
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a summary");
    return ATL_OK;
}

atl_status atl_summary_take(atl_summary *s, const atl_record *record, const atl_row *row, atl_note *note)
{
    static const atl_row unknown = {.adopted = true}; /* of another version: counted, its times unknown */
    if (record->type == ATL_RECORD_FAIL) {
        s->n_failed++;
        return ATL_OK;
    }
    return atl_summary_add(s, row ? row : &unknown, note);
}

uint64_t atl_summary_n_failed(const atl_summary *s)
{
    return s->n_failed;
}

static atl_status add_record(void *user, const atl_record *record, atl_note *note)
{
    atl_row row;
    const char *json = atl_record_field(record, ATL_DONE_FIGURES);
    const bool is_read =
        record->type == ATL_RECORD_DONE && atl_row_parse(json, strlen(json), &row, note) == ATL_OK;
    return atl_summary_take(user, record, is_read ? &row : NULL, note);
}

atl_status atl_summary_read(int dir_fd, atl_summary *summary, uint64_t *ret_failed, atl_note *note)
{
    const atl_status st = atl_history_visit(dir_fd, add_record, summary, note);
    *ret_failed = summary->n_failed;
    return st;
}

/* ---- telling ---- */

static int compare_floats(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* The nearest rank; NAN without samples. */
static double percentile_ms(atl_summary *s, double p)
{
    if (s->n_samples == 0)
        return NAN;
    if (!s->sorted)
        qsort(s->sample_ms, s->n_samples, sizeof *s->sample_ms, compare_floats);
    s->sorted = true;
    const double rank = ceil(p * (double)s->n_samples);
    return (double)s->sample_ms[rank < 1 ? 0 : (size_t)rank - 1];
}

static double busy_share(const atl_summary *s, uint32_t worker)
{
    const double span_s = atl_pace_span_s(&s->pace);
    return span_s > 0 ? atl_ns_to_s(s->workers[worker].busy_ns) / span_s : NAN;
}

static double stages_wall_ns(const atl_summary *s)
{
    double sum = 0;
    for (int i = 0; i < ATL_N_STAGES; i++)
        sum += (double)s->stage[i].wall_ns;
    return sum;
}

void atl_summary_tell(atl_summary *s, atl_summary_figures *ret)
{
    *ret = (atl_summary_figures){
        .n = s->n - s->n_adopted,
        .images_per_minute = atl_pace_per_min(&s->pace),
        .p50_ms = percentile_ms(s, 0.50),
        .p90_ms = percentile_ms(s, 0.90),
        .p99_ms = percentile_ms(s, 0.99),
        .unet_cpu_share = (double)s->stage[ATL_STAGE_UNET].cpu_ns / (double)s->stage[ATL_STAGE_UNET].wall_ns,
    };
    for (int i = 0; i < ATL_N_STAGES; i++)
        ret->stage_ms[i] = ret->n > 0 ? atl_ns_to_ms(s->stage[i].wall_ns) / (double)ret->n : (double)NAN;
}

static void put_number(atl_text *out, const char *key, double value)
{
    if (isfinite(value))
        atl_text_printf(out, ",\"%s\":%.6g", key, value);
    else
        atl_text_printf(out, ",\"%s\":null", key);
}

static void put_string(atl_text *out, const char *key, const char *value)
{
    atl_text_printf(out, ",\"%s\":", key);
    atl_json_put_string(out, value ? value : "");
}

static void put_stages_json(const atl_summary *s, atl_text *out)
{
    const double all = stages_wall_ns(s);
    atl_text_puts(out, ",\"stages\":{");
    for (int i = 0; i < ATL_N_STAGES; i++) {
        atl_text_printf(out, "%s\"%s\":{\"wall_s\":%.6g,\"cpu_s\":%.6g", i > 0 ? "," : "",
                        atl_stage_name((atl_stage)i), atl_ns_to_s(s->stage[i].wall_ns),
                        atl_ns_to_s(s->stage[i].cpu_ns));
        put_number(out, "share", all > 0 ? (double)s->stage[i].wall_ns / all : NAN);
        atl_text_putc(out, '}');
    }
    atl_text_putc(out, '}');
}

static void put_workers_json(const atl_summary *s, atl_text *out)
{
    atl_text_puts(out, ",\"workers\":[");
    for (uint32_t i = 0; i < s->n_workers; i++) {
        atl_text_printf(out, "%s{\"worker\":%u,\"pictures\":%llu", i > 0 ? "," : "", i,
                        (unsigned long long)s->workers[i].n);
        put_number(out, "busy_share", busy_share(s, i));
        atl_text_putc(out, '}');
    }
    atl_text_putc(out, ']');
}

void atl_summary_put_json(atl_summary *s, const atl_summary_facts *f, atl_text *out)
{
    const double n = (double)(s->n - s->n_adopted);
    atl_text_printf(out, "{\"jobs\":%llu,\"done\":%llu,\"failed\":%llu", (unsigned long long)f->n_jobs,
                    (unsigned long long)s->n, (unsigned long long)f->n_failed);
    put_string(out, "how", f->how);
    put_string(out, "model", f->model_name);
    put_string(out, "model_hash", f->model_hash);
    put_string(out, "policy", f->policy);
    put_string(out, "version", f->version);
    put_number(out, "images_per_minute", atl_pace_per_min(&s->pace));
    put_number(out, "painting_s", atl_pace_span_s(&s->pace));
    put_number(out, "session_s", f->session_s);
    atl_text_printf(out, ",\"session_pictures\":%llu,\"leases_lost\":%llu,\"results_dropped\":%llu",
                    (unsigned long long)f->session_pictures, (unsigned long long)f->lost,
                    (unsigned long long)f->dropped);
    put_number(out, "p50_ms", percentile_ms(s, 0.50));
    put_number(out, "p90_ms", percentile_ms(s, 0.90));
    put_number(out, "p99_ms", percentile_ms(s, 0.99));
    put_number(out, "mean_queued_ms", n > 0 ? s->queued_ms / n : NAN);
    put_number(out, "mean_transfer_ms", n > 0 ? s->transfer_ms / n : NAN);
    put_number(out, "mean_write_ms", n > 0 ? s->write_ms / n : NAN);
    put_number(out, "peak_pss_bytes", f->peak_pss_bytes > 0 ? (double)f->peak_pss_bytes : NAN);
    put_stages_json(s, out);
    put_workers_json(s, out);
    atl_text_puts(out, "}\n");
}

static void put_or_unavailable(atl_text *out, const char *format_before, double value, const char *unit)
{
    if (isfinite(value))
        atl_text_printf(out, "%s%.*f%s", format_before, value < 10 ? 2 : value < 100 ? 1 : 0, value, unit);
    else
        atl_text_printf(out, "%sunavailable", format_before);
}

void atl_summary_put_text(atl_summary *s, const atl_summary_facts *f, atl_text *out)
{
    const double all = stages_wall_ns(s);
    atl_text_printf(out, "%llu of %llu picture%s done, %llu failed", (unsigned long long)s->n,
                    (unsigned long long)f->n_jobs, f->n_jobs == 1 ? "" : "s",
                    (unsigned long long)f->n_failed);
    put_or_unavailable(out, "; images per minute: ", atl_pace_per_min(&s->pace), "");
    put_or_unavailable(out, "\na picture: p50 ", percentile_ms(s, 0.50), " ms");
    put_or_unavailable(out, ", p90 ", percentile_ms(s, 0.90), " ms");
    put_or_unavailable(out, ", p99 ", percentile_ms(s, 0.99), " ms");
    atl_text_puts(out, "\nstages:");
    for (int i = 0; i < ATL_N_STAGES; i++)
        if (all > 0 && s->stage[i].wall_ns > 0)
            atl_text_printf(out, " %s %.1f %%", atl_stage_name((atl_stage)i),
                            100 * (double)s->stage[i].wall_ns / all);
    atl_text_puts(out, all > 0 ? "\nworkers busy:" : " unavailable\nworkers busy:");
    for (uint32_t i = 0; i < s->n_workers; i++)
        if (s->workers[i].n > 0)
            put_or_unavailable(out, " ", 100 * busy_share(s, i), " %");
    put_or_unavailable(
        out, "; peak memory (PSS): ", f->peak_pss_bytes > 0 ? (double)f->peak_pss_bytes / 1e6 : NAN, " MB");
    atl_text_putc(out, '\n');
}
