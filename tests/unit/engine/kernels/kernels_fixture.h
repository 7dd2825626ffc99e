/* kernels_fixture.h - what the checks of all families of kernels share: numbers at odd addresses with guards
 * around them, and the run of a family's checks on every instruction set that the machine has.
 *
 * Each kernel is held against the portable one, from the list that declares it: a kernel without a check does
 * not compile. Whole numbers, whose sums are exact, must agree bit for bit; reals within a bound that a wrong
 * kernel misses. */
#ifndef ATL_TESTS_KERNELS_FIXTURE_H
#define ATL_TESTS_KERNELS_FIXTURE_H

#include "unit/engine/ops/ops_fixture.h"

/* ---- buffers: n floats at an odd address, guards before and after ---- */

#define N_GUARDS 37

typedef struct buffer {
    float *block, *data;
    size_t n;
} buffer;

static inline buffer buffer_new(size_t n)
{
    buffer b = {.n = n, .block = malloc((n + 2 * N_GUARDS) * sizeof(float))};
    assert_non_null(b.block);
    for (size_t i = 0; i < n + 2 * N_GUARDS; i++)
        b.block[i] = FIXTURE_GUARD;
    b.data = b.block + N_GUARDS;
    return b;
}

static inline buffer buffer_random(size_t n, uint64_t seed, bool whole)
{
    buffer b = buffer_new(n);
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; i < n; i++)
        b.data[i] = fixture_number(&state, whole);
    return b;
}

static inline void buffer_check_and_free(buffer *b)
{
    const float guard = FIXTURE_GUARD;
    for (size_t i = 0; i < N_GUARDS; i++) {
        assert_memory_equal(&b->block[i], &guard, sizeof guard);
        assert_memory_equal(&b->data[b->n + i], &guard, sizeof guard);
    }
    free(b->block);
}

/* Everything equal within bound · (1 + |want|); guards intact in both; both freed. */
static inline void assert_agree(buffer *got, buffer *want, double bound)
{
    for (size_t i = 0; i < got->n; i++)
        assert_near(got->data[i], (double)want->data[i], bound);
    buffer_check_and_free(got);
    buffer_check_and_free(want);
}

static inline const atl_kernels *portable(void)
{
    return atl_kernels_choose(0);
}

/* ---- bf16 ---- */

typedef struct narrow {
    uint16_t *block, *data;
    size_t n;
} narrow;

static inline narrow narrow_new(size_t n)
{
    narrow b = {.n = n, .block = malloc((n + 2 * N_GUARDS) * sizeof(uint16_t))};
    assert_non_null(b.block);
    memset(b.block, 0x5a, (n + 2 * N_GUARDS) * sizeof(uint16_t));
    b.data = b.block + N_GUARDS;
    return b;
}

static inline narrow narrow_random(size_t n, uint64_t seed, bool whole)
{
    narrow b = narrow_new(n);
    buffer x = buffer_random(n, seed, whole);
    for (size_t i = 0; i < n; i++)
        b.data[i] = atl_bf16_from_f32(x.data[i]);
    buffer_check_and_free(&x);
    return b;
}

static inline void narrow_check_and_free(narrow *b)
{
    for (size_t i = 0; i < N_GUARDS; i++) {
        assert_int_equal(b->block[i], 0x5a5a);
        assert_int_equal(b->data[b->n + i], 0x5a5a);
    }
    free(b->block);
}

static inline void assert_same_and_free(narrow *got, narrow *want)
{
    assert_memory_equal(got->data, want->data, got->n * sizeof *got->data);
    narrow_check_and_free(got);
    narrow_check_and_free(want);
}

/* ---- rows of either type ---- */

/* m rows of n, `gap` more between them, of either type. */
typedef struct mixed {
    atl_rows rows;
    buffer wide;
    narrow half;
} mixed;

static inline mixed mixed_random(int m, int n, int gap, atl_dtype dtype, uint64_t seed)
{
    size_t stride = (size_t)(n + gap), size = (size_t)m * stride;
    mixed x = {.wide = buffer_random(size, seed, false), .half = narrow_random(size, seed, false)};
    x.rows = (atl_rows){.data = dtype == ATL_BF16 ? (void *)x.half.data : (void *)x.wide.data,
                        .stride = stride,
                        .dtype = dtype};
    return x;
}

static inline double mixed_at(const mixed *x, int row, int column)
{
    const size_t at = (size_t)row * x->rows.stride + (size_t)column;
    return (double)(x->rows.dtype == ATL_BF16 ? atl_bf16_to_f32(x->half.data[at]) : x->wide.data[at]);
}

static inline void mixed_check_and_free(mixed *x)
{
    buffer_check_and_free(&x->wide);
    narrow_check_and_free(&x->half);
}

/* In bf16 as near as rounding lets them be: a step of the last of eight bits. */
static inline void assert_mixed_agree(mixed *got, mixed *want, double bound)
{
    for (size_t i = 0; i < want->half.n; i++)
        assert_near(atl_bf16_to_f32(got->half.data[i]), (double)atl_bf16_to_f32(want->half.data[i]),
                    bound > 0.0 ? 0x1p-7 : 0.0);
    for (size_t i = 0; i < want->wide.n; i++)
        assert_near(got->wide.data[i], (double)want->wide.data[i], bound);
    mixed_check_and_free(got);
    mixed_check_and_free(want);
}

/* ---- a family ---- */

typedef struct kernel_check {
    const char *name;
    void (*check)(const atl_kernels *kernels);
} kernel_check;

#define CHECK_ROW(name, parameters) {#name, check_##name},

static inline void check_on_every_isa(const kernel_check *checks, size_t n)
{
    uint32_t isas[FIXTURE_ISAS];
    for (int isa = 0, n_isas = fixture_isas(isas); isa < n_isas; isa++)
        for (size_t i = 0; i < n; i++) {
            print_message("    %s %s\n", atl_kernels_choose(isas[isa])->isa, checks[i].name);
            checks[i].check(atl_kernels_choose(isas[isa]));
        }
}

#endif
