/* placement_test.c - where workers go, on machines that are known, and what holds of every plan on many that
 * are made up at random. */
#include "machines.h"

static void m1_fills_strong_cores_first(void **state)
{
    (void)state;
    atl_machine *machine = m1();
    expect_plan(machine, 8, 1, ATL_SCATTER, "4 5 6 7 0 1 2 3");
    expect_plan(machine, 2, 4, ATL_SCATTER, "4,5,6,7 0,1,2,3");
    atl_plan plan = plan_of(machine, 0, 4, ATL_COMPACT);
    assert_int_equal(plan.n_workers, 2);
    assert_string_equal(plan.warning, "");
    atl_plan_done(&plan);
    atl_machine_free(&machine);
}

static void i1370p_takes_strong_cores_then_weak_ones_by_l2_then_siblings(void **state)
{
    (void)state;
    atl_machine *machine = i1370p();
    expect_plan(machine, 20, 1, ATL_SCATTER, "0 8 16 24 32 40 48 56 50 58 52 60 54 62 1 9 17 25 33 41");
    atl_plan plan = plan_of(machine, 20, 1, ATL_SCATTER);
    assert_int_equal(plan.n_max, 14);
    assert_false(plan.slots[13].oversubscribed);
    assert_true(plan.slots[14].oversubscribed);
    assert_int_equal(plan.slots[13].smt_layer, 0);
    assert_int_equal(plan.slots[14].smt_layer, 1);
    assert_non_null(strstr(plan.warning, "Oversubscribed: cores of their own for 14 workers × 1, 20 wanted"));
    atl_plan_done(&plan);
    atl_machine_free(&machine);
}

static void i1370p_keeps_threads_of_a_worker_under_one_l2(void **state)
{
    (void)state;
    atl_machine *machine = i1370p();
    expect_plan(machine, 5, 4, ATL_SCATTER, "0,8,16,24 48,50,52,54 56,58,60,62 33,41,1,9 32,40,17,25");
    expect_plan(machine, 7, 2, ATL_COMPACT, "0,8 16,24 32,40 48,50 56,58 52,54 60,62");
    atl_machine_free(&machine);
}

static void a_worker_larger_than_its_class_takes_what_is_left(void **state)
{
    (void)state; /* eight threads fit the weak cluster only; a second worker has to take siblings */
    atl_machine *machine = i1370p();
    expect_plan(machine, 2, 8, ATL_SCATTER, "48,50,52,54,56,58,60,62 0,8,16,24,32,40,41,1");
    atl_plan plan = plan_of(machine, 0, 8, ATL_SCATTER);
    assert_int_equal(plan.n_workers, 1);
    atl_plan_done(&plan);
    atl_machine_free(&machine);
}

static void epyc_scatters_over_packages_then_caches(void **state)
{
    (void)state;
    atl_machine *machine = epyc();
    bool seen[24] = {false};
    atl_plan plan = plan_of(machine, 24, 1, ATL_SCATTER);
    for (int w = 0; w < 24; w++) {
        assert_false(seen[plan.slots[w].cluster]);
        seen[plan.slots[w].cluster] = true;
        assert_int_equal(plan.slots[w].numa_node, w % 2);
    }
    assert_int_equal(plan.n_max, 192);
    atl_plan_done(&plan);
    expect_plan(machine, 2, 8, ATL_SCATTER, "0,2,4,6,8,10,12,14 192,194,196,198,200,202,204,206");
    expect_plan(machine, 2, 8, ATL_COMPACT, "0,2,4,6,8,10,12,14 16,18,20,22,24,26,28,30");
    plan = plan_of(machine, 0, 8, ATL_SCATTER);
    assert_int_equal(plan.n_workers, 24);
    atl_plan_done(&plan);
    atl_machine_free(&machine);
}

static void epyc_straddles_caches_only_where_it_must(void **state)
{
    (void)state;
    atl_machine *machine = epyc();
    atl_plan plan = plan_of(machine, 3, 12, ATL_SCATTER);
    assert_true(plan.slots[0].straddles);
    assert_int_equal(plan.slots[0].cluster, -1);
    assert_int_equal(plan.slots[0].numa_node, 0);
    assert_int_equal(plan.slots[1].numa_node, 1);
    assert_int_equal(plan.n_max, 16);
    assert_non_null(strstr(plan.warning, "Straddling: 3 workers lie over several clusters."));
    atl_plan_done(&plan);
    plan = plan_of(machine, 1, 192, ATL_SCATTER); /* more than a package: the whole class */
    assert_int_equal(plan.slots[0].numa_node, -1);
    assert_int_equal(plan.slots[0].smt_layer, 0);
    assert_int_equal(plan.n_max, 1);
    atl_plan_done(&plan);
    atl_machine_free(&machine);
}

static void gb10_counts_contention_by_cache_whatever_the_class(void **state)
{
    (void)state;
    atl_machine *machine = gb10();
    expect_plan(machine, 12, 1, ATL_SCATTER, "5 15 6 16 7 17 8 18 9 19 0 10");
    expect_plan(machine, 12, 1, ATL_COMPACT, "5 6 7 8 9 15 16 17 18 19 0 1");
    /* Three strong workers of three: one under each L3; the next, weak, goes where it is … equally full. */
    expect_plan(machine, 3, 3, ATL_SCATTER, "5,6,7 15,16,17 0,1,2");
    atl_machine_free(&machine);
    hwloc_topology_t topology = synthetic("pack:1 l3:2 core:4 pu:1");
    add_kind(topology, "0-2", 1, "CPUPart", "strong");
    add_kind(topology, "3-7", 0, "CPUPart", "weak");
    machine = machine_of(topology, NULL); /* the strong workers burden the first L3 */
    expect_plan(machine, 6, 1, ATL_SCATTER, "0 1 2 4 5 6");
    atl_machine_free(&machine);
}

static void numa_nodes_are_scattered_over_before_they_fill(void **state)
{
    (void)state;
    atl_machine *machine = synthetic_machine("pack:2 numa:3 l3:1 core:40 pu:2");
    expect_plan(machine, 7, 1, ATL_SCATTER, "0 240 80 320 160 400 2");
    expect_plan(machine, 3, 1, ATL_COMPACT, "0 2 4");
    atl_plan plan = plan_of(machine, 6, 40, ATL_SCATTER);
    assert_int_equal(plan.n_max, 6);
    assert_string_equal(plan.warning, "");
    atl_plan_done(&plan);
    atl_machine_free(&machine);
}

static void a_binding_and_a_cpu_list_and_a_cpuset_all_count(void **state)
{
    (void)state;
    hwloc_topology_t topology;
    hwloc_topology_init(&topology);
    hwloc_topology_set_synthetic(topology, "pack:1 l3:1 core:8 pu:1");
    hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    hwloc_topology_load(topology);
    hwloc_bitmap_t allowed = cpu_set("0-5");
    assert_int_equal(hwloc_topology_allow(topology, allowed, NULL, HWLOC_ALLOW_FLAG_CUSTOM), 0);
    hwloc_bitmap_free(allowed);
    const atl_machine_limits limits = {.binding = "1-6", .cpus = "3-7"};
    atl_machine *machine;
    assert_int_equal(atl_machine_from_topology(topology, &limits, &machine, NULL), ATL_OK);
    expect_plan(machine, 3, 1, ATL_SCATTER, "3 4 5");
    atl_machine_free(&machine);
}

static void taskset_to_siblings_leaves_each_core_its_first_usable_thread(void **state)
{
    (void)state;
    const atl_machine_limits limits = {.binding = "1,3-5"};
    atl_machine *machine;
    assert_int_equal(atl_machine_from_topology(synthetic("pack:1 l3:1 core:4 pu:2"), &limits, &machine, NULL),
                     ATL_OK);
    expect_plan(machine, 4, 1, ATL_SCATTER, "1 3 4 5");
    atl_plan plan = plan_of(machine, 0, 1, ATL_SCATTER);
    assert_int_equal(plan.n_workers, 3);
    atl_plan_done(&plan);
    atl_machine_free(&machine);
}

static atl_machine *limited(double quota_cpus, size_t memory_free_bytes)
{
    const atl_machine_limits limits = {.quota_cpus = quota_cpus, .memory_free_bytes = memory_free_bytes};
    atl_machine *machine;
    assert_int_equal(atl_machine_from_topology(synthetic("pack:1 l3:1 core:8 pu:2"), &limits, &machine, NULL),
                     ATL_OK);
    return machine;
}

static void a_quota_bounds_the_workers_and_is_rounded_down(void **state)
{
    (void)state;
    atl_machine *machine = limited(3.5, 0);
    const struct {
        int n_threads, n_max, automatic;
    } cases[] = {{1, 3, 3}, {2, 1, 1}, {3, 1, 1}, {4, 0, 1}};
    for (size_t i = 0; i < 4; i++) {
        atl_plan plan = plan_of(machine, 0, cases[i].n_threads, ATL_SCATTER);
        assert_int_equal(plan.n_max, cases[i].n_max);
        assert_int_equal(plan.n_workers, cases[i].automatic);
        assert_int_equal(plan.slots[0].oversubscribed, cases[i].n_max == 0);
        assert_int_equal(strstr(plan.warning, "CPU quota is worth 3.5 CPUs") != NULL, cases[i].n_max == 0);
        atl_plan_done(&plan);
    }
    atl_machine_free(&machine);
}

static void a_quota_larger_than_the_machine_says_nothing(void **state)
{
    (void)state;
    atl_machine *machine = limited(64, 0);
    atl_plan plan = plan_of(machine, 0, 1, ATL_SCATTER);
    assert_int_equal(plan.n_workers, 8);
    assert_string_equal(plan.warning, "");
    atl_plan_done(&plan);
    atl_machine_free(&machine);
}

static void auto_starts_no_more_workers_than_memory_holds(void **state)
{
    (void)state;
    const size_t gib = (size_t)1 << 30;
    const struct {
        int wanted;
        size_t each, n;
        bool warns;
    } cases[] = {{0, 3, 3, true},  {0, 1, 8, false}, {0, 0, 8, false},
                 {0, 11, 1, true}, {4, 3, 4, true},  {3, 3, 3, false}};
    atl_machine *machine = limited(0, 10 * gib);
    for (size_t i = 0; i < 6; i++) {
        atl_plan plan;
        assert_int_equal(
            atl_plan_make(machine, cases[i].wanted, 1, ATL_SCATTER, cases[i].each * gib, &plan, NULL),
            ATL_OK);
        assert_int_equal(plan.n_workers, cases[i].n);
        assert_int_equal(strstr(plan.warning, "Memory: 10 GiB available") != NULL, cases[i].warns);
        atl_plan_done(&plan);
    }
    atl_machine_free(&machine);
}

static void weights_that_all_workers_share_count_once(void **state)
{
    (void)state;
    const size_t gib = (size_t)1 << 30;
    const struct {
        size_t shared, each;
        int n;
    } cases[] = {{4, 2, 3}, {2, 1, 8}, {9, 1, 1}, {11, 1, 1}}; /* the last two: one, whatever it takes */
    atl_machine *machine = limited(0, 10 * gib);
    for (size_t i = 0; i < 4; i++) {
        const atl_plan_wish wish = {.shared_bytes = cases[i].shared * gib,
                                    .worker_bytes = cases[i].each * gib};
        atl_plan plan;
        assert_int_equal(atl_plan_for(machine, &wish, &plan, NULL), ATL_OK);
        assert_int_equal(plan.n_workers, cases[i].n);
        assert_int_equal(strstr(plan.warning, "GiB of weights: no more than") != NULL, i != 1 && i != 3);
        assert_int_equal(strstr(plan.warning, "too little for 1") != NULL, i == 3);
        atl_plan_done(&plan);
    }
    atl_machine_free(&machine);
}

static void more_workers_than_hardware_threads_begin_again(void **state)
{
    (void)state;
    atl_machine *machine = synthetic_machine("pack:1 l3:1 core:2 pu:2");
    expect_plan(machine, 7, 1, ATL_SCATTER, "0 2 1 3 0 2 1");
    atl_plan plan = plan_of(machine, 7, 1, ATL_SCATTER);
    assert_non_null(strstr(plan.warning, "sit on top of each other"));
    atl_plan_done(&plan);
    expect_plan(machine, 2, 6, ATL_SCATTER, "0,2,3,1,0,2 0,2,3,1,0,2");
    plan = plan_of(machine, 0, 6, ATL_SCATTER);
    assert_int_equal(plan.n_workers, 1);
    assert_int_equal(plan.n_max, 0);
    assert_string_equal(plan.warning, "Oversubscribed: 6 threads a worker, 4 hardware threads.");
    atl_plan_done(&plan);
    atl_machine_free(&machine);
}

static void the_coordinator_gets_the_weakest_idle_core_then_an_idle_sibling(void **state)
{
    (void)state;
    atl_machine *machine = i1370p();
    const int wanted[][2] = {{6, 62}, {13, 62}, {14, 41}, {19, 41}, {20, -1}};
    for (size_t i = 0; i < 5; i++) {
        atl_plan plan = plan_of(machine, wanted[i][0], 1, ATL_SCATTER);
        assert_int_equal(plan.coordinator_pu, wanted[i][1]);
        atl_plan_done(&plan);
    }
    atl_machine_free(&machine);
}

static atl_plan reserved_plan_of(const atl_machine *machine, int n_workers, int n_threads, atl_order order)
{
    const atl_plan_wish wish = {
        .n_workers = n_workers, .n_threads = n_threads, .order = order, .reserve_core = true};
    atl_plan plan;
    assert_int_equal(atl_plan_for(machine, &wish, &plan, NULL), ATL_OK);
    assert_true(plan.reserved);
    return plan;
}

static void expect_reserved(atl_machine *machine, int n_workers, int n_threads, const char *workers,
                            int coordinator, int n_max)
{
    char text[4096];
    atl_plan plan = reserved_plan_of(machine, n_workers, n_threads, ATL_SCATTER);
    assert_string_equal(cpus_of(&plan, text, sizeof text), workers);
    assert_int_equal(plan.coordinator_pu, coordinator);
    assert_int_equal(plan.n_max, n_max);
    atl_plan_done(&plan);
}

static void a_reserved_core_is_the_weakest_and_takes_one_worker_at_most(void **state)
{
    (void)state;
    atl_machine *machine = m1();
    expect_reserved(machine, 0, 1, "4 5 6 7 0 1 2", 3, 7);
    expect_reserved(machine, 2, 1, "4 5", 3, 7); /* the same core, however many workers */
    expect_reserved(machine, 0, 4, "4,5,6,7", 3, 1);
    expect_reserved(machine, 0, 3, "4,5,6 0,1,2", 3, 2); /* one is left over: it costs no worker */
    atl_machine_free(&machine);
    machine = i1370p();
    expect_reserved(machine, 0, 1, "0 8 16 24 32 40 48 56 50 58 52 60 54", 62, 13);
    expect_reserved(machine, 15, 1, "0 8 16 24 32 40 48 56 50 58 52 60 54 1 9", 62, 13);
    atl_machine_free(&machine);
    machine = gb10();
    expect_reserved(machine, 2, 1, "5 15", 14, 19);
    atl_machine_free(&machine);
    machine = synthetic_machine("pack:1 core:2 pu:2"); /* its sibling goes with it */
    expect_reserved(machine, 0, 1, "0", 2, 1);
    expect_reserved(machine, 3, 1, "0 1 0", 2, 1);
    expect_reserved(machine, 1, 4, "0,1,0,1", 2, 0);
    atl_machine_free(&machine);
}

static void a_reserved_core_is_one_that_nobody_needs(void **state)
{
    (void)state; /* three threads each: the caches' last cores are left over anyway, and the last of these
                    goes */
    atl_machine *machine = synthetic_machine("pack:1 l3:2 core:4 pu:1");
    expect_reserved(machine, 0, 3, "0,1,2 4,5,6", 7, 2);
    atl_machine_free(&machine);
    const atl_machine_limits limits = {.quota_cpus = 3}; /* the quota leaves most of them idle */
    atl_note note = {0};
    assert_int_equal(atl_machine_from_topology(synthetic("pack:1 core:8 pu:1"), &limits, &machine, &note),
                     ATL_OK);
    expect_reserved(machine, 0, 1, "0 1 2", 7, 3);
    atl_machine_free(&machine);
}

static void one_core_cannot_be_reserved(void **state)
{
    (void)state;
    atl_machine *machine = synthetic_machine("pack:1 core:1 pu:4");
    const atl_plan_wish wish = {.n_workers = 1, .reserve_core = true};
    atl_plan plan;
    atl_note note = {0};
    assert_int_equal(atl_plan_for(machine, &wish, &plan, &note), ATL_USAGE);
    assert_non_null(strstr(note.text, "found 1 usable, wanted 2 or more"));
    atl_machine_free(&machine);
}

static void wishes_out_of_bounds_are_refused(void **state)
{
    (void)state;
    atl_machine *machine = m1();
    atl_plan plan;
    atl_note note = {0};
    assert_int_equal(atl_plan_make(machine, -1, 1, ATL_SCATTER, 0, &plan, &note), ATL_USAGE);
    assert_int_equal(atl_plan_make(machine, ATL_PLAN_MAX_WORKERS + 1, 1, ATL_SCATTER, 0, &plan, &note),
                     ATL_USAGE);
    assert_int_equal(atl_plan_make(machine, 1, -1, ATL_SCATTER, 0, &plan, &note), ATL_USAGE);
    assert_int_equal(atl_plan_make(machine, 1, ATL_PLAN_MAX_THREADS + 1, ATL_SCATTER, 0, &plan, &note),
                     ATL_USAGE);
    assert_int_equal(atl_plan_make(machine, ATL_PLAN_MAX_WORKERS, 100, ATL_SCATTER, 0, &plan, &note),
                     ATL_USAGE);
    assert_non_null(strstr(note.text, "wanted at most"));
    atl_machine_free(&machine);
}

/* ---- what holds of every plan ---- */

static uint64_t rnd(uint64_t *state, uint64_t n)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state % n;
}

/* A machine of random shape, with random kinds, of which a random part may be used. */
static atl_machine *random_machine(uint64_t *random)
{
    static const char *const shapes[] = {
        "pack:%d [numa] l3:%d l2:%d core:%d pu:%d", "pack:%d numa:%d l3:1 l2:%d core:%d pu:%d",
        "pack:%d l3:%d numa:%d core:%d pu:%d", "pack:%d l2:%d l1:%d core:%d pu:%d"};
    char text[128];
    const int n[] = {1 + (int)rnd(random, 2), 1 + (int)rnd(random, 3), 1 + (int)rnd(random, 3),
                     1 + (int)rnd(random, 4), 1 + (int)rnd(random, 3)};
    snprintf(text, sizeof text, shapes[rnd(random, 4)], n[0], n[1], n[2], n[3], n[4]);
    hwloc_topology_t topology = synthetic(text);
    const int n_pus = n[0] * n[1] * n[2] * n[3] * n[4];
    const int n_kinds = (int)rnd(random, 4);
    for (int k = 0; k < n_kinds; k++) {
        const int first = (int)rnd(random, (uint64_t)n_pus), core = first - first % n[4];
        snprintf(text, sizeof text, "%d-%d", core, n_pus - 1);
        add_kind(topology, text, -1, "CPUPart", k == 0 ? "a" : k == 1 ? "b" : "c");
    }
    size_t used = 0;
    for (int i = 0; i < n_pus && used < sizeof text - 8; i++)
        if (i == n_pus - 1 || rnd(random, 5) > 0)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%d", used > 0 ? "," : "", i);
    return machine_of(topology, rnd(random, 2) ? text : NULL);
}

static const atl_core *core_of(const atl_machine *m, int cpu, int *ret_layer)
{
    for (int i = 0; i < m->n_cores; i++)
        for (int k = 0; k < m->cores[i].n_pus; k++)
            if (m->pus[m->cores[i].first_pu + k] == cpu) {
                *ret_layer = k;
                return &m->cores[i];
            }
    fail_msg("CPU %d is not usable", cpu);
    return NULL;
}

static void check_plan(const atl_machine *m, const atl_plan *plan)
{
    enum { MOST = 512 };
    int cpu_uses[MOST] = {0}, core_uses[MOST] = {0};
    const int room = m->n_pus / plan->n_threads;
    for (int w = 0; w < plan->n_workers; w++) {
        const atl_slot *slot = &plan->slots[w];
        bool several = false, shares = false;
        int highest = 0, layer = 0;
        const atl_core *first = NULL;
        for (int t = 0; t < plan->n_threads; t++) {
            const atl_core *core = core_of(m, slot->pus[t], &layer);
            first = first ? first : core;
            several = several || core->cluster != first->cluster;
            highest = layer > highest ? layer : highest;
            shares = shares || core_uses[core - m->cores]++ > 0;
            if (w < room) /* while hardware threads are left, none is used twice */
                assert_int_equal(cpu_uses[slot->pus[t]]++, 0);
        }
        assert_int_equal(slot->straddles, several);
        assert_int_equal(slot->cluster, several ? -1 : first->cluster);
        assert_int_equal(slot->smt_layer, highest);
        assert_int_equal(slot->oversubscribed, w >= plan->n_max);
        if (w < plan->n_max)
            assert_false(shares);
        if (plan->n_threads == 1 && w < m->n_cores)
            assert_false(shares);
    }
}

static void check_prefix(const atl_plan *shorter, const atl_plan *longer)
{
    assert_int_equal(shorter->n_max, longer->n_max);
    for (int w = 0; w < shorter->n_workers; w++) {
        const atl_slot *a = &shorter->slots[w], *b = &longer->slots[w];
        assert_memory_equal(a->pus, b->pus, (size_t)shorter->n_threads * sizeof(int));
        assert_int_equal(a->cluster, b->cluster);
        assert_int_equal(a->smt_layer, b->smt_layer);
        assert_int_equal(a->oversubscribed, b->oversubscribed);
    }
}

static void every_plan_is_sound_and_begins_the_next(void **state)
{
    (void)state;
    uint64_t random = 0x9E3779B97F4A7C15;
    for (int i = 0; i < 300; i++) {
        atl_machine *machine = random_machine(&random);
        const int n_threads = 1 + (int)rnd(&random, 7);
        const atl_order order = rnd(&random, 2) ? ATL_SCATTER : ATL_COMPACT;
        const int most = machine->n_pus / n_threads + 3;
        atl_plan longer = plan_of(machine, most, n_threads, order);
        check_plan(machine, &longer);
        for (int n = 0; n < most; n += 1 + (int)rnd(&random, 3)) {
            atl_plan plan = plan_of(machine, n, n_threads, order);
            check_prefix(&plan, &longer);
            atl_plan_done(&plan);
        }
        atl_plan_done(&longer);
        atl_machine_free(&machine);
    }
}

/* Of the machine's hardware threads none of the reserved core's is a worker's. */
static void check_reserved(const atl_machine *m, const atl_plan *plan)
{
    int layer;
    const atl_core *reserved = core_of(m, plan->coordinator_pu, &layer);
    assert_int_equal(layer, 0);
    for (int w = 0; w < plan->n_workers; w++)
        for (int t = 0; t < plan->n_threads; t++)
            assert_ptr_not_equal(core_of(m, plan->slots[w].pus[t], &layer), reserved);
}

static void every_plan_with_a_reserved_core_leaves_it_alone_and_begins_the_next(void **state)
{
    (void)state;
    uint64_t random = 0xD1B54A32D192ED03;
    for (int i = 0; i < 300; i++) {
        atl_machine *machine = random_machine(&random);
        const int n_threads = 1 + (int)rnd(&random, 7);
        const atl_order order = rnd(&random, 2) ? ATL_SCATTER : ATL_COMPACT;
        const int most = machine->n_pus / n_threads + 3;
        if (machine->n_cores < 2) {
            atl_machine_free(&machine);
            continue;
        }
        atl_plan longer = reserved_plan_of(machine, most, n_threads, order);
        atl_plan whole = plan_of(machine, most, n_threads, order);
        assert_in_range(longer.n_max, whole.n_max > 0 ? whole.n_max - 1 : 0, whole.n_max);
        check_reserved(machine, &longer);
        for (int n = 0; n < most; n += 1 + (int)rnd(&random, 3)) {
            atl_plan plan = reserved_plan_of(machine, n, n_threads, order);
            assert_int_equal(plan.coordinator_pu, longer.coordinator_pu);
            check_prefix(&plan, &longer);
            atl_plan_done(&plan);
        }
        atl_plan_done(&whole);
        atl_plan_done(&longer);
        atl_machine_free(&machine);
    }
}

/* Workers of one thread on a machine of equal parts: no package, NUMA node or cache has two more than
 * another. */
static void scatter_keeps_equal_parts_equally_full(void **state)
{
    (void)state;
    atl_machine *machine = synthetic_machine("pack:2 numa:2 l3:3 l2:2 core:2 pu:2");
    for (int n = 1; n <= machine->n_cores; n++) {
        int loads[3][12] = {{0}};
        const int sizes[] = {2, 4, 12};
        atl_plan plan = plan_of(machine, n, 1, ATL_SCATTER);
        for (int w = 0, layer; w < n; w++) {
            const atl_core *core = core_of(machine, plan.slots[w].pus[0], &layer);
            loads[0][core->package]++;
            loads[1][core->numa]++;
            loads[2][core->domain]++;
        }
        for (int k = 0; k < 3; k++)
            for (int a = 0; a < sizes[k]; a++)
                for (int b = 0; b < sizes[k]; b++)
                    assert_true(loads[k][a] - loads[k][b] <= 1);
        atl_plan_done(&plan);
    }
    atl_machine_free(&machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(m1_fills_strong_cores_first),
        cmocka_unit_test(i1370p_takes_strong_cores_then_weak_ones_by_l2_then_siblings),
        cmocka_unit_test(i1370p_keeps_threads_of_a_worker_under_one_l2),
        cmocka_unit_test(a_worker_larger_than_its_class_takes_what_is_left),
        cmocka_unit_test(epyc_scatters_over_packages_then_caches),
        cmocka_unit_test(epyc_straddles_caches_only_where_it_must),
        cmocka_unit_test(gb10_counts_contention_by_cache_whatever_the_class),
        cmocka_unit_test(numa_nodes_are_scattered_over_before_they_fill),
        cmocka_unit_test(a_binding_and_a_cpu_list_and_a_cpuset_all_count),
        cmocka_unit_test(taskset_to_siblings_leaves_each_core_its_first_usable_thread),
        cmocka_unit_test(a_quota_bounds_the_workers_and_is_rounded_down),
        cmocka_unit_test(a_quota_larger_than_the_machine_says_nothing),
        cmocka_unit_test(auto_starts_no_more_workers_than_memory_holds),
        cmocka_unit_test(weights_that_all_workers_share_count_once),
        cmocka_unit_test(more_workers_than_hardware_threads_begin_again),
        cmocka_unit_test(the_coordinator_gets_the_weakest_idle_core_then_an_idle_sibling),
        cmocka_unit_test(a_reserved_core_is_the_weakest_and_takes_one_worker_at_most),
        cmocka_unit_test(a_reserved_core_is_one_that_nobody_needs),
        cmocka_unit_test(one_core_cannot_be_reserved),
        cmocka_unit_test(wishes_out_of_bounds_are_refused),
        cmocka_unit_test(every_plan_is_sound_and_begins_the_next),
        cmocka_unit_test(every_plan_with_a_reserved_core_leaves_it_alone_and_begins_the_next),
        cmocka_unit_test(scatter_keeps_equal_parts_equally_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
