/* bf16_test.c - products in bf16 and what is done with their rows; see kernels_fixture.h. */
#include "unit/engine/kernels/kernels_fixture.h"

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

/* Sums that wait: what becomes of them is finish_rows's to the bit, moments of that where they are wanted are
 * moments_rows's, and what is multiplied meanwhile is gemm_gathered_bf16's. parts: bias, time embedding,
 * residual. */
static void check_finishing(const atl_kernels *kernels, int m, size_t k, int parts, atl_activation act,
                            atl_dtype dtype)
{
    enum { STRIDE = 200 };
    const size_t tap = 0;
    const int waiting = 1 + (m * 5 + parts) % ATL_BF16_TILE_ROWS;
    const size_t n_sums = (size_t)waiting * ATL_TILE_COLS;
    narrow x = narrow_random(32 * STRIDE, 1, false), b = narrow_random(k * ATL_TILE_COLS, 2, false);
    buffer c = buffer_random((ATL_BF16_TILE_ROWS * ATL_TILE_COLS), 3, false),
           want_c = buffer_random((ATL_BF16_TILE_ROWS * ATL_TILE_COLS), 3, false),
           sums = buffer_random(n_sums, 4, false), bias = buffer_random(2 * ATL_TILE_COLS, 6, false),
           moments = buffer_random(2 * ATL_TILE_COLS, 9, false),
           want_moments = buffer_random(2 * ATL_TILE_COLS, 9, false);
    mixed residual = mixed_random(waiting, ATL_TILE_COLS, 3, dtype, 7),
          got = mixed_random(waiting, ATL_TILE_COLS, 5, dtype, 8),
          want = mixed_random(waiting, ATL_TILE_COLS, 5, dtype, 8);
    const atl_gathered a = {x.data, x.data + 16 * STRIDE, STRIDE, &tap, 1, k, k};
    const bool more = parts & 4;
    const bool summed = m % 2 && act == ATL_ACT_NONE && dtype == ATL_BF16;
    const int before = m % 3 * ATL_BF16_TILE_ROWS;
    const float *p = parts & 1 ? bias.data : NULL, *time = parts & 2 ? bias.data + ATL_TILE_COLS : NULL;
    const atl_finishing other = {.m = waiting,
                                 .sums = sums.data,
                                 .bias = p,
                                 .per_picture = time,
                                 .residual = more ? residual.rows.data : NULL,
                                 .residual_stride = residual.rows.stride,
                                 .out = got.rows.data,
                                 .out_stride = got.rows.stride,
                                 .dtype = dtype,
                                 .act = act,
                                 .mean = summed ? moments.data : NULL,
                                 .squares = moments.data + ATL_TILE_COLS,
                                 .before = before};
    const atl_finish finish = {.bias = p,
                               .per_picture = time,
                               .scale = 1.0f,
                               .before = more ? ATL_ACT_NONE : act,
                               .after = more ? act : ATL_ACT_NONE};
    kernels->bf16_begin();
    kernels->gemm_finishing_bf16(m, &a, b.data, c.data, parts % 3 == 0, (atl_soon){b.data, b.n}, &other);
    kernels->gemm_gathered_bf16(m, &a, b.data, want_c.data, parts % 3 == 0, b.data);
    kernels->bf16_end();
    kernels->finish_rows(&finish, waiting, ATL_TILE_COLS, sums.data, more ? &residual.rows : NULL,
                         &want.rows);
    if (summed)
        kernels->moments_rows(waiting, ATL_TILE_COLS, &want.rows, before, want_moments.data,
                              want_moments.data + ATL_TILE_COLS);
    assert_agree(&moments, &want_moments, 0.0);
    for (int i = m * ATL_TILE_COLS; i < (ATL_BF16_TILE_ROWS * ATL_TILE_COLS); i++)
        c.data[i] = want_c.data[i]; /* unspecified */
    assert_agree(&c, &want_c, 0.0);
    assert_mixed_agree(&got, &want, 0.0);
    mixed_check_and_free(&residual);
    narrow_check_and_free(&x);
    narrow_check_and_free(&b);
    buffer_check_and_free(&sums);
    buffer_check_and_free(&bias);
}

static void check_gemm_finishing_bf16(const atl_kernels *kernels)
{
    for (int m = 1; kernels->gemm_finishing_bf16 && m <= ATL_BF16_TILE_ROWS; m++)
        for (size_t k = 32; k <= 160; k += 64)
            for (int parts = 0; parts < 8; parts++) {
                check_finishing(kernels, m, k, parts, ATL_ACT_NONE, ATL_BF16);
                check_finishing(kernels, m, k, parts, ATL_ACT_RELU, ATL_BF16);
                if (parts < 4)
                    check_finishing(kernels, m, k, parts, ATL_ACT_QUICK_GELU, ATL_BF16);
                else
                    check_finishing(kernels, m, k, parts, ATL_ACT_NONE, ATL_F32);
            }
}

/* Runs of products: a strip with panel after panel, strips with a panel one after the other. Each product by
 * itself and its results made of its sums are what a run gives, to the bit. parts: bias, residual, gates,
 * aside. */
enum { RUN = 3, RUN_STRIDE = 200, RUN_ASIDE_K = 32, RUN_COLS = RUN * ATL_TILE_COLS };

typedef struct run_case {
    const atl_kernels *kernels;
    int m, parts;
    size_t k, row_step, panel_step; /* of products: strips or panels */
    const uint16_t *rows, *panels, *aside;
    const float *bias;
} run_case;

static void multiply_alone(const run_case *x, size_t i, size_t half, float *sums)
{
    const size_t tap = 0, column = i * x->panel_step + half * RUN;
    const uint16_t *rows = x->rows + i * x->row_step * 32 * RUN_STRIDE, *aside_rows = rows + 3;
    const atl_gathered own = {rows, rows + 16 * RUN_STRIDE, RUN_STRIDE, &tap, 1, x->k, x->k};
    const atl_gathered aside = {aside_rows, aside_rows + 16 * RUN_STRIDE, RUN_STRIDE, &tap, 1, RUN_ASIDE_K,
                                RUN_ASIDE_K};
    const uint16_t *b = x->panels + column * x->k * ATL_TILE_COLS;
    x->kernels->gemm_gathered_bf16(x->m, &own, b, sums, false, b);
    if (x->parts & 8)
        x->kernels->gemm_gathered_bf16(x->m, &aside, x->aside + column * RUN_ASIDE_K * ATL_TILE_COLS, sums,
                                       true, b);
}

static void run_alone(const run_case *x, const atl_rows *out, const atl_rows *residual)
{
    float sums[2][ATL_BF16_TILE_ROWS * ATL_TILE_COLS];
    for (size_t i = 0; i < RUN; i++) {
        const size_t at = i * x->panel_step * ATL_TILE_COLS + i * x->row_step * 32 * out->stride;
        const size_t there = i * x->panel_step * ATL_TILE_COLS + i * x->row_step * 32 * residual->stride;
        const float *bias = x->parts & 1 ? x->bias + i * x->panel_step * ATL_TILE_COLS : NULL;
        const atl_finish finish = {.bias = bias, .scale = 1.0f};
        const atl_rows to = {(uint16_t *)out->data + at, out->stride, ATL_BF16},
                       more = {(uint16_t *)residual->data + there, residual->stride, ATL_BF16};
        for (size_t half = 0; half < (x->parts & 4 ? 2 : 1); half++)
            multiply_alone(x, i, half, sums[half]);
        if (x->parts & 4)
            x->kernels->geglu_rows(x->m, ATL_TILE_COLS, sums[0], sums[1], bias, bias ? bias + RUN_COLS : NULL,
                                   &to);
        else
            x->kernels->finish_rows(&finish, x->m, ATL_TILE_COLS, sums[0], x->parts & 2 ? &more : NULL, &to);
    }
}

/* In runs of one and of two. */
static void run_together(const run_case *x, const atl_rows *out, const atl_rows *residual)
{
    static float places[3 * ATL_BF16_TILE_ROWS * ATL_TILE_COLS];
    atl_held held = {.places = places};
    for (size_t i = 0; i < RUN; i += i + 1) {
        const size_t column = i * x->panel_step, row = i * x->row_step * 32;
        const uint16_t *rows = x->rows + row * RUN_STRIDE;
        const float *bias = x->parts & 1 ? x->bias + column * ATL_TILE_COLS : NULL;
        atl_run run = {.m = x->m, .n = i + 1, .soon = {{x->panels, x->k}, {x->panels, x->k}}};
        run.own = (atl_factors){rows,
                                x->panels + column * x->k * ATL_TILE_COLS,
                                RUN_STRIDE,
                                x->row_step * 32 * RUN_STRIDE,
                                x->panel_step * x->k * ATL_TILE_COLS,
                                RUN * x->k * ATL_TILE_COLS,
                                x->k};
        if (x->parts & 8)
            run.aside = (atl_factors){rows + 3,
                                      x->aside + column * RUN_ASIDE_K * ATL_TILE_COLS,
                                      RUN_STRIDE,
                                      x->row_step * 32 * RUN_STRIDE,
                                      x->panel_step * RUN_ASIDE_K * ATL_TILE_COLS,
                                      RUN * RUN_ASIDE_K * ATL_TILE_COLS,
                                      RUN_ASIDE_K};
        run.column_step = x->panel_step * ATL_TILE_COLS;
        run.out_step = run.column_step + x->row_step * 32 * out->stride;
        run.residual_step = run.column_step + x->row_step * 32 * residual->stride;
        run.results.out = (uint16_t *)out->data + column * ATL_TILE_COLS + row * out->stride;
        run.results.out_stride = out->stride;
        run.results.dtype = ATL_BF16;
        run.results.bias = bias;
        if (x->parts & 4) {
            run.results.gates = places;
            run.results.gate_bias = bias ? bias + RUN_COLS : NULL;
        } else if (x->parts & 2) {
            run.results.residual =
                (const uint16_t *)residual->data + column * ATL_TILE_COLS + row * residual->stride;
            run.results.residual_stride = residual->stride;
        }
        x->kernels->gemm_run_bf16(&run, &held);
    }
    x->kernels->settle_run_bf16(&held);
}

static void check_run(const atl_kernels *kernels, int m, size_t k, int parts, bool strips)
{
    narrow rows = narrow_random(RUN * 32 * RUN_STRIDE + 3, 1, false),
           panels = narrow_random(2 * RUN_COLS * k, 2, false),
           aside = narrow_random(2 * RUN_COLS * RUN_ASIDE_K, 3, false);
    buffer bias = buffer_random(2 * RUN_COLS, 4, false);
    mixed got = mixed_random(RUN * 32, RUN_COLS, 5, ATL_BF16, 5),
          want = mixed_random(RUN * 32, RUN_COLS, 5, ATL_BF16, 5),
          residual = mixed_random(RUN * 32, RUN_COLS, 3, ATL_BF16, 6);
    const run_case x = {kernels, m, parts, k, strips, !strips, rows.data, panels.data, aside.data, bias.data};
    kernels->bf16_begin();
    run_together(&x, &got.rows, &residual.rows);
    run_alone(&x, &want.rows, &residual.rows);
    kernels->bf16_end();
    assert_mixed_agree(&got, &want, 0.0);
    mixed_check_and_free(&residual);
    narrow_check_and_free(&rows);
    narrow_check_and_free(&panels);
    narrow_check_and_free(&aside);
    buffer_check_and_free(&bias);
}

static void check_gemm_run_bf16(const atl_kernels *kernels)
{
    for (int m = 1; kernels->gemm_run_bf16 && m <= ATL_BF16_TILE_ROWS; m++)
        for (size_t k = 32; k <= 160; k += 64)
            for (int parts = 0; parts < 16; parts++) {
                check_run(kernels, m, k, parts, false);
                check_run(kernels, m, k, parts, true);
            }
}

/* There is nothing to settle. */
static void check_settle_run_bf16(const atl_kernels *kernels)
{
    static float places[ATL_BF16_TILE_ROWS * ATL_TILE_COLS];
    atl_held held = {.places = places};
    kernels->bf16_begin();
    if (kernels->settle_run_bf16)
        kernels->settle_run_bf16(&held);
    kernels->bf16_end();
    assert_int_equal(held.left.m, 0);
}

/* Rows that come in three parts have the statistics, in double, of all. */
static void check_moments_of_parts(const atl_kernels *kernels, const mixed *x, int n, const int *ends,
                                   double offset)
{
    buffer mean = buffer_new((size_t)n), squares = buffer_new((size_t)n);
    atl_rows rows = x->rows;
    int m = 0;
    for (int part = 0; part < 3; m = ends[part++]) {
        rows.data = (char *)x->rows.data + (size_t)m * rows.stride * atl_dtype_bytes(rows.dtype);
        kernels->moments_rows(ends[part] - m, n, &rows, m, mean.data, squares.data);
    }
    for (int j = 0; j < n; j++) {
        double exact = 0.0, apart = 0.0;
        for (int i = 0; i < m; i++)
            exact += mixed_at(x, i, j) / m;
        for (int i = 0; i < m; i++)
            apart += pow(mixed_at(x, i, j) - exact, 2);
        assert_near(mean.data[j], exact, 3e-7);
        assert_near(squares.data[j], apart, 4e-6 + 1e-7 * offset); /* parts' means are rounded */
    }
    buffer_check_and_free(&mean);
    buffer_check_and_free(&squares);
}

static void check_moments_rows(const atl_kernels *kernels)
{
    for (int n = 1; n <= 140; n += 3)
        for (int m = 3; m <= 96; m += 9) {
            mixed x = mixed_random(m, n, 5, n % 2 ? ATL_BF16 : ATL_F32, 1);
            const float offset = m % 2 && n % 2 == 0 ? 300.0f : 0.0f;
            for (size_t i = 0; i < x.wide.n; i++)
                x.wide.data[i] += offset;
            check_moments_of_parts(kernels, &x, n, (const int[]){1, m / 2 + 1, m}, (double)offset);
            mixed_check_and_free(&x);
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

/* ---- the list ---- */

static const kernel_check checks[] = {ATL_KERNEL_LIST_BF16(CHECK_ROW) ATL_KERNEL_LIST_TILES(CHECK_ROW)};

static void every_kernel_agrees_with_the_portable_one(void **state)
{
    (void)state;
    check_on_every_isa(checks, ATL_COUNT(checks));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_agrees_with_the_portable_one),
        cmocka_unit_test(bf16_rounds_to_nearest_and_ties_to_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
