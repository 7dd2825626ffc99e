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
    atl_transformer_run(t.transformer, &t.f.bench, &t.x, &(atl_text_heard){.context = &t.context}, 0);
    assert_alive(&t.x);
    atl_transformer_run(t.transformer, &t.f.bench, &x, &(atl_text_heard){.context = &turned}, 0);
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
    atl_transformer_run(t.transformer, &t.f.bench, &t.x, &(atl_text_heard){.context = &t.context}, 0);
    atl_map_f32(&t.context)[70] += 1.0f; /* a token of the second picture */
    atl_transformer_run(t.transformer, &t.f.bench, &x, &(atl_text_heard){.context = &t.context}, 0);
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
    atl_transformer_run(t.transformer, &t.f.bench, &t.x, &(atl_text_heard){.context = &t.context}, 0);
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
    atl_transformer_run(t.transformer, &t.f.bench, &t.x, &(atl_text_heard){.context = &t.context}, 0);
    assert_alive(&t.x);
    trial_done(&t);
}

/* Runs on a copy of x; what comes out is freed by free(….data). */
static atl_map run_kept(const trial *t, const atl_map *context, const atl_text_kept *kept)
{
    atl_map x = copy_of(&t->x);
    const atl_text_heard text = {.context = context, .kept = kept};
    atl_transformer_run(t->transformer, &t->f.bench, &x, &text, 0);
    return x;
}

/* Both attentions of each layer hear the text, so that one could take the other's place. */
static void text_is_kept_until_its_version_counts_on(void **state)
{
    (void)state;
    atl_transformer_shape shape = small;
    shape.only_cross_attention = true;
    trial t;
    trial_init(&t, &shape);
    size_t n = 0, n_c = 0;
    atl_transformer_place_text(t.transformer, &n, &n_c);
    assert_int_equal(n, 4);
    const size_t bytes = atl_transformer_text_bytes(t.transformer, 14, ATL_F32);
    atl_text_kept kept = {.data = aligned_alloc(64, bytes + 64), .n_rows = 14, .version = 1};
    memset(kept.data, 0, bytes);
    memset((char *)kept.data + bytes, 0x5a, 64);
    atl_map other = copy_of(&t.context), one = atl_map_pictures(&other, 0, 1);
    for (int i = 0; i < 140; i++)
        atl_map_f32(&other)[i] += 1.0f;
    atl_map plain = run_kept(&t, &t.context, NULL), plain_other = run_kept(&t, &other, NULL);
    assert_memory_not_equal(plain.data, plain_other.data, map_bytes(&plain));

    atl_map first = run_kept(&t, &t.context, &kept), second = run_kept(&t, &other, &kept);
    assert_memory_equal(first.data, plain.data, map_bytes(&plain));
    assert_memory_equal(second.data, plain.data, map_bytes(&plain)); /* the other text is not looked at */
    kept.version++;
    atl_map third = run_kept(&t, &other, &kept);
    assert_memory_equal(third.data, plain_other.data, map_bytes(&plain));
    kept.version++;
    t.x.n = 1; /* fewer pictures than there is room for */
    atl_map fourth = run_kept(&t, &one, &kept);
    assert_memory_equal(fourth.data, plain_other.data, map_bytes(&plain) / 2);
    t.x.n = 2;
    for (int i = 0; i < 64; i++)
        assert_int_equal(((const unsigned char *)kept.data)[bytes + (size_t)i], 0x5a);
    const atl_map all[] = {plain, plain_other, first, second, third, fourth, other};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i].data);
    free(kept.data);
    trial_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_the_text_does_not_matter),
        cmocka_unit_test(text_of_each_picture_is_heard_by_that_picture),
        cmocka_unit_test(only_cross_attention_takes_keys_from_the_text),
        cmocka_unit_test(heads_that_do_not_divide_the_channels_round_down),
        cmocka_unit_test(text_is_kept_until_its_version_counts_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
