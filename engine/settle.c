/* settle.c - what a request leaves open, from the model's own defaults; and the checks that need no
 * computing. */
#include <math.h>

#include "job.h"
#include "nets/token_merge.h"

enum { MAX_SIDE_PX = 16384 };

static int first_positive(int a, int b, int c, int d)
{
    return a > 0 ? a : b > 0 ? b : c > 0 ? c : d;
}

static atl_status check_side(const char *name, int px, int factor, atl_note *note)
{
    if (px < factor || px > MAX_SIDE_PX || px % factor != 0)
        return atl_fail(note, ATL_USAGE,
                        "%s: found %d px, wanted a multiple of %d (the autoencoder's factor) up to %d", name,
                        px, factor, MAX_SIDE_PX);
    return ATL_OK;
}

static atl_status settle_size(atl_job_state *j, atl_note *note)
{
    const atl_request *request = j->request;
    const atl_model_config *config = j->engine->config;
    const int factor = atl_vae_scale(&config->vae);
    const int sample_w = config->unet.sample_w > 0 ? config->unet.sample_w * factor : config->vae.sample_size;
    const int sample_h = config->unet.sample_h > 0 ? config->unet.sample_h * factor : config->vae.sample_size;
    const atl_rgb *init = request->init_image;
    atl_settings *s = &j->painting.settings;
    s->width = first_positive(request->width, init ? init->width : 0, config->default_width, sample_w);
    s->height = first_positive(request->height, init ? init->height : 0, config->default_height, sample_h);
    s->width = s->width > 0 ? s->width : 512;
    s->height = s->height > 0 ? s->height : 512;
    atl_status st = check_side("width", s->width, factor, note);
    if (st == ATL_OK)
        st = check_side("height", s->height, factor, note);
    if (st != ATL_OK)
        return st;
    if (init && (init->width != s->width || init->height != s->height))
        return atl_fail(note, ATL_USAGE, "init image: found %d x %d px, wanted the picture's size, %d x %d",
                        init->width, init->height, s->width, s->height);
    j->size =
        (atl_latent_size){.c = config->vae.latent_channels, .h = s->height / factor, .w = s->width / factor};
    j->size.n = (size_t)j->size.c * (size_t)j->size.h * (size_t)j->size.w;
    return ATL_OK;
}

/* A UNet that hears the guidance scale as an embedding (LCM) needs no unconditional side. */
static void settle_guidance(atl_job_state *j)
{
    const atl_model_config *config = j->engine->config;
    const bool embedded = config->unet.time_cond_proj_dim > 0;
    atl_settings *s = &j->painting.settings;
    s->guidance_scale = j->request->guidance_scale;
    if (isnan(s->guidance_scale))
        s->guidance_scale = config->default_guidance_scale;
    if (isnan(s->guidance_scale))
        s->guidance_scale = embedded ? 8.5 : 7.0;
    j->guided = s->guidance_scale > 1.0 && !embedded;
}

static atl_status check_clip_skip(const atl_model_config *config, int clip_skip, atl_note *note)
{
    for (int e = 0; e < config->n_text_encoders; e++) {
        const int most = config->text[e].n_layers - (config->two_encoder_pipeline ? 1 : 0);
        if (clip_skip > most)
            return atl_fail(note, ATL_USAGE, "clip skip: found %d, wanted 1 to %d for this text encoder",
                            clip_skip, most);
    }
    return ATL_OK;
}

atl_status atl_job_settle(atl_job_state *job, atl_note *note)
{
    const atl_request *request = job->request;
    const atl_model_config *config = job->engine->config;
    atl_settings *s = &job->painting.settings;
    atl_status st = settle_size(job, note);
    if (st != ATL_OK)
        return st;
    settle_guidance(job);
    if (!isfinite(s->guidance_scale) || s->guidance_scale < 0)
        return atl_fail(note, ATL_USAGE, "guidance scale: found %g, wanted a number from 0 up",
                        s->guidance_scale);
    s->n_steps = first_positive(request->n_steps, config->default_steps, 0, 20);
    s->strength = request->strength == 0.0 ? 0.75 : request->strength;
    if (request->init_image && !(s->strength > 0.0 && s->strength <= 1.0))
        return atl_fail(note, ATL_USAGE, "strength: found %g, wanted a number above 0 and up to 1",
                        s->strength);
    s->clip_skip = request->clip_skip > 0 ? request->clip_skip : 1;
    st = check_clip_skip(config, s->clip_skip, note);
    if (st != ATL_OK)
        return st;
    s->seed = request->seed;
    s->guidance_from = request->guidance_from;
    s->guidance_until = request->guidance_until > 0 ? request->guidance_until : 1;
    if (!(s->guidance_from >= 0 && s->guidance_from <= s->guidance_until && s->guidance_until <= 1))
        return atl_fail(note, ATL_USAGE,
                        "guidance from %g until %g: wanted two parts of the steps, 0 <= from <= until <= 1",
                        s->guidance_from, s->guidance_until);
    s->merge_tokens = request->merge_tokens;
    if (!(s->merge_tokens >= 0 && s->merge_tokens <= ATL_MOST_MERGED))
        return atl_fail(note, ATL_USAGE, "merge tokens: found %g, wanted a part of them from 0 to %g",
                        s->merge_tokens, ATL_MOST_MERGED);
    s->deep_cache = request->deep_cache > 1 ? request->deep_cache : 1;
    atl_noise_init(&job->noise, request->noise == ATL_NOISE_CUDA ? ATL_RNG_CUDA : ATL_RNG_CPU, request->seed);
    return ATL_OK;
}
