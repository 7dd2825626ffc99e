/* memory.c - how much memory an engine will need, without loading a model.
 *
 * Nothing is guessed: the networks are walked over as in loading, onto addresses that are never touched, and
 * the dearest stages run over the measuring arena that painting itself is measured with. */
#include <math.h>

#include "base/sizes.h"
#include "denoise.h"
#include "job.h"
#include "ops/elementwise.h"

/* A process with its threads, libraries, tokenizer, tables and sockets, without weights and scratch: an
 * allowance, not a measured figure. */
enum { PROCESS_BYTES = 32 << 20, ARENA_ALIGN = 2 << 20, TOKENS = 2 * 77 /* a prompt of two chunks */ };
enum { SIDES = 2 /* of each picture, with guidance */ };

static size_t measure_unet(atl_engine *engine, atl_latent_size size, int n_pictures)
{
    const atl_model_config *config = engine->config;
    atl_arena arena = atl_arena_measure();
    atl_bench bench = atl_engine_bench(engine);
    bench.arena = &arena;
    const int n = SIDES * n_pictures;
    const atl_map sample = atl_map_take(&bench, ATL_F32, n, size.h, size.w, size.c);
    const atl_map answer = atl_map_take(&bench, ATL_F32, n, size.h, size.w, size.c);
    const atl_map context = atl_map_take(&bench, ATL_F32, n, 1, TOKENS, atl_model_text_width(config));
    /* Any address: a measuring run reads none. */
    const float *somewhere = config->unet.time_cond_proj_dim > 0 ? (const float *)engine->store.base : NULL;
    const atl_unet_input in = {.sample = &sample,
                               .context = &context,
                               .timestep_cond = somewhere,
                               .text_embeds = (const float *)engine->store.base,
                               .time_ids = (const float *)engine->store.base};
    atl_unet_run(engine->unet, &bench, &in, &answer);
    return arena.peak_bytes;
}

static size_t measure_vae(atl_engine *engine, atl_latent_size size, bool encode)
{
    const int factor = atl_vae_scale(&engine->config->vae);
    atl_arena arena = atl_arena_measure();
    atl_bench bench = atl_engine_bench(engine);
    bench.arena = &arena;
    const atl_map image = atl_map_take(&bench, ATL_F32, 1, size.h * factor, size.w * factor, 3);
    const int moments = encode && engine->config->vae.kind == ATL_VAE_KL ? 2 : 1;
    const atl_map latent = atl_map_take(&bench, ATL_F32, 1, size.h, size.w, moments * size.c);
    if (encode)
        atl_vae_encode(engine->vae, &bench, &image, &latent);
    else
        atl_vae_decode(engine->vae, &bench, &latent, &image);
    return arena.peak_bytes;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* What is held beside the arena: of each picture its latents (noise, sampler's history), its planes, pixels
 * and PNG, once painted and once on its way out. */
static size_t beside_arena(atl_latent_size size, int width, int height, int n_pictures)
{
    enum { LATENT_COPIES = 12, PLANES_BYTES = 12, PICTURE_BYTES = 4 * 3 };
    const size_t pixels = (size_t)width * (size_t)height;
    return (size_t)n_pictures *
           (LATENT_COPIES * size.n * sizeof(float) + (PLANES_BYTES + PICTURE_BYTES) * pixels);
}

static atl_memory_need measure(atl_engine *engine, const atl_job_state *job, const atl_memory_wish *wish)
{
    const atl_settings *s = &job->painting.settings;
    const int n = wish->batch_size > 1 ? wish->batch_size : 1;
    size_t scratch = most(measure_unet(engine, job->size, n), measure_vae(engine, job->size, false));
    if (wish->init_images)
        scratch = most(scratch, measure_vae(engine, job->size, true));
    scratch = atl_round_up(scratch, ARENA_ALIGN);
    const size_t deep = wish->deep_cache
                            ? atl_unet_deep_bytes(engine->unet, SIDES * n, job->size.h, job->size.w)
                            : 0; /* kept from step to step, outside the arena */
    const size_t text = atl_denoiser_text_bytes(engine, SIDES * (size_t)n, TOKENS); /* kept, too */
    return (atl_memory_need){.shared_bytes = engine->store.capacity_bytes,
                             .scratch_bytes = scratch,
                             .each_bytes = PROCESS_BYTES + scratch + deep + text +
                                           beside_arena(job->size, s->width, s->height, n)};
}

atl_status atl_engine_memory(const atl_engine_options *options, const atl_memory_wish *wish,
                             atl_memory_need *ret, atl_note *note)
{
    atl_engine_options dry = *options;
    atl_engine *engine = NULL;
    dry.thread_hook = NULL;
    dry.shared_weights_fd = 0;
    dry.pack_cache = NULL;
    const unsigned parts = ATL_PART_TEXT | ATL_PART_UNET | ATL_PART_VAE | ATL_PART_UNPACKED;
    atl_status st = atl_engine_open_parts(&dry, parts, &engine, note);
    if (st != ATL_OK)
        return st;
    const atl_request request = {.width = wish->width, .height = wish->height, .guidance_scale = (double)NAN};
    atl_job_state job = {.engine = engine, .request = &request};
    st = atl_job_settle(&job, note);
    if (st == ATL_OK)
        *ret = measure(engine, &job, wish);
    atl_engine_close(&engine);
    return st;
}
