/* direct_write.c - see direct_write.h.
 *
 * O_DIRECT wants memory, offsets and lengths in multiples of the disk's block: bytes go through an aligned
 * buffer, the last block is filled up with zeros, and the file is cut to its length. */
#include "direct_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 4096, BOUNCE_BYTES = 512 << 10 };

void atl_bounce_done(atl_bounce *bounce)
{
    free(bounce->bytes);
    *bounce = (atl_bounce){0};
}

static bool write_whole(int fd, const void *bytes, size_t n)
{
    ssize_t written;
    do
        written = write(fd, bytes, n);
    while (written < 0 && errno == EINTR);
    return written == (ssize_t)n; /* less would leave the offset unaligned, or the disk is full */
}

bool atl_write_direct(int fd, atl_bounce *bounce, const void *bytes, size_t n)
{
    const int flags = fcntl(fd, F_GETFL);
    if (!bounce->bytes)
        bounce->bytes = aligned_alloc(BLOCK_BYTES, BOUNCE_BYTES);
    if (!bounce->bytes || flags < 0 || fcntl(fd, F_SETFL, flags | O_DIRECT) != 0)
        return false;
    bool ok = true;
    for (size_t at = 0; ok && at < n; at += BOUNCE_BYTES) {
        const size_t part = n - at < BOUNCE_BYTES ? n - at : BOUNCE_BYTES;
        const size_t blocks = (part + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
        memcpy(bounce->bytes, (const unsigned char *)bytes + at, part);
        memset(bounce->bytes + part, 0, blocks - part);
        ok = write_whole(fd, bounce->bytes, blocks);
    }
    ok = fcntl(fd, F_SETFL, flags) == 0 && ok;
    return ok && ftruncate(fd, (off_t)n) == 0;
}
