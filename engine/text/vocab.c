/* vocab.c - vocab.json and tokenizer.json, read strictly. See vocab.h. */
#include "text/vocab.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_load.h"

#define MAX_VOCAB_IDS (1 << 24)

struct atl_vocab {
    json_t *root;         /* owns all */
    json_t *ids;          /* object */
    const json_t *merges; /* array, or NULL */
    int size;
};

/* One bit an id; false if it is there already. */
static bool mark_once(uint8_t *seen, json_int_t id)
{
    uint8_t bit = (uint8_t)(1u << (id & 7));
    if (seen[id >> 3] & bit)
        return false;
    seen[id >> 3] |= bit;
    return true;
}

static atl_status check_ids(const char *path, json_t *ids, int *ret_size, atl_note *note)
{
    uint8_t *seen = calloc(MAX_VOCAB_IDS / 8, 1);
    if (!seen)
        return atl_fail(note, ATL_NO_MEMORY, "%s: out of memory", path);
    atl_status st = ATL_OK;
    int size = 0;
    const char *token;
    json_t *value;
    json_object_foreach(ids, token, value)
    {
        json_int_t id = json_is_integer(value) ? json_integer_value(value) : -1;
        if (id < 0 || id >= MAX_VOCAB_IDS) {
            st = atl_fail(note, ATL_BAD_INPUT, "%s: the id of token \"%.64s\" is not a whole number below %d",
                          path, token, MAX_VOCAB_IDS);
            break;
        }
        if (!mark_once(seen, id)) {
            st = atl_fail(note, ATL_BAD_INPUT, "%s: token \"%.64s\" has id %d, which another token has", path,
                          token, (int)id);
            break;
        }
        if (id >= size)
            size = (int)id + 1;
    }
    free(seen);
    *ret_size = size;
    return st;
}

static atl_status load(const char *name, const char *data, size_t size, atl_vocab **ret, atl_note *note)
{
    if (size > ATL_MAX_VOCAB_BYTES)
        return atl_fail(note, ATL_BAD_INPUT, "%s: has %zu bytes; at most %zu are read", name, size,
                        ATL_MAX_VOCAB_BYTES);
    atl_vocab *vocab = calloc(1, sizeof *vocab);
    if (!vocab)
        return atl_fail(note, ATL_NO_MEMORY, "%s: out of memory", name);
    json_error_t error;
    vocab->root = atl_json_load(data, size, JSON_REJECT_DUPLICATES, &error);
    if (!vocab->root) {
        atl_vocab_close(&vocab);
        if (error.text[0] == '\0')
            return atl_fail(note, ATL_NO_MEMORY, "%s: no memory to read it", name);
        return atl_fail(note, ATL_BAD_INPUT, "%s:%d:%d: %s", name, error.line, error.column, error.text);
    }
    *ret = vocab;
    return ATL_OK;
}

/* The rest of opening: `vocab->ids` is what was found, maybe NULL. Closes `vocab` on failure. */
static atl_status finish(const char *name, atl_vocab *vocab, atl_vocab **ret, atl_note *note)
{
    atl_status st;
    if (!json_is_object(vocab->ids) || json_object_size(vocab->ids) == 0)
        st = atl_fail(note, ATL_BAD_INPUT, "%s: has no object of tokens and their ids", name);
    else
        st = check_ids(name, vocab->ids, &vocab->size, note);
    if (st == ATL_OK)
        *ret = vocab;
    else
        atl_vocab_close(&vocab);
    return st;
}

atl_status atl_vocab_open(const char *name, const char *data, size_t size, atl_vocab **ret, atl_note *note)
{
    atl_vocab *vocab = NULL;
    atl_status st = load(name, data, size, &vocab, note);
    if (st != ATL_OK)
        return st;
    vocab->ids = vocab->root;
    return finish(name, vocab, ret, note);
}

atl_status atl_vocab_open_joint(const char *name, const char *data, size_t size, atl_vocab **ret,
                                atl_note *note)
{
    atl_vocab *vocab = NULL;
    atl_status st = load(name, data, size, &vocab, note);
    if (st != ATL_OK)
        return st;
    const json_t *model = json_object_get(vocab->root, "model");
    const char *type = json_string_value(json_object_get(model, "type"));
    vocab->ids = json_object_get(model, "vocab");
    vocab->merges = json_object_get(model, "merges");
    if ((type && strcmp(type, "BPE") != 0) || !json_is_array(vocab->merges)) {
        atl_vocab_close(&vocab);
        return atl_fail(note, ATL_BAD_INPUT, "%s: its \"model\" is not a BPE with a list of merges", name);
    }
    return finish(name, vocab, ret, note);
}

void atl_vocab_close(atl_vocab **vocab)
{
    if (!*vocab)
        return;
    json_decref((*vocab)->root);
    free(*vocab);
    *vocab = NULL;
}

int32_t atl_vocab_id(const atl_vocab *vocab, const char *token)
{
    const json_t *id = json_object_get(vocab->ids, token);
    return id ? (int32_t)json_integer_value(id) : -1;
}

int atl_vocab_size(const atl_vocab *vocab)
{
    return vocab->size;
}

size_t atl_vocab_n_merges(const atl_vocab *vocab)
{
    return json_array_size(vocab->merges);
}

bool atl_vocab_merge(const atl_vocab *vocab, size_t i, const char **ret_left, size_t *ret_n_left,
                     const char **ret_right)
{
    const json_t *merge = json_array_get(vocab->merges, i);
    const char *joint = json_string_value(merge);
    const char *space = joint ? strchr(joint, ' ') : NULL;
    const char *left = space ? joint : json_string_value(json_array_get(merge, 0));
    const char *right = space ? space + 1 : json_string_value(json_array_get(merge, 1));
    if (!left || !right || strchr(right, ' ') || (!space && json_array_size(merge) != 2))
        return false;
    *ret_left = left;
    *ret_n_left = space ? (size_t)(space - joint) : strlen(left);
    *ret_right = right;
    return true;
}
