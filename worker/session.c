/* session.c - see session.h.
 *
 * One thread owns the DEALER socket. It sleeps in zmq_poll on the socket and on the outbox's event, at most
 * word_every_ms: each time it wakes it notes so on its desk, which the coordinator looks at when it begins to
 * doubt; where there is no desk it says ALIVE with nothing said for that long. That is what ZMTP's own
 * heartbeats would do, but by this thread rather than by ZeroMQ's, and without waking anybody; a stopped
 * process falls silent either way.
 *
 * Frames are given to ZeroMQ without a copy and freed by its own thread: `handed_over` says so to the memory
 * model, as ZeroMQ's own synchronisation cannot be seen by tools.
 *
 * Leaving. Drained: no task is in the worker and the outbox is empty. The socket lingers LINGER_MS so that
 * what was said is heard. */
#include "session.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "base/clock.h"

enum { LINGER_MS = 2000, HIGH_WATER = 64, ROUTING_ID_BYTES = 16, HOLD_MS = 150 };

typedef struct session {
    atl_shop *shop;
    const atl_worker_options *options;
    uint8_t run[16];
    void *context, *socket;
    atl_link *unsent; /* taken from the outbox, in order */
    atl_link **unsent_end;
    int64_t hold_until_ns; /* 0: nothing of it waits for company */
    int n_tasks;           /* in the worker */
    int64_t said_ns;
    pid_t parent;
    bool draining, leaving;
} session;

static atl_status fail_zmq(atl_note *note, const char *what)
{
    return atl_fail(note, ATL_IO, "worker: cannot %s: %s", what, zmq_strerror(zmq_errno()));
}

/* ---- out ---- */

typedef struct handed {
    atomic_bool over;
    char *data;
} handed;

static void free_handed(void *data, void *hint)
{
    (void)data;
    handed *h = hint;
    if (atomic_load_explicit(&h->over, memory_order_acquire))
        free(h->data);
    free(h);
}

/* Gives the text's bytes away, on success. False: the socket takes nothing now, or memory is out. */
static bool send_text(session *s, atl_text *text, int flags)
{
    handed *h = malloc(sizeof *h);
    zmq_msg_t frame;
    if (!h)
        return false;
    h->data = text->data;
    atomic_init(&h->over, false);
    if (zmq_msg_init_data(&frame, text->data, text->length, free_handed, h) != 0) {
        free(h);
        return false;
    }
    atomic_store_explicit(&h->over, true, memory_order_release);
    if (zmq_msg_send(&frame, s->socket, flags | ZMQ_DONTWAIT) < 0) {
        atomic_store_explicit(&h->over, false, memory_order_release); /* the text stays ours */
        zmq_msg_close(&frame);
        return false;
    }
    *text = (atl_text){0};
    return true;
}

static bool send_parcel(session *s, atl_parcel *parcel)
{
    if (parcel->frame.data && !send_text(s, &parcel->frame, parcel->picture.data ? ZMQ_SNDMORE : 0))
        return false;
    if (parcel->picture.data && !send_text(s, &parcel->picture, 0))
        return false;
    s->said_ns = atl_clock_now_ns();
    s->n_tasks -= parcel->ends_task;
    s->leaving = s->leaving || parcel->last;
    return true;
}

static void append(session *s, atl_link *items)
{
    *s->unsent_end = items;
    while (*s->unsent_end)
        s->unsent_end = &(*s->unsent_end)->next;
}

/* Whether what is there waits for more: a picture is taken up while the one before is encoded, and told
 * together they wake the coordinator once. */
static bool holds(session *s)
{
    bool waits = s->unsent && s->shop->is_read;
    for (const atl_link *item = s->unsent; item && waits; item = item->next)
        waits = ((const atl_parcel *)item)->can_wait;
    const int64_t now_ns = atl_clock_now_ns();
    if (waits && s->hold_until_ns == 0)
        s->hold_until_ns = now_ns + (int64_t)HOLD_MS * 1000000;
    if (waits && now_ns < s->hold_until_ns)
        return true;
    s->hold_until_ns = 0;
    return false;
}

static void flush(session *s)
{
    append(s, atl_channel_take_all(&s->shop->outbox));
    if (holds(s))
        return;
    while (s->unsent) {
        atl_link *next = s->unsent->next;
        if (!send_parcel(s, (atl_parcel *)s->unsent))
            return;
        atl_parcel_free((atl_parcel *)s->unsent);
        s->unsent = next;
    }
    s->unsent_end = &s->unsent;
}

/* The session's own words go before what is in the outbox: the painter may be READY before HELLO was said. */
static void say_of(session *s, atl_message_type type, const atl_lease *lease)
{
    atl_message message = {.type = type, .worker = s->options->worker, .pid = getpid()};
    if (lease)
        message.lease = *lease;
    atl_parcel *parcel = NULL;
    atl_note nobody;
    memcpy(message.lease.run, s->run, sizeof s->run);
    s->said_ns = atl_clock_now_ns();
    if (atl_parcel_new(&message, &parcel, &nobody) != ATL_OK) {
        if (type == ATL_MSG_HELLO) /* signs of life may be lost, and leaving tells what BYE does */
            atomic_store(&s->shop->mute, true);
        return;
    }
    append(s, &parcel->link);
    flush(s);
}

static void say(session *s, atl_message_type type)
{
    say_of(s, type, NULL);
}

/* ---- in ---- */

static void take_job(session *s, atl_message *message)
{
    if (s->draining)
        return; /* a lease that is not answered ends with this process */
    atl_task *task = calloc(1, sizeof *task);
    if (!task) {
        atomic_store(&s->shop->mute, true);
        return;
    }
    task->lease = message->lease;
    task->job = message->job;
    message->job = (atl_job){0};
    task->arrived_ns = atl_clock_now_ns();
    s->n_tasks++;
    atl_channel_push(&s->shop->inbox, &task->link);
}

/* What was not started is given back: BYE tells the coordinator so, by saying nothing of it. */
static void begin_to_drain(session *s)
{
    s->draining = true;
    for (atl_link *item = atl_channel_take_all(&s->shop->inbox), *next; item; item = next) {
        next = item->next;
        atl_task_free((atl_task *)item);
        s->n_tasks--;
    }
}

static bool has_lease(void *lease, const atl_link *item)
{
    const atl_lease *wanted = lease, *found = &((const atl_task *)item)->lease;
    return found->index == wanted->index && found->attempt == wanted->attempt &&
           found->token == wanted->token;
}

/* The inbox decides: what the painter has taken out of it is painted here. */
static void give_back(session *s, atl_lease *lease)
{
    atl_link *item = atl_channel_remove(&s->shop->inbox, has_lease, lease);
    if (!item)
        return;
    atl_task_free((atl_task *)item);
    s->n_tasks--;
    say_of(s, ATL_MSG_RETURNED, lease);
}

static void take_message(session *s, const void *bytes, size_t n)
{
    atl_message message = {0};
    atl_note nobody;
    const atl_status st = atl_message_decode(bytes, n, &message, &nobody);
    if (st == ATL_NO_MEMORY)
        atomic_store(&s->shop->mute, true);
    if (st != ATL_OK)
        return;
    switch (message.type) {
    case ATL_MSG_JOB:
        if (memcmp(message.lease.run, s->run, sizeof s->run) == 0)
            take_job(s, &message);
        break;
    case ATL_MSG_RECALL:
        give_back(s, &message.lease);
        break;
    case ATL_MSG_DRAIN:
        begin_to_drain(s);
        break;
    case ATL_MSG_STOP:
        atomic_store(&s->shop->stopping, true);
        s->leaving = true;
        break;
    default: /* the rest is what workers say */
        break;
    }
    atl_message_done(&message);
}

static void receive(session *s)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    while (zmq_msg_recv(&frame, s->socket, ZMQ_DONTWAIT) >= 0)
        take_message(s, zmq_msg_data(&frame), zmq_msg_size(&frame));
    zmq_msg_close(&frame);
}

/* ---- life ---- */

static bool coordinator_is_gone(const session *s)
{
    return getppid() != s->parent;
}

static void show_life(session *s)
{
    const int64_t now_ns = atl_clock_now_ns();
    atl_desk_live(s->shop->desk, now_ns);
    if (!s->shop->is_read && now_ns - s->said_ns >= (int64_t)s->shop->word_every_ms * 1000000)
        say(s, ATL_MSG_ALIVE);
}

static long timeout_ms(const session *s)
{
    const long every_ms = s->shop->word_every_ms;
    if (s->hold_until_ns == 0)
        return every_ms;
    const int64_t left_ns = s->hold_until_ns - atl_clock_now_ns();
    const long left_ms = left_ns > 0 ? (long)(left_ns / 1000000) + 1 : 0;
    return left_ms < every_ms ? left_ms : every_ms;
}

static atl_status serve(session *s, atl_note *note)
{
    say(s, ATL_MSG_HELLO);
    while (!s->leaving) {
        zmq_pollitem_t items[2] = {
            {.socket = s->socket,
             .events = (short)(ZMQ_POLLIN | (s->unsent && s->hold_until_ns == 0 ? ZMQ_POLLOUT : 0))},
            {.fd = s->shop->outbox.event_fd, .events = ZMQ_POLLIN},
        };
        if (zmq_poll(items, 2, timeout_ms(s)) < 0 && errno != EINTR)
            return fail_zmq(note, "wait");
        receive(s);
        flush(s);
        if (coordinator_is_gone(s))
            return ATL_OK;
        if (atomic_load(&s->shop->mute))
            return atl_fail(note, ATL_NO_MEMORY, "no memory for what the coordinator must hear");
        show_life(s);
        if (s->draining && s->n_tasks == 0 && !s->unsent) {
            say(s, ATL_MSG_BYE);
            s->leaving = true;
        }
    }
    return ATL_OK;
}

static atl_status connect_to(session *s, atl_note *note)
{
    s->context = zmq_ctx_new();
    s->socket = s->context ? zmq_socket(s->context, ZMQ_DEALER) : NULL;
    if (!s->socket)
        return fail_zmq(note, "open a socket");
    uint8_t id[ROUTING_ID_BYTES]; /* a fresh one for each process; ZeroMQ keeps those that begin with 0 */
    randombytes_buf(id, sizeof id);
    id[0] |= 1;
    const int64_t max_frame = ATL_MAX_FRAME_BYTES;
    const int linger = LINGER_MS, high_water = HIGH_WATER;
    if (zmq_setsockopt(s->socket, ZMQ_ROUTING_ID, id, sizeof id) != 0 ||
        zmq_setsockopt(s->socket, ZMQ_MAXMSGSIZE, &max_frame, sizeof max_frame) != 0 ||
        zmq_setsockopt(s->socket, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_setsockopt(s->socket, ZMQ_SNDHWM, &high_water, sizeof high_water) != 0 ||
        zmq_setsockopt(s->socket, ZMQ_RCVHWM, &high_water, sizeof high_water) != 0)
        return fail_zmq(note, "set up a socket");
    if (zmq_connect(s->socket, s->options->endpoint) != 0)
        return fail_zmq(note, "connect to the coordinator");
    return ATL_OK;
}

atl_status atl_session_run(atl_shop *shop, const atl_worker_options *options, atl_note *note)
{
    session s = {.shop = shop, .options = options, .parent = getppid()};
    s.unsent_end = &s.unsent;
    size_t n = 0;
    if (sodium_hex2bin(s.run, sizeof s.run, options->run_hex, strlen(options->run_hex), NULL, &n, NULL) !=
            0 ||
        n != sizeof s.run)
        return atl_fail(note, ATL_USAGE, "--run: found '%s', wanted %zu hex digits", options->run_hex,
                        2 * sizeof s.run);
    atl_status st = connect_to(&s, note);
    if (st == ATL_OK)
        st = serve(&s, note);
    while (s.unsent) {
        atl_link *next = s.unsent->next;
        atl_parcel_free((atl_parcel *)s.unsent);
        s.unsent = next;
    }
    if (s.socket)
        zmq_close(s.socket);
    if (s.context)
        zmq_ctx_term(s.context);
    return st;
}
