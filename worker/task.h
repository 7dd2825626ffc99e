/* task.h - what goes from thread to thread inside a worker. Private to the room.
 *
 * A task is one lease with its job: the session makes it, the painter adds the picture, the encoder turns it
 * into parcels. A parcel is one message to the coordinator, in bytes, with the PNG behind a RESULT. */
#ifndef ATL_WORKER_TASK_H
#define ATL_WORKER_TASK_H

#include <stdatomic.h>

#include "channel.h"
#include "engine/engine.h"
#include "image/picture.h"
#include "schemas/desk.h"
#include "schemas/message.h"
#include "schemas/tray.h"

typedef struct atl_task {
    atl_link link;
    atl_lease lease;
    atl_job job;
    int64_t arrived_ns;
    atl_picture init;     /* image to image: resized to the picture's size */
    char init_digest[65]; /* of its pixels; "" without one */
    atl_painting painting;
    atl_job_timings timings;
    int64_t told_ns; /* when the coordinator last heard of it */
} atl_task;

void atl_task_free(atl_task *task); /* accepts NULL */

typedef struct atl_parcel {
    atl_link link;
    atl_text frame, picture; /* picture.data NULL: one frame */
    bool ends_task;          /* RESULT or FAILED: one job less in this worker */
    bool last;               /* UNABLE: nothing follows */
    bool can_wait;           /* STARTED, which the desk shows too: it may go with what follows */
} atl_parcel;

void atl_parcel_free(atl_parcel *parcel); /* accepts NULL */
atl_status atl_parcel_new(const atl_message *message, atl_parcel **ret, atl_note *note);
/* A message as a parcel in the channel; the picture's bytes, unless NULL, go with it. Errors: ATL_NO_MEMORY.
 */
atl_status atl_parcel_post(atl_channel *outbox, const atl_message *message, atl_text *take_picture,
                           atl_note *note);

/* The worker as its threads see it. */
typedef struct atl_shop {
    uint32_t number;
    int word_every_ms;
    atl_desk *desk;       /* what painter and encoder have before them: the coordinator's, or … */
    atl_desk own_desk;    /* … where it gave none, one that nobody reads */
    bool is_read;         /* signs of life on the desk are seen, and need not be said */
    atl_tray *tray;       /* the encoder lays pictures on it; NULL: there is none */
    atl_channel inbox;    /* session → painter: atl_task */
    atl_channel painted;  /* painter → encoder: atl_task */
    atl_channel outbox;   /* painter, encoder → session: atl_parcel */
    atomic_bool stopping; /* STOP: give up what is being painted */
    atomic_bool mute;     /* there was no memory for what the coordinator must hear: the process is to end,
                             which says the same */
} atl_shop;

#endif
