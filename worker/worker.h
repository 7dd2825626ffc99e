/* worker.h - one process that owns one engine on its cores and serves jobs.
 *
 * Three threads beside the engine's pool: the session (socket, signs of life; never computes), the painter
 * (computes; never touches the socket), and the encoder, which makes PNGs while the next job already paints.
 * They hand tasks on through channels. Started by the executor with `atelier worker`; a person never needs
 * to. The process is the coordinator's: it ignores SIGINT and SIGTERM, writes no core files, and dies with
 * the coordinator. */
#ifndef ATL_WORKER_H
#define ATL_WORKER_H

#include <stdint.h>

#include "base/status.h"
#include "engine/engine.h"

#define ATL_WORKER_MAX_THREADS 1024

typedef struct atl_worker_options {
    const char *endpoint; /* "ipc:///…/socket" */
    const char *run_hex;  /* the pool's id, 32 hex digits: messages of another run are dropped */
    uint32_t worker;      /* its number in the plan */
    int64_t parent;       /* the coordinator's process; 0: whoever it is */
    int n_threads;
    const int *pus;            /* [n_threads] OS indices to bind the compute threads to; NULL: unbound */
    int batch_size;            /* at most so many jobs of one size are painted together; 0 means 1 */
    int weights_fd;            /* a memfd for the packed weights; 0: pack privately */
    int desk_fd;               /* a file with an atl_desk that the coordinator reads; 0: none */
    int tray_fd;               /* a file with an atl_tray to lay pictures on; 0: they are sent */
    int word_every_ms;         /* so often it shows that it lives: on its desk, or where it
                                 has none in words, and beats come no oftener then. 0: 200 */
    atl_engine_options engine; /* model, variant, policy, tokenizer; the worker fills in the rest */
} atl_worker_options;

/* Serves until the coordinator says drain or stop, or vanishes. Errors: what kept it from starting; a note
 * that the coordinator is told, too. */
atl_status atl_worker_run(const atl_worker_options *options, atl_note *note);

#endif
