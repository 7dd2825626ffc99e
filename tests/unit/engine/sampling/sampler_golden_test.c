/* sampler_golden_test.c - every sampler against what diffusers' scheduler of that name gives, step by step,
 * over a made-up denoiser (tests/reference/sampler_goldens.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/config_json.h"
#include "sampling/noise.h"
#include "sampling/sampler_private.h"

#define N_LATENT          24
#define SEED              1234
#define MAX_GOLDEN_BYTES  ((size_t)8 << 20)
#define MAX_RELATIVE_L2   1e-5 /* the last bit of exp and log, where diffusers' coefficients cancel */
#define MAX_RELATIVE_TIME 2e-7 /* fractional timesteps: one rounding of a float */
#define MAX_RELATIVE_INIT 1e-7

/* One line of cases.json and its part of cases.f32. */
typedef struct golden {
    json_t *json;
    const char *sampler;
    int steps, begin, n_timesteps, n_sigmas, n_latents;
    float strength;
    const float *timesteps, *sigmas, *init_noise_sigma, *latents;
} golden;

static json_t *all_cases;
static char *all_floats;

static int number_of(json_t *json, const char *key)
{
    return (int)json_integer_value(json_object_get(json, key));
}

static int load_goldens(void **state)
{
    (void)state;
    char *text;
    size_t size;
    if (atl_file_read(ATELIER_TEST_DATA "/golden/samplers/cases.json", MAX_GOLDEN_BYTES, &text, &size, NULL))
        return -1;
    all_cases = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    if (atl_file_read(ATELIER_TEST_DATA "/golden/samplers/cases.f32", MAX_GOLDEN_BYTES, &all_floats, &size,
                      NULL))
        return -1;
    return json_array_size(all_cases) > 800 ? 0 : -1;
}

static int drop_goldens(void **state)
{
    (void)state;
    json_decref(all_cases);
    free(all_floats);
    return 0;
}

/* The i-th case; *at is where its floats begin, and is moved past them. */
static golden golden_at(size_t i, size_t *at)
{
    json_t *json = json_array_get(all_cases, i);
    golden g = {.json = json,
                .sampler = json_string_value(json_object_get(json, "sampler")),
                .steps = number_of(json, "steps"),
                .begin = number_of(json, "begin"),
                .n_timesteps = number_of(json, "n_timesteps"),
                .n_sigmas = number_of(json, "n_sigmas"),
                .n_latents = number_of(json, "n_latents"),
                .strength = (float)json_number_value(json_object_get(json, "strength"))};
    const float *floats = (const float *)(const void *)all_floats + *at;
    g.timesteps = floats;
    g.sigmas = g.timesteps + g.n_timesteps;
    g.init_noise_sigma = g.sigmas + g.n_sigmas;
    g.latents = g.init_noise_sigma + 1;
    *at += (size_t)(g.n_timesteps + g.n_sigmas + 1 + g.n_latents);
    return g;
}

static atl_scheduler_config config_of(json_t *json)
{
    atl_json reader;
    atl_scheduler_config config;
    atl_note note = {0};
    char *text = json_dumps(json, 0);
    atl_json_open_bytes(&reader, "case", text, strlen(text), &note);
    atl_config_read_scheduler(&reader, NULL, &config);
    if (atl_json_close(&reader, NULL) != ATL_OK)
        fail_msg("%s", note.text);
    free(text);
    return config;
}

static void describe(const golden *g, char out[512])
{
    char *text = json_dumps(json_object_get(g->json, "config"), JSON_COMPACT);
    snprintf(out, 512, "%s, %d steps, strength %g, pipeline \"%s\", %s",
             g->sampler ? g->sampler : "(own class)", g->steps, (double)g->strength,
             json_string_value(json_object_get(g->json, "pipeline")), text);
    free(text);
}

static atl_sampler *open_golden(const golden *g)
{
    atl_scheduler_config config = config_of(json_object_get(g->json, "config"));
    const char *pipeline = json_string_value(json_object_get(g->json, "pipeline"));
    atl_sampler_options options = {.name = g->sampler,
                                   .n_steps = g->steps,
                                   .strength = g->strength,
                                   .pipeline = strcmp(pipeline, "sd") == 0    ? ATL_PIPELINE_SD
                                               : strcmp(pipeline, "lcm") == 0 ? ATL_PIPELINE_LCM
                                                                              : ATL_PIPELINE_NONE};
    atl_sampler *sampler = NULL;
    atl_note note = {0};
    atl_status st = atl_sampler_open(&config, &options, &sampler, &note);
    free(config.trained_betas);
    if (st != ATL_OK) {
        char what[512];
        describe(g, what);
        fail_msg("%s: %s", what, note.text);
    }
    return sampler;
}

static double relative_l2(const float *got, const float *wanted, size_t n)
{
    double difference = 0.0, norm = 0.0;
    for (size_t k = 0; k < n; k++) {
        difference += ((double)got[k] - wanted[k]) * ((double)got[k] - wanted[k]);
        norm += (double)wanted[k] * wanted[k];
    }
    return sqrt(difference / norm);
}

/* The reference script's, operation by operation. */
static void denoise(const float *x, float t, float *out)
{
    for (int k = 0; k < N_LATENT; k++) {
        float moved = x[k] - ((float)k - 11.5f) * 0.125f;
        out[k] = x[k] * 0.5f + moved / (fabsf(moved) + 1.0f) * (t * 0.0005f + 0.25f);
    }
}

static void draw(void *user, float *out, size_t n)
{
    atl_noise_normal(user, out, n);
}

static void start(const atl_sampler *sampler, float strength, atl_noise *noise, float latent[N_LATENT])
{
    float unit[N_LATENT], clean[N_LATENT];
    atl_noise_init(noise, ATL_RNG_CPU, SEED);
    atl_noise_normal(noise, unit, N_LATENT);
    for (int k = 0; k < N_LATENT; k++) {
        clean[k] = ((float)k - 12.0f) * 0.125f;
        latent[k] = unit[k] * atl_sampler_init_noise_sigma(sampler);
    }
    if (strength < 1.0f)
        atl_sampler_add_noise(sampler, clean, unit, latent, N_LATENT);
}

/* Runs the whole loop; returns the worst relative difference of any latent and where it was. */
static double run_golden(const golden *g, int *ret_worst_step)
{
    atl_sampler *sampler = open_golden(g);
    float latent[N_LATENT], input[N_LATENT], output[N_LATENT];
    atl_noise noise;
    start(sampler, g->strength, &noise, latent);
    double worst = relative_l2(latent, g->latents, N_LATENT);
    *ret_worst_step = -1;
    int begin = atl_sampler_begin(sampler);
    for (int i = begin; i < atl_sampler_n_timesteps(sampler); i++) {
        atl_sampler_scale_input(sampler, i, latent, input, N_LATENT);
        denoise(input, atl_sampler_timesteps(sampler)[i], output);
        assert_int_equal(atl_sampler_step(sampler, i, output, latent, N_LATENT, draw, &noise), ATL_OK);
        double one = relative_l2(latent, g->latents + (size_t)(i - begin + 1) * N_LATENT, N_LATENT);
        if (!(one <= worst)) {
            worst = one;
            *ret_worst_step = i;
        }
    }
    atl_sampler_close(&sampler);
    return worst;
}

static void timesteps_are_those_of_diffusers(void **state)
{
    (void)state;
    size_t at = 0;
    int n_bad = 0;
    for (size_t i = 0; i < json_array_size(all_cases); i++) {
        golden g = golden_at(i, &at);
        atl_sampler *sampler = open_golden(&g);
        bool same = sampler->n_timesteps == g.n_timesteps && sampler->begin == g.begin;
        for (int k = 0; same && k < g.n_timesteps; k++) {
            float got = sampler->timesteps[k], wanted = g.timesteps[k];
            bool whole = wanted == rintf(wanted);
            same = whole ? got == wanted : fabsf(got - wanted) <= (float)MAX_RELATIVE_TIME * fabsf(wanted);
        }
        if (!same) {
            char what[512];
            describe(&g, what);
            print_error("timesteps differ: %s\n", what);
            n_bad++;
        }
        atl_sampler_close(&sampler);
    }
    assert_int_equal(n_bad, 0);
}

static void sigmas_are_those_of_diffusers(void **state)
{
    (void)state;
    size_t at = 0;
    int n_bad = 0;
    for (size_t i = 0; i < json_array_size(all_cases); i++) {
        golden g = golden_at(i, &at);
        atl_sampler *sampler = open_golden(&g);
        bool same = sampler->n_sigmas == g.n_sigmas || sampler->n_sigmas == 0;
        for (int k = 0; same && k < sampler->n_sigmas; k++)
            same = fabsf(sampler->sigmas[k] - g.sigmas[k]) <= (float)MAX_RELATIVE_TIME * g.sigmas[k];
        float init = sampler->init_noise_sigma, wanted = *g.init_noise_sigma;
        if (!same || fabsf(init - wanted) > (float)MAX_RELATIVE_INIT * wanted) {
            char what[512];
            describe(&g, what);
            print_error("sigmas differ (init %.9g, wanted %.9g): %s\n", (double)init, (double)wanted, what);
            n_bad++;
        }
        atl_sampler_close(&sampler);
    }
    assert_int_equal(n_bad, 0);
}

static void latents_after_every_step_are_those_of_diffusers(void **state)
{
    (void)state;
    size_t at = 0;
    int n_bad = 0;
    double worst = 0.0;
    for (size_t i = 0; i < json_array_size(all_cases); i++) {
        golden g = golden_at(i, &at);
        int step;
        double one = run_golden(&g, &step);
        worst = fmax(worst, one);
        if (one <= MAX_RELATIVE_L2)
            continue;
        char what[512];
        describe(&g, what);
        print_error("latents differ by %.2g at step %d: %s\n", one, step, what);
        n_bad++;
    }
    print_message("worst relative L2 of %zu cases: %.2g\n", json_array_size(all_cases), worst);
    assert_int_equal(n_bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timesteps_are_those_of_diffusers),
        cmocka_unit_test(sigmas_are_those_of_diffusers),
        cmocka_unit_test(latents_after_every_step_are_those_of_diffusers),
    };
    return cmocka_run_group_tests(tests, load_goldens, drop_goldens);
}
