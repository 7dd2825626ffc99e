/* bpe_open.c - the list of merges into a hash table of (left id, right id) → (rank, merged id).
 *
 * In the files a byte is written as a visible character: itself if it is printable Latin-1, and otherwise
 * the next unused one from U+0100 on (GPT-2's byte alphabet). At the end of a word it carries "</w>". */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "text/bpe_table.h"
#include "text/unicode.h"

#define END_OF_WORD "</w>"

static bool is_visible(int byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

static void look_up_bytes(atl_bpe *bpe, const atl_vocab *vocab, int32_t unknown)
{
    uint32_t next = 0x100;
    for (int byte = 0; byte < 256; byte++) {
        char token[ATL_UTF8_MAX_BYTES + sizeof END_OF_WORD] = {0};
        size_t n = atl_utf8_put(is_visible(byte) ? (uint32_t)byte : next++, token);
        int32_t id = atl_vocab_id(vocab, token);
        bpe->inner[byte] = id >= 0 ? id : unknown;
        memcpy(token + n, END_OF_WORD, sizeof END_OF_WORD);
        id = atl_vocab_id(vocab, token);
        bpe->final[byte] = id >= 0 ? id : unknown;
    }
}

/* Room for n merges, at most half full. */
static bool make_slots(atl_bpe *bpe, size_t n)
{
    size_t n_slots = 16;
    while (n_slots < 2 * n)
        n_slots *= 2;
    bpe->slots = malloc(n_slots * sizeof *bpe->slots);
    if (!bpe->slots)
        return false;
    for (size_t i = 0; i < n_slots; i++)
        bpe->slots[i] = (atl_bpe_merge){.left = -1};
    bpe->mask = n_slots - 1;
    return true;
}

typedef struct builder {
    atl_bpe *bpe;
    const atl_vocab *vocab;
    uint32_t rank;      /* of the next merge */
    atl_text tokens[3]; /* left, right, both */
} builder;

/* Of two equal merges the later counts, as in a map that is filled in order. */
static atl_status add_merge(builder *b, const char *left, size_t n_left, const char *right, size_t n_right,
                            atl_note *note)
{
    const struct {
        const char *bytes;
        size_t n;
    } parts[] = {{left, n_left}, {right, n_right}};
    int32_t ids[3];
    for (size_t i = 0; i < 3; i++) {
        atl_text *token = &b->tokens[i];
        token->length = 0;
        if (i != 1)
            atl_text_append(token, parts[0].bytes, parts[0].n);
        if (i != 0)
            atl_text_append(token, parts[1].bytes, parts[1].n);
        if (token->failed)
            return atl_fail(note, ATL_NO_MEMORY, "out of memory");
        ids[i] = atl_vocab_id(b->vocab, token->data);
        if (ids[i] < 0)
            return atl_fail(note, ATL_BAD_INPUT, "\"%.64s\" is not among the vocabulary's tokens",
                            token->data);
    }
    *atl_bpe_probe(b->bpe, ids[0], ids[1]) =
        (atl_bpe_merge){.left = ids[0], .right = ids[1], .merged = ids[2], .rank = b->rank++};
    return ATL_OK;
}

/* "left right" */
static atl_status add_line(builder *b, const char *line, size_t n, atl_note *note)
{
    const char *space = memchr(line, ' ', n);
    size_t n_left = space ? (size_t)(space - line) : n;
    if (!space || memchr(space + 1, ' ', n - n_left - 1) || memchr(line, '\0', n))
        return atl_fail(note, ATL_BAD_INPUT, "is not two tokens with one space between");
    return add_merge(b, line, n_left, space + 1, n - n_left - 1, note);
}

static atl_status add_lines(builder *b, const char *name, const char *text, size_t n_bytes, atl_note *note)
{
    static const char version[] = "#version";
    size_t number = 0;
    for (size_t at = 0; at < n_bytes;) {
        const char *line = text + at;
        const char *newline = memchr(line, '\n', n_bytes - at);
        size_t n = newline ? (size_t)(newline - line) : n_bytes - at;
        at += n + 1;
        number++;
        if (n > 0 && line[n - 1] == '\r')
            n--;
        if (n >= strlen(version) && memcmp(line, version, strlen(version)) == 0)
            continue;
        atl_status st = add_line(b, line, n, note);
        if (st != ATL_OK) {
            atl_note_prefix(note, "%s:%zu", name, number);
            return st;
        }
    }
    return ATL_OK;
}

/* The merges of a tokenizer.json. */
static atl_status add_listed(builder *b, const char *name, atl_note *note)
{
    for (size_t i = 0; i < atl_vocab_n_merges(b->vocab); i++) {
        const char *left, *right;
        size_t n_left;
        atl_status st;
        if (atl_vocab_merge(b->vocab, i, &left, &n_left, &right))
            st = add_merge(b, left, n_left, right, strlen(right), note);
        else
            st = atl_fail(note, ATL_BAD_INPUT, "is not a pair of tokens");
        if (st != ATL_OK) {
            atl_note_prefix(note, "%s: model.merges[%zu]", name, i);
            return st;
        }
    }
    return ATL_OK;
}

static size_t count_lines(const char *text, size_t n_bytes)
{
    size_t n = 1;
    for (size_t i = 0; i < n_bytes; i++)
        n += text[i] == '\n';
    return n;
}

atl_status atl_bpe_open(const atl_vocab *vocab, const char *name, const char *merges, size_t n_bytes,
                        int32_t unknown, atl_bpe **ret, atl_note *note)
{
    size_t n_merges = merges ? count_lines(merges, n_bytes) : atl_vocab_n_merges(vocab);
    builder b = {.bpe = calloc(1, sizeof *b.bpe), .vocab = vocab};
    atl_status st;
    if (!b.bpe || !make_slots(b.bpe, n_merges)) {
        st = atl_fail(note, ATL_NO_MEMORY, "%s: out of memory", name);
    } else {
        look_up_bytes(b.bpe, vocab, unknown);
        st = merges ? add_lines(&b, name, merges, n_bytes, note) : add_listed(&b, name, note);
    }
    for (size_t i = 0; i < 3; i++)
        atl_text_done(&b.tokens[i]);
    if (st == ATL_OK)
        *ret = b.bpe;
    else
        atl_bpe_close(&b.bpe);
    return st;
}

void atl_bpe_close(atl_bpe **bpe)
{
    if (!*bpe)
        return;
    free((*bpe)->slots);
    free(*bpe);
    *bpe = NULL;
}
