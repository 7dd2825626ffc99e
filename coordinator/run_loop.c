/* run_loop.c - submits, takes in what ended, heeds signals, waits out a full disk: until all is done.
 *
 * Each turn ends in the wait for results, which lasts until the next thing is due: workers that paint for
 * seconds cost nothing meanwhile. Signals and what befalls workers end it (executor.nudge_fd). Only where
 * somebody must be asked, signals or the disk, it is a short one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "run_private.h"

enum { TURN_MS = 250, WATCH_EVERY_MS = 200, RESULTS_A_TURN = 64, WEIGH_PART = 4000 };
static const int64_t longest_turn_ns = 2000000000; /* what was begun is in the ledger by then */
static const int64_t weigh_first_ns = 2000000000, weigh_every_ns = 240000000000;

void atl_runner_end_badly(atl_runner *r, atl_status status, const atl_note *note)
{
    if (r->fatal)
        return;
    r->fatal = true;
    r->status = status;
    r->note = *note;
    r->batch_ended = true;
}

void atl_runner_free_flight(atl_run_flight *flight)
{
    atl_future_release(&flight->future);
    atl_job_done(&flight->job);
}

static bool disk_is_full(const atl_runner *r)
{
    return r->n_held > 0 || r->ledger_waits;
}

/* ---- handing out ---- */

static void submit_one(atl_runner *r)
{
    atl_note note = {0};
    atl_run_flight flight = {0};
    atl_status st = atl_runner_next_job(r, &flight.job, &r->batch_ended, &note);
    if (st == ATL_OK && r->batch_ended)
        return;
    if (st == ATL_OK)
        st = atl_executor_submit(r->executor, &flight.job, &flight.future, &note);
    if (st == ATL_OK) {
        r->flight[r->n_flight++] = flight;
        return;
    }
    atl_job_done(&flight.job);
    atl_runner_end_badly(r, st, &note);
}

static void fill(atl_runner *r)
{
    while (!r->batch_ended && !r->draining && !r->fatal && !r->paused && !disk_is_full(r) &&
           r->n_flight < r->window)
        submit_one(r);
}

/* ---- taking in ---- */

static bool take_flight(atl_runner *r, const atl_future *future, atl_run_flight *ret)
{
    for (size_t i = 0; i < r->n_flight; i++)
        if (r->flight[i].future == future) {
            *ret = r->flight[i];
            r->flight[i] = r->flight[--r->n_flight];
            return true;
        }
    return false;
}

/* A worker that is greater than any was when they were weighed: they are weighed again. */
static void note_growth(atl_runner *r, const atl_result *result)
{
    const uint64_t rss = result->timings.peak_rss_bytes;
    if (rss <= r->top_rss_bytes + r->top_rss_bytes / 100)
        return;
    r->top_rss_bytes = rss;
    r->weigh_ns = r->may_weigh_ns < r->weigh_ns ? r->may_weigh_ns : r->weigh_ns;
}

static void settle(atl_runner *r, atl_future *future)
{
    atl_run_flight flight;
    atl_note note = {0};
    if (!take_flight(r, future, &flight))
        return;
    const atl_result *result = atl_future_result(future);
    switch (atl_future_peek(future)) {
    case ATL_FUTURE_DONE:
        note_growth(r, result);
        atl_runner_group(r, &flight);
        return;
    case ATL_FUTURE_FAILED: {
        const atl_status st = atl_runner_record_failure(r, &flight.job, result, &note);
        if (st != ATL_OK)
            atl_runner_end_badly(r, st, &note);
        break;
    }
    default: /* cancelled: by us, or because the pool ended, and then it says why */
        if (!r->draining && !r->fatal)
            atl_runner_end_badly(r, result->status ? result->status : ATL_CANCELLED, &result->note);
        break;
    }
    atl_runner_free_flight(&flight);
}

static int64_t watch_every_ns(const atl_runner *r)
{
    return (int64_t)(r->o->watch_every_ms > 0 ? r->o->watch_every_ms : WATCH_EVERY_MS) * 1000000;
}

/* For how long the loop may sleep if no picture comes. */
static int turn_ms(const atl_runner *r)
{
    const bool asks = (r->o->stops || r->o->paused) && r->o->executor.nudge_fd <= 0;
    if (asks || r->draining || r->paused || disk_is_full(r))
        return TURN_MS;
    int64_t left_ns = longest_turn_ns;
    const int64_t now_ns = atl_clock_now_ns(), watch_in_ns = r->watched_ns + watch_every_ns(r) - now_ns;
    if (r->o->watch && watch_in_ns < left_ns)
        left_ns = watch_in_ns;
    return left_ns > 0 ? (int)(left_ns / 1000000) + 1 : 0;
}

/* Until a group is full or due, or the turn is over. Where pictures come one by one none is waited with
 * before it is there. */
static void wait_for_results(atl_runner *r)
{
    const int due_ms = atl_runner_group_due_ms(r), longest_ms = turn_ms(r);
    const bool together = due_ms > 0 && r->o->sync && (r->n_group > 0 || r->n_last_group > 1);
    const bool now = r->n_group > 0 && due_ms == 0;
    const int wait_ms = together && due_ms < longest_ms ? due_ms : longest_ms;
    atl_executor_gather(r->executor, together ? ATL_RUN_GROUP - r->n_group : 1, now ? 0 : wait_ms);
}

/* What was told of a job's attempts was told before it ended, and is recorded before its end is. */
static void collect(atl_runner *r)
{
    atl_note note = {0};
    wait_for_results(r);
    for (int i = 0; i < RESULTS_A_TURN; i++) {
        atl_future *future = atl_executor_next_completed(r->executor, 0);
        if (!future)
            break;
        const atl_status st = atl_runner_record_events(r, &note);
        if (st != ATL_OK)
            atl_runner_end_badly(r, st, &note);
        settle(r, future);
    }
}

/* ---- signals ---- */

static void record_state(atl_runner *r, const char *state)
{
    atl_note note = {0};
    const atl_status st = atl_runner_record_state(r, state, &note);
    if (st != ATL_OK)
        atl_runner_end_badly(r, st, &note);
}

static void heed(atl_runner *r)
{
    const int stops = r->o->stops ? r->o->stops(r->o->user) : 0;
    const bool paused = r->o->paused && r->o->paused(r->o->user);
    if (paused != r->paused && !r->draining) {
        r->paused = paused;
        atl_executor_pause(r->executor, paused || r->n_held > 0);
        atl_runner_say(r, paused ? "paused; what is being painted is finished" : "going on");
        record_state(r, paused ? "paused" : "painting");
    }
    if (stops > 0 && !r->draining) {
        r->draining = true;
        atl_executor_drain(r->executor);
        atl_runner_say(r, "stopping: what is being painted is finished first; once more ends the workers");
        record_state(r, "stopping");
    }
    r->killing = stops > 1;
}

/* ---- watching ---- */

static atl_run_phase phase_of(const atl_runner *r)
{
    if (r->draining)
        return ATL_RUN_DRAINING;
    if (disk_is_full(r))
        return ATL_RUN_DISK_FULL;
    if (r->paused)
        return ATL_RUN_PAUSED;
    return r->first_start_ns == 0 ? ATL_RUN_STARTING : ATL_RUN_PAINTING;
}

/* The system counts a worker's pages one by one: seldom enough that it costs at most a four-thousandth of the
 * time, and every few minutes while none of them grows. */
static void weigh(atl_runner *r, int64_t now_ns)
{
    const int64_t before_ns = atl_clock_thread_cpu_ns();
    const size_t pss = atl_executor_pss_bytes(r->executor, NULL, 0);
    const int64_t rest_ns = WEIGH_PART * (atl_clock_thread_cpu_ns() - before_ns);
    r->peak_pss_bytes = pss > r->peak_pss_bytes ? pss : r->peak_pss_bytes;
    r->may_weigh_ns = now_ns + (rest_ns > weigh_first_ns ? rest_ns : weigh_first_ns);
    r->weigh_ns = now_ns + (r->weigh_ns == 0 ? weigh_first_ns : weigh_every_ns);
    r->weigh_ns = r->weigh_ns > r->may_weigh_ns ? r->weigh_ns : r->may_weigh_ns;
}

static void watch(atl_runner *r, bool now)
{
    const int64_t now_ns = atl_clock_now_ns();
    if (now || now_ns >= r->weigh_ns)
        weigh(r, now_ns);
    if (!now && now_ns - r->watched_ns < watch_every_ns(r))
        return;
    r->watched_ns = now_ns;
    atl_run_box_workers(&r->box, r->workers);
    atl_run_view view = {.phase = phase_of(r),
                         .n_jobs = r->n_jobs,
                         .n_done = r->marks.n[ATL_MARK_DONE],
                         .n_failed = r->marks.n[ATL_MARK_FAILED],
                         .n_painted = r->n_painted,
                         .n_in_flight = r->n_flight + r->n_group + r->n_held,
                         .elapsed_s = atl_ns_to_s(now_ns - r->begun_ns),
                         .rate_per_min = (double)NAN,
                         .eta_s = (double)NAN,
                         .n_workers = r->box.n_workers,
                         .workers = r->workers};
    if (r->first_start_ns > 0 && r->n_painted > 0) {
        const double s = atl_ns_to_s(now_ns - r->first_start_ns);
        view.rate_per_min = atl_pace_per_min(&r->pace);
        const uint64_t ended = view.n_done + view.n_failed;
        view.eta_s = (double)(r->n_jobs > ended ? r->n_jobs - ended : 0) * s / (double)r->n_painted;
    }
    if (r->o->watch)
        r->o->watch(r->o->user, &view);
}

/* ---- all of it ---- */

static bool is_over(const atl_runner *r)
{
    if (r->killing || r->fatal)
        return true;
    if (disk_is_full(r))
        return r->draining && r->n_flight == 0; /* there is no room to make safe what is held */
    return r->n_flight == 0 && r->n_group == 0 && (r->batch_ended || r->draining);
}

static void rest(const atl_runner *r)
{
    if (r->n_flight > 0 || is_over(r))
        return; /* the wait for results was the rest */
    if (!r->paused && !disk_is_full(r))
        return; /* all that was handed out came back within one turn: there is more */
    const struct timespec turn = {.tv_nsec = TURN_MS * 1000000};
    nanosleep(&turn, NULL);
}

static void turn(atl_runner *r)
{
    atl_note note = {0};
    heed(r);
    fill(r);
    collect(r);
    if (r->n_group > 0 && (r->n_flight == 0 || atl_runner_group_due_ms(r) == 0)) {
        atl_runner_put_group(r);
        r->flushed_ns = 0; /* and its records at once */
    }
    atl_status st = atl_runner_record_events(r, &note);
    if (st == ATL_OK)
        st = atl_runner_flush(r, &note);
    if (st != ATL_OK)
        atl_runner_end_badly(r, st, &note);
    atl_runner_probe_disk(r);
    watch(r, false);
    rest(r);
}

void atl_runner_loop(atl_runner *r)
{
    while (!is_over(r))
        turn(r);
    atl_runner_put_group(r);
    watch(r, true);
    while (r->n_held > 0)
        atl_runner_free_flight(&r->held_flight[--r->n_held]);
}
