/* binding.c - see binding.h.
 *
 * The topology is opened without any of its objects: only hwloc's calls to bind are needed. Each thread
 * adds to what was got; the report is made after the engine was opened, which waits for none of them, so it
 * waits for the last of them itself, for a second at most. */
#include "binding.h"

#include <errno.h>
#include <hwloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATIENCE_S = 1 };

struct atl_binding {
    hwloc_topology_t topology;
    const int *pus;
    int n_threads;
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    hwloc_bitmap_t got; /* union of what the compute threads read back */
    int n_arrived, n_told, n_refused;
    int refused_pu, refused_errno; /* the first */
};

static bool load_topology(hwloc_topology_t *ret)
{
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology) != 0)
        return false;
    hwloc_topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
    hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING);
    if (hwloc_topology_load(topology) != 0) {
        hwloc_topology_destroy(topology);
        return false;
    }
    *ret = topology;
    return true;
}

static void bind_to(atl_binding *b, const int *pus, int n, int flags)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    for (int i = 0; set && i < n; i++)
        hwloc_bitmap_set(set, (unsigned)pus[i]);
    const bool bound = set && hwloc_set_cpubind(b->topology, set, flags | HWLOC_CPUBIND_STRICT) == 0;
    const int error = set ? errno : ENOMEM;
    hwloc_bitmap_free(set);
    pthread_mutex_lock(&b->mutex);
    if (!bound && b->n_refused++ == 0) {
        b->refused_pu = pus[0];
        b->refused_errno = error;
    }
    pthread_mutex_unlock(&b->mutex);
}

atl_binding *atl_binding_open(const int *pus, int n_threads)
{
    atl_binding *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->pus = pus;
    b->n_threads = n_threads;
    b->got = hwloc_bitmap_alloc();
    pthread_mutex_init(&b->mutex, NULL);
    pthread_cond_init(&b->arrived, NULL);
    if (!b->got || !load_topology(&b->topology)) {
        atl_binding_close(&b);
        return NULL;
    }
    if (pus)
        bind_to(b, pus, n_threads, HWLOC_CPUBIND_PROCESS);
    return b;
}

void atl_binding_close(atl_binding **binding)
{
    atl_binding *b = *binding;
    *binding = NULL;
    if (!b)
        return;
    if (b->topology)
        hwloc_topology_destroy(b->topology);
    hwloc_bitmap_free(b->got);
    pthread_cond_destroy(&b->arrived);
    pthread_mutex_destroy(&b->mutex);
    free(b);
}

void atl_binding_take(void *binding, int thread)
{
    atl_binding *b = binding;
    if (!b)
        return;
    if (b->pus && b->n_threads > 1)
        bind_to(b, &b->pus[thread], 1, HWLOC_CPUBIND_THREAD);
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    const bool told = set && hwloc_get_cpubind(b->topology, set, HWLOC_CPUBIND_THREAD) == 0;
    pthread_mutex_lock(&b->mutex);
    if (told)
        hwloc_bitmap_or(b->got, b->got, set);
    b->n_told += told;
    b->n_arrived++;
    pthread_cond_signal(&b->arrived);
    pthread_mutex_unlock(&b->mutex);
    hwloc_bitmap_free(set);
}

void atl_binding_report(const atl_binding *binding, atl_text *ret_list, atl_text *ret_note)
{
    if (!binding) {
        atl_text_puts(ret_list, "unavailable");
        atl_text_puts(ret_note, "hwloc cannot be used here: nothing is bound");
        return;
    }
    atl_binding *b = (atl_binding *)(uintptr_t)binding; /* for its mutex */
    struct timespec until;
    timespec_get(&until, TIME_UTC);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&b->mutex);
    while (b->n_arrived < b->n_threads && pthread_cond_timedwait(&b->arrived, &b->mutex, &until) == 0)
        ;
    char *list = NULL;
    if (b->n_told > 0 && hwloc_bitmap_list_asprintf(&list, b->got) >= 0)
        atl_text_puts(ret_list, list);
    else
        atl_text_puts(ret_list, "unavailable");
    free(list);
    if (b->n_refused > 0)
        atl_text_printf(ret_note, "the system refused to bind to PU %d: %s", b->refused_pu,
                        strerror(b->refused_errno));
    else
        atl_text_puts(ret_note, "");
    pthread_mutex_unlock(&b->mutex);
}
