/* eye.c - the network that reads scenes: five 3x3 convolutions with ReLU, then one small head for each third
 * of the picture and one for the whole. Same shapes as class Eye in tools/train/train_eye.py, which writes
 * the weights file: "EYE1", then IEEE half floats, little-endian: per convolution weight[out][in][3][3] and
 * bias[out] (normalisation folded in), then weight[out][in] and bias[out] of column, slot and whole. About 50
 * million multiplications a picture; scratch is allocated once, at opening. */
#include "facts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    INPUT_PX = 96,
    N_CONVS = 5,
    LAST_CHANNELS = 128,
    LAST_PX = 6,
    N_COLUMNS = 3,
    COLUMN_IN = LAST_CHANNELS * LAST_PX * (LAST_PX / N_COLUMNS),
    HIDDEN = 160,
    N_SKY = 7,
    N_GROUND = 17,
    SLOT_OUT = N_SKY + FACTS_N_COLOURS + 2 + N_GROUND + FACTS_N_COLOURS + 2,
    N_TIMES = 4,
    N_WEATHERS = 5,
    N_SEASONS = 4,
    N_TERRAINS = 7,
    WHOLE_OUT = N_TIMES + N_WEATHERS + N_SEASONS + N_TERRAINS,
    MAX_ACTIVATION = 32 * 48 * 48
};

static const struct {
    int in, out, stride, px_in, px_out;
} convs[N_CONVS] = {
    {3, 32, 2, 96, 48}, {32, 64, 2, 48, 24}, {64, 96, 2, 24, 12}, {96, 128, 1, 12, 12}, {128, 128, 2, 12, 6}};

static const char *const sky_kinds[N_SKY] = {"none", "sun", "moon", "star", "balloon", "bird", "kite"};
static const char *const ground_kinds[N_GROUND] = {
    "none",     "house", "tree",   "pine", "lighthouse", "snowman", "tent",  "windmill", "flower",
    "mushroom", "cat",   "castle", "car",  "cactus",     "boat",    "whale", "duck"};
static const char *const times[N_TIMES] = {"dawn", "day", "sunset", "night"};
static const char *const weathers[N_WEATHERS] = {"clear", "cloudy", "rain", "snow", "rainbow"};
static const char *const seasons[N_SEASONS] = {"spring", "summer", "autumn", "winter"};
static const char *const terrains[N_TERRAINS] = {"hills",  "mountains", "forest", "sea",
                                                 "desert", "city",      "none"};

struct layer {
    float *weight, *bias;
};

struct facts_eye {
    struct layer conv[N_CONVS], column, slot, whole;
    float *weights;   /* all of them, one block */
    float *from, *to; /* activations, MAX_ACTIVATION each */
    float hidden[N_COLUMNS * HIDDEN];
};

static float from_half(unsigned h)
{
    const int exponent = (int)(h >> 10 & 31);
    const float fraction = (float)(h & 1023) / 1024.0f, sign = h & 0x8000 ? -1.0f : 1.0f;
    if (exponent == 0)
        return sign * ldexpf(fraction, -14);
    return sign * ldexpf(1.0f + fraction, exponent - 15); /* weights are finite: no infinities to keep */
}

static size_t lay_out(struct facts_eye *eye)
{
    size_t at = 0;
    for (int k = 0; k < N_CONVS; k++) {
        eye->conv[k].weight = eye->weights + at;
        at += (size_t)convs[k].out * (size_t)convs[k].in * 9;
        eye->conv[k].bias = eye->weights + at;
        at += (size_t)convs[k].out;
    }
    struct layer *const dense[3] = {&eye->column, &eye->slot, &eye->whole};
    static const size_t in[3] = {COLUMN_IN, HIDDEN, (size_t)N_COLUMNS * HIDDEN},
                        out[3] = {HIDDEN, SLOT_OUT, WHOLE_OUT};
    for (int k = 0; k < 3; k++) {
        dense[k]->weight = eye->weights + at;
        at += in[k] * out[k];
        dense[k]->bias = eye->weights + at;
        at += out[k];
    }
    return at;
}

static size_t weights_wanted(void)
{
    size_t n = (size_t)HIDDEN * COLUMN_IN + HIDDEN + (size_t)SLOT_OUT * HIDDEN + SLOT_OUT +
               (size_t)WHOLE_OUT * N_COLUMNS * HIDDEN + WHOLE_OUT;
    for (int k = 0; k < N_CONVS; k++)
        n += (size_t)convs[k].out * ((size_t)convs[k].in * 9 + 1);
    return n;
}

int facts_eye_open(const char *path, struct facts_eye **ret_eye, FILE *say)
{
    const size_t n = weights_wanted();
    struct facts_eye *eye = calloc(1, sizeof *eye);
    uint8_t *bytes = malloc(n * 2 + 5);
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(say, "%s: cannot be opened\n", path);
        goto fail;
    }
    if (!eye || !bytes) {
        fprintf(say, "%s: no memory\n", path);
        goto fail;
    }
    const size_t got =
        fread(bytes, 1, n * 2 + 5, file); /* one byte more than wanted, to notice a longer file */
    if (got != n * 2 + 4 || memcmp(bytes, "EYE1", 4) != 0) {
        fprintf(say, "%s: not the eye's weights: found %zu bytes, wanted %zu beginning with EYE1\n", path,
                got, n * 2 + 4);
        goto fail;
    }
    eye->weights = malloc(n * sizeof *eye->weights);
    eye->from = malloc(MAX_ACTIVATION * sizeof *eye->from);
    eye->to = malloc(MAX_ACTIVATION * sizeof *eye->to);
    if (!eye->weights || !eye->from || !eye->to) {
        fprintf(say, "%s: no memory\n", path);
        goto fail;
    }
    for (size_t i = 0; i < n; i++)
        eye->weights[i] = from_half((unsigned)bytes[4 + 2 * i] | (unsigned)bytes[5 + 2 * i] << 8);
    lay_out(eye);
    free(bytes);
    fclose(file);
    *ret_eye = eye;
    return 0;
fail:
    if (file)
        fclose(file);
    free(bytes);
    facts_eye_close(eye);
    return -1;
}

void facts_eye_close(struct facts_eye *eye)
{
    if (!eye)
        return;
    free(eye->weights);
    free(eye->from);
    free(eye->to);
    free(eye);
}

/* out[3][96][96] in -1..1: each bin averages the pixels [floor(i n / 96), ceil((i + 1) n / 96)), as adaptive
 * pooling does. */
static void shrink(const struct facts_picture *p, float *out)
{
    for (int y = 0; y < INPUT_PX; y++) {
        const int y0 = y * p->height / INPUT_PX, y1 = ((y + 1) * p->height + INPUT_PX - 1) / INPUT_PX;
        for (int x = 0; x < INPUT_PX; x++) {
            const int x0 = x * p->width / INPUT_PX, x1 = ((x + 1) * p->width + INPUT_PX - 1) / INPUT_PX;
            unsigned sum[3] = {0, 0, 0};
            for (int v = y0; v < y1; v++)
                for (int u = x0; u < x1; u++)
                    for (size_t k = 0; k < 3; k++)
                        sum[k] += p->rgb[((size_t)v * (size_t)p->width + (size_t)u) * 3 + k];
            const float n = (float)((y1 - y0) * (x1 - x0));
            for (int k = 0; k < 3; k++)
                out[(k * INPUT_PX + y) * INPUT_PX + x] = (float)sum[k] / n / 127.5f - 1.0f;
        }
    }
}

/* to[out][px_out][px_out] = relu(conv3x3(from) + bias), padded with one zero. */
static void convolve(const struct layer *layer, int k, const float *from, float *to)
{
    const int in = convs[k].in, n = convs[k].px_in, m = convs[k].px_out, s = convs[k].stride;
    for (int o = 0; o < convs[k].out; o++) {
        float *plane = to + o * m * m;
        for (int i = 0; i < m * m; i++)
            plane[i] = layer->bias[o];
        for (int c = 0; c < in; c++)
            for (int t = 0; t < 9; t++) {
                const float w = layer->weight[(o * in + c) * 9 + t];
                const int dy = t / 3 - 1, dx = t % 3 - 1;
                for (int y = 0; y < m; y++) {
                    const int v = y * s + dy;
                    if (v < 0 || v >= n)
                        continue;
                    const float *row = from + (c * n + v) * n;
                    const int first = dx < 0 ? 1 : 0; /* only the left tap can leave on the left */
                    for (int x = first; x < m && x * s + dx < n; x++)
                        plane[y * m + x] += w * row[x * s + dx];
                }
            }
        for (int i = 0; i < m * m; i++)
            plane[i] = plane[i] > 0.0f ? plane[i] : 0.0f;
    }
}

static void dense(const struct layer *layer, int n_in, int n_out, const float *in, float *out)
{
    for (int o = 0; o < n_out; o++) {
        float sum = layer->bias[o];
        for (int i = 0; i < n_in; i++)
            sum += layer->weight[o * n_in + i] * in[i];
        out[o] = sum;
    }
}

/* The index of the largest of n scores at *at, which moves on by n. */
static int pick(const float *scores, int *at, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (scores[*at + i] > scores[*at + best])
            best = i;
    *at += n;
    return best;
}

static void look_at_column(struct facts_eye *eye, int column, struct facts_sight *ret_sight)
{
    float in[COLUMN_IN], out[SLOT_OUT], *hidden = eye->hidden + column * HIDDEN;
    for (int c = 0; c < LAST_CHANNELS; c++)
        for (int y = 0; y < LAST_PX; y++)
            for (int half = 0; half < 2; half++)
                in[(c * LAST_PX + y) * 2 + half] = eye->from[(c * LAST_PX + y) * LAST_PX + column * 2 + half];
    dense(&eye->column, COLUMN_IN, HIDDEN, in, hidden);
    for (int i = 0; i < HIDDEN; i++)
        hidden[i] = hidden[i] > 0.0f ? hidden[i] : 0.0f;
    dense(&eye->slot, HIDDEN, SLOT_OUT, hidden, out);
    int at = 0;
    struct facts_slot *sky = &ret_sight->sky[column], *ground = &ret_sight->ground[column];
    sky->kind = sky_kinds[pick(out, &at, N_SKY)];
    sky->colour = pick(out, &at, FACTS_N_COLOURS);
    sky->size = pick(out, &at, 2);
    ground->kind = ground_kinds[pick(out, &at, N_GROUND)];
    ground->colour = pick(out, &at, FACTS_N_COLOURS);
    ground->size = pick(out, &at, 2);
}

void facts_eye_look(struct facts_eye *eye, const struct facts_picture *picture, struct facts_sight *ret_sight)
{
    shrink(picture, eye->from);
    for (int k = 0; k < N_CONVS; k++) {
        convolve(&eye->conv[k], k, eye->from, eye->to);
        float *swap = eye->from;
        eye->from = eye->to;
        eye->to = swap;
    }
    for (int column = 0; column < N_COLUMNS; column++)
        look_at_column(eye, column, ret_sight);
    float out[WHOLE_OUT];
    dense(&eye->whole, N_COLUMNS * HIDDEN, WHOLE_OUT, eye->hidden, out);
    int at = 0;
    ret_sight->time = times[pick(out, &at, N_TIMES)];
    ret_sight->weather = weathers[pick(out, &at, N_WEATHERS)];
    ret_sight->season = seasons[pick(out, &at, N_SEASONS)];
    ret_sight->terrain = terrains[pick(out, &at, N_TERRAINS)];
}
