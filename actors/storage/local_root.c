/* local_root.c: opens the folders of the store and checks that they are still the same; see local_root.h.
 *
 * Owns three descriptors, until local_root_close. What it makes is synced before it counts as made. A crash leaves at
 * most an empty folder. */
#include "actors/storage/local_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/log.h"

#define PERMISSIONS ((mode_t)0777)
#define OPEN_FLAGS  (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void local_root_close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

bool local_root_sync(int fd)
{
    return fsync(fd) == 0 || errno == EINVAL;
}

bool local_root_chmod(int fd, mode_t permissions, bool *changed)
{
    struct stat st;
    *changed = false;
    if (fstat(fd, &st) != 0)
        return false;
    if ((st.st_mode & PERMISSIONS) == permissions)
        return true;
    *changed = fchmod(fd, (st.st_mode & ~(mode_t)S_IFMT & ~PERMISSIONS) | permissions) == 0;
    return *changed;
}

bool local_root_folder(int parent_fd, const char *name, mode_t mode, int *fd)
{
    *fd = openat(parent_fd, name, OPEN_FLAGS);
    if (*fd >= 0 || errno != ENOENT)
        return *fd >= 0;
    bool made = mkdirat(parent_fd, name, mode) == 0;
    if ((!made && errno != EEXIST) || !local_root_sync(parent_fd))
        return false;
    *fd = openat(parent_fd, name, OPEN_FLAGS);
    bool changed;
    if (*fd >= 0 && made && !local_root_chmod(*fd, mode, &changed)) /* the umask may have taken some of it */
        local_root_close_fd(fd);
    return *fd >= 0;
}

bool local_root_same(int fd, int at_fd, const char *name, int flags)
{
    struct stat opened;
    struct stat named;
    return fstat(fd, &opened) == 0 && fstatat(at_fd, name, &named, flags) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

struct local_root local_root_make(const char *path, mode_t folder_mode)
{
    struct local_root root = {.path = path, .folder_mode = folder_mode, .root_fd = -1};
    for (size_t i = 0; i < RY_STORE_KINDS; i++)
        root.tops[i] = (struct local_top){.fd = -1, .incoming_fd = -1};
    return root;
}

static bool top_is_same(const struct local_root *root, enum ry_store_kind kind)
{
    const struct local_top *top = &root->tops[kind];
    return local_root_same(top->fd, root->root_fd, ry_store_folder(kind), AT_SYMLINK_NOFOLLOW) &&
           local_root_same(top->incoming_fd, top->fd, INCOMING, AT_SYMLINK_NOFOLLOW);
}

int local_root_check(const struct local_root *root, enum ry_store_kind kind, struct ry_error *err)
{
    if (local_root_same(root->root_fd, AT_FDCWD, root->path, 0) && top_is_same(root, RY_STORE_THUMBNAIL) &&
        (kind == RY_STORE_THUMBNAIL || top_is_same(root, kind)))
        return RY_OK;
    return ry_fail(err, RY_EAWAY, "the folder %s was moved, replaced or deleted while it was in use", root->path);
}

/* Whether an open folder that has lost its name was given another one, and not deleted. The count of links tells on
 * most file systems, /proc on all. */
static bool is_moved(int fd)
{
    static const char deleted[] = " (deleted)";
    char link[64];
    char name[PATH_MAX];
    struct stat st;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof name);
    size_t tail = sizeof deleted - 1;
    bool gone = n >= (ssize_t)tail && memcmp(name + (size_t)n - tail, deleted, tail) == 0;
    return !gone && fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static void close_top(struct local_top *top)
{
    local_root_close_fd(&top->incoming_fd);
    local_root_close_fd(&top->fd);
}

void local_root_close(struct local_root *root)
{
    if (root->root_fd >= 0)
        root->moved = !local_root_same(root->root_fd, AT_FDCWD, root->path, 0) && is_moved(root->root_fd);
    for (size_t i = 0; i < RY_STORE_KINDS; i++)
        close_top(&root->tops[i]);
    local_root_close_fd(&root->root_fd);
}

static int refuse(struct local_root *root, const char *name, struct ry_error *err)
{
    root->open_errno = errno;
    const char *advice = "";
    if (errno == ENOTDIR || errno == ELOOP)
        advice = "; it has to be a folder, and below STORAGE_PATH symbolic links are not followed";
    else if (errno == EACCES || errno == EPERM)
        advice = "; let this user write there, or set STORAGE_PATH to another folder";
    else if (errno == ENOENT)
        advice = "; make the folder above it, or set STORAGE_PATH to another one";
    return ry_fail(err, RY_EAWAY, "files cannot be kept in %s%s%s: %m%s", root->path, name[0] ? "/" : "", name, advice);
}

static int other_device(struct local_root *root, struct ry_error *err)
{
    root->open_errno = ENODEV;
    return ry_fail(err, RY_EAWAY,
                   "files cannot be kept in %s: it is on another device than before and has no folder " THUMBNAILS
                   "; mount its disk again, or start again to begin there anew",
                   root->path);
}

/* The device of the folder that the root's name stands in; false: there is none. */
static bool parent_device(const struct local_root *root, dev_t *device)
{
    char parent[PATH_MAX];
    struct stat st;
    (void)snprintf(parent, sizeof parent, "%s", root->path);
    for (size_t n = strlen(parent); n > 1 && parent[n - 1] == '/'; n--)
        parent[n - 1] = '\0';
    char *slash = strrchr(parent, '/');
    if (slash == parent)
        slash++;
    if (slash != NULL)
        *slash = '\0';
    if (stat(slash != NULL ? parent : ".", &st) != 0)
        return false;
    *device = st.st_dev;
    return true;
}

/* Makes the root and opens it, unless the one that was is only somewhere else. */
static int make_root(struct local_root *root, struct ry_error *err)
{
    dev_t device = 0;
    if (root->used && parent_device(root, &device) && device != root->device)
        return other_device(root, err);
    if (root->moved) {
        root->open_errno = ENOENT;
        return ry_fail(err, RY_EAWAY,
                       "files cannot be kept in %s: the folder was moved away; move it back, or make an empty one",
                       root->path);
    }
    bool made = mkdir(root->path, root->folder_mode) == 0;
    if (!made && errno != EEXIST)
        return refuse(root, "", err);
    root->root_fd = open(root->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool changed;
    if (root->root_fd < 0 || (made && !local_root_chmod(root->root_fd, root->folder_mode, &changed)))
        return refuse(root, "", err);
    FD_AUTO parent_fd = openat(root->root_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd >= 0 && !local_root_sync(parent_fd))
        return refuse(root, "", err);
    return RY_OK;
}

static int open_root(struct local_root *root, struct ry_error *err)
{
    root->root_fd = open(root->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root->root_fd >= 0)
        return RY_OK;
    return errno == ENOENT ? make_root(root, err) : refuse(root, "", err);
}

/* A mount point whose disk is gone is an empty folder on another device. Thumbnails do not belong there. */
static int check_device(struct local_root *root, dev_t *device, struct ry_error *err)
{
    struct stat st;
    struct stat thumbnails;
    if (fstat(root->root_fd, &st) != 0)
        return refuse(root, "", err);
    *device = st.st_dev;
    if (!root->used || st.st_dev == root->device ||
        fstatat(root->root_fd, THUMBNAILS, &thumbnails, AT_SYMLINK_NOFOLLOW) == 0)
        return RY_OK;
    return other_device(root, err);
}

/* A disk mounted on the folder of a kind, which is gone now, left an empty folder on another device. */
static bool is_other_top(const struct local_top *top)
{
    struct stat st;
    return top->used && fstat(top->fd, &st) == 0 && st.st_dev != top->device &&
           faccessat(top->fd, INCOMING, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
}

static int open_top(struct local_root *root, enum ry_store_kind kind, struct ry_error *err)
{
    struct local_top *top = &root->tops[kind];
    const char *folder = ry_store_folder(kind);
    char incoming[RY_STORE_NAME_BYTES];
    struct stat st;
    (void)snprintf(incoming, sizeof incoming, "%s/" INCOMING, folder);
    if (!local_root_folder(root->root_fd, folder, root->folder_mode, &top->fd) ||
        faccessat(top->fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
        return refuse(root, folder, err);
    if (is_other_top(top)) {
        root->open_errno = ENODEV;
        return ry_fail(err, RY_EAWAY,
                       "files cannot be kept in %s/%s: it is on another device than before and empty; mount its disk "
                       "again, or start again to begin there anew",
                       root->path, folder);
    }
    if (!local_root_folder(top->fd, INCOMING, 0700, &top->incoming_fd) ||
        faccessat(top->incoming_fd, ".", W_OK | X_OK, AT_EACCESS) != 0 || fstat(top->fd, &st) != 0)
        return refuse(root, incoming, err);
    top->device = st.st_dev;
    top->used = true;
    return RY_OK;
}

int local_root_settle_top(struct local_root *root, enum ry_store_kind kind, struct ry_error *err)
{
    struct local_top *top = &root->tops[kind];
    if (top->incoming_fd >= 0 && top_is_same(root, kind))
        return RY_OK;
    close_top(top);
    int rc = open_top(root, kind, err);
    if (rc != RY_OK)
        close_top(top);
    return rc;
}

static int open_below(struct local_root *root, struct ry_error *err)
{
    dev_t device = 0;
    int rc = check_device(root, &device, err);
    if (rc == RY_OK)
        rc = open_top(root, RY_STORE_THUMBNAIL, err);
    if (rc != RY_OK)
        return rc;
    root->device = device;
    root->used = true;
    root->moved = false;
    root->open_errno = 0;
    return RY_OK;
}

int local_root_settle(struct local_root *root, struct ry_error *err)
{
    if (root->root_fd >= 0) {
        if (local_root_check(root, RY_STORE_THUMBNAIL, err) == RY_OK)
            return RY_OK;
        RY_LOG(RY_WARNING, "store_lost", "folder=%s reason=%s", root->path, err->text);
        local_root_close(root);
    }
    int rc = open_root(root, err);
    if (rc == RY_OK)
        rc = open_below(root, err);
    if (rc != RY_OK)
        local_root_close(root);
    return rc;
}

int local_root_open_to_read(const struct local_root *root)
{
    return open(root->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
