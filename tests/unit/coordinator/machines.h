/* machines.h - machines that were built by hand, for the tests of placement: hwloc's synthetic topologies,
 * narrowed with hwloc_topology_restrict and coloured with hwloc_cpukinds_register. */
#ifndef ATL_TESTS_COORDINATOR_MACHINES_H
#define ATL_TESTS_COORDINATOR_MACHINES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hwloc.h>

#include "machine.h"

static inline hwloc_topology_t synthetic(const char *description)
{
    hwloc_topology_t topology;
    assert_int_equal(hwloc_topology_init(&topology), 0);
    assert_int_equal(hwloc_topology_set_synthetic(topology, description), 0);
    assert_int_equal(hwloc_topology_load(topology), 0);
    return topology;
}

static inline hwloc_bitmap_t cpu_set(const char *list)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    assert_int_equal(atl_cpu_list_parse(list, set, NULL), ATL_OK);
    return set;
}

/* Says of the CPUs in `list` that "name" is "value"; efficiency -1: not known. */
static inline void add_kind(hwloc_topology_t topology, const char *list, int efficiency, const char *name,
                            const char *value)
{
    char name_text[64], value_text[64];
    snprintf(name_text, sizeof name_text, "%s", name);
    snprintf(value_text, sizeof value_text, "%s", value);
    struct hwloc_info_s info = {name_text, value_text};
    hwloc_bitmap_t set = cpu_set(list);
    assert_int_equal(hwloc_cpukinds_register(topology, set, efficiency, 1, &info, 0), 0);
    hwloc_bitmap_free(set);
}

static inline void keep_only(hwloc_topology_t topology, const char *list)
{
    hwloc_bitmap_t set = cpu_set(list);
    assert_int_equal(hwloc_topology_restrict(topology, set, 0), 0);
    hwloc_bitmap_free(set);
}

static inline atl_machine *machine_of(hwloc_topology_t topology, const char *cpus)
{
    const atl_machine_limits limits = {.cpus = cpus};
    atl_machine *machine = NULL;
    atl_note note = {0};
    assert_int_equal(atl_machine_from_topology(topology, &limits, &machine, &note), ATL_OK);
    return machine;
}

static inline atl_machine *synthetic_machine(const char *description)
{
    return machine_of(synthetic(description), NULL);
}

/* Apple M1: four efficient cores under one L2, four strong ones under another, no L3. */
static inline atl_machine *m1(void)
{
    hwloc_topology_t topology = synthetic("pack:1 l2:2 core:4 pu:1");
    add_kind(topology, "0-3", 0, "DarwinCompatible", "apple,icestorm;ARM,v8");
    add_kind(topology, "4-7", 1, "DarwinCompatible", "apple,firestorm;ARM,v8");
    return machine_of(topology, NULL);
}

/* Intel i7-1370P: six cores of two threads and an L2 each (two of them clock higher), eight small ones in two
 * groups of four that share an L2; one L3. CPUs are numbered with holes: 0,1 8,9 … 40,41, then 48,50,52,54
 * and 56,58,60,62. */
static inline atl_machine *i1370p(void)
{
    hwloc_topology_t topology = synthetic("pack:1 l3:1(size=25165824) l2:8 core:4 pu:2");
    keep_only(topology, "0-1,8-9,16-17,24-25,32-33,40-41,48,50,52,54,56,58,60,62");
    add_kind(topology, "48,50,52,54,56,58,60,62", -1, "CoreType", "IntelAtom");
    add_kind(topology, "0-1,8-9,16-17,24-25,32-33,40-41", -1, "CoreType", "IntelCore");
    add_kind(topology, "0-1,8-9,16-17,24-25", -1, "FrequencyMaxMHz", "5000");
    add_kind(topology, "32-33,40-41", -1, "FrequencyMaxMHz", "5200");
    add_kind(topology, "48,50,52,54,56,58,60,62", -1, "FrequencyMaxMHz", "3900");
    return machine_of(topology, NULL);
}

/* Two EPYC 9654: twelve L3s a package, eight cores of two threads under each. */
static inline atl_machine *epyc(void)
{
    return synthetic_machine("pack:2 [numa] l3:12 l2:8 core:1 pu:2");
}

/* NVIDIA GB10: two L3s, five small and five strong cores under each. */
static inline atl_machine *gb10(void)
{
    hwloc_topology_t topology = synthetic("pack:1 l3:2 l2:10 core:1 pu:1");
    add_kind(topology, "0-4,10-14", 0, "CPUPart", "0xd87");
    add_kind(topology, "5-9,15-19", 1, "CPUPart", "0xd85");
    return machine_of(topology, NULL);
}

static inline atl_plan plan_of(const atl_machine *machine, int n_workers, int n_threads, atl_order order)
{
    atl_plan plan;
    assert_int_equal(atl_plan_make(machine, n_workers, n_threads, order, 0, &plan, NULL), ATL_OK);
    return plan;
}

/* "0 4 8" or, with several threads, "0,2 4,6". */
static inline const char *cpus_of(const atl_plan *plan, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int w = 0; w < plan->n_workers; w++)
        for (int t = 0; t < plan->n_threads && used < size; t++)
            used += (size_t)snprintf(text + used, size - used, "%s%d",
                                     t > 0   ? ","
                                     : w > 0 ? " "
                                             : "",
                                     plan->slots[w].pus[t]);
    return text;
}

/* The plan for N × T puts its workers just there. */
static inline void expect_plan(const atl_machine *machine, int n_workers, int n_threads, atl_order order,
                               const char *wanted)
{
    char text[4096];
    atl_plan plan = plan_of(machine, n_workers, n_threads, order);
    assert_string_equal(cpus_of(&plan, text, sizeof text), wanted);
    atl_plan_done(&plan);
}

#endif
