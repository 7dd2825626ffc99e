/* names_vae.c - names of autoencoder tensors: the old attention names of published diffusers files, and
 * LDM's. */
#include <stdio.h>
#include <string.h>

#include "base/sizes.h"
#include "model/weights_table.h"

typedef struct rename {
    const char *from, *to;
} rename_rule;

/* Copies `name` with its first occurrence of `from` replaced; false if there is none. */
static bool replace(const char *name, const rename_rule *rule, char *out)
{
    const char *at = strstr(name, rule->from);
    if (!at)
        return false;
    snprintf(out, ATL_MAX_TENSOR_NAME, "%.*s%s%s", (int)(at - name), name, rule->to, at + strlen(rule->from));
    return true;
}

bool atl_name_vae_attention(const char *name, char *out)
{
    static const rename_rule rules[] = {
        {".query.", ".to_q."}, {".key.", ".to_k."}, {".value.", ".to_v."}, {".proj_attn.", ".to_out.0."}};
    if (strlen(name) + 8 > ATL_MAX_TENSOR_NAME)
        return false;
    if (strstr(name, ".attentions."))
        for (size_t i = 0; i < ATL_COUNT(rules); i++)
            if (replace(name, &rules[i], out))
                return true;
    snprintf(out, ATL_MAX_TENSOR_NAME, "%s", name);
    return true;
}
