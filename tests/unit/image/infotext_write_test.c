#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "image/infotext.h"

static const atl_infotext_settings plain = {
    .prompt = "a house by a lake",
    .steps = 20,
    .sampler = "Euler a",
    .cfg_scale = 7,
    .seed = 965400086,
    .width = 512,
    .height = 512,
    .denoising_strength = NAN,
    .clip_skip = 1,
};

static void expect(const atl_infotext_settings *settings, const char *wanted)
{
    atl_text out = {0};
    atl_infotext_write(settings, &out);
    assert_false(out.failed);
    assert_string_equal(out.data, wanted);
    atl_text_done(&out);
}

static void infotext_is_written_as_automatic1111_writes_it(void **state)
{
    (void)state;
    atl_infotext_settings s = plain;
    s.negative_prompt = "blurry,\nugly";
    s.schedule_type = "Karras";
    s.model_hash = "6ce0161689";
    s.model = "v1-5-pruned";
    s.denoising_strength = 0.75;
    s.clip_skip = 2;
    s.guidance_from = 0.1;
    s.guidance_until = 0.8;
    s.deep_cache = 3;
    s.merge_tokens = 0.5;
    s.rng = "CPU";
    s.version = "atelier 0.1.0";
    expect(&s, "a house by a lake\nNegative prompt: blurry,\nugly\n"
               "Steps: 20, Sampler: Euler a, Schedule type: Karras, CFG scale: 7, Seed: 965400086, "
               "Size: 512x512, Model hash: 6ce0161689, Model: v1-5-pruned, Denoising strength: 0.75, "
               "Clip skip: 2, Guidance from: 0.1, Guidance until: 0.8, Deep cache: 3, Token merging ratio: "
               "0.5, RNG: CPU, Version: "
               "atelier 0.1.0");
}

static void what_has_nothing_to_say_is_left_out(void **state)
{
    (void)state;
    atl_infotext_settings s = plain;
    s.guidance_until = s.deep_cache = 1; /* off */
    expect(&s,
           "a house by a lake\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 965400086, Size: 512x512");
}

static void empty_prompts_leave_no_empty_lines(void **state)
{
    (void)state;
    atl_infotext_settings s = plain;
    s.prompt = "";
    expect(&s, "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 965400086, Size: 512x512");
    s.negative_prompt = "x";
    expect(&s,
           "Negative prompt: x\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 965400086, Size: 512x512");
}

static void values_are_quoted_only_if_they_hold_comma_colon_or_newline(void **state)
{
    (void)state;
    const struct {
        const char *model, *written;
    } cases[] = {
        {"plain \"name\"", "Model: plain \"name\""},
        {"a,b", "Model: \"a,b\""},
        {"a:b", "Model: \"a:b\""},
        {"a\nb", "Model: \"a\\nb\""},
        {"a,\"b\\c\"\t\x01", "Model: \"a,\\\"b\\\\c\\\"\\t\\u0001\""},
        {"m\xc3\xbcller, 1", "Model: \"m\xc3\xbcller, 1\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_infotext_settings s = plain;
        s.model = cases[i].model;
        atl_text out = {0};
        atl_infotext_write(&s, &out);
        assert_string_equal(strstr(out.data, "Model: "), cases[i].written);
        atl_text_done(&out);
    }
}

static void numbers_are_the_shortest_that_read_back(void **state)
{
    (void)state;
    const struct {
        double number;
        const char *text;
    } cases[] = {{7, "7"},     {7.5, "7.5"}, {0.1, "0.1"}, {1.0 / 3, "0.3333333333333333"},
                 {100, "100"}, {0, "0"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_text out = {0};
        atl_infotext_put_number(cases[i].number, &out);
        assert_string_equal(out.data, cases[i].text);
        atl_text_done(&out);
    }
}

static void the_largest_seed_is_written_whole(void **state)
{
    (void)state;
    atl_infotext_settings s = plain;
    s.seed = UINT64_MAX;
    atl_text out = {0};
    atl_infotext_write(&s, &out);
    assert_non_null(strstr(out.data, "Seed: 18446744073709551615,"));
    atl_text_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(infotext_is_written_as_automatic1111_writes_it),
        cmocka_unit_test(what_has_nothing_to_say_is_left_out),
        cmocka_unit_test(empty_prompts_leave_no_empty_lines),
        cmocka_unit_test(values_are_quoted_only_if_they_hold_comma_colon_or_newline),
        cmocka_unit_test(numbers_are_the_shortest_that_read_back),
        cmocka_unit_test(the_largest_seed_is_written_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
