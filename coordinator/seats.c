/* seats.c - a plan seen from the hardware threads, and sizes in words: what every drawing needs. */
#include <stdio.h>
#include <stdlib.h>

#include "machine.h"

/* [largest OS index + 1] where each PU is in machine->pus. */
static int *index_pus(const atl_machine *m)
{
    const int last = hwloc_bitmap_last(m->usable);
    int *at = calloc((size_t)last + 1, sizeof *at);
    for (int i = 0; at && i < m->n_pus; i++)
        at[m->pus[i]] = i;
    return at;
}

bool atl_seats_init(atl_seats *seats, const atl_machine *machine, const atl_plan *plan)
{
    const size_t n = (size_t)machine->n_pus;
    *seats = (atl_seats){calloc(n, sizeof(int)), calloc(n, sizeof(int))};
    int *at = index_pus(machine);
    const bool ok = seats->workers && seats->counts && at;
    for (int w = 0; ok && plan && w < plan->n_workers; w++) {
        for (int t = 0; t < plan->n_threads; t++) {
            const int i = at[plan->slots[w].pus[t]];
            if (seats->counts[i] > 0 && seats->workers[i] == w)
                continue; /* two threads of one worker */
            seats->workers[i] = seats->counts[i] == 0 ? w : seats->workers[i];
            seats->counts[i]++;
        }
    }
    free(at);
    if (!ok)
        atl_seats_done(seats);
    return ok;
}

void atl_seats_done(atl_seats *seats)
{
    free(seats->workers);
    free(seats->counts);
    *seats = (atl_seats){0};
}

void atl_size_words(unsigned long long bytes, char *ret, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int unit = 0;
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    snprintf(ret, size, "%.*g %s", value >= 1000 ? 4 : 3, value, units[unit]);
}

void atl_cache_words(const atl_area *area, char *ret, size_t size)
{
    char bytes[32];
    ret[0] = '\0';
    if (!area->object || !hwloc_obj_type_is_cache(area->object->type))
        return;
    const struct hwloc_cache_attr_s *cache = &area->object->attr->cache;
    atl_size_words(cache->size, bytes, sizeof bytes);
    snprintf(ret, size, "L%u%s%s", cache->depth, cache->size ? " " : "", cache->size ? bytes : "");
}
