/* noise_test.c - noise against what torch draws (tests/reference/noise_goldens.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sampling/cephes.h"
#include "sampling/noise.h"

#define MAX_DRAW 65536

static uint64_t fnv1a_64(const float *values, size_t n)
{
    uint64_t digest = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        for (int shift = 0; shift < 32; shift += 8)
            digest = (digest ^ ((bits >> shift) & 0xff)) * 0x100000001b3u;
    }
    return digest;
}

static uint64_t hex_of(json_t *json)
{
    return strtoull(json_string_value(json), NULL, 16);
}

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail_msg("%s: %s", path, error.text);
    return json;
}

static void cpu_draws_are_those_of_torch_bit_for_bit(void **state)
{
    (void)state;
    static float values[MAX_DRAW];
    json_t *generators = load(ATELIER_TEST_DATA "/golden/noise/cpu.json");
    size_t i, j;
    json_t *generator, *draw;
    json_array_foreach(generators, i, generator)
    {
        atl_noise noise;
        uint64_t seed = hex_of(json_object_get(generator, "seed"));
        atl_noise_init(&noise, ATL_RNG_CPU, seed);
        json_array_foreach(json_object_get(generator, "draws"), j, draw)
        {
            size_t n = (size_t)json_integer_value(json_object_get(draw, "n"));
            assert_in_range(n, 1, MAX_DRAW);
            atl_noise_normal(&noise, values, n);
            uint32_t first;
            memcpy(&first, values, sizeof first);
            if (first != hex_of(json_array_get(json_object_get(draw, "first"), 0)) ||
                fnv1a_64(values, n) != hex_of(json_object_get(draw, "fnv1a")))
                fail_msg("seed %llx, draw %zu of %zu values differs", (unsigned long long)seed, j, n);
        }
    }
    assert_int_equal(i, 7);
    json_decref(generators);
}

static void one_big_draw_is_not_two_small_ones(void **state)
{
    (void)state;
    float whole[32], halves[32];
    atl_noise noise;
    atl_noise_init(&noise, ATL_RNG_CPU, 7);
    atl_noise_normal(&noise, whole, 32);
    atl_noise_init(&noise, ATL_RNG_CPU, 7);
    atl_noise_normal(&noise, halves, 8); /* one by one, in double */
    assert_true(whole[0] != halves[0]);
}

static void no_draw_writes_past_its_end(void **state)
{
    (void)state;
    for (int rng = ATL_RNG_CPU; rng <= ATL_RNG_CUDA; rng++) {
        for (size_t n = 0; n < 60; n++) {
            float values[64];
            atl_noise noise;
            for (int k = 0; k < 64; k++)
                values[k] = 1e30f;
            atl_noise_init(&noise, (atl_rng)rng, n);
            atl_noise_normal(&noise, values, n);
            for (size_t k = 0; k < 64; k++)
                assert_true((values[k] == 1e30f) == (k >= n));
        }
    }
}

/* To 5e-6 near 3: the device's sine is good to 2^-21 of one turn's height. */
static void cuda_draws_are_those_of_torch_on_a_gpu(void **state)
{
    (void)state;
    static float values[MAX_DRAW];
    json_t *generators = load(ATELIER_TEST_DATA "/golden/noise/cuda.json");
    double worst = 0.0;
    size_t i, j, k;
    json_t *generator, *draw, *at;
    json_array_foreach(generators, i, generator)
    {
        atl_noise noise;
        atl_noise_init(&noise, ATL_RNG_CUDA, hex_of(json_object_get(generator, "seed")));
        json_array_foreach(json_object_get(generator, "draws"), j, draw)
        {
            size_t n = (size_t)json_integer_value(json_object_get(draw, "n"));
            assert_in_range(n, 1, MAX_DRAW);
            atl_noise_normal(&noise, values, n);
            json_t *wanted = json_object_get(draw, "values");
            json_array_foreach(json_object_get(draw, "at"), k, at)
            {
                double one = json_number_value(json_array_get(wanted, k));
                worst = fmax(worst, fabs((double)values[json_integer_value(at)] - one));
            }
        }
    }
    print_message("worst difference from a GPU: %.2g\n", worst);
    assert_int_equal(i, 7);
    assert_true(worst < 5e-6);
    json_decref(generators);
}

static void cuda_draws_do_not_depend_on_their_length(void **state)
{
    (void)state;
    float few[5], many[5000];
    atl_noise noise;
    atl_noise_init(&noise, ATL_RNG_CUDA, 965400086);
    atl_noise_normal(&noise, few, 5);
    atl_noise_init(&noise, ATL_RNG_CUDA, 965400086);
    atl_noise_normal(&noise, many, 5000);
    assert_memory_equal(few, many, sizeof few);
}

static void cuda_seeds_use_all_64_bits_and_draws_follow_each_other(void **state)
{
    (void)state;
    float a[4], b[4], c[4];
    atl_noise noise;
    atl_noise_init(&noise, ATL_RNG_CUDA, 5);
    atl_noise_normal(&noise, a, 4);
    atl_noise_normal(&noise, c, 4);
    atl_noise_init(&noise, ATL_RNG_CUDA, 5 + (1ull << 32));
    atl_noise_normal(&noise, b, 4);
    for (int k = 0; k < 4; k++) {
        assert_true(a[k] != b[k]);
        assert_true(a[k] != c[k]);
    }
}

static void normals_have_mean_0_and_variance_1(void **state)
{
    (void)state;
    static float values[MAX_DRAW];
    for (int rng = ATL_RNG_CPU; rng <= ATL_RNG_CUDA; rng++) {
        atl_noise noise;
        atl_noise_init(&noise, (atl_rng)rng, 3);
        atl_noise_normal(&noise, values, MAX_DRAW);
        double sum = 0.0, squares = 0.0;
        for (int k = 0; k < MAX_DRAW; k++) {
            assert_true(isfinite(values[k]));
            sum += (double)values[k];
            squares += (double)values[k] * (double)values[k];
        }
        assert_true(fabs(sum / MAX_DRAW) < 0.02);
        assert_true(fabs(squares / MAX_DRAW - 1.0) < 0.03);
    }
}

static void polynomials_stay_close_to_libm(void **state)
{
    (void)state;
    for (int k = 1; k <= 100000; k++) {
        float u = (float)k * 1e-5f, angle = (float)k * 6.2831855e-5f, sine, cosine;
        atl_cephes_sincos(angle, &sine, &cosine);
        assert_true(fabs((double)sine - sin((double)angle)) < 1.2e-7);
        assert_true(fabs((double)cosine - cos((double)angle)) < 1.2e-7);
        double wanted = log((double)u);
        assert_true(fabs((double)atl_cephes_log(u) - wanted) <= 2.4e-7 * fabs(wanted));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_draws_are_those_of_torch_bit_for_bit),
        cmocka_unit_test(one_big_draw_is_not_two_small_ones),
        cmocka_unit_test(no_draw_writes_past_its_end),
        cmocka_unit_test(cuda_draws_are_those_of_torch_on_a_gpu),
        cmocka_unit_test(cuda_draws_do_not_depend_on_their_length),
        cmocka_unit_test(cuda_seeds_use_all_64_bits_and_draws_follow_each_other),
        cmocka_unit_test(normals_have_mean_0_and_variance_1),
        cmocka_unit_test(polynomials_stay_close_to_libm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
