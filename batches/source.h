/* source.h - the lines of a prompt file, twice if need be.
 *
 * Bytes come through one buffer; a line is checked (length, NUL, UTF-8) before anybody reads it. Lines end by
 * LF, CR LF or CR; a byte order mark at the beginning is skipped. A pipe is copied to an unlinked temporary
 * file first. */
#ifndef ATL_BATCHES_SOURCE_H
#define ATL_BATCHES_SOURCE_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/status.h"
#include "base/text.h"

typedef struct atl_source {
    int fd;
    char *name; /* for messages */
    char *buffer;
    size_t begin, end; /* of what is in the buffer and unread */
    bool at_eof, skip_newline;
    bool too_long;      /* the line was over ATL_BATCH_MAX_LINE_BYTES, and was not kept */
    uint64_t line;      /* number of the line that was given last, from 1; 0 before the first */
    struct stat opened; /* so that a change between two passes is seen */
    bool spooled;       /* then nobody else can change it */
    atl_text text;      /* the line */
    atl_status status;  /* sticky: of the file, not of a line */
    atl_note note;
} atl_source;

/* Errors: ATL_NOT_FOUND, ATL_IO, ATL_NO_MEMORY. `path` "-" is standard input. */
atl_status atl_source_open(const char *path, const char *spool_dir, atl_source *ret, atl_note *note);
void atl_source_done(atl_source *source); /* accepts a zeroed one with fd = -1 */

/* The next line, without its end, NUL-terminated and borrowed until the next call; *ret_line is NULL at the
 * end of the file. Errors: ATL_BAD_INPUT with file, line and column (the next call gives the line after it);
 * ATL_IO, ATL_NO_MEMORY, and ATL_BAD_INPUT where the file was changed meanwhile (which stay). */
atl_status atl_source_next(atl_source *source, const char **ret_line, size_t *ret_n_bytes, atl_note *note);
/* The rest of the file as it is, for a picture: at most `max_bytes`. Borrowed. */
atl_status atl_source_rest(atl_source *source, size_t max_bytes, const char **ret, size_t *ret_n_bytes,
                           atl_note *note);
/* To the beginning. Errors: ATL_IO; ATL_BAD_INPUT (the file was changed meanwhile). */
atl_status atl_source_rewind(atl_source *source, atl_note *note);

/* An unlinked temporary file in `dir` (NULL: $TMPDIR, or /tmp). Errors: ATL_IO. */
atl_status atl_spool_open(const char *dir, int *ret_fd, atl_note *note);

/* The column, counted in characters from 1, of byte `at` of a line. */
size_t atl_column(const char *line, size_t at);

#endif
