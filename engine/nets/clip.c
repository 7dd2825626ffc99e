/* clip.c - the CLIP text transformer (Radford et al. 2021, section 2.4): a GPT-2 with a causal mask.
 *
 *   ids ─▶ token + position ─▶ n_layers × { x += out(attention(norm1(x))); x += fc2(act(fc1(norm2(x)))) }
 *       ─▶ final norm ─▶ the end token's row ─▶ (projection)
 *
 * The norm comes before each half (pre-LN), so x itself is the residual stream and is kept in place; q, k and
 * v are one stacked matrix. Only as many layers run as the wanted outputs need: SDXL's first encoder never
 * computes its last layer. The residual stream is f32. Choosing which hidden state feeds the UNet is the
 * pipeline's business, not this file's. */
#include "nets/clip.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/pixelwise.h"
#include "ops/attention.h"
#include "ops/elementwise.h"

typedef struct clip_layer {
    atl_norm norm1, norm2;
    atl_linear qkv, out;
    atl_linear fc1, fc2;
} clip_layer;

struct atl_clip {
    atl_clip_config config;
    const float *tokens;    /* [vocab_size][d] */
    const float *positions; /* [n_positions][d] */
    clip_layer *layers;     /* [n_layers] */
    atl_norm final_norm;
    atl_linear projection; /* d → projection_dim, only if with_projection */
};

/* ---- loading ---- */

static void load_layer(atl_loader *loader, clip_layer *layer, const atl_clip_config *config)
{
    static const char *const qkv[] = {"q_proj", "k_proj", "v_proj"};
    int d = config->hidden_size;
    atl_linear_shape square = {.n_in = d, .n_out = d, .bias = true};
    atl_linear_shape widen = {.n_in = d, .n_out = config->intermediate_size, .bias = true};
    atl_linear_shape narrow = {.n_in = config->intermediate_size, .n_out = d, .bias = true};

    atl_load_norm(loader, &layer->norm1, d, 0, config->layer_norm_eps, "layer_norm1");
    atl_loader_enter(loader, "self_attn");
    atl_load_linear_stack(loader, &layer->qkv, ATL_LAYER_TEXT, square, qkv, 3);
    atl_load_linear(loader, &layer->out, ATL_LAYER_TEXT, square, "out_proj");
    atl_loader_leave(loader);
    atl_load_norm(loader, &layer->norm2, d, 0, config->layer_norm_eps, "layer_norm2");
    atl_loader_enter(loader, "mlp");
    atl_load_linear(loader, &layer->fc1, ATL_LAYER_TEXT, widen, "fc1");
    atl_load_linear(loader, &layer->fc2, ATL_LAYER_TEXT, narrow, "fc2");
    atl_loader_leave(loader);
}

static void load_text_model(atl_loader *loader, atl_clip *clip)
{
    const atl_clip_config *config = &clip->config;

    atl_loader_enter(loader, "text_model");
    atl_loader_enter(loader, "embeddings");
    atl_load_embedding(loader, &clip->tokens, config->vocab_size, config->hidden_size,
                       "token_embedding.weight");
    atl_load_embedding(loader, &clip->positions, config->n_positions, config->hidden_size,
                       "position_embedding.weight");
    atl_loader_leave(loader);
    for (int i = 0; i < config->n_layers; i++) {
        atl_loader_enter(loader, "encoder.layers.%d", i);
        load_layer(loader, &clip->layers[i], config);
        atl_loader_leave(loader);
    }
    atl_load_norm(loader, &clip->final_norm, config->hidden_size, 0, config->layer_norm_eps,
                  "final_layer_norm");
    atl_loader_leave(loader);
}

/* Refuses by name what would otherwise index out of bounds below. */
static bool config_can_be_built(atl_loader *loader, const atl_clip_config *config)
{
    if (config->n_layers < 1 || config->n_layers > ATL_MAX_TEXT_LAYERS) {
        atl_loader_fail(loader, ATL_UNSUPPORTED, "num_hidden_layers is %d; 1 to %d can be run",
                        config->n_layers, ATL_MAX_TEXT_LAYERS);
        return false;
    }
    if (config->n_heads < 1 || config->hidden_size < 1 || config->hidden_size % config->n_heads != 0) {
        atl_loader_fail(loader, ATL_UNSUPPORTED, "hidden_size %d is not a multiple of num_attention_heads %d",
                        config->hidden_size, config->n_heads);
        return false;
    }
    return true;
}

atl_clip *atl_clip_new(atl_loader *loader, const atl_clip_config *config)
{
    if (!config_can_be_built(loader, config))
        return NULL;
    atl_clip *clip = calloc(1, sizeof *clip);
    if (!clip)
        return NULL;
    clip->config = *config;
    clip->layers = calloc((size_t)config->n_layers, sizeof *clip->layers);
    if (!clip->layers)
        goto fail;
    load_text_model(loader, clip);
    if (config->with_projection) {
        atl_linear_shape shape = {.n_in = config->hidden_size, .n_out = config->projection_dim};
        atl_load_linear(loader, &clip->projection, ATL_LAYER_TEXT, shape, "text_projection");
    }
    if (atl_loader_status(loader) != ATL_OK)
        goto fail;
    return clip;
fail:
    atl_clip_free(&clip);
    return NULL;
}

void atl_clip_free(atl_clip **clip)
{
    if (!*clip)
        return;
    free((*clip)->layers);
    free(*clip);
    *clip = NULL;
}

/* ---- running ---- */

/* x[n][t] = tokens[ids[n][t]] + positions[t] */
static void embed(const atl_clip *clip, const atl_bench *bench, const int32_t *ids, const atl_map *x)
{
    if (bench->arena->measuring)
        return;
    size_t d = (size_t)clip->config.hidden_size;
    for (size_t row = 0; row < atl_map_rows(x); row++) {
        const float *token = clip->tokens + (size_t)ids[row] * d;
        const float *position = clip->positions + row % (size_t)clip->config.n_positions * d;
        float *out = atl_map_f32(x) + row * x->stride;
        for (size_t i = 0; i < d; i++)
            out[i] = token[i] + position[i];
    }
}

static void attend(const atl_clip *clip, const atl_bench *bench, const clip_layer *layer, const atl_map *x)
{
    int d = clip->config.hidden_size;
    int heads = clip->config.n_heads;
    size_t mark = atl_arena_mark(bench->arena);

    atl_map normed = atl_net_take(bench, ATL_LAYER_TEXT, x->n, 1, x->w, d);
    atl_map qkv = atl_net_take(bench, ATL_LAYER_TEXT, x->n, 1, x->w, 3 * d);
    atl_layer_norm(bench, &layer->norm1, x, &normed);
    atl_linear_run(bench, &layer->qkv, &normed, &(atl_epilogue){0}, &qkv);

    atl_map q = atl_map_channels(&qkv, 0, d);
    atl_map k = atl_map_channels(&qkv, d, d);
    atl_map v = atl_map_channels(&qkv, 2 * d, d);
    float scale = 1.0f / sqrtf((float)(d / heads));
    atl_attention(bench, &q, &k, &v, heads, scale, true, &normed);
    atl_linear_run(bench, &layer->out, &normed, &(atl_epilogue){.residual = x}, x);
    atl_arena_release(bench->arena, mark);
}

static void feed_forward(const atl_clip *clip, const atl_bench *bench, const clip_layer *layer,
                         const atl_map *x)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map normed = atl_net_take(bench, ATL_LAYER_TEXT, x->n, 1, x->w, clip->config.hidden_size);
    atl_map wide = atl_net_take(bench, ATL_LAYER_TEXT, x->n, 1, x->w, clip->config.intermediate_size);

    atl_layer_norm(bench, &layer->norm2, x, &normed);
    atl_linear_run(bench, &layer->fc1, &normed, &(atl_epilogue){.before = clip->config.act}, &wide);
    atl_linear_run(bench, &layer->fc2, &wide, &(atl_epilogue){.residual = x}, x);
    atl_arena_release(bench->arena, mark);
}

/* How many layers have to run for all that `out` asks for. */
static int layers_needed(const atl_clip *clip, const atl_clip_output *out)
{
    int n_layers = clip->config.n_layers;
    if (out->last || out->pooled)
        return n_layers;
    int needed = out->skipped ? out->skip_norm_layer : 0;
    for (int l = needed + 1; l <= n_layers; l++)
        if (out->hidden[l])
            needed = l;
    return needed;
}

/* Hands out what was asked for of hidden state `l`, which x is now. */
static void keep(const atl_clip *clip, const atl_bench *bench, int l, const atl_map *x,
                 const atl_clip_output *out)
{
    atl_map to = *x;
    if (out->hidden[l]) {
        to.data = out->hidden[l];
        atl_copy(bench, x, &to);
    }
    if (out->skipped && out->skip_norm_layer == l) {
        to.data = out->skipped;
        atl_layer_norm(bench, &clip->final_norm, x, &to);
    }
    if (out->last && l == clip->config.n_layers) {
        to.data = out->last;
        atl_layer_norm(bench, &clip->final_norm, x, &to);
    }
}

/* Where the sentence ends in ids[n_positions]. Configs from before the end token's id was right say 2, and
 * mean the highest id (the first of equals); otherwise it is the first end token, or 0 if there is none. */
static int end_position(const atl_clip_config *config, const int32_t *ids)
{
    int end = 0;
    for (int t = 0; t < config->n_positions; t++) {
        if (config->eos_token_id == 2 && ids[t] > ids[end])
            end = t;
        if (config->eos_token_id != 2 && ids[t] == config->eos_token_id)
            return t;
    }
    return end;
}

/* pooled[n] = (projection ·) final_norm(x[n][end of n]); norms work row by row, so only those rows are taken.
 */
static void pool_ends(const atl_clip *clip, const atl_bench *bench, const int32_t *ids, const atl_map *x,
                      float *pooled)
{
    int d = clip->config.hidden_size;
    size_t mark = atl_arena_mark(bench->arena);
    atl_map ends = atl_map_take(bench, ATL_F32, x->n, 1, 1, d);

    for (int i = 0; i < x->n && !bench->arena->measuring; i++) {
        int end = end_position(&clip->config, ids + (size_t)i * (size_t)x->w);
        const float *row = atl_map_f32(x) + ((size_t)i * (size_t)x->w + (size_t)end) * x->stride;
        memcpy(atl_map_f32(&ends) + (size_t)i * ends.stride, row, (size_t)d * sizeof *row);
    }
    if (clip->config.with_projection) {
        atl_map out = atl_map_over(pooled, ATL_F32, x->n, 1, 1, clip->config.projection_dim);
        atl_layer_norm(bench, &clip->final_norm, &ends, &ends);
        atl_linear_run(bench, &clip->projection, &ends, &(atl_epilogue){0}, &out);
    } else {
        atl_map out = atl_map_over(pooled, ATL_F32, x->n, 1, 1, d);
        atl_layer_norm(bench, &clip->final_norm, &ends, &out);
    }
    atl_arena_release(bench->arena, mark);
}

void atl_clip_run(const atl_clip *clip, const atl_bench *bench, const int32_t *ids, int n,
                  const atl_clip_output *out)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map x = atl_map_take(bench, ATL_F32, n, 1, clip->config.n_positions, clip->config.hidden_size);
    int needed = layers_needed(clip, out);

    embed(clip, bench, ids, &x);
    keep(clip, bench, 0, &x, out);
    for (int l = 1; l <= needed; l++) {
        attend(clip, bench, &clip->layers[l - 1], &x);
        feed_forward(clip, bench, &clip->layers[l - 1], &x);
        keep(clip, bench, l, &x, out);
    }
    if (out->pooled)
        pool_ends(clip, bench, ids, &x, out->pooled);
    atl_arena_release(bench->arena, mark);
}
