/* kernels.h - the slots that an instruction set can fill.
 *
 * One struct of function pointers per process, filled by atl_kernels_choose: first the portable C, then
 * each slot for which the CPU has something stronger. The CPU's flags are an argument, so that a test can
 * choose the CPU. A kernel computes one tile on one thread; splitting work is the business of ops/.
 * (The owner of this folder adds slots as ops need them; the list in kernels_list.h feeds declarations,
 * checks and benchmarks alike.) */
#ifndef ATL_KERNELS_H
#define ATL_KERNELS_H

#include <stdint.h>

typedef struct atl_kernels atl_kernels;

/* What the CPU can do, as bits. */
enum {
    ATL_CPU_AVX2 = 1u << 0,   /* with FMA and F16C */
    ATL_CPU_AVX512 = 1u << 1, /* F, BW, DQ, VL, CD */
    ATL_CPU_AVX512_VNNI = 1u << 2,
    ATL_CPU_AVX512_BF16 = 1u << 3,
    ATL_CPU_AMX = 1u << 4, /* tile, bf16, int8, and the system's permission */
    ATL_CPU_NEON = 1u << 5,
};

uint32_t atl_cpu_flags(void); /* of this machine, limited by ATELIER_ISA=portable|avx2|avx512|… */
const atl_kernels *atl_kernels_choose(uint32_t cpu_flags);

#endif
