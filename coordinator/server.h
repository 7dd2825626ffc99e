/* server.h - the pool's ROUTER socket: frames in, frames out. Private to the room.
 *
 * The only file of the room that knows ZeroMQ. The socket lies in a fresh directory that only this user may
 * enter: binding unlinks whatever stands at a path, and anybody may connect to an abstract one. For one
 * thread; a picture's frame may be read and freed by any other afterwards. */
#ifndef ATL_COORDINATOR_SERVER_H
#define ATL_COORDINATOR_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "schemas/tray.h"

#define ATL_PEER_BYTES 16 /* of a routing id: our workers take random ones */

typedef struct atl_peer {
    uint8_t id[ATL_PEER_BYTES];
} atl_peer;

/* A frame as it was received, or a picture as it lies on a worker's tray, without a copy. */
typedef struct atl_frame {
    const uint8_t *bytes; /* NULL: there is none */
    size_t n_bytes;
    void *message;
    atl_tray *tray;
    uint32_t slot;
} atl_frame;
/* What lies on the tray under the token; an empty frame where nothing does. */
atl_frame atl_frame_of_tray(atl_tray *tray, uint64_t token, size_t n_bytes);
void atl_frame_done(atl_frame *frame); /* accepts an empty one */

typedef struct atl_incoming {
    atl_peer peer;
    const void *body; /* until the next receive */
    size_t body_bytes;
    atl_frame picture; /* the second frame, if there is one: whoever receives frees it */
    bool no_memory;    /* for its picture: it is lost */
    bool malformed;    /* a routing id that is none of ours, or other than one or two frames */
} atl_incoming;

typedef struct atl_server atl_server;

/* `high_water`: frames that may wait for a worker, or from it. `n_fds`: the most that atl_server_wait is
 * asked for. Errors: ATL_IO, ATL_NO_MEMORY. */
atl_status atl_server_open(int high_water, size_t n_fds, atl_server **ret, atl_note *note);
void atl_server_close(atl_server **server); /* removes the directory, too */
const char *atl_server_endpoint(const atl_server *server);

/* Waits until a message is there or one of the fds is readable (fd < 0: left out), at most timeout_ms (-1:
 * for ever); ret_readable[i] says which. */
void atl_server_wait(atl_server *server, const int *fds, bool *ret_readable, size_t n, int timeout_ms);
/* False when no message is there now. */
bool atl_server_receive(atl_server *server, atl_incoming *ret);
/* Never blocks. Errors: ATL_NOT_FOUND (no such peer), ATL_IO (it takes no more now). */
atl_status atl_server_send(atl_server *server, const atl_peer *peer, const void *bytes, size_t n_bytes);
/* Of a process that has ended: whether its connection is gone, too. Then nothing more comes of it than can be
 * received now. */
bool atl_server_has_gone(atl_server *server, const atl_peer *peer);

#endif
