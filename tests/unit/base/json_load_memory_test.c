/* json_load_memory_test.c - JSON where any one malloc fails: the answer is none, without words, and never a
 * part of what was there. The linker gives this program's malloc its name (--wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/json_load.h"

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);

static long calls_left = -1; /* of malloc, until one fails; below 0: none does */

void *__wrap_malloc(size_t n)
{
    return calls_left >= 0 && calls_left-- == 0 ? NULL : __real_malloc(n);
}

static void a_text_is_read_whole_or_memory_is_out(void **state)
{
    (void)state;
    static const char text[] =
        "{\"prompt\": \"a string that grows while it is read, and once more\", \"steps\": [1, 2.5, 30]}";
    long n = 0;
    for (bool struck = true; struck; n++) {
        json_error_t error = {.text = "as it was"};
        calls_left = n;
        json_t *json = atl_json_load(text, strlen(text), JSON_REJECT_DUPLICATES, &error);
        struck = calls_left < 0;
        calls_left = -1;
        if (struck) {
            assert_null(json);
            assert_string_equal(error.text, "");
        } else {
            assert_string_equal(json_string_value(json_object_get(json, "prompt")),
                                "a string that grows while it is read, and once more");
        }
        json_decref(json);
    }
    assert_true(n > 8);
}

static void a_mistake_has_words_and_need_not_be_told(void **state)
{
    (void)state;
    json_error_t error;
    assert_null(atl_json_load("{\"a\": }", 7, 0, &error));
    assert_string_not_equal(error.text, "");
    assert_null(atl_json_load("{\"a\": }", 7, 0, NULL));
    calls_left = 0;
    assert_null(atl_json_load("{}", 2, 0, NULL));
    calls_left = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_read_whole_or_memory_is_out),
        cmocka_unit_test(a_mistake_has_words_and_need_not_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
