/* leavings.c - see leavings.h.
 *
 * A coordinator that is killed cannot clear its folder away, and its workers die with it; so the next one
 * does. That nobody listens any more only the system knows: a connection is refused at once, even where the
 * path still stands. Between bind and listen one that starts refuses them, too, so a young socket is left
 * alone. Everything is looked at through the folder's own descriptor, so that what is removed is what was
 * looked at. */
#include "leavings.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { OLD_SOCKET_S = 60, OLD_FOLDER_S = 3600, MOST_ENTRIES = 100000 };

static bool is_named_so(const char *name)
{
    const size_t n_fixed = strcspn(ATL_SERVER_FOLDER, "X");
    if (strlen(name) != strlen(ATL_SERVER_FOLDER) || strncmp(name, ATL_SERVER_FOLDER, n_fixed) != 0)
        return false;
    for (const char *c = name + n_fixed; *c; c++)
        if (!isalnum((unsigned char)*c))
            return false;
    return true;
}

static bool refuses(int folder_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" ATL_SERVER_SOCKET, folder_fd);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    const bool refused =
        connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

/* The folder is ours, and of the kind that we make. */
static bool is_ours(int folder_fd, struct stat *ret)
{
    return fstat(folder_fd, ret) == 0 && S_ISDIR(ret->st_mode) && ret->st_uid == geteuid() &&
           (ret->st_mode & 07777) == 0700;
}

static bool is_left(int folder_fd, time_t now)
{
    struct stat folder, socket;
    if (!is_ours(folder_fd, &folder))
        return false;
    if (fstatat(folder_fd, ATL_SERVER_SOCKET, &socket, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT && now - folder.st_mtime > OLD_FOLDER_S;
    return S_ISSOCK(socket.st_mode) && now - socket.st_mtime > OLD_SOCKET_S && refuses(folder_fd) &&
           unlinkat(folder_fd, ATL_SERVER_SOCKET, 0) == 0;
}

size_t atl_leavings_sweep(const char *parent, time_t now)
{
    DIR *dir = opendir(parent);
    const struct dirent *entry;
    size_t n = 0;
    for (int i = 0; dir && i < MOST_ENTRIES && (entry = readdir(dir)) != NULL; i++) {
        if (!is_named_so(entry->d_name))
            continue;
        const int fd =
            openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            continue;
        if (is_left(fd, now)) /* what is not empty stays */
            n += unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR) == 0;
        close(fd);
    }
    if (dir)
        closedir(dir);
    return n;
}
