/* usage.h - what a process used, as the system tells. Private to the room. */
#ifndef ATL_WORKER_USAGE_H
#define ATL_WORKER_USAGE_H

#include <stdint.h>

typedef struct atl_usage {
    uint64_t minor_faults, major_faults, voluntary_switches, involuntary_switches;
} atl_usage;

atl_usage atl_usage_now(void);      /* of all threads of this process so far */
uint64_t atl_usage_pss_bytes(void); /* smaps_rollup's Pss: shared pages count by their share. 0: not told */

#endif
