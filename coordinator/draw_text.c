/* draw_text.c - the machine for a terminal.
 *
 *   Package 0 · NUMA node 0
 *   ┌ cluster 0 · 6 IntelCore cores · L3 24 MiB, shared with cluster 1
 *   │ [ 0 w0 ] [ 2 w1 ] [ 4 w2 ]      a cell: a CPU's number and who works there
 *   │ [ 1 ·  ] [ 3 ·  ] [ 5 ·  ]      below it: the core's other hardware threads
 *   └                                  brackets: cores that share an L2
 */
#include <stdio.h>
#include <string.h>

#include "draw_words.h"

enum { COLUMNS = 100, MARGIN = 2, LISTED_WORKERS = 48 };

typedef struct canvas {
    const atl_machine *m;
    const atl_seats *seats;
    int pu_width, worker_width;
    atl_text *out;
} canvas;

static int digits(int n)
{
    return snprintf(NULL, 0, "%d", n);
}

/* "w3", or "w3+1" where another one sits there too; "·" if nobody does. Returns its columns. */
static int seat_words(const atl_seats *seats, int pu, char *ret, size_t size)
{
    if (seats->counts[pu] == 0) {
        snprintf(ret, size, "·");
        return 1;
    }
    if (seats->counts[pu] == 1)
        return snprintf(ret, size, "w%d", seats->workers[pu]);
    return snprintf(ret, size, "w%d+%d", seats->workers[pu], seats->counts[pu] - 1);
}

static void measure(canvas *c)
{
    char words[48];
    for (int i = 0; i < c->m->n_pus; i++) {
        const int pu = digits(c->m->pus[i]), worker = seat_words(c->seats, i, words, sizeof words);
        c->pu_width = pu > c->pu_width ? pu : c->pu_width;
        c->worker_width = worker > c->worker_width ? worker : c->worker_width;
    }
}

static void draw_cell(const canvas *c, const atl_core *core, int layer)
{
    if (layer >= core->n_pus) {
        atl_text_printf(c->out, "%*s", c->pu_width + 1 + c->worker_width, "");
        return;
    }
    char words[48];
    const int pu = core->first_pu + layer, columns = seat_words(c->seats, pu, words, sizeof words);
    atl_text_printf(c->out, "%*d %s%*s", c->pu_width, c->m->pus[pu], words, c->worker_width - columns, "");
}

static void draw_layer(const canvas *c, const int *cores, int n, int layer)
{
    atl_text_puts(c->out, "│");
    for (int i = 0; i < n; i++) {
        const atl_core *core = &c->m->cores[cores[i]];
        const bool begins = i == 0 || c->m->cores[cores[i - 1]].module != core->module;
        const bool ends = i == n - 1 || c->m->cores[cores[i + 1]].module != core->module;
        atl_text_puts(c->out, begins ? " [" : "  ");
        draw_cell(c, core, layer);
        atl_text_puts(c->out, ends ? "]" : "");
    }
    atl_text_putc(c->out, '\n');
}

static void draw_cores(const canvas *c, const int *cores, int n)
{
    int n_layers = 0;
    for (int i = 0; i < n; i++)
        n_layers = c->m->cores[cores[i]].n_pus > n_layers ? c->m->cores[cores[i]].n_pus : n_layers;
    for (int layer = 0; layer < n_layers; layer++)
        draw_layer(c, cores, n, layer);
}

/* Lines break between modules, where one more would pass the last column. */
static void draw_cluster(const canvas *c, int cluster)
{
    atl_text_puts(c->out, "┌ ");
    atl_words_of_cluster(c->m, cluster, c->out);
    atl_text_putc(c->out, '\n');
    const int cell = c->pu_width + c->worker_width + 4;
    enum { MOST = COLUMNS }; /* a cell is wider than one column */
    int cores[MOST], n = 0, begun = 0;
    for (int i = 0; i < c->m->n_cores; i++) {
        if (c->m->cores[i].cluster != cluster)
            continue;
        const bool new_module = n == 0 || c->m->cores[cores[n - 1]].module != c->m->cores[i].module;
        begun = new_module ? n : begun;
        if (n > 0 && (MARGIN + (n + 1) * cell > COLUMNS)) {
            const int whole = begun > 0 ? begun : n;
            draw_cores(c, cores, whole);
            memmove(cores, cores + whole, (size_t)(n - whole) * sizeof *cores);
            n -= whole;
            begun = 0;
        }
        cores[n++] = i;
    }
    draw_cores(c, cores, n);
    atl_text_puts(c->out, "└\n");
}

/* "0-3,8"; a long list is cut: "0,2,4,… (50 CPUs)". */
static void draw_set(hwloc_const_bitmap_t set, atl_text *out)
{
    enum { LONG = 36 };
    atl_text list = {0};
    atl_cpu_list_print(set, &list);
    size_t n = list.length;
    if (n > LONG)
        for (n = LONG; list.data[n - 1] != ','; n--)
            continue;
    atl_text_append(out, list.data ? list.data : "", n);
    if (n < list.length)
        atl_text_printf(out, "… (%d CPUs)", hwloc_bitmap_weight(set));
    out->failed = out->failed || list.failed;
    atl_text_done(&list);
}

static void draw_worker(const atl_plan *plan, int worker, atl_text *out)
{
    const atl_slot *slot = &plan->slots[worker];
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    if (!set) {
        out->failed = true;
        return;
    }
    for (int t = 0; t < plan->n_threads; t++)
        hwloc_bitmap_set(set, (unsigned)slot->pus[t]);
    char name[16];
    snprintf(name, sizeof name, "w%d", worker);
    atl_text_printf(out, "  %-4s CPU ", name);
    draw_set(set, out);
    hwloc_bitmap_free(set);
    if (slot->cluster >= 0)
        atl_text_printf(out, ", cluster %d", slot->cluster);
    atl_text_puts(out, slot->straddles ? ", straddles clusters" : "");
    atl_text_puts(out, slot->oversubscribed ? ", oversubscribed" : "");
    atl_text_putc(out, '\n');
}

static void draw_plan(const atl_plan *plan, atl_text *out)
{
    atl_text_puts(out, "Plan: ");
    atl_words_of_plan(plan, out);
    atl_text_putc(out, '\n');
    for (int w = 0; w < plan->n_workers && w < LISTED_WORKERS; w++)
        draw_worker(plan, w, out);
    if (plan->n_workers > LISTED_WORKERS)
        atl_text_printf(out, "  … and %d more, as drawn above\n", plan->n_workers - LISTED_WORKERS);
    if (plan->reserved)
        atl_text_printf(out, "The core of CPU %d is kept for the coordinator.\n", plan->coordinator_pu);
    else if (plan->coordinator_pu >= 0)
        atl_text_printf(out, "The coordinator disturbs nobody on CPU %d.\n", plan->coordinator_pu);
    if (plan->warning[0])
        atl_text_printf(out, "%s\n", plan->warning);
}

static void draw_clusters(const canvas *c)
{
    const atl_cluster *before = NULL;
    for (int i = 0; i < c->m->n_clusters; i++) {
        const atl_cluster *cluster = &c->m->clusters[i];
        if (!before || before->package != cluster->package || before->numa != cluster->numa) {
            atl_text_putc(c->out, '\n');
            atl_words_of_place(c->m, cluster, c->out);
            atl_text_putc(c->out, '\n');
        }
        draw_cluster(c, i);
        before = cluster;
    }
}

void atl_machine_text(const atl_machine *machine, const atl_plan *plan, atl_text *out)
{
    atl_seats seats;
    if (!atl_seats_init(&seats, machine, plan)) {
        out->failed = true;
        return;
    }
    canvas c = {.m = machine, .seats = &seats, .out = out};
    measure(&c);
    atl_text_printf(out, "%s\n", machine->name);
    atl_words_of_machine(machine, out);
    atl_text_putc(out, '\n');
    const size_t before = out->length;
    atl_words_of_limits(machine, out);
    if (out->length > before)
        atl_text_putc(out, '\n');
    draw_clusters(&c);
    if (plan) {
        atl_text_putc(out, '\n');
        draw_plan(plan, out);
    }
    atl_seats_done(&seats);
}
