/* dir_file.c - see dir_file.h. */
#include "results/dir_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define MAX_NAME 200

static atl_status fail_errno(atl_note *note, const char *name, const char *what)
{
    return atl_fail(note, errno == ENOENT ? ATL_NOT_FOUND : ATL_IO, "%s: %s: %s", name, what,
                    strerror(errno));
}

/* No more than `n` bytes, what a file had when it was looked at: more may be coming meanwhile. */
static atl_status read_fd(int fd, const char *name, size_t n, char *bytes, size_t *ret_n, atl_note *note)
{
    size_t done = 0;
    while (done < n) {
        const ssize_t got = read(fd, bytes + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(note, name, "cannot read");
        if (got == 0)
            break;
        done += (size_t)got;
    }
    bytes[done] = '\0';
    *ret_n = done;
    return ATL_OK;
}

atl_status atl_dir_file_read(int dir_fd, const char *name, size_t max_bytes, char **ret_bytes, size_t *ret_n,
                             atl_note *note)
{
    const int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(note, name, "cannot open");
    struct stat s;
    atl_status st = ATL_OK;
    char *bytes = NULL;
    size_t n = 0;
    if (fstat(fd, &s) != 0)
        st = fail_errno(note, name, "cannot look at it");
    else if (!S_ISREG(s.st_mode) || (uint64_t)s.st_size > max_bytes)
        st = atl_fail(note, ATL_BAD_INPUT, "%s: is no regular file of at most %zu bytes", name, max_bytes);
    const size_t room = st == ATL_OK ? (size_t)s.st_size : 0;
    if (st == ATL_OK && !(bytes = malloc(room + 1)))
        st = atl_fail(note, ATL_NO_MEMORY, "no memory to read %s", name);
    if (st == ATL_OK)
        st = read_fd(fd, name, room, bytes, &n, note);
    close(fd);
    if (st != ATL_OK) {
        free(bytes);
        return st;
    }
    *ret_bytes = bytes;
    *ret_n = n;
    return ATL_OK;
}

static void sync_directory(int dir_fd)
{
    const int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0)
        return;
    fsync(copy); /* some file systems refuse it: the rename stands all the same */
    close(copy);
}

atl_status atl_dir_file_write(int dir_fd, const char *name, const void *bytes, size_t n, atl_note *note)
{
    char temp[MAX_NAME + 32];
    snprintf(temp, sizeof temp, ".atelier-%.*s.part", MAX_NAME, name);
    unlinkat(dir_fd, temp, 0);
    const int fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return atl_fail(note, ATL_IO, "%s: cannot create: %s", name, strerror(errno));
    bool ok = atl_fd_write(fd, bytes, n) && fdatasync(fd) == 0;
    int error = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        error = errno;
    }
    if (ok && renameat(dir_fd, temp, dir_fd, name) != 0) {
        ok = false;
        error = errno;
    }
    if (!ok) {
        unlinkat(dir_fd, temp, 0);
        return atl_fail(note, ATL_IO, "%s: cannot write: %s", name, strerror(error));
    }
    sync_directory(dir_fd);
    return ATL_OK;
}
