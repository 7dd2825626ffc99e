/* direct_write.c - see direct_write.h.
 *
 * O_DIRECT wants memory, offsets and lengths in multiples of the disk's block. Bytes that begin a page are
 * written as they lie, to the end of the block that they end in, which is of the same page; others go through
 * an aligned buffer. Then the file is cut to its length, if that is not one of whole blocks: cutting reads
 * and writes the last block again. */
#include "direct_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
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

static size_t in_blocks(size_t n)
{
    return (n + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

static bool write_bounced(int fd, atl_bounce *bounce, const unsigned char *bytes, size_t n)
{
    if (!bounce->bytes)
        bounce->bytes = aligned_alloc(BLOCK_BYTES, BOUNCE_BYTES);
    bool ok = bounce->bytes != NULL;
    for (size_t at = 0; ok && at < n; at += BOUNCE_BYTES) {
        const size_t part = n - at < BOUNCE_BYTES ? n - at : BOUNCE_BYTES;
        memcpy(bounce->bytes, bytes + at, part);
        memset(bounce->bytes + part, 0, in_blocks(part) - part);
        ok = write_whole(fd, bounce->bytes, in_blocks(part));
    }
    return ok;
}

bool atl_write_direct(int fd, atl_bounce *bounce, const void *bytes, size_t n)
{
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_DIRECT) != 0)
        return false;
    const bool as_it_lies = (uintptr_t)bytes % BLOCK_BYTES == 0;
    bool ok = as_it_lies ? write_whole(fd, bytes, in_blocks(n)) : write_bounced(fd, bounce, bytes, n);
    ok = fcntl(fd, F_SETFL, flags) == 0 && ok;
    return ok && (n % BLOCK_BYTES == 0 || ftruncate(fd, (off_t)n) == 0);
}
