/* cpu_list.c - "0-3,8": sets of CPUs by their OS indices, as taskset and the kernel write them. */
#include <errno.h>
#include <stdlib.h>

#include "machine.h"

enum { MOST_CPU = 1 << 20 };

static bool read_index(const char **at, long *ret)
{
    if (**at < '0' || **at > '9')
        return false;
    char *end;
    errno = 0;
    *ret = strtol(*at, &end, 10);
    *at = end;
    return errno == 0 && *ret < MOST_CPU;
}

atl_status atl_cpu_list_parse(const char *list, hwloc_bitmap_t set, atl_note *note)
{
    hwloc_bitmap_zero(set);
    const char *at = list;
    for (;;) {
        long first, last;
        if (!read_index(&at, &first))
            break;
        last = first;
        if (*at == '-') {
            at++;
            if (!read_index(&at, &last) || last < first)
                break;
        }
        if (hwloc_bitmap_set_range(set, (unsigned)first, (int)last) != 0)
            return ATL_NO_MEMORY;
        if (*at == '\0')
            return ATL_OK;
        if (*at++ != ',')
            break;
    }
    return atl_fail(note, ATL_USAGE, "CPU list: found '%s', wanted indices and ranges such as 0-3,8", list);
}

void atl_cpu_list_print(hwloc_const_bitmap_t set, atl_text *out)
{
    char *words = NULL;
    if (hwloc_bitmap_list_asprintf(&words, set) < 0 || !words)
        out->failed = true;
    else
        atl_text_puts(out, words);
    free(words);
}
