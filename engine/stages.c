/* stages.c - see stages.h. Each stage has a function that makes its inputs and reserves its scratch, and one
 * that runs over the bench; times begin where the second one does, as in a picture's own run. */
#include "stages.h"

#include <stdlib.h>
#include <string.h>

#include "engine_private.h"
#include "ops/account.h"

enum { BATCH_OF_GUIDANCE = 2, OWN_PX = 512 };

struct atl_stage_bench {
    atl_engine *engine;
    atl_account *account;
};

typedef struct stage_run {
    const struct stage *stage;
    int n, h, w, factor; /* of the latent; factor: to px */
    int32_t *ids;        /* what the text encoders read */
    size_t n_ids;
    float *numbers; /* what the others do: as many as they want */
    size_t n_numbers;
    float *out;
    size_t n_out;
} stage_run;

typedef struct stage {
    const char *name;
    int default_batch;
    void (*shape)(const atl_engine *engine, stage_run *run); /* how many numbers go in and come out */
    atl_stage_fn run;
} stage;

/* ---- text_encode ---- */

static void shape_text(const atl_engine *engine, stage_run *run)
{
    size_t out = 0;
    for (int e = 0; e < engine->config->n_text_encoders; e++) {
        const atl_clip_config *config = &engine->config->text[e];
        const size_t n = (size_t)run->n * (size_t)config->n_positions;
        run->n_ids = n > run->n_ids ? n : run->n_ids;
        out = n * (size_t)config->hidden_size > out ? n * (size_t)config->hidden_size : out;
    }
    run->n_out = out;
}

static void run_text(atl_engine *engine, const atl_bench *bench, void *user)
{
    stage_run *run = user;
    for (int e = 0; e < engine->config->n_text_encoders; e++) {
        const atl_clip_output out = {.last = run->out};
        for (size_t i = 0; i < run->n_ids && !bench->arena->measuring; i++)
            run->ids[i] = (int32_t)((i * 2654435761u >> 8) % (uint32_t)engine->config->text[e].vocab_size);
        atl_clip_run(engine->text[e], bench, run->ids, run->n, &out);
    }
}

/* ---- unet_step ---- */

enum { TEXT_TOKENS = 77, TIME_IDS = 6 };

static size_t pooled_width(const atl_unet_config *config)
{
    return config->addition_text_time
               ? (size_t)(config->projection_class_embeddings_input_dim - 6 * config->addition_time_embed_dim)
               : 0;
}

/* Latents, then the text, and what some models want besides: one after the other. */
static void shape_unet(const atl_engine *engine, stage_run *run)
{
    const atl_unet_config *config = &engine->config->unet;
    const size_t pixels = (size_t)run->n * (size_t)run->h * (size_t)run->w;
    run->n_numbers = pixels * (size_t)config->in_channels +
                     (size_t)run->n * (TEXT_TOKENS * (size_t)atl_model_text_width(engine->config) +
                                       (size_t)config->time_cond_proj_dim + pooled_width(config) + TIME_IDS);
    run->n_out = pixels * (size_t)config->out_channels;
}

static void run_unet(atl_engine *engine, const atl_bench *bench, void *user)
{
    const stage_run *run = user;
    const atl_unet_config *config = &engine->config->unet;
    const int text_width = atl_model_text_width(engine->config);
    const size_t pixels = (size_t)run->n * (size_t)run->h * (size_t)run->w;
    float *context_at = run->numbers + pixels * (size_t)config->in_channels;
    float *cond = context_at + (size_t)run->n * TEXT_TOKENS * (size_t)text_width;
    float *pooled = cond + (size_t)run->n * (size_t)config->time_cond_proj_dim;
    float *time_ids = pooled + (size_t)run->n * pooled_width(config);
    const atl_map sample = atl_map_over(run->numbers, ATL_F32, run->n, run->h, run->w, config->in_channels);
    const atl_map context = atl_map_over(context_at, ATL_F32, run->n, 1, TEXT_TOKENS, text_width);
    const atl_map out = atl_map_over(run->out, ATL_F32, run->n, run->h, run->w, config->out_channels);
    const atl_unet_input in = {.sample = &sample,
                               .timestep = 501,
                               .context = &context,
                               .timestep_cond = config->time_cond_proj_dim > 0 ? cond : NULL,
                               .text_embeds = config->addition_text_time ? pooled : NULL,
                               .time_ids = config->addition_text_time ? time_ids : NULL};
    atl_unet_run(engine->unet, bench, &in, &out);
}

/* ---- vae_decode, vae_encode ---- */

static size_t picture_numbers(const stage_run *run, int channels)
{
    const size_t factor = (size_t)run->factor;
    return (size_t)run->n * (size_t)run->h * factor * (size_t)run->w * factor * (size_t)channels;
}

static void shape_decode(const atl_engine *engine, stage_run *run)
{
    const atl_vae_config *config = &engine->config->vae;
    run->n_numbers = (size_t)run->n * (size_t)run->h * (size_t)run->w * (size_t)config->latent_channels;
    run->n_out = picture_numbers(run, config->out_channels);
}

static void run_decode(atl_engine *engine, const atl_bench *bench, void *user)
{
    const stage_run *run = user;
    const atl_vae_config *config = &engine->config->vae;
    const atl_map latent =
        atl_map_over(run->numbers, ATL_F32, run->n, run->h, run->w, config->latent_channels);
    const atl_map image = atl_map_over(run->out, ATL_F32, run->n, run->h * run->factor, run->w * run->factor,
                                       config->out_channels);
    atl_vae_decode(engine->vae, bench, &latent, &image);
}

static int moments(const atl_vae_config *config)
{
    return config->kind == ATL_VAE_KL ? 2 * config->latent_channels : config->latent_channels;
}

static void shape_encode(const atl_engine *engine, stage_run *run)
{
    const atl_vae_config *config = &engine->config->vae;
    run->n_numbers = picture_numbers(run, config->in_channels);
    run->n_out = (size_t)run->n * (size_t)run->h * (size_t)run->w * (size_t)moments(config);
}

static void run_encode(atl_engine *engine, const atl_bench *bench, void *user)
{
    const stage_run *run = user;
    const atl_vae_config *config = &engine->config->vae;
    const atl_map image = atl_map_over(run->numbers, ATL_F32, run->n, run->h * run->factor,
                                       run->w * run->factor, config->in_channels);
    const atl_map out = atl_map_over(run->out, ATL_F32, run->n, run->h, run->w, moments(config));
    atl_vae_encode(engine->vae, bench, &image, &out);
}

/* ---- all of them ---- */

static const stage stages[] = {
    {"text_encode", BATCH_OF_GUIDANCE, shape_text, run_text},
    {"unet_step", BATCH_OF_GUIDANCE, shape_unet, run_unet},
    {"vae_decode", 1, shape_decode, run_decode},
    {"vae_encode", 1, shape_encode, run_encode},
};

const char *atl_stage_names(void)
{
    return "text_encode, unet_step, vae_decode, vae_encode";
}

atl_status atl_stage_bench_open(const atl_engine_options *options, atl_stage_bench **ret, atl_note *note)
{
    atl_stage_bench *bench = calloc(1, sizeof *bench);
    if (!bench || !(bench->account = calloc(1, sizeof *bench->account))) {
        free(bench);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a benchmark");
    }
    const atl_status st =
        atl_engine_open_parts(options, ATL_PART_TEXT | ATL_PART_UNET | ATL_PART_VAE, &bench->engine, note);
    if (st == ATL_OK)
        *ret = bench;
    else
        atl_stage_bench_close(&bench);
    return st;
}

void atl_stage_bench_close(atl_stage_bench **bench)
{
    if (!*bench)
        return;
    atl_engine_close(&(*bench)->engine);
    free((*bench)->account);
    free(*bench);
    *bench = NULL;
}

void atl_stage_bench_size(const atl_stage_bench *bench, int *ret_width, int *ret_height)
{
    const atl_model_config *config = bench->engine->config;
    const int factor = atl_vae_scale(&config->vae);
    *ret_width = config->default_width > 0 ? config->default_width : config->unet.sample_w * factor;
    *ret_height = config->default_height > 0 ? config->default_height : config->unet.sample_h * factor;
    if (*ret_width <= 0)
        *ret_width = OWN_PX;
    if (*ret_height <= 0)
        *ret_height = OWN_PX;
}

const char *atl_stage_bench_isa(const atl_stage_bench *bench)
{
    return bench->engine->kernels->isa;
}

static atl_status prepare(const atl_stage_bench *bench, const atl_stage_case *which, stage_run *run,
                          atl_note *note)
{
    int own_width, own_height;
    for (size_t i = 0; i < sizeof stages / sizeof *stages && !run->stage; i++)
        if (strcmp(stages[i].name, which->stage) == 0)
            run->stage = &stages[i];
    if (!run->stage)
        return atl_fail(note, ATL_USAGE, "stage: found \"%s\", wanted one of %s", which->stage,
                        atl_stage_names());
    atl_stage_bench_size(bench, &own_width, &own_height);
    const int width = which->width > 0 ? which->width : own_width;
    const int height = which->height > 0 ? which->height : own_height;
    run->factor = atl_vae_scale(&bench->engine->config->vae);
    run->n = which->batch > 0 ? which->batch : run->stage->default_batch;
    run->w = width / run->factor;
    run->h = height / run->factor;
    if (width % run->factor != 0 || height % run->factor != 0 || run->w == 0 || run->h == 0)
        return atl_fail(note, ATL_USAGE, "size: found %d x %d px, wanted multiples of %d", width, height,
                        run->factor);
    run->stage->shape(bench->engine, run);
    run->ids = calloc(run->n_ids + 1, sizeof *run->ids);
    run->numbers = malloc((run->n_numbers + 1) * sizeof *run->numbers);
    run->out = malloc((run->n_out + 1) * sizeof *run->out);
    if (!run->ids || !run->numbers || !run->out)
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory for its input", which->stage);
    return ATL_OK;
}

/* Sums of three uniform numbers: near to normal, with deviation 1. */
static void fill_random(float *x, size_t n)
{
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; i < n; i++) {
        float sum = 0;
        for (int j = 0; j < 3; j++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            sum += (float)(int32_t)(state >> 32) * 0x1p-31f;
        }
        x[i] = sum;
    }
}

static int dearest_first(const void *a, const void *b)
{
    const int64_t x = ((const atl_stage_op *)a)->ns, y = ((const atl_stage_op *)b)->ns;
    return (x < y) - (x > y);
}

static atl_status take_ops(const atl_account *account, atl_stage_cost *ret)
{
    ret->ops = calloc(account->n + 1, sizeof *ret->ops);
    if (!ret->ops)
        return ATL_NO_MEMORY;
    ret->n_ops = account->n;
    for (size_t i = 0; i < account->n; i++) {
        const atl_op_cost *item = &account->items[i];
        atl_stage_op *op = &ret->ops[i];
        *op = (atl_stage_op){
            .n_calls = item->n_calls, .flops = item->flops, .bytes = item->bytes, .ns = item->ns};
        memcpy(op->name, item->name, sizeof op->name);
    }
    qsort(ret->ops, ret->n_ops, sizeof *ret->ops, dearest_first);
    return ATL_OK;
}

static atl_status run_once(atl_stage_bench *bench, stage_run *run, bool with_ops, atl_stage_cost *ret,
                           atl_note *note)
{
    atl_engine *engine = bench->engine;
    atl_status st = atl_engine_reserve(engine, run->stage->name, run->stage->run, run, note);
    if (st != ATL_OK)
        return st;
    fill_random(run->numbers, run->n_numbers);
    *bench->account = (atl_account){0};
    atl_bench ops = atl_engine_bench(engine);
    ops.account = bench->account;
    const atl_stage_clock begun = atl_stage_begin();
    atl_stage_time time = {0};
    run->stage->run(engine, &ops, run);
    atl_stage_end(begun, &time);
    *ret = (atl_stage_cost){.wall_ns = time.wall_ns, .cpu_ns = time.cpu_ns};
    for (size_t i = 0; i < bench->account->n; i++) {
        ret->flops += bench->account->items[i].flops;
        ret->bytes += bench->account->items[i].bytes;
    }
    if (with_ops)
        st = take_ops(bench->account, ret);
    return st;
}

atl_status atl_stage_run(atl_stage_bench *bench, const atl_stage_case *which, bool with_ops,
                         atl_stage_cost *ret, atl_note *note)
{
    stage_run run = {0};
    atl_status st = prepare(bench, which, &run, note);
    if (st == ATL_OK)
        st = run_once(bench, &run, with_ops, ret, note);
    free(run.ids);
    free(run.numbers);
    free(run.out);
    return st;
}
