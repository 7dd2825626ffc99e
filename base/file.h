/* file.h - files: mapped for reading, read whole within a bound, and written so that a reader
 * sees either the old file or the whole new one. */
#ifndef ATL_BASE_FILE_H
#define ATL_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

/* A file mapped read-only. `data` is NULL for an empty file. */
typedef struct atl_mapping {
    const uint8_t *data;
    size_t size_bytes;
} atl_mapping;

/* Errors: ATL_NOT_FOUND (no such file), ATL_IO (anything else, a directory included). */
atl_status atl_mapping_open(const char *path, atl_mapping *ret, atl_note *note);
void atl_mapping_close(atl_mapping *mapping);

/* Tells the kernel that bytes [begin, end) will be read soon: it begins to fetch them, and does not wait. */
void atl_mapping_want(const atl_mapping *mapping, size_t begin, size_t end);

/* Tells the kernel that bytes [begin, end) will not be read again soon, so that weights that were
 * converted do not count twice in this process's memory. Rounds inward to whole pages. */
void atl_mapping_forget(const atl_mapping *mapping, size_t begin, size_t end);

/* The whole file as bytes plus a NUL that *ret_size does not count; free() it.
 * Errors: ATL_NOT_FOUND, ATL_IO, ATL_BAD_INPUT (more than max_bytes), ATL_NO_MEMORY. */
atl_status atl_file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_size,
                         atl_note *note);

/* Writes `path` by way of a temporary file beside it: write all, fsync, rename, fsync of the
 * directory. On failure nothing is left behind. Errors: ATL_IO. */
atl_status atl_file_write(const char *path, const void *data, size_t size, atl_note *note);

/* The same, but never in the place of something else: what stands at `path` already, or comes there
 * meanwhile, is left alone. Errors: ATL_IO. */
atl_status atl_file_write_new(const char *path, const void *data, size_t size, atl_note *note);

/* The name of the temporary file, "PATH.PID.tmp" in a new string, or NULL when memory is out; free() it.
 * Removes what processes that are no more left under such a name: of this `path`, regular, and not touched
 * for a minute. One write of a `path` at a time in a process. */
char *atl_file_beside(const char *path);

/* Makes the name `path` last, as after a rename only an fsync of its directory does. False, with errno set:
 * it could not. Where a file system cannot sync directories there is nothing to be done, and that is true. */
bool atl_file_sync_parent(const char *path);

/* Writes all of `data` at the descriptor's place, however many writes that takes. Returns false, with errno
 * set, if one fails; how much was written by then is not said. */
bool atl_fd_write(int fd, const void *data, size_t size);

/* The same for a text, which is empty afterwards; `name` is what errors call the file.
 * Errors: ATL_NO_MEMORY (the text ran out of it), ATL_IO. */
atl_status atl_text_write(atl_text *text, int fd, const char *name, atl_note *note);

/* Whether a file could be written at `path`, to be asked before hours of work: its directory must be
 * there and be writable, and `path` itself must not be a directory nor, unless `replace`, be there at
 * all. Errors: ATL_IO, ATL_NO_MEMORY. */
atl_status atl_file_check_target(const char *path, bool replace, atl_note *note);

/* mkdir -p. Errors: ATL_IO. */
atl_status atl_dir_make(const char *path, atl_note *note);

/* "dir/name" in a new string, or NULL when memory is out; free() it. */
char *atl_path_join(const char *dir, const char *name);

/* Whether something of that kind is there (links followed). */
bool atl_is_file(const char *path);
bool atl_is_dir(const char *path);

/* The most memory that this process ever had resident, in bytes (getrusage). */
size_t atl_peak_rss_bytes(void);

#endif
