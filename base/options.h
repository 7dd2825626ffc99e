/* options.h - what a command accepts, as a table: parsing, --help and messages all come from it.
 *
 * Each row says name, argument, environment variable, default and help, and where in the command's own struct
 * the value goes. Option > environment > default. Parsing is getopt_long's, but names must be whole (so that
 * an option added later breaks no script), and an unknown name is answered with the nearest one. Numbers are
 * read strictly: all of the text, inside the range, or the message says what was found and what was wanted.
 */
#ifndef ATL_BASE_OPTIONS_H
#define ATL_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

typedef enum atl_option_kind {
    ATL_OPTION_FLAG,   /* bool; takes no argument */
    ATL_OPTION_STRING, /* const char *, borrowed from argv or the environment */
    ATL_OPTION_CHOICE, /* const char *, one of `choices` */
    ATL_OPTION_MODE,   /* the same, but the word is optional (--show, --show=sixel): alone it is "1"; "0" is
                          NULL */
    ATL_OPTION_INT,    /* int64_t in [least, most] */
    ATL_OPTION_SEED,   /* uint64_t, any */
    ATL_OPTION_REAL,   /* double in [least, most] */
    ATL_OPTION_LIST,   /* atl_option_list; each time that the option is given adds an item */
} atl_option_kind;

#define ATL_OPTION_MAX_ITEMS 32

typedef struct atl_option_list {
    const char *items[ATL_OPTION_MAX_ITEMS]; /* borrowed as strings are */
    size_t n;
} atl_option_list;

typedef struct atl_option {
    const char *name; /* "guidance-scale" */
    char letter;      /* 'g', or 0 */
    atl_option_kind kind;
    size_t offset;           /* of the value in the command's struct: offsetof(…) */
    const char *argument;    /* "N", as --help shows it; NULL for a flag */
    const char *choices;     /* "cpu|cuda" */
    double least, most;      /* whole numbers stay exact below 2^53 */
    const char *environment; /* "ATELIER_STEPS", or NULL */
    const char *fallback;    /* the default, in the words of the option; NULL: the struct is left as it is */
    const char *help;        /* one sentence; with what holds when nothing is said, if there is no fallback */
} atl_option;

typedef struct atl_command {
    const char *name;     /* "atelier paint" */
    const char *operands; /* "PROMPT", as --help shows them; "" if there are none */
    const char *summary;  /* for people, several lines */
    const atl_option *options;
    size_t n_options;
    int least_operands, most_operands;
} atl_command;

/* Reads argv[1 … argc) into `values` (the command's struct). Operands are moved to the end of argv:
 * *ret_operands points at the first. If --help or -h is met, *ret_help is set and nothing else is read. Not
 * for several threads (getopt's state). Errors: ATL_USAGE; the note says which option, what was found and
 * what was wanted. */
atl_status atl_options_parse(const atl_command *command, int argc, char **argv, void *values,
                             char ***ret_operands, int *ret_n_operands, bool *ret_help, atl_note *note);

/* Appends the text of --help. */
void atl_options_help(const atl_command *command, atl_text *out);

/* Which of n names is nearest to `name` and near enough to be meant (Damerau's distance, at most a third of
 * its length, or one is the other's beginning); NULL if none is. */
const char *atl_nearest_name(const char *name, const char *const *names, size_t n);

#endif
