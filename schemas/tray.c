/* tray.c - see tray.h.
 *
 * The first page holds a token for each slot, 0 where it is free. Only the worker makes one other than 0,
 * after the bytes; only the coordinator makes it 0 again, after it has read. The RESULT between them goes
 * through a socket. What a slot needs is allocated before it is written to: where memory is out, a write to
 * the map would be a SIGBUS. The file cannot shrink. */
#include "schemas/tray.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, TRAY_BYTES = PAGE_BYTES + ATL_TRAY_SLOTS * ATL_TRAY_SLOT_BYTES };

typedef struct head {
    _Atomic uint64_t token[ATL_TRAY_SLOTS];
} head;

struct atl_tray {
    unsigned char *map;
    int fd;                            /* the worker's, to find room with; -1: the coordinator's side */
    size_t room[ATL_TRAY_SLOTS];       /* bytes that were allocated */
    _Atomic int n_holders;             /* the opener, and each picture that was taken */
    atomic_bool taken[ATL_TRAY_SLOTS]; /* by us: whatever is said twice is handed out once */
};

static head *head_of(const atl_tray *tray)
{
    return (head *)(void *)tray->map;
}

static unsigned char *slot_of(const atl_tray *tray, uint32_t slot)
{
    return tray->map + PAGE_BYTES + (size_t)slot * ATL_TRAY_SLOT_BYTES;
}

static atl_status map_tray(int fd, bool keep, atl_tray **ret, atl_note *note)
{
    atl_tray *tray = calloc(1, sizeof *tray);
    if (!tray)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a worker's tray");
    void *map = mmap(NULL, TRAY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        free(tray);
        return atl_fail(note, ATL_IO, "cannot map a worker's tray: %s", strerror(errno));
    }
    tray->map = map;
    tray->fd = keep ? fd : -1;
    atomic_init(&tray->n_holders, 1);
    *ret = tray;
    return ATL_OK;
}

atl_status atl_tray_open(atl_tray **ret, int *ret_fd, atl_note *note)
{
    const int fd = memfd_create("atelier-tray", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return atl_fail(note, ATL_IO, "cannot make a worker's tray: %s", strerror(errno));
    const bool made = posix_fallocate(fd, 0, PAGE_BYTES) == 0 && ftruncate(fd, TRAY_BYTES) == 0 &&
                      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0;
    const atl_status st =
        made ? map_tray(fd, false, ret, note) : atl_fail(note, ATL_IO, "no room for a worker's tray");
    if (st != ATL_OK) {
        close(fd);
        return st;
    }
    *ret_fd = fd;
    return ATL_OK;
}

atl_status atl_tray_map(int fd, atl_tray **ret, atl_note *note)
{
    return map_tray(fd, true, ret, note);
}

static void let_go(atl_tray *tray)
{
    if (atomic_fetch_sub(&tray->n_holders, 1) > 1)
        return;
    munmap(tray->map, TRAY_BYTES);
    free(tray);
}

void atl_tray_leave(atl_tray **tray)
{
    if (*tray)
        let_go(*tray);
    *tray = NULL;
}

/* Room is kept: the next picture in the slot is of much the same size. */
static bool find_room(atl_tray *tray, uint32_t slot, size_t n)
{
    const size_t wanted = (n + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    if (wanted > tray->room[slot] &&
        posix_fallocate(tray->fd, slot_of(tray, slot) - tray->map, (off_t)wanted) != 0)
        return false;
    tray->room[slot] = wanted > tray->room[slot] ? wanted : tray->room[slot];
    return true;
}

bool atl_tray_put(atl_tray *tray, uint64_t token, const void *bytes, size_t n)
{
    if (!tray || token == 0 || n < ATL_TRAY_LEAST_BYTES || n > ATL_TRAY_SLOT_BYTES)
        return false;
    for (uint32_t i = 0; i < ATL_TRAY_SLOTS; i++) {
        if (atomic_load_explicit(&head_of(tray)->token[i], memory_order_acquire) != 0)
            continue;
        if (!find_room(tray, i, n))
            return false;
        memcpy(slot_of(tray, i), bytes, n);
        atomic_store_explicit(&head_of(tray)->token[i], token, memory_order_release);
        return true;
    }
    return false;
}

/* ATL_TRAY_SLOTS where there is none. */
static uint32_t find(const atl_tray *tray, uint64_t token)
{
    uint32_t i = 0;
    while (i < ATL_TRAY_SLOTS &&
           atomic_load_explicit(&head_of(tray)->token[i], memory_order_acquire) != token)
        i++;
    return i;
}

void atl_tray_withdraw(atl_tray *tray, uint64_t token)
{
    const uint32_t slot = tray && token != 0 ? find(tray, token) : ATL_TRAY_SLOTS;
    if (slot < ATL_TRAY_SLOTS)
        atomic_store_explicit(&head_of(tray)->token[slot], 0, memory_order_release);
}

const uint8_t *atl_tray_take(atl_tray *tray, uint64_t token, size_t n, uint32_t *ret_slot)
{
    if (!tray || token == 0 || n < ATL_TRAY_LEAST_BYTES || n > ATL_TRAY_SLOT_BYTES)
        return NULL;
    const uint32_t slot = find(tray, token);
    if (slot == ATL_TRAY_SLOTS || atomic_exchange(&tray->taken[slot], true))
        return NULL;
    atomic_fetch_add(&tray->n_holders, 1);
    *ret_slot = slot;
    return slot_of(tray, slot);
}

void atl_tray_give_back(atl_tray *tray, uint32_t slot)
{
    atomic_store(&tray->taken[slot], false);
    atomic_store_explicit(&head_of(tray)->token[slot], 0, memory_order_release);
    let_go(tray);
}
