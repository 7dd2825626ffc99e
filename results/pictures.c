/* pictures.c - see pictures.h. */
#include "results/pictures.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP_PREFIX ".atelier-"
#define TEMP_SUFFIX ".part"

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

static atl_status fail_errno(atl_note *note, const char *name, const char *verb, bool *full)
{
    const int e = errno;
    *full = e == ENOSPC || e == EDQUOT; /* not EFBIG: that would never come right by waiting */
    return atl_fail(note, ATL_IO, "%s: cannot %s: %s", name, verb, strerror(e));
}

static bool write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t written = write(fd, bytes, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        n -= (size_t)written;
    }
    return true;
}

/* A rename that does not overwrite: a second link, then the first one goes. Where links are not to be had, a
 * look must do: this process alone writes here. */
static bool put_in_place(int dir_fd, const char *temp, const char *name, atl_put how)
{
    if (how == ATL_PUT_REPLACE)
        return renameat(dir_fd, temp, dir_fd, name) == 0;
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

static atl_status write_temp(int dir_fd, const char *temp, const void *bytes, size_t n, bool sync, bool *full,
                             atl_note *note)
{
    const int fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail_errno(note, temp, "create", full);
    atl_status st = ATL_OK;
    if (!write_all(fd, bytes, n) || (sync && fdatasync(fd) != 0))
        st = fail_errno(note, temp, "write", full);
    if (close(fd) != 0 && st == ATL_OK)
        st = fail_errno(note, temp, "write", full);
    return st;
}

atl_status atl_picture_put(int dir_fd, const char *name, const void *bytes, size_t n, atl_put how, bool sync,
                           bool *ret_full, atl_note *note)
{
    bool full = false;
    char temp[ATL_MAX_PICTURE_NAME + 32];
    if (!atl_picture_name_ok(name))
        return atl_fail(note, ATL_USAGE, "\"%s\" cannot be the name of a picture", name);
    snprintf(temp, sizeof temp, TEMP_PREFIX "%s" TEMP_SUFFIX, name);
    unlinkat(dir_fd, temp,
             0); /* of an earlier try of this process: others are kept out by the ledger's lock */
    atl_status st = write_temp(dir_fd, temp, bytes, n, sync, &full, note);
    if (st == ATL_OK && !put_in_place(dir_fd, temp, name, how))
        st = errno == EEXIST ? atl_fail(note, ATL_USAGE, "%s: is there already, and is not overwritten", name)
                             : fail_errno(note, name, "put in place", &full);
    if (st != ATL_OK)
        unlinkat(dir_fd, temp, 0);
    else if (sync && fsync(dir_fd) != 0 && errno != EINVAL)
        st = fail_errno(note, name, "sync the directory of", &full);
    if (ret_full)
        *ret_full = full;
    return st;
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
    static const char name[] = TEMP_PREFIX "try" TEMP_SUFFIX;
    unlinkat(dir_fd, name, 0);
    const atl_status st = write_temp(dir_fd, name, "x", 1, false, &full, note);
    unlinkat(dir_fd, name, 0);
    return st;
}
