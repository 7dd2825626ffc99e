/* replay_main.c - feeds every file of a corpus folder to a fuzz target, for builds without libFuzzer.
 *
 * Each file is given in a buffer of exactly its size, so that a sanitizer sees a read past the end. An empty
 * corpus fails: it would test nothing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_SEED_BYTES ((size_t)16 << 20)

static bool replay(const char *folder, const char *name)
{
    char *path = atl_path_join(folder, name), *data;
    size_t size;
    atl_note note = {0};
    if (!path || atl_file_read(path, MAX_SEED_BYTES, &data, &size, &note) != ATL_OK) {
        fprintf(stderr, "%s\n", note.text);
        free(path);
        return false;
    }
    uint8_t *exact = malloc(size ? size : 1);
    if (exact) {
        memcpy(exact, data, size);
        LLVMFuzzerTestOneInput(exact, size);
    }
    free(data);
    free(path);
    const bool ok = exact != NULL;
    free(exact);
    return ok;
}

int main(int argc, char **argv)
{
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    if (!dir) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 2;
    }
    size_t n = 0;
    bool ok = true;
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        ok &= replay(argv[1], entry->d_name);
        n++;
    }
    closedir(dir);
    printf("%zu seeds replayed\n", n);
    return ok && n > 0 ? 0 : 1;
}
