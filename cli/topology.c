/* topology.c - `atelier topology`: the machine's core clusters, and where workers would sit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/sizes.h"
#include "commands.h"
#include "console.h"
#include "coordinator/placement.h"
#include "engine/engine.h"
#include "shared_options.h"
#include "workers_arg.h"

typedef struct topology_args {
    const char *workers, *order, *cpus, *xml, *synthetic, *svg, *model, *variant, *policy;
    int64_t threads;
    bool json, reserve_core;
} topology_args;

#define AT(field) offsetof(topology_args, field)

static const atl_option rows[] = {
    {"workers", 'w', ATL_OPTION_STRING, AT(workers), "N", NULL, 0, 0, "ATELIER_WORKERS", "auto",
     "worker processes to place; auto: as many as have cores of their own, within the CPU quota"},
    {"threads", 't', ATL_OPTION_INT, AT(threads), "T", NULL, 1, ATL_PLAN_MAX_THREADS, "ATELIER_THREADS", "1",
     "of each worker"},
    {"order", 0, ATL_OPTION_CHOICE, AT(order), "ORDER", "scatter|compact", 0, 0, "ATELIER_ORDER", "scatter",
     "workers far from each other, or side by side"},
    {"cpus", 0, ATL_OPTION_STRING, AT(cpus), "LIST", NULL, 0, 0, "ATELIER_CPUS", NULL,
     "stay within these CPUs: 0-3,8; otherwise all that cpuset and taskset leave"},
    {"reserve-core", 0, ATL_OPTION_FLAG, AT(reserve_core), NULL, NULL, 0, 0, "ATELIER_RESERVE_CORE", NULL,
     "keep one core free of workers, and bind the coordinator to it"},
    {"xml", 0, ATL_OPTION_STRING, AT(xml), "FILE", NULL, 0, 0, NULL, NULL,
     "plan for another machine, of which 'lstopo --of xml FILE' was asked"},
    {"synthetic", 0, ATL_OPTION_STRING, AT(synthetic), "STRING", NULL, 0, 0, NULL, NULL,
     "plan for a machine that is made up: 'pack:2 numa:1 l3:4 core:8 pu:2'"},
    {"model", 'm', ATL_OPTION_STRING, AT(model), "PATH", NULL, 0, 0, NULL, NULL,
     "a checkpoint: --workers auto then takes no more workers than memory holds, with pictures of its own "
     "size"},
    {"variant", 0, ATL_OPTION_STRING, AT(variant), "NAME", NULL, 0, 0, "ATELIER_VARIANT", NULL,
     "which files of the checkpoint: fp16 takes *.fp16.safetensors"},
    {"policy", 0, ATL_OPTION_CHOICE, AT(policy), "NAME", POLICY_CHOICES, 0, 0, "ATELIER_POLICY", "fp32",
     "the precision that the checkpoint is computed in"},
    {"json", 0, ATL_OPTION_FLAG, AT(json), NULL, NULL, 0, 0, "ATELIER_JSON", NULL,
     "print one JSON object instead of the drawing"},
    {"svg", 0, ATL_OPTION_STRING, AT(svg), "FILE", NULL, 0, 0, NULL, NULL,
     "write the drawing as a picture, too; - prints it instead"},
};

static const atl_command command = {
    .name = "atelier topology",
    .operands = "",
    .summary =
        "Draws the machine's clusters of cores (alike, under one cache), and the plan for N workers × T "
        "threads on it.\nThe plan for N workers is the beginning of the plan for N + 1.",
    .options = rows,
    .n_options = ATL_COUNT(rows),
    .least_operands = 0,
    .most_operands = 0,
};

static atl_status draw(const topology_args *args, const atl_machine *machine, const atl_plan *plan,
                       atl_note *note)
{
    atl_text words = {0}, svg = {0};
    atl_status st = ATL_OK;
    const bool svg_only = args->svg && strcmp(args->svg, "-") == 0;
    if (args->svg)
        atl_machine_svg(machine, plan, svg_only ? &words : &svg);
    if (!svg_only)
        (args->json ? atl_machine_json : atl_machine_text)(machine, plan, &words);
    if (words.failed || svg.failed)
        st = ATL_NO_MEMORY;
    if (st == ATL_OK && svg.data)
        st = atl_file_write(args->svg, svg.data, svg.length, note);
    if (st == ATL_OK)
        fputs(words.data, stdout);
    atl_text_done(&words);
    atl_text_done(&svg);
    return st;
}

/* What a worker of the model would need of memory. */
static atl_status weigh(const topology_args *args, atl_plan_wish *wish, atl_note *note)
{
    const atl_engine_options engine = {
        .model = args->model, .variant = args->variant, .policy = args->policy, .n_threads = wish->n_threads};
    const atl_memory_wish largest = {.batch_size = 1};
    atl_memory_need need = {0};
    const atl_status st = args->model ? atl_engine_memory(&engine, &largest, &need, note) : ATL_OK;
    wish->shared_bytes = need.shared_bytes;
    wish->worker_bytes = need.each_bytes;
    return st;
}

int command_topology(int argc, char **argv)
{
    topology_args args = {0};
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n, &code))
        return code;
    atl_note note = {0};
    atl_machine *machine = NULL;
    atl_plan plan = {0};
    atl_plan_wish wish = {.n_threads = (int)args.threads,
                          .order = strcmp(args.order, "compact") == 0 ? ATL_COMPACT : ATL_SCATTER,
                          .reserve_core = args.reserve_core};
    const atl_machine_source source = {.xml = args.xml, .synthetic = args.synthetic, .cpus = args.cpus};
    atl_status st = workers_arg_read(args.workers, &wish.n_workers, &note);
    if (st == ATL_OK)
        st = weigh(&args, &wish, &note);
    if (st == ATL_OK)
        st = atl_machine_load(&source, &machine, &note);
    if (st == ATL_OK)
        st = atl_plan_for(machine, &wish, &plan, &note);
    if (st == ATL_OK)
        st = draw(&args, machine, &plan, &note);
    atl_plan_done(&plan);
    atl_machine_free(&machine);
    return st == ATL_OK ? 0 : console_fail(st, &note);
}
