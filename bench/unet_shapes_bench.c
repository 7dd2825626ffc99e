/* unet_shapes_bench.c - the dearest layers of an SD 1.5 step at 512 × 512 (classifier-free guidance: 2
 * pictures), one by one, in GFLOP/s.
 *
 *   unet_shapes_bench [threads [seconds a shape [part of a name [policy]]]]
 *
 * Inputs and weights are random, and every repetition takes the next of several copies of the weights, so
 * that they come from memory as they do in a network. The last column is what the shape costs in one step:
 * time × how often it occurs. With one thread, times are the process's CPU time: what others do on the
 * machine shows less. tools/peers/torch_shapes.py prints the same rows for PyTorch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/sizes.h"
#include "bench/unet_shapes.h"
#include "kernels/kernels.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/layers.h"

#define ARENA_BYTES ((size_t)2 << 30)   /* only what is used is mapped */
#define COPIES_SIZE ((size_t)256 << 20) /* bytes of weight copies to walk through: more than is kept near */

/* From the arena, like a network's activations and weights: large pages. */
static float *random_floats(atl_arena *arena, size_t n)
{
    float *x = atl_arena_take(arena, n * sizeof *x);
    uint64_t state = 0x9e3779b97f4a7c15u + n;
    for (size_t i = 0; i < n; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        x[i] = (float)(int32_t)(state >> 32) * 0x1p-31f;
    }
    return x;
}

typedef struct subject {
    const shape *shape;
    atl_map x, text, out, residual;
    float *weights; /* all copies */
    atl_dtype dtype;
    size_t copy_floats, n_copies;
} subject;

static atl_map random_map(const atl_bench *bench, atl_dtype dtype, int h, int w, int c)
{
    size_t n = (size_t)N_PICTURES * (size_t)h * (size_t)w * (size_t)c;
    atl_map map = atl_map_take(bench, dtype, N_PICTURES, h, w, c);
    size_t mark = atl_arena_mark(bench->arena);
    atl_map plain = atl_map_over(random_floats(bench->arena, n), ATL_F32, N_PICTURES, h, w, c);
    atl_copy(bench, &plain, &map);
    atl_arena_release(bench->arena, mark);
    return map;
}

static int out_channels(const shape *s)
{
    if (s->kind == GEGLU)
        return s->c_out / 2;
    return s->kind == SELF_ATTENTION || s->kind == CROSS_ATTENTION ? s->c_in : s->c_out;
}

static double flops(const shape *s)
{
    double pixels = (double)N_PICTURES * s->side * s->side;
    double keys = s->kind == SELF_ATTENTION ? (double)s->side * s->side : 77.0;
    switch (s->kind) {
    case SELF_ATTENTION:
    case CROSS_ATTENTION:
        return 4.0 * pixels * keys * s->c_in;
    case GROUP_NORM:
    case LAYER_NORM:
        return pixels * s->c_in * 8.0; /* bytes read and written: the column is GB/s */
    default:
        return 2.0 * pixels * s->c_in * s->c_out * s->kernel * s->kernel;
    }
}

/* Copies of one layer, packed once from random numbers: random bits would be no bf16 numbers. */
static void pack_copies(subject *t, atl_arena *arena)
{
    const shape *s = t->shape;
    size_t n = (size_t)s->c_in * (size_t)s->c_out * (size_t)s->kernel * (size_t)s->kernel;
    size_t mark = atl_arena_mark(arena);
    float *plain = random_floats(arena, n), *bias = random_floats(arena, (size_t)s->c_out);
    atl_conv conv;
    atl_conv_bind(&conv, s->c_in, s->c_out, s->kernel, 1, 0, 0, true, t->dtype, t->weights);
    atl_conv_pack(&conv, 0, s->c_out, plain, bias, t->weights);
    atl_arena_release(arena, mark);
    for (size_t i = 1; i < t->n_copies; i++)
        memcpy(t->weights + i * t->copy_floats, t->weights, t->copy_floats * sizeof(float));
}

static bool is_norm(const shape *s)
{
    return s->kind == GROUP_NORM || s->kind == LAYER_NORM;
}

/* Maps are what the policy makes them: products read the one type and add in the other, norms and GEGLU write
 * what products read. */
static void subject_init(subject *t, const shape *s, const atl_bench *bench)
{
    bool attention = s->kind == SELF_ATTENTION || s->kind == CROSS_ATTENTION;
    atl_layer_class layer = attention ? ATL_LAYER_ATTENTION : ATL_LAYER_CONV;
    atl_dtype dtype = bench->policy->layer[layer].store, compute = bench->policy->layer[layer].compute;
    atl_dtype in = is_norm(s) ? ATL_F32 : compute;
    atl_dtype out = is_norm(s) || attention || s->kind == GEGLU ? compute : ATL_F32;
    atl_arena *arena = bench->arena;
    *t = (subject){.shape = s, .dtype = dtype};
    t->x = random_map(bench, in, s->side, s->side, s->kind == SELF_ATTENTION ? 3 * s->c_in : s->c_in);
    t->text = random_map(bench, in, 1, 77, 2 * s->c_in);
    t->out = random_map(bench, out, s->side, s->side, out_channels(s));
    t->residual = random_map(bench, ATL_F32, s->side, s->side, out_channels(s));
    t->copy_floats = atl_conv_packed_bytes(s->c_in, s->c_out, s->kernel, true, dtype) / sizeof(float);
    t->n_copies = attention ? 1 : COPIES_SIZE / (t->copy_floats * sizeof(float)) + 1;
    if (t->n_copies > 16)
        t->n_copies = 16;
    t->weights = atl_arena_take(arena, t->copy_floats * t->n_copies * sizeof(float));
    pack_copies(t, arena);
}

static void run_once(const atl_bench *bench, const subject *t, size_t i)
{
    const shape *s = t->shape;
    const float *weights = t->weights + i % t->n_copies * t->copy_floats;
    atl_epilogue epilogue = {.residual = &t->residual};
    atl_linear linear;
    atl_conv conv;
    atl_norm norm;
    atl_conv_input in = {.x = &t->x};
    int pad = s->kernel / 2, c = s->c_in;
    atl_linear_bind(&linear, s->c_in, s->c_out, true, t->dtype, weights);
    atl_conv_bind(&conv, s->c_in, s->c_out, s->kernel, 1, pad, pad, true, t->dtype, weights);
    atl_norm_bind(&norm, s->c_in, s->kind == GROUP_NORM ? 32 : 0, 1e-5f, weights);
    atl_map q = atl_map_channels(&t->x, 0, c);
    switch (s->kind) {
    case CONV:
        atl_conv_run(bench, &conv, &in, &epilogue, &t->out);
        return;
    case LINEAR:
        atl_linear_run(bench, &linear, &t->x, &epilogue, &t->out);
        return;
    case GEGLU:
        atl_linear_run_geglu(bench, &linear, &t->x, &t->out);
        return;
    case GROUP_NORM:
        atl_group_norm(bench, &norm, &t->x, NULL, ATL_ACT_SILU, &t->out);
        return;
    case LAYER_NORM:
        atl_layer_norm(bench, &norm, &t->x, &t->out);
        return;
    case SELF_ATTENTION:
    case CROSS_ATTENTION: {
        bool self = s->kind == SELF_ATTENTION;
        atl_map k = self ? atl_map_channels(&t->x, c, c) : atl_map_channels(&t->text, 0, c);
        atl_map v = self ? atl_map_channels(&t->x, 2 * c, c) : atl_map_channels(&t->text, c, c);
        atl_attention(bench, &q, &k, &v, s->c_out, 0.158f, false, &t->out);
        return;
    }
    }
}

/* The repetitions that fit into `seconds`, at least 3. The best one says what the code can do, the median
 * what the machine let it do. */
static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

typedef struct timing {
    double median_s, best_s;
} timing;

static int64_t now_ns(bool cpu_time)
{
    struct timespec t;
    if (!cpu_time || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0)
        return atl_clock_now_ns();
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static timing measure(const atl_bench *bench, const subject *t, double seconds)
{
    enum { MAX_REPEATS = 64 };
    int64_t times[MAX_REPEATS], begin = atl_clock_now_ns();
    bool one_thread = atl_pool_n_threads(bench->pool) == 1;
    size_t n = 0;
    run_once(bench, t, MAX_REPEATS);
    while (n < 3 || (n < MAX_REPEATS && atl_ns_to_s(atl_clock_now_ns() - begin) < seconds)) {
        int64_t start = now_ns(one_thread);
        run_once(bench, t, n);
        times[n++] = now_ns(one_thread) - start;
    }
    qsort(times, n, sizeof times[0], compare_times);
    return (timing){.median_s = atl_ns_to_s(times[n / 2]), .best_s = atl_ns_to_s(times[0])};
}

int main(int argc, char **argv)
{
    int n_threads = argc > 1 ? atoi(argv[1]) : 2;
    double seconds = argc > 2 ? atof(argv[2]) : 0.3, total = 0.0;
    const char *only = argc > 3 ? argv[3] : "";
    const atl_policy *policy = atl_policy_find(argc > 4 ? argv[4] : "fp32");
    atl_pool *pool = NULL;
    atl_arena arena = {0};
    atl_note note = {0};
    if (!policy) {
        fprintf(stderr, "policies: %s\n", atl_policy_names());
        return 2;
    }
    if (atl_pool_open(n_threads, NULL, NULL, &pool, &note) != ATL_OK ||
        atl_arena_open(ARENA_BYTES, &arena, &note) != ATL_OK) {
        fprintf(stderr, "%s\n", note.text);
        atl_pool_close(&pool);
        return 1;
    }
    atl_bench bench = {
        .pool = pool, .arena = &arena, .kernels = atl_kernels_choose(atl_cpu_flags()), .policy = policy};
    printf("%-26s %10s %10s %10s %10s   (%s, %s, %d threads)\n", "shape", "median ms", "best ms", "GFLOP/s",
           "ms a step", policy->name, bench.kernels->isa, n_threads);
    for (size_t i = 0; i < ATL_COUNT(shapes); i++) {
        subject t;
        if (!strstr(shapes[i].name, only))
            continue;
        size_t mark = atl_arena_mark(&arena);
        subject_init(&t, &shapes[i], &bench);
        timing s = measure(&bench, &t, seconds);
        total += s.best_s * shapes[i].count;
        printf("%-26s %10.3f %10.3f %10.1f %10.1f\n", shapes[i].name, s.median_s * 1e3, s.best_s * 1e3,
               flops(&shapes[i]) / s.best_s * 1e-9, s.best_s * 1e3 * shapes[i].count);
        fflush(stdout);
        atl_arena_release(&arena, mark);
    }
    printf("%-26s %10s %10s %10s %10.1f\n", "all of these", "", "", "", total * 1e3);
    atl_arena_close(&arena);
    atl_pool_close(&pool);
    return 0;
}
