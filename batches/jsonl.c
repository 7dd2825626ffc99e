/* jsonl.c - one JSON object a line. Duplicate and unknown keys are errors, and types are as they are: a
 * number is no string (but a seed may be one: JSON's readers lose what is above 2^53). */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_load.h"
#include "reader.h"

static const char *kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_NULL:
        return "null";
    default:
        return "a boolean";
    }
}

/* Past the string that begins at `at`. */
static size_t string_end(const char *line, size_t n, size_t at)
{
    for (at++; at < n && line[at] != '"'; at++)
        at += line[at] == '\\';
    return at + 1;
}

/* The column of a key of the line's object, which is known to be JSON; `otherwise` where the key is written
 * with escapes. */
static size_t key_column(const char *line, size_t n, const char *key, size_t otherwise)
{
    const size_t length = strlen(key);
    int depth = 0;
    for (size_t at = 0; at < n;) {
        const char c = line[at];
        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        if (c != '"') {
            at++;
            continue;
        }
        const size_t end = string_end(line, n, at);
        if (depth == 1 && end - at == length + 2 && memcmp(line + at + 1, key, length) == 0 && end < n &&
            line[end + strspn(line + end, " \t")] == ':')
            return atl_column(line, at);
        at = end;
    }
    return otherwise;
}

static atl_status wanted(atl_note *note, const atl_field *field, const json_t *value, const char *what)
{
    return atl_fail(note, ATL_BAD_INPUT, "%s: found %s; wanted %s", field->name, kind_of(value), what);
}

/* The value in the words that a flag would have, or NULL where its type is wrong. */
static const char *words_of(const atl_field *field, const json_t *value, char *scratch, size_t n)
{
    const bool any = field->kind == ATL_FIELD_REFUSED;
    const bool is_text = field->kind == ATL_FIELD_TEXT || field->kind == ATL_FIELD_RNG;
    const bool is_number =
        field->kind == ATL_FIELD_WHOLE || field->kind == ATL_FIELD_REAL || field->kind == ATL_FIELD_SEED;
    if (json_is_string(value))
        return any || is_text || field->kind == ATL_FIELD_SEED ? json_string_value(value) : NULL;
    if (json_is_boolean(value) && (any || field->kind == ATL_FIELD_BOOL))
        return json_is_true(value) ? "true" : "false";
    if (json_is_integer(value) && (any || is_number)) {
        snprintf(scratch, n, "%lld", (long long)json_integer_value(value));
        return scratch;
    }
    if (json_is_real(value) && (any || is_number)) {
        const double real = json_real_value(value);
        snprintf(scratch, n, "%.15g", real); /* as it was written, nearly always */
        if (strtod(scratch, NULL) != real)
            snprintf(scratch, n, "%.17g", real);
        return scratch;
    }
    return any ? kind_of(value) : NULL;
}

static const char *wanted_type(const atl_field *field)
{
    switch (field->kind) {
    case ATL_FIELD_TEXT:
    case ATL_FIELD_RNG:
        return "a string";
    case ATL_FIELD_BOOL:
        return "true or false";
    default:
        return "a number";
    }
}

static atl_status take_value(const atl_reader *reader, atl_draft *draft, const atl_field *field,
                             const json_t *value, atl_note *note)
{
    if (json_is_null(value) && field->kind != ATL_FIELD_REFUSED)
        return atl_place(reader, draft->line, draft->column, atl_draft_unset(draft, field, note), note);
    if (json_is_null(value))
        return ATL_OK;
    char scratch[64];
    const char *words = words_of(field, value, scratch, sizeof scratch);
    if (!words)
        return atl_place(reader, draft->line, draft->column, wanted(note, field, value, wanted_type(field)),
                         note);
    return atl_take_field(reader, draft, field, words, draft->column, note);
}

static atl_status unknown_key(const atl_reader *reader, const atl_draft *draft, const char *key,
                              atl_note *note)
{
    const char *nearest = atl_field_nearest(key);
    if (reader->lenient) {
        atl_warn(reader, draft->line, draft->column, "the unknown key \"%.60s\" is passed over", key);
        return ATL_OK;
    }
    atl_fail(note, ATL_BAD_INPUT, "found the unknown key \"%.60s\"%s%s%s", key,
             nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    return atl_place(reader, draft->line, draft->column, ATL_BAD_INPUT, note);
}

atl_status atl_read_jsonl(atl_reader *reader, const char *line, size_t n, atl_draft *draft, atl_note *note)
{
    json_error_t error;
    const size_t begin = draft->column;
    json_t *object = atl_json_load(line, n, JSON_REJECT_DUPLICATES, &error);
    if (!object && error.text[0] == '\0')
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a line");
    if (!object)
        return atl_place(
            reader, draft->line, error.column > 0 ? (size_t)error.column : draft->column,
            atl_fail(note, ATL_BAD_INPUT, "found what is not JSON: %s; wanted an object", error.text), note);
    atl_status st = ATL_OK;
    if (!json_is_object(object))
        st = atl_place(reader, draft->line, draft->column,
                       atl_fail(note, ATL_BAD_INPUT, "found %s; wanted an object", kind_of(object)), note);
    const char *key;
    json_t *value;
    if (st == ATL_OK)
        json_object_foreach(object, key, value)
        {
            const atl_field *field = atl_field_find(key);
            draft->column = key_column(line, n, key, begin);
            st =
                field ? take_value(reader, draft, field, value, note) : unknown_key(reader, draft, key, note);
            if (st != ATL_OK)
                break;
        }
    draft->column = begin;
    json_decref(object);
    return st;
}
