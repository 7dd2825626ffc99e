/* kernels_test.c - which table of kernels a processor gets. The kernels are checked family by family beside
 * this file, and no family is left out. */
#include "unit/engine/ops/ops_fixture.h"

#define ONE(name, parameters) +1
_Static_assert((ATL_KERNEL_LIST(ONE)) == (ATL_KERNEL_LIST_F32(ONE)) + (ATL_KERNEL_LIST_BF16(ONE)) +
                                             (ATL_KERNEL_LIST_TILES(ONE)) + (ATL_KERNEL_LIST_S8(ONE)) +
                                             (ATL_KERNEL_LIST_ATTENTION(ONE)),
               "a family of kernels that no test checks");

static void flags_choose_the_table(void **state)
{
    (void)state;
    assert_string_equal(atl_kernels_choose(0)->isa, "portable");
#if defined(__x86_64__)
    assert_string_equal(atl_kernels_choose(ATL_CPU_AVX2)->isa, "avx2");
    uint32_t flags = ATL_CPU_AVX2 | ATL_CPU_AVX2_VNNI;
    assert_string_equal(atl_kernels_choose(flags)->isa, "avx2_vnni");
    assert_string_equal(atl_kernels_choose(flags |= ATL_CPU_AVX512)->isa, "avx512");
    assert_string_equal(atl_kernels_choose(flags |= ATL_CPU_AVX512_VNNI)->isa, "avx512_vnni");
    assert_string_equal(atl_kernels_choose(flags |= ATL_CPU_AVX512_BF16)->isa, "avx512_bf16");
    assert_string_equal(atl_kernels_choose(flags | ATL_CPU_AMX)->isa, "amx");
#elif defined(__aarch64__)
    assert_string_equal(atl_kernels_choose(ATL_CPU_NEON)->isa, "neon");
    assert_string_equal(atl_kernels_choose(ATL_CPU_NEON | ATL_CPU_NEON_DOT)->isa, "neon_dot");
    assert_string_equal(atl_kernels_choose(ATL_CPU_NEON | ATL_CPU_NEON_DOT | ATL_CPU_NEON_BF16)->isa,
                        "neon_bf16");
#endif
    assert_int_equal(setenv("ATELIER_ISA", "portable", 1), 0);
    assert_int_equal(atl_cpu_flags(), 0);
    assert_int_equal(setenv("ATELIER_ISA", "avx2", 1), 0);
    assert_int_equal(atl_cpu_flags() & ~(uint32_t)ATL_CPU_AVX2, 0);
    assert_int_equal(unsetenv("ATELIER_ISA"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_choose_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
