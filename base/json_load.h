/* json_load.h - jansson's parser, over memory that may run out. */
#ifndef ATL_BASE_JSON_LOAD_H
#define ATL_BASE_JSON_LOAD_H

#include <jansson.h>

/* json_loadb, which calls an allocation that failed a mistake of the text, or leaves a byte of a string out:
 * here the answer is NULL then, and the error has no words. `error` may be NULL. From any thread. */
json_t *atl_json_load(const char *text, size_t n_bytes, size_t flags, json_error_t *error);

#endif
