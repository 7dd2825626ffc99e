/* run_record.c - files first, then records: what is in the ledger is on the disk. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "results/history.h"
#include "results/identify.h"
#include "results/pictures.h"
#include "run_private.h"

enum { MAX_SETTINGS_BYTES = 16384, MAX_WAITING_BYTES = 256 << 10 /* of timings that are not exported yet */ };
static const int64_t flush_every_ns = 1000000000, export_every_ns = 10000000000;

/* The record has room for ordinary prompts; a longer text ends where it still is UTF-8. */
static char *shorten(const char *settings)
{
    size_t n = strlen(settings);
    if (n > MAX_SETTINGS_BYTES)
        for (n = MAX_SETTINGS_BYTES; n > 0 && ((unsigned char)settings[n] & 0xC0) == 0x80; n--)
            ;
    return strndup(settings, n);
}

static atl_status append_done(atl_runner *r, const atl_job *job, const atl_row *row, const char *settings,
                              atl_note *note)
{
    atl_record record = {
        .type = ATL_RECORD_DONE, .index = job->index, .job = job->id, .attempt = row->attempt};
    char bytes[32];
    atl_text figures = {0};
    char *shortened = shorten(settings);
    snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)row->png_bytes);
    atl_row_put_json(row, &figures);
    atl_status st = ATL_OK;
    if (figures.failed || !shortened)
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for a record");
    if (st == ATL_OK) {
        const char *const fields[] = {row->digest, bytes, row->name, figures.data, shortened};
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
            atl_record_add(&record, fields[i]);
        st = atl_ledger_append(r->ledger, &record, note);
    }
    r->urgent = r->dir_unsynced = true;
    if (st == ATL_OK)
        st = atl_marks_set(&r->marks, job->index, ATL_MARK_DONE, note);
    if (st == ATL_OK && r->exports)
        atl_exports_add(r->exports, row, figures.data);
    free(shortened);
    atl_text_done(&figures);
    return st;
}

static atl_row row_of(const atl_runner *r, const atl_job *job, const atl_result *result, const char *name)
{
    atl_row row = {.index = job->index,
                   .width = result->width,
                   .height = result->height,
                   .png_bytes = result->png_bytes,
                   .session = r->session,
                   .worker = result->worker,
                   .attempt = result->attempt,
                   .queued_ms = atl_ns_to_ms(result->queued_ns),
                   .transfer_ms = atl_ns_to_ms(result->transfer_ns)};
    atl_job_id_hex(&job->id, row.job);
    sodium_bin2hex(row.digest, sizeof row.digest, result->pixel_digest, sizeof result->pixel_digest);
    snprintf(row.name, sizeof row.name, "%s", name);
    if (result->worker < r->box.n_workers)
        snprintf(row.cores, sizeof row.cores, "%s", r->workers[result->worker].cores);
    atl_row_set_timings(&row, &result->timings);
    return row;
}

atl_status atl_runner_begin_picture(atl_runner *r, atl_run_painted *p, bool *ret_full, atl_note *note)
{
    char name[ATL_MAX_PICTURE_NAME + 8];
    const atl_job *job = &p->flight.job;
    const atl_result *result = atl_future_result(p->flight.future);
    *ret_full = false;
    if (snprintf(name, sizeof name, "%s.png", job->name) >= (int)sizeof name)
        return atl_fail(note, ATL_USAGE, "\"%s\" is too long for the name of a picture", job->name);
    const int64_t before_ns = atl_clock_now_ns();
    const atl_status st =
        atl_picture_begin(r->writer, name, result->png, result->png_bytes, &p->part, ret_full, note);
    p->has_part = st == ATL_OK;
    p->write_ns = atl_clock_now_ns() - before_ns;
    return st;
}

atl_status atl_runner_settle_picture(atl_runner *r, atl_run_painted *p, bool *ret_full, atl_note *note)
{
    const int64_t before_ns = atl_clock_now_ns();
    const atl_status st = atl_picture_settle(r->writer, &p->part, ret_full, note);
    p->has_part = st == ATL_OK;
    p->write_ns += atl_clock_now_ns() - before_ns;
    return st;
}

atl_status atl_runner_put_picture(atl_runner *r, atl_run_painted *p, bool *ret_full, atl_note *note)
{
    const atl_job *job = &p->flight.job;
    const atl_result *result = atl_future_result(p->flight.future);
    const atl_put how =
        atl_marks_get(&r->marks, job->index) == ATL_MARK_REPLACE ? ATL_PUT_REPLACE : ATL_PUT_NEW;
    const int64_t before_ns = atl_clock_now_ns();
    atl_status st = atl_picture_put(r->writer, &p->part, how, ret_full, note);
    p->has_part = false;
    if (st != ATL_OK)
        return st;
    atl_row row = row_of(r, job, result, p->part.name);
    row.write_ms = atl_ns_to_ms(p->write_ns + atl_clock_now_ns() - before_ns);
    atl_pace_add(&r->pace, &row);
    st = append_done(r, job, &row, result->settings, note);
    if (st == ATL_OK && r->o->picture)
        r->o->picture(r->o->user, p->part.name, result->png, result->png_bytes);
    return st;
}

atl_status atl_runner_record_adopted(atl_runner *r, const atl_job *job, const char *name, atl_note *note)
{
    atl_identity identity = {0};
    atl_status st = atl_picture_identify(r->dir_fd, name, &identity, note);
    if (st != ATL_OK)
        return st;
    atl_row row = {.index = job->index,
                   .adopted = true,
                   .width = identity.width,
                   .height = identity.height,
                   .png_bytes = identity.file_bytes};
    atl_job_id_hex(&job->id, row.job);
    memcpy(row.digest, identity.digest, sizeof row.digest);
    snprintf(row.name, sizeof row.name, "%s", name);
    st = append_done(r, job, &row, identity.settings.data ? identity.settings.data : "", note);
    r->n_adopted += st == ATL_OK;
    atl_identity_done(&identity);
    return st;
}

static const char *status_word(atl_status status)
{
    static const char *const words[] = {"ok",        "usage", "bad-input", "unsupported",
                                        "not-found", "io",    "no-memory", "cancelled"};
    return (size_t)status < sizeof words / sizeof *words ? words[status] : "failed";
}

/* The line for people and for `retry`; it is made again at the end, so that a full disk costs nothing. */
static void append_failed_line(atl_runner *r, const atl_job *job)
{
    atl_text line = {0};
    if (r->failed_fd < 0)
        return;
    atl_batch_write_line(job, &line);
    if (!line.failed && write(r->failed_fd, line.data, line.length) != (ssize_t)line.length) {
        close(r->failed_fd);
        r->failed_fd = -1;
    }
    atl_text_done(&line);
}

atl_status atl_runner_record_failure(atl_runner *r, const atl_job *job, const atl_result *result,
                                     atl_note *note)
{
    atl_record record = {
        .type = ATL_RECORD_FAIL, .index = job->index, .job = job->id, .attempt = result->attempt};
    atl_record_add(&record, result->note.text[0] ? result->note.text : "the worker did not say why");
    atl_record_add(&record, result->poison ? "poison" : status_word(result->status));
    atl_status st = atl_ledger_append(r->ledger, &record, note);
    r->urgent = true;
    if (st == ATL_OK)
        st = atl_marks_set(&r->marks, job->index, ATL_MARK_FAILED, note);
    if (st == ATL_OK)
        append_failed_line(r, job);
    atl_runner_say(r, "job %llu failed%s: %s", (unsigned long long)job->index,
                   result->poison ? " again and again (poison)" : "", record.field[0]);
    return st;
}

atl_status atl_runner_record_events(atl_runner *r, atl_note *note)
{
    size_t n = 0;
    atl_run_event *events = atl_run_box_take(&r->box, &n);
    atl_status st = ATL_OK;
    for (size_t i = 0; i < n && st == ATL_OK; i++) {
        const bool started = events[i].type == ATL_POOL_STARTED;
        if (events[i].type == ATL_POOL_WORKER) {
            atl_runner_say(r, "worker %u: %s", events[i].worker, events[i].text);
            continue;
        }
        atl_record record = {.type = started ? ATL_RECORD_START : ATL_RECORD_LEASE_LOST,
                             .index = events[i].index,
                             .job = events[i].job,
                             .attempt = events[i].attempt};
        char worker[16];
        snprintf(worker, sizeof worker, "%u", events[i].worker);
        atl_record_add(&record, worker);
        if (started && r->first_start_ns == 0)
            r->first_start_ns = events[i].at_ns;
        if (!started)
            atl_record_add(&record, events[i].text);
        if (events[i].put_back)
            atl_record_add(&record, ATL_PUT_BACK);
        if (!started && !events[i].put_back && !r->killing) {
            atl_runner_say(r, "worker %u lost job %llu: %s; it is painted again", events[i].worker,
                           (unsigned long long)events[i].index, events[i].text);
        }
        st = atl_ledger_append(r->ledger, &record, note);
    }
    free(events);
    return st;
}

atl_status atl_runner_commit(atl_runner *r, atl_note *note)
{
    atl_note reason = {0};
    atl_status st = ATL_OK;
    if (r->sync_failed)
        return atl_fail(note, ATL_IO, "%s: an earlier sync failed, and nothing more is recorded", r->o->dir);
    if (r->o->sync && r->dir_unsynced && (st = atl_pictures_sync(r->dir_fd, &reason)) != ATL_OK) {
        r->sync_failed = true;
        return atl_fail(note, st, "%s: %s", r->o->dir, reason.text);
    }
    r->dir_unsynced = false;
    st = atl_ledger_flush(r->ledger, &reason);
    r->ledger_waits = st != ATL_OK && atl_ledger_disk_full(r->ledger);
    if (st != ATL_OK)
        return atl_fail(note, st, "%s/%s", r->o->dir, reason.text);
    r->urgent = false;
    return ATL_OK;
}

/* The timings are a copy of what the ledger says: they may come a little later. */
static void export(atl_runner *r, int64_t now_ns)
{
    atl_note reason = {0};
    if (!r->exports || r->ledger_waits)
        return;
    if (now_ns - r->exported_ns < export_every_ns && atl_exports_waiting(r->exports) < MAX_WAITING_BYTES)
        return;
    r->exported_ns = now_ns;
    if (atl_exports_flush(r->exports, &reason) != ATL_OK) {
        atl_runner_say(r, "%s; it is made again at the end", reason.text);
        atl_exports_close(&r->exports);
    }
}

atl_status atl_runner_flush(atl_runner *r, atl_note *note)
{
    const int64_t now_ns = atl_clock_now_ns();
    const int64_t every_ns = r->urgent ? ATL_RUN_COMMIT_NS : flush_every_ns;
    if (r->ledger_waits || r->n_flight == 0 || now_ns - r->flushed_ns >= every_ns) {
        r->flushed_ns = now_ns;
        const atl_status st = atl_runner_commit(r, note);
        if (st != ATL_OK && !r->ledger_waits)
            return st;
    }
    export(r, now_ns);
    return ATL_OK;
}
