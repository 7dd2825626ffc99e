/* ledger.h - the append-only journal of a run. The record says what is done; the files are the truth.
 *
 * Text, one record a line (record.h has the grammar), so that a person with `less` can see what happened. The
 * file's space is allocated ahead, so that a full disk cannot tear it; one process writes it (flock); a torn
 * tail is cut, a damaged middle is kept aside. Used from one thread. */
#ifndef ATL_RESULTS_LEDGER_H
#define ATL_RESULTS_LEDGER_H

#include "base/status.h"
#include "schemas/job.h"

#define ATL_LEDGER_NAME "ledger.tsv"
#define ATL_MAX_FIELDS  16

typedef enum atl_record_type {
    ATL_RECORD_RUN,   /* the first: what the run is; fields are key=value */
    ATL_RECORD_PLAN,  /* how many jobs, and the digest of their ids */
    ATL_RECORD_START, /* index, job, attempt; worker */
    ATL_RECORD_DONE,  /* index, job, attempt; pixel digest, bytes of the file, its name, worker, figures */
    ATL_RECORD_FAIL,  /* index, job, attempt; the reason. Final */
    ATL_RECORD_LEASE_LOST, /* index, job, attempt; worker, why; a third field: it had not been begun */
    ATL_RECORD_END,        /* a session ended: done, failed, how */
    ATL_RECORD_STATE,      /* of the session: state=painting, paused, stopping */
    ATL_N_RECORD_TYPES
} atl_record_type;

typedef struct atl_record {
    atl_record_type type;
    uint64_t sequence; /* given by append */
    uint64_t index;    /* of the job; 0 where there is none */
    atl_job_id job;
    uint32_t attempt;
    int n_fields;
    const char
        *field[ATL_MAX_FIELDS]; /* unescaped, NUL-terminated; of a visited record: borrowed for the call */
    size_t field_bytes[ATL_MAX_FIELDS];
} atl_record;

/* Appends a field that lives as long as the record is used. */
void atl_record_add(atl_record *record, const char *field);

typedef struct atl_ledger atl_ledger;

/* What opening found. */
typedef struct atl_ledger_report {
    uint64_t n_records;
    uint64_t truncated_bytes; /* of a torn tail */
    uint64_t damaged_bytes;   /* in the middle: copied to `kept_aside` and skipped */
    char kept_aside[64];      /* a name in the run's directory, "" when nothing was damaged */
} atl_ledger_report;

/* A status other than ATL_OK ends the replay and becomes its result. */
typedef atl_status (*atl_record_visitor)(void *user, const atl_record *record, atl_note *note);

/* Opens or creates the ledger in the directory for writing and replays every valid record. `sync`: flush
 * waits for the disk. Errors: ATL_USAGE (another process is writing it), ATL_IO, ATL_NO_MEMORY, what `visit`
 * says. */
atl_status atl_ledger_open(int dir_fd, bool sync, atl_record_visitor visit, void *user,
                           atl_ledger **ret_ledger, atl_ledger_report *ret_report, atl_note *note);
/* Replays without the lock and without repairing anything: for looking at a run in progress. ATL_NOT_FOUND:
 * no ledger. */
atl_status atl_ledger_read(int dir_fd, atl_record_visitor visit, void *user, atl_ledger_report *ret_report,
                           atl_note *note);

/* Puts a record into the buffer. Errors: ATL_NO_MEMORY, ATL_BAD_INPUT (longer than 64 KiB). */
atl_status atl_ledger_append(atl_ledger *ledger, const atl_record *record, atl_note *note);
/* Writes the buffer and, if synced, waits for the disk. A full disk or quota is ATL_IO with
 * atl_ledger_disk_full true: nothing of the buffer was written, and flush may be called again. A failed sync
 * is never retried: every later call gives ATL_IO. */
atl_status atl_ledger_flush(atl_ledger *ledger, atl_note *note);
bool atl_ledger_disk_full(const atl_ledger *ledger);
void atl_ledger_close(atl_ledger **ledger); /* without a flush; accepts NULL inside */

#endif
