/* progress_of.c - see progress_of.h. Of each picture's figures only the times are read. */
#include "results/progress_of.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/history.h"
#include "results/pace.h"

enum { RECENT = 32 };

typedef struct reader {
    atl_progress_of p;
    atl_pace pace;
    int64_t ended_ns[RECENT]; /* of the last pictures, as a ring */
} reader;

static atl_status begin_session(atl_progress_of *p, const atl_record *record, atl_note *note)
{
    const unsigned long n = strtoul(atl_record_value(record, "workers"), NULL, 10);
    p->n_sessions++;
    p->ended = false;
    p->how[0] = '\0';
    snprintf(p->state, sizeof p->state, "painting");
    p->pid = strtoll(atl_record_value(record, "pid"), NULL, 10);
    snprintf(p->date, sizeof p->date, "%s", atl_record_value(record, "date"));
    p->session_done = 0;
    p->n_workers = n <= ATL_PROGRESS_MAX_WORKERS ? (uint32_t)n : 0;
    free(p->workers);
    p->workers = calloc(p->n_workers + 1, sizeof *p->workers);
    return p->workers ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for %lu workers", n);
}

static void note_done(reader *r, const atl_record *record)
{
    atl_row row;
    atl_progress_of *p = &r->p;
    const char *figures = atl_record_field(record, ATL_DONE_FIGURES);
    if (atl_row_glance(figures, strlen(figures), &row, NULL) != ATL_OK || row.adopted)
        return;
    r->ended_ns[p->session_done++ % RECENT] = row.ended_ns;
    if (row.worker < p->n_workers) {
        p->workers[row.worker].n_done++;
        p->workers[row.worker].painting =
            p->workers[row.worker].painting && p->workers[row.worker].index != record->index;
    }
}

static void note_start(atl_progress_of *p, const atl_record *record)
{
    const unsigned long worker = strtoul(atl_record_field(record, ATL_START_WORKER), NULL, 10);
    if (worker >= p->n_workers)
        return;
    p->workers[worker].index = record->index;
    p->workers[worker].painting = true;
}

static void note_lost(atl_progress_of *p, const atl_record *record)
{
    const unsigned long worker = strtoul(atl_record_field(record, ATL_LOST_WORKER), NULL, 10);
    if (strcmp(atl_record_field(record, ATL_LOST_PUT_BACK), ATL_PUT_BACK) == 0) {
        p->n_put_back++;
        return;
    }
    p->n_lost++;
    if (worker < p->n_workers)
        p->workers[worker].painting = false;
}

static atl_status take(void *user, const atl_record *record, atl_note *note)
{
    reader *r = user;
    switch (record->type) {
    case ATL_RECORD_RUN:
        r->p.n_jobs = strtoull(atl_record_value(record, "jobs"), NULL, 10);
        return ATL_OK;
    case ATL_RECORD_PLAN:
        return begin_session(&r->p, record, note);
    case ATL_RECORD_START:
        note_start(&r->p, record);
        return ATL_OK;
    case ATL_RECORD_DONE:
        note_done(r, record);
        return ATL_OK;
    case ATL_RECORD_LEASE_LOST:
        note_lost(&r->p, record);
        return ATL_OK;
    case ATL_RECORD_STATE:
        snprintf(r->p.state, sizeof r->p.state, "%s", atl_record_value(record, "state"));
        return ATL_OK;
    case ATL_RECORD_END:
        r->p.ended = true;
        snprintf(r->p.how, sizeof r->p.how, "%s", atl_record_value(record, "how"));
        return ATL_OK;
    default:
        return ATL_OK;
    }
}

static atl_status count(void *user, const atl_record *record, atl_note *note)
{
    reader *r = user;
    atl_row row;
    (void)note;
    r->p.n_done += record->type == ATL_RECORD_DONE;
    r->p.n_failed += record->type == ATL_RECORD_FAIL;
    const char *figures = atl_record_field(record, ATL_DONE_FIGURES);
    if (record->type == ATL_RECORD_DONE && atl_row_glance(figures, strlen(figures), &row, NULL) == ATL_OK)
        atl_pace_add(&r->pace, &row);
    return ATL_OK;
}

/* Between the first and the last of the last pictures. */
static double recent_rate(const reader *r)
{
    const uint64_t n = r->p.session_done < RECENT ? r->p.session_done : RECENT;
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (uint64_t i = 0; i < n; i++) {
        first = r->ended_ns[i] < first ? r->ended_ns[i] : first;
        last = r->ended_ns[i] > last ? r->ended_ns[i] : last;
    }
    return n > 1 && last > first ? 60e9 * (double)(n - 1) / (double)(last - first) : (double)NAN;
}

atl_status atl_progress_read(int dir_fd, atl_progress_of *ret, atl_note *note)
{
    reader r = {0};
    const atl_status st = atl_history_visit_all(dir_fd, take, count, &r, note);
    r.p.per_min = atl_pace_per_min(&r.pace);
    r.p.recent_per_min = recent_rate(&r);
    if (st != ATL_OK) {
        atl_progress_done(&r.p);
        return st;
    }
    *ret = r.p;
    return ATL_OK;
}

void atl_progress_done(atl_progress_of *progress)
{
    free(progress->workers);
    *progress = (atl_progress_of){0};
}
