/* find_model.c - see find_model.h. */
#include "find_model.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static bool is_model(const char *folder, const char *name)
{
    char *dir = atl_path_join(folder, name);
    char *index = dir ? atl_path_join(dir, "model_index.json") : NULL;
    const bool is = index && name[0] != '.' && atl_is_file(index);
    free(index);
    free(dir);
    return is;
}

/* 0: named so, 1: ordinary, 2: the fast one. Less comes first. */
static int rank_of(const char *name)
{
    const size_t n = strlen(name);
    if (strcmp(name, "default") == 0)
        return 0;
    return n >= 5 && strcmp(name + n - 5, "-fast") == 0 ? 2 : 1;
}

static bool comes_before(const char *a, const char *b)
{
    return rank_of(a) != rank_of(b) ? rank_of(a) < rank_of(b) : strcmp(a, b) < 0;
}

static atl_status no_model(const char *folder, atl_note *note)
{
    return atl_fail(note, ATL_NOT_FOUND,
                    "no model was named with --model or ATELIER_MODEL, and there is none in %s", folder);
}

static atl_status find_in(const char *folder, char **ret_path, atl_note *note)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return no_model(folder, note);
    char first[NAME_MAX + 1] = "";
    for (struct dirent *entry; (entry = readdir(dir));)
        if (is_model(folder, entry->d_name) && (!*first || comes_before(entry->d_name, first)))
            snprintf(first, sizeof first, "%s", entry->d_name);
    closedir(dir);
    if (!*first)
        return no_model(folder, note);
    char *path = atl_path_join(folder, first);
    char *whole = path ? realpath(path, NULL) : NULL; /* a link has the name of what it points to */
    free(path);
    if (!whole)
        return atl_fail(note, ATL_IO, "%s/%s: cannot be resolved: %s", folder, first, strerror(errno));
    *ret_path = whole;
    return ATL_OK;
}

atl_status find_model(char **ret_path, atl_note *note)
{
    char program[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n < 0)
        return atl_fail(note, ATL_IO, "cannot tell where this program lies: %s", strerror(errno));
    program[n] = '\0';
    *strrchr(program, '/') = '\0';
    char *folder = atl_path_join(program, "../share/atelier/models");
    if (!folder)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for the name of the models' folder");
    const atl_status st = find_in(folder, ret_path, note);
    free(folder);
    return st;
}
