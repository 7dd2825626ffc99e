/* transformer.c - Transformer2DModel with BasicTransformerBlocks:
 *
 *   x[n][h][w][c] ─▶ GroupNorm ─▶ proj_in ─▶ t[n][1][h·w][inner]
 *       n_layers × { t += attn1(norm1(t)); t += attn2(norm2(t), context); t += ff(norm3(t)) }
 *   x += proj_out(t)
 *
 * NHWC makes "flatten the pixels" a change of name: no data moves between the two forms, and a 1 × 1
 * convolution is a linear layer. t is kept in place; every sum is the epilogue of the projection before it.
 */
#include "nets/transformer.h"

#include <math.h>
#include <stdlib.h>

#include "base/sizes.h"
#include "nets/pixelwise.h"
#include "nets/resnet.h"
#include "nets/token_merge.h"
#include "ops/attention.h"

#define NORM_EPS       1e-6f /* of the GroupNorm; config's norm_eps is the ResNets' */
#define LAYER_NORM_EPS 1e-5f
#define FF_MULTIPLE    4

typedef struct attention {
    bool cross;        /* keys and values come from the text */
    atl_linear q;      /* only if cross; otherwise qkv has it */
    atl_linear packed; /* q, k, v stacked; or k, v if cross */
    atl_linear out;
    size_t text_slot, text_c; /* if cross: attentions to the text before this one, and their channels */
} attention;

typedef struct layer {
    atl_norm norm1, norm2, norm3;
    attention attn1, attn2;
    atl_linear ff_in; /* GEGLU: inner → 2 × 4·inner */
    atl_linear ff_out;
} layer;

struct atl_transformer {
    atl_transformer_shape shape;
    int inner; /* n_heads × (c / n_heads): c in every model that divides evenly */
    atl_norm norm;
    atl_linear proj_in, proj_out;
    layer *layers; /* [n_layers] */
};

/* ---- loading ---- */

static void load_attention(atl_loader *loader, attention *attn, int inner, int context_dim, bool cross,
                           const char *name)
{
    static const char *const qkv[] = {"to_q", "to_k", "to_v"};
    atl_linear_shape square = {.n_in = inner, .n_out = inner};
    atl_linear_shape from_context = {.n_in = context_dim, .n_out = inner};
    atl_linear_shape out = {.n_in = inner, .n_out = inner, .bias = true};

    attn->cross = cross;
    atl_loader_enter(loader, "%s", name);
    if (cross) {
        atl_load_linear(loader, &attn->q, ATL_LAYER_LINEAR, square, "to_q");
        atl_load_linear_stack(loader, &attn->packed, ATL_LAYER_LINEAR, from_context, qkv + 1, 2);
    } else {
        atl_load_linear_stack(loader, &attn->packed, ATL_LAYER_LINEAR, square, qkv, 3);
    }
    atl_load_linear(loader, &attn->out, ATL_LAYER_LINEAR, out, "to_out.0");
    atl_loader_leave(loader);
}

static void load_layer(atl_loader *loader, layer *l, int inner, const atl_transformer_shape *shape)
{
    atl_linear_shape ff_in = {.n_in = inner, .n_out = 2 * FF_MULTIPLE * inner, .bias = true};
    atl_linear_shape ff_out = {.n_in = FF_MULTIPLE * inner, .n_out = inner, .bias = true};

    atl_load_norm(loader, &l->norm1, inner, 0, LAYER_NORM_EPS, "norm1");
    load_attention(loader, &l->attn1, inner, shape->context_dim, shape->only_cross_attention, "attn1");
    atl_load_norm(loader, &l->norm2, inner, 0, LAYER_NORM_EPS, "norm2");
    load_attention(loader, &l->attn2, inner, shape->context_dim, true, "attn2");
    atl_load_norm(loader, &l->norm3, inner, 0, LAYER_NORM_EPS, "norm3");
    atl_load_linear(loader, &l->ff_in, ATL_LAYER_LINEAR, ff_in, "ff.net.0.proj");
    atl_load_linear(loader, &l->ff_out, ATL_LAYER_LINEAR, ff_out, "ff.net.2");
}

static void load_transformer(atl_loader *loader, atl_transformer *transformer)
{
    const atl_transformer_shape *shape = &transformer->shape;
    int inner = transformer->inner;
    bool conv_shaped = !shape->linear_projection;
    atl_linear_shape in = {.n_in = shape->c, .n_out = inner, .bias = true, .conv_shaped = conv_shaped};
    atl_linear_shape out = {.n_in = inner, .n_out = shape->c, .bias = true, .conv_shaped = conv_shaped};

    atl_load_norm(loader, &transformer->norm, shape->c, shape->groups, NORM_EPS, "norm");
    atl_load_linear(loader, &transformer->proj_in, ATL_LAYER_LINEAR, in, "proj_in");
    for (int i = 0; i < shape->n_layers; i++) {
        atl_loader_enter(loader, "transformer_blocks.%d", i);
        load_layer(loader, &transformer->layers[i], inner, shape);
        atl_loader_leave(loader);
    }
    atl_load_linear(loader, &transformer->proj_out, ATL_LAYER_LINEAR, out, "proj_out");
}

static bool shape_can_be_built(atl_loader *loader, const atl_transformer_shape *shape)
{
    if (!atl_net_check_groups(loader, shape->c, shape->groups))
        return false;
    if (shape->n_heads < 1 || shape->n_heads > shape->c || shape->c / shape->n_heads > 512) {
        atl_loader_fail(loader, ATL_UNSUPPORTED,
                        "%d attention heads over %d channels; heads of 1 to 512 channels can be run",
                        shape->n_heads, shape->c);
        return false;
    }
    if (shape->n_layers < 0 || shape->context_dim < 1) {
        atl_loader_fail(loader, ATL_UNSUPPORTED,
                        "%d transformer layers over a text of %d channels: nothing that can be built",
                        shape->n_layers, shape->context_dim);
        return false;
    }
    return true;
}

atl_transformer *atl_transformer_new(atl_loader *loader, const atl_transformer_shape *shape)
{
    if (!shape_can_be_built(loader, shape))
        return NULL;
    atl_transformer *transformer = calloc(1, sizeof *transformer);
    if (!transformer)
        goto fail;
    transformer->shape = *shape;
    transformer->inner = shape->n_heads * (shape->c / shape->n_heads);
    transformer->layers = calloc((size_t)shape->n_layers + 1, sizeof *transformer->layers);
    if (!transformer->layers)
        goto fail;
    load_transformer(loader, transformer);
    return transformer;
fail:
    atl_loader_fail(loader, ATL_NO_MEMORY, "out of memory for a transformer of %d layers", shape->n_layers);
    atl_transformer_free(&transformer);
    return NULL;
}

void atl_transformer_free(atl_transformer **transformer)
{
    if (!*transformer)
        return;
    free((*transformer)->layers);
    free(*transformer);
    *transformer = NULL;
}

/* ---- the text's keys and values ---- */

/* Channels of one attention's, in whole lines. */
static size_t text_channels(const attention *attn)
{
    return attn->cross ? atl_round_up((size_t)attn->packed.n_out, ATL_ARENA_ALIGN) : 0;
}

size_t atl_transformer_text_bytes(const atl_transformer *transformer, size_t n_rows, atl_dtype dtype)
{
    size_t bytes = 0;
    for (int i = 0; i < transformer->shape.n_layers; i++) {
        const layer *l = &transformer->layers[i];
        const size_t c = text_channels(&l->attn1) + text_channels(&l->attn2);
        bytes += n_rows * c * atl_dtype_bytes(dtype) + (l->attn1.cross ? 2u : 1u) * ATL_ARENA_ALIGN;
    }
    return bytes;
}

static void place_text(attention *attn, size_t *first, size_t *first_c)
{
    attn->text_slot = *first;
    attn->text_c = *first_c;
    *first += attn->cross ? 1 : 0;
    *first_c += text_channels(attn);
}

void atl_transformer_place_text(atl_transformer *transformer, size_t *first, size_t *first_c)
{
    for (int i = 0; i < transformer->shape.n_layers; i++) {
        place_text(&transformer->layers[i].attn1, first, first_c);
        place_text(&transformer->layers[i].attn2, first, first_c);
    }
}

/* Keys and values of the text, made now or kept from an earlier call. */
static atl_map project_text(const atl_bench *bench, const attention *attn, const atl_text_heard *text)
{
    const atl_map *context = text->context;
    const atl_text_kept *kept = text->kept;
    atl_map packed;

    if (!kept) {
        packed = atl_net_take(bench, ATL_LAYER_ATTENTION, context->n, 1, context->w, attn->packed.n_out);
        atl_linear_run(bench, &attn->packed, context, NULL, &packed);
        return packed;
    }
    const atl_dtype dtype = bench->policy->layer[ATL_LAYER_ATTENTION].compute;
    char *slot = (char *)kept->data + attn->text_slot * ATL_ARENA_ALIGN +
                 attn->text_c * kept->n_rows * atl_dtype_bytes(dtype);
    uint64_t *version = (void *)slot;
    packed = atl_map_over(slot + ATL_ARENA_ALIGN, dtype, context->n, 1, context->w, attn->packed.n_out);
    if (bench->arena->measuring || *version != kept->version)
        atl_linear_run(bench, &attn->packed, context, NULL, &packed);
    if (!bench->arena->measuring)
        *version = kept->version;
    return packed;
}

/* ---- running ---- */

/* Writes attention(q, k, v) over `out`, with q, k, v projected from `normed` (and the text). out may be
 * normed: it is read for the last time before. */
static void attend(const atl_transformer *transformer, const atl_bench *bench, const attention *attn,
                   const atl_map *normed, const atl_text_heard *text, const atl_map *out)
{
    size_t mark = atl_arena_mark(bench->arena);
    int inner = transformer->inner, heads = transformer->shape.n_heads;
    int head_channels = inner / heads;
    atl_map packed, q, k, v;

    if (attn->cross) {
        packed = project_text(bench, attn, text);
        q = atl_net_take(bench, ATL_LAYER_ATTENTION, normed->n, 1, normed->w, inner);
        atl_linear_run(bench, &attn->q, normed, NULL, &q);
    } else {
        packed = atl_net_take(bench, ATL_LAYER_ATTENTION, normed->n, 1, normed->w, attn->packed.n_out);
        atl_linear_run(bench, &attn->packed, normed, NULL, &packed);
        q = atl_map_channels(&packed, 0, inner);
    }
    k = atl_map_channels(&packed, packed.c - 2 * inner, inner);
    v = atl_map_channels(&packed, packed.c - inner, inner);
    atl_attention(bench, &q, &k, &v, heads, 1.0f / sqrtf((float)head_channels), false, out);
    atl_arena_release(bench->arena, mark);
}

/* t += out(attention(norm(t))) */
static void run_attention(const atl_transformer *transformer, const atl_bench *bench, const atl_norm *norm,
                          const attention *attn, const atl_map *t, const atl_text_heard *text)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map normed = atl_net_take(bench, ATL_LAYER_LINEAR, t->n, 1, t->w, t->c);
    atl_epilogue sum = {.residual = t};

    atl_layer_norm(bench, norm, t, &normed);
    attend(transformer, bench, attn, &normed, text, &normed);
    atl_linear_run(bench, &attn->out, &normed, &sum, t);
    atl_arena_release(bench->arena, mark);
}

/* The same for self-attention, over tokens of which the part `ratio` is merged away. */
static void run_merged_attention(const atl_transformer *transformer, const atl_bench *bench, const layer *l,
                                 const atl_map *t, int h, int w, float ratio)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map normed = atl_net_take(bench, ATL_LAYER_LINEAR, t->n, 1, t->w, t->c);
    atl_token_merge plan;

    atl_layer_norm(bench, &l->norm1, t, &normed);
    atl_token_merge_plan(bench, &normed, h, w, ratio, &plan);
    atl_map merged = atl_net_take(bench, ATL_LAYER_LINEAR, t->n, 1, plan.n_kept, t->c);
    atl_map answer = atl_map_take(bench, ATL_F32, t->n, 1, plan.n_kept, t->c);
    atl_token_merge_in(bench, &plan, &normed, &merged);
    attend(transformer, bench, &l->attn1, &merged, NULL, &merged);
    atl_linear_run(bench, &l->attn1.out, &merged, NULL, &answer);
    atl_token_merge_out(bench, &plan, &answer, t);
    atl_arena_release(bench->arena, mark);
}

/* t += ff_out(a · gelu(b)) with (a, b) = ff_in(norm3(t)) */
static void run_feed_forward(const atl_bench *bench, const layer *l, const atl_map *t)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map wide = atl_net_take(bench, ATL_LAYER_LINEAR, t->n, 1, t->w, l->ff_out.n_in);
    atl_map normed = atl_net_take(bench, ATL_LAYER_LINEAR, t->n, 1, t->w, t->c);
    atl_epilogue sum = {.residual = t};

    atl_layer_norm(bench, &l->norm3, t, &normed);
    atl_linear_run_geglu(bench, &l->ff_in, &normed, &wide);
    atl_linear_run(bench, &l->ff_out, &wide, &sum, t);
    atl_arena_release(bench->arena, mark);
}

/* t[n][1][h·w][inner] = proj_in(norm(x)) */
static void project_in(const atl_transformer *transformer, const atl_bench *bench, const atl_map *x,
                       const atl_map *t)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map normed = atl_net_take(bench, ATL_LAYER_LINEAR, x->n, x->h, x->w, x->c);

    atl_group_norm(bench, &transformer->norm, x, NULL, ATL_ACT_NONE, &normed);
    normed = atl_map_reshaped(&normed, 1, x->h * x->w);
    atl_linear_run(bench, &transformer->proj_in, &normed, NULL, t);
    atl_arena_release(bench->arena, mark);
}

void atl_transformer_run(const atl_transformer *transformer, const atl_bench *bench, const atl_map *x,
                         const atl_text_heard *text, float merge_tokens)
{
    size_t mark = atl_arena_mark(bench->arena);
    int n_tokens = x->h * x->w;
    atl_map t = atl_net_take_stream(bench, ATL_LAYER_LINEAR, x->n, 1, n_tokens, transformer->inner);
    atl_map x_tokens = atl_map_reshaped(x, 1, n_tokens);
    atl_epilogue sum = {.residual = &x_tokens};

    project_in(transformer, bench, x, &t);
    for (int i = 0; i < transformer->shape.n_layers; i++) {
        const layer *l = &transformer->layers[i];
        if (merge_tokens > 0 && !l->attn1.cross)
            run_merged_attention(transformer, bench, l, &t, x->h, x->w, merge_tokens);
        else
            run_attention(transformer, bench, &l->norm1, &l->attn1, &t, text);
        run_attention(transformer, bench, &l->norm2, &l->attn2, &t, text);
        run_feed_forward(bench, l, &t);
    }
    atl_linear_run(bench, &transformer->proj_out, &t, &sum, &x_tokens);
    atl_arena_release(bench->arena, mark);
}
