/* media_file.c: the videos of exports, opened below their registered folder and nowhere else.
 *
 * A file URL comes out of an export that anybody may have written, so openat2(2) with RESOLVE_BENEATH opens it: that
 * refuses "..", absolute symbolic links and links that lead out, at the moment of opening, with no gap between a check
 * and a use. Symbolic links that stay inside are followed. Only regular files are opened; O_NONBLOCK keeps a FIFO from
 * holding the thread at open. */
#include "runtime/base/media_file.h"

#include "runtime/base/file_url.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- paths ------------------------------------------------------------------------------------------------------ */

/* What of path lies behind root: NULL if it does not begin with root and a slash. */
static const char *path_below(const char *path, struct ry_str root)
{
    while (root.n > 1 && root.p[root.n - 1] == '/')
        root.n--;
    if (root.n == 1 && root.p[0] == '/')
        root.n = 0;
    if (strncmp(path, root.p, root.n) != 0 || path[root.n] != '/')
        return NULL;
    path += root.n;
    while (*path == '/')
        path++;
    return *path ? path : NULL;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int fail_open(int error, struct ry_error *err)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return ry_fail(
            err, RY_ENOENT,
            "is missing from the export's folder; put the file back and retry, or import the export again with "
            "--media FOLDER, the folder that it lies in now");
    case EXDEV:
    case ELOOP: return ry_fail(err, RY_EACCES, "is outside the export's folder; only files inside it are read");
    case EACCES:
    case EPERM: return ry_fail(err, RY_EACCES, "cannot be read: permission denied; grant this user access, then retry");
    case ENXIO:
    case EISDIR: return ry_fail(err, RY_EINVAL, "is not a regular file");
    case ENAMETOOLONG: return ry_fail(err, RY_EINVAL, "has a path that is too long");
    case ENOSYS:
        return ry_fail(err, RY_EUNSUPPORTED, "cannot be opened safely: this system has no openat2 (Linux 5.6)");
    default: return ry_fail(err, RY_EIO, "cannot be opened: %s", strerror(error));
    }
}

static uint64_t hash_of(struct ry_str path)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < path.n; i++)
        hash = (hash ^ (unsigned char)path.p[i]) * 0x100000001b3u;
    return hash;
}

/* Where a folder's device is noted, or NULL. */
static dev_t *noted_device(struct ry_media_roots *roots, struct ry_str root)
{
    uint64_t path = hash_of(root);
    size_t n = roots->count < RY_MEDIA_ROOTS_MAX ? roots->count : RY_MEDIA_ROOTS_MAX;
    for (size_t i = 0; i < n; i++)
        if (roots->items[i].path == path)
            return &roots->items[i].device;
    return NULL;
}

static void note_device(struct ry_media_roots *roots, struct ry_str root, dev_t device)
{
    dev_t *noted = noted_device(roots, root);
    if (noted == NULL) {
        size_t at = roots->count++ % RY_MEDIA_ROOTS_MAX;
        roots->items[at].path = hash_of(root);
        noted = &roots->items[at].device;
    }
    *noted = device;
}

static bool is_empty_folder(int root_fd)
{
    int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    unsigned names = 0;
    if (folder == NULL) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    while (names <= 2 && readdir(folder) != NULL)
        names++;
    closedir(folder);
    return names == 2; /* "." and ".." */
}

/* A file that is missing where its whole export is missing is not lost: the disk may come back. */
static int fail_missing(struct ry_media_roots *roots, struct ry_str root, int root_fd, struct ry_error *err)
{
    struct stat st;
    const dev_t *device = noted_device(roots, root);
    if (is_empty_folder(root_fd))
        return ry_fail(err, RY_EAWAY,
                       "cannot be read: there is nothing in the folder of its export (is its disk mounted?): %.*s",
                       RY_STR_ARG(root));
    if (device != NULL && fstat(root_fd, &st) == 0 && st.st_dev != *device)
        return ry_fail(err, RY_EAWAY,
                       "cannot be read: the folder of its export is on another device than before (is its disk "
                       "mounted?): %.*s",
                       RY_STR_ARG(root));
    return fail_open(ENOENT, err);
}

/* Opens path below an open root; a descriptor, or an error. */
static int open_in(struct ry_media_roots *roots, struct ry_str root, int root_fd, const char *path,
                   struct ry_error *err)
{
    const struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd;
    do
        fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how);
    while (fd < 0 && (errno == EINTR || errno == EAGAIN)); /* EAGAIN: a rename raced with ".." */
    if (fd < 0)
        return errno == ENOENT ? fail_missing(roots, root, root_fd, err) : fail_open(errno, err);
    struct stat st;
    if (fstat(root_fd, &st) == 0)
        note_device(roots, root, st.st_dev);
    return fd;
}

/* Opens path below root; a descriptor, or an error. */
static int open_below(struct ry_media_roots *roots, struct ry_str root, const char *path, struct ry_error *err)
{
    char folder[PATH_MAX];
    if (root.n >= sizeof folder || memchr(root.p, '\0', root.n))
        return fail_open(ENAMETOOLONG, err);
    (void)snprintf(folder, sizeof folder, "%.*s", RY_STR_ARG(root));
    int root_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return ry_fail(err, RY_EAWAY, "cannot be read: the folder of its export is not there: %.*s", RY_STR_ARG(root));
    if (root_fd < 0)
        return fail_open(errno, err);
    int fd = open_in(roots, root, root_fd, path, err);
    close(root_fd);
    return fd;
}

/* Checks what was opened, and notes what it is. */
static int check_file(struct ry_media_file *file, struct ry_error *err)
{
    struct stat st;
    if (fstat(file->fd, &st) != 0)
        return ry_fail(err, RY_EIO, "cannot be examined: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fail_open(EISDIR, err);
    if (st.st_size <= 0)
        return ry_fail(err, RY_EDATA, "is empty (0 bytes); export it again");
    file->bytes = (uint64_t)st.st_size;
    file->modified_wall_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return RY_OK;
}

int ry_media_file_open(struct ry_media_roots *roots, struct ry_str url, struct ry_str media_root,
                       struct ry_media_file *file, struct ry_error *err)
{
    *file = (struct ry_media_file){.fd = -1};
    char path[PATH_MAX];
    if (ry_file_url_path(url, path, sizeof path) == 0)
        return ry_fail(err, RY_EINVAL, "has a malformed file URL");
    if (media_root.n == 0 || media_root.p[0] != '/')
        return ry_fail(err, RY_EACCES,
                       "is outside the folders of imported exports; only files inside them are read; import its export "
                       "again with --media FOLDER, the folder that it lies in");
    const char *below = path_below(path, media_root);
    if (!below)
        return ry_fail(err, RY_EACCES, "is not below the registered folder; import its export again");
    int fd = open_below(roots, media_root, below, err);
    if (fd < 0)
        return fd;
    file->fd = fd;
    int code = check_file(file, err);
    if (code != RY_OK) {
        close(fd);
        file->fd = -1;
    }
    return code;
}
