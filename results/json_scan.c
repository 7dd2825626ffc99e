/* json_scan.c - see json_scan_private.h. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_scan_private.h"

static void skip_space(json_scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

static bool take(json_scan *s, char c)
{
    if (s->at < s->end && *s->at == c) {
        s->at++;
        return true;
    }
    return false;
}

/* From behind its first quote to behind its last. */
static void skip_string(json_scan *s)
{
    for (const char *begin = s->at;;) {
        const char *quote = memchr(s->at, '"', (size_t)(s->end - s->at));
        if (!quote) {
            s->bad = true;
            return;
        }
        const char *slash = quote;
        while (slash > begin && slash[-1] == '\\')
            slash--;
        s->at = quote + 1;
        if ((quote - slash) % 2 == 0)
            return;
    }
}

static bool in_scalar(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '+' || c == 'E';
}

static void skip_nested(json_scan *s)
{
    size_t depth = 0;
    do {
        if (s->at == s->end) {
            s->bad = true;
            return;
        }
        const char c = *s->at++;
        if (c == '"')
            skip_string(s);
        else if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
    } while (depth > 0 && !s->bad);
}

static json_raw take_value(json_scan *s)
{
    const char *begin = s->at;
    if (begin < s->end && (*begin == '{' || *begin == '['))
        skip_nested(s);
    else if (take(s, '"'))
        skip_string(s);
    else
        while (s->at < s->end && in_scalar(*s->at))
            s->at++;
    s->bad = s->bad || s->at == begin || s->at == s->end; /* a brace is to follow */
    return (json_raw){.text = begin, .n_bytes = (size_t)(s->at - begin)};
}

json_scan json_scan_object(const char *text, size_t n_bytes)
{
    json_scan s = {.at = text, .end = text + n_bytes};
    skip_space(&s);
    s.bad = !take(&s, '{');
    return s;
}

static json_raw take_key(json_scan *s)
{
    const char *key = s->at + 1;
    if (!take(s, '"')) {
        s->bad = true;
        return (json_raw){0};
    }
    skip_string(s);
    const json_raw name = {.text = key, .n_bytes = (size_t)(s->at - key) - 1};
    skip_space(s);
    s->bad = s->bad || !take(s, ':');
    skip_space(s);
    return name;
}

bool json_scan_member(json_scan *s, json_raw *ret_key, json_raw *ret_value)
{
    skip_space(s);
    if (s->bad || s->ended)
        return false;
    if (take(s, '}')) {
        s->ended = true;
        return false;
    }
    if (s->begun && !take(s, ',')) {
        s->bad = true;
        return false;
    }
    s->begun = true;
    skip_space(s);
    const json_raw key = take_key(s);
    const json_raw value = s->bad ? (json_raw){0} : take_value(s);
    *ret_key = key;
    *ret_value = value;
    return !s->bad;
}

bool json_scan_ended(const json_scan *s)
{
    json_scan rest = *s;
    skip_space(&rest);
    return s->ended && rest.at == rest.end;
}

/* ---- values ---- */

/* A scalar is followed by a comma or a brace, so that what converts it stops there at the latest. */
static bool is_number(json_raw v)
{
    return v.n_bytes > 0 && (*v.text == '-' || (*v.text >= '0' && *v.text <= '9'));
}

/* Of so few digits that nothing can overflow. */
static bool short_int(json_raw v, int64_t *ret)
{
    int64_t n = 0;
    if (v.n_bytes > 18)
        return false;
    for (size_t i = 0; i < v.n_bytes; i++) {
        if (v.text[i] < '0' || v.text[i] > '9')
            return false;
        n = 10 * n + (v.text[i] - '0');
    }
    *ret = n;
    return true;
}

int64_t json_raw_int(json_raw v)
{
    char *end = NULL;
    int64_t few = 0;
    if (!is_number(v) || short_int(v, &few))
        return few;
    errno = 0;
    const long long n = strtoll(v.text, &end, 10);
    return errno == 0 && end == v.text + v.n_bytes ? n : 0;
}

/* Up to fifteen digits, with at most a point among them: both the digits and the power of ten are exact, so
 * that one division rounds right (Clinger 1990, How to read floating point numbers accurately). */
static bool short_number(json_raw v, double *ret)
{
    static const double power[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6, 1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
    int64_t digits = 0;
    size_t n_behind = 0;
    bool point = false;
    if (v.n_bytes > 15)
        return false;
    for (size_t i = 0; i < v.n_bytes; i++) {
        const char c = v.text[i];
        if (c == '.' && !point && i > 0 && i + 1 < v.n_bytes) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            return false;
        digits = 10 * digits + (c - '0');
        n_behind += point;
    }
    *ret = (double)digits / power[n_behind];
    return true;
}

double json_raw_number(json_raw v)
{
    char *end = NULL;
    double value = 0;
    if (!is_number(v) || short_number(v, &value))
        return value;
    value = strtod(v.text, &end);
    return end == v.text + v.n_bytes ? value : 0;
}

bool json_raw_is_true(json_raw v)
{
    return v.n_bytes == 4 && memcmp(v.text, "true", 4) == 0;
}

void json_raw_string(json_raw v, char *out, size_t size)
{
    out[0] = '\0';
    if (v.n_bytes < 2 || *v.text != '"')
        return;
    if (!memchr(v.text, '\\', v.n_bytes)) {
        const size_t n = v.n_bytes - 2 < size ? v.n_bytes - 2 : size - 1;
        memcpy(out, v.text + 1, n);
        out[n] = '\0';
        return;
    }
    json_t *string = json_loadb(v.text, v.n_bytes, JSON_DECODE_ANY, NULL);
    const char *text = json_string_value(string);
    snprintf(out, size, "%s", text ? text : "");
    json_decref(string);
}
