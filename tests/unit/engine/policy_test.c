/* What "auto" becomes, and that ATELIER_ISA takes the names there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "kernels/kernels.h"
#include "ops/types.h"

static void names_other_than_auto_stay(void **state)
{
    (void)state;
    assert_string_equal(atl_engine_policy_settle(NULL, NULL, NULL), "fp32");
    assert_string_equal(atl_engine_policy_settle("", NULL, NULL), "fp32");
    assert_string_equal(atl_engine_policy_settle("bf16", NULL, NULL), "bf16");
    assert_string_equal(atl_engine_policy_settle("fp7", NULL, NULL), "fp7");
}

static void auto_follows_the_instructions(void **state)
{
    (void)state;
    static const char *const weak[] = {"portable",    "avx2", "avx2_vnni", "avx512",   "avx512_vnni",
                                       "avx512_bf16", "neon", "neon_dot",  "neon_bf16"};
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        assert_int_equal(setenv("ATELIER_ISA", weak[i], 1), 0);
        assert_string_equal(atl_engine_policy_settle("auto", NULL, NULL), "fp32");
        assert_string_equal(atl_engine_policy_auto(ATL_WIDE_MODEL), "fp32");
    }
    assert_int_equal(unsetenv("ATELIER_ISA"), 0);
    const char *here = atl_engine_policy_settle("auto", NULL, NULL);
    assert_non_null(atl_policy_find(here));
    if (atl_cpu_flags() & ATL_CPU_AMX)
        assert_string_not_equal(here, "fp32");
    else
        assert_string_equal(here, "fp32");
}

static void eight_bits_are_for_wide_models_on_amx(void **state)
{
    (void)state;
    assert_string_equal(atl_engine_policy_auto(0), atl_engine_policy_settle("auto", NULL, NULL));
    assert_string_equal(atl_engine_policy_auto(ATL_WIDE_MODEL - 1), atl_engine_policy_auto(0));
    if (atl_cpu_flags() & ATL_CPU_AMX) {
        assert_string_equal(atl_engine_policy_auto(0), "bf16");
        assert_string_equal(atl_engine_policy_auto(ATL_WIDE_MODEL), "int8");
    }
    /* what cannot be read is not wide */
    assert_string_equal(atl_engine_policy_settle("auto", "/nowhere", NULL), atl_engine_policy_auto(0));
}

static void isa_is_one_of_the_names_that_are_told(void **state)
{
    (void)state;
    atl_note note = {0};
    char names[256];
    snprintf(names, sizeof names, "%s", atl_cpu_isas());
    for (char *rest = names, *name; (name = strsep(&rest, ",")) != NULL;) {
        assert_int_equal(setenv("ATELIER_ISA", name + (name[0] == ' '), 1), 0);
        assert_int_equal(atl_cpu_check_isa(&note), ATL_OK);
    }
    assert_int_equal(setenv("ATELIER_ISA", "avx3", 1), 0);
    assert_int_equal(atl_cpu_check_isa(&note), ATL_USAGE);
    assert_non_null(strstr(note.text, "found \"avx3\", wanted one of portable, avx2, "));
    assert_int_equal(unsetenv("ATELIER_ISA"), 0);
    assert_int_equal(atl_cpu_check_isa(&note), ATL_OK);
}

static void narrow_layers_of_int8_are_bf16_where_the_kernels_want_it(void **state)
{
    (void)state;
    const atl_policy *int8 = atl_policy_find("int8"), *narrowed = atl_policy_narrowed(int8, true);
    assert_ptr_equal(atl_policy_narrowed(int8, false), int8);
    assert_string_equal(narrowed->name, "int8");
    for (int i = 0; i < ATL_N_LAYER_CLASSES; i++)
        assert_int_equal(narrowed->layer[i].store, i == ATL_LAYER_NARROW ? ATL_BF16 : int8->layer[i].store);
    assert_ptr_equal(atl_policy_narrowed(atl_policy_find("fp32"), true), atl_policy_find("fp32"));
    assert_null(atl_policy_narrowed(NULL, true));
    const uint32_t amx = ATL_CPU_AVX512 | ATL_CPU_AVX512_BF16 | ATL_CPU_AMX;
    if (strcmp(atl_kernels_choose(amx)->isa, "amx") == 0)
        assert_true(atl_kernels_choose(amx)->narrow_in_bf16);
    assert_false(atl_kernels_choose(ATL_CPU_AVX512 | ATL_CPU_AVX512_BF16)->narrow_in_bf16);
    assert_false(atl_kernels_choose(0)->narrow_in_bf16);
}

static void only_transformers_have_narrow_layers(void **state)
{
    (void)state;
    assert_int_equal(atl_layer_class_of_linear(ATL_LAYER_LINEAR, ATL_NARROW_OUTPUTS), ATL_LAYER_NARROW);
    assert_int_equal(atl_layer_class_of_linear(ATL_LAYER_LINEAR, ATL_NARROW_OUTPUTS + 1), ATL_LAYER_LINEAR);
    assert_int_equal(atl_layer_class_of_linear(ATL_LAYER_TEXT, 64), ATL_LAYER_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_other_than_auto_stay),
        cmocka_unit_test(auto_follows_the_instructions),
        cmocka_unit_test(eight_bits_are_for_wide_models_on_amx),
        cmocka_unit_test(narrow_layers_of_int8_are_bf16_where_the_kernels_want_it),
        cmocka_unit_test(only_transformers_have_narrow_layers),
        cmocka_unit_test(isa_is_one_of_the_names_that_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
