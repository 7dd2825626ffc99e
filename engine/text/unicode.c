/* unicode.c - the classes and the lower case of characters; composition is in nfc.c.
 *
 * utf8proc does the work; the tables below are what the reference knows beyond Unicode 15. Found by comparing
 * all 1,112,064 characters; tests/golden/tokenizer holds a sample of every row. */
#include "text/unicode.h"

#include <utf8proc.h>

#include "base/sizes.h"

typedef struct char_range {
    int32_t first, last;
} char_range;

/* Letters that Unicode 15.1 and 16 added. */
static const char_range newer_letters[] = {
    {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3}, {0x10D4A, 0x10D65},
    {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x11380, 0x11389}, {0x1138B, 0x1138B}, {0x1138E, 0x1138E},
    {0x11390, 0x113B5}, {0x113B7, 0x113B7}, {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0},
    {0x13460, 0x143FA}, {0x16100, 0x1611D}, {0x16D40, 0x16D6C}, {0x18CFF, 0x18CFF}, {0x1E5D0, 0x1E5ED},
    {0x1E5F0, 0x1E5F0}, {0x2EBF0, 0x2EE5D},
};

/* Numbers that Unicode 16 added. */
static const char_range newer_numbers[] = {
    {0x10D40, 0x10D49}, {0x116D0, 0x116E3}, {0x11BF0, 0x11BF9}, {0x16130, 0x16139},
    {0x16D70, 0x16D79}, {0x1CCF0, 0x1CCF9}, {0x1E5F1, 0x1E5FA},
};

/* Capitals that Unicode 16 and 17 added: `first` … `last` become `lower` …. */
static const struct {
    int32_t first, last, lower;
} newer_capitals[] = {
    {0x1C89, 0x1C89, 0x1C8A},    {0xA7CB, 0xA7CB, 0x0264}, {0xA7CC, 0xA7CC, 0xA7CD},
    {0xA7CE, 0xA7CE, 0xA7CF},    {0xA7D2, 0xA7D2, 0xA7D3}, {0xA7D4, 0xA7D4, 0xA7D5},
    {0xA7DA, 0xA7DA, 0xA7DB},    {0xA7DC, 0xA7DC, 0x019B}, {0x10D50, 0x10D65, 0x10D70},
    {0x16EA0, 0x16EB8, 0x16EBB},
};

static bool is_space(int32_t c)
{
    return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
           c == 0x3000;
}

static bool within(const char_range *ranges, size_t n, int32_t c)
{
    for (size_t i = 0; i < n; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

atl_char_class atl_char_class_of(int32_t c)
{
    if (is_space(c))
        return ATL_CHAR_SPACE;
    utf8proc_category_t category = utf8proc_category(c);
    if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO)
        return ATL_CHAR_LETTER;
    if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO)
        return ATL_CHAR_NUMBER;
    if (within(newer_letters, ATL_COUNT(newer_letters), c))
        return ATL_CHAR_LETTER;
    if (within(newer_numbers, ATL_COUNT(newer_numbers), c))
        return ATL_CHAR_NUMBER;
    return ATL_CHAR_OTHER;
}

int atl_char_lower(int32_t c, int32_t out[2])
{
    out[0] = c;
    if (c < 0x80) {
        if (c >= 'A' && c <= 'Z')
            out[0] = c - 'A' + 'a';
        return 1;
    }
    if (c == 0x0130) { /* İ: the one character whose lower case is two, i and a dot above */
        out[0] = 'i';
        out[1] = 0x0307;
        return 2;
    }
    for (size_t i = 0; i < ATL_COUNT(newer_capitals); i++) {
        if (c >= newer_capitals[i].first && c <= newer_capitals[i].last) {
            out[0] = newer_capitals[i].lower + (c - newer_capitals[i].first);
            return 1;
        }
    }
    out[0] = utf8proc_tolower(c);
    return 1;
}

atl_status atl_utf8_check(const char *text, size_t n_bytes, atl_note *note)
{
    size_t bad = atl_utf8_first_bad(text, n_bytes);
    if (bad == n_bytes)
        return ATL_OK;
    return atl_fail(note, ATL_BAD_INPUT,
                    "the prompt is not UTF-8: byte %zu (0x%02x) does not belong to a character", bad,
                    (unsigned char)text[bad]);
}
