/* row_read.c - reads the figures of a picture back, by the million: as yajl comes upon them, for a tree of
 * JSON costs ten times as much.
 *
 * The members come in the order of the table, as they were written, so that each is found where the last one
 * left off; any other order is read as well. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "results/row.h"

typedef enum kind { STRING, TRUTH, COUNT, COUNT_32, WHOLE, TIME, MS, SPAN } kind;

typedef struct field {
    const char *key;
    size_t key_bytes;
    kind kind;
    size_t at, size; /* in the row; the size of a string's place */
} field;

#define FIELD(key, kind, member)                                                                             \
    {                                                                                                        \
        key, sizeof key - 1, kind, offsetof(atl_row, member), sizeof(((atl_row *)0)->member)                 \
    }
#define STAGE(key, number)                                                                                   \
    {                                                                                                        \
        key, sizeof key - 1, SPAN, offsetof(atl_row, stage) + (number) * sizeof(atl_span), sizeof(atl_span)  \
    }
enum { BEGUN_AT = 13, ENDED_AT };
static const field fields[] = {
    FIELD("index", COUNT, index),
    FIELD("name", STRING, name),
    FIELD("job", STRING, job),
    FIELD("digest", STRING, digest),
    FIELD("png_bytes", COUNT, png_bytes),
    FIELD("width", WHOLE, width),
    FIELD("height", WHOLE, height),
    FIELD("adopted", TRUTH, adopted),
    FIELD("session", COUNT_32, session),
    FIELD("worker", COUNT_32, worker),
    FIELD("cores", STRING, cores),
    FIELD("attempt", COUNT_32, attempt),
    FIELD("batch_size", WHOLE, batch_size),
    [BEGUN_AT] = FIELD("begun_ns", TIME, begun_ns),
    [ENDED_AT] = FIELD("ended_ns", TIME, ended_ns),
    FIELD("queued_ms", MS, queued_ms),
    FIELD("waited_ms", MS, waited_ms),
    FIELD("transfer_ms", MS, transfer_ms),
    FIELD("write_ms", MS, write_ms),
    FIELD("unet_steps", WHOLE, n_unet_steps),
    STAGE("tokenize", ATL_STAGE_TOKENIZE),
    STAGE("text_encode", ATL_STAGE_TEXT_ENCODE),
    STAGE("vae_encode", ATL_STAGE_VAE_ENCODE),
    STAGE("unet", ATL_STAGE_UNET),
    STAGE("vae_decode", ATL_STAGE_VAE_DECODE),
    STAGE("png_encode", ATL_STAGE_PNG_ENCODE),
    STAGE("send", ATL_STAGE_SEND),
    FIELD("minor_faults", COUNT, minor_faults),
    FIELD("major_faults", COUNT, major_faults),
    FIELD("voluntary_switches", COUNT, voluntary_switches),
    FIELD("involuntary_switches", COUNT, involuntary_switches),
    FIELD("peak_rss_bytes", COUNT, peak_rss_bytes),
};
enum { N_FIELDS = sizeof fields / sizeof *fields };
_Static_assert(N_FIELDS <= 64, "a bit for each field");

/* Where the parser is. What stands deeper than a stage's two times is passed over. */
typedef struct reading {
    atl_row row;
    uint64_t wanted, seen; /* a bit for each field */
    size_t field;          /* whose value comes; N_FIELDS: none of ours */
    int64_t *time_ns;      /* of a stage, whose value comes; NULL: none of ours */
    int depth;
    const char *fault;
} reading;

enum { OBJECT = 1, MEMBER, MAX_DEPTH = 32 };
#define MAX_TIME_MS 9e12      /* in ns still a 64-bit number */
enum { STOP = 0, GO_ON = 1 }; /* as yajl wants it */

static int stop(reading *r, const char *fault)
{
    r->fault = fault;
    return STOP;
}

/* ---- memory: yajl looks at no failed allocation, so what it can need is there before it begins ---- */

typedef union grain {
    size_t n_bytes; /* of what follows */
    max_align_t align;
} grain;

typedef struct arena {
    grain *next;
} arena;

/* The parser, the lexer and a stack of one byte a level; two buffers that begin with 2 KiB and double until a
 * text of n bytes fits, old ones staying where they are. */
static size_t arena_bytes(size_t n_bytes)
{
    return 32768 + 2 * 4 * n_bytes;
}

static void *arena_alloc(void *user, size_t n_bytes)
{
    arena *a = user;
    grain *at = a->next;
    at->n_bytes = n_bytes;
    a->next += 1 + (n_bytes + sizeof(grain) - 1) / sizeof(grain);
    return at + 1;
}

static void *arena_realloc(void *user, void *old, size_t n_bytes)
{
    void *more = arena_alloc(user, n_bytes);
    if (old) {
        const size_t before = ((grain *)old - 1)->n_bytes;
        memcpy(more, old, before < n_bytes ? before : n_bytes);
    }
    return more;
}

static void arena_free(void *user, void *old)
{
    (void)user;
    (void)old;
}

/* ---- values ---- */

static void set_number(reading *r, int64_t whole, double number)
{
    if (r->depth == MEMBER && r->time_ns)
        *r->time_ns = fabs(number) < MAX_TIME_MS ? llround(number * 1e6) : 0;
    if (r->depth != OBJECT || r->field == N_FIELDS)
        return;
    char *to = (char *)&r->row + fields[r->field].at;
    const uint64_t count = whole > 0 ? (uint64_t)whole : 0; /* below 0 is none */
    switch (fields[r->field].kind) {
    case COUNT:
        *(uint64_t *)(void *)to = count;
        break;
    case COUNT_32:
        *(uint32_t *)(void *)to = (uint32_t)count;
        break;
    case WHOLE:
        *(int *)(void *)to = (int)whole;
        break;
    case TIME:
        *(int64_t *)(void *)to = whole;
        break;
    case MS:
        *(double *)(void *)to = number;
        break;
    case STRING:
    case TRUTH:
    case SPAN:
        break;
    }
}

static int on_integer(void *user, long long value)
{
    reading *r = user;
    set_number(r, value, (double)value);
    return r->depth > 0 ? GO_ON : STOP;
}

static int on_double(void *user, double value)
{
    reading *r = user;
    set_number(r, 0, value);
    return r->depth > 0 ? GO_ON : STOP;
}

static int on_boolean(void *user, int value)
{
    reading *r = user;
    if (r->depth == OBJECT && r->field < N_FIELDS && fields[r->field].kind == TRUTH)
        *(bool *)((char *)&r->row + fields[r->field].at) = value;
    return r->depth > 0 ? GO_ON : STOP;
}

static int on_null(void *user)
{
    const reading *r = user;
    return r->depth > 0 ? GO_ON : STOP;
}

static int on_string(void *user, const unsigned char *value, size_t n_bytes)
{
    reading *r = user;
    if (r->depth == OBJECT && r->field < N_FIELDS && fields[r->field].kind == STRING) {
        char *to = (char *)&r->row + fields[r->field].at;
        const size_t most = fields[r->field].size - 1, n = n_bytes < most ? n_bytes : most;
        memcpy(to, value, n);
        to[n] = '\0';
    }
    return r->depth > 0 ? GO_ON : STOP;
}

/* ---- members ---- */

/* Its place in the table, looked for from `from` on; N_FIELDS when it is none of them. */
static size_t find(const char *key, size_t n_bytes, size_t from)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        const size_t at = (from + i) % N_FIELDS;
        if (fields[at].key_bytes == n_bytes && memcmp(fields[at].key, key, n_bytes) == 0)
            return at;
    }
    return N_FIELDS;
}

static int64_t *time_of(reading *r, const char *key, size_t n_bytes)
{
    if (r->field == N_FIELDS || fields[r->field].kind != SPAN)
        return NULL;
    atl_span *span = (atl_span *)(void *)((char *)&r->row + fields[r->field].at);
    if (n_bytes == 7 && memcmp(key, "wall_ms", 7) == 0)
        return &span->wall_ns;
    return n_bytes == 6 && memcmp(key, "cpu_ms", 6) == 0 ? &span->cpu_ns : NULL;
}

static int on_key(void *user, const unsigned char *bytes, size_t n_bytes)
{
    reading *r = user;
    const char *key = (const char *)bytes;
    if (r->depth == MEMBER)
        r->time_ns = time_of(r, key, n_bytes);
    if (r->depth != OBJECT)
        return GO_ON;
    if ((r->wanted & ~r->seen) == 0)
        return STOP; /* all is there */
    r->field = find(key, n_bytes, r->field == N_FIELDS ? 0 : r->field + 1);
    r->time_ns = NULL;
    if (r->field == N_FIELDS)
        return GO_ON;
    if (r->seen >> r->field & 1)
        return stop(r, "a member stands there twice");
    r->seen |= UINT64_C(1) << r->field;
    return GO_ON;
}

static int on_open(void *user)
{
    reading *r = user;
    return ++r->depth <= MAX_DEPTH ? GO_ON : stop(r, "they are nested too deep");
}

static int on_open_array(void *user)
{
    const reading *r = user;
    return r->depth > 0 ? on_open(user) : STOP; /* the whole is to be an object */
}

static int on_close(void *user)
{
    reading *r = user;
    r->depth--;
    return GO_ON;
}

static const yajl_callbacks callbacks = {.yajl_null = on_null,
                                         .yajl_boolean = on_boolean,
                                         .yajl_integer = on_integer,
                                         .yajl_double = on_double,
                                         .yajl_string = on_string,
                                         .yajl_start_map = on_open,
                                         .yajl_map_key = on_key,
                                         .yajl_end_map = on_close,
                                         .yajl_start_array = on_open_array,
                                         .yajl_end_array = on_close};

/* Reads on until all fields whose bits are in `wanted` are there, or the object ends. */
static atl_status read_fields(const char *json, size_t n_bytes, uint64_t wanted, atl_row *ret, atl_note *note)
{
    reading r = {.wanted = wanted, .field = N_FIELDS};
    grain *room = malloc(arena_bytes(n_bytes));
    if (!room)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the figures of a picture");
    arena a = {.next = room};
    yajl_alloc_funcs memory = {
        .malloc = arena_alloc, .realloc = arena_realloc, .free = arena_free, .ctx = &a};
    yajl_handle parser = yajl_alloc(&callbacks, &memory, &r);
    yajl_status st = yajl_parse(parser, (const unsigned char *)json, n_bytes);
    if (st == yajl_status_ok)
        st = yajl_complete_parse(parser);
    free(room);
    const bool enough = r.depth == OBJECT && (wanted & ~r.seen) == 0;
    if (r.fault || (st != yajl_status_ok && !(st == yajl_status_client_canceled && enough)))
        return atl_fail(note, ATL_BAD_INPUT, "figures of a picture: %s",
                        r.fault ? r.fault : "found no JSON object");
    *ret = r.row;
    return ATL_OK;
}

atl_status atl_row_parse(const char *json, size_t n_bytes, atl_row *ret, atl_note *note)
{
    return read_fields(json, n_bytes, UINT64_MAX, ret, note);
}

atl_status atl_row_glance(const char *json, size_t n_bytes, atl_row *ret, atl_note *note)
{
    return read_fields(json, n_bytes, UINT64_C(1) << BEGUN_AT | UINT64_C(1) << ENDED_AT, ret, note);
}
