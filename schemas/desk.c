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

/* ---- signs of life ---- */

void atl_desk_live(atl_desk *desk, int64_t now_ns)
{
    atomic_store_explicit(&desk->signs.alive_ns, now_ns, memory_order_release);
}

void atl_desk_step(atl_desk *desk, int64_t now_ns, int step, int n_steps)
{
    atl_desk_signs *signs = &desk->signs;
    if (step > 0) {
        const uint32_t n = atomic_load_explicit(&signs->n_took, memory_order_relaxed);
        const int64_t took_ns = now_ns - atomic_load_explicit(&signs->step_ns, memory_order_relaxed);
        atomic_store_explicit(&signs->took_ns[n % ATL_DESK_STEPS], took_ns, memory_order_release);
        atomic_store_explicit(&signs->n_took, n + 1, memory_order_release);
    }
    atomic_store_explicit(&signs->step, step, memory_order_relaxed);
    atomic_store_explicit(&signs->n_steps, n_steps, memory_order_relaxed);
    atomic_store_explicit(&signs->step_ns, now_ns, memory_order_release);
}

atl_desk_life atl_desk_look(const atl_desk *desk, uint32_t *seen)
{
    const atl_desk_signs *signs = &desk->signs;
    atl_desk_life life = {.alive_ns = atomic_load_explicit(&signs->alive_ns, memory_order_acquire),
                          .step_ns = atomic_load_explicit(&signs->step_ns, memory_order_acquire),
                          .step = atomic_load_explicit(&signs->step, memory_order_relaxed),
                          .n_steps = atomic_load_explicit(&signs->n_steps, memory_order_relaxed)};
    const uint32_t n = atomic_load_explicit(&signs->n_took, memory_order_acquire);
    const uint32_t unseen = n - *seen < ATL_DESK_STEPS ? n - *seen : ATL_DESK_STEPS;
    for (uint32_t i = n - unseen; i != n; i++)
        life.took_ns[life.n_took++] =
            atomic_load_explicit(&signs->took_ns[i % ATL_DESK_STEPS], memory_order_acquire);
    *seen = n;
    return life;
}
