/* prompt.c - what a prompt may be before anything in it is read. */
#include "text/prompt.h"

#include <string.h>

#include "base/sizes.h"
#include "text/grammar.h"
#include "text/unicode.h"

/* Extra networks are asked for as "<kind:name:strength>". */
static atl_status check_networks(const char *prompt, size_t n_bytes, atl_note *note)
{
    static const char *const kinds[] = {"<lora:", "<lyco:", "<hypernet:"};
    for (size_t i = 0; i < ATL_COUNT(kinds); i++) {
        const char *begin = memmem(prompt, n_bytes, kinds[i], strlen(kinds[i]));
        const char *end = begin ? memchr(begin, '>', n_bytes - (size_t)(begin - prompt)) : NULL;
        if (end)
            return atl_fail(note, ATL_UNSUPPORTED,
                            "the prompt asks for %.*s, and networks beside the model cannot be applied yet; "
                            "take it out of the prompt",
                            end - begin < 200 ? (int)(end - begin) + 1 : 200, begin);
    }
    return ATL_OK;
}

atl_status atl_prompt_check_bytes(const char *prompt, size_t n_bytes, atl_note *note)
{
    if (n_bytes > ATL_MAX_PROMPT_BYTES)
        return atl_fail(note, ATL_BAD_INPUT, "the prompt has %zu bytes; at most %zu are taken", n_bytes,
                        ATL_MAX_PROMPT_BYTES);
    return atl_utf8_check(prompt, n_bytes, note);
}

atl_status atl_prompt_check(const char *prompt, size_t n_bytes, atl_note *note)
{
    atl_status st = atl_prompt_check_bytes(prompt, n_bytes, note);
    return st == ATL_OK ? check_networks(prompt, n_bytes, note) : st;
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
