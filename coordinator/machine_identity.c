/* machine_identity.c - by what the history knows a machine again.
 *
 * No serial number, no host name: the same kind of machine in the cloud is the same machine here, and a cut
 * to fewer cores makes another one. Memory is the system's, in whole GiB, since kernels keep a little for
 * themselves. */
#include <math.h>
#include <unistd.h>

#include "machine.h"

void atl_machine_identity(const atl_machine *m, atl_text *out)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    atl_text_printf(out, "%s, %d core%s", m->name, m->n_cores, m->n_cores == 1 ? "" : "s");
    if (m->quota_cpus > 0 && m->quota_cpus < m->n_cores)
        atl_text_printf(out, " (quota %.3g)", m->quota_cpus);
    if (pages > 0 && page > 0)
        atl_text_printf(out, ", %.0f GiB", round((double)pages * (double)page / 1073741824.0));
}
