/* store_shared.c - a store that several processes map: see store.h.
 *
 * The region is a memfd that all workers of a machine inherited. The first to take its lock sizes it, packs
 * into it and seals it; whoever comes later finds it sealed and maps it read-only in under a millisecond. A
 * packer that dies gives the lock back with the seal unset, and the next one starts over: nothing half-packed
 * is ever used. The lock is POSIX's (fcntl), which belongs to a process; flock's would belong to the open
 * file that all of them share.
 *
 * Space is allocated before anything is written: a full /dev/shm answers ftruncate with success and the first
 * store with SIGBUS. All threads do that, chunk by chunk, in huge pages where there are any. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sizes.h"
#include "model/store.h"

#define STORE_ALIGN ((size_t)2 << 20)
#define CLEAR_CHUNK ((size_t)32 << 20)
#define ALL_SEALS   (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1; older kernels say EINVAL, and the pages stay small */
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

static atl_status fail_errno(atl_note *note, const char *what)
{
    return atl_fail(note, errno == ENOSPC || errno == ENOMEM ? ATL_NO_MEMORY : ATL_IO,
                    "shared weights: cannot %s: %s", what, strerror(errno));
}

static int set_lock(int fd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    int rc;
    do
        rc = fcntl(fd, F_SETLKW, &lock);
    while (rc != 0 && errno == EINTR);
    return rc;
}

/* Maps the whole memfd at a multiple of 2 MiB, so that huge pages can back it. */
static atl_status map_aligned(int fd, size_t capacity, int protection, atl_store *ret, atl_note *note)
{
    uint8_t *hole =
        mmap(NULL, capacity + STORE_ALIGN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (hole == MAP_FAILED)
        return fail_errno(note, "reserve addresses");
    uint8_t *base = hole + (atl_round_up((uintptr_t)hole, STORE_ALIGN) - (uintptr_t)hole);
    if (mmap(base, capacity, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
        const atl_status st = fail_errno(note, "map");
        munmap(hole, capacity + STORE_ALIGN);
        return st;
    }
    if (base > hole)
        munmap(hole, (size_t)(base - hole));
    const size_t after = (size_t)(hole + STORE_ALIGN - base);
    if (after > 0)
        munmap(base + capacity, after);
#ifdef MADV_DONTDUMP
    madvise(base, capacity, MADV_DONTDUMP);
#endif
    *ret = (atl_store){.base = base, .capacity_bytes = capacity};
    return ATL_OK;
}

/* ---- finding room: every page is there before anything is written ---- */

typedef struct room {
    const atl_store *store;
    int fd;
    atomic_int error; /* errno of a chunk that found none, or 0 */
} room;

static int populate(uint8_t *from, size_t bytes)
{
    return madvise(from, bytes, MADV_POPULATE_WRITE) == 0 ? 0 : errno;
}

/* Huge pages, without privilege, also where shmem_enabled says never: a page in each place of one, then
 * collapse. A wish: false if there are none to be had. */
static bool collapse(uint8_t *from, size_t bytes, size_t small_page)
{
    for (size_t at = 0; at < bytes; at += STORE_ALIGN)
        if (populate(from + at, small_page) != 0)
            return false;
    return madvise(from, bytes, MADV_COLLAPSE) == 0;
}

/* One chunk on one thread. */
static void find_room(void *job, size_t chunk, int thread)
{
    room *r = job;
    const size_t begin = chunk * CLEAR_CHUNK, left = r->store->capacity_bytes - begin;
    const size_t bytes = left < CLEAR_CHUNK ? left : CLEAR_CHUNK;
    uint8_t *from = r->store->base + begin;
    (void)thread;
    if (collapse(from, bytes, (size_t)sysconf(_SC_PAGESIZE)))
        return;
    int error = populate(from, bytes);
    if (error == EINVAL) /* before Linux 5.14 */
        error = fallocate(r->fd, 0, (off_t)begin, (off_t)bytes) == 0 ? 0 : errno;
    if (error)
        atomic_store(&r->error, error);
}

static atl_status find_all_room(int fd, const atl_store *store, atl_pool *pool, atl_note *note)
{
    room r = {.store = store, .fd = fd};
    atomic_init(&r.error, 0);
    atl_pool_run(pool, (store->capacity_bytes + CLEAR_CHUNK - 1) / CLEAR_CHUNK, find_room, &r);
    const int error = atomic_load(&r.error);
    if (!error)
        return ATL_OK;
    errno = error == EFAULT ? ENOMEM : error; /* the one says that what it met would have been a SIGBUS */
    return fail_errno(note, "find room");
}

static atl_status map_sealed(int fd, size_t capacity, atl_store *ret, atl_note *note)
{
    struct stat s;
    if (fstat(fd, &s) != 0)
        return fail_errno(note, "stat");
    if ((size_t)s.st_size != capacity)
        return atl_fail(note, ATL_BAD_INPUT,
                        "shared weights: found %lld bytes, wanted %zu: packed for another model or policy",
                        (long long)s.st_size, capacity);
    return map_aligned(fd, capacity, PROT_READ, ret, note);
}

/* Sizes, maps and fills the memfd with pages. */
static atl_status map_new(int fd, size_t capacity, atl_pool *pool, atl_store *ret, atl_note *note)
{
    if (ftruncate(fd, (off_t)capacity) != 0)
        return fail_errno(note, "find room");
    atl_store store;
    atl_status st = map_aligned(fd, capacity, PROT_READ | PROT_WRITE, &store, note);
    if (st != ATL_OK)
        return st;
    st = find_all_room(fd, &store, pool, note);
    if (st != ATL_OK)
        atl_store_close(&store);
    else
        *ret = store;
    return st;
}

atl_status atl_store_share_begin(int fd, size_t capacity_bytes, atl_pool *pool, atl_store *ret_store,
                                 bool *ret_packed, atl_note *note)
{
    const size_t capacity = atl_round_up(capacity_bytes ? capacity_bytes : 1, STORE_ALIGN);
    if (set_lock(fd, F_WRLCK) != 0)
        return fail_errno(note, "lock");
    atl_status st = ATL_OK;
    const int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0) {
        st = fail_errno(note, "read the seals of what should be a memfd");
    } else if (seals & F_SEAL_WRITE) {
        *ret_packed = true;
        st = map_sealed(fd, capacity, ret_store, note);
    } else {
        *ret_packed = false;
        st = map_new(fd, capacity, pool, ret_store, note);
    }
    if (st != ATL_OK || *ret_packed)
        set_lock(fd, F_UNLCK);
    return st;
}

atl_status atl_store_share_end(int fd, bool packed_well, atl_store *store, atl_note *note)
{
    const size_t capacity = store->capacity_bytes;
    atl_status st = ATL_OK;
    atl_store_close(store); /* a seal against writing wants no writable mapping left */
    if (packed_well && fcntl(fd, F_ADD_SEALS, ALL_SEALS) != 0)
        st = fail_errno(note, "seal");
    set_lock(fd, F_UNLCK);
    return st == ATL_OK && packed_well ? map_sealed(fd, capacity, store, note) : st;
}
