/* status.c - statuses and notes; see status.h. */
#include "base/status.h"

#include <stdio.h>
#include <string.h>

#undef atl_fail /* the analyzer's, see status.h */

atl_status atl_fail_v(atl_note *note, atl_status status, const char *format, va_list args)
{
    if (note)
        vsnprintf(note->text, sizeof note->text, format, args);
    return status;
}

atl_status atl_fail(atl_note *note, atl_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    atl_fail_v(note, status, format, args);
    va_end(args);
    return status;
}

void atl_note_prefix(atl_note *note, const char *format, ...)
{
    if (!note)
        return;
    atl_note whole;
    va_list args;
    va_start(args, format);
    vsnprintf(whole.text, sizeof whole.text, format, args);
    va_end(args);
    const size_t used = strlen(whole.text);
    /* The rest is cut to what fits: the place matters more than the tail. */
    snprintf(whole.text + used, sizeof whole.text - used, ": %.*s", (int)(sizeof whole.text - used),
             note->text);
    *note = whole;
}

int atl_status_exit_code(atl_status status)
{
    switch (status) {
    case ATL_OK:
        return 0;
    case ATL_USAGE:
        return 2;
    default:
        return 1;
    }
}
