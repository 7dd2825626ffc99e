/* leavings.h - folders that killed coordinators left. Private to the room. */
#ifndef ATL_COORDINATOR_LEAVINGS_H
#define ATL_COORDINATOR_LEAVINGS_H

#include <stddef.h>
#include <time.h>

#define ATL_SERVER_FOLDER "atelier-XXXXXX" /* as mkdtemp takes it */
#define ATL_SERVER_SOCKET "socket"

/* Removes from `parent` the folders of this user that are named and made like a pool's and have nobody in
 * them: their socket, older than a minute, refuses connections, or they are empty and older than an hour.
 * What is anything else, or in use, stays. `now` is CLOCK_REALTIME's seconds. Returns how many were removed.
 */
size_t atl_leavings_sweep(const char *parent, time_t now);

#endif
