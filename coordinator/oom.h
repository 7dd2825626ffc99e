/* oom.h - whether the system killed processes for want of memory. Private to the room. */
#ifndef ATL_COORDINATOR_OOM_H
#define ATL_COORDINATOR_OOM_H

#include <stdint.h>

/* How many processes of this process's control group were killed so far (v2's memory.events, v1's
 * memory.oom_control); 0 where the system does not say. `root` as cgroup.h has it. */
uint64_t atl_oom_kills(const char *root);

#endif
