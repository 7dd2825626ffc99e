/* words.c - the normaliser and the pre-tokeniser of CLIP.
 *
 * The reference cuts twice: first by
 *   <\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
 * and then each of those by GPT-2's expression, which leaves all of them whole but the first two (they come
 * to be here only where a capital was written: in exact spelling they are special tokens and taken out
 * before). Those fall into "<|", "startoftext" and "|>", and differ from ordinary text only in that a "|>"
 * ends there, whatever sign follows. */
#include "text/words.h"

#include <string.h>

#include "base/sizes.h"
#include "text/unicode.h"

bool atl_words_normalise(const char *bytes, size_t n_bytes, atl_ints *chars)
{
    chars->n = 0;
    for (size_t at = 0; at < n_bytes;) {
        uint32_t c = 0;
        size_t used = atl_utf8_next(bytes + at, n_bytes - at, &c);
        if (used == 0)
            return false;
        atl_ints_push(chars, (int32_t)c);
        at += used;
    }
    if (!atl_nfc(chars))
        return false;

    atl_ints out = {0};
    for (size_t i = 0; i < chars->n; i++) {
        if (atl_char_class_of(chars->at[i]) == ATL_CHAR_SPACE) {
            if (out.n == 0 || out.at[out.n - 1] != ' ')
                atl_ints_push(&out, ' ');
            continue;
        }
        int32_t lower[2];
        int n = atl_char_lower(chars->at[i], lower);
        for (int k = 0; k < n; k++)
            atl_ints_push(&out, lower[k]);
    }
    atl_ints_done(chars);
    *chars = out;
    return !chars->failed;
}

/* Whether chars[i…] begins with an ASCII string. */
static bool stands_at(const atl_ints *chars, size_t i, const char *ascii)
{
    for (size_t k = 0; ascii[k]; k++)
        if (i + k >= chars->n || chars->at[i + k] != ascii[k])
            return false;
    return true;
}

/* How long the name of a special token at i is, or 0. */
static size_t special_name(const atl_ints *chars, size_t i)
{
    static const char *const names[] = {"<|startoftext|>", "<|endoftext|>"};
    for (size_t k = 0; k < ATL_COUNT(names); k++)
        if (stands_at(chars, i, names[k]))
            return strlen(names[k]);
    return 0;
}

/* How long the contraction at i is, or 0. */
static size_t contraction(const atl_ints *chars, size_t i)
{
    static const char *const tails[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t k = 0; k < ATL_COUNT(tails); k++)
        if (stands_at(chars, i, tails[k]))
            return strlen(tails[k]);
    return 0;
}

bool atl_words_next(atl_words *words, size_t *ret_begin, size_t *ret_end)
{
    const atl_ints *chars = words->chars;
    size_t i = words->at;
    while (i < chars->n && chars->at[i] == ' ')
        i++;
    if (i == chars->n)
        return false;
    *ret_begin = i;
    if (i >= words->special_end) /* else within the name of a special token, which is not looked for again */
        words->special_end = i + special_name(chars, i);

    size_t end = i + contraction(chars, i);
    size_t limit = i < words->special_end ? words->special_end : chars->n;
    atl_char_class class = atl_char_class_of(chars->at[i]);
    if (end == i && class == ATL_CHAR_NUMBER)
        end = i + 1;
    else if (end == i)
        while (end < limit && atl_char_class_of(chars->at[end]) == class)
            end++;
    *ret_end = end;
    words->at = end;
    return true;
}
