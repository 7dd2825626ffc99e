/* worker.h - one process that owns one engine on its cores and serves jobs.
 *
 * Two threads beside the engine's pool: the session (socket, heartbeats; never computes), and the painter
 * (computes; never touches the socket); a third encodes PNGs while the next job already paints. They talk
 * over inproc PAIR sockets. Started by the executor with `atelier worker`; a person never needs to. */
#ifndef ATL_WORKER_H
#define ATL_WORKER_H

#include "base/status.h"
#include "engine/engine.h"

typedef struct atl_worker_options {
    const char *endpoint; /* "ipc:///…/socket" */
    const char *run_hex;  /* the pool's id: messages of another run are dropped */
    uint32_t worker;      /* its number in the plan */
    int n_threads;
    const int *pus; /* [n_threads] OS indices to bind the compute threads to; NULL: unbound */
    int batch_size;
    int weights_fd;            /* a sealed memfd with the packed weights, -1: pack privately */
    atl_engine_options engine; /* model, variant, policy, tokenizer */
} atl_worker_options;

/* Serves until the coordinator says drain or stop, or vanishes. Errors: what kept it from starting; a note
 * that the coordinator can print. */
atl_status atl_worker_run(const atl_worker_options *options, atl_note *note);

#endif
