/* store.c - see store.h. */
#include "model/store.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/sizes.h"

#define STORE_ALIGN ((size_t)2 << 20) /* a huge page */
#define LAYER_ALIGN ((size_t)64)      /* a cache line */

atl_status atl_store_open(size_t capacity_bytes, atl_store *ret_store, atl_note *note)
{
    const size_t capacity = atl_round_up(capacity_bytes ? capacity_bytes : 1, STORE_ALIGN);
    uint8_t *region = mmap(NULL, capacity + STORE_ALIGN, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region == MAP_FAILED)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for %zu bytes of weights: %s", capacity,
                        strerror(errno));
    /* Give back what lies before and after the aligned part. */
    const size_t before = atl_round_up((uintptr_t)region, STORE_ALIGN) - (uintptr_t)region;
    if (before > 0)
        munmap(region, before);
    uint8_t *base = region + before;
    if (STORE_ALIGN - before > 0)
        munmap(base + capacity, STORE_ALIGN - before);
#ifdef MADV_HUGEPAGE
    madvise(base, capacity, MADV_HUGEPAGE); /* a wish: slower without, not wrong */
#endif
#ifdef MADV_DONTDUMP
    madvise(base, capacity, MADV_DONTDUMP);
#endif
    *ret_store = (atl_store){.base = base, .capacity_bytes = capacity};
    return ATL_OK;
}

void atl_store_close(atl_store *store)
{
    if (store->base)
        munmap(store->base, store->capacity_bytes);
    *store = (atl_store){0};
}

void *atl_store_take(atl_store *store, size_t bytes)
{
    const size_t at = atl_round_up(store->used_bytes, LAYER_ALIGN);
    if (at > store->capacity_bytes || bytes > store->capacity_bytes - at)
        return NULL;
    store->used_bytes = at + bytes;
    return store->base + at;
}
