/* tokenizer_test.c - ids equal those of transformers' CLIPTokenizer (tests/reference/tokenizer_goldens.py).
 */
#include "text_fixture.h"

#include <jansson.h>
#include <time.h>

#define GOLDEN ATELIER_TEST_DATA "/golden"

/* ---- against transformers ---- */

static void assert_ids_are(const json_t *expected, const int32_t *ids, size_t n, size_t which)
{
    bool same = json_array_size(expected) == n;
    for (size_t i = 0; same && i < n; i++)
        same = json_integer_value(json_array_get(expected, i)) == ids[i];
    if (!same)
        fail_msg("case %zu has other ids", which);
}

static void compare_with_goldens(const char *model, const char *pad)
{
    char path[512];
    atl_note note = {0};
    atl_tokenizer *tokenizer = NULL;
    const atl_tokenizer_config config = small_config(pad);
    snprintf(path, sizeof path, GOLDEN "/models/%s/tokenizer", model);
    if (atl_tokenizer_open(path, &config, &tokenizer, &note) != ATL_OK)
        fail_msg("%s", note.text);
    snprintf(path, sizeof path, GOLDEN "/tokenizer/%s.json", model);
    json_t *cases = json_load_file(path, JSON_ALLOW_NUL, NULL);
    assert_true(json_array_size(cases) > 300);

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        const json_t *text = json_object_get(one, "text"), *padded = json_object_get(one, "padded");
        int32_t *ids = NULL, row[77];
        size_t n = 0;
        assert_int_equal(atl_tokenizer_encode(tokenizer, json_string_value(text), json_string_length(text),
                                              &ids, &n, &note),
                         ATL_OK);
        assert_ids_are(json_object_get(one, "ids"), ids, n, i);
        free(ids);
        if (!padded)
            continue;
        assert_int_equal(atl_tokenizer_encode_padded(tokenizer, json_string_value(text),
                                                     json_string_length(text), row, 77, &note),
                         ATL_OK);
        assert_ids_are(padded, row, 77, i);
    }
    json_decref(cases);
    atl_tokenizer_close(&tokenizer);
}

static void ids_equal_those_of_transformers(void **state)
{
    (void)state;
    compare_with_goldens("sd1", "<|endoftext|>");
}

static void ids_equal_those_of_transformers_where_an_exclamation_mark_pads(void **state)
{
    (void)state;
    compare_with_goldens("sd2", "!");
}

/* ---- what a small vocabulary shows ---- */

static void encode_and_compare(const atl_tokenizer *tokenizer, const char *text, const int32_t *expected)
{
    int32_t *ids = NULL;
    size_t n = 0;
    assert_int_equal(atl_tokenizer_encode(tokenizer, text, strlen(text), &ids, &n, NULL), ATL_OK);
    assert_ids(ids, n, expected);
    free(ids);
}

static void bytes_that_the_vocabulary_lacks_are_unknown(void **state)
{
    (void)state;
    atl_tokenizer *tokenizer = small_tokenizer("<|endoftext|>");
    encode_and_compare(tokenizer, "ax \xc3\xa9 ab", (const int32_t[]){0, EOS, EOS, EOS, 7, -1});
    atl_tokenizer_close(&tokenizer);
}

static void special_tokens_in_the_text_are_one_id(void **state)
{
    (void)state;
    atl_tokenizer *tokenizer = small_tokenizer("!");
    encode_and_compare(tokenizer, "ab!<|startoftext|>ab", (const int32_t[]){7, 11, BOS, 7, -1});
    atl_tokenizer_close(&tokenizer);
    tokenizer = small_tokenizer("<|endoftext|>");
    encode_and_compare(tokenizer, "ab!", (const int32_t[]){7, 10, -1});
    atl_tokenizer_close(&tokenizer);
}

static void the_longest_special_token_wins(void **state)
{
    (void)state;
    const char vocab[] = "{\"<|end\":0,\"<|endoftext|>\":1,\"<|startoftext|>\":2,\"a</w>\":3}";
    atl_tokenizer *tokenizer = NULL;
    assert_int_equal(open_bytes(vocab, "", "<|end", &tokenizer, NULL), ATL_OK);
    encode_and_compare(tokenizer, "<|endoftext|>a<|end", (const int32_t[]){1, 3, 0, -1});
    atl_tokenizer_close(&tokenizer);
}

static void padded_ids_keep_start_and_end(void **state)
{
    (void)state;
    atl_tokenizer *tokenizer = small_tokenizer("!");
    int32_t ids[5];
    assert_int_equal(atl_tokenizer_encode_padded(tokenizer, "ab", 2, ids, 5, NULL), ATL_OK);
    assert_ids(ids, 5, (const int32_t[]){BOS, 7, EOS, 11, 11, -1});
    assert_int_equal(atl_tokenizer_encode_padded(tokenizer, "ab a b c a", 10, ids, 5, NULL), ATL_OK);
    assert_ids(ids, 5, (const int32_t[]){BOS, 7, 3, 4, EOS, -1});
    atl_tokenizer_close(&tokenizer);
}

static void no_text_has_no_ids(void **state)
{
    (void)state;
    atl_tokenizer *tokenizer = small_tokenizer("!");
    int32_t *ids = (int32_t *)1;
    size_t n = 7;
    assert_int_equal(atl_tokenizer_encode(tokenizer, "", 0, &ids, &n, NULL), ATL_OK);
    assert_null(ids);
    assert_int_equal(n, 0);
    assert_int_equal(atl_tokenizer_vocab_size(tokenizer), 14);
    atl_tokenizer_close(&tokenizer);
}

static void text_that_is_not_utf8_is_refused_with_the_byte(void **state)
{
    (void)state;
    atl_tokenizer *tokenizer = small_tokenizer("!");
    atl_note note = {0};
    int32_t *ids = NULL;
    size_t n = 0;
    assert_int_equal(atl_tokenizer_encode(tokenizer, "abc\xff", 4, &ids, &n, &note), ATL_BAD_INPUT);
    assert_says(&note, "byte 3");
    assert_null(ids);
    atl_tokenizer_close(&tokenizer);
}

static void more_than_a_mebibyte_is_refused(void **state)
{
    (void)state;
    atl_tokenizer *tokenizer = small_tokenizer("!");
    atl_note note = {0};
    int32_t *ids = NULL;
    size_t n = 0, size = ((size_t)1 << 20) + 1;
    char *text = calloc(size, 1);
    assert_non_null(text);
    assert_int_equal(atl_tokenizer_encode(tokenizer, text, size, &ids, &n, &note), ATL_BAD_INPUT);
    assert_says(&note, "1048576");
    free(text);
    atl_tokenizer_close(&tokenizer);
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* A mebibyte as one word, and one of marks that stand in the wrong order: quadratic work would take minutes.
 */
static void one_word_of_a_mebibyte_takes_no_time(void **state)
{
    (void)state;
    atl_tokenizer *tokenizer = small_tokenizer("!");
    const size_t size = (size_t)1 << 20;
    char *text = malloc(size);
    assert_non_null(text);
    double begin = cpu_seconds();
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < size; i += 4)
            memcpy(text + i, k == 0 ? "abca" : "\xcc\x81\xcc\xa3", 4);
        int32_t *ids = NULL;
        size_t n = 0;
        assert_int_equal(atl_tokenizer_encode(tokenizer, text, size, &ids, &n, NULL), ATL_OK);
        assert_true(n > size / 4);
        free(ids);
    }
    assert_true(cpu_seconds() - begin < 20);
    free(text);
    atl_tokenizer_close(&tokenizer);
}

/* ---- files ---- */

static void tokenizer_json_gives_the_same_as_two_files(void **state)
{
    (void)state;
    char joint[1024];
    snprintf(
        joint, sizeof joint,
        "{\"model\":{\"type\":\"BPE\",\"vocab\":%s,\"merges\":[\"a b\",[\"a\",\"b</w>\"],\"ab c</w>\"]}}",
        small_vocab);
    atl_tokenizer *tokenizer = NULL;
    assert_int_equal(open_bytes(joint, NULL, "!", &tokenizer, NULL), ATL_OK);
    encode_and_compare(tokenizer, "abc ab cab!", (const int32_t[]){8, 7, 2, 7, 11, -1});
    atl_tokenizer_close(&tokenizer);
}

static void special_tokens_have_to_be_in_the_vocabulary(void **state)
{
    (void)state;
    atl_tokenizer *tokenizer = NULL;
    atl_note note = {0};
    assert_int_equal(open_bytes(small_vocab, small_merges, "[PAD]", &tokenizer, &note), ATL_BAD_INPUT);
    assert_says(&note, "pad_token \"[PAD]\"");
    assert_null(tokenizer);
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    atl_tokenizer *tokenizer = NULL;
    atl_note note = {0};
    const atl_tokenizer_config config = small_config("!");
    assert_int_equal(atl_tokenizer_open("/nonexistent", &config, &tokenizer, &note), ATL_NOT_FOUND);
    assert_says(&note, "/nonexistent/vocab.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_equal_those_of_transformers),
        cmocka_unit_test(ids_equal_those_of_transformers_where_an_exclamation_mark_pads),
        cmocka_unit_test(bytes_that_the_vocabulary_lacks_are_unknown),
        cmocka_unit_test(special_tokens_in_the_text_are_one_id),
        cmocka_unit_test(the_longest_special_token_wins),
        cmocka_unit_test(padded_ids_keep_start_and_end),
        cmocka_unit_test(no_text_has_no_ids),
        cmocka_unit_test(text_that_is_not_utf8_is_refused_with_the_byte),
        cmocka_unit_test(more_than_a_mebibyte_is_refused),
        cmocka_unit_test(one_word_of_a_mebibyte_takes_no_time),
        cmocka_unit_test(tokenizer_json_gives_the_same_as_two_files),
        cmocka_unit_test(special_tokens_have_to_be_in_the_vocabulary),
        cmocka_unit_test(a_missing_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
