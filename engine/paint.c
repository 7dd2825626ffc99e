/* paint.c - a job from request to picture.
 *
 *   settle what was not said → plan the sampler → words to embeddings → noise (or a noised init image)
 *   → sampler × UNet → autoencoder → picture
 *
 * atl_engine_paint_probed reads like that line; the stages are in condition.c, denoise.c and latent.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "denoise.h"

enum { MAX_SIDE_PX = 16384 };

/* All that one job owns while it is painted. */
typedef struct job {
    atl_engine *engine;
    const atl_request *request;
    const atl_paint_probe *probe; /* or NULL */
    atl_latent_size size;
    atl_noise noise;
    size_t n_drawn; /* draws of the sampler so far */
    bool guided;
    atl_sampler *sampler;
    atl_conditioning conditioning;
    atl_denoiser denoiser;
    float *latent, *scaled, *model_output; /* [size.n] each */
    atl_painting painting;
} job;

static void job_done(job *j)
{
    atl_sampler_close(&j->sampler);
    atl_denoiser_done(&j->denoiser);
    atl_conditioning_done(&j->conditioning);
    free(j->latent);
    free(j->scaled);
    free(j->model_output);
    atl_painting_done(&j->painting);
}

void atl_painting_done(atl_painting *painting)
{
    free(painting->image.pixels);
    free(painting->timings.unet_step);
    *painting = (atl_painting){0};
}

/* ---- settling ---- */

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

static atl_status settle_size(job *j, atl_note *note)
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
static void settle_guidance(job *j)
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

static atl_status check_model(const job *j, atl_note *note)
{
    const atl_model_config *config = j->engine->config;
    if (config->unet.in_channels != config->vae.latent_channels ||
        config->unet.out_channels != config->vae.latent_channels)
        return atl_fail(note, ATL_UNSUPPORTED,
                        "%s: its UNet reads %d and writes %d channels, but latents have %d: an inpainting or "
                        "upscaling model, "
                        "which cannot paint from text alone",
                        atl_weights_path(j->engine->weights), config->unet.in_channels,
                        config->unet.out_channels, config->vae.latent_channels);
    int width = 0;
    for (int e = 0; e < config->n_text_encoders; e++)
        width += config->text[e].hidden_size;
    const int wanted =
        config->unet.encoder_hid_dim > 0 ? config->unet.encoder_hid_dim : config->unet.cross_attention_dim[0];
    if (width != wanted)
        return atl_fail(note, ATL_BAD_INPUT, "%s: its text encoders give %d channels, but its UNet wants %d",
                        atl_weights_path(j->engine->weights), width, wanted);
    if (config->unet.addition_text_time && config->n_text_encoders < 2)
        return atl_fail(note, ATL_UNSUPPORTED,
                        "%s: its UNet wants a pooled text embedding of a second encoder",
                        atl_weights_path(j->engine->weights));
    return ATL_OK;
}

static atl_status settle(job *j, atl_note *note)
{
    const atl_request *request = j->request;
    const atl_model_config *config = j->engine->config;
    atl_settings *s = &j->painting.settings;
    atl_status st = check_model(j, note);
    if (st == ATL_OK)
        st = settle_size(j, note);
    if (st != ATL_OK)
        return st;
    settle_guidance(j);
    if (!isfinite(s->guidance_scale) || s->guidance_scale < 0)
        return atl_fail(note, ATL_USAGE, "guidance scale: found %g, wanted a number from 0 up",
                        s->guidance_scale);
    s->n_steps = first_positive(request->n_steps, config->default_steps, 0, 20);
    s->strength = request->strength == 0.0 ? 0.75 : request->strength;
    if (request->init_image && !(s->strength > 0.0 && s->strength <= 1.0))
        return atl_fail(note, ATL_USAGE, "strength: found %g, wanted a number above 0 and up to 1",
                        s->strength);
    s->clip_skip = request->clip_skip > 0 ? request->clip_skip : 1;
    s->seed = request->seed;
    atl_noise_init(&j->noise, request->noise == ATL_NOISE_CUDA ? ATL_RNG_CUDA : ATL_RNG_CPU, request->seed);
    return ATL_OK;
}

/* ---- planning ---- */

static atl_status plan(job *j, atl_note *note)
{
    atl_settings *s = &j->painting.settings;
    const atl_model_config *config = j->engine->config;
    const char *name =
        j->request->sampler && j->request->sampler[0] != '\0' ? j->request->sampler : config->default_sampler;
    const atl_sampler_options options = {
        .name = name, .n_steps = s->n_steps, .strength = j->request->init_image ? (float)s->strength : 1.0f};
    const atl_status st = atl_sampler_open(&config->scheduler, &options, &j->sampler, note);
    if (st != ATL_OK)
        return st;
    snprintf(s->sampler, sizeof s->sampler, "%s", atl_sampler_name(j->sampler));
    snprintf(s->sampler_display, sizeof s->sampler_display, "%s", atl_sampler_display_name(j->sampler));
    snprintf(s->schedule_display, sizeof s->schedule_display, "%s", atl_sampler_schedule_name(j->sampler));
    const size_t pixels = 3 * (size_t)s->width * (size_t)s->height;
    const int n_calls = atl_sampler_n_timesteps(j->sampler) - atl_sampler_begin(j->sampler);
    j->latent = malloc(j->size.n * sizeof *j->latent);
    j->scaled = malloc(j->size.n * sizeof *j->scaled);
    j->model_output = malloc(j->size.n * sizeof *j->model_output);
    j->painting.image = (atl_rgb){.width = s->width, .height = s->height, .pixels = malloc(pixels)};
    j->painting.timings.unet_step = calloc((size_t)n_calls, sizeof *j->painting.timings.unet_step);
    if (!j->latent || !j->scaled || !j->model_output || !j->painting.image.pixels ||
        !j->painting.timings.unet_step)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a picture of %d x %d", s->width, s->height);
    j->painting.timings.n_unet_steps = n_calls;
    if (j->probe && j->probe->planned)
        j->probe->planned(j->probe->user, j->sampler, j->size);
    return ATL_OK;
}

/* ---- the first latent ---- */

static void draw_unit_noise(job *j, const float *given, float *out)
{
    if (given)
        memcpy(out, given, j->size.n * sizeof *out);
    else
        atl_noise_normal(&j->noise, out, j->size.n);
}

/* In the order in which diffusers draws: the autoencoder's posterior first, then the noise that is added. */
static atl_status first_latent_of_image(job *j, atl_note *note)
{
    const atl_stage_clock clock = atl_stage_begin();
    if (j->engine->config->vae.kind == ATL_VAE_KL)
        draw_unit_noise(j, j->probe ? j->probe->posterior_noise : NULL, j->scaled);
    const atl_status st =
        atl_latent_encode(j->engine, j->request->init_image, j->size, j->scaled, j->latent, note);
    if (st != ATL_OK)
        return st;
    atl_stage_end(clock, &j->painting.timings.vae_encode);
    draw_unit_noise(j, j->probe ? j->probe->unit_noise : NULL, j->scaled);
    atl_sampler_add_noise(j->sampler, j->latent, j->scaled, j->latent, j->size.n);
    return ATL_OK;
}

static atl_status first_latent(job *j, atl_note *note)
{
    if (j->request->init_image)
        return first_latent_of_image(j, note);
    draw_unit_noise(j, j->probe ? j->probe->unit_noise : NULL, j->latent);
    const float sigma = atl_sampler_init_noise_sigma(j->sampler);
    for (size_t i = 0; i < j->size.n; i++)
        j->latent[i] *= sigma;
    return ATL_OK;
}

/* ---- denoising ---- */

static void draw_for_sampler(void *user, float *out, size_t n)
{
    job *j = user;
    const size_t k = j->n_drawn++;
    if (j->probe && k < j->probe->n_draws && j->probe->draws[k])
        memcpy(out, j->probe->draws[k], n * sizeof *out);
    else
        atl_noise_normal(&j->noise, out, n);
}

static atl_status check_finite(const float *values, size_t n, int call, atl_note *note)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return atl_fail(note, ATL_BAD_INPUT,
                            "denoising step %d: the latent became %s: these weights or settings do not paint",
                            call + 1, isnan(values[i]) ? "NaN" : "infinite");
    return ATL_OK;
}

static atl_status denoise(job *j, atl_progress_fn progress, void *user, atl_note *note)
{
    const atl_settings *s = &j->painting.settings;
    const int begin = atl_sampler_begin(j->sampler), n_calls = j->painting.timings.n_unet_steps;
    const float *timesteps = atl_sampler_timesteps(j->sampler);
    atl_status st = atl_denoiser_init(&j->denoiser, j->engine, &j->conditioning, j->size, s->guidance_scale,
                                      s->width, s->height, note);
    if (st != ATL_OK)
        return st;
    for (int k = 0; k < n_calls; k++) {
        if (progress && !progress(user, k, n_calls))
            return atl_fail(note, ATL_CANCELLED, "stopped before step %d of %d", k + 1, n_calls);
        const atl_stage_clock clock = atl_stage_begin();
        /* Samplers of higher order call the UNet more often than they have steps; prompts switch by steps. */
        const int step = (int)((int64_t)k * j->conditioning.n_steps / n_calls);
        atl_sampler_scale_input(j->sampler, begin + k, j->latent, j->scaled, j->size.n);
        atl_denoiser_run(&j->denoiser, step, timesteps[begin + k], j->scaled, j->model_output);
        st = atl_sampler_step(j->sampler, begin + k, j->model_output, j->latent, j->size.n, draw_for_sampler,
                              j);
        if (st == ATL_OK)
            st = check_finite(j->latent, j->size.n, k, note);
        if (st != ATL_OK)
            return st;
        atl_stage_end(clock, &j->painting.timings.unet_step[k]);
        if (j->probe && j->probe->stepped)
            j->probe->stepped(j->probe->user, k, j->model_output, j->latent, j->size.n);
    }
    if (progress)
        progress(user, n_calls, n_calls);
    return ATL_OK;
}

/* ---- the picture ---- */

static atl_status decode(job *j, atl_note *note)
{
    const atl_stage_clock clock = atl_stage_begin();
    const size_t n = 3 * (size_t)j->painting.image.width * (size_t)j->painting.image.height;
    float *planes = malloc(n * sizeof *planes);
    if (!planes)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a picture");
    atl_status st = atl_latent_decode(j->engine, j->latent, j->size, planes, note);
    for (size_t i = 0; st == ATL_OK && i < n; i++)
        if (!isfinite(planes[i]))
            st =
                atl_fail(note, ATL_BAD_INPUT, "vae_decode: the picture became %s: these weights do not paint",
                         isnan(planes[i]) ? "NaN" : "infinite");
    if (st == ATL_OK)
        atl_planes_to_rgb(planes, &j->painting.image);
    free(planes);
    atl_stage_end(clock, &j->painting.timings.vae_decode);
    return st;
}

atl_status atl_engine_paint_probed(atl_engine *engine, const atl_request *request, atl_progress_fn progress,
                                   void *user, const atl_paint_probe *probe, atl_painting *ret_painting,
                                   atl_note *note)
{
    job j = {.engine = engine, .request = request, .probe = probe};
    atl_status st = settle(&j, note);
    if (st == ATL_OK)
        st = plan(&j, note);
    if (st == ATL_OK && probe && probe->n_noise != 0 && probe->n_noise != j.size.n)
        st = atl_fail(note, ATL_BAD_INPUT, "latents: found %zu numbers, wanted %d x %d x %d", probe->n_noise,
                      j.size.c, j.size.h, j.size.w);
    if (st == ATL_OK) {
        const atl_condition_request words = {.prompt = request->prompt,
                                             .negative_prompt = request->negative_prompt,
                                             .n_steps = j.painting.settings.n_steps,
                                             .clip_skip = j.painting.settings.clip_skip,
                                             .guided = j.guided};
        st = atl_condition(engine, &words, &j.conditioning, &j.painting.timings, note);
    }
    if (st == ATL_OK)
        st = first_latent(&j, note);
    if (st == ATL_OK)
        st = denoise(&j, progress, user, note);
    if (st == ATL_OK)
        st = decode(&j, note);
    if (st == ATL_OK) {
        *ret_painting = j.painting;
        j.painting = (atl_painting){0};
    }
    job_done(&j);
    return st;
}

atl_status atl_engine_paint(atl_engine *engine, const atl_request *request, atl_progress_fn progress,
                            void *user, atl_painting *ret_painting, atl_note *note)
{
    return atl_engine_paint_probed(engine, request, progress, user, NULL, ret_painting, note);
}
