#include "text_fixture.h"

#include "text/networks.h"

static void takes_networks_out_of_the_text(void **state)
{
    (void)state;
    atl_networks n;
    const char *prompt = "a <lora:fur:0.8>cat<lora:my light v2>, sky<lora:x:-.5:1e-1>";
    assert_int_equal(atl_networks_parse(prompt, strlen(prompt), &n, NULL), ATL_OK);
    assert_string_equal(n.prompt, "a cat, sky");
    assert_int_equal(n.n_bytes, strlen("a cat, sky"));
    assert_int_equal(n.n, 3);
    assert_string_equal(n.at[0].name, "fur");
    assert_true(n.at[0].text == 0.8 && n.at[0].unet == 0.8);
    assert_string_equal(n.at[1].name, "my light v2");
    assert_true(n.at[1].text == 1.0 && n.at[1].unet == 1.0);
    assert_true(n.at[2].text == -0.5 && n.at[2].unet == 0.1);
    atl_networks_done(&n);
}

static void a_prompt_without_networks_stays_as_it_is(void **state)
{
    (void)state;
    static const char *const prompts[] = {"", "a (cat:1.2) [b|c]", "<lora:unfinished", "<lora of a kind>",
                                          "<Lora:x>"};
    for (size_t i = 0; i < ATL_COUNT(prompts); i++) {
        atl_networks n;
        assert_int_equal(atl_networks_parse(prompts[i], strlen(prompts[i]), &n, NULL), ATL_OK);
        assert_int_equal(n.n, 0);
        assert_string_equal(n.prompt, prompts[i]);
        atl_networks_done(&n);
    }
}

static void the_same_network_may_come_twice(void **state)
{
    (void)state;
    atl_networks n;
    const char *prompt = "<lora:a:1><lora:a:0>";
    assert_int_equal(atl_networks_parse(prompt, strlen(prompt), &n, NULL), ATL_OK);
    assert_int_equal(n.n, 2);
    assert_string_equal(n.prompt, "");
    atl_networks_done(&n);
}

static void refuses(const char *prompt, atl_status status, const char *words)
{
    atl_note note = {0};
    atl_networks n;
    assert_int_equal(atl_networks_parse(prompt, strlen(prompt), &n, &note), status);
    assert_says(&note, words);
}

static void what_is_no_network_is_refused_by_name(void **state)
{
    (void)state;
    refuses("a <lora:fur:much>", ATL_BAD_INPUT, "<lora:fur:much>: a strength");
    refuses("<lora:fur:>", ATL_BAD_INPUT, "a strength");
    refuses("<lora:fur:nan>", ATL_BAD_INPUT, "a strength");
    refuses("<lora:fur:101>", ATL_BAD_INPUT, "-100 to 100");
    refuses("<lora:fur:1:2:3>", ATL_BAD_INPUT, "at most two strengths");
    refuses("<lora:>", ATL_BAD_INPUT, "the name of a file");
    refuses("<lora::1>", ATL_BAD_INPUT, "the name of a file");
    refuses("<hypernet:x:1>", ATL_UNSUPPORTED, "<hypernet:x:1>");
    refuses("<lyco:x:1>", ATL_UNSUPPORTED, "<lyco:x:1>");
}

static void a_name_never_leaves_its_folder(void **state)
{
    (void)state;
    refuses("<lora:../fur:1>", ATL_BAD_INPUT, "<lora:../fur:1>");
    refuses("<lora:a/b>", ATL_BAD_INPUT, "the name of a file");
    refuses("<lora:a\\b>", ATL_BAD_INPUT, "the name of a file");
    refuses("<lora:.fur>", ATL_BAD_INPUT, "the name of a file");
    refuses("<lora:a\nb>", ATL_BAD_INPUT, "the name of a file");
}

static void more_than_sixteen_are_refused(void **state)
{
    (void)state;
    char prompt[17 * 8 + 1] = "";
    for (int i = 0; i < 16; i++)
        strcat(prompt, "<lora:a>");
    atl_networks n;
    assert_int_equal(atl_networks_parse(prompt, strlen(prompt), &n, NULL), ATL_OK);
    assert_int_equal(n.n, 16);
    atl_networks_done(&n);
    strcat(prompt, "<lora:a>");
    refuses(prompt, ATL_BAD_INPUT, "16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_networks_out_of_the_text),
        cmocka_unit_test(a_prompt_without_networks_stays_as_it_is),
        cmocka_unit_test(the_same_network_may_come_twice),
        cmocka_unit_test(what_is_no_network_is_refused_by_name),
        cmocka_unit_test(a_name_never_leaves_its_folder),
        cmocka_unit_test(more_than_sixteen_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
