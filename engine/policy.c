/* policy.c - which policy "auto" becomes.
 *
 * A table, best first: a row is taken if the machine has its instructions and the model is as wide. What
 * stands in it was measured to be faster than what stands below, and to keep its quality (docs/SPEED.md); a
 * policy without such figures has no row. Width is the channels of the UNet's first blocks: with 320, as SD
 * has them, eight bits save a quarter of a step; with the 96 of a small model, making numbers whole takes
 * longer than multiplying them. fp32 is the last resort, and on AVX-512 and AVX2 the fastest of what was
 * measured: there bf16 is widened and multiplied as f32, which saves memory and costs time. On arm64 nothing
 * was measured but under emulation: fp32, too. */
#include <string.h>

#include "base/sizes.h"
#include "engine_private.h"

static const struct {
    const char *policy;
    uint32_t needs;
    int least_width;
} fastest[] = {
    {"int8", ATL_CPU_AVX512 | ATL_CPU_AVX512_BF16 | ATL_CPU_AMX, ATL_WIDE_MODEL},
    {"bf16", ATL_CPU_AVX512 | ATL_CPU_AVX512_BF16 | ATL_CPU_AMX, 0},
};

atl_status atl_engine_check_isa(atl_note *note)
{
    return atl_cpu_check_isa(note);
}

const char *atl_engine_policy_auto(int width)
{
    const uint32_t flags = atl_cpu_flags();
    for (size_t i = 0; i < ATL_COUNT(fastest); i++)
        if ((flags & fastest[i].needs) == fastest[i].needs && width >= fastest[i].least_width)
            return fastest[i].policy;
    return "fp32";
}

/* 0 if there is none, or it cannot be read: whoever opens it will say why. */
static int width_of(const char *model, const char *variant)
{
    atl_weights *weights = NULL;
    atl_note note = {0};
    int width = 0;
    if (model && atl_weights_open(model, variant ? variant : "", &weights, &note) == ATL_OK)
        width = atl_weights_config(weights)->unet.block_out_channels[0];
    atl_weights_close(&weights);
    return width;
}

const char *atl_engine_policy_settle(const char *policy, const char *model, const char *variant)
{
    if (!policy || policy[0] == '\0')
        return "fp32";
    return strcmp(policy, "auto") == 0 ? atl_engine_policy_auto(width_of(model, variant)) : policy;
}
