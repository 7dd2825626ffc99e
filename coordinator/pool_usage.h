/* pool_usage.h - what a pool's processes used so far: CPU time, memory, storage. Private to the room. */
#ifndef ATL_COORDINATOR_POOL_USAGE_H
#define ATL_COORDINATOR_POOL_USAGE_H

#include "coordinator/executor.h"

typedef struct atl_pool_usage {
    double cpu_s;               /* of this process and all workers, since they started */
    double memory_mb;           /* sum of PSS; NAN: unavailable */
    double read_mb, written_mb; /* to and from storage; NAN: unavailable */
} atl_pool_usage;

atl_pool_usage atl_pool_usage_read(atl_executor *executor, int n_workers);

#endif
