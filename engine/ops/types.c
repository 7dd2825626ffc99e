/* types.c - the policy table; see types.h. */
#include "ops/types.h"

#include <string.h>

#include "base/sizes.h"

size_t atl_dtype_bytes(atl_dtype dtype)
{
    return dtype == ATL_F32 ? 4 : dtype == ATL_S8 ? 1 : 2;
}

const char *atl_dtype_name(atl_dtype dtype)
{
    static const char *const names[] = {
        [ATL_F32] = "f32", [ATL_F16] = "f16", [ATL_BF16] = "bf16", [ATL_S8] = "s8"};
    return names[dtype];
}

/* Maps; weights; weights where eight bits are enough; of these the narrow ones. */
#define POLICIES(X)                                                                                          \
    X(fp32, ATL_F32, ATL_F32, ATL_F32, ATL_F32)                                                              \
    X(fp16, ATL_F32, ATL_F16, ATL_F16, ATL_F16)                                                              \
    X(bf16, ATL_BF16, ATL_BF16, ATL_BF16, ATL_BF16)                                                          \
    X(int8, ATL_BF16, ATL_BF16, ATL_S8, ATL_S8)

/* The first layer, and what is made of the time, cost next to nothing and show every rounding in the picture:
 * they stay f32. Rounding a map that only products and attention read costs nothing: they would round it.
 * Streams are rounded again with each addition, which adds half as much error again, within what is allowed
 * (docs/SPEED.md), and saves a tenth of a step: what limits those layers is memory. Eight bits are enough
 * where norms have just made numbers of one size and many steps average what is lost: not for text,
 * attention's scores, the decoder and the UNet's last layer, which every pixel shows, and not for shortcuts,
 * which read streams as they are: these few cost 3 dB of a picture (docs/SPEED.md). */
#define POLICY(label, map, weight, deep, narrow)                                                             \
    {.name = #label,                                                                                         \
     .layer = {[ATL_LAYER_IO] = {ATL_F32, ATL_F32, ATL_F32},                                                 \
               [ATL_LAYER_CONV] = {deep, map, map},                                                          \
               [ATL_LAYER_SHORTCUT] = {weight, map, map},                                                    \
               [ATL_LAYER_LINEAR] = {deep, map, map},                                                        \
               [ATL_LAYER_NARROW] = {narrow, map, map},                                                      \
               [ATL_LAYER_ATTENTION] = {map, map, ATL_F32},                                                  \
               [ATL_LAYER_TIME] = {ATL_F32, ATL_F32, ATL_F32},                                               \
               [ATL_LAYER_TEXT] = {weight, map, ATL_F32},                                                    \
               [ATL_LAYER_VAE] = {weight, map, map}}},
static const atl_policy policies[] = {POLICIES(POLICY)};
static const atl_policy narrowed[] = {POLICY(int8, ATL_BF16, ATL_BF16, ATL_S8, ATL_BF16)};

const atl_policy *atl_policy_find(const char *name)
{
    for (size_t i = 0; i < ATL_COUNT(policies); i++)
        if (strcmp(policies[i].name, name) == 0)
            return &policies[i];
    return NULL;
}

const atl_policy *atl_policy_narrowed(const atl_policy *policy, bool narrow_in_bf16)
{
    for (size_t i = 0; narrow_in_bf16 && i < ATL_COUNT(narrowed); i++)
        if (policy && strcmp(narrowed[i].name, policy->name) == 0)
            return &narrowed[i];
    return policy;
}

atl_layer_class atl_layer_class_of_linear(atl_layer_class layer_class, int n_out)
{
    return layer_class == ATL_LAYER_LINEAR && n_out <= ATL_NARROW_OUTPUTS ? ATL_LAYER_NARROW : layer_class;
}

const char *atl_policy_names(void)
{
#define LISTED(label, map, weight, deep, narrow) ", " #label
    static const char names[] = POLICIES(LISTED);
    return names + 2;
}
