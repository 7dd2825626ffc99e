/* evidence_private.h - what the sources of evidence share: their scope, their findings, how they read.
 *
 * One file a source, each with a begin that keeps what it read and an end that reads again, adds its findings
 * (always the same names) and frees. Private to the room. */
#ifndef ATL_COORDINATOR_EVIDENCE_PRIVATE_H
#define ATL_COORDINATOR_EVIDENCE_PRIVATE_H

#include <stdint.h>

#include "evidence.h"

enum { ATL_EVIDENCE_TEXT = 8192 }; /* bytes of a small file of /proc or /sys that are read */

typedef struct atl_evidence_list {
    atl_evidence *items;
    size_t n, most; /* what comes beyond is dropped */
} atl_evidence_list;

/* What a source sees. */
typedef struct atl_watched {
    const char *root;
    const pid_t *pids;
    size_t n_pids;
    const int *cpus; /* each once; none is never so: all of them where the scope named none */
    size_t n_cpus;
    double seconds; /* at the end: how long it was; > 0 */
    double n_images;
} atl_watched;

typedef struct atl_evidence_source {
    void *(*begin)(const atl_watched *watched); /* NULL: no memory */
    void (*end)(void *state, const atl_watched *watched, atl_evidence_list *list);
} atl_evidence_source;

extern const atl_evidence_source atl_evidence_perf, atl_evidence_frequency, atl_evidence_resctrl,
    atl_evidence_energy, atl_evidence_pressure, atl_evidence_sched, atl_evidence_cpus, atl_evidence_process,
    atl_evidence_throttling, atl_evidence_memory;

/* `why` may be NULL or "". A value that is not finite is unavailable: `why` has to say why. */
void atl_evidence_add(atl_evidence_list *list, const char *name, const char *unit, double value,
                      const char *why);

/* "what: Permission denied (EACCES)". */
void atl_evidence_reason(char *why, size_t size, const char *what, int error);

/* The same with what it means; "": the error's name says all. */
void atl_evidence_explain(char *why, size_t size, const char *what, int error, const char *meaning);
/* The same of files below /sys: `missing` is what it means that they are not there. */
void atl_evidence_no_file(char *why, size_t size, const char *what, int error, const char *missing);

/* The whole file, at most size - 1 bytes, as a text. False: errno says why. */
bool atl_evidence_read(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The number that a file begins with. False: errno says why (EINVAL: it does not begin with one). */
bool atl_evidence_read_number(uint64_t *ret, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The number behind a key that begins a line: "nr_throttled 12", "Pss:  278 kB". */
bool atl_evidence_field(const char *text, const char *key, uint64_t *ret);
/* The numbers that a directory's entries are named by ("/proc/1/task"), ascending; those of entries that
 * begin with `prefix`. Give it to free(). False: errno says why. */
bool atl_evidence_numbered(const char *directory, const char *prefix, int **ret, size_t *ret_n);

/* end - begin of a counter that only grows; 0 where it was reset. */
static inline double atl_growth(uint64_t begin, uint64_t end)
{
    return end > begin ? (double)(end - begin) : 0;
}

/* CPU time that the workers' processes used so far, in ns (schedstat's, or the ticks of stat where it counts
 * nothing). Processes that are gone count nothing. */
uint64_t atl_evidence_cpu_ns(const atl_watched *watched);

#endif
