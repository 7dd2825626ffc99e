#include "text_fixture.h"

#include "text/vocab.h"

static atl_status open_vocab(const char *json, atl_vocab **ret, atl_note *note)
{
    return atl_vocab_open("vocab.json", json, strlen(json), ret, note);
}

static void tokens_have_ids(void **state)
{
    (void)state;
    atl_vocab *vocab = NULL;
    assert_int_equal(open_vocab("{\"a\":0,\"\\u0120b\":7}", &vocab, NULL), ATL_OK);
    assert_int_equal(atl_vocab_id(vocab, "a"), 0);
    assert_int_equal(atl_vocab_id(vocab, "\xc4\xa0"
                                         "b"),
                     7);
    assert_int_equal(atl_vocab_id(vocab, "c"), -1);
    assert_int_equal(atl_vocab_size(vocab), 8);
    assert_int_equal(atl_vocab_n_merges(vocab), 0);
    atl_vocab_close(&vocab);
}

static void broken_vocabularies_are_refused_with_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *json, *said;
    } cases[] = {
        {"{\"a\":0,\n\"b\" 1}", "vocab.json:2:"},
        {"[1]", "object"},
        {"{}", "object"},
        {"{\"a\":0,\"a\":1}", "duplicate"},
        {"{\"a\":1,\"b\":1}", "\"b\" has id 1"},
        {"{\"a\":-1}", "\"a\""},
        {"{\"a\":1.5}", "\"a\""},
        {"{\"a\":\"1\"}", "\"a\""},
        {"{\"a\":16777216}", "whole number below"},
        {"", "vocab.json:1:"},
    };
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        atl_vocab *vocab = NULL;
        atl_note note = {0};
        assert_int_equal(open_vocab(cases[i].json, &vocab, &note), ATL_BAD_INPUT);
        assert_null(vocab);
        assert_says(&note, cases[i].said);
    }
}

static void merges_of_a_joint_file_come_as_text_or_as_pairs(void **state)
{
    (void)state;
    const char json[] = "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"ab c\",[\"d\",\"ef\"],[\"a\"],\"x\",3,"
                        "\"a b c\",[\"a\",\"b\",\"c\"]]}}";
    atl_vocab *vocab = NULL;
    assert_int_equal(atl_vocab_open_joint("tokenizer.json", json, strlen(json), &vocab, NULL), ATL_OK);
    assert_int_equal(atl_vocab_n_merges(vocab), 7);
    const char *left, *right;
    size_t n;
    assert_true(atl_vocab_merge(vocab, 0, &left, &n, &right));
    assert_int_equal(n, 2);
    assert_memory_equal(left, "ab", 2);
    assert_string_equal(right, "c");
    assert_true(atl_vocab_merge(vocab, 1, &left, &n, &right));
    assert_int_equal(n, 1);
    assert_string_equal(right, "ef");
    for (size_t i = 2; i < 7; i++)
        assert_false(atl_vocab_merge(vocab, i, &left, &n, &right));
    atl_vocab_close(&vocab);
}

static void joint_files_of_another_kind_are_refused(void **state)
{
    (void)state;
    const char *const cases[] = {
        "{}",
        "{\"model\":{\"vocab\":{\"a\":0}}}",
        "{\"model\":{\"type\":\"Unigram\",\"vocab\":{\"a\":0},\"merges\":[]}}",
        "{\"model\":{\"merges\":[]}}",
    };
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        atl_vocab *vocab = NULL;
        assert_int_equal(atl_vocab_open_joint("t", cases[i], strlen(cases[i]), &vocab, NULL), ATL_BAD_INPUT);
        assert_null(vocab);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_have_ids),
        cmocka_unit_test(broken_vocabularies_are_refused_with_the_place),
        cmocka_unit_test(merges_of_a_joint_file_come_as_text_or_as_pairs),
        cmocka_unit_test(joint_files_of_another_kind_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
