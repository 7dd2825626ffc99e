/* config_json.c - see config_json.h. */
#include "model/config_json.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/json_load.h"
#include "model/json_depth.h"

#define MAX_JSON_BYTES ((size_t)16 << 20)
#define MAX_DEPTH      64

/* Python writes bare Infinity and -Infinity (diffusers does: "lambda_min_clipped"): both become 1e308 in
 * place, padded to the same length so that lines and columns stay right. */
static void replace_infinities(char *text, size_t n)
{
    static const char word[] = "Infinity", number[] = "1e308   ";
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && n - i >= sizeof word - 1 && memcmp(text + i, word, sizeof word - 1) == 0)
            memcpy(text + i, number, sizeof number - 1);
    }
}

void atl_json_open_bytes(atl_json *json, const char *file, char *data, size_t size, atl_note *note)
{
    *json = (atl_json){.file = file, .note = note};
    json_error_t error;
    if (atl_json_nests_deeper(data, size, MAX_DEPTH)) {
        atl_json_fail(json, ATL_BAD_INPUT, "nests deeper than %d levels", MAX_DEPTH);
        return;
    }
    replace_infinities(data, size);
    json->owned = atl_json_load(data, size, JSON_REJECT_DUPLICATES, &error);
    /* transformers writes 10^30 with all its digits: a number beyond 64 bits makes all of them reals */
    if (!json->owned && json_error_code(&error) == json_error_numeric_overflow)
        json->owned = atl_json_load(data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    json->root = json->owned;
    if (!json->owned && error.text[0] == '\0')
        atl_json_fail(json, ATL_NO_MEMORY, "no memory to read it");
    else if (!json->owned)
        atl_json_fail(json, ATL_BAD_INPUT, "is not valid JSON at line %d, column %d: %s", error.line,
                      error.column, error.text);
    else if (!json_is_object(json->root))
        atl_json_fail(json, ATL_BAD_INPUT, "holds no JSON object");
}

void atl_json_open(atl_json *json, const char *file, atl_note *note)
{
    char *data;
    size_t size;
    const atl_status st = atl_file_read(file, MAX_JSON_BYTES, &data, &size, note);
    if (st != ATL_OK) {
        *json = (atl_json){.file = file, .note = note, .status = st};
        return;
    }
    atl_json_open_bytes(json, file, data, size, note);
    free(data);
}

static bool is_known(const atl_json *json, const char *key)
{
    for (int i = 0; i < json->n_known; i++)
        if (strcmp(json->known[i], key) == 0)
            return true;
    return false;
}

atl_status atl_json_close(atl_json *json, atl_text *unread)
{
    if (json->status == ATL_OK && unread) {
        const char *key;
        json_t *value;
        json_object_foreach(json->root, key, value)
        {
            (void)value;
            if (key[0] != '_' && !is_known(json, key))
                atl_text_printf(unread, "%s: %.100s\n", json->file, key);
        }
    }
    json_decref(json->owned);
    json->owned = json->root = NULL;
    return json->status;
}

void atl_json_fail(atl_json *json, atl_status status, const char *format, ...)
{
    if (json->status != ATL_OK)
        return;
    va_list args;
    va_start(args, format);
    json->status = atl_fail_v(json->note, status, format, args);
    va_end(args);
    atl_note_prefix(json->note, "%s", json->file);
}

void atl_json_refuse(atl_json *json, atl_status status, const char *key, const char *wanted)
{
    if (json->status != ATL_OK)
        return;
    const json_t *value = json_object_get(json->root, key);
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    atl_json_fail(json, status, "\"%s\" is %.200s; %s", key, text ? text : "missing", wanted);
    free(text);
}

json_t *atl_json_get(atl_json *json, const char *key)
{
    if (json->status != ATL_OK)
        return NULL;
    if (json->n_known < ATL_MAX_JSON_KEYS && !is_known(json, key))
        json->known[json->n_known++] = key;
    return json_object_get(json->root, key);
}

bool atl_json_has(atl_json *json, const char *key)
{
    const json_t *value = atl_json_get(json, key);
    return value && !json_is_null(value);
}

bool atl_json_whole(const json_t *value, int least, int most, int *ret)
{
    if (!json_is_number(value))
        return false;
    const double d = json_number_value(value);
    if (!(d >= least && d <= most) || d != floor(d))
        return false;
    *ret = (int)d;
    return true;
}

static void refuse_number(atl_json *json, const char *key, int least, int most)
{
    char wanted[96];
    snprintf(wanted, sizeof wanted, "a whole number from %d to %d was wanted", least, most);
    atl_json_refuse(json, ATL_BAD_INPUT, key, wanted);
}

int atl_json_int(atl_json *json, const char *key, int missing, int least, int most)
{
    const json_t *value = atl_json_get(json, key);
    int result = missing;
    if (value && !atl_json_whole(value, least, most, &result))
        refuse_number(json, key, least, most);
    return result;
}

int atl_json_int_or_null(atl_json *json, const char *key, int null_value, int least, int most)
{
    return atl_json_has(json, key) ? atl_json_int(json, key, null_value, least, most) : null_value;
}

double atl_json_double(atl_json *json, const char *key, double missing)
{
    const json_t *value = atl_json_get(json, key);
    if (!value)
        return missing;
    if (!json_is_number(value)) {
        atl_json_refuse(json, ATL_BAD_INPUT, key, "a number was wanted");
        return missing;
    }
    return json_number_value(value);
}

double atl_json_double_or_null(atl_json *json, const char *key, double null_value)
{
    return atl_json_has(json, key) ? atl_json_double(json, key, null_value) : null_value;
}

bool atl_json_bool(atl_json *json, const char *key, bool missing)
{
    const json_t *value = atl_json_get(json, key);
    if (!value)
        return missing;
    if (!json_is_boolean(value) && !json_is_null(value))
        atl_json_refuse(json, ATL_BAD_INPUT, key, "true or false was wanted");
    return json_is_true(value);
}

atl_tristate atl_json_tristate(atl_json *json, const char *key)
{
    if (!atl_json_has(json, key))
        return ATL_DEFAULT;
    return atl_json_bool(json, key, false) ? ATL_YES : ATL_NO;
}

const char *atl_json_string_or_null(atl_json *json, const char *key, const char *missing)
{
    const json_t *value = atl_json_get(json, key);
    if (!value)
        return missing;
    if (json_is_null(value))
        return NULL;
    if (!json_is_string(value))
        atl_json_refuse(json, ATL_BAD_INPUT, key, "text was wanted");
    return json_string_value(value);
}

const char *atl_json_string(atl_json *json, const char *key, const char *missing)
{
    const char *text = atl_json_string_or_null(json, key, missing);
    if (!text)
        atl_json_refuse(json, ATL_BAD_INPUT, key, "text was wanted");
    return text ? text : missing;
}

void atl_json_copy(atl_json *json, const char *key, const char *missing, char *out, size_t room)
{
    const char *text = atl_json_string(json, key, missing);
    if (strlen(text) >= room) {
        atl_json_refuse(json, ATL_BAD_INPUT, key, "a shorter text was wanted");
        text = missing;
    }
    snprintf(out, room, "%s", text);
}

int atl_json_word(atl_json *json, const char *key, const char *const *words, int missing)
{
    const char *text = atl_json_get(json, key) ? atl_json_string(json, key, "") : NULL;
    if (!text || json->status != ATL_OK)
        return missing;
    char wanted[256] = "supported are";
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0)
            return i;
        const size_t used = strlen(wanted);
        snprintf(wanted + used, sizeof wanted - used, "%s \"%s\"", i ? "," : "", words[i]);
    }
    atl_json_refuse(json, ATL_UNSUPPORTED, key, wanted);
    return missing;
}

int atl_json_ints(atl_json *json, const char *key, int n_single, int least, int largest,
                  int out[ATL_MAX_BLOCKS])
{
    const json_t *value = atl_json_get(json, key);
    if (!value)
        return 0;
    int number;
    if (atl_json_whole(value, least, largest, &number)) {
        for (int i = 0; i < n_single; i++)
            out[i] = number;
        return n_single;
    }
    const size_t n = json_array_size(value);
    if (!json_is_array(value)) {
        refuse_number(json, key, least, largest);
        return 0;
    }
    if (n == 0 || n > ATL_MAX_BLOCKS) {
        atl_json_refuse(json, ATL_UNSUPPORTED, key, "lists of 1 to 8 entries are supported");
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        if (!atl_json_whole(json_array_get(value, i), least, largest, &out[i])) {
            refuse_number(json, key, least, largest);
            return 0;
        }
    return (int)n;
}

void atl_json_ints_each(atl_json *json, const char *key, int missing, int n_single, int least, int largest,
                        int out[ATL_MAX_BLOCKS])
{
    const int n = atl_json_ints(json, key, n_single, least, largest, out);
    for (int i = n; n == 0 && i < n_single; i++)
        out[i] = missing;
    if (n > 0 && n != n_single) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "one entry a block (%d) was wanted", n_single);
        atl_json_refuse(json, ATL_BAD_INPUT, key, wanted);
    }
}

void atl_json_only_null(atl_json *json, const char *key)
{
    if (atl_json_has(json, key))
        atl_json_refuse(json, ATL_UNSUPPORTED, key, "only null is supported");
}

void atl_json_only_bool(atl_json *json, const char *key, bool only)
{
    if (atl_json_bool(json, key, only) != only)
        atl_json_refuse(json, ATL_UNSUPPORTED, key,
                        only ? "only true is supported" : "only false is supported");
}

atl_activation atl_json_diffusers_act(atl_json *json, const char *key, atl_activation missing)
{
    static const struct {
        const char *word;
        atl_activation act;
    } table[] = {{"silu", ATL_ACT_SILU},
                 {"swish", ATL_ACT_SILU},
                 {"mish", ATL_ACT_MISH},
                 {"gelu", ATL_ACT_GELU},
                 {"relu", ATL_ACT_RELU}};
    if (!atl_json_has(json, key)) {
        if (atl_json_get(json, key) && missing != ATL_ACT_NONE)
            atl_json_refuse(json, ATL_BAD_INPUT, key, "the name of an activation was wanted");
        return missing;
    }
    const char *word = atl_json_string(json, key, "");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcasecmp(table[i].word, word) == 0)
            return table[i].act;
    atl_json_refuse(json, ATL_UNSUPPORTED, key,
                    "supported are \"silu\", \"swish\", \"mish\", \"gelu\", \"relu\"");
    return missing;
}
