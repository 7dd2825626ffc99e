/* arena.c - scratch memory as a stack; see arena.h. */
#include "ops/arena.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/sizes.h"

#define LARGE_PAGE ((size_t)2 << 20)

atl_arena atl_arena_measure(void)
{
    return (atl_arena){.measuring = true, .capacity_bytes = SIZE_MAX};
}

/* Maps `bytes` (a multiple of LARGE_PAGE) at a multiple of LARGE_PAGE: one page more than needed, and what
 * sticks out is given back. */
static void *map_aligned(size_t bytes)
{
    uint8_t *raw = mmap(NULL, bytes + LARGE_PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED)
        return NULL;
    size_t before = (LARGE_PAGE - (uintptr_t)raw % LARGE_PAGE) % LARGE_PAGE;
    if (before)
        munmap(raw, before);
    munmap(raw + before + bytes, LARGE_PAGE - before);
    return raw + before;
}

atl_status atl_arena_open(size_t capacity_bytes, atl_arena *ret_arena, atl_note *note)
{
    if (capacity_bytes > SIZE_MAX / 2)
        return atl_fail(note, ATL_NO_MEMORY, "cannot map %zu bytes of scratch", capacity_bytes);
    size_t bytes = atl_round_up(capacity_bytes ? capacity_bytes : 1, LARGE_PAGE);
    void *base = map_aligned(bytes);
    if (!base)
        return atl_fail(note, ATL_NO_MEMORY, "cannot map %zu bytes of scratch: %s", bytes, strerror(errno));
    madvise(base, bytes, MADV_HUGEPAGE); /* advice: works as well without */
    *ret_arena = (atl_arena){.base = base, .capacity_bytes = bytes};
    return ATL_OK;
}

void atl_arena_close(atl_arena *arena)
{
    if (!arena)
        return;
    if (arena->base)
        munmap(arena->base, arena->capacity_bytes);
    *arena = (atl_arena){0};
}

void *atl_arena_take(atl_arena *arena, size_t bytes)
{
    size_t begin = arena->used_bytes;
    size_t room = arena->capacity_bytes - begin;
    if (bytes > room || atl_round_up(bytes, ATL_ARENA_ALIGN) > room) {
        fprintf(stderr, "atelier: scratch arena of %zu bytes is full (%zu in use, %zu wanted)\n",
                arena->capacity_bytes, begin, bytes);
        abort();
    }
    arena->used_bytes = begin + atl_round_up(bytes, ATL_ARENA_ALIGN);
    if (arena->used_bytes > arena->peak_bytes)
        arena->peak_bytes = arena->used_bytes;
    if (arena->measuring)                                    /* not NULL, aligned, and never to be touched */
        return (void *)(uintptr_t)(begin + ATL_ARENA_ALIGN); /* NOLINT(performance-no-int-to-ptr) */
    return arena->base + begin;
}

size_t atl_arena_mark(const atl_arena *arena)
{
    return arena->used_bytes;
}

void atl_arena_release(atl_arena *arena, size_t mark)
{
    arena->used_bytes = mark;
}
