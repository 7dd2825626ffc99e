/* channel.c - see channel.h.
 *
 * The event is raised only when the queue was empty before: a reader that takes all then finds everything
 * that was pushed since, and a busy queue costs no system call. */
#include "channel.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

atl_status atl_channel_open(atl_channel *channel, bool with_event_fd, atl_note *note)
{
    int fd = -1;
    if (with_event_fd && (fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
        return atl_fail(note, ATL_IO, "cannot open an eventfd: %s", strerror(errno));
    *channel = (atl_channel){.event_fd = fd};
    channel->end = &channel->first;
    pthread_mutex_init(&channel->mutex, NULL);
    pthread_cond_init(&channel->filled, NULL);
    return ATL_OK;
}

void atl_channel_done(atl_channel *channel)
{
    if (!channel->end)
        return;
    pthread_mutex_destroy(&channel->mutex);
    pthread_cond_destroy(&channel->filled);
    if (channel->event_fd >= 0)
        close(channel->event_fd);
    *channel = (atl_channel){0};
}

void atl_channel_push(atl_channel *channel, atl_link *item)
{
    item->next = NULL;
    pthread_mutex_lock(&channel->mutex);
    const bool was_empty = !channel->first;
    *channel->end = item;
    channel->end = &item->next;
    pthread_mutex_unlock(&channel->mutex);
    if (!was_empty)
        return;
    const uint64_t one = 1;
    if (channel->event_fd < 0)
        pthread_cond_signal(&channel->filled);
    else if (write(channel->event_fd, &one, sizeof one) < 0)
        return; /* the counter is full: the event is raised already */
}

static atl_link *unlink_first(atl_channel *channel)
{
    atl_link *item = channel->first;
    channel->first = item->next;
    if (!channel->first)
        channel->end = &channel->first;
    return item;
}

atl_link *atl_channel_take(atl_channel *channel)
{
    pthread_mutex_lock(&channel->mutex);
    while (!channel->first && !channel->closed)
        pthread_cond_wait(&channel->filled, &channel->mutex);
    atl_link *item = channel->closed ? NULL : unlink_first(channel);
    pthread_mutex_unlock(&channel->mutex);
    return item;
}

atl_link *atl_channel_take_if(atl_channel *channel, bool (*wanted)(void *user, const atl_link *item),
                              void *user)
{
    pthread_mutex_lock(&channel->mutex);
    const bool yes = channel->first && !channel->closed && (!wanted || wanted(user, channel->first));
    atl_link *item = yes ? unlink_first(channel) : NULL;
    pthread_mutex_unlock(&channel->mutex);
    return item;
}

atl_link *atl_channel_remove(atl_channel *channel, bool (*wanted)(void *user, const atl_link *item),
                             void *user)
{
    pthread_mutex_lock(&channel->mutex);
    atl_link **at = &channel->first;
    while (*at && !wanted(user, *at))
        at = &(*at)->next;
    atl_link *item = *at;
    if (item && !(*at = item->next))
        channel->end = at;
    pthread_mutex_unlock(&channel->mutex);
    return item;
}

atl_link *atl_channel_take_all(atl_channel *channel)
{
    uint64_t count;
    if (channel->event_fd >= 0 && read(channel->event_fd, &count, sizeof count) < 0 && errno != EAGAIN)
        return NULL;
    pthread_mutex_lock(&channel->mutex);
    atl_link *all = channel->first;
    channel->first = NULL;
    channel->end = &channel->first;
    pthread_mutex_unlock(&channel->mutex);
    return all;
}

void atl_channel_close(atl_channel *channel)
{
    pthread_mutex_lock(&channel->mutex);
    channel->closed = true;
    pthread_mutex_unlock(&channel->mutex);
    pthread_cond_broadcast(&channel->filled);
}
