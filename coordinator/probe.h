/* probe.h - co-runners of a study: the memory probe, and the streams of the reverse probe.
 *
 * The probe is `atelier probe memory`: on a core of its own, it wakes at a duty cycle, streams a short burst
 * through memory and follows a short chain of dependent loads, and tells bandwidth and latency. When workers
 * saturate the memory, both get worse. A stream is `atelier probe stream`: it takes bandwidth away from the
 * workers. Both are processes that end with the thread that started them. One thread uses one of them. */
#ifndef ATL_COORDINATOR_PROBE_H
#define ATL_COORDINATOR_PROBE_H

#include <stddef.h>

#include "base/status.h"

typedef struct atl_memory_probe atl_memory_probe;

typedef struct atl_memory_probe_options {
    const char *program; /* NULL: as the executor finds it */
    int cpu;             /* hardware thread to bind to; −1: none */
    int interval_ms;     /* from sample to sample; 0: 200 */
    double duty;         /* the share of the time that it may run; 0: 0.05 */
} atl_memory_probe_options;

/* Medians of the samples since the last reading; NAN if there were none. */
typedef struct atl_memory_samples {
    size_t n;
    double gbps, ns;  /* of the streaming bursts; of one load of the chain */
    double cpu_share; /* that the probe used of its core: what it costs */
} atl_memory_samples;

/* Returns when the first sample is there. Errors: ATL_NOT_FOUND, ATL_IO, ATL_NO_MEMORY. */
atl_status atl_memory_probe_start(const atl_memory_probe_options *options, atl_memory_probe **ret,
                                  atl_note *note);
/* What came since the last call (call it at a window's begin to forget the time before). Errors: ATL_IO: the
 * probe has ended; the note has its last words. */
atl_status atl_memory_probe_read(atl_memory_probe *probe, atl_memory_samples *ret, atl_note *note);
void atl_memory_probe_stop(atl_memory_probe **probe);

typedef struct atl_streams atl_streams;

/* Starts one stream on each of cpus[n], each at most `gbps` GB/s (0: as fast as it can), and returns when all
 * of them run. Errors: as above. */
atl_status atl_streams_start(const char *program, const int *cpus, size_t n, double gbps, atl_streams **ret,
                             atl_note *note);
/* GB/s that all streams together got since the last call; NAN if one of them has ended. */
double atl_streams_gbps(atl_streams *streams);
void atl_streams_stop(atl_streams **streams);

#endif
