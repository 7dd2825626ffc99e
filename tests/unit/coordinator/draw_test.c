/* draw_test.c - the drawings: the text to the letter, the JSON by its values, the SVG by its shape. */
#include <jansson.h>

#include "machines.h"

static void text_draws_clusters_workers_and_the_plan(void **state)
{
    (void)state;
    atl_machine *machine = i1370p();
    snprintf(machine->name, sizeof machine->name, "13th Gen Intel(R) Core(TM) i7-1370P");
    atl_plan plan = plan_of(machine, 9, 1, ATL_SCATTER);
    atl_text text = {0};
    atl_machine_text(machine, &plan, &text);
    assert_string_equal(text.data, "13th Gen Intel(R) Core(TM) i7-1370P\n"
                                   "14 cores, 20 hardware threads · 1 package · 1 NUMA node · 2 clusters\n"
                                   "\n"
                                   "Package 0 · NUMA node 0\n"
                                   "┌ cluster 0 · 6 IntelCore cores · L3 24 MiB, shared with cluster 1\n"
                                   "│ [ 0 w0] [ 8 w1] [16 w2] [24 w3] [32 w4] [40 w5]\n"
                                   "│ [ 1 · ] [ 9 · ] [17 · ] [25 · ] [33 · ] [41 · ]\n"
                                   "└\n"
                                   "┌ cluster 1 · 8 IntelAtom cores · L3 24 MiB, shared with cluster 0\n"
                                   "│ [48 w6  50 w8  52 ·   54 · ] [56 w7  58 ·   60 ·   62 · ]\n"
                                   "└\n"
                                   "\n"
                                   "Plan: 9 workers × 1 thread, scatter · room for 14\n"
                                   "  w0   CPU 0, cluster 0\n"
                                   "  w1   CPU 8, cluster 0\n"
                                   "  w2   CPU 16, cluster 0\n"
                                   "  w3   CPU 24, cluster 0\n"
                                   "  w4   CPU 32, cluster 0\n"
                                   "  w5   CPU 40, cluster 0\n"
                                   "  w6   CPU 48, cluster 1\n"
                                   "  w7   CPU 56, cluster 1\n"
                                   "  w8   CPU 50, cluster 1\n"
                                   "The coordinator disturbs nobody on CPU 62.\n");
    atl_text_done(&text);
    atl_plan_done(&plan);
    atl_machine_free(&machine);
}

static int columns(const char *line, size_t n)
{
    int count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)line[i] & 0xC0) != 0x80;
    return count;
}

static void no_line_of_the_text_is_wider_than_a_hundred_columns(void **state)
{
    (void)state;
    const char *const shapes[] = {"pack:2 numa:3 l3:1 core:40 pu:2", "pack:1 l3:1 l2:1 core:200 pu:4",
                                  "pack:2 l3:12 l2:8 core:1 pu:2", "pack:1 l2:30 core:7 pu:1",
                                  "pack:2 core:300 pu:1"};
    for (size_t i = 0; i < 5; i++) {
        atl_machine *machine = synthetic_machine(shapes[i]);
        for (int n_threads = 1; n_threads < 400; n_threads += 57) {
            atl_plan plan = plan_of(machine, 30, n_threads, ATL_SCATTER);
            plan.warning[0] = '\0'; /* sentences may be long */
            atl_text text = {0};
            atl_machine_text(machine, &plan, &text);
            for (const char *line = text.data; *line;) {
                const size_t n = strcspn(line, "\n");
                assert_true(columns(line, n) <= 100);
                line += n + 1;
            }
            atl_text_done(&text);
            atl_plan_done(&plan);
        }
        atl_machine_free(&machine);
    }
}

static void limits_are_told(void **state)
{
    (void)state;
    const atl_machine_limits limits = {
        .name = "a box", .binding = "0-2", .quota_cpus = 2.5, .memory_free_bytes = (size_t)3 << 30};
    atl_machine *machine = NULL;
    assert_int_equal(atl_machine_from_topology(synthetic("core:4 pu:1"), &limits, &machine, NULL), ATL_OK);
    atl_text text = {0};
    atl_machine_text(machine, NULL, &text);
    assert_non_null(strstr(text.data, "a box\n3 cores, 3 hardware threads"));
    assert_non_null(
        strstr(text.data, "usable: CPUs 0-2 of 0-3 · CPU quota 2.5 · 3 GiB of memory available\n"));
    assert_null(strstr(text.data, "Plan"));
    atl_text_done(&text);
    atl_machine_free(&machine);
}

static void json_holds_machine_clusters_and_plan(void **state)
{
    (void)state;
    atl_machine *machine = gb10();
    snprintf(machine->name, sizeof machine->name, "a \"quoted\\ name\n");
    atl_plan plan = plan_of(machine, 3, 6, ATL_COMPACT);
    atl_text text = {0};
    atl_machine_json(machine, &plan, &text);
    json_t *root = json_loads(text.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    json_t *top = json_object_get(root, "machine"), *clusters = json_object_get(root, "clusters");
    assert_string_equal(json_string_value(json_object_get(top, "name")), "a \"quoted\\ name\n");
    assert_true(json_is_null(json_object_get(top, "quota_cpus")));
    assert_string_equal(json_string_value(json_object_get(top, "usable_cpus")), "0-19");
    assert_int_equal(json_array_size(clusters), 4);
    json_t *cores = json_object_get(json_array_get(clusters, 1), "cores");
    assert_int_equal(json_array_size(cores), 5);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(json_array_get(cores, 0), "cpus"), 0)),
                     5);
    json_t *wish = json_object_get(root, "plan"), *slots = json_object_get(wish, "slots");
    assert_int_equal(json_integer_value(json_object_get(wish, "workers")), 3);
    assert_int_equal(json_array_size(slots), 3);
    json_t *slot = json_array_get(slots, 0); /* six strong cores: over both caches */
    assert_true(json_is_true(json_object_get(slot, "straddles")));
    assert_true(json_is_null(json_object_get(slot, "cluster")));
    assert_int_equal(json_array_size(json_object_get(slot, "cpus")), 6);
    json_decref(root);
    atl_text_done(&text);
    atl_plan_done(&plan);
    atl_machine_free(&machine);
}

static size_t count_of(const char *text, const char *word)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

static void svg_has_a_cell_for_each_hardware_thread(void **state)
{
    (void)state;
    atl_machine *machine = epyc();
    snprintf(machine->name, sizeof machine->name, "<b>&\"x\"");
    atl_plan plan = plan_of(machine, 24, 8, ATL_SCATTER);
    atl_text text = {0};
    atl_machine_svg(machine, &plan, &text);
    assert_int_equal(count_of(text.data, "<g><title>CPU "), 384);
    assert_int_equal(count_of(text.data, "<g>"), count_of(text.data, "</g>"));
    assert_int_equal(count_of(text.data, "<text "), count_of(text.data, "</text>"));
    assert_int_equal(count_of(text.data, "class=\"seat\""), 192);
    assert_int_equal(count_of(text.data, "class=\"cluster\""), 24);
    assert_int_equal(count_of(text.data, "class=\"group\""), 2);
    assert_int_equal(count_of(text.data, "class=\"module\""), 192);
    assert_int_equal(count_of(text.data, "prefers-color-scheme:dark"), 1);
    assert_int_equal(count_of(text.data, "<b>"), 0);
    assert_non_null(strstr(text.data, "&#60;b&#62;&#38;&#34;x&#34;"));
    assert_string_equal(text.data + text.length - 7, "</svg>\n");
    atl_text_done(&text);
    atl_plan_done(&plan);
    atl_machine_free(&machine);
}

/* Of a bold letter at 12 px, 38 px of a cell hold four, at 10 px five, at 8 px six. */
static void svg_writes_long_names_in_smaller_letters(void **state)
{
    (void)state;
    atl_machine *machine = epyc();
    atl_plan plan = plan_of(machine, 1150, 1, ATL_COMPACT); /* 192 cores, twice the threads: three on each */
    atl_text text = {0};
    atl_machine_svg(machine, &plan, &text);
    assert_non_null(strstr(text.data, "class=\"seat\">w9+</text>"));
    assert_non_null(strstr(text.data, "class=\"seat\" style=\"font-size:10px\">w99+</text>"));
    assert_non_null(strstr(text.data, "class=\"seat\" style=\"font-size:10px\">w100+</text>"));
    assert_null(strstr(text.data, "class=\"seat\">w100"));
    atl_text_done(&text);
    atl_plan_done(&plan);
    atl_machine_free(&machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_draws_clusters_workers_and_the_plan),
        cmocka_unit_test(no_line_of_the_text_is_wider_than_a_hundred_columns),
        cmocka_unit_test(limits_are_told),
        cmocka_unit_test(json_holds_machine_clusters_and_plan),
        cmocka_unit_test(svg_has_a_cell_for_each_hardware_thread),
        cmocka_unit_test(svg_writes_long_names_in_smaller_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
