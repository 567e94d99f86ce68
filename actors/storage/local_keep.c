/* local_keep.c: takes a whole file into the store.
 *
 * A file that lies in media/partial, where a large file is put together on the disk that it stays on, is renamed; any
 * other is copied to a temporary name in .incoming, by reflink where the file system can (copy_file_range), and then
 * renamed. Its bytes are synced before it gets its name, its folder after. A crash leaves the file under its old name,
 * or a copy in .incoming, which the next start removes. */
#include "actors/storage/local_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/assert.h"

#define COPY_BYTES ((size_t)1 << 20)

/* What is to be kept, and where. */
struct keeping {
    struct local *local;
    const char *name;
    struct local_name parts;
    int fd;
    uint64_t bytes;
    int folder_fd; /* of the name */
};

static bool is_there(const struct keeping *keeping)
{
    struct stat st;
    return fstatat(keeping->folder_fd, keeping->parts.file, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == keeping->bytes;
}

/* ---- by renaming ------------------------------------------------------------------------------------------------- */

/* The name that the open file has in a folder; false: none. */
static bool find_name(int folder_fd, int fd, char name[NAME_MAX + 1])
{
    struct stat st;
    DIR *names = local_open_names(folder_fd, ".");
    bool found = false;
    const struct dirent *entry;
    while (names != NULL && !found && fstat(fd, &st) == 0 && (entry = readdir(names)) != NULL) {
        if (entry->d_ino != st.st_ino || !local_root_same(fd, folder_fd, entry->d_name, AT_SYMLINK_NOFOLLOW))
            continue;
        (void)snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
        found = true;
    }
    if (names != NULL)
        (void)closedir(names);
    return found;
}

/* RY_ENOENT: the file cannot be had by renaming. */
static int rename_partial(const struct keeping *keeping, struct ry_error *err)
{
    struct local *local = keeping->local;
    char partial[NAME_MAX + 1];
    FD_AUTO media_fd =
        openat(local->root.root_fd, ry_store_folder(RY_STORE_MEDIA), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    FD_AUTO partial_fd =
        media_fd < 0 ? -1 : openat(media_fd, LOCAL_PARTIAL, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool changed;
    if (partial_fd < 0 || !find_name(partial_fd, keeping->fd, partial))
        return RY_ENOENT;
    if (!local_root_chmod(keeping->fd, local->file_mode, &changed) || fsync(keeping->fd) != 0)
        return local_fail_guild(local, "sync the file for", keeping->name, err);
    if (renameat(partial_fd, partial, keeping->folder_fd, keeping->parts.file) == 0)
        return RY_OK;
    return errno == EXDEV ? RY_ENOENT : local_fail_guild(local, "rename a file to", keeping->name, err);
}

/* ---- by copying -------------------------------------------------------------------------------------------------- */

static bool copy_by_hand(int from_fd, int to_fd, uint64_t offset, uint64_t bytes)
{
    char *block = malloc(COPY_BYTES);
    bool copied = block != NULL;
    while (copied && offset < bytes) {
        size_t n = bytes - offset < COPY_BYTES ? (size_t)(bytes - offset) : COPY_BYTES;
        copied = local_read_whole(from_fd, block, n, offset);
        for (size_t done = 0; copied && done < n;) {
            ssize_t written = pwrite(to_fd, block + done, n - done, (off_t)(offset + done));
            copied = written >= 0 || errno == EINTR;
            done += written > 0 ? (size_t)written : 0;
        }
        offset += n;
    }
    free(block);
    return copied;
}

/* False: errno. */
static bool copy_bytes(int from_fd, int to_fd, uint64_t bytes)
{
    off_t from = 0;
    off_t to = 0;
    while ((uint64_t)to < bytes) {
        ssize_t n = copy_file_range(from_fd, &from, to_fd, &to, (size_t)(bytes - (uint64_t)to), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) /* over two file systems, or one that cannot; other reasons are met again */
            return copy_by_hand(from_fd, to_fd, (uint64_t)to, bytes);
    }
    return true;
}

static int copy_file(const struct keeping *keeping, struct ry_error *err)
{
    struct local *local = keeping->local;
    int incoming_fd = local->root.tops[keeping->parts.kind].incoming_fd;
    char temporary[LOCAL_TEMPORARY_BYTES];
    local_temporary(local, keeping->parts.file, temporary);
    int rc = local_check_space(local, keeping->parts.kind, keeping->bytes, err);
    if (rc != RY_OK)
        return rc;
    FD_AUTO fd = openat(incoming_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return local_fail_store(local, "make a file for", keeping->name, err);
    (void)flock(fd, LOCK_EX); /* where a file system has no locks, leftovers stay */
    bool changed;
    if (!copy_bytes(keeping->fd, fd, keeping->bytes) || !local_root_chmod(fd, local->file_mode, &changed) ||
        fsync(fd) != 0)
        rc = local_fail_guild(local, "copy a file to", keeping->name, err);
    else if (renameat(incoming_fd, temporary, keeping->folder_fd, keeping->parts.file) != 0)
        rc = local_fail_guild(local, "rename a new file to", keeping->name, err);
    if (rc != RY_OK)
        (void)unlinkat(incoming_fd, temporary, 0);
    return rc;
}

static int keep_file(struct keeping *keeping, struct ry_error *err)
{
    struct local *local = keeping->local;
    const struct local_name *parts = &keeping->parts;
    FD_AUTO folder_fd = -1;
    if (!local_root_folder(local->root.tops[parts->kind].fd, parts->folder, local->root.folder_mode, &folder_fd))
        return local_fail_guild(local, "open the folder of", keeping->name, err);
    keeping->folder_fd = folder_fd;
    int rc = RY_OK;
    if (!is_there(keeping)) {
        rc = rename_partial(keeping, err);
        if (rc == RY_ENOENT)
            rc = copy_file(keeping, err);
    }
    /* Also when it was there: a crash may have kept the rename from being synced. */
    if (rc == RY_OK && !local_root_sync(folder_fd))
        rc = local_fail_guild(local, "sync the folder of", keeping->name, err);
    return rc == RY_OK ? local_check_names(local, parts->kind, folder_fd, parts->folder, err) : rc;
}

int local_keep(struct store *store, const char *name, int fd, uint64_t bytes, struct ry_error *err)
{
    struct keeping keeping = {
        .local = local_of(store),
        .name = name,
        .parts = local_split(name),
        .fd = fd,
        .bytes = bytes,
        .folder_fd = -1,
    };
    RY_ASSERT(keeping.parts.kind == RY_STORE_MEDIA || keeping.parts.kind == RY_STORE_PLAYABLE, "%s", name);
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != bytes)
        return ry_fail(err, RY_EDATA, "the file for %s is none of %" PRIu64 " bytes", name, bytes);
    int rc = local_settle(keeping.local, err);
    if (rc == RY_OK)
        rc = local_root_settle_top(&keeping.local->root, keeping.parts.kind, err);
    if (rc == RY_OK)
        rc = keep_file(&keeping, err);
    return local_leave(keeping.local, rc);
}
