/* txt.c - one prompt a line, with the flags of AUTOMATIC1111's "Prompts from file or textbox".
 *
 * Source of the rules: AUTOMATIC1111/stable-diffusion-webui, scripts/prompts_from_file.py, and Python's
 * shlex.split in POSIX mode. What that script would meet with an exception, and so take the line as it stands
 * for a prompt, is an error here unless the reader is lenient. */
#include <stdio.h>
#include <string.h>

#include "reader.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Inside double quotes a backslash escapes only itself and the quote; in single quotes nothing. */
static atl_status take_quoted(atl_text *text, const char *line, size_t n, size_t *at, atl_note *note)
{
    const char quote = line[*at];
    size_t i = *at + 1;
    for (; i < n && line[i] != quote; i++) {
        if (quote == '"' && line[i] == '\\' && i + 1 < n && (line[i + 1] == '"' || line[i + 1] == '\\'))
            i++;
        atl_text_putc(text, line[i]);
    }
    if (i >= n)
        return atl_fail(note, ATL_BAD_INPUT, "found %c without its end; wanted another %c, or \\%c", quote,
                        quote, quote);
    *at = i + 1;
    return ATL_OK;
}

static atl_status take_word(atl_text *text, const char *line, size_t n, size_t *at, atl_note *note)
{
    while (*at < n && !is_blank(line[*at])) {
        const char c = line[*at];
        if (c == '"' || c == '\'') {
            const atl_status st = take_quoted(text, line, n, at, note);
            if (st != ATL_OK)
                return st;
            continue;
        }
        if (c == '\\' && *at + 1 == n)
            return atl_fail(note, ATL_BAD_INPUT,
                            "found \\ at the end of the line; wanted a character after it");
        *at += c == '\\';
        atl_text_putc(text, line[(*at)++]);
    }
    return ATL_OK;
}

/* Splits a line as a POSIX shell would (Python's shlex.split) into reader->tokens. Errors: ATL_BAD_INPUT (a
 * quote without end, a backslash at the end; *ret_at is the byte), ATL_NO_MEMORY. */
static atl_status split_words(atl_reader *reader, const char *line, size_t n, size_t *ret_at, atl_note *note)
{
    atl_text *text = &reader->text;
    text->length = 0;
    reader->n_tokens = 0;
    size_t at = 0;
    for (;;) {
        while (at < n && is_blank(line[at]))
            at++;
        if (at == n)
            break;
        const size_t from = at, begin = text->length;
        atl_status st = take_word(text, line, n, &at, note);
        if (st == ATL_OK)
            st = atl_add_token(reader, begin, text->length - begin, from, note);
        *ret_at = at;
        if (st != ATL_OK)
            return st;
        atl_text_putc(text, '\0');
    }
    return text->failed ? atl_fail(note, ATL_NO_MEMORY, "no memory for the words of a line") : ATL_OK;
}

static const char *token(const atl_reader *reader, size_t i)
{
    return reader->text.data + reader->tokens[i].at;
}

static bool is_flag(const atl_reader *reader, size_t i)
{
    return strncmp(token(reader, i), "--", 2) == 0;
}

/* The words from token `first` up to the next flag, joined by blanks, in the place of the first. */
static const char *swallow(atl_reader *reader, size_t first, size_t *ret_next)
{
    size_t i = first + 1;
    for (; i < reader->n_tokens && !is_flag(reader, i); i++)
        reader->text.data[reader->tokens[i].at - 1] = ' ';
    *ret_next = i;
    return token(reader, first);
}

static atl_status unknown_flag(const char *flag, atl_note *note)
{
    const char *nearest = atl_field_nearest(flag + 2);
    return atl_fail(note, ATL_BAD_INPUT, "found the unknown flag %.60s%s%s%s", flag,
                    nearest ? "; did you mean --" : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* One flag with its value. Errors that AUTOMATIC1111 answers with a literal prompt are ATL_BAD_INPUT. */
static atl_status take_flag(atl_reader *reader, size_t *i, atl_draft *draft, atl_note *note)
{
    const size_t at = *i;
    const char *flag = token(reader, at);
    if (!is_flag(reader, at))
        return atl_fail(
            note, ATL_BAD_INPUT,
            "found \"%.60s\"; wanted a flag such as --prompt: a line that holds -- is read as flags", flag);
    const atl_field *field = atl_field_find(flag + 2);
    if (!field)
        return unknown_flag(flag, note);
    if (at + 1 == reader->n_tokens)
        return atl_fail(note, ATL_BAD_INPUT, "found %s without a value; wanted one after it", flag);
    const bool swallows = strcmp(field->name, "prompt") == 0 || strcmp(field->name, "negative_prompt") == 0;
    if (is_flag(reader, at + 1) && !reader->lenient)
        return atl_fail(note, ATL_BAD_INPUT, "found %s without a value, before %.60s; wanted one", flag,
                        token(reader, at + 1));
    *i = at + 2;
    const char *value = swallows ? swallow(reader, at + 1, i) : token(reader, at + 1);
    atl_note own = {0};
    const atl_status st = atl_draft_set(draft, field, value, &own);
    if (st == ATL_UNSUPPORTED && reader->lenient) {
        atl_warn(reader, draft->line, atl_column(reader->source.text.data, reader->tokens[at].from),
                 "--%s: painted without it", own.text);
        return ATL_OK;
    }
    if (st == ATL_OK)
        return st;
    return atl_fail(note, st, "--%s%s", own.text, st == ATL_UNSUPPORTED ? ATL_WANTED_SUPPORTED : "");
}

static atl_status take_flags(atl_reader *reader, const char *line, size_t n, atl_draft *draft, size_t *ret_at,
                             atl_note *note)
{
    *ret_at = 0;
    atl_status st = split_words(reader, line, n, ret_at, note);
    for (size_t i = 0; st == ATL_OK && i < reader->n_tokens;) {
        *ret_at = reader->tokens[i].from;
        st = take_flag(reader, &i, draft, note);
    }
    return st;
}

static atl_status take_literal(atl_draft *draft, const char *line, atl_note *note)
{
    return atl_draft_set(draft, atl_field_find("prompt"), line + strspn(line, " "), note);
}

atl_status atl_read_txt(atl_reader *reader, const char *line, size_t n, atl_draft *draft, atl_note *note)
{
    if (!strstr(line, "--"))
        return atl_place(reader, draft->line, draft->column, take_literal(draft, line, note), note);
    atl_draft with_flags;
    atl_note own = {0};
    size_t at;
    atl_status st = atl_draft_copy(draft, &with_flags, note);
    if (st != ATL_OK)
        return st;
    st = take_flags(reader, line, n, &with_flags, &at, &own);
    const size_t column = atl_column(line, at);
    if (st == ATL_OK) {
        atl_draft_done(draft);
        *draft = with_flags;
        return ATL_OK;
    }
    atl_draft_done(&with_flags);
    if (st == ATL_BAD_INPUT && reader->lenient) {
        atl_warn(reader, draft->line, column, "%s; the whole line is taken for a prompt", own.text);
        return atl_place(reader, draft->line, draft->column, take_literal(draft, line, note), note);
    }
    return atl_place(reader, draft->line, column, atl_fail(note, st, "%s", own.text), note);
}
