/* synth_random.c - random weights of sane scale, fast enough for ten gigabytes.
 *
 * Element i of a tensor is a hash of (seed, name, i): no state, so any piece can be made on its own. Four
 * 16-bit uniforms add up to something close to normal (Irwin–Hall): good enough for weights, and without a
 * logarithm. */
#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "model/synth.h"

/* Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators" (SplitMix64's finaliser). */
static inline uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Mean 0, deviation 1, within ±3.47. */
static inline float draw(uint64_t key, size_t i)
{
    const uint64_t bits = mix(key + 0x9e3779b97f4a7c15u * (uint64_t)(i + 1));
    const int sum =
        (int)(bits & 0xffff) + (int)(bits >> 16 & 0xffff) + (int)(bits >> 32 & 0xffff) + (int)(bits >> 48);
    return (float)(sum - 2 * 65535) * (1.0f / 37837.2f); /* 65536 / √3 */
}

static inline uint16_t bf16_of(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

/* Nearest half, ties to even; |f| is far below the largest half. Below the least normal half, adding 0.5
 * lines the bits up so that the addition itself rounds. */
static inline uint16_t f16_of(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude < 113u << 23) {
        float shifted;
        memcpy(&shifted, &magnitude, sizeof shifted);
        shifted += 0.5f;
        memcpy(&bits, &shifted, sizeof bits);
        return (uint16_t)(sign | (bits - (126u << 23)));
    }
    const uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1);
    return (uint16_t)(sign | (rounded - (112u << 23)) >> 13);
}

static bool ends_with(const char *text, const char *tail)
{
    const size_t n = strlen(text), m = strlen(tail);
    return n >= m && strcmp(text + n - m, tail) == 0;
}

/* Layers whose output is added to a stream or is the network's result get less, so that activations stay in
 * range through the whole depth. */
static float gain(const atl_param *param)
{
    static const struct {
        const char *tail;
        float gain;
    } rules[] = {
        {"conv_out.weight", 0.5f}, {".conv2.weight", 0.6f},   {".conv.4.weight", 0.4f},
        {"to_out.0.weight", 0.6f}, {"ff.net.2.weight", 0.6f}, {"proj_out.weight", 0.6f},
        {"out_proj.weight", 0.6f}, {"mlp.fc2.weight", 0.6f},  {"time_emb_proj.weight", 0.5f},
        {"linear_2.weight", 0.7f},
    };
    for (size_t i = 0; i < ATL_COUNT(rules); i++)
        if (ends_with(param->name, rules[i].tail))
            return rules[i].gain;
    return 1.0f;
}

static uint64_t hash_name(uint64_t seed, const atl_param *param)
{
    uint64_t h = mix(seed ^ (uint64_t)param->component << 56);
    for (const char *p = param->name; *p; p++)
        h = mix(h ^ (uint8_t)*p);
    return h;
}

/* A tiny autoencoder has no norms: its up-sampling convolutions make up for what its ReLUs take, and its last
 * bias puts the picture in the middle of [0, 1]. */
static void plan_tiny_decoder(const atl_param *param, atl_synth_tensor *t)
{
    if (param->component != ATL_VAE || strncmp(param->name, "decoder.layers.", 15) != 0 ||
        strstr(param->name, ".conv."))
        return;
    if (param->kind == ATL_PARAM_WEIGHT)
        t->deviation *= 1.15f;
    else if (param->shape[0] == 3)
        t->mean = 0.5f;
}

atl_synth_tensor atl_synth_plan(const atl_param *param, uint64_t seed, atl_dtype dtype)
{
    atl_synth_tensor t = {.key = hash_name(seed, param), .dtype = dtype};
    size_t fan_in = 1;
    for (int i = 1; i < param->rank; i++)
        fan_in *= param->shape[i];
    switch (param->kind) {
    case ATL_PARAM_WEIGHT:
        t.deviation = gain(param) / sqrtf((float)fan_in);
        break;
    case ATL_PARAM_EMBEDDING:
        t.deviation = 0.3f;
        break;
    case ATL_PARAM_NORM_GAMMA:
        t.mean = 1.0f;
        t.deviation = 0.05f;
        break;
    case ATL_PARAM_BIAS:
    case ATL_PARAM_NORM_BETA:
        t.deviation = 0.02f;
        break;
    }
    plan_tiny_decoder(param, &t);
    return t;
}

void atl_synth_fill(const atl_synth_tensor *tensor, size_t first, size_t n, void *out)
{
    const uint64_t key = tensor->key;
    const float mean = tensor->mean, deviation = tensor->deviation;
    if (tensor->dtype == ATL_F32) {
        float *to = out;
        for (size_t i = 0; i < n; i++)
            to[i] = mean + deviation * draw(key, first + i);
    } else if (tensor->dtype == ATL_BF16) {
        uint16_t *to = out;
        for (size_t i = 0; i < n; i++)
            to[i] = bf16_of(mean + deviation * draw(key, first + i));
    } else {
        uint16_t *to = out;
        for (size_t i = 0; i < n; i++)
            to[i] = f16_of(mean + deviation * draw(key, first + i));
    }
}
