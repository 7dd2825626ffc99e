/* config_scheduler.c - scheduler_config.json: what it says, and nothing that it leaves out.
 *
 * Which class uses which of these, and with which default, is the sampler's knowledge (sampling/). Values
 * that no supported class honours are refused here by name. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/config_json.h"

#define MAX_STEPS 1000000

void atl_scheduler_config_init(atl_scheduler_config *ret)
{
    *ret = (atl_scheduler_config){
        .num_train_timesteps = 1000,
        .beta_start = NAN,
        .beta_end = NAN,
        .beta_schedule = -1,
        .prediction_type = -1,
        .timestep_spacing = ATL_SPACING_DEFAULT,
        .steps_offset = INT_MIN,
        .set_alpha_to_one = ATL_DEFAULT,
        .rescale_betas_zero_snr = ATL_DEFAULT,
        .clip_sample = ATL_DEFAULT,
        .thresholding = ATL_DEFAULT,
        .skip_prk_steps = ATL_DEFAULT,
        .use_karras_sigmas = ATL_DEFAULT,
        .use_exponential_sigmas = ATL_DEFAULT,
        .use_beta_sigmas = ATL_DEFAULT,
        .lower_order_final = ATL_DEFAULT,
        .euler_at_final = ATL_DEFAULT,
        .predict_x0 = ATL_DEFAULT,
        .use_lu_lambdas = ATL_DEFAULT,
        .final_sigmas_zero = ATL_DEFAULT,
        .clip_sample_range = NAN,
        .dynamic_thresholding_ratio = NAN,
        .sample_max_value = NAN,
        .sigma_min = NAN,
        .sigma_max = NAN,
        .timestep_type = -1,
        .interpolation_type = -1,
        .solver_order = -1,
        .original_inference_steps = -1,
        .timestep_scaling = NAN,
    };
}

static int word_or_unsaid(atl_json *json, const char *key, const char *const *words)
{
    return atl_json_has(json, key) ? atl_json_word(json, key, words, -1) : -1;
}

static void read_trained_betas(atl_json *json, atl_scheduler_config *c)
{
    if (!atl_json_has(json, "trained_betas"))
        return;
    const json_t *list = atl_json_get(json, "trained_betas");
    const size_t n = json_array_size(list);
    if (!json_is_array(list) || n == 0 || n > ATL_MAX_BETAS) {
        atl_json_refuse(json, ATL_BAD_INPUT, "trained_betas", "a list of 1 to 4096 numbers was wanted");
        return;
    }
    float *betas = malloc(n * sizeof *betas);
    if (!betas) {
        atl_json_fail(json, ATL_NO_MEMORY, "no memory for \"trained_betas\"");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(list, i);
        betas[i] = (float)json_number_value(one);
        if (!json_is_number(one) || !(betas[i] >= 0 && betas[i] <= 1))
            atl_json_refuse(json, ATL_BAD_INPUT, "trained_betas", "numbers from 0 to 1 were wanted");
    }
    c->trained_betas = betas;
    c->n_trained_betas = (int)n;
}

static void read_betas(atl_json *json, atl_scheduler_config *c)
{
    static const char *const schedules[] = {"linear", "scaled_linear", "squaredcos_cap_v2", NULL};
    c->num_train_timesteps = atl_json_int(json, "num_train_timesteps", 1000, 1, MAX_STEPS);
    c->beta_start = atl_json_double_or_null(json, "beta_start", NAN);
    c->beta_end = atl_json_double_or_null(json, "beta_end", NAN);
    c->beta_schedule = word_or_unsaid(json, "beta_schedule", schedules);
    c->rescale_betas_zero_snr = atl_json_tristate(json, "rescale_betas_zero_snr");
    read_trained_betas(json, c);
    /* diffusers takes the number of steps from the list's own length in some places and not in others */
    if (c->n_trained_betas && c->n_trained_betas != c->num_train_timesteps)
        atl_json_fail(json, ATL_BAD_INPUT,
                      "\"trained_betas\" has %d entries and \"num_train_timesteps\" is %d",
                      c->n_trained_betas, c->num_train_timesteps);
}

static void read_steps(atl_json *json, atl_scheduler_config *c)
{
    static const char *const predictions[] = {"epsilon", "v_prediction", "sample", NULL};
    static const char *const spacings[] = {"leading", "trailing", "linspace", NULL};
    static const char *const types[] = {"discrete", "continuous", NULL};
    static const char *const interpolations[] = {"linear", "log_linear", NULL};
    c->prediction_type = word_or_unsaid(json, "prediction_type", predictions);
    c->timestep_spacing = (atl_spacing)(word_or_unsaid(json, "timestep_spacing", spacings) + 1);
    c->timestep_type = word_or_unsaid(json, "timestep_type", types);
    c->interpolation_type = word_or_unsaid(json, "interpolation_type", interpolations);
    c->steps_offset = atl_json_int_or_null(json, "steps_offset", INT_MIN, -MAX_STEPS, MAX_STEPS);
    c->set_alpha_to_one = atl_json_tristate(json, "set_alpha_to_one");
    c->skip_prk_steps = atl_json_tristate(json, "skip_prk_steps");
    c->original_inference_steps = atl_json_int_or_null(json, "original_inference_steps", -1, 1, MAX_STEPS);
    c->timestep_scaling = atl_json_double_or_null(json, "timestep_scaling", NAN);
}

static void read_sigmas(atl_json *json, atl_scheduler_config *c)
{
    static const char *const finals[] = {"sigma_min", "zero", NULL};
    c->use_karras_sigmas = atl_json_tristate(json, "use_karras_sigmas");
    c->use_exponential_sigmas = atl_json_tristate(json, "use_exponential_sigmas");
    c->use_beta_sigmas = atl_json_tristate(json, "use_beta_sigmas");
    c->use_lu_lambdas = atl_json_tristate(json, "use_lu_lambdas");
    const int final = word_or_unsaid(json, "final_sigmas_type", finals);
    c->final_sigmas_zero = final < 0 ? ATL_DEFAULT : final == 1 ? ATL_YES : ATL_NO;
    c->sigma_min = atl_json_double_or_null(json, "sigma_min", NAN);
    c->sigma_max = atl_json_double_or_null(json, "sigma_max", NAN);
}

static void read_clipping(atl_json *json, atl_scheduler_config *c)
{
    c->clip_sample = atl_json_tristate(json, "clip_sample");
    c->clip_sample_range = atl_json_double_or_null(json, "clip_sample_range", NAN);
    c->thresholding = atl_json_tristate(json, "thresholding");
    c->dynamic_thresholding_ratio = atl_json_double_or_null(json, "dynamic_thresholding_ratio", NAN);
    c->sample_max_value = atl_json_double_or_null(json, "sample_max_value", NAN);
}

static void copy_or_unsaid(atl_json *json, const char *key, char *out, size_t room)
{
    if (atl_json_has(json, key))
        atl_json_copy(json, key, "", out, room);
}

static void read_disabled_correctors(atl_json *json, atl_scheduler_config *c)
{
    const json_t *list =
        atl_json_has(json, "disable_corrector") ? atl_json_get(json, "disable_corrector") : NULL;
    const size_t n = list ? json_array_size(list) : 0;
    const size_t most = sizeof c->disable_corrector / sizeof *c->disable_corrector;
    if (list && (!json_is_array(list) || n > most)) {
        atl_json_refuse(json, ATL_BAD_INPUT, "disable_corrector", "a list of at most 16 steps was wanted");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (!atl_json_whole(json_array_get(list, i), 0, MAX_STEPS, &c->disable_corrector[i]))
            atl_json_refuse(json, ATL_BAD_INPUT, "disable_corrector", "whole numbers from 0 up were wanted");
    }
    c->n_disable_corrector = (int)n;
}

static void read_solver(atl_json *json, atl_scheduler_config *c)
{
    c->solver_order = atl_json_int_or_null(json, "solver_order", -1, 1, 1000);
    copy_or_unsaid(json, "algorithm_type", c->algorithm_type, sizeof c->algorithm_type);
    copy_or_unsaid(json, "solver_type", c->solver_type, sizeof c->solver_type);
    copy_or_unsaid(json, "variance_type", c->variance_type, sizeof c->variance_type);
    c->lower_order_final = atl_json_tristate(json, "lower_order_final");
    c->euler_at_final = atl_json_tristate(json, "euler_at_final");
    c->predict_x0 = atl_json_tristate(json, "predict_x0");
    read_disabled_correctors(json, c);
}

/* Flow matching, shifted schedules and the like: other models' business. */
static void refuse_others(atl_json *json)
{
    atl_json_only_null(json, "solver_p");
    atl_json_only_null(json, "shift_terminal");
    atl_json_only_null(json, "noise_sampler_seed");
    atl_json_only_bool(json, "use_flow_sigmas", false);
    atl_json_only_bool(json, "use_dynamic_shifting", false);
    atl_json_double(json, "flow_shift", 1); /* of use_flow_sigmas alone */
    atl_json_get(json, "time_shift_type");  /* of use_dynamic_shifting alone */
    if (atl_json_double_or_null(json, "lambda_min_clipped", -ATL_JSON_INFINITY) > -ATL_JSON_INFINITY)
        atl_json_refuse(json, ATL_UNSUPPORTED, "lambda_min_clipped", "only -Infinity is supported");
}

void atl_config_read_scheduler(atl_json *json, const char *class_name, atl_scheduler_config *ret)
{
    atl_scheduler_config_init(ret);
    if (class_name) {
        atl_json_string_or_null(json, "_class_name", NULL);
        snprintf(ret->class_name, sizeof ret->class_name, "%s", class_name);
    } else {
        atl_json_copy(json, "_class_name", "", ret->class_name, sizeof ret->class_name);
    }
    read_betas(json, ret);
    read_steps(json, ret);
    read_sigmas(json, ret);
    read_clipping(json, ret);
    read_solver(json, ret);
    refuse_others(json);
    if (json->status != ATL_OK) {
        free(ret->trained_betas);
        ret->trained_betas = NULL;
    }
}
