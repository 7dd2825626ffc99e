/* cpu.c - `atelier cpu`: what this machine has, and which kernels each policy would use on it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_load.h"
#include "base/sizes.h"
#include "commands.h"
#include "console.h"
#include "coordinator/placement.h"
#include "engine/caches.h"
#include "engine/cpu.h"
#include "engine/engine.h"

#define AT(field) offsetof(cpu_args, field)

typedef struct cpu_args {
    bool json;
} cpu_args;

static const atl_option rows[] = {
    {"json", 0, ATL_OPTION_FLAG, AT(json), NULL, NULL, 0, 0, "ATELIER_JSON", NULL,
     "print one JSON object instead of text"},
};

static const atl_command command = {
    .name = "atelier cpu",
    .operands = "",
    .summary =
        "What this machine has - processor, instruction sets, caches, memory, huge pages, quota - and which "
        "kernels each policy\nwould use on it. ATELIER_ISA limits the choice, here as everywhere.",
    .options = rows,
    .n_options = ATL_COUNT(rows),
    .least_operands = 0,
    .most_operands = 0,
};

enum { SETTING_BYTES = 128 };

/* The system's settings for large pages: the words that the kernel marks, "madvise" of "always [madvise]". */
static const struct {
    const char *key, *path;
} page_settings[] = {
    {"transparent_huge_pages", "/sys/kernel/mm/transparent_hugepage/enabled"},
    {"shared_memory", "/sys/kernel/mm/transparent_hugepage/shmem_enabled"},
    {"defrag", "/sys/kernel/mm/transparent_hugepage/defrag"},
    {"reserved_2mb", "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"},
    {"reserved_1gb", "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"},
};

static void read_setting(const char *path, char ret[SETTING_BYTES])
{
    char text[SETTING_BYTES] = "";
    FILE *file = fopen(path, "re");
    const size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[n] = '\0';
    const char *begin = strchr(text, '[');
    const size_t length = begin ? strcspn(begin + 1, "]") : strcspn(text, "\n");
    snprintf(ret, SETTING_BYTES, "%.*s", (int)length, begin ? begin + 1 : text);
}

/* ---- JSON ---- */

static json_t *uses_json(const atl_cpu *cpu)
{
    json_t *policies = json_object();
    for (size_t i = 0; i < cpu->n_uses; i++) {
        const atl_cpu_use *use = &cpu->uses[i];
        json_t *policy = json_object_get(policies, use->policy);
        if (!policy) {
            policy = json_object();
            json_object_set_new(policies, use->policy, policy);
        }
        json_object_set_new(policy, use->layers,
                            json_pack("{ssss}", "weights", use->store, "kernels", use->isa));
    }
    return policies;
}

static json_t *caches_json(const atl_caches *caches)
{
    json_t *all = json_array();
    for (int level = 1; level <= 3; level++)
        if (caches->level[level].bytes > 0)
            json_array_append_new(all, json_pack("{sisIsi}", "level", level, "bytes",
                                                 (json_int_t)caches->level[level].bytes, "shared_by",
                                                 caches->level[level].n_shared));
    return all;
}

static int print_json(const atl_cpu *cpu, const atl_caches *caches, const atl_text *topology)
{
    json_t *sets = json_array(), *pages = json_object();
    char setting[SETTING_BYTES];
    for (size_t i = 0; i < cpu->n_sets; i++)
        json_array_append_new(sets, json_pack("{sssbsb}", "name", cpu->sets[i].name, "available",
                                              cpu->sets[i].has, "allowed", cpu->sets[i].allowed));
    for (size_t i = 0; i < ATL_COUNT(page_settings); i++) {
        read_setting(page_settings[i].path, setting);
        json_object_set_new(pages, page_settings[i].key, setting[0] ? json_string(setting) : json_null());
    }
    json_t *all = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "model", cpu->model, "flags", cpu->flags,
        "isa", cpu->isa, "isa_asked_for", cpu->asked ? cpu->asked : "", "auto_policy",
        atl_engine_policy_auto(0), "auto_policy_wide", atl_engine_policy_auto(ATL_WIDE_MODEL), "amx",
        !cpu->has_amx         ? "none"
        : cpu->amx_is_allowed ? "allowed"
                              : "refused",
        "instruction_sets", sets, "policies", uses_json(cpu), "caches", caches_json(caches), "large_pages",
        pages, "page_bytes", json_integer(sysconf(_SC_PAGESIZE)), "topology",
        atl_json_load(topology->data, topology->length, 0, NULL));
    char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    if (!text)
        return console_fail(ATL_NO_MEMORY, &(atl_note){0});
    puts(text);
    free(text);
    return 0;
}

/* ---- text ---- */

static void print_size(size_t bytes)
{
    if (bytes >= (size_t)1 << 20)
        printf("%g MiB", (double)bytes / (1 << 20));
    else
        printf("%g KiB", (double)bytes / (1 << 10));
}

static void print_processor(const atl_cpu *cpu, const atl_caches *caches)
{
    printf("Processor    %s\nFlags        %s\nAMX          %s\nCaches       ",
           cpu->model[0] ? cpu->model : "(the system does not say)", cpu->flags[0] ? cpu->flags : "-",
           !cpu->has_amx         ? "none"
           : cpu->amx_is_allowed ? "there, and the system lets this process use it"
                                 : "there, but not usable: the system (or the virtual machine) refuses it");
    for (int level = 1; level <= 3; level++)
        if (caches->level[level].bytes > 0) {
            printf("%sL%d ", level > 1 ? " · " : "", level);
            print_size(caches->level[level].bytes);
            if (caches->level[level].n_shared > 1)
                printf(" for %d", caches->level[level].n_shared);
        }
    printf("\nHuge pages   ");
    for (size_t i = 0; i < ATL_COUNT(page_settings); i++) {
        char setting[SETTING_BYTES];
        read_setting(page_settings[i].path, setting);
        printf("%s%s: %s", i ? " · " : "", page_settings[i].key, setting[0] ? setting : "-");
    }
    printf("\n\n");
}

static void print_kernels(const atl_cpu *cpu)
{
    printf("Kernels      ");
    for (size_t i = 0; i < cpu->n_sets; i++)
        printf("%s%s%s", i ? " · " : "", cpu->sets[i].name,
               !cpu->sets[i].has                          ? " (not here)"
               : !cpu->sets[i].allowed                    ? " (not allowed by ATELIER_ISA)"
               : strcmp(cpu->sets[i].name, cpu->isa) == 0 ? " (chosen)"
                                                          : "");
    printf("\n\n%-10s %-16s %-8s %s\n", "policy", "layers", "weights", "multiplied by");
    const char *before = "";
    for (size_t i = 0; i < cpu->n_uses; i++) {
        const atl_cpu_use *use = &cpu->uses[i];
        printf("%-10s %-16s %-8s %s\n", strcmp(before, use->policy) == 0 ? "" : use->policy, use->layers,
               use->store, strcmp(use->isa, "blas") == 0 ? "OpenBLAS" : use->isa);
        before = use->policy;
    }
    const char *narrow = atl_engine_policy_auto(0), *wide = atl_engine_policy_auto(ATL_WIDE_MODEL);
    printf("%-10s is %s here", "auto", narrow);
    if (strcmp(narrow, wide) != 0)
        printf(", and %s for models from %d channels on (SD has 320)", wide, ATL_WIDE_MODEL);
    printf("\n");
}

int command_cpu(int argc, char **argv)
{
    cpu_args args = {0};
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n, &code))
        return code;
    atl_note note = {0};
    atl_machine *machine = NULL;
    const atl_machine_source here = {0};
    atl_status st = atl_engine_check_isa(&note);
    if (st == ATL_OK)
        st = atl_machine_load(&here, &machine, &note);
    if (st != ATL_OK)
        return console_fail(st, &note);
    atl_cpu cpu;
    const atl_caches caches = atl_caches_of("", 0);
    atl_text topology = {0};
    atl_cpu_look("", &cpu);
    (args.json ? atl_machine_json : atl_machine_text)(machine, NULL, &topology);
    if (topology.failed) {
        code = console_fail(ATL_NO_MEMORY, &note);
    } else if (args.json) {
        code = print_json(&cpu, &caches, &topology);
    } else {
        print_processor(&cpu, &caches);
        printf("%s\n", topology.data);
        print_kernels(&cpu);
        code = 0;
    }
    atl_text_done(&topology);
    atl_machine_free(&machine);
    return code;
}
