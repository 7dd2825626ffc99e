/* cpu.c - see cpu.h. */
#include "cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "cpu_private.h"

enum { PATH_BYTES = 4352 };

#define AVX512 (ATL_CPU_AVX2 | ATL_CPU_AVX512)
#define VNNI   (AVX512 | ATL_CPU_AVX512_VNNI)
#define BF16   (VNNI | ATL_CPU_AVX512_BF16)

/* The strongest first; a set of kernels wants `wants` and is what `atl_kernels_choose` makes of it. */
static const struct {
    const char *name;
    uint32_t wants;
} sets[] = {
#if defined(__aarch64__)
    {"neon_bf16", ATL_CPU_NEON | ATL_CPU_NEON_DOT | ATL_CPU_NEON_BF16},
    {"neon_dot", ATL_CPU_NEON | ATL_CPU_NEON_DOT},
    {"neon", ATL_CPU_NEON},
#else
    {"amx", BF16 | ATL_CPU_AMX},
    {"avx512_bf16", BF16},
    {"avx512_vnni", VNNI},
    {"avx512", AVX512},
    {"avx2_vnni", ATL_CPU_AVX2 | ATL_CPU_AVX2_VNNI},
    {"avx2", ATL_CPU_AVX2},
#endif
    {"portable", 0},
};

/* The flags that kernels care for, by the names of /proc/cpuinfo (x86, then arm64). */
static const char *const flags_of_interest[] = {
    "avx2",        "fma",         "f16c",        "avx_vnni", "avx512f",  "avx512bw", "avx512dq", "avx512vl",
    "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8", "amx_fp16", "asimd",
    "asimdhp",     "asimddp",     "bf16",        "i8mm",     "sve",      "sve2",
};

static const char *const layer_names[ATL_N_LAYER_CLASSES] = {
    [ATL_LAYER_IO] = "first and last",        [ATL_LAYER_CONV] = "convolutions",
    [ATL_LAYER_SHORTCUT] = "shortcuts, last", [ATL_LAYER_LINEAR] = "linear",
    [ATL_LAYER_NARROW] = "linear, narrow",    [ATL_LAYER_ATTENTION] = "attention",
    [ATL_LAYER_TIME] = "time embedding",      [ATL_LAYER_TEXT] = "text encoder",
    [ATL_LAYER_VAE] = "autoencoder",
};

static bool has_word(const char *list, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\n' || at[n] == '\0'))
            return true;
    return false;
}

static void look_at_flags(const char *list, atl_cpu *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < ATL_COUNT(flags_of_interest); i++)
        if (has_word(list, flags_of_interest[i]) && n + strlen(flags_of_interest[i]) + 2 < sizeof ret->flags)
            n += (size_t)snprintf(ret->flags + n, sizeof ret->flags - n, "%s%s", n ? " " : "",
                                  flags_of_interest[i]);
    ret->has_amx = has_word(list, "amx_tile");
}

/* "model name : …" and "flags : …" (x86), "Features : …" (arm64), of the first processor. */
static void look_at_cpuinfo(const char *root, atl_cpu *ret)
{
    char path[PATH_BYTES], *line = NULL;
    size_t capacity = 0;
    snprintf(path, sizeof path, "%s/proc/cpuinfo", root);
    FILE *file = fopen(path, "re");
    while (file && getline(&line, &capacity, file) > 0 && line[0] != '\n') {
        const char *value = strstr(line, ": ");
        if (!value)
            continue;
        value += 2;
        if (strncmp(line, "model name", 10) == 0)
            snprintf(ret->model, sizeof ret->model, "%.*s", (int)strcspn(value, "\n"), value);
        else if (strncmp(line, "flags", 5) == 0 || strncmp(line, "Features", 8) == 0)
            look_at_flags(value, ret);
    }
    free(line);
    if (file)
        fclose(file);
}

const char *atl_cpu_product_isa(const atl_kernels *kernels, atl_dtype store)
{
    const bool by_f32 = store == ATL_F32 || store == ATL_F16; /* which is widened first */
    if (by_f32 && kernels->gemm_by_blas)
        return "blas";
    const char *name = kernels->isa;
    for (size_t i = 0; i < ATL_COUNT(sets); i++) {
        const atl_kernels *other = atl_kernels_choose(sets[i].wants);
        if (by_f32            ? other->gemm_f32 == kernels->gemm_f32
            : store == ATL_S8 ? other->gemm_gathered_s8 == kernels->gemm_gathered_s8
                              : other->gemm_bf16 == kernels->gemm_bf16)
            name = other->isa;
    }
    return name;
}

static void add_uses(const char *name, const atl_kernels *kernels, atl_cpu *ret)
{
    const atl_policy *policy = atl_policy_narrowed(atl_policy_find(name), kernels->narrow_in_bf16);
    for (int i = 0; policy && i < ATL_N_LAYER_CLASSES && ret->n_uses < ATL_CPU_MAX_USES; i++)
        ret->uses[ret->n_uses++] = (atl_cpu_use){.policy = policy->name,
                                                 .layers = layer_names[i],
                                                 .store = atl_dtype_name(policy->layer[i].store),
                                                 .isa = atl_cpu_product_isa(kernels, policy->layer[i].store)};
}

/* Each of the policies' names, which come as "fp32, bf16". */
static void add_policies(const atl_kernels *kernels, atl_cpu *ret)
{
    for (const char *at = atl_policy_names(); *at; at += strspn(at, ", ")) {
        char name[32];
        const size_t n = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        add_uses(name, kernels, ret);
        at += n;
    }
}

void atl_cpu_look(const char *root, atl_cpu *ret)
{
    const uint32_t allowed = atl_cpu_flags(), has = atl_cpu_flags_of_machine();
    const atl_kernels *kernels = atl_kernels_choose(allowed);
    *ret = (atl_cpu){.isa = kernels->isa, .asked = getenv("ATELIER_ISA")};
    look_at_cpuinfo(root, ret);
    ret->amx_is_allowed = has & ATL_CPU_AMX;
    for (size_t i = 0; i < ATL_COUNT(sets); i++)
        ret->sets[ret->n_sets++] = (atl_cpu_set){
            .name = sets[i].name,
            .has = (has & sets[i].wants) == sets[i].wants,
            .allowed = (allowed & sets[i].wants) == sets[i].wants,
        };
    add_policies(kernels, ret);
}
