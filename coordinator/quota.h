/* quota.h - how much CPU time and memory the system lets this process have.
 *
 * hwloc knows nothing of either. Everything is read below a root directory ("" for the real one), so that
 * tests build trees of their own. Cgroup v1, v2, and both at once. */
#ifndef ATL_COORDINATOR_QUOTA_H
#define ATL_COORDINATOR_QUOTA_H

#include <stddef.h>

/* CPUs' worth of time: the least quota / period over the process's group and all its ancestors that can be
 * seen (v2's cpu.max, v1's cpu.cfs_quota_us / cpu.cfs_period_us). 0: there is no quota. */
double atl_quota_cpus(const char *root);

/* Bytes that can still be had without swapping or being killed: the least of MemAvailable and, over the group
 * and its ancestors, limit − (usage − page cache that was not used of late). 0: not known. */
size_t atl_quota_memory_bytes(const char *root);

#endif
