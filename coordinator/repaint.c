/* repaint.c - see repaint.h. */
#include "coordinator/repaint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batches/batch.h"

enum { TURN_MS = 200 };

typedef struct repainter {
    const atl_repaint_sample *samples;
    size_t n;
    atl_executor *executor;
    void (*fault)(void *user, const char *path, const char *what);
    bool (*stop)(void *user);
    void *user;
    atl_repaint_counts counts;
} repainter;

static void tell(const repainter *r, size_t i, const char *what)
{
    if (r->fault)
        r->fault(r->user, r->samples[i].path, what);
}

/* The one job that the picture's own text is. */
static atl_status read_job(const char *path, atl_job *ret, atl_note *note)
{
    const atl_batch_options options = {
        .path = path, .format = ATL_BATCH_INFOTEXT, .defaults = {.guidance_scale = (double)NAN}};
    atl_batch *batch = NULL;
    bool end = false;
    atl_status st = atl_batch_open(&options, &batch, note);
    if (st == ATL_OK)
        st = atl_batch_next(batch, ret, &end, note);
    if (st == ATL_OK && end)
        st = atl_fail(note, ATL_BAD_INPUT, "%s: carries no settings", path);
    atl_batch_close(&batch);
    return st;
}

/* The job's index says which sample it is. */
static atl_status submit(repainter *r, size_t i, atl_note *note)
{
    atl_job job = {0};
    atl_note reason = {0};
    const atl_status st = read_job(r->samples[i].path, &job, &reason);
    if (st == ATL_NO_MEMORY)
        return atl_fail(note, st, "%s", reason.text);
    if (st != ATL_OK) {
        r->counts.n_skipped++;
        tell(r, i, reason.text);
        return ATL_OK;
    }
    job.index = i;
    const atl_status submitted = atl_executor_submit(r->executor, &job, NULL, note);
    atl_job_done(&job);
    return submitted;
}

static void compare(repainter *r, const atl_result *result)
{
    char digest[65] = "";
    for (size_t i = 0; i < sizeof result->pixel_digest; i++)
        snprintf(digest + 2 * i, 3, "%02x", result->pixel_digest[i]);
    const bool same = strcmp(digest, r->samples[result->index].digest) == 0;
    r->counts.n_same += same;
    r->counts.n_different += !same;
    if (!same)
        tell(r, (size_t)result->index, "painted again, it is another picture");
}

/* Takes in what ended; waits at most a turn for the first. */
static void collect(repainter *r, int timeout_ms)
{
    atl_future *future;
    while ((future = atl_executor_next_completed(r->executor, timeout_ms)) != NULL) {
        const atl_result *result = atl_future_result(future);
        if (atl_future_peek(future) == ATL_FUTURE_DONE) {
            compare(r, result);
        } else {
            r->counts.n_failed++;
            tell(r, (size_t)result->index, result->note.text);
        }
        atl_future_release(&future);
        timeout_ms = 0;
    }
}

static uint64_t n_ended(const repainter *r)
{
    return r->counts.n_same + r->counts.n_different + r->counts.n_skipped + r->counts.n_failed;
}

static atl_status paint_all(repainter *r, atl_note *note)
{
    atl_status st = ATL_OK;
    size_t next = 0;
    const size_t window = 64;
    while (st == ATL_OK && n_ended(r) < r->n) {
        while (st == ATL_OK && next < r->n && next - n_ended(r) < window)
            st = submit(r, next++, note);
        collect(r, TURN_MS);
        if (r->stop && r->stop(r->user))
            return atl_fail(note, ATL_CANCELLED, "stopped");
    }
    return st;
}

atl_status atl_repaint(const atl_repaint_sample *samples, size_t n, const atl_executor_options *options,
                       void (*fault)(void *user, const char *path, const char *what),
                       bool (*stop)(void *user), void *user, atl_repaint_counts *ret, atl_note *note)
{
    repainter r = {.samples = samples, .n = n, .fault = fault, .stop = stop, .user = user};
    atl_executor_options own = *options;
    own.queue_limit = 128; /* more than the window: submitting never blocks */
    atl_status st = atl_executor_open(&own, &r.executor, note);
    if (st == ATL_OK)
        st = paint_all(&r, note);
    atl_executor_shutdown(&r.executor, st == ATL_OK, false);
    *ret = r.counts;
    return st;
}
