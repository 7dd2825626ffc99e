/* text_fixture.h - what the tests of text/ share: a small tokenizer, and strings with their lengths. */
#ifndef ATL_TESTS_TEXT_FIXTURE_H
#define ATL_TESTS_TEXT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sizes.h"
#include "text/tokenizer.h"

#define BOS 12
#define EOS 13

/* Letters a, b, c, a comma and "!"; "ab", "abc" within a word and at its end. */
static const char small_vocab[] =
    "{\"a\":0,\"b\":1,\"c\":2,\"a</w>\":3,\"b</w>\":4,\"c</w>\":5,\"ab\":6,\"ab</w>\":7,\"abc</w>\":8,"
    "\",</w>\":9,\"!</w>\":10,\"!\":11,\"<|startoftext|>\":12,\"<|endoftext|>\":13}";
static const char small_merges[] = "#version: 0.2\na b\na b</w>\nab c</w>\n";

static inline atl_tokenizer_config small_config(const char *pad)
{
    atl_tokenizer_config config = {
        .bos = "<|startoftext|>", .eos = "<|endoftext|>", .unk = "<|endoftext|>", .model_max_length = 77};
    snprintf(config.pad, sizeof config.pad, "%s", pad);
    return config;
}

/* `merges` NULL: `vocab` is a tokenizer.json. */
static inline atl_status open_bytes(const char *vocab, const char *merges, const char *pad,
                                    atl_tokenizer **ret, atl_note *note)
{
    const atl_tokenizer_config config = small_config(pad);
    const atl_tokenizer_files files = {.vocab_name = merges ? "vocab.json" : "tokenizer.json",
                                       .vocab = vocab,
                                       .n_vocab_bytes = strlen(vocab),
                                       .merges_name = "merges.txt",
                                       .merges = merges,
                                       .n_merges_bytes = merges ? strlen(merges) : 0};
    return atl_tokenizer_open_bytes(&files, &config, ret, note);
}

static inline atl_tokenizer *small_tokenizer(const char *pad)
{
    atl_tokenizer *tokenizer = NULL;
    atl_note note = {0};
    if (open_bytes(small_vocab, small_merges, pad, &tokenizer, &note) != ATL_OK)
        fail_msg("%s", note.text);
    return tokenizer;
}

/* That ids[n] is the list that follows; -1 ends it. */
static inline void assert_ids(const int32_t *ids, size_t n, const int32_t *expected)
{
    size_t i = 0;
    for (; i < n && expected[i] >= 0; i++)
        assert_int_equal(ids[i], expected[i]);
    assert_int_equal(i, n);
    assert_int_equal(expected[i], -1);
}

static inline void assert_says(const atl_note *note, const char *word)
{
    if (!strstr(note->text, word))
        fail_msg("\"%s\" does not say \"%s\"", note->text, word);
}

#endif
