/* archive_trend.h - the archive's rows as series over time, and whether the latest figure is worse than noise
 * explains.
 *
 * A series is one figure of one kind, machine, model, policy, workers × threads (not where they are
 * what was found) and work. The latest value is
 * held against up to 60 before it, at least 5: its distance from their median, in units of their scatter
 * (1.4826 × the median absolute deviation, at least 1 %, so that one wild value among them changes little),
 * both of logarithms where all are above 0. How far is too far depends on how many there are: the 99th
 * percentile of normal noise, 10 with 5 earlier values and 3 with 20, so that at most one of a hundred
 * figures is called worse by mere noise. What was measured while others disturbed it (archive_noise.h) is
 * neither judged nor judged by; and a scatter is at least the latest figure's own standard error. */
#ifndef ATL_RESULTS_ARCHIVE_TREND_H
#define ATL_RESULTS_ARCHIVE_TREND_H

#include "base/text.h"
#include "results/archive.h"

enum { ATL_TREND_LEAST = 5, ATL_TREND_MOST = 60 };

typedef enum atl_trend_verdict {
    ATL_TREND_UNKNOWN, /* fewer than 5 earlier values, or a figure that is not judged */
    ATL_TREND_SAME,
    ATL_TREND_BETTER,
    ATL_TREND_WORSE,
    ATL_TREND_DISTURBED /* it would be judged, but for what disturbed it */
} atl_trend_verdict;

typedef struct atl_trend {
    const atl_archive_entry *latest;   /* borrowed from the list */
    const atl_archive_figure *figure;  /* the latest one */
    bool headline;                     /* it is the first of its row */
    int n;                             /* values, the latest included, and the disturbed */
    bool *disturbed;                   /* owned; which of them were */
    int n_disturbed;                   /* how many */
    double *values;                    /* owned; the oldest first */
    const atl_archive_entry **entries; /* owned; whose they are */
    atl_trend_verdict verdict;
    double median;   /* of the earlier ones it is held against; NAN: none */
    double scatter;  /* see above: a share of the median where all are above 0; NAN below 5 earlier values */
    double distance; /* of the latest from the median, in scatters */
    double limit;    /* beyond which it is called worse or better */
    char why[128];   /* what disturbed the latest; "": nothing */
} atl_trend;

typedef struct atl_trends {
    atl_trend *items; /* owned; in the order in which the series' latest rows came */
    int n;
} atl_trends;

/* Errors: ATL_NO_MEMORY. `list` must outlive the result. */
atl_status atl_trends_find(const atl_archive_list *list, atl_trends *ret, atl_note *note);
void atl_trends_done(atl_trends *trends);

/* The judgement alone, of undisturbed values with the latest last, whose standard error is that share of it
 * (0: not known); fills in everything from `verdict` to `limit`. */
void atl_trend_judge(const double *values, int n, double error, atl_better better, atl_trend *ret);

/* Appends the values as up to `width` block characters (the latest ones), the least lowest. */
void atl_trend_put_sparkline(const atl_trend *trend, int width, atl_text *out);

/* Appends a whole SVG file: a panel for each figure's name and unit, in it a line for each series, the oldest
 * at the left; a figure called worse has a ring. `figure` NULL: the headline of each kind. False: there is
 * no such figure. */
bool atl_trends_put_svg(const atl_trends *trends, const char *figure, atl_text *out);

#endif
