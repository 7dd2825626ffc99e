/* reader.h - one line of a prompt file after another, as drafts; the formats behind one function. */
#ifndef ATL_BATCHES_READER_H
#define ATL_BATCHES_READER_H

#include "draft.h"
#include "source.h"

/* What is wanted of whoever asks for what we do not have. */
#define ATL_WANTED_SUPPORTED "; wanted it left out, or --lenient to paint without it"

typedef struct atl_token {
    size_t at, n;  /* in the reader's text, NUL after it */
    size_t from;   /* the byte of the line where it begins; of a .csv's cell: its column */
    uint64_t line; /* of a .csv's cell: where it begins */
} atl_token;

typedef struct atl_csv_column {
    const atl_field *field; /* NULL: passed over (lenient) */
} atl_csv_column;

typedef struct atl_reader {
    atl_source source;
    atl_batch_format format; /* settled: never AUTO */
    bool lenient;
    bool quiet; /* a later pass: warnings were given */
    atl_batch_warning warn;
    void *user;
    const atl_job *defaults;
    atl_text text; /* of tokens and of CSV cells */
    atl_token *tokens;
    size_t n_tokens, tokens_capacity;
    atl_csv_column *columns; /* of a .csv */
    size_t n_columns;
    bool at_end; /* an infotext is one draft */
} atl_reader;

/* Errors: ATL_USAGE (no format follows from the extension), and as atl_source_open. */
atl_status atl_reader_open(const atl_batch_options *options, const atl_job *defaults, atl_reader *ret,
                           atl_note *note);
void atl_reader_done(atl_reader *reader);
atl_status atl_reader_rewind(atl_reader *reader, atl_note *note);

/* The next draft in *ret (atl_draft_done it), or *ret_end = true. Errors name file, line and column. */
atl_status atl_reader_next(atl_reader *reader, atl_draft *ret, bool *ret_end, atl_note *note);

/* ---- the formats, for reader.c and their tests: `draft` has the defaults, the line is NUL-terminated ----
 *
 * Errors: ATL_BAD_INPUT, ATL_UNSUPPORTED (a field that cannot be honoured), ATL_NO_MEMORY; of those that read
 * from the source by themselves also ATL_IO. */
atl_status atl_read_txt(atl_reader *reader, const char *line, size_t n, atl_draft *draft, atl_note *note);
atl_status atl_read_jsonl(atl_reader *reader, const char *line, size_t n, atl_draft *draft, atl_note *note);
/* Takes the next record from the source by itself. */
atl_status atl_read_csv(atl_reader *reader, atl_draft *draft, bool *ret_end, atl_note *note);
/* The whole file: a PNG or a text. */
atl_status atl_read_infotext(atl_reader *reader, atl_draft *draft, atl_note *note);

/* Appends to reader->tokens bytes [at, at + n) of reader->text, which stand from `from` on in the line.
 * Errors: ATL_NO_MEMORY. */
atl_status atl_add_token(atl_reader *reader, size_t at, size_t n, size_t from, atl_note *note);

/* Puts "file:line:column" before the note and returns the status. */
atl_status atl_place(const atl_reader *reader, uint64_t line, size_t column, atl_status status,
                     atl_note *note);
/* Tells a person, with the place; nothing in a later pass. */
void atl_warn(const atl_reader *reader, uint64_t line, size_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Sets a field; a refused one is only a warning where the reader is lenient. Errors: as atl_draft_set's. */
atl_status atl_take_field(const atl_reader *reader, atl_draft *draft, const atl_field *field,
                          const char *value, size_t column, atl_note *note);

#endif
