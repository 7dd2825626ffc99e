/* caches.h - how large a hardware thread's caches are. One thread or many may ask. */
#ifndef ATL_CACHES_H
#define ATL_CACHES_H

#include <stddef.h>

typedef struct atl_cache {
    size_t bytes; /* 0: there is none of that level, or it is not known */
    int n_shared; /* hardware threads that share it; ≥ 1 */
    int first;    /* the first of them: which one it is */
} atl_cache;

typedef struct atl_caches {
    atl_cache level[4]; /* 1 (data) to 3; [0] is not used */
} atl_caches;

/* Reads <root>/sys/devices/system/cpu/cpu<cpu>/cache ("" is the real root). What is not there is 0, but a
 * first level of 32 KiB and a second one of 1 MiB are taken for granted, so that programs run everywhere. */
atl_caches atl_caches_of(const char *root, int cpu);

/* The outermost level that is there. */
const atl_cache *atl_caches_last(const atl_caches *caches);

#endif
