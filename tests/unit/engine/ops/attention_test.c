/* attention_test.c - attention against a softmax in double, on every instruction set. */
#include "unit/engine/ops/ops_fixture.h"

#include "ops/attention.h"

typedef struct attention_case {
    int n, t_q, t_k, heads, d;
    bool causal;
    float spread; /* of the logits: large ones make the running maximum work */
} attention_case;

static const attention_case cases[] = {
    {1, 1, 1, 1, 1, false, 1},      {2, 33, 77, 2, 8, false, 1},   {2, 64, 64, 8, 40, false, 4},
    {1, 100, 500, 2, 64, false, 9}, {2, 31, 230, 1, 80, false, 1}, {1, 40, 225, 3, 160, false, 1},
    {1, 17, 449, 1, 512, false, 1}, {2, 77, 77, 3, 33, true, 2},   {1, 300, 300, 1, 16, true, 30},
    {1, 64, 77, 5, 64, false, 60},
};

/* In bf16, q, k and v are such as it can hold; what is left is the rounding of probabilities, 2⁻⁹ each. */
static const char *const policies[] = {"fp32", "bf16"};

typedef struct attention_data {
    const attention_case *shape;
    const char *policy;
    guarded qkv, text, out; /* q, k, v as slices of one projection where t_q = t_k, else k and v of another */
    atl_map q, k, v;
} attention_data;

static void data_init(attention_data *d, const attention_case *s, const char *policy)
{
    int c = s->heads * s->d;
    atl_dtype dtype = atl_policy_find(policy)->layer[ATL_LAYER_ATTENTION].store;
    d->shape = s;
    d->policy = policy;
    d->qkv = guarded_map(s->n, 1, s->t_q, 3 * c, 5);
    d->text = guarded_map(s->n, 1, s->t_k, 2 * c, 0);
    d->out = guarded_map(s->n, 1, s->t_q, c, 3);
    guarded_fill(&d->qkv, 1, false);
    guarded_fill(&d->text, 2, false);
    guarded_round(&d->qkv, dtype);
    guarded_round(&d->text, dtype);
    bool self = s->t_q == s->t_k;
    d->q = atl_map_channels(&d->qkv.map, 0, c);
    d->k = self ? atl_map_channels(&d->qkv.map, c, c) : atl_map_channels(&d->text.map, 0, c);
    d->v = self ? atl_map_channels(&d->qkv.map, 2 * c, c) : atl_map_channels(&d->text.map, c, c);
}

static void data_done(attention_data *d)
{
    guarded_free(&d->qkv);
    guarded_free(&d->text);
    guarded_free(&d->out);
}

static void run(const attention_data *d, uint32_t cpu_flags, int n_threads, int first, int n,
                const guarded *out)
{
    fixture f;
    fixture_init(&f, cpu_flags, n_threads);
    f.bench.policy = atl_policy_find(d->policy);
    atl_map q = atl_map_pictures(&d->q, first, n), k = atl_map_pictures(&d->k, first, n);
    atl_map v = atl_map_pictures(&d->v, first, n), to = atl_map_pictures(&out->map, first, n);
    atl_attention(&f.bench, &q, &k, &v, d->shape->heads, d->shape->spread, d->shape->causal, &to);
    fixture_done(&f);
}

static const float *row_of(const atl_map *map, int n, int token)
{
    return atl_map_f32(map) + ((size_t)n * (size_t)map->w + (size_t)token) * map->stride;
}

/* One query of one head: want[d]. */
static void expected(const attention_data *d, int n, int query, int head, double *want)
{
    const attention_case *s = d->shape;
    int n_keys = s->causal ? query + 1 : s->t_k;
    double *p = calloc((size_t)n_keys, sizeof *p), peak = -1e300, total = 0.0;
    assert_non_null(p);
    for (int key = 0; key < n_keys; key++) {
        for (int c = 0; c < s->d; c++)
            p[key] += (double)row_of(&d->q, n, query)[head * s->d + c] *
                      (double)row_of(&d->k, n, key)[head * s->d + c];
        p[key] *= (double)s->spread;
        peak = fmax(peak, p[key]);
    }
    for (int key = 0; key < n_keys; key++)
        total += p[key] = exp(p[key] - peak);
    for (int c = 0; c < s->d; c++) {
        want[c] = 0.0;
        for (int key = 0; key < n_keys; key++)
            want[c] += p[key] / total * (double)row_of(&d->v, n, key)[head * s->d + c];
    }
    free(p);
}

static void attention_is_near_a_softmax_in_double(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (size_t j = 0; j < 2 * ATL_COUNT(cases); j++) {
        attention_data d;
        size_t i = j / 2;
        bool bf16 = j % 2;
        data_init(&d, &cases[i], policies[j % 2]);
        double want[512], bound = bf16 ? 2e-3 : 1e-5 * (1.0 + (double)cases[i].spread);
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
            run(&d, isas[isa], 2, 0, cases[i].n, &d.out);
            guarded_check(&d.out);
            for (int n = 0; n < cases[i].n; n++)
                for (int query = 0; query < cases[i].t_q; query++)
                    for (int head = 0; head < cases[i].heads; head++) {
                        expected(&d, n, query, head, want);
                        for (int c = 0; c < cases[i].d; c++)
                            assert_near(row_of(&d.out.map, n, query)[head * cases[i].d + c], want[c], bound);
                    }
        }
        data_done(&d);
    }
}

static void attention_does_not_depend_on_threads_or_neighbours(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (size_t j = 0; j < 2 * ATL_COUNT(cases); j++)
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
            attention_data d;
            size_t i = j / 2;
            data_init(&d, &cases[i], policies[j % 2]);
            guarded other = guarded_map(cases[i].n, 1, cases[i].t_q, d.out.map.c, 3);
            run(&d, isas[isa], 1, 0, cases[i].n, &d.out);
            run(&d, isas[isa], 3, 0, cases[i].n, &other);
            assert_same_maps(&d.out, &other);
            for (int n = 0; n < cases[i].n; n++)
                run(&d, isas[isa], 2, n, 1, &other);
            assert_same_maps(&d.out, &other);
            guarded_free(&other);
            data_done(&d);
        }
}

static void equal_keys_give_the_mean_of_values(void **state)
{
    (void)state;
    attention_data d;
    data_init(&d, &cases[3], "bf16");
    for (int key = 0; key < cases[3].t_k; key++) {
        memset((float *)row_of(&d.k, 0, key), 0, (size_t)d.k.c * sizeof(float));
        for (int c = 0; c < d.v.c; c++)
            ((float *)row_of(&d.v, 0, key))[c] = (float)(key % 2);
    }
    run(&d, atl_cpu_flags(), 1, 0, 1, &d.out);
    for (int c = 0; c < d.out.map.c; c++)
        assert_near(row_of(&d.out.map, 0, 99)[c], 0.5, 1e-6);
    data_done(&d);
}

/* A copy of a map in bf16, with as many rows of guards as guarded maps have. */
static atl_map narrowed(const atl_map *map, uint16_t **ret_block)
{
    size_t n = (atl_map_rows(map) + 2) * map->stride;
    uint16_t *block = malloc(n * sizeof *block);
    assert_non_null(block);
    for (size_t i = 0; i < n; i++)
        block[i] = 0x5a5a;
    atl_map copy = *map;
    copy.dtype = ATL_BF16;
    copy.data = block + map->stride;
    for (size_t row = 0; row < atl_map_rows(map); row++)
        for (size_t c = 0; c < (size_t)map->c; c++)
            block[(row + 1) * map->stride + c] = atl_bf16_from_f32(atl_map_f32(map)[row * map->stride + c]);
    *ret_block = block;
    return copy;
}

/* With numbers that bf16 can hold, maps in bf16 give what maps in f32 give, rounded. */
static void maps_may_be_bf16(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (size_t j = 0; j < 2 * ATL_COUNT(cases); j++)
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
            attention_data d, narrow;
            data_init(&d, &cases[j / 2], "bf16");
            d.policy = policies[j % 2];
            narrow = d;
            uint16_t *blocks[4];
            narrow.q = narrowed(&d.q, &blocks[0]);
            narrow.k = narrowed(&d.k, &blocks[1]);
            narrow.v = narrowed(&d.v, &blocks[2]);
            narrow.out.map = narrowed(&d.out.map, &blocks[3]);
            run(&d, isas[isa], 2, 0, d.shape->n, &d.out);
            run(&narrow, isas[isa], 2, 0, d.shape->n, &narrow.out);
            const atl_map *out = &d.out.map;
            for (size_t i = 0; i < (atl_map_rows(out) + 2) * out->stride; i++) {
                size_t row = i / out->stride, c = i % out->stride;
                bool inside = row > 0 && row <= atl_map_rows(out) && c < (size_t)out->c;
                uint16_t want = inside ? atl_bf16_from_f32(d.out.block[i]) : 0x5a5a;
                assert_int_equal(blocks[3][i], want);
            }
            for (int i = 0; i < 4; i++)
                free(blocks[i]);
            data_done(&d);
        }
}

/* A broken picture must be seen to be broken: powers made of whole numbers would lose it. */
static void what_is_not_a_number_stays_so(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY};
    for (size_t j = 0; j < 2 * ATL_COUNT(bad); j++) {
        attention_data d;
        data_init(&d, &cases[3], "bf16");
        ((float *)row_of(j % 2 ? &d.k : &d.q, 0, 99))[0] = bad[j / 2];
        run(&d, atl_cpu_flags(), 1, 0, 1, &d.out);
        assert_true(isnan(row_of(&d.out.map, 0, 99)[0]));
        data_done(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_is_near_a_softmax_in_double),
        cmocka_unit_test(attention_does_not_depend_on_threads_or_neighbours),
        cmocka_unit_test(equal_keys_give_the_mean_of_values),
        cmocka_unit_test(maps_may_be_bf16),
        cmocka_unit_test(what_is_not_a_number_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
