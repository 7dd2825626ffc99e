/* bench_measure_rows.c - the rows of a benchmark: each time as a share of the ceiling that bounds it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench_measure_private.h"

static double ceiling_of(const bench_measuring *m, int threads, const char *name, const char *isa)
{
    for (int t = 0; t < m->plan->n_threads; t++) {
        const atl_ceiling *found = atl_ceiling_find(m->before[t], m->n_before[t], name, isa, threads);
        if (found)
            return found->median;
    }
    return NAN;
}

/* What most of a stage's products are made of. */
static const char *layers_of(const char *stage)
{
    return strcmp(stage, "text_encode") == 0 ? "text encoder"
           : strcmp(stage, "unet_step") == 0 ? "convolutions"
                                             : "autoencoder";
}

static bench_row row_of(const bench_measuring *m, const bench_subject *x)
{
    bench_row row = {.threads = x->seat->threads,
                     .width = x->which.width,
                     .height = x->which.height,
                     .batch = x->which.batch,
                     .unit = "ms",
                     .calls = 1,
                     .gflop = x->gflop,
                     .mb = x->mb,
                     .peak_gflops = NAN};
    snprintf(row.kind, sizeof row.kind, "stage");
    snprintf(row.name, sizeof row.name, "%s", x->which.stage);
    snprintf(row.stage, sizeof row.stage, "%s", x->which.stage);
    snprintf(row.policy, sizeof row.policy, "%s", x->seat->policy);
    snprintf(row.isa, sizeof row.isa, "%s", atl_stage_bench_isa(x->seat->bench));
    for (size_t i = 0; i < m->cpu.n_uses; i++) {
        const atl_cpu_use *use = &m->cpu.uses[i];
        char product[32];
        if (strcmp(use->policy, row.policy) != 0 || strcmp(use->layers, layers_of(row.stage)) != 0)
            continue;
        const bool by_blas = strcmp(use->isa, "blas") == 0;
        const char *store = strcmp(use->store, "f16") == 0 ? "f32" : use->store; /* which is widened first */
        snprintf(product, sizeof product, "gemm_%s", store);
        row.peak_gflops = ceiling_of(m, row.threads, product, by_blas ? row.isa : use->isa);
        snprintf(row.isa, sizeof row.isa, "%s", use->isa);
    }
    row.peak_gbps = fmax(ceiling_of(m, row.threads, "read_memory", NULL),
                         ceiling_of(m, row.threads, "triad_streaming", NULL));
    return row;
}

static void add_row(bench_measuring *m, const bench_row *row)
{
    if (m->n_rows < BENCH_MAX_ROWS)
        m->rows[m->n_rows++] = *row;
}

static void add_subject(bench_measuring *m, bench_subject *x)
{
    bench_row row = row_of(m, x);
    bench_summarise(x->ms, m->plan->repetitions, &row);
    bench_set_shares(&row);
    add_row(m, &row);
    for (size_t i = 0; m->plan->layers && i < x->n_ops; i++) {
        bench_op_times *times = &x->ops[i];
        row = row_of(m, x);
        snprintf(row.kind, sizeof row.kind, "layer");
        snprintf(row.name, sizeof row.name, "%s", times->op.name);
        row.calls = times->op.n_calls;
        row.gflop = times->op.flops / 1e9;
        row.mb = times->op.bytes / 1e6;
        bench_summarise(times->ms, times->n, &row);
        bench_set_shares(&row);
        add_row(m, &row);
    }
}

static void add_ceilings(bench_measuring *m)
{
    for (int t = 0; t < m->plan->n_threads; t++)
        for (size_t i = 0; i < m->n_before[t]; i++) {
            const atl_ceiling *c = &m->before[t][i];
            bench_row row = {.threads = c->n_threads,
                             .n = c->n,
                             .median = c->median,
                             .mean = c->mean,
                             .sd = c->sd,
                             .least = c->best,
                             .gflop = NAN,
                             .mb = NAN,
                             .gflops = NAN,
                             .gbps = NAN,
                             .peak_gflops = NAN,
                             .peak_gbps = NAN,
                             .of_peak = NAN,
                             .of_bandwidth = NAN,
                             .of_roof = NAN};
            snprintf(row.kind, sizeof row.kind, "ceiling");
            snprintf(row.name, sizeof row.name, "%s", c->name);
            snprintf(row.isa, sizeof row.isa, "%s", c->isa);
            snprintf(row.unit, sizeof row.unit, "%s", c->unit);
            add_row(m, &row);
        }
}

void bench_fill_rows(bench_measuring *m)
{
    for (size_t i = 0; i < m->n_subjects; i++)
        add_subject(m, &m->subjects[i]);
    add_ceilings(m);
}
