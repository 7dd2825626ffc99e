/* row.c - see row.h: what is written. Reading is row_read.c's. */
#include "results/row.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "results/json_text.h"

static const char *const stage_names[ATL_N_STAGES] = {
    "tokenize", "text_encode", "vae_encode", "unet", "vae_decode", "png_encode", "send",
};

const char *atl_stage_name(atl_stage stage)
{
    return stage_names[stage];
}

void atl_row_set_timings(atl_row *row, const atl_job_timings *t)
{
    row->batch_size = t->batch_size;
    row->n_unet_steps = t->n_unet_steps;
    row->unet_step = t->unet_step;
    row->begun_ns = t->begun_ns;
    row->ended_ns = t->ended_ns;
    row->waited_ms = atl_ns_to_ms(t->waited_ns);
    row->stage[ATL_STAGE_TOKENIZE] = t->tokenize;
    row->stage[ATL_STAGE_TEXT_ENCODE] = t->text_encode;
    row->stage[ATL_STAGE_VAE_ENCODE] = t->vae_encode;
    row->stage[ATL_STAGE_VAE_DECODE] = t->vae_decode;
    row->stage[ATL_STAGE_PNG_ENCODE] = t->png_encode;
    row->stage[ATL_STAGE_SEND] = t->send;
    row->stage[ATL_STAGE_UNET] = (atl_span){0};
    for (int i = 0; i < t->n_unet_steps; i++) {
        row->stage[ATL_STAGE_UNET].wall_ns += t->unet_step[i].wall_ns;
        row->stage[ATL_STAGE_UNET].cpu_ns += t->unet_step[i].cpu_ns;
    }
    row->minor_faults = t->minor_faults;
    row->major_faults = t->major_faults;
    row->voluntary_switches = t->voluntary_switches;
    row->involuntary_switches = t->involuntary_switches;
    row->peak_rss_bytes = t->peak_rss_bytes;
}

/* A stage that did not happen is null, not 0. */
static bool happened(const atl_row *row, int stage)
{
    return stage != ATL_STAGE_VAE_ENCODE || row->stage[stage].wall_ns > 0;
}

/* To the nanosecond, as it was measured; what is read back may be anything. */
static void put_ms(atl_text *out, double ms)
{
    if (fabs(ms) < 1e9)
        atl_text_put_ms(out, llround(ms * 1e6));
    else
        atl_text_printf(out, "%.17g", isfinite(ms) ? ms : 0.0);
}

/* ---- JSON ---- */

static void put_key(atl_text *out, const char *key)
{
    atl_text_puts(out, ",\"");
    atl_text_puts(out, key);
    atl_text_puts(out, "\":");
}

static void put_key_string(atl_text *out, const char *key, const char *value)
{
    put_key(out, key);
    atl_json_put_string(out, value);
}

static void put_key_count(atl_text *out, const char *key, uint64_t value)
{
    put_key(out, key);
    atl_text_put_count(out, value);
}

static void put_key_ms(atl_text *out, const char *key, double ms)
{
    put_key(out, key);
    put_ms(out, ms);
}

static void put_stage(const atl_row *row, int i, atl_text *out)
{
    put_key(out, stage_names[i]);
    if (!happened(row, i)) {
        atl_text_puts(out, "null");
        return;
    }
    atl_text_puts(out, "{\"wall_ms\":");
    atl_text_put_ms(out, row->stage[i].wall_ns);
    atl_text_puts(out, ",\"cpu_ms\":");
    atl_text_put_ms(out, row->stage[i].cpu_ns);
    atl_text_putc(out, '}');
}

static void put_stages(const atl_row *row, atl_text *out)
{
    for (int i = 0; i < ATL_N_STAGES; i++)
        put_stage(row, i, out);
    if (!row->unet_step || row->n_unet_steps > ATL_ROW_MAX_STEPS)
        return;
    atl_text_puts(out, ",\"unet_step\":[");
    for (int i = 0; i < row->n_unet_steps; i++) {
        atl_text_puts(out, i > 0 ? ",[" : "[");
        atl_text_put_ms(out, row->unet_step[i].wall_ns);
        atl_text_putc(out, ',');
        atl_text_put_ms(out, row->unet_step[i].cpu_ns);
        atl_text_putc(out, ']');
    }
    atl_text_putc(out, ']');
}

static void put_rest(const atl_row *row, atl_text *out)
{
    put_key_count(out, "session", row->session);
    put_key_count(out, "worker", row->worker);
    put_key_string(out, "cores", row->cores);
    put_key_count(out, "attempt", row->attempt);
    put_key_count(out, "batch_size", (uint64_t)row->batch_size);
    atl_text_printf(out, ",\"begun_ns\":%lld,\"ended_ns\":%lld", (long long)row->begun_ns,
                    (long long)row->ended_ns);
    put_key_ms(out, "queued_ms", row->queued_ms);
    put_key_ms(out, "waited_ms", row->waited_ms);
    put_key_ms(out, "transfer_ms", row->transfer_ms);
    put_key_ms(out, "write_ms", row->write_ms);
    put_key_count(out, "unet_steps", (uint64_t)row->n_unet_steps);
    put_stages(row, out);
    put_key_count(out, "minor_faults", row->minor_faults);
    put_key_count(out, "major_faults", row->major_faults);
    put_key_count(out, "voluntary_switches", row->voluntary_switches);
    put_key_count(out, "involuntary_switches", row->involuntary_switches);
    put_key_count(out, "peak_rss_bytes", row->peak_rss_bytes);
}

void atl_row_put_json(const atl_row *row, atl_text *out)
{
    atl_text_printf(out, "{\"index\":%llu", (unsigned long long)row->index);
    put_key_string(out, "name", row->name);
    put_key_string(out, "job", row->job);
    put_key_string(out, "digest", row->digest);
    put_key_count(out, "png_bytes", row->png_bytes);
    put_key_count(out, "width", (uint64_t)row->width);
    put_key_count(out, "height", (uint64_t)row->height);
    if (row->adopted)
        atl_text_puts(out, ",\"adopted\":true");
    else
        put_rest(row, out);
    atl_text_putc(out, '}');
}

/* ---- CSV (RFC 4180) ---- */

static void put_cell(atl_text *out, const char *value)
{
    atl_text_putc(out, ',');
    if (!value[strcspn(value, ",\"\r\n")]) {
        atl_text_puts(out, value);
        return;
    }
    atl_text_putc(out, '"');
    for (const char *c = value; *c; c++)
        atl_text_append(out, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    atl_text_putc(out, '"');
}

void atl_row_put_csv_head(atl_text *out)
{
    atl_text_puts(out, "index,name,job,digest,png_bytes,width,height,session,worker,cores,attempt,batch_size,"
                       "begun_ns,ended_ns,queued_ms,waited_ms,transfer_ms,write_ms,unet_steps");
    for (int i = 0; i < ATL_N_STAGES; i++)
        atl_text_printf(out, ",%s_wall_ms,%s_cpu_ms", stage_names[i], stage_names[i]);
    atl_text_puts(out,
                  ",minor_faults,major_faults,voluntary_switches,involuntary_switches,peak_rss_bytes\r\n");
}

static void put_csv_stage(const atl_row *row, int i, atl_text *out)
{
    atl_text_putc(out, ',');
    if (happened(row, i))
        atl_text_put_ms(out, row->stage[i].wall_ns);
    atl_text_putc(out, ',');
    if (happened(row, i))
        atl_text_put_ms(out, row->stage[i].cpu_ns);
}

static void put_csv_rest(const atl_row *row, atl_text *out)
{
    atl_text_printf(out, ",%u,%u", row->session, row->worker);
    put_cell(out, row->cores);
    atl_text_printf(out, ",%u,%d,%lld,%lld", row->attempt, row->batch_size, (long long)row->begun_ns,
                    (long long)row->ended_ns);
    const double ms[] = {row->queued_ms, row->waited_ms, row->transfer_ms, row->write_ms};
    for (size_t i = 0; i < sizeof ms / sizeof *ms; i++) {
        atl_text_putc(out, ',');
        put_ms(out, ms[i]);
    }
    atl_text_printf(out, ",%d", row->n_unet_steps);
    for (int i = 0; i < ATL_N_STAGES; i++)
        put_csv_stage(row, i, out);
    const uint64_t counts[] = {row->minor_faults, row->major_faults, row->voluntary_switches,
                               row->involuntary_switches, row->peak_rss_bytes};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        atl_text_putc(out, ',');
        atl_text_put_count(out, counts[i]);
    }
}

void atl_row_put_csv(const atl_row *row, atl_text *out)
{
    atl_text_printf(out, "%llu", (unsigned long long)row->index);
    put_cell(out, row->name);
    put_cell(out, row->job);
    put_cell(out, row->digest);
    atl_text_printf(out, ",%llu,%d,%d", (unsigned long long)row->png_bytes, row->width, row->height);
    if (row->adopted)
        for (int i = 0; i < 12 + 2 * ATL_N_STAGES + 5; i++)
            atl_text_putc(out, ',');
    else
        put_csv_rest(row, out);
    atl_text_puts(out, "\r\n");
}
