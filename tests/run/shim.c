/* shim.c - a preloaded library that kills its process, or makes the call fail, at the n-th call that changes
 * a file: write, pwrite, fsync, fdatasync, rename (both), link, ftruncate, fallocate.
 *
 * ATELIER_SHIM=kill:17 or fail:17. Only the first process: children do not inherit it. Calls on what is no
 * regular file or directory (sockets, terminals) do not count. Once the n-th came, the file named by
 * ATELIER_SHIM_HIT is made, so that a test knows where the calls end. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long calls_left;
static bool kills;
static char hit[4096];

__attribute__((constructor)) static void read_order(void)
{
    const char *order = getenv("ATELIER_SHIM"), *file = getenv("ATELIER_SHIM_HIT");
    if (order && strchr(order, ':')) {
        kills = strncmp(order, "kill", 4) == 0;
        calls_left = strtol(strchr(order, ':') + 1, NULL, 10);
    }
    snprintf(hit, sizeof hit, "%s", file ? file : "");
    unsetenv("ATELIER_SHIM");
    unsetenv("LD_PRELOAD");
}

/* True: this call is to fail. */
static bool strikes(int fd)
{
    struct stat s;
    if (fd >= 0 && (fstat(fd, &s) != 0 || !(S_ISREG(s.st_mode) || S_ISDIR(s.st_mode)) || s.st_nlink == 0))
        return false;
    if (calls_left <= 0 || atomic_fetch_sub(&calls_left, 1) != 1)
        return false;
    const int made = open(hit, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (made >= 0)
        close(made);
    if (kills)
        kill(getpid(), SIGKILL);
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
SHIM(int, fallocate, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n), fd)
SHIM(int, renameat, (int from_dir, const char *from, int to_dir, const char *to),
     (from_dir, from, to_dir, to), -1)
SHIM(int, renameat2, (int from_dir, const char *from, int to_dir, const char *to, unsigned flags),
     (from_dir, from, to_dir, to, flags), -1)
SHIM(int, linkat, (int from_dir, const char *from, int to_dir, const char *to, int flags),
     (from_dir, from, to_dir, to, flags), -1)
