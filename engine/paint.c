/* paint.c - jobs from request to picture.
 *
 *   settle what was not said → plan the sampler → words to embeddings → noise (or a noised init image)
 *   → sampler × UNet → autoencoder → picture
 *
 * `prepare`, `denoise` and `decode` read like that line; the stages are in settle.c, condition.c, denoise.c
 * and latent.c. Jobs that agree in what the UNet's batch must share are denoised together, to the same bytes
 * as alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"

static void job_done(atl_job_state *j)
{
    atl_sampler_close(&j->sampler);
    atl_conditioning_done(&j->conditioning);
    atl_lora_shelf_give_back(j->beside);
    free(j->prompt);
    free(j->latent);
    free(j->scaled);
    free(j->model_output);
    atl_painting_done(&j->painting);
}

void atl_painting_done(atl_painting *painting)
{
    free(painting->image.pixels);
    free(painting->timings.unet_step);
    free(painting->networks);
    *painting = (atl_painting){0};
}

/* ---- planning ---- */

/* Which of diffusers' pipelines this checkpoint would be run by: they do not treat schedulers alike. */
static atl_pipeline pipeline_of(const atl_model_config *config)
{
    if (config->two_encoder_pipeline)
        return ATL_PIPELINE_SDXL;
    return config->lcm_pipeline ? ATL_PIPELINE_LCM : ATL_PIPELINE_SD;
}

static atl_status plan(atl_job_state *j, atl_note *note)
{
    atl_settings *s = &j->painting.settings;
    const atl_model_config *config = j->engine->config;
    const char *name =
        j->request->sampler && j->request->sampler[0] != '\0' ? j->request->sampler : config->default_sampler;
    const atl_sampler_options options = {.name = name,
                                         .n_steps = s->n_steps,
                                         .strength = j->request->init_image ? (float)s->strength : 1.0f,
                                         .pipeline = pipeline_of(config)};
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

static void draw_unit_noise(atl_job_state *j, const float *given, float *out)
{
    if (given)
        memcpy(out, given, j->size.n * sizeof *out);
    else
        atl_noise_normal(&j->noise, out, j->size.n);
}

/* In the order in which diffusers draws: the autoencoder's posterior first, then the noise that is added. */
static atl_status first_latent_of_image(atl_job_state *j, atl_note *note)
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

static atl_status first_latent(atl_job_state *j, atl_note *note)
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
    atl_job_state *j = user;
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

/* The jobs that are denoised together: their count is bounded, so that a crowd lives on the stack. */
typedef struct crowd {
    atl_job_state *const *jobs;
    size_t n;
    atl_hearer hearers[ATL_MAX_BATCH];
    atl_denoiser denoiser;
} crowd;

/* One call of the UNet, and one step of each job's sampler. A job that went wrong keeps its place with a
 * latent of zeros: the others must not notice. */
static void step_together(crowd *c, int k)
{
    const atl_job_state *first = c->jobs[0];
    const int begin = atl_sampler_begin(first->sampler), n_calls = first->painting.timings.n_unet_steps;
    const atl_stage_clock clock = atl_stage_begin();
    for (size_t i = 0; i < c->n; i++)
        atl_sampler_scale_input(c->jobs[i]->sampler, begin + k, c->jobs[i]->latent, c->jobs[i]->scaled,
                                first->size.n);
    /* Samplers of higher order call the UNet more often than they have steps; prompts switch by steps. */
    const int step = (int)((int64_t)k * first->conditioning.n_steps / n_calls);
    atl_denoiser_run(&c->denoiser, step, atl_sampler_timesteps(first->sampler)[begin + k]);
    for (size_t i = 0; i < c->n; i++) {
        atl_job_state *j = c->jobs[i];
        if (j->status == ATL_OK)
            j->status = atl_sampler_step(j->sampler, begin + k, j->model_output, j->latent, j->size.n,
                                         draw_for_sampler, j);
        if (j->status == ATL_OK)
            j->status = check_finite(j->latent, j->size.n, k, j->note);
        if (j->status != ATL_OK)
            memset(j->latent, 0, j->size.n * sizeof *j->latent);
        atl_stage_end(clock, &j->painting.timings.unet_step[k]);
        if (j->status == ATL_OK && j->probe && j->probe->stepped)
            j->probe->stepped(j->probe->user, k, j->model_output, j->latent, j->size.n);
    }
}

static void fail_all(const crowd *c, atl_status status, const atl_note *note)
{
    for (size_t i = 0; i < c->n; i++) {
        c->jobs[i]->status = status;
        if (c->jobs[i]->note)
            *c->jobs[i]->note = *note;
    }
}

static void denoise(atl_engine *engine, atl_job_state *const *jobs, size_t n, atl_progress_fn progress,
                    void *user)
{
    crowd c = {.jobs = jobs, .n = n};
    atl_note note = {0};
    const atl_settings *s = &jobs[0]->painting.settings;
    const int n_calls = jobs[0]->painting.timings.n_unet_steps;
    for (size_t i = 0; i < n; i++)
        c.hearers[i] = (atl_hearer){.conditioning = &jobs[i]->conditioning,
                                    .guidance_scale = jobs[i]->painting.settings.guidance_scale,
                                    .guidance_from = s->guidance_from,
                                    .guidance_until = s->guidance_until,
                                    .deep_cache = s->deep_cache,
                                    .merge_tokens = s->merge_tokens,
                                    .latent = jobs[i]->scaled,
                                    .model_output = jobs[i]->model_output};
    engine->beside = jobs[0]->beside;
    const atl_status st =
        atl_denoiser_init(&c.denoiser, engine, c.hearers, n, jobs[0]->size, s->width, s->height, &note);
    if (st != ATL_OK)
        fail_all(&c, st, &note);
    for (int k = 0; k < n_calls && st == ATL_OK; k++) {
        if (progress && !progress(user, k, n_calls)) {
            atl_fail(&note, ATL_CANCELLED, "stopped before step %d of %d", k + 1, n_calls);
            fail_all(&c, ATL_CANCELLED, &note);
            break;
        }
        step_together(&c, k);
    }
    if (progress && jobs[0]->status == ATL_OK)
        progress(user, n_calls, n_calls);
    engine->beside = NULL;
    if (st == ATL_OK)
        atl_denoiser_done(&c.denoiser);
}

/* ---- the picture ---- */

static atl_status decode(atl_job_state *j, atl_note *note)
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

/* Networks out of the prompt, and ready. */
static atl_status take_networks(atl_job_state *j, atl_note *note)
{
    const char *prompt = j->request->prompt ? j->request->prompt : "";
    atl_networks networks;
    atl_status st = atl_networks_parse(prompt, strlen(prompt), &networks, note);
    if (st != ATL_OK)
        return st;
    st = atl_lora_shelf_take(j->engine, &networks, &j->beside, note);
    atl_text words = {0};
    if (st == ATL_OK)
        atl_lora_shelf_list(&j->engine->loras, &networks, &words);
    if (words.failed)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for the names of networks");
    j->painting.networks = words.data; /* freed with the painting */
    j->prompt = networks.prompt;
    networks.prompt = NULL;
    atl_networks_done(&networks);
    return st;
}

/* Everything before the first call of the UNet. */
static atl_status prepare(atl_job_state *j, atl_note *note)
{
    const atl_settings *s = &j->painting.settings;
    atl_status st = atl_job_settle(j, note);
    if (st == ATL_OK)
        st = plan(j, note);
    if (st == ATL_OK && j->probe && j->probe->n_noise != 0 && j->probe->n_noise != j->size.n)
        st = atl_fail(note, ATL_BAD_INPUT, "latents: found %zu numbers, wanted %d x %d x %d",
                      j->probe->n_noise, j->size.c, j->size.h, j->size.w);
    if (st != ATL_OK)
        return st;
    st = take_networks(j, note);
    if (st != ATL_OK)
        return st;
    const atl_condition_request words = {.prompt = j->prompt,
                                         .negative_prompt = j->request->negative_prompt,
                                         .n_steps = s->n_steps,
                                         .clip_skip = s->clip_skip,
                                         .guided = j->guided};
    j->engine->beside = j->beside;
    st = atl_condition(j->engine, &words, &j->conditioning, &j->painting.timings, note);
    j->engine->beside = NULL;
    return st != ATL_OK ? st : first_latent(j, note);
}

/* Whether two prepared jobs can share the UNet's calls. */
static bool agree(const atl_job_state *a, const atl_job_state *b)
{
    const int n = a->painting.timings.n_unet_steps, begin = atl_sampler_begin(a->sampler);
    return a->beside == b->beside && a->size.h == b->size.h && a->size.w == b->size.w &&
           a->guided == b->guided && a->conditioning.all[0].n_tokens == b->conditioning.all[0].n_tokens &&
           a->conditioning.n_steps == b->conditioning.n_steps && n == b->painting.timings.n_unet_steps &&
           begin == atl_sampler_begin(b->sampler) &&
           a->painting.settings.guidance_from == b->painting.settings.guidance_from &&
           a->painting.settings.guidance_until == b->painting.settings.guidance_until &&
           a->painting.settings.deep_cache == b->painting.settings.deep_cache &&
           a->painting.settings.merge_tokens == b->painting.settings.merge_tokens &&
           memcmp(atl_sampler_timesteps(a->sampler) + begin, atl_sampler_timesteps(b->sampler) + begin,
                  (size_t)n * sizeof(float)) == 0;
}

/* Denoises the first job that still waits together with all that agree with it; returns whether there was
 * one. */
static bool denoise_next(atl_engine *engine, atl_job_state *jobs, size_t n, bool *done,
                         atl_progress_fn progress, void *user)
{
    atl_job_state *together[ATL_MAX_BATCH];
    size_t n_together = 0;
    for (size_t i = 0; i < n; i++)
        if (!done[i] && jobs[i].status == ATL_OK && (n_together == 0 || agree(together[0], &jobs[i]))) {
            together[n_together++] = &jobs[i];
            done[i] = true;
        }
    if (n_together > 0)
        denoise(engine, together, n_together, progress, user);
    return n_together > 0;
}

static void paint_all(atl_engine *engine, atl_job_state *jobs, size_t n, atl_progress_fn progress, void *user,
                      atl_painting *ret_paintings)
{
    bool done[ATL_MAX_BATCH] = {false};
    for (size_t i = 0; i < n; i++)
        jobs[i].status = prepare(&jobs[i], jobs[i].note);
    while (denoise_next(engine, jobs, n, done, progress, user))
        ;
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].status == ATL_OK)
            jobs[i].status = decode(&jobs[i], jobs[i].note);
        if (jobs[i].status == ATL_OK) {
            ret_paintings[i] = jobs[i].painting;
            jobs[i].painting = (atl_painting){0};
        }
        job_done(&jobs[i]);
    }
}

atl_status atl_engine_paint_probed(atl_engine *engine, const atl_request *request, atl_progress_fn progress,
                                   void *user, const atl_paint_probe *probe, atl_painting *ret_painting,
                                   atl_note *note)
{
    atl_job_state job = {.engine = engine, .request = request, .probe = probe, .note = note};
    paint_all(engine, &job, 1, progress, user, ret_painting);
    return job.status;
}

atl_status atl_engine_paint(atl_engine *engine, const atl_request *request, atl_progress_fn progress,
                            void *user, atl_painting *ret_painting, atl_note *note)
{
    return atl_engine_paint_probed(engine, request, progress, user, NULL, ret_painting, note);
}

void atl_engine_paint_batch(atl_engine *engine, const atl_request *requests, size_t n,
                            atl_progress_fn progress, void *user, atl_painting *ret_paintings,
                            atl_status *ret_statuses, atl_note *notes)
{
    for (size_t first = 0; first < n; first += ATL_MAX_BATCH) {
        atl_job_state jobs[ATL_MAX_BATCH] = {0};
        const size_t count = n - first < ATL_MAX_BATCH ? n - first : ATL_MAX_BATCH;
        for (size_t i = 0; i < count; i++)
            jobs[i] =
                (atl_job_state){.engine = engine, .request = &requests[first + i], .note = &notes[first + i]};
        paint_all(engine, jobs, count, progress, user, ret_paintings + first);
        for (size_t i = 0; i < count; i++)
            ret_statuses[first + i] = jobs[i].status;
    }
}
