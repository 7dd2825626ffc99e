/* workers_arg.c - see workers_arg.h. */
#include "workers_arg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/placement.h"

atl_status workers_arg_read(const char *text, int *ret_n, atl_note *note)
{
    char *end;
    errno = 0;
    const long n = strtol(text, &end, 10);
    const bool is_auto = strcmp(text, "auto") == 0;
    if (!is_auto && (text[0] < '0' || text[0] > '9' || *end || errno || n < 1 || n > ATL_PLAN_MAX_WORKERS))
        return atl_fail(note, ATL_USAGE, "--workers: found '%s', wanted auto or a whole number from 1 to %d",
                        text, (int)ATL_PLAN_MAX_WORKERS);
    *ret_n = is_auto ? 0 : (int)n;
    return ATL_OK;
}
