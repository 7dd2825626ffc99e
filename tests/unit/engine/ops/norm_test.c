/* norm_test.c - GroupNorm and LayerNorm against statistics in double, on every instruction set. */
#include "unit/engine/ops/ops_fixture.h"

#include "ops/elementwise.h"
#include "ops/layers.h"

typedef struct group_case {
    int n, h, w, c, c_more, groups;
    atl_activation act;
    float offset; /* added to every input: statistics must not cancel */
} group_case;

static const group_case cases[] = {
    {1, 1, 1, 4, 0, 2, ATL_ACT_NONE, 0},
    {2, 5, 7, 32, 0, 32, ATL_ACT_SILU, 0},
    {2, 9, 8, 48, 16, 8, ATL_ACT_SILU, 0},
    {3, 8, 8, 21, 12, 3, ATL_ACT_NONE, 0}, /* a group across the seam */
    {1, 33, 31, 20, 0, 5, ATL_ACT_NONE, 300.0f},
    {2, 16, 16, 40, 0, 1, ATL_ACT_SILU, -40.0f},
};

typedef struct group_data {
    const group_case *shape;
    float *gamma, *beta;
    void *region;
    atl_norm norm;
    guarded x, more, out;
} group_data;

static void data_init(group_data *d, const group_case *s)
{
    int c = s->c + s->c_more;
    d->shape = s;
    d->gamma = fixture_numbers((size_t)c, 1, false);
    d->beta = fixture_numbers((size_t)c, 2, false);
    d->region = aligned_alloc(64, atl_norm_packed_bytes(c));
    assert_non_null(d->region);
    atl_norm_pack(c, d->gamma, d->beta, d->region);
    atl_norm_bind(&d->norm, c, s->groups, 1e-5f, d->region);
    d->x = guarded_map(s->n, s->h, s->w, s->c, 1);
    d->more = guarded_map(s->n, s->h, s->w, s->c_more ? s->c_more : 1, 2);
    d->out = guarded_map(s->n, s->h, s->w, c, 3);
    guarded_fill(&d->x, 3, false);
    guarded_fill(&d->more, 4, false);
    for (size_t i = 0; i < d->x.n_floats; i++)
        if (d->x.block[i] <= 1.0f)
            d->x.block[i] += s->offset;
}

static void data_done(group_data *d)
{
    guarded_free(&d->x);
    guarded_free(&d->more);
    guarded_free(&d->out);
    free(d->gamma);
    free(d->beta);
    free(d->region);
}

static void run(const group_data *d, uint32_t cpu_flags, int n_threads, int first, int n, const guarded *out)
{
    fixture f;
    fixture_init(&f, cpu_flags, n_threads);
    atl_map x = atl_map_pictures(&d->x.map, first, n), more = atl_map_pictures(&d->more.map, first, n);
    atl_map to = atl_map_pictures(&out->map, first, n);
    atl_group_norm(&f.bench, &d->norm, &x, d->shape->c_more ? &more : NULL, d->shape->act, &to);
    fixture_done(&f);
}

static double input_at(const group_data *d, int n, int row, int c)
{
    int y = row / d->shape->w, x = row % d->shape->w;
    return c < d->shape->c ? (double)guarded_at(&d->x, n, y, x)[c]
                           : (double)guarded_at(&d->more, n, y, x)[c - d->shape->c];
}

static void check_group(const group_data *d, int n, int group, double bound)
{
    int size = d->norm.c / d->shape->groups, rows = d->shape->h * d->shape->w, first = group * size;
    double mean = 0.0, variance = 0.0;
    for (int row = 0; row < rows; row++)
        for (int c = first; c < first + size; c++)
            mean += input_at(d, n, row, c) / (rows * size);
    for (int row = 0; row < rows; row++)
        for (int c = first; c < first + size; c++)
            variance += pow(input_at(d, n, row, c) - mean, 2) / (rows * size);
    for (int row = 0; row < rows; row++)
        for (int c = first; c < first + size; c++) {
            double y = (input_at(d, n, row, c) - mean) / sqrt(variance + 1e-5) * (double)d->gamma[c] +
                       (double)d->beta[c];
            assert_near(guarded_at(&d->out, n, row / d->shape->w, row % d->shape->w)[c],
                        (double)atl_activate_one(d->shape->act, (float)y), bound);
        }
}

static void group_norm_is_near_statistics_in_double(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        group_data d;
        data_init(&d, &cases[i]);
        double bound = 1e-5 + 2e-7 * fabs((double)cases[i].offset); /* shift = -mean·scale is rounded once */
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
            run(&d, isas[isa], 2, 0, cases[i].n, &d.out);
            guarded_check(&d.out);
            for (int n = 0; n < cases[i].n; n++)
                for (int group = 0; group < cases[i].groups; group++)
                    check_group(&d, n, group, bound);
        }
        data_done(&d);
    }
}

static void group_norm_does_not_depend_on_threads_or_neighbours(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
            group_data d;
            data_init(&d, &cases[i]);
            guarded other = guarded_map(cases[i].n, cases[i].h, cases[i].w, d.out.map.c, 3);
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

static void group_norm_of_bf16_maps_does_not_depend_on_threads_or_neighbours(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
            group_data d;
            data_init(&d, &cases[i]);
            guarded_round(&d.x, ATL_BF16);
            guarded_round(&d.more, ATL_BF16);
            guarded other = guarded_map(cases[i].n, cases[i].h, cases[i].w, d.out.map.c, 3);
            run(&d, isas[isa], 2, 0, cases[i].n, &other);
            guarded_narrow(&other);
            guarded_narrow(&d.x);
            guarded_narrow(&d.more);
            guarded_narrow(&d.out);
            run(&d, isas[isa], 1, 0, cases[i].n, &d.out);
            if (cases[i].act == ATL_ACT_NONE) /* SiLU on its way to bf16 need not be exact */
                assert_same_maps(&d.out, &other);
            run(&d, isas[isa], 3, 0, cases[i].n, &other);
            assert_same_maps(&d.out, &other);
            for (int n = 0; n < cases[i].n; n++)
                run(&d, isas[isa], 2, n, 1, &other);
            assert_same_maps(&d.out, &other);
            guarded_free(&other);
            data_done(&d);
        }
}

static void group_norm_works_in_place(void **state)
{
    (void)state;
    group_data d;
    data_init(&d, &cases[1]);
    guarded in_place = guarded_map(2, 5, 7, 32, 1);
    memcpy(in_place.block, d.x.block, d.x.n_floats * sizeof(float));
    run(&d, atl_cpu_flags(), 2, 0, 2, &d.out);
    guarded x = d.x;
    d.x = in_place;
    run(&d, atl_cpu_flags(), 2, 0, 2, &in_place);
    d.x = x;
    for (int y = 0; y < 5; y++)
        for (int column = 0; column < 7; column++)
            assert_memory_equal(guarded_at(&in_place, 1, y, column), guarded_at(&d.out, 1, y, column),
                                32 * sizeof(float));
    guarded_free(&in_place);
    data_done(&d);
}

typedef struct norm_conv_case {
    int n, h, w, c, c_more, groups, c_out;
} norm_conv_case;

/* A seam, a border within a block, a patch that rolls, and widths that are not padded. */
static const norm_conv_case norm_conv_cases[] = {
    {2, 5, 32, 32, 64, 8, 40}, {3, 8, 16, 64, 0, 32, 32}, {1, 80, 64, 32, 0, 4, 33}, {2, 5, 7, 32, 0, 8, 32}};

static void run_norm_conv(const norm_conv_case *s, uint32_t cpu_flags, int n_threads, bool apart,
                          const atl_norm *norm, const atl_conv *conv, const atl_conv_input *in,
                          const atl_map *out)
{
    fixture f;
    fixture_init(&f, cpu_flags, n_threads);
    atl_map normed = atl_map_take(&f.bench, ATL_BF16, s->n, s->h, s->w, norm->c);
    if (apart) {
        atl_group_norm(&f.bench, norm, in->x, in->x_more, ATL_ACT_SILU, &normed);
        atl_conv_run(&f.bench, conv, &(atl_conv_input){.x = &normed}, NULL, out);
    } else {
        atl_group_norm_conv(&f.bench, norm, ATL_ACT_SILU, conv, in, NULL, NULL, out);
    }
    atl_arena_release(&f.arena, 0);
    fixture_done(&f);
}

static void check_norm_conv(const norm_conv_case *s, uint32_t cpu_flags)
{
    int c = s->c + s->c_more;
    float *gamma = fixture_numbers((size_t)c, 1, false), *beta = fixture_numbers((size_t)c, 2, false);
    float *weight = fixture_numbers((size_t)c * 9 * (size_t)s->c_out, 6, false);
    void *region = aligned_alloc(64, atl_conv_packed_bytes(c, s->c_out, 3, false, ATL_BF16));
    guarded x = guarded_map(s->n, s->h, s->w, s->c, 1), more = guarded_map(s->n, s->h, s->w, s->c_more, 2);
    guarded one = guarded_map(s->n, s->h, s->w, s->c_out, 3),
            two = guarded_map(s->n, s->h, s->w, s->c_out, 3);
    atl_norm norm = {.c = c, .groups = s->groups, .eps = 1e-5f, .gamma = gamma, .beta = beta};
    atl_conv conv;
    assert_non_null(region);
    atl_conv_bind(&conv, c, s->c_out, 3, 1, 1, 1, false, ATL_BF16, region);
    atl_conv_pack(&conv, 0, s->c_out, weight, NULL, region);
    guarded_fill(&x, 3, false);
    guarded_fill(&more, 4, false);
    guarded_narrow(&x);
    guarded_narrow(&one);
    guarded_narrow(&two);
    atl_conv_input in = {.x = &x.map, .x_more = s->c_more ? &more.map : NULL};
    run_norm_conv(s, cpu_flags, 1, true, &norm, &conv, &in, &one.map);
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        run_norm_conv(s, cpu_flags, n_threads, false, &norm, &conv, &in, &two.map);
        assert_same_maps(&one, &two);
    }
    guarded_free(&x);
    guarded_free(&more);
    guarded_free(&one);
    guarded_free(&two);
    free(region);
    free(weight);
    free(gamma);
    free(beta);
}

static void group_norm_within_a_convolution_is_the_same_to_the_bit(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (size_t i = 0; i < ATL_COUNT(norm_conv_cases); i++)
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++)
            check_norm_conv(&norm_conv_cases[i], isas[isa]);
}

static void check_layer_norm(uint32_t cpu_flags, int c, float offset)
{
    guarded x = guarded_map(2, 3, 23, c, 2), out = guarded_map(2, 3, 23, c, 1);
    float *gamma = fixture_numbers((size_t)c, 1, false), *beta = fixture_numbers((size_t)c, 2, false);
    atl_norm norm = {.c = c, .eps = 1e-5f, .gamma = gamma, .beta = beta};
    fixture f;
    fixture_init(&f, cpu_flags, 2);
    guarded_fill(&x, 5, false);
    for (size_t i = 0; i < x.n_floats; i++)
        x.block[i] += offset;
    atl_layer_norm(&f.bench, &norm, &x.map, &out.map);
    guarded_check(&out);
    for (size_t row = 0; row < atl_map_rows(&x.map); row++) {
        const float *from = x.block + (row + 1) * x.map.stride, *to = out.block + (row + 1) * out.map.stride;
        double mean = 0.0, variance = 0.0;
        for (int i = 0; i < c; i++)
            mean += (double)from[i] / c;
        for (int i = 0; i < c; i++)
            variance += pow((double)from[i] - mean, 2) / c;
        for (int i = 0; i < c; i++)
            assert_near(to[i],
                        ((double)from[i] - mean) / sqrt(variance + 1e-5) * (double)gamma[i] + (double)beta[i],
                        1e-5 + 1e-6 * fabs((double)offset));
    }
    fixture_done(&f);
    guarded_free(&x);
    guarded_free(&out);
    free(gamma);
    free(beta);
}

static void layer_norm_is_near_statistics_in_double(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
        check_layer_norm(isas[isa], 320, 0.0f);
        check_layer_norm(isas[isa], 33, 0.0f);
        check_layer_norm(isas[isa], 768, 50.0f);
        check_layer_norm(isas[isa], 2, -1.0f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(group_norm_is_near_statistics_in_double),
        cmocka_unit_test(group_norm_does_not_depend_on_threads_or_neighbours),
        cmocka_unit_test(group_norm_of_bf16_maps_does_not_depend_on_threads_or_neighbours),
        cmocka_unit_test(group_norm_works_in_place),
        cmocka_unit_test(group_norm_within_a_convolution_is_the_same_to_the_bit),
        cmocka_unit_test(layer_norm_is_near_statistics_in_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
