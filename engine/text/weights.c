/* weights.c - a plain prompt as pieces of text, each with its weight.
 *
 * One pass, as AUTOMATIC1111's web UI does it: an opening bracket remembers how many spans there are, the
 * closing one multiplies all spans since. Brackets left open at the end multiply too, the outermost first,
 * round before square; a closing bracket without an opening one is text; so is a colon that no weight and
 * ")" follow; a backslash before anything but a bracket or a backslash vanishes. Products are made in
 * double, in that order, because equal weights are merged.
 *
 * Ours: BREAK ends a chunk within brackets as well (there, the web UI gives it a weight and so makes it a
 * word); a weight that is not one number, "(x:1.2.3)", is text (there, an exception). */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/text.h"
#include "text/grammar.h"
#include "text/unicode.h"

#define ROUND            1.1
#define SQUARE           (1 / 1.1)
#define MAX_NUMBER_BYTES 64

typedef struct span {
    size_t begin, end; /* in parser.text */
    double weight;
    bool is_break;
} span;

typedef struct open_brackets {
    size_t spans_before[ATL_MAX_BRACKET_DEPTH];
    size_t n;
} open_brackets;

typedef struct parser {
    const char *prompt; /* input, and how far it was read */
    size_t n_bytes, at;
    atl_text text; /* of all spans, one after the other */
    span *spans;
    size_t n_spans, capacity;
    open_brackets round, square;
    bool no_memory, too_deep;
} parser;

/* ---- spans ---- */

static span *add_span(parser *p)
{
    span *spans = atl_grown(p->spans, p->n_spans, &p->capacity, 32, sizeof *spans);
    if (!spans) {
        p->no_memory = true;
        return NULL;
    }
    p->spans = spans;
    p->spans[p->n_spans] = (span){.begin = p->text.length, .end = p->text.length, .weight = 1};
    return &p->spans[p->n_spans++];
}

static void add_text(parser *p, const char *text, size_t n)
{
    span *s = add_span(p);
    if (!s || n == 0)
        return;
    atl_text_append(&p->text, text, n);
    s->end = p->text.length;
}

static void add_break(parser *p)
{
    span *s = add_span(p);
    if (s)
        s->is_break = true;
}

static void multiply(parser *p, size_t from, double by)
{
    for (size_t i = from; i < p->n_spans; i++)
        p->spans[i].weight *= by;
}

static void open_bracket(parser *p, open_brackets *brackets)
{
    if (brackets->n == ATL_MAX_BRACKET_DEPTH)
        p->too_deep = true;
    else
        brackets->spans_before[brackets->n++] = p->n_spans;
}

/* ---- plain text and BREAK ---- */

static bool is_word_char(const char *text, size_t n)
{
    uint32_t c;
    if (atl_utf8_next(text, n, &c) == 0)
        return false;
    atl_char_class class = atl_char_class_of((int32_t)c);
    return c == '_' || class == ATL_CHAR_LETTER || class == ATL_CHAR_NUMBER;
}

/* Where the character that ends at `at` begins. */
static size_t before(const char *text, size_t at)
{
    at--;
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80)
        at--;
    return at;
}

/* The next BREAK in text[from … n) that is a word of its own; n if there is none. */
static size_t find_break(const char *text, size_t n, size_t from)
{
    const size_t length = strlen("BREAK");
    while (from < n) {
        const char *found = memmem(text + from, n - from, "BREAK", length);
        if (!found)
            break;
        size_t at = (size_t)(found - text);
        bool joined = at > 0 && is_word_char(text + before(text, at), at - before(text, at));
        if (!joined && !is_word_char(text + at + length, n - at - length))
            return at;
        from = at + 1;
    }
    return n;
}

/* Text without brackets, colons and backslashes; each BREAK takes the white space around it away. */
static void add_words(parser *p, const char *text, size_t n)
{
    size_t done = 0;
    for (size_t at; (at = find_break(text, n, done)) < n;) {
        size_t end = at;
        while (end > done && atl_grammar_spaces(text + before(text, end), end - before(text, end)) > 0)
            end = before(text, end);
        add_text(p, text + done, end - done);
        add_break(p);
        done = at + strlen("BREAK");
        done += atl_grammar_spaces(text + done, n - done);
    }
    add_text(p, text + done, n - done);
}

/* ---- one step of the reader ---- */

/* Whether text[n] is digits with at most one point among them, signed or not. */
static bool parse_number(const char *text, size_t n, double *ret)
{
    char number[MAX_NUMBER_BYTES];
    size_t n_points = 0, n_digits = 0;
    for (size_t i = text[0] == '+' || text[0] == '-'; i < n; i++) {
        n_points += text[i] == '.';
        n_digits += text[i] != '.';
    }
    if (n_points > 1 || n_digits == 0 || n >= sizeof number)
        return false;
    memcpy(number, text, n);
    number[n] = '\0';
    *ret = strtod(number, NULL);
    return true;
}

/* At a colon: ": 1.3 )", and how long that is; 0 if it is something else. */
static size_t read_weight(const parser *p, double *ret)
{
    const char *text = p->prompt + p->at;
    size_t n = p->n_bytes - p->at;
    size_t begin = 1 + atl_grammar_spaces(text + 1, n - 1);
    size_t end = begin;
    if (end < n && (text[end] == '+' || text[end] == '-'))
        end++;
    while (end < n && ((text[end] >= '0' && text[end] <= '9') || text[end] == '.'))
        end++;
    size_t close = end + atl_grammar_spaces(text + end, n - end);
    if (end == begin || close == n || text[close] != ')' || !parse_number(text + begin, end - begin, ret))
        return 0;
    return close + 1;
}

static void read_colon(parser *p)
{
    double weight;
    size_t n = p->round.n > 0 ? read_weight(p, &weight) : 0;
    if (n > 0) {
        multiply(p, p->round.spans_before[--p->round.n], weight);
        p->at += n;
        return;
    }
    add_text(p, ":", 1);
    p->at++;
}

static void close_bracket(parser *p, open_brackets *brackets, double weight)
{
    if (brackets->n > 0)
        multiply(p, brackets->spans_before[--brackets->n], weight);
    else
        add_text(p, p->prompt + p->at, 1);
    p->at++;
}

static void read_backslash(parser *p)
{
    p->at++;
    bool escapes = p->at < p->n_bytes && p->prompt[p->at] != '\0' && strchr("()[]\\", p->prompt[p->at]);
    add_text(p, p->prompt + p->at, escapes);
    p->at += escapes;
}

static void read_some(parser *p)
{
    switch (p->prompt[p->at]) {
    case '\\':
        read_backslash(p);
        return;
    case '(':
        open_bracket(p, &p->round);
        p->at++;
        return;
    case '[':
        open_bracket(p, &p->square);
        p->at++;
        return;
    case ')':
        close_bracket(p, &p->round, ROUND);
        return;
    case ']':
        close_bracket(p, &p->square, SQUARE);
        return;
    case ':':
        read_colon(p);
        return;
    default:
        break;
    }
    size_t begin = p->at;
    while (p->at < p->n_bytes && (!strchr("\\()[]:", p->prompt[p->at]) || p->prompt[p->at] == '\0'))
        p->at++;
    add_words(p, p->prompt + begin, p->at - begin);
}

/* ---- the result ---- */

/* Spans become pieces; neighbours of equal weight become one. */
static atl_status make_pieces(const parser *p, atl_pieces *ret, atl_note *note)
{
    atl_pieces pieces = {.at = calloc(p->n_spans, sizeof *pieces.at)};
    if (!pieces.at)
        return atl_fail(note, ATL_NO_MEMORY, "out of memory for a prompt");
    atl_status st = ATL_OK;
    for (size_t i = 0, next; i < p->n_spans && st == ATL_OK; i = next) {
        const span *first = &p->spans[i];
        for (next = i + 1; next < p->n_spans && !first->is_break && !p->spans[next].is_break &&
                           p->spans[next].weight == first->weight;)
            next++;
        size_t n = p->spans[next - 1].end - first->begin;
        const char *text = first->is_break ? "BREAK" : n > 0 ? p->text.data + first->begin : "";
        n = first->is_break ? strlen("BREAK") : n;
        atl_piece *piece = &pieces.at[pieces.n++];
        *piece = (atl_piece){.text = malloc(n + 1), .n_bytes = n, .is_break = first->is_break};
        piece->weight = first->is_break ? -1 : (float)first->weight;
        if (!piece->text) {
            st = atl_fail(note, ATL_NO_MEMORY, "out of memory for a prompt");
        } else {
            memcpy(piece->text, text, n);
            piece->text[n] = '\0';
        }
        if (!first->is_break && !(fabs(first->weight) <= FLT_MAX))
            st = atl_fail(note, ATL_BAD_INPUT, "the prompt gives \"%.64s\" a weight that is out of range",
                          text);
    }
    if (st == ATL_OK)
        *ret = pieces;
    else
        atl_pieces_done(&pieces);
    return st;
}

static void multiply_left_open(parser *p)
{
    for (size_t i = 0; i < p->round.n; i++)
        multiply(p, p->round.spans_before[i], ROUND);
    for (size_t i = 0; i < p->square.n; i++)
        multiply(p, p->square.spans_before[i], SQUARE);
}

atl_status atl_pieces_parse(const char *prompt, size_t n_bytes, atl_pieces *ret, atl_note *note)
{
    atl_status st = atl_prompt_check_bytes(prompt, n_bytes, note);
    if (st != ATL_OK)
        return st;
    parser *p = calloc(1, sizeof *p);
    if (!p)
        return atl_fail(note, ATL_NO_MEMORY, "out of memory for a prompt");
    p->prompt = prompt;
    p->n_bytes = n_bytes;
    while (p->at < n_bytes && !p->no_memory && !p->text.failed && !p->too_deep)
        read_some(p);
    multiply_left_open(p);
    if (p->n_spans == 0)
        add_text(p, "", 0);
    if (p->too_deep)
        st = atl_fail(note, ATL_BAD_INPUT, "byte %zu of the prompt opens a bracket within %d others",
                      p->at - 1, ATL_MAX_BRACKET_DEPTH);
    else if (p->no_memory || p->text.failed)
        st = atl_fail(note, ATL_NO_MEMORY, "out of memory for a prompt");
    else
        st = make_pieces(p, ret, note);
    atl_text_done(&p->text);
    free(p->spans);
    free(p);
    return st;
}

void atl_pieces_done(atl_pieces *pieces)
{
    for (size_t i = 0; i < pieces->n; i++)
        free(pieces->at[i].text);
    free(pieces->at);
    *pieces = (atl_pieces){0};
}
