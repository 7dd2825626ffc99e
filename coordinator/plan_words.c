/* plan_words.c - see plan_words.h. */
#include "plan_words.h"

#include <stdio.h>
#include <string.h>

static void add(atl_plan *plan, const char *sentence)
{
    const size_t used = strlen(plan->warning);
    snprintf(plan->warning + used, sizeof plan->warning - used, "%s%s", used > 0 ? " " : "", sentence);
}

static const char *s_of(int n)
{
    return n == 1 ? "" : "s";
}

static void warn_of_cores(atl_plan *plan, int n_first, int n_slots, int n_usable)
{
    char words[256];
    const int n = plan->n_workers, t = plan->n_threads;
    if (n <= n_first)
        return;
    if (t > n_usable)
        snprintf(words, sizeof words, "Oversubscribed: %d threads a worker, %d hardware threads.", t,
                 n_usable);
    else if (n > n_slots)
        snprintf(
            words, sizeof words,
            "Oversubscribed: hardware threads for %d worker%s × %d, %d wanted; workers sit on top of each "
            "other.",
            n_slots, s_of(n_slots), t, n);
    else
        snprintf(words, sizeof words,
                 "Oversubscribed: cores of their own for %d worker%s × %d, %d wanted; the rest share cores.",
                 n_first, s_of(n_first), t, n);
    add(plan, words);
}

static void warn_of_quota(const atl_machine *m, atl_plan *plan)
{
    const double wanted = (double)plan->n_workers * plan->n_threads;
    char words[160];
    if (m->quota_cpus <= 0 || wanted <= m->quota_cpus)
        return;
    snprintf(words, sizeof words,
             "Oversubscribed: the cgroup's CPU quota is worth %.4g CPUs, %.0f threads will "
             "be throttled.",
             m->quota_cpus, wanted);
    add(plan, words);
}

static void warn_of_straddling(atl_plan *plan)
{
    int n = 0;
    for (int i = 0; i < plan->n_workers; i++)
        n += plan->slots[i].straddles;
    if (n == 0)
        return;
    char words[120];
    snprintf(words, sizeof words, "Straddling: %d worker%s %s over several clusters.", n, s_of(n),
             n == 1 ? "lies" : "lie");
    add(plan, words);
}

static void warn_of_memory(const atl_machine *m, atl_plan *plan, const atl_plan_wish *wish, bool by_memory)
{
    const size_t free_bytes = m->memory_free_bytes, shared = wish->shared_bytes, one = wish->worker_bytes;
    const size_t each = free_bytes > shared ? (free_bytes - shared) / (size_t)plan->n_workers : 0;
    if (free_bytes == 0 || one == 0 || (!by_memory && each >= one))
        return;
    char available[32], once[64] = "", worker[32], words[200];
    atl_size_words(free_bytes, available, sizeof available);
    atl_size_words(one, worker, sizeof worker);
    if (shared > 0) {
        char size[32];
        atl_size_words(shared, size, sizeof size);
        snprintf(once, sizeof once, " beside %s of weights", size);
    }
    if (each >= one)
        snprintf(words, sizeof words, "Memory: %s available, %s a worker%s: no more than %d.", available,
                 worker, once, plan->n_workers);
    else
        snprintf(words, sizeof words, "Memory: %s available, too little for %d × %s%s.", available,
                 plan->n_workers, worker, once);
    add(plan, words);
}

void atl_plan_warn(const atl_machine *machine, atl_plan *plan, int n_first, int n_slots,
                   const atl_plan_wish *wish, bool by_memory)
{
    int n_usable = machine->n_pus;
    for (int i = 0; plan->reserved && i < machine->n_cores; i++)
        if (machine->pus[machine->cores[i].first_pu] == plan->coordinator_pu)
            n_usable -= machine->cores[i].n_pus;
    plan->warning[0] = '\0';
    warn_of_cores(plan, n_first, n_slots, n_usable);
    warn_of_quota(machine, plan);
    warn_of_straddling(plan);
    warn_of_memory(machine, plan, wish, by_memory);
}
