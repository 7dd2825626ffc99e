/* json_scan_private.h - walks over one JSON object without building it; private to the room.
 *
 * For figures that this program wrote by the million: a library's tree costs some fifty allocations for each.
 * What is wanted is checked when it is taken, what is not is only measured. Strings with escapes are left to
 * jansson. */
#ifndef ATL_RESULTS_JSON_SCAN_PRIVATE_H
#define ATL_RESULTS_JSON_SCAN_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value as it stands in the text; a string with its quotes. */
typedef struct json_raw {
    const char *text;
    size_t n_bytes;
} json_raw;

/* Sticky: after something that is no JSON, `bad` is set and nothing more comes. */
typedef struct json_scan {
    const char *at, *end;
    bool bad, begun, ended;
} json_scan;

/* Stands before the first member; bad, when the text begins no object. */
json_scan json_scan_object(const char *text, size_t n_bytes);
/* The next member; the key without its quotes, escapes and all. False: the object ended, or is bad. */
bool json_scan_member(json_scan *scan, json_raw *ret_key, json_raw *ret_value);
/* Whether the object ended well, and nothing but white space follows; for after the last member. */
bool json_scan_ended(const json_scan *scan);

/* Values; 0, "" or false for what is of another kind. */
int64_t json_raw_int(json_raw value);
double json_raw_number(json_raw value);
bool json_raw_is_true(json_raw value);
/* Cut to size - 1 bytes. */
void json_raw_string(json_raw value, char *out, size_t size);

#endif
