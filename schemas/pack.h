/* pack.h - writing and reading MessagePack with bounds; private to the room.
 *
 * Writing goes through msgpack-c's packer into an atl_text. Reading goes through msgpack-c's unpacker, with
 * the message's size as bound of everything: before it runs, `atl_unpack_open` walks the bytes and refuses
 * lengths that the frame cannot hold (five bytes may claim an array of 2^32), nesting, extension types and
 * bytes left over. Both ends are sticky. */
#ifndef ATL_SCHEMAS_PACK_H
#define ATL_SCHEMAS_PACK_H

#include <msgpack.h>

#include "base/status.h"
#include "base/text.h"

typedef struct atl_unpack {
    msgpack_unpacked unpacked;
    const msgpack_object *next, *end; /* elements of the outer array that are not read yet */
    const char *place;                /* the field being read, for messages */
    atl_status status;
    atl_note *note;
} atl_unpack;

int atl_pack_write(void *text, const char *bytes, size_t n); /* msgpack_packer's callback */
void atl_pack_string(msgpack_packer *packer, const char *string);
void atl_pack_bytes(msgpack_packer *packer, const void *bytes, size_t n);

/* Opens the one array that a message is. */
void atl_unpack_open(atl_unpack *in, const void *bytes, size_t n_bytes, atl_note *note);
void atl_unpack_close(atl_unpack *in);

uint64_t atl_unpack_uint(atl_unpack *in, const char *place, uint64_t max);
int64_t atl_unpack_int(atl_unpack *in, const char *place, int64_t min, int64_t max);
double atl_unpack_double(atl_unpack *in, const char *place);
void atl_unpack_bytes(atl_unpack *in, const char *place, void *out, size_t n); /* exactly n */
/* A UTF-8-or-not string without NUL of at most max_bytes, in new memory; NULL on failure. */
char *atl_unpack_string(atl_unpack *in, const char *place, size_t max_bytes);
/* The next element is an array of at most `max`: *ret are its elements (integers), n is returned. */
size_t atl_unpack_array(atl_unpack *in, const char *place, size_t max, const msgpack_object **ret);
void atl_unpack_end(atl_unpack *in); /* nothing may be left */

#endif
