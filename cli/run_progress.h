/* run_progress.h - how far a run is: a bar and a line for each worker on a terminal, a plain line every few
 * seconds elsewhere; and pictures, in terminals that show them. All on stderr. */
#ifndef ATL_CLI_RUN_PROGRESS_H
#define ATL_CLI_RUN_PROGRESS_H

#include "coordinator/run.h"

enum { RUN_PROGRESS_LINES = 17, RUN_PROGRESS_LINE_BYTES = 640 };

typedef struct run_progress {
    bool quiet, live, colour;
    int show;    /* a run_show_kind */
    int n_lines; /* that stand on the terminal, to be drawn over where they changed */
    int columns; /* of the terminal that they were drawn for */
    char lines[RUN_PROGRESS_LINES][RUN_PROGRESS_LINE_BYTES];
    int64_t said_ns;
} run_progress;

/* show: how, a word of RUN_SHOW_CHOICES, or NULL: not at all. Asks the terminal, if it needs to. */
run_progress run_progress_new(bool quiet, bool plain, const char *show);
int run_progress_every_ms(const run_progress *progress);           /* how often that is of use */
void run_progress_watch(void *progress, const atl_run_view *view); /* an atl_run_options.watch */
/* An atl_run_options.picture: shows it, if that was asked for and the terminal can. */
void run_progress_picture(void *progress, const char *name, const uint8_t *png, size_t n_bytes);
/* Clears the live lines, so that words may be said. */
void run_progress_clear(run_progress *progress);

#endif
