/* study_seats.c - see study_seats.h; and where workers would sit, for records that do not say where they did.
 */
#include "study_seats.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/study.h"
#include "draw_words.h"

enum { LIST_BYTES = 128 };

struct atl_study_seats {
    pthread_mutex_t mutex;
    int n_workers;
    char (*cpus)[LIST_BYTES]; /* [n_workers] "" not ready yet */
};

void atl_cores_of_words(const char *words, char *ret, size_t size)
{
    static const char prefix[] = "cores ";
    ret[0] = '\0';
    if (!words || strncmp(words, prefix, sizeof prefix - 1) != 0)
        return;
    const char *list = words + sizeof prefix - 1, *end = strstr(list, ", ");
    snprintf(ret, size, "%.*s", (int)(end ? (size_t)(end - list) : strlen(list)), list);
}

atl_status atl_study_seats_open(int n_workers, atl_study_seats **ret, atl_note *note)
{
    atl_study_seats *seats = calloc(1, sizeof *seats);
    if (seats)
        seats->cpus = calloc((size_t)n_workers, sizeof *seats->cpus);
    if (!seats || !seats->cpus) {
        free(seats);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for %d workers", n_workers);
    }
    seats->n_workers = n_workers;
    pthread_mutex_init(&seats->mutex, NULL);
    *ret = seats;
    return ATL_OK;
}

void atl_study_seats_close(atl_study_seats **seats)
{
    atl_study_seats *s = *seats;
    *seats = NULL;
    if (!s)
        return;
    pthread_mutex_destroy(&s->mutex);
    free(s->cpus);
    free(s);
}

void atl_study_seats_put(void *user, const atl_pool_event *event)
{
    atl_study_seats *seats = user;
    if (event->type != ATL_POOL_WORKER || event->phase != ATL_WORKER_READY ||
        event->worker >= (uint32_t)seats->n_workers)
        return;
    pthread_mutex_lock(&seats->mutex);
    atl_cores_of_words(event->text, seats->cpus[event->worker], LIST_BYTES);
    pthread_mutex_unlock(&seats->mutex);
}

/* How many CPUs a list names; 0: it is none. */
static int count_cpus(const char *list)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    const int n = set && atl_cpu_list_parse(list, set, NULL) == ATL_OK ? hwloc_bitmap_weight(set) : 0;
    hwloc_bitmap_free(set);
    return n > 0 ? n : 0;
}

static atl_status seat(atl_study_head *head, atl_order order, int n_threads, bool planned,
                       const atl_text *words, atl_note *note)
{
    atl_study_seating seating = {.threads = n_threads, .planned = planned, .cpus = words->data};
    snprintf(seating.order, sizeof seating.order, "%s", atl_order_name(order));
    return words->failed || !words->data ? atl_fail(note, ATL_NO_MEMORY, "no memory for a list of CPUs")
                                         : atl_study_head_seat(head, &seating, note);
}

atl_status atl_study_seats_record(atl_study_seats *seats, atl_order order, int n_threads,
                                  atl_study_head *head, atl_note *note)
{
    atl_text words = {0};
    pthread_mutex_lock(&seats->mutex);
    for (int i = 0; i < seats->n_workers; i++) {
        const int n = count_cpus(seats->cpus[i]);
        atl_text_printf(&words, "%s%s", i > 0 ? " " : "", n > 0 && n <= n_threads ? seats->cpus[i] : "-");
    }
    pthread_mutex_unlock(&seats->mutex);
    const atl_status st = seat(head, order, n_threads, false, &words, note);
    atl_text_done(&words);
    return st;
}

void atl_study_put_cores(const atl_machine *machine, atl_text *out)
{
    for (int cluster = 0; cluster < machine->n_clusters; cluster++) {
        const char *blank = cluster > 0 ? " | " : "";
        for (int i = 0; i < machine->n_cores; i++) {
            const atl_core *core = &machine->cores[i];
            if (core->cluster != cluster)
                continue;
            for (int k = 0; k < core->n_pus; k++)
                atl_text_printf(out, "%s%d", k > 0 ? "," : blank, machine->pus[core->first_pu + k]);
            blank = " ";
        }
    }
}

/* ---- records that do not say it ---- */

static int most_workers(const atl_study *study, int threads, const char *order)
{
    int most = 0;
    for (size_t i = 0; i < study->n_windows; i++) {
        const atl_study_config *c = &study->windows[i].config;
        if (c->threads == threads && strcmp(c->order, order) == 0 && c->workers > most)
            most = c->workers;
    }
    return most;
}

static atl_status plan_one(const atl_machine *machine, const atl_study_config *c, int n_workers,
                           atl_study_head *head, atl_note *note)
{
    const atl_plan_wish wish = {.n_workers = n_workers,
                                .n_threads = c->threads,
                                .order = strcmp(c->order, atl_order_name(ATL_COMPACT)) == 0 ? ATL_COMPACT
                                                                                            : ATL_SCATTER,
                                .reserve_core = strstr(head->plan, ", a core for the coordinator") != NULL};
    atl_plan plan = {0};
    atl_text words = {0};
    atl_status st = atl_plan_for(machine, &wish, &plan, note);
    for (int i = 0; st == ATL_OK && i < plan.n_workers; i++)
        for (int k = 0; k < plan.n_threads; k++)
            atl_text_printf(&words, "%s%d", k > 0 ? "," : i > 0 ? " " : "", plan.slots[i].pus[k]);
    if (st == ATL_OK)
        st = seat(head, wish.order, c->threads, true, &words, note);
    atl_text_done(&words);
    atl_plan_done(&plan);
    return st;
}

static atl_status plan_all(const atl_machine *machine, atl_study *study, atl_note *note)
{
    atl_text cores = {0};
    atl_status st = ATL_OK;
    atl_study_put_cores(machine, &cores);
    if (cores.failed || !cores.data) {
        atl_text_done(&cores);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a list of cores");
    }
    free(study->head.cores);
    study->head.cores = cores.data;
    for (size_t i = 0; st == ATL_OK && i < study->n_windows; i++) {
        const atl_study_config *c = &study->windows[i].config;
        bool known = false;
        for (int k = 0; k < study->head.n_seatings; k++)
            known = known || (study->head.seating[k].threads == c->threads &&
                              strcmp(study->head.seating[k].order, c->order) == 0);
        if (!known)
            st = plan_one(machine, c, most_workers(study, c->threads, c->order), &study->head, note);
    }
    return st;
}

atl_status atl_study_plan_seats(const char *machine_xml, atl_study *study, atl_note *note)
{
    const atl_machine_source source = {.xml = machine_xml};
    atl_machine *machine = NULL;
    if (study->head.cores && *study->head.cores)
        return ATL_OK;
    atl_status st = atl_machine_load(&source, &machine, note);
    if (st == ATL_OK &&
        machine->n_cores == study->head.n_cores) /* else it was narrowed down, nobody knows how */
        st = plan_all(machine, study, note);
    atl_machine_free(&machine);
    return st;
}
