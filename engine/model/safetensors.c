/* safetensors.c - reading: a mapped file whose header is checked whole before a single tensor is handed out.
 *
 * Layout: 8 bytes little-endian header length, the header (JSON: name → {dtype, shape, data_offsets}), the
 * data. The checks are those of the format's reference reader, plus a cap on nesting before the JSON parser
 * sees the text. Conversion lives in safetensors_convert.c, writing in safetensors_write.c. */
#include "model/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_load.h"
#include "base/sizes.h"
#include "model/json_depth.h"

#define MAX_HEADER_BYTES  100000000u
#define MAX_HEADER_DEPTH  8
#define PREFIX_BYTES      8u
#define MAX_TENSORS       1000000u
#define METADATA_KEY      "__metadata__"
#define MAX_QUOTED_LENGTH 200 /* of a name in a message */

struct atl_safetensors {
    char *path;
    atl_mapping mapping; /* empty when the bytes are the caller's */
    const uint8_t *data; /* of the tensors */
    size_t data_bytes;
    size_t data_offset; /* within the file */
    json_t *header;     /* owns the names */
    atl_st_tensor *tensors;
    size_t n_tensors;
};

typedef struct dtype_entry {
    const char *name;
    uint8_t bytes;
} dtype_entry;

static const dtype_entry dtypes[] = {
    [ATL_ST_F32] = {"F32", 4},   [ATL_ST_F16] = {"F16", 2},         [ATL_ST_BF16] = {"BF16", 2},
    [ATL_ST_F64] = {"F64", 8},   [ATL_ST_I64] = {"I64", 8},         [ATL_ST_I32] = {"I32", 4},
    [ATL_ST_I16] = {"I16", 2},   [ATL_ST_I8] = {"I8", 1},           [ATL_ST_U8] = {"U8", 1},
    [ATL_ST_BOOL] = {"BOOL", 1}, [ATL_ST_U64] = {"U64", 8},         [ATL_ST_U32] = {"U32", 4},
    [ATL_ST_U16] = {"U16", 2},   [ATL_ST_F8_E4M3] = {"F8_E4M3", 1}, [ATL_ST_F8_E5M2] = {"F8_E5M2", 1},
};

const char *atl_st_dtype_name(atl_st_dtype dtype)
{
    return dtypes[dtype].name;
}

size_t atl_st_dtype_bytes(atl_st_dtype dtype)
{
    return dtypes[dtype].bytes;
}

static bool dtype_find(const char *name, atl_st_dtype *ret)
{
    for (size_t i = 0; i < ATL_COUNT(dtypes); i++)
        if (strcmp(dtypes[i].name, name) == 0) {
            *ret = (atl_st_dtype)i;
            return true;
        }
    return false;
}

/* The header's extent and its JSON. */
static atl_status read_header(atl_safetensors *file, const uint8_t *bytes, size_t size, atl_note *note)
{
    if (size < PREFIX_BYTES)
        return atl_fail(note, ATL_BAD_INPUT,
                        "%s: has %zu bytes; a safetensors file starts with 8 bytes of header length",
                        file->path, size);
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | bytes[i];
    if (length > MAX_HEADER_BYTES)
        return atl_fail(
            note, ATL_BAD_INPUT,
            "%s: header length at byte 0 is %llu; at most %u is allowed (is this a safetensors file?)",
            file->path, (unsigned long long)length, MAX_HEADER_BYTES);
    if (length > size - PREFIX_BYTES)
        return atl_fail(
            note, ATL_BAD_INPUT,
            "%s: header length at byte 0 is %llu, but only %zu bytes follow: the file is cut short",
            file->path, (unsigned long long)length, size - PREFIX_BYTES);
    const char *text = (const char *)bytes + PREFIX_BYTES;
    if (length == 0 || text[0] != '{')
        return atl_fail(note, ATL_BAD_INPUT, "%s: the header at byte 8 does not start with {", file->path);
    if (atl_json_nests_deeper(text, (size_t)length, MAX_HEADER_DEPTH))
        return atl_fail(note, ATL_BAD_INPUT, "%s: the header nests deeper than %d levels", file->path,
                        MAX_HEADER_DEPTH);
    json_error_t error;
    file->header = atl_json_load(text, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (!file->header && error.text[0] == '\0')
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory for its header", file->path);
    if (!file->header)
        return atl_fail(note, ATL_BAD_INPUT, "%s: the header is not valid JSON at byte %d: %s", file->path,
                        error.position + (int)PREFIX_BYTES, error.text);
    file->data_offset = PREFIX_BYTES + (size_t)length;
    file->data = bytes + file->data_offset;
    file->data_bytes = size - file->data_offset;
    return ATL_OK;
}

static atl_status fail_tensor(const atl_safetensors *file, const char *name, atl_note *note, const char *what)
{
    return atl_fail(note, ATL_BAD_INPUT, "%s: tensor \"%.*s\": %s", file->path, MAX_QUOTED_LENGTH, name,
                    what);
}

static atl_status read_dtype(const atl_safetensors *file, const char *name, const json_t *value,
                             atl_st_tensor *tensor, atl_note *note)
{
    const char *dtype = json_string_value(value);
    if (!dtype)
        return fail_tensor(file, name, note, "has no \"dtype\" string");
    if (!dtype_find(dtype, &tensor->dtype))
        return atl_fail(note, ATL_UNSUPPORTED, "%s: tensor \"%.*s\": has dtype \"%.32s\", which is not known",
                        file->path, MAX_QUOTED_LENGTH, name, dtype);
    return ATL_OK;
}

/* The shape, and how many bytes it needs. */
static atl_status read_shape(const atl_safetensors *file, const char *name, const json_t *value,
                             atl_st_tensor *tensor, atl_note *note)
{
    if (!json_is_array(value))
        return fail_tensor(file, name, note, "has no \"shape\" array");
    const size_t rank = json_array_size(value);
    if (rank > ATL_MAX_RANK)
        return atl_fail(note, ATL_UNSUPPORTED, "%s: tensor \"%.*s\": has %zu dimensions, at most %d are read",
                        file->path, MAX_QUOTED_LENGTH, name, rank, ATL_MAX_RANK);
    tensor->rank = (int)rank;
    tensor->n_bytes = atl_st_dtype_bytes(tensor->dtype);
    for (size_t i = 0; i < rank; i++) {
        const json_t *d = json_array_get(value, i);
        if (!json_is_integer(d) || json_integer_value(d) < 0)
            return fail_tensor(file, name, note, "has a dimension that is not a whole number from 0 up");
        tensor->shape[i] = (size_t)json_integer_value(d);
        if (!atl_size_mul(tensor->n_bytes, tensor->shape[i], &tensor->n_bytes))
            return fail_tensor(file, name, note, "has a shape whose size overflows");
    }
    return ATL_OK;
}

static atl_status read_offsets(const atl_safetensors *file, const char *name, const json_t *value,
                               atl_st_tensor *tensor, atl_note *note)
{
    const json_t *b = json_array_get(value, 0), *e = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !json_is_integer(b) || !json_is_integer(e) ||
        json_integer_value(b) < 0 || json_integer_value(e) < 0)
        return fail_tensor(file, name, note, "has no \"data_offsets\" of two whole numbers from 0 up");
    const size_t begin = (size_t)json_integer_value(b), end = (size_t)json_integer_value(e);
    if (begin > end || end > file->data_bytes)
        return atl_fail(
            note, ATL_BAD_INPUT,
            "%s: tensor \"%.*s\": data_offsets [%zu, %zu] do not lie in the file's %zu bytes of data",
            file->path, MAX_QUOTED_LENGTH, name, begin, end, file->data_bytes);
    if (end - begin != tensor->n_bytes)
        return atl_fail(
            note, ATL_BAD_INPUT,
            "%s: tensor \"%.*s\": data_offsets [%zu, %zu] hold %zu bytes, its shape and dtype need %zu",
            file->path, MAX_QUOTED_LENGTH, name, begin, end, end - begin, tensor->n_bytes);
    tensor->data = file->data + begin;
    return ATL_OK;
}

static atl_status read_tensor(const atl_safetensors *file, const char *name, const json_t *entry,
                              atl_st_tensor *tensor, atl_note *note)
{
    if (!json_is_object(entry))
        return fail_tensor(file, name, note, "is not described by an object");
    if (json_object_size(entry) != 3)
        return fail_tensor(file, name, note, "has other keys than dtype, shape and data_offsets");
    *tensor = (atl_st_tensor){.name = name};
    atl_status st = read_dtype(file, name, json_object_get(entry, "dtype"), tensor, note);
    if (st == ATL_OK)
        st = read_shape(file, name, json_object_get(entry, "shape"), tensor, note);
    if (st == ATL_OK)
        st = read_offsets(file, name, json_object_get(entry, "data_offsets"), tensor, note);
    return st;
}

static atl_status check_metadata(const atl_safetensors *file, const json_t *metadata, atl_note *note)
{
    if (!json_is_object(metadata))
        return atl_fail(note, ATL_BAD_INPUT, "%s: \"" METADATA_KEY "\" is not an object", file->path);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)metadata, key, value)
    {
        if (!json_is_string(value))
            return atl_fail(note, ATL_BAD_INPUT,
                            "%s: \"" METADATA_KEY "\": the value of \"%.*s\" is not text", file->path,
                            MAX_QUOTED_LENGTH, key);
    }
    return ATL_OK;
}

static int compare_offsets(const void *a, const void *b)
{
    const atl_st_tensor *x = a, *y = b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return x->n_bytes < y->n_bytes ? -1 : x->n_bytes > y->n_bytes;
}

static int compare_names(const void *a, const void *b)
{
    const atl_st_tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Every byte of the data belongs to exactly one tensor. Leaves the tensors sorted by offset. */
static atl_status check_cover(atl_safetensors *file, atl_note *note)
{
    if (file->n_tensors > 0)
        qsort(file->tensors, file->n_tensors, sizeof *file->tensors, compare_offsets);
    const uint8_t *at = file->data;
    for (size_t i = 0; i < file->n_tensors; i++) {
        const atl_st_tensor *tensor = &file->tensors[i];
        if (tensor->data != at)
            return atl_fail(note, ATL_BAD_INPUT, "%s: tensor \"%.*s\": %s at data offset %zu", file->path,
                            MAX_QUOTED_LENGTH, tensor->name,
                            tensor->data < at ? "overlaps the tensor before it" : "leaves a hole before it",
                            (size_t)(tensor->data - file->data));
        at += tensor->n_bytes;
    }
    const size_t used = (size_t)(at - file->data);
    if (used != file->data_bytes)
        return atl_fail(note, ATL_BAD_INPUT, "%s: %zu bytes after data offset %zu belong to no tensor",
                        file->path, file->data_bytes - used, used);
    return ATL_OK;
}

static atl_status read_tensors(atl_safetensors *file, atl_note *note)
{
    const size_t n = json_object_size(file->header);
    if (n > MAX_TENSORS)
        return atl_fail(note, ATL_BAD_INPUT, "%s: has %zu tensors, at most %u are read", file->path, n,
                        MAX_TENSORS);
    file->tensors = calloc(n + 1, sizeof *file->tensors);
    if (!file->tensors)
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory for %zu tensors", file->path, n);
    const char *name;
    json_t *entry;
    json_object_foreach(file->header, name, entry)
    {
        atl_status st;
        if (strcmp(name, METADATA_KEY) == 0)
            st = check_metadata(file, entry, note);
        else
            st = read_tensor(file, name, entry, &file->tensors[file->n_tensors++], note);
        if (st != ATL_OK)
            return st;
    }
    const atl_status st = check_cover(file, note);
    if (st == ATL_OK && file->n_tensors > 0)
        qsort(file->tensors, file->n_tensors, sizeof *file->tensors, compare_names);
    return st;
}

atl_status atl_safetensors_open_bytes(const char *name, const uint8_t *data, size_t size,
                                      atl_safetensors **ret_file, atl_note *note)
{
    atl_safetensors *file = calloc(1, sizeof *file);
    if (!file || !(file->path = strdup(name))) {
        free(file);
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory to open it", name);
    }
    atl_status st = read_header(file, data, size, note);
    if (st == ATL_OK)
        st = read_tensors(file, note);
    if (st != ATL_OK) {
        atl_safetensors_close(&file);
        return st;
    }
    *ret_file = file;
    return ATL_OK;
}

atl_status atl_safetensors_open(const char *path, atl_safetensors **ret_file, atl_note *note)
{
    atl_mapping mapping;
    atl_status st = atl_mapping_open(path, &mapping, note);
    if (st != ATL_OK)
        return st;
    atl_safetensors *file = NULL;
    st = atl_safetensors_open_bytes(path, mapping.data, mapping.size_bytes, &file, note);
    if (st != ATL_OK) {
        atl_mapping_close(&mapping);
        return st;
    }
    file->mapping = mapping;
    *ret_file = file;
    return ATL_OK;
}

void atl_safetensors_close(atl_safetensors **file)
{
    if (!*file)
        return;
    json_decref((*file)->header);
    atl_mapping_close(&(*file)->mapping);
    free((*file)->tensors);
    free((*file)->path);
    free(*file);
    *file = NULL;
}

const char *atl_safetensors_path(const atl_safetensors *file)
{
    return file->path;
}

size_t atl_safetensors_count(const atl_safetensors *file)
{
    return file->n_tensors;
}

const atl_st_tensor *atl_safetensors_at(const atl_safetensors *file, size_t i)
{
    return &file->tensors[i];
}

const atl_st_tensor *atl_safetensors_find(const atl_safetensors *file, const char *name)
{
    const atl_st_tensor key = {.name = name};
    if (file->n_tensors == 0)
        return NULL;
    return bsearch(&key, file->tensors, file->n_tensors, sizeof key, compare_names);
}

const char *atl_safetensors_metadata(const atl_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, METADATA_KEY), key));
}

void atl_safetensors_want(const atl_safetensors *file, const atl_st_tensor *tensor, size_t begin, size_t end)
{
    if (!file->mapping.data)
        return;
    const size_t at = (size_t)(tensor->data - file->mapping.data);
    atl_mapping_want(&file->mapping, at + begin, at + end);
}

void atl_safetensors_forget(const atl_safetensors *file, const atl_st_tensor *tensor, size_t begin,
                            size_t end)
{
    if (!file->mapping.data)
        return;
    const size_t at = (size_t)(tensor->data - file->mapping.data);
    atl_mapping_forget(&file->mapping, at + begin, at + end);
}
