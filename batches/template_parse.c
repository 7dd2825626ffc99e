/* template_parse.c - text to tree; see template.h for the grammar.
 *
 * First, every brace and bracket finds its mate in one pass over the text; then the tree is built from the
 * outside in, with no searching twice. A bracket that has no mate is plain text; a brace that has none is an
 * error. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"
#include "template_tree.h"

#define MAX_TAKEN 1000 /* of {N$$…} */
#define NONE      ((uint32_t)-1)

typedef struct parser {
    atl_wildcards *wildcards;
    atl_leaves *arena;
    const char *text;
    size_t n;
    uint32_t *mate; /* of each { and [: where it closes, or NONE */
    size_t at;      /* of an error */
    atl_note *note;
} parser;

static atl_status parse_sequence(parser *p, size_t begin, size_t end, int depth, atl_sequence **ret);

bool atl_template_is_needed(const char *text)
{
    return strpbrk(text, "{}") || strstr(text, "__");
}

static atl_status fail_at(parser *p, size_t at, const char *what)
{
    p->at = at;
    return atl_fail(p->note, ATL_BAD_INPUT, "%s", what);
}

static atl_status no_memory(parser *p)
{
    return atl_fail(p->note, ATL_NO_MEMORY, "no memory for a prompt's variants");
}

/* `open` is a stack of places of { and [ that are open. */
static atl_status close_brace(parser *p, uint32_t *open, size_t *n_open, size_t at)
{
    while (*n_open > 0 && p->text[open[*n_open - 1]] == '[')
        --*n_open;
    if (*n_open == 0)
        return fail_at(p, at, "found } without its {; wanted \\} for a brace that is meant as such");
    p->mate[open[--*n_open]] = (uint32_t)at;
    return ATL_OK;
}

static atl_status find_mates(parser *p)
{
    p->mate = malloc((p->n + 1) * sizeof *p->mate);
    uint32_t *open = malloc((p->n + 1) * sizeof *open);
    size_t n_open = 0;
    atl_status st = p->mate && open ? ATL_OK : no_memory(p);
    for (size_t i = 0; st == ATL_OK && i < p->n; i++) {
        const char c = p->text[i];
        p->mate[i] = NONE;
        if (c == '\\' && i + 1 < p->n)
            p->mate[++i] = NONE;
        else if (c == '{' || c == '[')
            open[n_open++] = (uint32_t)i;
        else if (c == ']' && n_open > 0 && p->text[open[n_open - 1]] == '[')
            p->mate[open[--n_open]] = (uint32_t)i;
        else if (c == '}')
            st = close_brace(p, open, &n_open, i);
    }
    while (st == ATL_OK && n_open > 0)
        if (p->text[open[--n_open]] == '{')
            st = fail_at(p, open[n_open],
                         "found { without its }; wanted \\{ for a brace that is meant as such");
    free(open);
    return st;
}

static size_t skip_blanks(const parser *p, size_t at, size_t end)
{
    while (at < end && (p->text[at] == ' ' || p->text[at] == '\t' || p->text[at] == '\n'))
        at++;
    return at;
}

static size_t take_digits(const parser *p, size_t at, size_t end, size_t *ret)
{
    size_t n = 0;
    for (; at < end && isdigit((unsigned char)p->text[at]); at++)
        n = n > MAX_TAKEN ? n : 10 * n + (size_t)(p->text[at] - '0');
    *ret = n;
    return at;
}

static bool is_at(const parser *p, size_t at, size_t end, const char *what)
{
    const size_t n = strlen(what);
    return at <= end && end - at >= n && memcmp(p->text + at, what, n) == 0;
}

/* "2$$", "1-3$$", "1-$$", "-3$$": how many to take. SIZE_MAX as `most`: all of them. Returns where the
 * options or the joiner begin; `begin` where nothing of the kind is said. */
static size_t take_bounds(const parser *p, size_t begin, size_t end, size_t *ret_least, size_t *ret_most)
{
    size_t least, most;
    const size_t from = skip_blanks(p, begin, end);
    size_t at = take_digits(p, from, end, &least), n_digits = at - from;
    most = least;
    if (at < end && p->text[at] == '-') {
        const size_t upper = at + 1;
        if (n_digits == 0)
            least = 1;
        at = take_digits(p, upper, end, &most);
        n_digits += at - upper;
        if (at == upper)
            most = (size_t)-1;
    }
    at = skip_blanks(p, at, end);
    if (n_digits == 0 || !is_at(p, at, end, "$$"))
        return begin;
    *ret_least = least;
    *ret_most = most;
    return at + 2;
}

/* Whether an escape begins there that this grammar takes away; how long it is, and what stays of it. */
static size_t escape_length(const parser *p, size_t at, size_t end, int depth)
{
    if (p->text[at] != '\\' || at + 1 >= end)
        return 0;
    const char c = p->text[at + 1];
    if (c == '{' || c == '}' || (depth > 0 && (c == '|' || c == '$')))
        return 2;
    return is_at(p, at + 1, end, "__") ? 3 : 0;
}

/* Text with its escapes taken away. */
static atl_status put_text(parser *p, size_t begin, size_t end, int depth, const char **ret, size_t *ret_n)
{
    char *text = atl_leaves_take(p->arena, end - begin + 1);
    size_t n = 0;
    if (!text)
        return no_memory(p);
    for (size_t at = begin; at < end;) {
        const size_t escape = escape_length(p, at, end, depth);
        const size_t skipped = escape > 0;
        const size_t taken = escape > 0 ? escape - 1 : p->text[at] == '\\' && at + 1 < end ? 2 : 1;
        memcpy(text + n, p->text + at + skipped, taken);
        n += taken;
        at += skipped + taken;
    }
    *ret = text;
    *ret_n = n;
    return ATL_OK;
}

/* " and $$": what joins those that are taken. Returns where the options begin. */
static atl_status take_joiner(parser *p, size_t *at, size_t end, int depth, atl_part *part)
{
    size_t n;
    part->joiner = ", ";
    for (size_t i = *at; i < end && !strchr("|{[", p->text[i]); i++) {
        if (is_at(p, i, end, "$$")) {
            const size_t from = *at;
            *at = i + 2;
            return put_text(p, from, i, depth, &part->joiner, &n);
        }
        i += p->text[i] == '\\';
    }
    return ATL_OK;
}

/* "0.5::" before an option. */
static size_t take_weight(const parser *p, size_t begin, size_t end, double *ret)
{
    const size_t from = skip_blanks(p, begin, end);
    size_t at = from, n_digits = 0;
    char digits[32];
    for (; at < end && (isdigit((unsigned char)p->text[at]) || p->text[at] == '.'); at++) {
        n_digits += p->text[at] != '.';
        if (at - from < sizeof digits - 1)
            digits[at - from] = p->text[at];
    }
    if (n_digits == 0 || at - from >= sizeof digits || !is_at(p, at, end, "::"))
        return begin;
    digits[at - from] = '\0';
    char *rest;
    const double weight = strtod(digits, &rest);
    if (*rest)
        return begin;
    *ret = weight;
    return at + 2;
}

/* Where the option that begins at `at` ends: at a | of this level, or at `end`. */
static size_t option_end(const parser *p, size_t at, size_t end)
{
    while (at < end && p->text[at] != '|') {
        if (p->text[at] == '\\')
            at++;
        else if ((p->text[at] == '{' || p->text[at] == '[') && p->mate[at] != NONE)
            at = p->mate[at];
        at++;
    }
    return at < end ? at : end;
}

static atl_status parse_options(parser *p, size_t begin, size_t end, int depth, atl_branches *branches)
{
    size_t n = 1;
    for (size_t at = begin; (at = option_end(p, at, end)) < end; at++)
        n++;
    branches->each = atl_leaves_take(p->arena, n * sizeof *branches->each);
    if (!branches->each)
        return no_memory(p);
    branches->is_even = true;
    double total = 0;
    for (size_t at = begin; branches->n < n; at++) {
        const size_t stop = option_end(p, at, end);
        atl_branch *branch = &branches->each[branches->n++];
        branch->weight = 1;
        const size_t from = take_weight(p, at, stop, &branch->weight);
        branches->is_even = branches->is_even && branch->weight == 1;
        total += branch->weight;
        const atl_status st = parse_sequence(p, from, stop, depth, &branch->sequence);
        if (st != ATL_OK)
            return st;
        at = stop;
    }
    return total > 0 ? ATL_OK : fail_at(p, begin, "found weights that are all 0; wanted one above it");
}

/* {2$$__name__}: two of what the wildcard holds. */
static const atl_branches *sole_wildcard(const atl_branches *branches)
{
    const atl_part *part = branches->n == 1 ? branches->each[0].sequence->first : NULL;
    return part && part->is_wildcard && !part->next ? part->branches : branches;
}

static atl_status parse_braces(parser *p, size_t begin, size_t end, int depth, atl_part *part)
{
    atl_branches *branches = atl_leaves_take(p->arena, sizeof *branches);
    if (!branches)
        return no_memory(p);
    if (depth > ATL_TEMPLATE_MAX_DEPTH)
        return fail_at(p, begin - 1, "found braces in over 32 braces; wanted fewer");
    size_t least = 1, most = 1;
    size_t at = take_bounds(p, begin, end, &least, &most);
    atl_status st = ATL_OK;
    part->joiner = "";
    if (at > begin)
        st = take_joiner(p, &at, end, depth, part);
    if (st == ATL_OK)
        st = parse_options(p, at, end, depth, branches);
    if (st != ATL_OK)
        return st;
    part->branches = sole_wildcard(branches);
    part->least = least;
    part->most = most < part->branches->n ? most : part->branches->n;
    if (least > part->branches->n || least > most)
        return fail_at(p, begin,
                       "found a number to take that is over its upper bound or the number of options; "
                       "wanted as many options");
    if (part->most > MAX_TAKEN)
        return fail_at(p, begin, "found over 1000 options to take; wanted fewer");
    return ATL_OK;
}

/* How many bytes of a name stand there before "__"; 0 where it is none. No name begins with an underscore. */
static size_t name_length(const parser *p, size_t at, size_t end)
{
    if (at < end && p->text[at] == '_')
        return 0;
    for (size_t n = 0; at + n < end; n++) {
        const char c = p->text[at + n];
        if (n > 0 && is_at(p, at + n, end, "__"))
            return n;
        if (!isalnum((unsigned char)c) && !strchr("_-/*?.", c) && !((unsigned char)c & 0x80))
            return 0;
    }
    return 0;
}

static atl_status parse_wildcard(parser *p, size_t at, size_t n, atl_part *part)
{
    p->at = at;
    part->is_wildcard = true;
    part->least = part->most = 1;
    part->joiner = "";
    return atl_wildcards_find(p->wildcards, p->text + at + 2, n, &part->branches, p->note);
}

/* How far plain text goes from `at`. */
static size_t plain_end(const parser *p, size_t at, size_t end, int depth)
{
    while (at < end && p->text[at] != '{') {
        const size_t escape = escape_length(p, at, end, depth);
        if (escape == 0 && is_at(p, at, end, "__") && name_length(p, at + 2, end) > 0)
            break;
        const size_t pair = p->text[at] == '\\' && at + 1 < end ? 2 : is_at(p, at, end, "__") ? 2 : 1;
        at += escape > 0 ? escape : pair;
    }
    return at;
}

static atl_status parse_sequence(parser *p, size_t begin, size_t end, int depth, atl_sequence **ret)
{
    atl_sequence *sequence = atl_leaves_take(p->arena, sizeof *sequence);
    if (!sequence)
        return no_memory(p);
    atl_part **tail = &sequence->first;
    for (size_t at = begin; at < end;) {
        atl_part *part = atl_leaves_take(p->arena, sizeof *part);
        if (!part)
            return no_memory(p);
        const size_t stop = plain_end(p, at, end, depth);
        atl_status st;
        if (stop > at) {
            st = put_text(p, at, stop, depth, &part->text, &part->n_bytes);
            at = stop;
        } else if (p->text[at] == '{') {
            st = parse_braces(p, at + 1, p->mate[at], depth + 1, part);
            at = p->mate[at] + (size_t)1;
        } else {
            const size_t n = name_length(p, at + 2, end);
            st = parse_wildcard(p, at, n, part);
            at += n + 4;
        }
        if (st != ATL_OK)
            return st;
        *tail = part;
        tail = &part->next;
    }
    *ret = sequence;
    return ATL_OK;
}

atl_status atl_sequence_parse(atl_wildcards *wildcards, atl_leaves *arena, const char *text, size_t n_bytes,
                              atl_sequence **ret, size_t *ret_at, atl_note *note)
{
    parser p = {.wildcards = wildcards, .arena = arena, .text = text, .n = n_bytes, .note = note};
    if (n_bytes >= NONE)
        return atl_fail(note, ATL_BAD_INPUT, "found a text of %zu bytes; wanted fewer", n_bytes);
    atl_status st = find_mates(&p);
    if (st == ATL_OK)
        st = parse_sequence(&p, 0, n_bytes, 0, ret);
    free(p.mate);
    *ret_at = p.at;
    return st;
}

atl_status atl_template_parse(atl_wildcards *wildcards, const char *text, atl_template **ret, atl_note *note)
{
    atl_template *made = calloc(1, sizeof *made);
    if (!made)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a prompt's variants");
    size_t at;
    const atl_status st =
        atl_sequence_parse(wildcards, &made->arena, text, strlen(text), &made->root, &at, note);
    if (st != ATL_OK) {
        atl_note_prefix(note, "at character %zu of the prompt", atl_column(text, at));
        atl_template_close(&made);
        return st;
    }
    *ret = made;
    return ATL_OK;
}

void atl_template_close(atl_template **tree)
{
    if (!*tree)
        return;
    atl_leaves_done(&(*tree)->arena);
    free(*tree);
    *tree = NULL;
}
