/* run_resume.c - what is done already: the ledger says so, the files must agree.
 *
 *     DONE, and the file has that size       → done
 *     DONE, and there is no file             → painted again
 *     DONE, and the file has another size    → painted again, over it
 *     no DONE, and a file of this job, whole → adopted: a crash came between the file and its record
 *     no DONE, and a file of this job, torn  → painted again, over it
 *     no DONE, and anything else of that name → refused before anything starts
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/grow.h"
#include "results/history.h"
#include "results/identify.h"
#include "results/pictures.h"
#include "run_private.h"

/* ---- the ledger ---- */

static atl_status note_failed(atl_runner *r, const atl_record *record, atl_note *note)
{
    if (!r->o->retry)
        return atl_marks_set(&r->marks, record->index, ATL_MARK_FAILED, note);
    atl_run_failed *more = atl_grown(r->failed, r->n_failed, &r->failed_capacity, 64, sizeof *more);
    if (!more)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the jobs that failed");
    r->failed = more;
    r->failed[r->n_failed++] = (atl_run_failed){.id = record->job, .index = record->index};
    return atl_marks_set(&r->marks, record->index, ATL_MARK_FAILED, note);
}

static atl_status note_done(atl_runner *r, const atl_record *record, atl_note *note)
{
    const char *name = atl_record_field(record, ATL_DONE_NAME);
    const int64_t wanted = strtoll(atl_record_field(record, ATL_DONE_BYTES), NULL, 10);
    const int64_t found = atl_picture_name_ok(name) ? atl_picture_size(r->dir_fd, name) : -1;
    const atl_mark mark = found < 0 ? ATL_MARK_NONE : found == wanted ? ATL_MARK_DONE : ATL_MARK_REPLACE;
    r->exports_stale = r->exports_stale || mark != ATL_MARK_DONE;
    return atl_marks_set(&r->marks, record->index, mark, note);
}

static atl_status take_record(void *user, const atl_record *record, atl_note *note)
{
    atl_runner *r = user;
    if (record->type == ATL_RECORD_RUN)
        return atl_runner_compare(r, record, note);
    if (record->type == ATL_RECORD_PLAN)
        r->session++;
    const bool ends = record->type == ATL_RECORD_DONE || record->type == ATL_RECORD_FAIL;
    if (ends && (!r->known || record->index >= r->n_jobs))
        return atl_fail(note, ATL_BAD_INPUT, "%s/" ATL_LEDGER_NAME ": speaks of job %llu of %llu", r->o->dir,
                        (unsigned long long)record->index, (unsigned long long)r->n_jobs);
    if (record->type == ATL_RECORD_FAIL)
        return note_failed(r, record, note);
    return record->type == ATL_RECORD_DONE ? note_done(r, record, note) : ATL_OK;
}

static int compare_failed(const void *a, const void *b)
{
    return memcmp(&((const atl_run_failed *)a)->id, &((const atl_run_failed *)b)->id, sizeof(atl_job_id));
}

/* Failed jobs that were painted since, or recorded twice, go. */
static void settle_failed(atl_runner *r)
{
    size_t n = 0;
    if (r->n_failed > 1)
        qsort(r->failed, r->n_failed, sizeof *r->failed, compare_failed);
    for (size_t i = 0; i < r->n_failed; i++)
        if (atl_marks_get(&r->marks, r->failed[i].index) == ATL_MARK_FAILED &&
            (n == 0 || compare_failed(&r->failed[n - 1], &r->failed[i]) != 0))
            r->failed[n++] = r->failed[i];
    r->n_failed = n;
}

bool atl_runner_place(const atl_runner *r, const atl_job *job, uint64_t *ret_index)
{
    if (!r->o->retry) {
        *ret_index = job->index;
        return true;
    }
    const atl_run_failed key = {.id = job->id};
    const atl_run_failed *failed =
        r->n_failed > 0 ? bsearch(&key, r->failed, r->n_failed, sizeof key, compare_failed) : NULL;
    if (failed)
        *ret_index = failed->index;
    return failed != NULL;
}

atl_status atl_runner_replay(atl_runner *r, atl_note *note)
{
    atl_ledger_report report;
    const atl_status st = atl_ledger_open(r->dir_fd, r->o->sync, take_record, r, &r->ledger, &report, note);
    if (st != ATL_OK)
        return st;
    if (report.truncated_bytes > 0)
        atl_runner_say(r, "the ledger ended in the middle of a record: %llu bytes were cut off",
                       (unsigned long long)report.truncated_bytes);
    if (report.kept_aside[0])
        atl_runner_say(r,
                       "%llu bytes in the middle of the ledger are damaged: they are kept as %s, and the "
                       "files say what was done",
                       (unsigned long long)report.damaged_bytes, report.kept_aside);
    if (r->o->retry && !r->known)
        return atl_fail(note, ATL_NOT_FOUND, "%s: holds no run that could be tried again", r->o->dir);
    if (!r->known && report.n_records > 0)
        return atl_fail(note, ATL_BAD_INPUT, "%s/" ATL_LEDGER_NAME ": its first record is lost", r->o->dir);
    settle_failed(r);
    return ATL_OK;
}

/* ---- the files ---- */

static uint64_t count_pictures(int dir_fd)
{
    const int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (!dir) {
        if (copy >= 0)
            close(copy);
        return UINT64_MAX;
    }
    uint64_t n = 0;
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        const size_t length = strlen(e->d_name);
        n += length > 4 && strcmp(e->d_name + length - 4, ".png") == 0;
    }
    closedir(dir);
    return n;
}

static atl_status refuse_foreign(const atl_runner *r, const char *name, const char *why, atl_note *note)
{
    return atl_fail(note, ATL_USAGE, "%s/%s: is there already and %s; nothing is overwritten", r->o->dir,
                    name, why);
}

/* A file where a picture is to be, of which the ledger knows nothing. */
static atl_status look_at(atl_runner *r, const atl_job *job, const char *name, atl_note *note)
{
    atl_identity identity = {0};
    atl_note reason = {0};
    if (atl_picture_size(r->dir_fd, name) == 0)
        return atl_marks_set(&r->marks, job->index, ATL_MARK_REPLACE, note); /* nothing is lost */
    atl_status st = atl_picture_identify(r->dir_fd, name, &identity, &reason);
    if (st == ATL_NO_MEMORY)
        return atl_fail(note, st, "%s", reason.text);
    if (st != ATL_OK)
        return refuse_foreign(r, name, "is no picture of this run", note);
    if (!identity.has_job || memcmp(&identity.job, &job->id, sizeof job->id) != 0)
        st = refuse_foreign(r, name, "is no picture of this run", note);
    else if (identity.says_digest)
        st = atl_runner_record_adopted(r, job, name, note);
    else
        st = atl_marks_set(&r->marks, job->index, ATL_MARK_REPLACE, note);
    atl_identity_done(&identity);
    return st;
}

static atl_status reconcile_job(atl_runner *r, const atl_job *job, atl_note *note)
{
    char name[ATL_MAX_PICTURE_NAME + 8];
    const atl_mark mark = atl_marks_get(&r->marks, job->index);
    if (mark == ATL_MARK_DONE || mark == ATL_MARK_REPLACE || strlen(job->name) > ATL_MAX_PICTURE_NAME - 4)
        return ATL_OK;
    snprintf(name, sizeof name, "%s.png", job->name);
    if (faccessat(r->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return ATL_OK;
    if (atl_picture_size(r->dir_fd, name) < 0)
        return refuse_foreign(r, name, "is no file of this run", note);
    return look_at(r, job, name, note);
}

atl_status atl_runner_reconcile(atl_runner *r, atl_note *note)
{
    if (count_pictures(r->dir_fd) <= r->marks.n[ATL_MARK_DONE] + r->marks.n[ATL_MARK_REPLACE])
        return ATL_OK;
    atl_status st = atl_batch_rewind(r->batch, note);
    bool end = false;
    while (st == ATL_OK && !end) {
        atl_job job = {0};
        st = atl_batch_next(r->batch, &job, &end, note);
        if (st != ATL_OK || end)
            break;
        if (atl_runner_place(r, &job, &job.index))
            st = reconcile_job(r, &job, note);
        atl_job_done(&job);
    }
    if (st == ATL_OK)
        st = atl_runner_commit(r, note);
    return st != ATL_OK ? st : atl_batch_rewind(r->batch, note);
}

/* ---- what is left ---- */

/* Whether the job is to be painted; gives a retried one its place in the run. */
static bool is_wanted(const atl_runner *r, atl_job *job)
{
    if (!atl_runner_place(r, job, &job->index))
        return false;
    const atl_mark mark = atl_marks_get(&r->marks, job->index);
    if (r->o->retry)
        return mark != ATL_MARK_DONE;
    return mark == ATL_MARK_NONE || mark == ATL_MARK_REPLACE;
}

atl_status atl_runner_next_job(atl_runner *r, atl_job *ret, bool *ret_end, atl_note *note)
{
    for (;;) {
        atl_job job = {0};
        const atl_status st = atl_batch_next(r->batch, &job, ret_end, note);
        if (st != ATL_OK || *ret_end)
            return st;
        if (is_wanted(r, &job)) {
            *ret = job;
            return ATL_OK;
        }
        atl_job_done(&job);
    }
}
