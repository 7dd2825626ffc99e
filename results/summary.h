/* summary.h - what a run's figures come to: rates, shares of the stages, percentiles, how busy each worker
 * was.
 */
#ifndef ATL_RESULTS_SUMMARY_H
#define ATL_RESULTS_SUMMARY_H

#include "base/text.h"
#include "results/ledger.h"
#include "results/row.h"

#define ATL_SUMMARY_NAME "summary.json"

typedef struct atl_summary atl_summary;

atl_summary *atl_summary_new(void); /* NULL: no memory */
void atl_summary_free(atl_summary **summary);
/* Takes one picture in. Errors: ATL_NO_MEMORY. */
atl_status atl_summary_add(atl_summary *summary, const atl_row *row, atl_note *note);
/* A job's last word (results/history.h), with its figures as atl_row_parse read them, or NULL where it could
 * not. Errors: as above. */
atl_status atl_summary_take(atl_summary *summary, const atl_record *record, const atl_row *row,
                            atl_note *note);
uint64_t atl_summary_n_failed(const atl_summary *summary); /* of those that were taken */
/* All pictures of a run, from its ledger; also how many jobs failed. Errors: as atl_ledger_read. */
atl_status atl_summary_read(int dir_fd, atl_summary *summary, uint64_t *ret_failed, atl_note *note);

/* The figures themselves; NAN where there are none. */
typedef struct atl_summary_figures {
    uint64_t n; /* pictures whose times are known */
    double images_per_minute, p50_ms, p90_ms, p99_ms;
    double stage_ms[ATL_N_STAGES]; /* mean a picture */
    double unet_cpu_share;         /* CPU time over wall time */
} atl_summary_figures;
void atl_summary_tell(atl_summary *summary, atl_summary_figures *ret);

/* What the figures do not hold. */
typedef struct atl_summary_facts {
    const char *model_name, *model_hash, *policy, *version, *how; /* "finished", "stopped", … */
    uint64_t n_jobs, n_failed;
    uint64_t lost, dropped; /* leases and results, in this session */
    double session_s;       /* wall time of this session, from command to end */
    uint64_t session_pictures;
    uint64_t peak_pss_bytes; /* of all processes together; 0: unavailable */
} atl_summary_facts;

/* One JSON object with its newline; a few lines for a person. What is not known is null, or "unavailable". */
void atl_summary_put_json(atl_summary *summary, const atl_summary_facts *facts, atl_text *out);
void atl_summary_put_text(atl_summary *summary, const atl_summary_facts *facts, atl_text *out);

#endif
