/* local_read.c: gives out files of the store, whole or by ranges.
 *
 * Owns nothing: descriptors live as long as a call. A store that nothing can be written to, because it is read-only or
 * belongs to another user, still gives out what it has. Symbolic links are not followed. */
#include "actors/storage/local_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "runtime/base/assert.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int open_file(const struct local *local, int root_fd, const char *name, int *fd, uint64_t *bytes,
                     struct ry_error *err)
{
    const struct local_name parts = local_split(name);
    FD_AUTO top_fd = openat(root_fd, ry_store_folder(parts.kind), FOLDER_FLAGS);
    FD_AUTO folder_fd = top_fd < 0 ? -1 : openat(top_fd, parts.folder, FOLDER_FLAGS);
    if (folder_fd < 0 && errno == ENOENT)
        return ry_fail(err, RY_ENOENT, "%s/%s is not there", local->path, name);
    if (folder_fd < 0)
        return local_fail_guild(local, "open the folder of", name, err);
    *fd = openat(folder_fd, parts.file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (*fd < 0 && errno == ENOENT)
        return ry_fail(err, RY_ENOENT, "%s/%s is not there", local->path, name);
    if (*fd < 0 || fstat(*fd, &st) != 0)
        return local_fail_guild(local, "open", name, err);
    if (!S_ISREG(st.st_mode))
        return ry_fail(err, RY_EACCES, "%s/%s is not a plain file", local->path, name);
    *bytes = (uint64_t)st.st_size;
    return RY_OK;
}

static int read_range(const struct local *local, int fd, const char *name, uint64_t offset, size_t n,
                      struct ry_frame **frame, struct ry_error *err)
{
    struct ry_frame *made = ry_frame_new(n);
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for %s", name);
    if (!local_read_whole(fd, ry_frame_data(made), n, offset)) {
        int rc = local_fail_guild(local, "read", name, err);
        ry_frame_unref(made);
        return rc;
    }
    *frame = made;
    return RY_OK;
}

static int get_file(struct local *local, int root_fd, const char *name, struct ry_frame **frame, struct ry_error *err)
{
    FD_AUTO fd = -1;
    uint64_t bytes = 0;
    int rc = open_file(local, root_fd, name, &fd, &bytes, err);
    if (rc == RY_OK && bytes > STORE_FILE_MAX_BYTES)
        rc = ry_fail(err, RY_ELIMIT, "%s/%s has %" PRIu64 " bytes; at most %zu are given out", local->path, name, bytes,
                     STORE_FILE_MAX_BYTES);
    return rc == RY_OK ? read_range(local, fd, name, 0, (size_t)bytes, frame, err) : rc;
}

int local_get(struct store *store, const char *name, struct ry_frame **frame, struct ry_error *err)
{
    struct local *local = local_of(store);
    *frame = NULL;
    int rc = local_settle(local, err);
    if (rc == RY_OK)
        return local_leave(local, get_file(local, local->root.root_fd, name, frame, err));
    FD_AUTO root_fd = rc == RY_EAWAY ? local_root_open_to_read(&local->root) : -1;
    return root_fd < 0 ? rc : get_file(local, root_fd, name, frame, err);
}

/* What is asked of a file. */
struct range {
    uint64_t offset;
    size_t length;
};

static int read_file(struct local *local, int root_fd, const char *name, struct range range, struct ry_frame **frame,
                     uint64_t *total_bytes, struct ry_error *err)
{
    FD_AUTO fd = -1;
    int rc = open_file(local, root_fd, name, &fd, total_bytes, err);
    if (rc != RY_OK)
        return rc;
    uint64_t left = range.offset < *total_bytes ? *total_bytes - range.offset : 0;
    return read_range(local, fd, name, range.offset, left < range.length ? (size_t)left : range.length, frame, err);
}

int local_read(struct store *store, const char *name, uint64_t offset, size_t length, struct ry_frame **frame,
               uint64_t *total_bytes, struct ry_error *err)
{
    struct local *local = local_of(store);
    RY_ASSERT(length > 0 && length <= STORE_FILE_MAX_BYTES, "%zu bytes", length);
    *frame = NULL;
    *total_bytes = 0;
    const struct range range = {offset, length};
    int rc = local_settle(local, err);
    if (rc == RY_OK)
        return local_leave(local, read_file(local, local->root.root_fd, name, range, frame, total_bytes, err));
    FD_AUTO root_fd = rc == RY_EAWAY ? local_root_open_to_read(&local->root) : -1;
    return root_fd < 0 ? rc : read_file(local, root_fd, name, range, frame, total_bytes, err);
}
