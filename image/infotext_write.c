/* infotext_write.c - settings to the `parameters` text; see infotext.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/infotext.h"

/* A JSON string as Python's json.dumps(…, ensure_ascii=False) writes it: that is what the readers undo. */
static void put_json_string(const char *s, atl_text *out)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    atl_text_putc(out, '"');
    for (; *s; s++) {
        const char *at = strchr(escaped, *s);
        if (at) {
            atl_text_putc(out, '\\');
            atl_text_putc(out, letter[at - escaped]);
        } else if ((unsigned char)*s < 0x20) {
            atl_text_printf(out, "\\u%04x", (unsigned)*s);
        } else {
            atl_text_putc(out, *s);
        }
    }
    atl_text_putc(out, '"');
}

static void put_key(const char *key, atl_text *out, bool *first)
{
    atl_text_printf(out, "%s%s: ", *first ? "" : ", ", key);
    *first = false;
}

static void put_string(const char *key, const char *value, atl_text *out, bool *first)
{
    if (!value || !*value)
        return;
    put_key(key, out, first);
    if (strpbrk(value, ",:\n"))
        put_json_string(value, out);
    else
        atl_text_puts(out, value);
}

static void put_number(const char *key, double value, atl_text *out, bool *first)
{
    if (isnan(value))
        return;
    put_key(key, out, first);
    atl_infotext_put_number(value, out);
}

void atl_infotext_put_number(double number, atl_text *out)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) { /* %g drops trailing zeros by itself */
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    atl_text_puts(out, text);
}

/* The text is stripped as a whole, as Python's str.strip does. */
static void put_prompt(const char *prompt, atl_text *out)
{
    while (*prompt && strchr(" \t\n\r\f\v", *prompt))
        prompt++;
    atl_text_puts(out, prompt);
}

void atl_infotext_write(const atl_infotext_settings *s, atl_text *out)
{
    const bool has_prompt = s->prompt && *s->prompt, has_negative = s->negative_prompt && *s->negative_prompt;
    const size_t begin = out->length;
    if (has_prompt)
        put_prompt(s->prompt, out);
    if (has_negative)
        atl_text_printf(out, "%sNegative prompt: %s", out->length > begin ? "\n" : "", s->negative_prompt);
    if (out->length > begin)
        atl_text_putc(out, '\n');
    bool first = true;
    put_number("Steps", s->steps, out, &first);
    put_string("Sampler", s->sampler, out, &first);
    put_string("Schedule type", s->schedule_type, out, &first);
    put_number("CFG scale", s->cfg_scale, out, &first);
    put_key("Seed", out, &first);
    atl_text_printf(out, "%llu", (unsigned long long)s->seed);
    put_key("Size", out, &first);
    atl_text_printf(out, "%dx%d", s->width, s->height);
    put_string("Model hash", s->model_hash, out, &first);
    put_string("Model", s->model, out, &first);
    put_number("Denoising strength", s->denoising_strength, out, &first);
    if (s->clip_skip > 1)
        put_number("Clip skip", s->clip_skip, out, &first);
    if (s->guidance_from > 0)
        put_number("Guidance from", s->guidance_from, out, &first);
    if (s->guidance_until > 0 && s->guidance_until < 1)
        put_number("Guidance until", s->guidance_until, out, &first);
    if (s->deep_cache > 1)
        put_number("Deep cache", s->deep_cache, out, &first);
    if (s->merge_tokens > 0)
        put_number("Token merging ratio", s->merge_tokens, out, &first);
    put_string("RNG", s->rng, out, &first);
    put_string("Lora hashes", s->lora_hashes, out, &first);
    put_string("Version", s->version, out, &first);
}
