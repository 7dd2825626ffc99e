/* walks.c - see walks.h.
 *
 * Wide loads matter in the caches alone: `read` has a variant for each vector width, by target attributes,
 * since it is a yardstick and no kernel. What streams through DRAM is bound by it in any width. */
#include "walks.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/sizes.h"

enum { LINE = 64, CHUNK = 4096 };

struct atl_walk {
    atl_walk_kind kind;
    unsigned char *base; /* mapped */
    size_t mapped_bytes;
    size_t array_bytes; /* of each of its arrays, a multiple of CHUNK */
    int n_arrays;
    size_t at;         /* where the stream goes on, in each array */
    const void **next; /* where the chase goes on */
    void (*read)(const void *from, size_t n);
};

/* Keeps what was computed from being thought useless. */
#define SINK(x) __asm__ volatile("" ::"r"(x) : "memory")

static void read_plain(const void *from, size_t n)
{
    uint64_t sums[8] = {0};
    const uint64_t *x = from;
    for (size_t i = 0; i < n / sizeof *x; i += 8)
        for (size_t j = 0; j < 8; j++)
            sums[j] += x[i + j];
    for (size_t j = 1; j < 8; j++)
        sums[0] += sums[j];
    SINK(sums[0]);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void read_avx2(const void *from, size_t n)
{
    const __m256i *x = from;
    __m256i sums[8];
    for (int j = 0; j < 8; j++)
        sums[j] = _mm256_setzero_si256();
    for (size_t i = 0; i < n / sizeof *x; i += 8)
        for (size_t j = 0; j < 8; j++)
            sums[j] = _mm256_or_si256(sums[j], _mm256_load_si256(x + i + j));
    for (int j = 1; j < 8; j++)
        sums[0] = _mm256_or_si256(sums[0], sums[j]);
    SINK(_mm256_extract_epi64(sums[0], 0));
}

__attribute__((target("avx512f"))) static void read_avx512(const void *from, size_t n)
{
    const __m512i *x = from;
    __m512i sums[8];
    for (int j = 0; j < 8; j++)
        sums[j] = _mm512_setzero_si512();
    for (size_t i = 0; i < n / sizeof *x; i += 8)
        for (size_t j = 0; j < 8; j++)
            sums[j] = _mm512_or_si512(sums[j], _mm512_load_si512(x + i + j));
    for (int j = 1; j < 8; j++)
        sums[0] = _mm512_or_si512(sums[0], sums[j]);
    SINK(_mm_cvtsi128_si64(_mm512_castsi512_si128(sums[0])));
}
#endif

static void (*choose_read(void))(const void *, size_t)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        return read_avx512;
    if (__builtin_cpu_supports("avx2"))
        return read_avx2;
#endif
    return read_plain;
}

static void copy(float *restrict a, const float *restrict b, size_t n, bool streaming)
{
#if defined(__x86_64__)
    for (size_t i = 0; streaming && i < n; i += 4)
        _mm_stream_ps(a + i, _mm_load_ps(b + i));
    if (streaming)
        return;
    for (size_t i = 0; i < n; i += 4) /* not memcpy, which streams when it thinks fit */
        _mm_store_ps(a + i, _mm_load_ps(b + i));
#else
    (void)streaming;
    for (size_t i = 0; i < n; i++) {
        a[i] = b[i];
        SINK(a);
    }
#endif
}

static void triad(float *restrict a, const float *restrict b, const float *restrict c, size_t n,
                  bool streaming)
{
#if defined(__x86_64__)
    const __m128 three = _mm_set1_ps(3.0f);
    for (size_t i = 0; streaming && i < n; i += 4)
        _mm_stream_ps(a + i, _mm_add_ps(_mm_load_ps(b + i), _mm_mul_ps(three, _mm_load_ps(c + i))));
    if (streaming)
        return;
#else
    (void)streaming;
#endif
    for (size_t i = 0; i < n; i++)
        a[i] = b[i] + 3.0f * c[i];
}

/* ---- open, close ---- */

static uint64_t next_random(uint64_t *state) /* Marsaglia's xorshift64 */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Links all lines into one cycle: Sattolo's shuffle (1986). */
static bool link_lines(atl_walk *walk, uint64_t state)
{
    const size_t n = walk->array_bytes / LINE;
    uint32_t *order = malloc(n * sizeof *order);
    if (!order || n > UINT32_MAX) {
        free(order);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n - 1; i > 0; i--) {
        const size_t j = (size_t)((next_random(&state) >> 32) * i >> 32); /* < i */
        const uint32_t swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
    for (size_t i = 0; i < n; i++) {
        const void **line = (const void **)(void *)(walk->base + (size_t)order[i] * LINE);
        *line = walk->base + (size_t)order[i + 1 < n ? i + 1 : 0] * LINE;
    }
    walk->next = (const void **)(void *)walk->base;
    free(order);
    return true;
}

atl_status atl_walk_open(atl_walk_kind kind, size_t bytes, unsigned long long seed, atl_walk **ret,
                         atl_note *note)
{
    static const int n_arrays[] = {[ATL_WALK_READ] = 1,
                                   [ATL_WALK_COPY] = 2,
                                   [ATL_WALK_COPY_STREAMING] = 2,
                                   [ATL_WALK_TRIAD] = 3,
                                   [ATL_WALK_TRIAD_STREAMING] = 3,
                                   [ATL_WALK_CHASE] = 1};
    atl_walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a walk");
    walk->kind = kind;
    walk->n_arrays = n_arrays[kind];
    walk->array_bytes = bytes / (size_t)walk->n_arrays / CHUNK * CHUNK;
    walk->array_bytes = walk->array_bytes > 0 ? walk->array_bytes : CHUNK;
    walk->mapped_bytes = walk->array_bytes * (size_t)walk->n_arrays;
    walk->read = choose_read();
    walk->base = mmap(NULL, walk->mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool ok = walk->base != MAP_FAILED;
    if (!ok)
        walk->base = NULL;
#ifdef MADV_HUGEPAGE
    if (ok)
        madvise(walk->base, walk->mapped_bytes, MADV_HUGEPAGE);
#endif
    if (ok && kind == ATL_WALK_CHASE)
        ok = link_lines(walk, seed * 2 + 1);
    else if (ok)
        memset(walk->base, 0x3f, walk->mapped_bytes); /* 0.747 as floats: no zero page, nothing subnormal */
    if (!ok) {
        atl_walk_close(&walk);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a walk over %zu MB", bytes / 1000000);
    }
    *ret = walk;
    return ATL_OK;
}

void atl_walk_close(atl_walk **walk)
{
    if (*walk && (*walk)->base)
        munmap((*walk)->base, (*walk)->mapped_bytes);
    free(*walk);
    *walk = NULL;
}

/* ---- going ---- */

/* `n` bytes of each array, which lie within it. */
static void stream(const atl_walk *walk, size_t n)
{
    unsigned char *first = walk->base + walk->at;
    float *a = (float *)(void *)first, *b = (float *)(void *)(first + walk->array_bytes),
          *c = (float *)(void *)(first + 2 * walk->array_bytes);
    const size_t n_floats = n / sizeof *a;
    switch (walk->kind) {
    case ATL_WALK_READ:
        walk->read(first, n);
        break;
    case ATL_WALK_COPY:
    case ATL_WALK_COPY_STREAMING:
        copy(a, b, n_floats, walk->kind == ATL_WALK_COPY_STREAMING);
        break;
    default:
        triad(a, b, c, n_floats, walk->kind == ATL_WALK_TRIAD_STREAMING);
    }
}

static double chase(atl_walk *walk, size_t n_loads)
{
    const void **at = walk->next;
    for (size_t i = 0; i < n_loads; i++)
        at = (const void **)(uintptr_t)*at;
    SINK(at);
    walk->next = at;
    return (double)n_loads;
}

double atl_walk_go(atl_walk *walk, size_t bytes)
{
    if (walk->kind == ATL_WALK_CHASE)
        return chase(walk, bytes / LINE);
    size_t left = atl_round_up(bytes / (size_t)walk->n_arrays + 1, CHUNK);
    const double done = (double)left * walk->n_arrays;
    while (left > 0) {
        const size_t rest = walk->array_bytes - walk->at;
        const size_t n = left < rest ? left : rest;
        stream(walk, n);
        left -= n;
        walk->at = walk->at + n < walk->array_bytes ? walk->at + n : 0;
    }
#if defined(__x86_64__)
    _mm_sfence(); /* what was streamed is out */
#endif
    return done;
}

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

double atl_walk_rate(double piece, int64_t *took_ns, size_t n)
{
    if (n == 0)
        return NAN;
    qsort(took_ns, n, sizeof *took_ns, ascending);
    const int64_t most_ns = 8 * took_ns[n / 2];
    int64_t sum_ns = 0;
    size_t n_kept = 0;
    for (; n_kept < n && took_ns[n_kept] <= most_ns; n_kept++)
        sum_ns += took_ns[n_kept];
    return (double)n_kept * piece / (double)(sum_ns > 0 ? sum_ns : 1);
}
