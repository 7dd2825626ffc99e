/* exports.h - timings.jsonl and timings.csv: what the ledger says of the painted pictures, for other
 * programs.
 *
 * Made again from the ledger when a run is taken up, so that no line is doubled, torn or lost; then a line is
 * added as each picture comes. They are no truth: that they cannot be written stops no run. */
#ifndef ATL_RESULTS_EXPORTS_H
#define ATL_RESULTS_EXPORTS_H

#include "results/ledger.h"
#include "results/row.h"

#define ATL_TIMINGS_JSONL_NAME "timings.jsonl"
#define ATL_TIMINGS_CSV_NAME   "timings.csv"

typedef struct atl_exports atl_exports;

/* Writes both files from the ledger, and stays open. Errors: ATL_IO, ATL_NO_MEMORY, as atl_ledger_read. */
atl_status atl_exports_open(int dir_fd, atl_exports **ret, atl_note *note);
/* The same for who visits the ledger's last words (results/history.h) himself: begin; take each, with its
 * figures as atl_row_parse read them, or NULL where it could not; finish, which puts the files in place.
 * Errors: as above; then they are to be closed. */
atl_status atl_exports_begin(int dir_fd, atl_exports **ret, atl_note *note);
atl_status atl_exports_take(atl_exports *exports, const atl_record *record, const atl_row *row,
                            atl_note *note);
atl_status atl_exports_finish(atl_exports *exports, atl_note *note);
/* Without a flush, and what was begun and not finished goes; accepts NULL inside. */
void atl_exports_close(atl_exports **exports);

/* Into the buffer; `json`: the row as atl_row_put_json gave it. */
void atl_exports_add(atl_exports *exports, const atl_row *row, const char *json);
/* Bytes that wait for a flush. */
size_t atl_exports_waiting(const atl_exports *exports);
/* Errors: ATL_IO, ATL_NO_MEMORY; then the files lack lines, until they are made again. */
atl_status atl_exports_flush(atl_exports *exports, atl_note *note);

#endif
