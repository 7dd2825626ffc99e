/* bench_measure.c - see bench_plan.h; bench_measure_rows.c makes rows of what is measured here.
 *
 * All engines are open at once: one for each policy and number of threads, on the same cores, with one copy
 * of a policy's weights between them. First come the ceilings, then one run of every case that warms it up,
 * then rounds of all cases in random order, so that a machine that gets slower does so for all of them; then
 * the ceilings again, which tells how much the machine changed. */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/sizes.h"
#include "bench_measure_private.h"
#include "console.h"
#include "coordinator/evidence.h"
#include "engine/ceilings.h"
#include "engine/cpu.h"
#include "engine/stages.h"

#define CEILING_S 0.3

/* ---- opening ---- */

static void bind_thread(void *user, int thread)
{
    const bench_seat *s = user;
    const int cpu = s->plan->slots[0].pus[thread];
    cpu_set_t *set = CPU_ALLOC((size_t)cpu + 1);
    if (!set)
        return;
    CPU_ZERO_S(CPU_ALLOC_SIZE((size_t)cpu + 1), set);
    CPU_SET_S((size_t)cpu, CPU_ALLOC_SIZE((size_t)cpu + 1), set);
    sched_setaffinity(0, CPU_ALLOC_SIZE((size_t)cpu + 1), set); /* a wish: noise tells if it was refused */
    CPU_FREE(set);
}

static atl_status open_seats(bench_measuring *m, atl_note *note)
{
    const bench_plan *plan = m->plan;
    atl_status st = ATL_OK;
    for (int t = 0; st == ATL_OK && t < plan->n_threads; t++)
        st = atl_plan_make(plan->machine, 1, plan->threads[t], ATL_COMPACT, 0, &m->plans[t], note);
    for (int t = 0; st == ATL_OK && t < plan->n_threads; t++)
        if (m->plans[t].warning[0])
            console_say("%d thread%s: %s", plan->threads[t], plan->threads[t] == 1 ? "" : "s",
                        m->plans[t].warning);
    for (int p = 0; st == ATL_OK && p < plan->n_policies; p++) {
        const int weights = memfd_create(
            "atelier-bench", MFD_CLOEXEC | MFD_ALLOW_SEALING); /* without it each has its own copy */
        for (int t = 0; st == ATL_OK && t < plan->n_threads; t++) {
            bench_seat *s = &m->seats[m->n_seats];
            *s = (bench_seat){.policy = plan->policies[p], .threads = plan->threads[t], .plan = &m->plans[t]};
            const atl_engine_options options = {.model = plan->model,
                                                .variant = plan->variant,
                                                .policy = s->policy,
                                                .n_threads = s->threads,
                                                .thread_hook =
                                                    atl_machine_can_bind(plan->machine) ? bind_thread : NULL,
                                                .hook_user = s,
                                                .shared_weights_fd = weights > 0 ? weights : 0};
            console_say("opening the model: %s, %d thread%s", s->policy, s->threads,
                        s->threads == 1 ? "" : "s");
            st = atl_stage_bench_open(&options, &s->bench, note);
            m->n_seats += st == ATL_OK;
        }
        if (weights >= 0)
            close(weights);
    }
    return st;
}

static atl_status make_subjects(bench_measuring *m, atl_note *note)
{
    const bench_plan *plan = m->plan;
    const size_t most = (size_t)m->n_seats * (size_t)plan->n_stages * (size_t)plan->n_sizes;
    m->subjects = calloc(most, sizeof *m->subjects);
    m->rows = calloc(BENCH_MAX_ROWS, sizeof *m->rows);
    bool ok = m->subjects && m->rows;
    for (int stage = 0; ok && stage < plan->n_stages; stage++)
        for (int size = 0; ok && size < plan->n_sizes; size++)
            for (int s = 0; ok && s < m->n_seats; s++) {
                if (size > 0 && strcmp(plan->stages[stage], "text_encode") == 0)
                    continue; /* the picture's size is no matter to it */
                bench_subject *x = &m->subjects[m->n_subjects++];
                x->seat = &m->seats[s];
                x->which = (atl_stage_case){.stage = plan->stages[stage],
                                            .width = plan->widths[size],
                                            .height = plan->heights[size],
                                            .batch = plan->batch};
                if (x->which.width == 0)
                    atl_stage_bench_size(x->seat->bench, &x->which.width, &x->which.height);
                if (x->which.batch == 0)
                    x->which.batch = strncmp(x->which.stage, "vae", 3) == 0 ? 1 : 2;
                x->ms = calloc((size_t)plan->repetitions, sizeof *x->ms);
                x->ops = calloc(BENCH_MAX_OPS, sizeof *x->ops);
                ok = x->ms && x->ops;
            }
    return ok ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for a benchmark");
}

static void close_all(bench_measuring *m)
{
    for (size_t i = 0; i < m->n_subjects; i++) {
        for (size_t j = 0; j < m->subjects[i].n_ops; j++)
            free(m->subjects[i].ops[j].ms);
        free(m->subjects[i].ms);
        free(m->subjects[i].ops);
    }
    free(m->subjects);
    for (int i = 0; i < m->n_seats; i++)
        atl_stage_bench_close(&m->seats[i].bench);
    for (int t = 0; t < m->plan->n_threads; t++)
        atl_plan_done(&m->plans[t]);
    free(m->rows);
    free(m);
}

/* ---- ceilings ---- */

#define OF_SHARES "gemm,read_memory,triad_streaming"

static atl_status measure_ceilings(const bench_measuring *m, int t, bool all, atl_ceiling *ret, size_t *n,
                                   atl_note *note)
{
    const atl_ceilings_options options = {.n_threads = m->plan->threads[t],
                                          .cpus = m->plans[t].slots[0].pus,
                                          .seconds = CEILING_S,
                                          .only = all ? NULL : OF_SHARES,
                                          .all_isas = all && m->plan->layers};
    return atl_ceilings_measure(&options, ret, n, note);
}

static atl_status ceilings_before(bench_measuring *m, atl_note *note)
{
    atl_status st = ATL_OK;
    for (int t = 0; st == ATL_OK && t < m->plan->n_threads && !m->plan->no_ceilings; t++) {
        console_say("measuring the ceilings of %d thread%s", m->plan->threads[t],
                    m->plan->threads[t] == 1 ? "" : "s");
        st = measure_ceilings(m, t, m->plan->all_ceilings, m->before[t], &m->n_before[t], note);
    }
    return st;
}

/* The largest change of a median, in %. */
static atl_status ceilings_after(bench_measuring *m, double *ret_drift, atl_note *note)
{
    atl_status st = ATL_OK;
    double drift = m->plan->no_ceilings ? NAN : 0;
    for (int t = 0; st == ATL_OK && t < m->plan->n_threads && !m->plan->no_ceilings; t++) {
        size_t n = 0;
        st = measure_ceilings(m, t, false, m->after, &n, note);
        for (size_t i = 0; st == ATL_OK && i < n; i++) {
            const atl_ceiling *now = &m->after[i];
            const atl_ceiling *then =
                atl_ceiling_find(m->before[t], m->n_before[t], now->name, now->isa, now->n_threads);
            if (then)
                drift = fmax(drift, 100 * fabs(now->median / then->median - 1));
        }
    }
    *ret_drift = drift;
    return st;
}

/* ---- the rounds ---- */

static double *times_of(const bench_measuring *m, bench_subject *x, const atl_stage_op *op)
{
    size_t i = 0;
    while (i < x->n_ops && strcmp(x->ops[i].op.name, op->name) != 0)
        i++;
    if (i == BENCH_MAX_OPS)
        return NULL;
    bench_op_times *times = &x->ops[i];
    if (i == x->n_ops) {
        times->ms = calloc((size_t)m->plan->repetitions, sizeof *times->ms);
        if (!times->ms)
            return NULL;
        x->n_ops++;
    }
    times->op = *op;
    return times->n < m->plan->repetitions ? &times->ms[times->n++] : NULL;
}

/* `repetition` -1 warms up: it counts for nothing. */
static atl_status run_once(const bench_measuring *m, bench_subject *x, int repetition, atl_note *note)
{
    atl_stage_cost cost = {0};
    const bool with_ops = m->plan->layers && repetition >= 0;
    const atl_status st = atl_stage_run(x->seat->bench, &x->which, with_ops, &cost, note);
    if (st != ATL_OK)
        return st;
    x->gflop = cost.flops / 1e9;
    x->mb = cost.bytes / 1e6;
    if (repetition >= 0)
        x->ms[repetition] = (double)cost.wall_ns / 1e6;
    for (size_t i = 0; i < cost.n_ops; i++) {
        double *ms = times_of(m, x, &cost.ops[i]);
        if (ms)
            *ms = (double)cost.ops[i].ns / 1e6;
    }
    free(cost.ops);
    return ATL_OK;
}

static void shuffle(size_t *order, size_t n, uint64_t *state)
{
    for (size_t i = n; i > 1; i--) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        const size_t j = (size_t)((*state >> 32) * i >> 32), swapped = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swapped;
    }
}

static atl_status run_rounds(bench_measuring *m, atl_note *note)
{
    size_t *order = calloc(m->n_subjects, sizeof *order);
    uint64_t state = 88172645463325252u;
    atl_status st = order ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for a benchmark");
    for (size_t i = 0; st == ATL_OK && i < m->n_subjects; i++)
        order[i] = i;
    for (int round = -1; st == ATL_OK && round < m->plan->repetitions; round++) {
        shuffle(order, m->n_subjects, &state);
        if (round < 0)
            console_say("warming up %zu case%s", m->n_subjects, m->n_subjects == 1 ? "" : "s");
        else
            console_say("round %d of %d", round + 1, m->plan->repetitions);
        for (size_t i = 0; st == ATL_OK && i < m->n_subjects; i++)
            st = run_once(m, &m->subjects[order[i]], round, note);
    }
    free(order);
    return st;
}

/* ---- all of it ---- */

static double found(const atl_evidence *list, size_t n, const char *name)
{
    const atl_evidence *one = atl_evidence_find(list, n, name);
    return one ? one->value : NAN;
}

/* The rounds, watched. */
static atl_status watch_rounds(bench_measuring *m, bench_about *about, atl_note *note)
{
    const pid_t self = getpid();
    atl_evidence_scope scope = {.pids = &self, .n_pids = 1};
    for (int t = 0; t < m->plan->n_threads; t++)
        if ((size_t)m->plan->threads[t] > scope.n_cpus) {
            scope.n_cpus = (size_t)m->plan->threads[t];
            scope.cpus = m->plans[t].slots[0].pus;
        }
    atl_evidence_watch *watch = NULL;
    atl_evidence list[ATL_STUDY_MAX_EVIDENCE];
    atl_status st = atl_evidence_begin(&scope, &watch, note);
    if (st != ATL_OK)
        return st;
    st = run_rounds(m, note);
    const size_t n = atl_evidence_end(&watch, 0, list, ATL_COUNT(list));
    about->steal = found(list, n, "steal");
    about->foreign_load = found(list, n, "foreign_load");
    about->run_delay = found(list, n, "run_delay");
    about->cpu_pressure = found(list, n, "psi_cpu_some");
    return st;
}

atl_status bench_measure(const bench_plan *plan, bench_row **ret_rows, size_t *ret_n, bench_about *about,
                         atl_note *note)
{
    bench_measuring *m = calloc(1, sizeof *m);
    if (!m)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a benchmark");
    m->plan = plan;
    atl_cpu_look("", &m->cpu);
    atl_status st = open_seats(m, note);
    if (st == ATL_OK)
        st = make_subjects(m, note);
    if (st == ATL_OK)
        st = ceilings_before(m, note);
    if (st == ATL_OK)
        st = watch_rounds(m, about, note);
    if (st == ATL_OK)
        st = ceilings_after(m, &about->ceiling_drift, note);
    if (st == ATL_OK) {
        bench_fill_rows(m);
        *ret_rows = m->rows;
        *ret_n = m->n_rows;
        m->rows = NULL;
    }
    close_all(m);
    return st;
}
