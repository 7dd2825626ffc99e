/* study_private.h - a study's records as JSON text, both ways. Not for other rooms. */
#ifndef ATL_RESULTS_STUDY_PRIVATE_H
#define ATL_RESULTS_STUDY_PRIVATE_H

#include "base/text.h"
#include "results/study.h"

#define ATL_STUDY_FORMAT 1 /* study.json's "format" */

/* One object each, without a newline; nothing in it can end a <script> element. */
void atl_study_put_head(const atl_study_head *head, atl_text *out);
void atl_study_put_window(const atl_study_window *window, atl_text *out);
/* A number, or null where it is not finite. */
void atl_study_put_number(double value, atl_text *out);

/* Errors: ATL_BAD_INPUT, ATL_NO_MEMORY. */
atl_status atl_study_parse_head(const char *json, size_t n, atl_study_head *ret, atl_note *note);
atl_status atl_study_parse_window(const char *json, size_t n, atl_study_window *ret, atl_note *note);

#endif
