/* attention_test.c - attention in bf16; see kernels_fixture.h. */
#include "unit/engine/kernels/kernels_fixture.h"

static void narrow_set(narrow *b, size_t i, float x)
{
    b->data[i] = atl_bf16_from_f32(x);
}

/* Whole: three channels of -1, 0 and 1, factor 1, so that powers are 2⁻³ … 2³ and sums exact. Reals:
 * exponents of up to some ±25. */
static void fill_attend(narrow *q, narrow *k, narrow *v, const atl_attend *a, bool whole)
{
    uint64_t state = a->n_keys * 31 + a->d_k;
    size_t n_queries = a->n_tiles * ATL_ATTEND_QUERIES, unit = a->d_k * ATL_ATTEND_KEYS;
    memset(q->data, 0, q->n * sizeof *q->data);
    memset(k->data, 0, k->n * sizeof *k->data);
    memset(v->data, 0, v->n * sizeof *v->data);
    for (size_t c = 0; c < (whole ? 3 : a->d_k - 5); c++) {
        for (size_t i = 0; i < n_queries; i++) {
            float x = fixture_number(&state, whole);
            size_t block = (i / 32 * a->d_k + c / 32 * 32) * 32;
            narrow_set(q, block + i % 32 * 32 + c % 32, whole ? (float)((x > 0.0f) - (x < 0.0f)) : x);
        }
        for (size_t i = 0; i < a->n_keys; i++) {
            float x = fixture_number(&state, whole);
            size_t column = i % 32 / 2 + i % 2 * 16;
            narrow_set(k, i / 32 * unit + (c / 2 * 32 + column) * 2 + c % 2,
                       whole ? (float)((x > 0.0f) - (x < 0.0f)) : x);
        }
    }
    for (size_t i = 0; i < a->n_keys; i++)
        for (size_t c = 0; c < a->v_tiles * 16; c++)
            narrow_set(
                v, ((i / 32 * ((a->v_tiles + 1) / 2) + c / 32) * 16 + i % 32 / 2) * 64 + c % 32 * 2 + i % 2,
                fixture_number(&state, whole));
}

/* The last column of v is ones: its sum is what the others are divided by. */
static void check_attend_shape(const atl_kernels *kernels, atl_attend a, bool whole)
{
    size_t n_units = (a.n_keys + 31) / 32, columns = a.v_tiles * 16;
    size_t n_queries = a.n_tiles * ATL_ATTEND_QUERIES, panels = (a.v_tiles + 1) / 2;
    narrow q = narrow_new((a.n_tiles + 1) / 2 * 32 * a.d_k), k = narrow_new(n_units * 32 * a.d_k);
    narrow v = narrow_new(n_units * panels * 1024);
    fill_attend(&q, &k, &v, &a, whole);
    for (size_t i = 0; i < a.n_keys; i++)
        narrow_set(&v,
                   ((i / 32 * panels + (columns - 1) / 32) * 16 + i % 32 / 2) * 64 + (columns - 1) % 32 * 2 +
                       i % 2,
                   1.0f);
    buffer got = buffer_new(n_queries * columns), want = buffer_new(n_queries * columns);
    buffer scratch = buffer_new(atl_attend_floats(a.keys_a_block));
    bool by_peak[ATL_ATTEND_TILES];
    for (size_t i = 0; i < a.n_tiles; i++)
        by_peak[i] = a.causal || i % 2 == (size_t)whole;
    a.q = q.data;
    a.k = k.data;
    a.v = v.data;
    a.by_peak = a.by_peak ? a.by_peak : by_peak;
    a.scratch = scratch.data;
    a.factor = whole ? 1.0f : 18.0f / sqrtf((float)a.d_k); /* exponents within SAFE */
    a.o = got.data;
    kernels->bf16_begin();
    kernels->attend_bf16(&a);
    kernels->bf16_end();
    a.o = want.data;
    portable()->attend_bf16(&a);
    /* A power near the middle between two of bf16's may be rounded either way: one key's may differ by 2⁻⁷.
     */
    for (size_t i = 0; i < n_queries; i++) {
        float *some = got.data + i * columns, *same = want.data + i * columns;
        int exponent = (int)lrintf(log2f(some[columns - 1] / same[columns - 1]));
        for (size_t c = 0; c < columns - 1; c++) {
            some[c] /= some[columns - 1];
            same[c] /= same[columns - 1];
        }
        some[columns - 1] = ldexpf(some[columns - 1], -exponent) / same[columns - 1];
        same[columns - 1] = 1.0f;
    }
    assert_agree(&got, &want, whole ? 0.0 : 4e-3);
    buffer_check_and_free(&scratch);
    narrow_check_and_free(&q);
    narrow_check_and_free(&k);
    narrow_check_and_free(&v);
}

static void check_attend_bf16(const atl_kernels *kernels)
{
    if (!kernels->attend_bf16)
        return;
    static const bool never[ATL_ATTEND_TILES] = {false};
    static const bool third[ATL_ATTEND_TILES] = {[2] = true}; /* strips, and blocks between them */
    static const atl_attend shapes[] = {
        {.n_tiles = 5, .n_keys = 601, .keys_a_block = 32, .d_k = 96, .v_tiles = 6, .by_peak = third},
        {.n_tiles = 4, .n_keys = 300, .keys_a_block = 32, .d_k = 160, .v_tiles = 11, .by_peak = never},
        {.n_tiles = 2, .n_keys = 33, .keys_a_block = 32, .d_k = 512, .v_tiles = 33, .by_peak = never},
        {.n_tiles = 8, .n_keys = 256, .keys_a_block = 64, .d_k = 32, .v_tiles = 1, .by_peak = third},
        {.n_tiles = 3, .n_keys = 77, .keys_a_block = 32, .d_k = 64, .v_tiles = 3, .by_peak = never},
        {.n_tiles = 2, .n_keys = 5, .keys_a_block = 32, .d_k = 64, .v_tiles = 3, .by_peak = never},
        {.n_tiles = 1, .n_keys = 1, .keys_a_block = 32, .d_k = 32, .v_tiles = 1},
        {.n_tiles = 1, .n_keys = 200, .keys_a_block = 64, .d_k = 64, .v_tiles = 3},
        {.n_tiles = 2, .n_keys = 77, .keys_a_block = 96, .d_k = 64, .v_tiles = 3},
        {.n_tiles = 3, .n_keys = 128, .keys_a_block = 96, .d_k = 96, .v_tiles = 6},
        {.n_tiles = 5, .n_keys = 97, .keys_a_block = 32, .d_k = 160, .v_tiles = 11},
        {.n_tiles = 2, .n_keys = 65, .keys_a_block = 64, .d_k = 64, .v_tiles = 5},
        {.n_tiles = 5, .n_keys = 77, .keys_a_block = 64, .d_k = 64, .v_tiles = 5, .causal = true},
        {.n_tiles = 2,
         .n_keys = 99,
         .keys_a_block = 32,
         .d_k = 32,
         .v_tiles = 2,
         .causal = true,
         .first_query = 64},
        {.n_tiles = ATL_ATTEND_TILES, .n_keys = 33, .keys_a_block = 128, .d_k = 32, .v_tiles = 2},
    };
    for (size_t i = 0; i < ATL_COUNT(shapes); i++)
        for (int whole = 0; whole < 2; whole++)
            check_attend_shape(kernels, shapes[i], whole);
}

static void check_squares_bf16(const atl_kernels *kernels)
{
    for (size_t k = 32; kernels->squares_bf16 && k <= 320; k += 96) {
        narrow strip = narrow_random(k * ATL_BF16_TILE_ROWS, k, false);
        buffer got = buffer_new(ATL_BF16_TILE_ROWS), want = buffer_new(ATL_BF16_TILE_ROWS);
        kernels->squares_bf16(k, strip.data, got.data);
        portable()->squares_bf16(k, strip.data, want.data);
        assert_agree(&got, &want, 1e-6);
        narrow_check_and_free(&strip);
    }
}

static void check_attended_rows(const atl_kernels *kernels)
{
    static const int sizes[] = {1, 16, 33, 40, 64, 80, 160};
    for (size_t i = 0; kernels->attended_rows && i < 2 * ATL_COUNT(sizes); i++) {
        const int d = sizes[i / 2], m = 16 - (int)i;
        const atl_dtype type = i % 2 ? ATL_BF16 : ATL_F32;
        const size_t stride = (size_t)d + 3;
        buffer o = buffer_random((size_t)m * stride, i, false);
        for (size_t row = 0; row < (size_t)m; row++)
            o.data[row * stride + (size_t)d] = 3.0f + o.data[row * stride + (size_t)d];
        mixed got = mixed_random(m, d, 5, type, 5), want = mixed_random(m, d, 5, type, 5);
        kernels->attended_rows(m, d, o.data, stride, i < 4 ? 0.5f : 0.0f, &got.rows);
        portable()->attended_rows(m, d, o.data, stride, i < 4 ? 0.5f : 0.0f, &want.rows);
        assert_mixed_agree(&got, &want, 0.0);
        buffer_check_and_free(&o);
    }
}

/* ---- the list ---- */

static const kernel_check checks[] = {ATL_KERNEL_LIST_ATTENTION(CHECK_ROW)};

static void every_kernel_agrees_with_the_portable_one(void **state)
{
    (void)state;
    check_on_every_isa(checks, ATL_COUNT(checks));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_agrees_with_the_portable_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
