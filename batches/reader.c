/* reader.c - the formats behind one function; see reader.h. */
#include "reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/sizes.h"

static bool ends_with(const char *path, const char *end)
{
    const size_t n = strlen(path), m = strlen(end);
    return n >= m && strcasecmp(path + n - m, end) == 0;
}

static atl_batch_format format_of(const char *path)
{
    static const struct {
        const char *end;
        atl_batch_format format;
    } known[] = {
        {".txt", ATL_BATCH_TXT}, {".jsonl", ATL_BATCH_JSONL},  {".ndjson", ATL_BATCH_JSONL},
        {".csv", ATL_BATCH_CSV}, {".png", ATL_BATCH_INFOTEXT},
    };
    if (strcmp(path, "-") == 0)
        return ATL_BATCH_TXT;
    for (size_t i = 0; i < ATL_COUNT(known); i++)
        if (ends_with(path, known[i].end))
            return known[i].format;
    return ATL_BATCH_AUTO;
}

atl_status atl_reader_open(const atl_batch_options *options, const atl_job *defaults, atl_reader *ret,
                           atl_note *note)
{
    atl_reader reader = {
        .source.fd = -1,
        .format = options->format == ATL_BATCH_AUTO ? format_of(options->path) : options->format,
        .lenient = options->lenient,
        .warn = options->warn,
        .user = options->user,
        .defaults = defaults,
    };
    if (atl_is_dir(options->path))
        return atl_fail(note, ATL_USAGE, "%s: found a directory, wanted a file of prompts", options->path);
    if (reader.format == ATL_BATCH_AUTO && access(options->path, F_OK) == 0)
        return atl_fail(
            note, ATL_USAGE,
            "%s: its name does not say what it is; wanted .txt, .jsonl, .csv or .png, or --format",
            options->path);
    const atl_status st = atl_source_open(options->path, options->spool_dir, &reader.source, note);
    if (st == ATL_OK)
        *ret = reader;
    return st;
}

void atl_reader_done(atl_reader *reader)
{
    atl_source_done(&reader->source);
    atl_text_done(&reader->text);
    free(reader->tokens);
    free(reader->columns);
    *reader = (atl_reader){.source.fd = -1};
}

atl_status atl_reader_rewind(atl_reader *reader, atl_note *note)
{
    free(reader->columns);
    reader->columns = NULL;
    reader->n_columns = 0;
    reader->at_end = false;
    return atl_source_rewind(&reader->source, note);
}

atl_status atl_place(const atl_reader *reader, uint64_t line, size_t column, atl_status status,
                     atl_note *note)
{
    if (status != ATL_OK)
        atl_note_prefix(note, "%s:%llu:%zu", reader->source.name, (unsigned long long)line, column);
    return status == ATL_USAGE ? ATL_BAD_INPUT : status; /* a file's line is no word of the command line */
}

void atl_warn(const atl_reader *reader, uint64_t line, size_t column, const char *format, ...)
{
    if (!reader->warn || reader->quiet)
        return;
    atl_note note;
    va_list args;
    va_start(args, format);
    atl_fail_v(&note, ATL_OK, format, args);
    va_end(args);
    atl_note_prefix(&note, "%s:%llu:%zu", reader->source.name, (unsigned long long)line, column);
    reader->warn(reader->user, note.text);
}

atl_status atl_take_field(const atl_reader *reader, atl_draft *draft, const atl_field *field,
                          const char *value, size_t column, atl_note *note)
{
    atl_note own = {0};
    const atl_status st = atl_draft_set(draft, field, value, &own);
    if (st == ATL_UNSUPPORTED && reader->lenient) {
        atl_warn(reader, draft->line, column, "%s: painted without it", own.text);
        return ATL_OK;
    }
    if (st != ATL_OK)
        atl_fail(note, st, "%s%s", own.text, st == ATL_UNSUPPORTED ? ATL_WANTED_SUPPORTED : "");
    return atl_place(reader, draft->line, column, st, note);
}

atl_status atl_add_token(atl_reader *reader, size_t at, size_t n, size_t from, atl_note *note)
{
    atl_token *tokens =
        atl_grown(reader->tokens, reader->n_tokens, &reader->tokens_capacity, 32, sizeof *tokens);
    if (!tokens)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the words of a line");
    reader->tokens = tokens;
    reader->tokens[reader->n_tokens++] = (atl_token){at, n, from, reader->source.line};
    return ATL_OK;
}

/* The white space that Python's str.strip takes off, as far as it occurs in prompts. */
static size_t space_length(const char *text, size_t n)
{
    static const char *const wide[] = {"\xC2\xA0", "\xC2\x85", "\xE3\x80\x80", "\xE2\x80\xA8",
                                       "\xE2\x80\xA9"};
    if (n > 0 && (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r') || (text[0] >= 28 && text[0] <= 31)))
        return 1;
    for (size_t i = 0; i < ATL_COUNT(wide); i++)
        if (n >= strlen(wide[i]) && memcmp(text, wide[i], strlen(wide[i])) == 0)
            return strlen(wide[i]);
    return 0;
}

/* Bytes [*begin, *end) of the line without white space around. */
static void strip(const char *line, size_t n, size_t *begin, size_t *end)
{
    *begin = 0;
    *end = n;
    for (size_t m; (m = space_length(line + *begin, n - *begin)) > 0;)
        *begin += m;
    while (*end > *begin) {
        size_t m = 0;
        for (size_t k = 1; k <= 3 && k <= *end - *begin && m == 0; k++)
            m = space_length(line + *end - k, k) == k ? k : 0;
        if (m == 0)
            break;
        *end -= m;
    }
}

/* The next line that is not blank. */
static atl_status next_line(atl_reader *reader, char **ret_line, size_t *ret_n, size_t *ret_from,
                            atl_note *note)
{
    for (;;) {
        const char *line;
        size_t n, begin, end;
        const atl_status st = atl_source_next(&reader->source, &line, &n, note);
        if (st != ATL_OK || !line) {
            *ret_line = NULL;
            return st;
        }
        strip(line, n, &begin, &end);
        if (begin == end)
            continue;
        *ret_line = reader->source.text.data;
        (*ret_line)[end] = '\0';
        *ret_n = end;
        *ret_from = begin;
        return ATL_OK;
    }
}

static atl_status read_line(atl_reader *reader, atl_draft *draft, bool *ret_end, atl_note *note)
{
    char *line = NULL;
    size_t n = 0, from = 0;
    const atl_status st = next_line(reader, &line, &n, &from, note);
    *ret_end = st == ATL_OK && !line;
    if (st != ATL_OK || !line)
        return st;
    draft->line = reader->source.line;
    draft->column = atl_column(line, from);
    if (reader->format == ATL_BATCH_JSONL)
        return atl_read_jsonl(reader, line, n, draft, note);
    memset(line, ' ', from); /* whatever white space it was: bytes keep their places */
    return atl_read_txt(reader, line, n, draft, note);
}

atl_status atl_reader_next(atl_reader *reader, atl_draft *ret, bool *ret_end, atl_note *note)
{
    atl_draft draft;
    bool end = false;
    atl_status st = atl_draft_init(reader->defaults, &draft, note);
    if (st != ATL_OK)
        return st;
    if (reader->format == ATL_BATCH_CSV) {
        st = atl_read_csv(reader, &draft, &end, note);
    } else if (reader->format == ATL_BATCH_INFOTEXT) {
        end = reader->at_end;
        st = end ? ATL_OK : atl_read_infotext(reader, &draft, note);
        reader->at_end = true;
    } else {
        st = read_line(reader, &draft, &end, note);
    }
    if (st == ATL_OK && !end && !draft.has_prompt)
        st = atl_place(reader, draft.line, draft.column,
                       atl_fail(note, ATL_BAD_INPUT, "found no prompt; wanted one, here or as a default"),
                       note);
    if (st != ATL_OK || end) {
        atl_draft_done(&draft);
        *ret_end = end;
        return st;
    }
    *ret = draft;
    *ret_end = false;
    return ATL_OK;
}
