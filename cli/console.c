/* console.c - see console.h. */
#include "console.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void console_say(const char *format, ...)
{
    char words[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    fputs("atelier: ", stderr);
    for (const char *c = words; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            fprintf(stderr, "\\x%02x", (unsigned)*c);
        else
            fputc(*c, stderr);
    }
    fputc('\n', stderr);
}

static const char *plain_words(atl_status status)
{
    switch (status) {
    case ATL_NO_MEMORY:
        return "no memory is left";
    case ATL_CANCELLED:
        return "stopped";
    default:
        return "failed without saying why";
    }
}

int console_fail(atl_status status, const atl_note *note)
{
    console_say("%s", note->text[0] ? note->text : plain_words(status));
    return atl_status_exit_code(status);
}

bool console_is_terminal(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

bool console_has_colour(void)
{
    const char *no_color = getenv("NO_COLOR"); /* no-color.org: set and not empty */
    return console_is_terminal() && !(no_color && *no_color);
}

bool console_parse(const atl_command *command, int argc, char **argv, void *values, char ***ret_operands,
                   int *ret_n_operands, int *ret_code)
{
    atl_note note = {0};
    bool help = false;
    const atl_status st =
        atl_options_parse(command, argc, argv, values, ret_operands, ret_n_operands, &help, &note);
    if (st != ATL_OK) {
        *ret_code = console_fail(st, &note);
        return false;
    }
    if (!help)
        return true;
    atl_text text = {0};
    atl_options_help(command, &text);
    fputs(text.data ? text.data : "", stdout);
    *ret_code = text.failed ? 1 : 0;
    atl_text_done(&text);
    return false;
}
