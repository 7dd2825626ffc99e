/* sixels.c - see sixels.h. Colours and bytes are libsixel's. */
#include "sixels.h"

#include <fcntl.h>
#include <poll.h>
#include <sixel.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "image/resize.h"

enum { ANSWER_MS = 2000, MAX_ANSWER = 256, SIXELS = 4 /* DA1's number for them */, MAX_COLOURS = 256 };

/* ---- the question ---- */

/* ESC [ ? 62 ; 4 ; 22 c: the first number is the terminal's class, the others are what it can. 1: it can, 0:
 * it cannot, -1: that is no whole answer yet. What stands before it are keys. */
static int read_answer(const char *text)
{
    const char *at = strstr(text, "\033[?");
    if (!at)
        return -1;
    int number = 0, place = 0, can = 0;
    for (at += 3; *at; at++) {
        if (*at >= '0' && *at <= '9' && number < 1000) {
            number = 10 * number + (*at - '0');
            continue;
        }
        can |= place > 0 && number == SIXELS;
        if (*at != ';')
            return *at == 'c' && can;
        number = 0;
        place++;
    }
    return -1;
}

static bool wait_for_answer(int fd)
{
    char text[MAX_ANSWER + 1] = "";
    size_t n = 0;
    const int64_t until_ns = atl_clock_now_ns() + (int64_t)ANSWER_MS * 1000000;
    int answer = -1;
    while (answer < 0 && n < MAX_ANSWER) {
        const int64_t left_ms = (until_ns - atl_clock_now_ns()) / 1000000;
        struct pollfd there = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&there, 1, (int)left_ms) <= 0)
            return false;
        const ssize_t got = read(fd, text + n, MAX_ANSWER - n);
        if (got <= 0)
            return false;
        for (ssize_t i = 0; i < got; i++) /* a NUL would hide what follows */
            if (text[n + (size_t)i] == '\0')
                text[n + (size_t)i] = ' ';
        n += (size_t)got;
        text[n] = '\0';
        answer = read_answer(text);
    }
    return answer == 1;
}

bool sixel_terminal(void)
{
    static const char question[] = "\033[c";
    struct termios before, quiet;
    const int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    bool can = false;
    if (fd < 0)
        return false;
    if (tcgetpgrp(fd) != getpgrp() || tcgetattr(fd, &before) != 0)
        goto done; /* in the background, a change of the terminal would stop us */
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* Ctrl-C stays what it is */
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    if (tcsetattr(fd, TCSANOW, &quiet) != 0)
        goto done;
    if (write(fd, question, sizeof question - 1) == (ssize_t)sizeof question - 1)
        can = wait_for_answer(fd);
    tcsetattr(fd, TCSANOW, &before);
done:
    close(fd);
    return can;
}

/* ---- the picture ---- */

static int append(char *bytes, int n, void *user)
{
    atl_text *out = user;
    if (n > 0)
        atl_text_append(out, bytes, (size_t)n);
    return 0;
}

static atl_status encode(const atl_picture *small, atl_text *out, atl_note *note)
{
    sixel_output_t *output = NULL;
    sixel_dither_t *dither = NULL;
    SIXELSTATUS rc = sixel_output_new(&output, append, out, NULL);
    if (SIXEL_SUCCEEDED(rc))
        rc = sixel_dither_new(&dither, MAX_COLOURS, NULL);
    if (SIXEL_SUCCEEDED(rc))
        rc = sixel_dither_initialize(dither, small->pixels, small->width, small->height,
                                     SIXEL_PIXELFORMAT_RGB888, SIXEL_LARGE_AUTO, SIXEL_REP_AUTO,
                                     SIXEL_QUALITY_AUTO);
    if (SIXEL_SUCCEEDED(rc))
        rc = sixel_encode(small->pixels, small->width, small->height, 3, dither, output);
    if (dither)
        sixel_dither_unref(dither);
    if (output)
        sixel_output_unref(output);
    if (SIXEL_FAILED(rc))
        return atl_fail(note, rc == SIXEL_BAD_ALLOCATION ? ATL_NO_MEMORY : ATL_IO, "sixels: %s",
                        sixel_helper_format_error(rc));
    return out->failed ? atl_fail(note, ATL_NO_MEMORY, "no memory for a picture in sixels") : ATL_OK;
}

atl_status sixel_draw(const atl_picture *picture, int height, int most_width, atl_text *out, atl_note *note)
{
    int width = (int)((int64_t)height * picture->width / picture->height);
    if (width > most_width) {
        width = most_width;
        height = (int)((int64_t)width * picture->height / picture->width);
    }
    atl_picture small = {0};
    atl_status st = atl_resize(picture, width > 0 ? width : 1, height > 0 ? height : 1, &small, note);
    if (st == ATL_OK)
        st = encode(&small, out, note);
    atl_picture_done(&small);
    return st;
}
