/* picture_texts.c - see picture_texts.h.
 *
 * The JSON is printed rather than built: every string in it is ours (hex digits, names of policies), so that
 * nothing needs escaping. A stage that did not happen is null, not 0. */
#include "worker/picture_texts.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "image/infotext.h"

void atl_picture_parameters(const atl_picture_texts *texts, atl_text *out)
{
    const atl_settings *s = texts->settings;
    char version[64];
    snprintf(version, sizeof version, "atelier %s", atl_engine_version());
    const atl_infotext_settings info = {
        .prompt = texts->prompt,
        .negative_prompt = texts->negative_prompt,
        .steps = s->n_steps,
        .sampler = s->sampler_display,
        .schedule_type = s->schedule_display,
        .cfg_scale = s->guidance_scale,
        .seed = s->seed,
        .width = s->width,
        .height = s->height,
        .model_hash = texts->facts->model_hash,
        .model = texts->facts->model_name,
        .denoising_strength = texts->init_digest ? s->strength : NAN,
        .clip_skip = s->clip_skip,
        .guidance_from = s->guidance_from,
        .guidance_until = s->guidance_until,
        .deep_cache = s->deep_cache,
        .merge_tokens = s->merge_tokens,
        .lora_hashes = texts->networks,
        .rng = texts->noise == ATL_NOISE_CUDA ? "NV" : "CPU", /* A1111's name for Philox on any machine */
        .version = version,
    };
    atl_infotext_write(&info, out);
}

static void put_stage(const char *key, atl_stage_time t, atl_text *out)
{
    if (key)
        atl_text_printf(out, "\"%s\":", key);
    /* nine digits: a nanosecond in a second */
    atl_text_printf(out, "{\"wall_ms\":%.9g,\"cpu_ms\":%.9g}", atl_ns_to_ms(t.wall_ns),
                    atl_ns_to_ms(t.cpu_ns));
}

void atl_picture_json(const atl_picture_texts *texts, atl_text *out)
{
    const atl_timings *t = texts->timings;
    atl_text_printf(out,
                    "{\"version\":\"%s\",\"job\":\"%s\",\"policy\":\"%s\",\"isa\":\"%s\",\"digest\":\"%s\","
                    "\"timings\":{",
                    atl_engine_version(), texts->job, texts->facts->policy, texts->facts->isa, texts->digest);
    put_stage("tokenize", t->tokenize, out);
    atl_text_putc(out, ',');
    put_stage("text_encode", t->text_encode, out);
    if (texts->init_digest) {
        atl_text_putc(out, ',');
        put_stage("vae_encode", t->vae_encode, out);
    } else {
        atl_text_puts(out, ",\"vae_encode\":null");
    }
    atl_text_puts(out, ",\"unet_step\":[");
    for (int i = 0; i < t->n_unet_steps; i++) {
        if (i > 0)
            atl_text_putc(out, ',');
        put_stage(NULL, t->unet_step[i], out);
    }
    atl_text_puts(out, "],");
    put_stage("vae_decode", t->vae_decode, out);
    atl_text_puts(out, "}}");
}
