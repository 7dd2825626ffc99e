/* run_private.h - between the files of the run.
 *
 * One thread does everything but paint: it submits, writes files and records, and calls the watcher. The
 * executor's thread only leaves events in the box, under its mutex. At most `window` jobs are in flight,
 * which is less than what the executor queues, so that submitting never blocks. */
#ifndef ATL_COORDINATOR_RUN_PRIVATE_H
#define ATL_COORDINATOR_RUN_PRIVATE_H

#include <pthread.h>

#include "coordinator/run.h"
#include "results/exports.h"
#include "results/ledger.h"
#include "results/marks.h"
#include "results/pace.h"
#include "results/pictures.h"

#define RUN_RECORD_FIELDS 14
#define ATL_RUN_GROUP     16                 /* pictures that are written together, at most */
#define ATL_RUN_COMMIT_NS INT64_C(250000000) /* for so long what came waits for more, at most */

/* What the executor's thread tells. */
typedef struct atl_run_event {
    atl_pool_event_type type;
    uint32_t worker, attempt;
    uint64_t index;
    atl_job_id job;
    bool put_back;
    int64_t at_ns; /* when it was told */
    char text[320];
} atl_run_event;

typedef struct atl_run_box {
    pthread_mutex_t mutex;
    atl_run_event *events; /* STARTED and LEASE_LOST, to be recorded */
    size_t n, capacity;
    bool overflow; /* no memory: records of attempts are missing, which costs nothing but their story */
    size_t n_workers;
    atl_run_worker *workers;
} atl_run_box;

atl_status atl_run_box_open(atl_run_box *box, size_t n_workers, atl_note *note);
/* Once the plan is known; n_workers at most what open said. */
void atl_run_box_limit(atl_run_box *box, size_t n_workers);
void atl_run_box_done(atl_run_box *box);
void atl_run_box_put(void *box, const atl_pool_event *event); /* the executor's on_event */
/* Takes the events out; free() them. */
atl_run_event *atl_run_box_take(atl_run_box *box, size_t *ret_n);
void atl_run_box_workers(atl_run_box *box, atl_run_worker *ret);

/* A failed job of an earlier session: its id finds its place in the batch. */
typedef struct atl_run_failed {
    atl_job_id id;
    uint64_t index;
} atl_run_failed;

typedef struct atl_run_flight {
    atl_future *future;
    atl_job job;
} atl_run_flight;

/* One that was painted and waits for its file. */
typedef struct atl_run_painted {
    atl_run_flight flight;
    atl_picture_part part; /* once it was begun */
    bool has_part;         /* there is a temporary file */
    int64_t write_ns;      /* what its file took until now */
    bool over;             /* its job ended otherwise */
} atl_run_painted;

typedef struct atl_runner {
    const atl_run_options *o;
    int dir_fd;
    atl_picture_writer *writer;
    atl_batch *batch;
    uint64_t n_jobs;
    char ids[65]; /* the batch's digest, in hex digits */
    atl_ledger *ledger;
    atl_exports *exports;              /* NULL: they could not be written, and are made again at the end */
    bool exports_stale;                /* pictures are painted again: the timings are made again at the end */
    bool known;                        /* the ledger has a RUN record */
    char *settings[RUN_RECORD_FIELDS]; /* its fields "key=value", and what they are now where they are not */
    uint32_t session;
    atl_marks marks;
    atl_run_failed *failed; /* for a retry, sorted by id */
    size_t n_failed, failed_capacity;
    int failed_fd; /* failed.jsonl, to append to; -1: not open */

    atl_executor *executor;
    atl_run_box box;
    bool has_box;
    atl_run_worker *workers; /* a copy for the watcher */
    atl_run_flight *flight;
    size_t n_flight, window;
    atl_run_painted group[ATL_RUN_GROUP]; /* to be written together */
    size_t n_group, group_bytes;
    size_t n_last_group;         /* how many the one before had */
    atl_run_flight *held_flight; /* painted, and no room on the disk for them */
    size_t n_held;
    bool waits_for_room;
    bool ledger_waits; /* records wait for room on the disk */
    bool urgent;       /* records wait that end jobs */
    bool dir_unsynced; /* pictures were put whose names may not be on the disk yet */
    bool sync_failed;  /* so that no record of them may be written any more */
    int64_t put_ns, flushed_ns, exported_ns;
    bool batch_ended, draining, killing, paused;
    bool fatal;
    atl_status status;
    atl_note note; /* why */
    int64_t begun_ns, first_start_ns, probed_ns, watched_ns;
    int64_t weigh_ns,
        may_weigh_ns;       /* when the workers' memory is looked at next, at the earliest if it grew */
    uint64_t top_rss_bytes; /* the most of a worker, as it says with its pictures */
    atl_pace pace;          /* of this session */
    uint64_t n_painted, n_adopted, peak_pss_bytes;
    uint64_t lost, dropped;
} atl_runner;

void atl_runner_say(const atl_runner *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* run_identity.c: what the run is, as the RUN record has it. */
atl_status atl_runner_describe(atl_runner *r, atl_note *note);
/* The networks beside the model, with their hashes; of a retry: those that the run had. */
const char *atl_runner_networks(const atl_runner *r);
/* Compares with a RUN record. Errors: ATL_USAGE, with everything that differs. */
atl_status atl_runner_compare(atl_runner *r, const atl_record *record, atl_note *note);
/* Records that a session begins, and in a new directory what the run is. */
atl_status atl_runner_begin_session(atl_runner *r, atl_note *note);
atl_status atl_runner_end_session(atl_runner *r, const char *how, atl_note *note);
/* Records what the session is at: "painting", "paused", "stopping". */
atl_status atl_runner_record_state(atl_runner *r, const char *state, atl_note *note);

/* run_resume.c: what is done already. */
atl_status atl_runner_replay(atl_runner *r, atl_note *note);
atl_status atl_runner_reconcile(atl_runner *r, atl_note *note);
/* Where a job of the batch stands in the run: of a retry where it stood when it failed, or nowhere (false).
 * *ret_index may be the job's own. */
bool atl_runner_place(const atl_runner *r, const atl_job *job, uint64_t *ret_index);
/* The next job that is to be painted. */
atl_status atl_runner_next_job(atl_runner *r, atl_job *ret, bool *ret_end, atl_note *note);

/* run_record.c: files first, then records. Errors are fatal for the run but ATL_USAGE, which is its job's;
 * *ret_full asks to come again from the beginning. */
atl_status atl_runner_begin_picture(atl_runner *r, atl_run_painted *painted, bool *ret_full, atl_note *note);
atl_status atl_runner_settle_picture(atl_runner *r, atl_run_painted *painted, bool *ret_full, atl_note *note);
atl_status atl_runner_put_picture(atl_runner *r, atl_run_painted *painted, bool *ret_full, atl_note *note);
atl_status atl_runner_record_failure(atl_runner *r, const atl_job *job, const atl_result *result,
                                     atl_note *note);
atl_status atl_runner_record_adopted(atl_runner *r, const atl_job *job, const char *name, atl_note *note);
atl_status atl_runner_record_events(atl_runner *r, atl_note *note);
/* Makes what was recorded safe: the names of the pictures first, then the ledger. */
atl_status atl_runner_commit(atl_runner *r, atl_note *note);
/* The same, called each turn, when it is time: pictures that came within a quarter of a second share it, and
 * records that end no job wait a little longer. The timings, too. Sets
 * ledger_waits where the disk is full. */
atl_status atl_runner_flush(atl_runner *r, atl_note *note);

/* run_group.c: what was painted becomes files, together with what came within the same quarter of a second.
 */
void atl_runner_group(atl_runner *r, atl_run_flight *flight); /* takes it */
/* For how long pictures wait for others, from now; 0: one that is there is to be written. */
int atl_runner_group_due_ms(const atl_runner *r);
void atl_runner_put_group(atl_runner *r);
void atl_runner_probe_disk(atl_runner *r); /* whether there is room again for what is held */

/* The run is to end: what was painted and put stays. The first reason counts. */
void atl_runner_end_badly(atl_runner *r, atl_status status, const atl_note *note);
void atl_runner_free_flight(atl_run_flight *flight);
/* run_loop.c: until everything ended, or is to stop. */
void atl_runner_loop(atl_runner *r);

/* run_end.c: failed.jsonl, exports, summary, gallery. */
atl_status atl_runner_write_failed(atl_runner *r, atl_note *note);
void atl_runner_conclude(atl_runner *r, const char *how, atl_run_outcome *outcome);

#endif
