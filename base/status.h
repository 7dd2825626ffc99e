/* status.h - how every function of the project says that something went wrong.
 *
 * The status tells the caller what to do; the note tells a person what happened:
 * where, what was found, what was wanted. Functions write their `ret_` results
 * only on ATL_OK. A note may be NULL where nobody will read it. */
#ifndef ATL_BASE_STATUS_H
#define ATL_BASE_STATUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum atl_status {
    ATL_OK = 0,
    ATL_USAGE,       /* the request cannot be meant: an unknown option, a size of 65 px. Exit code 2. */
    ATL_BAD_INPUT,   /* a file or a text breaks its format */
    ATL_UNSUPPORTED, /* well-formed, but something that this program does not do; the note names it */
    ATL_NOT_FOUND,   /* a file, tensor or key that has to be there is not */
    ATL_IO,          /* the system refused to read or write; the note has strerror's words */
    ATL_NO_MEMORY,
    ATL_CANCELLED, /* an observer asked to stop */
} atl_status;

/* One clear sentence for a person. Zero-initialise with `atl_note note = {0};`. */
typedef struct atl_note {
    char text[1024];
} atl_note;

/* Writes the sentence (cut to fit) and returns `status`, so that a failing function can
 * `return atl_fail(note, ATL_BAD_INPUT, "%s: ...", path);`. `note` may be NULL. */
atl_status atl_fail(atl_note *note, atl_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
atl_status atl_fail_v(atl_note *note, atl_status status, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#ifdef __clang_analyzer__ /* it sees one file at a time: show it that a failure returns the status that it   \
                             is given */
static inline atl_status atl_fail_analyzed(atl_status status)
{
    return status;
}
#define atl_fail(note, status, ...) atl_fail_analyzed(status)
#endif

/* Puts "<place>: " before what the note already says: a caller that knows more names the place. */
void atl_note_prefix(atl_note *note, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* FORMATS.md: 0 all done, 1 fatal, 2 usage. */
int atl_status_exit_code(atl_status status);

#endif
