/* tokenizer_fuzz.c - the tokenizer's files and texts, whatever they hold.
 *
 * The input is the files of a tokenizer and a text: "vocab.json NUL merges.txt NUL text", or
 * "tokenizer.json NUL NUL text". Without a NUL all of it is a text for a tokenizer of bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const atl_tokenizer_config config = {.bos = "<|startoftext|>",
                                            .eos = "<|endoftext|>",
                                            .pad = "!",
                                            .unk = "<|endoftext|>",
                                            .model_max_length = 77};

static const char byte_merges[] = "#version: 0.2\nt h\nth e</w>\na a\naa aa\na a</w>\n";

/* The 188 bytes that stand for themselves, plain and at a word's end, what the merges need, and the rest. */
static void write_vocab(atl_text *vocab)
{
    static const char *const more[] = {"th",     "the</w>",         "aa",           "aaaa",
                                       "aa</w>", "<|startoftext|>", "<|endoftext|>"};
    int id = 0;
    atl_text_puts(vocab, "{");
    for (uint32_t c = '!'; c <= 0xFF; c++) {
        char bytes[5] = {0};
        if ((c > '~' && c < 0xA1) || c == 0xAD || c == '"' || c == '\\')
            continue;
        atl_utf8_put(c, bytes);
        atl_text_printf(vocab, "\"%s\":%d,\"%s</w>\":%d,", bytes, id, bytes, id + 1);
        id += 2;
    }
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        atl_text_printf(vocab, "\"%s\":%d%s", more[i], id + (int)i,
                        i + 1 < sizeof more / sizeof *more ? "," : "}");
}

static void encode(const atl_tokenizer *tokenizer, const char *text, size_t n)
{
    atl_note note = {0};
    int32_t *ids = NULL, padded[77];
    size_t n_ids = 0;
    atl_status whole = atl_tokenizer_encode(tokenizer, text, n, &ids, &n_ids, &note);
    for (size_t i = 0; i < n_ids; i++)
        if (ids[i] < 0 || ids[i] >= atl_tokenizer_vocab_size(tokenizer))
            abort();
    free(ids);
    if (atl_tokenizer_encode_padded(tokenizer, text, n, padded, 77, &note) != whole)
        abort();
    if (whole == ATL_OK && padded[0] != atl_tokenizer_bos(tokenizer))
        abort();
    if (whole != ATL_OK && note.text[0] == '\0')
        abort();
}

static void try_files(const char *vocab, size_t n_vocab, const char *merges, size_t n_merges,
                      const char *text, size_t n_text)
{
    const atl_tokenizer_files files = {.vocab_name = "vocab.json",
                                       .vocab = vocab,
                                       .n_vocab_bytes = n_vocab,
                                       .merges_name = "merges.txt",
                                       .merges = n_merges > 0 ? merges : NULL,
                                       .n_merges_bytes = n_merges};
    atl_note note = {0};
    atl_tokenizer *tokenizer = NULL;
    if (atl_tokenizer_open_bytes(&files, &config, &tokenizer, &note) != ATL_OK) {
        if (tokenizer || note.text[0] == '\0')
            abort();
        return;
    }
    encode(tokenizer, text, n_text);
    atl_tokenizer_close(&tokenizer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = size > 0 ? (const char *)data : "";
    const char *merges = memchr(bytes, '\0', size);
    const char *text = merges ? memchr(merges + 1, '\0', size - (size_t)(merges + 1 - bytes)) : NULL;
    if (text) {
        try_files(bytes, (size_t)(merges - bytes), merges + 1, (size_t)(text - merges) - 1, text + 1,
                  size - (size_t)(text + 1 - bytes));
    } else {
        atl_text vocab = {0};
        write_vocab(&vocab);
        try_files(vocab.data, vocab.length, byte_merges, strlen(byte_merges), bytes, size);
        atl_text_done(&vocab);
    }
    return 0;
}
