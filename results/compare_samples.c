/* compare_samples.c - samples.jsonl: what the pool took over time, a line a moment. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_load.h"
#include "compare_private.h"
#include "results/dir_file.h"
#include "study_private.h"

#define MAX_BYTES ((size_t)1 << 27)

static void put_number(const char *key, double value, atl_text *out)
{
    atl_text_printf(out, ",\"%s\":", key);
    atl_study_put_number(value, out);
}

void atl_compare_put_sample(const atl_compare_sample *s, atl_text *out)
{
    atl_text_printf(out, "{\"window\":%d", s->window);
    put_number("at_s", s->at_s, out);
    put_number("cpus_busy", s->cpus_busy, out);
    put_number("memory_mb", s->memory_mb, out);
    put_number("read_mbps", s->read_mbps, out);
    put_number("written_mbps", s->written_mbps, out);
    atl_text_putc(out, '}');
}

atl_status atl_compare_append_samples(int dir_fd, const atl_compare_sample *samples, size_t n, atl_note *note)
{
    atl_text text = {0};
    for (size_t i = 0; i < n; i++) {
        atl_compare_put_sample(&samples[i], &text);
        atl_text_putc(&text, '\n');
    }
    if (text.failed) {
        atl_text_done(&text);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for " ATL_COMPARE_SAMPLES_NAME);
    }
    const int fd = openat(dir_fd, ATL_COMPARE_SAMPLES_NAME,
                          O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
    const bool ok = fd >= 0 && (n == 0 || atl_fd_write(fd, text.data, text.length));
    const int error = errno;
    if (fd >= 0)
        close(fd);
    atl_text_done(&text);
    return ok ? ATL_OK
              : atl_fail(note, ATL_IO, ATL_COMPARE_SAMPLES_NAME ": cannot write: %s", strerror(error));
}

/* Whether the key is there, as a number or null (NAN). */
static bool get_number(const json_t *o, const char *key, double *ret)
{
    const json_t *value = json_object_get(o, key);
    *ret = json_is_number(value) ? json_number_value(value) : NAN;
    return json_is_number(value) || json_is_null(value);
}

static atl_status parse_sample(const char *line, size_t n, atl_compare_sample *s)
{
    json_error_t error;
    json_t *o = atl_json_load(line, n, JSON_REJECT_DUPLICATES, &error);
    if (!o && error.text[0] == '\0')
        return ATL_NO_MEMORY;
    const json_t *window = json_object_get(o, "window");
    const bool ok = json_is_integer(window) && json_integer_value(window) >= 0 &&
                    json_integer_value(window) <= INT32_MAX && get_number(o, "at_s", &s->at_s) &&
                    get_number(o, "cpus_busy", &s->cpus_busy) && get_number(o, "memory_mb", &s->memory_mb) &&
                    get_number(o, "read_mbps", &s->read_mbps) &&
                    get_number(o, "written_mbps", &s->written_mbps);
    s->window = ok ? (int)json_integer_value(window) : 0;
    json_decref(o);
    return ok ? ATL_OK : ATL_BAD_INPUT;
}

static atl_status parse_samples(const char *bytes, size_t n, atl_compare_sample **ret, size_t *ret_n,
                                atl_note *note)
{
    size_t room = 0, line = 0;
    for (size_t i = 0; i < n; i++)
        room += bytes[i] == '\n';
    atl_compare_sample *samples = calloc(room + 1, sizeof *samples);
    if (!samples)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for %zu samples", room);
    for (const char *end; (end = memchr(bytes, '\n', n)) != NULL; line++) {
        const size_t length = (size_t)(end - bytes);
        const atl_status st = parse_sample(bytes, length, &samples[line]);
        if (st != ATL_OK) {
            free(samples);
            return atl_fail(note, st, ATL_COMPARE_SAMPLES_NAME ":%zu: %s", line + 1,
                            st == ATL_NO_MEMORY ? "no memory to read it" : "is no sample");
        }
        bytes = end + 1;
        n -= length + 1;
    }
    *ret = samples;
    *ret_n = line;
    return ATL_OK;
}

atl_status atl_compare_read_samples(int dir_fd, atl_compare_sample **ret, size_t *ret_n, atl_note *note)
{
    char *bytes;
    size_t n;
    atl_status st = atl_dir_file_read(dir_fd, ATL_COMPARE_SAMPLES_NAME, MAX_BYTES, &bytes, &n, note);
    if (st == ATL_NOT_FOUND) {
        *ret = NULL;
        *ret_n = 0;
        return ATL_OK;
    }
    if (st != ATL_OK)
        return st;
    st = parse_samples(bytes, n, ret, ret_n, note);
    free(bytes);
    return st;
}
