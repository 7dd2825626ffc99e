/* tray.h - memory on which a worker hands its pictures over: neither side copies them through a socket.
 *
 * A file of the worker's own, inherited, mapped by both. The encoder lays a picture into a free slot under
 * its lease's token and sends RESULT without a second frame; the coordinator finds it by the token and frees
 * the slot when nobody reads the picture any more. Where no slot is free, or the picture is too large for one
 * or too small to matter, or there is no memory, the picture goes as a frame, as before: a tray is never
 * needed. A slot begins at a page, so that it can be written past the page cache as it lies.
 *
 * One thread puts; any thread may take away. The tray of a process that ended stays until its pictures are
 * read. */
#ifndef ATL_SCHEMAS_TRAY_H
#define ATL_SCHEMAS_TRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum {
    ATL_TRAY_SLOTS = 4,
    ATL_TRAY_SLOT_BYTES = 2 << 20,  /* a picture of 1024 × 1024 px */
    ATL_TRAY_LEAST_BYTES = 64 << 10 /* what is less goes by the socket as cheaply */
};

typedef struct atl_tray atl_tray;

/* An empty tray in a file of its own, to be passed on as ret_fd, which the caller closes. Takes no memory
 * until something is put. Errors: ATL_IO, ATL_NO_MEMORY. */
atl_status atl_tray_open(atl_tray **ret, int *ret_fd, atl_note *note);
/* The worker's side of an inherited file, which it keeps. Errors: as above. */
atl_status atl_tray_map(int fd, atl_tray **ret, atl_note *note);
/* The memory goes when the last picture was given back, too. NULL inside: nothing. */
void atl_tray_leave(atl_tray **tray);

/* Copies n bytes into a free slot. False: they are to be sent otherwise. */
bool atl_tray_put(atl_tray *tray, uint64_t token, const void *bytes, size_t n);
/* What was put and not sent after all. */
void atl_tray_withdraw(atl_tray *tray, uint64_t token);

/* The n bytes that lie there under the token; NULL: there are none. Holds the tray until it is given back. */
const uint8_t *atl_tray_take(atl_tray *tray, uint64_t token, size_t n, uint32_t *ret_slot);
void atl_tray_give_back(atl_tray *tray, uint32_t slot);

#endif
