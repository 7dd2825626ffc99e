/* report_placement.c - where the workers of each count sat: a strip a count, a column a core, in the
 * machine's order, clusters apart. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chart_private.h"
#include "report_charts_private.h"

enum { MAX_PUS = 4096 };
#define GAP 6.0 /* between clusters, px */

/* A hardware thread: where it is drawn, and who sits there. */
typedef struct place {
    int pu, core, cluster;
    int layer, n_layers; /* of its core */
    int worker;          /* the first that has it; −1: nobody in any count */
} place;

typedef struct floor_plan {
    place *place; /* owned */
    int n, n_cores, n_clusters;
} floor_plan;

static const atl_study_seating *seating_of(const report *r, const report_series *s)
{
    const atl_study_head *h = &r->study->head;
    for (int i = 0; i < h->n_seatings; i++)
        if (h->seating[i].threads == s->threads && strcmp(h->seating[i].order, s->order) == 0)
            return &h->seating[i];
    return NULL;
}

/* "0,4 1,5 | 2,6 3,7" */
static void read_cores(const char *map, floor_plan *plan)
{
    int first = 0;
    plan->n_clusters = 1;
    for (const char *at = map; *at && plan->n < MAX_PUS;) {
        char *end;
        const long pu = strtol(at, &end, 10);
        if (end == at) {
            plan->n_clusters += *at == '|';
            at++;
            continue;
        }
        plan->place[plan->n] = (place){.pu = (int)pu,
                                       .core = plan->n_cores,
                                       .cluster = plan->n_clusters - 1,
                                       .layer = plan->n - first,
                                       .worker = -1};
        plan->n++;
        at = end;
        if (*at == ',')
            continue;
        for (int i = first; i < plan->n; i++)
            plan->place[i].n_layers = plan->n - first;
        first = plan->n;
        plan->n_cores++;
    }
}

static void take(floor_plan *plan, int worker, long first, long last)
{
    for (int i = 0; i < plan->n; i++)
        if (plan->place[i].pu >= first && plan->place[i].pu <= last && plan->place[i].worker < 0)
            plan->place[i].worker = worker;
}

/* "0-1 4-5", "0,4 1,5", "- -". */
static void read_seats(const char *cpus, floor_plan *plan)
{
    int worker = 0;
    for (const char *at = cpus; *at;) {
        char *end;
        const long first = *at >= '0' && *at <= '9' ? strtol(at, &end, 10) : -1;
        if (first < 0) {
            worker += *at == ' ';
            at++;
            continue;
        }
        const long last = *end == '-' ? strtol(end + 1, &end, 10) : first;
        take(plan, worker, first, last);
        at = end;
    }
}

static bool plan_floor(const report *r, const report_series *s, floor_plan *plan)
{
    const atl_study_seating *seating = seating_of(r, s);
    *plan = (floor_plan){0};
    if (!seating || !r->study->head.cores || s->n_counts == 0)
        return false;
    plan->place = calloc(MAX_PUS, sizeof *plan->place);
    if (!plan->place)
        return false;
    read_cores(r->study->head.cores, plan);
    read_seats(seating->cpus, plan);
    bool some = false;
    for (int i = 0; i < plan->n; i++)
        some = some || plan->place[i].worker >= 0;
    if (!some) {
        free(plan->place);
        *plan = (floor_plan){0};
    }
    return some;
}

bool atl_report_has_placement(const report *r, const report_series *s)
{
    floor_plan plan;
    const bool has = plan_floor(r, s, &plan);
    free(plan.place);
    return has;
}

bool atl_report_placement_is_planned(const report *r, const report_series *s)
{
    const atl_study_seating *seating = seating_of(r, s);
    return seating && seating->planned;
}

static void draw_place(chart *c, const place *p, int workers, double x, double y, double w, double h)
{
    char tip[96], fill[16] = "var(--well)";
    const double part = h / p->n_layers;
    const bool used = p->worker >= 0 && p->worker < workers;
    if (used) {
        snprintf(fill, sizeof fill, "var(--c%d)", p->worker % CHART_COLOURS);
        snprintf(tip, sizeof tip, "%d workers: CPU %d has worker %d", workers, p->pu, p->worker);
    } else {
        snprintf(tip, sizeof tip, "%d workers: CPU %d has none", workers, p->pu);
    }
    atl_chart_rect(c, x, y + part * p->layer, w, part - (p->n_layers > 1 ? 0.5 : 0), fill, 1, tip);
}

static void name_clusters(chart *c, const floor_plan *plan, double left, double pitch)
{
    double free_from = 0;
    for (int i = 0; i < plan->n; i++) {
        char text[24];
        const place *p = &plan->place[i];
        const double x = left + pitch * p->core + GAP * p->cluster;
        if ((i > 0 && plan->place[i - 1].cluster == p->cluster) || x < free_from)
            continue;
        snprintf(text, sizeof text, "CPU %d", p->pu);
        atl_chart_text(c, x, 14, "", "unit", text);
        free_from = x + atl_chart_text_width(text, 12) + 8;
    }
}

void atl_report_draw_placement(const report *r, const void *what, bool narrow, atl_text *out)
{
    const report_series *s = what;
    floor_plan plan;
    chart c;
    if (!plan_floor(r, s, &plan))
        return;
    const double row = 18, top = 22, left = 40;
    atl_chart_begin(&c, out, narrow, true, top + row * s->n_counts + 22,
                    "Cores that each number of workers used");
    const double room = c.width - left - 4 - GAP * (plan.n_clusters - 1),
                 pitch = fmin(room / plan.n_cores, 40);
    name_clusters(&c, &plan, left, pitch);
    for (int i = 0; i < s->n_counts; i++) {
        char text[16];
        const double y = top + row * i;
        snprintf(text, sizeof text, "%d", s->count[i].workers);
        atl_chart_text(&c, left - 6, y + row / 2 + 4, "end", i == s->at ? "strong" : "", text);
        for (int k = 0; k < plan.n; k++) {
            const place *p = &plan.place[k];
            draw_place(&c, p, s->count[i].workers, left + pitch * p->core + GAP * p->cluster, y + 1,
                       fmax(pitch - (pitch > 6 ? 1.5 : 0.5), 0.5), row - 3);
        }
    }
    atl_chart_text(&c, left, c.height - 5, "", "unit",
                   narrow ? "cores →" : "cores, those that share a cache beside each other →");
    atl_chart_end(&c);
    free(plan.place);
}
