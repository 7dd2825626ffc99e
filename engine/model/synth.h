/* synth.h - the inside of atl_model_synth (inspect.h); private to model/. */
#ifndef ATL_MODEL_SYNTH_H
#define ATL_MODEL_SYNTH_H

#include "model/loader.h"

/* The configs of a real architecture, as JSON with ' for ". NULL where there is no such part. */
typedef struct atl_family {
    const char *name;
    const char *pipeline;
    const char *unet;
    const char *vae_class, *vae;
    const char *text[2];
    const char *pad[2]; /* padding token of each tokenizer */
    const char *scheduler_class, *scheduler;
    const char *own; /* atelier.json */
} atl_family;

extern const atl_family atl_families[];
extern const size_t atl_n_families;

/* Makes the folders and writes all JSON files but the tokenizers'. Errors: ATL_IO. */
atl_status atl_synth_configs(const atl_family *family, const char *dir, atl_note *note);
/* Writes <dir>/tokenizer or <dir>/tokenizer_2: a CLIP tokenizer of `vocab_size` tokens whose merges are all
 * letter pairs, then triples, then quadruples, in order. Errors: ATL_IO. */
atl_status atl_synth_tokenizer(const char *dir, int which, int vocab_size, const char *pad, atl_note *note);

/* A tensor's random numbers: element i depends on seed, name and i alone. */
typedef struct atl_synth_tensor {
    uint64_t key;
    float mean, deviation;
    atl_dtype dtype;
} atl_synth_tensor;

atl_synth_tensor atl_synth_plan(const atl_param *param, uint64_t seed, atl_dtype dtype);
/* Elements [first, first + n) in the tensor's type. */
void atl_synth_fill(const atl_synth_tensor *tensor, size_t first, size_t n, void *out);

#endif
