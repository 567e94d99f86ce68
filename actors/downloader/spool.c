/* spool.c: writes the spool file; see spool.h.
 *
 * Owns the descriptor until spool_take or spool_close. The file has no name, so a crash leaves nothing behind. */
#include "actors/downloader/spool.h"
#include "runtime/base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Free space is looked at again each time so many bytes were written: others write to the disk too. */
#define CHECK_BYTES ((uint64_t)4 << 20)

static int refuse_size(const struct spool *spool, struct ry_error *err)
{
    return ry_fail(
        err, RY_ELIMIT,
        "is larger than %llu bytes and its server does not support ranges; raise REELYARD_DOWNLOAD_MAX_BYTES if it "
        "shall be fetched whole",
        (unsigned long long)spool->max_bytes);
}

/* Whether `more` bytes leave the reserve alone. */
static int check_space(struct spool *spool, uint64_t more, struct ry_error *err)
{
    struct statvfs disk;
    if (fstatvfs(spool->fd, &disk) != 0)
        return ry_fail(err, RY_EIO, "cannot be spooled: %s", strerror(errno));
    uint64_t available = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (available < spool->reserve_bytes || available - spool->reserve_bytes < more)
        return ry_fail(err, RY_EFULL,
                       "cannot be spooled: the disk has %llu bytes free, and REELYARD_DISK_RESERVE keeps %llu of them; "
                       "make room, then retry",
                       (unsigned long long)available, (unsigned long long)spool->reserve_bytes);
    spool->checked = spool->written;
    return RY_OK;
}

/* A file without a name, also where the file system does not know O_TMPFILE. */
static int open_nameless(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd;
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/spool-XXXXXX", folder) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

int spool_open(struct spool *spool, const char *folder, uint64_t expected, uint64_t max_bytes, uint64_t reserve_bytes,
               struct ry_error *err)
{
    *spool = (struct spool){.fd = -1, .max_bytes = max_bytes, .reserve_bytes = reserve_bytes};
    if (expected > max_bytes)
        return refuse_size(spool, err);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return ry_fail(err, RY_EIO, "cannot be spooled: the folder %s cannot be made: %s", folder, strerror(errno));
    spool->fd = open_nameless(folder);
    if (spool->fd < 0)
        return ry_fail(err, RY_EIO, "cannot be spooled into %s: %s", folder, strerror(errno));
    int code = check_space(spool, expected, err);
    if (code != RY_OK)
        spool_close(spool);
    return code;
}

int spool_write(struct spool *spool, const void *bytes, size_t n, struct ry_error *err)
{
    RY_ASSERT(spool->written <= spool->max_bytes && spool->checked <= spool->written, "%llu bytes written of %llu",
              (unsigned long long)spool->written, (unsigned long long)spool->max_bytes);
    if (n > spool->max_bytes - spool->written)
        return refuse_size(spool, err);
    if (spool->written - spool->checked >= CHECK_BYTES) {
        int code = check_space(spool, n, err);
        if (code != RY_OK)
            return code;
    }
    const char *from = bytes;
    while (n > 0) {
        ssize_t wrote = write(spool->fd, from, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return ry_fail(err, errno == ENOSPC || errno == EDQUOT ? RY_EFULL : RY_EIO, "cannot be spooled: %s",
                           strerror(errno));
        from += wrote;
        n -= (size_t)wrote;
        spool->written += (uint64_t)wrote;
    }
    return RY_OK;
}

int spool_take(struct spool *spool)
{
    RY_ASSERT(spool->fd >= 0);
    int fd = spool->fd;
    spool->fd = -1;
    return fd;
}

void spool_close(struct spool *spool)
{
    if (spool->fd >= 0)
        close(spool->fd);
    spool->fd = -1;
}
