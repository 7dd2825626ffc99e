/* cgroup.c - see cgroup.h. */
#include "cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether `word` is one of the comma-separated words of `list`. */
static bool has_word(const char *list, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        const size_t length = strcspn(at, ",");
        if (length == n && memcmp(at, word, n) == 0)
            return true;
    }
    return false;
}

/* mountinfo writes blanks, tabs, newlines and backslashes as \ooo. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' &&
            from[3] >= '0' && from[3] <= '7') {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

static FILE *open_below(const char *root, const char *path)
{
    char name[ATL_CGROUP_PATH];
    if ((size_t)snprintf(name, sizeof name, "%s%s", root, path) >= sizeof name)
        return NULL;
    return fopen(name, "re");
}

/* One line of mountinfo: `id parent dev root mount options… - type source super-options`. If it mounts the
 * hierarchy, *ret_root and *ret_mount point into the line. */
static bool is_mount_of(char *line, const char *controller, char **ret_root, char **ret_mount)
{
    char *separator = strstr(line, " - "), *save = NULL;
    if (!separator)
        return false;
    char type[32] = "", options[1024] = "";
    if (sscanf(separator + 3, "%31s %*s %1023s", type, options) < 1)
        return false;
    if (controller ? strcmp(type, "cgroup") != 0 || !has_word(options, controller)
                   : strcmp(type, "cgroup2") != 0)
        return false;
    *separator = '\0';
    char *words[5];
    for (int i = 0; i < 5; i++)
        if (!(words[i] = strtok_r(i == 0 ? line : NULL, " ", &save)))
            return false;
    *ret_root = words[3];
    *ret_mount = words[4];
    unescape(*ret_root);
    unescape(*ret_mount);
    return true;
}

/* One line of /proc/self/cgroup, `id:controllers:path`: v2's has id 0 and no controllers. */
static const char *path_in_line(char *line, const char *controller)
{
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return NULL;
    *controllers++ = '\0';
    *path++ = '\0';
    if (controller ? !has_word(controllers, controller) : *controllers || strcmp(line, "0") != 0)
        return NULL;
    return path;
}

static bool find_path(const char *root, const char *controller, char *ret, size_t size)
{
    FILE *file = open_below(root, "/proc/self/cgroup");
    char *line = NULL;
    size_t capacity = 0;
    bool found = false;
    while (file && !found && getline(&line, &capacity, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        const char *path = path_in_line(line, controller);
        found = path && (size_t)snprintf(ret, size, "%s", path) < size;
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

/* The part of `path` below the directory `base`, "" or beginning with a slash; NULL if it is not below it. */
static const char *below(const char *path, const char *base)
{
    const size_t n = strcmp(base, "/") == 0 ? 0 : strlen(base);
    if (strncmp(path, base, n) != 0 || (path[n] != '/' && path[n] != '\0'))
        return NULL;
    return strcmp(path + n, "/") == 0 ? "" : path + n;
}

bool atl_cgroup_find(const char *root, const char *controller, atl_cgroup *ret)
{
    char path[ATL_CGROUP_PATH];
    if (!find_path(root, controller, path, sizeof path))
        return false;
    FILE *file = open_below(root, "/proc/self/mountinfo");
    char *line = NULL, *mount_root, *mount;
    size_t capacity = 0;
    bool found = false;
    while (file && !found && getline(&line, &capacity, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (!is_mount_of(line, controller, &mount_root, &mount))
            continue;
        const char *rest = below(path, mount_root);
        if (!rest || strstr(rest, "/..")) /* outside of what is mounted here */
            rest = "";
        found = (size_t)snprintf(ret->top, sizeof ret->top, "%s%s", root, mount) < sizeof ret->top &&
                (size_t)snprintf(ret->leaf, sizeof ret->leaf, "%s%s%s", root, mount, rest) < sizeof ret->leaf;
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

bool atl_cgroup_up(atl_cgroup *group)
{
    char *slash = strrchr(group->leaf, '/');
    if (!slash || strlen(group->leaf) <= strlen(group->top))
        return false;
    *slash = '\0';
    return true;
}

bool atl_cgroup_read(const char *dir, const char *name, char *ret_text, size_t size)
{
    char path[ATL_CGROUP_PATH];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path)
        return false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const size_t n = fread(ret_text, 1, size - 1, file);
    ret_text[n] = '\0';
    fclose(file);
    return true;
}
