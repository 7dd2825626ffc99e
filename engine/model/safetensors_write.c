/* safetensors_write.c - writing: header first (all shapes are known), then the data in pieces, into a
 * temporary file beside the target that is renamed over it when it is whole and synced. */
#include "model/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/sizes.h"

#define PIECE_BYTES  (4u << 20)
#define HEADER_ALIGN 8u

typedef struct item {
    const char *name;
    atl_st_dtype dtype;
    int rank;
    size_t shape[ATL_MAX_RANK];
    size_t n_elements, n_bytes;
    const void *data; /* NULL for a stream */
    atl_st_fill fill;
    void *user;
} item;

struct atl_st_writer {
    item *items;
    size_t n_items, capacity;
    json_t *metadata; /* NULL: none */
    bool failed;      /* out of memory, or a size that overflows */
    bool overflow;
};

atl_status atl_st_writer_open(atl_st_writer **ret_writer, atl_note *note)
{
    atl_st_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a safetensors writer");
    *ret_writer = writer;
    return ATL_OK;
}

static void add(atl_st_writer *writer, const item *proto, const size_t *shape)
{
    if (writer->failed)
        return;
    item *items = atl_grown(writer->items, writer->n_items, &writer->capacity, 64, sizeof *items);
    if (!items) {
        writer->failed = true;
        return;
    }
    writer->items = items;
    item it = *proto;
    it.n_elements = 1;
    for (int i = 0; i < it.rank; i++) {
        it.shape[i] = shape[i];
        writer->overflow |= !atl_size_mul(it.n_elements, shape[i], &it.n_elements);
    }
    writer->overflow |= !atl_size_mul(it.n_elements, atl_st_dtype_bytes(it.dtype), &it.n_bytes);
    writer->items[writer->n_items++] = it;
}

void atl_st_writer_add(atl_st_writer *writer, const char *name, atl_st_dtype dtype, int rank,
                       const size_t *shape, const void *data)
{
    add(writer, &(item){.name = name, .dtype = dtype, .rank = rank, .data = data}, shape);
}

void atl_st_writer_add_stream(atl_st_writer *writer, const char *name, atl_st_dtype dtype, int rank,
                              const size_t *shape, atl_st_fill fill, void *user)
{
    add(writer, &(item){.name = name, .dtype = dtype, .rank = rank, .fill = fill, .user = user}, shape);
}

void atl_st_writer_metadata(atl_st_writer *writer, const char *key, const char *value)
{
    if (!writer->metadata && !(writer->metadata = json_object()))
        writer->failed = true;
    else if (json_object_set_new(writer->metadata, key, json_string(value)) != 0)
        writer->failed = true;
}

static json_t *describe(const item *it, size_t begin)
{
    json_t *shape = json_array();
    for (int i = 0; i < it->rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)it->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", atl_st_dtype_name(it->dtype), "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)(begin + it->n_bytes));
}

/* The 8 bytes of length and the JSON, padded with spaces so that the data is aligned. */
static atl_status make_header(const atl_st_writer *writer, const char *path, atl_text *header, atl_note *note)
{
    json_t *root = json_object();
    atl_status st = ATL_OK;
    size_t at = 0;
    bool ok = root != NULL;
    if (ok && writer->metadata)
        ok = json_object_set(root, "__metadata__", writer->metadata) == 0;
    for (size_t i = 0; ok && st == ATL_OK && i < writer->n_items; i++) {
        const item *it = &writer->items[i];
        if (json_object_get(root, it->name))
            st = atl_fail(note, ATL_BAD_INPUT, "%s: two tensors are called \"%.200s\"", path, it->name);
        else if (!atl_size_add(at, it->n_bytes, &at))
            st = atl_fail(note, ATL_BAD_INPUT, "%s: its size overflows", path);
        else
            ok = json_object_set_new(root, it->name, describe(it, at - it->n_bytes)) == 0;
    }
    char *json = ok && st == ATL_OK ? json_dumps(root, JSON_COMPACT) : NULL;
    if (json) {
        const size_t length = atl_round_up(strlen(json), HEADER_ALIGN);
        for (int i = 0; i < 8; i++)
            atl_text_putc(header, (char)(length >> (8 * i) & 0xff));
        atl_text_puts(header, json);
        while (header->length < 8 + length && !header->failed)
            atl_text_putc(header, ' ');
    }
    if (st == ATL_OK && (!json || header->failed))
        st = atl_fail(note, ATL_NO_MEMORY, "%s: no memory for its header", path);
    free(json);
    json_decref(root);
    return st;
}

static bool write_item(int fd, const item *it, uint8_t *piece)
{
    if (!it->fill)
        return atl_fd_write(fd, it->data, it->n_bytes);
    const size_t width = atl_st_dtype_bytes(it->dtype), most = PIECE_BYTES / width;
    for (size_t first = 0; first < it->n_elements; first += most) {
        const size_t n = it->n_elements - first < most ? it->n_elements - first : most;
        it->fill(it->user, first, n, piece);
        if (!atl_fd_write(fd, piece, n * width))
            return false;
    }
    return true;
}

static bool write_body(const atl_st_writer *writer, int fd, const atl_text *header, uint8_t *piece)
{
    if (!atl_fd_write(fd, header->data, header->length))
        return false;
    for (size_t i = 0; i < writer->n_items; i++)
        if (!write_item(fd, &writer->items[i], piece))
            return false;
    return fsync(fd) == 0;
}

static atl_status write_file(const atl_st_writer *writer, const char *path, const char *temp,
                             const atl_text *header, uint8_t *piece, atl_note *note)
{
    const int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return atl_fail(note, ATL_IO, "%s: cannot create it: %s", temp, strerror(errno));
    bool ok = write_body(writer, fd, header, piece);
    int error = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        error = errno;
    }
    if (ok && rename(temp, path) != 0) {
        ok = false;
        error = errno;
    }
    if (!ok) {
        unlink(temp);
        return atl_fail(note, ATL_IO, "%s: cannot write it: %s", path, strerror(error));
    }
    if (!atl_file_sync_parent(path))
        return atl_fail(note, ATL_IO, "%s: cannot sync its directory: %s", path, strerror(errno));
    return ATL_OK;
}

atl_status atl_st_writer_write(atl_st_writer *writer, const char *path, atl_note *note)
{
    if (writer->overflow)
        return atl_fail(note, ATL_BAD_INPUT, "%s: a tensor's size overflows", path);
    char *temp = atl_file_beside(path);
    uint8_t *piece = malloc(PIECE_BYTES);
    atl_text header = {0};
    atl_status st = ATL_NO_MEMORY;
    if (!temp || !piece || writer->failed)
        atl_fail(note, st, "%s: no memory to write it", path);
    else
        st = make_header(writer, path, &header, note);
    if (st == ATL_OK)
        st = write_file(writer, path, temp, &header, piece, note);
    atl_text_done(&header);
    free(piece);
    free(temp);
    return st;
}

void atl_st_writer_close(atl_st_writer **writer)
{
    if (!*writer)
        return;
    json_decref((*writer)->metadata);
    free((*writer)->items);
    free(*writer);
    *writer = NULL;
}
