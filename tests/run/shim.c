/* shim.c - a preloaded library that kills its process, or makes a call fail, at the n-th call of a sort.
 *
 * ATELIER_SHIM=SORT:N says which:
 *
 * - kill, fail: the n-th call that changes a file: write, pwrite, fsync, fdatasync, rename (both), link,
 *   ftruncate, fallocate. Calls on what is no regular file or directory do not count.
 *
 * - alloc-kill, alloc-fail: the n-th malloc, calloc or realloc; alloc-out: that one and all after it.
 *
 * - site-fail, site-out: the first allocation at the n-th place of the program's own code, in the order in
 *   which the places come.
 *
 * - small: memfd_create gives files of the folder ATELIER_SHIM_DIR, a tmpfs that may be full; N has no
 * meaning.
 *
 * - full: while the file ATELIER_SHIM_DIR is there, what would make a file longer, or a new one, fails as on
 * a full disk; N has no meaning.
 *
 * - poison: opening a file named poison.png is SIGSEGV; N has no meaning.
 *
 * Allocations that ZeroMQ and the C++ library ask for never fail, nor those of what ZeroMQ calls while it
 * sets up, nor those of hwloc while it looks at the machine: they abort without memory, or follow a null
 * pointer, which is what alloc-kill does (it counts them, too).
 *
 * Only one process is struck, and children do not inherit the order: the first one, or with
 * ATELIER_SHIM_OF=worker the first worker that it starts (poison: every worker). Once the n-th came,
 * the file named by ATELIER_SHIM_HIT is made; it gets a line when the process ends by returning from main. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_SITES = 4096, MAX_SPARED = 8 };

typedef enum sort { NONE, CHANGE, ALLOC, SITE, SMALL, POISON, FULL } sort;
typedef struct range {
    uintptr_t from, to;
} range;

static sort struck;
static bool kills, for_ever;
static atomic_long calls_left;
static atomic_bool began; /* for_ever: from now on all fail */
static char hit[4096], dir[4096];
static range program, spared[MAX_SPARED];
static size_t n_spared;
static atomic_uintptr_t sites[MAX_SITES];
static _Thread_local int in_spared; /* also what they call: libpgm, libxml2, the system's own */

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t each);
extern void *__libc_realloc(void *old, size_t n);

/* ---- the order ---- */

static bool is_worker(void)
{
    char line[4096] = "";
    const int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd >= 0 ? read(fd, line, sizeof line - 1) : 0;
    if (fd >= 0)
        close(fd);
    const size_t first = strlen(line) + 1;
    return n > (ssize_t)first && strcmp(line + first, "worker") == 0;
}

static int note_object(struct dl_phdr_info *info, size_t size, void *nothing)
{
    (void)size, (void)nothing;
    uintptr_t from = UINTPTR_MAX, to = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD)
            continue;
        from = info->dlpi_addr + p->p_vaddr < from ? info->dlpi_addr + p->p_vaddr : from;
        to = info->dlpi_addr + p->p_vaddr + p->p_memsz > to ? info->dlpi_addr + p->p_vaddr + p->p_memsz : to;
    }
    if (info->dlpi_name[0] == '\0' && program.to == 0)
        program = (range){from, to};
    else if ((strstr(info->dlpi_name, "libzmq") || strstr(info->dlpi_name, "libstdc++")) &&
             n_spared < MAX_SPARED)
        spared[n_spared++] = (range){from, to};
    return 0;
}

static sort sort_of(const char *order)
{
    static const struct {
        const char *name;
        sort sort;
        bool kills, for_ever;
    } orders[] = {{"kill:", CHANGE, true, false},      {"fail:", CHANGE, false, false},
                  {"alloc-kill:", ALLOC, true, false}, {"alloc-fail:", ALLOC, false, false},
                  {"alloc-out:", ALLOC, false, true},  {"site-fail:", SITE, false, false},
                  {"site-out:", SITE, false, true},    {"small:", SMALL, false, false},
                  {"poison:", POISON, false, false},   {"full:", FULL, false, false}};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (strncmp(order, orders[i].name, strlen(orders[i].name)) == 0) {
            kills = orders[i].kills;
            for_ever = orders[i].for_ever;
            return orders[i].sort;
        }
    return NONE;
}

__attribute__((constructor)) static void read_order(void)
{
    const char *order = getenv("ATELIER_SHIM"), *file = getenv("ATELIER_SHIM_HIT"),
               *of = getenv("ATELIER_SHIM_OF");
    const bool of_worker = of && strcmp(of, "worker") == 0;
    if (!order || (of_worker && !is_worker()))
        return; /* the worker inherits all of it */
    snprintf(dir, sizeof dir, "%s", getenv("ATELIER_SHIM_DIR") ? getenv("ATELIER_SHIM_DIR") : "");
    snprintf(hit, sizeof hit, "%s", file ? file : "");
    const sort wanted = sort_of(order);
    if (wanted == SMALL || wanted == POISON || wanted == FULL || access(hit, F_OK) != 0) {
        dl_iterate_phdr(note_object, NULL);
        calls_left = strtol(strchr(order, ':') + 1, NULL, 10);
        struck = wanted;
    }
    unsetenv("ATELIER_SHIM");
    unsetenv("LD_PRELOAD");
}

static void say(const char *line)
{
    const int fd = open(hit, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    ssize_t (*real)(int, const void *, size_t);
    *(void **)&real = dlsym(RTLD_NEXT, "write");
    if (real(fd, line, strlen(line)) < 0)
        kill(getpid(), SIGKILL);
    close(fd);
}

__attribute__((destructor)) static void end_orderly(void)
{
    if (struck && struck != CHANGE && access(hit, F_OK) == 0)
        say("ended\n");
}

/* True: this call is to fail. */
static bool count_down(void)
{
    if (atomic_load(&began))
        return true;
    if (atomic_load(&calls_left) <= 0 || atomic_fetch_sub(&calls_left, 1) != 1)
        return false;
    say("");
    if (kills)
        kill(getpid(), SIGKILL);
    atomic_store(&began, for_ever);
    return true;
}

/* ---- files ---- */

/* Directories have room for a name, and files for what was set aside for them. */
static bool disk_is_full(int fd)
{
    struct stat s;
    if (struck != FULL || fd < 0 || fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_nlink == 0 ||
        s.st_size > 0 || access(dir, F_OK) != 0)
        return false;
    if (access(hit, F_OK) != 0)
        say("");
    errno = ENOSPC;
    return true;
}

static bool strikes(int fd)
{
    struct stat s;
    if (disk_is_full(fd))
        return true;
    if (struck != CHANGE)
        return false;
    if (fd >= 0 && (fstat(fd, &s) != 0 || !(S_ISREG(s.st_mode) || S_ISDIR(s.st_mode)) || s.st_nlink == 0))
        return false;
    if (!count_down())
        return false;
    errno = EIO;
    return true;
}

#define SHIM(type, name, parameters, arguments, fd)                                                          \
    type name parameters;                                                                                    \
    type name parameters                                                                                     \
    {                                                                                                        \
        type(*real) parameters;                                                                              \
        *(void **)&real = dlsym(RTLD_NEXT, #name);                                                           \
        return strikes(fd) ? (type)-1 : real arguments;                                                      \
    }

SHIM(ssize_t, write, (int fd, const void *bytes, size_t n), (fd, bytes, n), fd)
SHIM(ssize_t, pwrite, (int fd, const void *bytes, size_t n, off_t at), (fd, bytes, n, at), fd)
SHIM(ssize_t, pwrite64, (int fd, const void *bytes, size_t n, off_t at), (fd, bytes, n, at), fd)
SHIM(int, fsync, (int fd), (fd), fd)
SHIM(int, fdatasync, (int fd), (fd), fd)
SHIM(int, ftruncate, (int fd, off_t n), (fd, n), fd)
SHIM(int, renameat, (int from_dir, const char *from, int to_dir, const char *to),
     (from_dir, from, to_dir, to), -1)
SHIM(int, renameat2, (int from_dir, const char *from, int to_dir, const char *to, unsigned flags),
     (from_dir, from, to_dir, to, flags), -1)
SHIM(int, linkat, (int from_dir, const char *from, int to_dir, const char *to, int flags),
     (from_dir, from, to_dir, to, flags), -1)

SHIM(int, fallocate, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n), fd)

int memfd_create(const char *name, unsigned flags)
{
    int (*real)(const char *, unsigned);
    *(void **)&real = dlsym(RTLD_NEXT, "memfd_create");
    if (struck != SMALL)
        return real(name, flags);
    say("");
    return open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* A picture to begin from that crashes whoever reads it. */
int open(const char *path, int flags, ...)
{
    int (*real)(const char *, int, ...);
    va_list args;
    va_start(args, flags);
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    *(void **)&real = dlsym(RTLD_NEXT, "open");
    const char *slash = strrchr(path, '/');
    if (struck == POISON && strcmp(slash ? slash + 1 : path, "poison.png") == 0)
        raise(SIGSEGV);
    return real(path, flags, mode);
}

/* ---- memory ---- */

#define SPARED(type, name, parameters, arguments)                                                            \
    type name parameters;                                                                                    \
    type name parameters                                                                                     \
    {                                                                                                        \
        type(*real) parameters;                                                                              \
        *(void **)&real = dlsym(RTLD_NEXT, #name);                                                           \
        in_spared++;                                                                                         \
        type ret = real arguments;                                                                           \
        in_spared--;                                                                                         \
        return ret;                                                                                          \
    }

SPARED(void *, zmq_ctx_new, (void), ())
SPARED(int, zmq_ctx_term, (void *context), (context))
SPARED(void *, zmq_socket, (void *context, int type), (context, type))
SPARED(int, zmq_bind, (void *socket, const char *endpoint), (socket, endpoint))
SPARED(int, zmq_connect, (void *socket, const char *endpoint), (socket, endpoint))
SPARED(int, hwloc_topology_init, (void **topology), (topology))
SPARED(int, hwloc_topology_load, (void *topology), (topology))
SPARED(int, hwloc_get_cpubind, (void *topology, void *set, int flags), (topology, set, flags))
SPARED(int, hwloc_topology_export_xmlbuffer, (void *topology, char **xml, int *n, unsigned long flags),
       (topology, xml, n, flags))

static bool is_in(const range *r, uintptr_t at)
{
    return at >= r->from && at < r->to;
}

/* Whether this place was not seen before. Races of threads over one place do no harm: one of them wins. */
static bool is_new_site(uintptr_t site)
{
    for (size_t i = 0; i < MAX_SITES; i++) {
        uintptr_t there = 0;
        if (atomic_compare_exchange_strong(&sites[i], &there, site))
            return true;
        if (there == site)
            return false;
    }
    return false;
}

static bool strikes_memory(const void *caller)
{
    const uintptr_t at = (uintptr_t)caller;
    if (struck != ALLOC && struck != SITE)
        return false;
    bool is_spared = in_spared > 0;
    for (size_t i = 0; i < n_spared; i++)
        is_spared = is_spared || is_in(&spared[i], at);
    if (is_spared) {
        if (kills)
            count_down();
        return false;
    }
    if (struck == SITE && !atomic_load(&began) && (!is_in(&program, at) || !is_new_site(at)))
        return false;
    if (!count_down())
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n)
{
    return strikes_memory(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t each)
{
    return strikes_memory(__builtin_return_address(0)) ? NULL : __libc_calloc(n, each);
}

void *realloc(void *old, size_t n)
{
    return strikes_memory(__builtin_return_address(0)) ? NULL : __libc_realloc(old, n);
}
