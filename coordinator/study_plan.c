/* study_plan.c - see study_plan.h. */
#include "study_plan.h"

#include "base/random.h"

#include <stdio.h>
#include <string.h>

#include "draw_words.h"

/* ---- worker counts ---- */

int atl_study_default_counts(int n_max, int counts[ATL_STUDY_MAX_COUNTS])
{
    atl_study_series series = {0};
    for (int step = 1; step <= n_max; step *= 2) {
        atl_study_add_count(&series, step);
        if (step >= 2 && step + step / 2 <= n_max)
            atl_study_add_count(&series, step + step / 2);
    }
    if (n_max >= 1)
        atl_study_add_count(&series, n_max);
    memcpy(counts, series.counts, sizeof series.counts);
    return series.n_counts;
}

void atl_study_add_count(atl_study_series *series, int count)
{
    int at = 0;
    while (at < series->n_counts && series->counts[at] < count)
        at++;
    if (series->n_counts == ATL_STUDY_MAX_COUNTS || (at < series->n_counts && series->counts[at] == count))
        return;
    memmove(&series->counts[at + 1], &series->counts[at],
            (size_t)(series->n_counts - at) * sizeof *series->counts);
    series->counts[at] = count;
    series->n_counts++;
}

/* ---- order ---- */

void atl_study_shuffle(int *items, int n, uint64_t seed)
{
    uint64_t state = seed;
    for (int i = n - 1; i > 0; i--) {
        const int j = (int)(atl_random_next(&state) % (uint64_t)(i + 1));
        const int held = items[i];
        items[i] = items[j];
        items[j] = held;
    }
}

typedef struct round_list {
    const atl_study_series *series;
    atl_study_config *items;
    size_t n, capacity;
} round_list;

static void add(round_list *list, int workers, int corunners, bool probe)
{
    if (list->n == list->capacity)
        return;
    atl_study_config *config = &list->items[list->n++];
    *config = (atl_study_config){
        .workers = workers, .threads = list->series->threads, .corunners = corunners, .probe = probe};
    snprintf(config->policy, sizeof config->policy, "%s", list->series->policy);
    snprintf(config->order, sizeof config->order, "%s", atl_order_name(list->series->order));
}

size_t atl_study_plan_round(const atl_study_series *series, int round, uint64_t seed, bool probe, bool extras,
                            atl_study_config *ret, size_t capacity)
{
    round_list list = {.series = series, .items = ret, .capacity = capacity};
    if (series->n_counts == 0)
        return 0;
    int rest[ATL_STUDY_MAX_COUNTS];
    const int n_rest = series->n_counts - 1;
    memcpy(rest, series->counts + 1, (size_t)n_rest * sizeof *rest);
    atl_study_shuffle(rest, n_rest, seed ^ ((uint64_t)round + 1) * 0x2545f4914f6cdd1du);
    add(&list, series->counts[0], 0, probe);
    for (int i = 0; i < n_rest; i++)
        add(&list, rest[i], 0, probe);
    if (extras && probe) {
        add(&list, series->counts[n_rest], 0, false);
        add(&list, series->counts[0], 0, false);
    }
    for (int streams = 1; extras && streams <= series->most_corunners; streams *= 2)
        add(&list, 1, streams, false);
    if (n_rest > 0)
        add(&list, series->counts[0], 0, probe);
    return list.n;
}
