/* channel.h - a queue between two threads of a worker. Private to the room.
 *
 * First in, first out; unbounded, because the credit of the coordinator bounds what is in a worker. Whoever
 * pushes gives the item away. A reader either waits in atl_channel_take, or, where it waits for a socket too,
 * polls `event_fd` and takes without waiting. Any thread may call anything, but `open` and `done`. */
#ifndef ATL_WORKER_CHANNEL_H
#define ATL_WORKER_CHANNEL_H

#include <pthread.h>
#include <stdbool.h>

#include "base/status.h"

/* The first member of whatever goes through a channel. */
typedef struct atl_link {
    struct atl_link *next;
} atl_link;

typedef struct atl_channel {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    atl_link *first, **end;
    bool closed;
    int event_fd; /* readable while something may be there; -1: the reader waits in take */
} atl_channel;

/* Errors: ATL_IO (no eventfd). */
atl_status atl_channel_open(atl_channel *channel, bool with_event_fd, atl_note *note);
/* The channel must be empty and nobody may be inside. Accepts one that is all zero. */
void atl_channel_done(atl_channel *channel);

void atl_channel_push(atl_channel *channel, atl_link *item);
/* Waits for an item; NULL once the channel is closed, whatever is still in it. */
atl_link *atl_channel_take(atl_channel *channel);
/* The first item, if there is one and `wanted` (or NULL) says yes to it; NULL otherwise. */
atl_link *atl_channel_take_if(atl_channel *channel, bool (*wanted)(void *user, const atl_link *item),
                              void *user);
/* Everything that is there, as a list; forgets the event. */
atl_link *atl_channel_take_all(atl_channel *channel);
/* The first item that is wanted, wherever in the queue, or NULL. */
atl_link *atl_channel_remove(atl_channel *channel, bool (*wanted)(void *user, const atl_link *item),
                             void *user);
void atl_channel_close(atl_channel *channel);

#endif
