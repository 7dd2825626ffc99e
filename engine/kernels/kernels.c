/* kernels.c - which CPU this is, and which table of kernels it gets; see kernels.h. */
#include "kernels/kernels.h"

#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"

#define SLOT_PORTABLE(name, parameters) .name = atl_##name##__portable,
#define SLOT_AVX2(name, parameters)     .name = atl_##name##__avx2,
#define SLOT_AVX512(name, parameters)   .name = atl_##name##__avx512,

static const atl_kernels portable = {.isa = "portable", .gemm_by_blas = true, ATL_KERNEL_LIST(SLOT_PORTABLE)};
#if defined(__x86_64__)
static const atl_kernels avx2 = {.isa = "avx2", ATL_KERNEL_LIST(SLOT_AVX2)};
static const atl_kernels avx512 = {.isa = "avx512", ATL_KERNEL_LIST(SLOT_AVX512)};

static uint32_t detected_flags(void)
{
    uint32_t flags = 0;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) /* which implies F16C */
        flags |= ATL_CPU_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512cd"))
        flags |= ATL_CPU_AVX512;
    if (__builtin_cpu_supports("avx512vnni"))
        flags |= ATL_CPU_AVX512_VNNI;
    if (__builtin_cpu_supports("avx512bf16"))
        flags |= ATL_CPU_AVX512_BF16;
    return flags;
}
#elif defined(__aarch64__)
static uint32_t detected_flags(void)
{
    return ATL_CPU_NEON; /* part of the architecture */
}
#else
static uint32_t detected_flags(void)
{
    return 0;
}
#endif

/* What each value of ATELIER_ISA lets through. A value that is not here limits nothing. */
static const struct {
    const char *name;
    uint32_t allowed;
} limits[] = {
    {"portable", 0},
    {"avx2", ATL_CPU_AVX2},
    {"avx512", ATL_CPU_AVX2 | ATL_CPU_AVX512},
    {"neon", ATL_CPU_NEON},
};

uint32_t atl_cpu_flags(void)
{
    uint32_t flags = detected_flags();
    const char *isa = getenv("ATELIER_ISA");
    for (size_t i = 0; isa && i < ATL_COUNT(limits); i++)
        if (strcmp(isa, limits[i].name) == 0)
            return flags & limits[i].allowed;
    return flags;
}

const atl_kernels *atl_kernels_choose(uint32_t cpu_flags)
{
#if defined(__x86_64__)
    if (cpu_flags & ATL_CPU_AVX512)
        return &avx512;
    if (cpu_flags & ATL_CPU_AVX2)
        return &avx2;
#else
    (void)cpu_flags;
#endif
    return &portable;
}
