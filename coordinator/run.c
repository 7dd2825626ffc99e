/* run.c - see run.h. The order of its steps is the whole of it. */
#include "coordinator/run.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "results/pictures.h"
#include "run_private.h"

enum { LEAST_WINDOW = 64, WINDOW_PER_WORKER = 8, KEEP_BYTES = 32 << 20, MAP_BYTES = 8 << 20 };

void atl_runner_say(const atl_runner *r, const char *format, ...)
{
    char words[2048];
    va_list args;
    if (!r->o->say)
        return;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    r->o->say(r->o->user, words);
}

/* ---- before anything starts ---- */

static atl_status check_batch(atl_runner *r, atl_note *note)
{
    atl_batch_options options = r->o->retry ? (atl_batch_options){0} : *r->o->batch;
    char *failed = NULL;
    if (r->o->retry) {
        failed = atl_path_join(r->o->dir, ATL_FAILED_NAME);
        if (!failed)
            return atl_fail(note, ATL_NO_MEMORY, "no memory for a path");
        options = (atl_batch_options){.path = failed,
                                      .format = ATL_BATCH_JSONL,
                                      .defaults = {.guidance_scale = (double)NAN},
                                      .mistake = r->o->say,
                                      .user = r->o->user};
    }
    uint8_t digest[32];
    atl_status st = atl_batch_open(&options, &r->batch, note);
    if (st == ATL_OK)
        st = atl_batch_check(r->batch, &r->n_jobs, digest, note);
    free(failed);
    if (st != ATL_OK)
        return st;
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(r->ids + 2 * i, 3, "%02x", digest[i]);
    return ATL_OK;
}

static atl_status open_dir(atl_runner *r, atl_note *note)
{
    atl_status st = r->o->retry ? ATL_OK : atl_dir_make(r->o->dir, note);
    if (st != ATL_OK)
        return st;
    r->dir_fd = open(r->o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->dir_fd < 0)
        return atl_fail(note, errno == ENOENT ? ATL_NOT_FOUND : ATL_IO, "%s: %s", r->o->dir, strerror(errno));
    st = atl_pictures_try(r->dir_fd, note);
    if (st != ATL_OK)
        atl_note_prefix(note, "%s", r->o->dir);
    return st != ATL_OK ? st : atl_picture_writer_new(r->dir_fd, r->o->sync, &r->writer, note);
}

static atl_status take_up(atl_runner *r, atl_note *note)
{
    atl_status st = atl_runner_describe(r, note);
    if (st == ATL_OK)
        st = atl_runner_replay(r, note);
    if (st != ATL_OK)
        return st;
    const size_t swept = atl_pictures_sweep(r->dir_fd);
    if (swept > 0)
        atl_runner_say(r, "%zu unfinished file%s of an earlier session removed", swept,
                       swept == 1 ? "" : "s");
    return atl_runner_reconcile(r, note);
}

/* failed.jsonl as the ledger has it, to which new failures are added. A retry reads the file meanwhile, and
 * leaves it as it is until the end. Writing it goes through the batch, which painting begins at its
 * beginning. */
static atl_status open_failed(atl_runner *r, atl_note *note)
{
    atl_note own = {0};
    if (r->o->retry)
        return ATL_OK;
    if (atl_runner_write_failed(r, &own) != ATL_OK)
        atl_runner_say(r, "%s", own.text);
    else
        r->failed_fd =
            openat(r->dir_fd, ATL_FAILED_NAME, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
    return atl_batch_rewind(r->batch, note);
}

static uint64_t left_to_paint(const atl_runner *r)
{
    if (r->o->retry)
        return r->n_failed;
    return r->n_jobs - r->marks.n[ATL_MARK_DONE] - r->marks.n[ATL_MARK_FAILED];
}

/* ---- painting ---- */

/* Pictures come and go a few at a time: their memory is kept for the next ones. The system's own choice is to
 * give it back after each group, and fresh pages are dear: they are cleared, in a virtual machine found
 * first. */
static void keep_freed_memory(void)
{
#ifdef M_TRIM_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, MAP_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEEP_BYTES);
#endif
}

static atl_status open_pool(atl_runner *r, atl_note *note)
{
    atl_executor_options options = r->o->executor;
    if (r->o->weigh)
        r->o->weigh(r->o->weigh_user, &options);
    /* The number of workers is the plan's; a pool tells of them before open returns, so the box comes first.
     */
    atl_status st = atl_run_box_open(&r->box, ATL_PLAN_MAX_WORKERS, note);
    if (st != ATL_OK)
        return st;
    r->has_box = true;
    options.networks = atl_runner_networks(r)[0] ? atl_runner_networks(r) : NULL;
    options.on_event = atl_run_box_put;
    options.user = &r->box;
    if (options.queue_limit == 0) /* never reached: the window is smaller */
        options.queue_limit = (size_t)ATL_PLAN_MAX_WORKERS * WINDOW_PER_WORKER;
    st = atl_executor_open(&options, &r->executor, note);
    if (st != ATL_OK)
        return st;
    const atl_plan *plan = atl_executor_plan(r->executor);
    const size_t n = (size_t)plan->n_workers;
    const size_t credit = options.credit > 0 ? (size_t)options.credit : 2;
    const size_t batch = options.batch_size > 1 ? (size_t)options.batch_size : 1;
    atl_run_box_limit(&r->box, n);
    r->window = WINDOW_PER_WORKER * n * credit * batch;
    r->window = r->window < LEAST_WINDOW ? LEAST_WINDOW : r->window;
    r->workers = calloc(n, sizeof *r->workers);
    r->flight = calloc(r->window, sizeof *r->flight);
    r->held_flight = calloc(r->window + ATL_RUN_GROUP, sizeof *r->held_flight);
    if (!r->workers || !r->flight || !r->held_flight)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for %zu jobs in flight", r->window);
    if (plan->warning[0])
        atl_runner_say(r, "%s", plan->warning);
    return ATL_OK;
}

static void close_pool(atl_runner *r)
{
    if (r->executor) {
        const atl_pool_counts counts = atl_executor_counts(r->executor);
        r->lost = counts.lost;
        r->dropped = counts.dropped;
    }
    const bool kill = r->killing || r->fatal;
    atl_executor_shutdown(&r->executor, !kill, !kill);
    for (size_t i = 0; i < r->n_flight; i++) {
        atl_future_release(&r->flight[i].future);
        atl_job_done(&r->flight[i].job);
    }
    r->n_flight = 0;
}

static const char *how_it_ended(const atl_runner *r)
{
    return r->fatal ? "fatal" : r->killing ? "killed" : r->draining ? "stopped" : "finished";
}

/* Every job of a run that was not stopped has ended: whatever the reason, one that has not is no silence. */
static void look_for_lost(atl_runner *r)
{
    const uint64_t n_left = r->o->retry ? 0 : left_to_paint(r);
    atl_note note = {0};
    if (n_left == 0 || r->draining || r->killing || r->fatal)
        return;
    atl_fail(&note, ATL_IO, "%s: neither picture nor reason of %llu job%s; the same command goes on there",
             r->o->dir, (unsigned long long)n_left, n_left == 1 ? "" : "s");
    atl_runner_end_badly(r, ATL_IO, &note);
}

static atl_status paint(atl_runner *r, atl_note *note)
{
    keep_freed_memory();
    atl_status st = open_pool(r, note);
    if (st == ATL_OK)
        st = atl_runner_begin_session(r, note);
    if (st == ATL_OK)
        st = open_failed(r, note);
    if (st != ATL_OK) {
        r->killing = true;
        close_pool(r);
        return st;
    }
    if (atl_exports_open(r->dir_fd, &r->exports, note) != ATL_OK)
        atl_runner_say(r, "%s", note->text);
    atl_runner_loop(r);
    close_pool(r);
    look_for_lost(r);
    atl_note last = {0};
    st = atl_runner_record_events(r, &last);
    if (st == ATL_OK)
        st = atl_runner_end_session(r, how_it_ended(r), &last);
    if (st != ATL_OK && !r->fatal)
        atl_runner_say(r, "%s", last.text); /* records of what was painted are safe: they were flushed */
    if (r->fatal)
        *note = r->note;
    return r->fatal ? r->status : ATL_OK;
}

static void close_runner(atl_runner *r)
{
    atl_exports_close(&r->exports);
    atl_ledger_close(&r->ledger);
    atl_batch_close(&r->batch);
    atl_picture_writer_free(&r->writer);
    if (r->failed_fd >= 0)
        close(r->failed_fd);
    if (r->dir_fd >= 0)
        close(r->dir_fd);
    if (r->has_box)
        atl_run_box_done(&r->box);
    for (int i = 0; i < RUN_RECORD_FIELDS; i++)
        free(r->settings[i]);
    atl_marks_done(&r->marks);
    free(r->failed);
    free(r->workers);
    free(r->flight);
    free(r->held_flight);
}

atl_status atl_run(const atl_run_options *options, atl_run_outcome *ret_outcome, atl_note *note)
{
    atl_runner r = {.o = options, .dir_fd = -1, .failed_fd = -1, .begun_ns = atl_clock_now_ns()};
    atl_run_outcome outcome = {0};
    atl_status st = check_batch(&r, note);
    if (st == ATL_OK)
        st = open_dir(&r, note);
    if (st == ATL_OK)
        st = take_up(&r, note);
    if (st == ATL_OK) {
        if (left_to_paint(&r) > 0)
            st = paint(&r, note);
        atl_runner_conclude(&r, how_it_ended(&r), &outcome);
    }
    outcome.n_jobs = r.n_jobs;
    outcome.n_done = r.marks.n[ATL_MARK_DONE];
    outcome.n_failed = r.marks.n[ATL_MARK_FAILED];
    outcome.n_painted = r.n_painted;
    outcome.n_adopted = r.n_adopted;
    outcome.stopped = r.draining || r.killing;
    close_runner(&r);
    if (st == ATL_OK)
        *ret_outcome = outcome;
    return st;
}
