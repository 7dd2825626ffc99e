/* probe_io.c - see probe_io.h. */
#include "probe_io.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

void atl_probe_in_open(atl_probe_in *in, const char *path, atl_note *note)
{
    *in = (atl_probe_in){.note = note};
    in->status = atl_safetensors_open(path, &in->file, note);
}

void atl_probe_in_close(atl_probe_in *in)
{
    if (in->file)
        atl_safetensors_close(&in->file);
}

static atl_status check_shape(const atl_probe_in *in, const atl_st_tensor *tensor, int rank,
                              const size_t *wanted)
{
    if (tensor->rank != rank)
        return atl_fail(in->note, ATL_BAD_INPUT, "%s: %s: found %d dimensions, wanted %d",
                        atl_safetensors_path(in->file), tensor->name, tensor->rank, rank);
    for (int i = 0; i < rank; i++)
        if (tensor->shape[i] == 0 || (wanted[i] != 0 && tensor->shape[i] != wanted[i]))
            return atl_fail(in->note, ATL_BAD_INPUT, "%s: %s: dimension %d: found %zu, wanted %zu%s",
                            atl_safetensors_path(in->file), tensor->name, i, tensor->shape[i],
                            wanted[i] ? wanted[i] : (size_t)1, wanted[i] ? "" : " or more");
    return ATL_OK;
}

/* Integers up to 2^24 are exact as f32: ids and time steps are far below. */
static atl_status convert(const atl_probe_in *in, const atl_st_tensor *tensor, size_t n, float *out)
{
    if (tensor->dtype == ATL_ST_I64 || tensor->dtype == ATL_ST_I32) {
        for (size_t i = 0; i < n; i++) {
            int64_t wide = 0;
            int32_t narrow = 0;
            if (tensor->dtype == ATL_ST_I64)
                memcpy(&wide, tensor->data + 8 * i, 8);
            else
                memcpy(&narrow, tensor->data + 4 * i, 4);
            const int64_t value = tensor->dtype == ATL_ST_I64 ? wide : narrow;
            if (value < -(1 << 24) || value > (1 << 24))
                return atl_fail(in->note, ATL_BAD_INPUT,
                                "%s: %s: element %zu: found %lld, wanted at most 2^24",
                                atl_safetensors_path(in->file), tensor->name, i, (long long)value);
            out[i] = (float)value;
        }
        return ATL_OK;
    }
    const atl_status st = atl_st_to_f32(tensor, 0, n, out, in->note);
    if (st != ATL_OK)
        atl_note_prefix(in->note, "%s", atl_safetensors_path(in->file));
    return st;
}

atl_probe_tensor atl_probe_take(atl_probe_in *in, const char *name, int rank, const size_t *wanted)
{
    atl_probe_tensor tensor = {0};
    if (in->status != ATL_OK)
        return tensor;
    const atl_st_tensor *found = atl_safetensors_find(in->file, name);
    if (!found)
        return tensor;
    in->status = check_shape(in, found, rank, wanted);
    if (in->status != ATL_OK)
        return tensor;
    tensor.rank = rank;
    tensor.n = 1;
    for (int i = 0; i < rank; i++) {
        tensor.shape[i] = found->shape[i];
        tensor.n *= found->shape[i]; /* cannot overflow: the file holds that many */
    }
    tensor.data = malloc(tensor.n * sizeof *tensor.data);
    if (!tensor.data)
        in->status = atl_fail(in->note, ATL_NO_MEMORY, "%s: no memory for %zu numbers", name, tensor.n);
    else
        in->status = convert(in, found, tensor.n, tensor.data);
    return tensor;
}

atl_probe_tensor atl_probe_need(atl_probe_in *in, const char *name, int rank, const size_t *wanted)
{
    if (in->status == ATL_OK && !atl_safetensors_find(in->file, name))
        in->status = atl_fail(in->note, ATL_NOT_FOUND, "%s: has no tensor \"%s\", which this probe needs",
                              atl_safetensors_path(in->file), name);
    return atl_probe_take(in, name, rank, wanted);
}

struct atl_probe_item {
    char *name;
    atl_st_dtype dtype;
    int rank;
    size_t shape[ATL_MAX_RANK];
    void *data;
};

static void *put(atl_probe_out *out, const char *name, atl_st_dtype dtype, int rank, const size_t *shape)
{
    if (out->status != ATL_OK)
        return NULL;
    struct atl_probe_item *at = atl_grown(out->at, out->n, &out->capacity, 16, sizeof *at);
    if (!at)
        goto fail;
    out->at = at;
    struct atl_probe_item item = {.dtype = dtype, .rank = rank};
    size_t bytes = atl_st_dtype_bytes(dtype);
    for (int i = 0; i < rank; i++) {
        item.shape[i] = shape[i];
        bytes *= shape[i];
    }
    item.name = strdup(name);
    item.data = calloc(1, bytes);
    if (!item.name || !item.data) {
        free(item.name);
        free(item.data);
        goto fail;
    }
    out->at[out->n++] = item;
    return item.data;
fail:
    out->status = atl_fail(out->note, ATL_NO_MEMORY, "no memory for the probe's \"%s\"", name);
    return NULL;
}

float *atl_probe_put(atl_probe_out *out, const char *name, int rank, const size_t *shape)
{
    return put(out, name, ATL_ST_F32, rank, shape);
}

uint8_t *atl_probe_put_bytes(atl_probe_out *out, const char *name, int rank, const size_t *shape)
{
    return put(out, name, ATL_ST_U8, rank, shape);
}

atl_status atl_probe_out_write(atl_probe_out *out, const char *path)
{
    if (out->status != ATL_OK)
        return out->status;
    atl_st_writer *writer = NULL;
    out->status = atl_st_writer_open(&writer, out->note);
    if (out->status != ATL_OK)
        return out->status;
    for (size_t i = 0; i < out->n; i++)
        atl_st_writer_add(writer, out->at[i].name, out->at[i].dtype, out->at[i].rank, out->at[i].shape,
                          out->at[i].data);
    out->status = atl_st_writer_write(writer, path, out->note);
    atl_st_writer_close(&writer);
    return out->status;
}

void atl_probe_out_done(atl_probe_out *out)
{
    for (size_t i = 0; i < out->n; i++) {
        free(out->at[i].name);
        free(out->at[i].data);
    }
    free(out->at);
    *out = (atl_probe_out){0};
}
