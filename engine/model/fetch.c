/* fetch.c - see fetch.h. */
#include "model/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHAPE_ROOM 192

/* "[320, 4, 3, 3]" */
static void print_shape(int rank, const size_t *shape, char out[SHAPE_ROOM])
{
    size_t used = 1;
    out[0] = '[';
    for (int i = 0; i < rank; i++)
        used += (size_t)snprintf(out + used, SHAPE_ROOM - used, i ? ", %zu" : "%zu", shape[i]);
    snprintf(out + used, SHAPE_ROOM - used, "]");
}

/* The shape as diffusers would see it: a part has fewer rows, a transposed matrix swaps its sides. */
static int seen_shape(const atl_weight *weight, size_t shape[ATL_MAX_RANK])
{
    const atl_st_tensor *tensor = weight->tensor;
    memcpy(shape, tensor->shape, sizeof tensor->shape);
    if (tensor->rank > 0)
        shape[0] = weight->n_rows;
    if (weight->transposed && tensor->rank == 2) {
        shape[0] = tensor->shape[1];
        shape[1] = weight->n_rows;
    }
    return tensor->rank;
}

static int without_ones(int rank, const size_t *shape)
{
    while (rank > 2 && shape[rank - 1] == 1)
        rank--;
    return rank;
}

static bool same_shape(int rank, const size_t *shape, int wanted_rank, const size_t *wanted)
{
    return rank == wanted_rank && memcmp(shape, wanted, (size_t)rank * sizeof *shape) == 0;
}

atl_status atl_fetch_find(const atl_weights *weights, const atl_param *param, bool loose, atl_weight *ret,
                          atl_note *note)
{
    char wanted[SHAPE_ROOM], found[SHAPE_ROOM];
    print_shape(param->rank, param->shape, wanted);
    atl_weight weight;
    if (!atl_weights_find(weights, param->component, param->name, &weight))
        return atl_fail(note, ATL_NOT_FOUND, "%s: %s: has no tensor \"%s\"; one of shape %s was wanted",
                        atl_weights_path(weights), atl_component_name(param->component), param->name, wanted);
    size_t shape[ATL_MAX_RANK];
    const int rank = seen_shape(&weight, shape);
    const int least = loose ? without_ones(rank, shape) : rank;
    const int least_wanted = loose ? without_ones(param->rank, param->shape) : param->rank;
    if (!same_shape(least, shape, least_wanted, param->shape)) {
        print_shape(rank, shape, found);
        return atl_fail(note, ATL_BAD_INPUT, "%s: %s: tensor \"%s\" has shape %s; %s was wanted",
                        atl_safetensors_path(weight.file), atl_component_name(param->component), param->name,
                        found, wanted);
    }
    *ret = weight;
    return ATL_OK;
}

/* Row r of the result is column r of what is stored. Such tensors are few and small (text_projection). */
static atl_status fetch_transposed(const atl_weight *weight, size_t first, size_t n, float *out,
                                   atl_note *note)
{
    const size_t n_in = weight->n_rows, n_out = weight->tensor->shape[1];
    float *line = malloc(n_out * sizeof *line);
    if (!line)
        return atl_fail(note, ATL_NO_MEMORY, "no memory to transpose \"%s\"", weight->tensor->name);
    atl_status st = ATL_OK;
    for (size_t i = 0; st == ATL_OK && i < n_in; i++) {
        st = atl_st_to_f32(weight->tensor, (weight->first_row + i) * n_out, n_out, line, note);
        for (size_t r = 0; st == ATL_OK && r < n; r++)
            out[r * n_in + i] = line[first + r];
    }
    free(line);
    return st;
}

atl_status atl_fetch_rows(const atl_weight *weight, size_t row_elements, size_t first, size_t n, float *out,
                          atl_note *note)
{
    atl_status st;
    if (weight->transposed)
        st = fetch_transposed(weight, first, n, out, note);
    else
        st = atl_st_to_f32(weight->tensor, (weight->first_row + first) * row_elements, n * row_elements, out,
                           note);
    if (st != ATL_OK)
        atl_note_prefix(note, "%s", atl_safetensors_path(weight->file));
    return st;
}

/* The bytes of rows [first, first + n) within the tensor; of a transposed matrix they are everywhere. */
static void rows_extent(const atl_weight *weight, size_t row_elements, size_t first, size_t n,
                        size_t *ret_begin, size_t *ret_end)
{
    const size_t row_bytes = row_elements * atl_st_dtype_bytes(weight->tensor->dtype);
    *ret_begin = weight->transposed ? 0 : (weight->first_row + first) * row_bytes;
    *ret_end = weight->transposed ? 0 : *ret_begin + n * row_bytes;
}

void atl_fetch_want(const atl_weight *weight, size_t row_elements, size_t first, size_t n)
{
    size_t begin, end;
    rows_extent(weight, row_elements, first, n, &begin, &end);
    atl_safetensors_want(weight->file, weight->tensor, begin, end);
}

void atl_fetch_forget(const atl_weight *weight, size_t row_elements, size_t first, size_t n)
{
    size_t begin, end;
    rows_extent(weight, row_elements, first, n, &begin, &end);
    atl_safetensors_forget(weight->file, weight->tensor, begin, end);
}

void atl_fetch_forget_all(const atl_weight *weight)
{
    atl_safetensors_forget(weight->file, weight->tensor, 0, weight->tensor->n_bytes);
}
