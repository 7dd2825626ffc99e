/* denoise.c - see denoise.h. */
#include "denoise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/elementwise.h"

static int n_sides(const atl_denoiser *d)
{
    return d->conditioning->guided ? 2 : 1;
}

/* The embedding that picture `i` of the UNet's batch hears: the unconditional side comes first, as in
 * diffusers. */
static const atl_embedding *heard_by(const atl_denoiser *d, int i)
{
    const atl_conditioning *c = d->conditioning;
    const int side = c->guided && i == 0 ? 1 : 0;
    return &c->all[c->of_step[side][d->step]];
}

/* diffusers' get_guidance_scale_embedding: sines, then cosines, of 1000·(scale − 1) (Luo et al. 2023). */
static void embed_guidance(double guidance_scale, int dim, float *out)
{
    const int half = dim / 2;
    const float w = (float)(guidance_scale - 1.0) * 1000.0f;
    const float decay = (float)(log(10000.0) / (half - 1));
    for (int i = 0; i < half; i++) {
        const float angle = w * expf((float)i * -decay);
        out[i] = sinf(angle);
        out[half + i] = cosf(angle);
    }
    if (dim % 2 == 1)
        out[dim - 1] = 0.0f;
}

static void run_unet(atl_engine *engine, const atl_bench *bench, void *user)
{
    const atl_denoiser *d = user;
    const int n = n_sides(d);
    const atl_latent_size size = d->size;
    const int width = engine->config->unet.encoder_hid_dim ? engine->config->unet.encoder_hid_dim
                                                           : engine->config->unet.cross_attention_dim[0];
    const int n_tokens = heard_by(d, 0)->n_tokens;
    const size_t n_context = (size_t)n_tokens * (size_t)width;
    const size_t mark = atl_arena_mark(bench->arena);
    const atl_map sample = atl_map_take(bench, ATL_F32, n, size.h, size.w, size.c);
    const atl_map answer = atl_map_take(bench, ATL_F32, n, size.h, size.w, size.c);
    const atl_map context = atl_map_take(bench, ATL_F32, n, 1, n_tokens, width);
    atl_from_planes(bench, d->sample, &sample);
    for (int i = 0; i < n && !bench->arena->measuring; i++)
        memcpy(atl_map_f32(&context) + (size_t)i * n_context, heard_by(d, i)->context,
               n_context * sizeof(float));
    const atl_unet_input in = {
        .sample = &sample,
        .timestep = d->timestep,
        .context = &context,
        .timestep_cond = d->timestep_cond,
        .text_embeds = d->text_embeds,
        .time_ids = d->time_ids,
    };
    atl_unet_run(engine->unet, bench, &in, &answer);
    atl_to_planes(bench, &answer, d->answer);
    atl_arena_release(bench->arena, mark);
}

static bool take_memory(atl_denoiser *d)
{
    const atl_model_config *config = d->engine->config;
    const size_t n = (size_t)n_sides(d);
    d->sample = calloc(n * d->size.n, sizeof *d->sample);
    d->answer = calloc(n * d->size.n, sizeof *d->answer);
    if (!d->sample || !d->answer)
        return false;
    if (config->unet.time_cond_proj_dim > 0) {
        d->timestep_cond = calloc(n * (size_t)config->unet.time_cond_proj_dim, sizeof *d->timestep_cond);
        if (!d->timestep_cond)
            return false;
    }
    if (config->unet.addition_text_time) {
        d->text_embeds = calloc(n * (size_t)config->text[1].projection_dim, sizeof *d->text_embeds);
        d->time_ids = calloc(n * 6, sizeof *d->time_ids);
        if (!d->text_embeds || !d->time_ids)
            return false;
    }
    return true;
}

/* What does not change from step to step: guidance as an embedding (LCM), and SDXL's original size, crop and
 * target size. */
static void fill_constants(atl_denoiser *d)
{
    const atl_model_config *config = d->engine->config;
    for (int i = 0; i < n_sides(d); i++) {
        const int dim = config->unet.time_cond_proj_dim;
        if (d->timestep_cond)
            embed_guidance(d->guidance_scale, dim, d->timestep_cond + (size_t)i * (size_t)dim);
        if (d->time_ids) {
            const float ids[6] = {(float)d->height, (float)d->width, 0, 0, (float)d->height, (float)d->width};
            memcpy(d->time_ids + 6 * i, ids, sizeof ids);
        }
    }
}

atl_status atl_denoiser_init(atl_denoiser *denoiser, atl_engine *engine, const atl_conditioning *conditioning,
                             atl_latent_size size, double guidance_scale, int width, int height,
                             atl_note *note)
{
    *denoiser = (atl_denoiser){.engine = engine,
                               .conditioning = conditioning,
                               .size = size,
                               .guidance_scale = guidance_scale,
                               .width = width,
                               .height = height};
    if (!take_memory(denoiser)) {
        atl_denoiser_done(denoiser);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for latents of %d x %d", size.w, size.h);
    }
    fill_constants(denoiser);
    const atl_status st = atl_engine_reserve(engine, "unet_step", run_unet, denoiser, note);
    if (st != ATL_OK)
        atl_denoiser_done(denoiser);
    return st;
}

void atl_denoiser_done(atl_denoiser *denoiser)
{
    free(denoiser->sample);
    free(denoiser->answer);
    free(denoiser->timestep_cond);
    free(denoiser->text_embeds);
    free(denoiser->time_ids);
    *denoiser = (atl_denoiser){0};
}

void atl_denoiser_run(atl_denoiser *denoiser, int step, float timestep, const float *latent,
                      float *model_output)
{
    const size_t n = denoiser->size.n;
    const int sides = n_sides(denoiser);
    denoiser->step = step;
    denoiser->timestep = timestep;
    for (int i = 0; i < sides; i++) {
        memcpy(denoiser->sample + (size_t)i * n, latent, n * sizeof *latent);
        if (denoiser->text_embeds) {
            const size_t width = (size_t)denoiser->engine->config->text[1].projection_dim;
            memcpy(denoiser->text_embeds + (size_t)i * width, heard_by(denoiser, i)->pooled,
                   width * sizeof(float));
        }
    }
    const atl_bench bench = atl_engine_bench(denoiser->engine);
    run_unet(denoiser->engine, &bench, denoiser);
    if (sides == 1) {
        memcpy(model_output, denoiser->answer, n * sizeof *model_output);
        return;
    }
    const float scale = (float)denoiser->guidance_scale;
    for (size_t i = 0; i < n; i++) {
        const float unconditional = denoiser->answer[i];
        model_output[i] = unconditional + scale * (denoiser->answer[n + i] - unconditional);
    }
}
