#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static void every_code_point_survives_a_round_trip(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        if (code >= 0xD800 && code <= 0xDFFF)
            continue;
        char bytes[4];
        uint32_t back = 0;
        const size_t n = atl_utf8_put(code, bytes);
        if (atl_utf8_next(bytes, n, &back) != n || back != code || atl_utf8_first_bad(bytes, n) != n)
            fail_msg("U+%04X became U+%04X", code, back);
    }
}

static void what_rfc_3629_forbids_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {
        "\x80",             /* a continuation alone */
        "\xc0\xaf",         /* overlong */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* a surrogate */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xff",             /* never */
        "\xe5\xae",         /* cut */
        "\xe5\x41\x41",     /* not continued */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t code;
        assert_int_equal(atl_utf8_next(bad[i], strlen(bad[i]), &code), 0);
    }
}

static void the_first_bad_byte_is_found(void **state)
{
    (void)state;
    assert_int_equal(atl_utf8_first_bad("abc", 3), 3);
    assert_int_equal(atl_utf8_first_bad("", 0), 0);
    assert_int_equal(atl_utf8_first_bad("a\xc3\xa9\xff", 4), 3);
    assert_int_equal(atl_utf8_first_bad("a\xc3\xa9\xc3", 4), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_survives_a_round_trip),
        cmocka_unit_test(what_rfc_3629_forbids_is_refused),
        cmocka_unit_test(the_first_bad_byte_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
