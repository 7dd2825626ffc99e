/* run_show.h - pictures in terminals that can show them. */
#ifndef ATL_CLI_RUN_SHOW_H
#define ATL_CLI_RUN_SHOW_H

#include <stddef.h>
#include <stdint.h>

typedef enum run_show_kind { RUN_SHOW_NONE, RUN_SHOW_KITTY, RUN_SHOW_ITERM } run_show_kind;

/* What the terminal of stderr says of itself in the environment. */
run_show_kind run_show_detect(void);
/* A PNG as a thumbnail, its name below, on stderr. */
void run_show(run_show_kind kind, const char *name, const uint8_t *png, size_t n_bytes);

#endif
