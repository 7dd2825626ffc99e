/* pictures.h - puts whole files into a run's directory, or nothing.
 *
 * Commit order (docs/ARCHITECTURE.md): temporary file → all bytes → fdatasync → rename → fsync of the
 * directory; the caller's ledger record comes after. A reader sees the whole picture or none. Names come from
 * prompt files, so nothing here follows a link or leaves the directory. */
#ifndef ATL_RESULTS_PICTURES_H
#define ATL_RESULTS_PICTURES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define ATL_MAX_PICTURE_NAME 250 /* bytes, ".png" included */

/* Whether a name can stand in a run's directory: no separator, no control character, not hidden, no "..",
 * short enough. */
bool atl_picture_name_ok(const char *name);

typedef enum atl_put { ATL_PUT_NEW, ATL_PUT_REPLACE } atl_put;

/* Writes `name` into the directory. NEW refuses to overwrite (ATL_USAGE); REPLACE is for repainting what this
 * run painted. `sync` waits for the disk. *ret_full (may be NULL) says that there was no room: the temporary
 * file is gone, and the call may be repeated. Errors: ATL_USAGE, ATL_IO. */
atl_status atl_picture_put(int dir_fd, const char *name, const void *bytes, size_t n, atl_put how, bool sync,
                           bool *ret_full, atl_note *note);

/* Removes the temporary files that a crash left. Returns how many. */
size_t atl_pictures_sweep(int dir_fd);

/* The size of the file of that name; -1 when it is not there or is no regular file. */
int64_t atl_picture_size(int dir_fd, const char *name);

/* Whether a file can be made there at all, tried before anything is loaded. Errors: ATL_IO. */
atl_status atl_pictures_try(int dir_fd, atl_note *note);

#endif
