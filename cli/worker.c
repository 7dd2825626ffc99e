/* worker.c - `atelier worker`: one process of a pool. Started by the executor; a person never needs to, so
 * that it is not listed among the commands. */
#include "worker/worker.h"

#include <errno.h>
#include <stdlib.h>

#include "base/sizes.h"
#include "commands.h"
#include "console.h"

#define AT(field) offsetof(worker_args, field)

typedef struct worker_args {
    const char *endpoint, *run, *pus, *model, *variant, *policy, *tokenizer, *lora_dir, *networks,
        *pack_cache;
    int64_t worker, parent, threads, batch_size, weights_fd, desk_fd, tray_fd, word_every;
} worker_args;

static const atl_option rows[] = {
    {"endpoint", 0, ATL_OPTION_STRING, AT(endpoint), "URL", NULL, 0, 0, NULL, NULL,
     "where the coordinator listens"},
    {"run", 0, ATL_OPTION_STRING, AT(run), "HEX", NULL, 0, 0, NULL, NULL, "the pool's id"},
    {"worker", 0, ATL_OPTION_INT, AT(worker), "N", NULL, 0, UINT32_MAX, NULL, "0", "its number in the plan"},
    {"parent", 0, ATL_OPTION_INT, AT(parent), "PID", NULL, 0, INT32_MAX, NULL, "0",
     "the coordinator's process, without which the worker ends"},
    {"threads", 't', ATL_OPTION_INT, AT(threads), "N", NULL, 1, ATL_WORKER_MAX_THREADS, NULL, "1",
     "compute threads"},
    {"pus", 0, ATL_OPTION_STRING, AT(pus), "LIST", NULL, 0, 0, NULL, NULL,
     "hardware threads to bind the compute threads to, one each: 4,5"},
    {"batch-size", 0, ATL_OPTION_INT, AT(batch_size), "N", NULL, 1, ATL_MAX_BATCH, NULL, "1",
     "at most so many jobs of one size share the denoiser's calls"},
    {"weights-fd", 0, ATL_OPTION_INT, AT(weights_fd), "FD", NULL, 0, INT32_MAX, NULL, "0",
     "an inherited memfd for the packed weights"},
    {"desk-fd", 0, ATL_OPTION_INT, AT(desk_fd), "FD", NULL, 0, INT32_MAX, NULL, "0",
     "an inherited file in which it says what it is at"},
    {"tray-fd", 0, ATL_OPTION_INT, AT(tray_fd), "FD", NULL, 0, INT32_MAX, NULL, "0",
     "an inherited file on which it lays its pictures"},
    {"word-every", 0, ATL_OPTION_INT, AT(word_every), "MS", NULL, 1, 60000, NULL, "200",
     "silent for so long, it says that it lives"},
    {"model", 'm', ATL_OPTION_STRING, AT(model), "PATH", NULL, 0, 0, NULL, NULL,
     "a diffusers folder, or one .safetensors file"},
    {"variant", 0, ATL_OPTION_STRING, AT(variant), "NAME", NULL, 0, 0, NULL, NULL,
     "which files of a checkpoint"},
    {"policy", 0, ATL_OPTION_STRING, AT(policy), "NAME", NULL, 0, 0, NULL, NULL,
     "the precision that is computed in"},
    {"pack-cache", 0, ATL_OPTION_STRING, AT(pack_cache), "DIR", NULL, 0, 0, NULL, NULL,
     "where packed weights are kept"},
    {"tokenizer", 0, ATL_OPTION_STRING, AT(tokenizer), "DIR", NULL, 0, 0, NULL, NULL,
     "a folder that holds tokenizer/"},
    {"lora-dir", 0, ATL_OPTION_STRING, AT(lora_dir), "DIR", NULL, 0, 0, NULL, NULL,
     "a folder with networks that prompts ask for"},
    {"networks", 0, ATL_OPTION_STRING, AT(networks), "LIST", NULL, 0, 0, NULL, NULL,
     "what they are, with their hashes"},
};

/* "4,5" into pus[n]: exactly one number a thread. */
static atl_status parse_pus(const char *list, int *pus, int64_t n, atl_note *note)
{
    const char *at = list;
    for (int64_t i = 0; i < n; i++) {
        char *end;
        errno = 0;
        const long pu = strtol(at, &end, 10);
        const char wanted = i + 1 < n ? ',' : '\0';
        if (end == at || errno != 0 || pu < 0 || pu > INT32_MAX || *end != wanted)
            return atl_fail(note, ATL_USAGE, "--pus: found '%s', wanted %lld numbers with commas between",
                            list, (long long)n);
        pus[i] = (int)pu;
        at = end + 1;
    }
    return ATL_OK;
}

static atl_status run(const worker_args *a, atl_note *note)
{
    int pus[ATL_WORKER_MAX_THREADS];
    if (!a->endpoint || !a->run || !a->model)
        return atl_fail(note, ATL_USAGE, "wanted --endpoint, --run and --model; this is started by the pool");
    const atl_status st = a->pus ? parse_pus(a->pus, pus, a->threads, note) : ATL_OK;
    if (st != ATL_OK)
        return st;
    const atl_worker_options options = {
        .endpoint = a->endpoint,
        .run_hex = a->run,
        .worker = (uint32_t)a->worker,
        .parent = a->parent,
        .n_threads = (int)a->threads,
        .pus = a->pus ? pus : NULL,
        .batch_size = (int)a->batch_size,
        .weights_fd = (int)a->weights_fd,
        .desk_fd = (int)a->desk_fd,
        .tray_fd = (int)a->tray_fd,
        .word_every_ms = (int)a->word_every,
        .engine = {.model = a->model,
                   .variant = a->variant,
                   .policy = a->policy,
                   .pack_cache = a->pack_cache,
                   .tokenizer_dir = a->tokenizer,
                   .lora_dir = a->lora_dir,
                   .networks = a->networks},
    };
    return atl_worker_run(&options, note);
}

int command_worker(int argc, char **argv)
{
    const atl_command command = {
        .name = "atelier worker",
        .operands = "",
        .summary = "One process of a pool, started by `atelier run` and by the library.",
        .options = rows,
        .n_options = ATL_COUNT(rows),
    };
    worker_args args = {0};
    atl_note note = {0};
    char **operands;
    int n_operands, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n_operands, &code))
        return code;
    const atl_status st = run(&args, &note);
    return st == ATL_OK ? 0 : console_fail(st, &note);
}
