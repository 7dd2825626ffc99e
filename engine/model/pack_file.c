/* pack_file.c - see pack_file.h.
 *
 * 64 KiB of header (a multiple of any machine's page), then the store's bytes:
 *
 *   0  "ATLPACK" and a NUL        8  u32 version, 1        12  u32 0x01020304 in the writer's byte order
 *  16  u64 bytes of weights      24  u64 of the file       32  the key      64  BLAKE2b-256 of bytes 0 … 63
 *
 * A file is used only if all of that is as wanted and it is exactly as long as it says. A writer that dies
 * leaves at most a temporary file with no name (O_TMPFILE) or, on file systems without those, one that begins
 * with a dot. */
#include "model/pack_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define HEADER_BYTES ((size_t)1 << 16)
#define VERSION      1u
#define ENDIAN_MARK  0x01020304u
#define READ_BYTES   ((size_t)8 << 20)

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

typedef struct header {
    char magic[8];
    uint32_t version, byte_order;
    uint64_t bytes, file_bytes;
    uint8_t key[ATL_PACK_KEY_BYTES];
    uint8_t digest[32]; /* of all before it */
} header;

static header header_of(const uint8_t key[ATL_PACK_KEY_BYTES], size_t bytes)
{
    header h = {.magic = "ATLPACK",
                .version = VERSION,
                .byte_order = ENDIAN_MARK,
                .bytes = bytes,
                .file_bytes = HEADER_BYTES + bytes};
    memcpy(h.key, key, sizeof h.key);
    crypto_generichash(h.digest, sizeof h.digest, (const unsigned char *)&h, offsetof(header, digest), NULL,
                       0);
    return h;
}

static atl_status fail_errno(atl_note *note, const char *path, const char *what)
{
    return atl_fail(note, errno == ENOMEM ? ATL_NO_MEMORY : ATL_IO, "%s: cannot %s: %s", path, what,
                    strerror(errno));
}

/* ---- reading ---- */

static atl_status refuse(atl_note *note, const char *path, const char *why)
{
    return atl_fail(note, ATL_BAD_INPUT, "%s: %s", path, why);
}

static atl_status check(int fd, const char *path, const header *wanted, atl_note *note)
{
    header found;
    struct stat s;
    uint8_t digest[sizeof found.digest];
    if (fstat(fd, &s) != 0)
        return fail_errno(note, path, "stat");
    if (!S_ISREG(s.st_mode) || pread(fd, &found, sizeof found, 0) != (ssize_t)sizeof found)
        return refuse(note, path, "is too short to hold packed weights");
    if (memcmp(found.magic, wanted->magic, sizeof found.magic) != 0)
        return refuse(note, path, "does not hold packed weights");
    if (found.version != VERSION || found.byte_order != ENDIAN_MARK)
        return refuse(note, path, "holds weights that another version or machine packed");
    crypto_generichash(digest, sizeof digest, (const unsigned char *)&found, offsetof(header, digest), NULL,
                       0);
    if (memcmp(digest, found.digest, sizeof digest) != 0)
        return refuse(note, path, "is damaged: its header does not have the checksum it says");
    if (memcmp(found.key, wanted->key, sizeof found.key) != 0 || found.bytes != wanted->bytes ||
        found.file_bytes != wanted->file_bytes)
        return refuse(note, path, "holds another model's weights, or packed by another policy");
    if ((uint64_t)s.st_size != wanted->file_bytes)
        return atl_fail(note, ATL_BAD_INPUT, "%s: has %lld bytes, not %llu: it was cut short", path,
                        (long long)s.st_size, (unsigned long long)wanted->file_bytes);
    return ATL_OK;
}

/* One chunk of the mapping into memory; where the kernel is too old for that, pages come as they are used. */
static void bring_chunk(void *job, size_t chunk, int thread)
{
    const atl_store *store = job;
    const size_t begin = chunk * READ_BYTES, left = store->capacity_bytes - begin;
    (void)thread;
    madvise(store->base + begin, left < READ_BYTES ? left : READ_BYTES, MADV_POPULATE_READ);
}

atl_status atl_pack_file_map(const char *path, const uint8_t key[ATL_PACK_KEY_BYTES], size_t bytes,
                             atl_pool *pool, atl_store *ret_store, atl_note *note)
{
    const header wanted = header_of(key, bytes);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return atl_fail(note, ATL_NOT_FOUND, "%s: is not there", path);
    if (fd < 0)
        return fail_errno(note, path, "open");
    atl_status st = check(fd, path, &wanted, note);
    if (st == ATL_OK) {
        void *data = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, (off_t)HEADER_BYTES);
        if (data == MAP_FAILED) {
            st = fail_errno(note, path, "map");
        } else {
#ifdef MADV_DONTDUMP
            madvise(data, bytes, MADV_DONTDUMP);
#endif
            *ret_store = (atl_store){.base = data, .capacity_bytes = bytes};
            atl_pool_run(pool, (bytes + READ_BYTES - 1) / READ_BYTES, bring_chunk, ret_store);
        }
    }
    close(fd);
    return st;
}

/* ---- writing ---- */

/* A file that is being written. */
typedef struct draft {
    int fd;
    bool named;
    char dir[4096], temporary[4200];
} draft;

static atl_status draft_open(const char *path, draft *d, atl_note *note)
{
    char copy[4096];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return atl_fail(note, ATL_IO, "%s: has too long a path", path);
    snprintf(d->dir, sizeof d->dir, "%s", dirname(copy));
    snprintf(d->temporary, sizeof d->temporary, "%s/.atlpack-%ld", d->dir, (long)getpid());
    d->named = false;
    d->fd = open(d->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
    if (d->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        d->fd = open(d->temporary, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
        d->named = d->fd >= 0;
    }
    return d->fd >= 0 ? ATL_OK : fail_errno(note, path, "write there");
}

static bool fill_draft(const draft *d, const header *h, const atl_store *store, size_t bytes)
{
    if (fallocate(d->fd, 0, 0, (off_t)(HEADER_BYTES + bytes)) != 0 && errno != EOPNOTSUPP)
        return false;
    return atl_fd_write(d->fd, h, sizeof *h) && lseek(d->fd, (off_t)HEADER_BYTES, SEEK_SET) >= 0 &&
           atl_fd_write(d->fd, store->base, bytes) && fsync(d->fd) == 0;
}

/* Gives the draft its name, in the place of what has it. */
static bool publish_draft(draft *d, const char *path)
{
    char link[64];
    if (!d->named) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", d->fd);
        unlink(d->temporary); /* of a process that had our number and died just here */
        if (linkat(AT_FDCWD, link, AT_FDCWD, d->temporary, AT_SYMLINK_FOLLOW) != 0)
            return false;
        d->named = true;
    }
    if (rename(d->temporary, path) != 0)
        return false;
    d->named = false;
    const int dir = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
        fsync(dir); /* the file is whole with or without it */
        close(dir);
    }
    return true;
}

atl_status atl_pack_file_write(const char *path, const uint8_t key[ATL_PACK_KEY_BYTES],
                               const atl_store *store, size_t bytes, atl_note *note)
{
    const header h = header_of(key, bytes);
    draft d;
    atl_status st = draft_open(path, &d, note);
    if (st != ATL_OK)
        return st;
    if (!fill_draft(&d, &h, store, bytes) || !publish_draft(&d, path))
        st = fail_errno(note, path, "write it");
    if (d.named)
        unlink(d.temporary);
    close(d.fd);
    return st;
}
