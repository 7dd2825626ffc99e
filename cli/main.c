/* main.c - the one program `atelier`: finds the subcommand and sees that its output reached its reader. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/sizes.h"
#include "commands.h"
#include "console.h"
#include "engine/engine.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; /* NULL: not for people, not listed */
} commands[] = {
    {"paint", command_paint, "paint one picture from a prompt"},
    {"run", command_run, "paint a file of prompts into a directory, with workers on all cores"},
    {"status", command_status, "how far a run is, also while it is running"},
    {"verify", command_verify, "compare a run's pictures with its ledger"},
    {"retry", command_retry, "paint what failed in a run again"},
    {"gallery", command_gallery, "write a run's page of pictures again"},
    {"history", command_history, "what was measured on this machine over time, and what became worse"},
    {"report", command_report, "write a study's report again"},
    {"model", command_model, "inspect, synthesise and probe checkpoints"},
    {"study", command_study, "measure how many workers this machine should run, and why"},
    {"compare", command_compare, "show what many cores buy over one, on a fixed batch"},
    {"worker", command_worker, NULL},
    {"probe", command_probe, NULL},
    {"cpu", command_cpu, "what this machine has, and which kernels each policy would use on it"},
    {"bench", command_bench, "time the stages of a model, as shares of what the machine can do"},
    {"topology", command_topology, "draw this machine's clusters of cores, and where workers would sit"},
};

static void print_usage(void)
{
    puts("Usage: atelier COMMAND ...\n\nTurns prompts into pictures, on CPUs.\n\nCommands:");
    for (size_t i = 0; i < ATL_COUNT(commands); i++)
        if (commands[i].help)
            printf("  %-10s %s\n", commands[i].name, commands[i].help);
    puts("  help       show this, or a command's options: atelier help paint\n\nOptions:\n"
         "  -h, --help     show this and exit\n  -V, --version  print the version and exit");
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

static int unknown_command(const char *word)
{
    const char *names[ATL_COUNT(commands)];
    for (size_t i = 0; i < ATL_COUNT(commands); i++)
        names[i] = commands[i].name;
    const char *nearest = atl_nearest_name(word, names, ATL_COUNT(names));
    if (nearest)
        console_say("unknown command '%s'; did you mean '%s'?", word, nearest);
    else
        console_say("unknown command '%s'; see 'atelier --help'", word);
    return 2;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        console_say("which command? see 'atelier --help'");
        return 2;
    }
    if (is_one_of(argv[1], "--version", "-V", "version")) {
        printf("atelier %s\n", atl_engine_version());
        return 0;
    }
    char help[] = "--help", *asked[] = {argc > 2 ? argv[2] : NULL, help, NULL};
    const bool wants_help = is_one_of(argv[1], "--help", "-h", "help");
    if (wants_help && argc < 3) {
        print_usage();
        return 0;
    }
    const char *word = wants_help ? argv[2] : argv[1];
    for (size_t i = 0; i < ATL_COUNT(commands); i++)
        if (strcmp(word, commands[i].name) == 0)
            return wants_help ? commands[i].run(2, asked) : commands[i].run(argc - 1, argv + 1);
    return unknown_command(word);
}

int main(int argc, char **argv)
{
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is an error of write(2), with a message */
    int code = dispatch(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0) {
        console_say("cannot write to standard output: %s", strerror(errno));
        code = 1;
    }
    return code;
}
