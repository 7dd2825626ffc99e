/* amx_finishing.c - the product of gathered rows in bf16 on AMX, finishing other sums meanwhile.
 *
 * A product of 32 × 32 sums keeps the matrix unit busy for 64 cycles for each 32 of k and the vector units
 * not at all; making results of 32 × 32 sums takes the latter some 450. One after the other they add up, as
 * the processor looks only some 500 instructions ahead, so a few rows are finished after each 32 of k. Where
 * there is nothing to finish a multiply-add whose result nobody reads stands in: without it, the part that
 * this was measured on slows down its stores of tiles after some 36 products (docs/SPEED.md). */
#if defined(__x86_64__)
#define KERNEL(name) atl_##name##__amx
#include "kernels/wide_avx512.h"

#include "kernels/amx_tiles.h"
#include "kernels/kernels.h"
#include "kernels/wide_math.h"
#include "kernels/wide_moments.h"

#include "kernels/amx_finish.h"

static inline bool is_summed(finishing_kind kind)
{
    return kind == PLAIN_SUMMED || kind == RESIDUAL_SUMMED;
}

/* Of results as they were stored: rounded. Both halves of the columns. */
static inline void sum_row(const atl_finishing *f, size_t row, moments sums[2])
{
    const uint16_t *results = (const uint16_t *)f->out + row * f->out_stride;
    for (int half = 0; half < 2; half++) {
        const vec x = v_from_bf16(results + half * LANES);
        if (row == 0)
            sums[half] = moments_from(x);
        moments_add(&sums[half], x);
    }
}

static inline void join_sums(const atl_finishing *f, const moments sums[2])
{
    const joining how = joining_of(f->before, f->m);
    for (int half = 0; half < 2; half++) {
        vec mean = v_load(f->mean + half * LANES), squares = v_load(f->squares + half * LANES);
        moments_join(&sums[half], &how, &mean, &squares);
        v_store(f->mean + half * LANES, mean);
        v_store(f->squares + half * LANES, squares);
    }
}

/* The three taps of an image row read the same lines but for one pixel: taken in turn, 32 of k at a time,
 * they find them in L1. */
static inline __attribute__((always_inline)) void multiply_finishing(finishing_kind kind, bool two,
                                                                     const atl_gathered *a, const uint16_t *b,
                                                                     atl_soon soon, const atl_finishing *f)
{
    const size_t row_bytes = a->stride * sizeof *a->upper, n_turn = a->n_taps % 3 == 0 ? 3 : 1;
    const size_t n_steps = a->n_taps * a->k / ATL_BLOCK_K, n_rows = kind == NOTHING ? 0 : (size_t)f->m;
    const size_t rows_a_step = (n_rows + n_steps - 1) / n_steps;
    const size_t lines_a_step = (soon.n + LINE_ELEMENTS * n_steps - 1) / (LINE_ELEMENTS * n_steps);
    size_t row = 0;
    vec busy = v_set(0.0f);
    columns all = {.bias = {busy, busy}};
    moments sums[2] = {moments_from(busy), moments_from(busy)};
    if (kind != NOTHING)
        all = columns_of(f);
    for (size_t first = 0; first < a->n_taps; first += n_turn, b += n_turn * a->panel_k * ATL_TILE_COLS)
        for (size_t k = 0; k < a->k; k += ATL_BLOCK_K)
            for (size_t i = 0; i < n_turn; i++) {
                const size_t at = a->taps[first + i] + k;
                atl_multiply_block(two, a->upper + at, a->lower + at, row_bytes,
                                   b + (i * a->panel_k + k) * ATL_TILE_COLS);
                call_near(soon.from, lines_a_step);
                soon.from += lines_a_step * LINE_ELEMENTS;
                for (size_t end = row + rows_a_step; row < end && row < n_rows; row++) {
                    finish_row(kind, f, &all, row);
                    if (is_summed(kind))
                        sum_row(f, row, sums);
                }
                __asm__ volatile("vfmadd231ps %0, %0, %0" : "+v"(busy));
            }
    if (is_summed(kind))
        join_sums(f, sums);
}

#define MULTIPLY_KIND(kind)                                                                                  \
    case kind:                                                                                               \
        multiply_finishing(kind, two, a, b, soon, f);                                                        \
        break;

static inline __attribute__((always_inline)) void
multiply_kind(bool two, const atl_gathered *a, const uint16_t *b, atl_soon soon, const atl_finishing *f)
{
    switch (kind_of(f)) {
        FINISHING_KINDS(MULTIPLY_KIND)
        MULTIPLY_KIND(PLAIN_SUMMED)
        MULTIPLY_KIND(RESIDUAL_SUMMED)
    case NOTHING:
    case GATED: /* amx_one_tap.c's alone */
        multiply_finishing(NOTHING, two, a, b, soon, f);
        break;
    }
}

void atl_gemm_finishing_bf16__amx(int m, const atl_gathered *a, const uint16_t *b, float *c, bool add,
                                  atl_soon soon, const atl_finishing *other)
{
    BARRIER();
    atl_load_sums(c, ATL_TILE_COLS, add);
    if (m > 16)
        multiply_kind(true, a, b, soon, other);
    else
        multiply_kind(false, a, b, soon, other);
    atl_store_sums(c, ATL_TILE_COLS);
    BARRIER();
}

void atl_gemm_gathered_bf16__amx(int m, const atl_gathered *a, const uint16_t *b, float *c, bool add,
                                 const uint16_t *ahead)
{
    const atl_soon soon = {.from = ahead, .n = 8 * a->n_taps * a->k};
    atl_gemm_finishing_bf16__amx(m, a, b, c, add, soon, NULL);
}

#endif
