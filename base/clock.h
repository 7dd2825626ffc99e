/* clock.h - time, as nanoseconds in an int64_t.
 *
 * Wall time for durations is CLOCK_MONOTONIC; the time of day is for logs only. */
#ifndef ATL_BASE_CLOCK_H
#define ATL_BASE_CLOCK_H

#include <stdint.h>

int64_t atl_clock_now_ns(void);         /* CLOCK_MONOTONIC */
int64_t atl_clock_process_cpu_ns(void); /* CPU time of all threads of this process */
int64_t atl_clock_thread_cpu_ns(void);  /* CPU time of the calling thread */

static inline double atl_ns_to_s(int64_t ns)
{
    return (double)ns * 1e-9;
}

static inline double atl_ns_to_ms(int64_t ns)
{
    return (double)ns * 1e-6;
}

#endif
