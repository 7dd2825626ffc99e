/* sampler_test.c - names, options, where img2img begins, and what is refused; what samplers compute is in
 * sampler_golden_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "model/config_json.h"
#include "sampling/sampler_private.h"

#define SD15                                                                                                 \
    "{'_class_name':'PNDMScheduler','beta_start':0.00085,'beta_end':0.012,'beta_schedule':'scaled_linear',"  \
    "'skip_prk_steps':true,'steps_offset':1,'set_alpha_to_one':false,'clip_sample':false}"

/* JSON with ' for ". */
static atl_scheduler_config config_from(const char *quoted)
{
    char text[1024];
    assert_in_range(strlen(quoted), 1, sizeof text - 1);
    strcpy(text, quoted);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    atl_json reader;
    atl_scheduler_config config;
    atl_note note = {0};
    atl_json_open_bytes(&reader, "case", text, strlen(text), &note);
    atl_config_read_scheduler(&reader, NULL, &config);
    if (atl_json_close(&reader, NULL) != ATL_OK)
        fail_msg("%s", note.text);
    return config;
}

static atl_status try_open(const char *quoted, atl_sampler_options options, atl_sampler **ret, atl_note *note)
{
    atl_scheduler_config config = config_from(quoted);
    *ret = NULL;
    atl_status st = atl_sampler_open(&config, &options, ret, note);
    free(config.trained_betas);
    return st;
}

static atl_sampler *open_named(const char *quoted, const char *name, int n_steps, float strength)
{
    atl_sampler *sampler;
    atl_note note = {0};
    atl_sampler_options options = {.name = name, .n_steps = n_steps, .strength = strength};
    if (try_open(quoted, options, &sampler, &note) != ATL_OK)
        fail_msg("%s: %s", name ? name : "(own class)", note.text);
    return sampler;
}

static void expect_name(const char *quoted, const char *asked, const char *name, const char *display,
                        const char *schedule)
{
    atl_sampler *sampler = open_named(quoted, asked, 10, 1.0f);
    assert_string_equal(atl_sampler_name(sampler), name);
    assert_string_equal(atl_sampler_display_name(sampler), display);
    assert_string_equal(atl_sampler_schedule_name(sampler), schedule);
    atl_sampler_close(&sampler);
    assert_null(sampler);
}

static void every_listed_name_opens_as_itself(void **state)
{
    (void)state;
    char list[256];
    strcpy(list, atl_sampler_names());
    int n = 0;
    for (char *name = strtok(list, ", "); name; name = strtok(NULL, ", "), n++) {
        atl_sampler *sampler = open_named(SD15, name, 10, 1.0f);
        assert_string_equal(atl_sampler_name(sampler), name);
        atl_sampler_close(&sampler);
    }
    assert_int_equal(n, 13);
}

static void display_names_are_taken_in_any_case(void **state)
{
    (void)state;
    expect_name(SD15, "Euler a", "euler_a", "Euler a", "");
    expect_name(SD15, "EULER A", "euler_a", "Euler a", "");
    expect_name(SD15, "DPM++ 2M", "dpmpp_2m", "DPM++ 2M", "");
    expect_name(SD15, "dpm++ 2m karras", "dpmpp_2m_karras", "DPM++ 2M", "Karras");
    expect_name(SD15, "DPM++ 2M SDE Karras", "dpmpp_2m_sde_karras", "DPM++ 2M SDE", "Karras");
    expect_name(SD15, "DPM++ 2M SDE", "dpmpp_2m_sde", "DPM++ 2M SDE", "");
    expect_name(SD15, "UniPC", "unipc", "UniPC", "");
    expect_name(SD15, "PLMS", "pndm", "PLMS", "");
    expect_name(SD15, "DDIM", "ddim", "DDIM", "");
    expect_name(SD15, "Heun", "heun", "Heun", "");
    expect_name(SD15, "LCM", "lcm", "LCM", "");
    expect_name(SD15, "euler_exponential", "euler_exponential", "Euler", "Exponential");
    expect_name(SD15, "UniPC Beta", "unipc_beta", "UniPC", "Beta");
}

static void a_config_without_a_name_asked_for_gives_its_own_class(void **state)
{
    (void)state;
    expect_name(SD15, NULL, "pndm", "PLMS", "");
    expect_name(SD15, "", "pndm", "PLMS", "");
    expect_name("{'_class_name':'PNDMScheduler'}", NULL, "pndm", "PNDM", "");
    expect_name("{'_class_name':'DPMSolverMultistepScheduler','use_karras_sigmas':true}", NULL,
                "dpmpp_2m_karras", "DPM++ 2M", "Karras");
    expect_name("{'_class_name':'DPMSolverMultistepScheduler','algorithm_type':'sde-dpmsolver++'}", NULL,
                "dpmpp_2m_sde", "DPM++ 2M SDE", "");
    expect_name("{'_class_name':'DEISMultistepScheduler'}", NULL, "deis", "DEIS", "");
}

static void a_name_that_ends_in_a_schedule_overrides_the_file(void **state)
{
    (void)state;
    const char *karras = "{'_class_name':'EulerDiscreteScheduler','use_karras_sigmas':true}";
    expect_name(karras, "euler_beta", "euler_beta", "Euler", "Beta");
    expect_name(karras, "euler", "euler_karras", "Euler", "Karras");
    expect_name(karras, "euler_a", "euler_a", "Euler a", "");
}

static void another_class_drops_defaults_that_the_file_does_not_say(void **state)
{
    (void)state;
    atl_sampler *pndm = open_named(SD15, NULL, 10, 1.0f);
    atl_sampler *euler = open_named(SD15, "euler", 10, 1.0f);
    assert_true(atl_sampler_timesteps(pndm)[0] == 901.0f);  /* leading, and the file's offset */
    assert_true(atl_sampler_timesteps(euler)[0] == 999.0f); /* linspace: Euler's own default */
    atl_sampler_close(&pndm);
    atl_sampler_close(&euler);
}

static int begin_of(const char *name, int n_steps, float strength)
{
    atl_sampler *sampler = open_named(SD15, name, n_steps, strength);
    int begin = atl_sampler_begin(sampler);
    atl_sampler_close(&sampler);
    return begin;
}

static void img2img_begins_where_the_pipelines_do(void **state)
{
    (void)state;
    assert_int_equal(begin_of("euler", 20, 1.0f), 0);
    assert_int_equal(begin_of("euler", 20, 0.3f), 14);
    assert_int_equal(begin_of("euler", 10, 0.3f), 7);
    assert_int_equal(begin_of("euler", 100, 0.57f), 44); /* 0.57 · 100 is less than 57 in double */
    assert_int_equal(begin_of("heun", 20, 0.3f), 28);
    assert_int_equal(begin_of("pndm", 20, 0.3f), 14);
    assert_int_equal(begin_of("lcm", 8, 0.5f), 4);
}

static void expect_refusal(const char *quoted, atl_sampler_options options, atl_status status,
                           const char *words)
{
    atl_sampler *sampler;
    atl_note note = {0};
    atl_status st = try_open(quoted, options, &sampler, &note);
    if (st != status || !strstr(note.text, words))
        fail_msg("%s: status %d, \"%s\"; wanted %d, \"%s\"", quoted, st, note.text, status, words);
    assert_null(sampler);
}

static void unknown_samplers_are_refused_with_a_list(void **state)
{
    (void)state;
    static const char *const names[] = {
        "euler_b",
        "karras",
        "ddim_karras",
        "euler_a_karras",
        "lcm_beta",
        "++",
        "a name that goes on for longer than any name of any sampler could ever"};
    for (size_t i = 0; i < ATL_COUNT(names); i++) {
        atl_sampler_options options = {.name = names[i], .n_steps = 10, .strength = 1.0f};
        expect_refusal(SD15, options, ATL_USAGE, "dpmpp_2m_karras");
    }
    atl_sampler_options own = {.n_steps = 10, .strength = 1.0f};
    expect_refusal("{'_class_name':'KDPM2DiscreteScheduler'}", own, ATL_UNSUPPORTED,
                   "KDPM2DiscreteScheduler");
    expect_refusal("{}", own, ATL_UNSUPPORTED, "scheduler class \"\"");
}

static void steps_and_strengths_out_of_range_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int n_steps;
        float strength;
        const char *words;
    } cases[] = {
        {"euler", 0, 1.0f, "0 steps"},
        {"euler", -3, 1.0f, "-3 steps"},
        {"euler", 1001, 1.0f, "1001 steps"},
        {"euler", 10, 0.0f, "strength 0"},
        {"euler", 10, 1.5f, "1.5"},
        {"euler", 10, -0.5f, "-0.5"},
        {"euler", 2, 0.3f, "leaves no step"},
        {"lcm", 51, 1.0f, "51 steps"},
        {"ddim", 1000, 1.0f, "timestep 1000"},
    };
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        atl_sampler_options options = {
            .name = cases[i].name, .n_steps = cases[i].n_steps, .strength = cases[i].strength};
        expect_refusal(SD15, options, ATL_USAGE, cases[i].words);
    }
    atl_sampler_options prk = {.n_steps = 3, .strength = 1.0f};
    expect_refusal("{'_class_name':'PNDMScheduler'}", prk, ATL_USAGE, "4 steps at least");
}

static void values_that_a_class_cannot_honour_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *config, *words;
    } cases[] = {
        {"{'_class_name':'DDIMScheduler','rescale_betas_zero_snr':true}", "rescale_betas_zero_snr"},
        {"{'_class_name':'LCMScheduler','rescale_betas_zero_snr':true}", "rescale_betas_zero_snr"},
        {"{'_class_name':'PNDMScheduler','prediction_type':'sample'}", "prediction_type \"sample\""},
        {"{'_class_name':'EulerAncestralDiscreteScheduler','prediction_type':'sample'}", "prediction_type"},
        {"{'_class_name':'EulerDiscreteScheduler','use_karras_sigmas':true,'use_beta_sigmas':true}",
         "use_karras_sigmas"},
        {"{'_class_name':'DPMSolverMultistepScheduler','use_lu_lambdas':true}", "use_lu_lambdas"},
        {"{'_class_name':'DPMSolverMultistepScheduler','variance_type':'learned_range'}", "variance_type"},
        {"{'_class_name':'DPMSolverMultistepScheduler','solver_order':4}", "solver_order 4"},
        {"{'_class_name':'DPMSolverMultistepScheduler','solver_type':'rk4'}", "solver_type \"rk4\""},
        {"{'_class_name':'DPMSolverMultistepScheduler','algorithm_type':'dpm'}", "algorithm_type \"dpm\""},
        {"{'_class_name':'DPMSolverMultistepScheduler','algorithm_type':'dpmsolver'}", "final_sigmas_type"},
        {"{'_class_name':'DPMSolverMultistepScheduler','algorithm_type':'sde-dpmsolver',"
         "'final_sigmas_type':'sigma_min','solver_order':3}",
         "solver_order 3"},
        {"{'_class_name':'UniPCMultistepScheduler','solver_type':'bh1'}", "bh1"},
        {"{'_class_name':'UniPCMultistepScheduler','solver_type':'bh3'}", "bh3"},
        {"{'_class_name':'UniPCMultistepScheduler','predict_x0':false}", "predict_x0"},
        {"{'_class_name':'UniPCMultistepScheduler','lower_order_final':false}", "lower_order_final"},
        {"{'_class_name':'DEISMultistepScheduler','algorithm_type':'sde-dpmsolver++'}", "algorithm_type"},
        {"{'_class_name':'DEISMultistepScheduler','solver_type':'rk4'}", "solver_type"},
        {"{'_class_name':'LCMScheduler','original_inference_steps':2000}", "original_inference_steps 2000"},
        {"{'_class_name':'EulerDiscreteScheduler','beta_start':1.5,'beta_end':2}", "alphas_cumprod"},
        {"{'_class_name':'EulerDiscreteScheduler','beta_start':0,'beta_end':0}", "sigma 0"},
        {"{'_class_name':'EulerDiscreteScheduler','num_train_timesteps':100000}",
         "num_train_timesteps 100000"},
    };
    for (size_t i = 0; i < ATL_COUNT(cases); i++) {
        atl_sampler_options options = {.n_steps = 10, .strength = 1.0f};
        expect_refusal(cases[i].config, options, ATL_UNSUPPORTED, cases[i].words);
    }
}

static void pipelines_of_stable_diffusion_take_the_offset_for_1(void **state)
{
    (void)state;
    atl_sampler *sampler;
    atl_sampler_options options = {.n_steps = 10, .strength = 1.0f, .pipeline = ATL_PIPELINE_SD};
    assert_int_equal(try_open("{'_class_name':'DDIMScheduler'}", options, &sampler, NULL), ATL_OK);
    assert_true(atl_sampler_timesteps(sampler)[0] == 901.0f);
    assert_int_equal(sampler->config.clip_sample, ATL_NO);
    atl_sampler_close(&sampler);
    options.pipeline = ATL_PIPELINE_SDXL;
    assert_int_equal(try_open("{'_class_name':'DDIMScheduler'}", options, &sampler, NULL), ATL_OK);
    assert_true(atl_sampler_timesteps(sampler)[0] == 900.0f);
    assert_int_equal(sampler->config.clip_sample, ATL_YES);
    atl_sampler_close(&sampler);
}

static void an_absurd_size_is_out_of_memory_and_changes_nothing(void **state)
{
    (void)state;
    atl_sampler *sampler = open_named(SD15, "heun", 10, 1.0f);
    float latent = 1.0f, output = 0.0f;
    assert_int_equal(atl_sampler_step(sampler, 0, &output, &latent, SIZE_MAX, NULL, NULL), ATL_NO_MEMORY);
    assert_true(latent == 1.0f);
    atl_sampler_close(&sampler);
}

static void scaling_may_be_done_in_place(void **state)
{
    (void)state;
    float apart[3], in_place[3] = {1.0f, -2.0f, 3.0f};
    atl_sampler *sampler = open_named(SD15, "euler", 10, 1.0f);
    atl_sampler_scale_input(sampler, 0, in_place, apart, 3);
    atl_sampler_scale_input(sampler, 0, in_place, in_place, 3);
    assert_memory_equal(apart, in_place, sizeof apart);
    assert_true(apart[0] < 0.1f);
    atl_sampler_close(&sampler);
}

static void closing_nothing_is_fine(void **state)
{
    (void)state;
    atl_sampler *sampler = NULL;
    atl_sampler_close(&sampler);
    assert_null(sampler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_listed_name_opens_as_itself),
        cmocka_unit_test(display_names_are_taken_in_any_case),
        cmocka_unit_test(a_config_without_a_name_asked_for_gives_its_own_class),
        cmocka_unit_test(a_name_that_ends_in_a_schedule_overrides_the_file),
        cmocka_unit_test(another_class_drops_defaults_that_the_file_does_not_say),
        cmocka_unit_test(img2img_begins_where_the_pipelines_do),
        cmocka_unit_test(unknown_samplers_are_refused_with_a_list),
        cmocka_unit_test(steps_and_strengths_out_of_range_are_refused),
        cmocka_unit_test(values_that_a_class_cannot_honour_are_refused_by_name),
        cmocka_unit_test(pipelines_of_stable_diffusion_take_the_offset_for_1),
        cmocka_unit_test(an_absurd_size_is_out_of_memory_and_changes_nothing),
        cmocka_unit_test(scaling_may_be_done_in_place),
        cmocka_unit_test(closing_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
