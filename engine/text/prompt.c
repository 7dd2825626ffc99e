/* prompt.c - what a prompt may be before anything in it is read. */
#include "text/prompt.h"

#include <string.h>

#include "text/grammar.h"
#include "text/networks.h"
#include "text/unicode.h"

atl_status atl_prompt_check_bytes(const char *prompt, size_t n_bytes, atl_note *note)
{
    if (n_bytes > ATL_MAX_PROMPT_BYTES)
        return atl_fail(note, ATL_BAD_INPUT, "the prompt has %zu bytes; at most %zu are taken", n_bytes,
                        ATL_MAX_PROMPT_BYTES);
    return atl_utf8_check(prompt, n_bytes, note);
}

atl_status atl_prompt_check(const char *prompt, size_t n_bytes, atl_note *note)
{
    atl_networks networks = {0};
    atl_status st = atl_prompt_check_bytes(prompt, n_bytes, note);
    if (st == ATL_OK)
        st = atl_networks_parse(prompt, n_bytes, &networks, note);
    if (st == ATL_OK && networks.n > 0)
        st =
            atl_fail(note, ATL_UNSUPPORTED,
                     "asks for the network \"%s\", which only the prompt itself may do", networks.at[0].name);
    atl_networks_done(&networks);
    return st;
}

size_t atl_grammar_spaces(const char *text, size_t n)
{
    size_t at = 0;
    uint32_t c;
    for (size_t used; (used = atl_utf8_next(text + at, n - at, &c)) > 0; at += used)
        if (!(c >= 0x1C && c <= 0x1F) && atl_char_class_of((int32_t)c) != ATL_CHAR_SPACE)
            break;
    return at;
}
