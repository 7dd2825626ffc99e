/* archive_noise.c - see archive_noise.h. The limits are set by what they spoil: time that others took is
 * missing from a figure in the same measure, and a trend names changes from about 4 % on. On a quiet machine
 * a step of 20 ms scatters by 10 %, and its two threads wait 3.6 % of their time: those limits lie above. */
#include "results/archive_noise.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MOST_TAKEN  5.0
#define MOST_WAITED 10.0
#define MOST_DRIFT  10.0
#define LEAST_SHARE 90.0
#define MOST_SPREAD 25.0
#define SPREAD      " spread" /* behind a figure's name */
#define REPEATED    "repetitions"

/* Of a median over that of a mean, for normal noise: √(π/2). */
static const double error_of_median = 1.2533;

static const struct {
    const char *name, *before, *behind; /* words about its value; NULL: nothing is judged by it */
    size_t offset;
    double most, least;
} kinds[] = {
    {"steal", "the hypervisor took", "of its CPUs", offsetof(atl_archive_noise, steal), MOST_TAKEN, 0},
    {"foreign_load", "other programs took", "of its CPUs", offsetof(atl_archive_noise, foreign_load),
     MOST_TAKEN, 0},
    {"run_delay", "it waited for a CPU", "of its time", offsetof(atl_archive_noise, run_delay), MOST_WAITED,
     0},
    {"cpu_pressure", NULL, NULL, offsetof(atl_archive_noise, cpu_pressure), 0, 0},
    {"ceiling_drift", "what the machine can do at most changed by", "",
     offsetof(atl_archive_noise, ceiling_drift), MOST_DRIFT, 0},
    {"cpu_share", "it had a CPU for", "of its time", offsetof(atl_archive_noise, cpu_share), INFINITY,
     LEAST_SHARE},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

void atl_archive_noise_add(atl_archive_entry *entry, const atl_archive_noise *noise)
{
    for (int i = 0; i < N_KINDS; i++) {
        double value;
        memcpy(&value, (const char *)noise + kinds[i].offset, sizeof value);
        atl_archive_figure_add(entry, kinds[i].name, "%", value, ATL_NEITHER_IS_BETTER);
    }
}

static void name_spread(const char *figure, char ret[48])
{
    snprintf(ret, 48, "%.*s" SPREAD, (int)(47 - strlen(SPREAD)), figure);
}

void atl_archive_spread_add(atl_archive_entry *entry, const char *figure, double sd_percent, int n)
{
    char name[48];
    if (n < 2)
        return;
    name_spread(figure, name);
    atl_archive_figure_add(entry, name, "%", sd_percent, ATL_NEITHER_IS_BETTER);
    for (int i = 0; i < entry->n_figures; i++)
        if (strcmp(entry->figures[i].name, REPEATED) == 0)
            return;
    atl_archive_figure_add(entry, REPEATED, "", n, ATL_NEITHER_IS_BETTER);
}

bool atl_archive_is_noise(const char *figure)
{
    const size_t length = strlen(figure), tail = strlen(SPREAD);
    for (int i = 0; i < N_KINDS; i++)
        if (strcmp(figure, kinds[i].name) == 0)
            return true;
    return strcmp(figure, REPEATED) == 0 || (length > tail && strcmp(figure + length - tail, SPREAD) == 0);
}

/* NAN: it has no such figure. */
static double value_of(const atl_archive_entry *entry, const char *name)
{
    for (int i = 0; i < entry->n_figures; i++)
        if (strcmp(entry->figures[i].name, name) == 0)
            return entry->figures[i].value;
    return (double)NAN;
}

bool atl_archive_disturbed(const atl_archive_entry *entry, const char *figure, char ret_why[128])
{
    char name[48];
    for (int i = 0; i < N_KINDS; i++) {
        const double value = value_of(entry, kinds[i].name);
        if (!kinds[i].before || !(value > kinds[i].most || value < kinds[i].least))
            continue;
        snprintf(ret_why, 128, "%s %.0f %%%s%s", kinds[i].before, value, *kinds[i].behind ? " " : "",
                 kinds[i].behind);
        return true;
    }
    name_spread(figure, name);
    const double spread = value_of(entry, name);
    if (spread > MOST_SPREAD)
        snprintf(ret_why, 128, "its repetitions scattered by %.0f %%", spread);
    return spread > MOST_SPREAD;
}

double atl_archive_error_of(const atl_archive_entry *entry, const char *figure)
{
    char name[48];
    name_spread(figure, name);
    const double spread = value_of(entry, name), n = value_of(entry, REPEATED);
    return spread > 0 && n > 1 ? error_of_median * spread / 100 / sqrt(n) : 0;
}
