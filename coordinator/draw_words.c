/* draw_words.c - see draw_words.h. */
#include "draw_words.h"

static void count(atl_text *out, int n, const char *word)
{
    atl_text_printf(out, "%d %s%s", n, word, n == 1 ? "" : "s");
}

/* NUMA sets are not nodes: a core that is near to two nodes has a set of two. */
static int n_numa_nodes(const atl_machine *m)
{
    return hwloc_get_nbobjs_by_type(m->topology, HWLOC_OBJ_NUMANODE);
}

void atl_words_of_machine(const atl_machine *machine, atl_text *out)
{
    count(out, machine->n_cores, "core");
    atl_text_puts(out, ", ");
    count(out, machine->n_pus, "hardware thread");
    atl_text_puts(out, " · ");
    if (hwloc_get_nbobjs_by_type(machine->topology, HWLOC_OBJ_PACKAGE) > 0) { /* some systems tell of none */
        count(out, machine->packages.n, "package");
        atl_text_puts(out, " · ");
    }
    count(out, n_numa_nodes(machine), "NUMA node");
    atl_text_puts(out, " · ");
    count(out, machine->n_clusters, "cluster");
}

static void separate(atl_text *out, size_t start)
{
    if (out->length > start)
        atl_text_puts(out, " · ");
}

void atl_words_of_limits(const atl_machine *machine, atl_text *out)
{
    const size_t start = out->length;
    hwloc_const_bitmap_t all = hwloc_topology_get_complete_cpuset(machine->topology);
    if (!hwloc_bitmap_isequal(all, machine->usable)) {
        atl_text_puts(out, "usable: CPUs ");
        atl_cpu_list_print(machine->usable, out);
        atl_text_puts(out, " of ");
        atl_cpu_list_print(all, out);
    }
    if (machine->quota_cpus > 0) {
        separate(out, start);
        atl_text_printf(out, "CPU quota %.4g", machine->quota_cpus);
    }
    if (machine->memory_free_bytes > 0) {
        char words[32];
        atl_size_words(machine->memory_free_bytes, words, sizeof words);
        separate(out, start);
        atl_text_printf(out, "%s of memory available", words);
    }
    if (machine->this_system && !machine->can_bind) {
        separate(out, start);
        atl_text_puts(out, "this system cannot bind: the plan is advice");
    }
}

const char *atl_order_name(atl_order order)
{
    return order == ATL_COMPACT ? "compact" : "scatter";
}

void atl_words_of_plan(const atl_plan *plan, atl_text *out)
{
    count(out, plan->n_workers, "worker");
    atl_text_puts(out, " × ");
    count(out, plan->n_threads, "thread");
    atl_text_printf(out, ", %s", atl_order_name(plan->order));
    if (plan->n_max > 0)
        atl_text_printf(out, " · room for %d", plan->n_max);
    else
        atl_text_puts(out, " · room for none");
    if (plan->reserved)
        atl_text_puts(out, " · a core for the coordinator");
}

void atl_words_of_place(const atl_machine *machine, const atl_cluster *cluster, atl_text *out)
{
    const atl_area *package = &machine->packages.items[cluster->package];
    hwloc_const_bitmap_t nodes = machine->numas.items[cluster->numa].nodeset;
    const size_t start = out->length;
    if (package->object)
        atl_text_printf(out, "Package %u", package->object->logical_index);
    if (nodes && !hwloc_bitmap_iszero(nodes)) {
        separate(out, start);
        atl_text_printf(out, "NUMA node%s ", hwloc_bitmap_weight(nodes) == 1 ? "" : "s");
        atl_cpu_list_print(nodes, out);
    }
    if (out->length == start)
        atl_text_puts(out, "Machine");
}

void atl_words_of_cluster(const atl_machine *machine, int cluster, atl_text *out)
{
    const atl_cluster *c = &machine->clusters[cluster];
    const char *name = machine->classes[c->core_class].name;
    char cache[48];
    atl_cache_words(&machine->domains.items[c->domain], cache, sizeof cache);
    atl_text_printf(out, "cluster %d · %d %s%score%s", cluster, c->n_cores, name, *name ? " " : "",
                    c->n_cores == 1 ? "" : "s");
    if (!cache[0])
        return;
    atl_text_printf(out, " · %s", cache);
    const char *before = ", shared with cluster ";
    for (int i = 0; i < machine->n_clusters; i++) {
        if (i == cluster || machine->clusters[i].domain != c->domain)
            continue;
        atl_text_printf(out, "%s%d", before, i);
        before = ", ";
    }
}
