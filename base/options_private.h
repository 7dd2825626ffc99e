/* options_private.h - between options.c and options_value.c. */
#ifndef ATL_BASE_OPTIONS_PRIVATE_H
#define ATL_BASE_OPTIONS_PRIVATE_H

#include "base/options.h"

/* Reads `text` as the row says and stores it in `values`. `place` is what the message blames: the option's
 * name, or the environment variable's. Errors: ATL_USAGE. */
atl_status atl_option_set(const atl_option *option, const char *place, const char *text, void *values,
                          atl_note *note);

#endif
