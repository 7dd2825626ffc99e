/* pool_usage.c - see pool_usage.h. CPU time is evidence_process.c's; /proc/PID/io as proc(5) has it. */
#include "pool_usage.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "evidence_private.h"

#define MB 1e6

static bool read_file(int64_t pid, const char *name, char *ret, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%" PRId64 "/%s", pid, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const size_t n = fread(ret, 1, size - 1, file);
    fclose(file);
    ret[n] = '\0';
    return n > 0;
}

static double io_mb(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    unsigned long long bytes;
    return at && sscanf(at + strlen(key), ": %llu", &bytes) == 1 ? (double)bytes / MB : (double)NAN;
}

static void add(atl_pool_usage *usage, int64_t pid)
{
    char text[1024] = "";
    const pid_t pids[] = {(pid_t)pid};
    usage->cpu_s += (double)atl_evidence_cpu_ns(&(atl_watched){.root = "", .pids = pids, .n_pids = 1}) / 1e9;
    (void)read_file(pid, "io", text, sizeof text);
    usage->read_mb += io_mb(text, "\nread_bytes");
    usage->written_mb += io_mb(text, "\nwrite_bytes");
}

atl_pool_usage atl_pool_usage_read(atl_executor *executor, int n_workers)
{
    atl_pool_usage usage = {0};
    const size_t bytes = atl_executor_pss_bytes(executor, NULL, 0);
    add(&usage, (int64_t)getpid());
    for (int worker = 0; worker < n_workers; worker++) {
        const int64_t pid = atl_executor_worker_pid(executor, (uint32_t)worker);
        if (pid > 0)
            add(&usage, pid);
    }
    usage.memory_mb = bytes > 0 ? (double)bytes / MB : (double)NAN;
    return usage;
}
