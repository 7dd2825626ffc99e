/* scheduler_config.json: what is said is kept, and what is not said is told apart from it. */
#include <limits.h>
#include <math.h>

#include "unit/engine/model/config_parts_fixture.h"

static void read_scheduler(atl_json *json, void *config)
{
    atl_config_read_scheduler(json, NULL, config);
}

static void nothing_said_stays_not_said(void **state)
{
    (void)state;
    atl_scheduler_config c;
    atl_note note = {0};
    assert_ok(
        read_text(read_scheduler, "{\"_class_name\": \"DDIMScheduler\", \"steps_offset\": null}", &c, &note),
        &note);
    assert_string_equal(c.class_name, "DDIMScheduler");
    assert_int_equal(c.num_train_timesteps, 1000);
    assert_true(isnan(c.beta_start) && isnan(c.beta_end) && isnan(c.sigma_min) && isnan(c.timestep_scaling));
    assert_int_equal(c.beta_schedule, -1);
    assert_int_equal(c.prediction_type, -1);
    assert_int_equal(c.timestep_spacing, ATL_SPACING_DEFAULT);
    assert_int_equal(c.steps_offset, INT_MIN);
    assert_int_equal(c.clip_sample, ATL_DEFAULT);
    assert_int_equal(c.final_sigmas_zero, ATL_DEFAULT);
    assert_int_equal(c.solver_order, -1);
    assert_string_equal(c.solver_type, "");
    assert_int_equal(c.n_trained_betas, 0);
}

static void everything_said_is_kept(void **state)
{
    (void)state;
    atl_scheduler_config c;
    atl_note note = {0};
    assert_ok(
        read_text(
            read_scheduler,
            "{\"_class_name\": \"X\", \"num_train_timesteps\": 2, \"beta_start\": 0.1, \"beta_end\": 0.2, "
            "\"beta_schedule\": \"squaredcos_cap_v2\", \"trained_betas\": [0.25, 0.5], "
            "\"prediction_type\": \"v_prediction\", \"timestep_spacing\": \"trailing\", \"steps_offset\": 1, "
            "\"set_alpha_to_one\": false, \"rescale_betas_zero_snr\": true, \"use_karras_sigmas\": true, "
            "\"final_sigmas_type\": \"sigma_min\", \"timestep_type\": \"continuous\", "
            "\"interpolation_type\": \"log_linear\", \"solver_order\": 3, \"algorithm_type\": "
            "\"sde-dpmsolver++\", "
            "\"solver_type\": \"bh1\", \"disable_corrector\": [0, 7], \"sigma_max\": 80, \"variance_type\": "
            "null, "
            "\"lambda_min_clipped\": -Infinity}",
            &c, &note),
        &note);
    assert_int_equal(c.n_trained_betas, 2);
    assert_true(c.trained_betas[1] == 0.5f && c.beta_end == 0.2 && c.sigma_max == 80);
    assert_int_equal(c.beta_schedule, ATL_BETA_SQUAREDCOS_CAP_V2);
    assert_int_equal(c.prediction_type, ATL_PREDICT_V);
    assert_int_equal(c.timestep_spacing, ATL_SPACING_TRAILING);
    assert_int_equal(c.steps_offset, 1);
    assert_int_equal(c.set_alpha_to_one, ATL_NO);
    assert_int_equal(c.rescale_betas_zero_snr, ATL_YES);
    assert_int_equal(c.final_sigmas_zero, ATL_NO);
    assert_int_equal(c.timestep_type, 1);
    assert_int_equal(c.interpolation_type, 1);
    assert_int_equal(c.solver_order, 3);
    assert_string_equal(c.algorithm_type, "sde-dpmsolver++");
    assert_int_equal(c.n_disable_corrector, 2);
    assert_int_equal(c.disable_corrector[1], 7);
    free(c.trained_betas);
}

static void what_cannot_be_honoured_is_refused(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {"{\"_class_name\": \"X\", \"beta_schedule\": \"sigmoid\"}", ATL_UNSUPPORTED,
         "\"beta_schedule\" is \"sigmoid\""},
        {"{\"_class_name\": \"X\", \"prediction_type\": \"flow_prediction\"}", ATL_UNSUPPORTED,
         "supported are \"epsilon\""},
        {"{\"_class_name\": \"X\", \"timestep_spacing\": \"karras\"}", ATL_UNSUPPORTED,
         "\"timestep_spacing\""},
        {"{\"_class_name\": \"X\", \"use_flow_sigmas\": true}", ATL_UNSUPPORTED,
         "\"use_flow_sigmas\" is true"},
        {"{\"_class_name\": \"X\", \"use_dynamic_shifting\": true}", ATL_UNSUPPORTED,
         "\"use_dynamic_shifting\""},
        {"{\"_class_name\": \"X\", \"lambda_min_clipped\": -5.1}", ATL_UNSUPPORTED, "only -Infinity"},
        {"{\"_class_name\": \"X\", \"solver_p\": [\"diffusers\", \"Y\"]}", ATL_UNSUPPORTED, "\"solver_p\""},
        {"{\"_class_name\": \"X\", \"trained_betas\": [2]}", ATL_BAD_INPUT, "numbers from 0 to 1"},
        {"{\"_class_name\": \"X\", \"trained_betas\": [0.1]}", ATL_BAD_INPUT,
         "has 1 entries and \"num_train_timesteps\" is 1000"},
        {"{\"_class_name\": \"X\", \"clip_sample\": \"no\"}", ATL_BAD_INPUT, "true or false"},
        {"{\"_class_name\": \"X\", \"beta_start\": \"0\"}", ATL_BAD_INPUT, "a number was wanted"},
        {"{\"_class_name\": 3}", ATL_BAD_INPUT, "text was wanted"},
    };
    atl_scheduler_config c;
    assert_refusals(read_scheduler, &c, cases, sizeof cases / sizeof *cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_stays_not_said),
        cmocka_unit_test(everything_said_is_kept),
        cmocka_unit_test(what_cannot_be_honoured_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
