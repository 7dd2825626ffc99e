/* shared_options.h - what options that several commands have agree in: their bounds, and what --help says of
 * --policy. */
#ifndef ATL_CLI_SHARED_OPTIONS_H
#define ATL_CLI_SHARED_OPTIONS_H

#include "worker/worker.h"

#define MAX_STEPS      10000
#define MAX_THREADS    ATL_WORKER_MAX_THREADS
#define MAX_CLIP_SKIP  64
#define LEAST_STRENGTH 0.0001
#define MAX_MERGED     0.75

#define POLICY_CHOICES "fp32|fp16|bf16|int8|auto"
#define POLICY_WORDS                                                                                         \
    "the precision that is computed in. fp16: half of fp32's memory for the weights, as fast, and the same " \
    "pictures where the checkpoint is of halves; bf16: half of the memory, and several times as fast with "  \
    "AMX; int8: faster still in wide models, with differences that an attentive eye may find; auto: the "    \
    "fastest that this machine is good at"

#endif
