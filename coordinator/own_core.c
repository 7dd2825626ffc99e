/* own_core.c - see own_core.h. */
#include "own_core.h"

#include <errno.h>
#include <string.h>

#include "coordinator/placement.h"

static atl_status bind_thread(atl_own_core *own, int cpu, atl_note *note)
{
    cpu_set_t *mine = CPU_ALLOC(ATL_PLAN_MAX_PUS);
    if (!mine)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a set of CPUs");
    CPU_ZERO_S(own->n_bytes, mine);
    CPU_SET_S((size_t)cpu, own->n_bytes, mine);
    int rc = pthread_getaffinity_np(own->thread, own->n_bytes, own->before);
    if (rc == 0)
        rc = pthread_setaffinity_np(own->thread, own->n_bytes, mine);
    CPU_FREE(mine);
    return rc == 0 ? ATL_OK
                   : atl_fail(note, ATL_IO, "cannot bind the coordinator to CPU %d: %s", cpu, strerror(rc));
}

atl_status atl_own_core_take(atl_own_core *own, int cpu, atl_note *note)
{
    *own = (atl_own_core){.thread = pthread_self(), .n_bytes = CPU_ALLOC_SIZE(ATL_PLAN_MAX_PUS)};
    own->before = CPU_ALLOC(ATL_PLAN_MAX_PUS);
    const atl_status st = own->before ? bind_thread(own, cpu, note)
                                      : atl_fail(note, ATL_NO_MEMORY, "no memory for a set of CPUs");
    own->taken = st == ATL_OK;
    if (!own->taken && own->before)
        CPU_FREE(own->before);
    return st;
}

void atl_own_core_leave(atl_own_core *own)
{
    if (!own->taken)
        return;
    if (pthread_equal(own->thread, pthread_self()))
        pthread_setaffinity_np(own->thread, own->n_bytes, own->before);
    CPU_FREE(own->before);
    *own = (atl_own_core){0};
}
