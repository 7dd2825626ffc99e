/* machine.h - inside of an atl_machine: usable cores, and what each of them shares with others.
 *
 * The cores are flat arrays of small indices, so that planning is arithmetic; hwloc is asked once, in
 * machine.c. Private to this folder. */
#ifndef ATL_COORDINATOR_MACHINE_H
#define ATL_COORDINATOR_MACHINE_H

#include <hwloc.h>

#include "placement.h"

/* A part of the machine that cores share: a package, a NUMA set, a domain, a module. */
typedef struct atl_area {
    hwloc_obj_t object;           /* the package, cache or core; NULL: the machine has none of that kind */
    hwloc_const_bitmap_t nodeset; /* the local NUMA nodes, where they are part of what makes it; or NULL */
    int n_cores;                  /* usable ones in it */
} atl_area;

typedef struct atl_areas {
    atl_area *items;
    int n;
} atl_areas;

typedef struct atl_core {
    hwloc_obj_t object; /* a core, or a PU where the topology knows no cores */
    int first_pu;       /* its usable PUs are machine->pus[first_pu … first_pu + n_pus) */
    int n_pus;
    int core_class;                    /* 0 is the strongest */
    int package, numa, domain, module; /* indices of areas */
    int cluster;
} atl_core;

typedef struct atl_cluster {
    int core_class, package, numa, domain;
    int n_cores;
} atl_cluster;

enum { ATL_CLASS_NAME = 64 };

typedef struct atl_core_class {
    char name[ATL_CLASS_NAME]; /* "IntelAtom"; "" if the machine has only one class */
    int n_cores;
} atl_core_class;

struct atl_machine {
    hwloc_topology_t topology;
    hwloc_bitmap_t usable;
    char name[128];
    bool this_system, can_bind;
    double quota_cpus;        /* 0: none */
    size_t memory_free_bytes; /* 0: not known */
    atl_core *cores;          /* in logical order: by package, NUMA node, cache */
    int n_cores;
    int *pus; /* OS indices */
    int n_pus;
    int most_pus; /* of one core */
    atl_cluster *clusters;
    int n_clusters;
    atl_areas packages, numas, domains, modules;
    atl_core_class *classes;
    int n_classes;
};

/* Fills in `classes` and each core's core_class. Errors: ATL_NO_MEMORY. */
atl_status atl_machine_find_classes(atl_machine *machine);

/* Fills in cores, PUs, areas, classes and clusters from `topology` and `usable`. Errors: ATL_NO_MEMORY. */
atl_status atl_machine_find_clusters(atl_machine *machine);

/* Reads "0-3,8" strictly into `set`. Errors: ATL_USAGE; the note says what was found. */
atl_status atl_cpu_list_parse(const char *list, hwloc_bitmap_t set, atl_note *note);

/* Appends "0-3,8". */
void atl_cpu_list_print(hwloc_const_bitmap_t set, atl_text *out);

/* The outermost cache of a domain in words, "L3 32 MiB"; "" if there is none. */
void atl_cache_words(const atl_area *area, char *ret, size_t size);
/* "32 MiB", "1.25 MiB", "48 KiB". */
void atl_size_words(unsigned long long bytes, char *ret, size_t size);
/* The first NUMA node (OS index) of a NUMA set; -1 if there is none. */
int atl_numa_node(const atl_machine *machine, int numa);

/* Who sits on each of machine->pus: workers[i] is the first, counts[i] how many. Without a plan: nobody.
 * False: no memory. Give it to atl_seats_done. */
typedef struct atl_seats {
    int *workers, *counts;
} atl_seats;
bool atl_seats_init(atl_seats *seats, const atl_machine *machine, const atl_plan *plan);
void atl_seats_done(atl_seats *seats);

#endif
