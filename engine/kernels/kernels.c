/* kernels.c - which CPU this is, and which table of kernels it gets; see kernels.h. */
#include "kernels/kernels.h"

#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__) && defined(__aarch64__)
#include <sys/auxv.h>
#ifndef HWCAP2_BF16
#define HWCAP2_BF16 (1u << 14) /* which glibc before 2.32 lacks */
#endif
#ifndef HWCAP_ASIMDDP
#define HWCAP_ASIMDDP (1u << 20)
#endif
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "base/sizes.h"

/* As the kernel's asm/prctl.h has them, which older systems lack. */
#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA  18

#define SLOT_PORTABLE(name, parameters)  .name = atl_##name##__portable,
#define SLOT_AVX2(name, parameters)      .name = atl_##name##__avx2,
#define SLOT_AVX512(name, parameters)    .name = atl_##name##__avx512,
#define SLOT_NEON(name, parameters)      .name = atl_##name##__neon,
#define SLOT_NEON_BF16(name, parameters) .name = atl_##name##__neon_bf16,
#define SLOT_AMX(name, parameters)       .name = atl_##name##__amx,
#define SLOT_BF16(name, parameters)      .name = atl_##name##__avx512_bf16,

static void nothing(void)
{
}

#define NO_TILES .bf16_begin = nothing, .bf16_end = nothing

static const atl_kernels portable = {
    .isa = "portable", .gemm_by_blas = true, ATL_KERNEL_LIST(SLOT_PORTABLE) NO_TILES};
#if defined(__x86_64__)
static const atl_kernels avx2 = {.isa = "avx2",
                                 ATL_KERNEL_LIST_F32(SLOT_AVX2) ATL_KERNEL_LIST_BF16(SLOT_AVX2)
                                     ATL_KERNEL_LIST_S8(SLOT_AVX2) NO_TILES};
static const atl_kernels avx2_vnni = {.isa = "avx2_vnni",
                                      ATL_KERNEL_LIST_F32(SLOT_AVX2) ATL_KERNEL_LIST_BF16(SLOT_AVX2)
                                          ATL_KERNEL_LIST_S8_ROWS(SLOT_AVX2)
                                              .gemm_gathered_s8 = atl_gemm_gathered_s8__avx2_vnni,
                                      NO_TILES};
static const atl_kernels avx512 = {.isa = "avx512",
                                   ATL_KERNEL_LIST_F32(SLOT_AVX512) ATL_KERNEL_LIST_BF16(SLOT_AVX512)
                                       ATL_KERNEL_LIST_S8(SLOT_AVX512) NO_TILES};
static const atl_kernels avx512_vnni = {.isa = "avx512_vnni",
                                        ATL_KERNEL_LIST_F32(SLOT_AVX512) ATL_KERNEL_LIST_BF16(SLOT_AVX512)
                                            ATL_KERNEL_LIST_S8_ROWS(SLOT_AVX512)
                                                .gemm_gathered_s8 = atl_gemm_gathered_s8__avx512_vnni,
                                        NO_TILES};
static const atl_kernels avx512_bf16 = {.isa = "avx512_bf16",
                                        ATL_KERNEL_LIST_F32(SLOT_AVX512) ATL_KERNEL_LIST_BF16(SLOT_BF16)
                                            ATL_KERNEL_LIST_S8_ROWS(SLOT_AVX512)
                                                .gemm_gathered_s8 = atl_gemm_gathered_s8__avx512_vnni,
                                        NO_TILES};
static const atl_kernels amx = {
    .isa = "amx",
    .narrow_in_bf16 = true,
    ATL_KERNEL_LIST_F32(SLOT_AVX512).gemm_bf16 = atl_gemm_bf16__amx,
    .gemm_gathered_bf16 = atl_gemm_gathered_bf16__amx,
    ATL_KERNEL_LIST_BF16_ROWS(SLOT_BF16) ATL_KERNEL_LIST_S8_ROWS(SLOT_AVX512).gemm_gathered_s8 =
        atl_gemm_gathered_s8__amx,
    ATL_KERNEL_LIST_ATTENTION(SLOT_AMX) ATL_KERNEL_LIST_TILES(SLOT_AMX).bf16_begin = atl_bf16_begin__amx,
    .bf16_end = atl_bf16_end__amx};

/* AMX: the processor has tiles and multiplies bf16 and int8 in them, the system saves them (XCR0), and gave
 * this process leave to use them, which is asked for here and holds for all its threads. */
static bool amx_may_be_used(void)
{
    unsigned a, b, c, d, state, upper;
    const unsigned wanted = (1u << 22) | (1u << 24) | (1u << 25); /* amx-bf16, amx-tile, amx-int8 */
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & wanted) != wanted)
        return false;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return false;
    __asm__("xgetbv" : "=a"(state), "=d"(upper) : "c"(0));
    if ((state >> 17 & 3u) != 3u)
        return false;
#if defined(__linux__)
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
    return false;
#endif
}

/* AVX-VNNI: leaf 7.1. Whether the system saves its registers is known from AVX2. */
static bool has_avx_vnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 4));
}

static uint32_t detected_flags(void)
{
    uint32_t flags = 0;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) /* which implies F16C */
        flags |= ATL_CPU_AVX2 | (has_avx_vnni() ? ATL_CPU_AVX2_VNNI : 0u);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512cd"))
        flags |= ATL_CPU_AVX512;
    if (__builtin_cpu_supports("avx512vnni"))
        flags |= ATL_CPU_AVX512_VNNI;
    if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni")) /* all have both */
        flags |= ATL_CPU_AVX512_BF16;
    if (__builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") && amx_may_be_used())
        flags |= ATL_CPU_AMX;
    return flags;
}
#elif defined(__aarch64__)
static const atl_kernels neon = {.isa = "neon",
                                 ATL_KERNEL_LIST_F32(SLOT_NEON) ATL_KERNEL_LIST_BF16(SLOT_NEON)
                                     ATL_KERNEL_LIST_S8(SLOT_NEON) NO_TILES};
static const atl_kernels neon_dot = {.isa = "neon_dot",
                                     ATL_KERNEL_LIST_F32(SLOT_NEON) ATL_KERNEL_LIST_BF16(SLOT_NEON)
                                         ATL_KERNEL_LIST_S8_ROWS(SLOT_NEON)
                                             .gemm_gathered_s8 = atl_gemm_gathered_s8__neon_dot,
                                     NO_TILES};
static const atl_kernels neon_bf16 = {.isa = "neon_bf16",
                                      ATL_KERNEL_LIST_F32(SLOT_NEON) ATL_KERNEL_LIST_BF16(SLOT_NEON_BF16)
                                          ATL_KERNEL_LIST_ATTENTION(SLOT_NEON_BF16)
                                              ATL_KERNEL_LIST_S8_ROWS(SLOT_NEON)
                                                  .gemm_gathered_s8 = atl_gemm_gathered_s8__neon_dot,
                                      NO_TILES};

static uint32_t detected_flags(void)
{
    uint32_t flags = ATL_CPU_NEON; /* part of the architecture */
#if defined(__linux__)
    if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP)
        flags |= ATL_CPU_NEON_DOT;
    if ((flags & ATL_CPU_NEON_DOT) && (getauxval(AT_HWCAP2) & HWCAP2_BF16)) /* all have both */
        flags |= ATL_CPU_NEON_BF16;
#endif
    return flags;
}
#else
static uint32_t detected_flags(void)
{
    return 0;
}
#endif

/* What each value of ATELIER_ISA lets through. */
#define LIMITS(X)                                                                                            \
    X(portable, 0)                                                                                           \
    X(avx2, ATL_CPU_AVX2)                                                                                    \
    X(avx2_vnni, ATL_CPU_AVX2 | ATL_CPU_AVX2_VNNI)                                                           \
    X(avx512, ATL_CPU_AVX2 | ATL_CPU_AVX512)                                                                 \
    X(avx512_vnni, ATL_CPU_AVX2 | ATL_CPU_AVX512 | ATL_CPU_AVX512_VNNI)                                      \
    X(avx512_bf16, ATL_CPU_AVX2 | ATL_CPU_AVX512 | ATL_CPU_AVX512_VNNI | ATL_CPU_AVX512_BF16)                \
    X(amx, UINT32_MAX)                                                                                       \
    X(neon, ATL_CPU_NEON)                                                                                    \
    X(neon_dot, ATL_CPU_NEON | ATL_CPU_NEON_DOT)                                                             \
    X(neon_bf16, ATL_CPU_NEON | ATL_CPU_NEON_DOT | ATL_CPU_NEON_BF16)

#define LIMIT_ROW(label, flags) {#label, flags},
static const struct {
    const char *name;
    uint32_t allowed;
} limits[] = {LIMITS(LIMIT_ROW)};

const char *atl_cpu_isas(void)
{
#define LIMIT_NAME(label, flags) ", " #label
    static const char names[] = LIMITS(LIMIT_NAME);
    return names + 2;
}

atl_status atl_cpu_check_isa(atl_note *note)
{
    const char *isa = getenv("ATELIER_ISA");
    if (!isa || isa[0] == '\0')
        return ATL_OK;
    for (size_t i = 0; i < ATL_COUNT(limits); i++)
        if (strcmp(isa, limits[i].name) == 0)
            return ATL_OK;
    return atl_fail(note, ATL_USAGE, "ATELIER_ISA: found \"%s\", wanted one of %s", isa, atl_cpu_isas());
}

uint32_t atl_cpu_flags_of_machine(void)
{
    return detected_flags();
}

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
    const uint32_t bf16 = ATL_CPU_AVX512 | ATL_CPU_AVX512_BF16;
    if ((cpu_flags & (bf16 | ATL_CPU_AMX)) == (bf16 | ATL_CPU_AMX))
        return &amx;
    if ((cpu_flags & bf16) == bf16)
        return &avx512_bf16;
    const uint32_t vnni = ATL_CPU_AVX512 | ATL_CPU_AVX512_VNNI;
    if ((cpu_flags & vnni) == vnni)
        return &avx512_vnni;
    if (cpu_flags & ATL_CPU_AVX512)
        return &avx512;
    if ((cpu_flags & ATL_CPU_AVX2) && (cpu_flags & ATL_CPU_AVX2_VNNI))
        return &avx2_vnni;
    if (cpu_flags & ATL_CPU_AVX2)
        return &avx2;
#elif defined(__aarch64__)
    const uint32_t bf16 = ATL_CPU_NEON | ATL_CPU_NEON_BF16;
    if ((cpu_flags & bf16) == bf16)
        return &neon_bf16;
    if ((cpu_flags & ATL_CPU_NEON) && (cpu_flags & ATL_CPU_NEON_DOT))
        return &neon_dot;
    if (cpu_flags & ATL_CPU_NEON)
        return &neon;
#else
    (void)cpu_flags;
#endif
    return &portable;
}
