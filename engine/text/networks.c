/* networks.c - see networks.h. */
#include "text/networks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"

#define MAX_NUMBER 63  /* bytes of a strength */
#define MAX_QUOTED 200 /* bytes of what a message repeats */

/* One "<kind:…>": what is between the colon and the bracket. */
typedef struct asked {
    const char *begin, *end; /* of the whole, brackets included */
    const char *words, *words_end;
} asked;

/* The first "<kind:…>" in [at, end); false if there is none. One that is not closed is plain text. */
static bool find_asked(const char *at, const char *end, const char *kind, asked *ret)
{
    const char *begin = memmem(at, (size_t)(end - at), kind, strlen(kind));
    if (!begin)
        return false;
    const char *words = begin + strlen(kind), *close = memchr(words, '>', (size_t)(end - words));
    *ret = (asked){.begin = begin, .words = words, .words_end = close};
    if (close)
        ret->end = close + 1;
    return close != NULL;
}

static atl_status refuse(const asked *a, atl_status status, const char *why, atl_note *note)
{
    const ptrdiff_t n = a->end - a->begin;
    return atl_fail(note, status, "the prompt asks for %.*s: %s", n < MAX_QUOTED ? (int)n : MAX_QUOTED,
                    a->begin, why);
}

/* A file's name that cannot leave its directory. */
static bool is_name(const char *name, size_t n)
{
    if (n == 0 || n > ATL_MAX_NETWORK_NAME || name[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F || name[i] == '/' || name[i] == '\\')
            return false;
    return true;
}

static bool read_strength(const char *word, size_t n, double *ret)
{
    char text[MAX_NUMBER + 1], *end;
    if (n == 0 || n > MAX_NUMBER)
        return false;
    memcpy(text, word, n);
    text[n] = '\0';
    *ret = strtod(text, &end);
    return end == text + n && isfinite(*ret) && fabs(*ret) <= ATL_MAX_NETWORK_POWER;
}

/* The next word up to a colon or the end; moves *at behind it, to NULL after the last. */
static size_t take_word(const char **at, const char *end, const char **ret_word)
{
    const char *colon = memchr(*at, ':', (size_t)(end - *at));
    *ret_word = *at;
    const size_t n = (size_t)((colon ? colon : end) - *at);
    *at = colon ? colon + 1 : NULL;
    return n;
}

static atl_status read_asked(const asked *a, atl_network *ret, atl_note *note)
{
    const char *at = a->words, *word;
    size_t n = take_word(&at, a->words_end, &word);
    if (!is_name(word, n))
        return refuse(a, ATL_BAD_INPUT,
                      "wanted <lora:name:strength>, with the name of a file without its folder and ending",
                      note);
    memcpy(ret->name, word, n);
    ret->name[n] = '\0';
    double strength[2] = {1.0, 1.0};
    int n_read = 0;
    for (; at && n_read < 2; n_read++) {
        n = take_word(&at, a->words_end, &word);
        if (!read_strength(word, n, &strength[n_read]))
            return refuse(a, ATL_BAD_INPUT, "a strength is a number from -100 to 100", note);
    }
    if (at)
        return refuse(a, ATL_BAD_INPUT, "wanted at most two strengths, of the text encoder and of the UNet",
                      note);
    ret->text = strength[0];
    ret->unet = n_read == 2 ? strength[1] : strength[0];
    return ATL_OK;
}

static atl_status refuse_other_kinds(const char *prompt, size_t n_bytes, atl_note *note)
{
    static const char *const kinds[] = {"<lyco:", "<hypernet:"};
    asked a;
    for (size_t i = 0; i < ATL_COUNT(kinds); i++)
        if (find_asked(prompt, prompt + n_bytes, kinds[i], &a))
            return refuse(&a, ATL_UNSUPPORTED,
                          "networks of this kind cannot be applied; take it out of the prompt", note);
    return ATL_OK;
}

atl_status atl_networks_parse(const char *prompt, size_t n_bytes, atl_networks *ret, atl_note *note)
{
    const char *at = prompt, *const end = prompt + n_bytes;
    atl_networks networks = {.prompt = malloc(n_bytes + 1)};
    asked a;
    if (!networks.prompt)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a prompt");
    atl_status st = refuse_other_kinds(prompt, n_bytes, note);
    for (; st == ATL_OK && find_asked(at, end, "<lora:", &a); at = a.end) {
        memcpy(networks.prompt + networks.n_bytes, at, (size_t)(a.begin - at));
        networks.n_bytes += (size_t)(a.begin - at);
        if (networks.n == ATL_MAX_NETWORKS)
            st = refuse(&a, ATL_BAD_INPUT, "that is one more than the 16 that a prompt may ask for", note);
        else
            st = read_asked(&a, &networks.at[networks.n++], note);
    }
    if (st != ATL_OK) {
        atl_networks_done(&networks);
        return st;
    }
    memcpy(networks.prompt + networks.n_bytes, at, (size_t)(end - at));
    networks.n_bytes += (size_t)(end - at);
    networks.prompt[networks.n_bytes] = '\0';
    *ret = networks;
    return ATL_OK;
}

void atl_networks_done(atl_networks *networks)
{
    free(networks->prompt);
    *networks = (atl_networks){0};
}
