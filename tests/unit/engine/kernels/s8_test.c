/* s8_test.c - products in s8, its panels and rows; see kernels_fixture.h. */
#include "unit/engine/kernels/kernels_fixture.h"

static int8_t *whole_numbers(size_t n, uint64_t seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    int8_t *x = malloc(n ? n : 1);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (int8_t)(fixture_bits(&state) % 255 - 127);
    return x;
}

/* Rows in two places, taps in any order; sums start where another product left them. */
static void check_gemm_gathered_s8_tile(const atl_kernels *kernels, int m, size_t n_taps, size_t k, bool add)
{
    enum { CELLS = ATL_BF16_TILE_ROWS * ATL_TILE_COLS };
    const size_t stride = k + 64, half = 16 * stride, room = half + 64 * n_taps;
    int8_t *a = whole_numbers(2 * room, k + (size_t)m), *b = whole_numbers(n_taps * k * ATL_TILE_COLS, k);
    int32_t got[CELLS + 8], want[CELLS + 8];
    size_t taps[9];
    for (size_t i = 0; i < n_taps; i++)
        taps[i] = (i * 5 % n_taps) * 64;
    for (size_t i = 0; i < CELLS + 8; i++)
        got[i] = want[i] = (int32_t)i * 1001 - 400000;
    const atl_gathered_s8 rows = {
        .upper = a + room, .lower = a, .stride = stride, .taps = taps, .n_taps = n_taps, .k = k};
    kernels->bf16_begin();
    kernels->gemm_gathered_s8(m, &rows, b, got, add, a);
    kernels->bf16_end();
    portable()->gemm_gathered_s8(m, &rows, b, want, add, a);
    assert_memory_equal(got, want, (size_t)m * ATL_TILE_COLS * sizeof *got);
    assert_memory_equal(got + CELLS, want + CELLS, 8 * sizeof *got);
    free(a);
    free(b);
}

static void check_gemm_gathered_s8(const atl_kernels *kernels)
{
    static const size_t shapes[][2] = {{1, 0},   {1, 64},  {1, 320}, {9, 64},
                                       {9, 192}, {3, 128}, {4, 64},  {1, 4096}};
    for (int m = 1; m <= ATL_BF16_TILE_ROWS; m++)
        for (size_t i = 0; i < ATL_COUNT(shapes); i++)
            for (int add = 0; add < 2; add++)
                check_gemm_gathered_s8_tile(kernels, m, shapes[i][0], shapes[i][1], add);
}

static void check_panel_s8_of(const atl_kernels *kernels, atl_dtype type, int n, size_t c_in, size_t n_taps)
{
    const size_t k = c_in * n_taps, size = atl_dtype_bytes(type);
    const size_t n_bytes = (atl_round_up(k, ATL_S8_BLOCK_K) + sizeof(float)) * ATL_TILE_COLS;
    buffer x = buffer_random((size_t)n * k, k, false);
    uint8_t *bytes = malloc((size_t)n * k * 4 + 1), *got = malloc(n_bytes + 8), *want = malloc(n_bytes + 8);
    assert_true(bytes && got && want);
    memset(got, 0x5a, n_bytes + 8);
    memset(want, 0x5a, n_bytes + 8);
    for (size_t i = 0; i < (size_t)n * k; i++) {
        float y = x.data[i] * (i / k == 1 ? 0.0f : 3.0f); /* a row of nothing */
        uint16_t narrow_y =
            type == ATL_BF16 ? atl_bf16_from_f32(y) : (uint16_t)(i * 2654435761u >> 17 & 0x3fff);
        memcpy(bytes + 1 + i * size, type == ATL_F32 ? (void *)&y : (void *)&narrow_y, size);
    }
    atl_panel_rows rows = {.n = n, .type = type, .c_in = c_in, .n_taps = n_taps};
    for (int i = 0; i < n; i++)
        rows.row[i] = bytes + 1 + (size_t)i * k * size;
    for (int bad = 0; bad < 2; bad++) {
        float trouble = 0.0f, portable_trouble = 0.0f;
        if (bad)
            memset(bytes + 1 + (size_t)n * k * size - size, 0xff, size);
        kernels->panel_s8(&rows, (int8_t *)got, &trouble);
        portable()->panel_s8(&rows, (int8_t *)want, &portable_trouble);
        assert_int_equal(isnan(trouble), bad);
        assert_int_equal(isnan(portable_trouble), bad);
        if (!bad)
            assert_memory_equal(got, want, n_bytes + 8);
    }
    buffer_check_and_free(&x);
    free(bytes);
    free(got);
    free(want);
}

static void check_panel_s8(const atl_kernels *kernels)
{
    static const size_t shapes[][2] = {{1, 1}, {31, 1}, {64, 1}, {65, 1}, {100, 1}, {320, 1}, {1, 9},
                                       {4, 9}, {5, 9},  {16, 9}, {20, 9}, {40, 9},  {6, 4},   {4, 25}};
    for (size_t i = 0; i < ATL_COUNT(shapes); i++)
        for (int n = 1; n <= ATL_TILE_COLS; n += i % 3 == 0 ? 1 : 15 + n % 2)
            for (int type = ATL_F32; type <= ATL_BF16; type++)
                check_panel_s8_of(kernels, (atl_dtype)type, n, shapes[i][0], shapes[i][1]);
}

/* One row of either type. */
static void check_absmax_row(const atl_kernels *kernels)
{
    for (int n = 1; n <= 70; n++) {
        buffer x = buffer_random((size_t)n, (uint64_t)n, false);
        narrow y = narrow_random((size_t)n, (uint64_t)n, false);
        for (int type = 0; type < 2; type++) {
            atl_rows row = {.data = type ? (void *)y.data : (void *)x.data,
                            .dtype = type ? ATL_BF16 : ATL_F32};
            for (int start = 0; start < 3; start++) {
                float got = (float)start / 2.0f, want = got;
                kernels->absmax_row(n, &row, &got);
                portable()->absmax_row(n, &row, &want);
                assert_near(got, (double)want, 0.0);
            }
        }
        for (int infinite = 0; infinite < 2; infinite++) {
            float got = 1.0f, want = 1.0f;
            atl_rows row = {.data = x.data, .dtype = ATL_F32};
            x.data[n - 1] = infinite ? -INFINITY : NAN;
            kernels->absmax_row(n, &row, &got);
            portable()->absmax_row(n, &row, &want);
            assert_true(isnan(got) && isnan(want));
        }
        buffer_check_and_free(&x);
        narrow_check_and_free(&y);
    }
}

static void check_quantise_row(const atl_kernels *kernels)
{
    for (int n = 1; n <= 70; n++)
        for (int whole = 0; whole < 2; whole++)
            for (int type = 0; type < 2; type++) {
                buffer x = buffer_random((size_t)n, (uint64_t)n, whole);
                narrow y = narrow_random((size_t)n, (uint64_t)n, whole);
                atl_rows row = {.data = type ? (void *)y.data : (void *)x.data,
                                .dtype = type ? ATL_BF16 : ATL_F32};
                int8_t got[72], want[72];
                memset(got, 0x5a, sizeof got);
                memset(want, 0x5a, sizeof want);
                kernels->quantise_row(n, &row, whole ? 20.5f : 127.0f, got); /* ties with whole numbers */
                portable()->quantise_row(n, &row, whole ? 20.5f : 127.0f, want);
                assert_memory_equal(got, want, sizeof got);
                buffer_check_and_free(&x);
                narrow_check_and_free(&y);
            }
}

static void check_dequantise(const atl_kernels *kernels)
{
    for (int m = 0; m <= ATL_BF16_TILE_ROWS; m++) {
        const size_t n = (size_t)m * ATL_TILE_COLS;
        buffer row = buffer_random((size_t)m, 1, false), column = buffer_random(ATL_TILE_COLS, 2, false);
        buffer got = buffer_new(n), want = buffer_new(n);
        int32_t sums[ATL_BF16_TILE_ROWS * ATL_TILE_COLS];
        for (size_t i = 0; i < n; i++)
            sums[i] = (int32_t)(i * 2654435761u) >> i % 16;
        memcpy(got.data, sums, n * sizeof *sums);
        kernels->dequantise(m, (void *)got.data, row.data, column.data, got.data); /* in place */
        portable()->dequantise(m, sums, row.data, column.data, want.data);
        assert_agree(&got, &want, 0.0);
        buffer_check_and_free(&row);
        buffer_check_and_free(&column);
    }
}

/* ---- the list ---- */

static const kernel_check checks[] = {ATL_KERNEL_LIST_S8(CHECK_ROW)};

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
