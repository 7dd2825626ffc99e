/* options_value.c - one option's text to its value, strictly. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "options_private.h"

/* "--steps" for an option, the variable's own name for the environment. */
static const char *dashes(const atl_option *option, const char *place)
{
    return strcmp(place, option->name) == 0 ? "--" : "";
}

static bool has_choice(const char *choices, const char *text)
{
    const size_t n = strlen(text);
    for (const char *at = choices; *at;) {
        const size_t m = strcspn(at, "|");
        if (n == m && strncmp(at, text, n) == 0)
            return true;
        at += at[m] ? m + 1 : m;
    }
    return false;
}

static atl_status set_int(const atl_option *o, const char *place, const char *text, int64_t *ret,
                          atl_note *note)
{
    char *end;
    errno = 0;
    const long long n = strtoll(text, &end, 10);
    if (end == text || *end || errno || text[0] == ' ' || (double)n < o->least || (double)n > o->most)
        return atl_fail(note, ATL_USAGE, "%s%s: found '%s', wanted a whole number from %.0f to %.0f",
                        dashes(o, place), place, text, o->least, o->most);
    *ret = n;
    return ATL_OK;
}

static atl_status set_seed(const atl_option *o, const char *place, const char *text, uint64_t *ret,
                           atl_note *note)
{
    char *end;
    errno = 0;
    const unsigned long long n = strtoull(text, &end, 10);
    /* strtoull would take "-1" and " 1" too */
    if (text[0] < '0' || text[0] > '9' || *end || errno)
        return atl_fail(note, ATL_USAGE, "%s%s: found '%s', wanted a whole number from 0 to %llu",
                        dashes(o, place), place, text, ~0ull);
    *ret = n;
    return ATL_OK;
}

static atl_status set_real(const atl_option *o, const char *place, const char *text, double *ret,
                           atl_note *note)
{
    char *end;
    errno = 0;
    const double x = strtod(text, &end);
    if (end == text || *end || text[0] == ' ' || !isfinite(x) || x < o->least || x > o->most)
        return atl_fail(note, ATL_USAGE, "%s%s: found '%s', wanted a number from %g to %g", dashes(o, place),
                        place, text, o->least, o->most);
    *ret = x;
    return ATL_OK;
}

static atl_status set_flag(const atl_option *o, const char *place, const char *text, bool *ret,
                           atl_note *note)
{
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
        return atl_fail(note, ATL_USAGE, "%s%s: found '%s', wanted 0 or 1", dashes(o, place), place, text);
    *ret = text[0] == '1';
    return ATL_OK;
}

static atl_status add_item(const atl_option *o, const char *place, const char *text, atl_option_list *ret,
                           atl_note *note)
{
    if (ret->n == ATL_OPTION_MAX_ITEMS)
        return atl_fail(note, ATL_USAGE, "%s%s: was given over %d times", dashes(o, place), place,
                        ATL_OPTION_MAX_ITEMS);
    ret->items[ret->n++] = text;
    return ATL_OK;
}

static atl_status set_mode(const atl_option *o, const char *place, const char *text, const char **ret,
                           atl_note *note)
{
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0 && !has_choice(o->choices, text))
        return atl_fail(note, ATL_USAGE, "%s%s: found '%s', wanted one of %s, or nothing", dashes(o, place),
                        place, text, o->choices);
    *ret = strcmp(text, "0") == 0 ? NULL : text;
    return ATL_OK;
}

atl_status atl_option_set(const atl_option *o, const char *place, const char *text, void *values,
                          atl_note *note)
{
    void *at = (char *)values + o->offset;
    switch (o->kind) {
    case ATL_OPTION_FLAG:
        return set_flag(o, place, text, at, note);
    case ATL_OPTION_INT:
        return set_int(o, place, text, at, note);
    case ATL_OPTION_SEED:
        return set_seed(o, place, text, at, note);
    case ATL_OPTION_REAL:
        return set_real(o, place, text, at, note);
    case ATL_OPTION_LIST:
        return add_item(o, place, text, at, note);
    case ATL_OPTION_CHOICE:
        if (!has_choice(o->choices, text))
            return atl_fail(note, ATL_USAGE, "%s%s: found '%s', wanted one of %s", dashes(o, place), place,
                            text, o->choices);
        break;
    case ATL_OPTION_MODE:
        return set_mode(o, place, text, at, note);
    case ATL_OPTION_STRING:
        break;
    }
    *(const char **)at = text;
    return ATL_OK;
}
