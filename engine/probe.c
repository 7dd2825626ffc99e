/* probe.c - runs one part of the engine on tensors from a file; see probe.h.
 *
 * Each part has a stage (what runs over the bench, twice: to measure and for real) and a function that reads
 * its tensors, runs the stage and puts the results. Only the networks that the part needs are loaded. */
#include "engine/probe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_private.h"
#include "ops/elementwise.h"
#include "probe_io.h"

/* ---- text_encoder ---- */

typedef struct text_stage {
    const atl_clip *clip;
    const int32_t *ids;
    int n;
    atl_clip_output out;
} text_stage;

static void run_text(atl_engine *engine, const atl_bench *bench, void *user)
{
    (void)engine;
    const text_stage *s = user;
    atl_clip_run(s->clip, bench, s->ids, s->n, &s->out);
}

static int32_t *checked_ids(const atl_probe_tensor *tensor, int vocab_size, atl_probe_in *in)
{
    int32_t *ids = malloc(tensor->n * sizeof *ids);
    if (!ids) {
        in->status = atl_fail(in->note, ATL_NO_MEMORY, "no memory for ids");
        return NULL;
    }
    for (size_t i = 0; i < tensor->n && in->status == ATL_OK; i++) {
        ids[i] = (int32_t)tensor->data[i];
        if (tensor->data[i] < 0 || tensor->data[i] >= (float)vocab_size)
            in->status = atl_fail(in->note, ATL_BAD_INPUT, "ids: element %zu: found %g, wanted 0 to %d", i,
                                  (double)tensor->data[i], vocab_size - 1);
    }
    return ids;
}

/* Puts every output of encoder `which` under the names that the issue of comparing wants: with "_2" for the
 * second. */
static void put_text(atl_engine *engine, int which, const atl_probe_tensor *tensor, atl_probe_in *in,
                     atl_probe_out *out)
{
    const atl_clip_config *config = &engine->config->text[which];
    const char *suffix = which == 1 ? "_2" : "";
    const size_t n = tensor->shape[0], t = (size_t)config->n_positions, d = (size_t)config->hidden_size;
    int32_t *ids = checked_ids(tensor, config->vocab_size, in);
    text_stage stage = {.clip = engine->text[which], .ids = ids, .n = (int)n};
    char name[64];
    for (int l = 0; l <= config->n_layers; l++) {
        snprintf(name, sizeof name, "hidden_states%s.%d", suffix, l);
        stage.out.hidden[l] = atl_probe_put(out, name, 3, (size_t[]){n, t, d});
    }
    snprintf(name, sizeof name, "last_hidden_state%s", suffix);
    stage.out.last = atl_probe_put(out, name, 3, (size_t[]){n, t, d});
    snprintf(name, sizeof name, "pooled%s", suffix);
    const size_t pooled = config->with_projection ? (size_t)config->projection_dim : d;
    stage.out.pooled = atl_probe_put(out, name, 2, (size_t[]){n, pooled});
    if (in->status == ATL_OK && out->status == ATL_OK)
        out->status = atl_engine_run_stage(engine, "text_encode", run_text, &stage, out->note);
    free(ids);
}

static void probe_text(atl_engine *engine, const atl_request *request, atl_probe_in *in, atl_probe_out *out)
{
    (void)request;
    for (int e = 0; e < engine->config->n_text_encoders; e++) {
        const size_t wanted[2] = {0, (size_t)engine->config->text[e].n_positions};
        atl_probe_tensor ids =
            e == 0 ? atl_probe_need(in, "ids", 2, wanted) : atl_probe_take(in, "ids_2", 2, wanted);
        if (in->status == ATL_OK && ids.data)
            put_text(engine, e, &ids, in, out);
        free(ids.data);
    }
}

/* ---- unet ---- */

typedef struct unet_stage {
    const atl_probe_tensor *sample, *context;
    atl_unet_input in; /* without its maps */
    float *out;
} unet_stage;

static void run_unet(atl_engine *engine, const atl_bench *bench, void *user)
{
    const unet_stage *s = user;
    const size_t *shape = s->sample->shape;
    const int n = (int)shape[0], h = (int)shape[2], w = (int)shape[3];
    const size_t mark = atl_arena_mark(bench->arena);
    const atl_map sample = atl_map_take(bench, ATL_F32, n, h, w, (int)shape[1]);
    const atl_map out = atl_map_take(bench, ATL_F32, n, h, w, engine->config->unet.out_channels);
    const atl_map context =
        atl_map_over(s->context->data, ATL_F32, n, 1, (int)s->context->shape[1], (int)s->context->shape[2]);
    atl_unet_input in = s->in;
    in.sample = &sample;
    in.context = &context;
    atl_from_planes(bench, s->sample->data, &sample);
    atl_unet_run(engine->unet, bench, &in, &out);
    atl_to_planes(bench, &out, s->out);
    atl_arena_release(bench->arena, mark);
}

static void probe_unet(atl_engine *engine, const atl_request *request, atl_probe_in *in, atl_probe_out *out)
{
    (void)request;
    const atl_unet_config *config = &engine->config->unet;
    const size_t context_dim =
        (size_t)(config->encoder_hid_dim > 0 ? config->encoder_hid_dim : config->cross_attention_dim[0]);
    atl_probe_tensor sample =
        atl_probe_need(in, "sample", 4, (size_t[]){0, (size_t)config->in_channels, 0, 0});
    const size_t n = sample.shape[0];
    atl_probe_tensor timestep = atl_probe_need(in, "timestep", 1, (size_t[]){1});
    atl_probe_tensor context = atl_probe_need(in, "encoder_hidden_states", 3, (size_t[]){n, 0, context_dim});
    atl_probe_tensor cond = {0}, embeds = {0}, ids = {0};
    if (config->time_cond_proj_dim > 0)
        cond = atl_probe_take(in, "timestep_cond", 2, (size_t[]){n, (size_t)config->time_cond_proj_dim});
    if (config->addition_text_time) {
        const size_t pooled =
            (size_t)(config->projection_class_embeddings_input_dim - 6 * config->addition_time_embed_dim);
        embeds = atl_probe_need(in, "text_embeds", 2, (size_t[]){n, pooled});
        ids = atl_probe_need(in, "time_ids", 2, (size_t[]){n, 6});
    }
    if (in->status == ATL_OK) {
        const size_t shape[4] = {n, (size_t)config->out_channels, sample.shape[2], sample.shape[3]};
        unet_stage stage = {.sample = &sample,
                            .context = &context,
                            .in = {.timestep = timestep.data[0],
                                   .timestep_cond = cond.data,
                                   .text_embeds = embeds.data,
                                   .time_ids = ids.data},
                            .out = atl_probe_put(out, "out", 4, shape)};
        if (out->status == ATL_OK)
            out->status = atl_engine_run_stage(engine, "unet", run_unet, &stage, out->note);
    }
    free(sample.data);
    free(timestep.data);
    free(context.data);
    free(cond.data);
    free(embeds.data);
    free(ids.data);
}

/* ---- vae_decode, vae_encode ---- */

typedef struct vae_stage {
    const atl_probe_tensor *in;
    int h, w, c; /* of the output */
    bool encode;
    float *out;
} vae_stage;

static void run_vae(atl_engine *engine, const atl_bench *bench, void *user)
{
    const vae_stage *s = user;
    const size_t *shape = s->in->shape;
    const size_t mark = atl_arena_mark(bench->arena);
    const atl_map in =
        atl_map_take(bench, ATL_F32, (int)shape[0], (int)shape[2], (int)shape[3], (int)shape[1]);
    const atl_map out = atl_map_take(bench, ATL_F32, (int)shape[0], s->h, s->w, s->c);
    atl_from_planes(bench, s->in->data, &in);
    if (s->encode)
        atl_vae_encode(engine->vae, bench, &in, &out);
    else
        atl_vae_decode(engine->vae, bench, &in, &out);
    atl_to_planes(bench, &out, s->out);
    atl_arena_release(bench->arena, mark);
}

static void run_vae_probe(atl_engine *engine, vae_stage *stage, const char *name, atl_probe_out *out)
{
    const size_t shape[4] = {stage->in->shape[0], (size_t)stage->c, (size_t)stage->h, (size_t)stage->w};
    stage->out = atl_probe_put(out, name, 4, shape);
    if (out->status == ATL_OK)
        out->status = atl_engine_run_stage(engine, stage->encode ? "vae_encode" : "vae_decode", run_vae,
                                           stage, out->note);
}

static void probe_vae_decode(atl_engine *engine, const atl_request *request, atl_probe_in *in,
                             atl_probe_out *out)
{
    (void)request;
    const atl_vae_config *config = &engine->config->vae;
    const int factor = atl_vae_scale(config);
    atl_probe_tensor latent =
        atl_probe_need(in, "latent", 4, (size_t[]){0, (size_t)config->latent_channels, 0, 0});
    if (in->status == ATL_OK) {
        vae_stage stage = {.in = &latent,
                           .h = (int)latent.shape[2] * factor,
                           .w = (int)latent.shape[3] * factor,
                           .c = config->out_channels};
        run_vae_probe(engine, &stage, "image", out);
    }
    free(latent.data);
}

static void probe_vae_encode(atl_engine *engine, const atl_request *request, atl_probe_in *in,
                             atl_probe_out *out)
{
    (void)request;
    const atl_vae_config *config = &engine->config->vae;
    const size_t factor = (size_t)atl_vae_scale(config);
    const bool kl = config->kind == ATL_VAE_KL;
    atl_probe_tensor image = atl_probe_need(in, "image", 4, (size_t[]){0, (size_t)config->in_channels, 0, 0});
    if (in->status == ATL_OK && (image.shape[2] % factor != 0 || image.shape[3] % factor != 0))
        in->status = atl_fail(in->note, ATL_USAGE, "image: found %zu x %zu px, wanted multiples of %zu",
                              image.shape[3], image.shape[2], factor);
    if (in->status == ATL_OK) {
        vae_stage stage = {.in = &image,
                           .h = (int)(image.shape[2] / factor),
                           .w = (int)(image.shape[3] / factor),
                           .c = kl ? 2 * config->latent_channels : config->latent_channels,
                           .encode = true};
        run_vae_probe(engine, &stage, kl ? "moments" : "latents", out);
    }
    free(image.data);
}

/* ---- pipeline ---- */

enum { MAX_DRAWS = 1000 };

typedef struct recording {
    atl_probe_out *out;
    atl_latent_size size;
} recording;

static void record_plan(void *user, const atl_sampler *sampler, atl_latent_size size)
{
    recording *r = user;
    r->size = size;
    const int begin = atl_sampler_begin(sampler);
    const size_t n = (size_t)(atl_sampler_n_timesteps(sampler) - begin),
                 n_sigmas = (size_t)atl_sampler_n_sigmas(sampler);
    float *timesteps = atl_probe_put(r->out, "timesteps", 1, (size_t[]){n});
    if (timesteps)
        memcpy(timesteps, atl_sampler_timesteps(sampler) + begin, n * sizeof *timesteps);
    float *sigmas = n_sigmas ? atl_probe_put(r->out, "sigmas", 1, (size_t[]){n_sigmas}) : NULL;
    if (sigmas)
        memcpy(sigmas, atl_sampler_sigmas(sampler), n_sigmas * sizeof *sigmas);
}

static void record_one(recording *r, const char *what, int i, const float *values, size_t n)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%d", what, i);
    const size_t shape[4] = {1, (size_t)r->size.c, (size_t)r->size.h, (size_t)r->size.w};
    float *out = atl_probe_put(r->out, name, 4, shape);
    if (out)
        memcpy(out, values, n * sizeof *out);
}

static void record_step(void *user, int i, const float *model_output, const float *latent, size_t n)
{
    record_one(user, "model_output", i, model_output, n);
    record_one(user, "latents", i, latent, n);
}

static void put_image(atl_probe_out *out, const atl_rgb *image)
{
    const size_t h = (size_t)image->height, w = (size_t)image->width;
    uint8_t *bytes = atl_probe_put_bytes(out, "image", 3, (size_t[]){h, w, 3});
    if (bytes)
        memcpy(bytes, image->pixels, h * w * 3);
}

/* A size that the request leaves open is that of the given latents. */
static void size_from_latents(const atl_engine *engine, const atl_probe_tensor *latents, atl_request *request)
{
    const int factor = atl_vae_scale(&engine->config->vae);
    if (!latents->data || request->init_image)
        return;
    if (request->width == 0)
        request->width = (int)latents->shape[3] * factor;
    if (request->height == 0)
        request->height = (int)latents->shape[2] * factor;
}

static void probe_pipeline(atl_engine *engine, const atl_request *given, atl_probe_in *in, atl_probe_out *out)
{
    const size_t c = (size_t)engine->config->vae.latent_channels;
    atl_request request = *given;
    recording r = {.out = out};
    atl_probe_tensor latents = atl_probe_need(in, "latents", 4, (size_t[]){1, c, 0, 0});
    const size_t wanted[4] = {1, c, latents.shape[2], latents.shape[3]};
    atl_probe_tensor posterior = atl_probe_take(in, "posterior_noise", 4, wanted);
    float **draws = calloc(MAX_DRAWS, sizeof *draws);
    if (!draws)
        in->status = atl_fail(in->note, ATL_NO_MEMORY, "no memory for draws");
    for (int k = 0; draws && k < MAX_DRAWS && in->status == ATL_OK; k++) {
        char name[32];
        snprintf(name, sizeof name, "noise.%d", k);
        draws[k] = atl_probe_take(in, name, 4, wanted).data;
    }
    if (in->status == ATL_OK) {
        size_from_latents(engine, &latents, &request);
        const atl_paint_probe probe = {.unit_noise = latents.data,
                                       .posterior_noise = posterior.data,
                                       .draws = (const float *const *)draws,
                                       .n_draws = MAX_DRAWS,
                                       .n_noise = latents.n,
                                       .planned = record_plan,
                                       .stepped = record_step,
                                       .user = &r};
        atl_painting painting = {0};
        const atl_status st =
            atl_engine_paint_probed(engine, &request, NULL, NULL, &probe, &painting, out->note);
        if (st == ATL_OK)
            put_image(out, &painting.image);
        if (st != ATL_OK)
            out->status = st;
        atl_painting_done(&painting);
    }
    for (int k = 0; draws && k < MAX_DRAWS; k++)
        free(draws[k]);
    free(draws);
    free(posterior.data);
    free(latents.data);
}

/* ---- choosing ---- */

typedef struct part {
    const char *name;
    unsigned loads;
    void (*run)(atl_engine *engine, const atl_request *request, atl_probe_in *in, atl_probe_out *out);
} part;

static const part parts[] = {
    {"text_encoder", ATL_PART_TEXT, probe_text},    {"unet", ATL_PART_UNET, probe_unet},
    {"vae_decode", ATL_PART_VAE, probe_vae_decode}, {"vae_encode", ATL_PART_VAE, probe_vae_encode},
    {"pipeline", ATL_PART_ALL, probe_pipeline},
};

static const part *find_part(const char *name, atl_note *note)
{
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(parts[i].name, name) == 0)
            return &parts[i];
    atl_fail(note, ATL_USAGE,
             "part: found \"%s\", wanted text_encoder, unet, vae_decode, vae_encode or pipeline", name);
    return NULL;
}

atl_status atl_probe(const atl_engine_options *options, const char *part_name, const char *in_path,
                     const char *out_path, const atl_request *request, atl_note *note)
{
    const part *p = find_part(part_name, note);
    if (!p)
        return ATL_USAGE;
    const atl_request defaults = {.guidance_scale = NAN};
    atl_engine *engine = NULL;
    atl_probe_in in;
    atl_probe_out out = {.note = note};
    atl_probe_in_open(&in, in_path, note);
    atl_status st = in.status;
    if (st == ATL_OK)
        st = atl_engine_open_parts(options, p->loads, &engine, note);
    if (st == ATL_OK) {
        p->run(engine, request ? request : &defaults, &in, &out);
        st = in.status != ATL_OK ? in.status : out.status;
    }
    if (st == ATL_OK)
        st = atl_probe_out_write(&out, out_path);
    atl_probe_out_done(&out);
    atl_probe_in_close(&in);
    atl_engine_close(&engine);
    return st;
}
