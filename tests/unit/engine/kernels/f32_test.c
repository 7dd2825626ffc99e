/* f32_test.c - the kernels of f32, the conversions to it and the packing of weights; see kernels_fixture.h.
 */
#include "unit/engine/kernels/kernels_fixture.h"

static void check_gemm_tile(const atl_kernels *kernels, int m, size_t k, bool add, bool whole)
{
    size_t lda = (size_t)m + 3, ldc = 45;
    buffer a = buffer_random(k * lda, 1, whole), b = buffer_random(k * ATL_TILE_COLS, 2, whole);
    buffer got = buffer_random((size_t)m * ldc, 3, whole), want = buffer_random((size_t)m * ldc, 3, whole);
    kernels->gemm_f32(m, k, a.data, lda, b.data, got.data, ldc, add, a.data);
    portable()->gemm_f32(m, k, a.data, lda, b.data, want.data, ldc, add, a.data);
    assert_agree(&got, &want, whole ? 0.0 : 1e-6 * sqrt((double)k));
    buffer_check_and_free(&a);
    buffer_check_and_free(&b);
}

static void check_gemm_f32(const atl_kernels *kernels)
{
    const size_t ks[] = {0, 1, 3, 4, 37, 320, 961};
    for (int m = 1; m <= ATL_TILE_ROWS; m++)
        for (size_t i = 0; i < ATL_COUNT(ks); i++)
            for (int add = 0; add < 2; add++) {
                check_gemm_tile(kernels, m, ks[i], add, true);
                check_gemm_tile(kernels, m, ks[i], add, false);
            }
}

static void check_pack_f32(const atl_kernels *kernels)
{
    const size_t ks[] = {1, 4, 7, 8, 15, 16, 17, 33, 100};
    for (int m = 1; m <= ATL_STRIP_WIDTH; m++)
        for (size_t i = 0; i < ATL_COUNT(ks); i++) {
            size_t k = ks[i], stride = 19;
            buffer rows = buffer_random((size_t)m * k, 1, false),
                   got = buffer_new((k - 1) * stride + ATL_STRIP_WIDTH);
            const float *pointers[ATL_STRIP_WIDTH];
            for (int row = 0; row < m; row++)
                pointers[row] = rows.data + (size_t)row * k;
            kernels->pack_f32(m, k, pointers, got.data, stride);
            for (size_t j = 0; j < k; j++)
                for (size_t row = 0; row < stride && j * stride + row < got.n; row++) {
                    if (row < (size_t)m)
                        assert_near(got.data[j * stride + row], (double)rows.data[row * k + j], 0.0);
                    else if (row >= ATL_STRIP_WIDTH) /* between the strip and the next k */
                        assert_near(got.data[j * stride + row], (double)FIXTURE_GUARD, 0.0);
                }
            buffer_check_and_free(&rows);
            buffer_check_and_free(&got);
        }
}

static void check_finish_f32(const atl_kernels *kernels)
{
    for (int n = 1; n <= 70; n++)
        for (unsigned parts = 0; parts < 8; parts++)
            for (int act = ATL_ACT_NONE; act <= ATL_ACT_TANH; act++) {
                size_t size = (size_t)n;
                buffer bias = buffer_random(size, 1, false), picture = buffer_random(size, 2, false);
                buffer residual = buffer_random(size, 3, false), sums = buffer_random(size, 4, false);
                buffer got = buffer_new(size), want = buffer_new(size);
                atl_finish finish = {.bias = parts & 1 ? bias.data : NULL,
                                     .per_picture = parts & 2 ? picture.data : NULL,
                                     .residual = parts & 4 ? residual.data : NULL,
                                     .scale = 0.5f,
                                     .before = (atl_activation)act,
                                     .after = (atl_activation)(ATL_ACT_TANH - act)};
                kernels->finish_f32(&finish, n, sums.data, got.data);
                portable()->finish_f32(&finish, n, sums.data, want.data);
                assert_agree(&got, &want, 1e-6);
                buffer_check_and_free(&bias);
                buffer_check_and_free(&picture);
                buffer_check_and_free(&residual);
                buffer_check_and_free(&sums);
            }
}

static void check_geglu_f32(const atl_kernels *kernels)
{
    for (int n = 1; n <= 70; n++)
        for (int with_bias = 0; with_bias < 2; with_bias++) {
            size_t size = (size_t)n;
            buffer a = buffer_random(size, 1, true), b = buffer_random(size, 2, true);
            buffer bias = buffer_random(size, 3, false), got = buffer_new(size), want = buffer_new(size);
            const float *p = with_bias ? bias.data : NULL;
            kernels->geglu_f32(n, a.data, b.data, p, p, got.data);
            portable()->geglu_f32(n, a.data, b.data, p, p, want.data);
            assert_agree(&got, &want, 1e-6);
            buffer_check_and_free(&a);
            buffer_check_and_free(&b);
            buffer_check_and_free(&bias);
        }
}

static void check_activate_f32(const atl_kernels *kernels)
{
    for (size_t n = 0; n <= 70; n++)
        for (int act = ATL_ACT_NONE; act <= ATL_ACT_TANH; act++) {
            buffer x = buffer_random(n, n + 1, true), got = buffer_new(n), want = buffer_new(n);
            kernels->activate_f32((atl_activation)act, n, x.data, got.data);
            portable()->activate_f32((atl_activation)act, n, x.data, want.data);
            assert_agree(&got, &want, 1e-6);
            buffer_check_and_free(&x);
        }
}

static void check_add_f32(const atl_kernels *kernels)
{
    for (size_t n = 0; n <= 70; n++) {
        buffer x = buffer_random(n, 1, false), y = buffer_random(n, 2, false), got = buffer_new(n),
               want = buffer_new(n);
        kernels->add_f32(n, x.data, y.data, got.data);
        portable()->add_f32(n, x.data, y.data, want.data);
        kernels->add_f32(n, x.data, y.data, x.data); /* in place */
        for (size_t i = 0; i < n; i++)
            assert_near(x.data[i], (double)want.data[i], 0.0);
        assert_agree(&got, &want, 0.0);
        buffer_check_and_free(&x);
        buffer_check_and_free(&y);
    }
}

static void check_affine_f32(const atl_kernels *kernels)
{
    for (int n = 1; n <= 70; n++)
        for (int act = ATL_ACT_NONE; act <= ATL_ACT_TANH; act++) {
            size_t size = (size_t)n;
            buffer x = buffer_random(size, 1, true), scale = buffer_random(size, 2, true);
            buffer shift = buffer_random(size, 3, true), got = buffer_new(size), want = buffer_new(size);
            kernels->affine_f32((atl_activation)act, n, x.data, scale.data, shift.data, got.data);
            portable()->affine_f32((atl_activation)act, n, x.data, scale.data, shift.data, want.data);
            assert_agree(&got, &want, act == ATL_ACT_NONE ? 0.0 : 1e-6);
            buffer_check_and_free(&x);
            buffer_check_and_free(&scale);
            buffer_check_and_free(&shift);
        }
}

static void check_layer_norm_f32(const atl_kernels *kernels)
{
    for (int n = 1; n <= 70; n++)
        for (int affine = 0; affine < 2; affine++) {
            size_t size = (size_t)n;
            buffer x = buffer_random(size, 1, false), gamma = buffer_random(size, 2, false);
            buffer got = buffer_new(size), want = buffer_new(size);
            const float *p = affine ? gamma.data : NULL;
            kernels->layer_norm_f32(n, x.data, p, p, 1e-5f, got.data);
            portable()->layer_norm_f32(n, x.data, p, p, 1e-5f, want.data);
            assert_agree(&got, &want, 2e-6);
            buffer_check_and_free(&x);
            buffer_check_and_free(&gamma);
        }
}

static void check_softmax_f32(const atl_kernels *kernels)
{
    for (int n_keys = 1; n_keys <= 40; n_keys++)
        for (int first = 0; first < 2; first++) {
            size_t size = (size_t)n_keys * ATL_TILE_COLS;
            buffer got = buffer_random(size, 1, true), want = buffer_random(size, 1, true);
            buffer max[2], sum[2], correction[2];
            for (int i = 0; i < 2; i++) {
                max[i] = buffer_random(ATL_TILE_COLS, 2, true);
                sum[i] = buffer_random(ATL_TILE_COLS, 3, false);
                correction[i] = buffer_new(ATL_TILE_COLS);
            }
            for (int j = 0; first && j < ATL_TILE_COLS; j++) {
                max[0].data[j] = max[1].data[j] = -INFINITY;
                sum[0].data[j] = sum[1].data[j] = 0.0f;
            }
            got.data[5] = want.data[5] = -INFINITY; /* hidden by causality */
            if (n_keys == 1 && first)
                got.data[5] = want.data[5] = 0.0f; /* each query sees a key */
            kernels->softmax_f32(n_keys, 1.7f, got.data, max[0].data, sum[0].data, correction[0].data);
            portable()->softmax_f32(n_keys, 1.7f, want.data, max[1].data, sum[1].data, correction[1].data);
            assert_agree(&got, &want, 1e-6);
            assert_agree(&max[0], &max[1], 0.0);
            assert_agree(&sum[0], &sum[1], 1e-6);
            assert_agree(&correction[0], &correction[1], 1e-6);
        }
}

static void check_scale_rows_f32(const atl_kernels *kernels)
{
    for (int n_rows = 0; n_rows <= 41; n_rows++) {
        size_t size = (size_t)n_rows * ATL_TILE_COLS;
        buffer factor = buffer_random(ATL_TILE_COLS, 1, false);
        buffer got = buffer_random(size, 2, false), want = buffer_random(size, 2, false);
        kernels->scale_rows_f32(n_rows, factor.data, got.data);
        portable()->scale_rows_f32(n_rows, factor.data, want.data);
        assert_agree(&got, &want, 0.0);
        buffer_check_and_free(&factor);
    }
}

/* Every pattern of 16 bits (signalling NaNs may come out quiet), then every length up to 70. */
static void check_widening(void (*kernel)(size_t, const uint16_t *, float *),
                           void (*reference)(size_t, const uint16_t *, float *))
{
    enum { ALL = 65536 };
    static uint16_t bits[ALL];
    for (size_t i = 0; i < ALL; i++)
        bits[i] = (uint16_t)i;
    buffer got = buffer_new(ALL), want = buffer_new(ALL);
    kernel(ALL, bits, got.data);
    reference(ALL, bits, want.data);
    for (size_t i = 0; i < ALL; i++)
        if (!isnan(want.data[i]) || !isnan(got.data[i]))
            assert_memory_equal(&got.data[i], &want.data[i], sizeof(float));
    buffer_check_and_free(&got);
    buffer_check_and_free(&want);
    for (size_t n = 0; n <= 70; n++) {
        buffer some = buffer_new(n), same = buffer_new(n);
        kernel(n, bits + 15000, some.data);
        reference(n, bits + 15000, same.data);
        assert_agree(&some, &same, 0.0);
    }
}

static void check_f16_to_f32(const atl_kernels *kernels)
{
    check_widening(kernels->f16_to_f32, portable()->f16_to_f32);
}

static void check_bf16_to_f32(const atl_kernels *kernels)
{
    check_widening(kernels->bf16_to_f32, portable()->bf16_to_f32);
}

/* ---- panels ---- */

/* Rows of every type, numbers of every kind that a file may hold, at odd addresses. */
static void check_panel(const atl_kernels *kernels, atl_dtype packed, atl_dtype type, int n, size_t c_in,
                        size_t n_taps)
{
    const size_t k = c_in * n_taps, size = atl_dtype_bytes(type), all = (size_t)n * k * size;
    uint8_t *bytes = malloc(all + 1);
    uint64_t state = k + (size_t)n;
    assert_non_null(bytes);
    for (size_t i = 0; i < (size_t)n * k; i++) {
        uint32_t bits = fixture_bits(&state);
        if ((bits & 0x7c00u) == 0x7c00u) /* halves may not be infinite */
            bits &= 0xffffbfffu;
        if ((bits & 0x7f800000u) == 0x7f800000u)
            bits &= 0xbfffffffu;
        if ((bits & 0x7f80u) == 0x7f80u)
            bits &= 0xffffbfffu;
        memcpy(bytes + 1 + i * size, &bits, size);
    }
    atl_panel_rows rows = {.n = n, .type = type, .c_in = c_in, .n_taps = n_taps};
    for (int i = 0; i < n; i++)
        rows.row[i] = bytes + 1 + (size_t)i * k * size;
    const size_t padded = packed == ATL_F32 ? 0 : packed == ATL_F16 ? k : atl_round_up(k, ATL_BLOCK_K);
    narrow got = narrow_new(padded * ATL_TILE_COLS);
    narrow want = narrow_new(got.n);
    buffer wide_got = buffer_new(padded ? 0 : k * ATL_TILE_COLS), wide_want = buffer_new(wide_got.n);
    for (int bad = 0; bad < 2; bad++) {
        float trouble = 0.0f, portable_trouble = 0.0f;
        if (bad) /* the very last number is all ones */
            memset(bytes + 1 + all - size, 0xff, size);
        if (packed == ATL_F16) {
            kernels->panel_f16(&rows, got.data, &trouble);
            portable()->panel_f16(&rows, want.data, &portable_trouble);
        } else if (packed == ATL_BF16) {
            kernels->panel_bf16(&rows, got.data, &trouble);
            portable()->panel_bf16(&rows, want.data, &portable_trouble);
        } else {
            kernels->panel_f32(&rows, wide_got.data, &trouble);
            portable()->panel_f32(&rows, wide_want.data, &portable_trouble);
        }
        assert_int_equal(isnan(trouble), bad);
        assert_int_equal(isnan(portable_trouble), bad);
        if (bad)
            break;
        assert_memory_equal(got.data, want.data, got.n * sizeof *got.data);
        assert_memory_equal(wide_got.data, wide_want.data, wide_got.n * sizeof *wide_got.data);
    }
    narrow_check_and_free(&got);
    narrow_check_and_free(&want);
    buffer_check_and_free(&wide_got);
    buffer_check_and_free(&wide_want);
    free(bytes);
}

static void check_panels(const atl_kernels *kernels, atl_dtype packed)
{
    static const size_t shapes[][2] = {{1, 1}, {31, 1}, {32, 1}, {33, 1}, {100, 1}, {320, 1}, {1, 9},
                                       {2, 9}, {5, 9},  {16, 9}, {18, 9}, {40, 9},  {6, 4},   {4, 25}};
    for (size_t i = 0; i < ATL_COUNT(shapes); i++)
        for (int n = 1; n <= ATL_TILE_COLS; n += i % 3 == 0 ? 1 : 15 + n % 2)
            for (int type = ATL_F32; type <= ATL_BF16; type++)
                check_panel(kernels, packed, (atl_dtype)type, n, shapes[i][0], shapes[i][1]);
}

static void check_panel_f32(const atl_kernels *kernels)
{
    check_panels(kernels, ATL_F32);
}

static void check_panel_f16(const atl_kernels *kernels)
{
    check_panels(kernels, ATL_F16);
}

static void check_panel_bf16(const atl_kernels *kernels)
{
    check_panels(kernels, ATL_BF16);
}

/* ---- the list ---- */

static const kernel_check checks[] = {ATL_KERNEL_LIST_F32(CHECK_ROW)};

static void every_kernel_agrees_with_the_portable_one(void **state)
{
    (void)state;
    check_on_every_isa(checks, ATL_COUNT(checks));
}

static void half_precision_has_its_landmarks(void **state)
{
    (void)state;
    const uint16_t bits[] = {0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x7c00, 0xfc00};
    const float want[] = {0.0f,     -0.0f,      1.0f,     -2.0f,    65504.0f,
                          0x1p-24f, 0x3ffp-24f, 0x1p-14f, INFINITY, -INFINITY};
    float got[ATL_COUNT(bits)];
    portable()->f16_to_f32(ATL_COUNT(bits), bits, got);
    assert_memory_equal(got, want, sizeof want);
}

/* Ties to even, subnormal ones too; what is beyond the largest is the largest. */
static void weights_round_to_the_nearest_half(void **state)
{
    (void)state;
    const float from[] = {0.0f,     -0.0f,          1.0f,         0x1.002p0f,      0x1.006p0f,  -0x1.0021p0f,
                          65504.0f, 65519.0f,       -1e9f,        0x1p-14f,        0x1p-24f,    0x1p-25f,
                          0x3p-25f, 0x1.00002p-25f, 0x1.ff8p-15f, 0x1.ffbffep-15f, 0x1.ffcp-15f};
    const uint16_t want[] = {0x0000, 0x8000, 0x3c00, 0x3c00, 0x3c02, 0xbc01, 0x7bff, 0x7bff, 0xfbff,
                             0x0400, 0x0001, 0x0000, 0x0002, 0x0001, 0x03ff, 0x03ff, 0x0400};
    uint16_t got[ATL_COUNT(from) * ATL_TILE_COLS];
    float trouble = 0.0f;
    const atl_panel_rows rows = {
        .n = 1, .type = ATL_F32, .c_in = ATL_COUNT(from), .n_taps = 1, .row = {from}};
    portable()->panel_f16(&rows, got, &trouble);
    for (size_t i = 0; i < ATL_COUNT(from); i++)
        assert_int_equal(got[i * ATL_TILE_COLS], want[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_agrees_with_the_portable_one),
        cmocka_unit_test(half_precision_has_its_landmarks),
        cmocka_unit_test(weights_round_to_the_nearest_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
