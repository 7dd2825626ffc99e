/* verdict.c - see verdict.h. The thresholds stand at the top, each with its reason; how often they are wrong
 * says bench/verdict_trial.c, and docs/SCALING.md. */
#include "verdict_private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOOD_EFFICIENCY  0.90 /* at the largest N: no limit was met */
#define RISE             1.10 /* of a stage's CPU time; and beyond SURE, since windows scatter by 3 to 9 % */
#define FLAT             1.05
#define SHARP_LATENCY    1.30 /* reads of a loaded memory: queues, not noise */
#define FLAT_LATENCY     1.10
#define SLOWED           0.90 /* a worker's rate beside streams */
#define UNTOUCHED        0.97
#define NEAR             1.5  /* the two worker counts agree within this factor */
#define FAR              2.5  /* or contradict each other beyond this one */
#define UNITS_SHARED     0.70 /* what all cores compute together, over what as many lone ones would */
#define WAITED_PERCENT   3.0  /* of its time, for a core: the same 3 % at which a window is flawed */
#define SURE             2.0  /* standard errors that a rise or a loss has to be away from none */
#define LEAST_STAGE_NS   1e6  /* a stage below a millisecond is noise */
#define CACHE_LINE_BYTES 64

const char *atl_limit_name(atl_limit limit)
{
    static const char *const names[] = {"not seen", "memory", "cores", "unproven"};
    return names[limit];
}

static double stage_cpu(const atl_study_window *w, int stage)
{
    return w->stage[stage].cpu_ns > 0 ? (double)w->stage[stage].cpu_ns : NAN;
}

static double rate(const atl_study_window *w, int which)
{
    (void)which;
    return w->images_per_hour;
}

static double probe_latency(const atl_study_window *w, int which)
{
    (void)which;
    return w->probe_ns;
}

static double evidence(const atl_study_window *w, const char *name)
{
    for (int i = 0; i < w->n_evidence; i++)
        if (strcmp(w->evidence[i].name, name) == 0)
            return w->evidence[i].value;
    return NAN;
}

static double run_delay(const atl_study_window *w, int which)
{
    (void)which;
    return evidence(w, "run_delay");
}

static double bandwidth_gbps(const atl_study_window *w, int which)
{
    (void)which;
    return evidence(w, "memory_bandwidth");
}

/* From misses of the last cache: a lower bound, what was fetched ahead is not in it. */
static double missed_gbps(const atl_study_window *w, int which)
{
    (void)which;
    return evidence(w, "llc_misses") * CACHE_LINE_BYTES / 1e9;
}

/* ---- sentences ---- */

__attribute__((format(printf, 3, 4))) static void add(char list[][256], int *n, const char *format, ...)
{
    va_list args;
    if (*n == ATL_VERDICT_MAX_REASONS)
        return;
    va_start(args, format);
    vsnprintf(list[(*n)++], 256, format, args);
    va_end(args);
}
#define SPEAKS_FOR(q, ...)     add((q)->verdict->reason_for, &(q)->verdict->n_for, __VA_ARGS__)
#define SPEAKS_AGAINST(q, ...) add((q)->verdict->reason_against, &(q)->verdict->n_against, __VA_ARGS__)
#define NOT_KNOWN(q, ...)      add((q)->verdict->unknown, &(q)->verdict->n_unknown, __VA_ARGS__)

/* ---- the four pieces ---- */

/* Where the gain ends: the ceiling's place if that law was chosen, else the recommended count. */
static double knee(const atl_inquiry *q)
{
    const atl_scaling *s = q->scaling;
    return s->modelled && s->chosen == ATL_LAW_SATURATION ? s->fits[ATL_LAW_SATURATION].s : s->recommended;
}

static void ask_bandwidth(const atl_inquiry *q)
{
    double one = atl_inquiry_median(q, (atl_inquired){q->n_first, 0, -1}, bandwidth_gbps, 0) / q->n_first;
    const char *source = "as counted by resctrl";
    if (!isfinite(one)) {
        one = atl_inquiry_median(q, (atl_inquired){q->n_first, 0, -1}, missed_gbps, 0) / q->n_first;
        source = "by its cache misses, which is a lower bound";
    }
    const double all = q->ceilings->triad_gbps_all;
    if (!(one > 0) || !(all > 0)) {
        NOT_KNOWN(q, "a worker's own memory traffic: %s",
                  all > 0 ? "no counter for it could be read" : "the machine's bandwidth was not measured");
        return;
    }
    const double fit = all / one, end = knee(q), factor = fit > end ? fit / end : end / fit;
    if (factor <= NEAR)
        SPEAKS_FOR(
            q,
            "a worker alone moves %.3g GB/s (%s) and the machine %.3g GB/s: room for %.3g workers, and "
            "the gain ends at about %.3g",
            one, source, all, fit, end);
    else if (factor > FAR)
        SPEAKS_AGAINST(
            q,
            "a worker alone moves %.3g GB/s (%s) and the machine %.3g GB/s: room for %.3g workers, "
            "though the gain ends at about %.3g",
            one, source, all, fit, end);
    else
        NOT_KNOWN(q,
                  "the bandwidth has room for %.3g workers (%s), the gain ends at about %.3g: too far apart "
                  "to agree, too near to differ",
                  fit, source, end);
}

static double rise_of(const atl_inquiry *q, int stage)
{
    const double first = atl_inquiry_median(q, (atl_inquired){q->n_first, 0, -1}, stage_cpu, stage);
    return first >= LEAST_STAGE_NS
               ? atl_inquiry_median(q, (atl_inquired){q->n_last, 0, -1}, stage_cpu, stage) / first
               : NAN;
}

/* The encoder of PNGs works in the first caches and is the control; the network's stages read weights and
 * maps. The text encoder does, too, but most prompts come from a worker's cache: its mean says how many. */
static void ask_stages(const atl_inquiry *q)
{
    static const int streaming[] = {ATL_STAGE_UNET, ATL_STAGE_VAE_DECODE};
    double most = NAN;
    int which = -1;
    for (size_t i = 0; i < sizeof streaming / sizeof *streaming; i++) {
        const double rise = rise_of(q, streaming[i]);
        if (isfinite(rise) && !(rise <= most)) {
            most = rise;
            which = streaming[i];
        }
    }
    const double control = rise_of(q, ATL_STAGE_PNG_ENCODE);
    if (which < 0 || !isfinite(control)) {
        NOT_KNOWN(q, "the stages' CPU times: too short, or not measured at %g and %g workers", q->n_first,
                  q->n_last);
        return;
    }
    const char *name = atl_stage_name((atl_stage)which);
    const double error =
        atl_inquiry_error(q, (atl_inquired){q->n_first, 0, -1}, (atl_inquired){q->n_last, 0, -1});
    if (most >= RISE && most - control >= SURE * error && control <= FLAT)
        SPEAKS_FOR(q,
                   "%s takes %.2f times the CPU time at %g workers, while png_encode, which stays in the "
                   "caches, takes %.2f times",
                   name, most, q->n_last, control);
    else if (most <= FLAT && SURE * error <= RISE - 1)
        SPEAKS_AGAINST(q, "no stage takes more CPU time at %g workers (%s, the most: %.2f times)", q->n_last,
                       name, most);
    else if (control >= RISE && control - 1 >= SURE * error)
        SPEAKS_AGAINST(
            q,
            "png_encode, which stays in the caches, takes %.2f times the CPU time at %g workers, too "
            "(%s: %.2f): that is the clock frequency, shared cores or a neighbour",
            control, q->n_last, name, most);
    else
        NOT_KNOWN(q,
                  "the stages: %s takes %.2f times the CPU time at %g workers, png_encode %.2f times: too "
                  "close to tell (one window scatters by %.0f %%)",
                  name, most, q->n_last, control, 100 * q->noise);
}

static void ask_neighbours(const atl_inquiry *q)
{
    int most = 0;
    double workers = 0;
    for (size_t i = 0; i < q->n_windows; i++)
        if (q->windows[i].valid && q->windows[i].config.corunners > most) {
            most = q->windows[i].config.corunners;
            workers = q->windows[i].config.workers;
        }
    if (most == 0) {
        NOT_KNOWN(q, "%s", "how much streaming neighbours slow a worker down: not measured");
        return;
    }
    double alone = atl_inquiry_median(q, (atl_inquired){workers, 0, 0}, rate, 0);
    if (!isfinite(alone))
        alone = atl_inquiry_median(q, (atl_inquired){workers, 0, -1}, rate, 0);
    const double beside = atl_inquiry_median(q, (atl_inquired){workers, most, -1}, rate, 0) / alone;
    const double error =
        atl_inquiry_error(q, (atl_inquired){workers, 0, -1}, (atl_inquired){workers, most, -1});
    if (!isfinite(beside))
        NOT_KNOWN(q, "%s", "how much streaming neighbours slow a worker down: nothing to compare with");
    else if (beside <= SLOWED && 1 - beside >= SURE * error)
        SPEAKS_FOR(
            q, "beside %d process%s that only stream%s through memory, %g worker%s at %.0f %% of the rate",
            most, most == 1 ? "" : "es", most == 1 ? "s" : "", workers, workers > 1 ? "s paint" : " paints",
            100 * beside);
    else if (beside >= UNTOUCHED && SURE * error <= 1 - SLOWED)
        SPEAKS_AGAINST(q,
                       "beside %d process%s that only stream%s through memory a worker is not slower (%.0f "
                       "%% of its rate)",
                       most, most == 1 ? "" : "es", most == 1 ? "s" : "", 100 * beside);
    else
        NOT_KNOWN(
            q,
            "the neighbours: beside %d stream%s %.0f %% of the rate is left, too close to tell (one window "
            "scatters by %.0f %%)",
            most, most == 1 ? "" : "s", 100 * beside, 100 * q->noise);
}

static double latency_at(const atl_inquiry *q, double workers)
{
    return atl_inquiry_median(q, (atl_inquired){workers, 0, 1}, probe_latency, 0);
}

/* The largest count whose windows the probe ran in: where all cores are at work it has none. 0: there is no
 * such beyond the least. */
static double most_probed(const atl_inquiry *q)
{
    for (int i = q->scaling->n_counts - 1; i > 0; i--)
        if (isfinite(latency_at(q, q->scaling->counts[i])))
            return q->scaling->counts[i];
    return 0;
}

static void ask_latency(const atl_inquiry *q)
{
    const double most = most_probed(q), last = latency_at(q, most);
    double first = latency_at(q, q->n_first);
    if (!isfinite(first))
        first = q->ceilings->latency_ns_idle;
    const double rise = last / first;
    const char *of_all = most < q->n_last ? ", the most that left the probe a core" : "";
    if (!isfinite(rise))
        NOT_KNOWN(q, "%s",
                  "the memory's latency under load: the probe did not run, or had no core of its own");
    else if (rise >= SHARP_LATENCY)
        SPEAKS_FOR(q, "a read from memory takes %.0f ns beside %g workers%s, %.0f ns beside %g", last, most,
                   of_all, first, q->n_first);
    else if (rise <= FLAT_LATENCY && most == q->n_last)
        SPEAKS_AGAINST(
            q, "a read from memory takes no longer beside %g workers (%.0f ns) than beside %g (%.0f ns)",
            most, last, q->n_first, first);
    else
        NOT_KNOWN(q, "the latency: %.0f ns beside %g workers%s, %.0f ns beside %g: too close to tell", last,
                  most, of_all, first, q->n_first);
}

/* ---- the sentence ---- */

static double efficiency_at_last(const atl_scaling *s)
{
    const int last = s->n_counts - 1;
    return s->median_rate[last] / s->median_rate[0] * s->counts[0] / s->counts[last];
}

static void say_gain_goes_on(const atl_inquiry *q)
{
    atl_verdict *v = q->verdict;
    const double used = q->n_last * q->threads;
    v->limit = ATL_LIMIT_NOT_SEEN;
    if (isfinite(q->cores) && used + q->threads > q->cores) {
        v->limit = ATL_LIMIT_CORES;
        snprintf(
            v->sentence, sizeof v->sentence,
            "The cores are the limit: with %g workers all that fit on %g cores are at work, and each still "
            "brings about what the first one brought.",
            q->n_last, q->cores);
    } else {
        snprintf(
            v->sentence, sizeof v->sentence,
            "No limit was seen up to %g workers: each brings about what the first one brought. More may be "
            "worth a try.",
            q->n_last);
    }
}

/* How many times as much as one core all of them compute out of their first caches; NAN: not known. */
static double units(const atl_inquiry *q)
{
    const double one = q->ceilings->gflops_one, all = q->ceilings->gflops_all;
    return one > 0 && all > 0 ? all / one : (double)NAN;
}

/* Whether cores slow each other down where no memory is touched. What all do says nothing of a few. */
static bool units_are_shared(const atl_inquiry *q)
{
    return q->cores > 1 && 2 * q->n_last * q->threads > q->cores && units(q) < UNITS_SHARED * q->cores;
}

static void ask_units(const atl_inquiry *q)
{
    if (units_are_shared(q))
        add(q->verdict->reason_against, &q->verdict->n_against,
            "all %.0f cores together compute %.1f times what one does alone, out of their first caches: they "
            "share "
            "a clock or units, and lose that before any memory is read",
            q->cores, units(q));
}

static void say_gain_ends(const atl_inquiry *q)
{
    static const char *const pieces[] = {"No pieces of evidence", "One piece of evidence",
                                         "Two pieces of evidence", "Several pieces of evidence"};
    atl_verdict *v = q->verdict;
    const double waited = atl_inquiry_median(q, (atl_inquired){q->n_last, 0, -1}, run_delay, 0);
    if (v->n_for >= 2 && v->n_against == 0) {
        v->limit = ATL_LIMIT_MEMORY;
        snprintf(v->sentence, sizeof v->sentence,
                 "The memory is the limit: beyond about %d workers they wait for data from memory, not for "
                 "cores. %d pieces of evidence agree, none speaks against it.",
                 q->scaling->knee > 0 ? q->scaling->knee : q->scaling->recommended, v->n_for);
    } else if (units_are_shared(q) && q->n_last * q->threads <= q->cores) {
        v->limit = ATL_LIMIT_CORES;
        snprintf(
            v->sentence, sizeof v->sentence,
            "The cores themselves are the limit: computing without any memory, all %.0f of them together do "
            "only %.1f times what one does alone (they share a clock or arithmetic units). %s speak%s for "
            "the "
            "memory.",
            q->cores, units(q), pieces[v->n_for < 3 ? v->n_for : 3], v->n_for == 1 ? "s" : "");
    } else if (waited > WAITED_PERCENT) {
        v->limit = ATL_LIMIT_CORES;
        snprintf(
            v->sentence, sizeof v->sentence,
            "The cores are the limit: with %g workers each of them waited %.0f %% of the time for a core.",
            q->n_last, waited);
    } else {
        v->limit = ATL_LIMIT_UNPROVEN;
        snprintf(
            v->sentence, sizeof v->sentence,
            "More workers gain less and less; what holds them back is not proven. For the memory: %d piece%s "
            "of evidence, against it: %d, not known: %d.",
            v->n_for, v->n_for == 1 ? "" : "s", v->n_against, v->n_unknown);
    }
}

void atl_verdict_reach(const atl_study_window *windows, size_t n_windows, const atl_scaling *scaling,
                       const atl_study_ceilings *ceilings, double cores, atl_verdict *ret)
{
    *ret = (atl_verdict){.limit = ATL_LIMIT_UNPROVEN};
    if (scaling->n_counts < 2) {
        snprintf(ret->sentence, sizeof ret->sentence,
                 "One worker count alone says nothing about what more workers would gain.");
        return;
    }
    atl_inquiry q = {windows,
                     n_windows,
                     scaling,
                     ceilings,
                     cores,
                     scaling->counts[0],
                     scaling->counts[scaling->n_counts - 1],
                     n_windows > 0 ? windows[0].config.threads : 1,
                     0,
                     ret};
    q.noise = atl_inquiry_noise(&q);
    ask_bandwidth(&q);
    ask_stages(&q);
    ask_neighbours(&q);
    ask_latency(&q);
    ask_units(&q);
    if (efficiency_at_last(scaling) >= GOOD_EFFICIENCY)
        say_gain_goes_on(&q);
    else
        say_gain_ends(&q);
}
