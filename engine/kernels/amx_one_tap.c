/* amx_one_tap.c - products of rows that are read once (linear layers, 1 × 1 convolutions) in bf16 on AMX: a
 * run of them at a time, each finishing the sums of the one before (amx_finishing.c says why).
 *
 * A tile's store waits for its last product, and what comes after waits for the store. So sums stay in their
 * tiles until the next product, which stores each tile right before it needs it again. Then one place is
 * enough for all sums, and L1 has more for rows and panels (docs/SPEED.md). Nine taps lose by this: they have
 * fewer sums for their products, and a kernel of their own. */
#if defined(__x86_64__)
#define KERNEL(name) atl_##name##__amx
#include "kernels/wide_avx512.h"

#include "kernels/amx_tiles.h"
#include "kernels/kernels.h"
#include "kernels/wide_math.h"

#include "kernels/amx_finish.h"

#define HALF_ROWS  16
#define TILE       (ATL_BF16_TILE_ROWS * ATL_TILE_COLS)
#define BLOCK      (ATL_BLOCK_K * ATL_TILE_COLS) /* of a panel: 32 of k */
#define NEXT_LINES 16 /* of a block's 32, called from L2 to L1 two blocks ahead: all are no better */
#define INLINE     static inline __attribute__((always_inline))

/* Tile `i` of 0 to 3 goes where the sums before it wait, and begins anew. */
#define TURN_OVER(i, place)                                                                                  \
    do {                                                                                                     \
        _tile_stored(i, (place) + (i) / 2 * HALF_ROWS * ATL_TILE_COLS + (i) % 2 * 16,                        \
                     ATL_TILE_COLS * sizeof(float));                                                         \
        _tile_zero(i);                                                                                       \
    } while (0)

INLINE void multiply_first(bool two, const uint16_t *a, size_t stride, const uint16_t *b, float *place)
{
    _tile_loadd(4, a, stride * sizeof *a);
    _tile_loadd(6, b, PAIRS_BYTES);
    _tile_loadd(7, b + ATL_TILE_COLS, PAIRS_BYTES);
    TURN_OVER(0, place);
    _tile_dpbf16ps(0, 4, 6);
    TURN_OVER(1, place);
    _tile_dpbf16ps(1, 4, 7);
    if (two)
        _tile_loadd(5, a + HALF_ROWS * stride, stride * sizeof *a);
    TURN_OVER(2, place);
    if (two)
        _tile_dpbf16ps(2, 5, 6);
    TURN_OVER(3, place);
    if (two)
        _tile_dpbf16ps(3, 5, 7);
    BARRIER(); /* what was stored is finished soon */
}

/* What is done beside the blocks of a product. */
typedef struct beside {
    atl_finishing of;
    columns all;
    size_t row, end, rows_a_block; /* of `of` */
    const uint16_t *soon;
    size_t lines_a_block;
} beside;

INLINE void do_beside(finishing_kind kind, beside *x)
{
    const size_t end = x->row + x->rows_a_block < x->end ? x->row + x->rows_a_block : x->end;
    call_near(x->soon, x->lines_a_block);
    x->soon += x->lines_a_block * LINE_ELEMENTS;
    for (; x->row < end; x->row++)
        finish_row(kind, &x->of, &x->all, x->row);
}

/* All of k of 32 rows and a panel, then of what stands aside. */
INLINE void multiply(finishing_kind kind, bool two, const atl_run *r, size_t i, size_t half, float *place,
                     beside *x)
{
    const uint16_t *a = r->own.rows + i * r->own.row_step;
    const uint16_t *b = r->own.panels + i * r->own.panel_step + half * r->own.gates;
    const size_t stride = r->own.stride, aside_k = r->aside.k;
    vec busy = v_set(0.0f);
    multiply_first(two, a, stride, b, place);
    for (const uint16_t *end = a + r->own.k - ATL_BLOCK_K; a < end;) {
        a += ATL_BLOCK_K;
        b += BLOCK;
        atl_multiply_block(two, a, a + HALF_ROWS * stride, stride * sizeof *a, b);
        if (kind != GATED)
            for (size_t line = 0; line < NEXT_LINES; line++)
                _mm_prefetch((const char *)(b + 2 * BLOCK + LINE_ELEMENTS * line), _MM_HINT_T0);
        do_beside(kind, x);
        __asm__ volatile("vfmadd231ps %0, %0, %0" : "+v"(busy)); /* see amx_finishing.c */
    }
    a = r->aside.rows + i * r->aside.row_step;
    b = r->aside.panels + i * r->aside.panel_step + half * r->aside.gates;
    for (size_t k = 0; k < aside_k; k += ATL_BLOCK_K, a += ATL_BLOCK_K, b += BLOCK)
        atl_multiply_block(two, a, a + HALF_ROWS * r->aside.stride, r->aside.stride * sizeof *a, b);
    for (; x->row < x->end; x->row++)
        finish_row(kind, &x->of, &x->all, x->row);
}

static size_t shares(size_t n, size_t parts)
{
    return parts > 0 ? (n + parts - 1) / parts : n;
}

/* Values have two places in turn, as half of their rows wait until the gates are multiplied. */
static float *place_of_values(const atl_held *held)
{
    return held->places + held->turn % 2 * 2 * TILE;
}

INLINE void run(finishing_kind kind, bool two, const atl_run *r, atl_held *held)
{
    const size_t n_halves = kind == GATED ? 2 : 1, n_blocks = r->own.k / ATL_BLOCK_K;
    const size_t rows_a_block = shares(ATL_BF16_TILE_ROWS / n_halves, n_blocks - 1);
    atl_finishing next = r->results;
    const uint16_t *soon[2] = {r->soon[0].from, r->soon[1].from};
    next.m = r->m;
    for (size_t i = 0; i < r->n; i++) {
        beside x = {.of = held->left, .rows_a_block = rows_a_block, .row = 0};
        x.all = columns_of(&x.of);
        for (size_t half = 0; half < n_halves; half++) {
            float *place = held->places;
            if (kind == GATED)
                place = half ? place_of_values(held) : held->places + TILE;
            x.end = half + 1 == n_halves ? (size_t)x.of.m : shares((size_t)x.of.m, 2);
            x.soon = soon[half];
            x.lines_a_block = shares(r->soon[half].n, LINE_ELEMENTS * r->n * n_blocks);
            multiply(kind, two, r, i, half, place, &x);
            soon[half] = x.soon;
        }
        next.sums = kind == GATED ? place_of_values(held) : held->places;
        next.gates = kind == GATED ? held->places + TILE : NULL;
        held->left = next;
        held->turn++;
        atl_next_results(r, &next);
    }
}

#define RUN_KIND(kind)                                                                                       \
    case kind:                                                                                               \
        run(kind, two, r, held);                                                                             \
        break;

INLINE void run_kind(bool two, const atl_run *r, atl_held *held)
{
    switch (kind_of(&r->results)) {
        FINISHING_KINDS(RUN_KIND)
        RUN_KIND(GATED)
    case NOTHING:
    case PLAIN_SUMMED:
    case RESIDUAL_SUMMED:
        break;
    }
}

void atl_gemm_run_bf16__amx(const atl_run *r, atl_held *held)
{
    BARRIER();
    if (r->m > HALF_ROWS)
        run_kind(true, r, held);
    else
        run_kind(false, r, held);
    BARRIER();
}

/* The last sums. */
void atl_settle_run_bf16__amx(atl_held *held)
{
    atl_finishing *left = &held->left;
    float *place = held->places + (left->gates ? TILE : 0);
    const columns all = columns_of(left);
    BARRIER();
    atl_store_sums(place, ATL_TILE_COLS);
    BARRIER();
    for (size_t row = 0; row < (size_t)left->m; row++)
        finish_row(kind_of(left), left, &all, row);
    left->m = 0;
}

#endif
