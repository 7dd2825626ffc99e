/* latent.c - between pictures and latents: the autoencoder with the scaling that pipelines put around it.
 *
 * Latents are planes [c][h][w] here, as torch has them; the networks want them interleaved, and one picture
 * of four channels costs nothing to turn. */
#include "engine_private.h"

#include <math.h>
#include <stdlib.h>

#include "ops/elementwise.h"

/* What a latent is divided by and moved by before the decoder: SDXL's newer configs give mean and deviation
 * for each channel (diffusers' SDXL pipelines alone read them), the others one factor. */
static void unscale(const atl_engine *engine, const float *latent, atl_latent_size size, float *out)
{
    const atl_vae_config *vae = &engine->config->vae;
    const bool stats = engine->config->two_encoder_pipeline && vae->has_latents_stats;
    const size_t plane = size.n / (size_t)size.c;
    for (size_t i = 0; i < size.n; i++) {
        const size_t c = i / plane;
        if (stats)
            out[i] = latent[i] * vae->latents_std[c] / vae->scaling_factor + vae->latents_mean[c];
        else
            out[i] = latent[i] / vae->scaling_factor;
    }
}

static void scale(const atl_engine *engine, atl_latent_size size, float *latent)
{
    const atl_vae_config *vae = &engine->config->vae;
    const bool stats = engine->config->two_encoder_pipeline && vae->has_latents_stats;
    const size_t plane = size.n / (size_t)size.c;
    for (size_t i = 0; i < size.n; i++) {
        const size_t c = i / plane;
        if (stats)
            latent[i] = (latent[i] - vae->latents_mean[c]) * vae->scaling_factor / vae->latents_std[c];
        else
            latent[i] = latent[i] * vae->scaling_factor;
    }
}

typedef struct decode_stage {
    const float *latent; /* unscaled */
    atl_latent_size size;
    float *image;
} decode_stage;

static void run_decode(atl_engine *engine, const atl_bench *bench, void *user)
{
    const decode_stage *s = user;
    const int factor = atl_vae_scale(&engine->config->vae);
    const size_t mark = atl_arena_mark(bench->arena);
    const atl_map latent = atl_map_take(bench, ATL_F32, 1, s->size.h, s->size.w, s->size.c);
    const atl_map image = atl_map_take(bench, ATL_F32, 1, s->size.h * factor, s->size.w * factor, 3);
    atl_from_planes(bench, s->latent, &latent);
    atl_vae_decode(engine->vae, bench, &latent, &image);
    atl_to_planes(bench, &image, s->image);
    atl_arena_release(bench->arena, mark);
}

atl_status atl_latent_decode(atl_engine *engine, const float *latent, atl_latent_size size, float *ret_image,
                             atl_note *note)
{
    float *unscaled = malloc(size.n * sizeof *unscaled);
    if (!unscaled)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a latent");
    unscale(engine, latent, size, unscaled);
    decode_stage stage = {.latent = unscaled, .size = size, .image = ret_image};
    const atl_status st = atl_engine_run_stage(engine, "vae_decode", run_decode, &stage, note);
    free(unscaled);
    return st;
}

typedef struct encode_stage {
    const float *image; /* planes [3][h·s][w·s] in [-1, 1] */
    atl_latent_size size;
    float *out; /* KL: moments [2c][h][w]; tiny: latents [c][h][w] */
} encode_stage;

static void run_encode(atl_engine *engine, const atl_bench *bench, void *user)
{
    const encode_stage *s = user;
    const int factor = atl_vae_scale(&engine->config->vae);
    const int c_out = engine->config->vae.kind == ATL_VAE_KL ? 2 * s->size.c : s->size.c;
    const size_t mark = atl_arena_mark(bench->arena);
    const atl_map image = atl_map_take(bench, ATL_F32, 1, s->size.h * factor, s->size.w * factor, 3);
    const atl_map out = atl_map_take(bench, ATL_F32, 1, s->size.h, s->size.w, c_out);
    atl_from_planes(bench, s->image, &image);
    atl_vae_encode(engine->vae, bench, &image, &out);
    atl_to_planes(bench, &out, s->out);
    atl_arena_release(bench->arena, mark);
}

/* diffusers' DiagonalGaussianDistribution: mean + exp(½·logvar)·noise, logvar in [-30, 20]. */
static void sample_posterior(const float *moments, const float *noise, size_t n, float *latent)
{
    for (size_t i = 0; i < n; i++) {
        const float logvar = fminf(fmaxf(moments[n + i], -30.0f), 20.0f);
        latent[i] = moments[i] + expf(0.5f * logvar) * noise[i];
    }
}

static void rgb_to_planes(const atl_rgb *rgb, float *planes)
{
    const size_t plane = (size_t)rgb->width * (size_t)rgb->height;
    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < 3; c++)
            planes[c * plane + i] = 2.0f * ((float)rgb->pixels[3 * i + c] / 255.0f) - 1.0f;
}

atl_status atl_latent_encode(atl_engine *engine, const atl_rgb *image, atl_latent_size size,
                             const float *posterior_noise, float *ret_latent, atl_note *note)
{
    const size_t pixels = (size_t)image->width * (size_t)image->height;
    float *planes = malloc(3 * pixels * sizeof *planes);
    float *out = malloc(2 * size.n * sizeof *out);
    atl_status st = ATL_OK;
    if (!planes || !out) {
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for an init image of %d x %d", image->width,
                      image->height);
        goto done;
    }
    rgb_to_planes(image, planes);
    encode_stage stage = {.image = planes, .size = size, .out = out};
    st = atl_engine_run_stage(engine, "vae_encode", run_encode, &stage, note);
    if (st != ATL_OK)
        goto done;
    if (engine->config->vae.kind == ATL_VAE_KL)
        sample_posterior(out, posterior_noise, size.n, ret_latent);
    else
        for (size_t i = 0; i < size.n; i++)
            ret_latent[i] = out[i];
    scale(engine, size, ret_latent);
done:
    free(planes);
    free(out);
    return st;
}

void atl_planes_to_rgb(const float *planes, atl_rgb *rgb)
{
    const size_t plane = (size_t)rgb->width * (size_t)rgb->height;
    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < 3; c++) {
            const float x = planes[c * plane + i] / 2.0f + 0.5f, v = x > 0.0f ? x : 0.0f;
            /* Half to even, as numpy's round; an instruction where nearbyintf is a call. */
            rgb->pixels[3 * i + c] = (uint8_t)lrintf((v < 1.0f ? v : 1.0f) * 255.0f);
        }
}
