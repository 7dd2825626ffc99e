/* compare.c - `atelier compare`: one core against many on a fixed batch, and the policies' pictures against
 * fp32's. What is measured is coordinator/compare.h's; the pictures are kept here, so that they can be looked
 * at. */
#include "coordinator/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "commands.h"
#include "console.h"
#include "image/compare.h"
#include "image/png_file.h"
#include "results/compare.h"
#include "study_setup.h"

/* Pictures of the first time that a prompt was painted under a policy: pictures/<policy>/<prompt>.png. */
static void picture_path(const study_setup *s, const char *policy, size_t job, char *path, size_t size)
{
    snprintf(path, size, "%s/pictures/%s/%04zu.png", s->options.dir, policy, job + 1);
}

static void keep_picture(void *user, const char *policy, size_t job, const uint8_t *png, size_t n_bytes)
{
    const study_setup *s = user;
    atl_note note = {0};
    char path[4096], dir[4096];
    picture_path(s, policy, job, path, sizeof path);
    if (atl_is_file(path))
        return;
    snprintf(dir, sizeof dir, "%s/pictures/%s", s->options.dir, policy);
    atl_status st = atl_dir_make(dir, &note);
    if (st == ATL_OK)
        st = atl_file_write(path, png, n_bytes, &note);
    if (st != ATL_OK)
        console_say("%s", note.text);
}

/* ---- quality ---- */

static atl_status read_picture(const study_setup *s, const char *policy, size_t job, atl_png_file **ret,
                               atl_note *note)
{
    char path[4096];
    picture_path(s, policy, job, path, sizeof path);
    return atl_png_read(path, ret, note);
}

/* One policy against fp32, means over the prompts. */
static atl_status judge_policy(const study_setup *s, const char *policy, atl_study_quality *ret,
                               atl_note *note)
{
    double psnr = 0, ssim = 0, entropy = 0, largest = 0;
    int n = 0, n_equal = 0;
    atl_status st = ATL_OK;
    for (size_t job = 0; st == ATL_OK && job < s->n_jobs; job++) {
        atl_png_file *reference = NULL, *picture = NULL;
        atl_comparison found;
        st = read_picture(s, "fp32", job, &reference, note);
        if (st == ATL_OK)
            st = read_picture(s, policy, job, &picture, note);
        if (st == ATL_OK)
            st = atl_compare(&reference->picture, &picture->picture, &found, note);
        if (st == ATL_OK) {
            n++;
            n_equal += isinf(found.psnr_db);
            psnr += isinf(found.psnr_db) ? 0 : found.psnr_db;
            ssim += found.ssim;
            entropy += atl_entropy_bits(&picture->picture);
            largest = found.largest_difference > largest ? found.largest_difference : largest;
        }
        atl_png_close(&reference);
        atl_png_close(&picture);
    }
    *ret = (atl_study_quality){.n_pictures = n,
                               .psnr_db = n > n_equal ? psnr / (n - n_equal) : (double)NAN,
                               .ssim = ssim / n,
                               .entropy_bits = entropy / n,
                               .largest_difference = largest};
    snprintf(ret->policy, sizeof ret->policy, "%s", policy);
    return st;
}

/* Where fp32 is not among the policies there is nothing to hold the others against. */
static atl_status judge_policies(study_setup *s, atl_note *note)
{
    bool has_fp32 = false;
    atl_status st = ATL_OK;
    for (size_t i = 0; i < s->options.n_policies; i++)
        has_fp32 = has_fp32 || strcmp(s->options.policies[i], "fp32") == 0;
    s->head.n_quality = 0;
    for (size_t i = 0; has_fp32 && st == ATL_OK && i < s->options.n_policies; i++)
        st = judge_policy(s, s->options.policies[i], &s->head.quality[s->head.n_quality++], note);
    return st;
}

/* ---- the command ---- */

static int print(const study_setup *s)
{
    const char *dir = s->options.dir;
    atl_note note = {0};
    atl_study study = {0};
    atl_text words = {0};
    const atl_status st = study_setup_read(s, &study, &note);
    if (st == ATL_OK)
        atl_compare_put_text(&study, &words);
    if (words.data)
        fputs(words.data, stdout);
    if (st == ATL_OK)
        console_say("%s/report.html shows it all, %s/pictures the pictures", dir, dir);
    atl_text_done(&words);
    atl_study_done(&study);
    return st == ATL_OK ? 0 : console_fail(st, &note);
}

static int run(study_setup *s, const char *prompts, int argc, char **argv)
{
    atl_note note = {0};
    atl_status st = study_setup_open(s, "compare", prompts, argc, argv, &note);
    s->options.picture = keep_picture;
    if (st == ATL_OK)
        st = atl_compare_run(&s->options, &note);
    if (st == ATL_OK)
        st = judge_policies(s, &note);
    if (st == ATL_OK)
        st = atl_compare_finish(&s->options, &note);
    const int code = study_setup_end(s, st, &note);
    return st == ATL_OK ? print(s) : code;
}

int command_compare(int argc, char **argv)
{
    atl_option rows[RUN_MAX_ROWS];
    const atl_command command = {
        .name = "atelier compare",
        .operands = "PROMPTS",
        .summary =
            "Paints a batch with one core and with many, by W workers x T threads in all ways that use every "
            "core, again and\nagain in random order, and says what more cores buy, into a directory with a "
            "one-page report (report.html).\nWith fp32 among the policies it also says what the others cost "
            "in quality. Ctrl-C stops; the same command goes on.",
        .options = rows,
        .n_options = compare_rows(rows),
        .least_operands = 1,
        .most_operands = 1,
    };
    return study_setup_command(&command, argc, argv, run);
}
