/* bpe_open.c - merges.txt into a hash table of (left id, right id) → (rank, merged id).
 *
 * In both files a byte is written as a visible character: itself if it is printable Latin-1, and otherwise
 * the next unused one from U+0100 on (GPT-2's byte alphabet). At the end of a word it carries "</w>". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "text/bpe_table.h"
#include "text/unicode.h"

#define MAX_MERGES_BYTES ((size_t)32 << 20) /* CLIP's has 0.5 MB */
#define END_OF_WORD      "</w>"

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

/* "left right": cuts it in two and looks all three tokens up. */
static atl_status read_merge(const atl_vocab *vocab, char *line, atl_text *joined, atl_bpe_merge *ret,
                             atl_note *note)
{
    char *space = strchr(line, ' ');
    if (!space || strchr(space + 1, ' '))
        return atl_fail(note, ATL_BAD_INPUT, "\"%.64s\" is not two tokens with one space between", line);
    *space = '\0';
    joined->length = 0;
    atl_text_puts(joined, line);
    atl_text_puts(joined, space + 1);
    if (joined->failed)
        return atl_fail(note, ATL_NO_MEMORY, "out of memory");
    const char *tokens[] = {line, space + 1, joined->data};
    int32_t ids[3];
    for (int i = 0; i < 3; i++) {
        ids[i] = atl_vocab_id(vocab, tokens[i]);
        if (ids[i] < 0)
            return atl_fail(note, ATL_BAD_INPUT, "token \"%.64s\" is not in vocab.json", tokens[i]);
    }
    *ret = (atl_bpe_merge){.left = ids[0], .right = ids[1], .merged = ids[2]};
    return ATL_OK;
}

/* `data` is the file with a NUL after it; its lines are cut in place. */
static atl_status read_merges(atl_bpe *bpe, const atl_vocab *vocab, const char *path, char *data, size_t size,
                              atl_note *note)
{
    atl_text joined = {0};
    atl_status st = ATL_OK;
    uint32_t rank = 0;
    size_t line_number = 0;
    for (char *line = data, *end; line < data + size && st == ATL_OK; line = end + 1) {
        end = memchr(line, '\n', (size_t)(data + size - line));
        end = end ? end : data + size;
        line_number++;
        *end = '\0';
        if (end > line && end[-1] == '\r')
            end[-1] = '\0';
        if (strncmp(line, "#version", 8) == 0)
            continue;
        atl_bpe_merge merge = {0};
        st = read_merge(vocab, line, &joined, &merge, note);
        merge.rank = rank++;
        if (st == ATL_OK)
            *atl_bpe_probe(bpe, merge.left, merge.right) = merge; /* of two equal lines the later counts */
    }
    if (st != ATL_OK)
        atl_note_prefix(note, "%s:%zu", path, line_number);
    atl_text_done(&joined);
    return st;
}

static size_t count_lines(const char *data, size_t size)
{
    size_t n = 1;
    for (size_t i = 0; i < size; i++)
        n += data[i] == '\n';
    return n;
}

atl_status atl_bpe_open(const atl_vocab *vocab, const char *merges_path, int32_t unknown, atl_bpe **ret,
                        atl_note *note)
{
    char *data = NULL;
    size_t size = 0;
    atl_bpe *bpe = NULL;
    atl_status st = atl_file_read(merges_path, MAX_MERGES_BYTES, &data, &size, note);
    if (st != ATL_OK)
        return st;
    bpe = calloc(1, sizeof *bpe);
    if (!bpe || !make_slots(bpe, count_lines(data, size))) {
        st = atl_fail(note, ATL_NO_MEMORY, "%s: out of memory", merges_path);
        goto fail;
    }
    look_up_bytes(bpe, vocab, unknown);
    st = read_merges(bpe, vocab, merges_path, data, size, note);
    if (st != ATL_OK)
        goto fail;
    free(data);
    *ret = bpe;
    return ATL_OK;
fail:
    free(data);
    atl_bpe_close(&bpe);
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
