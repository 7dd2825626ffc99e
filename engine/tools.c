/* tools.c - the engine's smaller public functions: those about checkpoints, tokens and schedules, for which
 * no network runs. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_load.h"
#include "engine/probe.h"
#include "engine_private.h"
#include "model/inspect.h"

const char *atl_engine_version(void)
{
    return ATELIER_VERSION;
}

const char *atl_engine_sampler_names(void)
{
    return atl_sampler_names();
}

const char *atl_engine_synth_names(void)
{
    return atl_model_synth_names();
}

atl_status atl_engine_inspect_model(const char *model, const char *variant, bool json, atl_text *out,
                                    size_t *ret_n_faults, atl_note *note)
{
    return atl_model_inspect(model, variant ? variant : "", json, out, ret_n_faults, note);
}

atl_status atl_engine_synth_model(const char *family, const char *dir, const char *dtype, uint64_t seed,
                                  void (*progress)(void *user, size_t done_bytes, size_t total_bytes),
                                  void *user, atl_note *note)
{
    static const atl_dtype types[] = {ATL_F32, ATL_F16, ATL_BF16};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(dtype, atl_dtype_name(types[i])) == 0)
            return atl_model_synth(family, dir, types[i], seed, progress, user, note);
    return atl_fail(note, ATL_USAGE, "dtype: found \"%s\", wanted f32, f16 or bf16", dtype);
}

/* ---- tokens ---- */

struct atl_token_probe {
    atl_weights *weights;
    atl_tokenizer *tokenizer;
};

atl_status atl_token_probe_open(const char *model, int which, atl_token_probe **ret, atl_note *note)
{
    atl_token_probe *probe = calloc(1, sizeof *probe);
    if (!probe)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a tokenizer");
    atl_status st = atl_weights_open(model, "", &probe->weights, note);
    if (st != ATL_OK)
        goto fail;
    const atl_model_config *config = atl_weights_config(probe->weights);
    const char *dir =
        which < config->n_text_encoders ? atl_weights_tokenizer_dir(probe->weights, which) : NULL;
    if (!dir)
        st = atl_fail(note, ATL_NOT_FOUND, "%s: has no tokenizer number %d", model, which + 1);
    else
        st = atl_tokenizer_open(dir, &config->tokenizer[which], &probe->tokenizer, note);
    if (st != ATL_OK)
        goto fail;
    *ret = probe;
    return ATL_OK;
fail:
    atl_token_probe_close(&probe);
    return st;
}

void atl_token_probe_close(atl_token_probe **probe)
{
    atl_token_probe *p = *probe;
    *probe = NULL;
    if (!p)
        return;
    atl_tokenizer_close(&p->tokenizer);
    atl_weights_close(&p->weights);
    free(p);
}

atl_status atl_token_probe_line(const atl_token_probe *probe, const char *json, size_t n_bytes, atl_text *out,
                                atl_note *note)
{
    json_error_t error;
    json_t *string = atl_json_load(json, n_bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    int32_t *ids = NULL;
    size_t n = 0;
    atl_status st = ATL_OK;
    if (!string && error.text[0] == '\0')
        st = atl_fail(note, ATL_NO_MEMORY, "no memory for a line");
    else if (!string)
        st = atl_fail(note, ATL_BAD_INPUT, "column %d: %s; wanted a JSON string", error.column, error.text);
    else if (!json_is_string(string))
        st = atl_fail(note, ATL_BAD_INPUT, "found JSON that is not a string, wanted a string");
    else
        st = atl_tokenizer_encode(probe->tokenizer, json_string_value(string), json_string_length(string),
                                  &ids, &n, note);
    if (st == ATL_OK) {
        atl_text_printf(out, "[%d,", atl_tokenizer_bos(probe->tokenizer));
        for (size_t i = 0; i < n; i++)
            atl_text_printf(out, "%d,", ids[i]);
        atl_text_printf(out, "%d]", atl_tokenizer_eos(probe->tokenizer));
    }
    free(ids);
    json_decref(string);
    return st;
}

/* ---- schedules ---- */

static void append_array(atl_text *out, const char *key, const float *values, int n)
{
    atl_text_printf(out, "\"%s\":[", key);
    for (int i = 0; i < n; i++)
        atl_text_printf(out, "%s%.9g", i ? "," : "",
                        (double)values[i]); /* 9 digits give back the same float */
    atl_text_puts(out, "],");
}

atl_status atl_schedule_probe(const char *model, const char *sampler_name, int n_steps, double strength,
                              atl_text *out, atl_note *note)
{
    atl_weights *weights = NULL;
    atl_sampler *sampler = NULL;
    atl_status st = atl_weights_open(model, "", &weights, note);
    if (st != ATL_OK)
        return st;
    const atl_sampler_options options = {
        .name = sampler_name, .n_steps = n_steps, .strength = (float)strength};
    st = atl_sampler_open(&atl_weights_config(weights)->scheduler, &options, &sampler, note);
    if (st == ATL_OK) {
        atl_text_printf(out, "{\"sampler\":\"%s\",\"display_name\":\"%s\",", atl_sampler_name(sampler),
                        atl_sampler_display_name(sampler));
        append_array(out, "timesteps", atl_sampler_timesteps(sampler), atl_sampler_n_timesteps(sampler));
        append_array(out, "sigmas", atl_sampler_sigmas(sampler), atl_sampler_n_sigmas(sampler));
        atl_text_printf(out, "\"begin\":%d,\"init_noise_sigma\":%.9g}", atl_sampler_begin(sampler),
                        (double)atl_sampler_init_noise_sigma(sampler));
    }
    atl_sampler_close(&sampler);
    atl_weights_close(&weights);
    return st;
}
