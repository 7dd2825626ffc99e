#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "image/infotext.h"

static atl_infotext *parse(const char *text)
{
    atl_infotext *info = NULL;
    assert_int_equal(atl_infotext_parse(text, strlen(text), &info, NULL), ATL_OK);
    return info;
}

static void settings_of_automatic1111_are_read(void **state)
{
    (void)state;
    atl_infotext *info =
        parse("a house,\nby a lake\nNegative prompt: blurry\nugly\n"
              "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 1, "
              "Size: 512x768, Lora hashes: \"a: 12, b: 34\", Version: v1.9.4");
    assert_string_equal(info->prompt, "a house,\nby a lake");
    assert_string_equal(info->negative_prompt, "blurry\nugly");
    assert_int_equal(info->n_pairs, 8);
    assert_string_equal(atl_infotext_get(info, "Sampler"), "DPM++ 2M");
    assert_string_equal(atl_infotext_get(info, "CFG scale"), "7.5");
    assert_string_equal(atl_infotext_get(info, "Size"), "512x768");
    assert_string_equal(atl_infotext_get(info, "Lora hashes"), "a: 12, b: 34");
    assert_string_equal(atl_infotext_get(info, "Version"), "v1.9.4");
    assert_null(atl_infotext_get(info, "Model"));
    atl_infotext_close(&info);
    assert_null(info);
}

static void a_last_line_of_few_pairs_is_prompt(void **state)
{
    (void)state;
    atl_infotext *info = parse("portrait\nlight: soft, mood: calm");
    assert_string_equal(info->prompt, "portrait\nlight: soft, mood: calm");
    assert_int_equal(info->n_pairs, 0);
    atl_infotext_close(&info);
}

static void settings_alone_have_empty_prompts(void **state)
{
    (void)state;
    atl_infotext *info = parse("Steps: 4, Sampler: LCM, Seed: 9");
    assert_string_equal(info->prompt, "");
    assert_string_equal(info->negative_prompt, "");
    assert_string_equal(atl_infotext_get(info, "Seed"), "9");
    atl_infotext_close(&info);
    info = parse("");
    assert_string_equal(info->prompt, "");
    assert_int_equal(info->n_pairs, 0);
    atl_infotext_close(&info);
}

static void quotes_that_are_not_json_stay(void **state)
{
    (void)state;
    atl_infotext *info = parse("x\nSteps: 4, A1: \"half, B1: \"x\"y, C1: \"\\q\", D1: \"\"");
    assert_string_equal(atl_infotext_get(info, "A1"), "\"half");
    assert_string_equal(atl_infotext_get(info, "B1"), "\"x\"y");
    assert_string_equal(atl_infotext_get(info, "C1"), "\"\\q\"");
    assert_string_equal(atl_infotext_get(info, "D1"), "");
    atl_infotext_close(&info);
}

static void of_two_pairs_of_one_key_the_last_counts(void **state)
{
    (void)state;
    atl_infotext *info = parse("Steps: 4, Seed: 1, Seed: 2");
    assert_string_equal(atl_infotext_get(info, "Seed"), "2");
    atl_infotext_close(&info);
}

static void what_was_written_is_read_back(void **state)
{
    (void)state;
    const atl_infotext_settings s = {
        .prompt = "(a \"house\":1.2), \xe5\xae\xb6",
        .negative_prompt = "x, y",
        .steps = 8,
        .sampler = "Euler a",
        .cfg_scale = 6.5,
        .seed = 12345,
        .width = 640,
        .height = 384,
        .model = "a, b: \"c\"\nd",
        .denoising_strength = 0.4,
        .clip_skip = 2,
        .rng = "CPU",
    };
    atl_text text = {0};
    atl_infotext_write(&s, &text);
    atl_infotext *info = parse(text.data);
    assert_string_equal(info->prompt, s.prompt);
    assert_string_equal(info->negative_prompt, s.negative_prompt);
    assert_string_equal(atl_infotext_get(info, "Model"), s.model);
    assert_string_equal(atl_infotext_get(info, "Denoising strength"), "0.4");
    assert_string_equal(atl_infotext_get(info, "Size"), "640x384");
    atl_infotext_close(&info);
    atl_text_done(&text);
}

static void bytes_that_are_not_utf8_are_refused_with_their_place(void **state)
{
    (void)state;
    atl_infotext *info = NULL;
    atl_note note = {0};
    assert_int_equal(atl_infotext_parse("ab\xff", 3, &info, &note), ATL_BAD_INPUT);
    assert_non_null(strstr(note.text, "byte 2"));
    assert_null(info);
}

static void more_settings_than_the_bound_are_refused(void **state)
{
    (void)state;
    atl_text text = {0};
    for (int i = 0; i <= ATL_INFOTEXT_MAX_PAIRS; i++)
        atl_text_printf(&text, "key%d: %d, ", i, i);
    atl_infotext *info = NULL;
    assert_int_equal(atl_infotext_parse(text.data, text.length, &info, NULL), ATL_BAD_INPUT);
    assert_null(info);
    atl_text_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_of_automatic1111_are_read),
        cmocka_unit_test(a_last_line_of_few_pairs_is_prompt),
        cmocka_unit_test(settings_alone_have_empty_prompts),
        cmocka_unit_test(quotes_that_are_not_json_stay),
        cmocka_unit_test(of_two_pairs_of_one_key_the_last_counts),
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(bytes_that_are_not_utf8_are_refused_with_their_place),
        cmocka_unit_test(more_settings_than_the_bound_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
