/* progress.c - see progress.h. */
#include "progress.h"

#include <stdio.h>

#include "base/clock.h"
#include "console.h"
#include "stop.h"

#define BAR_WIDTH     30
#define LINE_EVERY_NS 2000000000

progress progress_new(bool quiet)
{
    return (progress){.quiet = quiet, .terminal = console_is_terminal(), .colour = console_has_colour()};
}

void progress_format_eta(double seconds, char text[32])
{
    const long s = seconds < 0 ? 0 : seconds > 1e8 ? 100000000 : (long)(seconds + 0.5);
    if (s < 60)
        snprintf(text, 32, "%ld s", s);
    else if (s < 3600)
        snprintf(text, 32, "%ld:%02ld", s / 60, s % 60);
    else
        snprintf(text, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

void progress_format_rate(double per_min, char text[32])
{
    snprintf(text, 32, "%.*f", per_min < 10 ? 2 : per_min < 100 ? 1 : 0, per_min);
}

static void draw_bar(const progress *p, double part, const char *words, bool last)
{
    char bar[BAR_WIDTH + 1];
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < (int)(part * BAR_WIDTH + 0.5) ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r%s[%s]%s %s\033[K%s", p->colour ? "\033[32m" : "", bar, p->colour ? "\033[0m" : "",
            words, last ? "\n" : "");
    fflush(stderr);
}

static void say(const progress *p, double part, const char *words, bool last)
{
    if (p->terminal)
        draw_bar(p, part, words, last);
    else
        fprintf(stderr, "%s\n", words);
}

bool progress_step(void *user, int step, int n_steps)
{
    progress *p = user;
    if (step == 0)
        p->begun_ns = atl_clock_now_ns();
    if (!p->quiet && step > 0) {
        const double each_s = atl_ns_to_s(atl_clock_now_ns() - p->begun_ns) / step;
        char eta[32], words[128];
        progress_format_eta(each_s * (n_steps - step), eta);
        snprintf(words, sizeof words, "step %d/%d  %.3g s/step  ETA %s", step, n_steps, each_s, eta);
        say(p, (double)step / n_steps, words, step == n_steps || stop_signal());
    }
    return stop_signal() == 0;
}

void progress_bytes(void *user, size_t done_bytes, size_t total_bytes)
{
    progress *p = user;
    const int64_t now_ns = atl_clock_now_ns();
    const bool last = done_bytes >= total_bytes;
    if (p->begun_ns == 0)
        p->begun_ns = p->said_ns = now_ns;
    if (p->quiet || total_bytes == 0 || (!last && !p->terminal && now_ns - p->said_ns < LINE_EVERY_NS))
        return;
    p->said_ns = now_ns;
    const double part = (double)done_bytes / (double)total_bytes;
    const double elapsed_s = atl_ns_to_s(now_ns - p->begun_ns);
    char eta[32], words[128];
    progress_format_eta(part > 0 ? elapsed_s * (1 - part) / part : 0, eta);
    snprintf(words, sizeof words, "written %.1f of %.1f MB  ETA %s", (double)done_bytes / 1e6,
             (double)total_bytes / 1e6, eta);
    say(p, part, words, last);
}
