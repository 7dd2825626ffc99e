/* The sticky reader of JSON objects. */
#include "unit/engine/model/model_fixture.h"

#include "model/config_json.h"

static void open_text(atl_json *json, char *text, atl_note *note)
{
    atl_json_open_bytes(json, "f.json", text, strlen(text), note);
}

static void first_failure_is_kept(void **state)
{
    (void)state;
    char text[] = "{\"a\": \"x\", \"b\": []}";
    atl_note note = {0};
    atl_json json;
    open_text(&json, text, &note);
    assert_int_equal(atl_json_int(&json, "a", 3, 0, 9), 3);
    atl_json_bool(&json, "b", false);
    assert_int_equal(atl_json_close(&json, NULL), ATL_BAD_INPUT);
    assert_string_equal(note.text, "f.json: \"a\" is \"x\"; a whole number from 0 to 9 was wanted");
}

static void keys_that_nobody_asked_for_are_listed(void **state)
{
    (void)state;
    char text[] = "{\"a\": 1, \"stray\": 2, \"_hidden\": 3}";
    atl_note note = {0};
    atl_json json;
    atl_text unread = {0};
    open_text(&json, text, &note);
    assert_int_equal(atl_json_int(&json, "a", 0, 0, 9), 1);
    assert_ok(atl_json_close(&json, &unread), &note);
    assert_string_equal(unread.data, "f.json: stray\n");
    atl_text_done(&unread);
}

static void texts_that_are_no_object_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *phrase;
    } cases[] = {{"", "not valid JSON at line 1"},
                 {"[1]", "holds no JSON object"},
                 {"{\n\"a\": }", "line 2"},
                 {"{\"a\": 1, \"a\": 2}", "duplicate"},
                 {"{\"a\": 1} x", "not valid JSON"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = strdup(cases[i].text);
        atl_note note = {0};
        atl_json json;
        open_text(&json, text, &note);
        assert_int_equal(atl_json_close(&json, NULL), ATL_BAD_INPUT);
        assert_note(&note, "f.json: ");
        assert_note(&note, cases[i].phrase);
        free(text);
    }
}

static void deep_nesting_is_refused_before_it_is_parsed(void **state)
{
    (void)state;
    char text[4096];
    memset(text, '[', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    atl_note note = {0};
    atl_json json;
    open_text(&json, text, &note);
    assert_int_equal(atl_json_close(&json, NULL), ATL_BAD_INPUT);
    assert_note(&note, "nests deeper than 64");
}

/* Python writes such numbers; JSON knows none. */
static void bare_infinity_is_a_number(void **state)
{
    (void)state;
    char text[] = "{\"a\": -Infinity, \"b\": Infinity, \"c\": \"Infinity\"}";
    atl_note note = {0};
    atl_json json;
    open_text(&json, text, &note);
    assert_true(atl_json_double(&json, "a", 0) == -ATL_JSON_INFINITY);
    assert_true(atl_json_double(&json, "b", 0) == ATL_JSON_INFINITY);
    assert_string_equal(atl_json_string(&json, "c", ""), "Infinity");
    assert_ok(atl_json_close(&json, NULL), &note);
}

static void numbers_may_be_spelt_as_reals(void **state)
{
    (void)state;
    char text[] = "{\"a\": 2.0, \"b\": 3, \"list\": [1, 2.0]}";
    int list[ATL_MAX_BLOCKS];
    atl_note note = {0};
    atl_json json;
    open_text(&json, text, &note);
    assert_int_equal(atl_json_int(&json, "a", 0, 0, 9), 2);
    assert_true(atl_json_double(&json, "b", 0) == 3);
    assert_int_equal(atl_json_ints(&json, "list", 1, 0, 9, list), 2);
    assert_int_equal(list[1], 2);
    assert_ok(atl_json_close(&json, NULL), &note);
}

static void lists_have_bounds(void **state)
{
    (void)state;
    char text[] = "{\"list\": [1, 2, 3, 4, 5, 6, 7, 8, 9]}";
    int list[ATL_MAX_BLOCKS];
    atl_note note = {0};
    atl_json json;
    open_text(&json, text, &note);
    atl_json_ints(&json, "list", 1, 0, 9, list);
    assert_int_equal(atl_json_close(&json, NULL), ATL_UNSUPPORTED);
    assert_note(&note, "lists of 1 to 8 entries");
}

static void missing_file_is_not_found(void **state)
{
    (void)state;
    atl_note note = {0};
    atl_json json;
    atl_json_open(&json, "/nowhere/config.json", &note);
    assert_int_equal(atl_json_int(&json, "a", 5, 0, 9), 5);
    assert_int_equal(atl_json_close(&json, NULL), ATL_NOT_FOUND);
    assert_note(&note, "/nowhere/config.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_failure_is_kept),
        cmocka_unit_test(keys_that_nobody_asked_for_are_listed),
        cmocka_unit_test(texts_that_are_no_object_are_refused),
        cmocka_unit_test(deep_nesting_is_refused_before_it_is_parsed),
        cmocka_unit_test(bare_infinity_is_a_number),
        cmocka_unit_test(numbers_may_be_spelt_as_reals),
        cmocka_unit_test(lists_have_bounds),
        cmocka_unit_test(missing_file_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
