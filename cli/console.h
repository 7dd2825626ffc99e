/* console.h - data goes to stdout, words go to stderr: one line each, safe for any terminal. */
#ifndef ATL_CLI_CONSOLE_H
#define ATL_CLI_CONSOLE_H

#include <stdbool.h>

#include "base/options.h"
#include "base/status.h"

/* "atelier: <words>" on stderr. Control characters are shown as \xNN: notes may quote what a file holds. */
void console_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says what went wrong and returns the exit code for it. A status without a note gets plain words. */
int console_fail(atl_status status, const atl_note *note);

/* Whether stderr is a terminal that can move its cursor, and whether it may have colours (NO_COLOR). */
bool console_is_terminal(void);
bool console_has_colour(void);

/* Reads the command's options. Returns true if the command is to go on; otherwise *ret_code is the exit code:
 * --help was printed on stdout, or a mistake was named on stderr. */
bool console_parse(const atl_command *command, int argc, char **argv, void *values, char ***ret_operands,
                   int *ret_n_operands, int *ret_code);

#endif
