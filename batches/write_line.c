/* write_line.c - a job as a line of a .jsonl prompt file.
 *
 * Everything that decides the id is written, the model's defaults as null, so that whatever the defaults are
 * with which the line is read back, it is the same job. The name is written as it is, and the prompt as it
 * stands: "literal" keeps its braces from being read as variants. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "batches/batch.h"
#include "image/infotext.h"

static void put_string(const char *text, atl_text *out)
{
    atl_text_putc(out, '"');
    for (const char *at = text; *at; at++) {
        const unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\')
            atl_text_printf(out, "\\%c", c);
        else if (c == '\n')
            atl_text_puts(out, "\\n");
        else if (c == '\t')
            atl_text_puts(out, "\\t");
        else if (c < 0x20 || c == 0x7F)
            atl_text_printf(out, "\\u%04x", c);
        else
            atl_text_putc(out, (char)c);
    }
    atl_text_putc(out, '"');
}

static void put_text(const char *key, const char *value, atl_text *out)
{
    atl_text_printf(out, ",\"%s\":", key);
    put_string(value ? value : "", out);
}

static void put_count(const char *key, int value, atl_text *out)
{
    if (value == 0)
        atl_text_printf(out, ",\"%s\":null", key);
    else
        atl_text_printf(out, ",\"%s\":%d", key, value);
}

static void put_real(const char *key, double value, bool said, atl_text *out)
{
    atl_text_printf(out, ",\"%s\":", key);
    if (said)
        atl_infotext_put_number(value, out);
    else
        atl_text_puts(out, "null");
}

void atl_batch_write_line(const atl_job *job, atl_text *out)
{
    atl_text_puts(out, "{\"prompt\":");
    put_string(job->prompt ? job->prompt : "", out);
    put_text("negative_prompt", job->negative_prompt, out);
    atl_text_printf(out, job->seed > INT64_MAX ? ",\"seed\":\"%" PRIu64 "\"" : ",\"seed\":%" PRIu64,
                    job->seed);
    put_count("steps", job->n_steps, out);
    put_real("cfg_scale", job->guidance_scale, !isnan(job->guidance_scale), out);
    put_count("width", job->width, out);
    put_count("height", job->height, out);
    put_text("sampler_name", job->sampler, out);
    put_count("clip_skip", job->clip_skip, out);
    put_text("init_image", job->init_image, out);
    put_real("strength", job->strength, job->strength > 0, out);
    put_real("guidance_from", job->guidance_from, job->guidance_from > 0, out);
    put_real("guidance_until", job->guidance_until, job->guidance_until > 0, out);
    put_count("deep_cache", job->deep_cache, out);
    put_real("merge_tokens", job->merge_tokens, job->merge_tokens > 0, out);
    put_text("rng", job->noise == ATL_JOB_NOISE_CUDA ? "cuda" : "cpu", out);
    atl_text_printf(out, ",\"repeat\":%" PRIu32, job->repeat);
    if (job->name && *job->name)
        put_text("name", job->name, out);
    atl_text_puts(out, ",\"literal\":true}\n");
}
