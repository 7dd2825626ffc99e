/* sweep.c - see sweep.h. */
#include "sweep.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "image/infotext.h"

static const char names[] = "seed, steps, cfg_scale, width, height, sampler, clip_skip, strength, "
                            "guidance_from, guidance_until, deep_cache, merge_tokens, prompt or "
                            "negative_prompt";

static atl_status add_value(atl_sweep *sweep, const char *value, size_t n, atl_note *note)
{
    if (sweep->n == ATL_SWEEP_MAX_VALUES)
        return atl_fail(note, ATL_USAGE, "over %d values", ATL_SWEEP_MAX_VALUES);
    char **values = realloc(sweep->values, (sweep->n + 1) * sizeof *values);
    char *copy = values ? strndup(value, n) : NULL;
    if (values)
        sweep->values = values;
    if (!copy)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for its values");
    sweep->values[sweep->n++] = copy;
    return ATL_OK;
}

/* A range's ends and step, in the order in which they are written. */
typedef struct range {
    double first, last, step;
    int n; /* of values, where that was said instead of a step; else 0 */
} range;

static const char *take_number(const char *at, double *ret)
{
    char *end;
    while (isspace((unsigned char)*at))
        at++;
    if (!isdigit((unsigned char)*at) && *at != '.')
        return NULL;
    *ret = strtod(at, &end);
    while (isspace((unsigned char)*end))
        end++;
    return end == at || !isfinite(*ret) ? NULL : end;
}

static bool read_range(const char *text, range *ret)
{
    double n = 0;
    *ret = (range){0};
    const char *at = take_number(text, &ret->first);
    if (!at || *at != '-')
        return false;
    at = take_number(at + 1, &ret->last);
    if (!at)
        return false;
    ret->step = ret->last < ret->first ? -1 : 1;
    const char open = *at;
    if (open == '\0')
        return true;
    if (open == '(' && (at[1] == '+' || at[1] == '-')) {
        const double sign = at[1] == '-' ? -1 : 1;
        at = take_number(at + 2, &ret->step);
        ret->step *= sign;
        return at && strcmp(at, ")") == 0;
    }
    at = open == '[' ? take_number(at + 1, &n) : NULL;
    ret->n = n >= 1 && n <= ATL_SWEEP_MAX_VALUES ? (int)n : 0;
    return at && strcmp(at, "]") == 0 && ret->n > 0 && n == ret->n;
}

/* The numbers of a range; whole ones where the field takes whole ones. */
static atl_status add_range(atl_sweep *sweep, const range *r, atl_note *note)
{
    const bool is_whole = sweep->field->kind != ATL_FIELD_REAL;
    if (r->n == 0 && (r->step == 0 || (r->last - r->first) * r->step < 0))
        return atl_fail(note, ATL_USAGE, "found steps of %g from %g to %g; wanted steps that get there",
                        r->step, r->first, r->last);
    if (is_whole && r->first > 0x1p53)
        return atl_fail(note, ATL_USAGE, "found a range from %g; wanted ends below 2^53", r->first);
    const double n = r->n ? r->n : floor((r->last - r->first) / r->step + 1e-9) + 1;
    if (!(n <= ATL_SWEEP_MAX_VALUES))
        return atl_fail(note, ATL_USAGE, "over %d values", ATL_SWEEP_MAX_VALUES);
    for (int i = 0; i < (int)n; i++) {
        double value = r->first + i * r->step;
        if (r->n)
            value = r->n == 1 ? r->first : r->first + (r->last - r->first) * i / (r->n - 1);
        atl_text words = {0};
        if (is_whole)
            atl_text_printf(&words, "%.0f", r->n ? floor(value) : value);
        else
            atl_infotext_put_number(round(value * 1e9) / 1e9, &words);
        const atl_status st = words.failed ? atl_fail(note, ATL_NO_MEMORY, "no memory for its values")
                                           : add_value(sweep, words.data, words.length, note);
        atl_text_done(&words);
        if (st != ATL_OK)
            return st;
    }
    return ATL_OK;
}

/* One value of a list, up to its comma; in quotes, doubled ones stand for themselves. */
static atl_status take_item(const char **at, atl_text *item, atl_note *note)
{
    item->length = 0;
    atl_text_puts(item, "");
    while (isspace((unsigned char)**at))
        (*at)++;
    if (**at != '"') {
        size_t n = strcspn(*at, ",");
        const size_t used = n;
        while (n > 0 && isspace((unsigned char)(*at)[n - 1]))
            n--;
        atl_text_append(item, *at, n);
        *at += used;
        return ATL_OK;
    }
    for ((*at)++; **at && (**at != '"' || (*at)[1] == '"'); (*at)++) {
        *at += **at == '"';
        atl_text_putc(item, **at);
    }
    if (**at != '"')
        return atl_fail(note, ATL_USAGE, "found \" without its end; wanted another \"");
    *at += 1 + strspn(*at + 1, " ");
    if (**at != ',' && **at != '\0')
        return atl_fail(note, ATL_USAGE, "found \"%.20s\" after a closing quote; wanted a comma", *at);
    return ATL_OK;
}

static atl_status add_values(atl_sweep *sweep, const char *at, atl_note *note)
{
    const bool is_number = sweep->field->kind != ATL_FIELD_TEXT;
    atl_text item = {0};
    atl_status st = ATL_OK;
    for (bool more = true; st == ATL_OK && more;) {
        range r;
        st = take_item(&at, &item, note);
        if (st == ATL_OK && item.failed)
            st = atl_fail(note, ATL_NO_MEMORY, "no memory for its values");
        if (st != ATL_OK)
            break;
        if (is_number && read_range(item.data, &r))
            st = add_range(sweep, &r, note);
        else
            st = add_value(sweep, item.data, item.length, note);
        more = *at == ',';
        at += more;
    }
    atl_text_done(&item);
    return st;
}

static const atl_field *field_of(const char *name, size_t n)
{
    static const char *const known[][2] = {{"seed", "seed"},
                                           {"steps", "steps"},
                                           {"cfg_scale", "cfg_scale"},
                                           {"width", "width"},
                                           {"height", "height"},
                                           {"sampler", "sampler_name"},
                                           {"clip_skip", "clip_skip"},
                                           {"strength", "strength"},
                                           {"guidance_from", "guidance_from"},
                                           {"guidance_until", "guidance_until"},
                                           {"deep_cache", "deep_cache"},
                                           {"merge_tokens", "merge_tokens"},
                                           {"sampler_name", "sampler_name"},
                                           {"prompt", "prompt"},
                                           {"negative_prompt", "negative_prompt"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i][0]) == n && memcmp(known[i][0], name, n) == 0)
            return atl_field_find(known[i][1]);
    return NULL;
}

/* Every value on a draft of its own, so that a bad one is told before anything starts. */
static atl_status try_values(const atl_sweep *sweep, atl_note *note)
{
    const atl_job none = {0};
    atl_draft draft;
    atl_status st = atl_draft_init(&none, &draft, note);
    if (st != ATL_OK)
        return st;
    for (size_t i = 0; st == ATL_OK && i < sweep->n; i++)
        st = atl_draft_set(&draft, sweep->field, sweep->values[i], note);
    atl_draft_done(&draft);
    return st == ATL_BAD_INPUT ? ATL_USAGE : st;
}

static atl_status parse_one(const char *text, atl_sweep *sweep, atl_note *note)
{
    const char *equals = strchr(text, '=');
    if (!equals)
        return atl_fail(note, ATL_USAGE, "found no =; wanted a name and values, such as cfg_scale=3,5,7");
    sweep->field = field_of(text, (size_t)(equals - text));
    if (!sweep->field)
        return atl_fail(note, ATL_USAGE, "found \"%.*s\"; wanted %s", (int)(equals - text), text, names);
    sweep->replaces = strcmp(sweep->field->name, "prompt") == 0;
    atl_status st = add_values(sweep, equals + 1, note);
    if (st == ATL_OK)
        st = try_values(sweep, note);
    if (st == ATL_OK && sweep->replaces && sweep->values[0][0] == '\0')
        st = atl_fail(note, ATL_USAGE,
                      "found an empty text to look for; wanted the words that others replace");
    return st;
}

atl_status atl_sweeps_parse(const char *const *texts, size_t n, atl_sweeps *ret, atl_note *note)
{
    atl_sweeps sweeps = {.n_points = 1};
    sweeps.each = calloc(n ? n : 1, sizeof *sweeps.each);
    atl_status st = sweeps.each ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "no memory for sweeps");
    for (size_t i = 0; st == ATL_OK && i < n; i++) {
        sweeps.n++;
        st = parse_one(texts[i], &sweeps.each[i], note);
        for (size_t k = 0; st == ATL_OK && k < i; k++)
            if (sweeps.each[k].field == sweeps.each[i].field && !sweeps.each[i].replaces)
                st = atl_fail(note, ATL_USAGE, "found a second sweep of %s", sweeps.each[i].field->name);
        sweeps.n_points *= sweeps.each[i].n;
        if (st == ATL_OK && sweeps.n_points > ATL_SWEEP_MAX_POINTS)
            st = atl_fail(note, ATL_USAGE, "the product of the sweeps has over %d points",
                          ATL_SWEEP_MAX_POINTS);
        if (st != ATL_OK)
            atl_note_prefix(note, "--sweep %.200s", texts[i]);
    }
    if (st == ATL_OK)
        *ret = sweeps;
    else
        atl_sweeps_done(&sweeps);
    return st;
}

void atl_sweeps_done(atl_sweeps *sweeps)
{
    for (size_t i = 0; i < sweeps->n; i++) {
        for (size_t k = 0; k < sweeps->each[i].n; k++)
            free(sweeps->each[i].values[k]);
        free(sweeps->each[i].values);
    }
    free(sweeps->each);
    *sweeps = (atl_sweeps){0};
}

/* `text` with every `from` as `to`, in a new string; NULL: no memory. */
static char *replaced(const char *text, const char *from, const char *to)
{
    atl_text out = {0};
    const size_t n = strlen(from);
    for (const char *found; (found = strstr(text, from)) != NULL; text = found + n) {
        atl_text_append(&out, text, (size_t)(found - text));
        atl_text_puts(&out, to);
    }
    atl_text_puts(&out, text);
    if (out.failed)
        atl_text_done(&out);
    return out.data;
}

static atl_status replace_in(char **slot, const char *from, const char *to, atl_note *note)
{
    char *text = replaced(*slot, from, to);
    if (!text)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a prompt");
    free(*slot);
    *slot = text;
    if (strlen(text) > ATL_MAX_PROMPT_BYTES)
        return atl_fail(note, ATL_BAD_INPUT, "--sweep prompt: makes a prompt of over %u bytes",
                        ATL_MAX_PROMPT_BYTES);
    return ATL_OK;
}

static atl_status replace(const char *from, const char *to, atl_draft *draft, atl_note *note)
{
    if (!strstr(draft->job.prompt, from) && !strstr(draft->job.negative_prompt, from))
        return atl_fail(note, ATL_BAD_INPUT,
                        "--sweep prompt: found no \"%.100s\" in the prompt; wanted it there", from);
    const atl_status st = replace_in(&draft->job.prompt, from, to, note);
    return st == ATL_OK ? replace_in(&draft->job.negative_prompt, from, to, note) : st;
}

atl_status atl_sweeps_apply(const atl_sweeps *sweeps, uint64_t i, atl_draft *draft, atl_note *note)
{
    uint64_t rest = sweeps->n_points;
    for (size_t k = 0; k < sweeps->n; k++) {
        const atl_sweep *sweep = &sweeps->each[k];
        rest /= sweep->n;
        const char *value = sweep->values[i / rest % sweep->n];
        const atl_status st = sweep->replaces ? replace(sweep->values[0], value, draft, note)
                                              : atl_draft_set(draft, sweep->field, value, note);
        if (st != ATL_OK)
            return st;
    }
    return ATL_OK;
}
