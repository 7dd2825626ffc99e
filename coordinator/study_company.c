/* study_company.c - see study_company.h. */
#include "study_company.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A core is free if none of the first n workers has one of its hardware threads, and nor has the
 * coordinator. */
static bool is_free(const atl_studier *s, int n_workers, const atl_core *core)
{
    const atl_plan *plan = atl_executor_plan(s->pool.executor);
    if (plan->reserved && s->machine->pus[core->first_pu] == plan->coordinator_pu)
        return false;
    for (int worker = 0; worker < n_workers; worker++)
        for (int thread = 0; thread < plan->n_threads; thread++)
            for (int pu = 0; pu < core->n_pus; pu++)
                if (plan->slots[worker].pus[thread] == s->machine->pus[core->first_pu + pu])
                    return false;
    return true;
}

/* Free CPUs, one of each core, from the machine's end; returns how many. */
static size_t free_cpus(const atl_studier *s, int n_workers, int *ret, size_t most)
{
    size_t n = 0;
    for (int core = s->machine->n_cores - 1; core >= 0 && n < most; core--)
        if (is_free(s, n_workers, &s->machine->cores[core]))
            ret[n++] = s->machine->pus[s->machine->cores[core].first_pu];
    return n;
}

static atl_status start_streams(const atl_studier *s, int n_workers, size_t n, atl_streams **ret,
                                atl_note *note)
{
    int *cpus = calloc(n, sizeof *cpus);
    if (!cpus)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for %zu streams", n);
    const size_t n_free = free_cpus(s, n_workers, cpus, n);
    const atl_status st =
        n_free < n ? atl_fail(note, ATL_USAGE, "%zu streams were planned; %zu cores are free", n, n_free)
                   : atl_streams_start(s->options->executor.worker_program, cpus, n, 0, ret, note);
    free(cpus);
    return st;
}

atl_status atl_study_company_start(const atl_studier *s, const atl_study_config *config,
                                   atl_study_company *ret, atl_note *note)
{
    *ret = (atl_study_company){0};
    if (config->corunners > 0)
        return start_streams(s, config->workers, (size_t)config->corunners, &ret->streams, note);
    int cpu;
    if (!config->probe || free_cpus(s, config->workers, &cpu, 1) == 0)
        return ATL_OK;
    const atl_memory_probe_options options = {.program = s->options->executor.worker_program, .cpu = cpu};
    return atl_memory_probe_start(&options, &ret->probe, note);
}

void atl_study_company_open(atl_study_company *company)
{
    atl_memory_samples before;
    if (company->probe)
        (void)atl_memory_probe_read(company->probe, &before, NULL);
    if (company->streams)
        (void)atl_streams_gbps(company->streams);
}

void atl_study_company_close(atl_study_company *company, atl_study_window *ret)
{
    atl_memory_samples seen;
    ret->probe_gbps = ret->probe_ns = (double)NAN;
    if (company->probe && atl_memory_probe_read(company->probe, &seen, NULL) == ATL_OK) {
        ret->probe_gbps = seen.gbps;
        ret->probe_ns = seen.ns;
    }
    if (company->streams && ret->n_evidence < ATL_STUDY_MAX_EVIDENCE) {
        atl_evidence *found = &ret->evidence[ret->n_evidence++];
        *found = (atl_evidence){.unit = "GB/s", .value = atl_streams_gbps(company->streams)};
        snprintf(found->name, sizeof found->name, "streams");
        if (!isfinite(found->value))
            snprintf(found->why, sizeof found->why, "a stream has ended");
    }
    atl_memory_probe_stop(&company->probe);
    atl_streams_stop(&company->streams);
}
