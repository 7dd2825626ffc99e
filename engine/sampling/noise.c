/* noise.c - standard normal numbers as torch draws them, bit for bit.
 *
 * torch makes normals in three ways: on the CPU, 16 or more at once from 24-bit uniforms in single precision
 * (`blocks`), fewer one by one from 53-bit uniforms in double (`singles`); on CUDA, one number of each
 * thread's own Philox stream (`philox`). The single-precision bits are those of torch's x86 builds with AVX2
 * or later, where products are fused (cephes.c); its build for older CPUs differs in the last bit.
 *
 * CUDA's sine is the hardware's approximation, so that those draws agree to 2e-6 (measured), not to the bit.
 */
#include "sampling/noise.h"

#include <math.h>

#include "sampling/cephes.h"

#define MT_N          624
#define MT_M          397
#define BLOCK         16
#define PHILOX_ROUNDS 10

static const double pi = 3.14159265358979323846;

/* ---- MT19937 (Matsumoto & Nishimura 1998), seeded by one word ---- */

static void mt_seed(atl_noise *noise, uint32_t seed)
{
    noise->state[0] = seed;
    for (uint32_t i = 1; i < MT_N; i++) {
        uint32_t last = noise->state[i - 1];
        noise->state[i] = 1812433253u * (last ^ (last >> 30)) + i;
    }
    noise->next = MT_N;
}

static void mt_refill(uint32_t state[MT_N])
{
    for (int i = 0; i < MT_N; i++) {
        uint32_t joined = (state[i] & 0x80000000u) | (state[(i + 1) % MT_N] & 0x7fffffffu);
        state[i] = state[(i + MT_M) % MT_N] ^ (joined >> 1) ^ (joined & 1 ? 0x9908b0dfu : 0);
    }
}

static uint32_t mt_next(atl_noise *noise)
{
    if (noise->next == MT_N) {
        mt_refill(noise->state);
        noise->next = 0;
    }
    uint32_t y = noise->state[noise->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* ---- torch on the CPU ---- */

static float uniform_f32(atl_noise *noise)
{
    return (float)(mt_next(noise) & 0xffffffu) * 0x1p-24f;
}

static double uniform_f64(atl_noise *noise)
{
    uint64_t high = mt_next(noise);
    uint64_t low = mt_next(noise);
    return (double)((high << 32 | low) & 0x1fffffffffffffu) * 0x1p-53;
}

/* Sixteen uniforms become sixteen normals in place: lane i pairs with lane i + 8. */
static void box_muller_16(float block[BLOCK])
{
    for (int i = 0; i < BLOCK / 2; i++) {
        float radius = sqrtf(-2.0f * atl_cephes_log(1.0f - block[i]));
        float sine, cosine;
        atl_cephes_sincos((float)(2.0 * pi) * block[i + BLOCK / 2], &sine, &cosine);
        block[i] = radius * cosine + 0.0f; /* as torch's · std + mean: never −0 */
        block[i + BLOCK / 2] = radius * sine + 0.0f;
    }
}

static void draw_blocks(atl_noise *noise, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = uniform_f32(noise);
    for (size_t i = 0; i + BLOCK <= n; i += BLOCK)
        box_muller_16(out + i);
    if (n % BLOCK == 0)
        return;
    float *tail = out + n - BLOCK; /* the last sixteen anew, over what was there */
    for (int i = 0; i < BLOCK; i++)
        tail[i] = uniform_f32(noise);
    box_muller_16(tail);
}

static void draw_singles(atl_noise *noise, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (noise->has_cached) {
            noise->has_cached = false;
            out[i] = (float)noise->cached;
            continue;
        }
        double angle = 2.0 * pi * uniform_f64(noise);
        double radius = sqrt(-2.0 * log1p(-uniform_f64(noise)));
        noise->cached = radius * sin(angle);
        noise->has_cached = true;
        out[i] = (float)(radius * cos(angle));
    }
}

/* ---- Philox 4×32-10 (Salmon et al. 2011) as torch.randn on a CUDA device lays it out ---- */

static void philox(uint32_t counter[4], uint64_t seed)
{
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t a = 0xD2511F53u * (uint64_t)counter[0];
        uint64_t b = 0xCD9E8D57u * (uint64_t)counter[2];
        counter[0] = (uint32_t)(b >> 32) ^ counter[1] ^ key[0];
        counter[1] = (uint32_t)b;
        counter[2] = (uint32_t)(a >> 32) ^ counter[3] ^ key[1];
        counter[3] = (uint32_t)a;
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
}

/* Element i is the first number of thread i's stream, true while there are no more elements than threads in
 * flight on the device (about 100,000 on the smallest in use). Every draw moves all streams on by one. */
static void draw_cuda(atl_noise *noise, float *out, size_t n)
{
    const float scale = 0x1p-32f;
    const float angle_scale = 0x1p-32f * 6.2831855f;
    for (size_t i = 0; i < n; i++) {
        uint32_t word[4] = {(uint32_t)noise->offset, (uint32_t)(noise->offset >> 32), (uint32_t)i,
                            (uint32_t)((uint64_t)i >> 32)};
        philox(word, noise->seed);
        float u = fmaf((float)word[0], scale, scale / 2.0f);
        float angle = fmaf((float)word[1], angle_scale, angle_scale / 2.0f);
        float sine, cosine;
        atl_cephes_sincos(angle, &sine, &cosine);
        out[i] = sqrtf(-2.0f * atl_cephes_log(u)) * sine;
    }
    noise->offset++;
}

void atl_noise_init(atl_noise *noise, atl_rng rng, uint64_t seed)
{
    *noise = (atl_noise){.rng = rng, .seed = seed};
    mt_seed(noise, (uint32_t)seed); /* torch uses the low 32 bits only */
}

void atl_noise_normal(atl_noise *noise, float *out, size_t n)
{
    if (noise->rng == ATL_RNG_CUDA)
        draw_cuda(noise, out, n);
    else if (n >= BLOCK)
        draw_blocks(noise, out, n);
    else
        draw_singles(noise, out, n);
}
