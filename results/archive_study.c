/* archive_study.c - what a study recommends, and what a comparison found, as rows of the archive. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare_private.h"
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

/* The windows that a rate is the median of. That they were undisturbed was seen to one by one. */
typedef struct spread {
    double sum, squares;
    int n;
} spread;

static void add_rate(spread *s, const atl_study_window *w)
{
    s->sum += w->images_per_hour;
    s->squares += w->images_per_hour * w->images_per_hour;
    s->n++;
}

static void put_spread(const spread *s, const char *figure, double median, atl_archive_entry *e)
{
    const double variance = s->n > 1 ? fmax(0, s->squares - s->sum * s->sum / s->n) / (s->n - 1) : 0;
    atl_archive_spread_add(e, figure, 100 * sqrt(variance) / median, s->n);
}

static void fill_in_head(const atl_study_head *head, const char *kind, const char *policy, const char *order,
                         atl_archive_entry *e)
{
    *e = (atl_archive_entry){0};
    snprintf(e->kind, sizeof e->kind, "%s", kind);
    snprintf(e->version, sizeof e->version, "%s", head->version ? head->version : "");
    snprintf(e->model_name, sizeof e->model_name, "%s", head->model_name ? head->model_name : "");
    snprintf(e->model_hash, sizeof e->model_hash, "%s", head->model_hash ? head->model_hash : "");
    snprintf(e->policy, sizeof e->policy, "%s", policy);
    snprintf(e->order, sizeof e->order, "%s", order);
    /* calls, as earlier rows have them: what is compared over time keeps its name */
    snprintf(e->work, sizeof e->work, "%dx%d, %d steps", head->width, head->height,
             head->n_unet_calls > 0 ? head->n_unet_calls : head->n_steps);
}

/* ---- a study ---- */

static void fill_in(const atl_study_head *head, const report_series *s, atl_archive_entry *e)
{
    const report_count *c = &s->count[s->at];
    spread found = {0};
    fill_in_head(head, "study", s->policy, s->order, e);
    e->workers = c->workers;
    e->threads = s->threads;
    for (size_t i = 0; i < s->n_windows; i++)
        if (atl_report_counts(s, &s->window[i]) && s->window[i].config.workers == c->workers)
            add_rate(&found, &s->window[i]);
    atl_archive_figure_add(e, "images_per_hour", "images/h", c->rate, ATL_MORE_IS_BETTER);
    if (s->n_counts > 0 && s->count[0].workers == 1)
        atl_archive_figure_add(e, "images_per_hour_of_one", "images/h", s->count[0].rate, ATL_MORE_IS_BETTER);
    atl_archive_figure_add(e, "speed-up", "", c->ratio, ATL_NEITHER_IS_BETTER);
    atl_archive_figure_add(e, "recommended_workers", "", c->workers, ATL_NEITHER_IS_BETTER);
    put_spread(&found, "images_per_hour", c->rate, e);
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

/* ---- a comparison ---- */

static void add_spread_of(const comparison *c, const compare_policy *p, int at, const char *figure,
                          atl_archive_entry *e)
{
    spread found = {0};
    if (at < 0)
        return;
    const compare_setup *s = &p->setup[at];
    for (size_t i = 0; i < c->study->n_windows; i++)
        if (atl_compare_counts(&c->study->windows[i]) && atl_compare_of_setup(p, s, &c->study->windows[i]))
            add_rate(&found, &c->study->windows[i]);
    put_spread(&found, figure, s->rate, e);
}

static void fill_in_best(const comparison *c, const compare_policy *p, atl_archive_entry *e)
{
    const compare_setup *best = &p->setup[p->best];
    const int batch = atl_compare_batch(c);
    const double one = p->one >= 0 ? p->setup[p->one].rate : (double)NAN,
                 threads = p->threads >= 0 ? p->setup[p->threads].rate : (double)NAN;
    fill_in_head(&c->study->head, "compare", p->policy, c->study->windows[0].config.order, e);
    e->workers = best->workers;
    e->threads = best->threads;
    const size_t used = strlen(e->work);
    if (batch > 0) /* its uneven end is in the rate */
        snprintf(e->work + used, sizeof e->work - used, ", %d picture%s", batch, batch == 1 ? "" : "s");
    atl_archive_figure_add(e, "images_per_hour", "images/h", best->rate, ATL_MORE_IS_BETTER);
    atl_archive_figure_add(e, "images_per_hour_of_one", "images/h", one, ATL_MORE_IS_BETTER);
    atl_archive_figure_add(e, "images_per_hour_of_all_threads", "images/h", threads, ATL_MORE_IS_BETTER);
    atl_archive_figure_add(e, "speed-up", "", best->over_one.ratio, ATL_NEITHER_IS_BETTER);
    atl_archive_figure_add(e, "speed-up_low", "", best->over_one.low, ATL_NEITHER_IS_BETTER);
    atl_archive_figure_add(e, "speed-up_high", "", best->over_one.high, ATL_NEITHER_IS_BETTER);
    add_spread_of(c, p, p->best, "images_per_hour", e);
    add_spread_of(c, p, p->one, "images_per_hour_of_one", e);
    add_spread_of(c, p, p->threads, "images_per_hour_of_all_threads", e);
}

atl_status atl_archive_entries_of_comparison(const struct atl_study *study,
                                             atl_archive_entry ret[ATL_ARCHIVE_MAX_OF_STUDY], int *ret_n,
                                             atl_note *note)
{
    comparison *c = NULL;
    int n = 0;
    const atl_status st = atl_comparison_work_out(-1, study, &c, note);
    if (st != ATL_OK)
        return st;
    for (int i = 0; i < c->n_policies && n < ATL_ARCHIVE_MAX_OF_STUDY; i++)
        if (c->policy[i].best >= 0)
            fill_in_best(c, &c->policy[i], &ret[n++]);
    atl_comparison_free(c);
    if (n == 0)
        return atl_fail(note, ATL_NOT_FOUND, "the comparison has no valid batch");
    *ret_n = n;
    return ATL_OK;
}
