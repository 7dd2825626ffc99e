/* run_bench.c - what a picture costs the coordinator when everything is written and synced: a whole run
 * (coordinator/run.h: batch, ledger, files, timings) over fake workers (tests/process/fake_engine.c) that
 * take as long over a picture, and send as many bytes, as is asked.
 *
 *     run_bench [PICTURES [WORKERS [MILLISECONDS [BYTES [DIR [nosync [keep]]]]]]]
 *     run_bench again FOLDER
 *     run_bench real ATELIER MODEL [PICTURES [WORKERS [STEPS [SIDE [DIR [POLICY]]]]]]
 *
 * With BYTES 0 a picture is a true PNG of 8 × 8 px: what `atelier verify` reads.
 *
 * CPU time of this process, all its threads, from the 5th picture to the last, so that start and end are left
 * out; beside it the same pictures and records written and synced by a bare loop, which is what the system
 * itself takes for that. The memory of this process is printed at each power of ten of pictures, from 1000
 * on, and in the end: it is not to grow with the batch. With nosync neither waits for the disk, and there is
 * no loop. With keep the folder stays and is named, and `again` takes up the finished run in it: what that
 * takes. `real` is a run of that program's own workers, pinned, with a model: pictures of SIDE × SIDE px
 * (512) in STEPS steps (2), under POLICY (auto). */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "coordinator/run.h"

enum { WARM_UP = 5, FIRST_POWER = 1000, RECORDS_BYTES = 1500, PATH_BYTES = 300 };

#define NO_MODEL "/dev/null"

typedef struct spent {
    double user_s, system_s, wall_s;
    long switches;
} spent;

static spent spent_now(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (spent){.user_s = (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec * 1e-6,
                   .system_s = (double)u.ru_stime.tv_sec + (double)u.ru_stime.tv_usec * 1e-6,
                   .wall_s = atl_ns_to_s(atl_clock_now_ns()),
                   .switches = u.ru_nvcsw + u.ru_nivcsw};
}

static void die(const char *what)
{
    fprintf(stderr, "run_bench: %s\n", what);
    exit(1);
}

static void report(const char *what, const spent *from, const spent *to, size_t n)
{
    const double user_ms = (to->user_s - from->user_s) * 1e3 / (double)n;
    const double system_ms = (to->system_s - from->system_s) * 1e3 / (double)n;
    printf(
        "%-28s %6zu pictures, %7.2f a second: %.3f ms of CPU each (user %.3f, system %.3f), %.1f switches\n",
        what, n, (double)n / (to->wall_s - from->wall_s), user_ms + system_ms, user_ms, system_ms,
        (double)(to->switches - from->switches) / (double)n);
}

/* ---- the run ---- */

/* Resident memory of this process, and the most that it ever had. */
static void print_memory(const char *when, size_t n)
{
    char line[256];
    long now_kb = 0, most_kb = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file)) {
        sscanf(line, "VmRSS: %ld", &now_kb);
        sscanf(line, "VmHWM: %ld", &most_kb);
    }
    if (file)
        fclose(file);
    printf("%s %zu pictures: %.1f MB, at most %.1f MB\n", when, n, (double)now_kb / 1e3,
           (double)most_kb / 1e3);
    fflush(stdout);
}

typedef struct counter {
    size_t n, last, next_power;
    spent from, to;
} counter;

static void count(void *user, const char *name, const uint8_t *png, size_t n_bytes)
{
    (void)name, (void)png, (void)n_bytes;
    counter *c = user;
    if (++c->n == WARM_UP)
        c->from = spent_now();
    if (c->n == c->last)
        c->to = spent_now();
    if (c->n == c->next_power) {
        print_memory("after", c->n);
        c->next_power *= 10;
    }
}

static void say(void *user, const char *sentence)
{
    (void)user;
    fprintf(stderr, "run_bench: %s\n", sentence);
}

/* Who paints. */
typedef struct painters {
    const char *program, *model, *policy;
    int n_workers;
    bool bind, sync;
} painters;

static atl_run_outcome run(const char *dir, const char *prompts, const painters *p, counter *c)
{
    const atl_batch_options batch = {
        .path = prompts, .format = ATL_BATCH_TXT, .defaults = {.guidance_scale = (double)NAN}};
    const atl_run_options options = {.dir = dir,
                                     .batch = &batch,
                                     .executor = {.model = p->model,
                                                  .policy = p->policy,
                                                  .worker_program = p->program,
                                                  .n_workers = p->n_workers,
                                                  .bind = p->bind,
                                                  .step_every_ms = -1},
                                     .model_name = "any",
                                     .model_hash = "0123456789",
                                     .version = "bench",
                                     .sync = p->sync,
                                     .say = say,
                                     .picture = count,
                                     .user = c};
    atl_run_outcome outcome;
    atl_note note = {0};
    if (atl_run(&options, &outcome, &note) != ATL_OK)
        die(note.text);
    return outcome;
}

static void measure_run(const char *dir, const char *prompts, const painters *p, size_t n)
{
    counter c = {.last = n, .next_power = FIRST_POWER};
    const atl_run_outcome outcome = run(dir, prompts, p, &c);
    if (outcome.n_painted != n)
        die("not every picture was painted");
    report("a run", &c.from, &c.to, n - WARM_UP);
    print_memory("in the end, with", n);
}

static int measure_again(const char *folder)
{
    char out[PATH_BYTES + 8], prompts[PATH_BYTES + 16];
    counter c = {0};
    snprintf(out, sizeof out, "%.*s/out", PATH_BYTES, folder);
    snprintf(prompts, sizeof prompts, "%.*s/prompts.txt", PATH_BYTES, folder);
    const spent from = spent_now();
    const painters p = {.program = FAKE_WORKER, .model = NO_MODEL, .n_workers = 1};
    const atl_run_outcome outcome = run(out, prompts, &p, &c);
    const spent to = spent_now();
    printf("taken up: %llu of %llu pictures were there: %.2f s, %.2f s of CPU (user %.2f, system %.2f)\n",
           (unsigned long long)outcome.n_done, (unsigned long long)outcome.n_jobs, to.wall_s - from.wall_s,
           to.user_s - from.user_s + to.system_s - from.system_s, to.user_s - from.user_s,
           to.system_s - from.system_s);
    print_memory("taken up, with", (size_t)outcome.n_done);
    return 0;
}

/* ---- the bare loop ---- */

static void write_synced(int dir_fd, int ledger_fd, size_t i, const char *bytes, size_t n)
{
    char temp[64], name[64];
    snprintf(temp, sizeof temp, ".bare-%zu.part", i);
    snprintf(name, sizeof name, "bare-%zu.png", i);
    const int fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || fdatasync(fd) != 0 || close(fd) != 0 ||
        renameat2(dir_fd, temp, dir_fd, name, RENAME_NOREPLACE) != 0 || fsync(dir_fd) != 0 ||
        write(ledger_fd, bytes, RECORDS_BYTES) != RECORDS_BYTES || fdatasync(ledger_fd) != 0)
        die("cannot write");
}

static void measure_bare(const char *dir, size_t n, size_t n_bytes)
{
    char ledger[PATH_BYTES + 32];
    char *bytes = calloc(1, n_bytes > RECORDS_BYTES ? n_bytes : RECORDS_BYTES);
    snprintf(ledger, sizeof ledger, "%s/bare.ledger", dir);
    const int dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    const int ledger_fd = open(ledger, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (dir_fd < 0 || ledger_fd < 0 || !bytes)
        die("cannot open the folder");
    const spent from = spent_now();
    for (size_t i = 0; i < n; i++)
        write_synced(dir_fd, ledger_fd, i, bytes, n_bytes);
    const spent to = spent_now();
    report("a bare loop of system calls", &from, &to, n);
    close(dir_fd);
    close(ledger_fd);
    free(bytes);
}

/* ---- all of it ---- */

/* A folder with its prompts, each the same line. */
typedef struct place {
    char dir[PATH_BYTES], out[PATH_BYTES + 8], prompts[PATH_BYTES + 16];
} place;

static void make_place(place *p, const char *parent, const char *line, size_t n)
{
    snprintf(p->dir, sizeof p->dir, "%.200s/atelier-run-bench-XXXXXX", parent);
    if (n <= WARM_UP || !mkdtemp(p->dir))
        die("wanted more than 5 pictures, and a folder that can be written");
    snprintf(p->out, sizeof p->out, "%s/out", p->dir);
    snprintf(p->prompts, sizeof p->prompts, "%s/prompts.txt", p->dir);
    FILE *file = fopen(p->prompts, "w");
    if (!file)
        die("cannot write the prompts");
    for (size_t i = 0; i < n; i++)
        fprintf(file, "%s\n", line);
    fclose(file);
}

static int remove_place(const place *p)
{
    char command[PATH_BYTES + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
    return system(command) == 0 ? 0 : 1;
}

static int measure_real(int argc, char **argv)
{
    const size_t n = argc > 4 ? strtoul(argv[4], NULL, 10) : 60;
    const int steps = argc > 6 ? atoi(argv[6]) : 2, side = argc > 7 ? atoi(argv[7]) : 512;
    const painters p = {.program = argv[2],
                        .model = argv[3],
                        .policy = argc > 9 ? argv[9] : NULL,
                        .n_workers = argc > 5 ? atoi(argv[5]) : 2,
                        .bind = true,
                        .sync = true};
    char line[200];
    place at;
    snprintf(line, sizeof line, "--prompt \"a house by the sea\" --steps %d --width %d --height %d", steps,
             side, side);
    make_place(&at, argc > 8 ? argv[8] : "/tmp", line, n);
    measure_run(at.out, at.prompts, &p, n);
    return remove_place(&at);
}

static int measure_fake(int argc, char **argv)
{
    const size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;
    const int sleep_ms = argc > 3 ? atoi(argv[3]) : 200;
    const size_t n_bytes = argc > 4 ? strtoul(argv[4], NULL, 10) : 400000;
    const bool keep = argc > 7 && strcmp(argv[7], "keep") == 0;
    const painters p = {.program = n_bytes > 0 ? FAKE_WORKER : FAKE_WORKER_PNG,
                        .model = NO_MODEL,
                        .n_workers = argc > 2 ? atoi(argv[2]) : 4,
                        .sync = argc <= 6 || strcmp(argv[6], "nosync") != 0};
    char line[100];
    place at;
    if (sleep_ms > 0)
        snprintf(line, sizeof line, "sleep %d bytes %zu", sleep_ms, n_bytes);
    else
        snprintf(line, sizeof line, "bytes %zu", n_bytes);
    make_place(&at, argc > 5 ? argv[5] : "/tmp", line, n);
    measure_run(at.out, at.prompts, &p, n);
    if (p.sync)
        measure_bare(at.out, n, n_bytes);
    if (keep)
        printf("kept: %s\n", at.dir);
    return keep ? 0 : remove_place(&at);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "again") == 0)
        return measure_again(argv[2]);
    return argc > 3 && strcmp(argv[1], "real") == 0 ? measure_real(argc, argv) : measure_fake(argc, argv);
}
