#include "text_fixture.h"

#include "text/unicode.h"
#include "text/words.h"

/* `expected`: the words with "·" between. */
static void assert_words(const char *text, const char *expected)
{
    atl_ints chars = {0};
    char found[256] = "";
    size_t n = 0;
    assert_true(atl_words_normalise(text, strlen(text), &chars));
    atl_words words = {.chars = &chars};
    for (size_t begin, end; atl_words_next(&words, &begin, &end);) {
        if (n > 0)
            n += atl_utf8_put(0xB7, found + n);
        for (; begin < end; begin++)
            n += atl_utf8_put((uint32_t)chars.at[begin], found + n);
    }
    found[n] = '\0';
    assert_string_equal(found, expected);
    atl_ints_done(&chars);
}

static void letters_digits_and_signs_are_cut_apart(void **state)
{
    (void)state;
    assert_words("A cat, 42 (dogs)!!", "a·cat·,·4·2·(·dogs·)!!");
    assert_words(" \t\n ", "");
    assert_words("caf\xc3\x89\xc2\xbd\xe4\xb8\xad", "caf\xc3\xa9·\xc2\xbd·\xe4\xb8\xad");
}

static void white_space_only_separates(void **state)
{
    (void)state;
    assert_words("a\xc2\xa0\xe3\x80\x80\tb", "a·b");
    assert_words("a\xe2\x80\x8b"
                 "b",
                 "a·\xe2\x80\x8b·b");
}

static void contractions_are_words(void **state)
{
    (void)state;
    assert_words("it's WE'LL 'start", "it·'s·we·'ll·'s·tart");
    assert_words("''s 'x !'s", "''·s·'·x·!'·s");
}

static void names_of_special_tokens_end_where_they_end(void **state)
{
    (void)state;
    assert_words("<|EndOfText|>!!", "<|·endoftext·|>·!!");
    assert_words("<|StartOfText|>'s", "<|·startoftext·|>·'s");
    assert_words("!<|EndOfText|>!!", "!<|·endoftext·|>!!");
    assert_words("<|EndOfTexts|>!!", "<|·endoftexts·|>!!");
    assert_words("<|EndOfText|><|EndOfText|>!", "<|·endoftext·|>·<|·endoftext·|>·!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_digits_and_signs_are_cut_apart),
        cmocka_unit_test(white_space_only_separates),
        cmocka_unit_test(contractions_are_words),
        cmocka_unit_test(names_of_special_tokens_end_where_they_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
