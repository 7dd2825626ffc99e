/* denoise.c - see denoise.h. */
#include "denoise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/elementwise.h"

/* Two pictures of SD 1.5 with two chunks of words each take 15 MB, SDXL's larger text 51 MB. */
#define MOST_TEXT_BYTES ((size_t)64 << 20)

static size_t n_pictures(const atl_denoiser *d)
{
    return d->n_hearers * (size_t)d->sides;
}

/* The embedding that picture `i` of the UNet's batch hears: of each job the unconditional side comes first,
 * as in diffusers. */
static const atl_embedding *heard_by(const atl_denoiser *d, size_t i)
{
    const atl_conditioning *c = d->hearers[i / (size_t)d->sides].conditioning;
    const int side = d->sides == 2 && i % 2 == 0 ? 1 : 0;
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
    const int n = (int)n_pictures(d);
    const atl_latent_size size = d->size;
    const int width = atl_model_text_width(engine->config);
    const int n_tokens = heard_by(d, 0)->n_tokens;
    const size_t n_context = (size_t)n_tokens * (size_t)width;
    const size_t mark = atl_arena_mark(bench->arena);
    const atl_map sample = atl_map_take(bench, ATL_F32, n, size.h, size.w, size.c);
    const atl_map answer = atl_map_take(bench, ATL_F32, n, size.h, size.w, size.c);
    const atl_map context = atl_map_take(bench, ATL_F32, n, 1, n_tokens, width);
    atl_from_planes(bench, d->sample, &sample);
    for (size_t i = 0; i < n_pictures(d) && !bench->arena->measuring; i++)
        memcpy(atl_map_f32(&context) + i * n_context, heard_by(d, i)->context, n_context * sizeof(float));
    const atl_unet_input in = {
        .sample = &sample,
        .timestep = d->timestep,
        .context = &context,
        .timestep_cond = d->timestep_cond,
        .text_embeds = d->text_embeds,
        .time_ids = d->time_ids,
        .kept = d->kept.data ? &d->kept : NULL,
        .deep = d->deep.data ? &d->deep : NULL,
        .merge_tokens = (float)d->hearers[0].merge_tokens,
    };
    atl_unet_run(engine->unet, bench, &in, &answer);
    atl_to_planes(bench, &answer, d->answer);
    atl_arena_release(bench->arena, mark);
}

size_t atl_denoiser_text_bytes(const atl_engine *engine, size_t n_pictures, size_t n_tokens)
{
    const size_t bytes = atl_unet_text_bytes(engine->unet, n_pictures * n_tokens, engine->policy);
    return bytes <= MOST_TEXT_BYTES ? bytes : 0;
}

/* A single step would keep them for nobody. */
static bool take_text_memory(atl_denoiser *d)
{
    const size_t n_tokens = (size_t)heard_by(d, 0)->n_tokens;
    const size_t bytes = d->hearers[0].conditioning->n_steps > 1
                             ? atl_denoiser_text_bytes(d->engine, n_pictures(d), n_tokens)
                             : 0;
    d->kept.n_rows = n_pictures(d) * n_tokens;
    if (bytes == 0)
        return true;
    d->kept.data = aligned_alloc(ATL_ARENA_ALIGN, bytes);
    if (d->kept.data)
        memset(d->kept.data, 0, bytes);
    return d->kept.data;
}

static bool take_memory(atl_denoiser *d)
{
    const atl_model_config *config = d->engine->config;
    const size_t n = n_pictures(d);
    d->sample = calloc(n * d->size.n, sizeof *d->sample);
    d->answer = calloc(n * d->size.n, sizeof *d->answer);
    if (!d->sample || !d->answer || !take_text_memory(d))
        return false;
    if (d->hearers[0].deep_cache > 1 &&
        !(d->deep.data = malloc(atl_unet_deep_bytes(d->engine->unet, (int)n, d->size.h, d->size.w))))
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
static void fill_constants(atl_denoiser *d, int width, int height)
{
    const size_t dim = (size_t)d->engine->config->unet.time_cond_proj_dim;
    for (size_t i = 0; i < n_pictures(d); i++) {
        if (d->timestep_cond)
            embed_guidance(d->hearers[i / (size_t)d->sides].guidance_scale, (int)dim,
                           d->timestep_cond + i * dim);
        if (d->time_ids) {
            const float ids[6] = {(float)height, (float)width, 0, 0, (float)height, (float)width};
            memcpy(d->time_ids + 6 * i, ids, sizeof ids);
        }
    }
}

atl_status atl_denoiser_init(atl_denoiser *denoiser, atl_engine *engine, const atl_hearer *hearers,
                             size_t n_hearers, atl_latent_size size, int width, int height, atl_note *note)
{
    *denoiser = (atl_denoiser){.engine = engine,
                               .hearers = hearers,
                               .n_hearers = n_hearers,
                               .sides = hearers[0].conditioning->guided ? 2 : 1,
                               .most_sides = hearers[0].conditioning->guided ? 2 : 1,
                               .size = size};
    if (!take_memory(denoiser)) {
        atl_denoiser_done(denoiser);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for latents of %d x %d", size.w, size.h);
    }
    fill_constants(denoiser, width, height);
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
    free(denoiser->kept.data);
    free(denoiser->deep.data);
    *denoiser = (atl_denoiser){0};
}

static void gather(atl_denoiser *d)
{
    const size_t n = d->size.n;
    for (size_t i = 0; i < n_pictures(d); i++) {
        memcpy(d->sample + i * n, d->hearers[i / (size_t)d->sides].latent, n * sizeof(float));
        if (d->text_embeds) {
            const size_t width = (size_t)d->engine->config->text[1].projection_dim;
            memcpy(d->text_embeds + i * width, heard_by(d, i)->pooled, width * sizeof(float));
        }
    }
}

static void guide(const atl_denoiser *d, const atl_hearer *hearer, const float *answer)
{
    const size_t n = d->size.n;
    if (d->sides == 1) {
        memcpy(hearer->model_output, answer, n * sizeof(float));
        return;
    }
    const float scale = (float)hearer->guidance_scale;
    for (size_t i = 0; i < n; i++)
        hearer->model_output[i] = answer[i] + scale * (answer[n + i] - answer[i]);
}

/* Whether this step is guided: its part of all steps lies in the interval. */
static bool is_guided(const atl_denoiser *d, int step)
{
    const atl_hearer *h = &d->hearers[0];
    const double part = (double)step / (double)h->conditioning->n_steps;
    return d->most_sides == 2 && part >= h->guidance_from && part < h->guidance_until;
}

/* Every so many calls the whole UNet runs; and where other pictures are asked about than were kept. */
static void plan_deep(atl_denoiser *d)
{
    const int every = d->hearers[0].deep_cache;
    d->deep.reuse = d->deep.data && d->n_calls % every != 0 && d->deep_pictures == n_pictures(d);
    if (!d->deep.reuse)
        d->n_calls = 0;
    d->n_calls++;
    d->deep_pictures = n_pictures(d);
}

/* Counts on where any picture hears another text than at the call before, or there are more or fewer. */
static void plan_text(atl_denoiser *d)
{
    bool same = d->kept_pictures == n_pictures(d);
    for (size_t i = 0; i < n_pictures(d); i++) {
        same = same && d->kept_of[i] == heard_by(d, i);
        d->kept_of[i] = heard_by(d, i);
    }
    d->kept_pictures = n_pictures(d);
    d->kept.version += same ? 0 : 1;
}

void atl_denoiser_run(atl_denoiser *denoiser, int step, float timestep)
{
    denoiser->step = step;
    denoiser->sides = is_guided(denoiser, step) ? 2 : 1;
    plan_deep(denoiser);
    plan_text(denoiser);
    denoiser->timestep = timestep;
    gather(denoiser);
    const atl_bench bench = atl_engine_bench(denoiser->engine);
    run_unet(denoiser->engine, &bench, denoiser);
    const size_t each = (size_t)denoiser->sides * denoiser->size.n;
    for (size_t h = 0; h < denoiser->n_hearers; h++)
        guide(denoiser, &denoiser->hearers[h], denoiser->answer + h * each);
}
