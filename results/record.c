/* record.c - see record.h. */
#include "record.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { CRC_DIGITS = 8 };

static const char *const type_names[ATL_N_RECORD_TYPES] = {
    [ATL_RECORD_RUN] = "RUN",   [ATL_RECORD_PLAN] = "PLAN",   [ATL_RECORD_START] = "START",
    [ATL_RECORD_DONE] = "DONE", [ATL_RECORD_FAIL] = "FAIL",   [ATL_RECORD_LEASE_LOST] = "LEASE_LOST",
    [ATL_RECORD_END] = "END",   [ATL_RECORD_STATE] = "STATE",
};

void atl_record_add(atl_record *record, const char *field)
{
    record->field[record->n_fields] = field;
    record->field_bytes[record->n_fields] = strlen(field);
    record->n_fields++;
}

/* Bytes that a field may not hold as they are, and the letter that stands for each behind a backslash. */
static const char raw_bytes[] = {'\t', '\n', '\r', '\0', '\\'};
static const char letters[] = {'t', 'n', 'r', '0', '\\'};

/* A line under construction; sticky. */
typedef struct line {
    char *out;
    size_t used, capacity;
    bool full;
} line;

static void put(line *l, const char *bytes, size_t n)
{
    if (l->full || n > l->capacity - l->used) {
        l->full = true;
        return;
    }
    memcpy(l->out + l->used, bytes, n);
    l->used += n;
}

/* How many of the bytes stand for themselves: searched for one by one, as memchr is quick and fields are
 * long.
 */
static size_t plain_bytes(const char *bytes, size_t n)
{
    for (size_t i = 0; i < sizeof raw_bytes; i++) {
        const char *special = memchr(bytes, raw_bytes[i], n);
        n = special ? (size_t)(special - bytes) : n;
    }
    return n;
}

static void put_escaped(line *l, const char *bytes, size_t n)
{
    while (n > 0) {
        const size_t plain = plain_bytes(bytes, n);
        put(l, bytes, plain);
        bytes += plain;
        n -= plain;
        if (n > 0) {
            const char *special = memchr(raw_bytes, *bytes++, sizeof raw_bytes);
            put(l, (const char[]){'\\', letters[special - raw_bytes]}, 2);
            n--;
        }
    }
}

static void put_crc(char *out, const char *body, size_t n)
{
    unsigned long crc = crc32(0, (const unsigned char *)body, (unsigned)n);
    for (int i = CRC_DIGITS - 1; i >= 0; i--, crc >>= 4)
        out[i] = "0123456789abcdef"[crc & 15];
}

size_t atl_record_encode(const atl_record *record, char *out, size_t capacity)
{
    if (capacity < CRC_DIGITS + 2)
        return 0;
    line l = {.out = out,
              .used = CRC_DIGITS + 1,
              .capacity = capacity < ATL_MAX_RECORD_BYTES ? capacity : ATL_MAX_RECORD_BYTES};
    char job[2 * ATL_JOB_ID_BYTES + 1], head[128];
    atl_job_id_hex(&record->job, job);
    const int n = snprintf(head, sizeof head, "%llu\t%s\t%llu\t%s\t%u", (unsigned long long)record->sequence,
                           type_names[record->type], (unsigned long long)record->index, job, record->attempt);
    put(&l, head, (size_t)n);
    for (int i = 0; i < record->n_fields; i++) {
        put(&l, "\t", 1);
        put_escaped(&l, record->field[i], record->field_bytes[i]);
    }
    const size_t end = l.used;
    put(&l, "\n", 1);
    if (l.full)
        return 0;
    put_crc(out, out + CRC_DIGITS + 1, end - CRC_DIGITS - 1);
    out[CRC_DIGITS] = '\t';
    return l.used;
}

/* Bytes of a part without their escapes; false: one that nobody writes. */
static bool unescape(const char *from, size_t n, char **out)
{
    while (n > 0) {
        const char *slash = memchr(from, '\\', n);
        const size_t plain = slash ? (size_t)(slash - from) : n;
        memcpy(*out, from, plain);
        *out += plain;
        from += plain;
        n -= plain;
        if (n == 0)
            break;
        const char *letter = n > 1 ? memchr(letters, from[1], sizeof letters) : NULL;
        if (!letter)
            return false;
        *(*out)++ = raw_bytes[letter - letters];
        from += 2;
        n -= 2;
    }
    return true;
}

/* The next tab-separated part of [*at, end), unescaped into *scratch. */
static bool next_part(const char **at, const char *end, char **scratch, const char **ret, size_t *ret_bytes)
{
    if (!*at)
        return false;
    const char *tab = memchr(*at, '\t', (size_t)(end - *at));
    char *out = *scratch;
    if (!unescape(*at, (size_t)((tab ? tab : end) - *at), &out))
        return false;
    *ret = *scratch;
    *ret_bytes = (size_t)(out - *scratch);
    *out++ = '\0';
    *scratch = out;
    *at = tab ? tab + 1 : NULL;
    return true;
}

/* Decimal digits as printf writes them. */
static bool parse_number(const char *digits, size_t n, uint64_t *ret)
{
    uint64_t value = 0;
    if (n == 0 || (n > 1 && digits[0] == '0'))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (digits[i] < '0' || digits[i] > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digits[i] - '0'), &value))
            return false;
    }
    *ret = value;
    return true;
}

static bool parse_type(const char *name, atl_record_type *ret)
{
    for (int i = 0; i < ATL_N_RECORD_TYPES; i++)
        if (strcmp(name, type_names[i]) == 0) {
            *ret = (atl_record_type)i;
            return true;
        }
    return false;
}

/* Lower-case digits, as atl_job_id_hex writes them. */
static bool parse_job(const char *hex, atl_job_id *ret)
{
    return atl_job_id_parse(hex, ret) && !hex[strcspn(hex, "ABCDEF")];
}

/* The five parts that every record has. */
static bool parse_head(const char *const part[5], const size_t bytes[5], atl_record *record)
{
    uint64_t attempt = 0;
    for (int i = 0; i < 5; i++)
        if (bytes[i] != strlen(part[i]))
            return false; /* an escaped NUL ends no name */
    if (!parse_number(part[0], bytes[0], &record->sequence) || !parse_type(part[1], &record->type) ||
        !parse_number(part[2], bytes[2], &record->index) || !parse_job(part[3], &record->job) ||
        !parse_number(part[4], bytes[4], &attempt) || attempt > UINT32_MAX)
        return false;
    record->attempt = (uint32_t)attempt;
    return true;
}

/* The head's parts were read only as they are written, and each escape has one spelling: what is left are
 * bytes that should have been escaped. (Newline and tab divide; they cannot be within.) */
static bool is_escaped(const char *text, size_t n_bytes)
{
    return !memchr(text, '\r', n_bytes) && !memchr(text, '\0', n_bytes) && !memchr(text, '\n', n_bytes);
}

bool atl_record_decode(const char *text, size_t n_bytes, char *scratch, atl_record *ret)
{
    if (n_bytes <= CRC_DIGITS + 1 || n_bytes >= ATL_MAX_RECORD_BYTES || text[CRC_DIGITS] != '\t' ||
        !is_escaped(text, n_bytes))
        return false;
    char crc[CRC_DIGITS];
    put_crc(crc, text + CRC_DIGITS + 1, n_bytes - CRC_DIGITS - 1);
    if (memcmp(crc, text, CRC_DIGITS) != 0)
        return false;
    atl_record record = {0};
    const char *at = text + CRC_DIGITS + 1, *end = text + n_bytes;
    const char *part[5];
    size_t bytes[5];
    for (int i = 0; i < 5; i++)
        if (!next_part(&at, end, &scratch, &part[i], &bytes[i]))
            return false;
    if (!parse_head(part, bytes, &record))
        return false;
    while (at) {
        if (record.n_fields == ATL_MAX_FIELDS ||
            !next_part(&at, end, &scratch, &record.field[record.n_fields],
                       &record.field_bytes[record.n_fields]))
            return false;
        record.n_fields++;
    }
    *ret = record;
    return true;
}
