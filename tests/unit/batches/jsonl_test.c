#include "scratch.h"

static void keys_are_fields(void **state)
{
    (void)state;
    scratch_jobs *jobs =
        scratch_text("a.jsonl", "{\"id\":\"fox\",\"prompt\":\"a\\nb "
                                "\\u00e4\",\"negative_prompt\":\"n\",\"seed\":7,\"steps\":3,\"cfg_scale\":2,"
                                "\"width\":64,\"height\":128,\"sampler_name\":\"DDIM\",\"clip_skip\":2,"
                                "\"strength\":0.5,\"rng\":\"cuda\",\"guidance_from\":0.1,"
                                "\"guidance_until\":0.8,\"deep_cache\":3,\"merge_tokens\":0.5}\n\n"
                                "{\"prompt\":\"b\",\"seed\":\"18446744073709551615\",\"tiling\":false}");
    const atl_job *job = &jobs->each[0];
    assert_int_equal(jobs->n, 2);
    assert_string_equal(job->prompt, "a\nb \xC3\xA4");
    assert_string_equal(job->negative_prompt, "n");
    assert_string_equal(job->name, "fox");
    assert_int_equal(job->seed, 7);
    assert_int_equal(job->n_steps, 3);
    assert_true(job->guidance_scale == 2.0);
    assert_int_equal(job->width, 64);
    assert_int_equal(job->height, 128);
    assert_string_equal(job->sampler, "DDIM");
    assert_int_equal(job->clip_skip, 2);
    assert_true(job->strength == 0.5);
    assert_int_equal(job->noise, ATL_JOB_NOISE_CUDA);
    assert_true(job->guidance_from == 0.1);
    assert_true(job->guidance_until == 0.8);
    assert_int_equal(job->deep_cache, 3);
    assert_true(job->merge_tokens == 0.5 && jobs->each[1].merge_tokens == 0);
    assert_true(jobs->each[1].seed == UINT64_MAX);
    assert_true(jobs->each[1].guidance_from == 0 && jobs->each[1].guidance_until == 0);
    assert_int_equal(jobs->each[1].deep_cache, 0);
    scratch_done(jobs);
}

static void null_is_the_models_default_whatever_the_options_say(void **state)
{
    (void)state;
    atl_batch_options options = scratch_options(
        scratch_file("a.jsonl", "{\"prompt\":\"a\",\"steps\":null,\"cfg_scale\":null}\n{\"prompt\":\"a\"}"));
    options.defaults.n_steps = 30;
    options.defaults.guidance_scale = 5;
    scratch_jobs *jobs = scratch_good(&options);
    assert_int_equal(jobs->each[0].n_steps, 0);
    assert_true(isnan(jobs->each[0].guidance_scale));
    assert_int_equal(jobs->each[1].n_steps, 30);
    assert_true(jobs->each[1].guidance_scale == 5.0);
    scratch_done(jobs);
}

static void what_breaks_the_format_is_told_with_its_place(void **state)
{
    (void)state;
    scratch_text_fails("a.jsonl", "{\"prompt\":\"a\"}\n{\"prompt\":\"\xC3\xA4\", \"sed\":3}",
                       "a.jsonl:2:16: found the unknown key \"sed\"; did you mean seed?");
    scratch_text_fails("a.jsonl", "{\"prompt\":\"seed\",\"seed\":1.5}", "a.jsonl:1:18: seed: found \"1.5\"");
    scratch_text_fails("a.jsonl", "{\"prompt\":\"a\",\"steps\":\"3\"}",
                       "a.jsonl:1:15: steps: found a string; wanted a number");
    scratch_text_fails("a.jsonl", "{\"prompt\":3}", "a.jsonl:1:2: prompt: found a number; wanted a string");
    scratch_text_fails("a.jsonl", "{\"prompt\":null}", "a.jsonl:1:2: prompt: found null");
    scratch_text_fails("a.jsonl", "{\"prompt\":\"a\",\"prompt\":\"b\"}", "a.jsonl:1:");
    scratch_text_fails("a.jsonl", "[\"a\"]", "a.jsonl:1:1: found an array; wanted an object");
    scratch_text_fails("a.jsonl", "{\"prompt\":\"a\"} {}", "a.jsonl:1:");
    scratch_text_fails("a.jsonl", "{\"prompt\":\"a\\u0000\"}", "a.jsonl:1:");
    scratch_text_fails("a.jsonl", "a cat", "a.jsonl:1:");
    scratch_text_fails("a.jsonl", "{\"seed\":3}", "a.jsonl:1:1: found no prompt");
    const atl_batch_options options =
        scratch_options(scratch_file("a.jsonl", "{\"prompt\":\"a\",\"styles\":[\"x\"]}"));
    scratch_fails(&options, ATL_UNSUPPORTED, "a.jsonl:1:15: styles: Atelier cannot honour it");
}

static void names_never_leave_the_folder(void **state)
{
    (void)state;
    static const char *const bad[] = {"",   ".",    "..",      "../x",     "a/b",     "a\\\\b",
                                      "/x", "a..b", ".hidden", "a\\u0007", "a\\u0085"};
    for (size_t i = 0; i < 2 * sizeof bad / sizeof bad[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"prompt\":\"a\",\"%s\":\"%s\"}", i % 2 ? "id" : "name", bad[i / 2]);
        scratch_text_fails("a.jsonl", text, i % 2 ? "a.jsonl:1:15: id: found" : "a.jsonl:1:15: name: found");
    }
    char text[300], *at = text + sprintf(text, "{\"prompt\":\"a\",\"id\":\"");
    memset(at, 'x', 201);
    strcpy(at + 201, "\"}");
    scratch_text_fails("a.jsonl", text, "a.jsonl:1:15: id: found a name of 201 bytes; wanted at most 200");
    strcpy(at + 200, "\"}");
    scratch_done(scratch_text("a.jsonl", text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_fields),
        cmocka_unit_test(null_is_the_models_default_whatever_the_options_say),
        cmocka_unit_test(what_breaks_the_format_is_told_with_its_place),
        cmocka_unit_test(names_never_leave_the_folder),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
