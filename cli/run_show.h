/* run_show.h - pictures in terminals that can show them. */
#ifndef ATL_CLI_RUN_SHOW_H
#define ATL_CLI_RUN_SHOW_H

#include <stddef.h>
#include <stdint.h>

typedef enum run_show_kind {
    RUN_SHOW_NONE, /* stderr is no terminal, or has no colours */
    RUN_SHOW_KITTY,
    RUN_SHOW_ITERM,
    RUN_SHOW_SIXEL, /* see sixels.h */
    RUN_SHOW_BLOCKS /* coloured characters: see blocks.h */
} run_show_kind;

/* The choices of --show. */
#define RUN_SHOW_CHOICES "auto|kitty|iterm2|sixel|blocks"

/* How to show pictures on stderr. `how`: a choice; auto is what the terminal says of itself in the
 * environment or, asked, by itself. */
run_show_kind run_show_find(const char *how);
/* A PNG as a thumbnail, its name below, on stderr, which is so many columns wide. */
void run_show(run_show_kind kind, int columns, const char *name, const uint8_t *png, size_t n_bytes);

#endif
