/* workers_arg.h - what --workers says. */
#ifndef ATL_CLI_WORKERS_ARG_H
#define ATL_CLI_WORKERS_ARG_H

#include "base/status.h"

/* "auto" gives 0, else a whole number from 1 to ATL_PLAN_MAX_WORKERS. Errors: ATL_USAGE. */
atl_status workers_arg_read(const char *text, int *ret_n, atl_note *note);

#endif
