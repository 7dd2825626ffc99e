/* row.h - the figures of one painted picture: a line of timings.jsonl and of timings.csv.
 *
 * The same JSON stands in the ledger's DONE record, so that every export can be made again from the ledger.
 * Times are ms; `begun_ns` and `ended_ns` are CLOCK_MONOTONIC of that session. */
#ifndef ATL_RESULTS_ROW_H
#define ATL_RESULTS_ROW_H

#include "base/text.h"
#include "schemas/job.h"

typedef enum atl_stage {
    ATL_STAGE_TOKENIZE,
    ATL_STAGE_TEXT_ENCODE,
    ATL_STAGE_VAE_ENCODE,
    ATL_STAGE_UNET,
    ATL_STAGE_VAE_DECODE,
    ATL_STAGE_PNG_ENCODE,
    ATL_STAGE_SEND,
    ATL_N_STAGES
} atl_stage;

const char *atl_stage_name(atl_stage stage); /* "tokenize", … */

#define ATL_ROW_MAX_STEPS 512 /* whose times are kept one by one; beyond, only their sum is */

/* Strings have a place of their own, so that a row can be kept. */
typedef struct atl_row {
    uint64_t index;
    char job[2 * ATL_JOB_ID_BYTES + 1];
    char digest[65];
    char name[264];  /* of the file */
    char cores[128]; /* that its worker was bound to; "" not known */
    bool adopted;    /* found finished after a crash: nothing below `height` is known */
    int width, height;
    uint64_t png_bytes;
    uint32_t session, worker, attempt;
    int batch_size, n_unet_steps;
    int64_t begun_ns, ended_ns;
    double queued_ms, waited_ms, transfer_ms, write_ms;
    atl_span stage[ATL_N_STAGES];
    uint64_t minor_faults, major_faults, voluntary_switches, involuntary_switches, peak_rss_bytes;
    const atl_span *unet_step; /* [n_unet_steps] while writing; NULL after reading */
} atl_row;

/* Fills in what a worker measured; borrows its steps. */
void atl_row_set_timings(atl_row *row, const atl_job_timings *timings);

/* Appends one object without a newline. */
void atl_row_put_json(const atl_row *row, atl_text *out);
/* Members that are not known are passed over; those that are missing, or of another kind, are 0. Errors:
 * ATL_BAD_INPUT. */
atl_status atl_row_parse(const char *json, size_t n_bytes, atl_row *ret, atl_note *note);
/* The same, but reads no further than when it was painted: of what stands behind `ended_ns` nothing is set,
 * nor looked at. */
atl_status atl_row_glance(const char *json, size_t n_bytes, atl_row *ret, atl_note *note);

void atl_row_put_csv_head(atl_text *out); /* with its newline, as the next */
void atl_row_put_csv(const atl_row *row, atl_text *out);

#endif
