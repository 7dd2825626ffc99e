/* clusters_test.c - what counts as one cluster, on machines that differ in each of the things that decide it.
 */
#include "machines.h"

/* "class:cores/domain" of each cluster. */
static void expect_clusters(atl_machine *machine, const char *wanted)
{
    char text[2048] = "";
    size_t used = 0;
    for (int i = 0; i < machine->n_clusters; i++) {
        const atl_cluster *c = &machine->clusters[i];
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d:%d/%d", i > 0 ? " " : "",
                                 c->core_class, c->n_cores, c->domain);
    }
    assert_string_equal(text, wanted);
    atl_machine_free(&machine);
    assert_null(machine);
}

static void each_l3_is_a_cluster(void **state)
{
    (void)state;
    expect_clusters(synthetic_machine("pack:2 l3:2 core:3 pu:2"), "0:3/0 0:3/1 0:3/2 0:3/3");
}

static void each_numa_node_of_a_package_is_a_cluster(void **state)
{
    (void)state;
    atl_machine *machine = synthetic_machine("pack:2 numa:3 l3:1 core:40 pu:2");
    assert_int_equal(machine->packages.n, 2);
    assert_int_equal(machine->numas.n, 6);
    assert_int_equal(machine->n_pus, 480);
    expect_clusters(machine, "0:40/0 0:40/1 0:40/2 0:40/3 0:40/4 0:40/5");
}

static void numa_nodes_under_one_cache_are_clusters_of_their_own(void **state)
{
    (void)state;
    expect_clusters(synthetic_machine("pack:1 l3:1 numa:2 core:4 pu:1"), "0:4/0 0:4/1");
}

static void without_any_cache_a_package_is_a_cluster(void **state)
{
    (void)state;
    expect_clusters(synthetic_machine("pack:2 core:4 pu:1"), "0:4/0 0:4/0");
}

static void the_outermost_cache_counts_where_there_is_an_l4(void **state)
{
    (void)state;
    expect_clusters(synthetic_machine("pack:1 l4:1 l3:2 core:2 pu:1"), "0:4/0");
}

static void a_machine_without_cores_has_its_threads(void **state)
{
    (void)state;
    expect_clusters(synthetic_machine("pack:1 l3:2 pu:3"), "0:3/0 0:3/1");
}

static void m1_has_a_strong_and_a_weak_cluster(void **state)
{
    (void)state;
    atl_machine *machine = m1();
    assert_string_equal(machine->classes[0].name, "apple,firestorm;ARM,v8");
    assert_int_equal(machine->modules.n, 2);
    expect_clusters(machine, "1:4/0 0:4/1");
}

static void i1370p_has_two_classes_under_one_l3(void **state)
{
    (void)state;
    atl_machine *machine = i1370p();
    assert_int_equal(machine->n_classes, 2);
    assert_string_equal(machine->classes[0].name, "IntelCore");
    assert_string_equal(machine->classes[1].name, "IntelAtom");
    assert_int_equal(machine->modules.n, 8);
    assert_int_equal(machine->most_pus, 2);
    expect_clusters(machine, "0:6/0 1:8/0");
}

static void epyc_has_a_cluster_for_each_l3(void **state)
{
    (void)state;
    atl_machine *machine = epyc();
    assert_int_equal(machine->n_clusters, 24);
    for (int i = 0; i < 24; i++)
        assert_int_equal(machine->clusters[i].n_cores, 8);
    assert_int_equal(machine->numas.n, 2);
    assert_int_equal(machine->n_pus, 384);
    atl_machine_free(&machine);
}

static void gb10_has_two_clusters_in_each_domain(void **state)
{
    (void)state;
    expect_clusters(gb10(), "1:5/0 0:5/0 1:5/1 0:5/1");
}

/* ---- classes ---- */

static atl_machine *measured(const char *name, const char *const *values)
{
    hwloc_topology_t topology = synthetic("pack:1 l3:1 core:8 pu:1");
    for (int i = 0; values[i]; i++) {
        char cpu[16];
        snprintf(cpu, sizeof cpu, "%d", i);
        add_kind(topology, cpu, -1, name, values[i]);
    }
    return machine_of(topology, NULL);
}

static void favoured_cores_are_no_class_of_their_own(void **state)
{
    (void)state; /* a Threadripper: each core's best clock is another */
    const char *const mhz[] = {"5300", "5250", "5200", "5150", "5000", "4900", "4700", "4600", NULL};
    expect_clusters(measured("FrequencyMaxMHz", mhz), "0:8/0");
}

static void capacity_splits_below_the_ratio_only(void **state)
{
    (void)state;
    const char *const near[] = {"1024", "871", "871", "741", "741", "741", "741", "741", NULL};
    expect_clusters(measured("LinuxCapacity", near), "0:8/0"); /* neighbours: 0.8506, 0.8508 */
    const char *const far[] = {"1024", "870", "870", "300", "300", "300", "300", "300", NULL};
    expect_clusters(measured("LinuxCapacity", far), "0:1/0 1:2/0 2:5/0");
}

static void capacity_counts_before_clocks(void **state)
{
    (void)state;
    hwloc_topology_t topology = synthetic("pack:1 l3:1 core:8 pu:1");
    add_kind(topology, "0-3", -1, "LinuxCapacity", "1024");
    add_kind(topology, "4-7", -1, "LinuxCapacity", "1000");
    add_kind(topology, "0-3", -1, "FrequencyMaxMHz", "5000");
    add_kind(topology, "4-7", -1, "FrequencyMaxMHz", "2000");
    expect_clusters(machine_of(topology, NULL), "0:8/0");
}

static void a_base_clock_counts_before_the_best_one(void **state)
{
    (void)state;
    hwloc_topology_t topology = synthetic("pack:1 l3:1 core:8 pu:1");
    add_kind(topology, "0-3", -1, "FrequencyMaxMHz", "5000");
    add_kind(topology, "4-7", -1, "FrequencyMaxMHz", "4900");
    add_kind(topology, "0-3", -1, "FrequencyBaseMHz", "1000");
    add_kind(topology, "4-7", -1, "FrequencyBaseMHz", "3000");
    expect_clusters(machine_of(topology, NULL), "1:4/0 0:4/0");
}

static void a_measure_that_some_cores_lack_says_nothing(void **state)
{
    (void)state;
    const char *const some[] = {"1024", "300", NULL};
    expect_clusters(measured("LinuxCapacity", some), "0:8/0");
}

static void what_cores_say_they_are_counts_before_capacity(void **state)
{
    (void)state;
    hwloc_topology_t topology = synthetic("pack:1 l3:1 core:8 pu:1");
    add_kind(topology, "0-3", -1, "CPUPart", "0xd0b");
    add_kind(topology, "4-7", -1, "CPUPart", "0xd4c");
    add_kind(topology, "0-3", -1, "LinuxCapacity", "1000");
    add_kind(topology, "4-7", -1, "LinuxCapacity", "1024");
    expect_clusters(machine_of(topology, NULL), "1:4/0 0:4/0");
}

static void one_class_left_is_the_strongest_and_has_no_name(void **state)
{
    (void)state;
    hwloc_topology_t topology = synthetic("pack:1 l3:1 core:8 pu:1");
    add_kind(topology, "0-3", 0, "CoreType", "IntelAtom");
    add_kind(topology, "4-7", 1, "CoreType", "IntelCore");
    atl_machine *machine = machine_of(topology, "1-2");
    assert_string_equal(machine->classes[0].name, "");
    expect_clusters(machine, "0:2/0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_l3_is_a_cluster),
        cmocka_unit_test(each_numa_node_of_a_package_is_a_cluster),
        cmocka_unit_test(numa_nodes_under_one_cache_are_clusters_of_their_own),
        cmocka_unit_test(without_any_cache_a_package_is_a_cluster),
        cmocka_unit_test(the_outermost_cache_counts_where_there_is_an_l4),
        cmocka_unit_test(a_machine_without_cores_has_its_threads),
        cmocka_unit_test(m1_has_a_strong_and_a_weak_cluster),
        cmocka_unit_test(i1370p_has_two_classes_under_one_l3),
        cmocka_unit_test(epyc_has_a_cluster_for_each_l3),
        cmocka_unit_test(gb10_has_two_clusters_in_each_domain),
        cmocka_unit_test(favoured_cores_are_no_class_of_their_own),
        cmocka_unit_test(capacity_splits_below_the_ratio_only),
        cmocka_unit_test(capacity_counts_before_clocks),
        cmocka_unit_test(a_base_clock_counts_before_the_best_one),
        cmocka_unit_test(a_measure_that_some_cores_lack_says_nothing),
        cmocka_unit_test(what_cores_say_they_are_counts_before_capacity),
        cmocka_unit_test(one_class_left_is_the_strongest_and_has_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
