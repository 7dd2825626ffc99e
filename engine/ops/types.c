/* types.c - the policy table; see types.h. */
#include "ops/types.h"

#include <string.h>

#include "base/sizes.h"

size_t atl_dtype_bytes(atl_dtype dtype)
{
    return dtype == ATL_F32 ? 4 : 2;
}

const char *atl_dtype_name(atl_dtype dtype)
{
    static const char *const names[] = {[ATL_F32] = "f32", [ATL_F16] = "f16", [ATL_BF16] = "bf16"};
    return names[dtype];
}

/* Every class of the fp32 row is {ATL_F32, ATL_F32}, which is zero. */
static const atl_policy policies[] = {{.name = "fp32"}};

const atl_policy *atl_policy_find(const char *name)
{
    for (size_t i = 0; i < ATL_COUNT(policies); i++)
        if (strcmp(policies[i].name, name) == 0)
            return &policies[i];
    return NULL;
}
