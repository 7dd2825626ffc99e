/* terminal.c - a terminal for tests, and what stands on it.
 *
 *   terminal run ANSWER SEEN WORDS...   runs the words on a terminal of 80 × 24 cells of 10 × 20 pixels,
 * which answers the question what it is by ESC [ ANSWER c ("": not at all), and keeps all that was written to
 * it in the file SEEN; the exit code is theirs terminal compare SEEN PICTURE       decodes the first picture
 * in sixels in SEEN and holds it against the PNG: says "WIDTH HEIGHT DIFFERENCE", the mean of the absolute
 * differences, 0 to 255 terminal decode SEEN PNG            writes that picture as a PNG */
#include <errno.h>
#include <pty.h>
#include <sixel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/png_file.h"
#include "image/resize.h"

#define LEAVE(...) (fprintf(stderr, "terminal: " __VA_ARGS__), fputc('\n', stderr), exit(2))

static int run(const char *answer, const char *seen, char **words)
{
    static const char question[] = "\033[c";
    const struct winsize size = {.ws_row = 24, .ws_col = 80, .ws_xpixel = 800, .ws_ypixel = 480};
    int terminal, status = 0;
    size_t asked = 0;
    FILE *file = fopen(seen, "w");
    const pid_t child = forkpty(&terminal, NULL, NULL, &size);
    if (child == 0) {
        execvp(words[0], words);
        _exit(127);
    }
    if (child < 0 || !file)
        LEAVE("%s", strerror(errno));
    char bytes[4096];
    for (ssize_t n; (n = read(terminal, bytes, sizeof bytes)) > 0;) { /* EIO: the other side is closed */
        fwrite(bytes, 1, (size_t)n, file);
        for (ssize_t i = 0; i < n; i++) {
            asked = bytes[i] == question[asked] ? asked + 1 : bytes[i] == question[0];
            if (question[asked] != '\0')
                continue;
            asked = 0;
            if (*answer)
                dprintf(terminal, "\033[%sc", answer);
        }
    }
    fclose(file);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static unsigned char *read_all(const char *path, size_t *ret_n)
{
    FILE *file = fopen(path, "r");
    atl_text text = {0};
    char bytes[4096];
    if (!file)
        LEAVE("%s: %s", path, strerror(errno));
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) > 0;)
        atl_text_append(&text, bytes, n);
    fclose(file);
    *ret_n = text.length;
    return (unsigned char *)text.data;
}

/* From ESC P to ESC \. */
static atl_picture decode(const char *seen)
{
    size_t n;
    unsigned char *bytes = read_all(seen, &n), *begin = memmem(bytes, n, "\033P", 2);
    unsigned char *end = begin ? memmem(begin, n - (size_t)(begin - bytes), "\033\\", 2) : NULL;
    unsigned char *indices = NULL, *palette = NULL;
    int width, height, n_colours;
    if (!end)
        LEAVE("%s holds no sixels", seen);
    const SIXELSTATUS rc = sixel_decode_raw(begin, (int)(end + 2 - begin), &indices, &width, &height,
                                            &palette, &n_colours, NULL);
    if (SIXEL_FAILED(rc))
        LEAVE("%s: %s", seen, sixel_helper_format_error(rc));
    atl_picture picture = {
        .width = width, .height = height, .pixels = malloc((size_t)width * (size_t)height * 3)};
    for (size_t i = 0; i < (size_t)width * (size_t)height; i++)
        for (size_t c = 0; c < 3; c++)
            picture.pixels[3 * i + c] = palette[3 * (size_t)indices[i] + c];
    free(indices);
    free(palette);
    free(bytes);
    return picture;
}

static int compare(const char *seen, const char *png)
{
    atl_note note = {0};
    atl_png_file *file = NULL;
    atl_picture small = {0}, found = decode(seen);
    double sum = 0;
    if (atl_png_read(png, &file, &note) != ATL_OK ||
        atl_resize(&file->picture, found.width, found.height, &small, &note) != ATL_OK)
        LEAVE("%s", note.text);
    const size_t n = (size_t)found.width * (size_t)found.height * 3;
    for (size_t i = 0; i < n; i++)
        sum += abs((int)found.pixels[i] - (int)small.pixels[i]);
    printf("%d %d %.2f\n", found.width, found.height, sum / (double)n);
    atl_picture_done(&small);
    atl_picture_done(&found);
    atl_png_close(&file);
    return 0;
}

static int write_png(const char *seen, const char *png)
{
    atl_note note = {0};
    atl_text bytes = {0};
    atl_picture found = decode(seen);
    FILE *file = fopen(png, "w");
    if (!file || atl_png_encode(&found, NULL, 0, &bytes, &note) != ATL_OK)
        LEAVE("%s: %s", png, note.text);
    fwrite(bytes.data, 1, bytes.length, file);
    fclose(file);
    atl_text_done(&bytes);
    atl_picture_done(&found);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 4 && strcmp(argv[1], "run") == 0)
        return run(argv[2], argv[3], argv + 4);
    if (argc == 4 && strcmp(argv[1], "compare") == 0)
        return compare(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "decode") == 0)
        return write_png(argv[2], argv[3]);
    LEAVE("wanted: run ANSWER SEEN WORDS..., compare SEEN PICTURE or decode SEEN PNG");
}
