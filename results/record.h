/* record.h - one line of the ledger; private to the room.
 *
 *     crc ⇥ sequence ⇥ TYPE ⇥ index ⇥ job ⇥ attempt ⇥ field ⇥ field … ⏎
 *
 * crc: eight hex digits of zlib's CRC-32 over everything behind its tab and before the newline. job: 32 hex
 * digits. Tabs, newlines, returns, NULs and backslashes in fields are escaped (\t \n \r \0 \\), so that no
 * value can break a line in two. There is one spelling for each record: what was read counts only if writing
 * it again gives the same bytes. */
#ifndef ATL_RESULTS_RECORD_H
#define ATL_RESULTS_RECORD_H

#include "results/ledger.h"

#define ATL_MAX_RECORD_BYTES (1u << 16) /* of a line, its newline included */

/* Writes the line with its newline; returns its length, or 0 when it does not fit. */
size_t atl_record_encode(const atl_record *record, char *out, size_t capacity);
/* Reads a line without its newline. Fields point into `scratch` (n_bytes + ATL_MAX_FIELDS bytes at least). */
bool atl_record_decode(const char *line, size_t n_bytes, char *scratch, atl_record *ret);

#endif
