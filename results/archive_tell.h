/* archive_tell.h - the archive's rows and trends as a table, as JSON, as CSV. */
#ifndef ATL_RESULTS_ARCHIVE_TELL_H
#define ATL_RESULTS_ARCHIVE_TELL_H

#include "results/archive_trend.h"

/* For a terminal: the last rows with their headlines, then each headline's trend and every figure that became
 * worse than noise explains. UTF-8. */
void atl_archive_put_text(const atl_archive_list *list, int n_last, const atl_trends *trends, atl_text *out);
/* One object with a newline: {"rows": […], "trends": […]}. What is not known is null. */
void atl_archive_put_json(const atl_archive_list *list, int n_last, const atl_trends *trends, atl_text *out);
/* A line for each figure of the last rows, after a head (RFC 4180). */
void atl_archive_put_csv(const atl_archive_list *list, int n_last, atl_text *out);

const char *atl_trend_verdict_name(atl_trend_verdict verdict); /* "unknown", "same", "better", "worse" */

#endif
