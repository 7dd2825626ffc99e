/* The three modes of the walk agree, and PACK tells what is wrong with a tensor. */
#include <math.h>

#include "unit/engine/model/small_model_fixture.h"

#include "nets/clip.h"
#include "nets/unet.h"
#include "nets/vae.h"

static const atl_policy *fp32(void)
{
    return atl_policy_find("fp32");
}

/* The walk is over: its status after packing. */
static atl_status pack(atl_loader *loader)
{
    atl_pool *pool;
    assert_int_equal(atl_pool_open(3, NULL, NULL, &pool, NULL), ATL_OK);
    const atl_status st = atl_loader_pack(loader, pool, atl_kernels_choose(atl_cpu_flags()));
    atl_pool_close(&pool);
    return st;
}

static atl_status walk(atl_loader *loader, const atl_model_config *c)
{
    atl_loader_component(loader, ATL_TEXT_ENCODER);
    atl_clip *clip = atl_clip_new(loader, &c->text[0]);
    atl_clip_free(&clip);
    atl_loader_component(loader, ATL_UNET);
    atl_unet *unet = atl_unet_new(loader, &c->unet);
    atl_unet_free(&unet);
    atl_loader_component(loader, ATL_VAE);
    atl_vae *vae = atl_vae_new(loader, &c->vae);
    atl_vae_free(&vae);
    return atl_loader_status(loader);
}

static void modes_need_the_same_bytes(void **state)
{
    (void)state;
    char *folder = small_model();
    atl_note note = {0};
    atl_weights *weights;
    atl_loader *loader;
    atl_store store;
    assert_ok(atl_weights_open(folder, "", &weights, &note), &note);
    const atl_model_config *config = atl_weights_config(weights);
    assert_ok(atl_loader_open_list(fp32(), NULL, NULL, &loader, &note), &note);
    assert_ok(walk(loader, config), &note);
    const size_t bytes = atl_loader_packed_bytes(loader);
    atl_loader_close(&loader);
    assert_ok(atl_store_open(bytes, &store, &note), &note);
    assert_ok(atl_loader_open_pack(fp32(), weights, &store, &loader, &note), &note);
    assert_ok(walk(loader, config), &note);
    assert_int_equal(atl_loader_packed_bytes(loader), bytes);
    assert_int_equal(store.used_bytes, bytes);
    assert_ok(pack(loader), &note);
    atl_loader_close(&loader);
    store.used_bytes = 0;
    assert_ok(atl_loader_open_bind(fp32(), &store, &loader, &note), &note);
    assert_ok(walk(loader, config), &note);
    assert_int_equal(store.used_bytes, bytes);
    atl_loader_close(&loader);
    atl_store_close(&store);
    atl_weights_close(&weights);
    folder_remove(folder);
}

/* Layers one by one, over a file of our own under the VAE's name. */
typedef struct bench {
    char *folder;
    atl_weights *weights;
    atl_store store;
    atl_loader *loader;
    atl_note note;
} bench;

static void bench_open(bench *b, st_named *tensors, size_t n)
{
    *b = (bench){.folder = small_model()};
    st_write(in_folder(b->folder, "vae/diffusion_pytorch_model.safetensors"), tensors, n);
    assert_ok(atl_weights_open(b->folder, "", &b->weights, &b->note), &b->note);
    assert_ok(atl_store_open(64u << 20, &b->store, &b->note), &b->note);
    assert_ok(atl_loader_open_pack(fp32(), b->weights, &b->store, &b->loader, &b->note), &b->note);
    atl_loader_component(b->loader, ATL_VAE);
}

static void bench_close(bench *b)
{
    atl_loader_close(&b->loader);
    atl_store_close(&b->store);
    atl_weights_close(&b->weights);
    folder_remove(b->folder);
}

/* What a layer packed from plain rows looks like. */
static void assert_packed(const atl_linear *linear, const float *weight, const float *bias)
{
    const size_t bytes = atl_linear_packed_bytes(linear->n_in, linear->n_out, bias != NULL, ATL_F32);
    void *region = aligned_alloc(64, (bytes + 63) / 64 * 64);
    memset(region, 0, bytes);
    atl_linear twin;
    atl_linear_bind(&twin, linear->n_in, linear->n_out, bias != NULL, ATL_F32, region);
    atl_linear_pack(&twin, 0, linear->n_out, weight, bias, region);
    assert_memory_equal(linear->weight, twin.weight, bytes);
    free(region);
}

static void stacked_matrices_become_one_layer(void **state)
{
    (void)state;
    enum { IN = 5, OUT = 40 }; /* 40: chunks of 64 rows cross from one matrix into the next */
    st_named tensors[] = {{"a.q.weight", 2, {OUT, IN}},       {"a.q.bias", 1, {OUT}},
                          {"a.k.weight", 2, {OUT, IN}},       {"a.k.bias", 1, {OUT}},
                          {"a.v.weight", 4, {OUT, IN, 1, 1}}, {"a.v.bias", 1, {OUT}}};
    static const char *const names[] = {"q", "k", "v"};
    bench b;
    bench_open(&b, tensors, 6);
    atl_linear layer;
    atl_loader_enter(b.loader, "%s", "a");
    atl_load_linear_stack(b.loader, &layer, ATL_LAYER_LINEAR, (atl_linear_shape){IN, OUT, true, false}, names,
                          3);
    atl_loader_leave(b.loader);
    assert_ok(pack(b.loader), &b.note);
    assert_int_equal(layer.n_out, 3 * OUT);
    float weight[3 * OUT * IN], bias[3 * OUT];
    for (size_t m = 0; m < 3; m++) {
        for (size_t i = 0; i < OUT * IN; i++)
            weight[m * OUT * IN + i] = st_value(tensors[2 * m].name, i);
        for (size_t i = 0; i < OUT; i++)
            bias[m * OUT + i] = st_value(tensors[2 * m + 1].name, i);
    }
    assert_packed(&layer, weight, bias);
    bench_close(&b);
}

/* More rows than one chunk of a million numbers holds. */
static void large_matrices_come_in_chunks(void **state)
{
    (void)state;
    enum { IN = 3000, OUT = 500 };
    st_named tensors[] = {{"big.weight", 2, {OUT, IN}}};
    bench b;
    bench_open(&b, tensors, 1);
    atl_linear layer;
    atl_load_linear(b.loader, &layer, ATL_LAYER_LINEAR, (atl_linear_shape){IN, OUT, false, false}, "big");
    assert_ok(pack(b.loader), &b.note);
    assert_null(layer.bias);
    float *weight = malloc((size_t)IN * OUT * sizeof *weight);
    for (size_t i = 0; i < (size_t)IN * OUT; i++)
        weight[i] = st_value("big.weight", i);
    assert_packed(&layer, weight, NULL);
    free(weight);
    bench_close(&b);
}

static void norms_and_tables_are_kept_as_they_are(void **state)
{
    (void)state;
    st_named tensors[] = {{"n.weight", 1, {6}}, {"n.bias", 1, {6}}, {"table.weight", 2, {3, 4}}};
    bench b;
    bench_open(&b, tensors, 3);
    atl_norm norm;
    const float *table;
    atl_load_norm(b.loader, &norm, 6, 2, 1e-6f, "n");
    atl_load_embedding(b.loader, &table, 3, 4, "table.weight");
    assert_ok(pack(b.loader), &b.note);
    for (size_t i = 0; i < 6; i++)
        assert_true(norm.gamma[i] == st_value("n.weight", i) && norm.beta[i] == st_value("n.bias", i));
    for (size_t i = 0; i < 12; i++)
        assert_true(table[i] == st_value("table.weight", i));
    assert_int_equal(norm.groups, 2);
    bench_close(&b);
}

static void missing_tensor_is_told_with_the_shape_that_was_wanted(void **state)
{
    (void)state;
    st_named tensors[] = {{"c.weight", 4, {2, 3, 3, 3}}};
    bench b;
    bench_open(&b, tensors, 1);
    atl_conv conv;
    atl_load_conv(b.loader, &conv, ATL_LAYER_CONV, (atl_conv_shape){3, 2, 3, 1, 1, 1, false}, "c");
    assert_int_equal(atl_loader_status(b.loader), ATL_NOT_FOUND);
    assert_note(&b.note, b.folder);
    assert_note(&b.note, "vae: has no tensor \"c.bias\"; one of shape [2] was wanted");
    bench_close(&b);
}

static void wrong_shape_is_told_with_both_shapes(void **state)
{
    (void)state;
    st_named tensors[] = {{"c.weight", 4, {2, 3, 1, 1}}};
    bench b;
    bench_open(&b, tensors, 1);
    atl_conv conv;
    atl_load_conv(b.loader, &conv, ATL_LAYER_CONV, (atl_conv_shape){3, 2, 3, 1, 1, 1, true}, "c");
    assert_int_equal(atl_loader_status(b.loader), ATL_BAD_INPUT);
    assert_note(&b.note, "diffusion_pytorch_model.safetensors");
    assert_note(&b.note, "vae: tensor \"c.weight\" has shape [2, 3, 1, 1]; [2, 3, 3, 3] was wanted");
    bench_close(&b);
}

static void first_failure_stops_the_walk(void **state)
{
    (void)state;
    st_named tensors[] = {{"n.weight", 1, {6}}, {"n.bias", 1, {6}}};
    bench b;
    bench_open(&b, tensors, 2);
    atl_norm norm;
    atl_loader_enter(b.loader, "a.%d", 3);
    atl_loader_fail(b.loader, ATL_UNSUPPORTED, "no %s today", "bread");
    atl_loader_leave(b.loader);
    atl_load_norm(b.loader, &norm, 6, 0, 1e-5f, "n");
    assert_null(norm.gamma);
    assert_int_equal(atl_loader_status(b.loader), ATL_UNSUPPORTED);
    assert_note(&b.note, "vae: a.3: no bread today");
    bench_close(&b);
}

static void store_that_is_too_small_is_an_error(void **state)
{
    (void)state;
    st_named tensors[] = {{"n.weight", 1, {6}}, {"n.bias", 1, {6}}};
    bench b;
    bench_open(&b, tensors, 2);
    atl_norm norm;
    b.store.used_bytes = b.store.capacity_bytes;
    atl_load_norm(b.loader, &norm, 6, 0, 1e-5f, "n");
    assert_int_equal(atl_loader_status(b.loader), ATL_NO_MEMORY);
    bench_close(&b);
}

static void nan_in_a_weight_names_file_and_element(void **state)
{
    (void)state;
    char *folder = small_model();
    atl_note note = {0};
    atl_st_writer *writer;
    const float values[4] = {1, 2, NAN, 4};
    assert_ok(atl_st_writer_open(&writer, &note), &note);
    atl_st_writer_add(writer, "x.weight", ATL_ST_F32, 2, (const size_t[]){2, 2}, values);
    assert_ok(
        atl_st_writer_write(writer, in_folder(folder, "vae/diffusion_pytorch_model.safetensors"), &note),
        &note);
    atl_st_writer_close(&writer);
    bench b = {.folder = folder};
    assert_ok(atl_weights_open(folder, "", &b.weights, &b.note), &b.note);
    assert_ok(atl_store_open(1 << 20, &b.store, &b.note), &b.note);
    assert_ok(atl_loader_open_pack(fp32(), b.weights, &b.store, &b.loader, &b.note), &b.note);
    atl_loader_component(b.loader, ATL_VAE);
    atl_linear layer;
    atl_load_linear(b.loader, &layer, ATL_LAYER_LINEAR, (atl_linear_shape){2, 2, false, false}, "x");
    assert_int_equal(pack(b.loader), ATL_BAD_INPUT);
    assert_note(&b.note, "diffusion_pytorch_model.safetensors: tensor \"x.weight\": element 2 is NaN");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_need_the_same_bytes),
        cmocka_unit_test(stacked_matrices_become_one_layer),
        cmocka_unit_test(large_matrices_come_in_chunks),
        cmocka_unit_test(norms_and_tables_are_kept_as_they_are),
        cmocka_unit_test(missing_tensor_is_told_with_the_shape_that_was_wanted),
        cmocka_unit_test(wrong_shape_is_told_with_both_shapes),
        cmocka_unit_test(first_failure_stops_the_walk),
        cmocka_unit_test(store_that_is_too_small_is_an_error),
        cmocka_unit_test(nan_in_a_weight_names_file_and_element),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
