/* placement.c - a plan: the first N of the machine's slots, and what is to be known about them. The order of
 * the slots is slots.c's; here is how many, and what remains for the coordinator. */
#include <stdlib.h>
#include <string.h>

#include "plan_words.h"
#include "slots.h"

void atl_plan_done(atl_plan *plan)
{
    for (int i = 0; plan->slots && i < plan->n_workers; i++)
        free(plan->slots[i].pus);
    free(plan->slots);
    *plan = (atl_plan){0};
}

/* The plan's slots; beyond what there is, the same ones over again. */
static atl_status copy_slots(const atl_slots *from, atl_plan *plan)
{
    const size_t n_threads = (size_t)plan->n_threads;
    for (int i = 0; i < plan->n_workers; i++) {
        const int k = i % from->n_slots;
        const int *pus = from->pus + (size_t)k * (size_t)from->n_pus;
        plan->slots[i] = from->slots[k];
        plan->slots[i].oversubscribed = i >= plan->n_max;
        plan->slots[i].pus = calloc(n_threads, sizeof(int));
        if (!plan->slots[i].pus)
            return ATL_NO_MEMORY;
        for (int t = 0; t < plan->n_threads; t++)
            plan->slots[i].pus[t] = pus[t % from->n_pus];
    }
    return ATL_OK;
}

static bool *find_used(const atl_machine *m, const atl_plan *plan)
{
    atl_seats seats;
    bool *used = calloc((size_t)m->n_pus, sizeof *used);
    if (!used || !atl_seats_init(&seats, m, plan)) {
        free(used);
        return NULL;
    }
    for (int i = 0; i < m->n_pus; i++)
        used[i] = seats.counts[i] > 0;
    atl_seats_done(&seats);
    return used;
}

/* The weakest core that no worker uses, the last of its class, or -1; and the sibling of that kind. */
static int find_idle(const atl_machine *m, const bool *used, int *ret_sibling)
{
    int whole_class = -1, sibling_class = -1, whole = -1;
    *ret_sibling = -1;
    for (int i = 0; i < m->n_cores; i++) {
        const atl_core *core = &m->cores[i];
        int n_used = 0, unused = -1;
        for (int k = 0; k < core->n_pus; k++) {
            n_used += used[core->first_pu + k];
            unused = used[core->first_pu + k] ? unused : m->pus[core->first_pu + k];
        }
        if (n_used == 0 && core->core_class >= whole_class) {
            whole_class = core->core_class;
            whole = i;
        } else if (n_used < core->n_pus && core->core_class >= sibling_class) {
            sibling_class = core->core_class;
            *ret_sibling = unused;
        }
    }
    return whole;
}

static atl_status seat_coordinator(const atl_machine *m, int reserved, atl_plan *plan)
{
    bool *used = find_used(m, plan);
    if (!used)
        return ATL_NO_MEMORY;
    int sibling;
    const int core = reserved >= 0 ? reserved : find_idle(m, used, &sibling);
    plan->coordinator_pu = core >= 0 ? m->pus[m->cores[core].first_pu] : sibling;
    plan->reserved = reserved >= 0;
    free(used);
    return ATL_OK;
}

/* Workers that fit: for auto. */
static int automatic(const atl_machine *m, int n_max, const atl_plan_wish *wish, bool *ret_by_memory)
{
    size_t n = n_max > 0 ? (size_t)n_max : 1, held = n;
    if (wish->worker_bytes > 0 && m->memory_free_bytes > 0)
        held = m->memory_free_bytes > wish->shared_bytes
                   ? (m->memory_free_bytes - wish->shared_bytes) / wish->worker_bytes
                   : 0;
    *ret_by_memory = held < n;
    n = held < n ? held : n;
    return n > 0 ? (int)n : 1;
}

static atl_status check_wish(int n_workers, int n_threads, atl_note *note)
{
    if (n_workers < 0 || n_workers > ATL_PLAN_MAX_WORKERS)
        return atl_fail(note, ATL_USAGE, "workers: found %d, wanted 1 to %d, or 0 for auto", n_workers,
                        ATL_PLAN_MAX_WORKERS);
    if (n_threads < 0 || n_threads > ATL_PLAN_MAX_THREADS)
        return atl_fail(note, ATL_USAGE, "threads: found %d, wanted 1 to %d", n_threads,
                        ATL_PLAN_MAX_THREADS);
    if ((long long)n_workers * n_threads > ATL_PLAN_MAX_PUS)
        return atl_fail(note, ATL_USAGE, "%d workers × %d threads: wanted at most %d threads in all",
                        n_workers, n_threads, ATL_PLAN_MAX_PUS);
    return ATL_OK;
}

/* N_max = min(slots on layer 0, ⌊quota / T⌋). */
static int most_workers(const atl_machine *m, int n_first, int n_threads)
{
    const double quota = m->quota_cpus / n_threads;
    return m->quota_cpus > 0 && quota < n_first ? (int)quota : n_first;
}

atl_status atl_plan_make(const atl_machine *machine, int n_workers, int n_threads, atl_order order,
                         size_t worker_bytes, atl_plan *ret, atl_note *note)
{
    const atl_plan_wish wish = {
        .n_workers = n_workers, .n_threads = n_threads, .order = order, .worker_bytes = worker_bytes};
    return atl_plan_for(machine, &wish, ret, note);
}

/* The core that is kept for the coordinator, or -1. It does not depend on the number of workers, so that
 * plans stay prefixes of each other. */
static atl_status choose_reserved(const atl_machine *m, const atl_plan_wish *wish, int n_threads, int *ret,
                                  atl_note *note)
{
    *ret = -1;
    if (!wish->reserve_core)
        return ATL_OK;
    if (m->n_cores < 2)
        return atl_fail(note, ATL_USAGE,
                        "a core for the coordinator alone: found %d usable, wanted 2 or more", m->n_cores);
    const atl_plan_wish most = {.n_threads = n_threads, .order = wish->order};
    atl_plan full = {0};
    atl_status st = atl_plan_for(m, &most, &full, note);
    bool *used = st == ATL_OK ? find_used(m, &full) : NULL;
    int sibling;
    if (st == ATL_OK && !used)
        st = ATL_NO_MEMORY;
    if (st == ATL_OK && (*ret = find_idle(m, used, &sibling)) < 0) {
        memset(used, 0, (size_t)m->n_pus * sizeof *used);
        *ret = find_idle(m, used, &sibling);
    }
    free(used);
    atl_plan_done(&full);
    return st;
}

atl_status atl_plan_for(const atl_machine *machine, const atl_plan_wish *wish, atl_plan *ret, atl_note *note)
{
    const int n_workers = wish->n_workers, n_threads = wish->n_threads == 0 ? 1 : wish->n_threads;
    atl_status st = check_wish(n_workers, n_threads, note);
    if (st != ATL_OK)
        return st;
    atl_slots slots = {0};
    atl_plan plan = {.n_threads = n_threads, .order = wish->order};
    bool by_memory = false;
    int reserved;
    st = choose_reserved(machine, wish, n_threads, &reserved, note);
    if (st == ATL_OK)
        st = atl_slots_find(machine, n_threads, wish->order, n_workers, reserved, &slots);
    if (st != ATL_OK)
        return st;
    plan.n_max = most_workers(machine, slots.n_first, n_threads);
    const int n = n_workers > 0 ? n_workers : automatic(machine, plan.n_max, wish, &by_memory);
    plan.slots = calloc((size_t)n, sizeof *plan.slots);
    plan.n_workers = plan.slots ? n : 0;
    st = plan.slots ? copy_slots(&slots, &plan) : ATL_NO_MEMORY;
    if (st == ATL_OK)
        st = seat_coordinator(machine, reserved, &plan);
    if (st == ATL_OK) {
        atl_plan_warn(machine, &plan, slots.n_first, slots.n_slots, wish, by_memory);
        *ret = plan;
    } else {
        atl_plan_done(&plan);
    }
    atl_slots_done(&slots);
    return st;
}
