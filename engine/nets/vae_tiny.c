/* vae_tiny.c - AutoencoderTiny (TAESD, Bohan 2023): nothing but 3 × 3 convolutions, no norms.
 *
 *   decode: 3·tanh(latent / 3) ─▶ layers ─▶ 2·y - 1
 *   encode: (image + 1) / 2 ─▶ layers
 *
 * `layers` is one nn.Sequential, so its members are numbered through, and those without weights (the first
 * activation, the up-samplers) count too. Here they are folded into the convolution before or after them:
 * what is left are single convolutions and blocks of three,
 *   block: x = relu(x + conv(act(conv(act(conv(x)))))) */
#include "nets/vae_tiny.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "nets/lanes.h"
#include "nets/pixelwise.h"

#define CLAMP 3.0f /* of the decoder's input; diffusers does not take latent_magnitude for it */

typedef struct layer {
    bool is_block;
    atl_conv conv[3];   /* a single convolution has one */
    atl_activation act; /* between a block's convolutions; behind a single one */
    bool doubled;       /* a single one's input is enlarged by 2 before */
} layer;

typedef struct sequence {
    int n_layers;
    layer *layers;
} sequence;

struct atl_vae_tiny {
    sequence encoder, decoder;
};

/* ---- loading ---- */

/* Where a walk along nn.Sequential stands. */
typedef struct builder {
    atl_loader *loader;
    sequence *sequence;
    int index; /* in diffusers' numbering */
} builder;

static atl_conv_shape conv_shape(int c_in, int c_out)
{
    return (atl_conv_shape){
        .c_in = c_in, .c_out = c_out, .kernel = 3, .stride = 1, .pad_before = 1, .pad_after = 1};
}

static layer *add_conv(builder *b, atl_conv_shape shape, atl_layer_class layer_class)
{
    layer *l = &b->sequence->layers[b->sequence->n_layers++];
    char name[32];

    *l = (layer){0};
    snprintf(name, sizeof name, "layers.%d", b->index++);
    atl_load_conv(b->loader, &l->conv[0], layer_class, shape, name);
    return l;
}

static void add_blocks(builder *b, int n, int c, atl_activation act)
{
    static const char *const names[] = {"conv.0", "conv.2", "conv.4"};

    for (int i = 0; i < n; i++) {
        layer *l = &b->sequence->layers[b->sequence->n_layers++];
        *l = (layer){.is_block = true, .act = act};
        atl_loader_enter(b->loader, "layers.%d", b->index++);
        for (int j = 0; j < 3; j++)
            atl_load_conv(b->loader, &l->conv[j], ATL_LAYER_VAE, conv_shape(c, c), names[j]);
        atl_loader_leave(b->loader);
    }
}

static bool take_layers(atl_loader *loader, sequence *s, int n_stages, const int *n_blocks)
{
    int n = n_stages + 2;
    for (int i = 0; i < n_stages; i++)
        n += n_blocks[i];
    s->layers = calloc((size_t)n, sizeof *s->layers);
    if (!s->layers)
        atl_loader_fail(loader, ATL_NO_MEMORY, "out of memory for %d layers", n);
    return s->layers != NULL;
}

/* conv, blocks; then for each further stage: halving conv, blocks; conv. */
static void load_encoder(atl_loader *loader, sequence *s, const atl_vae_config *config)
{
    builder b = {.loader = loader, .sequence = s};
    int c = config->block_out_channels[0];

    if (!take_layers(loader, s, config->n_blocks, config->num_encoder_blocks))
        return;
    for (int i = 0; i < config->n_blocks; i++) {
        atl_conv_shape halving = conv_shape(c, c);
        halving.stride = 2;
        halving.no_bias = true;
        if (i == 0)
            add_conv(&b, conv_shape(config->in_channels, c), ATL_LAYER_IO);
        else
            add_conv(&b, halving, ATL_LAYER_VAE);
        add_blocks(&b, config->num_encoder_blocks[i], c, config->act);
    }
    add_conv(&b, conv_shape(c, config->latent_channels), ATL_LAYER_IO);
}

/* conv, act; then for each stage: blocks, doubling (but in the last one), conv. */
static void load_decoder(atl_loader *loader, sequence *s, const atl_vae_config *config)
{
    builder b = {.loader = loader, .sequence = s};
    int c = config->decoder_block_out_channels[0], n = config->n_decoder_blocks;

    if (!take_layers(loader, s, n, config->num_decoder_blocks))
        return;
    add_conv(&b, conv_shape(config->latent_channels, c), ATL_LAYER_IO)->act = config->act;
    b.index++; /* the activation */
    for (int i = 0; i < n; i++) {
        atl_conv_shape doubling = conv_shape(c, c);
        doubling.no_bias = true;
        add_blocks(&b, config->num_decoder_blocks[i], c, config->act);
        if (i == n - 1)
            break;
        b.index++; /* nn.Upsample */
        add_conv(&b, doubling, ATL_LAYER_VAE)->doubled = true;
    }
    add_conv(&b, conv_shape(c, config->out_channels), ATL_LAYER_VAE); /* of the whole picture: dear in f32 */
}

/* diffusers builds each stage's convolution from the stage's own channels to the same, so that a model whose
 * stages differ cannot be run there either. */
static bool stages_can_be_built(atl_loader *loader, const char *key, int n, const int *channels,
                                const int *n_blocks)
{
    bool ok = n >= 1 && n <= ATL_MAX_BLOCKS;

    for (int i = 0; ok && i < n; i++)
        ok = channels[i] == channels[0] && n_blocks[i] >= 0 && n_blocks[i] <= 1024;
    if (!ok)
        atl_loader_fail(loader, ATL_UNSUPPORTED,
                        "%s: 1 to %d stages that all have the same number of channels can be run", key,
                        ATL_MAX_BLOCKS);
    return ok;
}

atl_vae_tiny *atl_vae_tiny_new(atl_loader *loader, const atl_vae_config *config)
{
    if (!stages_can_be_built(loader, "encoder_block_out_channels", config->n_blocks,
                             config->block_out_channels, config->num_encoder_blocks) ||
        !stages_can_be_built(loader, "decoder_block_out_channels", config->n_decoder_blocks,
                             config->decoder_block_out_channels, config->num_decoder_blocks))
        return NULL;
    if (config->upsampling_scaling_factor != 2) {
        atl_loader_fail(loader, ATL_UNSUPPORTED, "upsampling_scaling_factor is %d; only 2 can be run",
                        config->upsampling_scaling_factor);
        return NULL;
    }
    atl_vae_tiny *vae = calloc(1, sizeof *vae);
    if (!vae)
        return NULL;
    atl_loader_enter(loader, "encoder");
    load_encoder(loader, &vae->encoder, config);
    atl_loader_leave(loader);
    atl_loader_enter(loader, "decoder");
    load_decoder(loader, &vae->decoder, config);
    atl_loader_leave(loader);
    if (atl_loader_status(loader) != ATL_OK)
        atl_vae_tiny_free(&vae);
    return vae;
}

void atl_vae_tiny_free(atl_vae_tiny **vae)
{
    if (!*vae)
        return;
    free((*vae)->encoder.layers);
    free((*vae)->decoder.layers);
    free(*vae);
    *vae = NULL;
}

/* ---- running ---- */

/* x = relu(x + conv(act(conv(act(conv(x)))))), in place. */
static void run_block(const layer *l, const atl_bench *bench, const atl_map *x)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map a = atl_map_take(bench, x->dtype, x->n, x->h, x->w, x->c);
    atl_map b = atl_map_take(bench, x->dtype, x->n, x->h, x->w, x->c);
    atl_epilogue act = {.before = l->act};
    atl_epilogue fuse = {.residual = x, .after = ATL_ACT_RELU};

    atl_conv_run(bench, &l->conv[0], &(atl_conv_input){.x = x}, &act, &a);
    atl_conv_run(bench, &l->conv[1], &(atl_conv_input){.x = &a}, &act, &b);
    atl_conv_run(bench, &l->conv[2], &(atl_conv_input){.x = &b}, &fuse, x);
    atl_arena_release(bench->arena, mark);
}

static void run_conv(const layer *l, const atl_bench *bench, const atl_map *x, const atl_map *out)
{
    atl_epilogue act = {.before = l->act};
    atl_conv_run(bench, &l->conv[0], &(atl_conv_input){.x = x, .upsample = l->doubled}, &act, out);
}

typedef struct ends {
    const atl_map *in, *out;
} ends;

static void run_sequence(const void *net, const atl_bench *bench, atl_lanes *lanes, void *io)
{
    const sequence *s = net;
    const ends *e = io;
    atl_map x = *e->in;

    for (int i = 0; i < s->n_layers; i++) {
        const layer *l = &s->layers[i];
        if (l->is_block) {
            run_block(l, bench, &x);
            continue;
        }
        if (i == s->n_layers - 1) {
            run_conv(l, bench, &x, e->out);
            return;
        }
        int factor = l->doubled ? 2 : 1;
        int h = atl_conv_out_size(&l->conv[0], factor * x.h);
        int w = atl_conv_out_size(&l->conv[0], factor * x.w);
        atl_map out =
            atl_lanes_other(lanes, bench->policy->layer[ATL_LAYER_VAE].stream, x.n, h, w, l->conv[0].c_out);
        run_conv(l, bench, &x, &out);
        atl_lanes_switch(lanes);
        x = out;
    }
}

/* A latent is a few thousand numbers: not worth the pool. */
static void clamp_softly(const atl_bench *bench, const atl_map *x, const atl_map *out)
{
    size_t n = atl_map_rows(x) * (size_t)x->c;

    for (size_t i = 0; i < n && !bench->arena->measuring; i++)
        atl_map_f32(out)[i] = tanhf(atl_map_f32(x)[i] / CLAMP) * CLAMP;
}

void atl_vae_tiny_decode(const atl_vae_tiny *vae, const atl_bench *bench, const atl_map *latent,
                         const atl_map *image)
{
    for (int i = 0; i < latent->n; i++) {
        size_t mark = atl_arena_mark(bench->arena);
        atl_map one = atl_map_pictures(latent, i, 1), out = atl_map_pictures(image, i, 1);
        atl_map in = atl_map_take(bench, one.dtype, 1, one.h, one.w, one.c);
        clamp_softly(bench, &one, &in);
        atl_lanes_run(bench, 0, run_sequence, &vae->decoder, &(ends){.in = &in, .out = &out});
        atl_shift_scale(bench, &out, -0.5f, 2.0f, &out); /* [0, 1] → [-1, 1] */
        atl_arena_release(bench->arena, mark);
    }
}

void atl_vae_tiny_encode(const atl_vae_tiny *vae, const atl_bench *bench, const atl_map *image,
                         const atl_map *latents)
{
    for (int i = 0; i < image->n; i++) {
        size_t mark = atl_arena_mark(bench->arena);
        atl_map one = atl_map_pictures(image, i, 1), out = atl_map_pictures(latents, i, 1);
        atl_map in = atl_map_take(bench, one.dtype, 1, one.h, one.w, one.c);
        atl_shift_scale(bench, &one, 1.0f, 0.5f, &in); /* [-1, 1] → [0, 1] */
        atl_lanes_run(bench, 0, run_sequence, &vae->encoder, &(ends){.in = &in, .out = &out});
        atl_arena_release(bench->arena, mark);
    }
}
