/* portable_tiles.c - products that finish other sums meanwhile, in portable C: one after the other. They say
 * what those of a matrix unit are held against. */
#include "kernels/kernels.h"

#define HALF_ROWS (ATL_BF16_TILE_ROWS / 2)

static void finish_other(const atl_finishing *other)
{
    const atl_rows out = {.data = other->out, .stride = other->out_stride, .dtype = other->dtype};
    if (other->gates) {
        atl_geglu_rows__portable(other->m, ATL_TILE_COLS, other->sums, other->gates, other->bias,
                                 other->gate_bias, &out);
        return;
    }
    const atl_finish finish = {.bias = other->bias,
                               .per_picture = other->per_picture,
                               .scale = 1.0f,
                               .before = other->residual ? ATL_ACT_NONE : other->act,
                               .after = other->residual ? other->act : ATL_ACT_NONE};
    const atl_rows residual = {
        .data = (void *)(uintptr_t)other->residual, .stride = other->residual_stride, .dtype = other->dtype};
    atl_finish_rows__portable(&finish, other->m, ATL_TILE_COLS, other->sums,
                              other->residual ? &residual : NULL, &out);
    if (other->mean)
        atl_moments_rows__portable(other->m, ATL_TILE_COLS, &out, other->before, other->mean, other->squares);
}

void atl_gemm_finishing_bf16__portable(int m, const atl_gathered *a, const uint16_t *b, float *c, bool add,
                                       atl_soon soon, const atl_finishing *other)
{
    atl_gemm_gathered_bf16__portable(m, a, b, c, add, soon.from);
    if (other)
        finish_other(other);
}

static void add_factors(const atl_run *r, const atl_factors *of, size_t i, size_t gates, bool add,
                        float *sums)
{
    const size_t tap = 0;
    const uint16_t *rows = of->rows + i * of->row_step;
    const uint16_t *panel = of->panels + i * of->panel_step + gates * of->gates;
    const atl_gathered a = {.upper = rows,
                            .lower = rows + HALF_ROWS * of->stride,
                            .stride = of->stride,
                            .taps = &tap,
                            .n_taps = 1,
                            .k = of->k,
                            .panel_k = of->k};
    if (of->k > 0)
        atl_gemm_gathered_bf16__portable(r->m, &a, panel, sums, add, panel);
}

/* Nothing is held back. */
void atl_gemm_run_bf16__portable(const atl_run *r, atl_held *held)
{
    float *gates = held->places + ATL_BF16_TILE_ROWS * ATL_TILE_COLS;
    atl_finishing next = r->results;
    next.m = r->m;
    next.sums = held->places;
    next.gates = r->results.gates ? gates : NULL;
    for (size_t i = 0; i < r->n; i++) {
        add_factors(r, &r->own, i, 0, false, held->places);
        add_factors(r, &r->aside, i, 0, true, held->places);
        if (next.gates) {
            add_factors(r, &r->own, i, 1, false, gates);
            add_factors(r, &r->aside, i, 1, true, gates);
        }
        finish_other(&next);
        atl_next_results(r, &next);
    }
}

void atl_settle_run_bf16__portable(atl_held *held)
{
    held->left.m = 0;
}
