/* run_group.c - what was painted becomes files, group by group.
 *
 * Pictures that come within a quarter of a second wait for one another: all are written, then all are synced,
 * then all are given their names; the directory and the ledger are synced once for all of them
 * (run_record.c). A synced write costs the less the nearer it is to others: blocks that they share go to the
 * disk once, and nothing has gone cold. A group is bounded in pictures and in bytes, and one that is ready
 * while nothing else is painted, or was long awaited, does not wait. Where there is no room on the disk, what
 * is left of a group is held until there is. */
#include <string.h>

#include "base/clock.h"
#include "run_private.h"

enum { GROUP_BYTES = 8 << 20 };
static const int64_t probe_every_ns = 2000000000;

/* ---- a full disk ---- */

static void hold(atl_runner *r, const atl_run_flight *flight)
{
    if (!r->waits_for_room) {
        r->waits_for_room = true;
        r->probed_ns = atl_clock_now_ns();
        atl_executor_pause(r->executor, true);
        atl_runner_say(r,
                       "the disk is full: nothing more is begun, finished pictures are held; it goes on when "
                       "there is room");
    }
    r->held_flight[r->n_held++] = *flight;
}

static void let_go(atl_runner *r)
{
    while (r->n_held > 0 && !r->fatal) {
        const size_t n = r->n_held < ATL_RUN_GROUP ? r->n_held : ATL_RUN_GROUP;
        for (size_t i = 0; i < n; i++)
            r->group[i] = (atl_run_painted){.flight = r->held_flight[i]};
        r->n_held -= n;
        memmove(r->held_flight, r->held_flight + n, r->n_held * sizeof *r->held_flight);
        r->n_group = n;
        const size_t left = r->n_held;
        atl_runner_put_group(r);
        if (r->n_held > left)
            return;
    }
}

void atl_runner_probe_disk(atl_runner *r)
{
    const int64_t now_ns = atl_clock_now_ns();
    if ((r->n_held == 0 && !r->ledger_waits) || now_ns - r->probed_ns < probe_every_ns)
        return;
    r->probed_ns = now_ns;
    let_go(r);
    if (r->n_held > 0)
        return;
    r->waits_for_room = false;
    if (!r->paused)
        atl_executor_pause(r->executor, false);
    atl_runner_say(r, "there is room on the disk again");
}

/* ---- a group ---- */

/* A file came to stand in its place meanwhile, or its name cannot be: its job failed. */
static void fail_job(atl_runner *r, atl_run_painted *p, const atl_note *why)
{
    atl_note note = {0};
    atl_result failed = *atl_future_result(p->flight.future);
    failed.status = ATL_USAGE;
    failed.note = *why;
    const atl_status st = atl_runner_record_failure(r, &p->flight.job, &failed, &note);
    if (st != ATL_OK)
        atl_runner_end_badly(r, st, &note);
    atl_runner_free_flight(&p->flight);
    p->over = true;
}

/* A step on the way of a picture. False: it cannot be written now, or never; the run has been told. */
typedef bool step(atl_runner *r, atl_run_painted *p);

static bool begin(atl_runner *r, atl_run_painted *p)
{
    atl_note note = {0};
    bool full = false;
    const atl_status st = atl_runner_begin_picture(r, p, &full, &note);
    if (st == ATL_USAGE)
        fail_job(r, p, &note);
    else if (st != ATL_OK && !full)
        atl_runner_end_badly(r, st, &note);
    return st == ATL_OK || st == ATL_USAGE;
}

static bool settle(atl_runner *r, atl_run_painted *p)
{
    atl_note note = {0};
    bool full = false;
    const atl_status st = p->over ? ATL_OK : atl_runner_settle_picture(r, p, &full, &note);
    if (st != ATL_OK && !full)
        atl_runner_end_badly(r, st, &note);
    return st == ATL_OK;
}

static bool put(atl_runner *r, atl_run_painted *p)
{
    atl_note note = {0};
    bool full = false;
    if (p->over)
        return true;
    const uint32_t worker = atl_future_result(p->flight.future)->worker;
    const atl_status st = atl_runner_put_picture(r, p, &full, &note);
    if (st == ATL_USAGE) {
        fail_job(r, p, &note);
        return true;
    }
    if (st != ATL_OK) {
        if (!full)
            atl_runner_end_badly(r, st, &note);
        return false;
    }
    r->n_painted++;
    if (worker < r->box.n_workers)
        r->workers[worker].n_done++;
    atl_runner_free_flight(&p->flight);
    return true;
}

/* Takes the first n one step further, as far as it goes; returns how many. */
static size_t all(atl_runner *r, size_t n, step *take)
{
    size_t taken = 0;
    while (taken < n && take(r, &r->group[taken]))
        taken++;
    return taken;
}

void atl_runner_put_group(atl_runner *r)
{
    const size_t n = r->n_group;
    r->n_group = r->group_bytes = 0;
    r->n_last_group = n;
    r->put_ns = atl_clock_now_ns();
    const size_t begun = r->sync_failed ? 0 : all(r, n, begin);
    const size_t settled = all(r, begun, settle);
    for (size_t i = all(r, settled, put); i < n; i++) {
        atl_run_painted *p = &r->group[i];
        if (p->over)
            continue;
        if (p->has_part)
            atl_picture_drop(r->writer, &p->part);
        if (r->fatal)
            atl_runner_free_flight(&p->flight);
        else
            hold(r, &p->flight);
    }
}

void atl_runner_group(atl_runner *r, atl_run_flight *flight)
{
    if (r->n_held > 0) {
        hold(r, flight);
        return;
    }
    r->group[r->n_group++] = (atl_run_painted){.flight = *flight};
    r->group_bytes += atl_future_result(flight->future)->png_bytes;
    if (r->n_group == ATL_RUN_GROUP || r->group_bytes >= GROUP_BYTES || !r->o->sync)
        atl_runner_put_group(r);
}

int atl_runner_group_due_ms(const atl_runner *r)
{
    const int64_t left_ns = r->put_ns + ATL_RUN_COMMIT_NS - atl_clock_now_ns();
    return left_ns <= 0 ? 0 : (int)(left_ns / 1000000) + 1;
}
