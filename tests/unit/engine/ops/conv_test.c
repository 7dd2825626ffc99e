/* conv_test.c - convolutions against sums in double, on every instruction set. */
#include "unit/engine/ops/ops_fixture.h"

#include "ops/elementwise.h"
#include "ops/layers.h"

typedef struct conv_case {
    int n, h, w, c, c_more, c_out, kernel, stride, pad_before, pad_after;
    bool upsample, bias, per_picture, residual;
    atl_activation before, after;
    float scale;
} conv_case;

static const conv_case cases[] = {
    {.n = 1, .h = 1, .w = 1, .c = 1, .c_out = 1, .kernel = 1, .stride = 1},
    {.n = 1, .h = 1, .w = 1, .c = 3, .c_out = 5, .kernel = 3, .stride = 1, .pad_before = 1, .pad_after = 1},
    {.n = 2,
     .h = 5,
     .w = 7,
     .c = 4,
     .c_out = 33,
     .kernel = 3,
     .stride = 1,
     .pad_before = 1,
     .pad_after = 1,
     .bias = true},
    {.n = 3,
     .h = 8,
     .w = 8,
     .c = 32,
     .c_out = 64,
     .kernel = 3,
     .stride = 1,
     .pad_before = 1,
     .pad_after = 1,
     .bias = true,
     .residual = true,
     .per_picture = true,
     .before = ATL_ACT_SILU,
     .scale = 0.5f},
    {.n = 2,
     .h = 9,
     .w = 6,
     .c = 17,
     .c_more = 9,
     .c_out = 40,
     .kernel = 3,
     .stride = 1,
     .pad_before = 1,
     .pad_after = 1,
     .bias = true,
     .after = ATL_ACT_RELU},
    {.n = 2,
     .h = 9,
     .w = 6,
     .c = 16,
     .c_more = 48,
     .c_out = 7,
     .kernel = 1,
     .stride = 1,
     .bias = true,
     .residual = true},
    {.n = 2,
     .h = 7,
     .w = 10,
     .c = 19,
     .c_out = 31,
     .kernel = 3,
     .stride = 2,
     .pad_before = 1,
     .pad_after = 1,
     .bias = true},
    {.n = 1, .h = 8, .w = 9, .c = 19, .c_out = 31, .kernel = 3, .stride = 2, .pad_before = 0, .pad_after = 1},
    {.n = 2,
     .h = 4,
     .w = 5,
     .c = 21,
     .c_out = 35,
     .kernel = 3,
     .stride = 1,
     .pad_before = 1,
     .pad_after = 1,
     .upsample = true,
     .bias = true},
    {.n = 2,
     .h = 5,
     .w = 3,
     .c = 5,
     .c_more = 6,
     .c_out = 65,
     .kernel = 3,
     .stride = 1,
     .pad_before = 1,
     .pad_after = 1,
     .upsample = true,
     .residual = true,
     .scale = 2.0f},
    {.n = 2, .h = 11, .w = 13, .c = 8, .c_out = 12, .kernel = 1, .stride = 2, .bias = true},
    {.n = 2,
     .h = 16,
     .w = 17,
     .c = 130,
     .c_more = 70,
     .c_out = 100,
     .kernel = 3,
     .stride = 1,
     .pad_before = 1,
     .pad_after = 1,
     .bias = true,
     .per_picture = true,
     .residual = true,
     .before = ATL_ACT_GELU,
     .after = ATL_ACT_TANH},
    {.n = 3, /* lines of a patch that rolls, through three pictures */
     .h = 5,
     .w = 32,
     .c = 32,
     .c_out = 40,
     .kernel = 3,
     .stride = 1,
     .pad_before = 1,
     .pad_after = 1,
     .bias = true,
     .residual = true,
     .per_picture = true},
    {.n = 2,
     .h = 7,
     .w = 32,
     .c = 32,
     .c_more = 32,
     .c_out = 3,
     .kernel = 3,
     .stride = 1,
     .pad_before = 1,
     .pad_after = 1,
     .upsample = true,
     .bias = true},
    {.n = 1, .h = 6, .w = 5, .c = 1100, .c_out = 96, .kernel = 1, .stride = 1, .bias = true},
    {.n = 2,
     .h = 3,
     .w = 16,
     .c = 40,
     .c_more = 24,
     .c_out = 70,
     .kernel = 3,
     .stride = 1,
     .pad_before = 1,
     .pad_after = 1,
     .upsample = true,
     .bias = true,
     .per_picture = true,
     .residual = true},
    {.n = 2,
     .h = 1,
     .w = 16,
     .c = 512,
     .c_out = 231, /* long sums, of which panels pass by in parts */
     .kernel = 3,
     .stride = 1,
     .pad_before = 1,
     .pad_after = 1},
    {.n = 2,
     .h = 1,
     .w = 16,
     .c = 384,
     .c_more = 320, /* channels in two slices */
     .c_out = 97,
     .kernel = 3,
     .stride = 1,
     .pad_before = 1,
     .pad_after = 1,
     .bias = true,
     .per_picture = true,
     .residual = true},
    {.n = 1,
     .h = 2,
     .w = 8,
     .c = 672,
     .c_out = 97,
     .kernel = 3,
     .stride = 1,
     .pad_before = 1,
     .pad_after = 1,
     .bias = true},
};

/* In f16 and bf16, weights and bf16's inputs are such as it can hold: then the bounds are those of f32. */
enum { N_EXACT = 3 }; /* of the types */
static const atl_dtype dtypes[] = {ATL_F32, ATL_F16, ATL_BF16, ATL_S8};

typedef struct conv_data {
    const conv_case *shape;
    atl_conv conv;
    void *region;
    float *weight, *bias, *per_picture;
    guarded x, more, residual, out;
} conv_data;

static void data_init(conv_data *d, const conv_case *s, atl_dtype dtype, bool whole)
{
    int c_in = s->c + s->c_more;
    *d = (conv_data){.shape = s};
    d->region = aligned_alloc(64, atl_conv_packed_bytes(c_in, s->c_out, s->kernel, s->bias, dtype));
    assert_non_null(d->region);
    atl_conv_bind(&d->conv, c_in, s->c_out, s->kernel, s->stride, s->pad_before, s->pad_after, s->bias, dtype,
                  d->region);
    size_t row = (size_t)c_in * (size_t)s->kernel * (size_t)s->kernel;
    d->weight = fixture_numbers((size_t)s->c_out * row, 1, whole);
    d->bias = fixture_numbers((size_t)s->c_out, 2, whole);
    fixture_round(d->weight, (size_t)s->c_out * row, dtype);
    d->per_picture = fixture_numbers((size_t)s->n * (size_t)(s->c_out + 3), 3, whole);
    for (int first = 0; first < s->c_out; first += 64) { /* in chunks, as the loader may */
        int count = s->c_out - first < 64 ? s->c_out - first : 64;
        atl_conv_pack(&d->conv, first, count, d->weight + (size_t)first * row,
                      s->bias ? d->bias + first : NULL, d->region);
    }
    int up = s->upsample ? 2 : 1;
    int h = atl_conv_out_size(&d->conv, s->h * up), w = atl_conv_out_size(&d->conv, s->w * up);
    d->x = guarded_map(s->n, s->h, s->w, s->c, 2);
    d->more = guarded_map(s->n, s->h, s->w, s->c_more ? s->c_more : 1, 0);
    d->residual = guarded_map(s->n, h, w, s->c_out, 1);
    d->out = guarded_map(s->n, h, w, s->c_out, 3);
    guarded_fill(&d->x, 4, whole);
    guarded_fill(&d->more, 5, whole);
    guarded_fill(&d->residual, 6, whole);
    guarded_round(&d->x, dtype);
    guarded_round(&d->more, dtype);
}

static void data_done(conv_data *d)
{
    guarded_free(&d->x);
    guarded_free(&d->more);
    guarded_free(&d->residual);
    guarded_free(&d->out);
    free(d->region);
    free(d->weight);
    free(d->bias);
    free(d->per_picture);
}

/* The pictures [first, first + n) of the case, into the same places of `out`. */
static void run(const conv_data *d, uint32_t cpu_flags, int n_threads, int first, int n, const guarded *out)
{
    fixture f;
    fixture_init(&f, cpu_flags, n_threads);
    const conv_case *s = d->shape;
    atl_map x = atl_map_pictures(&d->x.map, first, n), more = atl_map_pictures(&d->more.map, first, n);
    atl_map residual = atl_map_pictures(&d->residual.map, first, n),
            to = atl_map_pictures(&out->map, first, n);
    atl_conv_input in = {.x = &x, .x_more = s->c_more ? &more : NULL, .upsample = s->upsample};
    atl_epilogue epilogue = {.before = s->before, .after = s->after, .scale = s->scale};
    if (s->residual)
        epilogue.residual = &residual;
    if (s->per_picture) {
        epilogue.per_picture = d->per_picture + (size_t)first * (size_t)(s->c_out + 3);
        epilogue.per_picture_stride = (size_t)s->c_out + 3;
    }
    atl_conv_run(&f.bench, &d->conv, &in, &epilogue, &to);
    fixture_done(&f);
}

static double input_at(const conv_data *d, int n, int y, int x, int c)
{
    int up = d->shape->upsample ? 2 : 1;
    if (y < 0 || x < 0 || y >= d->shape->h * up || x >= d->shape->w * up)
        return 0.0;
    return c < d->shape->c ? (double)guarded_at(&d->x, n, y / up, x / up)[c]
                           : (double)guarded_at(&d->more, n, y / up, x / up)[c - d->shape->c];
}

static double expected(const conv_data *d, int n, int y, int x, int o)
{
    const conv_case *s = d->shape;
    int c_in = s->c + s->c_more, kernel = s->kernel;
    double sum = 0.0;
    for (int c = 0; c < c_in; c++)
        for (int dy = 0; dy < kernel; dy++)
            for (int dx = 0; dx < kernel; dx++)
                sum += input_at(d, n, y * s->stride + dy - s->pad_before, x * s->stride + dx - s->pad_before,
                                c) *
                       (double)d->weight[((o * c_in + c) * kernel + dy) * kernel + dx];
    sum += s->bias ? (double)d->bias[o] : 0.0;
    sum += s->per_picture ? (double)d->per_picture[n * (s->c_out + 3) + o] : 0.0;
    sum = (double)atl_activate_one(s->before, (float)sum);
    sum += s->residual ? (double)guarded_at(&d->residual, n, y, x)[o] : 0.0;
    return (double)atl_activate_one(s->after, (float)(sum * (s->scale != 0.0f ? (double)s->scale : 1.0)));
}

/* All of them, in the map's order: once for all instruction sets. */
static double *expect_all(const conv_data *d)
{
    const atl_map *out = &d->out.map;
    double *wanted = malloc(atl_map_rows(out) * (size_t)out->c * sizeof *wanted), *at = wanted;
    assert_non_null(wanted);
    for (int n = 0; n < d->shape->n; n++)
        for (int y = 0; y < out->h; y++)
            for (int x = 0; x < out->w; x++)
                for (int o = 0; o < out->c; o++)
                    *at++ = expected(d, n, y, x, o);
    return wanted;
}

/* Channel o of a row of the output, counted through all pictures and lines. */
static double found_at(const conv_data *d, size_t row, int o)
{
    return (double)atl_map_f32(&d->out.map)[row * d->out.map.stride + (size_t)o];
}

static void check_case(const conv_case *s, atl_dtype dtype, bool whole)
{
    conv_data d;
    uint32_t isas[FIXTURE_ISAS];
    data_init(&d, s, dtype, whole);
    bool exact = whole && s->before == ATL_ACT_NONE && s->after <= ATL_ACT_RELU;
    double *wanted = expect_all(&d);
    for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
        run(&d, isas[isa], 1, 0, s->n, &d.out);
        guarded_check(&d.out);
        for (size_t row = 0; row < atl_map_rows(&d.out.map); row++)
            for (int o = 0; o < s->c_out; o++)
                assert_near((float)found_at(&d, row, o), wanted[row * (size_t)s->c_out + (size_t)o],
                            exact ? 0.0 : 4e-5);
    }
    free(wanted);
    data_done(&d);
}

static void conv_of_whole_numbers_is_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        for (int j = 0; j < N_EXACT; j++)
            check_case(&cases[i], dtypes[j], true);
}

static void conv_of_reals_is_near_the_sum_in_double(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        for (int j = 0; j < N_EXACT; j++)
            check_case(&cases[i], dtypes[j], false);
}

/* In s8, a product of x and w that are rounded by at most dx and dw is off by |w|·dx + |x|·dw + dx·dw: half a
 * unit of 1/127 of the largest in sight each, where what is in sight of x may be sixteen neighbours. */
static void check_in_s8(conv_case s)
{
    uint32_t isas[FIXTURE_ISAS];
    s.before = s.after = ATL_ACT_NONE;
    s.scale = 1.0f;
    conv_data d;
    data_init(&d, &s, ATL_S8, false);
    const double k = (double)(s.kernel * s.kernel * (s.c + s.c_more)), unit = 0.5 / 127.0;
    double *wanted = expect_all(&d);
    for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
        double squares = 0.0, all = 0.0;
        run(&d, isas[isa], 2, 0, s.n, &d.out);
        guarded_check(&d.out);
        for (size_t row = 0; row < atl_map_rows(&d.out.map); row++)
            for (int o = 0; o < s.c_out; o++, all++) {
                const double off = found_at(&d, row, o) - wanted[row * (size_t)s.c_out + (size_t)o];
                assert_true(fabs(off) <= k * (2.0 * unit + unit * unit) + 1e-4);
                squares += off * off;
            }
        /* Each of 2·k roundings adds unit²/3 · (|w|² or |x|²: 1/3 each). */
        assert_true(sqrt(squares / all) <= 1.3 * sqrt(2.0 * k / 3.0 * unit * unit / 3.0) + 1e-5);
    }
    free(wanted);
    data_done(&d);
}

static void conv_in_s8_is_as_near_as_its_rounding(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        check_in_s8(cases[i]);
}

static void conv_in_s8_may_take_k_in_chunks_of_whole_taps(void **state)
{
    (void)state;
    check_in_s8((conv_case){.n = 1,
                            .h = 2,
                            .w = 16,
                            .c = 320,
                            .c_more = 256,
                            .c_out = 224,
                            .kernel = 3,
                            .stride = 1,
                            .pad_before = 1,
                            .pad_after = 1});
}

static void conv_does_not_depend_on_threads_or_neighbours(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (size_t j = 0; j < ATL_COUNT(dtypes) * ATL_COUNT(cases); j++)
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
            conv_data d;
            size_t i = j / ATL_COUNT(dtypes);
            data_init(&d, &cases[i], dtypes[j % ATL_COUNT(dtypes)], false);
            guarded other = guarded_map(d.out.map.n, d.out.map.h, d.out.map.w, d.out.map.c, 3);
            run(&d, isas[isa], 1, 0, cases[i].n, &d.out);
            for (int n_threads = 2; n_threads <= 3; n_threads++) {
                run(&d, isas[isa], n_threads, 0, cases[i].n, &other);
                assert_same_maps(&d.out, &other);
            }
            for (int n = 0; n < cases[i].n; n++) /* one by one */
                run(&d, isas[isa], 2, n, 1, &other);
            assert_same_maps(&d.out, &other);
            guarded_free(&other);
            data_done(&d);
        }
}

static void narrow_all(conv_data *d)
{
    guarded_narrow(&d->x);
    guarded_narrow(&d->more);
    guarded_narrow(&d->residual);
    guarded_narrow(&d->out);
}

/* Inputs that bf16 can hold: what comes out is then the f32 map's numbers, rounded. */
static void conv_of_bf16_maps_does_not_depend_on_threads_or_neighbours(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (size_t i = 0; i < ATL_COUNT(cases); i++)
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
            conv_data d;
            data_init(&d, &cases[i], ATL_BF16, false);
            guarded_round(&d.residual, ATL_BF16);
            guarded other = guarded_map(d.out.map.n, d.out.map.h, d.out.map.w, d.out.map.c, 3);
            bool cheaper = cases[i].before != ATL_ACT_NONE || cases[i].after != ATL_ACT_NONE;
            run(&d, isas[isa], 2, 0, cases[i].n, &other);
            guarded_narrow(&other);
            narrow_all(&d);
            run(&d, isas[isa], 1, 0, cases[i].n, &d.out);
            if (!cheaper) /* activations on their way to bf16 need not be exact */
                assert_same_maps(&d.out, &other);
            for (int n_threads = 2; n_threads <= 3; n_threads++) {
                run(&d, isas[isa], n_threads, 0, cases[i].n, &other);
                assert_same_maps(&d.out, &other);
            }
            for (int n = 0; n < cases[i].n; n++) /* one by one */
                run(&d, isas[isa], 2, n, 1, &other);
            assert_same_maps(&d.out, &other);
            guarded_free(&other);
            data_done(&d);
        }
}

/* Some lines at a time, the last ones first: the same numbers, and no other line is touched. */
static void conv_of_lines_is_that_of_all(void **state)
{
    static const conv_case shapes[] = {
        {.n = 1, .h = 37, .w = 32, .c = 32, .c_out = 40, .residual = true}, /* a patch that rolls */
        {.n = 1, .h = 11, .w = 16, .c = 64, .c_out = 33, .bias = true},
        {.n = 1, .h = 9, .w = 16, .c = 32, .c_out = 96, .upsample = true, .bias = true},
        {.n = 1, .h = 6, .w = 16, .c = 672, .c_out = 97},
    };
    uint32_t isas[FIXTURE_ISAS];
    (void)state;
    for (size_t i = 0; i < 2 * ATL_COUNT(shapes); i++) {
        conv_data d;
        conv_case shape = shapes[i / 2];
        shape.kernel = 3;
        shape.stride = shape.pad_before = shape.pad_after = 1;
        data_init(&d, &shape, ATL_BF16, false);
        guarded parts = guarded_map(1, d.out.map.h, d.out.map.w, shape.c_out, 3);
        if (i % 2) {
            narrow_all(&d);
            guarded_narrow(&parts);
        }
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
            fixture f;
            fixture_init(&f, isas[isa], 1 + isa % 3);
            const atl_conv_input in = {.x = &d.x.map, .upsample = shape.upsample};
            const atl_epilogue epilogue = {.residual = shape.residual ? &d.residual.map : NULL};
            assert_true(atl_conv_runs_lines(&f.bench, &d.conv, &in));
            atl_conv_run(&f.bench, &d.conv, &in, &epilogue, &d.out.map);
            for (int end = d.out.map.h, n = 1; end > 0; end -= n, n = n + 3 < end ? n + 3 : end)
                atl_conv_run_lines(&f.bench, &d.conv, &in, &epilogue, &parts.map, (atl_lines){end - n, n});
            if (i % 2 == 0)
                guarded_check(&parts);
            assert_same_maps(&d.out, &parts);
            fixture_done(&f);
        }
        guarded_free(&parts);
        data_done(&d);
    }
}

static void conv_may_write_over_its_residual(void **state)
{
    (void)state;
    conv_data d;
    data_init(&d, &cases[3], ATL_BF16, false);
    run(&d, atl_cpu_flags(), 2, 0, cases[3].n, &d.out);
    float first = guarded_at(&d.out, 0, 0, 0)[0];
    run(&d, atl_cpu_flags(), 2, 0, cases[3].n, &d.residual); /* out = residual */
    assert_memory_equal(&first, guarded_at(&d.residual, 0, 0, 0), sizeof first);
    for (int c = 0; c < cases[3].c_out; c++)
        assert_memory_equal(guarded_at(&d.out, 2, 7, 7) + c, guarded_at(&d.residual, 2, 7, 7) + c,
                            sizeof first);
    data_done(&d);
}

static void check_scratch(const conv_case *shape, atl_dtype dtype)
{
    conv_data d;
    data_init(&d, shape, dtype, false);
    fixture f;
    fixture_init(&f, atl_cpu_flags(), 2);
    atl_arena measure = atl_arena_measure();
    atl_bench dry = f.bench;
    dry.arena = &measure;
    atl_conv_input in = {
        .x = &d.x.map, .x_more = shape->c_more ? &d.more.map : NULL, .upsample = shape->upsample};
    atl_conv_run(&dry, &d.conv, &in, NULL, &d.out.map);
    guarded_check(&d.out);
    atl_conv_run(&f.bench, &d.conv, &in, NULL, &d.out.map);
    assert_int_equal(measure.used_bytes, 0);
    assert_int_equal(measure.peak_bytes, f.arena.peak_bytes);
    fixture_done(&f);
    data_done(&d);
}

static void conv_measures_the_scratch_that_it_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATL_COUNT(dtypes) * ATL_COUNT(cases); i++)
        check_scratch(&cases[i / ATL_COUNT(dtypes)], dtypes[i % ATL_COUNT(dtypes)]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_of_whole_numbers_is_exact),
        cmocka_unit_test(conv_of_reals_is_near_the_sum_in_double),
        cmocka_unit_test(conv_in_s8_is_as_near_as_its_rounding),
        cmocka_unit_test(conv_in_s8_may_take_k_in_chunks_of_whole_taps),
        cmocka_unit_test(conv_does_not_depend_on_threads_or_neighbours),
        cmocka_unit_test(conv_of_bf16_maps_does_not_depend_on_threads_or_neighbours),
        cmocka_unit_test(conv_of_lines_is_that_of_all),
        cmocka_unit_test(conv_may_write_over_its_residual),
        cmocka_unit_test(conv_measures_the_scratch_that_it_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
