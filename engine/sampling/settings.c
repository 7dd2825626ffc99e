/* settings.c - what a scheduler_config.json leaves out, filled in as the diffusers class would.
 *
 * A file that is opened as another class keeps what it says and drops what it does not: the defaults here are
 * always those of the class that runs, never of the class that wrote the file. */
#include <limits.h>
#include <math.h>

#include "sampling/sampler_private.h"

void atl_settings_flag(atl_tristate *flag, bool value)
{
    if (*flag == ATL_DEFAULT)
        *flag = value ? ATL_YES : ATL_NO;
}

void atl_settings_number(double *number, double value)
{
    if (isnan(*number))
        *number = value;
}

void atl_settings_common(atl_scheduler_config *config, const atl_class_defaults *defaults)
{
    atl_settings_number(&config->beta_start, defaults->beta_start);
    atl_settings_number(&config->beta_end, defaults->beta_end);
    if (config->beta_schedule < 0)
        config->beta_schedule = (int)defaults->beta_schedule;
    if (config->prediction_type < 0)
        config->prediction_type = ATL_PREDICT_EPSILON;
    if (config->timestep_spacing == ATL_SPACING_DEFAULT)
        config->timestep_spacing = defaults->spacing;
    if (config->steps_offset == INT_MIN)
        config->steps_offset = 0;
    atl_settings_flag(&config->rescale_betas_zero_snr, false);
}

void atl_settings_clipping(atl_scheduler_config *config, bool clip_sample)
{
    atl_settings_flag(&config->clip_sample, clip_sample);
    atl_settings_number(&config->clip_sample_range, 1.0);
    atl_settings_flag(&config->thresholding, false);
    atl_settings_number(&config->dynamic_thresholding_ratio, 0.995);
    atl_settings_number(&config->sample_max_value, 1.0);
}

atl_status atl_settings_respacing(atl_scheduler_config *config, atl_note *note)
{
    atl_settings_flag(&config->use_karras_sigmas, false);
    atl_settings_flag(&config->use_exponential_sigmas, false);
    atl_settings_flag(&config->use_beta_sigmas, false);
    if (config->use_karras_sigmas + config->use_exponential_sigmas + config->use_beta_sigmas > 1)
        return atl_fail(
            note, ATL_UNSUPPORTED,
            "only one of use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas can be true");
    return ATL_OK;
}

atl_status atl_settings_no_sample(const atl_scheduler_config *config, const char *class_name, atl_note *note)
{
    if (config->prediction_type != ATL_PREDICT_SAMPLE)
        return ATL_OK;
    return atl_fail(note, ATL_UNSUPPORTED,
                    "%s: prediction_type \"sample\" is not defined for this scheduler; wanted \"epsilon\" or "
                    "\"v_prediction\"",
                    class_name);
}

atl_status atl_settings_order(atl_scheduler_config *config, const char *class_name, atl_note *note)
{
    if (config->solver_order == -1)
        config->solver_order = 2;
    if (config->solver_order >= 1 && config->solver_order <= ATL_SAMPLER_MAX_ORDER)
        return ATL_OK;
    return atl_fail(note, ATL_UNSUPPORTED, "%s: solver_order %d; wanted 1, 2 or 3", class_name,
                    config->solver_order);
}
