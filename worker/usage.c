/* usage.c - see usage.h. */
#include "usage.h"

#include <stdio.h>
#include <sys/resource.h>

atl_usage atl_usage_now(void)
{
    struct rusage r;
    if (getrusage(RUSAGE_SELF, &r) != 0)
        return (atl_usage){0};
    return (atl_usage){.minor_faults = (uint64_t)r.ru_minflt,
                       .major_faults = (uint64_t)r.ru_majflt,
                       .voluntary_switches = (uint64_t)r.ru_nvcsw,
                       .involuntary_switches = (uint64_t)r.ru_nivcsw};
}

uint64_t atl_usage_pss_bytes(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    if (!file)
        return 0;
    char line[256];
    unsigned long long kib = 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %llu kB", &kib) == 1)
            break;
    fclose(file);
    return kib * 1024;
}
