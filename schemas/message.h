/* message.h - what coordinator and workers say to each other, as structs and as MessagePack bytes.
 *
 * schemas/PROTOCOL.md is the grammar. One message is one MessagePack array [version, type, fields…] in one
 * frame; a RESULT has a second frame, the PNG's bytes. Decoding is bounded and of a fixed schema (msgpack
 * bombs: docs/RELIABILITY.md): what is too long, too deep, of another type or has bytes left over is refused
 * with the place. */
#ifndef ATL_SCHEMAS_MESSAGE_H
#define ATL_SCHEMAS_MESSAGE_H

#include "base/text.h"
#include "schemas/job.h"

#define ATL_PROTOCOL_VERSION 1
#define ATL_MAX_FRAME_BYTES  (64u << 20)

typedef enum atl_message_type {
    /* worker → coordinator */
    ATL_MSG_HELLO,   /* run, worker, pid, protocol version */
    ATL_MSG_READY,   /* the model is mapped; binding that was got, ISA, policy; credit jobs may come */
    ATL_MSG_ALIVE,   /* the process lives, whatever its compute thread does; a few times a second */
    ATL_MSG_STARTED, /* lease: the compute thread took the job up */
    ATL_MSG_BEAT,    /* lease, step, n_steps: the compute thread is alive */
    ATL_MSG_RESULT,  /* lease, digest of pixels, sizes, timings; then a frame with the PNG */
    ATL_MSG_FAILED,  /* lease, status, note: this job cannot be painted by this worker */
    ATL_MSG_UNABLE,  /* status, note: it cannot start (the model is bad, say), and goes */
    ATL_MSG_BYE,     /* drained: nothing in flight, going */
    /* coordinator → worker */
    ATL_MSG_JOB,   /* lease, job */
    ATL_MSG_DRAIN, /* finish what was started, give the rest back by BYE */
    ATL_MSG_STOP,  /* leave now */
    /* later additions, so that the others keep their numbers */
    ATL_MSG_RECALL,   /* coordinator → worker; lease: give this job back if it was not taken up */
    ATL_MSG_RETURNED, /* worker → coordinator; lease: it was not, and is forgotten here */
    ATL_N_MESSAGE_TYPES
} atl_message_type;

/* Which attempt at which job: a result counts only if its lease is the current one. Fresh random token for
 * each lease. */
typedef struct atl_lease {
    uint8_t run[16];
    atl_job_id job;
    uint64_t index;
    uint32_t attempt;
    uint64_t token;
} atl_lease;

typedef struct atl_message {
    atl_message_type type;
    uint32_t worker;                  /* its number in the plan */
    int64_t pid;                      /* HELLO */
    atl_lease lease;                  /* STARTED, BEAT, RESULT, FAILED, JOB, RECALL, RETURNED */
    int step, n_steps;                /* BEAT */
    atl_job job;                      /* JOB */
    uint8_t pixel_digest[32];         /* RESULT: SHA-256 of width, height and pixels */
    int width, height;                /* RESULT */
    uint64_t png_bytes;               /* RESULT */
    char *settings;                   /* RESULT: the infotext that the PNG carries */
    atl_job_timings timings;          /* RESULT */
    atl_status status;                /* FAILED, UNABLE */
    char *note;                       /* FAILED, UNABLE; READY: what was not got as it was asked for, or "" */
    char *isa, *policy, *binding;     /* READY: "amx", "bf16", hwloc's cpuset list ("0-3") as read back */
    uint64_t packed_bytes, pss_bytes; /* READY */
} atl_message;

void atl_message_done(atl_message *message);
/* Appends the frame's bytes. Errors: ATL_NO_MEMORY. */
atl_status atl_message_encode(const atl_message *message, atl_text *out, atl_note *note);
/* Errors: ATL_BAD_INPUT (with the field's name), ATL_NO_MEMORY. */
atl_status atl_message_decode(const void *bytes, size_t n_bytes, atl_message *ret, atl_note *note);

#endif
