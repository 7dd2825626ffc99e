/* load_bench.c - how long a model takes until it can paint: read, converted, packed.
 *
 *   load_bench MODEL [policy [threads [private|shared|CACHE_DIR [repetitions]]]]
 *
 * `shared` packs into a memfd as a pool's first worker does, and then maps it as the others do. With a
 * directory, packed weights are cached there: the first repetition makes the cache unless it is there. The
 * file's pages are in memory from the second repetition on; whether they are for the first is up to you. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/engine.h"

static double open_ms(const atl_engine_options *options)
{
    atl_engine *engine;
    atl_note note = {0};
    const int64_t begun_ns = atl_clock_now_ns();
    if (atl_engine_open(options, &engine, &note) != ATL_OK) {
        fprintf(stderr, "load_bench: %s\n", note.text);
        exit(1);
    }
    const double ms = (double)(atl_clock_now_ns() - begun_ns) / 1e6;
    atl_engine_close(&engine);
    return ms;
}

int main(int argc, char **argv)
{
    const char *where = argc > 4 ? argv[4] : "private";
    const int n = argc > 5 ? atoi(argv[5]) : 3;
    if (argc < 2) {
        fprintf(stderr, "load_bench MODEL [policy [threads [private|shared|CACHE_DIR [repetitions]]]]\n");
        return 2;
    }
    atl_engine_options options = {
        .model = argv[1], .policy = argc > 2 ? argv[2] : "bf16", .n_threads = argc > 3 ? atoi(argv[3]) : 2};
    if (strcmp(where, "private") != 0 && strcmp(where, "shared") != 0)
        options.pack_cache = where;
    const bool shared = strcmp(where, "shared") == 0;
    printf("%s, %s, %d threads, %s: ms until ready%s\n", options.model, options.policy, options.n_threads,
           where, shared ? ", and for who comes second" : "");
    for (int i = 0; i < n; i++) {
        if (shared && (options.shared_weights_fd = memfd_create("weights", MFD_ALLOW_SEALING)) < 0)
            return 1;
        printf("%8.1f", open_ms(&options));
        if (shared) {
            printf(" %8.1f", open_ms(&options));
            close(options.shared_weights_fd);
        }
        printf("\n");
    }
    return 0;
}
