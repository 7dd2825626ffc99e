/* desk.c - see desk.h. */
#include "schemas/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

atl_status atl_desk_map(int fd, atl_desk **ret, atl_note *note)
{
    void *page = mmap(NULL, sizeof **ret, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return atl_fail(note, ATL_IO, "cannot map a worker's desk: %s", strerror(errno));
    *ret = page;
    return ATL_OK;
}

/* Room is made now: where there is none, a write to the page would be a SIGBUS. */
atl_status atl_desk_open(atl_desk **ret, int *ret_fd, atl_note *note)
{
    const int fd = memfd_create("atelier-desk", MFD_CLOEXEC);
    if (fd < 0)
        return atl_fail(note, ATL_IO, "cannot make a worker's desk: %s", strerror(errno));
    const int rc = posix_fallocate(fd, 0, sizeof **ret);
    const atl_status st = rc == 0 ? atl_desk_map(fd, ret, note)
                                  : atl_fail(note, ATL_IO, "no room for a worker's desk: %s", strerror(rc));
    if (st != ATL_OK) {
        close(fd);
        return st;
    }
    *ret_fd = fd;
    return ATL_OK;
}

void atl_desk_close(atl_desk **desk)
{
    if (*desk)
        munmap(*desk, sizeof **desk);
    *desk = NULL;
}

/* A process that ends amid this leaves an empty place. */
void atl_desk_put(atl_desk_place *place, const uint64_t *tokens, size_t n)
{
    atomic_store_explicit(&place->n, 0, memory_order_release);
    for (size_t i = 0; i < n && i < ATL_DESK_LEASES; i++)
        atomic_store_explicit(&place->tokens[i], tokens[i], memory_order_release);
    atomic_store_explicit(&place->n, (uint32_t)(n < ATL_DESK_LEASES ? n : ATL_DESK_LEASES),
                          memory_order_release);
}

/* What a dying process wrote is not trusted with a bound. */
static size_t read_place(const atl_desk_place *place, uint64_t ret_tokens[ATL_DESK_LEASES])
{
    const uint32_t n = atomic_load_explicit(&place->n, memory_order_acquire);
    for (uint32_t i = 0; i < n && i < ATL_DESK_LEASES; i++)
        ret_tokens[i] = atomic_load_explicit(&place->tokens[i], memory_order_acquire);
    return n < ATL_DESK_LEASES ? n : ATL_DESK_LEASES;
}

size_t atl_desk_suspects(const atl_desk *desk, uint64_t ret_tokens[ATL_DESK_LEASES])
{
    size_t n = 0;
    if (!atomic_load_explicit(&desk->encoder_fell, memory_order_acquire))
        n = read_place(&desk->painting, ret_tokens);
    return n > 0 ? n : read_place(&desk->encoding, ret_tokens);
}
