/* cpu_private.h - within the engine: what a set of kernels' products are called. */
#ifndef ATL_CPU_PRIVATE_H
#define ATL_CPU_PRIVATE_H

#include "kernels/kernels.h"
#include "ops/types.h"

/* The weakest set that multiplies weights of that type by the same kernel: what it is written for. "blas"
 * where OpenBLAS does. */
const char *atl_cpu_product_isa(const atl_kernels *kernels, atl_dtype store);

#endif
