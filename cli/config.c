/* config.c - see config.h. */
#include "config.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { MAX_CONFIG_BYTES = 1 << 20 };

static void find_path(char path[4096])
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    path[0] = '\0';
    if (xdg && *xdg)
        snprintf(path, 4096, "%s/atelier/config", xdg);
    else if (home && *home)
        snprintf(path, 4096, "%s/.config/atelier/config", home);
    if (!atl_is_file(path))
        path[0] = '\0';
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

/* An option of another command is no mistake: the file is for all of them. */
static void take(const atl_command *command, config *c, const char *key, const char *value)
{
    for (size_t i = 0; i < command->n_options; i++) {
        const atl_option *o = &command->options[i];
        if (strcmp(o->name, key) != 0 || !o->environment)
            continue;
        const char *set = getenv(o->environment);
        if (set && *set)
            return;
        setenv(o->environment, value, 1);
        c->from_file[i] = true;
    }
}

static atl_status read_lines(const atl_command *command, config *c, char *text, atl_note *note)
{
    char *rest = text;
    for (int number = 1; rest; number++) {
        char *line = strsep(&rest, "\n");
        line = trim(line);
        if (!*line || *line == '#')
            continue;
        char *equals = strchr(line, '=');
        if (!equals)
            return atl_fail(note, ATL_BAD_INPUT, "%s:%d: found '%s', wanted: option = value", c->path, number,
                            line);
        *equals = '\0';
        take(command, c, trim(line), trim(equals + 1));
    }
    return ATL_OK;
}

atl_status config_load(const atl_command *command, config *ret, atl_note *note)
{
    config c = {.from_file = calloc(command->n_options, sizeof *c.from_file)};
    char *text = NULL;
    size_t n = 0;
    if (!c.from_file)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the config file");
    find_path(c.path);
    atl_status st = c.path[0] ? atl_file_read(c.path, MAX_CONFIG_BYTES, &text, &n, note) : ATL_OK;
    if (st == ATL_OK && text)
        st = read_lines(command, &c, text, note);
    free(text);
    if (st != ATL_OK) {
        config_done(&c);
        return st;
    }
    *ret = c;
    return ATL_OK;
}

void config_done(config *c)
{
    free(c->from_file);
    c->from_file = NULL;
}

static bool is_given(const atl_option *o, int argc, char **argv)
{
    const size_t n = strlen(o->name);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *word = argv[i];
        if (strncmp(word, "--", 2) == 0 && strncmp(word + 2, o->name, n) == 0 &&
            (word[2 + n] == '\0' || word[2 + n] == '='))
            return true;
        if (word[0] == '-' && word[1] != '-' && o->letter && word[1] == o->letter)
            return true;
    }
    return false;
}

static void print_value(const atl_option *o, const void *values)
{
    const void *at = (const char *)values + o->offset;
    const atl_option_list *list = at;
    switch (o->kind) {
    case ATL_OPTION_FLAG:
        fputs(*(const bool *)at ? "1" : "0", stdout);
        return;
    case ATL_OPTION_INT:
        if (*(const int64_t *)at || o->fallback)
            printf("%lld", (long long)*(const int64_t *)at);
        return;
    case ATL_OPTION_SEED:
        printf("%llu", (unsigned long long)*(const uint64_t *)at);
        return;
    case ATL_OPTION_REAL:
        if (isfinite(*(const double *)at) && *(const double *)at != 0)
            printf("%g", *(const double *)at);
        return;
    case ATL_OPTION_LIST:
        for (size_t i = 0; i < list->n; i++)
            printf("%s%s", i > 0 ? " " : "", list->items[i]);
        return;
    case ATL_OPTION_STRING:
    case ATL_OPTION_CHOICE:
    case ATL_OPTION_MODE:
        if (*(const char *const *)at)
            fputs(*(const char *const *)at, stdout);
        return;
    }
}

void config_print(const atl_command *command, const config *c, const void *values, int argc, char **argv)
{
    for (size_t i = 0; i < command->n_options; i++) {
        const atl_option *o = &command->options[i];
        const char *environment = o->environment ? getenv(o->environment) : NULL;
        printf("%s = ", o->name);
        print_value(o, values);
        if (is_given(o, argc, argv))
            puts("  # option");
        else if (c->from_file[i])
            printf("  # %s\n", c->path);
        else if (environment && *environment)
            printf("  # %s\n", o->environment);
        else
            puts("  # default");
    }
}
