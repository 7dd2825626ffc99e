/* pictures.h - puts whole files into a run's directory, or nothing.
 *
 * Commit order (docs/RELIABILITY.md): temporary file → all bytes, for each of a group; fdatasync, for each;
 * rename, for each; then one fsync of the directory for all that were put since the last; the caller's ledger
 * records come after that. The first sync of a group takes most of what the others wait for with it: blocks
 * of inodes and of the directory, which a rename in between would make dirty again. A reader sees the whole
 * picture or none. Names come from prompt files, so nothing here follows a
 * link or leaves the directory. */
#ifndef ATL_RESULTS_PICTURES_H
#define ATL_RESULTS_PICTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define ATL_MAX_PICTURE_NAME 250 /* bytes, ".png" included */

/* Whether a name can stand in a run's directory: no separator, no control character, not hidden, no "..",
 * short enough. */
bool atl_picture_name_ok(const char *name);

typedef enum atl_put { ATL_PUT_NEW, ATL_PUT_REPLACE } atl_put;

/* Puts pictures into one directory; for one thread. */
typedef struct atl_picture_writer atl_picture_writer;
/* `dir_fd` is borrowed. `sync`: each put waits until its bytes are on the disk. Errors: ATL_NO_MEMORY. */
atl_status atl_picture_writer_new(int dir_fd, bool sync, atl_picture_writer **ret, atl_note *note);
void atl_picture_writer_free(atl_picture_writer **writer);

/* A picture whose bytes stand in a temporary file. */
typedef struct atl_picture_part {
    int fd;
    char name[ATL_MAX_PICTURE_NAME + 1]; /* that it is to have */
} atl_picture_part;

/* Writes all bytes of the picture `name` into a temporary file; several may be begun before the first is
 * ended. *ret_full says that there was no room: the temporary file is gone, and the call may be repeated.
 * Errors: ATL_USAGE (the name), ATL_IO. */
atl_status atl_picture_begin(atl_picture_writer *writer, const char *name, const void *bytes, size_t n,
                             atl_picture_part *ret, bool *ret_full, atl_note *note);
/* Waits, if synced, until its bytes are on the disk, and closes it. *ret_full as above, and on any error the
 * part is gone. Errors: ATL_IO. */
atl_status atl_picture_settle(atl_picture_writer *writer, atl_picture_part *part, bool *ret_full,
                              atl_note *note);
/* Gives one that was settled its name. NEW refuses to overwrite (ATL_USAGE); REPLACE is for repainting what
 * this run painted. That its name is on the disk, too, takes atl_pictures_sync. The part is gone in any case.
 * *ret_full as above. Errors: ATL_USAGE, ATL_IO. */
atl_status atl_picture_put(atl_picture_writer *writer, atl_picture_part *part, atl_put how, bool *ret_full,
                           atl_note *note);
/* Gives it up, settled or not. */
void atl_picture_drop(atl_picture_writer *writer, atl_picture_part *part);

/* Waits until the names of all pictures that were put are on the disk. A failure is final: what reached the
 * disk is not known. Errors: ATL_IO. */
atl_status atl_pictures_sync(int dir_fd, atl_note *note);

/* Removes the temporary files that a crash left. Returns how many. */
size_t atl_pictures_sweep(int dir_fd);

/* The size of the file of that name; -1 when it is not there or is no regular file. */
int64_t atl_picture_size(int dir_fd, const char *name);

/* Whether a file can be made there at all, tried before anything is loaded. Errors: ATL_IO. */
atl_status atl_pictures_try(int dir_fd, atl_note *note);

#endif
