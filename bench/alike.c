/* alike.c - how alike the PNGs of two folders are, name by name: PSNR and SSIM, mean and least.
 *
 *     alike FOLDER OTHER [LEAST_PSNR_DB LEAST_SSIM]
 *
 * One line: pictures, mean PSNR, least PSNR and whose, mean SSIM, least SSIM and whose, how many are equal.
 * Equal pictures count as 99 dB in the mean. With bounds, every picture below one is named and the exit code
 * is 1. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/compare.h"
#include "image/png_file.h"

#define EQUAL_DB 99.0

typedef struct tally {
    int n, n_equal, n_below;
    double psnr, ssim, least_psnr, least_ssim, bound_psnr, bound_ssim;
    char worst_psnr[256], worst_ssim[256];
} tally;

static void must(atl_status status, const atl_note *note)
{
    if (status == ATL_OK)
        return;
    fprintf(stderr, "alike: %s\n", note->text);
    exit(2);
}

static void compare(const char *folder, const char *other, const char *name, tally *t)
{
    char path[1024];
    atl_note note = {0};
    atl_png_file *a = NULL, *b = NULL;
    atl_comparison c;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    must(atl_png_read(path, &a, &note), &note);
    snprintf(path, sizeof path, "%s/%s", other, name);
    must(atl_png_read(path, &b, &note), &note);
    must(atl_compare(&a->picture, &b->picture, &c, &note), &note);
    atl_png_close(&a);
    atl_png_close(&b);
    t->n_equal += isinf(c.psnr_db) ? 1 : 0;
    const double psnr = isinf(c.psnr_db) ? EQUAL_DB : c.psnr_db;
    if (t->n == 0 || psnr < t->least_psnr) {
        t->least_psnr = psnr;
        snprintf(t->worst_psnr, sizeof t->worst_psnr, "%s", name);
    }
    if (t->n == 0 || c.ssim < t->least_ssim) {
        t->least_ssim = c.ssim;
        snprintf(t->worst_ssim, sizeof t->worst_ssim, "%s", name);
    }
    if (psnr < t->bound_psnr || c.ssim < t->bound_ssim) {
        printf("below: %s %.2f dB %.4f\n", name, psnr, c.ssim);
        t->n_below++;
    }
    t->psnr += psnr;
    t->ssim += c.ssim;
    t->n++;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 5) {
        fprintf(stderr, "usage: alike FOLDER OTHER [LEAST_PSNR_DB LEAST_SSIM]\n");
        return 2;
    }
    tally t = {.bound_psnr = argc > 3 ? atof(argv[3]) : -1, .bound_ssim = argc > 3 ? atof(argv[4]) : -2};
    struct dirent **names;
    const int n = scandir(argv[1], &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const size_t length = strlen(names[i]->d_name);
        if (length > 4 && strcmp(names[i]->d_name + length - 4, ".png") == 0)
            compare(argv[1], argv[2], names[i]->d_name, &t);
        free(names[i]);
    }
    if (n < 0 || t.n == 0) {
        fprintf(stderr, "alike: no picture in %s\n", argv[1]);
        return 2;
    }
    free(names);
    printf("%d pictures, PSNR %.2f dB (least %.2f: %s), SSIM %.4f (least %.4f: %s), %d equal\n", t.n,
           t.psnr / t.n, t.least_psnr, t.worst_psnr, t.ssim / t.n, t.least_ssim, t.worst_ssim, t.n_equal);
    return t.n_below > 0;
}
