/* weights_file.c - a place for packed weights that pools share: see executor.h.
 *
 * A memfd. Who packs into it, and when it is sealed, is the workers' business (engine/model/store_shared.c);
 * here it is only kept, and kept to one model: packed weights of another one may be of the same size. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor_private.h"

enum { ABOVE_STANDARD_FDS = 10, BYTES_A_BLOCK = 512 /* stat(2)'s unit */ };

struct atl_weights_file {
    pthread_mutex_t mutex; /* of `owner` */
    int fd;
    char *owner; /* model, variant and policy of the first pool; NULL before */
};

atl_status atl_weights_file_open(atl_weights_file **ret, atl_note *note)
{
    atl_weights_file *file = calloc(1, sizeof *file);
    if (!file)
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a place of weights");
    file->fd = memfd_create("atelier-weights", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file->fd < 0) {
        const int error = errno;
        free(file);
        return atl_fail(note, ATL_IO, "cannot make a place for weights: %s", strerror(error));
    }
    pthread_mutex_init(&file->mutex, NULL);
    *ret = file;
    return ATL_OK;
}

void atl_weights_file_close(atl_weights_file **file)
{
    atl_weights_file *f = *file;
    *file = NULL;
    if (!f)
        return;
    close(f->fd);
    free(f->owner);
    pthread_mutex_destroy(&f->mutex);
    free(f);
}

size_t atl_weights_file_bytes(const atl_weights_file *file)
{
    struct stat there;
    return fstat(file->fd, &there) == 0 ? (size_t)there.st_blocks * BYTES_A_BLOCK : 0;
}

static const char *or_default(const char *word)
{
    return word && word[0] ? word : "default";
}

/* Under the mutex. */
static atl_status belong(atl_weights_file *file, const char *owner, atl_note *note)
{
    if (file->owner && strcmp(file->owner, owner) != 0)
        return atl_fail(note, ATL_USAGE, "shared weights: they are of %s; wanted those of %s", file->owner,
                        owner);
    if (!file->owner && !(file->owner = strdup(owner)))
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a place of weights");
    return ATL_OK;
}

atl_status atl_weights_file_use(atl_weights_file *file, const atl_executor *x, int *ret_fd, atl_note *note)
{
    atl_text owner = {0};
    atl_text_printf(&owner, "%s, variant %s, policy %s", x->model, or_default(x->variant),
                    or_default(x->policy));
    if (owner.failed) {
        atl_text_done(&owner);
        return atl_fail(note, ATL_NO_MEMORY, "no memory for a place of weights");
    }
    pthread_mutex_lock(&file->mutex);
    atl_status st = belong(file, owner.data, note);
    if (st == ATL_OK && (*ret_fd = fcntl(file->fd, F_DUPFD_CLOEXEC, ABOVE_STANDARD_FDS)) < 0)
        st = atl_fail(note, ATL_IO, "cannot open the shared weights once more: %s", strerror(errno));
    pthread_mutex_unlock(&file->mutex);
    atl_text_done(&owner);
    return st;
}
