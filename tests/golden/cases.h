/* cases.h - what diffusers was given and what it gave: the lists that tests/reference/make.py writes.
 *
 * A set is one checkpoint's folder in expected/: cases.json, and for each case CASE.in.safetensors and
 * CASE.out.safetensors, as `atelier model probe` reads and writes them. */
#ifndef GOLDEN_CASES_H
#define GOLDEN_CASES_H

#include <jansson.h>

#include "engine/engine.h"

typedef struct golden_case {
    const char *name, *part; /* "heun_20", "pipeline" */
    char in[512], out[512];  /* paths */
    atl_request request;     /* of a pipeline; its strings belong to the set */
    atl_rgb init;            /* owned: what request.init_image points to, if anything */
} golden_case;

typedef struct golden_set {
    json_t *json;
    size_t n;
    golden_case *at;
} golden_set;

/* Fails the test where the folder is not as it should be. */
void golden_set_open(const char *folder, golden_set *ret);
void golden_set_close(golden_set *set);
/* The case of that name; fails the test if there is none. */
const golden_case *golden_set_find(const golden_set *set, const char *name);

#endif
