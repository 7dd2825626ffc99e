/* dispatch_test.c - the dispatch under seeded storms: every job ends exactly once, whatever workers do.
 *
 * A simulated machine of workers that paint, fail, die, hang, answer late and twice; time that passes in
 * jumps. What must hold: a job is accepted or failed exactly once; no lease is handed out while another of
 * that job is valid; a worker never holds more than its credit, and gets nothing beyond the limit, which
 * moves in every third storm; the run finishes, or says that it is stuck when every worker that may be used
 * was set aside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coordinator/dispatch.h"

enum { MAX_WORKERS = 5, MAX_JOBS = 24, MAX_HELD = 8, MAX_STEPS = 20000 };

typedef struct held {
    uint64_t job, token;
    uint32_t attempt;
    int beats;
    bool recalled;
} held;

typedef struct sim_worker {
    int state; /* 0 no process, 1 starting, 2 ready, 3 hung, 4 dead and not reported yet */
    bool draining;
    held held[MAX_HELD];
    int n_held;
} sim_worker;

typedef struct sim {
    uint64_t random;
    atl_dispatch *dispatch;
    int64_t now_ns;
    uint32_t n_workers, credit, limit;
    sim_worker workers[MAX_WORKERS];
    uint64_t n_jobs, next_job;
    int stored[MAX_JOBS], failed[MAX_JOBS];
    bool poison[MAX_JOBS], finished, stuck;
    held late; /* a result that will be sent again */
    uint32_t late_worker;
    bool has_late;
    bool moves_limit;
    bool leaves_word; /* it is known what a worker that died was at */
    uint64_t n_recalls;
    int chaos; /* per mille of bad events */
} sim;

static uint64_t rnd(sim *s, uint64_t n)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random % n;
}

static void tell(sim *s, atl_event event)
{
    event.now_ns = s->now_ns;
    assert_int_equal(atl_dispatch_event(s->dispatch, &event, NULL), ATL_OK);
}

static void on_send(sim *s, const atl_action *a)
{
    sim_worker *w = &s->workers[a->worker];
    assert_true(a->job < s->n_jobs);
    assert_int_equal(s->stored[a->job] + s->failed[a->job], 0);
    assert_true(w->n_held < (int)s->credit);
    assert_true(a->worker < s->limit);
    w->held[w->n_held++] = (held){.job = a->job, .token = a->token, .attempt = a->attempt};
}

/* It is asked for what it holds and has not said that it began; it will answer at its next turn. */
static void on_recall(sim *s, const atl_action *a)
{
    sim_worker *w = &s->workers[a->worker];
    bool idles = a->worker >= s->limit;
    for (uint32_t i = 0; i < s->limit; i++)
        idles = idles || (s->workers[i].n_held == 0 && i != a->worker);
    assert_true(idles);
    for (int i = 0; i < w->n_held; i++)
        if (w->held[i].job == a->job && w->held[i].token == a->token) {
            assert_int_equal(w->held[i].beats, 0);
            assert_false(w->held[i].recalled);
            w->held[i].recalled = true;
        }
    s->n_recalls++;
}

/* Does what the dispatch asks for; actions can cause events, so it takes them one at a time. */
static void obey(sim *s)
{
    atl_action a;
    while (atl_dispatch_action(s->dispatch, &a)) {
        switch (a.type) {
        case ATL_DO_PULL:
            if (s->next_job < s->n_jobs)
                tell(s, (atl_event){.type = ATL_EV_JOB_AVAILABLE, .job = s->next_job++});
            else
                tell(s, (atl_event){.type = ATL_EV_BATCH_END});
            break;
        case ATL_DO_SEND:
            on_send(s, &a);
            break;
        case ATL_DO_RECALL:
            on_recall(s, &a);
            break;
        case ATL_DO_ACCEPT:
            s->stored[a.job]++;
            break;
        case ATL_DO_FAIL:
            s->failed[a.job]++;
            break;
        case ATL_DO_SPAWN:
            s->workers[a.worker] = (sim_worker){.state = 1};
            break;
        case ATL_DO_KILL:
            if (s->workers[a.worker].state != 0)
                s->workers[a.worker].state = 4;
            break;
        case ATL_DO_DRAIN_WORKER:
            s->workers[a.worker].draining = true;
            break;
        case ATL_DO_STUCK:
            s->stuck = true;
            break;
        case ATL_DO_FINISHED:
            s->finished = true;
            break;
        case ATL_DO_DROP:
        case ATL_DO_RECORD_LOST:
        case ATL_DO_QUARANTINED:
            break;
        }
    }
}

static void drop_first_held(sim_worker *w)
{
    memmove(w->held, w->held + 1, (size_t)(--w->n_held) * sizeof *w->held);
}

static atl_event about(atl_event_type type, uint32_t worker, const held *h)
{
    return (atl_event){
        .type = type, .worker = worker, .job = h->job, .attempt = h->attempt, .token = h->token};
}

/* A ready worker does the next thing on the job that it holds first. */
static void work(sim *s, uint32_t i)
{
    sim_worker *w = &s->workers[i];
    held h = w->held[0];
    if (w->held[0].beats++ == 0) {
        tell(s, about(ATL_EV_JOB_STARTED, i, &h));
    } else if (s->poison[h.job] || rnd(s, 1000) < (uint64_t)s->chaos) {
        if (s->poison[h.job] || rnd(s, 2)) {
            w->state = 4; /* it dies over it */
        } else {
            drop_first_held(w);
            atl_event failed = about(ATL_EV_JOB_FAILED, i, &h);
            failed.fatal_for_job = rnd(s, 8) == 0;
            tell(s, failed);
        }
    } else if (w->held[0].beats < 4) {
        const int64_t took_ns = (int64_t)rnd(s, 500);
        tell(s, rnd(s, 2) ? about(ATL_EV_BEAT, i, &h)
                          : (atl_event){.type = ATL_EV_SEEN,
                                        .worker = i,
                                        .lived_ns = s->now_ns,
                                        .computed_ns = s->now_ns,
                                        .steps_ns = &took_ns,
                                        .n_steps = 1});
    } else {
        drop_first_held(w);
        s->late = h;
        s->late_worker = i;
        s->has_late = true;
        tell(s, about(ATL_EV_RESULT, i, &h));
    }
}

/* Gives back one recalled job that it has not begun. True: that was its turn. */
static bool gave_back(sim *s, uint32_t i)
{
    sim_worker *w = &s->workers[i];
    for (int k = 0; k < w->n_held; k++) {
        const held h = w->held[k];
        if (!h.recalled || h.beats > 0)
            continue;
        memmove(&w->held[k], &w->held[k + 1], (size_t)(--w->n_held - k) * sizeof *w->held);
        tell(s, about(ATL_EV_RETURNED, i, &h));
        return true;
    }
    return false;
}

static void worker_turn(sim *s, uint32_t i)
{
    sim_worker *w = &s->workers[i];
    if (w->state == 4) {
        const uint64_t first = w->n_held > 0 ? w->held[0].token : 0;
        const bool knows = s->leaves_word && w->n_held > 0;
        *w = (sim_worker){0};
        tell(s, (atl_event){.type = ATL_EV_WORKER_LOST,
                            .worker = i,
                            .suspects = knows ? &first : NULL,
                            .n_suspects = knows,
                            .out_of_memory = rnd(s, 50) == 0,
                            .from_outside = rnd(s, 3) == 0});
    } else if (w->state == 1) {
        w->state = rnd(s, 1000) < (uint64_t)s->chaos ? 4 : 2;
        if (w->state == 2)
            tell(s, (atl_event){.type = ATL_EV_WORKER_READY, .worker = i});
    } else if (w->state == 2 && w->draining && w->n_held == 0) {
        w->state = 4;
    } else if (w->state == 2 && rnd(s, 1000) < (uint64_t)s->chaos / 2) {
        w->state = 3; /* hangs until it is killed */
    } else if (w->state == 2 && rnd(s, 3) && gave_back(s, i)) {
        return; /* now and then it begins what was recalled instead */
    } else if (w->state == 2 && w->n_held > 0) {
        work(s, i);
    } else if (w->state == 2) {
        tell(s, (atl_event){.type = ATL_EV_HEARD, .worker = i});
    }
}

static void move_limit(sim *s)
{
    const uint32_t asked = (uint32_t)rnd(s, (uint64_t)s->n_workers + 2); /* 0 and too many are brought in */
    s->limit = asked < 1 ? 1 : asked > s->n_workers ? s->n_workers : asked;
    tell(s, (atl_event){.type = ATL_EV_LIMIT, .worker = asked});
    obey(s);
}

static void step(sim *s)
{
    s->now_ns += (int64_t)rnd(s, 50);
    if (s->moves_limit && rnd(s, 40) == 0)
        move_limit(s);
    const uint64_t pick = rnd(s, (uint64_t)s->n_workers + 2);
    if (pick < s->n_workers)
        worker_turn(s, (uint32_t)pick);
    else if (pick == s->n_workers && s->has_late && rnd(s, 4) == 0 && s->workers[s->late_worker].state != 3)
        tell(s, about(ATL_EV_RESULT, s->late_worker, &s->late)); /* the same answer once more */
    else
        tell(s, (atl_event){.type = ATL_EV_TICK});
    obey(s);
}

static void begin(sim *s, uint64_t seed, int chaos)
{
    *s = (sim){.random = seed * 0x9e3779b97f4a7c15u + 1, .chaos = chaos};
    s->n_workers = 1 + (uint32_t)rnd(s, MAX_WORKERS);
    s->limit = s->n_workers;
    s->credit = 1 + (uint32_t)rnd(s, 3);
    s->moves_limit = seed % 3 == 0;
    s->leaves_word = seed % 2 == 0;
    s->n_jobs = rnd(s, MAX_JOBS);
    for (uint64_t j = 0; j < s->n_jobs; j++)
        s->poison[j] = chaos > 0 && rnd(s, 20) == 0;
    const atl_dispatch_options options = {.n_workers = s->n_workers,
                                          .credit = s->credit,
                                          .max_attempts = 3,
                                          .max_unlucky = 4,
                                          .min_workers_tried = 2,
                                          .quarantine_failures = 5,
                                          .max_respawns = 6,
                                          .start_patience_ns = 3000,
                                          .silence_patience_ns = 4000,
                                          .compute_patience_ns = 8000,
                                          .compute_floor_ns = 5000,
                                          .seed = seed};
    assert_int_equal(atl_dispatch_new(&options, &s->dispatch, NULL), ATL_OK);
    tell(s, (atl_event){.type = ATL_EV_BEGIN});
    obey(s);
}

static void run_storm(uint64_t seed, int chaos)
{
    sim s;
    begin(&s, seed, chaos);
    for (int i = 0; i < MAX_STEPS && !s.finished && !s.stuck; i++)
        step(&s);
    if (!s.finished && !s.stuck)
        fail_msg("seed %llu, chaos %d: neither finished nor stuck", (unsigned long long)seed, chaos);
    for (uint64_t j = 0; j < s.n_jobs; j++) {
        const int ended = s.stored[j] + s.failed[j];
        if (ended > 1 || (s.finished && ended != 1))
            fail_msg("seed %llu, chaos %d: job %llu ended %d times", (unsigned long long)seed, chaos,
                     (unsigned long long)j, ended);
        if (chaos == 0)
            assert_int_equal(s.stored[j], 1);
    }
    atl_dispatch_free(&s.dispatch);
}

static void every_job_ends_once_in_fair_weather(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10000; seed++)
        run_storm(seed, 0);
}

static void every_job_ends_once_in_storms(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 90000; seed++)
        run_storm(seed, (int)(1 + seed % 120));
}

/* Two workers, four jobs, the second worker comes late: it gets what only waits at the first. */
static void what_waits_elsewhere_goes_to_who_idles(void **state)
{
    (void)state;
    const atl_dispatch_options options = {
        .n_workers = 2, .credit = 2, .max_attempts = 3, .min_workers_tried = 2, .quarantine_failures = 5};
    sim s = {.n_workers = 2, .limit = 2, .credit = 2, .n_jobs = 2};
    assert_int_equal(atl_dispatch_new(&options, &s.dispatch, NULL), ATL_OK);
    tell(&s, (atl_event){.type = ATL_EV_BEGIN});
    obey(&s);
    tell(&s, (atl_event){.type = ATL_EV_WORKER_READY, .worker = 0});
    obey(&s);
    assert_int_equal(s.workers[0].n_held, 2);
    tell(&s, about(ATL_EV_JOB_STARTED, 0, &s.workers[0].held[0]));
    tell(&s, (atl_event){.type = ATL_EV_WORKER_READY, .worker = 1});
    obey(&s);
    tell(&s, (atl_event){.type = ATL_EV_HEARD, .worker = 1}); /* it is not asked for twice */
    obey(&s);
    assert_int_equal(s.n_recalls, 1);
    assert_true(s.workers[0].held[1].recalled);
    assert_true(gave_back(&s, 0));
    obey(&s);
    assert_int_equal(s.workers[1].n_held, 1);
    assert_int_equal(s.workers[1].held[0].attempt, 1); /* it was not begun */
    tell(&s, about(ATL_EV_RESULT, 1, &s.workers[1].held[0]));
    tell(&s, about(ATL_EV_RESULT, 0, &s.workers[0].held[0]));
    obey(&s);
    assert_true(s.finished && s.stored[0] == 1 && s.stored[1] == 1);
    atl_dispatch_free(&s.dispatch);
}

static void what_a_worker_beyond_the_limit_did_not_begin_goes_to_the_others(void **state)
{
    (void)state;
    const atl_dispatch_options options = {
        .n_workers = 2, .credit = 2, .max_attempts = 3, .min_workers_tried = 2, .quarantine_failures = 5};
    sim s = {.n_workers = 2, .limit = 2, .credit = 2, .n_jobs = 4};
    assert_int_equal(atl_dispatch_new(&options, &s.dispatch, NULL), ATL_OK);
    tell(&s, (atl_event){.type = ATL_EV_BEGIN});
    for (uint32_t w = 0; w < 2; w++)
        tell(&s, (atl_event){.type = ATL_EV_WORKER_READY, .worker = w});
    obey(&s);
    for (uint32_t w = 0; w < 2; w++)
        tell(&s, about(ATL_EV_JOB_STARTED, w, &s.workers[w].held[0]));
    s.limit = 1;
    tell(&s, (atl_event){.type = ATL_EV_LIMIT, .worker = 1});
    obey(&s);
    assert_int_equal(s.n_recalls, 1);
    assert_true(s.workers[1].held[1].recalled);
    assert_int_equal(atl_dispatch_n_beyond(s.dispatch), 2);
    assert_true(gave_back(&s, 1));
    obey(&s);
    assert_int_equal(atl_dispatch_n_beyond(s.dispatch), 1);
    for (uint32_t w = 0; w < 2; w++) {
        const held first = s.workers[w].held[0];
        memmove(s.workers[w].held, s.workers[w].held + 1, (size_t)--s.workers[w].n_held * sizeof first);
        tell(&s, about(ATL_EV_RESULT, w, &first));
    }
    obey(&s); /* on_send asserts that the job goes to worker 0 */
    assert_int_equal(atl_dispatch_n_beyond(s.dispatch), 0);
    assert_int_equal(atl_dispatch_count(s.dispatch).in_flight, 2);
    atl_dispatch_free(&s.dispatch);
}

/* After a drain nothing new is started, and what was stored before stays counted once. */
static void drain_ends_with_everything_in_flight_safe(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5000; seed++) {
        sim s;
        begin(&s, seed, (int)(seed % 60));
        const uint64_t after = rnd(&s, 200);
        for (uint64_t i = 0; i < after && !s.finished && !s.stuck; i++)
            step(&s);
        if (!s.finished && !s.stuck) {
            tell(&s, (atl_event){.type = ATL_EV_DRAIN});
            obey(&s);
            for (int i = 0; i < MAX_STEPS && !s.finished; i++)
                step(&s);
            assert_true(s.finished);
        }
        for (uint64_t j = 0; j < s.n_jobs; j++)
            assert_true(s.stored[j] + s.failed[j] <= 1);
        atl_dispatch_free(&s.dispatch);
    }
}

/* Two workers, one job; ends its attempts, each by a death of the worker that holds it; the attempt at which
 * it was given up, 0 if it still waits for another after `n_deaths` of them. */
static uint32_t given_up_at(uint32_t n_deaths, const bool *from_outside)
{
    const atl_dispatch_options options = {.n_workers = 2,
                                          .credit = 1,
                                          .max_attempts = 3,
                                          .max_unlucky = 4,
                                          .min_workers_tried = 2,
                                          .quarantine_failures = 5,
                                          .max_respawns = 1000,
                                          .start_patience_ns = 1000,
                                          .silence_patience_ns = 1000,
                                          .compute_patience_ns = 1000};
    sim s = {.n_workers = 2, .limit = 2, .credit = 1, .n_jobs = 1};
    uint32_t at = 0;
    assert_int_equal(atl_dispatch_new(&options, &s.dispatch, NULL), ATL_OK);
    tell(&s, (atl_event){.type = ATL_EV_BEGIN});
    obey(&s);
    for (uint32_t death = 1; death <= n_deaths && at == 0; death++) {
        for (uint32_t i = 0; i < 2; i++)
            if (s.workers[i].state == 1) {
                s.workers[i].state = 2;
                tell(&s, (atl_event){.type = ATL_EV_WORKER_READY, .worker = i});
                obey(&s);
            }
        const uint32_t holder = s.workers[0].n_held > 0 ? 0 : 1;
        assert_int_equal(s.workers[holder].n_held, 1);
        s.workers[holder] = (sim_worker){0};
        tell(&s, (atl_event){
                     .type = ATL_EV_WORKER_LOST, .worker = holder, .from_outside = from_outside[death - 1]});
        obey(&s);
        at = s.failed[0] ? death : 0;
    }
    atl_dispatch_free(&s.dispatch);
    return at;
}

static void a_death_from_outside_is_not_held_against_the_job(void **state)
{
    (void)state;
    const bool its_own[9] = {0}, mixed[9] = {true, false, true, false, true, false};
    assert_int_equal(given_up_at(9, its_own), 3);
    assert_int_equal(given_up_at(5, mixed), 0);
    assert_int_equal(given_up_at(9, mixed), 6);
}

static void deaths_from_outside_are_forgiven_so_often_and_no_more(void **state)
{
    (void)state;
    const bool outside[9] = {true, true, true, true, true, true, true, true, true};
    assert_int_equal(given_up_at(6, outside), 0);
    assert_int_equal(given_up_at(9, outside), 7);
}

/* A worker died before it could say that it was done with its first job and had begun its second. */
static void who_was_painted_is_blamed_and_not_who_was_heard_of_last(void **state)
{
    (void)state;
    const atl_dispatch_options options = {
        .n_workers = 1, .credit = 2, .max_attempts = 1, .quarantine_failures = 5, .max_respawns = 9};
    sim s = {.n_workers = 1, .limit = 1, .credit = 2, .n_jobs = 2};
    assert_int_equal(atl_dispatch_new(&options, &s.dispatch, NULL), ATL_OK);
    tell(&s, (atl_event){.type = ATL_EV_BEGIN});
    obey(&s);
    tell(&s, (atl_event){.type = ATL_EV_WORKER_READY});
    obey(&s);
    assert_int_equal(s.workers[0].n_held, 2);
    tell(&s, about(ATL_EV_JOB_STARTED, 0, &s.workers[0].held[0]));
    const uint64_t second = s.workers[0].held[1].token;
    tell(&s, (atl_event){.type = ATL_EV_WORKER_LOST, .suspects = &second, .n_suspects = 1});
    obey(&s);
    assert_true(s.failed[1] == 1 && s.failed[0] == 0);
    atl_dispatch_free(&s.dispatch);
}

/* When the tick comes at which a worker is killed that says nothing more, and why. */
static int64_t killed_at(bool said_hello, int64_t start_patience_ns, int *ret_reason)
{
    const atl_dispatch_options options = {.n_workers = 1,
                                          .credit = 1,
                                          .max_attempts = 1,
                                          .start_patience_ns = start_patience_ns,
                                          .silence_patience_ns = 100,
                                          .compute_patience_ns = 100};
    sim s = {.n_workers = 1, .limit = 1, .credit = 1};
    assert_int_equal(atl_dispatch_new(&options, &s.dispatch, NULL), ATL_OK);
    tell(&s, (atl_event){.type = ATL_EV_BEGIN});
    obey(&s);
    s.now_ns = 50;
    if (said_hello)
        tell(&s, (atl_event){.type = ATL_EV_HEARD});
    s.now_ns = atl_dispatch_deadline_ns(s.dispatch);
    tell(&s, (atl_event){.type = ATL_EV_TICK});
    atl_action a;
    assert_true(atl_dispatch_action(s.dispatch, &a));
    assert_int_equal(a.type, ATL_DO_KILL);
    *ret_reason = a.reason;
    atl_dispatch_free(&s.dispatch);
    return s.now_ns;
}

static void a_worker_that_falls_silent_while_it_starts_is_killed(void **state)
{
    (void)state;
    int reason;
    assert_int_equal(killed_at(true, 10000, &reason), 150);
    assert_int_equal(reason, ATL_KILL_SILENT);
    assert_int_equal(killed_at(false, 10000, &reason), 600);
    assert_int_equal(reason, ATL_KILL_SILENT);
    assert_int_equal(killed_at(false, 300, &reason), 300);
    assert_int_equal(reason, ATL_KILL_START);
}

/* One worker that was READY at 1000, with one job. */
static void begin_with_one(sim *s, int64_t silence_patience_ns, int64_t compute_patience_ns)
{
    const atl_dispatch_options options = {.n_workers = 1,
                                          .credit = 1,
                                          .max_attempts = 1,
                                          .start_patience_ns = 100000,
                                          .silence_patience_ns = silence_patience_ns,
                                          .compute_patience_ns = compute_patience_ns,
                                          .compute_floor_ns = 10};
    *s = (sim){.n_workers = 1, .limit = 1, .credit = 1, .n_jobs = 1};
    assert_int_equal(atl_dispatch_new(&options, &s->dispatch, NULL), ATL_OK);
    tell(s, (atl_event){.type = ATL_EV_BEGIN});
    obey(s);
    s->now_ns = 1000;
    tell(s, (atl_event){.type = ATL_EV_WORKER_READY});
    obey(s);
    assert_int_equal(s->workers[0].n_held, 1);
}

static void signs_of_life_that_are_seen_count_from_when_they_were_given(void **state)
{
    (void)state;
    sim s;
    begin_with_one(&s, 100, 100000);
    assert_int_equal(atl_dispatch_deadline_ns(s.dispatch), 1100);
    s.now_ns = 1099;
    tell(&s, (atl_event){.type = ATL_EV_SEEN, .lived_ns = 1090});
    assert_int_equal(atl_dispatch_deadline_ns(s.dispatch), 1190);
    tell(&s, (atl_event){.type = ATL_EV_SEEN, .lived_ns = 1080}); /* it knows better */
    assert_int_equal(atl_dispatch_deadline_ns(s.dispatch), 1190);
    atl_dispatch_free(&s.dispatch);
}

static void steps_that_are_seen_teach_how_long_to_wait_for_the_next(void **state)
{
    (void)state;
    const int64_t steps_ns[] = {7, 5, 6, 50, 6};
    sim s;
    begin_with_one(&s, 100000, 1000);
    assert_int_equal(atl_dispatch_deadline_ns(s.dispatch), 2000);
    s.now_ns = 1400;
    tell(&s, (atl_event){.type = ATL_EV_SEEN, .computed_ns = 1300, .steps_ns = steps_ns, .n_steps = 4});
    assert_int_equal(atl_dispatch_deadline_ns(s.dispatch), 2300);
    tell(&s, (atl_event){.type = ATL_EV_SEEN, .computed_ns = 1390, .steps_ns = steps_ns + 4, .n_steps = 1});
    assert_int_equal(atl_dispatch_deadline_ns(s.dispatch), 1450); /* 10 × their median */
    s.now_ns = 1450;
    tell(&s, (atl_event){.type = ATL_EV_TICK});
    atl_action a;
    assert_true(atl_dispatch_action(s.dispatch, &a));
    assert_int_equal(a.type, ATL_DO_KILL);
    assert_int_equal(a.reason, ATL_KILL_COMPUTE);
    atl_dispatch_free(&s.dispatch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_elsewhere_goes_to_who_idles),
        cmocka_unit_test(what_a_worker_beyond_the_limit_did_not_begin_goes_to_the_others),
        cmocka_unit_test(a_death_from_outside_is_not_held_against_the_job),
        cmocka_unit_test(deaths_from_outside_are_forgiven_so_often_and_no_more),
        cmocka_unit_test(who_was_painted_is_blamed_and_not_who_was_heard_of_last),
        cmocka_unit_test(a_worker_that_falls_silent_while_it_starts_is_killed),
        cmocka_unit_test(signs_of_life_that_are_seen_count_from_when_they_were_given),
        cmocka_unit_test(steps_that_are_seen_teach_how_long_to_wait_for_the_next),
        cmocka_unit_test(every_job_ends_once_in_fair_weather),
        cmocka_unit_test(every_job_ends_once_in_storms),
        cmocka_unit_test(drain_ends_with_everything_in_flight_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
