/* onednn_peer.h - one layer of bf16 by oneDNN, for onednn_bench.c alone: version 2 and version 3 of its C
 * interface behind one door.
 *
 * The peer is given what it asks for: formats of its own for weights, and for maps of convolutions too where
 * `way` says so; weights are brought into that form once, which is not measured. */
#ifndef ATL_BENCH_ONEDNN_PEER_H
#define ATL_BENCH_ONEDNN_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum peer_way {
    PEER_CONV_OWN,      /* convolution between maps in whatever format it likes */
    PEER_CONV_NHWC,     /* convolution between maps as ours are */
    PEER_MATMUL,        /* kernel 1: a product of matrices */
    PEER_INNER_PRODUCT, /* kernel 1: its layer for it */
    PEER_N_WAYS
} peer_way;

/* PEER_GEGLU: w and bias hold the values' c_out / 2 columns and then the gates'; results are values ·
 * gelu(gates). oneDNN makes that of two products: the gates' with GELU behind it, the values' with a
 * multiplication by those. */
typedef enum peer_finish { PEER_PLAIN, PEER_GELU, PEER_GEGLU } peer_finish;

typedef struct peer_shape {
    int n, side, c_in, c_out, kernel; /* stride 1, output as large as input */
    peer_finish finish;               /* after the bias */
} peer_shape;

typedef struct peer_layer peer_layer;

const char *peer_version(void);
const char *peer_way_name(peer_way way);

/* x[n][side][side][c_in] and w[c_out][c_in][kernel][kernel] in bf16, bias[c_out] in f32: all are copied, the
 * weights n_copies times. `take` gives memory that outlives the layer. NULL where oneDNN has no such
 * primitive, or `way` makes no sense for the shape. */
peer_layer *peer_open(peer_way way, const peer_shape *shape, const uint16_t *x, const uint16_t *w,
                      const float *bias, size_t n_copies, void *(*take)(void *user, size_t bytes),
                      void *user);
void peer_close(peer_layer **layer);

bool peer_run(peer_layer *layer, size_t copy);
/* The results of the last run, [n][side][side][c_out, half of it for GEGLU] in bf16. */
bool peer_read(peer_layer *layer, uint16_t *out);

#endif
