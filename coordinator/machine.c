/* machine.c - a topology is loaded, and what may be used of it is found out.
 *
 * Usable = what the cgroups' cpuset allows (hwloc leaves the rest out) ∩ the process's own binding (taskset;
 * hwloc does not look at it by itself) ∩ what the person names. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"
#include "quota.h"

enum { MOST_SYNTHETIC_PUS = 4096 };

void atl_machine_free(atl_machine **machine)
{
    atl_machine *m = *machine;
    if (!m)
        return;
    free(m->classes);
    free(m->modules.items);
    free(m->domains.items);
    free(m->numas.items);
    free(m->packages.items);
    free(m->clusters);
    free(m->pus);
    free(m->cores);
    hwloc_bitmap_free(m->usable);
    if (m->topology)
        hwloc_topology_destroy(m->topology);
    free(m);
    *machine = NULL;
}

/* The note's end when nothing is left: what there was before the last cut. */
static atl_status nothing_left(hwloc_const_bitmap_t before, const char *what, const char *list,
                               atl_note *note)
{
    atl_text had = {0};
    atl_cpu_list_print(before, &had);
    atl_fail(note, ATL_USAGE, "%s %s leaves no CPU to use: only %s may be used", what, list,
             had.data && *had.data ? had.data : "none");
    atl_text_done(&had);
    return ATL_USAGE;
}

/* usable ∩= list. A CPU that the machine does not have is a slip of the pen, and named. */
static atl_status cut_to_list(atl_machine *m, const char *what, const char *list, atl_note *note)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc(), absent = hwloc_bitmap_alloc();
    atl_status st = set && absent ? atl_cpu_list_parse(list, set, note) : ATL_NO_MEMORY;
    if (st != ATL_OK) {
        atl_note_prefix(note, "%s", what);
        goto done;
    }
    hwloc_bitmap_andnot(absent, set, hwloc_topology_get_complete_cpuset(m->topology));
    if (!hwloc_bitmap_iszero(absent))
        st = atl_fail(note, ATL_USAGE, "%s %s: CPU %d is not there; the last one is %d", what, list,
                      hwloc_bitmap_first(absent),
                      hwloc_bitmap_last(hwloc_topology_get_complete_cpuset(m->topology)));
    else if (!hwloc_bitmap_intersects(m->usable, set))
        st = nothing_left(m->usable, what, list, note);
    else if (hwloc_bitmap_and(m->usable, m->usable, set) != 0)
        st = ATL_NO_MEMORY;
done:
    hwloc_bitmap_free(set);
    hwloc_bitmap_free(absent);
    return st;
}

/* usable ∩= the binding of this process, where the system tells it. */
static atl_status cut_to_binding(atl_machine *m, atl_note *note)
{
    hwloc_bitmap_t bound = hwloc_bitmap_alloc();
    if (!bound)
        return ATL_NO_MEMORY;
    atl_status st = ATL_OK;
    if (hwloc_get_cpubind(m->topology, bound, HWLOC_CPUBIND_PROCESS) == 0) {
        if (!hwloc_bitmap_intersects(m->usable, bound))
            st = nothing_left(m->usable, "this process's own binding", "(taskset)", note);
        else if (hwloc_bitmap_and(m->usable, m->usable, bound) != 0)
            st = ATL_NO_MEMORY;
    }
    hwloc_bitmap_free(bound);
    return st;
}

static void name_machine(atl_machine *m, const char *name)
{
    if (!name) {
        hwloc_obj_t package = hwloc_get_obj_by_type(m->topology, HWLOC_OBJ_PACKAGE, 0);
        name = package ? hwloc_obj_get_info_by_name(package, "CPUModel") : NULL;
    }
    snprintf(m->name, sizeof m->name, "%s", name && *name ? name : "a machine without a name");
}

/* Takes over the topology. */
static atl_status machine_new(hwloc_topology_t topology, atl_machine **ret)
{
    atl_machine *m = calloc(1, sizeof *m);
    if (!m) {
        hwloc_topology_destroy(topology);
        return ATL_NO_MEMORY;
    }
    m->topology = topology;
    m->usable = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(topology));
    if (m->usable &&
        hwloc_bitmap_and(m->usable, m->usable, hwloc_topology_get_topology_cpuset(topology)) == 0) {
        *ret = m;
        return ATL_OK;
    }
    atl_machine_free(&m);
    return ATL_NO_MEMORY;
}

/* The last cut, and then what is left is looked at. */
static atl_status finish(atl_machine *m, const char *cpus, const char *name, atl_note *note)
{
    atl_status st = ATL_OK;
    if (hwloc_bitmap_iszero(m->usable))
        return atl_fail(note, ATL_USAGE, "no CPU of this machine may be used");
    if (cpus)
        st = cut_to_list(m, "--cpus", cpus, note);
    if (st == ATL_OK)
        st = atl_machine_find_clusters(m);
    name_machine(m, name);
    return st;
}

atl_status atl_machine_from_topology(struct hwloc_topology *topology, const atl_machine_limits *limits,
                                     atl_machine **ret, atl_note *note)
{
    atl_machine *m = NULL;
    atl_status st = machine_new(topology, &m);
    if (st == ATL_OK && limits->binding)
        st = cut_to_list(m, "the binding", limits->binding, note);
    if (st == ATL_OK)
        st = finish(m, limits->cpus, limits->name, note);
    if (st != ATL_OK) {
        atl_machine_free(&m);
        return st;
    }
    m->quota_cpus = limits->quota_cpus > 0 ? limits->quota_cpus : 0;
    m->memory_free_bytes = limits->memory_free_bytes;
    *ret = m;
    return ATL_OK;
}

/* How many PUs a synthetic string asks for, or too many: the product of its counts, without what stands in
 * brackets. hwloc would build any number of them, in minutes. */
static long synthetic_pus(const char *text)
{
    long product = 1;
    bool inside = false;
    for (const char *at = text; *at; at++) {
        inside = *at == '(' || *at == '[' || (inside && *at != ')' && *at != ']');
        const bool begins = at == text || at[-1] == ':' || at[-1] == ' ';
        if (inside || !begins || *at < '0' || *at > '9')
            continue;
        const long n = strtol(at, NULL, 10);
        product = n > MOST_SYNTHETIC_PUS ? MOST_SYNTHETIC_PUS + 1 : product * n;
        if (product > MOST_SYNTHETIC_PUS)
            break;
    }
    return product;
}

/* Each CPU of the machine is one hardware thread of it: what is planned relies on it. */
static bool is_sound(hwloc_topology_t topology)
{
    hwloc_bitmap_t rest = hwloc_bitmap_dup(hwloc_topology_get_topology_cpuset(topology));
    bool sound = rest != NULL;
    for (hwloc_obj_t pu = NULL; sound && (pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu));) {
        sound = hwloc_bitmap_isset(rest, pu->os_index) != 0;
        hwloc_bitmap_clr(rest, pu->os_index);
    }
    sound = sound && hwloc_bitmap_iszero(rest);
    hwloc_bitmap_free(rest);
    return sound;
}

static bool reads(const char *xml)
{
    hwloc_topology_t topology;
    return hwloc_topology_init(&topology) == 0 && hwloc_topology_set_xml(topology, xml) == 0 &&
           hwloc_topology_load(topology) == 0 && is_sound(topology);
}

static void read_and_exit(const char *xml)
{
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0)
        dup2(nowhere, STDERR_FILENO);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    _exit(reads(xml) ? 0 : 1);
}

/* A file that is nearly a topology (a core without one of its sets) crashes hwloc 2.9: a child reads it
 * first.
 */
static atl_status try_xml(const char *xml, atl_note *note)
{
    int status = 0;
    const pid_t child = fork();
    if (child == 0)
        read_and_exit(xml);
    pid_t ended = child;
    while (child > 0 && (ended = waitpid(child, &status, 0)) < 0 && errno == EINTR)
        ;
    if (child < 0 || ended < 0)
        return atl_fail(note, ATL_IO, "%s: no process can be had to read it: %s", xml, strerror(errno));
    if (status == 0)
        return ATL_OK;
    return atl_fail(
        note, ATL_BAD_INPUT,
        "%s: is no topology that hwloc %u can read; write one with that version's 'lstopo --of xml FILE'",
        xml, hwloc_get_api_version() >> 16);
}

static atl_status set_source(hwloc_topology_t topology, const atl_machine_source *source, atl_note *note)
{
    if (source->xml && source->synthetic)
        return atl_fail(note, ATL_USAGE,
                        "an XML file and a synthetic string: found both, wanted one machine");
    if (source->xml && access(source->xml, R_OK) != 0)
        return atl_fail(note, errno == ENOENT ? ATL_NOT_FOUND : ATL_IO, "%s: %s", source->xml,
                        strerror(errno));
    const atl_status st = source->xml ? try_xml(source->xml, note) : ATL_OK;
    if (st != ATL_OK)
        return st;
    if (source->xml && hwloc_topology_set_xml(topology, source->xml) != 0)
        return ATL_NO_MEMORY; /* the child could read it */
    if (source->synthetic && synthetic_pus(source->synthetic) > MOST_SYNTHETIC_PUS)
        return atl_fail(note, ATL_USAGE, "synthetic machine '%s': wanted at most %d hardware threads",
                        source->synthetic, MOST_SYNTHETIC_PUS);
    if (source->synthetic && hwloc_topology_set_synthetic(topology, source->synthetic) != 0)
        return atl_fail(note, ATL_USAGE,
                        "synthetic machine: found '%s', wanted something like 'pack:2 numa:1 "
                        "l3:4 core:8 pu:2'",
                        source->synthetic);
    return ATL_OK;
}

static atl_status load_topology(const atl_machine_source *source, hwloc_topology_t *ret, atl_note *note)
{
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology) != 0)
        return ATL_NO_MEMORY;
    atl_status st = set_source(topology, source, note);
    if (st == ATL_OK && hwloc_topology_load(topology) != 0)
        st = atl_fail(note, ATL_IO, "the machine's topology cannot be read: %s", strerror(errno));
    if (st != ATL_OK) {
        hwloc_topology_destroy(topology);
        return st;
    }
    *ret = topology;
    return ATL_OK;
}

atl_status atl_machine_load(const atl_machine_source *source, atl_machine **ret, atl_note *note)
{
    hwloc_topology_t topology;
    atl_status st = load_topology(source, &topology, note);
    if (st != ATL_OK)
        return st;
    atl_machine *m = NULL;
    st = machine_new(topology, &m);
    if (st != ATL_OK)
        return st;
    m->this_system = hwloc_topology_is_thissystem(topology) != 0 && !source->xml && !source->synthetic;
    if (m->this_system) {
        m->can_bind = hwloc_topology_get_support(topology)->cpubind->set_thisproc_cpubind != 0;
        m->quota_cpus = atl_quota_cpus("");
        m->memory_free_bytes = atl_quota_memory_bytes("");
        st = cut_to_binding(m, note);
    }
    if (st == ATL_OK)
        st = finish(m, source->cpus, source->synthetic, note);
    if (st == ATL_OK)
        *ret = m;
    else
        atl_machine_free(&m);
    return st;
}

bool atl_machine_can_bind(const atl_machine *machine)
{
    return machine->can_bind;
}

atl_status atl_machine_xml(const atl_machine *machine, atl_text *out, atl_note *note)
{
    char *xml = NULL;
    int length = 0;
    if (hwloc_topology_export_xmlbuffer(machine->topology, &xml, &length, 0) != 0)
        return atl_fail(note, ATL_IO, "the machine's topology cannot be written as XML: %s", strerror(errno));
    atl_text_puts(out, xml);
    hwloc_free_xmlbuffer(machine->topology, xml);
    return out->failed ? ATL_NO_MEMORY : ATL_OK;
}
