/* archive_study.c - what a study recommends, as rows of the archive. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report_private.h"
#include "results/archive.h"
#include "results/archive_noise.h"

static double rate_of(const report_series *s)
{
    return s->at >= 0 ? s->count[s->at].rate : (double)NAN;
}

/* Whether another series of that policy and order is the one to tell of. */
static bool is_beaten(const report *r, int at)
{
    const report_series *s = &r->series[at];
    for (int i = 0; i < r->n_series; i++) {
        const report_series *other = &r->series[i];
        if (i == at || strcmp(other->policy, s->policy) != 0 || strcmp(other->order, s->order) != 0)
            continue;
        if (rate_of(other) > rate_of(s) || (rate_of(other) == rate_of(s) && i < at))
            return true;
    }
    return false;
}

/* Of the windows that the rate is the median of. That they were undisturbed was seen to one by one. */
static void put_spread(const report_series *s, int workers, atl_archive_entry *e)
{
    double sum = 0, squares = 0;
    int n = 0;
    for (size_t i = 0; i < s->n_windows; i++)
        if (atl_report_counts(s, &s->window[i]) && s->window[i].config.workers == workers) {
            sum += s->window[i].images_per_hour;
            squares += s->window[i].images_per_hour * s->window[i].images_per_hour;
            n++;
        }
    const double variance = n > 1 ? fmax(0, squares - sum * sum / n) / (n - 1) : 0;
    atl_archive_spread_add(e, e->figures[0].name, 100 * sqrt(variance) / e->figures[0].value, n);
}

static void fill_in(const atl_study_head *head, const report_series *s, atl_archive_entry *e)
{
    const report_count *c = &s->count[s->at];
    *e = (atl_archive_entry){.workers = c->workers, .threads = s->threads};
    snprintf(e->kind, sizeof e->kind, "study");
    snprintf(e->version, sizeof e->version, "%s", head->version ? head->version : "");
    snprintf(e->model_name, sizeof e->model_name, "%s", head->model_name ? head->model_name : "");
    snprintf(e->model_hash, sizeof e->model_hash, "%s", head->model_hash ? head->model_hash : "");
    snprintf(e->policy, sizeof e->policy, "%s", s->policy);
    snprintf(e->order, sizeof e->order, "%s", s->order);
    /* calls, as earlier rows have them: what is compared over time keeps its name */
    snprintf(e->work, sizeof e->work, "%dx%d, %d steps", head->width, head->height,
             head->n_unet_calls > 0 ? head->n_unet_calls : head->n_steps);
    atl_archive_figure_add(e, "images_per_hour", "images/h", c->rate, ATL_MORE_IS_BETTER);
    if (s->n_counts > 0 && s->count[0].workers == 1)
        atl_archive_figure_add(e, "images_per_hour_of_one", "images/h", s->count[0].rate, ATL_MORE_IS_BETTER);
    atl_archive_figure_add(e, "speed-up", "", c->ratio, ATL_NEITHER_IS_BETTER);
    atl_archive_figure_add(e, "recommended_workers", "", c->workers, ATL_NEITHER_IS_BETTER);
    put_spread(s, c->workers, e);
    if (!s->scales)
        return;
    atl_archive_figure_add(e, "recommended_low", "", s->scaling.recommended_low, ATL_NEITHER_IS_BETTER);
    atl_archive_figure_add(e, "recommended_high", "", s->scaling.recommended_high, ATL_NEITHER_IS_BETTER);
    atl_archive_figure_add(e, "recommended_share", "", s->scaling.recommended_share, ATL_NEITHER_IS_BETTER);
}

atl_status atl_archive_entries_of_study(const struct atl_study *study,
                                        atl_archive_entry ret[ATL_ARCHIVE_MAX_OF_STUDY], int *ret_n,
                                        atl_note *note)
{
    report r = {0};
    int n = 0;
    const atl_status st = atl_study_report_work_out(study, &r, note);
    if (st != ATL_OK)
        return st;
    for (int i = 0; i < r.n_series && n < ATL_ARCHIVE_MAX_OF_STUDY; i++)
        if (isfinite(rate_of(&r.series[i])) && !is_beaten(&r, i))
            fill_in(&study->head, &r.series[i], &ret[n++]);
    atl_study_report_done(&r);
    if (n == 0)
        return atl_fail(note, ATL_NOT_FOUND, "the study recommends nothing");
    *ret_n = n;
    return ATL_OK;
}
