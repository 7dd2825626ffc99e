/* types.h - element types, layer classes, and the precision policy that joins them.
 *
 * Precision is a table: for each class of layer, in which type its weights are stored and multiplied, in
 * which type its results go from op to op, and in which they are added up; sums are f32 everywhere, and so is
 * what happens to a sum before it is stored. A policy is one filled table: `fp32`; `fp16`, which keeps
 * weights in half precision and widens them before they are multiplied; `bf16`, which rounds what it
 * multiplies to bfloat16 (nearest, ties to even); and `int8`, which multiplies whole numbers of eight bits in
 * convolutions and transformers, with a scale for each output channel and one for each row that is multiplied
 * (product_s8.c), and is `bf16` elsewhere. */
#ifndef ATL_OPS_TYPES_H
#define ATL_OPS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* F16 and S8: of packed weights alone; files have F16 too. */
typedef enum atl_dtype { ATL_F32, ATL_F16, ATL_BF16, ATL_S8 } atl_dtype;

size_t atl_dtype_bytes(atl_dtype dtype);     /* of one number */
const char *atl_dtype_name(atl_dtype dtype); /* "f32", "f16", "bf16", "s8" */

/* What a layer is for decides how much precision it needs. */
typedef enum atl_layer_class {
    ATL_LAYER_IO,        /* first and last layers of a network: conv_in, quant_conv; conv_out of encoders */
    ATL_LAYER_CONV,      /* convolutions of ResNets and samplers */
    ATL_LAYER_SHORTCUT,  /* past a UNet's ResNets, where the channels change; and its last convolution */
    ATL_LAYER_LINEAR,    /* projections and feed-forwards of transformers */
    ATL_LAYER_NARROW,    /* those of them with at most ATL_NARROW_OUTPUTS outputs */
    ATL_LAYER_ATTENTION, /* QKᵀ and PV */
    ATL_LAYER_TIME,      /* time, size and pooled-text embeddings */
    ATL_LAYER_TEXT,      /* everything in a text encoder */
    ATL_LAYER_VAE,       /* everything inside an autoencoder */
    ATL_N_LAYER_CLASSES
} atl_layer_class;

/* Making a row of numbers whole costs the same however many outputs it is then multiplied for. */
#define ATL_NARROW_OUTPUTS 320

typedef struct atl_policy {
    const char *name;
    struct {
        atl_dtype store;   /* packed weights, and what they are multiplied with; for attention: q, k, v, p */
        atl_dtype compute; /* maps that only products and attention read */
        atl_dtype stream;  /* maps to which layer after layer adds: residual streams and skips */
    } layer[ATL_N_LAYER_CLASSES];
} atl_policy;

/* The policy of that name, or NULL. */
const atl_policy *atl_policy_find(const char *name);
/* The same policy for kernels whose products with few outputs are faster in bf16 than in s8
 * (atl_kernels.narrow_in_bf16): ATL_LAYER_NARROW is bf16 instead of s8, as what is dear there is not the
 * product. */
const atl_policy *atl_policy_narrowed(const atl_policy *policy, bool narrow_in_bf16);
/* The class of a linear layer of `layer_class` with so many outputs in all. */
atl_layer_class atl_layer_class_of_linear(atl_layer_class layer_class, int n_out);
/* "fp32, fp16, bf16, int8": the names there are, for messages. */
const char *atl_policy_names(void);

#endif
