/* probe_io.h - tensors in and out of a probe, by name; private to the engine.
 *
 * Both ends are sticky: after the first failure every call is a no-op, and `status` says what it was. */
#ifndef ATL_PROBE_IO_H
#define ATL_PROBE_IO_H

#include "model/safetensors.h"

typedef struct atl_probe_in {
    atl_safetensors *file;
    atl_status status;
    atl_note *note;
} atl_probe_in;

/* A tensor as f32 (integers are converted); `data` is owned. NULL data: it is not there. */
typedef struct atl_probe_tensor {
    float *data;
    int rank;
    size_t shape[ATL_MAX_RANK];
    size_t n;
} atl_probe_tensor;

/* What fails is kept in `in` and said by whoever takes: later calls give nothing. */
void atl_probe_in_open(atl_probe_in *in, const char *path, atl_note *note);
void atl_probe_in_close(atl_probe_in *in);
/* `rank` dimensions wanted; wanted[i] = 0 takes any size there. A tensor that must be there and is not is
 * ATL_NOT_FOUND. */
atl_probe_tensor atl_probe_need(atl_probe_in *in, const char *name, int rank, const size_t *wanted);
atl_probe_tensor atl_probe_take(atl_probe_in *in, const char *name, int rank,
                                const size_t *wanted); /* optional */

typedef struct atl_probe_out {
    struct atl_probe_item *at; /* what was put, data owned */
    size_t n, capacity;
    atl_status status;
    atl_note *note;
} atl_probe_out;

/* Reserves a named tensor for the caller to fill; NULL once anything failed. */
float *atl_probe_put(atl_probe_out *out, const char *name, int rank, const size_t *shape);
uint8_t *atl_probe_put_bytes(atl_probe_out *out, const char *name, int rank, const size_t *shape);
/* Errors: what failed before; as atl_st_writer_write's. */
atl_status atl_probe_out_write(atl_probe_out *out, const char *path);
void atl_probe_out_done(atl_probe_out *out);

#endif
