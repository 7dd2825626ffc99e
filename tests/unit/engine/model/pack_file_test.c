/* Packed weights in a file: what was written is mapped, and what is not that is refused in words. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/engine/model/model_fixture.h"

#include "model/pack_file.h"

enum { BYTES = 3 << 20 };

static const uint8_t key[ATL_PACK_KEY_BYTES] = "a key of thirty-two bytes, say";

typedef struct bench {
    char *folder, path[4096];
    atl_pool *pool;
    atl_store store;
    atl_note note;
} bench;

static void bench_open(bench *b)
{
    *b = (bench){.folder = folder_make()};
    snprintf(b->path, sizeof b->path, "%s/x.atlpack", b->folder);
    assert_ok(atl_pool_open(2, NULL, NULL, &b->pool, &b->note), &b->note);
    assert_ok(atl_store_open(BYTES, &b->store, &b->note), &b->note);
    for (size_t i = 0; i < BYTES; i++)
        b->store.base[i] = (uint8_t)(i * 7 >> 3);
    assert_ok(atl_pack_file_write(b->path, key, &b->store, BYTES, &b->note), &b->note);
}

static void bench_close(bench *b)
{
    atl_store_close(&b->store);
    atl_pool_close(&b->pool);
    folder_remove(b->folder);
}

/* Maps and compares; on failure the note is left for the caller. */
static atl_status map(bench *b)
{
    atl_store mapped;
    const atl_status st = atl_pack_file_map(b->path, key, BYTES, b->pool, &mapped, &b->note);
    if (st == ATL_OK) {
        assert_memory_equal(mapped.base, b->store.base, BYTES);
        assert_int_equal((uintptr_t)mapped.base % 64, 0);
        atl_store_close(&mapped);
    }
    return st;
}

static void what_was_written_is_mapped(void **state)
{
    (void)state;
    bench b;
    bench_open(&b);
    assert_ok(map(&b), &b.note);
    b.store.base[5] ^= 1; /* written again, in its place */
    assert_ok(atl_pack_file_write(b.path, key, &b.store, BYTES, &b.note), &b.note);
    assert_ok(map(&b), &b.note);
    unlink(b.path);
    assert_int_equal(map(&b), ATL_NOT_FOUND);
    bench_close(&b);
}

static void file_that_was_cut_is_refused(void **state)
{
    (void)state;
    bench b;
    bench_open(&b);
    assert_int_equal(truncate(b.path, BYTES), 0);
    assert_int_equal(map(&b), ATL_BAD_INPUT);
    assert_note(&b.note, "it was cut short");
    assert_int_equal(truncate(b.path, 20), 0);
    assert_int_equal(map(&b), ATL_BAD_INPUT);
    assert_note(&b.note, "is too short to hold packed weights");
    bench_close(&b);
}

static void each_damaged_byte_of_the_header_is_seen(void **state)
{
    (void)state;
    bench b;
    bench_open(&b);
    const int fd = open(b.path, O_RDWR);
    assert_true(fd >= 0);
    for (off_t at = 0; at < 96; at++) {
        uint8_t byte, other;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        other = byte ^ 0x10;
        assert_int_equal(pwrite(fd, &other, 1, at), 1);
        assert_int_equal(map(&b), ATL_BAD_INPUT);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
    assert_ok(map(&b), &b.note);
    bench_close(&b);
}

static void another_models_file_is_refused(void **state)
{
    (void)state;
    bench b;
    bench_open(&b);
    uint8_t other[ATL_PACK_KEY_BYTES] = {1};
    atl_store mapped;
    assert_int_equal(atl_pack_file_map(b.path, other, BYTES, b.pool, &mapped, &b.note), ATL_BAD_INPUT);
    assert_note(&b.note, "another model's weights");
    assert_int_equal(atl_pack_file_map(b.path, key, BYTES - 64, b.pool, &mapped, &b.note), ATL_BAD_INPUT);
    bench_close(&b);
}

/* A limit on the size of files says what a full disk says. */
static void failed_write_leaves_what_was_there(void **state)
{
    (void)state;
    bench b;
    bench_open(&b);
    struct rlimit old, small = {.rlim_cur = BYTES / 2, .rlim_max = RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const atl_status st = atl_pack_file_write(b.path, key, &b.store, BYTES, &b.note);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(st, ATL_IO);
    assert_note(&b.note, "x.atlpack: cannot write it");
    assert_ok(map(&b), &b.note);
    unlink(b.path);
    assert_int_equal(rmdir(b.folder), 0); /* nothing else was left there */
    assert_int_equal(mkdir(b.folder, 0700), 0);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_mapped),
        cmocka_unit_test(file_that_was_cut_is_refused),
        cmocka_unit_test(each_damaged_byte_of_the_header_is_seen),
        cmocka_unit_test(another_models_file_is_refused),
        cmocka_unit_test(failed_write_leaves_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
