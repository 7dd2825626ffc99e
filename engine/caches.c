/* caches.c - see caches.h. */
#include "caches.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"

enum { MAX_INDEX = 8, PATH_BYTES = 4352 };

static bool read_text(const char *root, int cpu, int index, const char *name, char *text, size_t size)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/cache/index%d/%s", root, cpu, index, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const size_t n = fread(text, 1, size - 1, file);
    text[n] = '\0';
    fclose(file);
    return n > 0;
}

/* "48K", "2048K", "32M" */
static size_t parse_size(const char *text)
{
    char *end;
    const unsigned long long n = strtoull(text, &end, 10);
    const unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    return n < 1u << 24 ? (size_t)n << shift : 0;
}

/* "0-3,64-67": the first, and how many. */
static void parse_list(const char *text, atl_cache *ret)
{
    int first, last, n;
    *ret = (atl_cache){.bytes = ret->bytes, .first = -1};
    for (const char *at = text; sscanf(at, "%d%n", &first, &n) == 1; at += *at == ',') {
        at += n;
        last = first;
        if (*at == '-' && sscanf(at + 1, "%d%n", &last, &n) == 1)
            at += n + 1;
        if (ret->first < 0)
            ret->first = first;
        if (last >= first)
            ret->n_shared += last - first + 1;
    }
    if (ret->n_shared < 1)
        ret->n_shared = 1;
}

atl_caches atl_caches_of(const char *root, int cpu)
{
    atl_caches found = {0};
    char text[4096];
    for (int index = 0; index < MAX_INDEX && read_text(root, cpu, index, "level", text, sizeof text);
         index++) {
        const int level = atoi(text);
        if (level < 1 || level > 3 || !read_text(root, cpu, index, "type", text, sizeof text) ||
            strncmp(text, "Instruction", 11) == 0 || !read_text(root, cpu, index, "size", text, sizeof text))
            continue;
        atl_cache *cache = &found.level[level];
        cache->bytes = parse_size(text);
        if (!read_text(root, cpu, index, "shared_cpu_list", text, sizeof text))
            snprintf(text, sizeof text, "%d", cpu);
        parse_list(text, cache);
    }
    if (found.level[1].bytes == 0)
        found.level[1] = (atl_cache){.bytes = 32u << 10, .n_shared = 1, .first = cpu};
    if (found.level[2].bytes == 0)
        found.level[2] = (atl_cache){.bytes = 1u << 20, .n_shared = 1, .first = cpu};
    return found;
}

const atl_cache *atl_caches_last(const atl_caches *caches)
{
    return &caches->level[caches->level[3].bytes > 0 ? 3 : 2];
}
