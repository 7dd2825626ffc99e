/* onednn_peer.c - see onednn_peer.h.
 *
 * Version 2 describes memory by a struct, an operation by another and makes a primitive's description of
 * that; version 3 has handles, and no description of operations. Below `----` nothing knows the difference.
 */
#include "bench/onednn_peer.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_DIMS  4
#define ARGUMENTS 4 /* and what a post-op reads */

struct peer_layer {
    peer_way way;
    peer_shape shape;
    peer_layer *gates; /* GEGLU: the layer whose results, through GELU, this one's are multiplied by */
    bool gelu;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t description;
    dnnl_primitive_t primitive;
    dnnl_memory_t src, bias, dst, *weights;
    size_t n_copies;
    void *(*take)(void *user, size_t bytes);
    void *user;
};

typedef struct layout {
    int n_dims;
    dnnl_dims_t dims;
    dnnl_format_tag_t tag;
    dnnl_data_type_t type;
} layout;

typedef struct operands {
    layout src, weights, bias, dst;
} operands;

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t memory_desc;

static bool describe(const layout *l, dnnl_memory_desc_t *slot, memory_desc *ret)
{
    if (dnnl_memory_desc_create_with_tag(slot, l->n_dims, l->dims, l->type, l->tag) != dnnl_success)
        return false;
    *ret = *slot;
    return true;
}

static void forget(dnnl_memory_desc_t *slot)
{
    dnnl_memory_desc_destroy(*slot);
}

static dnnl_status_t append_gelu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_gelu_erf, 0.0f, 0.0f);
}

static dnnl_status_t describe_primitive(peer_layer *layer, memory_desc src, memory_desc weights,
                                        memory_desc bias, memory_desc dst)
{
    const dnnl_dims_t one = {1, 1}, none = {0, 0}, pad = {layer->shape.kernel / 2, layer->shape.kernel / 2};
    if (layer->way == PEER_MATMUL)
        return dnnl_matmul_primitive_desc_create(&layer->description, layer->engine, src, weights, bias, dst,
                                                 layer->attributes);
    if (layer->way == PEER_INNER_PRODUCT)
        return dnnl_inner_product_forward_primitive_desc_create(&layer->description, layer->engine,
                                                                dnnl_forward_inference, src, weights, bias,
                                                                dst, layer->attributes);
    return dnnl_convolution_forward_primitive_desc_create(
        &layer->description, layer->engine, dnnl_forward_inference, dnnl_convolution_auto, src, weights, bias,
        dst, one, none, pad, pad, layer->attributes);
}
#else
typedef const dnnl_memory_desc_t *memory_desc;

static bool describe(const layout *l, dnnl_memory_desc_t *slot, memory_desc *ret)
{
    if (dnnl_memory_desc_init_by_tag(slot, l->n_dims, l->dims, l->type, l->tag) != dnnl_success)
        return false;
    *ret = slot;
    return true;
}

static void forget(dnnl_memory_desc_t *slot)
{
    (void)slot;
}

static dnnl_status_t append_gelu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_gelu_erf, 0.0f, 0.0f);
}

static dnnl_status_t describe_primitive(peer_layer *layer, memory_desc src, memory_desc weights,
                                        memory_desc bias, memory_desc dst)
{
    const dnnl_dims_t one = {1, 1}, pad = {layer->shape.kernel / 2, layer->shape.kernel / 2};
    union {
        dnnl_matmul_desc_t matmul;
        dnnl_inner_product_desc_t inner;
        dnnl_convolution_desc_t conv;
    } d;
    dnnl_status_t status;
    if (layer->way == PEER_MATMUL)
        status = dnnl_matmul_desc_init(&d.matmul, src, weights, bias, dst);
    else if (layer->way == PEER_INNER_PRODUCT)
        status =
            dnnl_inner_product_forward_desc_init(&d.inner, dnnl_forward_inference, src, weights, bias, dst);
    else
        status = dnnl_convolution_forward_desc_init(&d.conv, dnnl_forward_inference, dnnl_convolution_auto,
                                                    src, weights, bias, dst, one, pad, pad);
    if (status != dnnl_success)
        return status;
    return dnnl_primitive_desc_create(&layer->description, &d, layer->attributes, layer->engine, NULL);
}
#endif

/* ---- one interface from here on ---- */

const char *peer_version(void)
{
    static char text[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

const char *peer_way_name(peer_way way)
{
    static const char *names[] = {"conv, own format", "conv, nhwc", "matmul", "inner product"};
    return names[way];
}

/* In the formats that maps and checkpoints have. */
static operands plain_operands(peer_way way, const peer_shape *s)
{
    const int rows = s->n * s->side * s->side;
    const dnnl_data_type_t type = dnnl_bf16;
    if (way == PEER_MATMUL)
        return (operands){.src = {2, {rows, s->c_in}, dnnl_ab, type},
                          .weights = {2, {s->c_in, s->c_out}, dnnl_ba, type},
                          .bias = {2, {1, s->c_out}, dnnl_ab, dnnl_f32},
                          .dst = {2, {rows, s->c_out}, dnnl_ab, type}};
    if (way == PEER_INNER_PRODUCT)
        return (operands){.src = {2, {rows, s->c_in}, dnnl_ab, type},
                          .weights = {2, {s->c_out, s->c_in}, dnnl_ab, type},
                          .bias = {1, {s->c_out}, dnnl_a, dnnl_f32},
                          .dst = {2, {rows, s->c_out}, dnnl_ab, type}};
    return (operands){.src = {4, {s->n, s->c_in, s->side, s->side}, dnnl_nhwc, type},
                      .weights = {4, {s->c_out, s->c_in, s->kernel, s->kernel}, dnnl_oihw, type},
                      .bias = {1, {s->c_out}, dnnl_a, dnnl_f32},
                      .dst = {4, {s->n, s->c_out, s->side, s->side}, dnnl_nhwc, type}};
}

/* What becomes of sums, beyond the bias. */
static bool make_attributes(peer_layer *layer)
{
    dnnl_post_ops_t ops = NULL;
    if (!layer->gelu && !layer->gates)
        return true;
    bool ok = dnnl_primitive_attr_create(&layer->attributes) == dnnl_success &&
              dnnl_post_ops_create(&ops) == dnnl_success;
    if (ok && layer->gelu)
        ok = append_gelu(ops) == dnnl_success;
    if (ok && layer->gates)
        ok = dnnl_post_ops_append_binary(ops, dnnl_binary_mul,
                                         dnnl_primitive_desc_query_md(layer->gates->description,
                                                                      dnnl_query_dst_md, 0)) == dnnl_success;
    ok = ok && dnnl_primitive_attr_set_post_ops(layer->attributes, ops) == dnnl_success;
    if (ops)
        dnnl_post_ops_destroy(ops);
    return ok;
}

static bool make_primitive(peer_layer *layer, operands plain)
{
    dnnl_memory_desc_t slots[ARGUMENTS];
    memory_desc made[ARGUMENTS];
    layout *layouts[ARGUMENTS] = {&plain.src, &plain.weights, &plain.bias, &plain.dst};
    plain.weights.tag = dnnl_format_tag_any;
    if (layer->way == PEER_CONV_OWN)
        plain.src.tag = plain.dst.tag = dnnl_format_tag_any;
    int n = 0;
    while (n < ARGUMENTS && describe(layouts[n], &slots[n], &made[n]))
        n++;
    bool ok = n == ARGUMENTS && describe_primitive(layer, made[0], made[1], made[2], made[3]) == dnnl_success;
    while (n > 0)
        forget(&slots[--n]);
    return ok && dnnl_primitive_create(&layer->primitive, layer->description) == dnnl_success;
}

/* Memory as the primitive wants it. */
static dnnl_memory_t make_memory(peer_layer *layer, dnnl_query_t what, int index)
{
    memory_desc md = dnnl_primitive_desc_query_md(layer->description, what, index);
    dnnl_memory_t memory = NULL;
    void *data = md ? layer->take(layer->user, dnnl_memory_desc_get_size(md)) : NULL;
    if (data)
        dnnl_memory_create(&memory, md, layer->engine, data);
    return memory;
}

static bool reorder(peer_layer *layer, dnnl_memory_t from, dnnl_memory_t to)
{
    memory_desc from_md, to_md;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    bool ok = dnnl_memory_get_memory_desc(from, &from_md) == dnnl_success &&
              dnnl_memory_get_memory_desc(to, &to_md) == dnnl_success &&
              dnnl_reorder_primitive_desc_create(&description, from_md, layer->engine, to_md, layer->engine,
                                                 NULL) == dnnl_success &&
              dnnl_primitive_create(&primitive, description) == dnnl_success &&
              dnnl_primitive_execute(primitive, layer->stream, 2, args) == dnnl_success &&
              dnnl_stream_wait(layer->stream) == dnnl_success;
    if (primitive)
        dnnl_primitive_destroy(primitive);
    if (description)
        dnnl_primitive_desc_destroy(description);
    return ok;
}

/* Between plain numbers at `data` and `memory`, whatever its format. */
static bool exchange(peer_layer *layer, layout plain, void *data, dnnl_memory_t memory, bool in)
{
    dnnl_memory_desc_t slot;
    memory_desc md;
    dnnl_memory_t over = NULL;
    if (!describe(&plain, &slot, &md))
        return false;
    bool ok = dnnl_memory_create(&over, md, layer->engine, data) == dnnl_success &&
              (in ? reorder(layer, over, memory) : reorder(layer, memory, over));
    if (over)
        dnnl_memory_destroy(over);
    forget(&slot);
    return ok;
}

/* Each copy on its own: they are what the caches must not keep. */
static bool fill_weights(peer_layer *layer, layout plain, const uint16_t *w)
{
    for (size_t i = 0; i < layer->n_copies; i++)
        if (!(layer->weights[i] = make_memory(layer, dnnl_query_weights_md, 0)) ||
            !exchange(layer, plain, (void *)(uintptr_t)w, layer->weights[i], true))
            return false;
    return true;
}

static bool fill(peer_layer *layer, const uint16_t *x, const uint16_t *w, const float *bias)
{
    const operands plain = plain_operands(layer->way, &layer->shape);
    return make_attributes(layer) && make_primitive(layer, plain) &&
           (layer->src = make_memory(layer, dnnl_query_src_md, 0)) &&
           (layer->dst = make_memory(layer, dnnl_query_dst_md, 0)) &&
           (layer->bias = make_memory(layer, dnnl_query_weights_md, 1)) &&
           exchange(layer, plain.src, (void *)(uintptr_t)x, layer->src, true) &&
           exchange(layer, plain.bias, (void *)(uintptr_t)bias, layer->bias, true) &&
           fill_weights(layer, plain.weights, w);
}

peer_layer *peer_open(peer_way way, const peer_shape *shape, const uint16_t *x, const uint16_t *w,
                      const float *bias, size_t n_copies, void *(*take)(void *user, size_t bytes), void *user)
{
    peer_layer *layer = calloc(1, sizeof *layer);
    if (!layer)
        return NULL;
    *layer = (peer_layer){.way = way, .shape = *shape, .n_copies = n_copies, .take = take, .user = user};
    layer->gelu = shape->finish == PEER_GELU;
    if (shape->finish == PEER_GEGLU) {
        layer->shape.c_out /= 2;
        peer_shape half = layer->shape;
        half.finish = PEER_GELU;
        size_t n = (size_t)half.c_out, k = (size_t)half.c_in * (size_t)half.kernel * (size_t)half.kernel;
        layer->gates = peer_open(way, &half, x, w + n * k, bias + n, n_copies, take, user);
    }
    layer->weights = calloc(n_copies, sizeof(dnnl_memory_t));
    bool makes_sense = way < PEER_MATMUL || shape->kernel == 1;
    makes_sense = makes_sense && (shape->finish != PEER_GEGLU || layer->gates);
    if (!makes_sense || !layer->weights || dnnl_engine_create(&layer->engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&layer->stream, layer->engine, dnnl_stream_default_flags) != dnnl_success ||
        !fill(layer, x, w, bias))
        peer_close(&layer);
    return layer;
}

void peer_close(peer_layer **layer_ref)
{
    peer_layer *layer = layer_ref ? *layer_ref : NULL;
    if (!layer)
        return;
    for (size_t i = 0; layer->weights && i < layer->n_copies; i++)
        if (layer->weights[i])
            dnnl_memory_destroy(layer->weights[i]);
    dnnl_memory_t rest[] = {layer->src, layer->bias, layer->dst};
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        if (rest[i])
            dnnl_memory_destroy(rest[i]);
    if (layer->primitive)
        dnnl_primitive_destroy(layer->primitive);
    if (layer->description)
        dnnl_primitive_desc_destroy(layer->description);
    if (layer->attributes)
        dnnl_primitive_attr_destroy(layer->attributes);
    if (layer->stream)
        dnnl_stream_destroy(layer->stream);
    if (layer->engine)
        dnnl_engine_destroy(layer->engine);
    peer_close(&layer->gates);
    free(layer->weights);
    free(layer);
    *layer_ref = NULL;
}

bool peer_run(peer_layer *layer, size_t copy)
{
    dnnl_exec_arg_t args[ARGUMENTS + 1] = {{DNNL_ARG_SRC, layer->src},
                                           {DNNL_ARG_WEIGHTS, layer->weights[copy % layer->n_copies]},
                                           {DNNL_ARG_BIAS, layer->bias},
                                           {DNNL_ARG_DST, layer->dst}};
    int n = ARGUMENTS;
    if (layer->gates) {
        if (!peer_run(layer->gates, copy))
            return false;
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, layer->gates->dst};
    }
    return dnnl_primitive_execute(layer->primitive, layer->stream, n, args) == dnnl_success &&
           dnnl_stream_wait(layer->stream) == dnnl_success;
}

bool peer_read(peer_layer *layer, uint16_t *out)
{
    return exchange(layer, plain_operands(layer->way, &layer->shape).dst, out, layer->dst, false);
}
