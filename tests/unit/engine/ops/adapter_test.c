/* adapter_test.c - a layer with an adapter beside it gives what one gives whose weights have the adapter's
 * product in them; on every instruction set, to the bit, as all numbers are small and whole. */
#include "unit/engine/ops/ops_fixture.h"

#include "ops/adapter.h"
#include "ops/elementwise.h"

/* In bf16 what comes down must be exact, too: at most 9 · 28 < 256. */
typedef struct adapter_case {
    int n, h, w, c, c_more, c_out, kernel, stride, pad, rank;
    bool upsample, bias, residual;
    atl_activation before, after;
    float scale;
} adapter_case;

static const adapter_case cases[] = {
    {.n = 1, .h = 1, .w = 1, .c = 1, .c_out = 1, .kernel = 1, .stride = 1, .rank = 1},
    {.n = 2, .h = 1, .w = 77, .c = 28, .c_out = 96, .kernel = 1, .stride = 1, .rank = 5, .bias = true},
    {.n = 2, .h = 1, .w = 30, .c = 20, .c_out = 33, .kernel = 1, .stride = 1, .rank = 2, .residual = true},
    {.n = 1,
     .h = 5,
     .w = 7,
     .c = 3,
     .c_out = 40,
     .kernel = 3,
     .stride = 1,
     .pad = 1,
     .rank = 3,
     .bias = true},
    {.n = 2,
     .h = 8,
     .w = 9,
     .c = 3,
     .c_out = 12,
     .kernel = 3,
     .stride = 2,
     .pad = 1,
     .rank = 2,
     .scale = 0.5f},
    {.n = 1,
     .h = 4,
     .w = 5,
     .c = 1,
     .c_more = 2,
     .c_out = 7,
     .kernel = 3,
     .stride = 1,
     .pad = 1,
     .rank = 2,
     .upsample = true,
     .residual = true,
     .scale = 2.0f,
     .after = ATL_ACT_RELU},
    {.n = 2, .h = 1, .w = 45, .c = 28, .c_out = 70, .kernel = 1, .stride = 1, .rank = 40, .bias = true},
    {.n = 1, .h = 3, .w = 48, .c = 32, .c_out = 64, .kernel = 3, .stride = 1, .pad = 1, .rank = 1},
    {.n = 1,
     .h = 3,
     .w = 3,
     .c = 9,
     .c_out = 21,
     .kernel = 1,
     .stride = 1,
     .rank = 4,
     .bias = true,
     .before = ATL_ACT_RELU},
};

typedef struct layer_data {
    atl_conv plain, merged;
    atl_adapter adapter;
    void *regions[4];
    float *bias;
} layer_data;

static void *pack_conv(atl_conv *conv, const adapter_case *s, int c_out, const float *weight,
                       const float *bias, atl_dtype dtype)
{
    const int c_in = s->c + s->c_more;
    const size_t bytes = atl_conv_packed_bytes(c_in, c_out, s->kernel, bias != NULL, dtype);
    void *region = aligned_alloc(64, bytes);
    assert_non_null(region);
    memset(region, 0, bytes);
    atl_conv_bind(conv, c_in, c_out, s->kernel, s->stride, s->pad, s->pad, bias != NULL, dtype, region);
    atl_conv_pack(conv, 0, c_out, weight, bias, region);
    return region;
}

static void layer_init(layer_data *d, const adapter_case *s, atl_dtype dtype)
{
    const size_t row = (size_t)(s->c + s->c_more) * (size_t)s->kernel * (size_t)s->kernel;
    const size_t n_out = (size_t)s->c_out, rank = (size_t)s->rank;
    float *weight = fixture_numbers(n_out * row, 1, true), *down = fixture_numbers(rank * row, 2, true);
    float *up = fixture_numbers(n_out * rank, 3, true);
    d->bias = s->bias ? fixture_numbers(n_out, 4, true) : NULL;
    d->regions[0] = pack_conv(&d->plain, s, s->c_out, weight, d->bias, dtype);
    d->regions[1] = pack_conv(&d->adapter.down, s, s->rank, down, NULL, dtype);
    d->regions[2] = aligned_alloc(64, atl_linear_packed_bytes(s->rank, s->c_out, false, dtype));
    assert_non_null(d->regions[2]);
    atl_linear_bind(&d->adapter.up, s->rank, s->c_out, false, dtype, d->regions[2]);
    atl_linear_pack(&d->adapter.up, 0, s->c_out, up, NULL, d->regions[2]);
    d->adapter.beside = d->plain.weight;
    for (size_t o = 0; o < n_out; o++)
        for (size_t i = 0; i < row; i++)
            for (size_t r = 0; r < rank; r++)
                weight[o * row + i] += up[o * rank + r] * down[r * row + i];
    d->regions[3] = pack_conv(&d->merged, s, s->c_out, weight, d->bias, dtype);
    free(weight);
    free(down);
    free(up);
}

static void layer_done(layer_data *d)
{
    for (size_t i = 0; i < ATL_COUNT(d->regions); i++)
        free(d->regions[i]);
    free(d->bias);
}

typedef struct maps {
    guarded x, more, residual, out;
} maps;

static void maps_init(maps *m, const adapter_case *s)
{
    const int up = s->upsample ? 2 : 1;
    const int h = (s->h * up + 2 * s->pad - s->kernel) / s->stride + 1;
    const int w = (s->w * up + 2 * s->pad - s->kernel) / s->stride + 1;
    m->x = guarded_map(s->n, s->h, s->w, s->c, 3);
    m->more = guarded_map(s->n, s->h, s->w, s->c_more ? s->c_more : 1, 2);
    m->residual = guarded_map(s->n, h, w, s->c_out, 1);
    m->out = guarded_map(s->n, h, w, s->c_out, 5);
    guarded_fill(&m->x, 5, true);
    guarded_fill(&m->more, 6, true);
    guarded_fill(&m->residual, 7, true);
}

static void maps_done(maps *m)
{
    guarded_free(&m->x);
    guarded_free(&m->more);
    guarded_free(&m->residual);
    guarded_free(&m->out);
}

static void run(const adapter_case *s, uint32_t isa, const atl_conv *conv, const atl_adapters *adapters,
                maps *m)
{
    fixture f;
    fixture_init(&f, isa, 2);
    f.bench.adapters = adapters;
    const atl_conv_input in = {
        .x = &m->x.map, .x_more = s->c_more ? &m->more.map : NULL, .upsample = s->upsample};
    const atl_epilogue epilogue = {.residual = s->residual ? &m->residual.map : NULL,
                                   .before = s->before,
                                   .after = s->after,
                                   .scale = s->scale};
    atl_conv_run(&f.bench, conv, &in, &epilogue, &m->out.map);
    guarded_check(&m->out);
    fixture_done(&f);
}

static void check(const adapter_case *s, atl_dtype dtype, uint32_t isa)
{
    layer_data d;
    maps merged, beside;
    layer_init(&d, s, dtype);
    maps_init(&merged, s);
    maps_init(&beside, s);
    run(s, isa, &d.merged, NULL, &merged);
    run(s, isa, &d.plain, &(atl_adapters){.at = &d.adapter, .n = 1}, &beside);
    assert_same_maps(&merged.out, &beside.out);
    maps_done(&merged);
    maps_done(&beside);
    layer_done(&d);
}

static void beside_a_layer_is_the_same_as_in_its_weights(void **state)
{
    (void)state;
    static const atl_dtype dtypes[] = {ATL_F32, ATL_BF16};
    uint32_t isas[FIXTURE_ISAS];
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        for (size_t t = 0; t < ATL_COUNT(dtypes); t++)
            for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++)
                check(&cases[i], dtypes[t], isas[isa]);
}

/* A linear layer is found in the same way; GEGLU's gate comes after the sum. */
static void check_geglu(const adapter_case *s, atl_dtype dtype, uint32_t isa)
{
    layer_data d;
    fixture f;
    layer_init(&d, s, dtype);
    fixture_init(&f, isa, 2);
    guarded x = guarded_map(1, 1, s->w, s->c, 0), want = guarded_map(1, 1, s->w, s->c_out / 2, 3);
    guarded got = guarded_map(1, 1, s->w, s->c_out / 2, 3);
    guarded_fill(&x, 8, true);
    atl_linear merged, plain;
    atl_linear_bind(&merged, s->c, s->c_out, true, dtype, d.regions[3]);
    atl_linear_bind(&plain, s->c, s->c_out, true, dtype, d.regions[0]);
    atl_linear_run_geglu(&f.bench, &merged, &x.map, &want.map);
    f.bench.adapters = &(atl_adapters){.at = &d.adapter, .n = 1};
    atl_linear_run_geglu(&f.bench, &plain, &x.map, &got.map);
    guarded_check(&got);
    assert_same_maps(&want, &got);
    guarded_free(&x);
    guarded_free(&want);
    guarded_free(&got);
    fixture_done(&f);
    layer_done(&d);
}

static void beside_geglu_is_before_its_gate(void **state)
{
    (void)state;
    static const adapter_case s = {
        .n = 1, .h = 1, .w = 41, .c = 28, .c_out = 128, .kernel = 1, .stride = 1, .rank = 3, .bias = true};
    uint32_t isas[FIXTURE_ISAS];
    for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
        check_geglu(&s, ATL_F32, isas[isa]);
        check_geglu(&s, ATL_BF16, isas[isa]);
    }
}

static void layers_find_their_own_adapter_alone(void **state)
{
    (void)state;
    static const char weights[8];
    atl_adapter at[4];
    for (size_t i = 0; i < ATL_COUNT(at); i++)
        at[i] = (atl_adapter){.beside = &weights[2 * i]};
    const atl_adapters adapters = {.at = at, .n = ATL_COUNT(at)};
    const atl_bench none = {0}, bench = {.adapters = &adapters};
    for (size_t i = 0; i < sizeof weights; i++) {
        assert_ptr_equal(atl_adapter_beside(&bench, &weights[i]), i % 2 == 0 ? &at[i / 2] : NULL);
        assert_null(atl_adapter_beside(&none, &weights[i]));
    }
    assert_null(atl_adapter_beside(&bench, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beside_a_layer_is_the_same_as_in_its_weights),
        cmocka_unit_test(beside_geglu_is_before_its_gate),
        cmocka_unit_test(layers_find_their_own_adapter_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
