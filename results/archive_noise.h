/* archive_noise.h - how disturbed the machine was while a row of the archive was measured.
 *
 * A figure of a loaded machine says little of the program. So a row carries what tells of the company that it
 * had, as figures of fixed names that nobody judges, and the spread of each figure's repetitions; trends pass
 * over a row that was disturbed, and say so of the latest.
 *
 *     atl_archive_noise_add(&row, &(atl_archive_noise){.steal = 0.2, .foreign_load = 31, …});
 *     atl_archive_figure_add(&row, "unet_step", "ms", 412.7, ATL_LESS_IS_BETTER);
 *     atl_archive_spread_add(&row, "unet_step", 1.4, 5);
 *
 * Rows of before have none of it: they count as undisturbed. */
#ifndef ATL_RESULTS_ARCHIVE_NOISE_H
#define ATL_RESULTS_ARCHIVE_NOISE_H

#include "results/archive.h"

/* In %; NAN: not known. Of the CPUs that were measured on, while it was. */
typedef struct atl_archive_noise {
    double steal;         /* of their time, by the hypervisor; above 5: disturbed */
    double foreign_load;  /* by other programs; above 5 */
    double run_delay;     /* of the measured threads' own time, waiting for a CPU; above 10 */
    double cpu_pressure;  /* of the whole system's time some task waited for a CPU (PSI); told, not judged */
    double ceiling_drift; /* change of what the machine can do at most, from begin to end; above 10 */
    double cpu_share;     /* CPU time over wall time of what only computes; below 90 */
} atl_archive_noise;
void atl_archive_noise_add(atl_archive_entry *entry, const atl_archive_noise *noise);

/* `sd_percent`: the standard deviation of n repetitions over their median; above 25 the figure is disturbed
 * whatever disturbed it. Adds nothing where n is below 2. */
void atl_archive_spread_add(atl_archive_entry *entry, const char *figure, double sd_percent, int n);

/* Whether that name is one of the above rather than something that was measured. */
bool atl_archive_is_noise(const char *figure);

/* What disturbed a figure, in words that follow "while it was measured, "; false: nothing, or not known. */
bool atl_archive_disturbed(const atl_archive_entry *entry, const char *figure, char ret_why[128]);

/* The standard error of a figure's median, as a share of it; 0: not known. */
double atl_archive_error_of(const atl_archive_entry *entry, const char *figure);

#endif
