/* naming.c - see naming.h. */
#include "naming.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/sizes.h"
#include "base/utf8.h"
#include "source.h"

#define MAX_WORDS 8 /* of [prompt_words], as AUTOMATIC1111 has it */

enum {
    INDEX,
    ID,
    SEED,
    STEPS,
    CFG,
    WIDTH,
    HEIGHT,
    SAMPLER,
    MODEL_NAME,
    MODEL_HASH,
    PROMPT_WORDS,
    DATE,
    N_TOKENS
};
static const char *const token_names[N_TOKENS] = {"index",      "id",         "seed",         "steps",
                                                  "cfg",        "width",      "height",       "sampler",
                                                  "model_name", "model_hash", "prompt_words", "date"};

/* Which token begins at `at` (a bracket), and how long it is; N_TOKENS if none. */
static int token_at(const char *at, size_t *ret_length)
{
    for (int i = 0; i < N_TOKENS; i++) {
        const size_t n = strlen(token_names[i]);
        if (strncmp(at + 1, token_names[i], n) == 0 && at[1 + n] == ']') {
            *ret_length = n + 2;
            return i;
        }
    }
    return N_TOKENS;
}

atl_status atl_naming_check(const char *name_template, atl_note *note)
{
    if (!*name_template)
        return atl_fail(note, ATL_USAGE, "--name: found nothing; wanted a template such as [index]-[seed]");
    if (*name_template == '.' || strstr(name_template, ".."))
        return atl_fail(note, ATL_USAGE, "--name: found \"%s\"; wanted no dot at the beginning and no ..",
                        name_template);
    for (const char *at = name_template; *at;) {
        size_t n = 1;
        if (*at == '/' || *at == '\\' || iscntrl((unsigned char)*at))
            return atl_fail(note, ATL_USAGE,
                            "--name: found %s at character %zu; wanted a name within one folder",
                            *at == '/' || *at == '\\' ? "a separator" : "a control character",
                            atl_column(name_template, (size_t)(at - name_template)));
        if (*at == '[' && token_at(at, &n) == N_TOKENS) {
            const int shown = (int)strcspn(at, "]");
            return atl_fail(
                note, ATL_USAGE,
                "--name: found %.*s]; wanted one of [index] [id] [seed] [steps] [cfg] [width] [height] "
                "[sampler] [model_name] [model_hash] [prompt_words] [date]",
                shown < 40 ? shown : 40, at);
        }
        at += n;
    }
    if (atl_utf8_first_bad(name_template, strlen(name_template)) < strlen(name_template))
        return atl_fail(note, ATL_USAGE, "--name: found what is not UTF-8");
    return ATL_OK;
}

bool atl_naming_is_unique(const char *name_template)
{
    static const char first[] = "[index]";
    const size_t n = sizeof first - 1;
    if (strncmp(name_template, first, n) != 0)
        return false;
    const char next = name_template[n];
    return next != '[' && !isdigit((unsigned char)next);
}

static void put_words(const char *prompt, atl_text *out)
{
    int n_words = 0;
    bool inside = false;
    for (const char *at = prompt; *at; at++) {
        const unsigned char c = (unsigned char)*at;
        const bool is_part = c >= 0x80 || isalnum(c);
        if (is_part && !inside && n_words++ == MAX_WORDS)
            break;
        if (is_part && !inside && n_words > 1)
            atl_text_putc(out, '_');
        inside = is_part;
        if (is_part)
            atl_text_putc(out, (char)c);
    }
}

static void put_count(int n, atl_text *out)
{
    if (n > 0)
        atl_text_printf(out, "%d", n);
    else
        atl_text_puts(out, "auto");
}

static void put_id(const atl_job *job, const atl_draft *draft, atl_text *out)
{
    char hex[2 * ATL_JOB_ID_BYTES + 1];
    atl_job_id_hex(&job->id, hex);
    atl_text_puts(out, draft->id ? draft->id : hex);
}

static void put_index(const atl_job *job, atl_text *out)
{
    atl_text_printf(out, "%0*llu", ATL_INDEX_DIGITS, (unsigned long long)job->index);
}

static void put_token(const atl_naming *naming, int token, const atl_job *job, const atl_draft *draft,
                      atl_text *out)
{
    switch (token) {
    case INDEX:
        put_index(job, out);
        break;
    case ID:
        put_id(job, draft, out);
        break;
    case SEED:
        atl_text_printf(out, "%llu", (unsigned long long)job->seed);
        break;
    case STEPS:
        put_count(job->n_steps, out);
        break;
    case CFG:
        if (isnan(job->guidance_scale))
            atl_text_puts(out, "auto");
        else
            atl_text_printf(out, "%g", job->guidance_scale);
        break;
    case WIDTH:
        put_count(job->width, out);
        break;
    case HEIGHT:
        put_count(job->height, out);
        break;
    case SAMPLER:
        atl_text_puts(out, *job->sampler ? job->sampler : "auto");
        break;
    case MODEL_NAME:
        atl_text_puts(out, naming->model_name);
        break;
    case MODEL_HASH:
        atl_text_puts(out, naming->model_hash);
        break;
    case PROMPT_WORDS:
        put_words(job->prompt, out);
        break;
    default:
        atl_text_puts(out, naming->date);
        break;
    }
}

/* Cuts to `most` bytes without cutting a character. */
static void cut(atl_text *name, size_t most)
{
    if (name->failed || name->length <= most)
        return;
    while (most > 0 && ((unsigned char)name->data[most] & 0xC0) == 0x80)
        most--;
    name->length = most;
    name->data[most] = '\0';
}

/* What a shell, a file system or another machine's file system could take amiss becomes "_". */
static void make_harmless(atl_text *name)
{
    for (size_t i = 0; i < name->length;) {
        uint32_t code = 0;
        const size_t n = atl_utf8_next(name->data + i, name->length - i, &code);
        const bool is_c1 = n == 2 && code < 0xA0;
        const bool bad =
            n == 0 || (n == 1 && (code < 0x20 || code == 0x7F || strchr("/\\:*?\"<>|", (int)code)));
        const bool dots = n == 1 && code == '.' && (i == 0 || name->data[i - 1] == '.');
        if (bad || dots)
            name->data[i] = '_';
        if (is_c1)
            memset(name->data + i, '_', 2);
        i += n ? n : 1;
    }
}

static void fill_template(const atl_naming *naming, const atl_job *job, const atl_draft *draft, atl_text *out)
{
    for (const char *at = naming->name_template; *at;) {
        size_t n = 1;
        const int token = *at == '[' ? token_at(at, &n) : N_TOKENS;
        if (token == N_TOKENS)
            atl_text_putc(out, *at);
        else
            put_token(naming, token, job, draft, out);
        at += n;
    }
}

char *atl_naming_make(const atl_naming *naming, const atl_job *job, const atl_draft *draft, uint64_t nth,
                      bool add_index)
{
    atl_text name = {0}, tail = {0};
    const char *own = draft->name ? draft->name : draft->id;
    const bool by_line = draft->name || (draft->id && !strstr(naming->name_template, "[id]"));
    if (by_line)
        atl_text_puts(&name, own);
    else
        fill_template(naming, job, draft, &name);
    if (by_line && nth > 0)
        atl_text_printf(&tail, "-%llu", (unsigned long long)nth + 1);
    if (add_index) {
        atl_text_putc(&tail, '-');
        put_index(job, &tail);
    }
    make_harmless(&name);
    cut(&name, ATL_BATCH_MAX_NAME_BYTES - tail.length);
    if (name.length == 0 && tail.length == 0)
        put_index(job, &name);
    if (tail.length > 0)
        atl_text_append(&name, tail.data, tail.length);
    const bool failed = name.failed || tail.failed;
    atl_text_done(&tail);
    if (failed)
        atl_text_done(&name);
    return name.data;
}
