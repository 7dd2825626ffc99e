/* machine_test.c - how a machine is loaded: this one, one from XML, one that is made up; and what is refused.
 */
#include <sched.h>
#include <unistd.h>

#include "base/file.h"
#include "machines.h"

static void expect_failure(const atl_machine_source *source, atl_status wanted, const char *words)
{
    atl_machine *machine = NULL;
    atl_note note = {0};
    assert_int_equal(atl_machine_load(source, &machine, &note), wanted);
    assert_null(machine);
    if (!strstr(note.text, words))
        fail_msg("found \"%s\", wanted \"%s\" in it", note.text, words);
}

static void this_machine_has_what_this_process_may_use(void **state)
{
    (void)state;
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    atl_machine *machine = NULL;
    atl_note note = {0};
    assert_int_equal(atl_machine_load(&(atl_machine_source){0}, &machine, &note), ATL_OK);
    assert_true(machine->this_system);
    assert_true(atl_machine_can_bind(machine));
    assert_int_equal(machine->n_pus, CPU_COUNT(&set));
    for (int i = 0; i < machine->n_pus; i++)
        assert_true(CPU_ISSET((unsigned)machine->pus[i], &set));
    assert_true(machine->memory_free_bytes > 0);
    atl_machine_free(&machine);
}

static void a_narrower_binding_is_respected(void **state)
{
    (void)state;
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    int last = CPU_SETSIZE - 1;
    while (!CPU_ISSET((unsigned)last, &before))
        last--;
    CPU_ZERO(&one);
    CPU_SET((unsigned)last, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    atl_machine *machine = NULL;
    const atl_status st = atl_machine_load(&(atl_machine_source){0}, &machine, NULL);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(st, ATL_OK);
    assert_int_equal(machine->n_pus, 1);
    assert_int_equal(machine->pus[0], last);
    atl_machine_free(&machine);
}

/* The name of a new file. */
static void temporary(char path[64])
{
    snprintf(path, 64, "/tmp/atelier-machine-XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

static void xml_brings_back_the_same_clusters(void **state)
{
    (void)state;
    char path[64];
    temporary(path);
    atl_machine *machine = i1370p(), *again = NULL;
    atl_text xml = {0};
    assert_int_equal(atl_machine_xml(machine, &xml, NULL), ATL_OK);
    assert_int_equal(atl_file_write(path, xml.data, xml.length, NULL), ATL_OK);
    const atl_machine_source source = {.xml = path};
    assert_int_equal(atl_machine_load(&source, &again, NULL), ATL_OK);
    assert_false(again->this_system);
    assert_false(atl_machine_can_bind(again));
    assert_int_equal(again->memory_free_bytes, 0);
    assert_int_equal(again->n_clusters, 2);
    expect_plan(again, 8, 1, ATL_SCATTER, "0 8 16 24 32 40 48 56");
    atl_text_done(&xml);
    atl_machine_free(&machine);
    atl_machine_free(&again);
    unlink(path);
}

static void xml_that_is_none_is_refused(void **state)
{
    (void)state;
    char path[64];
    temporary(path);
    expect_failure(&(atl_machine_source){.xml = "/nowhere/x.xml"}, ATL_NOT_FOUND,
                   "/nowhere/x.xml: No such file");
    const char *const texts[] = {"", "hello",
                                 "<?xml version=\"1.0\"?><topology version=\"2.0\"><object/></topology>"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(atl_file_write(path, texts[i], strlen(texts[i]), NULL), ATL_OK);
        expect_failure(&(atl_machine_source){.xml = path}, ATL_BAD_INPUT,
                       "is no topology that hwloc 2 can read");
    }
    unlink(path);
}

static void xml_that_has_a_hardware_thread_twice_is_refused(void **state)
{
    (void)state;
    char path[64];
    temporary(path);
    atl_machine *machine = i1370p();
    atl_text xml = {0}, twice = {0};
    assert_int_equal(atl_machine_xml(machine, &xml, NULL), ATL_OK);
    const char *pu = strstr(xml.data, "<object type=\"PU\""), *end = strstr(pu, "/>") + 2;
    atl_text_append(&twice, xml.data, (size_t)(end - xml.data));
    atl_text_append(&twice, pu, xml.length - (size_t)(pu - xml.data));
    assert_int_equal(atl_file_write(path, twice.data, twice.length, NULL), ATL_OK);
    expect_failure(&(atl_machine_source){.xml = path}, ATL_BAD_INPUT, "is no topology that hwloc 2 can read");
    atl_text_done(&xml);
    atl_text_done(&twice);
    atl_machine_free(&machine);
    unlink(path);
}

/* Its last core lacks a set: hwloc 2.9 follows the null pointer. */
static void xml_over_which_hwloc_crashes_is_refused(void **state)
{
    (void)state;
    char path[64];
    temporary(path);
    atl_machine *machine = i1370p();
    atl_text xml = {0};
    assert_int_equal(atl_machine_xml(machine, &xml, NULL), ATL_OK);
    char *last = NULL;
    for (char *at = xml.data; (at = strstr(at, "type=\"Core\"")) != NULL; at++)
        last = at;
    assert_non_null(last);
    strstr(last, "complete_cpuset")[0] = 'x';
    assert_int_equal(atl_file_write(path, xml.data, xml.length, NULL), ATL_OK);
    expect_failure(&(atl_machine_source){.xml = path}, ATL_BAD_INPUT, "is no topology that hwloc 2 can read");
    atl_text_done(&xml);
    atl_machine_free(&machine);
    unlink(path);
}

static void synthetic_strings_that_cannot_be_are_refused(void **state)
{
    (void)state;
    expect_failure(&(atl_machine_source){.synthetic = "nonsense:3"}, ATL_USAGE, "found 'nonsense:3'");
    expect_failure(&(atl_machine_source){.synthetic = ""}, ATL_USAGE, "synthetic machine: found ''");
    expect_failure(&(atl_machine_source){.synthetic = "pack:2 core:100000 pu:2"}, ATL_USAGE, "at most 4096");
    expect_failure(&(atl_machine_source){.synthetic = "1000 1000 1000"}, ATL_USAGE, "at most 4096");
    expect_failure(&(atl_machine_source){.synthetic = "core:99999999999999999999"}, ATL_USAGE,
                   "at most 4096");
    expect_failure(&(atl_machine_source){.synthetic = "pu:2", .xml = "x"}, ATL_USAGE, "wanted one machine");
}

static void sizes_in_a_synthetic_string_are_not_counts(void **state)
{
    (void)state;
    atl_machine *machine = NULL;
    const atl_machine_source source = {
        .synthetic = "pack:1 numa:1(memory=68719476736) l3:2(size=33554432) core:4 pu:1"};
    assert_int_equal(atl_machine_load(&source, &machine, NULL), ATL_OK);
    char words[48];
    atl_cache_words(&machine->domains.items[0], words, sizeof words);
    assert_string_equal(words, "L3 32 MiB");
    atl_machine_free(&machine);
}

static void cpu_lists_are_read_strictly(void **state)
{
    (void)state;
    const struct {
        const char *text, *wanted; /* NULL: an error */
    } cases[] = {{"0", "0"},         {"0-3,8", "0-3,8"}, {"8,0-3", "0-3,8"}, {"1-1", "1"},
                 {"2,2,1-3", "1-3"}, {"", NULL},         {",", NULL},        {"1,", NULL},
                 {"3-1", NULL},      {"0-", NULL},       {"-1", NULL},       {"0x3", NULL},
                 {"1 2", NULL},      {" 1", NULL},       {"1;2", NULL},      {"1--2", NULL},
                 {"all", NULL},      {"1048576", NULL},  {"1-2-3", NULL},    {"99999999999999999999", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hwloc_bitmap_t set = hwloc_bitmap_alloc();
        atl_text words = {0};
        atl_note note = {0};
        const atl_status st = atl_cpu_list_parse(cases[i].text, set, &note);
        assert_int_equal(st, cases[i].wanted ? ATL_OK : ATL_USAGE);
        if (st == ATL_OK) {
            atl_cpu_list_print(set, &words);
            assert_string_equal(words.data, cases[i].wanted);
        } else {
            assert_non_null(strstr(note.text, "wanted indices and ranges such as 0-3,8"));
        }
        atl_text_done(&words);
        hwloc_bitmap_free(set);
    }
}

static void cpus_that_are_not_there_or_not_ours_are_named(void **state)
{
    (void)state;
    const atl_machine_source absent = {.synthetic = "core:4 pu:1", .cpus = "2-6"};
    expect_failure(&absent, ATL_USAGE, "--cpus 2-6: CPU 4 is not there; the last one is 3");
    const atl_machine_source bad = {.synthetic = "core:4 pu:1", .cpus = "one"};
    expect_failure(&bad, ATL_USAGE, "--cpus: CPU list: found 'one'");
    const atl_machine_limits limits = {.binding = "0-1", .cpus = "2-3"};
    atl_machine *machine = NULL;
    atl_note note = {0};
    assert_int_equal(atl_machine_from_topology(synthetic("core:4 pu:1"), &limits, &machine, &note),
                     ATL_USAGE);
    assert_string_equal(note.text, "--cpus 2-3 leaves no CPU to use: only 0-1 may be used");
}

static void sizes_are_told_in_few_digits(void **state)
{
    (void)state;
    const struct {
        unsigned long long bytes;
        const char *wanted;
    } cases[] = {{512, "512 B"},         {49152, "48 KiB"},           {1310720, "1.25 MiB"},
                 {33554432, "32 MiB"},   {1023ull << 20, "1023 MiB"}, {503316480, "480 MiB"},
                 {18ull << 40, "18 TiB"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char words[32];
        atl_size_words(cases[i].bytes, words, sizeof words);
        assert_string_equal(words, cases[i].wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_has_what_this_process_may_use),
        cmocka_unit_test(a_narrower_binding_is_respected),
        cmocka_unit_test(xml_brings_back_the_same_clusters),
        cmocka_unit_test(xml_that_is_none_is_refused),
        cmocka_unit_test(xml_that_has_a_hardware_thread_twice_is_refused),
        cmocka_unit_test(xml_over_which_hwloc_crashes_is_refused),
        cmocka_unit_test(synthetic_strings_that_cannot_be_are_refused),
        cmocka_unit_test(sizes_in_a_synthetic_string_are_not_counts),
        cmocka_unit_test(cpu_lists_are_read_strictly),
        cmocka_unit_test(cpus_that_are_not_there_or_not_ours_are_named),
        cmocka_unit_test(sizes_are_told_in_few_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
