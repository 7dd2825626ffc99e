/* names_ldm.c - LDM's names of UNet and OpenCLIP tensors, as diffusers' names.
 *
 * LDM numbers its UNet's modules in one run: input_blocks.0 is conv_in, then each level's ResNets and, but
 * for the last level, its down-sampler; output_blocks are the ResNets of the way up, an up-sampler being the
 * last module of a level's last block. The numbers of layers in the config undo that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "model/weights_table.h"

typedef struct rename_rule {
    const char *from, *to; /* prefixes */
} rename_rule;

/* `name` with the first rule's prefix that fits replaced, after `head`; false if none fits. */
static bool rename_prefix(const char *head, const char *name, const rename_rule *rules, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        const size_t length = strlen(rules[i].from);
        if (strncmp(name, rules[i].from, length) != 0)
            continue;
        return snprintf(out, ATL_MAX_TENSOR_NAME, "%s%s%s", head, rules[i].to, name + length) <
               ATL_MAX_TENSOR_NAME;
    }
    return false;
}

/* Reads "<number>." at *at and moves behind it. */
static bool read_number(const char **at, int *ret)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    const long number = strtol(*at, &end, 10);
    if (*end != '.' || number > 9999)
        return false;
    *ret = (int)number;
    *at = end + 1;
    return true;
}

static bool skip(const char **at, const char *prefix)
{
    const size_t n = strlen(prefix);
    if (strncmp(*at, prefix, n) != 0)
        return false;
    *at += n;
    return true;
}

static bool name_resnet(const char *head, const char *rest, char *out)
{
    static const rename_rule rules[] = {
        {"in_layers.0.", "norm1."},          {"in_layers.2.", "conv1."},
        {"out_layers.0.", "norm2."},         {"out_layers.3.", "conv2."},
        {"emb_layers.1.", "time_emb_proj."}, {"skip_connection.", "conv_shortcut."}};
    return rename_prefix(head, rest, rules, ATL_COUNT(rules), out);
}

/* Attention's own names are diffusers' already. */
static bool name_attention(const char *head, const char *rest, char *out)
{
    static const rename_rule rules[] = {{"norm.", "norm."},
                                        {"proj_in.", "proj_in."},
                                        {"proj_out.", "proj_out."},
                                        {"transformer_blocks.", "transformer_blocks."}};
    return rename_prefix(head, rest, rules, ATL_COUNT(rules), out);
}

static bool name_input_block(const char *rest, const atl_unet_config *config, char *out)
{
    int index, module;
    char head[64];
    if (!read_number(&rest, &index) || !read_number(&rest, &module))
        return false;
    if (index == 0) {
        static const rename_rule conv_in[] = {{"", "conv_in."}};
        return module == 0 && rename_prefix("", rest, conv_in, 1, out);
    }
    int layer = index - 1, level = 0;
    while (level < config->n_blocks && layer > config->layers_per_block[level])
        layer -= config->layers_per_block[level++] + 1;
    if (level >= config->n_blocks)
        return false;
    if (layer == config->layers_per_block[level]) {
        static const rename_rule op[] = {{"op.", "conv."}};
        snprintf(head, sizeof head, "down_blocks.%d.downsamplers.0.", level);
        return module == 0 && rename_prefix(head, rest, op, 1, out);
    }
    snprintf(head, sizeof head, "down_blocks.%d.%s.%d.", level, module == 0 ? "resnets" : "attentions",
             layer);
    return module == 0 ? name_resnet(head, rest, out) : module == 1 && name_attention(head, rest, out);
}

static bool name_output_block(const char *rest, const atl_unet_config *config, char *out)
{
    int index, module;
    char head[64];
    if (!read_number(&rest, &index) || !read_number(&rest, &module))
        return false;
    int layer = index, up = 0;
    while (up < config->n_blocks && layer > config->layers_per_block[config->n_blocks - 1 - up])
        layer -= config->layers_per_block[config->n_blocks - 1 - up++] + 1;
    if (up >= config->n_blocks)
        return false;
    if (module > 0 && strncmp(rest, "conv.", 5) == 0) {
        static const rename_rule conv[] = {{"conv.", "conv."}};
        snprintf(head, sizeof head, "up_blocks.%d.upsamplers.0.", up);
        return rename_prefix(head, rest, conv, 1, out);
    }
    snprintf(head, sizeof head, "up_blocks.%d.%s.%d.", up, module == 0 ? "resnets" : "attentions", layer);
    return module == 0 ? name_resnet(head, rest, out) : module == 1 && name_attention(head, rest, out);
}

static bool name_middle_block(const char *rest, char *out)
{
    int module;
    if (!read_number(&rest, &module))
        return false;
    if (module == 0)
        return name_resnet("mid_block.resnets.0.", rest, out);
    if (module == 1)
        return name_attention("mid_block.attentions.0.", rest, out);
    return module == 2 && name_resnet("mid_block.resnets.1.", rest, out);
}

bool atl_name_ldm_unet(const char *ldm, const atl_unet_config *config, char *out)
{
    static const rename_rule single[] = {{"time_embed.0.", "time_embedding.linear_1."},
                                         {"time_embed.2.", "time_embedding.linear_2."},
                                         {"label_emb.0.0.", "add_embedding.linear_1."},
                                         {"label_emb.0.2.", "add_embedding.linear_2."},
                                         {"out.0.", "conv_norm_out."},
                                         {"out.2.", "conv_out."}};
    const char *rest = ldm;
    if (skip(&rest, "input_blocks."))
        return name_input_block(rest, config, out);
    if (skip(&rest, "output_blocks."))
        return name_output_block(rest, config, out);
    if (skip(&rest, "middle_block."))
        return name_middle_block(rest, out);
    return rename_prefix("", ldm, single, ATL_COUNT(single), out);
}

bool atl_name_open_clip(const char *ldm, char *out)
{
    static const rename_rule single[] = {{"token_embedding.", "text_model.embeddings.token_embedding."},
                                         {"ln_final.", "text_model.final_layer_norm."},
                                         {"text_projection.weight", "text_projection.weight"}};
    static const rename_rule layer[] = {{"ln_1.", "layer_norm1."},
                                        {"ln_2.", "layer_norm2."},
                                        {"mlp.c_fc.", "mlp.fc1."},
                                        {"mlp.c_proj.", "mlp.fc2."},
                                        {"attn.out_proj.", "self_attn.out_proj."},
                                        {"attn.in_proj_", "self_attn.in_proj_"}};
    const char *rest = ldm;
    int index;
    if (strcmp(ldm, "positional_embedding") == 0)
        return snprintf(out, ATL_MAX_TENSOR_NAME, "text_model.embeddings.position_embedding.weight") > 0;
    if (!skip(&rest, "transformer.resblocks."))
        return rename_prefix("", ldm, single, ATL_COUNT(single), out);
    if (!read_number(&rest, &index))
        return false;
    char head[64];
    snprintf(head, sizeof head, "text_model.encoder.layers.%d.", index);
    return rename_prefix(head, rest, layer, ATL_COUNT(layer), out);
}
