/* file_beside.c - the temporary file that a file is written by way of, and what of such files stayed behind.
 *
 * A process that is killed while it writes cannot clean up: the next one that writes the same file does. Not
 * O_TMPFILE, which leaves nothing: a file without a name can replace none, so it would need this name all the
 * same, and not every file system has it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

#define ENDING ".tmp"

/* A process of another container that shares the directory looks dead from here, but its file is young. */
enum { LEAST_AGE_S = 60 };

/* The process that `name` says, which is "BASE.PID.tmp"; 0: it is none of these. */
static pid_t writer_of(const char *name, const char *base)
{
    const size_t n = strlen(base);
    if (strncmp(name, base, n) != 0 || name[n] != '.' || name[n + 1] < '1' || name[n + 1] > '9')
        return 0;
    char *end;
    errno = 0;
    const long pid = strtol(name + n + 1, &end, 10);
    return errno == 0 && pid <= INT_MAX && strcmp(end, ENDING) == 0 ? (pid_t)pid : 0;
}

/* This process writes a file once at a time: what bears its number is an earlier one's. */
static bool is_left(int dir_fd, const char *name, pid_t writer)
{
    struct stat s;
    if (fstatat(dir_fd, name, &s, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(s.st_mode))
        return false;
    if (writer == getpid())
        return true;
    return kill(writer, 0) != 0 && errno == ESRCH && time(NULL) - s.st_mtime > LEAST_AGE_S;
}

/* What cannot be read or removed stays. */
static void sweep(const char *dir, const char *base)
{
    DIR *entries = opendir(dir);
    const struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        const pid_t writer = writer_of(entry->d_name, base);
        if (writer > 0 && is_left(dirfd(entries), entry->d_name, writer))
            unlinkat(dirfd(entries), entry->d_name, 0);
    }
    if (entries)
        closedir(entries);
}

char *atl_file_beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    const size_t room = strlen(path) + 32;
    char *beside = malloc(room);
    if (dir)
        sweep(dir, slash ? slash + 1 : path);
    if (beside)
        snprintf(beside, room, "%s.%ld" ENDING, path, (long)getpid());
    free(dir);
    return beside;
}
