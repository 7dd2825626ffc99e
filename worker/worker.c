/* worker.c - sets up the process, starts its threads, and puts everything back; see worker.h.
 *
 * Order of ending: the session returns; inbox and painted are closed; the painter leaves after the task it is
 * at, the encoder after the painter. A worker that was told to stop does not wait for what it paints:
 * `stopping` ends it at its next step. */
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crash.h"
#include "painter.h"
#include "session.h"

enum { WORD_EVERY_MS = 200 };

/* Where memory is out the system ends a worker, which is started again, rather than the coordinator or what
 * else runs here. 300 counts like 30 % of the memory more; a process that can be spared more stays so. */
static void offer_itself(void)
{
    static const char spare[] = "300\n";
    char now[16] = "";
    const int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    if (read(fd, now, sizeof now - 1) > 0 && strtol(now, NULL, 10) < strtol(spare, NULL, 10) &&
        pwrite(fd, spare, sizeof spare - 1, 0) < 0)
        errno = 0; /* it costs no picture */
    close(fd);
}

/* The coordinator decides when a worker ends; it dies with it, and leaves no core files of the size of a
 * model behind. */
static atl_status set_up_process(int64_t parent, atl_note *note)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    offer_itself();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (parent > 0 && (int64_t)getppid() != parent) /* it died before the line above */
        return atl_fail(note, ATL_CANCELLED, "the coordinator is gone");
    if (sodium_init() < 0)
        return atl_fail(note, ATL_IO, "the system has no random numbers");
    return ATL_OK;
}

static atl_status open_shop(atl_shop *shop, const atl_worker_options *options, atl_note *note)
{
    shop->number = options->worker;
    shop->word_every_ms = options->word_every_ms > 0 ? options->word_every_ms : WORD_EVERY_MS;
    atl_status st = atl_channel_open(&shop->inbox, false, note);
    if (st == ATL_OK)
        st = atl_channel_open(&shop->painted, false, note);
    return st != ATL_OK ? st : atl_channel_open(&shop->outbox, true, note);
}

static atl_status take_desk(atl_shop *shop, int fd, atl_note *note)
{
    shop->desk = &shop->own_desk;
    const atl_status st = fd > 0 ? atl_desk_map(fd, &shop->desk, note) : ATL_OK;
    shop->is_read = fd > 0;
    if (st == ATL_OK)
        atl_crash_listen(shop->desk);
    return st;
}

static void leave_desk(atl_shop *shop)
{
    atl_crash_forget_desk();
    if (shop->desk != &shop->own_desk)
        atl_desk_close(&shop->desk);
}

static void empty(atl_channel *channel, bool of_tasks)
{
    if (!channel->end)
        return;
    for (atl_link *item = atl_channel_take_all(channel), *next; item; item = next) {
        next = item->next;
        if (of_tasks)
            atl_task_free((atl_task *)item);
        else
            atl_parcel_free((atl_parcel *)item);
    }
    atl_channel_done(channel);
}

static void close_shop(atl_shop *shop)
{
    empty(&shop->inbox, true);
    empty(&shop->painted, true);
    empty(&shop->outbox, false);
}

static atl_status start(pthread_t *thread, void *(*run)(void *), void *arg, atl_note *note)
{
    const int rc = pthread_create(thread, NULL, run, arg);
    return rc == 0 ? ATL_OK : atl_fail(note, ATL_NO_MEMORY, "cannot start a thread: %s", strerror(rc));
}

static atl_status run_threads(atl_shop *shop, const atl_worker_options *options, atl_binding *binding,
                              atl_note *note)
{
    atl_encoder encoder = {.shop = shop};
    atl_painter painter = {.shop = shop, .options = options, .binding = binding, .encoder = &encoder};
    pthread_t encoding, painting;
    atl_status st = start(&encoding, atl_encoder_main, &encoder, note);
    if (st != ATL_OK)
        return st;
    st = start(&painting, atl_painter_main, &painter, note);
    if (st == ATL_OK) {
        st = atl_session_run(shop, options, note);
        atomic_store(&shop->stopping, true);
        atl_channel_close(&shop->inbox);
        pthread_join(painting, NULL);
        if (st == ATL_OK && painter.status != ATL_OK) {
            st = painter.status;
            if (note)
                *note = painter.note;
        }
    }
    atl_channel_close(&shop->painted);
    pthread_join(encoding, NULL);
    return st;
}

atl_status atl_worker_run(const atl_worker_options *options, atl_note *note)
{
    atl_status st = set_up_process(options->parent, note);
    if (st != ATL_OK)
        return st;
    atl_shop *shop = calloc(1, sizeof *shop);
    if (!shop)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a worker");
    st = take_desk(shop, options->desk_fd, note);
    if (st != ATL_OK) {
        free(shop);
        return st;
    }
    if (options->tray_fd > 0)
        atl_tray_map(options->tray_fd, &shop->tray, NULL); /* without one pictures are sent */
    atl_binding *binding = atl_binding_open(options->pus, options->n_threads);
    st = open_shop(shop, options, note);
    if (st == ATL_OK)
        st = run_threads(shop, options, binding, note);
    close_shop(shop);
    atl_tray_leave(&shop->tray);
    leave_desk(shop);
    atl_binding_close(&binding);
    free(shop);
    return st;
}
