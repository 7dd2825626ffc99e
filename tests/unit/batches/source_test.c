/* Lines, their ends, and what may not be in them; and that a batch of a million lines takes no more memory
 * than one of ten. */
#include "scratch.h"

#include "base/file.h"
#include "source.h"

static void all_line_ends_end_lines(void **state)
{
    (void)state;
    atl_source source;
    static const char *const wanted[] = {"a", "b", "", "c", "", "d"};
    const char *line;
    size_t n;
    assert_int_equal(atl_source_open(scratch_file("a.txt", "a\nb\r\n\r\nc\r\rd"), NULL, &source, NULL),
                     ATL_OK);
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
            assert_int_equal(atl_source_next(&source, &line, &n, NULL), ATL_OK);
            assert_non_null(line);
            assert_string_equal(line, wanted[i]);
            assert_int_equal(source.line, i + 1);
        }
        assert_int_equal(atl_source_next(&source, &line, &n, NULL), ATL_OK);
        assert_null(line);
        assert_int_equal(atl_source_rewind(&source, NULL), ATL_OK);
    }
    atl_source_done(&source);
}

/* 64 KiB is what is read at once. */
static void ends_that_fall_on_the_buffers_end_are_one_end(void **state)
{
    (void)state;
    for (size_t before = 65533; before < 65539; before++) {
        char *text = malloc(before + 8);
        assert_non_null(text);
        memset(text, 'x', before);
        memcpy(text + before, "\r\ny\n", 4);
        atl_source source;
        const char *line;
        size_t n;
        assert_int_equal(atl_source_open(scratch_bytes("a.txt", text, before + 4), NULL, &source, NULL),
                         ATL_OK);
        assert_int_equal(atl_source_next(&source, &line, &n, NULL), ATL_OK);
        assert_int_equal(n, before);
        assert_int_equal(atl_source_next(&source, &line, &n, NULL), ATL_OK);
        assert_string_equal(line, "y");
        assert_int_equal(source.line, 2);
        atl_source_done(&source);
        free(text);
    }
}

static void bytes_that_are_no_text_are_told_by_line_and_column(void **state)
{
    (void)state;
    atl_batch_options options = scratch_options(scratch_bytes("a.txt", "ok\na\0b", 6));
    scratch_fails(&options, ATL_BAD_INPUT, "a.txt:2:2: found a NUL byte");
    options.path = scratch_file("a.txt", "ok\n\n\xC3\xA4 \xC3 b");
    scratch_fails(&options, ATL_BAD_INPUT, "a.txt:3:3: found byte 0xC3, which is not UTF-8");
    options.path = scratch_file("a.txt", "\xED\xA0\x80");
    scratch_fails(&options, ATL_BAD_INPUT, "a.txt:1:1: found byte 0xED");
}

static void a_line_that_is_too_long_is_told_by_its_number(void **state)
{
    (void)state;
    const size_t n = ATL_BATCH_MAX_LINE_BYTES + 4;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'x', n);
    memcpy(text, "a\n", 2);
    const atl_batch_options options = scratch_options(scratch_bytes("a.txt", text, n));
    scratch_fails(&options, ATL_BAD_INPUT, "a.txt:2:1: found a line of over 4194304 bytes");
    free(text);
}

static void write_lines(const char *path, size_t n)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < n; i++)
        fprintf(file, "--prompt a {red|blue} house number %zu --steps 20\n", i);
    assert_int_equal(fclose(file), 0);
}

static size_t count_jobs(const char *path)
{
    const atl_batch_options options = scratch_options(path);
    atl_batch *batch = NULL;
    uint64_t n = 0;
    uint8_t digest[32];
    assert_int_equal(atl_batch_open(&options, &batch, NULL), ATL_OK);
    assert_int_equal(atl_batch_check(batch, &n, digest, NULL), ATL_OK);
    for (int i = 0; i < 1000; i++) {
        atl_job job;
        bool end;
        assert_int_equal(atl_batch_next(batch, &job, &end, NULL), ATL_OK);
        if (end)
            break;
        atl_job_done(&job);
    }
    atl_batch_close(&batch);
    return n;
}

#ifdef __has_feature /* clang's way to say it */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define IS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED
#endif

#ifdef IS_SANITIZED
#define N_LINES    ((size_t)200000)
#define MOST_BYTES ((size_t)1 << 30) /* a sanitizer keeps what was freed */
#else
#define N_LINES    ((size_t)1000000)
#define MOST_BYTES ((size_t)8 << 20)
#endif

static void a_million_lines_take_no_more_memory_than_ten(void **state)
{
    (void)state;
    const char *path = scratch_path("long.txt");
    write_lines(path, 10);
    assert_int_equal(count_jobs(path), 10);
    const size_t before = atl_peak_rss_bytes();
    write_lines(path, N_LINES);
    assert_int_equal(count_jobs(path), N_LINES);
    const size_t grown = atl_peak_rss_bytes() - before;
    print_message("%zu lines: %zu KiB more than 10\n", N_LINES, grown >> 10);
    assert_true(grown < MOST_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_lines_take_no_more_memory_than_ten), /* first: the peak never falls */
        cmocka_unit_test(all_line_ends_end_lines),
        cmocka_unit_test(ends_that_fall_on_the_buffers_end_are_one_end),
        cmocka_unit_test(bytes_that_are_no_text_are_told_by_line_and_column),
        cmocka_unit_test(a_line_that_is_too_long_is_told_by_its_number),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
