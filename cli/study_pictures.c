/* study_pictures.c - see study_pictures.h. */
#include "study_pictures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "console.h"
#include "image/compare.h"
#include "image/png_file.h"

/* Pictures of the first time that a prompt was painted under a policy: pictures/<policy>/<prompt>.png. */
static void picture_path(const study_setup *s, const char *policy, size_t job, char *path, size_t size)
{
    snprintf(path, size, "%s/pictures/%s/%04zu.png", s->options.dir, policy, job + 1);
}

void study_pictures_keep(void *user, const char *policy, size_t job, const uint8_t *png, size_t n_bytes)
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

static bool has_picture(const study_setup *s, const char *policy, size_t job)
{
    char path[4096];
    picture_path(s, policy, job, path, sizeof path);
    return atl_is_file(path);
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
        if (!has_picture(s, "fp32", job) || !has_picture(s, policy, job))
            continue;
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

atl_status study_pictures_judge(study_setup *s, atl_note *note)
{
    bool has_fp32 = false;
    atl_status st = ATL_OK;
    for (size_t i = 0; i < s->options.n_policies; i++)
        has_fp32 = has_fp32 || strcmp(s->options.policies[i], "fp32") == 0;
    s->head.n_quality = 0;
    for (size_t i = 0; has_fp32 && s->options.n_policies > 1 && st == ATL_OK && i < s->options.n_policies;
         i++)
        st = judge_policy(s, s->options.policies[i], &s->head.quality[s->head.n_quality++], note);
    return st;
}
