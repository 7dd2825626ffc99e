/* config_ldm.c - the config of a single file with LDM keys, deduced from its tensors' shapes.
 *
 * What shapes say is taken from them: blocks, channels, layers, transformer depth, widths, kernels. What they
 * cannot say is what diffusers' from_single_file takes from the reference repository of the family that it
 * recognises by the text encoder: SD 1.x (CLIP ViT-L), SD 2.x (one OpenCLIP) or SDXL (both). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/config_json.h"
#include "model/weights_table.h"

#define HEAD_WIDTH     64     /* of every OpenCLIP, and of the UNets of SD 2.x and SDXL */
#define SD1_HEADS      8      /* of SD 1.x's UNet, at any width */
#define SD2_BASE_STEPS 875000 /* training steps of SD 2.0-base, which predicts epsilon: diffusers' rule */
#define MAX_INDEX      512

/* A file, and what was found missing in it first. */
typedef struct source {
    const atl_safetensors *file;
    atl_status status;
    atl_note *note;
} source;

static const atl_st_tensor *look(const source *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static const atl_st_tensor *look(const source *s, const char *format, ...)
{
    char name[ATL_MAX_TENSOR_NAME];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    return atl_safetensors_find(s->file, name);
}

/* Dimension `axis` of a tensor that has to be there with at least that rank. */
static int size_of(source *s, const char *name, int axis)
{
    const atl_st_tensor *tensor = atl_safetensors_find(s->file, name);
    if (s->status != ATL_OK)
        return 0;
    if (!tensor)
        s->status = atl_fail(s->note, ATL_NOT_FOUND,
                             "%s: has no tensor \"%s\"; a whole checkpoint with LDM keys was wanted",
                             atl_safetensors_path(s->file), name);
    else if (tensor->rank <= axis || tensor->shape[axis] == 0 || tensor->shape[axis] > 1 << 24)
        s->status =
            atl_fail(s->note, ATL_BAD_INPUT, "%s: tensor \"%s\" has not the shape of a layer of that name",
                     atl_safetensors_path(s->file), name);
    else
        return (int)tensor->shape[axis];
    return 0;
}

static void refuse(source *s, const char *what)
{
    if (s->status == ATL_OK)
        s->status = atl_fail(s->note, ATL_UNSUPPORTED, "%s: %s", atl_safetensors_path(s->file), what);
}

/* ---- UNet ---- */

#define UNET "model.diffusion_model."

/* Heads of HEAD_WIDTH; small test models may be narrower. */
static int heads_of_width(int channels)
{
    return channels > HEAD_WIDTH && channels % HEAD_WIDTH == 0 ? channels / HEAD_WIDTH : 1;
}

/* How many transformer layers module 1 of a block ("input_blocks.4") has; 0: it is no transformer. */
static int transformer_depth(const source *s, const char *block)
{
    int depth = 0;
    while (depth < MAX_INDEX && look(s, UNET "%s.1.transformer_blocks.%d.attn1.to_q.weight", block, depth))
        depth++;
    return depth;
}

static int numbered_depth(const source *s, const char *side, int index)
{
    char block[64];
    snprintf(block, sizeof block, "%s.%d", side, index);
    return transformer_depth(s, block);
}

/* Levels of the way down: each ends at a down-sampler, the last one at the run's end. */
static void read_down(source *s, atl_unet_config *c)
{
    char name[ATL_MAX_TENSOR_NAME];
    int level = 0;
    for (int i = 1; i < MAX_INDEX && s->status == ATL_OK; i++) {
        if (look(s, UNET "input_blocks.%d.0.op.weight", i)) {
            if (++level == ATL_MAX_BLOCKS)
                refuse(s, "has more than 8 UNet blocks");
            continue;
        }
        snprintf(name, sizeof name, UNET "input_blocks.%d.0.in_layers.2.weight", i);
        if (!look(s, "%s", name))
            break;
        c->block_out_channels[level] = size_of(s, name, 0);
        c->layers_per_block[level]++;
        const int depth = numbered_depth(s, "input_blocks", i);
        if (depth > 0) {
            c->down[level] = ATL_BLOCK_CROSS_ATTN;
            c->transformer_layers[level] = depth;
        }
    }
    c->n_blocks = level + 1;
    for (int i = 0; i < c->n_blocks && s->status == ATL_OK; i++)
        if (c->layers_per_block[i] == 0)
            refuse(s, "its UNet's input_blocks have a level without ResNets");
}

static void read_up(source *s, atl_unet_config *c)
{
    int index = 0;
    for (int i = 0; i < c->n_blocks; i++) {
        for (int layer = 0; layer <= c->layers_per_block[c->n_blocks - 1 - i]; layer++, index++) {
            const int depth = numbered_depth(s, "output_blocks", index);
            if (depth > 0) {
                c->up[i] = ATL_BLOCK_CROSS_ATTN;
                c->up_transformer_layers[i] = depth;
            }
        }
    }
}

static void read_mid(source *s, atl_unet_config *c)
{
    const int depth = transformer_depth(s, "middle_block"), last = c->n_blocks - 1;
    if (depth > 0)
        c->mid = ATL_MID_CROSS_ATTN;
    else if (look(s, UNET "middle_block.0.in_layers.2.weight"))
        refuse(s, "its UNet's middle_block has no transformer, which is not supported in a single file");
    else
        c->mid = ATL_MID_NONE;
    if (depth > 0 && c->down[last] == ATL_BLOCK_CROSS_ATTN && c->transformer_layers[last] != depth)
        refuse(s, "its UNet's middle_block is not as deep as its last down block, which is not supported");
    if (depth > 0)
        c->transformer_layers[last] = depth;
}

/* Widths of attention, the same in all blocks. */
static void read_attention(source *s, atl_unet_config *c)
{
    int context = 0, proj_rank = 4;
    for (int i = 1; i < MAX_INDEX && context == 0; i++) {
        const atl_st_tensor *k = look(s, UNET "input_blocks.%d.1.transformer_blocks.0.attn2.to_k.weight", i);
        const atl_st_tensor *proj = look(s, UNET "input_blocks.%d.1.proj_in.weight", i);
        if (k && proj && k->rank == 2) {
            context = (int)k->shape[1];
            proj_rank = proj->rank;
        }
    }
    if (context == 0)
        refuse(s, "its UNet has no cross attention on the way down");
    c->use_linear_projection = proj_rank == 2;
    for (int i = 0; i < c->n_blocks; i++) {
        c->cross_attention_dim[i] = context;
        c->n_heads[i] = c->use_linear_projection ? heads_of_width(c->block_out_channels[i]) : SD1_HEADS;
        if (c->transformer_layers[i] == 0)
            c->transformer_layers[i] = 1;
        if (c->up_transformer_layers[i] == 0)
            c->up_transformer_layers[i] = 1;
    }
}

static void read_unet(source *s, atl_unet_config *c)
{
    *c = (atl_unet_config){.flip_sin_to_cos = true,
                           .downsample_padding = 1,
                           .mid_block_scale_factor = 1,
                           .act = ATL_ACT_SILU,
                           .norm_num_groups = 32,
                           .norm_eps = 1e-5f,
                           .resnet_out_scale_factor = 1,
                           .time_embed_act = ATL_ACT_SILU};
    c->in_channels = size_of(s, UNET "input_blocks.0.0.weight", 1);
    c->conv_in_kernel = size_of(s, UNET "input_blocks.0.0.weight", 2);
    c->out_channels = size_of(s, UNET "out.2.weight", 0);
    c->conv_out_kernel = size_of(s, UNET "out.2.weight", 2);
    c->time_embed_dim = size_of(s, UNET "time_embed.0.weight", 0);
    if (s->status != ATL_OK)
        return;
    read_down(s, c);
    read_mid(s, c);
    read_up(s, c);
    read_attention(s, c);
    if (s->status == ATL_OK && look(s, UNET "label_emb.0.0.weight")) {
        c->addition_text_time = true;
        c->projection_class_embeddings_input_dim = size_of(s, UNET "label_emb.0.0.weight", 1);
    }
}

/* ---- autoencoder ---- */

static const char *vae_prefix(const source *s)
{
    return look(s, "vae.decoder.conv_in.weight") ? "vae." : "first_stage_model.";
}

static int vae_size(source *s, const char *name, int axis)
{
    char whole[ATL_MAX_TENSOR_NAME + 32];
    snprintf(whole, sizeof whole, "%s%s", vae_prefix(s), name);
    return size_of(s, whole, axis);
}

static void read_vae(source *s, atl_vae_config *c)
{
    const char *prefix = vae_prefix(s);
    char name[ATL_MAX_TENSOR_NAME];
    *c = (atl_vae_config){.kind = ATL_VAE_KL, .act = ATL_ACT_SILU, .norm_num_groups = 32};
    c->in_channels = vae_size(s, "encoder.conv_in.weight", 1);
    c->out_channels = vae_size(s, "decoder.conv_out.weight", 0);
    c->latent_channels = vae_size(s, "decoder.conv_in.weight", 1);
    while (c->n_blocks < ATL_MAX_BLOCKS &&
           look(s, "%sencoder.down.%d.block.0.conv1.weight", prefix, c->n_blocks)) {
        snprintf(name, sizeof name, "encoder.down.%d.block.0.conv1.weight", c->n_blocks);
        c->block_out_channels[c->n_blocks++] = vae_size(s, name, 0);
    }
    while (c->layers_per_block < MAX_INDEX &&
           look(s, "%sencoder.down.0.block.%d.conv1.weight", prefix, c->layers_per_block))
        c->layers_per_block++;
    if (c->n_blocks == 0)
        refuse(s, "its autoencoder has no encoder.down blocks");
    c->use_quant_conv = look(s, "%squant_conv.weight", prefix) != NULL;
    c->use_post_quant_conv = look(s, "%spost_quant_conv.weight", prefix) != NULL;
    c->mid_block_add_attention = look(s, "%sdecoder.mid.attn_1.q.weight", prefix) != NULL;
}

/* ---- text encoders ---- */

static void read_clip_l(source *s, const char *prefix, atl_clip_config *c)
{
    char name[ATL_MAX_TENSOR_NAME];
    *c = (atl_clip_config){
        .act = ATL_ACT_QUICK_GELU, .layer_norm_eps = 1e-5f, .bos_token_id = 0, .eos_token_id = 2};
    snprintf(name, sizeof name, "%sembeddings.token_embedding.weight", prefix);
    c->vocab_size = size_of(s, name, 0);
    c->hidden_size = size_of(s, name, 1);
    snprintf(name, sizeof name, "%sembeddings.position_embedding.weight", prefix);
    c->n_positions = size_of(s, name, 0);
    snprintf(name, sizeof name, "%sencoder.layers.0.mlp.fc1.weight", prefix);
    c->intermediate_size = size_of(s, name, 0);
    while (c->n_layers < ATL_MAX_TEXT_LAYERS &&
           look(s, "%sencoder.layers.%d.mlp.fc1.weight", prefix, c->n_layers))
        c->n_layers++;
    c->n_heads = heads_of_width(c->hidden_size);
    c->projection_dim = c->hidden_size;
}

/* `spared`: layers at the end that are not used (1 in SD 2.x, which takes the penultimate one's output). */
static void read_open_clip(source *s, const char *prefix, int spared, atl_clip_config *c)
{
    char name[ATL_MAX_TENSOR_NAME];
    *c =
        (atl_clip_config){.act = ATL_ACT_GELU, .layer_norm_eps = 1e-5f, .bos_token_id = 0, .eos_token_id = 2};
    snprintf(name, sizeof name, "%stoken_embedding.weight", prefix);
    c->vocab_size = size_of(s, name, 0);
    c->hidden_size = size_of(s, name, 1);
    snprintf(name, sizeof name, "%spositional_embedding", prefix);
    c->n_positions = size_of(s, name, 0);
    snprintf(name, sizeof name, "%stransformer.resblocks.0.mlp.c_fc.weight", prefix);
    c->intermediate_size = size_of(s, name, 0);
    int n = 0;
    while (n <= ATL_MAX_TEXT_LAYERS && look(s, "%stransformer.resblocks.%d.mlp.c_fc.weight", prefix, n))
        n++;
    c->n_layers = n - spared;
    if (c->n_layers < 1 || c->n_layers > ATL_MAX_TEXT_LAYERS)
        refuse(s, "its text encoder has too few or too many layers");
    c->n_heads = heads_of_width(c->hidden_size);
    c->projection_dim = c->hidden_size;
}

/* ---- families ---- */

static void base_scheduler(atl_scheduler_config *c, const char *class_name)
{
    atl_scheduler_config_init(c);
    snprintf(c->class_name, sizeof c->class_name, "%s", class_name);
    c->beta_start = 0.00085;
    c->beta_end = 0.012;
    c->beta_schedule = ATL_BETA_SCALED_LINEAR;
    c->set_alpha_to_one = c->clip_sample = ATL_NO;
    c->skip_prk_steps = ATL_YES;
    c->steps_offset = 1;
}

static void fill_sd1(source *s, const char *prefix, atl_model_config *c)
{
    c->n_text_encoders = 1;
    read_clip_l(s, prefix, &c->text[0]);
    c->vae.scaling_factor = 0.18215f;
    c->unet.sample_h = c->unet.sample_w = 64;
    c->vae.sample_size = 512;
    base_scheduler(&c->scheduler, "PNDMScheduler");
}

/* "global_step" tells SD 2.0-base, which predicts epsilon, from the others. */
static bool predicts_epsilon(const source *s)
{
    const atl_st_tensor *step = look(s, "global_step");
    int64_t value = 0;
    if (!step || step->dtype != ATL_ST_I64 || step->n_bytes != sizeof value)
        return false;
    memcpy(&value, step->data, sizeof value);
    return value == SD2_BASE_STEPS;
}

static void fill_sd2(source *s, atl_model_config *c)
{
    c->n_text_encoders = 1;
    read_open_clip(s, "cond_stage_model.model.", 1, &c->text[0]);
    snprintf(c->tokenizer[0].pad, sizeof c->tokenizer[0].pad, "!");
    c->vae.scaling_factor = 0.18215f;
    c->unet.upcast_attention = true;
    c->unet.sample_h = c->unet.sample_w = 96;
    c->vae.sample_size = 768;
    base_scheduler(&c->scheduler, "DDIMScheduler");
    c->scheduler.prediction_type = predicts_epsilon(s) ? ATL_PREDICT_EPSILON : ATL_PREDICT_V;
}

static void fill_sdxl(source *s, atl_model_config *c)
{
    const char *second = "conditioner.embedders.1.model.";
    c->n_text_encoders = 2;
    c->two_encoder_pipeline = c->force_zeros_for_empty_prompt = true;
    read_clip_l(s, "conditioner.embedders.0.transformer.text_model.", &c->text[0]);
    read_open_clip(s, second, 0, &c->text[1]);
    c->text[1].with_projection = true;
    const atl_st_tensor *linear = look(s, "%stext_projection.weight", second);
    c->text[1].projection_dim =
        linear ? size_of(s, linear->name, 0) : size_of(s, "conditioner.embedders.1.model.text_projection", 1);
    snprintf(c->tokenizer[1].pad, sizeof c->tokenizer[1].pad, "!");
    c->vae.scaling_factor = 0.13025f;
    c->unet.sample_h = c->unet.sample_w = 128;
    c->vae.sample_size = 1024;
    c->unet.addition_time_embed_dim =
        (c->unet.projection_class_embeddings_input_dim - c->text[1].projection_dim) / 6;
    base_scheduler(&c->scheduler, "EulerDiscreteScheduler");
    c->scheduler.prediction_type = ATL_PREDICT_EPSILON;
    c->scheduler.interpolation_type = 0;
    c->scheduler.sample_max_value = 1;
    c->scheduler.timestep_spacing = ATL_SPACING_LEADING;
    c->scheduler.use_karras_sigmas = ATL_NO;
    if (s->status == ATL_OK && c->unet.addition_time_embed_dim < 1)
        refuse(s, "its label_emb is narrower than the pooled text");
}

static void fill_family(source *s, atl_model_config *c)
{
    if (look(s, "conditioner.embedders.1.model.positional_embedding"))
        fill_sdxl(s, c);
    else if (look(s, "conditioner.embedders.0.model.positional_embedding"))
        refuse(s, "is an SDXL refiner (one OpenCLIP encoder under \"conditioner.\"), which is not supported");
    else if (look(s, "cond_stage_model.model.positional_embedding"))
        fill_sd2(s, c);
    else if (look(s, "cond_stage_model.transformer.embeddings.token_embedding.weight"))
        fill_sd1(s, "cond_stage_model.transformer.", c);
    else
        fill_sd1(s, "cond_stage_model.transformer.text_model.", c);
}

atl_status atl_config_from_ldm(const atl_safetensors *file, atl_model_config *ret, atl_note *note)
{
    source s = {.file = file, .note = note};
    atl_model_config config = {.single_file = true, .default_guidance_scale = NAN};
    atl_scheduler_config_init(&config.scheduler);
    atl_tokenizer_config_init(&config.tokenizer[0]);
    atl_tokenizer_config_init(&config.tokenizer[1]);
    if (!look(&s, UNET "input_blocks.0.0.weight"))
        return atl_fail(note, ATL_UNSUPPORTED,
                        "%s: has no \"" UNET
                        "input_blocks.0.0.weight\"; a whole Stable Diffusion checkpoint with LDM keys "
                        "was wanted (or a diffusers directory)",
                        atl_safetensors_path(file));
    read_unet(&s, &config.unet);
    read_vae(&s, &config.vae);
    fill_family(&s, &config);
    if (s.status == ATL_OK)
        *ret = config;
    return s.status;
}
