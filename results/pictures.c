/* pictures.c - see pictures.h. */
#include "results/pictures.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "direct_write.h"

#define TEMP_PREFIX ".atelier-"
#define TEMP_SUFFIX ".part"
enum { TEMP_BYTES = ATL_MAX_PICTURE_NAME + 32 };

bool atl_picture_name_ok(const char *name)
{
    const size_t n = strlen(name);
    if (n == 0 || n > ATL_MAX_PICTURE_NAME || name[0] == '.' || strstr(name, ".."))
        return false;
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)name[i];
        if (c < 0x20 || c == 0x7f || c == '/' || c == '\\')
            return false;
    }
    return true;
}

struct atl_picture_writer {
    int dir_fd;
    bool sync;
    atl_bounce bounce;
};

atl_status atl_picture_writer_new(int dir_fd, bool sync, atl_picture_writer **ret, atl_note *note)
{
    atl_picture_writer *w = calloc(1, sizeof *w);
    if (!w)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to write pictures");
    w->dir_fd = dir_fd;
    w->sync = sync;
    *ret = w;
    return ATL_OK;
}

void atl_picture_writer_free(atl_picture_writer **writer)
{
    atl_picture_writer *w = *writer;
    *writer = NULL;
    if (!w)
        return;
    atl_bounce_done(&w->bounce);
    free(w);
}

static atl_status fail_errno(atl_note *note, const char *name, const char *verb, bool *full)
{
    const int e = errno;
    *full = e == ENOSPC || e == EDQUOT; /* not EFBIG: that would never come right by waiting */
    return atl_fail(note, ATL_IO, "%s: cannot %s: %s", name, verb, strerror(e));
}

/* A rename that does not overwrite; where the file system has none, a second link, after which the first one
 * goes; where links are not to be had either, a look must do: this process alone writes here. */
static bool put_in_place(int dir_fd, const char *temp, const char *name, atl_put how)
{
    if (how == ATL_PUT_REPLACE)
        return renameat(dir_fd, temp, dir_fd, name) == 0;
    if (renameat2(dir_fd, temp, dir_fd, name, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    if (linkat(dir_fd, temp, dir_fd, name, 0) == 0)
        return unlinkat(dir_fd, temp, 0) == 0;
    if (errno == EEXIST)
        return false;
    struct stat s;
    if (fstatat(dir_fd, name, &s, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return renameat(dir_fd, temp, dir_fd, name) == 0;
}

/* One that is there already is of an earlier try of this process: others are kept out by the ledger's lock.
 */
static int create_temp(int dir_fd, const char *temp)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const int fd = openat(dir_fd, temp, flags, 0644);
    if (fd >= 0 || errno != EEXIST || unlinkat(dir_fd, temp, 0) != 0)
        return fd;
    return openat(dir_fd, temp, flags, 0644);
}

static bool write_bytes(atl_picture_writer *w, int fd, const void *bytes, size_t n)
{
    if (w->sync && atl_write_direct(fd, &w->bounce, bytes, n))
        return true;
    if (w->sync && (lseek(fd, 0, SEEK_SET) != 0 || ftruncate(fd, 0) != 0))
        return false;
    return atl_fd_write(fd, bytes, n);
}

static void name_temp(char temp[TEMP_BYTES], const char *name)
{
    snprintf(temp, TEMP_BYTES, TEMP_PREFIX "%s" TEMP_SUFFIX, name);
}

atl_status atl_picture_begin(atl_picture_writer *w, const char *name, const void *bytes, size_t n,
                             atl_picture_part *ret, bool *ret_full, atl_note *note)
{
    char temp[TEMP_BYTES];
    *ret_full = false;
    if (!atl_picture_name_ok(name))
        return atl_fail(note, ATL_USAGE, "\"%s\" cannot be the name of a picture", name);
    name_temp(temp, name);
    atl_picture_part part = {.fd = create_temp(w->dir_fd, temp)};
    snprintf(part.name, sizeof part.name, "%s", name);
    if (part.fd < 0)
        return fail_errno(note, temp, "create", ret_full);
    if (!write_bytes(w, part.fd, bytes, n)) {
        const atl_status st = fail_errno(note, temp, "write", ret_full);
        atl_picture_drop(w, &part);
        return st;
    }
    *ret = part;
    return ATL_OK;
}

void atl_picture_drop(atl_picture_writer *w, atl_picture_part *part)
{
    char temp[TEMP_BYTES];
    name_temp(temp, part->name);
    if (part->fd >= 0)
        close(part->fd);
    part->fd = -1;
    unlinkat(w->dir_fd, temp, 0);
}

/* A close may tell what a write did not: file systems of a network. */
static bool sync_and_close(const atl_picture_writer *w, atl_picture_part *part)
{
    const bool synced = !w->sync || fdatasync(part->fd) == 0;
    const int error = errno;
    const bool closed = close(part->fd) == 0;
    part->fd = -1;
    if (!synced)
        errno = error;
    return synced && closed;
}

atl_status atl_picture_settle(atl_picture_writer *w, atl_picture_part *part, bool *ret_full, atl_note *note)
{
    char temp[TEMP_BYTES];
    *ret_full = false;
    if (sync_and_close(w, part))
        return ATL_OK;
    name_temp(temp, part->name);
    const atl_status st = fail_errno(note, temp, "write", ret_full);
    atl_picture_drop(w, part);
    return st;
}

atl_status atl_picture_put(atl_picture_writer *w, atl_picture_part *part, atl_put how, bool *ret_full,
                           atl_note *note)
{
    char temp[TEMP_BYTES];
    *ret_full = false;
    name_temp(temp, part->name);
    if (put_in_place(w->dir_fd, temp, part->name, how))
        return ATL_OK;
    const atl_status st =
        errno == EEXIST
            ? atl_fail(note, ATL_USAGE, "%s: is there already, and is not overwritten", part->name)
            : fail_errno(note, part->name, "put in place", ret_full);
    atl_picture_drop(w, part);
    return st;
}

atl_status atl_pictures_sync(int dir_fd, atl_note *note)
{
    if (fsync(dir_fd) == 0 || errno == EINVAL) /* EINVAL: this file system cannot, and needs no asking */
        return ATL_OK;
    return atl_fail(note, ATL_IO, "cannot sync the directory: %s", strerror(errno));
}

size_t atl_pictures_sweep(int dir_fd)
{
    const int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (!dir) {
        if (copy >= 0)
            close(copy);
        return 0;
    }
    size_t swept = 0;
    const size_t prefix = strlen(TEMP_PREFIX), suffix = strlen(TEMP_SUFFIX);
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        const size_t n = strlen(e->d_name);
        if (n > prefix + suffix && strncmp(e->d_name, TEMP_PREFIX, prefix) == 0 &&
            strcmp(e->d_name + n - suffix, TEMP_SUFFIX) == 0)
            swept += unlinkat(dir_fd, e->d_name, 0) == 0;
    }
    closedir(dir);
    return swept;
}

int64_t atl_picture_size(int dir_fd, const char *name)
{
    struct stat s;
    if (fstatat(dir_fd, name, &s, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(s.st_mode))
        return -1;
    return (int64_t)s.st_size;
}

atl_status atl_pictures_try(int dir_fd, atl_note *note)
{
    bool full = false;
    atl_picture_part part;
    atl_picture_writer writer = {.dir_fd = dir_fd};
    const atl_status st = atl_picture_begin(&writer, "try", "x", 1, &part, &full, note);
    if (st == ATL_OK)
        atl_picture_drop(&writer, &part);
    return st;
}
