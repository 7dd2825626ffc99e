/* transformer_test.c - attention over pixels and text, without a checkpoint. */
#include "nets_fixture.h"

#include "nets/transformer.h"

static const atl_transformer_shape small = {
    .c = 12, .n_heads = 3, .n_layers = 2, .context_dim = 10, .groups = 4};

static void *make(atl_loader *loader, const void *config)
{
    return atl_transformer_new(loader, config);
}

typedef struct trial {
    fixture f;
    atl_store store;
    atl_transformer *transformer;
    atl_map x, context;
} trial;

static void trial_init(trial *t, const atl_transformer_shape *shape)
{
    size_t bytes;
    atl_transformer *listed = net_listed(make, shape, NULL, &bytes);
    atl_transformer_free(&listed);
    fixture_init(&t->f, atl_cpu_flags(), 2);
    t->store = noise_store(bytes);
    t->transformer = net_bound(make, shape, &t->store);
    t->x = numbers_map(2, 3, 5, shape->c, 1);
    t->context = numbers_map(2, 1, 7, shape->context_dim, 2);
}

static void trial_done(trial *t)
{
    atl_transformer_free(&t->transformer);
    free(t->x.data);
    free(t->context.data);
    atl_store_close(&t->store);
    fixture_done(&t->f);
}

static atl_map copy_of(const atl_map *map)
{
    atl_map copy = numbers_map(map->n, map->h, map->w, map->c, 9);
    memcpy(copy.data, map->data, map_bytes(map));
    return copy;
}

/* Softmax over a set has no order: turning the text around changes nothing but rounding. */
static void order_of_the_text_does_not_matter(void **state)
{
    (void)state;
    trial t;
    trial_init(&t, &small);
    atl_map x = copy_of(&t.x), turned = copy_of(&t.context);
    for (int i = 0; i < 14; i++)
        memcpy(atl_map_f32(&turned) + (i / 7 * 7 + 6 - i % 7) * 10, atl_map_f32(&t.context) + i * 10,
               10 * sizeof(float));
    atl_transformer_run(t.transformer, &t.f.bench, &t.x, &t.context, 0);
    assert_alive(&t.x);
    atl_transformer_run(t.transformer, &t.f.bench, &x, &turned, 0);
    for (size_t i = 0; i < 360; i++)
        assert_float_equal(atl_map_f32(&t.x)[i], atl_map_f32(&x)[i], 1e-5);
    free(x.data);
    free(turned.data);
    trial_done(&t);
}

static void text_of_each_picture_is_heard_by_that_picture(void **state)
{
    (void)state;
    trial t;
    trial_init(&t, &small);
    atl_map x = copy_of(&t.x);
    atl_transformer_run(t.transformer, &t.f.bench, &t.x, &t.context, 0);
    atl_map_f32(&t.context)[70] += 1.0f; /* a token of the second picture */
    atl_transformer_run(t.transformer, &t.f.bench, &x, &t.context, 0);
    assert_memory_equal(t.x.data, x.data, map_bytes(&x) / 2);
    assert_memory_not_equal(atl_map_f32(&t.x) + 180, atl_map_f32(&x) + 180, map_bytes(&x) / 2);
    free(x.data);
    trial_done(&t);
}

/* attn1's keys and values come from the text's 10 channels then, not from the pixels' 12. */
static void only_cross_attention_takes_keys_from_the_text(void **state)
{
    (void)state;
    atl_transformer_shape shape = small;
    shape.only_cross_attention = true;
    size_t with, without;
    atl_transformer *listed = net_listed(make, &shape, NULL, &with);
    atl_transformer_free(&listed);
    listed = net_listed(make, &small, NULL, &without);
    atl_transformer_free(&listed);
    assert_true(with != without);
    trial t;
    trial_init(&t, &shape);
    atl_transformer_run(t.transformer, &t.f.bench, &t.x, &t.context, 0);
    assert_alive(&t.x);
    trial_done(&t);
}

/* 13 channels and 3 heads: 12 channels inside, as diffusers rounds down. */
static void heads_that_do_not_divide_the_channels_round_down(void **state)
{
    (void)state;
    atl_transformer_shape shape = small;
    shape.c = 13;
    shape.groups = 13;
    trial t;
    trial_init(&t, &shape);
    atl_transformer_run(t.transformer, &t.f.bench, &t.x, &t.context, 0);
    assert_alive(&t.x);
    trial_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_the_text_does_not_matter),
        cmocka_unit_test(text_of_each_picture_is_heard_by_that_picture),
        cmocka_unit_test(only_cross_attention_takes_keys_from_the_text),
        cmocka_unit_test(heads_that_do_not_divide_the_channels_round_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
