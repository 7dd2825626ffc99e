#include "scratch.h"

#include "image/png_file.h"

static const char text[] =
    "a {red|blue} house,\nby a lake\nNegative prompt: blurry\n"
    "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 965400086, Size: "
    "512x768, Model hash: 6ce0161689, Model: m, Clip skip: 2, Guidance from: 0.1, "
    "Guidance until: 0.8, Deep cache: 3, Token merging ratio: 0.5, RNG: NV, Version: v1.9.4";

static void check(const atl_job *job)
{
    assert_string_equal(job->prompt, "a {red|blue} house,\nby a lake"); /* as it stands */
    assert_string_equal(job->negative_prompt, "blurry");
    assert_int_equal(job->n_steps, 20);
    assert_string_equal(job->sampler, "DPM++ 2M Karras");
    assert_true(job->guidance_scale == 7.5);
    assert_int_equal(job->seed, 965400086);
    assert_int_equal(job->width, 512);
    assert_int_equal(job->height, 768);
    assert_int_equal(job->clip_skip, 2);
    assert_true(job->guidance_from == 0.1);
    assert_true(job->guidance_until == 0.8);
    assert_int_equal(job->deep_cache, 3);
    assert_true(job->merge_tokens == 0.5);
    assert_int_equal(job->noise, ATL_JOB_NOISE_CUDA);
}

typedef struct warnings {
    size_t n;
    char all[4096];
} warnings;

static void keep(void *user, const char *sentence)
{
    warnings *seen = user;
    seen->n++;
    snprintf(seen->all + strlen(seen->all), sizeof seen->all - strlen(seen->all), "%s\n", sentence);
}

static void a_sidecar_gives_its_settings_back(void **state)
{
    (void)state;
    warnings seen = {0};
    atl_batch_options options = scratch_options(scratch_file("a.txt", text));
    options.format = ATL_BATCH_INFOTEXT;
    options.warn = keep;
    options.user = &seen;
    scratch_jobs *jobs = scratch_good(&options);
    assert_int_equal(jobs->n, 1);
    check(&jobs->each[0]);
    assert_int_equal(seen.n, 0);
    scratch_done(jobs);
}

static void a_picture_gives_its_settings_back(void **state)
{
    (void)state;
    uint8_t pixels[2 * 2 * 3] = {0};
    const atl_picture picture = {.width = 2, .height = 2, .pixels = pixels};
    const atl_png_text texts[] = {{"parameters", text}};
    atl_text png = {0};
    assert_int_equal(atl_png_encode(&picture, texts, 1, &png, NULL), ATL_OK);
    atl_batch_options options = scratch_options(scratch_bytes("a.png", png.data, png.length));
    scratch_jobs *jobs = scratch_good(&options);
    check(&jobs->each[0]);
    scratch_done(jobs);
    png.length = 0;
    assert_int_equal(atl_png_encode(&picture, NULL, 0, &png, NULL), ATL_OK);
    options.path = scratch_bytes("b.png", png.data, png.length);
    scratch_fails(&options, ATL_BAD_INPUT, "b.png: holds no text \"parameters\"");
    options.path = scratch_bytes("c.png", png.data, png.length / 2);
    scratch_fails(&options, ATL_BAD_INPUT, "");
    atl_text_done(&png);
}

static void what_cannot_be_honoured_is_told(void **state)
{
    (void)state;
    warnings seen = {0};
    atl_batch_options options = scratch_options(scratch_file(
        "a.txt",
        "a\nSteps: 4, Seed: 1, Size: 64x64, Denoising strength: 0.5, Hires upscale: 2, Variation seed: 3"));
    options.format = ATL_BATCH_INFOTEXT;
    options.warn = keep;
    options.user = &seen;
    scratch_done(scratch_good(&options));
    assert_int_equal(seen.n, 3);
    assert_non_null(strstr(seen.all, "Hires upscale: Atelier cannot honour it"));
    assert_non_null(strstr(seen.all, "Variation seed: Atelier cannot honour it"));
    assert_non_null(strstr(seen.all, "from another picture"));
}

static void settings_that_are_no_numbers_are_errors(void **state)
{
    (void)state;
    atl_batch_options options = scratch_options(scratch_file("a.txt", "a\nSteps: x, Seed: 1, Size: 64x64"));
    options.format = ATL_BATCH_INFOTEXT;
    scratch_fails(&options, ATL_BAD_INPUT, "a.txt:1:1: steps: found \"x\"");
    options.path = scratch_file("a.txt", "a\nSteps: 4, Seed: 1, Size: 64");
    scratch_fails(&options, ATL_BAD_INPUT, "a.txt:1:1: Size: found \"64\"");
    options.path = scratch_bytes("a.txt", "a\0b", 3);
    scratch_fails(&options, ATL_BAD_INPUT, "a.txt: found a NUL byte");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sidecar_gives_its_settings_back),
        cmocka_unit_test(a_picture_gives_its_settings_back),
        cmocka_unit_test(what_cannot_be_honoured_is_told),
        cmocka_unit_test(settings_that_are_no_numbers_are_errors),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
