/* names_vae.c - names of autoencoder tensors: the old attention names of published diffusers files, and
 * LDM's. */
#include <stdio.h>
#include <string.h>

#include "base/sizes.h"
#include "model/weights_table.h"

typedef struct rename_rule {
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

/* ---- LDM ---- */

static bool name_ldm_attention(const char *head, const char *rest, char *out)
{
    static const rename_rule rules[] = {{"norm.", "group_norm."},
                                        {"q.", "to_q."},
                                        {"k.", "to_k."},
                                        {"v.", "to_v."},
                                        {"proj_out.", "to_out.0."}};
    for (size_t i = 0; i < ATL_COUNT(rules); i++) {
        const size_t n = strlen(rules[i].from);
        if (strncmp(rest, rules[i].from, n) == 0)
            return snprintf(out, ATL_MAX_TENSOR_NAME, "%s%s%s", head, rules[i].to, rest + n) <
                   ATL_MAX_TENSOR_NAME;
    }
    return false;
}

static bool name_ldm_resnet(const char *head, const char *rest, char *out)
{
    static const rename_rule shortcut = {"nin_shortcut.", "conv_shortcut."};
    char whole[ATL_MAX_TENSOR_NAME];
    if (snprintf(whole, sizeof whole, "%s%s", head, rest) + 8 >= ATL_MAX_TENSOR_NAME)
        return false;
    if (!replace(whole, &shortcut, out))
        memcpy(out, whole, sizeof whole);
    return true;
}

/* encoder.down.<i>.… and decoder.up.<i>.…; the decoder of LDM counts its levels from the picture's end. */
static bool name_ldm_level(const char *ldm, int n_blocks, char *out)
{
    int level = 0, layer = 0, used = 0;
    char head[64];
    const bool down = strncmp(ldm, "encoder.down.", 13) == 0;
    const char *rest = ldm + (down ? 13 : 11);
    if (sscanf(rest, "%4d.%n", &level, &used) != 1 || used == 0 || level < 0 || level >= n_blocks)
        return false;
    rest += used;
    const int block = down ? level : n_blocks - 1 - level;
    const char *blocks = down ? "encoder.down_blocks" : "decoder.up_blocks";
    const char *sampler = down ? "downsample." : "upsample.";
    if (strncmp(rest, sampler, strlen(sampler)) == 0)
        return snprintf(out, ATL_MAX_TENSOR_NAME, "%s.%d.%ssamplers.0.%s", blocks, block,
                        down ? "down" : "up", rest + strlen(sampler)) < ATL_MAX_TENSOR_NAME;
    used = 0;
    if (sscanf(rest, "block.%4d.%n", &layer, &used) != 1 || used == 0 || layer < 0)
        return false;
    snprintf(head, sizeof head, "%s.%d.resnets.%d.", blocks, block, layer);
    return name_ldm_resnet(head, rest + used, out);
}

static bool name_ldm_mid(const char *side, const char *rest, char *out)
{
    char head[64];
    int layer = 0, used = 0;
    if (strncmp(rest, "attn_1.", 7) == 0) {
        snprintf(head, sizeof head, "%s.mid_block.attentions.0.", side);
        return name_ldm_attention(head, rest + 7, out);
    }
    if (sscanf(rest, "block_%4d.%n", &layer, &used) != 1 || used == 0 || layer < 1)
        return false;
    snprintf(head, sizeof head, "%s.mid_block.resnets.%d.", side, layer - 1);
    return name_ldm_resnet(head, rest + used, out);
}

bool atl_name_ldm_vae(const char *ldm, int n_blocks, char *out)
{
    static const rename_rule norms[] = {{"encoder.norm_out.", "encoder.conv_norm_out."},
                                        {"decoder.norm_out.", "decoder.conv_norm_out."}};
    static const char *const same[] = {"encoder.conv_in.",  "encoder.conv_out.", "decoder.conv_in.",
                                       "decoder.conv_out.", "quant_conv.",       "post_quant_conv."};
    if (strlen(ldm) + 32 > ATL_MAX_TENSOR_NAME)
        return false;
    if (strncmp(ldm, "encoder.down.", 13) == 0 || strncmp(ldm, "decoder.up.", 11) == 0)
        return name_ldm_level(ldm, n_blocks, out);
    if (strncmp(ldm, "encoder.mid.", 12) == 0)
        return name_ldm_mid("encoder", ldm + 12, out);
    if (strncmp(ldm, "decoder.mid.", 12) == 0)
        return name_ldm_mid("decoder", ldm + 12, out);
    for (size_t i = 0; i < ATL_COUNT(norms); i++)
        if (replace(ldm, &norms[i], out))
            return true;
    for (size_t i = 0; i < ATL_COUNT(same); i++)
        if (strncmp(ldm, same[i], strlen(same[i])) == 0)
            return snprintf(out, ATL_MAX_TENSOR_NAME, "%s", ldm) > 0;
    return false;
}
