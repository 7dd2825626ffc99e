/* json_load.c - see json_load.h.
 *
 * jansson goes on where a string cannot grow, and leaves the byte out: what it read is not taken then.
 *
 * jansson takes its memory from functions that are set once for the process: here before main, so that no
 * thread sees them change. What they note is the thread's own. */
#include "base/json_load.h"

#include <stdbool.h>
#include <stdlib.h>

static _Thread_local bool is_out;

static void *note_malloc(size_t n)
{
    void *memory = malloc(n);
    is_out = is_out || !memory;
    return memory;
}

__attribute__((constructor)) static void watch_memory(void)
{
    json_set_alloc_funcs(note_malloc, free);
}

json_t *atl_json_load(const char *text, size_t n_bytes, size_t flags, json_error_t *error)
{
    is_out = false;
    json_t *json = json_loadb(text, n_bytes, flags, error);
    if (is_out) {
        json_decref(json);
        json = NULL;
        if (error)
            error->text[0] = '\0';
    }
    return json;
}
