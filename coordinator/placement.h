/* placement.h - core clusters of a machine, and where N workers × T threads go.
 *
 * A cluster is a set of usable cores of one class, one NUMA set, one outermost data cache and one package. A
 * plan is a function of a topology and of what may be used of it, so that machines that are not this one can
 * be planned for. Nothing here binds anything: the worker does, and reports what it got.
 *
 * Load a machine before the process starts threads (hwloc's look at an x86 binds the caller to each CPU in
 * turn); then any thread may read it. */
#ifndef ATL_COORDINATOR_PLACEMENT_H
#define ATL_COORDINATOR_PLACEMENT_H

#include <stdbool.h>

#include "base/status.h"
#include "base/text.h"

typedef struct atl_machine
    atl_machine; /* an hwloc topology, its clusters, and what this process may use of it */

typedef struct atl_machine_source {
    const char *xml;       /* a file that `lstopo --of xml` wrote; or NULL */
    const char *synthetic; /* hwloc's synthetic string; or NULL. Both NULL: this machine */
    const char *cpus;      /* a cpu list ("0-3,8") to stay within; or NULL */
} atl_machine_source;

/* For this machine: usable is what the cgroup's cpuset allows ∩ the process's own binding (taskset) ∩ `cpus`,
 * and the cgroups' CPU quota and memory limits count. Errors: ATL_USAGE (a cpu list or a synthetic string
 * that cannot be; nothing is left to use), ATL_NOT_FOUND, ATL_BAD_INPUT (the XML), ATL_IO, ATL_NO_MEMORY.
 *
 * An XML file is read by a child first, as hwloc 2.9 crashes of some: this forks, and waits for the child. To
 * be called with `xml` before the process has threads that hold locks of the system's libraries. */
atl_status atl_machine_load(const atl_machine_source *source, atl_machine **ret, atl_note *note);
void atl_machine_free(atl_machine **machine);

struct hwloc_topology; /* an hwloc_topology_t points to it */

/* What narrows a machine down, where it is not asked of this system. */
typedef struct atl_machine_limits {
    const char *name;         /* how to call it in drawings; NULL: as its topology says */
    const char *binding;      /* a cpu list: the process's own binding; NULL: all */
    const char *cpus;         /* a cpu list to stay within; NULL: all */
    double quota_cpus;        /* CPUs' worth of time; <= 0: no quota */
    size_t memory_free_bytes; /* for workers; 0: not known */
} atl_machine_limits;

/* Of a topology that was built by hand and loaded. Takes it over, on failure too. Errors: as
 * atl_machine_load. */
atl_status atl_machine_from_topology(struct hwloc_topology *topology, const atl_machine_limits *limits,
                                     atl_machine **ret, atl_note *note);

/* Appends what makes figures comparable: CPU model, usable cores (and the quota below them), memory. */
void atl_machine_identity(const atl_machine *machine, atl_text *out);
/* Whether workers can be bound here at all: not on macOS, nor for a machine that is not this one. */
bool atl_machine_can_bind(const atl_machine *machine);

typedef enum atl_order {
    ATL_SCATTER, /* each worker as far from the others as can be */
    ATL_COMPACT  /* each worker beside the one before */
} atl_order;

typedef struct atl_slot {
    int cluster;   /* -1: straddles several */
    int numa_node; /* OS index of the NUMA node of its cores (the first, if local to several); -1: several
                      sets */
    int smt_layer; /* 0: the first hardware thread of each core, 1: the second … */
    int *pus;      /* [n_threads] OS indices, one a thread; owned */
    bool straddles;
    bool oversubscribed; /* shares cores with workers before it, or comes after the quota is used up */
} atl_slot;

typedef struct atl_plan {
    int n_workers, n_threads;
    atl_order order;
    int n_max; /* most workers of that many threads before they share cores or pass the quota; may be 0 */
    int coordinator_pu; /* where the coordinator disturbs least: the weakest core that no worker uses, else a
                           sibling that none uses; -1: there is none. Advice, unless it is reserved */
    bool reserved;      /* the whole core of coordinator_pu is the coordinator's: no slot has a part of it */
    atl_slot *slots;    /* [n_workers]; the plan for N is a prefix of the plan for N + 1 */
    char warning[512];  /* "" or sentences: oversubscribed, straddling, the quota, memory */
} atl_plan;

enum { ATL_PLAN_MAX_WORKERS = 16384, ATL_PLAN_MAX_THREADS = 16384, ATL_PLAN_MAX_PUS = 1 << 20 };

typedef struct atl_plan_wish {
    int n_workers; /* 0: auto, as many as n_max says and memory holds, but at least one */
    int n_threads; /* 0: 1 */
    atl_order order;
    size_t shared_bytes; /* of memory, once: the packed weights */
    size_t worker_bytes; /* each; 0: unknown */
    bool reserve_core;   /* keep a core free of workers, for the coordinator: one that the most workers with
                            cores of their own leave over, else the weakest; the same for every n_workers */
} atl_plan_wish;

/* Give `ret` to atl_plan_done. Errors: ATL_USAGE (out of the bounds above, a core to be reserved of one),
 * ATL_NO_MEMORY. */
atl_status atl_plan_for(const atl_machine *machine, const atl_plan_wish *wish, atl_plan *ret, atl_note *note);
/* The same for nothing shared. Errors: the same. */
atl_status atl_plan_make(const atl_machine *machine, int n_workers, int n_threads, atl_order order,
                         size_t worker_bytes, atl_plan *ret, atl_note *note);
void atl_plan_done(atl_plan *plan);

/* Drawings of the machine with a plan (or NULL) on it: for a terminal (UTF-8, 100 columns), as one JSON
 * object, and as a whole SVG file. */
void atl_machine_text(const atl_machine *machine, const atl_plan *plan, atl_text *out);
void atl_machine_json(const atl_machine *machine, const atl_plan *plan, atl_text *out);
void atl_machine_svg(const atl_machine *machine, const atl_plan *plan, atl_text *out);
/* hwloc's XML, for a run's record. Errors: ATL_IO, ATL_NO_MEMORY. */
atl_status atl_machine_xml(const atl_machine *machine, atl_text *out, atl_note *note);

#endif
