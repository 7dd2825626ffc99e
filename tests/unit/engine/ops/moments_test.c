/* moments_test.c - what products leave for GroupNorm is what GroupNorm would find itself, to the bit. */
#include "unit/engine/ops/ops_fixture.h"

#include "ops/layers.h"
#include "ops/moments.h"

typedef struct product_case {
    int n, h, w, c_in, c_out, kernel;
    bool residual, time;
    atl_activation act;
    bool left;
} product_case;

/* Padded patches, one that rolls, blocks of whole pieces where lines are not, slices of channels, rows that
 * are read once, pieces of a large picture; pictures that are not whole pieces, and columns that are not
 * whole panels. */
static const product_case cases[] = {
    {2, 8, 16, 32, 64, 3, true, false, ATL_ACT_NONE, true},
    {1, 80, 64, 32, 32, 3, false, true, ATL_ACT_NONE, true},
    {1, 10, 96, 32, 32, 3, true, false, ATL_ACT_NONE, true},
    {3, 8, 8, 640, 64, 3, false, true, ATL_ACT_NONE, true},
    {1, 32, 32, 64, 160, 1, true, false, ATL_ACT_NONE, true},
    {1, 256, 256, 32, 32, 1, true, true, ATL_ACT_NONE, true},
    {2, 8, 16, 32, 32, 3, false, false, ATL_ACT_QUICK_GELU, true},
    {2, 5, 7, 32, 32, 3, false, false, ATL_ACT_NONE, false},
    {2, 8, 16, 32, 40, 3, false, false, ATL_ACT_NONE, false},
};

typedef struct product_data {
    const product_case *shape;
    float *weight, *bias, *time;
    void *region;
    atl_conv conv;
    guarded x, residual;
} product_data;

static void data_init(product_data *d, const product_case *s)
{
    const size_t taps = (size_t)(s->kernel * s->kernel), n_out = (size_t)s->c_out;
    *d = (product_data){.shape = s};
    d->weight = fixture_numbers((size_t)s->c_in * taps * n_out, 1, false);
    d->bias = fixture_numbers(n_out, 2, false);
    d->time = fixture_numbers((size_t)s->n * n_out, 3, false);
    for (size_t i = 0; i < n_out; i++)
        d->bias[i] *= 30.0f; /* sums of squares must not cancel */
    d->region = aligned_alloc(64, atl_conv_packed_bytes(s->c_in, s->c_out, s->kernel, true, ATL_BF16));
    assert_non_null(d->region);
    atl_conv_bind(&d->conv, s->c_in, s->c_out, s->kernel, 1, s->kernel / 2, s->kernel / 2, true, ATL_BF16,
                  d->region);
    atl_conv_pack(&d->conv, 0, s->c_out, d->weight, d->bias, d->region);
    d->x = guarded_map(s->n, s->h, s->w, s->c_in, 0);
    d->residual = guarded_map(s->n, s->h, s->w, s->c_out, 1);
    guarded_fill(&d->x, 4, false);
    guarded_fill(&d->residual, 5, false);
    guarded_narrow(&d->x);
    guarded_narrow(&d->residual);
}

static void data_done(product_data *d)
{
    guarded_free(&d->x);
    guarded_free(&d->residual);
    free(d->region);
    free(d->weight);
    free(d->bias);
    free(d->time);
}

static void run_product(const product_data *d, const atl_bench *bench, const atl_map *out)
{
    const product_case *s = d->shape;
    atl_epilogue epilogue = {.before = s->act, .per_picture_stride = (size_t)s->c_out};
    if (s->residual)
        epilogue.residual = &d->residual.map;
    if (s->time)
        epilogue.per_picture = d->time;
    atl_conv_run(bench, &d->conv, &(atl_conv_input){.x = &d->x.map}, &epilogue, out);
}

/* Each piece of `map` against one that is summed now. */
static void check_pieces(const atl_bench *bench, const atl_map *map)
{
    const size_t pieces = atl_moments_pieces(map), n_c = (size_t)map->c;
    float *want = atl_arena_take(bench->arena, 2 * n_c * sizeof *want);
    for (size_t piece = 0; piece < (size_t)map->n * pieces; piece++) {
        atl_moments_sum(bench->kernels, map, piece / pieces, piece % pieces, n_c, want);
        assert_memory_equal(map->moments->pieces + piece * 2 * n_c, want, 2 * n_c * sizeof *want);
    }
}

static void check_product(const product_data *d, uint32_t cpu_flags, int n_threads)
{
    const product_case *s = d->shape;
    fixture f;
    fixture_init(&f, cpu_flags, n_threads);
    atl_map out = atl_map_take(&f.bench, ATL_BF16, s->n, s->h, s->w, s->c_out);
    atl_moments_take(&f.bench, &out);
    assert_false(atl_moments_known(&out));
    run_product(d, &f.bench, &out);
    assert_true(atl_moments_known(&out) == s->left);
    if (s->left)
        check_pieces(&f.bench, &out);
    atl_arena_release(&f.arena, 0);
    fixture_done(&f);
}

static void product_leaves_what_a_pass_of_its_own_finds(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        product_data d;
        data_init(&d, &cases[i]);
        for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++)
            for (int n_threads = 1; n_threads <= 3; n_threads++)
                check_product(&d, isas[isa], n_threads);
        data_done(&d);
    }
}

/* Two maps joined, of which one, the other, both or none has moments. */
static void norm_is_the_same_whoever_summed(void **state)
{
    (void)state;
    const atl_norm norm = {.c = 128, .groups = 1, .eps = 1e-5f};
    guarded want = guarded_map(2, 8, 16, 128, 1), got = guarded_map(2, 8, 16, 128, 1);
    product_data d;
    fixture f;
    data_init(&d, &cases[0]);
    guarded_narrow(&want);
    guarded_narrow(&got);
    fixture_init(&f, atl_cpu_flags(), 2);
    for (int known = 0; known < 4; known++) {
        atl_map x = atl_map_take(&f.bench, ATL_BF16, 2, 8, 16, 64), more = x;
        more.data = atl_arena_take(&f.arena, atl_map_rows(&x) * 64 * sizeof(uint16_t));
        if (known & 1)
            atl_moments_take(&f.bench, &x);
        if (known & 2)
            atl_moments_take(&f.bench, &more);
        run_product(&d, &f.bench, &x);
        run_product(&d, &f.bench, &more);
        atl_group_norm(&f.bench, &norm, &x, &more, ATL_ACT_SILU, known ? &got.map : &want.map);
        if (known)
            assert_same_maps(&got, &want);
        atl_arena_release(&f.arena, 0);
    }
    fixture_done(&f);
    guarded_free(&want);
    guarded_free(&got);
    data_done(&d);
}

/* A map that is written anew has no moments of what was there before, unless they are left anew. */
static void product_in_f32_says_that_it_left_none(void **state)
{
    (void)state;
    fixture f;
    product_data d;
    data_init(&d, &cases[0]);
    fixture_init(&f, atl_cpu_flags(), 1);
    atl_map out = atl_map_take(&f.bench, ATL_BF16, 2, 8, 16, 64);
    atl_moments_take(&f.bench, &out);
    run_product(&d, &f.bench, &out);
    assert_true(atl_moments_known(&out));
    free(d.region);
    d.region = aligned_alloc(64, atl_conv_packed_bytes(32, 64, 3, true, ATL_F32));
    assert_non_null(d.region);
    atl_conv_bind(&d.conv, 32, 64, 3, 1, 1, 1, true, ATL_F32, d.region);
    atl_conv_pack(&d.conv, 0, 64, d.weight, d.bias, d.region);
    run_product(&d, &f.bench, &out);
    assert_false(atl_moments_known(&out));
    atl_arena_release(&f.arena, 0);
    fixture_done(&f);
    data_done(&d);
}

/* Bands from the last to the first, as a map is made where another one stands. */
static void bands_of_lines_leave_theirs(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    product_data d;
    data_init(&d, &cases[1]);
    for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
        fixture f;
        fixture_init(&f, isas[isa], 2);
        atl_map out = atl_map_take(&f.bench, ATL_BF16, 1, 80, 64, 32);
        atl_moments_take(&f.bench, &out);
        for (int first = 60; first >= 0; first -= 20) {
            assert_false(atl_moments_known(&out));
            atl_conv_run_lines(&f.bench, &d.conv, &(atl_conv_input){.x = &d.x.map}, NULL, &out,
                               (atl_lines){first, 20});
        }
        assert_true(atl_moments_known(&out));
        check_pieces(&f.bench, &out);
        atl_arena_release(&f.arena, 0);
        fixture_done(&f);
    }
    data_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_leaves_what_a_pass_of_its_own_finds),
        cmocka_unit_test(norm_is_the_same_whoever_summed),
        cmocka_unit_test(bands_of_lines_leave_theirs),
        cmocka_unit_test(product_in_f32_says_that_it_left_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
