/* server.c - see server.h. */
#include "server.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "leavings.h"
#include "schemas/message.h"

#define LONGEST_FOLDER 80 /* sockaddr_un holds 107 bytes */

struct atl_server {
    char folder[LONGEST_FOLDER + 24], endpoint[LONGEST_FOLDER + 48];
    void *context, *socket;
    zmq_msg_t body;
    int told_fd;           /* ZeroMQ's: readable when its socket may have news */
    struct pollfd *polled; /* [1 + n_fds]: that, then fds */
    size_t n_fds;
};

static atl_status fail_zmq(atl_note *note, const char *what)
{
    return atl_fail(note, ATL_IO, "the pool's socket: cannot %s: %s", what, zmq_strerror(zmq_errno()));
}

/* ---- frames ---- */

atl_frame atl_frame_of_tray(atl_tray *tray, uint64_t token, size_t n_bytes)
{
    uint32_t slot = 0;
    const uint8_t *bytes = atl_tray_take(tray, token, n_bytes, &slot);
    return bytes ? (atl_frame){.bytes = bytes, .n_bytes = n_bytes, .tray = tray, .slot = slot}
                 : (atl_frame){0};
}

void atl_frame_done(atl_frame *frame)
{
    if (frame->tray)
        atl_tray_give_back(frame->tray, frame->slot);
    if (frame->message) {
        zmq_msg_close(frame->message);
        free(frame->message);
    }
    *frame = (atl_frame){0};
}

/* ---- opening ---- */

static bool make_folder_in(atl_server *server, const char *parent)
{
    if (!parent || parent[0] != '/' || strlen(parent) > LONGEST_FOLDER)
        return false;
    atl_leavings_sweep(parent, time(NULL));
    snprintf(server->folder, sizeof server->folder, "%s/" ATL_SERVER_FOLDER, parent);
    if (mkdtemp(server->folder) && chmod(server->folder, 0700) == 0)
        return true;
    server->folder[0] = '\0';
    return false;
}

static atl_status make_folder(atl_server *server, atl_note *note)
{
    if (make_folder_in(server, getenv("XDG_RUNTIME_DIR")) || make_folder_in(server, getenv("TMPDIR")) ||
        make_folder_in(server, "/tmp"))
        return ATL_OK;
    return atl_fail(note, ATL_IO,
                    "cannot make a folder for the pool's socket in $XDG_RUNTIME_DIR, $TMPDIR or /tmp");
}

static bool set_int(atl_server *server, int option, int value)
{
    return zmq_setsockopt(server->socket, option, &value, sizeof value) == 0;
}

static atl_status open_socket(atl_server *server, int high_water, atl_note *note)
{
    const int64_t max_frame = ATL_MAX_FRAME_BYTES;
    server->context = zmq_ctx_new();
    server->socket = server->context ? zmq_socket(server->context, ZMQ_ROUTER) : NULL;
    if (!server->socket)
        return fail_zmq(note, "open it");
    if (!set_int(server, ZMQ_ROUTER_MANDATORY, 1) || !set_int(server, ZMQ_LINGER, 0) ||
        !set_int(server, ZMQ_SNDHWM, high_water) || !set_int(server, ZMQ_RCVHWM, high_water) ||
        !set_int(server, ZMQ_HANDSHAKE_IVL, 1000) ||
        zmq_setsockopt(server->socket, ZMQ_MAXMSGSIZE, &max_frame, sizeof max_frame) != 0)
        return fail_zmq(note, "set it up");
    size_t size = sizeof server->told_fd;
    if (zmq_getsockopt(server->socket, ZMQ_FD, &server->told_fd, &size) != 0)
        return fail_zmq(note, "find what to wait for");
    snprintf(server->endpoint, sizeof server->endpoint, "ipc://%s/" ATL_SERVER_SOCKET, server->folder);
    if (zmq_bind(server->socket, server->endpoint) != 0)
        return fail_zmq(note, "bind it");
    return ATL_OK;
}

atl_status atl_server_open(int high_water, size_t n_fds, atl_server **ret, atl_note *note)
{
    atl_server *server = calloc(1, sizeof *server);
    if (!server)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the pool's socket");
    zmq_msg_init(&server->body);
    server->n_fds = n_fds;
    server->polled = calloc(n_fds + 1, sizeof *server->polled);
    atl_status st =
        server->polled ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for the pool's socket");
    if (st == ATL_OK)
        st = make_folder(server, note);
    if (st == ATL_OK)
        st = open_socket(server, high_water, note);
    if (st != ATL_OK) {
        atl_server_close(&server);
        return st;
    }
    *ret = server;
    return ATL_OK;
}

void atl_server_close(atl_server **server)
{
    atl_server *s = *server;
    *server = NULL;
    if (!s)
        return;
    zmq_msg_close(&s->body);
    if (s->socket)
        zmq_close(s->socket);
    if (s->context)
        zmq_ctx_term(s->context);
    if (s->folder[0]) {
        char path[sizeof s->folder + sizeof ATL_SERVER_SOCKET];
        snprintf(path, sizeof path, "%s/" ATL_SERVER_SOCKET, s->folder);
        unlink(path);
        rmdir(s->folder);
    }
    free(s->polled);
    free(s);
}

const char *atl_server_endpoint(const atl_server *server)
{
    return server->endpoint;
}

/* ---- work ---- */

/* What the socket is ready for. ZeroMQ learns what came, and what a peer has read, from commands that it
 * looks at only now and then; asking makes it look. */
static int socket_events(atl_server *server)
{
    int events = 0;
    size_t size = sizeof events;
    zmq_getsockopt(server->socket, ZMQ_EVENTS, &events, &size);
    return events;
}

/* ZeroMQ's descriptor tells of changes, not of what is there: that is asked for before it is waited for.
 * (This is zmq_poll without its two polls more.) A wait that was for nothing is a turn for nothing. */
void atl_server_wait(atl_server *server, const int *fds, bool *ret_readable, size_t n, int timeout_ms)
{
    server->polled[0] = (struct pollfd){.fd = server->told_fd, .events = POLLIN};
    for (size_t i = 0; i < n && i < server->n_fds; i++) /* poll passes over those below 0 */
        server->polled[1 + i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    const bool news = (socket_events(server) & ZMQ_POLLIN) != 0;
    const int rc = poll(server->polled, 1 + (n < server->n_fds ? n : server->n_fds), news ? 0 : timeout_ms);
    for (size_t i = 0; i < n; i++)
        ret_readable[i] = i < server->n_fds && rc > 0 && server->polled[1 + i].revents != 0;
}

/* The second frame of a message, moved to memory of its own. */
static bool take_picture(zmq_msg_t *from, atl_frame *ret)
{
    zmq_msg_t *message = malloc(sizeof *message);
    if (!message)
        return false;
    zmq_msg_init(message);
    zmq_msg_move(message, from);
    *ret = (atl_frame){.bytes = zmq_msg_data(message), .n_bytes = zmq_msg_size(message), .message = message};
    return true;
}

bool atl_server_receive(atl_server *server, atl_incoming *ret)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    *ret = (atl_incoming){0};
    if (zmq_msg_recv(&frame, server->socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&frame);
        return false;
    }
    ret->malformed = zmq_msg_size(&frame) != ATL_PEER_BYTES;
    if (!ret->malformed)
        memcpy(ret->peer.id, zmq_msg_data(&frame), ATL_PEER_BYTES);
    int n_frames = 0;
    while (zmq_msg_more(&frame)) { /* a message arrives whole: none of these can block */
        if (zmq_msg_recv(&frame, server->socket, ZMQ_DONTWAIT) < 0)
            break;
        n_frames++;
        const bool more = zmq_msg_more(&frame);
        if (n_frames == 1)
            zmq_msg_copy(&server->body, &frame);
        else if (n_frames == 2 && !more)
            ret->no_memory = !take_picture(&frame, &ret->picture);
        if (!more)
            break;
    }
    zmq_msg_close(&frame);
    ret->malformed |= n_frames < 1 || n_frames > 2;
    ret->body = zmq_msg_data(&server->body);
    ret->body_bytes = zmq_msg_size(&server->body);
    return true;
}

atl_status atl_server_send(atl_server *server, const atl_peer *peer, const void *bytes, size_t n_bytes)
{
    const int flags = ZMQ_SNDMORE | ZMQ_DONTWAIT;
    int rc = zmq_send(server->socket, peer->id, ATL_PEER_BYTES, flags);
    if (rc < 0 && zmq_errno() == EAGAIN) {
        (void)socket_events(server); /* a pipe may have seemed full that is not */
        rc = zmq_send(server->socket, peer->id, ATL_PEER_BYTES, flags);
    }
    if (rc < 0)
        return zmq_errno() == EHOSTUNREACH ? ATL_NOT_FOUND : ATL_IO;
    return zmq_send(server->socket, bytes, n_bytes, ZMQ_DONTWAIT) < 0 ? ATL_IO : ATL_OK;
}

/* ZeroMQ says so of those to whom something is sent. */
bool atl_server_has_gone(atl_server *server, const atl_peer *peer)
{
    (void)socket_events(server);
    return atl_server_send(server, peer, "", 0) == ATL_NOT_FOUND;
}
