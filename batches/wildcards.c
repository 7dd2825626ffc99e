/* wildcards.c - a folder of wildcard files, read when first named; see template.h.
 *
 * The folder is listed once, at the beginning, and a name is only ever compared with that list: no name leads
 * out of the folder. A file is parsed as a whole when it is first named, with all that it names in turn:
 * while that goes on it counts as being read, and to come to such a file again is a circle. */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/utf8.h"
#include "source.h"
#include "template_tree.h"

#define MAX_FOLDERS 16 /* in each other */

typedef struct wildcard {
    char *name; /* "dir/colours" */
    enum { UNREAD, READING, READ } state;
    atl_branches branches;
} wildcard;

/* What a pattern stood for. */
typedef struct found {
    struct found *next;
    const char *pattern;
    const atl_branches *branches;
} found;

struct atl_wildcards {
    char *dir; /* NULL: none */
    wildcard *files;
    size_t n_files, capacity;
    atl_leaves arena;
    found *patterns;
    int depth; /* of files being read */
};

static atl_status no_memory(atl_note *note)
{
    return atl_fail(note, ATL_NO_MEMORY, "no memory for wildcards");
}

static atl_status add_file(atl_wildcards *w, const char *relative, atl_note *note)
{
    const size_t n = strlen(relative);
    if (n <= 4 || strcmp(relative + n - 4, ".txt") != 0)
        return ATL_OK;
    if (w->n_files == ATL_WILDCARD_MAX_FILES)
        return atl_fail(note, ATL_BAD_INPUT, "%s: holds over %d wildcard files; wanted fewer", w->dir,
                        ATL_WILDCARD_MAX_FILES);
    wildcard *files = atl_grown(w->files, w->n_files, &w->capacity, 16, sizeof *files);
    if (!files)
        return no_memory(note);
    w->files = files;
    char *name = strndup(relative, n - 4);
    if (!name)
        return no_memory(note);
    w->files[w->n_files++] = (wildcard){.name = name};
    return ATL_OK;
}

static atl_status scan(atl_wildcards *w, const char *relative, int depth, atl_note *note);

static atl_status take_entry(atl_wildcards *w, const char *relative, int depth, atl_note *note)
{
    char *path = atl_path_join(w->dir, relative);
    struct stat what, link;
    atl_status st = path ? ATL_OK : no_memory(note);
    if (path && stat(path, &what) == 0 && lstat(path, &link) == 0) {
        if (S_ISREG(what.st_mode))
            st = add_file(w, relative, note);
        else if (S_ISDIR(link.st_mode)) /* a link to a folder may lead in circles */
            st = scan(w, relative, depth + 1, note);
    }
    free(path);
    return st;
}

static atl_status scan(atl_wildcards *w, const char *relative, int depth, atl_note *note)
{
    char *path = *relative ? atl_path_join(w->dir, relative) : strdup(w->dir);
    if (!path)
        return no_memory(note);
    DIR *dir = depth < MAX_FOLDERS ? opendir(path) : NULL;
    atl_status st = ATL_OK;
    if (!dir)
        st = atl_fail(note, errno == ENOENT ? ATL_NOT_FOUND : ATL_IO, "%s: cannot be listed: %s", path,
                      depth < MAX_FOLDERS ? strerror(errno) : "too many folders in each other");
    free(path);
    if (!dir)
        return st;
    for (const struct dirent *entry = readdir(dir); st == ATL_OK && entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        char *inner = *relative ? atl_path_join(relative, entry->d_name) : strdup(entry->d_name);
        st = inner ? take_entry(w, inner, depth, note) : no_memory(note);
        free(inner);
    }
    closedir(dir);
    return st;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const wildcard *)left)->name, ((const wildcard *)right)->name);
}

atl_status atl_wildcards_open(const char *dir, atl_wildcards **ret, atl_note *note)
{
    atl_wildcards *w = calloc(1, sizeof *w);
    if (!w)
        return no_memory(note);
    atl_status st = ATL_OK;
    if (dir) {
        w->dir = strdup(dir);
        st = w->dir ? scan(w, "", 0, note) : no_memory(note);
    }
    if (w->n_files > 0)
        qsort(w->files, w->n_files, sizeof *w->files, by_name);
    if (st == ATL_OK)
        *ret = w;
    else
        atl_wildcards_close(&w);
    return st;
}

void atl_wildcards_close(atl_wildcards **ret)
{
    atl_wildcards *w = *ret;
    if (!w)
        return;
    for (size_t i = 0; i < w->n_files; i++)
        free(w->files[i].name);
    free(w->files);
    free(w->dir);
    atl_leaves_done(&w->arena);
    free(w);
    *ret = NULL;
}

static atl_status fail_line(const char *path, size_t line, size_t column, atl_status st, atl_note *note)
{
    if (st != ATL_OK)
        atl_note_prefix(note, "%.300s:%zu:%zu", path, line, column);
    return st;
}

static atl_status add_option(atl_wildcards *w, wildcard *file, const char *path, size_t number,
                             const char *line, size_t n, atl_note *note)
{
    const size_t bad = atl_utf8_first_bad(line, n);
    const char *nul = memchr(line, '\0', n);
    if (bad < n || nul)
        return fail_line(path, number, atl_column(line, nul ? (size_t)(nul - line) : bad),
                         atl_fail(note, ATL_BAD_INPUT, "found %s; wanted UTF-8 text",
                                  nul ? "a NUL byte" : "what is not UTF-8"),
                         note);
    atl_branch *branch = &file->branches.each[file->branches.n++];
    size_t at = 0;
    branch->weight = 1;
    const atl_status st = atl_sequence_parse(w, &w->arena, line, n, &branch->sequence, &at, note);
    return fail_line(path, number, atl_column(line, at), st, note);
}

/* A line of `n` bytes is an option unless it is blank or a comment. */
static bool is_option(const char **line, size_t *n)
{
    while (*n > 0 && strchr(" \t\r", (*line)[0]))
        ++*line, --*n;
    while (*n > 0 && strchr(" \t\r", (*line)[*n - 1]))
        --*n;
    return *n > 0 && (*line)[0] != '#';
}

static atl_status take_lines(atl_wildcards *w, wildcard *file, const char *path, const char *data,
                             size_t size, atl_note *note)
{
    size_t most = 1, number = 0;
    for (size_t i = 0; i < size; i++)
        most += data[i] == '\n';
    file->branches =
        (atl_branches){.each = atl_leaves_take(&w->arena, most * sizeof(atl_branch)), .is_even = true};
    if (!file->branches.each)
        return no_memory(note);
    size_t at = size >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (at < size) {
        const char *line = data + at, *newline = memchr(line, '\n', size - at);
        size_t n = newline ? (size_t)(newline - line) : size - at;
        at += n + 1;
        number++;
        if (!is_option(&line, &n))
            continue;
        const atl_status st = add_option(w, file, path, number, line, n, note);
        if (st != ATL_OK)
            return st;
    }
    return file->branches.n > 0 ? ATL_OK : atl_fail(note, ATL_BAD_INPUT, "%.300s: holds no option", path);
}

static atl_status read_file(atl_wildcards *w, wildcard *file, atl_note *note)
{
    char relative[4096 + 8], *data;
    size_t size;
    snprintf(relative, sizeof relative, "%s.txt", file->name);
    char *path = atl_path_join(w->dir, relative);
    if (!path)
        return no_memory(note);
    atl_status st = atl_file_read(path, ATL_WILDCARD_MAX_FILE_BYTES, &data, &size, note);
    if (st == ATL_OK) {
        st = take_lines(w, file, path, data, size, note);
        free(data);
    }
    free(path);
    return st;
}

/* Reads the file unless that was done. */
static atl_status need(atl_wildcards *w, wildcard *file, atl_note *note)
{
    if (file->state == READ)
        return ATL_OK;
    if (file->state == READING)
        return atl_fail(note, ATL_BAD_INPUT, "found __%.100s__, which comes back to itself; wanted no circle",
                        file->name);
    if (w->depth == ATL_TEMPLATE_MAX_DEPTH)
        return atl_fail(note, ATL_BAD_INPUT, "found wildcards in over %d wildcards; wanted fewer",
                        ATL_TEMPLATE_MAX_DEPTH);
    file->state = READING;
    w->depth++;
    const atl_status st = read_file(w, file, note);
    w->depth--;
    file->state = st == ATL_OK ? READ : UNREAD;
    return st;
}

/* All branches of several files, one after another. */
static atl_status join(atl_wildcards *w, const char *pattern, size_t n, const atl_branches **ret,
                       atl_note *note)
{
    atl_branches *all = atl_leaves_take(&w->arena, sizeof *all);
    if (!all || !(all->each = atl_leaves_take(&w->arena, n * sizeof *all->each)))
        return no_memory(note);
    all->is_even = true;
    for (size_t i = 0; i < w->n_files; i++) {
        if (fnmatch(pattern, w->files[i].name, FNM_PATHNAME | FNM_PERIOD) != 0)
            continue;
        const atl_branches *branches = &w->files[i].branches;
        memcpy(all->each + all->n, branches->each, branches->n * sizeof *all->each);
        all->n += branches->n;
    }
    *ret = all;
    return ATL_OK;
}

static atl_status find_new(atl_wildcards *w, const char *pattern, const atl_branches **ret, atl_note *note)
{
    size_t n_files = 0, n = 0;
    for (size_t i = 0; i < w->n_files; i++) {
        if (fnmatch(pattern, w->files[i].name, FNM_PATHNAME | FNM_PERIOD) != 0)
            continue;
        const atl_status st = need(w, &w->files[i], note);
        if (st != ATL_OK)
            return st;
        n_files++;
        n += w->files[i].branches.n;
        *ret = &w->files[i].branches;
    }
    if (n_files == 0 && !w->dir)
        return atl_fail(
            note, ATL_NOT_FOUND,
            "found the wildcard __%.100s__, but no folder of wildcards was given; wanted --wildcards "
            "DIR, or \\__ for plain underscores",
            pattern);
    if (n_files == 0)
        return atl_fail(note, ATL_NOT_FOUND,
                        "found the unknown wildcard __%.100s__; wanted %.200s/%.100s.txt", pattern, w->dir,
                        pattern);
    return n_files == 1 ? ATL_OK : join(w, pattern, n, ret, note);
}

atl_status atl_wildcards_find(atl_wildcards *w, const char *text, size_t n_bytes, const atl_branches **ret,
                              atl_note *note)
{
    for (const found *f = w->patterns; f; f = f->next)
        if (strlen(f->pattern) == n_bytes && memcmp(f->pattern, text, n_bytes) == 0) {
            *ret = f->branches;
            return ATL_OK;
        }
    char *pattern = atl_leaves_copy(&w->arena, text, n_bytes);
    found *made = atl_leaves_take(&w->arena, sizeof *made);
    if (!pattern || !made)
        return no_memory(note);
    const atl_status st = find_new(w, pattern, &made->branches, note);
    if (st != ATL_OK)
        return st;
    made->pattern = pattern;
    made->next = w->patterns;
    w->patterns = made;
    *ret = made->branches;
    return ATL_OK;
}
