/* time_embedding.c - from a timestep to the vector that every ResNet block adds:
 *
 *   timestep ─▶ sinusoids (+ cond_proj(timestep_cond)) ─▶ linear_1, act, linear_2, post_act ─▶ +
 *   [text_embeds, sinusoids of time_ids] ─▶ add_1, SiLU, add_2 ──────────────────────────────┘ ─▶ act
 *
 * The two MLPs are both diffusers' TimestepEmbedding, but only the first heeds the config's activations. */
#include "nets/time_embedding.h"

#include <string.h>

#include "nets/pixelwise.h"
#include "ops/elementwise.h"

#define MAX_PERIOD 10000.0f
#define N_TIME_IDS 6

void atl_time_embedding_load(atl_loader *loader, atl_time_embedding *embedding, const atl_unet_config *config)
{
    int first = config->block_out_channels[0], dim = config->time_embed_dim;
    int added = config->projection_class_embeddings_input_dim;
    atl_linear_shape cond = {.n_in = config->time_cond_proj_dim, .n_out = first};
    atl_linear_shape widen = {.n_in = first, .n_out = dim, .bias = true};
    atl_linear_shape add = {.n_in = added, .n_out = dim, .bias = true};
    atl_linear_shape square = {.n_in = dim, .n_out = dim, .bias = true};

    atl_loader_enter(loader, "time_embedding");
    if (config->time_cond_proj_dim)
        atl_load_linear(loader, &embedding->cond_proj, ATL_LAYER_TIME, cond, "cond_proj");
    atl_load_linear(loader, &embedding->linear_1, ATL_LAYER_TIME, widen, "linear_1");
    atl_load_linear(loader, &embedding->linear_2, ATL_LAYER_TIME, square, "linear_2");
    atl_loader_leave(loader);
    if (!config->addition_text_time)
        return;
    if (added <= N_TIME_IDS * config->addition_time_embed_dim) {
        atl_loader_fail(
            loader, ATL_UNSUPPORTED,
            "projection_class_embeddings_input_dim is %d, which leaves nothing for the pooled text "
            "beside %d sizes of addition_time_embed_dim %d",
            added, N_TIME_IDS, config->addition_time_embed_dim);
        return;
    }
    atl_loader_enter(loader, "add_embedding");
    atl_load_linear(loader, &embedding->add_1, ATL_LAYER_TIME, add, "linear_1");
    atl_load_linear(loader, &embedding->add_2, ATL_LAYER_TIME, square, "linear_2");
    atl_loader_leave(loader);
}

bool atl_time_embedding_per_picture(const atl_unet_config *config, const atl_unet_input *in)
{
    return config->addition_text_time || (config->time_cond_proj_dim && in->timestep_cond);
}

/* sinusoids[rows][block_out_channels[0]] of the timestep, which is one for all rows, with LCM's condition
 * added where there is one. */
static void embed_timestep(const atl_time_embedding *embedding, const atl_unet_config *config,
                           const atl_bench *bench, const atl_unet_input *in, const atl_map *sinusoids)
{
    size_t mark = atl_arena_mark(bench->arena);
    float *timesteps = atl_arena_take(bench->arena, (size_t)sinusoids->n * sizeof *timesteps);

    for (int i = 0; i < sinusoids->n && !bench->arena->measuring; i++)
        timesteps[i] = in->timestep;
    atl_sinusoid(bench, timesteps, sinusoids->n, sinusoids->c, config->flip_sin_to_cos, config->freq_shift,
                 MAX_PERIOD, sinusoids);
    if (config->time_cond_proj_dim && in->timestep_cond) {
        atl_map cond =
            atl_map_over((void *)in->timestep_cond, ATL_F32, sinusoids->n, 1, 1, config->time_cond_proj_dim);
        atl_epilogue sum = {.residual = sinusoids};
        atl_linear_run(bench, &embedding->cond_proj, &cond, &sum, sinusoids);
    }
    atl_arena_release(bench->arena, mark);
}

/* joined[n][pooled + 6·addition_time_embed_dim]: the pooled text, then the sinusoids of height, width, crop
 * (top, left), target height, target width. */
static void join_text_and_sizes(const atl_unet_config *config, const atl_bench *bench,
                                const atl_unet_input *in, const atl_map *joined)
{
    int dim = config->addition_time_embed_dim, pooled = joined->c - N_TIME_IDS * dim;

    for (int i = 0; i < joined->n; i++) {
        float *row = atl_map_f32(joined) + (size_t)i * (size_t)joined->c;
        atl_map sizes = atl_map_over(row + pooled, joined->dtype, N_TIME_IDS, 1, 1, dim);
        if (!bench->arena->measuring)
            memcpy(row, in->text_embeds + (size_t)i * (size_t)pooled, (size_t)pooled * sizeof *row);
        atl_sinusoid(bench, in->time_ids + (size_t)i * N_TIME_IDS, N_TIME_IDS, dim, config->flip_sin_to_cos,
                     config->freq_shift, MAX_PERIOD, &sizes);
    }
}

/* emb[n][time_embed_dim] += add_2(silu(add_1(joined))), then time_embedding_act. */
static void add_text_and_sizes(const atl_time_embedding *embedding, const atl_unet_config *config,
                               const atl_bench *bench, const atl_unet_input *in, const atl_map *emb)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map joined = atl_net_take(bench, ATL_LAYER_TIME, emb->n, 1, 1, embedding->add_1.n_in);
    atl_map hidden = atl_net_take(bench, ATL_LAYER_TIME, emb->n, 1, 1, embedding->add_1.n_out);
    atl_epilogue silu = {.before = ATL_ACT_SILU};
    atl_epilogue sum = {.residual = emb};

    join_text_and_sizes(config, bench, in, &joined);
    atl_linear_run(bench, &embedding->add_1, &joined, &silu, &hidden);
    atl_linear_run(bench, &embedding->add_2, &hidden, &sum, emb);
    atl_arena_release(bench->arena, mark);
}

void atl_time_embedding_run(const atl_time_embedding *embedding, const atl_unet_config *config,
                            const atl_bench *bench, const atl_unet_input *in, const atl_map *out)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map sinusoids = atl_net_take(bench, ATL_LAYER_TIME, out->n, 1, 1, embedding->linear_1.n_in);
    atl_map hidden = atl_net_take(bench, ATL_LAYER_TIME, out->n, 1, 1, embedding->linear_1.n_out);
    atl_epilogue act = {.before = config->act};
    atl_epilogue post_act = {.before = config->timestep_post_act};

    embed_timestep(embedding, config, bench, in, &sinusoids);
    atl_linear_run(bench, &embedding->linear_1, &sinusoids, &act, &hidden);
    atl_linear_run(bench, &embedding->linear_2, &hidden, &post_act, out);
    if (config->addition_text_time)
        add_text_and_sizes(embedding, config, bench, in, out);
    if (config->time_embedding_act != ATL_ACT_NONE)
        atl_activate(bench, config->time_embedding_act, out, out);
    atl_activate(bench, config->act, out, out); /* each block's first step: once for all of them */
    atl_arena_release(bench->arena, mark);
}
