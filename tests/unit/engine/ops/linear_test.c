/* linear_test.c - linear layers and GEGLU against sums in double, on every instruction set. */
#include "unit/engine/ops/ops_fixture.h"

#include "ops/elementwise.h"
#include "ops/layers.h"

typedef struct linear_case {
    int n, rows, n_in, n_out;
    bool bias;
} linear_case;

static const linear_case cases[] = {
    {1, 1, 1, 2, true},      {2, 1, 320, 1280, true}, {1, 77, 33, 64, false},    {2, 15, 64, 130, true},
    {3, 29, 1000, 66, true}, {2, 64, 96, 256, true},  {1, 448, 320, 640, false},
};

/* In f16 and bf16, weights and bf16's inputs are such as it can hold: then the bounds are those of f32. */
enum { N_EXACT = 3 }; /* of the types */
static const atl_dtype dtypes[] = {ATL_F32, ATL_F16, ATL_BF16, ATL_S8};

typedef struct linear_data {
    const linear_case *shape;
    atl_linear linear;
    void *region;
    float *weight, *bias;
    guarded x, residual, out;
} linear_data;

static void data_init(linear_data *d, const linear_case *s, atl_dtype dtype, bool whole, int c_out)
{
    *d = (linear_data){.shape = s};
    d->region = aligned_alloc(64, atl_linear_packed_bytes(s->n_in, s->n_out, s->bias, dtype));
    assert_non_null(d->region);
    atl_linear_bind(&d->linear, s->n_in, s->n_out, s->bias, dtype, d->region);
    d->weight = fixture_numbers((size_t)s->n_out * (size_t)s->n_in, 1, whole);
    d->bias = fixture_numbers((size_t)s->n_out, 2, whole);
    fixture_round(d->weight, (size_t)s->n_out * (size_t)s->n_in, dtype);
    for (int first = 0; first < s->n_out; first += 128) {
        int count = s->n_out - first < 128 ? s->n_out - first : 128;
        atl_linear_pack(&d->linear, first, count, d->weight + (size_t)first * (size_t)s->n_in,
                        s->bias ? d->bias + first : NULL, d->region);
    }
    d->x = guarded_map(s->n, 1, s->rows, s->n_in, 7);
    d->residual = guarded_map(s->n, 1, s->rows, s->n_out, 2);
    d->out = guarded_map(s->n, 1, s->rows, c_out, 3);
    guarded_fill(&d->x, 3, whole);
    guarded_fill(&d->residual, 4, whole);
    guarded_round(&d->x, dtype);
}

static void data_done(linear_data *d)
{
    guarded_free(&d->x);
    guarded_free(&d->residual);
    guarded_free(&d->out);
    free(d->region);
    free(d->weight);
    free(d->bias);
}

static double product_at(const linear_data *d, int n, int row, int o)
{
    double sum = d->shape->bias ? (double)d->bias[o] : 0.0;
    for (int i = 0; i < d->shape->n_in; i++)
        sum += (double)guarded_at(&d->x, n, 0, row)[i] * (double)d->weight[o * d->shape->n_in + i];
    return sum;
}

static void run(const linear_data *d, uint32_t cpu_flags, int n_threads, int first, int n, bool geglu,
                const guarded *out)
{
    fixture f;
    fixture_init(&f, cpu_flags, n_threads);
    atl_map x = atl_map_pictures(&d->x.map, first, n),
            residual = atl_map_pictures(&d->residual.map, first, n);
    atl_map to = atl_map_pictures(&out->map, first, n);
    atl_epilogue epilogue = {.residual = &residual};
    if (geglu)
        atl_linear_run_geglu(&f.bench, &d->linear, &x, &to);
    else
        atl_linear_run(&f.bench, &d->linear, &x, &epilogue, &to);
    fixture_done(&f);
}

static void check_linear(const linear_case *s, atl_dtype dtype, bool whole)
{
    linear_data d;
    uint32_t isas[FIXTURE_ISAS];
    data_init(&d, s, dtype, whole, s->n_out);
    for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
        run(&d, isas[isa], 2, 0, s->n, false, &d.out);
        guarded_check(&d.out);
        for (int n = 0; n < s->n; n++)
            for (int row = 0; row < s->rows; row++)
                for (int o = 0; o < s->n_out; o++)
                    assert_near(guarded_at(&d.out, n, 0, row)[o],
                                product_at(&d, n, row, o) + (double)guarded_at(&d.residual, n, 0, row)[o],
                                whole ? 0.0 : 2e-5);
    }
    data_done(&d);
}

static void linear_of_whole_numbers_is_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        for (int j = 0; j < N_EXACT; j++)
            check_linear(&cases[i], dtypes[j], true);
}

static void linear_of_reals_is_near_the_sum_in_double(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        for (int j = 0; j < N_EXACT; j++)
            check_linear(&cases[i], dtypes[j], false);
}

/* In s8, a row and a column are rounded to 127ths of their largest: errors add up as of chance. */
static void check_s8(const linear_case *s, bool geglu)
{
    linear_data d;
    uint32_t isas[FIXTURE_ISAS];
    const int half = s->n_out / 2, n_out = geglu ? half : s->n_out;
    data_init(&d, s, ATL_S8, false, n_out);
    for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
        double squares = 0.0, all = 0.0;
        run(&d, isas[isa], 2, 0, s->n, geglu, &d.out);
        guarded_check(&d.out);
        for (int n = 0; n < s->n; n++)
            for (int row = 0; row < s->rows; row++)
                for (int o = 0; o < n_out; o++, all++) {
                    double want = product_at(&d, n, row, o), off;
                    if (geglu)
                        want *=
                            (double)atl_activate_one(ATL_ACT_GELU, (float)product_at(&d, n, row, half + o));
                    else
                        want += (double)guarded_at(&d.residual, n, 0, row)[o];
                    off = (double)guarded_at(&d.out, n, 0, row)[o] - want;
                    squares += off * off;
                }
        const double unit = 0.5 / 127.0, one = sqrt(2.0 * s->n_in / 3.0 * unit * unit / 3.0);
        const double size = 1.0 + sqrt(s->n_in) / 3.0; /* of the sums themselves: geglu multiplies two */
        assert_true(sqrt(squares / all) <= (geglu ? 2.0 * size : 1.3) * one + 1e-4);
    }
    data_done(&d);
}

static void linear_and_geglu_in_s8_are_as_near_as_their_rounding(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        for (int geglu = 0; geglu < 2; geglu++)
            check_s8(&cases[i], geglu);
}

static void geglu_multiplies_the_first_half_by_gelu_of_the_second(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (size_t i = 0; i < N_EXACT * ATL_COUNT(cases); i++)
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
            linear_data d;
            const linear_case *s = &cases[i / N_EXACT];
            int half = s->n_out / 2;
            bool bf16 = dtypes[i % N_EXACT] == ATL_BF16; /* whose gelu is good to 1e-4 */
            data_init(&d, s, dtypes[i % N_EXACT], false, half);
            run(&d, isas[isa], 2, 0, s->n, true, &d.out);
            guarded_check(&d.out);
            for (int n = 0; n < s->n; n++)
                for (int row = 0; row < s->rows; row++)
                    for (int o = 0; o < half; o++) {
                        double value = product_at(&d, n, row, o), gate = product_at(&d, n, row, half + o);
                        assert_near(guarded_at(&d.out, n, 0, row)[o],
                                    value * (double)atl_activate_one(ATL_ACT_GELU, (float)gate),
                                    (bf16 ? 1e-4 : 1e-5) * (1.0 + fabs(value) + fabs(gate)));
                    }
            data_done(&d);
        }
}

/* Into `other` what d->out has, by other threads and one by one. */
static void assert_nothing_but_shape_counts(const linear_data *d, uint32_t isa, bool geglu,
                                            const guarded *other)
{
    const int n = d->shape->n;
    run(d, isa, 3, 0, n, geglu, other);
    assert_same_maps(&d->out, other);
    for (int i = 0; i < n; i++)
        run(d, isa, 2, i, 1, geglu, other);
    assert_same_maps(&d->out, other);
}

static void linear_does_not_depend_on_threads_or_neighbours(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++)
            for (int variant = 0; variant < 2 * (int)ATL_COUNT(dtypes); variant++) {
                linear_data d;
                bool geglu = variant % 2;
                int c_out = geglu ? cases[i].n_out / 2 : cases[i].n_out;
                data_init(&d, &cases[i], dtypes[variant / 2], false, c_out);
                guarded other = guarded_map(cases[i].n, 1, cases[i].rows, c_out, 3);
                run(&d, isas[isa], 1, 0, cases[i].n, geglu, &d.out);
                assert_nothing_but_shape_counts(&d, isas[isa], geglu, &other);
                guarded_free(&other);
                data_done(&d);
            }
}

/* Results and residuals in bf16 too; out of the same numbers come the same ones, rounded. */
static void linear_of_bf16_maps_does_not_depend_on_threads_or_neighbours(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++)
            for (int geglu = 0; geglu < (cases[i].n_out % 64 == 0 ? 2 : 1); geglu++) {
                linear_data d;
                int c_out = geglu ? cases[i].n_out / 2 : cases[i].n_out;
                data_init(&d, &cases[i], ATL_BF16, false, c_out);
                guarded_round(&d.residual, ATL_BF16);
                guarded other = guarded_map(cases[i].n, 1, cases[i].rows, c_out, 3);
                run(&d, isas[isa], 2, 0, cases[i].n, geglu, &other);
                guarded_narrow(&other);
                guarded_narrow(&d.x);
                guarded_narrow(&d.residual);
                guarded_narrow(&d.out);
                run(&d, isas[isa], 1, 0, cases[i].n, geglu, &d.out);
                assert_same_maps(&d.out, &other);
                assert_nothing_but_shape_counts(&d, isas[isa], geglu, &other);
                guarded_free(&other);
                data_done(&d);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_of_whole_numbers_is_exact),
        cmocka_unit_test(linear_of_reals_is_near_the_sum_in_double),
        cmocka_unit_test(linear_and_geglu_in_s8_are_as_near_as_their_rounding),
        cmocka_unit_test(geglu_multiplies_the_first_half_by_gelu_of_the_second),
        cmocka_unit_test(linear_does_not_depend_on_threads_or_neighbours),
        cmocka_unit_test(linear_of_bf16_maps_does_not_depend_on_threads_or_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
