/* options_help.c - the words of --help, and the nearest name to a mistyped one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"

#define HELP_COLUMN 30 /* where the sentences begin */
#define LINE_WIDTH  96
#define MAX_NAME    63 /* of names that are compared */

/* Appends words from column `from` on, broken at LINE_WIDTH; the first line already stands at `from`. */
static void put_wrapped(const char *words, size_t from, atl_text *out)
{
    size_t column = from;
    while (*words) {
        const size_t n = strcspn(words, " ");
        if (column > from && column + 1 + n > LINE_WIDTH) {
            atl_text_printf(out, "\n%*s", (int)from, "");
            column = from;
        } else if (column > from) {
            atl_text_putc(out, ' ');
            column++;
        }
        atl_text_append(out, words, n);
        column += n;
        words += n + strspn(words + n, " ");
    }
}

static void put_row(const atl_option *o, atl_text *out)
{
    char names[128];
    const bool optional = o->kind == ATL_OPTION_MODE;
    const char *argument = optional || o->kind == ATL_OPTION_CHOICE ? o->choices : o->argument;
    const char letter[] = {'-', o->letter, ',', '\0'};
    snprintf(names, sizeof names, "  %-3s --%s%s%s%s", o->letter ? letter : "", o->name,
             !argument  ? ""
             : optional ? "[="
                        : " ",
             argument ? argument : "", optional ? "]" : "");
    atl_text_printf(out, "%-*s", HELP_COLUMN, names);
    if (strlen(names) >= HELP_COLUMN)
        atl_text_printf(out, "\n%*s", HELP_COLUMN, "");
    atl_text words = {0};
    atl_text_puts(&words, o->help);
    if (o->fallback)
        atl_text_printf(&words, " (default: %s)", o->fallback);
    if (o->environment)
        atl_text_printf(&words, " [%s]", o->environment);
    put_wrapped(words.data ? words.data : "", HELP_COLUMN, out);
    out->failed |= words.failed;
    atl_text_done(&words);
    atl_text_putc(out, '\n');
}

void atl_options_help(const atl_command *command, atl_text *out)
{
    atl_text_printf(out, "Usage: %s [OPTION...]%s%s\n\n%s\n\nOptions:\n", command->name,
                    *command->operands ? " " : "", command->operands, command->summary);
    for (size_t i = 0; i < command->n_options; i++)
        put_row(&command->options[i], out);
    atl_text_printf(out, "%-*s%s\n", HELP_COLUMN, "  -h, --help", "show this and exit");
}

static size_t least_of(size_t a, size_t b, size_t c)
{
    const size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* How many letters to insert, delete, replace, or swap with their neighbour (Damerau 1964, restricted). */
static size_t distance(const char *a, const char *b)
{
    const size_t n = strlen(a), m = strlen(b);
    size_t rows[3][MAX_NAME + 1];
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = least_of(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && above2[j - 2] + 1 < row[j])
                row[j] = above2[j - 2] + 1;
        }
    }
    return rows[n % 3][m];
}

const char *atl_nearest_name(const char *name, const char *const *names, size_t n)
{
    const size_t length = strlen(name);
    if (length == 0 || length > MAX_NAME)
        return NULL;
    const char *nearest = NULL;
    size_t least = (length < 3 ? 3 : length) / 3 + 1;
    for (size_t i = 0; i < n; i++) {
        const size_t other = strlen(names[i]);
        if (other == 0 || other > MAX_NAME)
            continue;
        const bool begins =
            length >= 3 && other >= 3 && strncmp(name, names[i], length < other ? length : other) == 0;
        const size_t d = begins ? 0 : distance(name, names[i]);
        if (d < least) {
            least = d;
            nearest = names[i];
        }
    }
    return nearest;
}
