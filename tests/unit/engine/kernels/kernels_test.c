/* kernels_test.c - every kernel of every instruction set against the portable one, from the list that
 * declares them: a kernel without a check does not compile. Whole numbers, whose sums are exact, must agree
 * bit for bit; reals within a bound that a wrong kernel misses. Pointers are unaligned, sizes odd, outputs
 * guarded. */
#include "unit/engine/ops/ops_fixture.h"

/* ---- buffers: n floats at an odd address, guards before and after ---- */

#define N_GUARDS 37

typedef struct buffer {
    float *block, *data;
    size_t n;
} buffer;

static buffer buffer_new(size_t n)
{
    buffer b = {.n = n, .block = malloc((n + 2 * N_GUARDS) * sizeof(float))};
    assert_non_null(b.block);
    for (size_t i = 0; i < n + 2 * N_GUARDS; i++)
        b.block[i] = FIXTURE_GUARD;
    b.data = b.block + N_GUARDS;
    return b;
}

static buffer buffer_random(size_t n, uint64_t seed, bool whole)
{
    buffer b = buffer_new(n);
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; i < n; i++)
        b.data[i] = fixture_number(&state, whole);
    return b;
}

static void buffer_check_and_free(buffer *b)
{
    const float guard = FIXTURE_GUARD;
    for (size_t i = 0; i < N_GUARDS; i++) {
        assert_memory_equal(&b->block[i], &guard, sizeof guard);
        assert_memory_equal(&b->data[b->n + i], &guard, sizeof guard);
    }
    free(b->block);
}

/* Everything equal within bound · (1 + |want|); guards intact in both; both freed. */
static void assert_agree(buffer *got, buffer *want, double bound)
{
    for (size_t i = 0; i < got->n; i++)
        assert_near(got->data[i], (double)want->data[i], bound);
    buffer_check_and_free(got);
    buffer_check_and_free(want);
}

static const atl_kernels *portable(void)
{
    return atl_kernels_choose(0);
}

/* ---- one check for each kernel ---- */

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

static void check_moments_f32(const atl_kernels *kernels)
{
    for (int n = 1; n <= 70; n += 3)
        for (size_t n_rows = 1; n_rows <= 64; n_rows += 9) {
            size_t size = (size_t)n, stride = size + 5;
            buffer x = buffer_random(n_rows * stride, 1, true), pivot = buffer_random(size, 2, true);
            buffer sum = buffer_new(size), sq = buffer_new(size), want_sum = buffer_new(size),
                   want_sq = buffer_new(size);
            kernels->moments_f32(n_rows, n, x.data, stride, pivot.data, sum.data, sq.data);
            portable()->moments_f32(n_rows, n, x.data, stride, pivot.data, want_sum.data, want_sq.data);
            assert_agree(&sum, &want_sum, 0.0);
            assert_agree(&sq, &want_sq, 0.0);
            buffer_check_and_free(&x);
            buffer_check_and_free(&pivot);
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

/* ---- bf16: strips and panels of random bits that are ordinary numbers ---- */

typedef struct narrow {
    uint16_t *block, *data;
    size_t n;
} narrow;

static narrow narrow_new(size_t n)
{
    narrow b = {.n = n, .block = malloc((n + 2 * N_GUARDS) * sizeof(uint16_t))};
    assert_non_null(b.block);
    memset(b.block, 0x5a, (n + 2 * N_GUARDS) * sizeof(uint16_t));
    b.data = b.block + N_GUARDS;
    return b;
}

static narrow narrow_random(size_t n, uint64_t seed, bool whole)
{
    narrow b = narrow_new(n);
    buffer x = buffer_random(n, seed, whole);
    for (size_t i = 0; i < n; i++)
        b.data[i] = atl_bf16_from_f32(x.data[i]);
    buffer_check_and_free(&x);
    return b;
}

static void narrow_check_and_free(narrow *b)
{
    for (size_t i = 0; i < N_GUARDS; i++) {
        assert_int_equal(b->block[i], 0x5a5a);
        assert_int_equal(b->data[b->n + i], 0x5a5a);
    }
    free(b->block);
}

static void assert_same_and_free(narrow *got, narrow *want)
{
    assert_memory_equal(got->data, want->data, got->n * sizeof *got->data);
    narrow_check_and_free(got);
    narrow_check_and_free(want);
}

static void check_gemm_bf16_tile(const atl_kernels *kernels, int m, size_t k, bool add, bool whole)
{
    size_t ldc = 45;
    narrow a = narrow_random(k * ATL_BF16_TILE_ROWS, 1, whole),
           b = narrow_random(k * ATL_TILE_COLS, 2, whole);
    buffer got = buffer_random((size_t)m * ldc, 3, whole), want = buffer_random((size_t)m * ldc, 3, whole);
    kernels->bf16_begin();
    kernels->gemm_bf16(m, k, a.data, b.data, got.data, ldc, add, a.data);
    kernels->bf16_end();
    portable()->gemm_bf16(m, k, a.data, b.data, want.data, ldc, add, a.data);
    assert_agree(&got, &want, whole ? 0.0 : 1e-6 * sqrt((double)k));
    narrow_check_and_free(&a);
    narrow_check_and_free(&b);
}

static void check_gemm_bf16(const atl_kernels *kernels)
{
    const size_t ks[] = {0, 32, 64, 320, 960};
    for (int m = 1; m <= ATL_BF16_TILE_ROWS; m++)
        for (size_t i = 0; i < ATL_COUNT(ks); i++)
            for (int add = 0; add < 2; add++) {
                check_gemm_bf16_tile(kernels, m, ks[i], add, true);
                check_gemm_bf16_tile(kernels, m, ks[i], add, false);
            }
}

static void check_pack_bf16(const atl_kernels *kernels)
{
    const size_t ks[] = {1, 4, 15, 16, 17, 31, 32, 33, 64, 100}, firsts[] = {0, 1, 16, 31, 32, 45};
    for (int m = 1; m <= ATL_BF16_TILE_ROWS; m += 3)
        for (size_t i = 0; i < ATL_COUNT(ks) * ATL_COUNT(firsts); i++) {
            size_t k = ks[i % ATL_COUNT(ks)], first = firsts[i / ATL_COUNT(ks)];
            size_t size = atl_round_up(first + k, ATL_BLOCK_K) * ATL_BF16_TILE_ROWS;
            buffer x = buffer_random((size_t)m * k, i, false);
            const float *rows[ATL_BF16_TILE_ROWS];
            for (int row = 0; row < m; row++)
                rows[row] = x.data + (size_t)row * k;
            narrow got = narrow_new(size), want = narrow_new(size);
            kernels->pack_bf16(m, first, k, rows, got.data);
            portable()->pack_bf16(m, first, k, rows, want.data);
            assert_same_and_free(&got, &want);
            buffer_check_and_free(&x);
        }
}

static void check_pairs_bf16(const atl_kernels *kernels)
{
    for (size_t k = 0; k <= 70; k++) {
        size_t size = atl_round_up(k, ATL_BLOCK_K) * ATL_TILE_COLS;
        buffer x = buffer_random(k * ATL_TILE_COLS, k + 1, false);
        narrow got = narrow_new(size), want = narrow_new(size);
        kernels->pairs_bf16(k, x.data, got.data);
        portable()->pairs_bf16(k, x.data, want.data);
        assert_same_and_free(&got, &want);
        buffer_check_and_free(&x);
    }
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

/* The taps are three shifted readings of the same rows, the halves are apart. */
static void check_gathered_tile(const atl_kernels *kernels, int m, size_t n_taps, size_t k, bool add,
                                bool whole)
{
    enum { STRIDE = 200, LOWER = 16 * STRIDE + 24 };
    const size_t panel_k = k + (k % 64 ? 0 : 32);
    const size_t taps[] = {0, 8, STRIDE};
    narrow rows = narrow_random(LOWER + 17 * STRIDE + 8, 1, whole),
           b = narrow_random(n_taps * panel_k * ATL_TILE_COLS, 2, whole);
    const atl_gathered a = {.upper = rows.data,
                            .lower = rows.data + LOWER,
                            .stride = STRIDE,
                            .taps = taps,
                            .n_taps = n_taps,
                            .k = k,
                            .panel_k = panel_k};
    buffer got = buffer_random(ATL_BF16_TILE_ROWS * ATL_TILE_COLS, 3, whole);
    buffer want = buffer_random(ATL_BF16_TILE_ROWS * ATL_TILE_COLS, 3, whole);
    kernels->bf16_begin();
    kernels->gemm_gathered_bf16(m, &a, b.data, got.data, add, b.data);
    kernels->bf16_end();
    portable()->gemm_gathered_bf16(m, &a, b.data, want.data, add, b.data);
    for (int i = m * ATL_TILE_COLS; i < ATL_BF16_TILE_ROWS * ATL_TILE_COLS; i++)
        got.data[i] = want.data[i]; /* unspecified */
    assert_agree(&got, &want, whole ? 0.0 : 1e-6 * sqrt((double)(n_taps * k)));
    narrow_check_and_free(&rows);
    narrow_check_and_free(&b);
}

static void check_gemm_gathered_bf16(const atl_kernels *kernels)
{
    for (int m = 1; m <= ATL_BF16_TILE_ROWS; m++)
        for (size_t n_taps = 1; n_taps <= 3; n_taps++)
            for (size_t k = 32; k <= 160; k += 32)
                for (int add = 0; add < 2; add++) {
                    check_gathered_tile(kernels, m, n_taps, k, add, true);
                    check_gathered_tile(kernels, m, n_taps, k, add, false);
                }
}

/* m rows of n, `gap` more between them, of either type. */
typedef struct mixed {
    atl_rows rows;
    buffer wide;
    narrow half;
} mixed;

static mixed mixed_random(int m, int n, int gap, atl_dtype dtype, uint64_t seed)
{
    size_t stride = (size_t)(n + gap), size = (size_t)m * stride;
    mixed x = {.wide = buffer_random(size, seed, false), .half = narrow_random(size, seed, false)};
    x.rows = (atl_rows){.data = dtype == ATL_BF16 ? (void *)x.half.data : (void *)x.wide.data,
                        .stride = stride,
                        .dtype = dtype};
    return x;
}

static void mixed_check_and_free(mixed *x)
{
    buffer_check_and_free(&x->wide);
    narrow_check_and_free(&x->half);
}

/* In bf16 as near as rounding lets them be: a step of the last of eight bits. */
static void assert_mixed_agree(mixed *got, mixed *want, double bound)
{
    for (size_t i = 0; i < want->half.n; i++)
        assert_near(atl_bf16_to_f32(got->half.data[i]), (double)atl_bf16_to_f32(want->half.data[i]),
                    bound > 0.0 ? 0x1p-7 : 0.0);
    for (size_t i = 0; i < want->wide.n; i++)
        assert_near(got->wide.data[i], (double)want->wide.data[i], bound);
    mixed_check_and_free(got);
    mixed_check_and_free(want);
}

static void check_finish_rows(const atl_kernels *kernels)
{
    const int ms[] = {1, 2, 31, 32};
    for (int n = 1; n <= ATL_TILE_COLS; n++)
        for (int parts = 0; parts < 64; parts++) {
            int m = ms[(n + parts) % 4], act = parts % 3 == 0   ? ATL_ACT_SILU
                                               : parts % 3 == 1 ? ATL_ACT_QUICK_GELU
                                                                : ATL_ACT_NONE;
            atl_dtype out = parts & 8 ? ATL_BF16 : ATL_F32, in = parts & 16 ? ATL_BF16 : ATL_F32;
            buffer sums = buffer_random((size_t)m * ATL_TILE_COLS, 1, false),
                   bias = buffer_random((size_t)n, 2, false), time = buffer_random((size_t)n, 3, false);
            mixed residual = mixed_random(m, n, 3, in, 4), got = mixed_random(m, n, 5, out, 5),
                  want = mixed_random(m, n, 5, out, 5);
            atl_finish finish = {.bias = parts & 1 ? bias.data : NULL,
                                 .per_picture = parts & 2 ? time.data : NULL,
                                 .scale = parts & 32 ? 0.5f : 1.0f,
                                 .before = (atl_activation)act};
            const atl_rows *more = parts & 4 ? &residual.rows : NULL;
            kernels->finish_rows(&finish, m, n, sums.data, more, &got.rows);
            portable()->finish_rows(&finish, m, n, sums.data, more, &want.rows);
            assert_mixed_agree(&got, &want, 1e-6);
            mixed_check_and_free(&residual);
            buffer_check_and_free(&sums);
            buffer_check_and_free(&bias);
            buffer_check_and_free(&time);
        }
}

static void check_geglu_rows(const atl_kernels *kernels)
{
    for (int n = 1; n <= ATL_TILE_COLS; n++)
        for (int parts = 0; parts < 4; parts++) {
            int m = 1 + (n * 7 + parts) % ATL_BF16_TILE_ROWS;
            atl_dtype out = parts & 1 ? ATL_BF16 : ATL_F32;
            buffer a = buffer_random((size_t)m * ATL_TILE_COLS, 1, false),
                   b = buffer_random((size_t)m * ATL_TILE_COLS, 2, true),
                   bias = buffer_random((size_t)n, 3, false);
            mixed got = mixed_random(m, n, 5, out, 5), want = mixed_random(m, n, 5, out, 5);
            const float *p = parts & 2 ? bias.data : NULL;
            b.data[0] = 50.0f;
            b.data[m > 1 ? ATL_TILE_COLS : 0] = -50.0f;
            kernels->geglu_rows(m, n, a.data, b.data, p, p, &got.rows);
            portable()->geglu_rows(m, n, a.data, b.data, p, p, &want.rows);
            assert_mixed_agree(&got, &want, 3e-4); /* 8e-5 times a value of up to 3 */
            buffer_check_and_free(&a);
            buffer_check_and_free(&b);
            buffer_check_and_free(&bias);
        }
}

/* Sums that wait: what becomes of them is finish_rows's and geglu_rows's to the bit, and what is multiplied
 * meanwhile is gemm_gathered_bf16's. parts: bias, time embedding, residual, gates. */
static void check_finishing(const atl_kernels *kernels, int m, size_t k, int parts)
{
    enum { STRIDE = 200 };
    const size_t tap = 0;
    const int waiting = 1 + (m * 5 + parts) % ATL_BF16_TILE_ROWS;
    const size_t n_sums = (size_t)waiting * ATL_TILE_COLS;
    narrow x = narrow_random(32 * STRIDE, 1, false), b = narrow_random(k * ATL_TILE_COLS, 2, false);
    buffer c = buffer_random((ATL_BF16_TILE_ROWS * ATL_TILE_COLS), 3, false),
           want_c = buffer_random((ATL_BF16_TILE_ROWS * ATL_TILE_COLS), 3, false),
           sums = buffer_random(n_sums, 4, false), gates = buffer_random(n_sums, 5, false),
           bias = buffer_random(3 * ATL_TILE_COLS, 6, false);
    mixed residual = mixed_random(waiting, ATL_TILE_COLS, 3, ATL_BF16, 7),
          got = mixed_random(waiting, ATL_TILE_COLS, 5, ATL_BF16, 8),
          want = mixed_random(waiting, ATL_TILE_COLS, 5, ATL_BF16, 8);
    const atl_gathered a = {x.data, x.data + 16 * STRIDE, STRIDE, &tap, 1, k, k};
    const bool gated = parts & 8, more = (parts & 4) && !gated;
    const float *p = parts & 1 ? bias.data : NULL, *time = parts & 2 ? bias.data + ATL_TILE_COLS : NULL,
                *gate_bias = parts & 1 ? bias.data + 2 * ATL_TILE_COLS : NULL;
    const atl_finishing other = {.m = waiting,
                                 .sums = sums.data,
                                 .gates = gated ? gates.data : NULL,
                                 .bias = p,
                                 .per_picture = gated ? NULL : time,
                                 .gate_bias = gate_bias,
                                 .residual = more ? residual.rows.data : NULL,
                                 .residual_stride = residual.rows.stride,
                                 .out = got.rows.data,
                                 .out_stride = got.rows.stride};
    const atl_finish finish = {.bias = p, .per_picture = time, .scale = 1.0f};
    kernels->bf16_begin();
    kernels->gemm_finishing_bf16(m, &a, b.data, c.data, parts % 3 == 0, (atl_soon){b.data, b.n}, &other);
    kernels->gemm_gathered_bf16(m, &a, b.data, want_c.data, parts % 3 == 0, b.data);
    kernels->bf16_end();
    if (gated)
        kernels->geglu_rows(waiting, ATL_TILE_COLS, sums.data, gates.data, p, gate_bias, &want.rows);
    else
        kernels->finish_rows(&finish, waiting, ATL_TILE_COLS, sums.data, more ? &residual.rows : NULL,
                             &want.rows);
    for (int i = m * ATL_TILE_COLS; i < (ATL_BF16_TILE_ROWS * ATL_TILE_COLS); i++)
        c.data[i] = want_c.data[i]; /* unspecified */
    assert_agree(&c, &want_c, 0.0);
    assert_mixed_agree(&got, &want, 0.0);
    mixed_check_and_free(&residual);
    narrow_check_and_free(&x);
    narrow_check_and_free(&b);
    buffer_check_and_free(&sums);
    buffer_check_and_free(&gates);
    buffer_check_and_free(&bias);
}

static void check_gemm_finishing_bf16(const atl_kernels *kernels)
{
    for (int m = 1; kernels->gemm_finishing_bf16 && m <= ATL_BF16_TILE_ROWS; m++)
        for (size_t k = 32; k <= 160; k += 64)
            for (int parts = 0; parts < 16; parts++)
                check_finishing(kernels, m, k, parts);
}

static void check_moments_rows(const atl_kernels *kernels)
{
    for (int n = 1; n <= 140; n += 3)
        for (int m = 1; m <= 64; m += 9) {
            mixed x = mixed_random(m, n, 5, n % 2 ? ATL_BF16 : ATL_F32, 1);
            size_t size = (size_t)n;
            buffer pivot = buffer_random(size, 2, false), sum = buffer_new(size), sq = buffer_new(size),
                   want_sum = buffer_new(size), want_sq = buffer_new(size);
            kernels->moments_rows(m, n, &x.rows, pivot.data, sum.data, sq.data);
            portable()->moments_rows(m, n, &x.rows, pivot.data, want_sum.data, want_sq.data);
            assert_agree(&sum, &want_sum, 1e-5);
            assert_agree(&sq, &want_sq, 1e-5);
            mixed_check_and_free(&x);
            buffer_check_and_free(&pivot);
        }
}

static void check_affine_rows(const atl_kernels *kernels)
{
    for (int n = 1; n <= 70; n++)
        for (int parts = 0; parts < 4; parts++) {
            int m = 1 + n % 5, act = n % 2 ? ATL_ACT_SILU : ATL_ACT_NONE;
            mixed x = mixed_random(m, n, 5, parts & 1 ? ATL_BF16 : ATL_F32, 1);
            atl_dtype out = parts & 2 ? ATL_BF16 : ATL_F32;
            mixed got = mixed_random(m, n, 2, out, 2), want = mixed_random(m, n, 2, out, 2);
            buffer scale = buffer_random((size_t)n, 3, false), shift = buffer_random((size_t)n, 4, false);
            kernels->affine_rows((atl_activation)act, m, n, &x.rows, scale.data, shift.data, &got.rows);
            portable()->affine_rows((atl_activation)act, m, n, &x.rows, scale.data, shift.data, &want.rows);
            assert_mixed_agree(&got, &want, 1e-6);
            mixed_check_and_free(&x);
            buffer_check_and_free(&scale);
            buffer_check_and_free(&shift);
        }
}

static void check_f32_to_bf16(const atl_kernels *kernels)
{
    for (size_t n = 0; n <= 70; n++) {
        buffer x = buffer_random(n, n + 1, false);
        narrow got = narrow_new(n), want = narrow_new(n);
        kernels->f32_to_bf16(n, x.data, got.data);
        portable()->f32_to_bf16(n, x.data, want.data);
        assert_same_and_free(&got, &want);
        buffer_check_and_free(&x);
    }
}

/* ---- s8 ---- */

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

/* ---- attention ---- */

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
    static const atl_attend shapes[] = {
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

/* ---- the list ---- */

#define CHECK_ROW(name, parameters) {#name, check_##name},
static const struct {
    const char *name;
    void (*check)(const atl_kernels *kernels);
} checks[] = {ATL_KERNEL_LIST(CHECK_ROW)};

static void every_kernel_agrees_with_the_portable_one(void **state)
{
    (void)state;
    uint32_t isas[FIXTURE_ISAS];
    for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++)
        for (size_t i = 0; i < ATL_COUNT(checks); i++) {
            print_message("    %s %s\n", atl_kernels_choose(isas[isa])->isa, checks[i].name);
            checks[i].check(atl_kernels_choose(isas[isa]));
        }
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

static float of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void bf16_rounds_to_nearest_and_ties_to_even(void **state)
{
    (void)state;
    const uint32_t bits[] = {0x3f800000, 0x3f807fff, 0x3f808000, 0x3f808001, 0x3f818000, 0xbf818000,
                             0x3f817fff, 0x7f7fffff, 0x7f800000, 0xff800000, 0x00000000, 0x80000000};
    const uint16_t want[] = {0x3f80, 0x3f80, 0x3f80, 0x3f81, 0x3f82, 0xbf82,
                             0x3f81, 0x7f80, 0x7f80, 0xff80, 0x0000, 0x8000};
    uint32_t isas[FIXTURE_ISAS];
    float x[64];
    for (size_t i = 0; i < ATL_COUNT(x); i++)
        x[i] = of_bits(bits[i % ATL_COUNT(bits)]);
    for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++) {
        uint16_t strip[ATL_COUNT(x) * ATL_BF16_TILE_ROWS], panel[32 * ATL_TILE_COLS];
        const float *row = x;
        atl_kernels_choose(isas[isa])->pack_bf16(1, 0, ATL_COUNT(x), &row, strip);
        atl_kernels_choose(isas[isa])->pairs_bf16(2, x, panel);
        for (size_t i = 0; i < ATL_COUNT(x); i++) {
            assert_int_equal(strip[i / 32 * 1024 + i % 32], want[i % ATL_COUNT(bits)]);
            assert_int_equal(panel[i % 32 * 2 + i / 32], want[i % ATL_COUNT(bits)]);
        }
        const float nan = of_bits(0x7f800001); /* whose upper half alone would be infinite */
        row = &nan;
        atl_kernels_choose(isas[isa])->pack_bf16(1, 0, 1, &row, strip);
        assert_true(isnan(atl_bf16_to_f32(strip[0])));
    }
}

static void flags_choose_the_table(void **state)
{
    (void)state;
    assert_string_equal(atl_kernels_choose(0)->isa, "portable");
#if defined(__x86_64__)
    assert_string_equal(atl_kernels_choose(ATL_CPU_AVX2)->isa, "avx2");
    uint32_t flags = ATL_CPU_AVX2 | ATL_CPU_AVX2_VNNI;
    assert_string_equal(atl_kernels_choose(flags)->isa, "avx2_vnni");
    assert_string_equal(atl_kernels_choose(flags |= ATL_CPU_AVX512)->isa, "avx512");
    assert_string_equal(atl_kernels_choose(flags |= ATL_CPU_AVX512_VNNI)->isa, "avx512_vnni");
    assert_string_equal(atl_kernels_choose(flags |= ATL_CPU_AVX512_BF16)->isa, "avx512_bf16");
    assert_string_equal(atl_kernels_choose(flags | ATL_CPU_AMX)->isa, "amx");
#elif defined(__aarch64__)
    assert_string_equal(atl_kernels_choose(ATL_CPU_NEON)->isa, "neon");
    assert_string_equal(atl_kernels_choose(ATL_CPU_NEON | ATL_CPU_NEON_DOT)->isa, "neon_dot");
    assert_string_equal(atl_kernels_choose(ATL_CPU_NEON | ATL_CPU_NEON_DOT | ATL_CPU_NEON_BF16)->isa,
                        "neon_bf16");
#endif
    assert_int_equal(setenv("ATELIER_ISA", "portable", 1), 0);
    assert_int_equal(atl_cpu_flags(), 0);
    assert_int_equal(setenv("ATELIER_ISA", "avx2", 1), 0);
    assert_int_equal(atl_cpu_flags() & ~(uint32_t)ATL_CPU_AVX2, 0);
    assert_int_equal(unsetenv("ATELIER_ISA"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_agrees_with_the_portable_one),
        cmocka_unit_test(half_precision_has_its_landmarks),
        cmocka_unit_test(weights_round_to_the_nearest_half),
        cmocka_unit_test(bf16_rounds_to_nearest_and_ties_to_even),
        cmocka_unit_test(flags_choose_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
