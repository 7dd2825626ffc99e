/* measure.c - see measure.h. */
#include "golden/measure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

double golden_relative_l2(const float *wanted, const float *found, size_t n)
{
    double difference = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(found[i]))
            return INFINITY;
        const double d = (double)found[i] - (double)wanted[i];
        difference += d * d;
        norm += (double)wanted[i] * (double)wanted[i];
    }
    return sqrt(difference) / (norm > 0 ? sqrt(norm) : 1.0);
}

static size_t n_elements(const atl_st_tensor *tensor)
{
    return tensor->n_bytes / atl_st_dtype_bytes(tensor->dtype);
}

static double bound_of(const char *name)
{
    if (strncmp(name, "latents.", 8) == 0 || strncmp(name, "model_output.", 13) == 0)
        return GOLDEN_LATENT_BOUND;
    if (strcmp(name, "sigmas") == 0 || strcmp(name, "timesteps") == 0)
        return GOLDEN_SIGMA_BOUND;
    return GOLDEN_PART_BOUND;
}

/* Each of these says on stderr what is wrong, and whether all is right: one look then shows every tensor. */
static bool floats_are_close(const atl_st_tensor *wanted, const atl_st_tensor *found)
{
    const size_t n = n_elements(wanted);
    atl_note note = {0};
    float *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    assert_true(n == 0 || (a && b));
    if (atl_st_to_f32(wanted, 0, n, a, &note) != ATL_OK || atl_st_to_f32(found, 0, n, b, &note) != ATL_OK)
        fail_msg("%s: %s", wanted->name, note.text);
    const double error = golden_relative_l2(a, b, n), bound = bound_of(wanted->name);
    free(a);
    free(b);
    if (error <= bound)
        return true;
    print_error("%s: found a relative L2 error of %.2e, wanted at most %.0e\n", wanted->name, error, bound);
    return false;
}

static bool bytes_are_close(const uint8_t *wanted, const uint8_t *found, size_t n)
{
    double squares = 0;
    int worst = 0;
    for (size_t i = 0; i < n; i++) {
        const int d = abs((int)found[i] - (int)wanted[i]);
        squares += (double)d * d;
        worst = d > worst ? d : worst;
    }
    const double psnr = squares > 0 ? 10.0 * log10(255.0 * 255.0 * (double)n / squares) : INFINITY;
    if (psnr >= GOLDEN_MIN_PSNR_DB && worst <= GOLDEN_MAX_OFF)
        return true;
    print_error("image: found %.1f dB and a value %d off, wanted %.0f dB and at most %d\n", psnr, worst,
                GOLDEN_MIN_PSNR_DB, GOLDEN_MAX_OFF);
    return false;
}

static bool tensors_are_close(const atl_st_tensor *wanted, const atl_st_tensor *found)
{
    if (!found) {
        print_error("%s: missing\n", wanted->name);
        return false;
    }
    if (found->rank != wanted->rank || found->dtype != wanted->dtype ||
        memcmp(found->shape, wanted->shape, (size_t)wanted->rank * sizeof wanted->shape[0]) != 0) {
        print_error(
            "%s: found %s of rank %d with %zu elements, wanted %s of rank %d with %zu, of one shape\n",
            wanted->name, atl_st_dtype_name(found->dtype), found->rank, n_elements(found),
            atl_st_dtype_name(wanted->dtype), wanted->rank, n_elements(wanted));
        return false;
    }
    return wanted->dtype == ATL_ST_U8 ? bytes_are_close(wanted->data, found->data, wanted->n_bytes)
                                      : floats_are_close(wanted, found);
}

static atl_safetensors *open_file(const char *path)
{
    atl_note note = {0};
    atl_safetensors *file = NULL;
    if (atl_safetensors_open(path, &file, &note) != ATL_OK)
        fail_msg("%s", note.text);
    return file;
}

void golden_assert_close(const char *wanted_path, const char *found_path)
{
    atl_safetensors *wanted = open_file(wanted_path), *found = open_file(found_path);
    bool all_close = atl_safetensors_count(wanted) > 0;
    for (size_t i = 0; i < atl_safetensors_count(wanted); i++) {
        const atl_st_tensor *tensor = atl_safetensors_at(wanted, i);
        all_close &= tensors_are_close(tensor, atl_safetensors_find(found, tensor->name));
    }
    atl_safetensors_close(&wanted);
    atl_safetensors_close(&found);
    assert_true(all_close);
}

void golden_assert_picture(const char *wanted_path, const uint8_t *found, int width, int height)
{
    atl_safetensors *file = open_file(wanted_path);
    const atl_st_tensor *image = atl_safetensors_find(file, "image");
    assert_non_null(image);
    assert_int_equal(image->shape[0], height);
    assert_int_equal(image->shape[1], width);
    const bool close = bytes_are_close(image->data, found, image->n_bytes);
    atl_safetensors_close(&file);
    assert_true(close);
}
