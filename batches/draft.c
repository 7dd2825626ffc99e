/* draft.c - see draft.h. */
#include "draft.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/sizes.h"
#include "base/utf8.h"

#define MAX_STEPS     10000
#define MAX_SIDE_PX   8192
#define MAX_CLIP_SKIP 64 /* the model says how many it has */
#define MAX_GUIDANCE  1000
#define MAX_SAMPLER   64
#define FOUND_BYTES   60 /* of a value that a message shows */

#define AT(member) offsetof(atl_draft, member)

_Static_assert(AT(job) == 0, "unset takes what lies in the job for a setting");

/* Sources: AUTOMATIC1111/stable-diffusion-webui, scripts/prompts_from_file.py; from `id` on, ours. */
static const atl_field fields[] = {
    {"prompt", ATL_FIELD_TEXT, AT(job.prompt), 0, 0, NULL},
    {"negative_prompt", ATL_FIELD_TEXT, AT(job.negative_prompt), 0, 0, NULL},
    {"seed", ATL_FIELD_SEED, AT(job.seed), 0, 0, NULL},
    {"steps", ATL_FIELD_WHOLE, AT(job.n_steps), 1, MAX_STEPS, NULL},
    {"cfg_scale", ATL_FIELD_REAL, AT(job.guidance_scale), 0, MAX_GUIDANCE, NULL},
    {"width", ATL_FIELD_WHOLE, AT(job.width), 1, MAX_SIDE_PX, NULL},
    {"height", ATL_FIELD_WHOLE, AT(job.height), 1, MAX_SIDE_PX, NULL},
    {"sampler_name", ATL_FIELD_TEXT, AT(job.sampler), 0, 0, NULL},
    {"batch_size", ATL_FIELD_WHOLE, AT(batch_size), 1, ATL_BATCH_MAX_REPEATS, NULL},
    {"n_iter", ATL_FIELD_WHOLE, AT(n_iter), 1, ATL_BATCH_MAX_REPEATS, NULL},
    {"sampler_index", ATL_FIELD_REFUSED, 0, 0, 0, ""},
    {"styles", ATL_FIELD_REFUSED, 0, 0, 0, ""},
    {"subseed", ATL_FIELD_REFUSED, 0, 0, 0, "-1"},
    {"subseed_strength", ATL_FIELD_REFUSED, 0, 0, 0, "0|0.0"},
    {"seed_resize_from_h", ATL_FIELD_REFUSED, 0, 0, 0, "0|-1"},
    {"seed_resize_from_w", ATL_FIELD_REFUSED, 0, 0, 0, "0|-1"},
    {"sd_model", ATL_FIELD_REFUSED, 0, 0, 0, ""},
    {"outpath_samples", ATL_FIELD_REFUSED, 0, 0, 0, ""},
    {"outpath_grids", ATL_FIELD_REFUSED, 0, 0, 0, ""},
    {"prompt_for_display", ATL_FIELD_REFUSED, 0, 0, 0, ""},
    {"restore_faces", ATL_FIELD_REFUSED, 0, 0, 0, "false"},
    {"tiling", ATL_FIELD_REFUSED, 0, 0, 0, "false"},
    {"do_not_save_samples", ATL_FIELD_REFUSED, 0, 0, 0, "false"},
    {"do_not_save_grid", ATL_FIELD_REFUSED, 0, 0, 0, "true"},
    {"id", ATL_FIELD_TEXT, AT(id), 0, 0, NULL},
    {"name", ATL_FIELD_TEXT, AT(name), 0, 0, NULL},
    {"clip_skip", ATL_FIELD_WHOLE, AT(job.clip_skip), 1, MAX_CLIP_SKIP, NULL},
    {"init_image", ATL_FIELD_TEXT, AT(job.init_image), 0, 0, NULL},
    {"strength", ATL_FIELD_REAL, AT(job.strength), 0, 1, NULL},
    {"guidance_from", ATL_FIELD_REAL, AT(job.guidance_from), 0, 1, NULL},
    {"guidance_until", ATL_FIELD_REAL, AT(job.guidance_until), 0, 1, NULL},
    {"merge_tokens", ATL_FIELD_REAL, AT(job.merge_tokens), 0, 0.75, NULL},
    {"deep_cache", ATL_FIELD_WHOLE, AT(job.deep_cache), 1, MAX_STEPS, NULL},
    {"rng", ATL_FIELD_RNG, AT(job.noise), 0, 0, NULL},
    {"literal", ATL_FIELD_BOOL, AT(literal), 0, 0, NULL},
    {"repeat", ATL_FIELD_WHOLE, AT(job.repeat), 0, INT32_MAX, NULL},
};

const atl_field *atl_field_find(const char *name)
{
    for (size_t i = 0; i < ATL_COUNT(fields); i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

const char *atl_field_nearest(const char *name)
{
    const char *names[ATL_COUNT(fields)];
    for (size_t i = 0; i < ATL_COUNT(fields); i++)
        names[i] = fields[i].name;
    return atl_nearest_name(name, names, ATL_COUNT(fields));
}

static bool duplicate(const char *from, char **ret)
{
    *ret = from ? strdup(from) : NULL;
    return !from || *ret;
}

atl_status atl_draft_copy(const atl_draft *from, atl_draft *ret, atl_note *note)
{
    atl_draft copy = *from;
    copy.id = copy.name = NULL;
    if (atl_job_copy(&from->job, &copy.job) != ATL_OK)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a job");
    if (!duplicate(from->id, &copy.id) || !duplicate(from->name, &copy.name)) {
        atl_draft_done(&copy);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a job");
    }
    *ret = copy;
    return ATL_OK;
}

atl_status atl_draft_init(const atl_job *defaults, atl_draft *ret, atl_note *note)
{
    const atl_draft draft = {
        .job = *defaults, .n_iter = 1, .batch_size = 1, .has_prompt = defaults->prompt != NULL};
    return atl_draft_copy(&draft, ret, note);
}

void atl_draft_done(atl_draft *draft)
{
    atl_job_done(&draft->job);
    free(draft->id);
    free(draft->name);
    *draft = (atl_draft){0};
}

static atl_status wanted(atl_note *note, const atl_field *field, const char *value, const char *what)
{
    const size_t n = strlen(value);
    size_t shown = n < FOUND_BYTES ? n : FOUND_BYTES;
    while (shown < n && shown > 0 && ((unsigned char)value[shown] & 0xC0) == 0x80)
        shown--;
    return atl_fail(note, ATL_BAD_INPUT, "%s: found \"%.*s%s\"; wanted %s", field->name, (int)shown, value,
                    shown < n ? "…" : "", what);
}

static const char *skip_space(const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

/* Decimal digits with an optional plus, as Python's int() reads them; white space around is let be. */
static bool read_whole(const char *text, uint64_t *ret)
{
    text = skip_space(text);
    text += *text == '+';
    if (!isdigit((unsigned char)*text))
        return false;
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    *ret = value;
    return errno == 0 && *skip_space(end) == '\0';
}

static bool read_real(const char *text, double *ret)
{
    text = skip_space(text);
    if (strspn(text, "0123456789+-.eE") == 0)
        return false;
    char *end;
    *ret = strtod(text, &end);
    return end != text && *skip_space(end) == '\0' && isfinite(*ret) &&
           strspn(text, "0123456789+-.eE") == (size_t)(end - text);
}

static atl_status set_text(atl_draft *draft, const atl_field *field, const char *value, atl_note *note)
{
    const size_t n = strlen(value);
    const bool is_name = field->offset == AT(id) || field->offset == AT(name);
    if (field->offset == AT(job.sampler) && n > MAX_SAMPLER)
        return wanted(note, field, value, "a sampler's name of 64 bytes at most");
    if (n > ATL_MAX_PROMPT_BYTES)
        return atl_fail(note, ATL_BAD_INPUT, "%s: found %zu bytes; wanted at most %u", field->name, n,
                        ATL_MAX_PROMPT_BYTES);
    if (is_name) {
        const atl_status st = atl_name_check(value, note);
        if (st != ATL_OK) {
            atl_note_prefix(note, "%s", field->name);
            return st;
        }
    }
    char *copy = strdup(value);
    if (!copy)
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory for it", field->name);
    char **slot = (char **)(void *)((char *)draft + field->offset);
    free(*slot);
    *slot = copy;
    if (field->offset == AT(job.init_image))
        draft->own_init_image = true;
    if (field->offset == AT(job.prompt))
        draft->has_prompt = true;
    return ATL_OK;
}

static atl_status set_whole(atl_draft *draft, const atl_field *field, const char *value, atl_note *note)
{
    uint64_t number;
    char what[64];
    snprintf(what, sizeof what, "a whole number from %.0f to %.0f", field->least, field->most);
    if (!read_whole(value, &number) || number < (uint64_t)field->least || number > (uint64_t)field->most)
        return wanted(note, field, value, what);
    *(int *)(void *)((char *)draft + field->offset) = (int)number;
    return ATL_OK;
}

static atl_status set_real(atl_draft *draft, const atl_field *field, const char *value, atl_note *note)
{
    double number;
    char what[64];
    snprintf(what, sizeof what, "a number from %g to %g", field->least, field->most);
    if (!read_real(value, &number) || number < field->least || number > field->most)
        return wanted(note, field, value, what);
    *(double *)(void *)((char *)draft + field->offset) = number;
    return ATL_OK;
}

/* -1 is AUTOMATIC1111's "any": a line that says no seed. */
static atl_status set_seed(atl_draft *draft, const atl_field *field, const char *value, atl_note *note)
{
    uint64_t seed = 0;
    const bool any = strcmp(value, "-1") == 0;
    if (!any && !read_whole(value, &seed))
        return wanted(note, field, value, "a whole number from 0 to 18446744073709551615, or -1 for none");
    draft->has_seed = !any;
    draft->job.seed = seed;
    return ATL_OK;
}

static atl_status set_bool(atl_draft *draft, const atl_field *field, const char *value, atl_note *note)
{
    const bool is = strcmp(value, "true") == 0;
    if (!is && strcmp(value, "false") != 0)
        return wanted(note, field, value, "true or false");
    *(bool *)((char *)draft + field->offset) = is;
    return ATL_OK;
}

static atl_status set_rng(atl_draft *draft, const atl_field *field, const char *value, atl_note *note)
{
    const bool cuda = strcmp(value, "cuda") == 0;
    if (!cuda && strcmp(value, "cpu") != 0)
        return wanted(note, field, value, "cpu or cuda");
    draft->job.noise = cuda ? ATL_JOB_NOISE_CUDA : ATL_JOB_NOISE_CPU;
    return ATL_OK;
}

static atl_status refuse(const atl_field *field, const char *value, atl_note *note)
{
    const char *at = field->neutral;
    const size_t n = strlen(value);
    for (;;) {
        const size_t length = strcspn(at, "|");
        if (length == n && memcmp(at, value, n) == 0)
            return ATL_OK;
        if (at[length] == '\0')
            break;
        at += length + 1;
    }
    return atl_fail(note, ATL_UNSUPPORTED, "%s: Atelier cannot honour it%s", field->name,
                    strcmp(field->name, "sd_model") == 0        ? " (a run has one model: --model)"
                    : strcmp(field->name, "sampler_index") == 0 ? " (use sampler_name)"
                                                                : "");
}

atl_status atl_draft_set(atl_draft *draft, const atl_field *field, const char *value, atl_note *note)
{
    switch (field->kind) {
    case ATL_FIELD_TEXT:
        return set_text(draft, field, value, note);
    case ATL_FIELD_WHOLE:
        return set_whole(draft, field, value, note);
    case ATL_FIELD_REAL:
        return set_real(draft, field, value, note);
    case ATL_FIELD_SEED:
        return set_seed(draft, field, value, note);
    case ATL_FIELD_BOOL:
        return set_bool(draft, field, value, note);
    case ATL_FIELD_RNG:
        return set_rng(draft, field, value, note);
    case ATL_FIELD_REFUSED:
        break;
    }
    return refuse(field, value, note);
}

atl_status atl_draft_unset(atl_draft *draft, const atl_field *field, atl_note *note)
{
    void *slot = (char *)draft + field->offset;
    if (field->kind == ATL_FIELD_WHOLE && field->offset < sizeof(atl_job))
        *(int *)slot = 0;
    else if (field->kind == ATL_FIELD_REAL)
        *(double *)slot = field->offset == AT(job.guidance_scale) ? (double)NAN : 0;
    else if (field->offset == AT(job.sampler) || field->offset == AT(job.init_image))
        return set_text(draft, field, "", note);
    else
        return atl_fail(note, ATL_BAD_INPUT, "%s: found null; wanted a value", field->name);
    return ATL_OK;
}

atl_status atl_name_check(const char *name, atl_note *note)
{
    const size_t n = strlen(name);
    if (n == 0)
        return atl_fail(note, ATL_BAD_INPUT, "found an empty name; wanted 1 to %d bytes",
                        ATL_BATCH_MAX_NAME_BYTES);
    if (n > ATL_BATCH_MAX_NAME_BYTES)
        return atl_fail(note, ATL_BAD_INPUT, "found a name of %zu bytes; wanted at most %d", n,
                        ATL_BATCH_MAX_NAME_BYTES);
    if (name[0] == '.')
        return atl_fail(note, ATL_BAD_INPUT, "found \"%s\"; wanted a name that begins with no dot", name);
    for (size_t at = 0; at < n;) {
        uint32_t code = 0;
        const size_t length = atl_utf8_next(name + at, n - at, &code);
        if (length == 0)
            return atl_fail(note, ATL_BAD_INPUT, "found a name that is not UTF-8");
        if (code == '/' || code == '\\')
            return atl_fail(note, ATL_BAD_INPUT, "found \"%s\"; wanted a name without %c", name, (int)code);
        if (code < 0x20 || (code >= 0x7F && code < 0xA0))
            return atl_fail(note, ATL_BAD_INPUT, "found the control character U+%04X in a name",
                            (unsigned)code);
        at += length;
    }
    if (strstr(name, ".."))
        return atl_fail(note, ATL_BAD_INPUT, "found \"%s\"; wanted a name without ..", name);
    return ATL_OK;
}
