/* infotext_parse.c - the `parameters` text to prompts and pairs; see infotext.h.
 *
 * A hand-written reading of the expression that AUTOMATIC1111 uses on the last line,
 *     \s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)
 * in one pass, so that no text makes it slow. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_load.h"
#include "base/utf8.h"
#include "image/infotext.h"

#define FEWEST_PAIRS 3 /* of a last line that is settings and not prompt */
#define NEGATIVE     "Negative prompt:"

typedef struct span {
    const char *at;
    size_t n;
} span;

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* \w: letters of any script count, as Python's do; beyond ASCII every byte passes for one. */
static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static span strip(span s)
{
    while (s.n > 0 && is_space(s.at[0]))
        s = (span){s.at + 1, s.n - 1};
    while (s.n > 0 && is_space(s.at[s.n - 1]))
        s.n--;
    return s;
}

/* Where a quoted value that begins at `at` and is followed by a comma or the end ends; 0 if there is none. */
static size_t quoted_end(span line, size_t at)
{
    if (at >= line.n || line.at[at] != '"')
        return 0;
    size_t i = at + 1;
    while (i < line.n && line.at[i] != '"')
        i += line.at[i] == '\\' ? 2 : 1;
    const bool closed = i < line.n && i > at + 1;
    return closed && (i + 1 == line.n || line.at[i + 1] == ',') ? i + 1 : 0;
}

/* The next pair at or after *at; false when there is none. */
static bool next_pair(span line, size_t *at, span *ret_key, span *ret_value)
{
    size_t begin = *at;
    while (begin < line.n) {
        if (!is_word(line.at[begin])) {
            begin++;
            continue;
        }
        size_t colon = begin + 1;
        while (colon < line.n && (is_word(line.at[colon]) || strchr(" -/", line.at[colon])))
            colon++;
        if (colon < line.n && line.at[colon] == ':' && colon >= begin + 2)
            break;
        begin = colon; /* no key can begin before what stopped it */
    }
    if (begin >= line.n)
        return false;
    size_t colon = begin;
    while (line.at[colon] != ':')
        colon++;
    size_t value = colon + 1;
    while (value < line.n && is_space(line.at[value]))
        value++;
    size_t end = quoted_end(line, value);
    if (end == 0)
        for (end = value; end < line.n && line.at[end] != ','; end++)
            ;
    *ret_key = (span){line.at + begin, colon - begin};
    *ret_value = (span){line.at + value, end - value};
    *at = end < line.n ? end + 1 : end;
    return true;
}

static size_t count_pairs(span line)
{
    size_t n = 0, at = 0;
    span key, value;
    while (next_pair(line, &at, &key, &value))
        n++;
    return n;
}

/* A value in quotes that is JSON is what it says; any other is itself. NULL: no memory. */
static char *unquote(span s)
{
    if (s.n >= 2 && s.at[0] == '"' && s.at[s.n - 1] == '"') {
        json_error_t error;
        json_t *json = atl_json_load(s.at, s.n, JSON_DECODE_ANY, &error);
        if (!json && error.text[0] == '\0')
            return NULL;
        char *value = json_is_string(json) ? strdup(json_string_value(json)) : NULL;
        json_decref(json);
        if (value)
            return value;
    }
    return strndup(s.at, s.n);
}

static atl_status take_pairs(atl_infotext *info, span line, atl_note *note)
{
    size_t at = 0;
    span key, value;
    while (next_pair(line, &at, &key, &value)) {
        if (info->n_pairs == ATL_INFOTEXT_MAX_PAIRS)
            return atl_fail(note, ATL_BAD_INPUT, "parameters text: over %d settings in its last line",
                            ATL_INFOTEXT_MAX_PAIRS);
        char *k = strndup(key.at, key.n), *v = unquote(value);
        info->pairs[info->n_pairs].key = k;
        info->pairs[info->n_pairs++].value = v;
        if (!k || !v)
            return atl_fail(note, ATL_NO_MEMORY, "parameters text: no memory for its settings");
    }
    return ATL_OK;
}

/* The lines before the settings: prompt, and from "Negative prompt:" on the negative one. */
static void take_prompts(span text, atl_text *prompt, atl_text *negative)
{
    bool in_negative = false;
    while (text.n > 0) {
        const char *newline = memchr(text.at, '\n', text.n);
        const size_t n = newline ? (size_t)(newline - text.at) : text.n;
        span line = strip((span){text.at, n});
        if (line.n >= strlen(NEGATIVE) && memcmp(line.at, NEGATIVE, strlen(NEGATIVE)) == 0) {
            in_negative = true;
            line = strip((span){line.at + strlen(NEGATIVE), line.n - strlen(NEGATIVE)});
        }
        atl_text *out = in_negative ? negative : prompt;
        if (out->length > 0)
            atl_text_putc(out, '\n');
        atl_text_append(out, line.at, line.n);
        const size_t used = newline ? n + 1 : n;
        text = (span){text.at + used, text.n - used};
    }
}

atl_status atl_infotext_parse(const char *bytes, size_t n_bytes, atl_infotext **ret, atl_note *note)
{
    const size_t bad = atl_utf8_first_bad(bytes, n_bytes);
    if (bad < n_bytes)
        return atl_fail(note, ATL_BAD_INPUT, "parameters text: is not UTF-8 at byte %zu", bad);
    atl_infotext *info = calloc(1, sizeof *info);
    if (!info)
        return atl_fail(note, ATL_NO_MEMORY, "parameters text: no memory to read it");
    const span text = strip((span){bytes, n_bytes});
    const char *newline = text.n > 0 ? memrchr(text.at, '\n', text.n) : NULL;
    const size_t last = newline ? (size_t)(newline - text.at) + 1 : 0;
    span head = {text.at, last > 0 ? last - 1 : 0}, line = {text.at + last, text.n - last};
    if (count_pairs(line) < FEWEST_PAIRS) {
        head = text;
        line.n = 0;
    }
    atl_text prompt = {0}, negative = {0};
    take_prompts(head, &prompt, &negative);
    atl_text_puts(&prompt, "");
    atl_text_puts(&negative, "");
    info->prompt = prompt.data;
    info->negative_prompt = negative.data;
    atl_status st = take_pairs(info, line, note);
    if (prompt.failed || negative.failed)
        st = atl_fail(note, ATL_NO_MEMORY, "parameters text: no memory for its prompts");
    if (st == ATL_OK)
        *ret = info;
    else
        atl_infotext_close(&info);
    return st;
}

void atl_infotext_close(atl_infotext **infotext)
{
    atl_infotext *info = *infotext;
    if (!info)
        return;
    free(info->prompt);
    free(info->negative_prompt);
    for (size_t i = 0; i < info->n_pairs; i++) {
        free(info->pairs[i].key);
        free(info->pairs[i].value);
    }
    free(info);
    *infotext = NULL;
}

const char *atl_infotext_get(const atl_infotext *infotext, const char *key)
{
    for (size_t i = infotext->n_pairs; i > 0; i--)
        if (strcmp(infotext->pairs[i - 1].key, key) == 0)
            return infotext->pairs[i - 1].value;
    return NULL;
}
