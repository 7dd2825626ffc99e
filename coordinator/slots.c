/* slots.c - the order in which workers take cores: slots, of which the first N are the plan for N.
 *
 *   for level: clusters, then what merges them (NUMA node, package), then all of a class, then all:
 *     for layer 0, 1, …: for class strongest … weakest:
 *       repeat among the level's units with at least T free cores on this layer:
 *         compact: the first; scatter: the least loaded (package, then NUMA set, then domain)
 *         take T cores: the first from the least loaded module (L2 group), the rest from beside it
 *   then T hardware threads wherever they are left; then all over again, on top of each other
 *
 * A later level matters at once where T is larger than any cluster, and else only for the cores that the
 * levels before it left over. Nothing depends on N but where the list ends: so plans are prefixes of each
 * other. The work is at most slots × cores. */
#include <stdlib.h>
#include <string.h>

#include "slots.h"

enum { LEVEL_CLUSTER, LEVEL_NUMA, LEVEL_PACKAGE, LEVEL_CLASS, LEVEL_ALL, LEVEL_ANY_LAYER, N_LEVELS };
enum { ANY_LAYER = -1 };

/* What workers are taken from: a cluster, or several merged. Fields that differ inside are -1. */
typedef struct unit {
    int core_class, package, numa, domain, cluster;
    int n_free; /* cores with a free PU on the layer at hand; with ANY_LAYER, free PUs */
} unit;

typedef struct planner {
    const atl_machine *m;
    int n_threads;
    atl_order order;
    bool *taken;  /* [n_pus] */
    int *unit_of; /* [n_cores] */
    unit *units;  /* [n_cores] is room enough */
    int n_units;
    int *load[4]; /* PUs taken in each package, NUMA set, domain, module: [n_cores] is room enough */
    atl_slots out;
} planner;

static const atl_areas *areas_of(const atl_machine *m, int which)
{
    const atl_areas *all[] = {&m->packages, &m->numas, &m->domains, &m->modules};
    return all[which];
}

static int area_of(const atl_core *core, int which)
{
    const int all[] = {core->package, core->numa, core->domain, core->module};
    return all[which];
}

/* load / capacity of area a against that of area b: negative, 0 or positive. -1 has no load of its own. */
static int compare_load(const planner *p, int which, int a, int b)
{
    if (a < 0 || b < 0 || a == b)
        return 0;
    const atl_area *items = areas_of(p->m, which)->items;
    const long long left = (long long)p->load[which][a] * items[b].n_cores;
    const long long right = (long long)p->load[which][b] * items[a].n_cores;
    return left < right ? -1 : left > right;
}

/* The index of the first free PU of the core on that layer; -1 if there is none. */
static int free_pu(const planner *p, const atl_core *core, int layer)
{
    for (int k = layer == ANY_LAYER ? 0 : layer; k < core->n_pus; k++) {
        if (!p->taken[core->first_pu + k])
            return core->first_pu + k;
        if (layer != ANY_LAYER)
            break;
    }
    return -1;
}

static int layer_of(const atl_core *core, int pu)
{
    return pu - core->first_pu;
}

static unit unit_of_core(const atl_core *core, int level)
{
    unit u = {core->core_class, core->package, core->numa, core->domain, core->cluster, 0};
    if (level >= LEVEL_NUMA)
        u.cluster = u.domain = -1;
    if (level >= LEVEL_PACKAGE)
        u.numa = -1;
    if (level >= LEVEL_CLASS)
        u.package = -1;
    if (level >= LEVEL_ALL)
        u.core_class = 0;
    return u;
}

static void make_units(planner *p, int level)
{
    p->n_units = 0;
    for (int i = 0; i < p->m->n_cores; i++) {
        const unit u = unit_of_core(&p->m->cores[i], level);
        int at = p->n_units - 1; /* neighbours share: the last ones are the likeliest */
        while (at >= 0 && (p->units[at].core_class != u.core_class || p->units[at].package != u.package ||
                           p->units[at].numa != u.numa || p->units[at].cluster != u.cluster))
            at--;
        if (at < 0) {
            at = p->n_units++;
            p->units[at] = u;
        }
        p->unit_of[i] = at;
    }
}

static void count_free(planner *p, int layer)
{
    for (int i = 0; i < p->n_units; i++)
        p->units[i].n_free = 0;
    for (int i = 0; i < p->m->n_cores; i++) {
        const atl_core *core = &p->m->cores[i];
        int *n_free = &p->units[p->unit_of[i]].n_free;
        if (layer != ANY_LAYER)
            *n_free += free_pu(p, core, layer) >= 0;
        else
            for (int k = 0; k < core->n_pus; k++)
                *n_free += !p->taken[core->first_pu + k];
    }
}

/* The unit that the next worker goes to; -1 if none has room. Of equals, the first. */
static int choose_unit(const planner *p, int core_class)
{
    int best = -1;
    for (int i = 0; i < p->n_units; i++) {
        const unit *u = &p->units[i];
        if (u->core_class != core_class || u->n_free < p->n_threads)
            continue;
        if (best < 0) {
            best = i;
            if (p->order == ATL_COMPACT)
                break;
            continue;
        }
        const unit *b = &p->units[best];
        int less = compare_load(p, 0, u->package, b->package);
        less = less ? less : compare_load(p, 1, u->numa, b->numa);
        less = less ? less : compare_load(p, 2, u->domain, b->domain);
        best = less < 0 ? i : best;
    }
    return best;
}

/* Whether the worker's next thread is better off on core a (its PU `pu_a`) than on core b. `last` is where
 * the one before went, or NULL. Of equals, the first in the machine. */
static bool is_better(const planner *p, const atl_core *last, const atl_core *a, int pu_a, const atl_core *b,
                      int pu_b)
{
    if (layer_of(a, pu_a) != layer_of(b, pu_b))
        return layer_of(a, pu_a) < layer_of(b, pu_b);
    if (last) {
        const int near_a[] = {a->module == last->module, a->cluster == last->cluster,
                              a->domain == last->domain, a->numa == last->numa, a->package == last->package};
        const int near_b[] = {b->module == last->module, b->cluster == last->cluster,
                              b->domain == last->domain, b->numa == last->numa, b->package == last->package};
        for (int i = 0; i < 5; i++)
            if (near_a[i] != near_b[i])
                return near_a[i] > near_b[i];
    }
    return compare_load(p, 3, a->module, b->module) < 0;
}

/* Takes one PU for a thread of the worker that is being placed. Returns its index, and the core in *ret_core.
 */
static int take_one(planner *p, int u, int layer, const atl_core *last, const atl_core **ret_core)
{
    const atl_core *best = NULL;
    int best_pu = -1;
    for (int i = 0; i < p->m->n_cores; i++) {
        if (p->unit_of[i] != u)
            continue;
        const atl_core *core = &p->m->cores[i];
        const int pu = free_pu(p, core, layer);
        if (pu >= 0 && (!best || is_better(p, last, core, pu, best, best_pu))) {
            best = core;
            best_pu = pu;
        }
    }
    p->taken[best_pu] = true;
    *ret_core = best;
    return best_pu;
}

/* Where one worker's cores lie, one after the other. */
static void describe(const atl_machine *m, atl_slot *slot, const atl_core *core, int pu, bool first)
{
    const int node = atl_numa_node(m, core->numa), layer = layer_of(core, pu);
    slot->cluster = first || slot->cluster == core->cluster ? core->cluster : -1;
    slot->numa_node = first || slot->numa_node == node ? node : -1;
    slot->smt_layer = first || layer > slot->smt_layer ? layer : slot->smt_layer;
    slot->straddles = slot->cluster < 0;
}

static void take_slot(planner *p, int u, int layer)
{
    atl_slot *slot = &p->out.slots[p->out.n_slots];
    int *pus = p->out.pus + (size_t)p->out.n_slots * (size_t)p->n_threads;
    const atl_core *core = NULL;
    *slot = (atl_slot){0};
    for (int t = 0; t < p->n_threads; t++) {
        const int pu = take_one(p, u, layer, core, &core);
        for (int which = 0; which < 4; which++)
            p->load[which][area_of(core, which)]++;
        describe(p->m, slot, core, pu, t == 0);
        pus[t] = p->m->pus[pu];
    }
    p->units[u].n_free -= p->n_threads;
    p->out.n_slots++;
}

static void fill_layer(planner *p, int layer, int wanted, bool is_first)
{
    count_free(p, layer);
    for (int c = 0; c < p->m->n_classes; c++) {
        int u;
        while ((is_first || p->out.n_slots < wanted) && (u = choose_unit(p, c)) >= 0)
            take_slot(p, u, layer);
    }
}

/* All slots of layer 0 (n_max asks for them), and more until there are `wanted`, or no T PUs are free. */
static void find_slots(planner *p, int wanted)
{
    for (int level = 0; level < N_LEVELS; level++) {
        if (p->out.n_slots > 0 && p->out.n_slots >= wanted)
            return;
        make_units(p, level);
        const bool is_first = p->out.n_slots == 0;
        if (level == LEVEL_ANY_LAYER) {
            fill_layer(p, ANY_LAYER, wanted, is_first);
            return;
        }
        for (int layer = 0; layer < p->m->most_pus; layer++) {
            fill_layer(p, layer, wanted, is_first && layer == 0);
            if (is_first && layer == 0)
                p->out.n_first = p->out.n_slots;
            if (p->out.n_slots == 0)
                break; /* a higher layer never has more cores than the first */
        }
    }
}

static void planner_done(planner *p)
{
    for (int i = 0; i < 4; i++)
        free(p->load[i]);
    free(p->taken);
    free(p->unit_of);
    free(p->units);
}

static atl_status planner_init(planner *p, const atl_machine *m, int n_threads, atl_order order)
{
    *p = (planner){.m = m, .n_threads = n_threads, .order = order};
    const size_t n_cores = (size_t)m->n_cores, n_pus = (size_t)m->n_pus;
    bool ok = true;
    for (int i = 0; i < 4; i++) {
        p->load[i] = calloc(n_cores, sizeof(int));
        ok = ok && p->load[i];
    }
    p->taken = calloc(n_pus, sizeof *p->taken);
    p->unit_of = calloc(n_cores, sizeof *p->unit_of);
    p->units = calloc(n_cores, sizeof *p->units);
    p->out.pus = calloc(n_pus, sizeof *p->out.pus); /* slots × threads: no PU is taken twice */
    p->out.slots = calloc(n_pus, sizeof *p->out.slots);
    ok = ok && p->taken && p->unit_of && p->units && p->out.pus && p->out.slots;
    return ok ? ATL_OK : ATL_NO_MEMORY;
}

/* Takes the core's hardware threads away before anybody else; returns how many are left. */
static int set_apart(planner *p, int core)
{
    if (core < 0)
        return p->m->n_pus;
    for (int k = 0; k < p->m->cores[core].n_pus; k++)
        p->taken[p->m->cores[core].first_pu + k] = true;
    return p->m->n_pus - p->m->cores[core].n_pus;
}

/* More threads than hardware threads: one slot of all of them, the strongest first. */
static void take_everything(planner *p, int n_left)
{
    p->n_threads = n_left;
    make_units(p, LEVEL_ALL);
    count_free(p, ANY_LAYER);
    take_slot(p, 0, ANY_LAYER);
}

void atl_slots_done(atl_slots *slots)
{
    free(slots->pus);
    free(slots->slots);
    *slots = (atl_slots){0};
}

atl_status atl_slots_find(const atl_machine *machine, int n_threads, atl_order order, int wanted,
                          int reserved, atl_slots *ret)
{
    planner p;
    const atl_status st = planner_init(&p, machine, n_threads, order);
    const int n_left = st == ATL_OK ? set_apart(&p, reserved) : 0;
    if (st == ATL_OK && n_threads <= n_left)
        find_slots(&p, wanted);
    else if (st == ATL_OK)
        take_everything(&p, n_left);
    p.out.n_pus = p.n_threads;
    planner_done(&p);
    if (st == ATL_OK)
        *ret = p.out;
    else
        atl_slots_done(&p.out);
    return st;
}
