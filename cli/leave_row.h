/* leave_row.h - how a command leaves a row in the history (results/archive.h).
 *
 *     atl_archive_entry row = {.kind = "bench", .policy = "bf16", .workers = 1, .threads = 4};
 *     snprintf(row.work, sizeof row.work, "unet_step 512x512");           // model_name, model_hash: likewise
 *     atl_archive_figure_add(&row, "unet_step", "ms", 412.7, ATL_LESS_IS_BETTER); // the headline first
 *     leave_row(&row, args.cpus);                                         // unless --no-history
 *
 * A run, a study and a comparison have calls of their own, which read what lies in their directory:
 *
 *     leave_row_of_run(dir, args.cpus);
 *     leave_rows_of_study(dir, args.cpus);
 *     leave_rows_of_comparison(dir, args.cpus);
 *
 * A study's rows (one for each policy × order) have what it recommends as `workers` and `threads`: that is
 * where `run --workers auto` finds it, if the study's head has the model_hash that atl_engine_identify_model
 * says.
 */
#ifndef ATL_CLI_LEAVE_ROW_H
#define ATL_CLI_LEAVE_ROW_H

#include "base/options.h"
#include "results/archive.h"

/* The option of the commands that write: a bool at that offset. */
#define NO_HISTORY_ROW(offset)                                                                               \
    {                                                                                                        \
        "no-history", 0, ATL_OPTION_FLAG, (offset), NULL, NULL, 0, 0, "ATELIER_NO_HISTORY", NULL,            \
            "leave no row in the history of this machine's figures"                                          \
    }

/* By what the history knows this machine, cut to those CPUs (a list, or NULL). Errors: as atl_machine_load.
 */
atl_status this_machine(const char *cpus, char ret[160], atl_note *note);

/* Fills in machine, version, commit and time where they are empty, and writes the row. Never fails: what went
 * wrong is said on stderr. */
void leave_row(atl_archive_entry *row, const char *cpus);
/* The row of a run's last session. */
void leave_row_of_run(const char *dir, const char *cpus);
/* The rows of the study in that directory, made on this machine; none if it recommends nothing. */
void leave_rows_of_study(const char *dir, const char *cpus);
/* The same of a comparison; none if no batch counts. */
void leave_rows_of_comparison(const char *dir, const char *cpus);

#endif
