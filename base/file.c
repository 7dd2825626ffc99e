/* file.c - see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sizes.h"

static atl_status fail_errno(atl_note *note, const char *path, const char *verb)
{
    const int e = errno;
    return atl_fail(note, e == ENOENT ? ATL_NOT_FOUND : ATL_IO, "%s: cannot %s: %s", path, verb, strerror(e));
}

/* Opens a regular file for reading and says how long it is. */
static atl_status open_regular(const char *path, int *ret_fd, size_t *ret_size, atl_note *note)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(note, path, "open");
    struct stat s;
    if (fstat(fd, &s) != 0) {
        const atl_status st = fail_errno(note, path, "stat");
        close(fd);
        return st;
    }
    if (!S_ISREG(s.st_mode)) {
        close(fd);
        return atl_fail(note, ATL_IO, "%s: is not a regular file", path);
    }
    *ret_fd = fd;
    *ret_size = (size_t)s.st_size;
    return ATL_OK;
}

atl_status atl_mapping_open(const char *path, atl_mapping *ret, atl_note *note)
{
    int fd;
    size_t size;
    atl_status st = open_regular(path, &fd, &size, note);
    if (st != ATL_OK)
        return st;
    void *data = NULL;
    if (size > 0) {
        data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            st = fail_errno(note, path, "map");
            close(fd);
            return st;
        }
#ifdef MADV_DONTDUMP
        madvise(data, size, MADV_DONTDUMP); /* weights: a core file needs no copy of what is on the disk */
#endif
    }
    close(fd);
    *ret = (atl_mapping){.data = data, .size_bytes = size};
    return ATL_OK;
}

void atl_mapping_close(atl_mapping *mapping)
{
    if (mapping->data)
        munmap((void *)(uintptr_t)mapping->data, mapping->size_bytes);
    *mapping = (atl_mapping){0};
}

void atl_mapping_want(const atl_mapping *mapping, size_t begin, size_t end)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    begin &= ~(page - 1);
    if (mapping->data && begin < end)
        madvise((void *)(uintptr_t)(mapping->data + begin), end - begin, MADV_WILLNEED);
}

void atl_mapping_forget(const atl_mapping *mapping, size_t begin, size_t end)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    begin = atl_round_up(begin, page);
    end &= ~(page - 1);
    if (mapping->data && begin < end)
        madvise((void *)(uintptr_t)(mapping->data + begin), end - begin, MADV_DONTNEED);
}

atl_status atl_file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_size,
                         atl_note *note)
{
    int fd;
    size_t size;
    atl_status st = open_regular(path, &fd, &size, note);
    if (st != ATL_OK)
        return st;
    char *data = NULL;
    if (size > max_bytes) {
        st = atl_fail(note, ATL_BAD_INPUT, "%s: has %zu bytes, at most %zu were wanted", path, size,
                      max_bytes);
        goto fail;
    }
    data = malloc(size + 1);
    if (!data) {
        st = atl_fail(note, ATL_NO_MEMORY, "%s: no memory for its %zu bytes", path, size);
        goto fail;
    }
    size_t done = 0;
    while (done < size) {
        const ssize_t n = read(fd, data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            st = fail_errno(note, path, "read");
            goto fail;
        }
        if (n == 0)
            break; /* it shrank meanwhile: what is there is what the reader judges */
        done += (size_t)n;
    }
    data[done] = '\0';
    close(fd);
    *ret_data = data;
    *ret_size = done;
    return ATL_OK;
fail:
    free(data);
    close(fd);
    return st;
}

bool atl_fd_write(int fd, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        const ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

atl_status atl_text_write(atl_text *text, int fd, const char *name, atl_note *note)
{
    if (text->failed)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for %s", name);
    if (!atl_fd_write(fd, text->data, text->length))
        return atl_fail(note, ATL_IO, "%s: cannot write: %s", name, strerror(errno));
    text->length = 0;
    return ATL_OK;
}

/* The directory that a path lies in, in a new string. */
static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

bool atl_file_sync_parent(const char *path)
{
    char *dir = parent_of(path);
    if (!dir)
        return false;
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(dir);
    if (fd < 0)
        return false;
    /* Some file systems cannot sync a directory and say EINVAL: nothing more can be done there. */
    const bool ok = fsync(fd) == 0 || errno == EINVAL;
    close(fd);
    return ok;
}

/* Gives the finished file its name. Where the file system has no rename that refuses to replace, a hard
 * link refuses just so. */
static bool put_in_place(const char *temp, const char *path, bool replace)
{
    if (replace)
        return rename(temp, path) == 0;
    if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    return link(temp, path) == 0 && unlink(temp) == 0;
}

static atl_status write_file(const char *path, const void *data, size_t size, bool replace, atl_note *note)
{
    char *temp = atl_file_beside(path);
    if (!temp)
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory for its temporary name", path);
    atl_status st = ATL_OK;
    const int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        st = fail_errno(note, path, "create");
        goto done;
    }
    bool ok = atl_fd_write(fd, data, size) && fsync(fd) == 0;
    if (!ok)
        st = fail_errno(note, path, "write");
    if (close(fd) != 0 && ok) {
        st = fail_errno(note, path, "write");
        ok = false;
    }
    if (ok && !put_in_place(temp, path, replace)) {
        st = fail_errno(note, path, "put in place");
        ok = false;
    }
    if (!ok)
        unlink(temp);
    else if (!atl_file_sync_parent(path))
        st = fail_errno(note, path, "sync the directory of");
done:
    free(temp);
    return st == ATL_NOT_FOUND ? ATL_IO : st;
}

atl_status atl_file_write(const char *path, const void *data, size_t size, atl_note *note)
{
    return write_file(path, data, size, true, note);
}

atl_status atl_file_write_new(const char *path, const void *data, size_t size, atl_note *note)
{
    return write_file(path, data, size, false, note);
}

atl_status atl_file_check_target(const char *path, bool replace, atl_note *note)
{
    struct stat s;
    const bool exists = lstat(path, &s) == 0;
    if (atl_is_dir(path))
        return atl_fail(note, ATL_IO, "%s: is a directory, wanted the name of a file", path);
    if (exists && !replace)
        return atl_fail(note, ATL_IO, "%s: is there already, and is not overwritten", path);
    char *dir = parent_of(path);
    if (!dir)
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory for its directory's name", path);
    atl_status st = ATL_OK;
    if (!atl_is_dir(dir))
        st = atl_fail(note, ATL_IO, "%s: its directory %s is not there", path, dir);
    else if (access(dir, W_OK | X_OK) != 0)
        st = atl_fail(note, ATL_IO, "%s: cannot write in %s: %s", path, dir, strerror(errno));
    free(dir);
    return st;
}

atl_status atl_dir_make(const char *path, atl_note *note)
{
    char *copy = strdup(path);
    if (!copy)
        return atl_fail(note, ATL_NO_MEMORY, "%s: no memory for its name", path);
    atl_status st = ATL_OK;
    for (char *p = copy + 1; st == ATL_OK; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        const char c = *p;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            st = fail_errno(note, copy, "make the directory");
        *p = c;
        if (c == '\0')
            break;
    }
    free(copy);
    if (st == ATL_OK && !atl_is_dir(path))
        st = atl_fail(note, ATL_IO, "%s: is there, but is not a directory", path);
    return st;
}

char *atl_path_join(const char *dir, const char *name)
{
    const size_t n = strlen(dir), m = strlen(name);
    char *path = malloc(n + m + 2);
    if (!path)
        return NULL;
    memcpy(path, dir, n);
    size_t at = n;
    if (n > 0 && dir[n - 1] != '/')
        path[at++] = '/';
    memcpy(path + at, name, m + 1);
    return path;
}

bool atl_is_file(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

bool atl_is_dir(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

size_t atl_peak_rss_bytes(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
#ifdef __APPLE__
    return (size_t)usage.ru_maxrss; /* bytes there, KiB elsewhere */
#else
    return (size_t)usage.ru_maxrss * 1024;
#endif
}
