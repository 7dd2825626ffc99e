/* history.h - what a ledger says in the end: each job's last word, once.
 *
 * A job may have ended several times: failed and then been retried, painted again after its file was lost.
 * The last record counts. Two passes over the ledger, two bits of memory a job. */
#ifndef ATL_RESULTS_HISTORY_H
#define ATL_RESULTS_HISTORY_H

#include "results/ledger.h"
#include "results/row.h"

/* The fields of records, by place. */
enum atl_done_field { ATL_DONE_DIGEST, ATL_DONE_BYTES, ATL_DONE_NAME, ATL_DONE_FIGURES, ATL_DONE_SETTINGS };
enum atl_fail_field { ATL_FAIL_WHY, ATL_FAIL_STATUS };
enum atl_start_field { ATL_START_WORKER };
enum atl_lost_field { ATL_LOST_WORKER, ATL_LOST_WHY, ATL_LOST_PUT_BACK };
#define ATL_PUT_BACK "put back" /* the third field of a lease that only ended: its job had not been begun */

/* A field, or "" where the record has fewer. */
const char *atl_record_field(const atl_record *record, int place);
/* The value of "key=value" among the fields of a RUN, PLAN or END; "" if there is none. */
const char *atl_record_value(const atl_record *record, const char *key);

/* Calls `first`, unless it is NULL, with every record of the ledger, and then `visit` with the last DONE or
 * FAIL of each job, in the ledger's order. Errors: as atl_ledger_read, ATL_NO_MEMORY, what they say. */
atl_status atl_history_visit_all(int dir_fd, atl_record_visitor first, atl_record_visitor visit, void *user,
                                 atl_note *note);
/* The same without `first`. */
atl_status atl_history_visit(int dir_fd, atl_record_visitor visit, void *user, atl_note *note);

#endif
