/* options.c - see options.h. Reading a row's value is options_value.c's, the words of --help
 * options_help.c's.
 */
#include "base/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options_private.h"

#define MAX_OPTIONS 64
#define HELP        1000 /* getopt's values: HELP, or FIRST_ROW + the row */
#define FIRST_ROW   1001

typedef struct getopt_table {
    struct option longs[MAX_OPTIONS + 2];
    char letters[3 * MAX_OPTIONS + 4];
} getopt_table;

static void fill_table(const atl_command *command, getopt_table *table)
{
    size_t used = 0;
    table->letters[used++] = ':'; /* a missing argument is told from an unknown option */
    for (size_t i = 0; i < command->n_options; i++) {
        const atl_option *o = &command->options[i];
        const int has_arg = o->kind == ATL_OPTION_FLAG   ? no_argument
                            : o->kind == ATL_OPTION_MODE ? optional_argument
                                                         : required_argument;
        table->longs[i] = (struct option){.name = o->name, .has_arg = has_arg, .val = FIRST_ROW + (int)i};
        if (!o->letter)
            continue;
        table->letters[used++] = o->letter;
        for (int colons = 0; colons < has_arg; colons++)
            table->letters[used++] = ':';
    }
    table->longs[command->n_options] = (struct option){.name = "help", .val = HELP};
    table->letters[used++] = 'h';
}

/* Sets what the environment says, and otherwise the defaults. */
static atl_status set_defaults(const atl_command *command, void *values, atl_note *note)
{
    for (size_t i = 0; i < command->n_options; i++) {
        const atl_option *o = &command->options[i];
        const char *text = o->environment ? getenv(o->environment) : NULL;
        const char *place = o->environment;
        if (!text || !*text) {
            place = o->name;
            text = o->fallback;
        }
        if (!text)
            continue;
        const atl_status st = atl_option_set(o, place, text, values, note);
        if (st != ATL_OK)
            return st;
    }
    return ATL_OK;
}

/* The word of argv that getopt has just read. */
static const char *word_just_read(char **argv)
{
    return optarg && optind >= 2 && optarg == argv[optind - 1] ? argv[optind - 2] : argv[optind - 1];
}

static atl_status fail_unknown(const atl_command *command, char **argv, atl_note *note)
{
    if (optopt && optopt < HELP)
        return atl_fail(note, ATL_USAGE, "unknown option '-%c'; see '%s --help'", optopt, command->name);
    const char *names[MAX_OPTIONS + 1];
    for (size_t i = 0; i < command->n_options; i++)
        names[i] = command->options[i].name;
    names[command->n_options] = "help";
    char word[64];
    snprintf(word, sizeof word, "%s", argv[optind - 1] + 2);
    word[strcspn(word, "=")] = '\0';
    if (optopt) /* it is known, but a flag, and was given a value */
        return atl_fail(note, ATL_USAGE, "option --%s takes no value", word);
    const char *nearest = atl_nearest_name(word, names, command->n_options + 1);
    if (nearest)
        return atl_fail(note, ATL_USAGE, "unknown option '--%s'; did you mean '--%s'?", word, nearest);
    return atl_fail(note, ATL_USAGE, "unknown option '--%s'; see '%s --help'", word, command->name);
}

static const atl_option *find_letter(const atl_command *command, int letter)
{
    for (size_t i = 0; i < command->n_options; i++)
        if (command->options[i].letter == letter)
            return &command->options[i];
    return NULL;
}

static atl_status fail_missing(const atl_command *command, atl_note *note)
{
    const atl_option *o =
        optopt >= FIRST_ROW ? &command->options[optopt - FIRST_ROW] : find_letter(command, optopt);
    return atl_fail(note, ATL_USAGE, "option --%s needs a value: %s", o->name, o->argument);
}

/* getopt_long takes any unambiguous beginning of a name; we take whole names. */
static bool is_whole_name(const char *word, const char *name)
{
    const size_t n = strlen(name);
    return strncmp(word, "--", 2) != 0 ||
           (strncmp(word + 2, name, n) == 0 && (word[2 + n] == '\0' || word[2 + n] == '='));
}

static atl_status take_option(const atl_command *command, char **argv, int c, void *values, atl_note *note)
{
    if (c == ':')
        return fail_missing(command, note);
    if (c == '?')
        return fail_unknown(command, argv, note);
    const atl_option *o = c >= FIRST_ROW ? &command->options[c - FIRST_ROW] : find_letter(command, c);
    const char *word = word_just_read(argv);
    if (!is_whole_name(word, o->name))
        return atl_fail(note, ATL_USAGE, "unknown option '%.*s'; did you mean '--%s'?",
                        (int)strcspn(word, "="), word, o->name);
    return atl_option_set(o, o->name, optarg ? optarg : "1", values, note);
}

static atl_status check_operands(const atl_command *command, int n, const char *first_extra, atl_note *note)
{
    if (n < command->least_operands)
        return atl_fail(note, ATL_USAGE, "wanted: %s [OPTION...] %s; see '%s --help'", command->name,
                        command->operands, command->name);
    if (n > command->most_operands)
        return atl_fail(note, ATL_USAGE, "one word too many: '%s' (a prompt of several words needs quotes)",
                        first_extra);
    return ATL_OK;
}

atl_status atl_options_parse(const atl_command *command, int argc, char **argv, void *values,
                             char ***ret_operands, int *ret_n_operands, bool *ret_help, atl_note *note)
{
    getopt_table table = {0};
    if (command->n_options > MAX_OPTIONS)
        return atl_fail(note, ATL_UNSUPPORTED, "%s: has over %d options", command->name, MAX_OPTIONS);
    fill_table(command, &table);
    optind = 0; /* glibc: start afresh, also after another command was read */
    opterr = 0;
    /* Before the environment is read: a plain --help works in any. */
    *ret_help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (*ret_help)
        return ATL_OK;
    atl_status st = set_defaults(command, values, note);
    int c = 0;
    while (st == ATL_OK && c != -1) {
        c = getopt_long(argc, argv, table.letters, table.longs, NULL);
        if (c == HELP || c == 'h') {
            *ret_help = true;
            return ATL_OK;
        }
        if (c != -1)
            st = take_option(command, argv, c, values, note);
    }
    if (st != ATL_OK)
        return st;
    const int n = argc - optind;
    const char *extra = n > command->most_operands ? argv[optind + command->most_operands] : NULL;
    st = check_operands(command, n, extra, note);
    if (st != ATL_OK)
        return st;
    *ret_operands = argv + optind;
    *ret_n_operands = n;
    return ATL_OK;
}
