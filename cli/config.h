/* config.h - the config file, and what is in force: option > environment > config file > default.
 *
 * The file is $XDG_CONFIG_HOME/atelier/config (or ~/.config/atelier/config): lines of "steps = 20" in the
 * options' names, and comments that begin with #. Only options that have an environment variable can stand in
 * it: what it says counts as if that variable were set, where it is not. */
#ifndef ATL_CLI_CONFIG_H
#define ATL_CLI_CONFIG_H

#include "base/options.h"

typedef struct config {
    char path[4096]; /* "" where there is none */
    bool *from_file; /* [n_options] */
} config;

/* Before the options are parsed. Errors: ATL_BAD_INPUT (with the line), ATL_IO, ATL_NO_MEMORY. No file is no
 * error. */
atl_status config_load(const atl_command *command, config *ret, atl_note *note);
void config_done(config *c);

/* On stdout: each option, its value, and where it comes from. `values` is the command's struct. argv as it
 * was before parsing. */
void config_print(const atl_command *command, const config *c, const void *values, int argc, char **argv);

#endif
