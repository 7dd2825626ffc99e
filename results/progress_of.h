/* progress_of.h - how far a run is, seen from outside: what its ledger says. */
#ifndef ATL_RESULTS_PROGRESS_OF_H
#define ATL_RESULTS_PROGRESS_OF_H

#include <stdint.h>

#include "base/status.h"

#define ATL_PROGRESS_MAX_WORKERS 16384

typedef struct atl_worker_progress {
    uint64_t n_done; /* in the last session */
    uint64_t index;  /* of the job that it took up last */
    bool painting;   /* and has not ended */
} atl_worker_progress;

typedef struct atl_progress_of {
    uint64_t n_jobs, n_done, n_failed;
    uint64_t n_lost;     /* leases, with whoever had them, */
    uint64_t n_put_back; /* and those that were only given back: in a session that was stopped */
    uint32_t n_sessions;
    bool ended;     /* the last session said how it ended; otherwise it is running, or was killed */
    char how[32];   /* … and how */
    char state[16]; /* of a session that has not ended: "painting", "paused", "stopping" */
    int64_t pid;    /* of the last session */
    char date[32];
    uint64_t session_done;
    double per_min;        /* of the whole run, by pace.h; NAN: not known */
    double recent_per_min; /* of the last pictures, for what is left; NAN: not known */
    uint32_t n_workers;
    atl_worker_progress *workers; /* owned */
} atl_progress_of;

/* Errors: as atl_ledger_read, ATL_NO_MEMORY. */
atl_status atl_progress_read(int dir_fd, atl_progress_of *ret, atl_note *note);
void atl_progress_done(atl_progress_of *progress);

#endif
