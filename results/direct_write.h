/* direct_write.h - whole files past the page cache; private to the room.
 *
 * A picture is written once, synced at once, and not read back soon: in the page cache it would cost its copy
 * into fresh memory and push out what is in use, a model's files for one. */
#ifndef ATL_RESULTS_DIRECT_WRITE_H
#define ATL_RESULTS_DIRECT_WRITE_H

#include <stdbool.h>
#include <stddef.h>

/* Aligned memory that is used again for each file; {0} to begin with. */
typedef struct atl_bounce {
    unsigned char *bytes;
} atl_bounce;
void atl_bounce_done(atl_bounce *bounce);

/* Writes all into an empty file at its beginning. False: this file system does not do it, or something went
 * wrong; the file may hold anything, at any position, and is to be written the usual way, which tells why. */
bool atl_write_direct(int fd, atl_bounce *bounce, const void *bytes, size_t n);

#endif
