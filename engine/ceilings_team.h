/* ceilings_team.h - threads that do the same work at the same time, over and over. Private to the room. */
#ifndef ATL_CEILINGS_TEAM_H
#define ATL_CEILINGS_TEAM_H

#include "base/status.h"
#include "kernels/kernels.h"
#include "walks.h"

typedef enum atl_product { ATL_PRODUCT_NONE, ATL_PRODUCT_F32, ATL_PRODUCT_BF16, ATL_PRODUCT_S8 } atl_product;

typedef struct atl_team_task {
    atl_product product; /* of `kernels`; none: a walk */
    const atl_kernels *kernels;
    atl_walk_kind kind;
    size_t bytes; /* a thread's */
    int n_threads;
    const int *cpus; /* or NULL */
    double seconds;  /* that all repetitions together are to take */
} atl_team_task;

enum { ATL_TEAM_REPETITIONS = 9 };

/* Of each repetition: what all threads did together (floating-point operations, bytes, loads) for each ns
 * from the first one's start to the last one's end. Errors: ATL_NO_MEMORY, ATL_IO. */
atl_status atl_team_measure(const atl_team_task *task, double ret[ATL_TEAM_REPETITIONS], int *ret_n,
                            atl_note *note);

#endif
