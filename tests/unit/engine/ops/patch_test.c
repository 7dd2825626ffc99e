/* patch_test.c - the rows of a product in each of their forms, against the pixels that they stand for. */
#include "unit/engine/ops/ops_fixture.h"

#include "ops/patch.h"

typedef struct patch_case {
    const char *name;
    atl_patch_form form;
    bool rolling;
    int n, h, w, c, c_more, kernel, stride;
    bool upsample, narrow; /* narrow: the map is bf16 */
    size_t rows_a_block;   /* in grains */
} patch_case;

static const patch_case cases[] = {
    {"in place", ATL_PATCH_IN_PLACE, false, 2, 5, 9, 32, 0, 1, 1, false, true, 1},
    {"padded", ATL_PATCH_PADDED, false, 3, 4, 16, 32, 0, 3, 1, false, true, 5},
    {"padded, joined, f32", ATL_PATCH_PADDED, false, 2, 5, 48, 32, 64, 3, 1, false, false, 3},
    {"rolling", ATL_PATCH_PADDED, true, 3, 5, 32, 64, 0, 3, 1, false, true, 7},
    {"rolling, up", ATL_PATCH_PADDED, true, 2, 3, 32, 32, 32, 3, 1, true, true, 4},
    {"shifted", ATL_PATCH_SHIFTED, false, 4, 8, 8, 32, 0, 3, 1, false, true, 2},
    {"gathered, stride", ATL_PATCH_GATHERED, false, 2, 7, 10, 32, 0, 3, 2, false, true, 1},
    {"gathered, odd channels", ATL_PATCH_GATHERED, false, 1, 6, 5, 19, 2, 3, 1, false, false, 1},
};

typedef struct patch_data {
    const patch_case *shape;
    guarded x, more, out;
    atl_conv_input in;
    atl_product product;
    atl_patch_plan plan;
} patch_data;

static void data_init(patch_data *d, const patch_case *s)
{
    int up = s->upsample ? 2 : 1, pad = s->kernel / 2;
    *d = (patch_data){.shape = s};
    d->x = guarded_map(s->n, s->h, s->w, s->c, 4);
    d->more = guarded_map(s->n, s->h, s->w, s->c_more ? s->c_more : 1, 0);
    d->out = guarded_map(s->n, (s->h * up - 1) / s->stride + 1, (s->w * up - 1) / s->stride + 1, 1, 0);
    guarded_fill(&d->x, 1, false);
    guarded_fill(&d->more, 2, false);
    guarded_round(&d->x, ATL_BF16);
    guarded_round(&d->more, ATL_BF16);
    if (s->narrow) {
        guarded_narrow(&d->x);
        guarded_narrow(&d->more);
    }
    d->in =
        (atl_conv_input){.x = &d->x.map, .x_more = s->c_more ? &d->more.map : NULL, .upsample = s->upsample};
    d->product = (atl_product){
        .in = &d->in, .kernel = s->kernel, .stride = s->stride, .pad = pad, .n_out = 1, .out = &d->out.map};
    atl_patch_plan_init(&d->plan, &d->product, atl_kernels_choose(atl_cpu_flags()));
}

static void data_done(patch_data *d)
{
    guarded_free(&d->x);
    guarded_free(&d->more);
    guarded_free(&d->out);
}

static uint16_t number_of(const atl_map *map, size_t row, int c)
{
    size_t at = row * map->stride + (size_t)c;
    return map->dtype == ATL_BF16 ? ((const uint16_t *)map->data)[at]
                                  : atl_bf16_from_f32(atl_map_f32(map)[at]);
}

/* What tap `tap` of output row `row` finds in channel c: zero outside the picture. */
static uint16_t wanted(const patch_data *d, size_t row, int tap, int c)
{
    const patch_case *s = d->shape;
    const atl_map *out = &d->out.map;
    int up = s->upsample ? 2 : 1;
    int x = (int)(row % (size_t)out->w), y = (int)(row / (size_t)out->w % (size_t)out->h);
    size_t n = row / (size_t)out->w / (size_t)out->h;
    x = x * s->stride + tap % s->kernel - d->product.pad;
    y = y * s->stride + tap / s->kernel - d->product.pad;
    if (x < 0 || y < 0 || x >= s->w * up || y >= s->h * up)
        return 0;
    size_t from = (n * (size_t)s->h + (size_t)(y / up)) * (size_t)s->w + (size_t)(x / up);
    return c < s->c ? number_of(&d->x.map, from, c) : number_of(&d->more.map, from, c - s->c);
}

/* Row i of those gathered, all taps: k numbers each; of GATHERED all taps' in one. */
static void check_row(const patch_data *d, const atl_gathered *a, size_t i, size_t row)
{
    const uint16_t *at = i < 16 ? a->upper + i * a->stride : a->lower + (i - 16) * a->stride;
    int c_in = d->shape->c + d->shape->c_more, n_taps = d->shape->kernel * d->shape->kernel;
    for (int tap = 0; tap < n_taps; tap++)
        for (int c = 0; c < c_in; c++) {
            size_t k = a->n_taps == 1 ? (size_t)(tap * c_in + c) : a->taps[tap] + (size_t)c;
            if (at[k] != wanted(d, row, tap, c))
                fail_msg("%s: row %zu, tap %d, channel %d: found %04x, wanted %04x", d->shape->name, row, tap,
                         c, at[k], wanted(d, row, tap, c));
        }
}

static void check_block(const patch_data *d, size_t first, size_t n_rows)
{
    uint16_t *data = malloc(atl_patch_bytes(&d->plan, n_rows));
    size_t n_filled = 0;
    atl_patch patch;
    assert_non_null(data);
    atl_patch_init(&patch, &d->plan, first, n_rows, data);
    for (size_t line = 0; !d->plan.rolling && line < atl_patch_n_lines(&patch); line++)
        atl_patch_fill(&patch, line);
    for (size_t row = first; row < first + n_rows; row += 32) {
        while (d->plan.rolling && n_filled < atl_patch_lines_read(&patch, row))
            atl_patch_fill(&patch, n_filled++);
        const atl_gathered a = atl_patch_rows(&patch, row);
        for (size_t i = 0; i < 32 && row + i < first + n_rows; i++)
            check_row(d, &a, i, row + i);
    }
    if (d->plan.rolling)
        assert_int_equal(n_filled, atl_patch_n_lines(&patch));
    free(data);
}

static void each_form_reads_the_pixels_under_its_taps(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        patch_data d;
        data_init(&d, &cases[i]);
        assert_int_equal(d.plan.form, cases[i].form);
        assert_true(!cases[i].rolling || atl_patch_can_roll(&d.plan));
        d.plan.rolling = cases[i].rolling;
        size_t block = cases[i].rows_a_block * d.plan.grain;
        for (size_t first = 0; first < d.plan.n_rows; first += block)
            check_block(&d, first, d.plan.n_rows - first < block ? d.plan.n_rows - first : block);
        data_done(&d);
    }
}

static void only_lines_that_hold_whole_tiles_roll(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        patch_data d;
        data_init(&d, &cases[i]);
        assert_int_equal(atl_patch_can_roll(&d.plan), cases[i].rolling);
        data_done(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_reads_the_pixels_under_its_taps),
        cmocka_unit_test(only_lines_that_hold_whole_tiles_roll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
