/* rogue_worker.c - a worker that speaks the protocol by hand, and badly. For tests only.
 *
 * The model's file name says how:
 *   double-…     sends each result twice, and once more under another token
 *   foreign-…    sends garbage, a bomb, a HELLO of another run and a result of another run; then is honest
 *   stranger-…   a second connection claims the same worker, and answers its jobs first
 *   blind-…      sends results without their pictures
 *   deaf-…       says HELLO and READY and never reads
 *   parting-…    closes its socket at its first job, makes the file MODEL.parted, and exits with code 3 half
 * a second later; is honest where there is that file lingering-…  the same, but stays */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "schemas/message.h"

static void *context;
static uint8_t run[16];
static uint32_t number;

static const char *argument(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    fprintf(stderr, "rogue_worker: wanted %s\n", name);
    exit(2);
}

static void *connect_to(const char *endpoint)
{
    void *socket = zmq_socket(context, ZMQ_DEALER);
    uint8_t id[16];
    randombytes_buf(id, sizeof id);
    id[0] |= 1;
    zmq_setsockopt(socket, ZMQ_ROUTING_ID, id, sizeof id);
    if (zmq_connect(socket, endpoint) != 0)
        exit(2);
    return socket;
}

static void send_message(void *socket, const atl_message *message, const char *picture)
{
    atl_text frame = {0};
    if (atl_message_encode(message, &frame, NULL) != ATL_OK)
        exit(2);
    zmq_send(socket, frame.data, frame.length, picture ? ZMQ_SNDMORE : 0);
    if (picture)
        zmq_send(socket, picture, strlen(picture), 0);
    atl_text_done(&frame);
}

static void say_hello(void *socket, const uint8_t of_run[16])
{
    atl_message hello = {.type = ATL_MSG_HELLO, .worker = number, .pid = getpid()};
    memcpy(hello.lease.run, of_run, 16);
    send_message(socket, &hello, NULL);
}

static void say_ready(void *socket)
{
    char isa[] = "rogue", nothing[] = "";
    send_message(socket,
                 &(atl_message){.type = ATL_MSG_READY,
                                .worker = number,
                                .isa = isa,
                                .policy = isa,
                                .binding = nothing,
                                .note = nothing},
                 NULL);
}

static void send_result(void *socket, const atl_lease *lease, const char *picture, const char *says)
{
    char settings[] = "";
    atl_message result = {.type = ATL_MSG_RESULT,
                          .worker = number,
                          .lease = *lease,
                          .width = 1,
                          .height = 1,
                          .png_bytes = strlen(says),
                          .settings = settings,
                          .timings = {.batch_size = 1}};
    send_message(socket, &result, picture);
}

static void send_rubbish(void *socket)
{
    static const char garbage[] = "not a message", bomb[] = "\xdd\xff\xff\xff\xff";
    uint8_t other_run[16] = {1};
    zmq_send(socket, garbage, strlen(garbage), 0);
    zmq_send(socket, bomb, strlen(bomb), 0);
    zmq_send(socket, garbage, strlen(garbage), ZMQ_SNDMORE);
    zmq_send(socket, garbage, strlen(garbage), ZMQ_SNDMORE);
    zmq_send(socket, garbage, strlen(garbage), 0);
    say_hello(socket, other_run);
}

static void answer(const char *mode, void *socket, void *second, const atl_lease *lease)
{
    atl_lease other = *lease;
    if (strncmp(mode, "double-", 7) == 0) {
        send_result(socket, lease, "png", "png");
        send_result(socket, lease, "other", "other");
        other.token++;
        send_result(socket, &other, "other", "other");
    } else if (strncmp(mode, "foreign-", 8) == 0) {
        other.run[0]++;
        send_result(socket, &other, "other", "other");
        send_result(socket, lease, "png", "png");
    } else if (strncmp(mode, "stranger-", 9) == 0) {
        say_hello(second, run);
        send_result(second, lease, "other", "other");
        usleep(20000); /* so that the stranger's word arrives first */
        send_result(socket, lease, "png", "png");
    } else if (strncmp(mode, "blind-", 6) == 0) {
        send_result(socket, lease, NULL, "png");
    } else {
        send_result(socket, lease, "png", "png");
    }
}

static void part(const char *model, bool ends, void *socket, void *second)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.parted", model);
    if (access(path, F_OK) == 0)
        return;
    zmq_close(socket);
    zmq_close(second);
    zmq_ctx_term(context);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    while (!ends)
        pause();
    usleep(500000);
    exit(3);
}

int main(int argc, char **argv)
{
    const char *model = argument(argc, argv, "--model"), *slash = strrchr(model, '/');
    const char *mode = slash ? slash + 1 : model, *endpoint = argument(argc, argv, "--endpoint");
    number = (uint32_t)strtoul(argument(argc, argv, "--worker"), NULL, 10);
    sodium_hex2bin(run, sizeof run, argument(argc, argv, "--run"), 32, NULL, NULL, NULL);
    context = zmq_ctx_new();
    void *socket = connect_to(endpoint), *second = connect_to(endpoint);
    if (strncmp(mode, "foreign-", 8) == 0)
        send_rubbish(socket);
    say_hello(socket, run);
    say_ready(socket);
    while (strncmp(mode, "deaf-", 5) == 0)
        pause();
    for (;;) {
        char frame[65536];
        const int n = zmq_recv(socket, frame, sizeof frame, 0);
        atl_message message = {0};
        if (n < 0 || atl_message_decode(frame, (size_t)n, &message, NULL) != ATL_OK)
            return 1;
        const bool parts = strncmp(mode, "parting-", 8) == 0;
        if (parts || strncmp(mode, "lingering-", 10) == 0)
            part(model, parts, socket, second);
        if (message.type == ATL_MSG_JOB)
            answer(mode, socket, second, &message.lease);
        else
            _exit(0);
        atl_message_done(&message);
    }
}
