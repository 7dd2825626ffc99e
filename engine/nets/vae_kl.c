/* vae_kl.c - AutoencoderKL (Rombach et al. 2022, appendix G): ResNets without time, and one attention in the
 * middle.
 *
 *   decode: latent[h][w][4] ─▶ post_quant_conv ─▶ conv_in ─▶ mid ─▶ up_blocks, each doubling but the last ─▶
 *           norm, SiLU, conv_out ─▶ image[8h][8w][3]
 *   encode: image ─▶ conv_in ─▶ down_blocks, each halving but the last ─▶ mid ─▶ norm, SiLU, conv_out ─▶
 *           quant_conv ─▶ moments[h][w][8]
 *
 * Memory is what matters here: at 512 × 512 one map of 256 channels is 268 MB, in bf16 134. The map goes to
 * and fro between two lanes; a ResNet that keeps its channels stays in place, one that changes them norms in
 * place (its shortcut was computed before) and writes into the other lane; so the peak is the largest map,
 * its successor, and one more of the successor's size. In bf16 the decoder's largest map is all there is: it
 * grows where the map before it stood (atl_upsampler_grow), and the ResNets that follow are woven into its
 * memory (atl_resnet_weave). */
#include "nets/vae_kl.h"

#include <math.h>

#include "nets/lanes.h"
#include "nets/pixelwise.h"
#include "nets/resample.h"
#include "nets/vae_kl_private.h"
#include "ops/attention.h"
#include "ops/moments.h"

/* A map on its way. */
typedef struct flow {
    atl_lanes *lanes;
    atl_map x;
    int lag; /* lines behind x that are free; x ends its lane with them, and is in the far one */
} flow;

static atl_map other_lane(const flow *f, int h, int w, int c)
{
    return atl_lanes_other(f->lanes, f->x.dtype, f->x.n, h, w, c);
}

static void switch_to(flow *f, atl_map x)
{
    atl_lanes_switch(f->lanes);
    f->x = x;
    f->lag = 0;
}

/* x stays in its memory. */
static void run_resnet_in_place(const atl_resnet *resnet, const atl_bench *bench, const atl_map *x)
{
    atl_map room;
    atl_resnet_io io = {.x = x, .out = x};
    if (atl_resnet_woven_room(x, &room) && atl_resnet_is_fused(resnet, x))
        io.between = &room;
    atl_resnet_run(resnet, bench, &io);
}

static void run_resnet(const atl_resnet *resnet, const atl_bench *bench, flow *f)
{
    const int c_out = resnet->shape.c_out;
    if (c_out == f->x.c) {
        run_resnet_in_place(resnet, bench, &f->x);
        return;
    }
    if (f->lag > 0 && atl_resnet_can_weave(resnet, bench, &f->x)) {
        const size_t bytes = (size_t)f->x.h * atl_map_line_bytes(&f->x);
        atl_resnet_weave(resnet, bench, &f->x, f->lag, &f->x);
        atl_lanes_stretch(f->lanes, bytes);
        f->lag = 0;
        return;
    }
    const atl_map out = other_lane(f, f->x.h, f->x.w, c_out);
    atl_resnet_run(resnet, bench, &(atl_resnet_io){.x = &f->x, .normed = &f->x, .out = &out});
    switch_to(f, out);
}

/* x += out(attention(group_norm(x))), one head over all channels, every pixel a token. */
static void run_attention(const atl_vae_middle *mid, const atl_bench *bench, const atl_map *x)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map tokens = atl_map_reshaped(x, 1, x->h * x->w);
    atl_map normed = atl_net_take(bench, ATL_LAYER_VAE, x->n, 1, tokens.w, x->c);
    atl_map qkv = atl_net_take(bench, ATL_LAYER_VAE, x->n, 1, tokens.w, 3 * x->c);
    atl_map q = atl_map_channels(&qkv, 0, x->c);
    atl_map k = atl_map_channels(&qkv, x->c, x->c);
    atl_map v = atl_map_channels(&qkv, 2 * x->c, x->c);
    atl_epilogue sum = {.residual = &tokens};

    atl_group_norm(bench, &mid->attn_norm, &tokens, NULL, ATL_ACT_NONE, &normed);
    atl_linear_run(bench, &mid->qkv, &normed, NULL, &qkv);
    atl_attention(bench, &q, &k, &v, 1, 1.0f / sqrtf((float)x->c), false, &normed);
    atl_linear_run(bench, &mid->attn_out, &normed, &sum, &tokens);
    atl_arena_release(bench->arena, mark);
}

static void run_middle(const atl_vae_middle *mid, const atl_bench *bench, flow *f)
{
    run_resnet(&mid->resnets[0], bench, f);
    if (mid->has_attention)
        run_attention(mid, bench, &f->x);
    run_resnet(&mid->resnets[1], bench, f);
}

/* x becomes the largest map, in place; the lines that it may lag behind by are left free. */
static void grow(const atl_conv *conv, const atl_bench *bench, flow *f)
{
    atl_map out = atl_map_over(NULL, f->x.dtype, 1, 2 * f->x.h, 2 * f->x.w, f->x.c);
    const int lag = atl_band_lines(bench, &out) + 1;
    const size_t bytes = (size_t)(out.h + lag) * atl_map_line_bytes(&out);
    out.data = atl_lanes_stretch(f->lanes, bytes);
    out.moments = atl_lanes_room(f->lanes, &out);
    atl_moments_forget(bench, &out);
    atl_upsampler_grow(bench, conv, &f->x, bytes, &out);
    f->x = out;
    f->lag = lag;
}

static void run_sampler(const atl_conv *conv, const atl_bench *bench, bool up, flow *f)
{
    const int h = up ? 2 * f->x.h : atl_conv_out_size(conv, f->x.h);
    const int w = up ? 2 * f->x.w : atl_conv_out_size(conv, f->x.w);
    const atl_map out = other_lane(f, h, w, f->x.c);
    if (up)
        atl_upsampler_run(bench, conv, &f->x, &out);
    else
        atl_downsampler_run(bench, conv, &f->x, &out);
    switch_to(f, out);
}

static void run_stage(const atl_vae_half *h, int i, const atl_bench *bench, flow *f)
{
    const atl_vae_stage *s = &h->stages[i];
    for (int k = 0; k < s->n_resnets; k++)
        run_resnet(&s->resnets[k], bench, f);
    if (!s->has_sampler)
        return;
    if (h->decoder && i + 2 == h->n_stages && f->lanes->current == ATL_LANE_FAR &&
        atl_upsampler_can_grow(bench, &s->sampler, &f->x))
        grow(&s->sampler, bench, f);
    else
        run_sampler(&s->sampler, bench, h->decoder, f);
}

/* The lane from which conv_in's result, switched by each sampler and each block that changes channels, comes
 * to the far one before the last sampler: there a map can grow. */
static atl_lane first_lane(const atl_vae_half *h)
{
    int n_switches = 1;
    for (int i = 0; i + 1 < h->n_stages; i++)
        n_switches += (i + 2 < h->n_stages) +
                      (h->stages[i].resnets[0].shape.c_in != h->stages[i].resnets[0].shape.c_out);
    return n_switches % 2 == 0 ? ATL_LANE_FAR : ATL_LANE_NEAR;
}

typedef struct ends {
    const atl_map *in, *out;
} ends;

/* From the first convolution to the last one, in lanes. */
static void run_half(const void *net, const atl_bench *bench, atl_lanes *lanes, void *io)
{
    const atl_vae_half *h = net;
    const ends *e = io;
    const atl_conv_input first = {.x = e->in};
    flow f = {.lanes = lanes};

    lanes->current = first_lane(h);
    const atl_map x = atl_lanes_other(lanes, bench->policy->layer[ATL_LAYER_VAE].stream, e->in->n, e->in->h,
                                      e->in->w, h->conv_in.c_out);
    atl_conv_run(bench, &h->conv_in, &first, NULL, &x);
    switch_to(&f, x);
    if (h->decoder)
        run_middle(&h->mid, bench, &f);
    for (int i = 0; i < h->n_stages; i++)
        run_stage(h, i, bench, &f);
    if (!h->decoder)
        run_middle(&h->mid, bench, &f);
    /* SiLU whatever act_fn says: so it stands in diffusers */
    atl_group_norm_conv(bench, &h->norm_out, ATL_ACT_SILU, &h->conv_out, &(atl_conv_input){.x = &f.x}, &f.x,
                        NULL, e->out);
}

/* Of the decoder's maps, stage by stage twice as high and wide, what the largest needs for its moments. */
static size_t moments_bytes(const atl_vae_half *h, const atl_bench *bench, const atl_map *latent)
{
    atl_map x = *latent;
    size_t most = 0;
    x.dtype = bench->policy->layer[ATL_LAYER_VAE].stream;
    for (int i = 0; i < h->n_stages && x.dtype == ATL_BF16; i++, x.h *= 2, x.w *= 2) {
        const atl_resnet_shape *shape = &h->stages[i].resnets[0].shape;
        x.c = shape->c_in > shape->c_out ? shape->c_in : shape->c_out;
        most = atl_moments_bytes(&x) > most ? atl_moments_bytes(&x) : most;
    }
    return most;
}

/* One picture each; the 1 × 1 convolution over the latents is left out where the config says so. */
static void decode_one(const atl_vae_half *h, const atl_bench *bench, const atl_map *latent,
                       const atl_map *image)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map in = *latent;

    if (h->has_latent_conv) {
        in = atl_map_take(bench, latent->dtype, latent->n, latent->h, latent->w, latent->c);
        atl_conv_run(bench, &h->latent_conv, &(atl_conv_input){.x = latent}, NULL, &in);
    }
    atl_lanes_run(bench, moments_bytes(h, bench, &in), run_half, h, &(ends){.in = &in, .out = image});
    atl_arena_release(bench->arena, mark);
}

static void encode_one(const atl_vae_half *h, const atl_bench *bench, const atl_map *image,
                       const atl_map *moments)
{
    size_t mark = atl_arena_mark(bench->arena);
    atl_map out = *moments;

    if (h->has_latent_conv)
        out = atl_map_take(bench, moments->dtype, moments->n, moments->h, moments->w, moments->c);
    atl_lanes_run(bench, 0, run_half, h, &(ends){.in = image, .out = &out});
    if (h->has_latent_conv)
        atl_conv_run(bench, &h->latent_conv, &(atl_conv_input){.x = &out}, NULL, moments);
    atl_arena_release(bench->arena, mark);
}

void atl_vae_kl_decode(const atl_vae_kl *vae, const atl_bench *bench, const atl_map *latent,
                       const atl_map *image)
{
    for (int i = 0; i < latent->n; i++) {
        atl_map one = atl_map_pictures(latent, i, 1), out = atl_map_pictures(image, i, 1);
        decode_one(&vae->decoder, bench, &one, &out);
    }
}

void atl_vae_kl_encode(const atl_vae_kl *vae, const atl_bench *bench, const atl_map *image,
                       const atl_map *moments)
{
    for (int i = 0; i < image->n; i++) {
        atl_map one = atl_map_pictures(image, i, 1), out = atl_map_pictures(moments, i, 1);
        encode_one(&vae->encoder, bench, &one, &out);
    }
}
