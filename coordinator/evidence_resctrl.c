/* evidence_resctrl.c - memory bandwidth and share of the last cache, as the processor's monitoring counts
 * them (Intel RDT, AMD PQoS) where resctrl is mounted.
 *
 * A monitoring group of the workers' threads is made for the window if that is allowed; otherwise the root
 * group is read, which is everything that nobody has put elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence_private.h"

enum { PATH_BYTES = 4352 };

static const char *const files[3] = {"mbm_total_bytes", "mbm_local_bytes", "llc_occupancy"};

typedef struct resctrl {
    char top[PATH_BYTES], group[PATH_BYTES]; /* `group` is `top` where no group could be made */
    bool is_own;
    uint64_t begin[3];
    int errors[3]; /* 0: read */
} resctrl;

/* The sum over the cache domains: mon_data/mon_L3_00, mon_L3_01, … */
static int read_sum(const resctrl *r, const char *file, uint64_t *ret)
{
    char directory[PATH_BYTES + 16];
    int *domains = NULL;
    size_t n = 0;
    snprintf(directory, sizeof directory, "%s/mon_data", r->group);
    if (!atl_evidence_numbered(directory, "mon_L3_", &domains, &n))
        return errno;
    int error = 0;
    *ret = 0;
    for (size_t i = 0; error == 0 && i < n; i++) {
        uint64_t value;
        if (atl_evidence_read_number(&value, "%s/mon_L3_%02d/%s", directory, domains[i], file))
            *ret += value;
        else
            error = errno;
    }
    free(domains);
    return error;
}

static bool add_task(const resctrl *r, int task)
{
    char path[PATH_BYTES + 16], text[16];
    snprintf(path, sizeof path, "%s/tasks", r->group);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const int n = snprintf(text, sizeof text, "%d\n", task);
    const bool ok = write(fd, text, (size_t)n) == n || errno == ESRCH;
    close(fd);
    return ok;
}

static bool add_process(const resctrl *r, const char *root, pid_t pid)
{
    char path[PATH_BYTES];
    int *threads = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/proc/%d/task", root, pid);
    if (!atl_evidence_numbered(path, "", &threads, &n))
        return true; /* gone */
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = add_task(r, threads[i]);
    free(threads);
    return ok;
}

static void make_group(resctrl *r, const atl_watched *watched)
{
    uint64_t value;
    const int n = snprintf(r->group, sizeof r->group, "%s/mon_groups/atelier-%d", r->top, getpid());
    r->is_own = n > 0 && (size_t)n < sizeof r->group && mkdir(r->group, 0755) == 0;
    bool ok = r->is_own && read_sum(r, files[0], &value) == 0;
    for (size_t i = 0; ok && i < watched->n_pids; i++)
        ok = add_process(r, watched->root, watched->pids[i]);
    if (!ok && r->is_own)
        rmdir(r->group);
    if (!ok) {
        r->is_own = false;
        memcpy(r->group, r->top, sizeof r->group);
    }
}

static void *begin(const atl_watched *watched)
{
    resctrl *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    snprintf(r->top, sizeof r->top, "%s/sys/fs/resctrl", watched->root);
    make_group(r, watched);
    for (int i = 0; i < 3; i++)
        r->errors[i] = read_sum(r, files[i], &r->begin[i]);
    return r;
}

static void end(void *state, const atl_watched *watched, atl_evidence_list *list)
{
    resctrl *r = state;
    static const char *const names[3] = {"memory_bandwidth", "memory_bandwidth_local", "llc_occupancy"};
    for (int i = 0; i < 3; i++) {
        char why[128] = "";
        uint64_t now = 0;
        const int error = r->errors[i] != 0 ? r->errors[i] : read_sum(r, files[i], &now);
        const double value =
            i < 2 ? atl_growth(r->begin[i], now) / watched->seconds / 1e9 : (double)now / 1e6;
        if (error != 0)
            atl_evidence_no_file(why, sizeof why, "/sys/fs/resctrl", error,
                                 "not mounted, or the processor counts no traffic");
        else
            snprintf(why, sizeof why, "%s", r->is_own ? "the workers' own group" : "the whole system's");
        atl_evidence_add(list, names[i], i < 2 ? "GB/s" : "MB", error == 0 ? value : NAN, why);
    }
    if (r->is_own)
        rmdir(r->group);
    free(r);
}

const atl_evidence_source atl_evidence_resctrl = {begin, end};
