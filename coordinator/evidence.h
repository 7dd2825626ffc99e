/* evidence.h - what the system can tell about a window of work: why it went as fast as it did.
 *
 * Begin when the last worker has started, end when the first one finishes. In between nothing runs: counters
 * are read twice, and the differences are what is found. Each quantity is a number or is "unavailable" (NAN)
 * with its reason; which quantities there are does not depend on the machine. Linux alone; every file is
 * looked up below a root directory ("" for the real one), so that tests build trees of their own.
 *
 * name                        unit   what
 * ipc                                instructions a cycle (perf_event; these on the workers' threads)
 * cycles, instructions,       1/s    of all workers together; scaled where counters took turns
 * llc_references, llc_misses,
 * dtlb_misses
 * stalled_cycles              %      of cycles, waiting in the back end
 * frequency                   GHz    cycles / time on a CPU
 * perf_faults, perf_switches  1/s    page faults, context switches: the kernel's events, which need no PMU
 * cpu_migrations              1/s    moves from one CPU to another: none where workers are bound
 * perf_cpu_share              %      as cpu_share, by the kernel's clock of ns instead of its ticks
 * frequency_aperf             GHz    of the workers' CPUs while not idle: Δaperf / Δmperf · the TSC's rate
 * frequency_cpufreq           GHz    mean over the workers' CPUs, at the begin and at the end
 * thermal_throttles           1      times that a core or its package was throttled by heat
 * memory_bandwidth(_local)    GB/s   resctrl's mbm_total, mbm_local
 * llc_occupancy               MB     resctrl's
 * power_package, power_dram   W      RAPL, the whole machine's
 * energy_image                J/image  of both together
 * psi_{cpu,memory,io}_{some,full}  %   of the window, the system's pressure; group_psi_…: the control group's
 * cpu_share                   %      CPU time of the workers / (wall time · CPUs)
 * run_delay                   %      waiting for a CPU / (running + waiting), of the workers' threads
 * switches_wanted, switches_forced  1/s   context switches of the workers' threads
 * steal                       %      of the time of the workers' CPUs, taken by the hypervisor
 * foreign_load                %      of the same, used by anything that is not a worker
 * faults_minor, faults_major  1/s
 * disk_read, disk_write       MB/s   of the workers' processes
 * group_throttled             1      periods in which the group's quota was used up, of all ancestors
 * group_throttled_time        %      of the window
 * pss, worker_own, huge_pages MB     sum of PSS; mean of a worker's anonymous PSS; what huge pages back,
 *                                    shared ones once */
#ifndef ATL_COORDINATOR_EVIDENCE_H
#define ATL_COORDINATOR_EVIDENCE_H

#include <sys/types.h>

#include "base/status.h"
#include "results/study.h"

typedef struct atl_evidence_scope {
    const char *root;  /* NULL or "": the real /proc and /sys */
    const pid_t *pids; /* the workers */
    size_t n_pids;
    const int *cpus; /* the hardware threads that they compute on, one that several share named by each and
                        counted once; none: all of the machine */
    size_t n_cpus;
} atl_evidence_scope;

typedef struct atl_evidence_watch atl_evidence_watch;

/* Opens and reads every source. Copies the scope. Takes about 1 ms, and 0.1 ms more for each thread of a
 * worker; raises the soft limit on open files where counters need it. A process that is gone counts nothing.
 * One thread may hold several watches. Errors: ATL_NO_MEMORY. */
atl_status atl_evidence_begin(const atl_evidence_scope *scope, atl_evidence_watch **ret, atl_note *note);

/* Reads again, writes at most `most` findings (ATL_STUDY_MAX_EVIDENCE is enough) in an order that never
 * changes, and closes. Call it while the workers still live: what a dead one used is not found. `n_images` is
 * how many were painted meanwhile; 0: not known, then energy_image is unavailable (it is (power_package +
 * power_dram) · s / images). `why` of an available one may say how it was measured. Returns how many. */
size_t atl_evidence_end(atl_evidence_watch **watch, double n_images, atl_evidence *ret, size_t most);

/* Closes without reading. */
void atl_evidence_drop(atl_evidence_watch **watch);

/* The finding of that name, or NULL. */
const atl_evidence *atl_evidence_find(const atl_evidence *list, size_t n, const char *name);

#endif
