/* tokenizer.c - from a prompt to CLIP's token ids.
 *
 *   text ──special tokens──▶ plain stretches ──words.c──▶ words ──bpe.c──▶ ids
 *
 * Special tokens are looked for in the text as it was written, before anything is normalised, and each
 * stretch between them is normalised on its own: that is the order in which the reference does it, and why
 * "<|EndOfText|>" is plain text. */
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/sizes.h"
#include "text/bpe.h"
#include "text/unicode.h"
#include "text/words.h"

#define MAX_TEXT_BYTES ((size_t)1 << 20)

typedef struct special {
    char text[64];
    size_t n_bytes;
    int32_t id;
} special;

struct atl_tokenizer {
    atl_bpe *bpe;
    special specials[4]; /* bos, eos, pad, unk; some may be equal */
    int vocab_size;
};

enum { BOS, EOS, PAD, UNK };

/* ---- opening ---- */

static atl_status find_specials(atl_tokenizer *tokenizer, const atl_vocab *vocab, const char *name,
                                const atl_tokenizer_config *config, atl_note *note)
{
    const char *texts[] = {config->bos, config->eos, config->pad, config->unk};
    static const char *const keys[] = {"bos_token", "eos_token", "pad_token", "unk_token"};
    for (size_t i = 0; i < ATL_COUNT(texts); i++) {
        special *s = &tokenizer->specials[i];
        s->n_bytes = strnlen(texts[i], sizeof s->text - 1);
        memcpy(s->text, texts[i], s->n_bytes);
        s->id = atl_vocab_id(vocab, s->text);
        if (s->n_bytes == 0 || s->id < 0)
            return atl_fail(note, ATL_BAD_INPUT, "%s: the %s \"%s\" is not among its tokens", name, keys[i],
                            s->text);
    }
    return ATL_OK;
}

atl_status atl_tokenizer_open_bytes(const atl_tokenizer_files *files, const atl_tokenizer_config *config,
                                    atl_tokenizer **ret, atl_note *note)
{
    atl_vocab *vocab = NULL;
    atl_tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (!tokenizer)
        return atl_fail(note, ATL_NO_MEMORY, "%s: out of memory", files->vocab_name);
    atl_status st =
        files->merges
            ? atl_vocab_open(files->vocab_name, files->vocab, files->n_vocab_bytes, &vocab, note)
            : atl_vocab_open_joint(files->vocab_name, files->vocab, files->n_vocab_bytes, &vocab, note);
    if (st == ATL_OK)
        st = find_specials(tokenizer, vocab, files->vocab_name, config, note);
    if (st == ATL_OK)
        st = atl_bpe_open(vocab, files->merges ? files->merges_name : files->vocab_name, files->merges,
                          files->n_merges_bytes, tokenizer->specials[UNK].id, &tokenizer->bpe, note);
    if (st == ATL_OK) {
        tokenizer->vocab_size = atl_vocab_size(vocab);
        *ret = tokenizer;
        tokenizer = NULL;
    }
    atl_tokenizer_close(&tokenizer);
    atl_vocab_close(&vocab);
    return st;
}

atl_status atl_tokenizer_open(const char *dir, const atl_tokenizer_config *config, atl_tokenizer **ret,
                              atl_note *note)
{
    char *vocab = NULL, *merges = NULL;
    size_t n_vocab = 0, n_merges = 0;
    char *vocab_path = atl_path_join(dir, "vocab.json");
    char *merges_path = atl_path_join(dir, "merges.txt");
    char *joint_path = atl_path_join(dir, "tokenizer.json");
    atl_status st = ATL_OK;
    if (!vocab_path || !merges_path || !joint_path) {
        st = atl_fail(note, ATL_NO_MEMORY, "%s: out of memory", dir);
        goto done;
    }
    bool joint = !atl_is_file(vocab_path) && atl_is_file(joint_path);
    st = atl_file_read(joint ? joint_path : vocab_path, ATL_MAX_VOCAB_BYTES, &vocab, &n_vocab, note);
    if (st == ATL_OK && !joint)
        st = atl_file_read(merges_path, ATL_MAX_VOCAB_BYTES, &merges, &n_merges, note);
    if (st == ATL_OK) {
        const atl_tokenizer_files files = {.vocab_name = joint ? joint_path : vocab_path,
                                           .vocab = vocab,
                                           .n_vocab_bytes = n_vocab,
                                           .merges_name = merges_path,
                                           .merges = merges,
                                           .n_merges_bytes = n_merges};
        st = atl_tokenizer_open_bytes(&files, config, ret, note);
    }
done:
    free(merges);
    free(vocab);
    free(joint_path);
    free(merges_path);
    free(vocab_path);
    return st;
}

void atl_tokenizer_close(atl_tokenizer **tokenizer)
{
    if (!*tokenizer)
        return;
    atl_bpe_close(&(*tokenizer)->bpe);
    free(*tokenizer);
    *tokenizer = NULL;
}

/* ---- encoding ---- */

/* What one call works with. */
typedef struct encoder {
    const atl_tokenizer *tokenizer;
    atl_ints chars;
    char *word; /* UTF-8 of the word at hand */
    size_t word_capacity;
    atl_bpe_room room;
    atl_ints ids;
} encoder;

static void encoder_done(encoder *e)
{
    atl_ints_done(&e->chars);
    free(e->word);
    atl_bpe_room_done(&e->room);
    atl_ints_done(&e->ids);
}

static bool encode_word(encoder *e, size_t begin, size_t end)
{
    size_t need = (end - begin) * ATL_UTF8_MAX_BYTES;
    if (need > e->word_capacity) {
        char *word = realloc(e->word, need);
        if (!word)
            return false;
        e->word = word;
        e->word_capacity = need;
    }
    size_t n = 0;
    for (size_t i = begin; i < end; i++)
        n += atl_utf8_put((uint32_t)e->chars.at[i], e->word + n);
    return atl_bpe_append(e->tokenizer->bpe, &e->room, e->word, n, &e->ids);
}

/* A stretch without special tokens. */
static bool encode_plain(encoder *e, const char *text, size_t n_bytes)
{
    if (!atl_words_normalise(text, n_bytes, &e->chars))
        return false;
    atl_words words = {.chars = &e->chars};
    for (size_t begin, end; atl_words_next(&words, &begin, &end);)
        if (!encode_word(e, begin, end))
            return false;
    return true;
}

/* The longest special token at the start of text[n_bytes], or NULL. */
static const special *special_at(const atl_tokenizer *tokenizer, const char *text, size_t n_bytes)
{
    const special *longest = NULL;
    for (size_t i = 0; i < ATL_COUNT(tokenizer->specials); i++) {
        const special *s = &tokenizer->specials[i];
        if (s->n_bytes <= n_bytes && memcmp(text, s->text, s->n_bytes) == 0 &&
            (!longest || s->n_bytes > longest->n_bytes))
            longest = s;
    }
    return longest;
}

static bool encode_all(encoder *e, const char *text, size_t n_bytes)
{
    size_t done = 0;
    for (size_t at = 0; at < n_bytes;) {
        const special *s = special_at(e->tokenizer, text + at, n_bytes - at);
        if (!s) {
            at++;
            continue;
        }
        if (!encode_plain(e, text + done, at - done))
            return false;
        atl_ints_push(&e->ids, s->id);
        at += s->n_bytes;
        done = at;
    }
    return encode_plain(e, text + done, n_bytes - done) && !e->ids.failed;
}

atl_status atl_tokenizer_encode(const atl_tokenizer *tokenizer, const char *text, size_t n_bytes,
                                int32_t **ret_ids, size_t *ret_n, atl_note *note)
{
    if (n_bytes > MAX_TEXT_BYTES)
        return atl_fail(note, ATL_BAD_INPUT, "the prompt has %zu bytes; at most %zu are taken", n_bytes,
                        MAX_TEXT_BYTES);
    atl_status st = atl_utf8_check(text, n_bytes, note);
    if (st != ATL_OK)
        return st;
    encoder e = {.tokenizer = tokenizer};
    if (encode_all(&e, text, n_bytes)) {
        *ret_n = e.ids.n;
        *ret_ids = e.ids.at;
        e.ids = (atl_ints){0}; /* the caller's now */
    } else {
        st = atl_fail(note, ATL_NO_MEMORY, "out of memory for a prompt of %zu bytes", n_bytes);
    }
    encoder_done(&e);
    return st;
}

atl_status atl_tokenizer_encode_padded(const atl_tokenizer *tokenizer, const char *text, size_t n_bytes,
                                       int32_t *ids, int max_length, atl_note *note)
{
    int32_t *inner = NULL;
    size_t n_inner = 0;
    atl_status st = atl_tokenizer_encode(tokenizer, text, n_bytes, &inner, &n_inner, note);
    if (st != ATL_OK)
        return st;
    size_t length = (size_t)max_length;
    size_t n = n_inner < length - 2 ? n_inner : length - 2;
    ids[0] = atl_tokenizer_bos(tokenizer);
    for (size_t i = 0; i < n; i++)
        ids[1 + i] = inner[i];
    ids[1 + n] = atl_tokenizer_eos(tokenizer);
    for (size_t i = n + 2; i < length; i++)
        ids[i] = atl_tokenizer_pad(tokenizer);
    free(inner);
    return ATL_OK;
}

int32_t atl_tokenizer_bos(const atl_tokenizer *tokenizer)
{
    return tokenizer->specials[BOS].id;
}

int32_t atl_tokenizer_eos(const atl_tokenizer *tokenizer)
{
    return tokenizer->specials[EOS].id;
}

int32_t atl_tokenizer_pad(const atl_tokenizer *tokenizer)
{
    return tokenizer->specials[PAD].id;
}

int atl_tokenizer_vocab_size(const atl_tokenizer *tokenizer)
{
    return tokenizer->vocab_size;
}
