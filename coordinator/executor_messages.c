/* executor_messages.c - what workers say becomes events for dispatch; jobs become messages.
 *
 * A process is believed once its HELLO named this run and the pid that was started for that worker; from then
 * on its routing id stands for it. Everything else is counted and dropped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "executor_private.h"

enum { MESSAGES_A_TURN = 256 };

/* ---- out ---- */

static atl_status send_message(atl_executor *x, uint32_t w, const atl_message *message)
{
    atl_text frame = {0};
    atl_status st = atl_message_encode(message, &frame, NULL);
    if (st == ATL_OK)
        st = atl_server_send(x->server, &x->workers[w].peer, frame.data, frame.length);
    atl_text_done(&frame);
    return st;
}

void atl_pool_say(atl_executor *x, uint32_t w, atl_message_type type)
{
    const atl_message message = {.type = type, .worker = w};
    const atl_status st = x->workers[w].has_peer ? send_message(x, w, &message) : ATL_IO;
    if (st != ATL_OK)
        atl_pool_unreachable(x, w, st, "it does not listen");
}

static atl_lease lease_of(const atl_executor *x, const atl_action *action, const atl_future *future)
{
    atl_lease lease = {
        .job = future->job.id, .index = future->handle, .attempt = action->attempt, .token = action->token};
    memcpy(lease.run, x->run, sizeof x->run);
    return lease;
}

atl_status atl_pool_send_job(atl_executor *x, const atl_action *action, atl_future *future)
{
    const atl_message message = {.type = ATL_MSG_JOB,
                                 .worker = action->worker,
                                 .job = future->job,
                                 .lease = lease_of(x, action, future)};
    return send_message(x, action->worker, &message);
}

atl_status atl_pool_recall_job(atl_executor *x, const atl_action *action, const atl_future *future)
{
    const atl_message message = {
        .type = ATL_MSG_RECALL, .worker = action->worker, .lease = lease_of(x, action, future)};
    return send_message(x, action->worker, &message);
}

/* ---- in ---- */

static atl_event event_of(const atl_message *m, atl_event_type type)
{
    return (atl_event){.type = type,
                       .worker = m->worker,
                       .job = m->lease.index,
                       .attempt = m->lease.attempt,
                       .token = m->lease.token};
}

static void on_hello(atl_executor *x, const atl_message *m, const atl_peer *peer)
{
    atl_pool_worker *worker = &x->workers[m->worker];
    const bool ours = memcmp(m->lease.run, x->run, sizeof x->run) == 0 && worker->process.pid > 0 &&
                      m->pid == worker->process.pid && !worker->has_peer;
    if (!ours) {
        x->counts.foreign++;
        return;
    }
    worker->peer = *peer;
    worker->has_peer = true;
    worker->heard_ns = atl_pool_now_ns(x);
    atl_pool_tell(x, event_of(m, ATL_EV_HEARD));
}

static void on_ready(atl_executor *x, const atl_message *m)
{
    char text[512];
    snprintf(text, sizeof text, "cores %s, %s, %s%s%s", m->binding, m->isa, m->policy, m->note[0] ? "; " : "",
             m->note);
    x->workers[m->worker].is_ready = true;
    atl_pool_set_phase(x, m->worker, ATL_WORKER_READY, text);
    atl_pool_tell(x, event_of(m, ATL_EV_WORKER_READY));
}

static void report_lease(atl_executor *x, const atl_message *m, atl_pool_event_type type)
{
    const atl_future *future = atl_pool_find(x, m->lease.index);
    if (!future)
        return;
    atl_pool_report(x, &(atl_pool_event){.type = type,
                                         .worker = m->worker,
                                         .phase = ATL_WORKER_PAINTING,
                                         .index = future->result.index,
                                         .job = future->result.job,
                                         .attempt = m->lease.attempt,
                                         .step = m->step,
                                         .n_steps = m->n_steps,
                                         .text = ""});
}

static void on_started(atl_executor *x, const atl_message *m)
{
    atl_pool_worker *worker = &x->workers[m->worker];
    worker->phase = ATL_WORKER_PAINTING;
    worker->started_job = m->lease.index;
    worker->started_token = m->lease.token;
    atl_pool_tell(x, event_of(m, ATL_EV_JOB_STARTED));
    report_lease(x, m, ATL_POOL_STARTED);
}

static void on_beat(atl_executor *x, const atl_message *m)
{
    atl_pool_tell(x, event_of(m, ATL_EV_BEAT));
    report_lease(x, m, ATL_POOL_STEP);
}

/* The picture came along, or lies on the worker's tray. */
static void on_result(atl_executor *x, const atl_message *m, atl_frame *picture)
{
    if (!picture->bytes)
        *picture = atl_frame_of_tray(x->workers[m->worker].tray, m->lease.token, m->png_bytes);
    if (!picture->bytes || picture->n_bytes != m->png_bytes) {
        x->counts.foreign++;
        atl_pool_kill_worker(x, m->worker, "it sent a result without its picture");
        return;
    }
    atl_pool_tell(x, event_of(m, ATL_EV_RESULT));
}

/* What no other worker could do better: the request itself is at fault. */
static bool is_fault_of_job(atl_status status)
{
    return status == ATL_USAGE || status == ATL_BAD_INPUT || status == ATL_UNSUPPORTED ||
           status == ATL_NOT_FOUND;
}

static void on_failed(atl_executor *x, const atl_message *m)
{
    atl_future *future = atl_pool_find(x, m->lease.index);
    if (future) { /* for the day when it is given up; a later attempt may succeed and clear it */
        future->result.status = m->status;
        atl_fail(&future->result.note, m->status, "%s", m->note);
    }
    atl_event event = event_of(m, ATL_EV_JOB_FAILED);
    event.fatal_for_job = is_fault_of_job(m->status);
    atl_pool_tell(x, event);
}

/* A model that is bad is bad for every worker: the pool ends. What may be this process's own trouble counts
 * as one of its deaths. */
static void on_unable(atl_executor *x, const atl_message *m)
{
    atl_pool_worker *worker = &x->workers[m->worker];
    worker->left = true;
    snprintf(worker->why, sizeof worker->why, "%s", m->note);
    if (is_fault_of_job(m->status))
        atl_pool_break(x, m->status, "%s", m->note);
}

static void take_message(atl_executor *x, atl_incoming *in, atl_message *m)
{
    if (m->type == ATL_MSG_HELLO) {
        on_hello(x, m, &in->peer);
        return;
    }
    atl_pool_worker *worker = &x->workers[m->worker];
    if (!worker->has_peer || memcmp(&worker->peer, &in->peer, sizeof in->peer) != 0) {
        x->counts.foreign++;
        return;
    }
    const bool leased = m->type == ATL_MSG_STARTED || m->type == ATL_MSG_BEAT || m->type == ATL_MSG_RESULT ||
                        m->type == ATL_MSG_FAILED || m->type == ATL_MSG_RETURNED;
    if (leased && memcmp(m->lease.run, x->run, sizeof x->run) != 0) {
        x->counts.foreign++;
        return;
    }
    worker->heard_ns = atl_pool_now_ns(x);
    x->message = m;
    x->picture = &in->picture;
    switch (m->type) {
    case ATL_MSG_READY:
        on_ready(x, m);
        break;
    case ATL_MSG_ALIVE:
        atl_pool_tell(x, event_of(m, ATL_EV_HEARD));
        break;
    case ATL_MSG_STARTED:
        on_started(x, m);
        break;
    case ATL_MSG_BEAT:
        on_beat(x, m);
        break;
    case ATL_MSG_RESULT:
        on_result(x, m, &in->picture);
        break;
    case ATL_MSG_FAILED:
        on_failed(x, m);
        break;
    case ATL_MSG_RETURNED:
        atl_pool_tell(x, event_of(m, ATL_EV_RETURNED));
        break;
    case ATL_MSG_UNABLE:
        on_unable(x, m);
        break;
    case ATL_MSG_BYE:
        worker->left = true;
        break;
    default:
        x->counts.foreign++;
        break;
    }
    atl_pool_obey(x); /* a RESULT is taken over now, while it is there */
    x->message = NULL;
    x->picture = NULL;
}

bool atl_pool_take_messages(atl_executor *x)
{
    for (int i = 0; i < MESSAGES_A_TURN; i++) {
        atl_incoming in;
        atl_message message = {0};
        if (!atl_server_receive(x->server, &in))
            return true;
        x->received_ns = atl_clock_now_ns();
        x->received_cpu_ns = atl_clock_thread_cpu_ns();
        atl_status st = in.malformed ? ATL_BAD_INPUT : in.no_memory ? ATL_NO_MEMORY : ATL_OK;
        if (st == ATL_OK)
            st = atl_message_decode(in.body, in.body_bytes, &message, NULL);
        if (st == ATL_NO_MEMORY) /* whoever waits for what was said would wait for ever */
            atl_pool_break(x, st, "no memory for what a worker says");
        else if (st == ATL_OK && message.worker < (uint32_t)x->plan.n_workers)
            take_message(x, &in, &message);
        else
            x->counts.foreign++;
        atl_message_done(&message);
        atl_frame_done(&in.picture);
    }
    return false;
}
