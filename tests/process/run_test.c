/* run_test.c - what a run finds in its directory: the decisions of coordinator/run_resume.c, one by one, and
 * the differences of coordinator/run_identity.c in words. Over fake workers, whose pictures are 192 bytes
 * that are no PNG; where one has to be, the test writes it. */
#include <math.h>
#include <sys/stat.h>

#include "base/text.h"
#include "coordinator/run.h"
#include "image/png_file.h"
#include "pool_fixture.h"

enum { N_JOBS = 4, PICTURE_BYTES = 192 };

typedef struct run {
    char folder[64], prompts[96], dir[96];
    atl_batch_options batch;
    atl_run_options options;
    atl_run_outcome outcome;
    atl_note note;
} run;

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static run *new_run(void)
{
    run *r = calloc(1, sizeof *r);
    assert_non_null(r);
    snprintf(r->folder, sizeof r->folder, "/tmp/atelier-process-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    snprintf(r->prompts, sizeof r->prompts, "%s/prompts.txt", r->folder);
    snprintf(r->dir, sizeof r->dir, "%s/out", r->folder);
    write_text(r->prompts, "a house\na tree\na boat\na lake\n");
    r->batch = (atl_batch_options){
        .path = r->prompts, .format = ATL_BATCH_TXT, .defaults = {.guidance_scale = (double)NAN}};
    r->options =
        (atl_run_options){.dir = r->dir,
                          .batch = &r->batch,
                          .executor = {.model = FAKE_WORKER, .worker_program = FAKE_WORKER, .n_workers = 1},
                          .model_name = "fake",
                          .model_hash = "0123456789",
                          .version = "1"};
    return r;
}

static void free_run(run *r)
{
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", r->folder);
    assert_int_equal(system(command), 0);
    free(r);
}

static void paints(run *r, uint64_t n_painted, uint64_t n_adopted)
{
    r->note = (atl_note){0};
    if (atl_run(&r->options, &r->outcome, &r->note) != ATL_OK)
        fail_msg("%s", r->note.text);
    assert_int_equal(r->outcome.n_painted, n_painted);
    assert_int_equal(r->outcome.n_adopted, n_adopted);
    assert_int_equal(r->outcome.n_done, N_JOBS);
}

static void is_refused(run *r, atl_status status, const char *words)
{
    r->note = (atl_note){0};
    assert_int_equal(atl_run(&r->options, &r->outcome, &r->note), status);
    if (!strstr(r->note.text, words))
        fail_msg("found \"%s\", wanted \"%s\"", r->note.text, words);
}

static const char *picture(const run *r, int i, char path[160])
{
    snprintf(path, 160, "%s/%06d-%d.png", r->dir, i, i);
    return path;
}

static struct stat look(const run *r, int i)
{
    char path[160];
    struct stat s;
    assert_int_equal(lstat(picture(r, i, path), &s), 0);
    return s;
}

/* The ledger without the DONE of job i, as a crash between file and record leaves it. */
static void forget(const run *r, int i)
{
    char command[400];
    snprintf(command, sizeof command, "grep -v '\tDONE\t%d\t' %s/ledger.tsv >%s/l && mv %s/l %s/ledger.tsv",
             i, r->dir, r->folder, r->folder, r->dir);
    assert_int_equal(system(command), 0);
}

static atl_job_id id_of(const run *r, int i)
{
    atl_batch *batch = NULL;
    atl_job_id id = {0};
    bool end = false;
    assert_int_equal(atl_batch_open(&r->batch, &batch, NULL), ATL_OK);
    for (int k = 0; k <= i; k++) {
        atl_job job = {0};
        assert_int_equal(atl_batch_next(batch, &job, &end, NULL), ATL_OK);
        id = job.id;
        atl_job_done(&job);
    }
    atl_batch_close(&batch);
    return id;
}

/* A real PNG in the place of job i, that says to be of job `of` and to have those pixels, or others. */
static void write_png(const run *r, int i, int of, bool whole)
{
    char path[160], job[2 * sizeof(atl_job_id) + 1], digest[ATL_DIGEST_TEXT], own[300];
    const atl_job_id id = id_of(r, of);
    atl_picture image = {0};
    atl_text png = {0};
    assert_int_equal(atl_picture_init(8, 8, &image, NULL), ATL_OK);
    atl_picture_digest(&image, digest);
    if (!whole)
        digest[0] = digest[0] == '0' ? '1' : '0';
    atl_job_id_hex(&id, job);
    snprintf(own, sizeof own, "{\"job\":\"%s\",\"digest\":\"%s\"}", job, digest);
    const atl_png_text texts[] = {{.key = "parameters", .value = "a house"},
                                  {.key = "atelier", .value = own}};
    assert_int_equal(atl_png_encode(&image, texts, 2, &png, NULL), ATL_OK);
    FILE *file = fopen(picture(r, i, path), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(png.data, 1, png.length, file), png.length);
    fclose(file);
    atl_text_done(&png);
    atl_picture_done(&image);
}

/* ---- resume ---- */

static void what_is_done_is_not_painted_again(void **state)
{
    (void)state;
    run *r = new_run();
    paints(r, N_JOBS, 0);
    const struct stat before = look(r, 2);
    paints(r, 0, 0);
    assert_int_equal(look(r, 2).st_ino, before.st_ino);
    free_run(r);
}

static void a_picture_that_is_gone_or_cut_short_is_painted_again_and_no_other(void **state)
{
    (void)state;
    run *r = new_run();
    char path[160];
    paints(r, N_JOBS, 0);
    const struct stat before = look(r, 0);
    assert_int_equal(unlink(picture(r, 1, path)), 0);
    assert_int_equal(truncate(picture(r, 2, path), 100), 0);
    paints(r, 2, 0);
    assert_int_equal(look(r, 0).st_ino, before.st_ino);
    assert_int_equal(look(r, 1).st_size, PICTURE_BYTES);
    assert_int_equal(look(r, 2).st_size, PICTURE_BYTES);
    free_run(r);
}

static void a_whole_picture_without_its_record_is_adopted(void **state)
{
    (void)state;
    run *r = new_run();
    paints(r, N_JOBS, 0);
    forget(r, 3);
    write_png(r, 3, 3, true);
    const struct stat before = look(r, 3);
    paints(r, 0, 1);
    assert_int_equal(look(r, 3).st_ino, before.st_ino);
    paints(r, 0, 0); /* it has its record now */
    free_run(r);
}

static void a_damaged_or_empty_picture_without_its_record_is_painted_over(void **state)
{
    (void)state;
    run *r = new_run();
    char path[160];
    paints(r, N_JOBS, 0);
    forget(r, 1);
    forget(r, 3);
    write_png(r, 1, 1, false);
    write_text(picture(r, 3, path), "");
    paints(r, 2, 0);
    assert_int_equal(look(r, 1).st_size, PICTURE_BYTES);
    assert_int_equal(look(r, 3).st_size, PICTURE_BYTES);
    free_run(r);
}

static void what_others_put_in_a_pictures_place_is_never_overwritten(void **state)
{
    (void)state;
    run *r = new_run();
    char path[160];
    paints(r, N_JOBS, 0);
    forget(r, 1);
    write_png(r, 1, 2, true); /* whole, but another job's */
    const struct stat before = look(r, 1);
    is_refused(r, ATL_USAGE,
               "000001-1.png: is there already and is no picture of this run; nothing is overwritten");
    assert_int_equal(look(r, 1).st_ino, before.st_ino);
    write_text(picture(r, 1, path), "not a picture");
    is_refused(r, ATL_USAGE, "is no picture of this run");
    assert_int_equal(look(r, 1).st_size, 13);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("000000-0.png", path), 0);
    is_refused(r, ATL_USAGE, "000001-1.png: is there already and is no file of this run");
    assert_true(S_ISLNK(look(r, 1).st_mode));
    assert_int_equal(unlink(path), 0);
    paints(r, 1, 0);
    free_run(r);
}

static void behind_a_job_that_failed_a_stopped_run_is_painted_to_its_end(void **state)
{
    (void)state;
    run *r = new_run();
    char path[160];
    write_text(r->prompts, "bad prompt\na tree\na boat\na lake\n");
    assert_int_equal(atl_run(&r->options, &r->outcome, &r->note), ATL_OK);
    assert_int_equal(r->outcome.n_failed, 1);
    assert_int_equal(r->outcome.n_done, N_JOBS - 1);
    forget(r, 2); /* as if it had ended before */
    assert_int_equal(unlink(picture(r, 2, path)), 0);
    assert_int_equal(unlink(picture(r, 3, path)), 0);
    if (atl_run(&r->options, &r->outcome, &r->note) != ATL_OK)
        fail_msg("%s", r->note.text);
    assert_int_equal(r->outcome.n_painted, 2);
    assert_int_equal(r->outcome.n_failed, 1);
    assert_int_equal(r->outcome.n_done, N_JOBS - 1);
    assert_int_equal(look(r, 3).st_size, PICTURE_BYTES);
    free_run(r);
}

/* ---- identity ---- */

static void another_run_is_refused_with_everything_that_differs(void **state)
{
    (void)state;
    run *r = new_run();
    paints(r, N_JOBS, 0);
    const run before = *r;
    r->options.model_hash = "9999999999";
    is_refused(
        r, ATL_USAGE,
        "/out holds another run; what differs: the model's weights (there: 0123456789, here: 9999999999)");
    r->options = before.options;
    r->options.executor.policy = "bf16";
    is_refused(r, ATL_USAGE, "what differs: the precision (there: fp32, here: bf16)");
    r->options = before.options;
    r->options.version = "2";
    is_refused(r, ATL_USAGE, "what differs: the program's version (there: 1, here: 2)");
    r->options = before.options;
    r->batch.name_template = "[seed]";
    is_refused(r, ATL_USAGE, "the pictures' names (there: [index]-[seed], here: [seed])");
    r->batch = before.batch;
    write_text(r->prompts, "a house\na tree\na boat\na pond\n");
    is_refused(r, ATL_USAGE, "what differs: the jobs themselves (prompts, settings or seeds)");
    write_text(r->prompts, "a house\na tree\n");
    r->options.version = "2";
    is_refused(
        r, ATL_USAGE,
        "what differs: the number of jobs (there: 4, here: 2); the jobs themselves (prompts, settings or "
        "seeds); the program's version (there: 1, here: 2)");
    r->options = before.options;
    write_text(r->prompts, "a house\na tree\na boat\na lake\n");
    paints(r, 0, 0); /* nothing of it left a trace */
    free_run(r);
}

static void a_retry_need_not_know_the_batch_but_the_model(void **state)
{
    (void)state;
    run *r = new_run();
    char gate[160], prompts[400];
    snprintf(gate, sizeof gate, "%s/gate", r->folder);
    snprintf(prompts, sizeof prompts, "a house\nonce %s bad\na boat\na lake\n",
             gate); /* fails the first time */
    write_text(r->prompts, prompts);
    assert_int_equal(atl_run(&r->options, &r->outcome, &r->note), ATL_OK);
    assert_int_equal(r->outcome.n_failed, 1);
    assert_int_equal(unlink(r->prompts), 0);
    r->options.batch = NULL;
    r->options.retry = true;
    r->options.executor.policy = "bf16";
    is_refused(r, ATL_USAGE, "what differs: the precision (there: fp32, here: bf16)");
    r->options.executor.policy = NULL;
    paints(r, 1, 0);
    assert_int_equal(r->outcome.n_failed, 0);
    free_run(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_done_is_not_painted_again),
        cmocka_unit_test(a_picture_that_is_gone_or_cut_short_is_painted_again_and_no_other),
        cmocka_unit_test(a_whole_picture_without_its_record_is_adopted),
        cmocka_unit_test(a_damaged_or_empty_picture_without_its_record_is_painted_over),
        cmocka_unit_test(what_others_put_in_a_pictures_place_is_never_overwritten),
        cmocka_unit_test(behind_a_job_that_failed_a_stopped_run_is_painted_to_its_end),
        cmocka_unit_test(another_run_is_refused_with_everything_that_differs),
        cmocka_unit_test(a_retry_need_not_know_the_batch_but_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
