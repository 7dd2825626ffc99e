/* pack.c - see pack.h. */
#include "pack.h"

#include <stdlib.h>
#include <string.h>

/* An element costs msgpack-c 24 bytes of memory for one of the frame's: what the longest message needs, and
 * no more. */
enum { MAX_DEPTH = 3, MAX_ELEMENTS = 1 << 18 };

int atl_pack_write(void *text, const char *bytes, size_t n)
{
    atl_text *out = text;
    atl_text_append(out, bytes, n);
    return out->failed ? -1 : 0;
}

void atl_pack_string(msgpack_packer *packer, const char *string)
{
    const size_t n = string ? strlen(string) : 0;
    msgpack_pack_str(packer, n);
    msgpack_pack_str_body(packer, string, n);
}

void atl_pack_bytes(msgpack_packer *packer, const void *bytes, size_t n)
{
    msgpack_pack_bin(packer, n);
    msgpack_pack_bin_body(packer, bytes, n);
}

static uint64_t big_endian(const uint8_t *bytes, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* What one element's head says: how many bytes head and body take, and how many elements follow inside. */
typedef struct head {
    size_t bytes, children;
    bool ok;
} head;

/* Heads with a length of 1, 2 or 4 bytes behind the type byte. */
static head sized_head(const uint8_t *at, size_t left, size_t length_bytes, bool is_array)
{
    if (left < 1 + length_bytes)
        return (head){0};
    const uint64_t length = big_endian(at + 1, length_bytes);
    if (length > left - 1 - length_bytes) /* an element takes a byte at least */
        return (head){0};
    return is_array ? (head){.bytes = 1 + length_bytes, .children = (size_t)length, .ok = true}
                    : (head){.bytes = 1 + length_bytes + (size_t)length, .ok = true};
}

/* The MessagePack types that our schema uses: nil, booleans, integers, floats, str, bin, array. */
static head read_head(const uint8_t *at, size_t left)
{
    const uint8_t type = at[0];
    if (type <= 0x7f || type >= 0xe0 || type == 0xc0 || type == 0xc2 || type == 0xc3)
        return (head){.bytes = 1, .ok = true};
    if (type >= 0x90 && type <= 0x9f)
        return (head){.bytes = 1, .children = type & 0x0f, .ok = (size_t)(type & 0x0f) <= left - 1};
    if (type >= 0xa0 && type <= 0xbf)
        return (head){.bytes = 1 + (size_t)(type & 0x1f), .ok = (size_t)(type & 0x1f) <= left - 1};
    static const uint8_t fixed[] = {
        [0xca - 0xca] = 5, [0xcb - 0xca] = 9, [0xcc - 0xca] = 2, [0xcd - 0xca] = 3, [0xce - 0xca] = 5,
        [0xcf - 0xca] = 9, [0xd0 - 0xca] = 2, [0xd1 - 0xca] = 3, [0xd2 - 0xca] = 5, [0xd3 - 0xca] = 9};
    if (type >= 0xca && type <= 0xd3)
        return (head){.bytes = fixed[type - 0xca], .ok = fixed[type - 0xca] <= left};
    if (type >= 0xc4 && type <= 0xc6)
        return sized_head(at, left, (size_t)1 << (type - 0xc4), false);
    if (type >= 0xd9 && type <= 0xdb)
        return sized_head(at, left, (size_t)1 << (type - 0xd9), false);
    if (type == 0xdc || type == 0xdd)
        return sized_head(at, left, type == 0xdc ? 2 : 4, true);
    return (head){0};
}

/* Whether the bytes are exactly one element that fits them, nested at most MAX_DEPTH deep. */
static bool fits(const uint8_t *bytes, size_t n)
{
    size_t open[MAX_DEPTH + 1] = {1}; /* elements still to come at each depth */
    int depth = 0;
    size_t at = 0, n_elements = 0;
    while (depth >= 0) {
        if (open[depth] == 0) {
            depth--;
            continue;
        }
        open[depth]--;
        if (at == n || ++n_elements > MAX_ELEMENTS)
            return false;
        const head h = read_head(bytes + at, n - at);
        if (!h.ok || (h.children > 0 && depth == MAX_DEPTH) || h.children > MAX_ELEMENTS)
            return false;
        at += h.bytes;
        if (h.children > 0)
            open[++depth] = h.children;
    }
    return at == n;
}

static void fail(atl_unpack *in, const char *wanted)
{
    if (in->status == ATL_OK)
        in->status = atl_fail(in->note, ATL_BAD_INPUT, "message: %s: wanted %s", in->place, wanted);
}

void atl_unpack_open(atl_unpack *in, const void *bytes, size_t n_bytes, atl_note *note)
{
    *in = (atl_unpack){.place = "frame", .note = note};
    msgpack_unpacked_init(&in->unpacked);
    if (n_bytes == 0 || !fits(bytes, n_bytes)) {
        fail(in, "one MessagePack array, whole and no deeper than 3");
        return;
    }
    size_t offset = 0;
    const msgpack_unpack_return rc = msgpack_unpack_next(&in->unpacked, bytes, n_bytes, &offset);
    if (rc == MSGPACK_UNPACK_NOMEM_ERROR)
        in->status = atl_fail(note, ATL_NO_MEMORY, "no memory for a message of %zu bytes", n_bytes);
    else if (rc != MSGPACK_UNPACK_SUCCESS || in->unpacked.data.type != MSGPACK_OBJECT_ARRAY)
        fail(in, "one MessagePack array");
    if (in->status != ATL_OK)
        return;
    in->next = in->unpacked.data.via.array.ptr;
    in->end = in->next + in->unpacked.data.via.array.size;
}

void atl_unpack_close(atl_unpack *in)
{
    msgpack_unpacked_destroy(&in->unpacked);
}

static const msgpack_object *take(atl_unpack *in, const char *place)
{
    in->place = place;
    if (in->status != ATL_OK)
        return NULL;
    if (in->next == in->end) {
        fail(in, "a value, found the end");
        return NULL;
    }
    return in->next++;
}

uint64_t atl_unpack_uint(atl_unpack *in, const char *place, uint64_t max)
{
    const msgpack_object *o = take(in, place);
    if (!o)
        return 0;
    if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 > max) {
        fail(in, "a whole number within its bound");
        return 0;
    }
    return o->via.u64;
}

int64_t atl_unpack_int(atl_unpack *in, const char *place, int64_t min, int64_t max)
{
    const msgpack_object *o = take(in, place);
    if (!o)
        return 0;
    const bool positive = o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 <= INT64_MAX;
    if (!positive && o->type != MSGPACK_OBJECT_NEGATIVE_INTEGER) {
        fail(in, "a whole number");
        return 0;
    }
    const int64_t value = positive ? (int64_t)o->via.u64 : o->via.i64;
    if (value < min || value > max)
        fail(in, "a whole number within its bounds");
    return value;
}

double atl_unpack_double(atl_unpack *in, const char *place)
{
    const msgpack_object *o = take(in, place);
    if (!o)
        return 0;
    if (o->type != MSGPACK_OBJECT_FLOAT64) {
        fail(in, "a double");
        return 0;
    }
    return o->via.f64;
}

void atl_unpack_bytes(atl_unpack *in, const char *place, void *out, size_t n)
{
    const msgpack_object *o = take(in, place);
    if (!o)
        return;
    if (o->type != MSGPACK_OBJECT_BIN || o->via.bin.size != n)
        fail(in, "bytes of a fixed number");
    else
        memcpy(out, o->via.bin.ptr, n);
}

char *atl_unpack_string(atl_unpack *in, const char *place, size_t max_bytes)
{
    const msgpack_object *o = take(in, place);
    if (!o)
        return NULL;
    if (o->type != MSGPACK_OBJECT_STR || o->via.str.size > max_bytes ||
        (o->via.str.size > 0 && memchr(o->via.str.ptr, '\0', o->via.str.size))) {
        fail(in, "a string within its bound and without NUL");
        return NULL;
    }
    char *copy = malloc((size_t)o->via.str.size + 1);
    if (!copy) {
        in->status = atl_fail(in->note, ATL_NO_MEMORY, "message: %s: no memory", place);
        return NULL;
    }
    if (o->via.str.size > 0)
        memcpy(copy, o->via.str.ptr, o->via.str.size);
    copy[o->via.str.size] = '\0';
    return copy;
}

size_t atl_unpack_array(atl_unpack *in, const char *place, size_t max, const msgpack_object **ret)
{
    const msgpack_object *o = take(in, place);
    if (!o)
        return 0;
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size > max) {
        fail(in, "an array within its bound");
        return 0;
    }
    *ret = o->via.array.ptr;
    return o->via.array.size;
}

void atl_unpack_end(atl_unpack *in)
{
    in->place = "end";
    if (in->status == ATL_OK && in->next != in->end)
        fail(in, "nothing further");
}
