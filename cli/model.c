/* model.c - `atelier model …`: what a checkpoint is, and one made up to measure with. */
#include <stdio.h>
#include <string.h>

#include "base/sizes.h"
#include "commands.h"
#include "console.h"
#include "engine/engine.h"
#include "progress.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *operands, *help;
} subcommands[] = {
    {"inspect", command_model_inspect, "MODEL", "what is in a checkpoint, and what is wrong with it"},
    {"synth", command_model_synth, "FAMILY DIR",
     "write a checkpoint of a real architecture, with random weights"},
    {"probe", command_model_probe, "MODEL PART", "run one part: tensors in, tensors out"},
    {"tokenize", command_model_tokenize, "MODEL", "lines of JSON strings to lines of token ids"},
    {"schedule", command_model_schedule, "MODEL", "a sampler's timesteps and sigmas"},
};

static void print_usage(void)
{
    puts("Usage: atelier model COMMAND ...\n\nCommands:");
    for (size_t i = 0; i < ATL_COUNT(subcommands); i++) {
        char call[64];
        snprintf(call, sizeof call, "%s %s", subcommands[i].name, subcommands[i].operands);
        printf("  %-22s %s\n", call, subcommands[i].help);
    }
    puts("\n'atelier model COMMAND --help' lists a command's options.");
}

int command_model(int argc, char **argv)
{
    if (argc < 2) {
        console_say("model: which command? see 'atelier model --help'");
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage();
        return 0;
    }
    const char *names[ATL_COUNT(subcommands)];
    for (size_t i = 0; i < ATL_COUNT(subcommands); i++) {
        names[i] = subcommands[i].name;
        if (strcmp(argv[1], names[i]) == 0)
            return subcommands[i].run(argc - 1, argv + 1);
    }
    const char *nearest = atl_nearest_name(argv[1], names, ATL_COUNT(names));
    if (nearest)
        console_say("model: unknown command '%s'; did you mean '%s'?", argv[1], nearest);
    else
        console_say("model: unknown command '%s'; see 'atelier model --help'", argv[1]);
    return 2;
}

/* ---- inspect ---- */

typedef struct inspect_args {
    const char *variant;
    bool json;
} inspect_args;

int command_model_inspect(int argc, char **argv)
{
    static const atl_option rows[] = {
        {"variant", 0, ATL_OPTION_STRING, offsetof(inspect_args, variant), "NAME", NULL, 0, 0,
         "ATELIER_VARIANT", NULL, "which files of a checkpoint: fp16 takes *.fp16.safetensors"},
        {"json", 0, ATL_OPTION_FLAG, offsetof(inspect_args, json), NULL, NULL, 0, 0, "ATELIER_JSON", NULL,
         "print one JSON object"},
    };
    static const atl_command command = {
        .name = "atelier model inspect",
        .operands = "MODEL",
        .summary =
            "Tells family, blocks, parameters and bytes of a checkpoint, what would be loaded, and what is "
            "wrong.\nThe exit code is 1 if something is.",
        .options = rows,
        .n_options = ATL_COUNT(rows),
        .least_operands = 1,
        .most_operands = 1,
    };
    inspect_args args = {0};
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n, &code))
        return code;
    atl_text text = {0};
    atl_note note = {0};
    size_t n_faults = 0;
    const atl_status st = atl_engine_inspect_model(operands[0], args.variant ? args.variant : "", args.json,
                                                   &text, &n_faults, &note);
    if (st == ATL_OK) {
        const char *words = text.data ? text.data : "";
        fputs(words, stdout);
        if (*words && words[strlen(words) - 1] != '\n')
            putchar('\n');
        if (n_faults > 0)
            console_say("%s: %zu fault%s", operands[0], n_faults, n_faults == 1 ? "" : "s");
    }
    atl_text_done(&text);
    return st != ATL_OK ? console_fail(st, &note) : n_faults > 0 ? 1 : 0;
}

/* ---- synth ---- */

typedef struct synth_args {
    const char *dtype;
    uint64_t seed;
    bool quiet;
} synth_args;

int command_model_synth(int argc, char **argv)
{
    static const atl_option rows[] = {
        {"dtype", 0, ATL_OPTION_CHOICE, offsetof(synth_args, dtype), "TYPE", "f32|f16|bf16", 0, 0, NULL,
         "f16", "of the weights"},
        {"seed", 's', ATL_OPTION_SEED, offsetof(synth_args, seed), "N", NULL, 0, 0, NULL, "0",
         "where the weights come from"},
        {"quiet", 'q', ATL_OPTION_FLAG, offsetof(synth_args, quiet), NULL, NULL, 0, 0, "ATELIER_QUIET", NULL,
         "no words while all goes well"},
    };
    char summary[512];
    snprintf(summary, sizeof summary,
             "Writes a whole diffusers folder of a real architecture with random weights of sane scale, to "
             "measure with.\nDIR must not be there, or be empty. Families: %s.",
             atl_engine_synth_names());
    const atl_command command = {
        .name = "atelier model synth",
        .operands = "FAMILY DIR",
        .summary = summary,
        .options = rows,
        .n_options = ATL_COUNT(rows),
        .least_operands = 2,
        .most_operands = 2,
    };
    synth_args args = {0};
    char **operands;
    int n, code;
    if (!console_parse(&command, argc, argv, &args, &operands, &n, &code))
        return code;
    atl_note note = {0};
    progress p = progress_new(args.quiet);
    const atl_status st =
        atl_engine_synth_model(operands[0], operands[1], args.dtype, args.seed, progress_bytes, &p, &note);
    if (st != ATL_OK)
        return console_fail(st, &note);
    puts(operands[1]);
    return 0;
}
