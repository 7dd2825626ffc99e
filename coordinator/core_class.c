/* core_class.c - which cores are of one make.
 *
 * hwloc's cpukinds are finer than classes: a Threadripper shows eight or nine of them from its cores' best
 * clock alone. So: where kinds say what they are (CoreType, CPUPart, DarwinCompatible), equal words are one
 * class. Otherwise kinds are sorted by capacity (else base clock, else best clock), and a class ends only
 * where the next kind has less than 0.85 of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "machine.h"

static const char *const labels[] = {"CoreType", "CPUPart", "DarwinCompatible"};
static const char *const measures[] = {"LinuxCapacity", "FrequencyBaseMHz", "FrequencyMaxMHz"};
static const char *const measure_words[] = {"capacity ", "", ""}, *const measure_units[] = {"", " MHz",
                                                                                            " MHz"};
enum { N_LABELS = ATL_COUNT(labels), N_MEASURES = ATL_COUNT(measures) };

#define SPLIT_RATIO 0.85

/* One of hwloc's kinds that has a usable core. */
typedef struct kind {
    hwloc_bitmap_t cpuset;
    char label[ATL_CLASS_NAME];
    double measure[N_MEASURES]; /* 0: not told */
    int efficiency;             /* hwloc's rank of strength; -1: not known */
    int core_class;
} kind;

typedef struct kinds {
    kind *items;
    int n;
    bool covers_all; /* every usable PU is of some kind */
} kinds;

static const char *info_value(const struct hwloc_info_s *infos, unsigned n, const char *name)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(infos[i].name, name) == 0)
            return infos[i].value;
    return NULL;
}

static void read_infos(kind *k, const struct hwloc_info_s *infos, unsigned n)
{
    for (int i = 0; i < N_LABELS && !k->label[0]; i++) {
        const char *value = info_value(infos, n, labels[i]);
        snprintf(k->label, sizeof k->label, "%s", value ? value : "");
    }
    for (int i = 0; i < N_MEASURES; i++) {
        const char *value = info_value(infos, n, measures[i]);
        k->measure[i] = value ? strtod(value, NULL) : 0;
        if (!(k->measure[i] > 0 && k->measure[i] < 1e9))
            k->measure[i] = 0;
    }
}

static void kinds_done(kinds *all)
{
    for (int i = 0; i < all->n; i++)
        hwloc_bitmap_free(all->items[i].cpuset);
    free(all->items);
}

static atl_status read_kinds(const atl_machine *machine, kinds *all)
{
    const int n = hwloc_cpukinds_get_nr(machine->topology, 0);
    all->items = calloc(n > 0 ? (size_t)n : 1, sizeof *all->items);
    hwloc_bitmap_t rest = hwloc_bitmap_dup(machine->usable);
    if (!all->items || !rest) {
        hwloc_bitmap_free(rest);
        return ATL_NO_MEMORY;
    }
    for (int i = 0; i < n; i++) {
        kind *k = &all->items[all->n];
        unsigned n_infos = 0;
        struct hwloc_info_s *infos = NULL;
        *k = (kind){.cpuset = hwloc_bitmap_alloc()};
        if (k->cpuset &&
            hwloc_cpukinds_get_info(machine->topology, (unsigned)i, k->cpuset, &k->efficiency, &n_infos,
                                    &infos, 0) == 0 &&
            hwloc_bitmap_intersects(k->cpuset, machine->usable)) {
            read_infos(k, infos, n_infos);
            hwloc_bitmap_andnot(rest, rest, k->cpuset);
            all->n++;
        } else {
            hwloc_bitmap_free(k->cpuset);
        }
    }
    all->covers_all = hwloc_bitmap_iszero(rest);
    hwloc_bitmap_free(rest);
    return ATL_OK;
}

/* The first measure that all kinds tell; N_MEASURES if there is none. */
static int common_measure(const kinds *all)
{
    for (int m = 0; m < N_MEASURES; m++) {
        bool told = all->n > 0 && all->covers_all;
        for (int i = 0; i < all->n; i++)
            told = told && all->items[i].measure[m] > 0;
        if (told)
            return m;
    }
    return N_MEASURES;
}

static bool have_efficiencies(const kinds *all)
{
    for (int i = 0; i < all->n; i++)
        if (all->items[i].efficiency < 0)
            return false;
    return true;
}

/* How strong a kind is, to rank labelled classes by: hwloc's rank, else a measure, else as they come. */
static double strength(const kinds *all, const kind *k)
{
    const int m = common_measure(all);
    return have_efficiencies(all) ? k->efficiency : m < N_MEASURES ? k->measure[m] : 0;
}

/* The best strength of any kind with that label. */
static double label_strength(const kinds *all, const char *label)
{
    double best = -1;
    for (int i = 0; i < all->n; i++) {
        const double s = strength(all, &all->items[i]);
        if (strcmp(all->items[i].label, label) == 0 && s > best)
            best = s;
    }
    return best;
}

/* Equal labels are one class; the strongest label is class 0. Returns how many there are. */
static int classes_by_label(kinds *all, atl_core_class *classes)
{
    int n = 0;
    for (int i = 0; i < all->n; i++)
        all->items[i].core_class = -1;
    for (;;) {
        const char *best = NULL;
        for (int i = 0; i < all->n; i++) {
            const kind *k = &all->items[i];
            if (k->core_class < 0 && (!best || label_strength(all, k->label) > label_strength(all, best)))
                best = k->label;
        }
        if (!best)
            return n;
        snprintf(classes[n].name, sizeof classes[n].name, "%s", *best ? best : "other");
        for (int i = 0; i < all->n; i++)
            if (strcmp(all->items[i].label, best) == 0)
                all->items[i].core_class = n;
        n++;
    }
}

/* Kinds from the strongest down; a class ends where the next has less than SPLIT_RATIO of it. */
static int classes_by_measure(kinds *all, int m, atl_core_class *classes)
{
    int n = 0;
    double before = 0;
    for (int i = 0; i < all->n; i++)
        all->items[i].core_class = -1;
    for (;;) {
        kind *next = NULL;
        for (int i = 0; i < all->n; i++) {
            kind *k = &all->items[i];
            if (k->core_class < 0 && (!next || k->measure[m] > next->measure[m]))
                next = k;
        }
        if (!next)
            return n;
        if (n == 0 || next->measure[m] < SPLIT_RATIO * before) {
            snprintf(classes[n].name, sizeof classes[n].name, "%s%.0f%s", measure_words[m], next->measure[m],
                     measure_units[m]);
            n++;
        }
        before = next->measure[m];
        next->core_class = n - 1;
    }
}

static bool has_labels(const kinds *all)
{
    for (int i = 0; i < all->n; i++)
        if (all->items[i].label[0])
            return true;
    return false;
}

static int class_of_core(const kinds *all, const atl_core *core, int otherwise)
{
    for (int i = 0; i < all->n; i++)
        if (hwloc_bitmap_intersects(all->items[i].cpuset, core->object->cpuset))
            return all->items[i].core_class;
    return otherwise;
}

/* Takes classes out that no core has, and counts the cores of the others. */
static void keep_used(atl_machine *machine)
{
    for (int i = 0; i < machine->n_cores; i++)
        machine->classes[machine->cores[i].core_class].n_cores++;
    int n = 0;
    for (int c = 0; c < machine->n_classes; c++) {
        if (machine->classes[c].n_cores == 0)
            continue;
        for (int i = 0; i < machine->n_cores; i++)
            if (machine->cores[i].core_class == c)
                machine->cores[i].core_class = n;
        machine->classes[n++] = machine->classes[c];
    }
    machine->n_classes = n;
    if (n == 1)
        machine->classes[0].name[0] = '\0';
}

atl_status atl_machine_find_classes(atl_machine *machine)
{
    kinds all = {0};
    atl_status st = read_kinds(machine, &all);
    machine->classes = calloc((size_t)all.n + 2, sizeof *machine->classes);
    if (!machine->classes)
        st = ATL_NO_MEMORY;
    if (st != ATL_OK)
        goto done;
    const int m = common_measure(&all);
    int n = 0;
    if (has_labels(&all))
        n = classes_by_label(&all, machine->classes);
    else if (m < N_MEASURES)
        n = classes_by_measure(&all, m, machine->classes);
    else
        for (int i = 0; i < all.n; i++)
            all.items[i].core_class = 0;
    snprintf(machine->classes[n].name, sizeof machine->classes[n].name, "other"); /* of cores of no kind */
    machine->n_classes = n + 1;
    for (int i = 0; i < machine->n_cores; i++)
        machine->cores[i].core_class = class_of_core(&all, &machine->cores[i], n);
    keep_used(machine);
done:
    kinds_done(&all);
    return st;
}
