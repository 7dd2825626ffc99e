#include "text_fixture.h"

#include "text/prompt.h"

static atl_status check(const char *prompt, atl_note *note)
{
    return atl_prompt_check(prompt, strlen(prompt), note);
}

static void ordinary_prompts_pass(void **state)
{
    (void)state;
    assert_int_equal(check("", NULL), ATL_OK);
    assert_int_equal(check("a (cat:1.2) [b|c] <lora of a kind> BREAK \xf0\x9f\x99\x82", NULL), ATL_OK);
    assert_int_equal(check("<lora:unfinished", NULL), ATL_OK);
}

static void networks_are_to_be_taken_out_before(void **state)
{
    (void)state;
    atl_note note = {0};
    assert_int_equal(check("a cat <lora:fur:0.8>, sky", &note), ATL_UNSUPPORTED);
    assert_says(&note, "the network \"fur\"");
    assert_int_equal(check("<hypernet:x:1>", &note), ATL_UNSUPPORTED);
    assert_int_equal(check("<lyco:x:1>", &note), ATL_UNSUPPORTED);
}

static void what_is_not_utf8_is_refused(void **state)
{
    (void)state;
    atl_note note = {0};
    assert_int_equal(check("a cat \xff", &note), ATL_BAD_INPUT);
    assert_says(&note, "byte 6");
}

static void more_than_a_mebibyte_is_refused(void **state)
{
    (void)state;
    char *prompt = calloc(ATL_MAX_PROMPT_BYTES + 1, 1);
    assert_non_null(prompt);
    assert_int_equal(atl_prompt_check(prompt, ATL_MAX_PROMPT_BYTES, NULL), ATL_OK);
    assert_int_equal(atl_prompt_check(prompt, ATL_MAX_PROMPT_BYTES + 1, NULL), ATL_BAD_INPUT);
    free(prompt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_prompts_pass),
        cmocka_unit_test(networks_are_to_be_taken_out_before),
        cmocka_unit_test(what_is_not_utf8_is_refused),
        cmocka_unit_test(more_than_a_mebibyte_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
