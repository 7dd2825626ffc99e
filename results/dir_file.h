/* dir_file.h - whole small files of an open directory: read within a bound, written so that a reader sees the
 * old one or the new one. No link is followed. */
#ifndef ATL_RESULTS_DIR_FILE_H
#define ATL_RESULTS_DIR_FILE_H

#include <stddef.h>

#include "base/status.h"

/* All bytes and a NUL that *ret_n does not count; free() them. Errors: ATL_NOT_FOUND, ATL_IO, ATL_BAD_INPUT
 * (more than max_bytes, no regular file), ATL_NO_MEMORY. */
atl_status atl_dir_file_read(int dir_fd, const char *name, size_t max_bytes, char **ret_bytes, size_t *ret_n,
                             atl_note *note);
/* Writes beside, syncs, renames, syncs the directory; on failure nothing is left behind. Errors: ATL_IO. */
atl_status atl_dir_file_write(int dir_fd, const char *name, const void *bytes, size_t n, atl_note *note);

#endif
