/* sampler.c - the list of samplers: names to families, configs to open samplers, calls forwarded.
 *
 * What a sampler does is in its family's file; what a file leaves out is filled in by settings.c. Here is
 * only what holds for all. */
#include "sampling/sampler.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "sampling/sampler_private.h"

static const atl_sampler_kind *const kinds[] = {
    &atl_sampler_ddim,  &atl_sampler_pndm, &atl_sampler_euler,    &atl_sampler_euler_a,
    &atl_sampler_heun,  &atl_sampler_lms,  &atl_sampler_dpmpp_2m, &atl_sampler_dpmpp_2m_sde,
    &atl_sampler_unipc, &atl_sampler_lcm,  &atl_sampler_deis,
};

/* Ways of spacing sigmas that a name can ask for by its last word. */
typedef enum respacing { PLAIN, KARRAS, EXPONENTIAL, BETA, N_RESPACINGS } respacing;
static const char *const respacing_names[N_RESPACINGS] = {"", "Karras", "Exponential", "Beta"};

const char *atl_sampler_names(void)
{
    return "ddim, pndm, euler, euler_a, heun, lms, dpmpp_2m, dpmpp_2m_karras, dpmpp_2m_sde, "
           "dpmpp_2m_sde_karras, unipc, lcm, deis";
}

/* Letters and digits in lower case, "++" as "pp": "DPM++ 2M Karras" and "dpmpp_2m_karras" are one. Returns
 * false where the name is too long to be any. */
static bool fold_name(const char *name, char out[64])
{
    size_t n = 0;
    for (; *name; name++) {
        char c = *name == '+' ? 'p' : (char)tolower((unsigned char)*name);
        if (!isalnum((unsigned char)c))
            continue;
        if (n == 63)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

static respacing cut_respacing(char *folded)
{
    size_t length = strlen(folded);
    for (int i = KARRAS; i < N_RESPACINGS; i++) {
        char word[64];
        fold_name(respacing_names[i], word);
        size_t n = strlen(word);
        if (length > n && strcmp(folded + length - n, word) == 0) {
            folded[length - n] = '\0';
            return (respacing)i;
        }
    }
    return PLAIN;
}

static const atl_sampler_kind *kind_named(const char *folded)
{
    for (size_t i = 0; i < ATL_COUNT(kinds); i++) {
        char name[64], display[64];
        fold_name(kinds[i]->name, name);
        fold_name(kinds[i]->display, display);
        if (strcmp(folded, name) == 0 || strcmp(folded, display) == 0)
            return kinds[i];
    }
    return NULL;
}

static const atl_sampler_kind *kind_of_class(const atl_scheduler_config *config)
{
    const atl_sampler_kind *found = NULL;
    for (size_t i = 0; i < ATL_COUNT(kinds); i++) {
        if (strcmp(config->class_name, kinds[i]->class_name) != 0)
            continue;
        if (!found || (kinds[i]->stochastic && strncmp(config->algorithm_type, "sde-", 4) == 0))
            found = kinds[i];
    }
    return found;
}

static atl_status choose_named(const char *name, atl_scheduler_config *config,
                               const atl_sampler_kind **ret_kind, atl_note *note)
{
    char folded[64];
    const atl_sampler_kind *kind = NULL;
    respacing spacing = PLAIN;
    if (fold_name(name, folded)) {
        spacing = cut_respacing(folded);
        kind = kind_named(folded);
    }
    if (!kind || (spacing != PLAIN && !kind->respaces_sigmas))
        return atl_fail(note, ATL_USAGE, "there is no sampler \"%s\"; there are %s", name,
                        atl_sampler_names());
    if (spacing != PLAIN) {
        config->use_karras_sigmas = spacing == KARRAS ? ATL_YES : ATL_NO;
        config->use_exponential_sigmas = spacing == EXPONENTIAL ? ATL_YES : ATL_NO;
        config->use_beta_sigmas = spacing == BETA ? ATL_YES : ATL_NO;
    }
    if (kind->algorithm)
        snprintf(config->algorithm_type, sizeof config->algorithm_type, "%s", kind->algorithm);
    *ret_kind = kind;
    return ATL_OK;
}

static atl_status choose(const atl_sampler_options *options, atl_scheduler_config *config,
                         const atl_sampler_kind **ret_kind, atl_note *note)
{
    if (options->name && options->name[0])
        return choose_named(options->name, config, ret_kind, note);
    *ret_kind = kind_of_class(config);
    if (*ret_kind)
        return ATL_OK;
    return atl_fail(note, ATL_UNSUPPORTED,
                    "the scheduler class \"%s\" is not one that this program has; there are %s",
                    config->class_name, atl_sampler_names());
}

/* StableDiffusionPipeline corrects files that it finds outdated. Another class opened from the corrected
 * file sees only what the file itself had said. */
static void correct_as_pipeline(atl_scheduler_config *config, const atl_sampler_kind *kind)
{
    bool own = strcmp(config->class_name, kind->class_name) == 0;
    if (own || config->steps_offset != INT_MIN)
        config->steps_offset = 1;
    if (own || config->clip_sample != ATL_DEFAULT)
        config->clip_sample = ATL_NO;
}

static atl_status check_options(const atl_sampler_options *options, int n_train, atl_note *note)
{
    if (options->n_steps < 1 || options->n_steps > n_train)
        return atl_fail(note, ATL_USAGE, "%d steps; wanted 1 to %d", options->n_steps, n_train);
    if (!(options->strength > 0.0f && options->strength <= 1.0f))
        return atl_fail(note, ATL_USAGE, "strength %g; wanted more than 0 and at most 1",
                        (double)options->strength);
    return ATL_OK;
}

/* Where img2img pipelines enter the schedule (get_timesteps). */
static atl_status find_begin(atl_sampler *sampler, atl_note *note)
{
    if (sampler->spread)
        return ATL_OK;
    int n_run = (int)(sampler->n_steps * sampler->strength);
    int order = sampler->kind->order ? sampler->kind->order : 1;
    sampler->begin = (sampler->n_steps - n_run) * order;
    if (n_run > 0 && sampler->begin < sampler->n_timesteps)
        return ATL_OK;
    return atl_fail(note, ATL_USAGE,
                    "strength %g of %d steps leaves no step to run; a higher strength or more steps would do",
                    sampler->strength, sampler->n_steps);
}

/* Strengths are decimal fractions that a person typed: 0.3 as a float must not become 0.30000001 of the
 * steps. */
static double as_typed(float value)
{
    char decimal[32];
    snprintf(decimal, sizeof decimal, "%.7g", (double)value);
    return strtod(decimal, NULL);
}

static void take_options(atl_sampler *sampler, const atl_sampler_options *options)
{
    sampler->n_steps = options->n_steps;
    sampler->strength = as_typed(options->strength);
    sampler->spread = options->pipeline == ATL_PIPELINE_LCM && sampler->kind == &atl_sampler_lcm;
    if (options->pipeline == ATL_PIPELINE_SD)
        correct_as_pipeline(&sampler->config, sampler->kind);
}

static void name_sampler(atl_sampler *sampler)
{
    const atl_scheduler_config *config = &sampler->config;
    const atl_sampler_kind *kind = sampler->kind;
    respacing spacing = PLAIN;
    if (kind->respaces_sigmas)
        spacing = config->use_karras_sigmas == ATL_YES        ? KARRAS
                  : config->use_exponential_sigmas == ATL_YES ? EXPONENTIAL
                  : config->use_beta_sigmas == ATL_YES        ? BETA
                                                              : PLAIN;
    static const char *const suffixes[N_RESPACINGS] = {"", "_karras", "_exponential", "_beta"};
    snprintf(sampler->name, sizeof sampler->name, "%s%s", kind->name, suffixes[spacing]);
    sampler->schedule_name = respacing_names[spacing];
    sampler->display = kind->display;
    if (kind == &atl_sampler_pndm && config->skip_prk_steps != ATL_YES)
        sampler->display = "PNDM";
}

atl_status atl_sampler_open(const atl_scheduler_config *config, const atl_sampler_options *options,
                            atl_sampler **ret, atl_note *note)
{
    atl_status st = check_options(options, config->num_train_timesteps, note);
    if (st != ATL_OK)
        return st;
    atl_sampler *sampler = calloc(1, sizeof *sampler);
    if (!sampler)
        return ATL_NO_MEMORY;
    sampler->config = *config;
    st = choose(options, &sampler->config, &sampler->kind, note);
    if (st != ATL_OK)
        goto fail;
    take_options(sampler, options);
    st = sampler->kind->configure(&sampler->config, note);
    if (st == ATL_OK)
        st = atl_schedule_alphas(&sampler->config, &sampler->alphas_cumprod, note);
    sampler->config.trained_betas = NULL;
    if (st == ATL_OK)
        st = sampler->kind->plan(sampler, note);
    if (st == ATL_OK)
        st = find_begin(sampler, note);
    if (st != ATL_OK)
        goto fail;
    name_sampler(sampler);
    *ret = sampler;
    return ATL_OK;
fail:
    atl_sampler_close(&sampler);
    return st;
}

void atl_sampler_close(atl_sampler **sampler)
{
    if (!*sampler)
        return;
    free((*sampler)->alphas_cumprod);
    free((*sampler)->timesteps);
    free((*sampler)->sigmas);
    free((*sampler)->memory);
    free(*sampler);
    *sampler = NULL;
}

const char *atl_sampler_name(const atl_sampler *sampler)
{
    return sampler->name;
}

const char *atl_sampler_display_name(const atl_sampler *sampler)
{
    return sampler->display;
}

const char *atl_sampler_schedule_name(const atl_sampler *sampler)
{
    return sampler->schedule_name;
}

int atl_sampler_n_timesteps(const atl_sampler *sampler)
{
    return sampler->n_timesteps;
}

const float *atl_sampler_timesteps(const atl_sampler *sampler)
{
    return sampler->timesteps;
}

int atl_sampler_n_sigmas(const atl_sampler *sampler)
{
    return sampler->n_sigmas;
}

const float *atl_sampler_sigmas(const atl_sampler *sampler)
{
    return sampler->sigmas;
}

int atl_sampler_begin(const atl_sampler *sampler)
{
    return sampler->begin;
}

float atl_sampler_init_noise_sigma(const atl_sampler *sampler)
{
    return sampler->init_noise_sigma;
}

void atl_sampler_add_noise(const atl_sampler *sampler, const float *clean, const float *noise, float *out,
                           size_t n)
{
    sampler->kind->add_noise(sampler, clean, noise, out, n);
}

void atl_sampler_scale_input(const atl_sampler *sampler, int i, const float *latent, float *out, size_t n)
{
    if (sampler->kind->scale_input)
        sampler->kind->scale_input(sampler, i, latent, out, n);
    else if (out != latent)
        memcpy(out, latent, n * sizeof *out);
}

/* Zeros, so that a first call that reads what no call wrote gives a wrong picture and not a random one. */
static atl_status reserve(atl_sampler *sampler, size_t n)
{
    if (sampler->memory || !sampler->n_slots)
        return ATL_OK;
    size_t total;
    if (!atl_size_mul(n, (size_t)sampler->n_slots, &total))
        return ATL_NO_MEMORY;
    sampler->memory = calloc(total, sizeof *sampler->memory);
    if (!sampler->memory)
        return ATL_NO_MEMORY;
    sampler->n = n;
    for (int i = 0; i < sampler->n_slots; i++)
        sampler->slots[i] = sampler->memory + (size_t)i * n;
    return ATL_OK;
}

atl_status atl_sampler_step(atl_sampler *sampler, int i, const float *model_output, float *latent, size_t n,
                            atl_draw_fn draw, void *user)
{
    atl_status st = reserve(sampler, n);
    if (st != ATL_OK)
        return st;
    sampler->kind->step(sampler, i, model_output, latent, n, draw, user);
    sampler->n_done++;
    return ATL_OK;
}
