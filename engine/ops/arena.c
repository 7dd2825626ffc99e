/* arena.c - scratch memory as a stack, and a piece at the far end; see arena.h. */
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

/* `used` and `far` are what shall be in use, `wanted` what was asked for just now. */
static void occupy(atl_arena *arena, size_t used, size_t far, size_t wanted)
{
    if (used > arena->capacity_bytes || far > arena->capacity_bytes - used) {
        fprintf(stderr, "atelier: scratch arena of %zu bytes is full (%zu in use, %zu wanted)\n",
                arena->capacity_bytes, arena->used_bytes + arena->far_bytes, wanted);
        abort();
    }
    arena->used_bytes = used;
    arena->far_bytes = far;
    if (used + far > arena->peak_bytes)
        arena->peak_bytes = used + far;
}

/* SIZE_MAX where that is more than can be said. */
static size_t aligned(size_t bytes)
{
    return bytes > SIZE_MAX - ATL_ARENA_ALIGN ? SIZE_MAX : atl_round_up(bytes, ATL_ARENA_ALIGN);
}

void *atl_arena_take(atl_arena *arena, size_t bytes)
{
    const size_t begin = arena->used_bytes, more = aligned(bytes);
    occupy(arena, more > SIZE_MAX - begin ? SIZE_MAX : begin + more, arena->far_bytes, bytes);
    if (arena->measuring)                                    /* not NULL, aligned, and never to be touched */
        return (void *)(uintptr_t)(begin + ATL_ARENA_ALIGN); /* NOLINT(performance-no-int-to-ptr) */
    return arena->base + begin;
}

void *atl_arena_far(atl_arena *arena, size_t bytes)
{
    occupy(arena, arena->used_bytes, aligned(bytes), bytes);
    if (arena->measuring) /* far above whatever is taken */
        return (void *)(uintptr_t)(SIZE_MAX / 2 + 1 -
                                   arena->far_bytes); /* NOLINT(performance-no-int-to-ptr) */
    return arena->base + arena->capacity_bytes - arena->far_bytes;
}

size_t atl_arena_mark(const atl_arena *arena)
{
    return arena->used_bytes;
}

void atl_arena_release(atl_arena *arena, size_t mark)
{
    arena->used_bytes = mark;
}
