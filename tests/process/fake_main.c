/* fake_main.c - the program fake_worker: `fake_worker worker …` is `atelier worker …` with the engine of
 * fake_engine.c. For tests and benchmarks of the machinery only. */
#include <string.h>

#include "commands.h"
#include "console.h"

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "worker") != 0) {
        console_say("wanted: fake_worker worker …");
        return 2;
    }
    return command_worker(argc - 1, argv + 1);
}
