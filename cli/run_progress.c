/* run_progress.c - see run_progress.h. */
#include "run_progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "console.h"
#include "progress.h"
#include "run_show.h"

enum { BAR_WIDTH = 30, NARROW_BAR = 10, NARROW_COLUMNS = 80, DEFAULT_COLUMNS = 80 };
enum { PLAIN_EVERY_MS = 5000, DRAW_EVERY_MS = 200 };

run_progress run_progress_new(bool quiet, bool plain, const char *show)
{
    const run_show_kind kind = show && !quiet ? run_show_find(show) : RUN_SHOW_NONE;
    if (show && !quiet && kind == RUN_SHOW_NONE)
        console_say("--show: standard error is no terminal with colours, so no pictures are shown");
    return (run_progress){.quiet = quiet,
                          .live = !quiet && !plain && console_is_terminal(),
                          .colour = console_has_colour(),
                          .show = (int)kind};
}

static int columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : DEFAULT_COLUMNS;
}

static const char *phase_words(atl_run_phase phase)
{
    static const char *const words[] = {"starting", "", "paused", "the disk is full", "stopping"};
    return words[phase];
}

static void put_status(const atl_run_view *view, char words[256])
{
    char eta[32] = "?", per_min[32], rate[64] = "";
    if (isfinite(view->eta_s))
        progress_format_eta(view->eta_s, eta);
    if (isfinite(view->rate_per_min)) {
        progress_format_rate(view->rate_per_min, per_min);
        snprintf(rate, sizeof rate, "  %s images/min", per_min);
    }
    const char *phase = phase_words(view->phase);
    int n =
        snprintf(words, 256, "%llu/%llu", (unsigned long long)view->n_done, (unsigned long long)view->n_jobs);
    if (view->n_failed > 0)
        n += snprintf(words + n, 256 - (size_t)n, "  %llu failed", (unsigned long long)view->n_failed);
    snprintf(words + n, 256 - (size_t)n, "%s  ETA %s%s%s", rate, eta, phase[0] ? "  " : "", phase);
}

static const char *worker_words(atl_worker_phase phase)
{
    switch (phase) {
    case ATL_WORKER_STARTING:
        return "starting";
    case ATL_WORKER_READY:
        return "ready";
    case ATL_WORKER_PAINTING:
        return "painting";
    case ATL_WORKER_LOST:
        return "lost";
    case ATL_WORKER_ASIDE:
        return "set aside";
    case ATL_WORKER_GONE:
        return "gone";
    }
    return "";
}

static void compose_worker(const run_progress *p, const atl_run_worker *w, size_t number, int width,
                           char out[RUN_PROGRESS_LINE_BYTES])
{
    char line[512];
    int n = snprintf(line, sizeof line, "  %2zu %-9s", number, worker_words(w->phase));
    if (w->phase == ATL_WORKER_PAINTING)
        n += snprintf(line + n, sizeof line - (size_t)n, " job %llu", (unsigned long long)w->index);
    if (w->phase == ATL_WORKER_PAINTING && w->n_steps > 0)
        n += snprintf(line + n, sizeof line - (size_t)n, "  step %d/%d", w->step, w->n_steps);
    n += snprintf(line + n, sizeof line - (size_t)n, "  %llu done", (unsigned long long)w->n_done);
    if (w->phase == ATL_WORKER_LOST || w->phase == ATL_WORKER_ASIDE)
        snprintf(line + n, sizeof line - (size_t)n, "  %s", w->text);
    else if (w->cores[0])
        snprintf(line + n, sizeof line - (size_t)n, "  on %s", w->cores);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
    snprintf(out, RUN_PROGRESS_LINE_BYTES, "%s%.*s%s", p->colour ? "\033[2m" : "", width - 1, line,
             p->colour ? "\033[0m" : "");
}

void run_progress_clear(run_progress *p)
{
    if (p->n_lines == 0)
        return;
    fputs("\r\033[J", stderr);
    p->n_lines = 0;
}

static void compose_bar(const run_progress *p, const atl_run_view *view, int width,
                        char out[RUN_PROGRESS_LINE_BYTES])
{
    char words[256], bar[BAR_WIDTH + 1];
    const double part = view->n_jobs > 0 ? (double)view->n_done / (double)view->n_jobs : 0;
    const int bar_width = width < NARROW_COLUMNS ? NARROW_BAR : BAR_WIDTH; /* words matter more */
    for (int i = 0; i < bar_width; i++)
        bar[i] = i < (int)(part * bar_width + 0.5) ? '#' : '.';
    bar[bar_width] = '\0';
    put_status(view, words);
    snprintf(out, RUN_PROGRESS_LINE_BYTES, "%s[%s]%s %.*s", p->colour ? "\033[32m" : "", bar,
             p->colour ? "\033[0m" : "", width > bar_width + 4 ? width - bar_width - 4 : 1, words);
}

/* Only lines that are not what stands there are written; where none is, nothing. */
static void draw(run_progress *p, const atl_run_view *view)
{
    char line[RUN_PROGRESS_LINE_BYTES];
    const int width = columns();
    const int n = view->n_workers < RUN_PROGRESS_LINES ? (int)view->n_workers + 1 : RUN_PROGRESS_LINES;
    if (p->n_lines != n || p->columns != width)
        run_progress_clear(p);
    int at = 0; /* the cursor's line */
    bool written = false;
    for (int i = 0; i < n; i++) {
        if (i == 0)
            compose_bar(p, view, width, line);
        else
            compose_worker(p, &view->workers[i - 1], (size_t)i - 1, width, line);
        if (i < p->n_lines && strcmp(line, p->lines[i]) == 0)
            continue;
        snprintf(p->lines[i], sizeof p->lines[i], "%s", line);
        for (; at < i; at++)
            fputc('\n', stderr);
        fprintf(stderr, "\r%s\033[K", line);
        written = true;
    }
    if (at > 0)
        fprintf(stderr, "\033[%dA", at);
    if (written) {
        fputc('\r', stderr);
        fflush(stderr);
    }
    p->n_lines = n;
    p->columns = width;
}

int run_progress_every_ms(const run_progress *p)
{
    return p->live ? DRAW_EVERY_MS : PLAIN_EVERY_MS;
}

void run_progress_watch(void *user, const atl_run_view *view)
{
    run_progress *p = user;
    const int64_t now_ns = atl_clock_now_ns();
    const int64_t every_ns = (int64_t)run_progress_every_ms(p) * 1000000;
    if (p->quiet || now_ns - p->said_ns < every_ns / 10 * 9) /* it is called at about that pace */
        return;
    p->said_ns = now_ns;
    if (p->live) {
        draw(p, view);
        return;
    }
    char words[256];
    put_status(view, words);
    fprintf(stderr, "%s\n", words);
}

void run_progress_picture(void *user, const char *name, const uint8_t *png, size_t n_bytes)
{
    run_progress *p = user;
    if (p->show == RUN_SHOW_NONE)
        return;
    run_progress_clear(p);
    run_show((run_show_kind)p->show, columns(), name, png, n_bytes);
}
