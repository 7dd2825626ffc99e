/* archive.h - what was measured on machines over time: every run, study, comparison and bench leaves a row in
 * a small SQLite file.
 *
 *     atl_archive_entry row = {.kind = "bench", .policy = "bf16", .workers = 1, .threads = 4};
 *     atl_archive_figure_add(&row, "unet_step", "ms", 412.7, ATL_LESS_IS_BETTER);
 *     st = atl_archive_append(path, &row, &note);
 *
 * Each command opens the file, writes in one transaction, and closes it; several may do so at once. A file
 * that cannot be written spoils nothing else: callers say so and go on. (What the commands call is
 * cli/leave_row.h, which fills in machine, version and time.) Not to be used from several threads at once. */
#ifndef ATL_RESULTS_ARCHIVE_H
#define ATL_RESULTS_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { ATL_ARCHIVE_MAX_FIGURES = 32, ATL_ARCHIVE_MAX_ROWS = 5000 };

typedef enum atl_better {
    ATL_LESS_IS_BETTER = -1,
    ATL_NEITHER_IS_BETTER = 0,
    ATL_MORE_IS_BETTER = 1
} atl_better;

typedef struct atl_archive_figure {
    char name[48]; /* "images_per_hour", "unet_step 512x512" */
    char unit[16]; /* "images/h", "ms", "MB" */
    double value;
    atl_better better; /* what a change is judged by */
} atl_archive_figure;

/* Strings are "" and numbers 0 where they are not known. */
typedef struct atl_archive_entry {
    int64_t id;        /* given by the file: ascending */
    int64_t time_s;    /* since 1970, UTC */
    char kind[12];     /* "run", "study", "compare", "bench" */
    char machine[160]; /* CPU model, usable cores, memory: what makes figures comparable */
    char version[32], commit[64];
    char model_name[128], model_hash[80], policy[16], order[12];
    int workers, threads; /* of a study: what it recommends; of a comparison: the fastest */
    char work[96];        /* what was painted: "512x512, 20 steps"; figures of other work do not compare */
    char place[512];      /* the directory with the details */
    int n_figures;        /* the first one is the headline */
    atl_archive_figure figures[ATL_ARCHIVE_MAX_FIGURES];
} atl_archive_entry;

/* Adds a figure, unless the value is not finite or there are 32 already. */
void atl_archive_figure_add(atl_archive_entry *entry, const char *name, const char *unit, double value,
                            atl_better better);

/* Where the file is: `said`, or $ATELIER_HISTORY, or $XDG_DATA_HOME/atelier/history.sqlite, or
 * ~/.local/share/atelier/history.sqlite. free() it. Errors: ATL_NOT_FOUND (no home), ATL_NO_MEMORY. */
atl_status atl_archive_path(const char *said, char **ret_path, atl_note *note);

/* Makes file and folder where they are not there; id and (if 0) time_s are filled in. A row with a place is
 * written once: of a study that was called again and had nothing left to measure, one that differs in time,
 * version and commit alone is there already (of the figures the headline is asked, to the last bit). Waits up
 * to 5 s for others who write. Errors: ATL_IO, ATL_BAD_INPUT (no such file's format, or a newer one),
 * ATL_NO_MEMORY. */
atl_status atl_archive_append(const char *path, const atl_archive_entry *entry, atl_note *note);

/* NULL or 0: any. */
typedef struct atl_archive_filter {
    const char *machine, *model, *policy, *kind; /* machine, model: a part of it, or the hash's beginning */
    int last;                                    /* so many of the latest; 0: 5000 */
} atl_archive_filter;

typedef struct atl_archive_list {
    atl_archive_entry *entries; /* owned; the oldest first */
    int n;
} atl_archive_list;

/* A file that is not there is an empty list. Errors: ATL_IO, ATL_BAD_INPUT, ATL_NO_MEMORY. */
atl_status atl_archive_read(const char *path, const atl_archive_filter *filter, atl_archive_list *ret,
                            atl_note *note);
void atl_archive_list_done(atl_archive_list *list);

/* The latest study of exactly that machine, model (its hash), policy and order, and of that many threads (0:
 * any). Errors: ATL_NOT_FOUND (none), ATL_IO, ATL_BAD_INPUT. */
typedef struct atl_archive_wanted {
    const char *machine, *model_hash, *policy, *order;
    int threads;
} atl_archive_wanted;
atl_status atl_archive_latest_study(const char *path, const atl_archive_wanted *wanted,
                                    atl_archive_entry *ret, atl_note *note);

/* Fills in an entry with what the last session of a run's directory came to (place, machine and commit are
 * left alone). Errors: ATL_NOT_FOUND (it painted nothing), as atl_ledger_read. */
atl_status atl_archive_entry_of_run(int dir_fd, atl_archive_entry *ret, atl_note *note);

struct atl_study;
enum { ATL_ARCHIVE_MAX_OF_STUDY = 16 };
/* Entries of a study (results/study.h), one for each policy × order: of its thread counts the one that paints
 * most at the worker count recommended for it. Machine, place and commit are left empty. Errors:
 * ATL_NOT_FOUND (it recommends nothing), ATL_NO_MEMORY. */
atl_status atl_archive_entries_of_study(const struct atl_study *study,
                                        atl_archive_entry ret[ATL_ARCHIVE_MAX_OF_STUDY], int *ret_n,
                                        atl_note *note);
/* The same of a comparison (results/compare.h), one for each policy: its fastest setup beside one core.
 * Errors: ATL_NOT_FOUND (no valid batch), ATL_NO_MEMORY. */
atl_status atl_archive_entries_of_comparison(const struct atl_study *study,
                                             atl_archive_entry ret[ATL_ARCHIVE_MAX_OF_STUDY], int *ret_n,
                                             atl_note *note);

/* Whether its workers and threads are what was found, as a study's and a comparison's are, not what it was
 * made with. */
bool atl_archive_finds_workers(const atl_archive_entry *entry);

#endif
