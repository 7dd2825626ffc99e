/* study_args.h - what can be said about a study on the command line. */
#ifndef ATL_CLI_STUDY_ARGS_H
#define ATL_CLI_STUDY_ARGS_H

#include "coordinator/study.h"
#include "run_args.h"

typedef struct study_args {
    run_args run; /* first: the rows of batch and model are offsets in it */
    const char *workers, *threads, *order, *policies;
    int64_t rounds, pictures;
    double window_s, minutes;
    uint64_t order_seed;
    bool no_probe, no_corunners, no_ceilings;
} study_args;

study_args study_args_new(void);
size_t study_rows(atl_option rows[RUN_MAX_ROWS]);
size_t compare_rows(atl_option rows[RUN_MAX_ROWS]);

/* "1-4,8": ascending, each once. Errors: ATL_USAGE; the note names `option`. */
atl_status study_counts_read(const char *option, const char *text, int most, int *ret_counts, size_t capacity,
                             size_t *ret_n, atl_note *note);

/* What the arguments say; borrows from them and from `policy_words`, a copy of --policy that is cut up.
 * Errors: ATL_USAGE. */
atl_status study_options(const study_args *args, char *policy_words, atl_study_options *ret, atl_note *note);
/* The plan in words, as study.json keeps it. */
void study_plan_words(const study_args *args, atl_text *out);

#endif
