/* run_end.c - what a run leaves beside its pictures: failed.jsonl, the timings, a summary, the gallery.
 *
 * All of it follows from the ledger and the batch, and is made again whenever a run is taken up: that one of
 * them cannot be written is said, and spoils nothing. Timings, summary and gallery are made in one visit: a
 * ledger of a million pictures is more than a gigabyte, and its figures are dear to read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "results/gallery.h"
#include "results/history.h"
#include "results/summary.h"
#include "run_private.h"

#define FLUSH_BYTES (1u << 18)

static const char failed_temp[] = ".atelier-failed.part";

/* Whether the job stands as failed in the end. */
static bool is_failed(const atl_runner *r, const atl_job *job)
{
    uint64_t index;
    return atl_runner_place(r, job, &index) && atl_marks_get(&r->marks, index) == ATL_MARK_FAILED;
}

static atl_status write_lines(atl_runner *r, int fd, atl_note *note)
{
    atl_text lines = {0};
    bool end = false;
    atl_status st = atl_batch_rewind(r->batch, note);
    while (st == ATL_OK && !end) {
        atl_job job = {0};
        st = atl_batch_next(r->batch, &job, &end, note);
        if (st == ATL_OK && !end && is_failed(r, &job))
            atl_batch_write_line(&job, &lines);
        atl_job_done(&job);
        if (st == ATL_OK && lines.length >= FLUSH_BYTES)
            st = atl_text_write(&lines, fd, ATL_FAILED_NAME, note);
    }
    if (st == ATL_OK)
        st = atl_text_write(&lines, fd, ATL_FAILED_NAME, note);
    atl_text_done(&lines);
    return st;
}

atl_status atl_runner_write_failed(atl_runner *r, atl_note *note)
{
    if (r->marks.n[ATL_MARK_FAILED] == 0) {
        unlinkat(r->dir_fd, ATL_FAILED_NAME, 0);
        return ATL_OK;
    }
    unlinkat(r->dir_fd, failed_temp, 0);
    const int fd = openat(r->dir_fd, failed_temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return atl_fail(note, ATL_IO, ATL_FAILED_NAME ": cannot create: %s", strerror(errno));
    atl_status st = write_lines(r, fd, note);
    if (st == ATL_OK && r->o->sync && fdatasync(fd) != 0)
        st = atl_fail(note, ATL_IO, ATL_FAILED_NAME ": cannot sync: %s", strerror(errno));
    close(fd);
    if (st == ATL_OK && renameat(r->dir_fd, failed_temp, r->dir_fd, ATL_FAILED_NAME) != 0)
        st = atl_fail(note, ATL_IO, ATL_FAILED_NAME ": cannot put in place: %s", strerror(errno));
    if (st != ATL_OK)
        unlinkat(r->dir_fd, failed_temp, 0);
    return st;
}

/* A small file in one go. */
static atl_status write_summary(const atl_runner *r, atl_text *json, atl_note *note)
{
    static const char temp[] = ".atelier-summary.part";
    unlinkat(r->dir_fd, temp, 0);
    const int fd = openat(r->dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return atl_fail(note, ATL_IO, ATL_SUMMARY_NAME ": cannot create: %s", strerror(errno));
    atl_status st = atl_text_write(json, fd, ATL_SUMMARY_NAME, note);
    close(fd);
    if (st == ATL_OK && renameat(r->dir_fd, temp, r->dir_fd, ATL_SUMMARY_NAME) != 0)
        st = atl_fail(note, ATL_IO, ATL_SUMMARY_NAME ": cannot put in place: %s", strerror(errno));
    if (st != ATL_OK)
        unlinkat(r->dir_fd, temp, 0);
    return st;
}

/* ---- what follows from the ledger ---- */

/* All that is made of one visit to the ledger's last words; NULL: not to be made, or given up. */
typedef struct telling {
    atl_runner *r;
    atl_exports *exports;
    atl_summary *summary;
    atl_gallery *gallery;
} telling;

static bool is_good(const telling *t, atl_status st, const atl_note *note)
{
    if (st != ATL_OK)
        atl_runner_say(t->r, "%s", note->text);
    return st == ATL_OK;
}

static atl_status take_record(void *user, const atl_record *record, atl_note *note)
{
    telling *t = user;
    atl_row read;
    const atl_row *row = NULL;
    if (record->type == ATL_RECORD_DONE) {
        const char *figures = atl_record_field(record, ATL_DONE_FIGURES);
        row = atl_row_parse(figures, strlen(figures), &read, note) == ATL_OK ? &read : NULL;
    }
    if (t->exports && !is_good(t, atl_exports_take(t->exports, record, row, note), note))
        atl_exports_close(&t->exports);
    if (t->summary && !is_good(t, atl_summary_take(t->summary, record, row, note), note))
        atl_summary_free(&t->summary);
    if (t->gallery && !is_good(t, atl_gallery_take(t->gallery, record, row, note), note))
        atl_gallery_close(&t->gallery);
    return ATL_OK;
}

static atl_status put_summary(atl_runner *r, atl_summary *summary, const char *how, atl_run_outcome *outcome,
                              atl_note *note)
{
    const atl_summary_facts facts = {
        .model_name = r->o->model_name,
        .model_hash = r->o->model_hash,
        .policy = r->o->executor.policy ? r->o->executor.policy : "fp32",
        .version = r->o->version,
        .how = how,
        .n_jobs = r->n_jobs,
        .n_failed = atl_summary_n_failed(summary),
        .lost = r->lost,
        .dropped = r->dropped,
        .session_s = atl_ns_to_s(atl_clock_now_ns() - r->begun_ns),
        .session_pictures = r->n_painted,
        .peak_pss_bytes = r->peak_pss_bytes,
    };
    atl_text json = {0}, words = {0};
    atl_summary_put_json(summary, &facts, &json);
    atl_summary_put_text(summary, &facts, &words);
    snprintf(outcome->summary, sizeof outcome->summary, "%s", words.data ? words.data : "");
    const atl_status st = write_summary(r, &json, note);
    atl_text_done(&json);
    atl_text_done(&words);
    return st;
}

static void begin_telling(telling *t, bool with_exports)
{
    atl_note note = {0};
    t->summary = atl_summary_new();
    if (!t->summary)
        atl_runner_say(t->r, "no memory for a summary");
    if (with_exports)
        is_good(t, atl_exports_begin(t->r->dir_fd, &t->exports, &note), &note);
    is_good(t, atl_gallery_begin(t->r->dir_fd, 0, &t->gallery, &note), &note);
}

static void finish_telling(telling *t, const char *how, atl_run_outcome *outcome)
{
    atl_note note = {0};
    if (t->exports)
        is_good(t, atl_exports_finish(t->exports, &note), &note);
    if (t->summary)
        is_good(t, put_summary(t->r, t->summary, how, outcome, &note), &note);
    if (t->gallery)
        is_good(t, atl_gallery_finish(t->gallery, &note), &note);
}

void atl_runner_conclude(atl_runner *r, const char *how, atl_run_outcome *outcome)
{
    atl_note note = {0};
    telling t = {.r = r};
    if (r->exports && (r->exports_stale || atl_exports_flush(r->exports, &note) != ATL_OK))
        atl_exports_close(&r->exports); /* made anew */
    begin_telling(&t, !r->exports);
    atl_exports_close(&r->exports);
    if (atl_runner_write_failed(r, &note) != ATL_OK)
        atl_runner_say(r, "%s", note.text);
    if (is_good(&t, atl_history_visit(r->dir_fd, take_record, &t, &note), &note))
        finish_telling(&t, how, outcome);
    atl_exports_close(&t.exports);
    atl_summary_free(&t.summary);
    atl_gallery_close(&t.gallery);
}
