/* study_progress.c - see study_progress.h. */
#include "study_progress.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "console.h"
#include "progress.h"

static const int64_t plain_every_ns = 10000000000, draw_every_ns = 250000000;

study_progress study_progress_new(bool quiet, bool plain)
{
    return (study_progress){.quiet = quiet, .live = !quiet && !plain && console_is_terminal()};
}

void study_progress_clear(study_progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}

static void put_line(const atl_study_view *view, char words[256])
{
    static const char *const phases[] = {"workers start", "warming up", "settling", "measuring"};
    char eta[32] = "?", last[64] = "";
    int n = 0;
    if (isfinite(view->eta_s))
        progress_format_eta(view->eta_s, eta);
    if (isfinite(view->last_images_per_hour))
        snprintf(last, sizeof last,
                 view->last_images_per_hour >= 1000 ? ", the last one %.0f images/h"
                                                    : ", the last one %.4g images/h",
                 view->last_images_per_hour);
    if (view->config)
        n = snprintf(words, 256, "%s %d/%d  %d x %d %s%s", view->word, view->n_measured + 1, view->n_windows,
                     view->config->workers, view->config->threads, view->config->policy,
                     view->config->corunners ? " beside streams" : "");
    snprintf(words + n, 256 - (size_t)n, "%s%s%s  ETA %s", n ? "  " : "", phases[view->phase], last, eta);
}

void study_progress_watch(void *user, const atl_study_view *view)
{
    study_progress *p = user;
    char words[256];
    const int64_t now_ns = atl_clock_now_ns();
    if (p->quiet || now_ns - p->said_ns < (p->live ? draw_every_ns : plain_every_ns))
        return;
    p->said_ns = now_ns;
    put_line(view, words);
    if (p->live)
        fprintf(stderr, "\r%.100s\033[K", words);
    else
        fprintf(stderr, "%s\n", words);
    fflush(stderr);
    p->drawn = p->live;
}
