/* inspect_print.c - an inspection in words and as JSON. Everything said about families is for people: nothing
 * is decided by it. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "model/inspect_report.h"

static const char *const activation_words[] = {
    [ATL_ACT_NONE] = "none", [ATL_ACT_RELU] = "relu",           [ATL_ACT_SILU] = "silu",
    [ATL_ACT_GELU] = "gelu", [ATL_ACT_GELU_TANH] = "gelu_tanh", [ATL_ACT_QUICK_GELU] = "quick_gelu",
    [ATL_ACT_MISH] = "mish", [ATL_ACT_TANH] = "tanh",
};

const char *atl_family_words(const atl_model_config *config)
{
    const atl_unet_config *unet = &config->unet;
    const bool trailing = config->scheduler.timestep_spacing == ATL_SPACING_TRAILING;
    if (unet->addition_text_time)
        return trailing ? "Stable Diffusion XL, Turbo" : "Stable Diffusion XL";
    if (unet->time_cond_proj_dim > 0)
        return "latent consistency model (LCM)";
    if (unet->mid == ATL_MID_NONE)
        return "SDXS";
    if (unet->block_out_channels[0] != 320)
        return "Stable Diffusion, of sizes of its own";
    if (unet->cross_attention_dim[0] == 1024)
        return trailing ? "Stable Diffusion 2.x, Turbo" : "Stable Diffusion 2.x";
    return "Stable Diffusion 1.x";
}

static const char *prediction_words(const atl_model_config *config)
{
    static const char *const words[] = {"epsilon", "v_prediction", "sample"};
    const int type = config->scheduler.prediction_type;
    return words[type < 0 ? 0 : type];
}

static int picture_size(const atl_model_config *config, int latent)
{
    return latent > 0 ? latent * atl_vae_scale(&config->vae) : config->vae.sample_size;
}

/* "3.20 GiB" */
static void bytes_words(size_t bytes, char out[32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < ATL_COUNT(units)) {
        value /= 1024;
        unit++;
    }
    snprintf(out, 32, unit ? "%.2f %s" : "%.0f %s", value, units[unit]);
}

/* "F32" or "F16, F32": the types that a component's tensors have. */
static void type_words(const atl_component_report *component, char out[128])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ATL_COUNT(component->n_of_type); i++)
        if (component->n_of_type[i] > 0)
            used += (size_t)snprintf(out + used, 128 - used, "%s%s", used ? ", " : "",
                                     atl_st_dtype_name((atl_st_dtype)i));
}

/* ---- words ---- */

static void print_block(atl_text *out, const char *kind, int channels, int resnets, bool attends, int depth,
                        int heads)
{
    atl_text_printf(out, "  %-5s %5d channels, %d ResNet%s", kind, channels, resnets,
                    resnets == 1 ? "" : "s");
    if (attends)
        atl_text_printf(out, ", transformers of %d layer%s, %d heads", depth, depth == 1 ? "" : "s", heads);
    atl_text_putc(out, '\n');
}

static void print_unet(atl_text *out, const atl_unet_config *c)
{
    const int n = c->n_blocks;
    atl_text_printf(out, "\nunet: latents of %d channels, text of %d", c->in_channels,
                    c->cross_attention_dim[0]);
    if (c->time_cond_proj_dim > 0)
        atl_text_printf(out, ", guidance embedded in %d", c->time_cond_proj_dim);
    if (c->addition_text_time)
        atl_text_printf(out, ", pooled text and sizes in %d", c->projection_class_embeddings_input_dim);
    atl_text_puts(out, c->use_linear_projection ? ", linear projections\n" : ", 1 × 1 projections\n");
    for (int i = 0; i < n; i++)
        print_block(out, "down", c->block_out_channels[i], c->layers_per_block[i],
                    c->down[i] == ATL_BLOCK_CROSS_ATTN, c->transformer_layers[i], c->n_heads[i]);
    if (c->mid == ATL_MID_NONE)
        atl_text_puts(out, "  mid   none\n");
    else
        print_block(out, "mid", c->block_out_channels[n - 1], c->mid == ATL_MID_CROSS_ATTN ? 2 : 1,
                    c->mid == ATL_MID_CROSS_ATTN, c->transformer_layers[n - 1], c->n_heads[n - 1]);
    for (int i = 0; i < n; i++)
        print_block(out, "up", c->block_out_channels[n - 1 - i], c->layers_per_block[n - 1 - i] + 1,
                    c->up[i] == ATL_BLOCK_CROSS_ATTN, c->up_transformer_layers[i], c->n_heads[n - 1 - i]);
}

static void print_text_encoder(atl_text *out, const char *name, const atl_clip_config *c)
{
    atl_text_printf(out, "\n%s: %d layers of %d, %d heads, %d positions, %d tokens, %s", name, c->n_layers,
                    c->hidden_size, c->n_heads, c->n_positions, c->vocab_size, activation_words[c->act]);
    if (c->with_projection)
        atl_text_printf(out, ", pooled and projected to %d", c->projection_dim);
    atl_text_putc(out, '\n');
}

static void print_vae(atl_text *out, const atl_vae_config *c)
{
    atl_text_printf(out,
                    "\nvae: %s, %d latent channels, %d picture pixels a latent pixel, scaling factor %g\n",
                    c->kind == ATL_VAE_KL ? "AutoencoderKL" : "AutoencoderTiny", c->latent_channels,
                    atl_vae_scale(c), (double)c->scaling_factor);
    atl_text_puts(out, "  channels");
    for (int i = 0; i < c->n_blocks; i++)
        atl_text_printf(out, " %d", c->block_out_channels[i]);
    atl_text_putc(out, '\n');
}

static void print_row(atl_text *out, const char *name, const atl_component_report *component)
{
    char bytes[32], types[128];
    bytes_words(component->n_bytes, bytes);
    type_words(component, types);
    atl_text_printf(out, "  %-15s %10.2f M  %11s  %7zu%s%s\n", name, (double)component->n_elements * 1e-6,
                    bytes, component->n_tensors, types[0] ? "  " : "", types);
}

static void print_components(atl_text *out, const atl_report *report)
{
    atl_component_report total = {0};
    atl_text_puts(out, "\n  component        parameters        bytes  tensors  type\n");
    for (int c = 0; c < ATL_N_COMPONENTS; c++) {
        const atl_component_report *component = &report->component[c];
        if (!component->present)
            continue;
        print_row(out, atl_component_name((atl_component)c), component);
        total.n_elements += component->n_elements;
        total.n_bytes += component->n_bytes;
        total.n_tensors += component->n_tensors;
    }
    print_row(out, "in all", &total);
    char bytes[32];
    bytes_words(report->packed_bytes, bytes);
    atl_text_printf(out, "  in memory at fp32: %s\n", bytes);
}

static void print_lines(atl_text *out, const char *title, const atl_report_lines *lines)
{
    if (lines->n == 0)
        return;
    atl_text_printf(out, "\n%s\n", title);
    for (size_t i = 0; i < lines->n; i++)
        atl_text_printf(out, "  - %s\n", lines->at[i]);
}

static void print_config(atl_text *out, const atl_model_config *c)
{
    const int width = picture_size(c, c->unet.sample_w), height = picture_size(c, c->unet.sample_h);
    atl_text_printf(out, "layout     %s\n", c->single_file ? "single file, LDM keys" : "diffusers directory");
    if (width > 0)
        atl_text_printf(out, "picture    %d × %d\n", width, height);
    atl_text_printf(out, "scheduler  %s, predicts %s\n", c->scheduler.class_name, prediction_words(c));
}

void atl_report_print(const atl_report *report, atl_text *out)
{
    atl_text_printf(out, "%s\nfamily     %s\n", report->path, report->family);
    if (report->has_config)
        print_config(out, &report->config);
    bool any = false;
    for (int c = 0; c < ATL_N_COMPONENTS; c++)
        any |= report->component[c].present;
    if (any)
        print_components(out, report);
    if (report->has_config) {
        for (int i = 0; i < report->config.n_text_encoders; i++)
            print_text_encoder(out, i == 0 ? "text_encoder" : "text_encoder_2", &report->config.text[i]);
        print_unet(out, &report->config.unet);
        print_vae(out, &report->config.vae);
    }
    print_lines(out, "notes", &report->notes);
    print_lines(out, "faults", &report->faults);
    if (report->faults.n == 0)
        atl_text_puts(out, "\nno faults: every tensor is there, of the right shape, and finite\n");
}

/* ---- JSON ---- */

static json_t *json_lines(const atl_report_lines *lines)
{
    json_t *list = json_array();
    for (size_t i = 0; i < lines->n; i++)
        json_array_append_new(list, json_string(lines->at[i]));
    return list;
}

static json_t *json_ints(const int *values, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_integer(values[i]));
    return list;
}

static json_t *json_components(const atl_report *report)
{
    json_t *list = json_array();
    for (int c = 0; c < ATL_N_COMPONENTS; c++) {
        const atl_component_report *component = &report->component[c];
        char types[128];
        type_words(component, types);
        if (component->present)
            json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:s}", "name",
                                                  atl_component_name((atl_component)c), "parameters",
                                                  (json_int_t)component->n_elements, "bytes",
                                                  (json_int_t)component->n_bytes, "tensors",
                                                  (json_int_t)component->n_tensors, "types", types));
    }
    return list;
}

static json_t *json_blocks(const atl_unet_block *blocks, int n, const char *plain, const char *cross)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_string(blocks[i] == ATL_BLOCK_CROSS_ATTN ? cross : plain));
    return list;
}

static json_t *json_unet(const atl_unet_config *c)
{
    static const char *const mids[] = {
        [ATL_MID_CROSS_ATTN] = "UNetMidBlock2DCrossAttn", [ATL_MID_PLAIN] = "UNetMidBlock2D"};
    const int n = c->n_blocks;
    json_t *mid = c->mid == ATL_MID_NONE ? json_null() : json_string(mids[c->mid]);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "down_block_types",
                     json_blocks(c->down, n, "DownBlock2D", "CrossAttnDownBlock2D"), "mid_block_type", mid,
                     "up_block_types", json_blocks(c->up, n, "UpBlock2D", "CrossAttnUpBlock2D"),
                     "block_out_channels", json_ints(c->block_out_channels, n), "layers_per_block",
                     json_ints(c->layers_per_block, n), "transformer_layers_per_block",
                     json_ints(c->transformer_layers, n), "heads", json_ints(c->n_heads, n),
                     "cross_attention_dim", json_ints(c->cross_attention_dim, n), "use_linear_projection",
                     c->use_linear_projection);
}

static void add_config(json_t *root, const atl_model_config *c)
{
    json_object_set_new(root, "layout", json_string(c->single_file ? "ldm" : "diffusers"));
    json_object_set_new(root, "scheduler", json_string(c->scheduler.class_name));
    json_object_set_new(root, "prediction_type", json_string(prediction_words(c)));
    json_object_set_new(root, "width", json_integer(picture_size(c, c->unet.sample_w)));
    json_object_set_new(root, "height", json_integer(picture_size(c, c->unet.sample_h)));
    json_object_set_new(root, "text_encoders", json_integer(c->n_text_encoders));
    json_object_set_new(root, "unet", json_unet(&c->unet));
    json_object_set_new(root, "vae",
                        json_pack("{s:s, s:i, s:f, s:o}", "class",
                                  c->vae.kind == ATL_VAE_KL ? "AutoencoderKL" : "AutoencoderTiny", "scale",
                                  atl_vae_scale(&c->vae), "scaling_factor", (double)c->vae.scaling_factor,
                                  "block_out_channels",
                                  json_ints(c->vae.block_out_channels, c->vae.n_blocks)));
}

void atl_report_print_json(const atl_report *report, atl_text *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "path", json_string(report->path));
    json_object_set_new(root, "family", json_string(report->family));
    if (report->has_config)
        add_config(root, &report->config);
    json_object_set_new(root, "components", json_components(report));
    json_object_set_new(root, "packed_bytes", json_integer((json_int_t)report->packed_bytes));
    json_object_set_new(root, "notes", json_lines(&report->notes));
    json_object_set_new(root, "faults", json_lines(&report->faults));
    char *text = json_dumps(root, JSON_INDENT(2));
    if (text)
        atl_text_puts(out, text);
    else
        out->failed = true;
    atl_text_putc(out, '\n');
    free(text);
    json_decref(root);
}
