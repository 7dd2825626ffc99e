/* compare_warnings.c - what a reader must know before relying on a comparison. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "compare_private.h"

#define LEAST_BATCH_S    2.0 /* 200 of the ticks that processors' time is counted in: 1 % is two of them */
#define MOST_UNEVEN_LOSS 0.05

__attribute__((format(printf, 2, 3))) static void warn(comparison *c, const char *format, ...)
{
    va_list args;
    if (c->n_warnings == COMPARE_MAX_WARNINGS)
        return;
    va_start(args, format);
    vsnprintf(c->warning[c->n_warnings++], sizeof *c->warning, format, args);
    va_end(args);
}

/* What is wrong with the batch itself: it is over too soon, or cannot be dealt out evenly. */
static void warn_of_batch(comparison *c)
{
    double least_s = INFINITY, loss = 0;
    int workers = 0, n_images = 0;
    for (int i = 0; i < c->n_policies; i++)
        for (int k = 0; k < c->policy[i].n_setups; k++)
            least_s = fmin(least_s,
                           isfinite(c->policy[i].setup[k].seconds) ? c->policy[i].setup[k].seconds : least_s);
    for (size_t i = 0; i < c->study->n_windows; i++) {
        const atl_study_window *w = &c->study->windows[i];
        const int n = w->n_jobs, turns = (n + w->config.workers - 1) / w->config.workers;
        const double lost = n > 0 ? 1 - (double)n / (turns * w->config.workers) : 0;
        if (atl_compare_counts(w) && lost > loss) {
            loss = lost;
            workers = w->config.workers;
            n_images = n;
        }
    }
    if (least_s < LEAST_BATCH_S)
        warn(c,
             "The batch is short: the fastest setup paints it in %.2g s, of which much is beginning and end "
             "rather than pace. %g s or more are wanted: more prompts, or --repeat N.",
             least_s, LEAST_BATCH_S);
    if (loss > MOST_UNEVEN_LOSS)
        warn(c,
             "%d picture%s cannot be dealt out evenly to %d workers: in the last turn some have nothing to "
             "paint, which "
             "costs %.0f %% of the ideal gain. More pictures cost less of it.",
             n_images, n_images == 1 ? "" : "s", workers, 100 * loss);
}

static void warn_of_setup(comparison *c, const compare_policy *p, const compare_setup *s, int rounds)
{
    char name[64];
    snprintf(name, sizeof name, "%d worker%s × %d thread%s", s->workers, s->workers == 1 ? "" : "s",
             s->threads, s->threads == 1 ? "" : "s");
    if (s->n_windows == 0)
        warn(c, "%s: no valid batch by %s.", p->policy, name);
    else if (2 * s->n_windows < rounds)
        warn(c,
             "%s: in %d rounds only %d batch%s of %s could be used: other programs or the hypervisor "
             "disturbed the "
             "rest.",
             p->policy, rounds, s->n_windows, s->n_windows == 1 ? "" : "es", name);
}

/* The fastest is whichever these rounds had ahead: what they cannot tell from it might be as good. */
static void warn_of_ties(comparison *c, const compare_policy *p)
{
    for (int i = 0; i < p->n_setups && p->best >= 0; i++) {
        const compare_gain *gain = &p->setup[i].best_over;
        if (!(gain->low <= 1 && gain->high >= 1))
            continue;
        atl_text words = {0};
        atl_compare_put_setup(&p->setup[p->best], &words);
        atl_text_puts(&words, " cannot be told from ");
        atl_compare_put_setup(&p->setup[i], &words);
        atl_text_puts(&words, ": it is ");
        atl_compare_put_gain(gain, &words);
        warn(c, "%s: %s.", p->policy, words.data ? words.data : "");
        atl_text_done(&words);
    }
}

void atl_compare_collect_warnings(comparison *c)
{
    size_t mixed = 0;
    for (int i = 0; i < c->study->head.n_warnings; i++)
        warn(c, "%s", c->study->head.warnings[i]);
    warn_of_batch(c);
    for (size_t i = 0; i < c->study->n_windows; i++)
        mixed += c->study->windows[i].valid && !c->study->windows[i].same_pixels;
    if (mixed > 0)
        warn(c, "In %zu batches a picture had other pixels than before: their speed is not of the same work.",
             mixed);
    for (int i = 0; i < c->n_policies; i++) {
        const compare_policy *p = &c->policy[i];
        for (int k = 0; k < p->n_setups; k++)
            warn_of_setup(c, p, &p->setup[k], atl_compare_rounds(c->study));
        warn_of_ties(c, p);
        if (p->one < 0)
            warn(c, "%s: nothing was painted by one worker with one thread, so there is no speed-up to tell.",
                 p->policy);
        const int n = p->best >= 0 ? p->setup[p->best].over_one.n : 0;
        if (n > 0 && n < 6)
            warn(c, "%s: with %d round%s no p below %.3g is possible, whatever the figures.", p->policy, n,
                 n == 1 ? "" : "s", 2 / pow(2, n));
    }
}
