/* kernels_bench.c - every kernel of every instruction set that this machine runs, on one core and from warm
 * caches: what the code can do when memory is not the question.
 *
 *   kernels_bench [part of a kernel's name]
 *
 * The rows come from the list that declares the kernels, so that none is forgotten. The unit is a billion
 * elements a second (multiply-adds for products), of the best of many repetitions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sizes.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"

#define N         2048 /* floats in a row-wise kernel: 8 KB in, 8 KB out */
#define GEMM_K    320
#define N_REPEATS 200
#define AVX512    (ATL_CPU_AVX2 | ATL_CPU_AVX512)

typedef struct numbers {
    float *a, *b, *c, *d; /* 64 KB each, random in [-1, 1) */
    uint16_t *narrow;
    const float *rows[ATL_STRIP_WIDTH];
    float state[3][ATL_TILE_COLS];
} numbers;

/* Each returns how many elements one call works on. */

static double run_gemm_f32(const atl_kernels *kernels, numbers *x)
{
    kernels->gemm_f32(ATL_TILE_ROWS, GEMM_K, x->a, ATL_STRIP_WIDTH, x->b, x->c, ATL_TILE_COLS, false, x->b);
    return ATL_TILE_ROWS * ATL_TILE_COLS * GEMM_K;
}

static double run_pack_f32(const atl_kernels *kernels, numbers *x)
{
    kernels->pack_f32(ATL_TILE_ROWS, GEMM_K, x->rows, x->c, ATL_STRIP_WIDTH);
    return ATL_TILE_ROWS * GEMM_K;
}

static double run_finish_f32(const atl_kernels *kernels, numbers *x)
{
    atl_finish finish = {.bias = x->b, .residual = x->d, .scale = 1.0f};
    kernels->finish_f32(&finish, N, x->a, x->c);
    return N;
}

static double run_geglu_f32(const atl_kernels *kernels, numbers *x)
{
    kernels->geglu_f32(N, x->a, x->b, x->d, x->d, x->c);
    return N;
}

static double run_activate_f32(const atl_kernels *kernels, numbers *x)
{
    kernels->activate_f32(ATL_ACT_SILU, N, x->a, x->c);
    return N;
}

static double run_add_f32(const atl_kernels *kernels, numbers *x)
{
    kernels->add_f32(N, x->a, x->b, x->c);
    return N;
}

static double run_affine_f32(const atl_kernels *kernels, numbers *x)
{
    kernels->affine_f32(ATL_ACT_SILU, N, x->a, x->b, x->d, x->c);
    return N;
}

static double run_layer_norm_f32(const atl_kernels *kernels, numbers *x)
{
    kernels->layer_norm_f32(N, x->a, x->b, x->d, 1e-5f, x->c);
    return N;
}

static double run_softmax_f32(const atl_kernels *kernels, numbers *x)
{
    kernels->softmax_f32(N / ATL_TILE_COLS, 0.1f, x->d, x->state[0], x->state[1], x->state[2]);
    return N;
}

static double run_scale_rows_f32(const atl_kernels *kernels, numbers *x)
{
    static const float ones[ATL_TILE_COLS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                              1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    kernels->scale_rows_f32(N / ATL_TILE_COLS, ones, x->d);
    return N;
}

static double run_f16_to_f32(const atl_kernels *kernels, numbers *x)
{
    kernels->f16_to_f32(N, x->narrow, x->c);
    return N;
}

static double run_bf16_to_f32(const atl_kernels *kernels, numbers *x)
{
    kernels->bf16_to_f32(N, x->narrow, x->c);
    return N;
}

static double run_gemm_bf16(const atl_kernels *kernels, numbers *x)
{
    kernels->bf16_begin();
    for (int i = 0; i < 8; i++)
        kernels->gemm_bf16(ATL_BF16_TILE_ROWS, GEMM_K, x->narrow, x->narrow + GEMM_K * ATL_BF16_TILE_ROWS,
                           x->c, ATL_TILE_COLS, false, x->narrow);
    kernels->bf16_end();
    return 8.0 * ATL_BF16_TILE_ROWS * ATL_TILE_COLS * GEMM_K;
}

static double run_pack_bf16(const atl_kernels *kernels, numbers *x)
{
    const float *rows[ATL_BF16_TILE_ROWS];
    for (size_t i = 0; i < ATL_BF16_TILE_ROWS; i++)
        rows[i] = x->a + i * GEMM_K;
    kernels->pack_bf16(ATL_BF16_TILE_ROWS, 0, GEMM_K, rows, (uint16_t *)(void *)x->c);
    return ATL_BF16_TILE_ROWS * GEMM_K;
}

static double run_pairs_bf16(const atl_kernels *kernels, numbers *x)
{
    kernels->pairs_bf16(N / ATL_TILE_COLS, x->a, (uint16_t *)(void *)x->c);
    return N;
}

/* A convolution's weights in f16, as most checkpoints have them. */
static atl_panel_rows rows_of_halves(const numbers *x)
{
    atl_panel_rows rows = {.n = ATL_TILE_COLS, .type = ATL_F16, .c_in = 32, .n_taps = 9};
    for (size_t i = 0; i < ATL_TILE_COLS; i++)
        rows.row[i] = x->narrow + i * rows.c_in * rows.n_taps;
    return rows;
}

static double run_panel_f32(const atl_kernels *kernels, numbers *x)
{
    const atl_panel_rows rows = rows_of_halves(x);
    kernels->panel_f32(&rows, x->c, x->state[0]);
    return ATL_TILE_COLS * 32 * 9;
}

static double run_panel_f16(const atl_kernels *kernels, numbers *x)
{
    const atl_panel_rows rows = rows_of_halves(x);
    kernels->panel_f16(&rows, (uint16_t *)(void *)x->c, x->state[0]);
    return ATL_TILE_COLS * 32 * 9;
}

static double run_panel_bf16(const atl_kernels *kernels, numbers *x)
{
    const atl_panel_rows rows = rows_of_halves(x);
    kernels->panel_bf16(&rows, (uint16_t *)(void *)x->c, x->state[0]);
    return ATL_TILE_COLS * 32 * 9;
}

static double run_gemm_gathered_bf16(const atl_kernels *kernels, numbers *x)
{
    const size_t tap = 0;
    const atl_gathered a = {.upper = x->narrow,
                            .lower = x->narrow + 16 * GEMM_K,
                            .stride = GEMM_K,
                            .taps = &tap,
                            .n_taps = 1,
                            .k = GEMM_K,
                            .panel_k = GEMM_K};
    kernels->bf16_begin();
    for (int i = 0; i < 8; i++)
        kernels->gemm_gathered_bf16(ATL_BF16_TILE_ROWS, &a, x->narrow + GEMM_K * ATL_BF16_TILE_ROWS, x->c,
                                    false, x->narrow);
    kernels->bf16_end();
    return 8.0 * ATL_BF16_TILE_ROWS * ATL_TILE_COLS * GEMM_K;
}

static double run_gemm_finishing_bf16(const atl_kernels *kernels, numbers *x)
{
    const size_t tap = 0;
    const uint16_t *b = x->narrow + GEMM_K * ATL_BF16_TILE_ROWS;
    const atl_gathered a = {x->narrow, x->narrow + 16 * GEMM_K, GEMM_K, &tap, 1, GEMM_K, GEMM_K};
    const atl_finishing other = {.m = ATL_BF16_TILE_ROWS,
                                 .sums = x->a,
                                 .bias = x->a,
                                 .out = x->b,
                                 .out_stride = ATL_TILE_COLS,
                                 .dtype = ATL_BF16};
    if (!kernels->gemm_finishing_bf16)
        return 0.0;
    kernels->bf16_begin();
    for (int i = 0; i < 8; i++)
        kernels->gemm_finishing_bf16(ATL_BF16_TILE_ROWS, &a, b, x->c, false, (atl_soon){0}, &other);
    kernels->bf16_end();
    return 8.0 * ATL_BF16_TILE_ROWS * ATL_TILE_COLS * GEMM_K;
}

/* A strip with eight panels, which are one. */
static double run_gemm_run_bf16(const atl_kernels *kernels, numbers *x)
{
    atl_held held = {.places = x->c};
    atl_run run = {.m = ATL_BF16_TILE_ROWS, .n = 8};
    if (!kernels->gemm_run_bf16)
        return 0.0;
    run.own = (atl_factors){
        .rows = x->narrow, .panels = x->narrow + GEMM_K * ATL_BF16_TILE_ROWS, .stride = GEMM_K, .k = GEMM_K};
    run.results = (atl_finishing){.bias = x->a, .out = x->b, .out_stride = ATL_TILE_COLS, .dtype = ATL_BF16};
    kernels->bf16_begin();
    kernels->gemm_run_bf16(&run, &held);
    kernels->settle_run_bf16(&held);
    kernels->bf16_end();
    return 8.0 * ATL_BF16_TILE_ROWS * ATL_TILE_COLS * GEMM_K;
}

/* There is nothing to settle. */
static double run_settle_run_bf16(const atl_kernels *kernels, numbers *x)
{
    (void)kernels;
    (void)x;
    return 0.0;
}

static double run_gemm_gathered_s8(const atl_kernels *kernels, numbers *x)
{
    const size_t tap = 0;
    const int8_t *rows = (const void *)x->a, *panel = (const void *)x->b; /* any bits are numbers */
    const atl_gathered_s8 a = {
        .upper = rows, .lower = rows + 16 * GEMM_K, .stride = GEMM_K, .taps = &tap, .n_taps = 1, .k = GEMM_K};
    kernels->bf16_begin();
    for (int i = 0; i < 8; i++)
        kernels->gemm_gathered_s8(ATL_BF16_TILE_ROWS, &a, panel, (int32_t *)(void *)x->c, false, rows);
    kernels->bf16_end();
    return 8.0 * ATL_BF16_TILE_ROWS * ATL_TILE_COLS * GEMM_K;
}

static double run_panel_s8(const atl_kernels *kernels, numbers *x)
{
    const atl_panel_rows rows = rows_of_halves(x);
    kernels->panel_s8(&rows, (int8_t *)(void *)x->c, x->state[0]);
    return ATL_TILE_COLS * 32 * 9;
}

static double run_absmax_row(const atl_kernels *kernels, numbers *x)
{
    const atl_rows row = {.data = x->narrow, .stride = N, .dtype = ATL_BF16};
    kernels->absmax_row(N, &row, x->state[0]);
    return N;
}

static double run_quantise_row(const atl_kernels *kernels, numbers *x)
{
    const atl_rows row = {.data = x->narrow, .stride = N, .dtype = ATL_BF16};
    kernels->quantise_row(N, &row, 127.0f, (int8_t *)(void *)x->c);
    return N;
}

static double run_dequantise(const atl_kernels *kernels, numbers *x)
{
    kernels->dequantise(ATL_BF16_TILE_ROWS, (const int32_t *)(const void *)x->a, x->b, x->d, x->c);
    return ATL_BF16_TILE_ROWS * ATL_TILE_COLS;
}

/* 32 rows of 32, and back in bf16. */
static atl_rows rows_of(void *data, atl_dtype dtype)
{
    return (atl_rows){.data = data, .stride = ATL_TILE_COLS, .dtype = dtype};
}

static double run_finish_rows(const atl_kernels *kernels, numbers *x)
{
    const atl_finish finish = {.bias = x->b, .scale = 1.0f};
    const atl_rows residual = rows_of(x->d, ATL_F32), out = rows_of(x->c, ATL_BF16);
    kernels->finish_rows(&finish, ATL_BF16_TILE_ROWS, ATL_TILE_COLS, x->a, &residual, &out);
    return ATL_BF16_TILE_ROWS * ATL_TILE_COLS;
}

static double run_geglu_rows(const atl_kernels *kernels, numbers *x)
{
    const atl_rows out = rows_of(x->c, ATL_BF16);
    kernels->geglu_rows(ATL_BF16_TILE_ROWS, ATL_TILE_COLS, x->a, x->b, x->d, x->d, &out);
    return ATL_BF16_TILE_ROWS * ATL_TILE_COLS;
}

static double run_moments_rows(const atl_kernels *kernels, numbers *x)
{
    const atl_rows rows = {.data = x->narrow, .stride = 320, .dtype = ATL_BF16};
    kernels->moments_rows(N / 320, 320, &rows, 0, x->c, x->d);
    return N / 320 * 320;
}

static double run_affine_rows(const atl_kernels *kernels, numbers *x)
{
    const atl_rows rows = rows_of(x->a, ATL_F32), out = rows_of(x->c, ATL_BF16);
    kernels->affine_rows(ATL_ACT_SILU, N / ATL_TILE_COLS, ATL_TILE_COLS, &rows, x->b, x->d, &out);
    return N;
}

static double run_f32_to_bf16(const atl_kernels *kernels, numbers *x)
{
    kernels->f32_to_bf16(N, x->a, (uint16_t *)(void *)x->c);
    return N;
}

/* A tile of queries of 40 channels: multiply-adds that are wanted, not those with padding. */
static double run_attend_bf16(const atl_kernels *kernels, numbers *x)
{
    enum { N_KEYS = 192, HEAD = 40 };
    const bool by_peak[1] = {false};
    const atl_attend a = {.n_tiles = 1,
                          .n_keys = N_KEYS,
                          .keys_a_block = 96,
                          .d_k = 64,
                          .v_tiles = 3,
                          .factor = 0.1f,
                          .q = x->narrow,
                          .k = x->narrow + 2048,
                          .v = x->narrow + 2048 + N_KEYS * 64,
                          .by_peak = by_peak,
                          .o = x->c,
                          .scratch = x->d};
    if (!kernels->attend_bf16)
        return 0.0;
    kernels->bf16_begin();
    kernels->attend_bf16(&a);
    kernels->bf16_end();
    return 2.0 * ATL_ATTEND_QUERIES * N_KEYS * HEAD;
}

static double run_squares_bf16(const atl_kernels *kernels, numbers *x)
{
    if (!kernels->squares_bf16)
        return 0.0;
    kernels->squares_bf16(GEMM_K, x->narrow, x->state[0]);
    return ATL_BF16_TILE_ROWS * GEMM_K;
}

static double run_attended_rows(const atl_kernels *kernels, numbers *x)
{
    const atl_rows out = {.data = x->c, .stride = 320, .dtype = ATL_BF16};
    if (!kernels->attended_rows)
        return 0.0;
    kernels->attended_rows(ATL_ATTEND_QUERIES, 40, x->a, 48, 0.0f, &out);
    return ATL_ATTEND_QUERIES * 40;
}

#define BENCH_ROW(name, parameters) {#name, run_##name},
static const struct {
    const char *name;
    double (*run)(const atl_kernels *kernels, numbers *x);
} benches[] = {ATL_KERNEL_LIST(BENCH_ROW)};

static float *random_floats(size_t n, uint64_t state)
{
    float *x = aligned_alloc(64, n * sizeof *x);
    if (!x)
        abort();
    for (size_t i = 0; i < n; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        x[i] = (float)(int32_t)(state >> 32) * 0x1p-31f;
    }
    return x;
}

static numbers numbers_new(void)
{
    enum { SIZE = 16384 };
    numbers x = {.a = random_floats(SIZE, 1), .b = random_floats(SIZE, 2)};
    x.c = random_floats(SIZE, 3);
    x.d = random_floats(SIZE, 4);
    x.narrow = aligned_alloc(64, 2 * SIZE * sizeof *x.narrow);
    if (!x.narrow)
        abort();
    for (size_t i = 0; i < 2 * SIZE; i++)
        x.narrow[i] = atl_bf16_from_f32(x.a[i % SIZE]);
    for (size_t i = 0; i < ATL_STRIP_WIDTH; i++)
        x.rows[i] = x.a + i * GEMM_K;
    return x;
}

static void numbers_free(numbers *x)
{
    free(x->a);
    free(x->b);
    free(x->c);
    free(x->d);
    free(x->narrow);
}

/* Billions of elements a second, of the best repetition. */
static double measure(const atl_kernels *kernels, double (*run)(const atl_kernels *, numbers *), numbers *x)
{
    double best = 0.0;
    for (int i = 0; i < N_REPEATS; i++) {
        double n = 0.0;
        int64_t begin = atl_clock_now_ns();
        for (int j = 0; j < 8; j++)
            n += run(kernels, x);
        double rate = n / (double)(atl_clock_now_ns() - begin);
        best = rate > best ? rate : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : "";
    const uint32_t flags[] = {0,
                              ATL_CPU_AVX2,
                              ATL_CPU_AVX2 | ATL_CPU_AVX2_VNNI,
                              AVX512,
                              AVX512 | ATL_CPU_AVX512_VNNI,
                              AVX512 | ATL_CPU_AVX512_BF16,
                              AVX512 | ATL_CPU_AVX512_BF16 | ATL_CPU_AMX};
    numbers x = numbers_new();
    printf("%-18s %11s %11s %11s %11s %11s %11s %11s   (billion elements a second, one core)\n", "kernel",
           "portable", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "avx512_bf16", "amx");
    for (size_t i = 0; i < ATL_COUNT(benches); i++) {
        if (!strstr(benches[i].name, only))
            continue;
        printf("%-18s", benches[i].name);
        for (size_t isa = 0; isa < ATL_COUNT(flags); isa++)
            if ((atl_cpu_flags() & flags[isa]) == flags[isa])
                printf(" %11.2f", measure(atl_kernels_choose(flags[isa]), benches[i].run, &x));
            else
                printf(" %11s", "-");
        printf("\n");
    }
    numbers_free(&x);
    return 0;
}
