/* policy.c - which policy "auto" becomes.
 *
 * A table, best first: a row is taken if the machine has its instructions. What stands in it was measured to
 * be faster than what stands below, and to keep its quality (docs/SPEED.md); a policy without
 * such figures has no row. fp32 is the last resort, and on AVX-512 and AVX2 the fastest: there bf16 is
 * widened and multiplied as f32, which saves memory and costs time. */
#include <string.h>

#include "base/sizes.h"
#include "engine_private.h"

static const struct {
    const char *policy;
    uint32_t needs;
} fastest[] = {
    {"bf16", ATL_CPU_AVX512 | ATL_CPU_AVX512_BF16 | ATL_CPU_AMX},
    {"bf16", ATL_CPU_NEON | ATL_CPU_NEON_BF16},
};

atl_status atl_engine_check_isa(atl_note *note)
{
    return atl_cpu_check_isa(note);
}

const char *atl_engine_policy_settle(const char *policy)
{
    if (!policy || policy[0] == '\0')
        return "fp32";
    if (strcmp(policy, "auto") != 0)
        return policy;
    const uint32_t flags = atl_cpu_flags();
    for (size_t i = 0; i < ATL_COUNT(fastest); i++)
        if ((flags & fastest[i].needs) == fastest[i].needs)
            return fastest[i].policy;
    return "fp32";
}
