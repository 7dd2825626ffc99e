/* clusters.c - cores that are alike and share their caches.
 *
 * A cluster is a set of usable cores with the same (core class, local NUMA set, outermost data cache,
 * package). Not one fixed depth of hwloc's tree (an L3 is not on every machine, and on some it holds two
 * classes), and not cpukinds as they are (see core_class.c). Contention is counted by domain = (NUMA set,
 * outermost cache). */
#include <stdlib.h>

#include "machine.h"

/* The index of the area of that object and nodeset; a new one if there is none yet. Room for one area a core
 * was made before. */
static int area_index(atl_areas *areas, hwloc_obj_t object, hwloc_const_bitmap_t nodeset)
{
    for (int i = areas->n - 1; i >= 0; i--) { /* neighbours share: the last ones are the likeliest */
        const atl_area *area = &areas->items[i];
        const bool same_nodes = area->nodeset == nodeset ||
                                (area->nodeset && nodeset && hwloc_bitmap_isequal(area->nodeset, nodeset));
        if (area->object == object && same_nodes)
            return i;
    }
    areas->items[areas->n] = (atl_area){.object = object, .nodeset = nodeset};
    return areas->n++;
}

static bool is_level(hwloc_obj_t cache, unsigned level)
{
    return hwloc_obj_type_is_dcache(cache->type) && cache->attr->cache.depth == level;
}

/* The data or unified cache that is farthest from the core and still above it; NULL if none is known. */
static hwloc_obj_t outermost_cache(hwloc_obj_t core)
{
    hwloc_obj_t found = NULL;
    for (hwloc_obj_t up = core; up; up = up->parent)
        if (hwloc_obj_type_is_dcache(up->type))
            found = up;
    return found;
}

/* What shares an L2 with the core; a core whose L2 is its own, or unknown, is a module by itself. */
static hwloc_obj_t module_of(hwloc_obj_t core)
{
    for (hwloc_obj_t up = core; up; up = up->parent)
        if (is_level(up, 2))
            return up;
    return core;
}

static void place_core(atl_machine *machine, atl_core *core)
{
    hwloc_obj_t object = core->object;
    hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(machine->topology, HWLOC_OBJ_PACKAGE, object);
    core->package = area_index(&machine->packages, package, NULL);
    core->numa = area_index(&machine->numas, NULL, object->nodeset);
    core->domain = area_index(&machine->domains, outermost_cache(object), object->nodeset);
    core->module = area_index(&machine->modules, module_of(object), NULL);
    machine->packages.items[core->package].n_cores++;
    machine->numas.items[core->numa].n_cores++;
    machine->domains.items[core->domain].n_cores++;
    machine->modules.items[core->module].n_cores++;
}

/* A PU that may be used: of the last core seen, or of a new one. */
static void add_pu(atl_machine *machine, hwloc_obj_t pu)
{
    hwloc_obj_t object = hwloc_get_ancestor_obj_by_type(machine->topology, HWLOC_OBJ_CORE, pu);
    object = object ? object : pu;
    atl_core *core = machine->n_cores > 0 ? &machine->cores[machine->n_cores - 1] : NULL;
    if (!core || core->object != object) {
        core = &machine->cores[machine->n_cores++];
        *core = (atl_core){.object = object, .first_pu = machine->n_pus};
        place_core(machine, core);
    }
    machine->pus[machine->n_pus++] = (int)pu->os_index;
    core->n_pus++;
    if (core->n_pus > machine->most_pus)
        machine->most_pus = core->n_pus;
}

static void add_to_cluster(atl_machine *machine, atl_core *core)
{
    int i = 0;
    for (; i < machine->n_clusters; i++) {
        const atl_cluster *c = &machine->clusters[i];
        if (c->core_class == core->core_class && c->package == core->package && c->numa == core->numa &&
            c->domain == core->domain)
            break;
    }
    if (i == machine->n_clusters)
        machine->clusters[machine->n_clusters++] = (atl_cluster){.core_class = core->core_class,
                                                                 .package = core->package,
                                                                 .numa = core->numa,
                                                                 .domain = core->domain};
    machine->clusters[i].n_cores++;
    core->cluster = i;
}

static bool make_room(atl_machine *machine, size_t n)
{
    machine->cores = calloc(n, sizeof *machine->cores);
    machine->pus = calloc(n, sizeof *machine->pus);
    machine->clusters = calloc(n, sizeof *machine->clusters);
    machine->packages.items = calloc(n, sizeof(atl_area));
    machine->numas.items = calloc(n, sizeof(atl_area));
    machine->domains.items = calloc(n, sizeof(atl_area));
    machine->modules.items = calloc(n, sizeof(atl_area));
    return machine->cores && machine->pus && machine->clusters && machine->packages.items &&
           machine->numas.items && machine->domains.items && machine->modules.items;
}

atl_status atl_machine_find_clusters(atl_machine *machine)
{
    const int n = hwloc_bitmap_weight(machine->usable);
    if (n <= 0 || !make_room(machine, (size_t)n))
        return ATL_NO_MEMORY;
    hwloc_obj_t pu = NULL;
    while ((pu = hwloc_get_next_obj_by_type(machine->topology, HWLOC_OBJ_PU, pu)))
        if (hwloc_bitmap_isset(machine->usable, pu->os_index))
            add_pu(machine, pu);
    const atl_status st = atl_machine_find_classes(machine);
    if (st != ATL_OK)
        return st;
    for (int i = 0; i < machine->n_cores; i++)
        add_to_cluster(machine, &machine->cores[i]);
    return ATL_OK;
}

int atl_numa_node(const atl_machine *machine, int numa)
{
    hwloc_const_bitmap_t nodes = machine->numas.items[numa].nodeset;
    return nodes ? hwloc_bitmap_first(nodes) : -1;
}
