/* placement.h - core clusters of a machine, and where N workers × T threads go. Rules: STUDY.md, "Core
 * clusters and placement".
 *
 * Pure but for atl_machine_load: a plan is a function of a topology, so that machines that are not this one
 * can be planned for. */
#ifndef ATL_COORDINATOR_PLACEMENT_H
#define ATL_COORDINATOR_PLACEMENT_H

#include "base/status.h"
#include "base/text.h"

typedef struct atl_machine
    atl_machine; /* an hwloc topology, its clusters, and what this process may use of it */

typedef struct atl_machine_source {
    const char *xml;       /* a file that `lstopo --of xml` wrote; or NULL */
    const char *synthetic; /* hwloc's synthetic string; or NULL. Both NULL: this machine */
    const char *cpus;      /* a cpu list ("0-3,8") to stay within; or NULL */
} atl_machine_source;

atl_status atl_machine_load(const atl_machine_source *source, atl_machine **ret, atl_note *note);
void atl_machine_free(atl_machine **machine);
/* For tests: takes over an hwloc_topology_t that was built by hand; `quota_cpus` < 0: none. */
atl_status atl_machine_from_topology(void *hwloc_topology, double quota_cpus, atl_machine **ret,
                                     atl_note *note);

typedef enum atl_order { ATL_SCATTER, ATL_COMPACT } atl_order;

typedef struct atl_slot {
    int cluster; /* -1: straddles several */
    int smt_layer;
    int *pus; /* [n_threads] OS indices, one a thread; owned */
    bool straddles, oversubscribed;
} atl_slot;

typedef struct atl_plan {
    int n_workers, n_threads;
    atl_order order;
    int n_max;         /* most workers of that many threads before they share cores or pass the quota */
    atl_slot *slots;   /* [n_workers]; the plan for N is a prefix of the plan for N + 1 */
    char warning[256]; /* "" or a sentence: oversubscribed, straddling, the quota */
} atl_plan;

/* n_workers 0: auto (as many as there are slots on the first layer, within quota and memory: `worker_bytes`
 * each, 0 unknown). n_threads 0: 1. Errors: ATL_USAGE. */
atl_status atl_plan_make(const atl_machine *machine, int n_workers, int n_threads, atl_order order,
                         size_t worker_bytes, atl_plan *ret, atl_note *note);
void atl_plan_done(atl_plan *plan);

/* Drawings of the machine with a plan (or NULL) on it. */
void atl_machine_text(const atl_machine *machine, const atl_plan *plan, atl_text *out);
void atl_machine_json(const atl_machine *machine, const atl_plan *plan, atl_text *out);
void atl_machine_svg(const atl_machine *machine, const atl_plan *plan, atl_text *out);
/* hwloc's XML, for a run's record. */
atl_status atl_machine_xml(const atl_machine *machine, atl_text *out, atl_note *note);

#endif
