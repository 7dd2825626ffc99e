/* infotext.c - a picture, or a sidecar text, gives its own prompt and settings back.
 *
 * The prompt is taken as it stands: it was expanded when the picture was made. Settings that Atelier does not
 * have (high-resolution passes, face restoration, …) are told of in a warning; those that only describe
 * (model, version, hashes) are passed over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "image/infotext.h"
#include "image/png_file.h"
#include "reader.h"

static const struct {
    const char *key, *field;
} settings[] = {
    {"Steps", "steps"},
    {"CFG scale", "cfg_scale"},
    {"Seed", "seed"},
    {"Clip skip", "clip_skip"},
    {"Guidance from", "guidance_from"},
    {"Guidance until", "guidance_until"},
    {"Deep cache", "deep_cache"},
    {"Token merging ratio", "merge_tokens"},
};

/* What describes and decides nothing that a job could say. */
static const char *const silent[] = {
    "Sampler",    "Schedule type", "Size",      "RNG",      "Denoising strength",
    "Model",      "Model hash",    "VAE",       "VAE hash", "Version",
    "Hashes",     "Lora hashes",   "TI hashes", "Emphasis", "Pad conds",
    "Batch size", "Batch pos",     "Size-1",    "Size-2"};

static bool is_known(const char *key)
{
    for (size_t i = 0; i < ATL_COUNT(settings); i++)
        if (strcmp(settings[i].key, key) == 0)
            return true;
    for (size_t i = 0; i < ATL_COUNT(silent); i++)
        if (strcmp(silent[i], key) == 0)
            return true;
    return false;
}

static atl_status set(const atl_reader *reader, atl_draft *draft, const char *field, const char *value,
                      atl_note *note)
{
    return atl_take_field(reader, draft, atl_field_find(field), value, 1, note);
}

static atl_status take_size(const atl_reader *reader, atl_draft *draft, const char *size, atl_note *note)
{
    const char *x = strchr(size, 'x');
    char width[16];
    if (!x || (size_t)(x - size) >= sizeof width)
        return atl_place(
            reader, 1, 1,
            atl_fail(note, ATL_BAD_INPUT, "Size: found \"%.40s\"; wanted one such as 512x768", size), note);
    memcpy(width, size, (size_t)(x - size));
    width[x - size] = '\0';
    const atl_status st = set(reader, draft, "width", width, note);
    return st == ATL_OK ? set(reader, draft, "height", x + 1, note) : st;
}

/* Older texts hold the schedule in the sampler's name, newer ones beside it; a job has one name for both. */
static atl_status take_sampler(const atl_reader *reader, atl_draft *draft, const atl_infotext *info,
                               atl_note *note)
{
    const char *sampler = atl_infotext_get(info, "Sampler"), *type = atl_infotext_get(info, "Schedule type");
    if (!sampler)
        return ATL_OK;
    char whole[160];
    const bool add = type && strcmp(type, "Automatic") != 0 && !strstr(sampler, type);
    snprintf(whole, sizeof whole, "%s%s%s", sampler, add ? " " : "", add ? type : "");
    return set(reader, draft, "sampler_name", whole, note);
}

static atl_status take_rng(const atl_reader *reader, atl_draft *draft, const char *rng, atl_note *note)
{
    if (strcmp(rng, "CPU") == 0)
        return set(reader, draft, "rng", "cpu", note);
    if (strcmp(rng, "NV") == 0 || strcmp(rng, "GPU") == 0)
        return set(reader, draft, "rng", "cuda", note);
    return atl_place(reader, 1, 1,
                     atl_fail(note, ATL_UNSUPPORTED, "RNG: found \"%.40s\"; wanted CPU, NV or GPU", rng),
                     note);
}

static atl_status take_settings(const atl_reader *reader, atl_draft *draft, const atl_infotext *info,
                                atl_note *note)
{
    atl_status st = ATL_OK;
    for (size_t i = 0; st == ATL_OK && i < ATL_COUNT(settings); i++) {
        const char *value = atl_infotext_get(info, settings[i].key);
        if (value)
            st = set(reader, draft, settings[i].field, value, note);
    }
    const char *size = atl_infotext_get(info, "Size"), *rng = atl_infotext_get(info, "RNG");
    if (st == ATL_OK && size)
        st = take_size(reader, draft, size, note);
    if (st == ATL_OK && rng)
        st = take_rng(reader, draft, rng, note);
    if (st == ATL_OK)
        st = take_sampler(reader, draft, info, note);
    if (atl_infotext_get(info, "Denoising strength"))
        atl_warn(reader, 1, 1,
                 "was made from another picture, which it does not hold: painted from the text alone");
    for (size_t i = 0; i < info->n_pairs; i++)
        if (!is_known(info->pairs[i].key))
            atl_warn(reader, 1, 1, "%.60s: Atelier cannot honour it; painted without it", info->pairs[i].key);
    return st;
}

static atl_status take_text(const atl_reader *reader, const char *text, size_t n, atl_draft *draft,
                            atl_note *note)
{
    atl_infotext *info = NULL;
    draft->line = draft->column = 1;
    atl_status st = atl_infotext_parse(text, n, &info, note);
    if (st != ATL_OK)
        return atl_place(reader, 1, 1, st, note);
    st = set(reader, draft, "prompt", info->prompt, note);
    if (st == ATL_OK)
        st = set(reader, draft, "negative_prompt", info->negative_prompt, note);
    if (st == ATL_OK)
        st = take_settings(reader, draft, info, note);
    draft->literal = true;
    atl_infotext_close(&info);
    return st;
}

static atl_status take_png(const atl_reader *reader, const char *bytes, size_t n, atl_draft *draft,
                           atl_note *note)
{
    atl_png_file *file = NULL;
    atl_status st = atl_png_decode(reader->source.name, bytes, n, &file, note);
    if (st != ATL_OK)
        return st;
    const char *text = atl_png_get(file, "parameters");
    st = text ? take_text(reader, text, strlen(text), draft, note)
              : atl_fail(note, ATL_BAD_INPUT,
                         "%s: holds no text \"parameters\"; wanted a picture that was painted",
                         reader->source.name);
    atl_png_close(&file);
    return st;
}

atl_status atl_read_infotext(atl_reader *reader, atl_draft *draft, atl_note *note)
{
    const char *bytes;
    size_t n;
    const atl_status st = atl_source_rest(&reader->source, ATL_PNG_MAX_BYTES, &bytes, &n, note);
    if (st != ATL_OK)
        return st;
    if (atl_png_begins(bytes, n))
        return take_png(reader, bytes, n, draft, note);
    const size_t mark = n >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (memchr(bytes, '\0', n))
        return atl_fail(note, ATL_BAD_INPUT, "%s: found a NUL byte; wanted a PNG or a text",
                        reader->source.name);
    return take_text(reader, bytes + mark, n - mark, draft, note);
}
