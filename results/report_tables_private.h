/* report_tables_private.h - the parts of a page that are words and tables. */
#ifndef ATL_RESULTS_REPORT_TABLES_PRIVATE_H
#define ATL_RESULTS_REPORT_TABLES_PRIVATE_H

#include "report_private.h"

void atl_report_put_first_screen(const report *r, atl_text *out); /* report_first.c */
void atl_report_put_series_table(const report *r, atl_text *out); /* each series' recommendation */
void atl_report_put_counts_table(const report_series *s, atl_text *out);
void atl_report_put_evidence_table(const report_series *s, atl_text *out); /* report_evidence.c */
void atl_report_put_laws_table(const report_series *s, atl_text *out);
void atl_report_put_reasons(const report_series *s, atl_text *out); /* for and against the memory */
void atl_report_put_ceilings(const report *r, atl_text *out);
void atl_report_put_quality_table(const report *r, atl_text *out);
void atl_report_put_provenance(const report *r, atl_text *out);
void atl_report_put_windows_table(const report *r, atl_text *out);

#endif
