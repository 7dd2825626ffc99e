/* csv.c - RFC 4180 with a header row of field names.
 *
 * Strict: a quote inside an unquoted cell, or anything after a closing quote but a comma, is an error with
 * its line and column. A cell in quotes may hold newlines (CR LF becomes LF); an empty cell says nothing, so
 * that the default holds; a blank line is passed over. */
#include <stdlib.h>
#include <string.h>

#include "reader.h"

/* Where a record is being read. */
typedef struct place {
    const char *line; /* the source's; changes where a quoted cell goes on */
    size_t n, at;
} place;

static atl_status fail_at(const atl_reader *reader, const place *here, size_t at, atl_note *note,
                          const char *what)
{
    atl_fail(note, ATL_BAD_INPUT, "%s", what);
    return atl_place(reader, reader->source.line, atl_column(here->line, at), ATL_BAD_INPUT, note);
}

static atl_status take_quoted(atl_reader *reader, place *here, atl_note *note)
{
    const uint64_t first_line = reader->source.line;
    const size_t first_column = atl_column(here->line, here->at);
    here->at++;
    for (;;) {
        const char *quote = memchr(here->line + here->at, '"', here->n - here->at);
        const size_t end = quote ? (size_t)(quote - here->line) : here->n;
        atl_text_append(&reader->text, here->line + here->at, end - here->at);
        here->at = end + (quote != NULL);
        if (reader->text.length > ATL_BATCH_MAX_LINE_BYTES)
            return atl_place(reader, first_line, first_column,
                             atl_fail(note, ATL_BAD_INPUT,
                                      "found a record of over %zu bytes; wanted at most that",
                                      ATL_BATCH_MAX_LINE_BYTES),
                             note);
        if (quote && here->at < here->n && here->line[here->at] == '"') {
            atl_text_putc(&reader->text, '"');
            here->at++;
            continue;
        }
        if (quote)
            return ATL_OK;
        atl_text_putc(&reader->text, '\n');
        const atl_status st = atl_source_next(&reader->source, &here->line, &here->n, note);
        if (st != ATL_OK)
            return st;
        if (!here->line)
            return atl_place(reader, first_line, first_column,
                             atl_fail(note, ATL_BAD_INPUT, "found \" without its end; wanted another \""),
                             note);
        here->at = 0;
    }
}

/* One cell into the text, and the comma after it; *ret_last if the record ends with it. */
static atl_status take_cell(atl_reader *reader, place *here, bool *ret_last, atl_note *note)
{
    const size_t begin = reader->text.length;
    const size_t from = atl_column(here->line, here->at);
    const uint64_t line = reader->source.line;
    atl_status st = ATL_OK;
    if (here->at < here->n && here->line[here->at] == '"') {
        st = take_quoted(reader, here, note);
        if (st != ATL_OK)
            return st;
        if (here->at < here->n && here->line[here->at] != ',')
            return fail_at(reader, here, here->at, note,
                           "found text after a closing quote; wanted a comma or the line's end");
    } else {
        const size_t end = here->at + strcspn(here->line + here->at, ",\"");
        if (end < here->n && here->line[end] == '"')
            return fail_at(
                reader, here, end, note,
                "found a quote inside an unquoted cell; wanted the whole cell in quotes, and \"\" for "
                "each quote");
        atl_text_append(&reader->text, here->line + here->at, end - here->at);
        here->at = end;
    }
    st = atl_add_token(reader, begin, reader->text.length - begin, from, note);
    if (st == ATL_OK)
        reader->tokens[reader->n_tokens - 1].line = line;
    atl_text_putc(&reader->text, '\0');
    *ret_last = here->at == here->n;
    here->at += !*ret_last;
    return st;
}

/* The next record's cells in reader->tokens (`from` is the column); none at the end of the file. */
static atl_status take_record(atl_reader *reader, atl_note *note)
{
    place here = {.n = 0};
    reader->text.length = 0;
    reader->n_tokens = 0;
    do {
        const atl_status st = atl_source_next(&reader->source, &here.line, &here.n, note);
        if (st != ATL_OK || !here.line)
            return st;
    } while (here.n == 0);
    for (bool last = false; !last;) {
        const atl_status st = take_cell(reader, &here, &last, note);
        if (st != ATL_OK)
            return st;
    }
    return reader->text.failed ? atl_fail(note, ATL_NO_MEMORY, "no memory for a record") : ATL_OK;
}

static const char *cell(const atl_reader *reader, size_t i)
{
    return reader->text.data + reader->tokens[i].at;
}

static atl_status take_column_name(atl_reader *reader, size_t i, atl_note *note)
{
    const char *name = cell(reader, i);
    const size_t column = reader->tokens[i].from;
    const uint64_t line = reader->tokens[i].line;
    const atl_field *field = atl_field_find(name);
    if (!field && reader->lenient) {
        atl_warn(reader, line, column, "the unknown column \"%.60s\" is passed over", name);
        return ATL_OK;
    }
    if (!field) {
        const char *nearest = atl_field_nearest(name);
        atl_fail(note, ATL_BAD_INPUT, "found the unknown column \"%.60s\"%s%s%s", name,
                 nearest ? "; did you mean " : "; wanted names such as prompt or seed",
                 nearest ? nearest : "", nearest ? "?" : "");
        return atl_place(reader, line, column, ATL_BAD_INPUT, note);
    }
    for (size_t k = 0; k < i; k++)
        if (reader->columns[k].field == field)
            return atl_place(reader, line, column,
                             atl_fail(note, ATL_BAD_INPUT, "found the column %s twice", name), note);
    reader->columns[i].field = field;
    return ATL_OK;
}

static atl_status take_header(atl_reader *reader, atl_note *note)
{
    atl_status st = take_record(reader, note);
    if (st == ATL_OK && reader->n_tokens == 0)
        st = atl_place(reader, 1, 1, atl_fail(note, ATL_BAD_INPUT, "found nothing; wanted a header row"),
                       note);
    if (st != ATL_OK)
        return st;
    reader->columns = calloc(reader->n_tokens, sizeof *reader->columns);
    if (!reader->columns)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the header row");
    reader->n_columns = reader->n_tokens;
    for (size_t i = 0; st == ATL_OK && i < reader->n_columns; i++)
        st = take_column_name(reader, i, note);
    if (st != ATL_OK) { /* without a header no record can be read */
        free(reader->columns);
        reader->columns = NULL;
        reader->n_columns = 0;
    }
    return st;
}

atl_status atl_read_csv(atl_reader *reader, atl_draft *draft, bool *ret_end, atl_note *note)
{
    atl_status st = reader->columns ? ATL_OK : take_header(reader, note);
    if (st == ATL_OK)
        st = take_record(reader, note);
    *ret_end = st == ATL_OK && reader->n_tokens == 0;
    if (st != ATL_OK || *ret_end)
        return st;
    draft->line = reader->tokens[0].line;
    draft->column = 1;
    if (reader->n_tokens != reader->n_columns)
        return atl_place(reader, draft->line, 1,
                         atl_fail(note, ATL_BAD_INPUT, "found %zu cells; wanted %zu, as in the header",
                                  reader->n_tokens, reader->n_columns),
                         note);
    for (size_t i = 0; st == ATL_OK && i < reader->n_columns; i++) {
        if (!reader->columns[i].field || reader->tokens[i].n == 0)
            continue;
        if (strcmp(reader->columns[i].field->name, "prompt") == 0)
            draft->column = reader->tokens[i].from;
        draft->line = reader->tokens[i].line;
        st = atl_take_field(reader, draft, reader->columns[i].field, cell(reader, i), reader->tokens[i].from,
                            note);
    }
    draft->line = reader->tokens[0].line;
    return st;
}
