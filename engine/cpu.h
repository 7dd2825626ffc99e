/* cpu.h - what this processor can do, and which kernels the engine would use on it. Any thread may ask. */
#ifndef ATL_CPU_H
#define ATL_CPU_H

#include <stdbool.h>
#include <stddef.h>

/* One instruction set that there are kernels for. */
typedef struct atl_cpu_set {
    const char *name; /* what ATELIER_ISA calls it */
    bool has;         /* this machine runs it */
    bool allowed;     /* and ATELIER_ISA lets it */
} atl_cpu_set;

/* What multiplies in one class of layers. */
typedef struct atl_cpu_use {
    const char *policy, *layers; /* "bf16", "convolutions" */
    const char *store;           /* the type of the weights: "f32", "bf16", "s8" */
    const char *isa;             /* whose kernel multiplies; "blas" where OpenBLAS does */
} atl_cpu_use;

enum { ATL_CPU_MAX_SETS = 12, ATL_CPU_MAX_USES = 64 };

typedef struct atl_cpu {
    char model[128];     /* as the system calls it; "" if it does not say */
    char flags[256];     /* those of the system's list that matter here: "avx2 fma avx512f …" */
    const char *isa;     /* of the kernels that are chosen */
    const char *asked;   /* ATELIER_ISA; NULL: it says nothing */
    bool has_amx;        /* the processor has tiles … */
    bool amx_is_allowed; /* … and the system lets this process use them */
    size_t n_sets;
    atl_cpu_set sets[ATL_CPU_MAX_SETS]; /* the strongest first */
    size_t n_uses;
    atl_cpu_use uses[ATL_CPU_MAX_USES]; /* policy by policy */
} atl_cpu;

/* Fills in everything. `root` is "" but in tests. Cannot fail: what is not known is empty. */
void atl_cpu_look(const char *root, atl_cpu *ret);

#endif
