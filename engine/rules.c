/* rules.c - what can be said of a request before a model is loaded: a batch of thousands is checked whole
 * before anything starts.
 *
 * The same code settles a request here and when it is painted (settle.c), over an engine that has configs and
 * nothing else. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "text/grammar.h"
#include "text/prompt.h"

struct atl_rules {
    struct atl_engine engine; /* of which only weights and config are there */
    /* The sampler that was checked last: in a batch it is nearly always the same. */
    char sampler[64];
    int n_steps;
    double strength;
    bool any;
};

atl_status atl_rules_open(const char *model, const char *variant, const char *lora_dir, atl_rules **ret_rules,
                          atl_note *note)
{
    atl_rules *rules = calloc(1, sizeof *rules);
    if (!rules)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a model's rules");
    atl_status st = atl_weights_open(model, variant ? variant : "", &rules->engine.weights, note);
    if (st == ATL_OK) {
        rules->engine.config = atl_weights_config(rules->engine.weights);
        st = atl_model_config_check(rules->engine.config, note);
    }
    if (st == ATL_OK)
        st = atl_lora_shelf_init(&rules->engine.loras, lora_dir, NULL, model, note);
    if (st != ATL_OK) {
        atl_rules_close(&rules);
        return st;
    }
    *ret_rules = rules;
    return ATL_OK;
}

void atl_rules_close(atl_rules **rules)
{
    if (*rules) {
        atl_lora_shelf_done(&(*rules)->engine.loras);
        atl_weights_close(&(*rules)->engine.weights);
    }
    free(*rules);
    *rules = NULL;
}

static atl_status check_sampler(atl_rules *rules, const char *name, int n_steps, double strength,
                                atl_note *note)
{
    if (rules->any && rules->n_steps == n_steps && rules->strength == strength &&
        strcmp(rules->sampler, name) == 0)
        return ATL_OK;
    const atl_sampler_options options = {.name = name, .n_steps = n_steps, .strength = (float)strength};
    atl_sampler *sampler = NULL;
    const atl_status st = atl_sampler_open(&rules->engine.config->scheduler, &options, &sampler, note);
    if (st != ATL_OK)
        return st;
    atl_sampler_close(&sampler);
    snprintf(rules->sampler, sizeof rules->sampler, "%s", name);
    rules->n_steps = n_steps;
    rules->strength = strength;
    rules->any = strlen(name) < sizeof rules->sampler;
    return ATL_OK;
}

static atl_status check_words(const char *what, const char *prompt, atl_note *note)
{
    const atl_status st = prompt ? atl_prompt_check(prompt, strlen(prompt), note) : ATL_OK;
    if (st != ATL_OK)
        atl_note_prefix(note, "%s", what);
    return st;
}

/* What it asks for beside the model, and the words that are left. */
static atl_status check_prompt(atl_rules *rules, const char *prompt, atl_note *note)
{
    atl_networks networks;
    atl_status st = atl_prompt_check_bytes(prompt, strlen(prompt), note);
    if (st != ATL_OK)
        goto fail;
    st = atl_networks_parse(prompt, strlen(prompt), &networks, note);
    if (st != ATL_OK)
        goto fail;
    st = atl_lora_shelf_check(&rules->engine, &networks, note);
    const atl_status words = st == ATL_OK ? check_words("prompt", networks.prompt, note) : st;
    atl_networks_done(&networks);
    return words;
fail:
    atl_note_prefix(note, "prompt");
    return st;
}

atl_status atl_rules_check(atl_rules *rules, const atl_request *request, bool has_init_image, atl_note *note)
{
    const atl_model_config *config = rules->engine.config;
    atl_job_state job = {.engine = &rules->engine, .request = request};
    atl_status st = atl_job_settle(&job, note);
    const atl_settings *s = &job.painting.settings;
    if (st == ATL_OK && has_init_image && !(s->strength > 0.0 && s->strength <= 1.0))
        st =
            atl_fail(note, ATL_USAGE, "strength: found %g, wanted a number above 0 and up to 1", s->strength);
    if (st == ATL_OK)
        st = check_sampler(
            rules, request->sampler && request->sampler[0] ? request->sampler : config->default_sampler,
            s->n_steps, has_init_image ? s->strength : 1.0, note);
    if (st == ATL_OK)
        st = check_prompt(rules, request->prompt ? request->prompt : "", note);
    if (st == ATL_OK)
        st = check_words("negative prompt", request->negative_prompt, note);
    return st;
}

const char *atl_rules_policy_auto(const atl_rules *rules)
{
    return atl_engine_policy_auto(rules->engine.config->unet.block_out_channels[0]);
}

void atl_rules_networks(const atl_rules *rules, atl_text *out)
{
    atl_lora_shelf_list(&rules->engine.loras, NULL, out);
}

size_t atl_rules_network_bytes(const atl_rules *rules)
{
    return atl_lora_shelf_bytes(&rules->engine.loras);
}
