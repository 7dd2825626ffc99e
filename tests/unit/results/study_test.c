/* study_test.c - a study's files, written and read, whole, torn and damaged. */
#include "results/study.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "results/dir_file.h"
#include "study_private.h"
#include "unit/results/forms.h"

#define ROOM "study_test_room"

static int open_room(void)
{
    const int fd = room_open(ROOM);
    unlinkat(fd, ATL_STUDY_JSON_NAME, 0);
    unlinkat(fd, ATL_STUDY_WINDOWS_NAME, 0);
    return fd;
}

static char *warnings[] = {"another process took 12 % of the machine", "</script> \"quoted\"\n"};

static atl_study_head sample_head(void)
{
    return (atl_study_head){
        .command = "atelier study p.txt -m 'a </b>'",
        .version = "0.1.0",
        .commit = "abc",
        .compiler = "gcc 12.2.0",
        .flags = "-O3",
        .machine = "box",
        .cpu_model = "Some CPU é",
        .kernel = "6.1",
        .isa = "avx512",
        .model_name = "pochade",
        .model_hash = "0011",
        .prompts_sha256 = "2233",
        .networks = "fur: 0123456789ab, light: ba9876543210",
        .started = "2025-01-01T00:00:00",
        .n_cores = 64,
        .n_numa_nodes = 2,
        .quota_cpus = NAN,
        .memory_gb = 502.3,
        .width = 512,
        .height = 768,
        .n_steps = 2,
        .n_unet_calls = 3,
        .cores = "0,2 | 1,3",
        .n_seatings = 2,
        .seating = {{"scatter", 1, false, "0 1"}, {"compact", 2, true, "0-1 -"}},
        .guidance_scale = 7.5,
        .seed = UINT64_MAX - 1,
        .rounds = 7,
        .window_s = 12.5,
        .ceilings = {12.25, 1.0 / 3, NAN, 80, INFINITY, "bf16"},
        .n_quality = 1,
        .quality = {{"bf16", 4, 41.25, 0.998, 7.5, 3}},
        .n_warnings = 2,
        .warnings = warnings,
    };
}

static atl_study_window sample_window(int sequence)
{
    atl_study_window w = {
        .config = {"bf16", "scatter", 4, 2, 1, true},
        .sequence = sequence,
        .round = sequence - 1,
        .attempt = 2,
        .valid = sequence % 2 == 0,
        .flaws = "CPU time is 93 % of wall time (97 % wanted)",
        .begun_s = 0.1,
        .length_s = 60.0 / 7,
        .begun_ns = INT64_MAX,
        .images = 12.5,
        .images_per_hour = 5250,
        .n_jobs = 13,
        .unet_step = {123456789, 123456788},
        .job_ms_p50 = 100,
        .job_ms_p90 = 110.5,
        .job_ms_p99 = NAN,
        .cpu_share = 0.98,
        .pss_mb = 2048,
        .worker_pss_mb = NAN,
        .n_alive = 6,
        .probe_gbps = 9.75,
        .probe_ns = 101,
        .same_pixels = true,
        .n_evidence = 2,
        .evidence = {{"llc_misses", "1/s", NAN, "perf_event_open: Permission denied (EACCES)"},
                     {"steal", "%", 0.5, ""}},
    };
    for (int i = 0; i < ATL_N_STAGES; i++)
        w.stage[i] = (atl_span){i * 1000, i * 900};
    return w;
}

static void assert_same_number(double a, double b)
{
    if (isfinite(b))
        assert_true(a == b);
    else
        assert_true(isnan(a)); /* infinities have no other way through JSON */
}

static void assert_same_window(const atl_study_window *a, const atl_study_window *b)
{
    assert_true(atl_study_config_equal(&a->config, &b->config));
    assert_int_equal(a->sequence, b->sequence);
    assert_int_equal(a->round, b->round);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->valid, b->valid);
    assert_int_equal(a->same_pixels, b->same_pixels);
    assert_string_equal(a->flaws, b->flaws);
    assert_int_equal(a->begun_ns, b->begun_ns);
    assert_int_equal(a->n_jobs, b->n_jobs);
    assert_int_equal(a->n_alive, b->n_alive);
    const double x[] = {a->begun_s,    a->length_s,      a->images,     a->images_per_hour,
                        a->job_ms_p50, a->job_ms_p90,    a->job_ms_p99, a->cpu_share,
                        a->pss_mb,     a->worker_pss_mb, a->probe_gbps, a->probe_ns};
    const double y[] = {b->begun_s,    b->length_s,      b->images,     b->images_per_hour,
                        b->job_ms_p50, b->job_ms_p90,    b->job_ms_p99, b->cpu_share,
                        b->pss_mb,     b->worker_pss_mb, b->probe_gbps, b->probe_ns};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        assert_same_number(x[i], y[i]);
    assert_memory_equal(a->stage, b->stage, sizeof a->stage);
    assert_memory_equal(&a->unet_step, &b->unet_step, sizeof a->unet_step);
    assert_int_equal(a->n_evidence, b->n_evidence);
    for (int i = 0; i < a->n_evidence; i++) {
        assert_string_equal(a->evidence[i].name, b->evidence[i].name);
        assert_string_equal(a->evidence[i].unit, b->evidence[i].unit);
        assert_string_equal(a->evidence[i].why, b->evidence[i].why);
        assert_same_number(a->evidence[i].value, b->evidence[i].value);
    }
}

static void assert_same_head(const atl_study_head *a, const atl_study_head *b)
{
    const char *x[] = {a->command,    a->version,        a->commit,  a->compiler, a->flags,
                       a->machine,    a->cpu_model,      a->kernel,  a->isa,      a->model_name,
                       a->model_hash, a->prompts_sha256, a->started, a->networks};
    const char *y[] = {b->command,    b->version,        b->commit,  b->compiler, b->flags,
                       b->machine,    b->cpu_model,      b->kernel,  b->isa,      b->model_name,
                       b->model_hash, b->prompts_sha256, b->started, b->networks};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        assert_string_equal(x[i], y[i]);
    const double u[] = {a->quota_cpus,
                        a->memory_gb,
                        a->guidance_scale,
                        a->window_s,
                        a->ceilings.triad_gbps_one,
                        a->ceilings.triad_gbps_all,
                        a->ceilings.latency_ns_idle,
                        a->ceilings.gflops_one,
                        a->ceilings.gflops_all,
                        a->quality[0].psnr_db,
                        a->quality[0].ssim};
    const double v[] = {b->quota_cpus,
                        b->memory_gb,
                        b->guidance_scale,
                        b->window_s,
                        b->ceilings.triad_gbps_one,
                        b->ceilings.triad_gbps_all,
                        b->ceilings.latency_ns_idle,
                        b->ceilings.gflops_one,
                        b->ceilings.gflops_all,
                        b->quality[0].psnr_db,
                        b->quality[0].ssim};
    for (size_t i = 0; i < sizeof u / sizeof *u; i++)
        assert_same_number(u[i], v[i]);
    assert_true(a->seed == b->seed);
    assert_int_equal(a->n_cores, b->n_cores);
    assert_int_equal(a->n_numa_nodes, b->n_numa_nodes);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->n_steps, b->n_steps);
    assert_int_equal(a->n_unet_calls, b->n_unet_calls);
    assert_string_equal(a->cores, b->cores);
    assert_int_equal(a->n_seatings, b->n_seatings);
    for (int i = 0; i < a->n_seatings; i++) {
        assert_string_equal(a->seating[i].order, b->seating[i].order);
        assert_string_equal(a->seating[i].cpus, b->seating[i].cpus);
        assert_int_equal(a->seating[i].threads, b->seating[i].threads);
        assert_int_equal(a->seating[i].planned, b->seating[i].planned);
    }
    assert_int_equal(a->rounds, b->rounds);
    assert_int_equal(a->n_quality, b->n_quality);
    assert_string_equal(a->quality[0].policy, b->quality[0].policy);
    assert_int_equal(a->n_warnings, b->n_warnings);
    for (int i = 0; i < a->n_warnings; i++)
        assert_string_equal(a->warnings[i], b->warnings[i]);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    const int dir = open_room();
    atl_note note = {0};
    const atl_study_head head = sample_head();
    assert_int_equal(atl_study_write_head(dir, &head, &note), ATL_OK);
    for (int i = 0; i < 70; i++) { /* more than the first block of memory */
        const atl_study_window w = sample_window(i);
        assert_int_equal(atl_study_append(dir, &w, &note), ATL_OK);
    }
    atl_study study;
    assert_int_equal(atl_study_read(dir, &study, &note), ATL_OK);
    assert_same_head(&study.head, &head);
    assert_int_equal(study.n_windows, 70);
    for (int i = 0; i < 70; i++) {
        const atl_study_window w = sample_window(i);
        assert_same_window(&study.windows[i], &w);
    }
    atl_study_done(&study);
    close(dir);
}

static void a_study_has_a_head_before_it_has_windows(void **state)
{
    (void)state;
    const int dir = open_room();
    atl_note note = {0};
    atl_study study;
    assert_int_equal(atl_study_read(dir, &study, &note), ATL_NOT_FOUND);
    assert_non_null(strstr(note.text, ATL_STUDY_JSON_NAME));
    const atl_study_head nothing = {0}; /* NULL strings are "" */
    assert_int_equal(atl_study_write_head(dir, &nothing, &note), ATL_OK);
    assert_int_equal(atl_study_read(dir, &study, &note), ATL_OK);
    assert_string_equal(study.head.machine, "");
    assert_int_equal(study.n_windows, 0);
    atl_study_done(&study);
    close(dir);
}

static void windows_cut_anywhere_are_whole_windows_and_take_one_more(void **state)
{
    (void)state;
    const int dir = open_room();
    atl_note note = {0};
    const atl_study_head head = sample_head();
    char *bytes;
    size_t n;
    atl_study study;
    atl_study_write_head(dir, &head, &note);
    for (int i = 0; i < 2; i++) {
        const atl_study_window w = sample_window(i);
        assert_int_equal(atl_study_append(dir, &w, &note), ATL_OK);
    }
    assert_int_equal(atl_dir_file_read(dir, ATL_STUDY_WINDOWS_NAME, 1u << 20, &bytes, &n, &note), ATL_OK);
    size_t first = (size_t)(strchr(bytes, '\n') - bytes) + 1;
    for (size_t cut = 0; cut <= n; cut++) {
        const size_t whole = cut == n ? 2 : cut >= first ? 1 : 0;
        const int fd = openat(dir, ATL_STUDY_WINDOWS_NAME, O_WRONLY | O_TRUNC);
        assert_true(atl_fd_write(fd, bytes, cut));
        close(fd);
        assert_int_equal(atl_study_read(dir, &study, &note), ATL_OK);
        assert_int_equal(study.n_windows, whole);
        atl_study_done(&study);
        if (cut % 97 != 0)
            continue; /* appending waits for the disk */
        const atl_study_window more = sample_window(9);
        assert_int_equal(atl_study_append(dir, &more, &note), ATL_OK);
        assert_int_equal(atl_study_read(dir, &study, &note), ATL_OK);
        assert_int_equal(study.n_windows, whole + 1);
        assert_same_window(&study.windows[whole], &more);
        atl_study_done(&study);
    }
    free(bytes);
    close(dir);
}

static void a_head_cut_anywhere_is_refused(void **state)
{
    (void)state;
    const int dir = open_room();
    atl_note note = {0};
    const atl_study_head head = sample_head();
    char *bytes;
    size_t n;
    atl_study study;
    atl_study_write_head(dir, &head, &note);
    assert_int_equal(atl_dir_file_read(dir, ATL_STUDY_JSON_NAME, 1u << 20, &bytes, &n, &note), ATL_OK);
    for (size_t cut = 0; cut < n - 1; cut++) { /* without the newline it is whole */
        const int fd = openat(dir, ATL_STUDY_JSON_NAME, O_WRONLY | O_TRUNC);
        assert_true(atl_fd_write(fd, bytes, cut));
        close(fd);
        assert_int_equal(atl_study_read(dir, &study, &note), ATL_BAD_INPUT);
        assert_non_null(strstr(note.text, ATL_STUDY_JSON_NAME));
    }
    free(bytes);
    close(dir);
}

/* Puts `to` in the place of `from` in the second line and reads. */
static atl_status read_with(int dir, const char *from, const char *to, atl_note *note)
{
    const atl_study_head head = sample_head();
    atl_study study;
    char *bytes;
    size_t n;
    unlinkat(dir, ATL_STUDY_WINDOWS_NAME, 0);
    atl_study_write_head(dir, &head, note);
    for (int i = 0; i < 3; i++) {
        const atl_study_window w = sample_window(i);
        atl_study_append(dir, &w, note);
    }
    assert_int_equal(atl_dir_file_read(dir, ATL_STUDY_WINDOWS_NAME, 1u << 20, &bytes, &n, note), ATL_OK);
    char *at = strstr(strchr(bytes, '\n'), from);
    assert_non_null(at);
    const int fd = openat(dir, ATL_STUDY_WINDOWS_NAME, O_WRONLY | O_TRUNC);
    atl_fd_write(fd, bytes, (size_t)(at - bytes));
    atl_fd_write(fd, to, strlen(to));
    atl_fd_write(fd, at + strlen(from), n - (size_t)(at - bytes) - strlen(from));
    close(fd);
    free(bytes);
    const atl_status st = atl_study_read(dir, &study, note);
    if (st == ATL_OK)
        atl_study_done(&study);
    return st;
}

static void a_bad_line_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"\"workers\":4", "\"workers\":0", "\"workers\" is 0, wanted 1 to 1024"},
        {"\"workers\":4", "\"workers\":\"4\"", "\"workers\" is no whole number"},
        {"\"workers\":4", "\"walkers\":4", "there is no \"workers\""},
        {"\"workers\":4", "\"workers\":4,\"workers\":5", "duplicate"},
        {"\"policy\":\"bf16\"", "\"policy\":\"bf16bf16bf16bf16\"", "more than 15 bytes"},
        {"\"valid\":false", "\"valid\":0", "neither true nor false"},
        {"\"images\":12.5", "\"images\":\"12.5\"", "neither a number nor null"},
        {"\"wall_ns\":0", "\"wall_ns\":-1", "\"wall_ns\" is -1"},
        {"\"evidence\":[", "\"evidence\":[7,", "there is no \"name\""},
        {"{\"sequence\"", "[\"sequence\"", ATL_STUDY_WINDOWS_NAME ":2"},
        {"\"round\":0", "\n\"round\":0", ATL_STUDY_WINDOWS_NAME ":2"},
    };
    const int dir = open_room();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_note note = {0};
        assert_int_equal(read_with(dir, cases[i].from, cases[i].to, &note), ATL_BAD_INPUT);
        assert_non_null(strstr(note.text, ATL_STUDY_WINDOWS_NAME ":2"));
        assert_non_null(strstr(note.text, cases[i].says));
    }
    atl_note note = {0};
    assert_int_equal(read_with(dir, "{\"sequence\"", "{\"of a later version\":[],\"sequence\"", &note),
                     ATL_OK);
    assert_int_equal(read_with(dir, "\"images\":12.5", "\"images\":null", &note), ATL_OK);
    close(dir);
}

static void words_that_are_no_utf8_are_cut_to_fit(void **state)
{
    (void)state;
    const int dir = open_room();
    atl_note note = {0};
    const atl_study_head head = sample_head();
    atl_study_window w = sample_window(0);
    atl_study study;
    memset(w.flaws, 0xC3, sizeof w.flaws - 1);
    atl_study_write_head(dir, &head, &note);
    assert_int_equal(atl_study_append(dir, &w, &note), ATL_OK);
    assert_int_equal(atl_study_read(dir, &study, &note), ATL_OK);
    assert_int_equal(strlen(study.windows[0].flaws), 255 / 3 * 3);
    atl_study_done(&study);
    close(dir);
}

static void no_link_is_followed(void **state)
{
    (void)state;
    const int dir = open_room();
    atl_note note = {0};
    atl_study study;
    const atl_study_window w = sample_window(0);
    assert_int_equal(symlinkat("/dev/null", dir, ATL_STUDY_WINDOWS_NAME), 0);
    assert_int_equal(atl_study_append(dir, &w, &note), ATL_IO);
    assert_int_equal(symlinkat("/dev/zero", dir, ATL_STUDY_JSON_NAME), 0);
    assert_int_equal(atl_study_read(dir, &study, &note), ATL_IO);
    unlinkat(dir, ATL_STUDY_WINDOWS_NAME, 0);
    close(dir);
}

static void a_record_from_before_has_calls_where_steps_are_now(void **state)
{
    (void)state;
    const int dir = open_room();
    const atl_study_head head = sample_head();
    atl_text json = {0};
    atl_study study;
    atl_note note = {0};
    atl_study_put_head(&head, &json);
    static const char key[] = "\"unet_calls\":3,";
    char *at = strstr(json.data, key);
    assert_non_null(at);
    memmove(at, at + strlen(key), strlen(at + strlen(key)) + 1);
    assert_int_equal(atl_dir_file_write(dir, ATL_STUDY_JSON_NAME, json.data, strlen(json.data), &note),
                     ATL_OK);
    assert_int_equal(atl_study_read(dir, &study, &note), ATL_OK);
    atl_text words = {0};
    atl_study_put_steps(&study.head, &words);
    assert_string_equal(words.data, "2 calls of the UNet");
    words.length = 0;
    atl_study_put_steps(&head, &words);
    assert_string_equal(words.data, "2 steps (3 calls of the UNet)");
    atl_text_done(&words);
    atl_text_done(&json);
    atl_study_done(&study);
    close(dir);
}

static void the_longest_list_of_seats_is_kept(void **state)
{
    (void)state;
    atl_study_head head = {0};
    char *const lists[] = {"0", "0 1 2 3", "0 1"};
    for (int i = 0; i < 3; i++) {
        const atl_study_seating seating = {.order = "scatter", .threads = 1, .cpus = lists[i]};
        assert_int_equal(atl_study_head_seat(&head, &seating, NULL), ATL_OK);
    }
    assert_int_equal(head.n_seatings, 1);
    assert_string_equal(head.seating[0].cpus, "0 1 2 3");
    for (int threads = 2; threads <= ATL_STUDY_MAX_SEATINGS + 1; threads++) {
        const atl_study_seating seating = {.order = "scatter", .threads = threads, .cpus = lists[0]};
        assert_int_equal(atl_study_head_seat(&head, &seating, NULL),
                         threads <= ATL_STUDY_MAX_SEATINGS ? ATL_OK : ATL_USAGE);
    }
    atl_study_head_done(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_study_has_a_head_before_it_has_windows),
        cmocka_unit_test(windows_cut_anywhere_are_whole_windows_and_take_one_more),
        cmocka_unit_test(a_head_cut_anywhere_is_refused),
        cmocka_unit_test(a_bad_line_is_named),
        cmocka_unit_test(words_that_are_no_utf8_are_cut_to_fit),
        cmocka_unit_test(no_link_is_followed),
        cmocka_unit_test(a_record_from_before_has_calls_where_steps_are_now),
        cmocka_unit_test(the_longest_list_of_seats_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
