/* evidence_memory.c - how much memory the workers take: proportional set sizes, which count a page that
 * several of them share once. Read at the end alone, since the kernel walks all pages of a process for it. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "evidence_private.h"

typedef struct memory {
    int n;                           /* processes that could be read */
    double pss, own, huge;           /* kB, of all of them */
    double shared_huge, mapped_huge; /* kB, the most of one */
} memory;

static void *begin(const atl_watched *watched)
{
    (void)watched;
    return calloc(1, sizeof(memory));
}

/* The sum of the fields in kB; those that are missing count 0. */
static double sum_fields(const char *text, const char *const *keys)
{
    double sum = 0;
    uint64_t kb;
    for (; *keys; keys++)
        if (atl_evidence_field(text, *keys, &kb))
            sum += (double)kb;
    return sum;
}

/* Adds one process. No PSS is known of what is shared in huge pages (the weights): the process that maps the
 * most of it stands for all. */
static void add_process(const char *text, memory *m)
{
    static const char *const pss[] = {"Pss", "Private_Hugetlb", NULL},
                             *const own[] = {"Pss_Anon", "Private_Hugetlb", NULL},
                             *const huge[] = {"AnonHugePages", "Private_Hugetlb", NULL},
                             *const shared[] = {"Shared_Hugetlb", NULL},
                             *const mapped[] = {"ShmemPmdMapped", "FilePmdMapped", "Shared_Hugetlb", NULL};
    m->pss += sum_fields(text, pss);
    m->own += sum_fields(text, own);
    m->huge += sum_fields(text, huge);
    m->shared_huge = fmax(m->shared_huge, sum_fields(text, shared));
    m->mapped_huge = fmax(m->mapped_huge, sum_fields(text, mapped));
    m->n++;
}

static void end(void *state, const atl_watched *watched, atl_evidence_list *list)
{
    memory *m = state;
    int error = ESRCH;
    for (size_t i = 0; i < watched->n_pids; i++) {
        char text[ATL_EVIDENCE_TEXT];
        if (atl_evidence_read(text, sizeof text, "%s/proc/%d/smaps_rollup", watched->root, watched->pids[i]))
            add_process(text, m);
        else
            error = errno;
    }
    char why[128] = "";
    if (m->n == 0)
        atl_evidence_reason(why, sizeof why, "smaps_rollup of the workers", error);
    const double mb = m->n > 0 ? 1024.0 / 1e6 : NAN;
    atl_evidence_add(list, "pss", "MB", (m->pss + m->shared_huge) * mb, why);
    atl_evidence_add(list, "worker_own", "MB", m->own * mb / m->n,
                     m->n > 0 ? "anonymous pages alone; PSS has files and pictures under way, too" : why);
    atl_evidence_add(list, "huge_pages", "MB", (m->huge + m->mapped_huge) * mb, why);
    free(m);
}

const atl_evidence_source atl_evidence_memory = {begin, end};
