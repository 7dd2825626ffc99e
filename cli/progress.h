/* progress.h - how far a picture is: a bar with ETA on a terminal, a plain line per denoising step elsewhere.
 */
#ifndef ATL_CLI_PROGRESS_H
#define ATL_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct progress {
    bool quiet, terminal, colour;
    int64_t begun_ns; /* when step 0 was reported; CLOCK_MONOTONIC */
    int64_t said_ns;  /* when a line of bytes was printed last */
} progress;

progress progress_new(bool quiet);

/* An atl_progress_fn; `user` is a progress. Asks to stop once a signal came. */
bool progress_step(void *user, int step, int n_steps);

/* For files that are written: done of total bytes; a plain line at most every two seconds. */
void progress_bytes(void *user, size_t done_bytes, size_t total_bytes);

/* "9 s", "1:05", "2:03:04" into text[32]. */
void progress_format_eta(double seconds, char text[32]);
/* "0.35", "12.3", "2406" into text[32], as the run's summary has it. */
void progress_format_rate(double per_min, char text[32]);

#endif
