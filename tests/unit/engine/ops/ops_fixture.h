/* ops_fixture.h - what the tests of ops/ share: a bench for each instruction set and number of threads, maps
 * with guards around them, numbers, and comparisons. */
#ifndef ATL_TESTS_OPS_FIXTURE_H
#define ATL_TESTS_OPS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "base/sizes.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include "ops/map.h"

/* ---- numbers: xorshift, so that every machine tests the same ---- */

static inline uint32_t fixture_bits(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 16);
}

/* Whole numbers in [-3, 3], whose sums are exact in f32, or reals in [-1, 1). */
static inline float fixture_number(uint64_t *state, bool whole)
{
    uint32_t bits = fixture_bits(state);
    return whole ? (float)(int)(bits % 7) - 3.0f : (float)bits * 0x1p-31f - 1.0f;
}

static inline float *fixture_numbers(size_t n, uint64_t seed, bool whole)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    float *x = malloc((n ? n : 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = fixture_number(&state, whole);
    return x;
}

/* To what a layer of that type sees of them: bf16 keeps eight bits, f16 eleven. */
static inline void fixture_round(float *x, size_t n, atl_dtype dtype)
{
    for (size_t i = 0; dtype == ATL_F16 && i < n; i++)
        x[i] -= fmodf(x[i], 0x1p-11f);
    for (size_t i = 0; dtype == ATL_BF16 && i < n; i++)
        x[i] = atl_bf16_to_f32(atl_bf16_from_f32(x[i]));
}

/* ---- where ops run ---- */

typedef struct fixture {
    atl_pool *pool;
    atl_arena arena;
    atl_bench bench;
} fixture;

static inline void fixture_init(fixture *f, uint32_t cpu_flags, int n_threads)
{
    assert_int_equal(atl_pool_open(n_threads, NULL, NULL, &f->pool, NULL), ATL_OK);
    assert_int_equal(atl_arena_open((size_t)64 << 20, &f->arena, NULL), ATL_OK);
    f->bench = (atl_bench){.pool = f->pool,
                           .arena = &f->arena,
                           .kernels = atl_kernels_choose(cpu_flags),
                           .policy = atl_policy_find("fp32")};
}

static inline void fixture_done(fixture *f)
{
    assert_int_equal(f->arena.used_bytes, 0); /* every op gives its scratch back */
    atl_arena_close(&f->arena);
    atl_pool_close(&f->pool);
}

/* The instruction sets that this machine can run, strongest last; returns how many. */
enum { FIXTURE_ISAS = 10 };

static inline int fixture_isas(uint32_t flags[FIXTURE_ISAS])
{
    uint32_t have = atl_cpu_flags();
    int n = 0;
    flags[n++] = 0;
    if (have & ATL_CPU_AVX2)
        flags[n++] = ATL_CPU_AVX2;
    if (have & ATL_CPU_AVX2_VNNI)
        flags[n++] = ATL_CPU_AVX2 | ATL_CPU_AVX2_VNNI;
    if (have & ATL_CPU_AVX512)
        flags[n++] = ATL_CPU_AVX2 | ATL_CPU_AVX512;
    if (have & ATL_CPU_AVX512_VNNI)
        flags[n++] = ATL_CPU_AVX2 | ATL_CPU_AVX512 | ATL_CPU_AVX512_VNNI;
    if (have & ATL_CPU_AVX512_BF16)
        flags[n++] = ATL_CPU_AVX2 | ATL_CPU_AVX512 | ATL_CPU_AVX512_BF16;
    if (have & ATL_CPU_AMX)
        flags[n++] = ATL_CPU_AVX2 | ATL_CPU_AVX512 | ATL_CPU_AVX512_BF16 | ATL_CPU_AMX;
    if (have & ATL_CPU_NEON)
        flags[n++] = ATL_CPU_NEON;
    if (have & ATL_CPU_NEON_DOT)
        flags[n++] = ATL_CPU_NEON | ATL_CPU_NEON_DOT;
    if (have & ATL_CPU_NEON_BF16)
        flags[n++] = ATL_CPU_NEON | ATL_CPU_NEON_DOT | ATL_CPU_NEON_BF16;
    return n;
}

/* ---- maps with guards: `gap` more floats in every row, and a row before and after ---- */

#define FIXTURE_GUARD 12345.678f

typedef struct guarded {
    float *block;
    size_t n_floats;
    atl_map map;
} guarded;

static inline guarded guarded_map(int n, int h, int w, int c, int gap)
{
    guarded g = {.map = atl_map_over(NULL, ATL_F32, n, h, w, c)};
    g.map.stride = (size_t)c + (size_t)gap;
    g.n_floats = (atl_map_rows(&g.map) + 2) * g.map.stride;
    g.block = malloc(g.n_floats * sizeof *g.block);
    assert_non_null(g.block);
    for (size_t i = 0; i < g.n_floats; i++)
        g.block[i] = FIXTURE_GUARD;
    g.map.data = g.block + g.map.stride;
    return g;
}

static inline void guarded_fill(guarded *g, uint64_t seed, bool whole)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t row = 0; row < atl_map_rows(&g->map); row++)
        for (int c = 0; c < g->map.c; c++)
            atl_map_f32(&g->map)[row * g->map.stride + (size_t)c] = fixture_number(&state, whole);
}

/* Maps are never f16. */
static inline void guarded_round(guarded *g, atl_dtype dtype)
{
    for (size_t row = 0; dtype == ATL_BF16 && row < atl_map_rows(&g->map); row++)
        fixture_round(atl_map_f32(&g->map) + row * g->map.stride, (size_t)g->map.c, dtype);
}

static inline float *guarded_at(const guarded *g, int n, int y, int x)
{
    return atl_map_f32(&g->map) +
           (((size_t)n * (size_t)g->map.h + (size_t)y) * (size_t)g->map.w + (size_t)x) * g->map.stride;
}

/* Nothing outside the map's own channels was written. */
static inline void guarded_check(const guarded *g)
{
    const float guard = FIXTURE_GUARD;
    size_t first = g->map.stride, end = first + atl_map_rows(&g->map) * g->map.stride;
    for (size_t i = 0; i < g->n_floats; i++)
        if (i < first || i >= end || (i - first) % g->map.stride >= (size_t)g->map.c)
            assert_memory_equal(&g->block[i], &guard, sizeof guard);
}

/* Makes it a map in bf16, guards and all, where it is. */
static inline void guarded_narrow(guarded *g)
{
    char *block = (char *)g->block;
    for (size_t i = 0; i < g->n_floats; i++) {
        float x;
        memcpy(&x, block + 4 * i, sizeof x);
        uint16_t narrow = atl_bf16_from_f32(x);
        memcpy(block + 2 * i, &narrow, sizeof narrow);
    }
    memset(block + 2 * g->n_floats, 0, 2 * g->n_floats);
    g->map.dtype = ATL_BF16;
    g->map.data = block + 2 * g->map.stride;
}

static inline void guarded_free(guarded *g)
{
    free(g->block);
    g->block = NULL;
}

static inline void assert_same_maps(const guarded *a, const guarded *b)
{
    assert_int_equal(a->n_floats, b->n_floats);
    assert_memory_equal(a->block, b->block, a->n_floats * sizeof(float));
}

/* |got - want| at most `bound` × (1 + |want|), everywhere. */
static inline void assert_near(float got, double want, double bound)
{
    if (!(fabs((double)got - want) <= bound * (1.0 + fabs(want))))
        fail_msg("got %.9g, wanted %.9g", (double)got, want);
}

#endif
