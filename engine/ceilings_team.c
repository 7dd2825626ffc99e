/* ceilings_team.c - see ceilings_team.h.
 *
 * Each thread binds itself, opens and so first touches what it works on, does one piece to learn how long
 * that takes, and meets the others at a barrier before and after each repetition. Thread 0's time of a piece
 * decides how many a repetition has. Clocks are read by each thread inside of the barriers; whoever is
 * descheduled counts with the time that it lost. */
#include "ceilings_team.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/sizes.h"
#include "caches.h"
#include "kernels/bf16.h"

enum { PIECE_BYTES = 4 << 20, PIECE_PRODUCTS = 64 };

typedef struct team team;

typedef struct member {
    team *team;
    int index;
    pthread_t thread;
    atl_walk *walk;
    void *a, *b; /* a strip and a panel */
    float *c;
    size_t k; /* of the product */
    atl_status st;
    int64_t begun_ns[ATL_TEAM_REPETITIONS], ended_ns[ATL_TEAM_REPETITIONS];
    double done[ATL_TEAM_REPETITIONS];
} member;

struct team {
    const atl_team_task *task;
    member *members;
    int n;
    pthread_mutex_t gate; /* held until all threads are there */
    pthread_barrier_t barrier;
    int n_pieces; /* of a repetition; written by thread 0 between barriers, as `failed` is */
    bool failed;  /* nothing is measured */
};

static void bind(const atl_team_task *task, int index)
{
#if defined(__linux__)
    cpu_set_t *set = task->cpus ? CPU_ALLOC(CPU_SETSIZE * 8) : NULL;
    const size_t size = CPU_ALLOC_SIZE(CPU_SETSIZE * 8);
    if (!set)
        return;
    CPU_ZERO_S(size, set);
    CPU_SET_S((size_t)task->cpus[index], size, set);
    sched_setaffinity(0, size, set); /* a wish: what is measured then is where the system puts it */
    CPU_FREE(set);
#else
    (void)task;
    (void)index;
#endif
}

/* Numbers in [-1, 1): zeros would make products faster than they are. */
static float random_float(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (float)(int32_t)(*state >> 32) * 0x1p-31f;
}

static size_t element_bytes(atl_product product)
{
    return product == ATL_PRODUCT_F32 ? 4 : product == ATL_PRODUCT_BF16 ? 2 : 1;
}

static void fill_random(void *to, size_t n, atl_product product, uint64_t *state)
{
    for (size_t j = 0; j < n; j++) {
        const float x = random_float(state);
        if (product == ATL_PRODUCT_F32)
            ((float *)to)[j] = x;
        else if (product == ATL_PRODUCT_BF16)
            ((uint16_t *)to)[j] = atl_bf16_from_f32(x);
        else
            ((int8_t *)to)[j] = (int8_t)(x * 127.0f);
    }
}

/* A strip and a panel that fill six tenths of the first cache. */
static atl_status open_product(member *m, const atl_team_task *task)
{
    const size_t size = element_bytes(task->product);
    const size_t n_rows = task->product == ATL_PRODUCT_F32 ? ATL_STRIP_WIDTH : ATL_BF16_TILE_ROWS;
    const size_t l1 = atl_caches_of("", task->cpus ? task->cpus[m->index] : 0).level[1].bytes;
    m->k = l1 * 6 / 10 / (size * (n_rows + ATL_TILE_COLS)) / ATL_S8_BLOCK_K * ATL_S8_BLOCK_K;
    m->k = m->k > 0 ? m->k : ATL_S8_BLOCK_K;
    m->a = aligned_alloc(4096, atl_round_up(m->k * size * n_rows, 4096));
    m->b = aligned_alloc(4096, atl_round_up(m->k * size * ATL_TILE_COLS, 4096));
    m->c = aligned_alloc(4096, sizeof(float) * ATL_BF16_TILE_ROWS * ATL_TILE_COLS);
    if (!m->a || !m->b || !m->c)
        return ATL_NO_MEMORY;
    uint64_t state = 88172645463325252u + (uint64_t)m->index;
    fill_random(m->a, m->k * n_rows, task->product, &state);
    fill_random(m->b, m->k * ATL_TILE_COLS, task->product, &state);
    return ATL_OK;
}

static atl_status open_member(member *m)
{
    const atl_team_task *task = m->team->task;
    bind(task, m->index);
    if (task->product)
        return open_product(m, task);
    return atl_walk_open(task->kind, task->bytes, (unsigned long long)m->index + 1, &m->walk, NULL);
}

static void multiply(member *m)
{
    const atl_kernels *kernels = m->team->task->kernels;
    const size_t tap = 0;
    const int8_t *rows = m->a;
    switch (m->team->task->product) {
    case ATL_PRODUCT_BF16:
        kernels->gemm_bf16(ATL_BF16_TILE_ROWS, m->k, m->a, m->b, m->c, ATL_TILE_COLS, false, m->b);
        return;
    case ATL_PRODUCT_S8:
        kernels->gemm_gathered_s8(ATL_BF16_TILE_ROWS,
                                  &(atl_gathered_s8){.upper = rows,
                                                     .lower = rows + 16 * m->k,
                                                     .stride = m->k,
                                                     .taps = &tap,
                                                     .n_taps = 1,
                                                     .k = m->k},
                                  m->b, (void *)m->c, false, m->b);
        return;
    default:
        kernels->gemm_f32(ATL_TILE_ROWS, m->k, m->a, ATL_STRIP_WIDTH, m->b, m->c, ATL_TILE_COLS, false, m->b);
    }
}

static double one_piece(member *m)
{
    const atl_product product = m->team->task->product;
    if (!product)
        return atl_walk_go(m->walk, PIECE_BYTES);
    for (int i = 0; i < PIECE_PRODUCTS; i++)
        multiply(m);
    const int n_rows = product == ATL_PRODUCT_F32 ? ATL_TILE_ROWS : ATL_BF16_TILE_ROWS;
    return 2.0 * PIECE_PRODUCTS * n_rows * ATL_TILE_COLS * (double)m->k;
}

/* Thread 0, alone between two barriers. */
static void plan(team *t, int64_t piece_ns)
{
    for (int i = 0; i < t->n; i++)
        t->failed = t->failed || t->members[i].st != ATL_OK;
    const double each_ns = t->task->seconds * 1e9 / ATL_TEAM_REPETITIONS;
    const double n = each_ns / (double)(piece_ns > 0 ? piece_ns : 1);
    t->n_pieces = n < 1 ? 1 : n > 1e6 ? 1000000 : (int)n;
}

static void repeat(member *m, int repetition)
{
    double done = 0;
    pthread_barrier_wait(&m->team->barrier);
    m->begun_ns[repetition] = atl_clock_now_ns();
    for (int i = 0; i < m->team->n_pieces; i++)
        done += one_piece(m);
    m->ended_ns[repetition] = atl_clock_now_ns();
    m->done[repetition] = done;
}

static void *member_main(void *user)
{
    member *m = user;
    team *t = m->team;
    const bool has_tiles = t->task->product > ATL_PRODUCT_F32;
    pthread_mutex_lock(&t->gate);
    const bool is_off = t->failed;
    pthread_mutex_unlock(&t->gate);
    if (is_off)
        return NULL;
    m->st = open_member(m);
    if (has_tiles)
        t->task->kernels->bf16_begin();
    if (m->st == ATL_OK)
        one_piece(m); /* warm */
    pthread_barrier_wait(&t->barrier);
    const int64_t begin_ns = atl_clock_now_ns();
    if (m->st == ATL_OK)
        one_piece(m);
    const int64_t piece_ns = atl_clock_now_ns() - begin_ns;
    pthread_barrier_wait(&t->barrier);
    if (m->index == 0)
        plan(t, piece_ns);
    pthread_barrier_wait(&t->barrier);
    for (int i = 0; !t->failed && i < ATL_TEAM_REPETITIONS; i++)
        repeat(m, i);
    if (has_tiles)
        t->task->kernels->bf16_end();
    atl_walk_close(&m->walk);
    free(m->a);
    free(m->b);
    free(m->c);
    return NULL;
}

static double rate_of(const team *t, int repetition)
{
    int64_t begun = INT64_MAX, ended = INT64_MIN;
    double done = 0;
    for (int i = 0; i < t->n; i++) {
        const member *m = &t->members[i];
        begun = m->begun_ns[repetition] < begun ? m->begun_ns[repetition] : begun;
        ended = m->ended_ns[repetition] > ended ? m->ended_ns[repetition] : ended;
        done += m->done[repetition];
    }
    return done / (double)(ended > begun ? ended - begun : 1);
}

/* Starts all threads behind the gate, and opens it: then either all of them work or none. */
static atl_status run_team(team *t, int n, atl_note *note)
{
    int n_started = 0;
    pthread_mutex_lock(&t->gate);
    for (; n_started < n; n_started++) {
        t->members[n_started] = (member){.team = t, .index = n_started};
        if (pthread_create(&t->members[n_started].thread, NULL, member_main, &t->members[n_started]) != 0)
            break;
    }
    t->failed = n_started < n || pthread_barrier_init(&t->barrier, NULL, (unsigned)n) != 0;
    const bool has_barrier = !t->failed;
    t->n = n_started;
    pthread_mutex_unlock(&t->gate);
    for (int i = 0; i < n_started; i++)
        pthread_join(t->members[i].thread, NULL);
    if (!has_barrier)
        return atl_fail(note, ATL_IO, "%d of %d threads could be started", n_started, n);
    pthread_barrier_destroy(&t->barrier);
    return t->failed ? atl_fail(note, ATL_NO_MEMORY, "no memory to measure %d threads", n) : ATL_OK;
}

atl_status atl_team_measure(const atl_team_task *task, double ret[ATL_TEAM_REPETITIONS], int *ret_n,
                            atl_note *note)
{
    team t = {.task = task, .gate = PTHREAD_MUTEX_INITIALIZER};
    t.members = calloc((size_t)task->n_threads, sizeof *t.members);
    if (!t.members)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for %d threads", task->n_threads);
    const atl_status st = run_team(&t, task->n_threads, note);
    for (int i = 0; st == ATL_OK && i < ATL_TEAM_REPETITIONS; i++)
        ret[i] = rate_of(&t, i);
    if (st == ATL_OK)
        *ret_n = ATL_TEAM_REPETITIONS;
    pthread_mutex_destroy(&t.gate);
    free(t.members);
    return st;
}
