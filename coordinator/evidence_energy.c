/* evidence_energy.c - what the packages and the memory drew, by the energy counters of /sys/class/powercap
 * (RAPL; AMD's are there under the same names).
 *
 * The counters wrap at max_energy_range_uj, at the earliest after some ten minutes at full power: a window
 * sees at most one of it. They are the whole machine's, and no worker's. Since Linux 5.10 root alone may read
 * them. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence_private.h"

enum { MAX_ZONES = 64, PATH_BYTES = 4352 };

enum { PACKAGE, DRAM, N_KINDS };

typedef struct zone {
    char path[PATH_BYTES];
    int kind;
    uint64_t begin_uj, range_uj;
} zone;

typedef struct energy {
    zone *zones;
    size_t n_zones;
    int error; /* 0: every zone that is there could be read */
} energy;

static void add_zone(energy *e, const char *path)
{
    char name[64];
    zone *z = &e->zones[e->n_zones];
    if (e->n_zones == MAX_ZONES || !atl_evidence_read(name, sizeof name, "%s/name", path))
        return;
    const bool is_dram = strncmp(name, "dram", 4) == 0;
    if (!is_dram && strncmp(name, "package", 7) != 0) /* core, uncore and psys count the same energy again */
        return;
    *z = (zone){.kind = is_dram ? DRAM : PACKAGE};
    snprintf(z->path, sizeof z->path, "%s", path);
    if (!atl_evidence_read_number(&z->begin_uj, "%s/energy_uj", path) ||
        !atl_evidence_read_number(&z->range_uj, "%s/max_energy_range_uj", path))
        e->error = errno;
    else
        e->n_zones++;
}

static bool find_zones(energy *e, const char *root)
{
    char directory[PATH_BYTES - 64], path[PATH_BYTES];
    int *packages = NULL, *parts = NULL;
    size_t n = 0, n_parts = 0;
    snprintf(directory, sizeof directory, "%s/sys/class/powercap", root);
    if (!atl_evidence_numbered(directory, "intel-rapl:", &packages, &n)) {
        e->error = errno;
        return errno != ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        char prefix[32];
        snprintf(path, sizeof path, "%s/intel-rapl:%d", directory, packages[i]);
        add_zone(e, path);
        snprintf(prefix, sizeof prefix, "intel-rapl:%d:", packages[i]);
        if (!atl_evidence_numbered(directory, prefix, &parts, &n_parts))
            continue;
        for (size_t j = 0; j < n_parts; j++) {
            snprintf(path, sizeof path, "%s/%s%d", directory, prefix, parts[j]);
            add_zone(e, path);
        }
        free(parts);
    }
    free(packages);
    return true;
}

static void *begin(const atl_watched *watched)
{
    energy *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->zones = calloc(MAX_ZONES + 1, sizeof *e->zones);
    if (e->zones && find_zones(e, watched->root))
        return e;
    free(e->zones);
    free(e);
    return NULL;
}

/* Joules of all zones of a kind; NAN if there is none. */
static double joules(const energy *e, int kind)
{
    double sum = 0;
    int n = 0;
    for (size_t i = 0; i < e->n_zones; i++) {
        const zone *z = &e->zones[i];
        uint64_t now;
        if (z->kind != kind)
            continue;
        if (!atl_evidence_read_number(&now, "%s/energy_uj", z->path))
            return NAN;
        const uint64_t used = now >= z->begin_uj ? now - z->begin_uj : z->range_uj - z->begin_uj + now;
        sum += (double)used / 1e6;
        n++;
    }
    return n > 0 ? sum : NAN;
}

static void end(void *state, const atl_watched *watched, atl_evidence_list *list)
{
    energy *e = state;
    const double package = joules(e, PACKAGE), dram = joules(e, DRAM);
    char why[128] = "";
    if (e->error != 0)
        atl_evidence_no_file(why, sizeof why, "/sys/class/powercap", e->error,
                             "this machine shows no energy counters");
    else if (isnan(package))
        snprintf(why, sizeof why, "/sys/class/powercap: no zone of a package");
    atl_evidence_add(list, "power_package", "W", package / watched->seconds, why);
    atl_evidence_add(list, "power_dram", "W", dram / watched->seconds,
                     isnan(dram) && !why[0] ? "/sys/class/powercap: no zone of the memory" : why);
    const double total = package + (isnan(dram) ? 0 : dram);
    const bool counted = watched->n_images > 0;
    atl_evidence_add(list, "energy_image", "J/image", counted ? total / watched->n_images : NAN,
                     isnan(package) ? why
                     : !counted     ? "how many images there were is not known"
                     : isnan(dram)  ? "without the memory"
                                    : "with the memory");
    free(e->zones);
    free(e);
}

const atl_evidence_source atl_evidence_energy = {begin, end};
