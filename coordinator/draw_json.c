/* draw_json.c - the machine and a plan as one JSON object. */
#include "draw_words.h"

static void put_string(atl_text *out, const char *string)
{
    atl_text_putc(out, '"');
    for (const char *c = string; *c; c++) {
        if (*c == '"' || *c == '\\')
            atl_text_printf(out, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            atl_text_printf(out, "\\u%04x", (unsigned)*c);
        else
            atl_text_putc(out, *c);
    }
    atl_text_putc(out, '"');
}

static void put_bool(atl_text *out, bool value)
{
    atl_text_puts(out, value ? "true" : "false");
}

/* A number, or null for "not known" and "none". */
static void put_size(atl_text *out, unsigned long long value)
{
    if (value > 0)
        atl_text_printf(out, "%llu", value);
    else
        atl_text_puts(out, "null");
}

static void put_index(atl_text *out, int value)
{
    if (value >= 0)
        atl_text_printf(out, "%d", value);
    else
        atl_text_puts(out, "null");
}

static void put_list(atl_text *out, const int *values, int n)
{
    atl_text_putc(out, '[');
    for (int i = 0; i < n; i++)
        atl_text_printf(out, "%s%d", i > 0 ? "," : "", values[i]);
    atl_text_putc(out, ']');
}

static void put_machine(const atl_machine *m, atl_text *out)
{
    atl_text_puts(out, "\"machine\":{\"name\":");
    put_string(out, m->name);
    atl_text_puts(out, ",\"this_machine\":");
    put_bool(out, m->this_system);
    atl_text_puts(out, ",\"can_bind\":");
    put_bool(out, m->can_bind);
    atl_text_printf(out, ",\"cores\":%d,\"hardware_threads\":%d,\"packages\":%d,\"usable_cpus\":\"",
                    m->n_cores, m->n_pus,
                    hwloc_get_nbobjs_by_type(m->topology, HWLOC_OBJ_PACKAGE) > 0 ? m->packages.n : 0);
    atl_cpu_list_print(m->usable, out);
    atl_text_puts(out, "\",\"quota_cpus\":");
    if (m->quota_cpus > 0)
        atl_text_printf(out, "%.6g", m->quota_cpus);
    else
        atl_text_puts(out, "null");
    atl_text_puts(out, ",\"memory_available_bytes\":");
    put_size(out, m->memory_free_bytes);
    atl_text_putc(out, '}');
}

static void put_classes(const atl_machine *m, atl_text *out)
{
    atl_text_puts(out, ",\"classes\":[");
    for (int i = 0; i < m->n_classes; i++) {
        atl_text_puts(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        put_string(out, m->classes[i].name);
        atl_text_printf(out, ",\"cores\":%d}", m->classes[i].n_cores);
    }
    atl_text_putc(out, ']');
}

static void put_cores(const atl_machine *m, int cluster, atl_text *out)
{
    atl_text_puts(out, ",\"cores\":[");
    const char *comma = "";
    for (int i = 0; i < m->n_cores; i++) {
        const atl_core *core = &m->cores[i];
        if (core->cluster != cluster)
            continue;
        atl_text_printf(out, "%s{\"core\":%u,\"module\":%d,\"cpus\":", comma, core->object->logical_index,
                        core->module);
        put_list(out, m->pus + core->first_pu, core->n_pus);
        atl_text_putc(out, '}');
        comma = ",";
    }
    atl_text_putc(out, ']');
}

static void put_cluster(const atl_machine *m, int cluster, atl_text *out)
{
    const atl_cluster *c = &m->clusters[cluster];
    const struct hwloc_obj *package = m->packages.items[c->package].object;
    const struct hwloc_obj *cache = m->domains.items[c->domain].object;
    hwloc_const_bitmap_t nodes = m->numas.items[c->numa].nodeset;
    atl_text_printf(out, "{\"cluster\":%d,\"class\":%d,\"package\":", cluster, c->core_class);
    put_index(out, package ? (int)package->logical_index : -1);
    atl_text_puts(out, ",\"numa_nodes\":\"");
    if (nodes)
        atl_cpu_list_print(nodes, out);
    atl_text_printf(out, "\",\"domain\":%d,\"cache\":", c->domain);
    if (cache) {
        atl_text_printf(out, "{\"level\":%u,\"bytes\":", cache->attr->cache.depth);
        put_size(out, cache->attr->cache.size);
        atl_text_putc(out, '}');
    } else {
        atl_text_puts(out, "null");
    }
    put_cores(m, cluster, out);
    atl_text_putc(out, '}');
}

static void put_plan(const atl_plan *plan, atl_text *out)
{
    atl_text_printf(
        out, ",\"plan\":{\"workers\":%d,\"threads\":%d,\"order\":\"%s\",\"n_max\":%d,\"coordinator_cpu\":",
        plan->n_workers, plan->n_threads, atl_order_name(plan->order), plan->n_max);
    put_index(out, plan->coordinator_pu);
    atl_text_puts(out, ",\"coordinator_reserved\":");
    put_bool(out, plan->reserved);
    atl_text_puts(out, ",\"warning\":");
    put_string(out, plan->warning);
    atl_text_puts(out, ",\"slots\":[");
    for (int i = 0; i < plan->n_workers; i++) {
        const atl_slot *slot = &plan->slots[i];
        atl_text_printf(out, "%s{\"worker\":%d,\"cpus\":", i > 0 ? "," : "", i);
        put_list(out, slot->pus, plan->n_threads);
        atl_text_puts(out, ",\"cluster\":");
        put_index(out, slot->cluster);
        atl_text_puts(out, ",\"numa_node\":");
        put_index(out, slot->numa_node);
        atl_text_printf(out, ",\"smt_layer\":%d,\"straddles\":", slot->smt_layer);
        put_bool(out, slot->straddles);
        atl_text_puts(out, ",\"oversubscribed\":");
        put_bool(out, slot->oversubscribed);
        atl_text_putc(out, '}');
    }
    atl_text_puts(out, "]}");
}

void atl_machine_json(const atl_machine *machine, const atl_plan *plan, atl_text *out)
{
    atl_text_putc(out, '{');
    put_machine(machine, out);
    put_classes(machine, out);
    atl_text_puts(out, ",\"clusters\":[");
    for (int i = 0; i < machine->n_clusters; i++) {
        atl_text_puts(out, i > 0 ? "," : "");
        put_cluster(machine, i, out);
    }
    atl_text_putc(out, ']');
    if (plan)
        put_plan(plan, out);
    atl_text_puts(out, "}\n");
}
