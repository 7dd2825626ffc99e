/* onednn_bench.c - products and convolutions in bf16 beside oneDNN's, on the dearest shapes of an SD 1.5
 * step.
 *
 *   onednn_bench [threads [shapes [part of a name]]]
 *
 * First every product of unet_shapes.h is timed, and those that cost most in a step (time × how often it
 * occurs) are taken. Then each of them is raced in turns: a few runs of ours, a rest in which idle threads go
 * to sleep, a few of theirs. Both take the next of several copies of the weights each time, so that these
 * come from memory, and both read and write maps of bf16 and add a bias. GEGLU is whole on both sides; oneDNN
 * makes it of two products, each with a post-op. Of the ways in which oneDNN can do a layer the quickest is
 * taken. Results are compared once, so that the same is measured. Medians, in GFLOP/s.
 *
 * The process keeps to as many processors as it has threads, and begins anew where that changes something:
 * this is how the peer, which counts them when it is loaded, learns of their number. */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sizes.h"
#include "bench/onednn_peer.h"
#include "bench/unet_shapes.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include "ops/layers.h"

#define ARENA_BYTES ((size_t)3 << 30)   /* only what is used is mapped */
#define COPIES_SIZE ((size_t)384 << 20) /* of weights, on each side */
#define MAX_COPIES  64
#define ROUNDS      7
#define RUNS        3 /* of a side in a round, after one that is not counted */
#define REST_NS     5000000

typedef struct race {
    const shape *shape;
    atl_map x, out;
    char *weights; /* ours: all copies */
    size_t copy_bytes, n_copies;
    peer_layer *peer;
    peer_way way;
    double step_s; /* what the shape costs in a step */
} race;

typedef struct times {
    int64_t ns[ROUNDS * RUNS];
    size_t n;
} times;

static uint16_t *random_bf16(atl_arena *arena, size_t n, float scale)
{
    uint16_t *x = atl_arena_take(arena, n * sizeof *x);
    uint64_t state = 0x9e3779b97f4a7c15u + n;
    for (size_t i = 0; i < n; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        x[i] = atl_bf16_from_f32((float)(int32_t)(state >> 32) * 0x1p-31f * scale);
    }
    return x;
}

static size_t n_weights(const shape *s)
{
    return (size_t)s->c_in * (size_t)s->c_out * (size_t)s->kernel * (size_t)s->kernel;
}

static double flops(const shape *s)
{
    return 2.0 * N_PICTURES * s->side * s->side * (double)n_weights(s);
}

static void pack_copies(race *r, atl_arena *arena, const uint16_t *w, const float *bias)
{
    const shape *s = r->shape;
    size_t mark = atl_arena_mark(arena), n = n_weights(s);
    float *plain = atl_arena_take(arena, n * sizeof *plain);
    for (size_t i = 0; i < n; i++)
        plain[i] = atl_bf16_to_f32(w[i]);
    atl_conv conv;
    atl_conv_bind(&conv, s->c_in, s->c_out, s->kernel, 1, 0, 0, true, ATL_BF16, r->weights);
    atl_conv_pack(&conv, 0, s->c_out, plain, bias, r->weights);
    for (size_t i = 1; i < r->n_copies; i++)
        memcpy(r->weights + i * r->copy_bytes, r->weights, r->copy_bytes);
    atl_arena_release(arena, mark);
}

/* The same numbers for all ways; weights of a size that keeps sums near 1. */
typedef struct numbers {
    uint16_t *x, *w;
    float *bias;
} numbers;

static numbers make_numbers(const shape *s, atl_arena *arena)
{
    size_t n_x = (size_t)N_PICTURES * (size_t)s->side * (size_t)s->side * (size_t)s->c_in;
    numbers n = {.x = random_bf16(arena, n_x, 1.0f),
                 .w =
                     random_bf16(arena, n_weights(s), 2.0f / sqrtf((float)(s->c_in * s->kernel * s->kernel))),
                 .bias = atl_arena_take(arena, (size_t)s->c_out * sizeof(float))};
    for (int i = 0; i < s->c_out; i++)
        n.bias[i] = (float)(i % 17) * 0.1f - 0.8f;
    return n;
}

static void open_race(race *r, const shape *s, const atl_bench *bench, const numbers *from)
{
    int c_out = s->kind == GEGLU ? s->c_out / 2 : s->c_out;
    *r =
        (race){.shape = s, .copy_bytes = atl_conv_packed_bytes(s->c_in, s->c_out, s->kernel, true, ATL_BF16)};
    r->n_copies = COPIES_SIZE / r->copy_bytes + 1;
    if (r->n_copies > MAX_COPIES)
        r->n_copies = MAX_COPIES;
    r->x = atl_map_over(from->x, ATL_BF16, N_PICTURES, s->side, s->side, s->c_in);
    r->out = atl_map_take(bench, ATL_BF16, N_PICTURES, s->side, s->side, c_out);
    r->weights = atl_arena_take(bench->arena, r->copy_bytes * r->n_copies);
    pack_copies(r, bench->arena, from->w, from->bias);
}

static void run_ours(const atl_bench *bench, const race *r, size_t i)
{
    const shape *s = r->shape;
    const void *weights = r->weights + i % r->n_copies * r->copy_bytes;
    atl_conv_input in = {.x = &r->x};
    atl_linear linear;
    atl_conv conv;
    int pad = s->kernel / 2;
    atl_linear_bind(&linear, s->c_in, s->c_out, true, ATL_BF16, weights);
    atl_conv_bind(&conv, s->c_in, s->c_out, s->kernel, 1, pad, pad, true, ATL_BF16, weights);
    if (s->kind == CONV)
        atl_conv_run(bench, &conv, &in, NULL, &r->out);
    else if (s->kind == LINEAR)
        atl_linear_run(bench, &linear, &r->x, NULL, &r->out);
    else
        atl_linear_run_geglu(bench, &linear, &r->x, &r->out);
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "onednn_bench: %s\n", what);
    exit(1);
}

static void rest(void)
{
    nanosleep(&(struct timespec){.tv_nsec = REST_NS}, NULL);
}

/* A few runs in a row, `first` onwards; the one before them warms up. NULL: ours. */
static void time_runs(const atl_bench *bench, race *r, peer_layer *peer, size_t first, size_t n_runs,
                      times *t)
{
    for (size_t i = 0; i <= n_runs; i++) {
        int64_t start = atl_clock_now_ns();
        if (peer)
            must(peer_run(peer, first + i), "oneDNN did not run");
        else
            run_ours(bench, r, first + i);
        if (i > 0)
            t->ns[t->n++] = atl_clock_now_ns() - start;
    }
    rest();
}

static int compare_ns(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double median_s(times *t)
{
    qsort(t->ns, t->n, sizeof t->ns[0], compare_ns);
    return atl_ns_to_s(t->ns[t->n / 2]);
}

static void *take(void *arena, size_t bytes)
{
    return atl_arena_take(arena, bytes);
}

static peer_layer *open_peer(peer_way way, const shape *s, const numbers *from, size_t n_copies,
                             atl_arena *arena)
{
    const peer_shape wanted = {N_PICTURES, s->side,   s->c_in,
                               s->c_out,   s->kernel, s->kind == GEGLU ? PEER_GEGLU : PEER_PLAIN};
    return peer_open(way, &wanted, from->x, from->w, from->bias, n_copies, take, arena);
}

/* The quickest way that oneDNN has for the shape, each tried for a round. */
static peer_way choose_way(const race *r, const numbers *from, atl_arena *arena)
{
    peer_way best = PEER_N_WAYS;
    double best_s = INFINITY;
    for (peer_way way = 0; way < PEER_N_WAYS; way++) {
        size_t mark = atl_arena_mark(arena);
        peer_layer *layer = open_peer(way, r->shape, from, r->n_copies, arena);
        times t = {.n = 0};
        if (layer)
            time_runs(NULL, NULL, layer, 0, 2 * RUNS, &t);
        double s = layer ? median_s(&t) : INFINITY;
        if (s < best_s) {
            best_s = s;
            best = way;
        }
        peer_close(&layer);
        atl_arena_release(arena, mark);
    }
    must(best != PEER_N_WAYS, "oneDNN has no bf16 for this shape");
    return best;
}

/* Relative L2 of the difference. */
static double difference(const atl_bench *bench, race *r, atl_arena *arena)
{
    size_t mark = atl_arena_mark(arena), n = atl_map_rows(&r->out) * (size_t)r->out.c;
    uint16_t *theirs = atl_arena_take(arena, n * sizeof *theirs);
    const uint16_t *ours = r->out.data;
    double wrong = 0.0, all = 0.0;
    run_ours(bench, r, 0);
    must(peer_run(r->peer, 0) && peer_read(r->peer, theirs), "oneDNN did not run");
    for (size_t i = 0; i < n; i++) {
        double a = atl_bf16_to_f32(ours[i]), b = atl_bf16_to_f32(theirs[i]);
        wrong += (a - b) * (a - b);
        all += b * b;
    }
    atl_arena_release(arena, mark);
    return sqrt(wrong / all);
}

static void run_race(const atl_bench *bench, const shape *s, double *log_sum)
{
    atl_arena *arena = bench->arena;
    size_t mark = atl_arena_mark(arena);
    numbers from = make_numbers(s, arena);
    race r;
    open_race(&r, s, bench, &from);
    r.way = choose_way(&r, &from, arena);
    r.peer = open_peer(r.way, s, &from, r.n_copies, arena);
    must(r.peer != NULL, "oneDNN gave a primitive once, and then none");
    must(difference(bench, &r, arena) < 0.01, "results differ");
    times ours = {.n = 0}, theirs = {.n = 0};
    for (size_t round = 0; round < ROUNDS; round++) {
        time_runs(bench, &r, NULL, round * (RUNS + 1), RUNS, &ours);
        time_runs(bench, &r, r.peer, round * (RUNS + 1), RUNS, &theirs);
    }
    double a = median_s(&ours), b = median_s(&theirs);
    *log_sum += log(b / a);
    printf("%-24s %5d %9.3f %9.0f %9.3f %9.0f %7.2f   %s\n", s->name, s->count, a * 1e3, flops(s) / a * 1e-9,
           b * 1e3, flops(s) / b * 1e-9, b / a, peer_way_name(r.way));
    fflush(stdout);
    peer_close(&r.peer);
    atl_arena_release(arena, mark);
}

/* What the shape costs in a step, ours, from a few runs. */
static double cost_in_step(const atl_bench *bench, const shape *s)
{
    size_t mark = atl_arena_mark(bench->arena);
    numbers from = make_numbers(s, bench->arena);
    race r;
    times t = {.n = 0};
    open_race(&r, s, bench, &from);
    time_runs(bench, &r, NULL, 0, RUNS, &t);
    atl_arena_release(bench->arena, mark);
    return median_s(&t) * s->count;
}

typedef struct cost {
    const shape *shape;
    double s;
} cost;

static int dearer_first(const void *a, const void *b)
{
    double x = ((const cost *)a)->s, y = ((const cost *)b)->s;
    return (x < y) - (x > y);
}

static void race_dearest(const atl_bench *bench, size_t n_shapes, const char *only)
{
    cost costs[ATL_COUNT(shapes)];
    size_t n = 0;
    double total = 0.0, log_sum = 0.0;
    for (size_t i = 0; i < ATL_COUNT(shapes); i++)
        if ((shapes[i].kind == CONV || shapes[i].kind == LINEAR || shapes[i].kind == GEGLU) &&
            strstr(shapes[i].name, only)) {
            costs[n] = (cost){&shapes[i], cost_in_step(bench, &shapes[i])};
            total += costs[n++].s;
        }
    qsort(costs, n, sizeof costs[0], dearer_first);
    n_shapes = n_shapes < n ? n_shapes : n;
    double taken = 0.0;
    for (size_t i = 0; i < n_shapes; i++)
        taken += costs[i].s;
    printf("%s, %s; %d threads; the %zu dearest of %zu products, %.0f of %.0f ms a step\n", peer_version(),
           bench->kernels->isa, atl_pool_n_threads(bench->pool), n_shapes, n, taken * 1e3, total * 1e3);
    printf("%-24s %5s %9s %9s %9s %9s %7s   %s\n", "shape", "times", "ours ms", "GFLOP/s", "theirs ms",
           "GFLOP/s", "ratio", "their way");
    for (size_t i = 0; i < n_shapes; i++)
        run_race(bench, costs[i].shape, &log_sum);
    printf("%-24s %53.2f   geometric mean\n", "all", n_shapes ? exp(log_sum / (double)n_shapes) : 1.0);
}

/* On the first processors that the process may use, from its beginning. */
static bool keep_to(int n_threads, char **argv)
{
    cpu_set_t may, wanted;
    CPU_ZERO(&wanted);
    if (sched_getaffinity(0, sizeof may, &may) != 0)
        return false;
    int n = 0;
    for (size_t cpu = 0; cpu < CPU_SETSIZE && n < n_threads; cpu++)
        if (CPU_ISSET(cpu, &may)) {
            CPU_SET(cpu, &wanted);
            n++;
        }
    if (CPU_COUNT(&wanted) != n_threads)
        return false;
    if (CPU_EQUAL(&may, &wanted))
        return true;
    if (sched_setaffinity(0, sizeof wanted, &wanted) == 0)
        execv("/proc/self/exe", argv);
    return false;
}

int main(int argc, char **argv)
{
    int n_threads = argc > 1 ? atoi(argv[1]) : 2, n_shapes = argc > 2 ? atoi(argv[2]) : 12;
    atl_pool *pool = NULL;
    atl_arena arena = {0};
    atl_note note = {0};
    if (n_threads < 1 || n_shapes < 1 || !keep_to(n_threads, argv)) {
        fprintf(stderr,
                "usage: onednn_bench [threads [shapes [part of a name]]], with a processor a thread\n");
        return 2;
    }
    int rc = 1;
    if (atl_pool_open(n_threads, NULL, NULL, &pool, &note) == ATL_OK &&
        atl_arena_open(ARENA_BYTES, &arena, &note) == ATL_OK) {
        atl_bench bench = {.pool = pool,
                           .arena = &arena,
                           .kernels = atl_kernels_choose(atl_cpu_flags()),
                           .policy = atl_policy_find("bf16")};
        race_dearest(&bench, (size_t)n_shapes, argc > 3 ? argv[3] : "");
        rc = 0;
    } else {
        fprintf(stderr, "onednn_bench: %s\n", note.text);
    }
    atl_arena_close(&arena);
    atl_pool_close(&pool);
    return rc;
}
