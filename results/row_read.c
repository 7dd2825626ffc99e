/* row_read.c - reads the figures of a picture back, by the million: without a tree, field by field.
 *
 * The members come in the order of the table, as they were written, so that each is found where the last one
 * left off; any other order is read as well. */
#include <string.h>

#include "json_scan_private.h"
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

static atl_span span_of(json_raw value)
{
    atl_span span = {0};
    json_scan s = json_scan_object(value.text, value.n_bytes);
    json_raw key, ms;
    while (json_scan_member(&s, &key, &ms))
        if (key.n_bytes == 7 && memcmp(key.text, "wall_ms", 7) == 0)
            span.wall_ns = (int64_t)(json_raw_number(ms) * 1e6);
        else if (key.n_bytes == 6 && memcmp(key.text, "cpu_ms", 6) == 0)
            span.cpu_ns = (int64_t)(json_raw_number(ms) * 1e6);
    return span;
}

/* Below 0 is none. */
static uint64_t count_of(json_raw value)
{
    const int64_t n = json_raw_int(value);
    return n > 0 ? (uint64_t)n : 0;
}

static void set(atl_row *row, const field *f, json_raw value)
{
    char *to = (char *)row + f->at;
    switch (f->kind) {
    case STRING:
        json_raw_string(value, to, f->size);
        break;
    case TRUTH:
        *(bool *)to = json_raw_is_true(value);
        break;
    case COUNT:
        *(uint64_t *)(void *)to = count_of(value);
        break;
    case COUNT_32:
        *(uint32_t *)(void *)to = (uint32_t)count_of(value);
        break;
    case WHOLE:
        *(int *)(void *)to = (int)json_raw_int(value);
        break;
    case TIME:
        *(int64_t *)(void *)to = json_raw_int(value);
        break;
    case MS:
        *(double *)(void *)to = json_raw_number(value);
        break;
    case SPAN:
        *(atl_span *)(void *)to = span_of(value);
        break;
    }
}

/* Its place in the table, looked for from `from` on; N_FIELDS when it is none of them. */
static size_t find(json_raw key, size_t from)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        const size_t at = (from + i) % N_FIELDS;
        if (fields[at].key_bytes == key.n_bytes && memcmp(fields[at].key, key.text, key.n_bytes) == 0)
            return at;
    }
    return N_FIELDS;
}

static atl_status fail(atl_note *note, const char *what)
{
    return atl_fail(note, ATL_BAD_INPUT, "figures of a picture: %s", what);
}

/* Reads on until all fields whose bits are in `wanted` are there, or the object ends. */
static atl_status read_fields(const char *json, size_t n_bytes, uint64_t wanted, atl_row *ret, atl_note *note)
{
    atl_row row = {0};
    json_scan s = json_scan_object(json, n_bytes);
    json_raw key, value;
    uint64_t seen = 0;
    size_t next = 0;
    while ((wanted & ~seen) != 0 && json_scan_member(&s, &key, &value)) {
        const size_t at = find(key, next);
        if (at == N_FIELDS)
            continue;
        if (seen >> at & 1)
            return fail(note, "a member stands there twice");
        seen |= UINT64_C(1) << at;
        next = at + 1;
        set(&row, &fields[at], value);
    }
    if ((wanted & ~seen) != 0 && !json_scan_ended(&s))
        return fail(note, "found no JSON object");
    *ret = row;
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
