#include "text_fixture.h"

#include "text/bpe.h"

/* Encodes a word with merges over the letters a, b and c. */
static void assert_word(const char *merges, const char *word, const int32_t *expected)
{
    const char json[] =
        "{\"a\":0,\"b\":1,\"c\":2,\"a</w>\":3,\"b</w>\":4,\"c</w>\":5,\"ab\":6,\"bc\":7,\"abc\":8,"
        "\"aa\":9,\"aaa\":10,\"aaaa\":11,\"bc</w>\":12,\"abc</w>\":13,\"aa</w>\":14}";
    atl_vocab *vocab = NULL;
    atl_bpe *bpe = NULL;
    atl_bpe_room room = {0};
    atl_ints ids = {0};
    assert_int_equal(atl_vocab_open("v", json, strlen(json), &vocab, NULL), ATL_OK);
    assert_int_equal(atl_bpe_open(vocab, "m", merges, strlen(merges), 99, &bpe, NULL), ATL_OK);
    atl_vocab_close(&vocab);
    assert_true(atl_bpe_append(bpe, &room, word, strlen(word), &ids));
    assert_ids(ids.at, ids.n, expected);
    atl_ints_done(&ids);
    atl_bpe_room_done(&room);
    atl_bpe_close(&bpe);
}

static void the_strongest_merge_comes_first(void **state)
{
    (void)state;
    assert_word("a b\nb c\n", "abca", (const int32_t[]){6, 2, 3, -1});
    assert_word("b c\na b\n", "abca", (const int32_t[]){0, 7, 3, -1});
    assert_word("b c\na bc\na b\n", "abca", (const int32_t[]){8, 3, -1});
}

static void among_equals_the_leftmost_is_merged(void **state)
{
    (void)state;
    assert_word("a a\n", "aaaab", (const int32_t[]){9, 9, 4, -1});
    assert_word("a a\n", "aaab", (const int32_t[]){9, 0, 4, -1});
    assert_word("a a\naa a\n", "aaab", (const int32_t[]){10, 4, -1});
    assert_word("a a\naa aa\n", "aaaaaab", (const int32_t[]){11, 9, 4, -1});
}

static void the_last_letter_is_another_symbol(void **state)
{
    (void)state;
    assert_word("a a\n", "aa", (const int32_t[]){0, 3, -1});
    assert_word("a a</w>\n", "aaa", (const int32_t[]){0, 14, -1});
    assert_word("b c</w>\na bc</w>\n", "abc", (const int32_t[]){13, -1});
    assert_word("a b\n", "c", (const int32_t[]){5, -1});
}

static void of_two_equal_lines_the_later_counts(void **state)
{
    (void)state;
    assert_word("a b\nb c\na b\n", "abca", (const int32_t[]){0, 7, 3, -1});
}

static void version_lines_and_carriage_returns_are_passed_over(void **state)
{
    (void)state;
    assert_word("#version: 0.2\r\na b\r\n", "abca", (const int32_t[]){6, 2, 3, -1});
    assert_word("a b", "abca", (const int32_t[]){6, 2, 3, -1});
}

static void broken_merges_are_refused_with_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *merges, *said;
    } cases[] = {
        {"a b\n\na b\n", "merges.txt:2"}, {"a\n", "merges.txt:1"},   {"a b c\n", "one space"},
        {"a  b\n", "one space"},          {"a x\n", "\"x\" is not"}, {"#version\na b\nb a\n", "merges.txt:3"},
        {"b a\n", "\"ba\" is not"},       {" a\n", "\"\" is not"},
    };
    atl_vocab *vocab = NULL;
    const char json[] = "{\"a\":0,\"b\":1,\"ab\":2}";
    assert_int_equal(atl_vocab_open("v", json, strlen(json), &vocab, NULL), ATL_OK);
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        atl_bpe *bpe = NULL;
        atl_note note = {0};
        assert_int_equal(
            atl_bpe_open(vocab, "merges.txt", cases[i].merges, strlen(cases[i].merges), 0, &bpe, &note),
            ATL_BAD_INPUT);
        assert_null(bpe);
        assert_says(&note, cases[i].said);
    }
    atl_vocab_close(&vocab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strongest_merge_comes_first),
        cmocka_unit_test(among_equals_the_leftmost_is_merged),
        cmocka_unit_test(the_last_letter_is_another_symbol),
        cmocka_unit_test(of_two_equal_lines_the_later_counts),
        cmocka_unit_test(version_lines_and_carriage_returns_are_passed_over),
        cmocka_unit_test(broken_merges_are_refused_with_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
