/* resnet.c - the residual block:
 *
 *   x, x_more ─▶ norm1, act ─▶ conv1 (+ time) ─▶ norm2, act ─▶ conv2 ─▶ + ─▶ ÷ output_scale_factor
 *       └──────────── shortcut (1 × 1, where the channels change) ──────┘
 *
 * The shortcut goes first, into `out`, so that conv2 finds its residual where it writes and x may be
 * overwritten in between. The joined channels of x and x_more exist only once they are normed, and in bf16
 * not even then (atl_group_norm_conv). A block that weaves does both halves' work band by band in the memory
 * of x itself: of four maps of a picture's full size in the decoder, x counting twice, two are left. */
#include "nets/resnet.h"

#include "nets/pixelwise.h"
#include "ops/moments.h"

bool atl_net_check_groups(atl_loader *loader, int c, int groups)
{
    if (groups >= 1 && c >= 1 && c % groups == 0)
        return true;
    atl_loader_fail(loader, ATL_UNSUPPORTED,
                    "norm_num_groups is %d, which does not divide a layer of %d channels", groups, c);
    return false;
}

static bool has_shortcut(const atl_resnet *resnet)
{
    return resnet->shape.c_in != resnet->shape.c_out;
}

void atl_resnet_load(atl_loader *loader, atl_resnet *resnet, const atl_resnet_shape *shape)
{
    atl_conv_shape conv1 = {.c_in = shape->c_in,
                            .c_out = shape->c_out,
                            .kernel = 3,
                            .stride = 1,
                            .pad_before = 1,
                            .pad_after = 1};
    atl_conv_shape conv2 = conv1;
    atl_conv_shape shortcut = {.c_in = shape->c_in, .c_out = shape->c_out, .kernel = 1, .stride = 1};
    atl_linear_shape time = {
        .n_in = shape->time_dim, .n_out = shape->scale_shift ? 2 * shape->c_out : shape->c_out, .bias = true};

    conv2.c_in = shape->c_out;
    resnet->shape = *shape;
    if (!atl_net_check_groups(loader, shape->c_in, shape->groups) ||
        !atl_net_check_groups(loader, shape->c_out, shape->groups))
        return;
    atl_load_norm(loader, &resnet->norm1, shape->c_in, shape->groups, shape->eps, "norm1");
    atl_load_conv(loader, &resnet->conv1, shape->layer_class, conv1, "conv1");
    if (shape->time_dim)
        atl_load_linear(loader, &resnet->time_proj, ATL_LAYER_TIME, time, "time_emb_proj");
    atl_load_norm(loader, &resnet->norm2, shape->c_out, shape->groups, shape->eps, "norm2");
    atl_load_conv(loader, &resnet->conv2, shape->layer_class, conv2, "conv2");
    if (has_shortcut(resnet))
        atl_load_conv(loader, &resnet->shortcut, shape->shortcut_class, shortcut, "conv_shortcut");
}

/* time[rows][time_dim] → [rows][c_out], or [rows][2·c_out]: scales, then shifts. */
static atl_map project_time(const atl_resnet *resnet, const atl_bench *bench, const atl_map *time)
{
    atl_map projected = atl_net_take(bench, ATL_LAYER_TIME, time->n, 1, 1, resnet->time_proj.n_out);
    atl_linear_run(bench, &resnet->time_proj, time, NULL, &projected);
    return projected;
}

/* h = act(norm2(h) · (1 + scale) + shift), with scale[c] and shift[c] of each picture. An affine map after
 * an affine map is one: γ' = γ·(1 + scale), β' = β·(1 + scale) + shift, so each picture gets a norm of its
 * own. (Dhariwal & Nichol 2021, "adaptive group normalization") */
static void norm_scaled_and_shifted(const atl_resnet *resnet, const atl_bench *bench, const atl_map *time,
                                    const atl_map *h)
{
    size_t mark = atl_arena_mark(bench->arena);
    size_t c = (size_t)h->c;
    float *gamma = atl_arena_take(bench->arena, 2 * c * sizeof *gamma), *beta = gamma + c;
    atl_norm norm = resnet->norm2;

    for (int picture = 0; picture < h->n; picture++) {
        atl_map one = atl_map_pictures(h, picture, 1);
        const float *scale = atl_map_f32(time) + (time->n == 1 ? 0 : (size_t)picture * 2 * c);
        for (size_t i = 0; i < c && !bench->arena->measuring; i++) {
            gamma[i] = resnet->norm2.gamma[i] * (1.0f + scale[i]);
            beta[i] = resnet->norm2.beta[i] * (1.0f + scale[i]) + scale[c + i];
        }
        norm.gamma = gamma;
        norm.beta = beta;
        atl_group_norm(bench, &norm, &one, NULL, resnet->shape.act, &one);
    }
    atl_arena_release(bench->arena, mark);
}

/* h[n][h][w][c_out] = conv1(act(norm1(x, x_more))), with the time embedding added unless it scales and
 * shifts. `time` is the projected one, or NULL. */
static void first_half(const atl_resnet *resnet, const atl_bench *bench, const atl_resnet_io *io,
                       const atl_map *time, const atl_map *h)
{
    atl_conv_input in = {.x = io->x, .x_more = io->x_more};
    atl_epilogue add_time = {0};

    if (time && !resnet->shape.scale_shift) {
        add_time.per_picture = atl_map_f32(time);
        add_time.per_picture_stride = time->n == 1 ? 0 : time->stride;
    }
    atl_group_norm_conv(bench, &resnet->norm1, resnet->shape.act, &resnet->conv1, &in, io->normed, &add_time,
                        h);
}

void atl_resnet_run(const atl_resnet *resnet, const atl_bench *bench, const atl_resnet_io *io)
{
    const atl_resnet_shape *shape = &resnet->shape;
    size_t mark = atl_arena_mark(bench->arena);
    atl_map time = {0};
    const atl_map *projected = NULL;

    if (has_shortcut(resnet)) {
        atl_conv_input in = {.x = io->x, .x_more = io->x_more};
        atl_map bare = *io->out; /* only moments of the sum are of use */
        bare.moments = NULL;
        atl_conv_run(bench, &resnet->shortcut, &in, NULL, &bare);
    }
    if (shape->time_dim) {
        time = project_time(resnet, bench, io->time);
        projected = &time;
    }
    atl_map h = io->between
                    ? *io->between
                    : atl_net_take(bench, shape->layer_class, io->x->n, io->x->h, io->x->w, shape->c_out);
    h.moments = h.dtype == ATL_BF16 ? io->out->moments : NULL; /* h is normed before out is made */
    first_half(resnet, bench, io, projected, &h);

    atl_conv_input in = {.x = &h};
    atl_epilogue sum = {.residual = has_shortcut(resnet) ? io->out : io->x,
                        .scale = 1.0f / shape->output_scale_factor};
    if (projected && shape->scale_shift) {
        norm_scaled_and_shifted(resnet, bench, projected, &h);
        atl_conv_run(bench, &resnet->conv2, &in, &sum, io->out);
    } else {
        atl_group_norm_conv(bench, &resnet->norm2, shape->act, &resnet->conv2, &in, &h, &sum, io->out);
    }
    atl_arena_release(bench->arena, mark);
}

/* ---- woven ---- */

bool atl_resnet_is_fused(const atl_resnet *resnet, const atl_map *x)
{
    return atl_conv_takes_affine(&resnet->conv1, &(atl_conv_input){.x = x});
}

bool atl_resnet_can_weave(const atl_resnet *resnet, const atl_bench *bench, const atl_map *x)
{
    const atl_resnet_shape *shape = &resnet->shape;
    const atl_conv_input in = {.x = x};
    const atl_conv *all[] = {&resnet->shortcut, &resnet->conv1, &resnet->conv2};
    for (int i = 0; i < 3; i++) /* no other products know of gaps */
        if (all[i]->dtype != ATL_BF16)
            return false;
    return shape->time_dim == 0 && shape->c_in >= 2 * shape->c_out && x->c == shape->c_in &&
           atl_map_dense(x) && atl_resnet_is_fused(resnet, x) && atl_conv_takes_affine(&resnet->conv2, &in) &&
           atl_conv_runs_lines(bench, &resnet->conv1, &in);
}

/* Half `index` of the woven memory: of each line, or where lines cannot be apart, of each row. */
static atl_map half_of(const atl_map *woven, int c, int index)
{
    atl_map half = *woven;
    if (!atl_map_may_gap(woven))
        return atl_map_channels(woven, index * c, c);
    const size_t line = (size_t)woven->w * (size_t)c;
    half.data = (char *)woven->data + (size_t)index * line * atl_dtype_bytes(woven->dtype);
    half.c = c;
    half.stride = (size_t)c;
    half.gap = (size_t)woven->w * woven->stride - line;
    return half;
}

/* All of a band that reads x: the shortcut, and the first half. */
static void weave_band(const atl_resnet *resnet, const atl_bench *bench, const atl_conv_input *in,
                       atl_lines band, const atl_map *h, const atl_map *out)
{
    const atl_map from = atl_map_lines(in->x, band), to = atl_map_lines(out, band);
    atl_conv_run(bench, &resnet->shortcut, &(atl_conv_input){.x = &from}, NULL, &to);
    atl_conv_run_lines(bench, &resnet->conv1, in, NULL, h, band);
}

void atl_resnet_weave(const atl_resnet *resnet, const atl_bench *bench, const atl_map *x, int lag,
                      atl_map *ret_out)
{
    const atl_resnet_shape *shape = &resnet->shape;
    const size_t mark = atl_arena_mark(bench->arena);
    atl_map woven = *x;
    woven.data = (char *)x->data + (size_t)lag * atl_map_line_bytes(x);
    atl_map out = half_of(&woven, shape->c_out, 0), h = half_of(&woven, shape->c_out, 1);
    const atl_epilogue sum = {.residual = &out, .scale = 1.0f / shape->output_scale_factor};
    atl_conv_input in = {.x = x};
    const atl_affine affine = atl_group_norm_affine(bench, &resnet->norm1, shape->act, &in);
    in.affine = &affine;
    h.moments = out.moments = x->moments; /* each is normed before the next is made */
    atl_moments_forget(bench, &h);
    for (int end = x->h, first; end > 0; end = first) { /* the line after the band is read, too */
        first = end > lag - 1 ? end - (lag - 1) : 0;
        weave_band(resnet, bench, &in, (atl_lines){first, end - first}, &h, &out);
    }
    atl_arena_release(bench->arena, mark);
    atl_group_norm_conv(bench, &resnet->norm2, shape->act, &resnet->conv2, &(atl_conv_input){.x = &h}, &h,
                        &sum, &out);
    *ret_out = out;
}

bool atl_resnet_woven_room(const atl_map *map, atl_map *ret)
{
    const size_t line = (size_t)map->w * (size_t)map->c;
    const bool by_line = map->gap >= line, by_row = map->stride >= 2 * (size_t)map->c;
    if (!by_line && !by_row)
        return false;
    *ret = *map;
    ret->data = (char *)map->data + (by_line ? line : (size_t)map->c) * atl_dtype_bytes(map->dtype);
    return true;
}
