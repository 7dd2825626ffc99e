/* evidence.c - see evidence.h: a watch is its sources' states, and the time. */
#include "evidence.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sizes.h"
#include "evidence_private.h"

enum { PATH_BYTES = 4352 };

/* Begun from the last to the first and ended from the first to the last: the hardware's counters are the
 * innermost, what takes long to read is the outermost. */
static const atl_evidence_source *const sources[] = {
    &atl_evidence_perf,       &atl_evidence_frequency, &atl_evidence_resctrl, &atl_evidence_energy,
    &atl_evidence_pressure,   &atl_evidence_sched,     &atl_evidence_cpus,    &atl_evidence_process,
    &atl_evidence_throttling, &atl_evidence_memory,
};

struct atl_evidence_watch {
    atl_watched watched;
    char *root; /* owned, as the next two */
    pid_t *pids;
    int *cpus;
    int64_t begun_ns;
    void *states[ATL_COUNT(sources)];
};

static void *copy(const void *from, size_t n, size_t size)
{
    void *to = calloc(n + 1, size);
    if (to && n > 0)
        memcpy(to, from, n * size);
    return to;
}

/* Workers that share CPUs name them once each; every source counts a CPU once. */
static int *copy_distinct(const int *cpus, size_t n, size_t *ret_n)
{
    int *distinct = calloc(n + 1, sizeof *distinct);
    *ret_n = 0;
    for (size_t i = 0; distinct && i < n; i++) {
        size_t k = 0;
        while (k < *ret_n && distinct[k] != cpus[i])
            k++;
        distinct[k] = cpus[i];
        *ret_n += k == *ret_n;
    }
    return distinct;
}

static bool copy_scope(const atl_evidence_scope *scope, atl_evidence_watch *watch)
{
    watch->root = strdup(scope->root ? scope->root : "");
    watch->pids = copy(scope->pids, scope->n_pids, sizeof *scope->pids);
    size_t n_cpus = scope->n_cpus;
    if (n_cpus > 0) {
        watch->cpus = copy_distinct(scope->cpus, scope->n_cpus, &n_cpus);
    } else if (watch->root) {
        char directory[PATH_BYTES];
        snprintf(directory, sizeof directory, "%s/sys/devices/system/cpu", watch->root);
        if (!atl_evidence_numbered(directory, "cpu", &watch->cpus, &n_cpus) && errno != ENOMEM)
            watch->cpus = copy(&(int){0}, n_cpus = 1, sizeof(int));
    }
    watch->watched = (atl_watched){.root = watch->root,
                                   .pids = watch->pids,
                                   .n_pids = scope->n_pids,
                                   .cpus = watch->cpus,
                                   .n_cpus = n_cpus};
    return watch->root && watch->pids && watch->cpus;
}

static void close_watch(atl_evidence_watch *watch, atl_evidence_list *list)
{
    for (size_t i = 0; i < ATL_COUNT(sources); i++)
        if (watch->states[i])
            sources[i]->end(watch->states[i], &watch->watched, list);
    free(watch->root);
    free(watch->pids);
    free(watch->cpus);
    free(watch);
}

void atl_evidence_drop(atl_evidence_watch **watch)
{
    if (!*watch)
        return;
    (*watch)->watched.seconds = 1;
    close_watch(*watch, &(atl_evidence_list){0});
    *watch = NULL;
}

atl_status atl_evidence_begin(const atl_evidence_scope *scope, atl_evidence_watch **ret, atl_note *note)
{
    atl_evidence_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to watch the workers");
    bool ok = copy_scope(scope, watch);
    for (size_t i = ATL_COUNT(sources); ok && i-- > 0;)
        ok = (watch->states[i] = sources[i]->begin(&watch->watched));
    if (!ok) {
        atl_evidence_drop(&watch);
        return atl_fail(note, ATL_NO_MEMORY, "no memory to watch the workers");
    }
    watch->begun_ns = atl_clock_now_ns();
    *ret = watch;
    return ATL_OK;
}

size_t atl_evidence_end(atl_evidence_watch **watch, double n_images, atl_evidence *ret, size_t most)
{
    const int64_t length_ns = atl_clock_now_ns() - (*watch)->begun_ns;
    atl_evidence_list list = {.items = ret, .most = most};
    (*watch)->watched.seconds = atl_ns_to_s(length_ns > 0 ? length_ns : 1);
    (*watch)->watched.n_images = n_images;
    close_watch(*watch, &list);
    *watch = NULL;
    return list.n;
}

const atl_evidence *atl_evidence_find(const atl_evidence *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

void atl_evidence_add(atl_evidence_list *list, const char *name, const char *unit, double value,
                      const char *why)
{
    if (list->n == list->most)
        return;
    atl_evidence *item = &list->items[list->n++];
    *item = (atl_evidence){.value = isfinite(value) ? value : NAN};
    snprintf(item->name, sizeof item->name, "%s", name);
    snprintf(item->unit, sizeof item->unit, "%s", unit);
    snprintf(item->why, sizeof item->why, "%s", why ? why : "");
}

void atl_evidence_reason(char *why, size_t size, const char *what, int error)
{
    const char *name = strerrorname_np(error);
    snprintf(why, size, "%s: %s (%s)", what, strerror(error), name ? name : "?");
}

void atl_evidence_explain(char *why, size_t size, const char *what, int error, const char *meaning)
{
    atl_evidence_reason(why, size, what, error);
    const size_t n = strlen(why);
    if (meaning[0])
        snprintf(why + n, size - n, ": %s", meaning);
}

void atl_evidence_no_file(char *why, size_t size, const char *what, int error, const char *missing)
{
    const bool is_barred = error == EACCES || error == EPERM;
    atl_evidence_explain(why, size, what, error,
                         error == ENOENT ? missing
                         : is_barred     ? "only root may read it here"
                                         : "");
}

static bool read_v(char *text, size_t size, const char *format, va_list args)
{
    char path[PATH_BYTES];
    if ((size_t)vsnprintf(path, sizeof path, format, args) >= sizeof path) {
        errno = ENAMETOOLONG;
        return false;
    }
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    errno = 0;
    const size_t n = fread(text, 1, size - 1, file);
    const int error = ferror(file) ? errno : 0;
    text[n] = '\0';
    fclose(file);
    errno = error;
    return error == 0;
}

bool atl_evidence_read(char *text, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const bool ok = read_v(text, size, format, args);
    va_end(args);
    return ok;
}

bool atl_evidence_read_number(uint64_t *ret, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    const bool ok = read_v(text, sizeof text, format, args);
    va_end(args);
    if (!ok)
        return false;
    errno = EINVAL;
    if (text[0] < '0' || text[0] > '9') /* resctrl says "Unavailable" */
        return false;
    *ret = strtoull(text, NULL, 10);
    return true;
}

bool atl_evidence_field(const char *text, const char *key, uint64_t *ret)
{
    const size_t n = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) != 0 || (line[n] != ' ' && line[n] != ':' && line[n] != '\t'))
            continue;
        const char *digits = line + n + 1 + strspn(line + n + 1, " \t");
        if (*digits < '0' || *digits > '9')
            return false;
        *ret = strtoull(digits, NULL, 10);
        return true;
    }
    return false;
}

static int ascending(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

bool atl_evidence_numbered(const char *directory, const char *prefix, int **ret, size_t *ret_n)
{
    DIR *dir = opendir(directory);
    if (!dir)
        return false;
    int *items = NULL;
    size_t n = 0, capacity = 0;
    bool ok = true;
    for (const struct dirent *entry; ok && (entry = readdir(dir));) {
        int number, end = 0;
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
            sscanf(entry->d_name + strlen(prefix), "%9d%n", &number, &end) != 1 || number < 0 ||
            entry->d_name[strlen(prefix) + (size_t)end] != '\0')
            continue;
        if (n == capacity) {
            int *more = realloc(items, (capacity = capacity * 2 + 16) * sizeof *items);
            ok = more;
            items = more ? more : items;
        }
        if (ok)
            items[n++] = number;
    }
    closedir(dir);
    if (!ok || n == 0) {
        free(items);
        errno = ok ? ENOENT : ENOMEM;
        return false;
    }
    qsort(items, n, sizeof *items, ascending);
    *ret = items;
    *ret_n = n;
    return true;
}
