/* vocab.c - vocab.json, read strictly. See vocab.h. */
#include "text/vocab.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/file.h"

#define MAX_VOCAB_BYTES ((size_t)32 << 20) /* CLIP's has 1.0 MB */
#define MAX_VOCAB_IDS   (1 << 24)

struct atl_vocab {
    json_t *ids;
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

atl_status atl_vocab_open(const char *path, atl_vocab **ret, atl_note *note)
{
    char *data = NULL;
    size_t size = 0;
    atl_status st = atl_file_read(path, MAX_VOCAB_BYTES, &data, &size, note);
    if (st != ATL_OK)
        return st;
    json_error_t error;
    atl_vocab *vocab = calloc(1, sizeof *vocab);
    if (!vocab) {
        st = atl_fail(note, ATL_NO_MEMORY, "%s: out of memory", path);
        goto fail;
    }
    vocab->ids = json_loadb(data, size, JSON_REJECT_DUPLICATES, &error);
    if (!vocab->ids) {
        st = atl_fail(note, ATL_BAD_INPUT, "%s:%d:%d: %s", path, error.line, error.column, error.text);
        goto fail;
    }
    if (!json_is_object(vocab->ids) || json_object_size(vocab->ids) == 0) {
        st = atl_fail(note, ATL_BAD_INPUT, "%s: is not an object of tokens and their ids", path);
        goto fail;
    }
    st = check_ids(path, vocab->ids, &vocab->size, note);
    if (st != ATL_OK)
        goto fail;
    free(data);
    *ret = vocab;
    return ATL_OK;
fail:
    free(data);
    atl_vocab_close(&vocab);
    return st;
}

void atl_vocab_close(atl_vocab **vocab)
{
    if (!*vocab)
        return;
    json_decref((*vocab)->ids);
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
