/* report.h - what is told about a finished picture: the texts in its file and the object of --json. */
#ifndef ATL_CLI_REPORT_H
#define ATL_CLI_REPORT_H

#include "base/text.h"
#include "image/picture.h"
#include "paint_args.h"

/* All that is known once a picture is painted; the report borrows it. */
typedef struct report {
    const paint_args *args;
    const char *model_path, *output;
    const atl_painting *painting;
    const atl_engine_facts *facts;
    const char *init_digest;   /* of the init image as it was used; NULL without one */
    atl_stage_time load;       /* opening the model */
    atl_stage_time png_encode; /* known only after the file's own texts are written */
    atl_stage_time total;
    char digest[ATL_DIGEST_TEXT]; /* of the pixels */
    char job[17];                 /* what was asked for, in 16 hex digits: the same request has the same id */
} report;

/* The text of the key `parameters`. */
void report_parameters(const report *r, atl_text *out);

/* Fills in `job` from the parameters' text and what else decides the pixels. */
void report_set_job(report *r, const atl_text *parameters);

/* One object of JSON: for the key `atelier` of the file, and, with all of it, for --json. Errors:
 * ATL_NO_MEMORY. */
atl_status report_for_file(const report *r, atl_text *out, atl_note *note);
atl_status report_for_stdout(const report *r, atl_text *out, atl_note *note);

#endif
