/* product_bf16_one_tap.c - tiles of the pool of what reads its rows once (linear layers, 1 × 1 convolutions):
 * runs of products, a strip's with panel after panel or a panel's with strip after strip; see
 * product_bf16.c and gemm_run_bf16 in kernels_list.h. */
#include "base/sizes.h"
#include "ops/product_bf16.h"

/* Longer strips would push panels out of L2 if the next were called beside one that is read. */
#define MAX_CALLED_K 2560

/* The run whose first product is of `row` and `unit`, but for its length, its steps and what is called near.
 */
static atl_run run_at(const atl_bf16_tile *t, size_t row, size_t unit)
{
    const atl_bf16_job *job = t->job;
    const atl_product *p = job->product;
    const size_t panel = job->panel_k * ATL_TILE_COLS;
    const atl_gathered a = atl_patch_rows(&t->patch, row);
    atl_run run = {.m = (int)atl_least(ATL_BF16_TILE_ROWS, t->end_row - row)};
    run.own =
        (atl_factors){a.upper, (const uint16_t *)p->panels + unit * panel, .stride = a.stride, .k = a.k};
    run.own.gates = job->n_units * panel;
    run.results = atl_bf16_results(job, row, unit);
    if (p->geglu) {
        run.results.gates = t->sums;
        run.results.gate_bias = run.results.bias ? run.results.bias + p->n_out / 2 : NULL;
    }
    if (p->aside) {
        const size_t k = p->aside->k, aside_panel = k * ATL_TILE_COLS;
        run.aside = (atl_factors){p->aside->rows + row * k, p->aside->panels + unit * aside_panel,
                                  .stride = k, .k = k, .gates = job->n_units * aside_panel};
    }
    return run;
}

/* A strip passes by panels that stay. The first one calls the panels, which come from memory, each while the
 * one before is multiplied, the others the strip that follows. */
static void pass_strip(const atl_bf16_tile *t, size_t row, atl_held *held)
{
    const atl_bf16_job *job = t->job;
    const size_t n = t->end_unit - t->first_unit, next = row + ATL_BF16_TILE_ROWS;
    atl_run run = run_at(t, row, t->first_unit);
    run.n = n;
    run.own.panel_step = run.own.k * ATL_TILE_COLS;
    run.aside.panel_step = run.aside.k * ATL_TILE_COLS;
    run.column_step = run.residual_step = run.out_step = ATL_TILE_COLS;
    for (size_t half = 0; half < job->panels_a_unit; half++) {
        const size_t share = ATL_BF16_TILE_ROWS * job->patch.stride / job->panels_a_unit;
        const uint16_t *panels = run.own.panels + half * run.own.gates + run.own.panel_step;
        if (row == t->first_row && n > 1)
            run.soon[half] = (atl_soon){panels, n * run.own.panel_step};
        else if (next < t->end_row && run.own.k <= MAX_CALLED_K)
            run.soon[half] = (atl_soon){atl_patch_rows(&t->patch, next).upper + half * share, share};
    }
    job->kernels->gemm_run_bf16(&run, held);
}

/* Strips from `row` on pass by a panel, n of them, and call the next panel. */
static void pass_panel(const atl_bf16_tile *t, size_t row, size_t n, size_t unit, atl_held *held)
{
    const atl_bf16_job *job = t->job;
    const size_t next = unit + 1 < t->end_unit ? unit + 1 : t->next_unit;
    const size_t panel = job->panel_k * ATL_TILE_COLS;
    atl_run run = run_at(t, row, unit);
    run.n = n;
    run.own.row_step = ATL_BF16_TILE_ROWS * run.own.stride;
    run.aside.row_step = ATL_BF16_TILE_ROWS * run.aside.stride;
    run.residual_step = ATL_BF16_TILE_ROWS * run.results.residual_stride;
    run.out_step = ATL_BF16_TILE_ROWS * run.results.out_stride;
    for (size_t half = 0; row == t->first_row && half < job->panels_a_unit; half++)
        run.soon[half] =
            (atl_soon){(const uint16_t *)job->product->panels + (half * job->n_units + next) * panel, panel};
    job->kernels->gemm_run_bf16(&run, held);
}

void atl_bf16_tile_of_one_tap(const atl_bf16_tile *t)
{
    const size_t n_rows = t->end_row - t->first_row, n_whole = n_rows / ATL_BF16_TILE_ROWS;
    const size_t last = t->first_row + n_whole * ATL_BF16_TILE_ROWS;
    atl_held held = {.places = t->sums};
    if (t->job->panels_stay)
        for (size_t row = t->first_row; row < t->end_row; row += ATL_BF16_TILE_ROWS)
            pass_strip(t, row, &held);
    for (size_t unit = t->first_unit; !t->job->panels_stay && unit < t->end_unit; unit++) {
        if (n_whole > 0)
            pass_panel(t, t->first_row, n_whole, unit, &held);
        if (last < t->end_row)
            pass_panel(t, last, 1, unit, &held);
    }
    t->job->kernels->settle_run_bf16(&held);
}
