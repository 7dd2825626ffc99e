/* The tokenizer's two files, in the order of precedence that transformers 5 has. */
#include "unit/engine/model/config_parts_fixture.h"

static void read_tokenizer(atl_json *json, void *config)
{
    bool complete;
    atl_config_read_tokenizer(json, config, &complete);
}

static void read_tokens(atl_json *json, void *config)
{
    atl_config_read_special_tokens(json, config);
}

static void defaults_are_clips(void **state)
{
    (void)state;
    atl_tokenizer_config c;
    atl_tokenizer_config_init(&c);
    assert_string_equal(c.bos, "<|startoftext|>");
    assert_string_equal(c.pad, "<|endoftext|>");
    assert_int_equal(c.model_max_length, 77);
}

static void tokens_may_be_text_or_objects(void **state)
{
    (void)state;
    atl_tokenizer_config c;
    atl_note note = {0};
    atl_tokenizer_config_init(&c);
    assert_ok(read_text(read_tokenizer,
                        "{\"pad_token\": \"!\", \"bos_token\": {\"content\": \"<s>\", \"lstrip\": false}, "
                        "\"eos_token\": null, "
                        "\"model_max_length\": 20}",
                        &c, &note),
              &note);
    assert_string_equal(c.pad, "!");
    assert_string_equal(c.bos, "<s>");
    assert_string_equal(c.eos, "<|endoftext|>");
    assert_int_equal(c.model_max_length, 20);
    assert_ok(read_text(read_tokens, "{\"pad_token\": {\"content\": \"<p>\"}}", &c, &note), &note);
    assert_string_equal(c.pad, "<p>");
    assert_string_equal(c.bos, "<s>");
}

/* transformers writes 1e30 where it knows no bound. */
static void unbounded_length_counts_as_not_said(void **state)
{
    (void)state;
    atl_tokenizer_config c;
    atl_note note = {0};
    atl_tokenizer_config_init(&c);
    assert_ok(read_text(read_tokenizer, "{\"model_max_length\": 1000000000000000019884624838656}", &c, &note),
              &note);
    assert_int_equal(c.model_max_length, 77);
}

static void only_added_tokens_make_the_config_complete(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool complete;
    } cases[] = {{"{}", false}, {"{\"added_tokens_decoder\": {}}", true}};
    for (size_t i = 0; i < 2; i++) {
        char *text = strdup(cases[i].text);
        atl_tokenizer_config c;
        atl_note note = {0};
        atl_json json;
        bool complete;
        atl_tokenizer_config_init(&c);
        atl_json_open_bytes(&json, "t", text, strlen(text), &note);
        atl_config_read_tokenizer(&json, &c, &complete);
        assert_ok(atl_json_close(&json, NULL), &note);
        assert_int_equal(complete, cases[i].complete);
        free(text);
    }
}

static void what_cannot_be_honoured_is_refused(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {"{\"tokenizer_class\": \"T5Tokenizer\"}", ATL_UNSUPPORTED, "\"tokenizer_class\" is \"T5Tokenizer\""},
        {"{\"pad_token\": 5}", ATL_BAD_INPUT, "\"pad_token\" is 5; a token"},
        {"{\"pad_token\": {\"text\": \"!\"}}", ATL_BAD_INPUT, "an object with \"content\""},
        {"{\"pad_token\": \"\"}", ATL_BAD_INPUT, "a token"},
        {"{\"model_max_length\": 2}", ATL_BAD_INPUT, "at least 3"},
    };
    atl_tokenizer_config c;
    assert_refusals(read_tokenizer, &c, cases, sizeof cases / sizeof *cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_clips),
        cmocka_unit_test(tokens_may_be_text_or_objects),
        cmocka_unit_test(unbounded_length_counts_as_not_said),
        cmocka_unit_test(only_added_tokens_make_the_config_complete),
        cmocka_unit_test(what_cannot_be_honoured_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
