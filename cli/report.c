/* report.c - see report.h. The keys are documented in docs/FORMATS.md. */
#include "report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "worker/picture_texts.h"

#define DIGITS 9 /* of a real number: a nanosecond in a second */

static atl_picture_texts texts_of(const report *r)
{
    return (atl_picture_texts){
        .prompt = r->args->prompt,
        .negative_prompt = r->args->negative_prompt,
        .noise = strcmp(r->args->rng, "cuda") == 0 ? ATL_NOISE_CUDA : ATL_NOISE_CPU,
        .settings = &r->painting->settings,
        .timings = &r->painting->timings,
        .facts = r->facts,
        .networks = r->painting->networks,
        .init_digest = r->init_digest,
        .job = r->job,
        .digest = r->digest,
    };
}

void report_parameters(const report *r, atl_text *out)
{
    const atl_picture_texts texts = texts_of(r);
    atl_picture_parameters(&texts, out);
}

void report_set_job(report *r, const atl_text *parameters)
{
    atl_text all = {0};
    atl_text_append(&all, parameters->data, parameters->length);
    atl_text_printf(&all, "\npolicy %s\ninit %s", r->facts->policy, r->init_digest ? r->init_digest : "");
    char digest[ATL_DIGEST_TEXT] = "";
    atl_digest(all.data, all.length, digest);
    memcpy(r->job, digest, sizeof r->job - 1);
    r->job[sizeof r->job - 1] = '\0';
    atl_text_done(&all);
}

static json_t *stage(atl_stage_time t)
{
    return json_pack("{s:f, s:f}", "wall_ms", atl_ns_to_ms(t.wall_ns), "cpu_ms", atl_ns_to_ms(t.cpu_ns));
}

/* A stage that did not happen is null, not 0. */
static json_t *stage_if(bool happened, atl_stage_time t)
{
    return happened ? stage(t) : json_null();
}

static json_t *timings(const report *r)
{
    const atl_timings *t = &r->painting->timings;
    json_t *o = json_object(), *steps = json_array();
    json_object_set_new(o, "load", stage(r->load));
    json_object_set_new(o, "tokenize", stage(t->tokenize));
    json_object_set_new(o, "text_encode", stage(t->text_encode));
    json_object_set_new(o, "vae_encode", stage_if(r->init_digest != NULL, t->vae_encode));
    for (int i = 0; i < t->n_unet_steps; i++)
        json_array_append_new(steps, stage(t->unet_step[i]));
    json_object_set_new(o, "unet_step", steps);
    json_object_set_new(o, "vae_decode", stage(t->vae_decode));
    json_object_set_new(o, "png_encode", stage(r->png_encode));
    json_object_set_new(o, "total", stage(r->total));
    return o;
}

/* JSON has no unsigned 64-bit integers here: seeds from 2^63 on become strings. */
static json_t *seed_value(uint64_t seed)
{
    return seed <= INT64_MAX ? json_integer((json_int_t)seed)
                             : json_sprintf("%llu", (unsigned long long)seed);
}

static json_t *settings(const report *r)
{
    const atl_settings *s = &r->painting->settings;
    json_t *o = json_pack("{s:s, s:s}", "prompt", r->args->prompt, "negative_prompt",
                          r->args->negative_prompt ? r->args->negative_prompt : "");
    json_object_set_new(o, "seed", seed_value(s->seed));
    json_object_set_new(o, "steps", json_integer(s->n_steps));
    json_object_set_new(o, "guidance_scale", json_real(s->guidance_scale));
    json_object_set_new(o, "width", json_integer(s->width));
    json_object_set_new(o, "height", json_integer(s->height));
    json_object_set_new(o, "sampler", json_string(s->sampler));
    json_object_set_new(o, "sampler_display", json_string(s->sampler_display));
    json_object_set_new(o, "schedule_type", json_string(s->schedule_display));
    json_object_set_new(o, "clip_skip", json_integer(s->clip_skip));
    json_object_set_new(o, "guidance_from", json_real(s->guidance_from));
    json_object_set_new(o, "guidance_until", json_real(s->guidance_until));
    json_object_set_new(o, "merge_tokens", json_real(s->merge_tokens));
    json_object_set_new(o, "deep_cache", json_integer(s->deep_cache));
    json_object_set_new(o, "init_image",
                        r->args->init_image ? json_string(r->args->init_image) : json_null());
    json_object_set_new(o, "strength", r->init_digest ? json_real(s->strength) : json_null());
    json_object_set_new(o, "rng", json_string(r->args->rng));
    json_object_set_new(o, "policy", json_string(r->facts->policy));
    json_object_set_new(o, "isa", json_string(r->facts->isa));
    json_object_set_new(o, "threads", json_integer(r->facts->n_threads));
    return o;
}

static json_t *model(const report *r)
{
    return json_pack("{s:s, s:s, s:s}", "path", r->model_path, "name", r->facts->model_name, "hash",
                     r->facts->model_hash);
}

static json_t *memory(const report *r)
{
    return json_pack("{s:I, s:I, s:I}", "peak_rss_bytes", (json_int_t)atl_peak_rss_bytes(), "weights_bytes",
                     (json_int_t)r->facts->packed_bytes, "scratch_peak_bytes",
                     (json_int_t)r->facts->scratch_peak_bytes);
}

/* Takes the object over. */
static atl_status print_json(json_t *o, atl_text *out, atl_note *note)
{
    char *text = o ? json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS)) : NULL;
    json_decref(o);
    if (text)
        atl_text_puts(out, text);
    const bool failed = !text || out->failed;
    free(text);
    return failed ? atl_fail(note, ATL_NO_MEMORY, "no memory for a report in JSON") : ATL_OK;
}

atl_status report_for_file(const report *r, atl_text *out, atl_note *note)
{
    const atl_picture_texts texts = texts_of(r);
    atl_picture_json(&texts, out);
    return out->failed ? atl_fail(note, ATL_NO_MEMORY, "no memory for a report in JSON") : ATL_OK;
}

atl_status report_for_stdout(const report *r, atl_text *out, atl_note *note)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "output", r->output, "digest", r->digest, "job", r->job,
                          "version", ATELIER_VERSION);
    if (o) {
        json_object_set_new(o, "model", model(r));
        json_object_set_new(o, "settings", settings(r));
        json_object_set_new(o, "timings", timings(r));
        json_object_set_new(o, "memory", memory(r));
    }
    return print_json(o, out, note);
}
