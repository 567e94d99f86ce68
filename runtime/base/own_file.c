/* own_file.c: see own_file.h. Holds no descriptor between calls. When the process dies while it creates a file, the
 * file stays behind incomplete; the next creation refuses it, and a person removes it. */
#include "runtime/base/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_own(const char *path, mode_t forbidden, const char *what, int *fd, struct ry_error *err)
{
    struct stat status;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0)
        return ry_fail(err, RY_ECONFIG, "cannot read the %s %s: %s", what, path, strerror(errno));
    int rc = RY_OK;
    if (fstat(*fd, &status) != 0 || !S_ISREG(status.st_mode))
        rc = ry_fail(err, RY_ECONFIG, "the %s %s is not a regular file", what, path);
    else if (status.st_uid != geteuid() && status.st_uid != 0)
        rc = ry_fail(err, RY_ECONFIG, "the %s %s belongs to the user %u, not to %u who runs this", what, path,
                     status.st_uid, geteuid());
    else if (status.st_mode & forbidden)
        rc = ry_fail(err, RY_ECONFIG, "the %s %s can be %s by others: chmod %s it", what, path,
                     forbidden & 0044 ? "read" : "written", forbidden & 0044 ? "600" : "go-w");
    if (rc != RY_OK)
        (void)close(*fd);
    return rc;
}

int ry_own_file_read(const char *path, mode_t forbidden, const char *what, char *text, size_t max, size_t *n,
                     struct ry_error *err)
{
    int fd = -1;
    int rc = open_own(path, forbidden, what, &fd, err);
    *n = 0;
    if (rc != RY_OK)
        return rc;
    ssize_t got = 1;
    while (got > 0 && *n < max) {
        got = read(fd, text + *n, max - *n);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            *n += (size_t)got;
    }
    int why = errno;
    (void)close(fd);
    if (got < 0)
        return ry_fail(err, RY_ECONFIG, "cannot read the %s %s: %s", what, path, strerror(why));
    if (got > 0)
        return ry_fail(err, RY_ELIMIT, "the %s %s is longer than %zu bytes", what, path, max - 1);
    return RY_OK;
}

int ry_own_file_create(const char *path, const char *what, const char *text, size_t n, struct ry_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return ry_fail(err, RY_EBUSY, "%s exists already; a %s is not written over", path, what);
    if (fd < 0)
        return ry_fail(err, RY_EIO, "cannot make the %s %s: %s", what, path, strerror(errno));
    bool written = write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
    int why = errno;
    if (close(fd) == 0 && written)
        return RY_OK;
    (void)unlink(path);
    return ry_fail(err, RY_EIO, "cannot write the %s %s: %s", what, path, strerror(why));
}
