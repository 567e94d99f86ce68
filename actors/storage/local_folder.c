/* local_folder.c: the folders of the store, their names and what errors at them mean; see local_internal.h.
 *
 * Owns nothing: the descriptors are struct local_root's. An error at the store's own folders is one of the whole store,
 * which is waited for; one in a guild's folder is the file's own. */
#include "actors/storage/local_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "actors/storage/local_mend.h"
#include "runtime/base/assert.h"

struct local *local_of(struct store *store)
{
    struct local *local = (struct local *)store;
    RY_ASSERT(local->magic == LOCAL_MAGIC);
    return local;
}

/* Of a failure at the store's own folders: it is nothing that another file would escape. */
static enum ry_err code_of_store(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT: return RY_EFULL;
    case ENOMEM:
    case EMFILE:
    case ENFILE: return RY_EIO; /* passes without a person */
    default: return RY_EAWAY;
    }
}

/* Of a failure in one guild's folder. */
static enum ry_err code_of_guild(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT: return RY_EFULL;
    case EACCES:
    case EPERM:
    case ELOOP:   /* a symbolic link where a folder or file of ours should be */
    case ENOTDIR: /* likewise */
    case EXDEV: return RY_EACCES;
    case EROFS:
    case EIO:
    case ESTALE:
    case ENOTCONN: return RY_EAWAY; /* the disk */
    default: return RY_EIO;
    }
}

/* "cannot <doing> <root>/<name>: <errno>". */
static int fail_errno(const struct local *local, enum ry_err code, const char *doing, const char *name,
                      struct ry_error *err)
{
    const char *advice = "";
    if (errno == ELOOP || errno == ENOTDIR)
        advice = "; symbolic links are not followed: set STORAGE_PATH to where it leads";
    return ry_fail(err, code, "cannot %s %s/%s: %m%s", doing, local->path, name, advice);
}

int local_fail_store(const struct local *local, const char *doing, const char *name, struct ry_error *err)
{
    return fail_errno(local, code_of_store(errno), doing, name, err);
}

int local_fail_guild(const struct local *local, const char *doing, const char *name, struct ry_error *err)
{
    return fail_errno(local, code_of_guild(errno), doing, name, err);
}

int local_settle(struct local *local, struct ry_error *err)
{
    int rc = local_root_settle(&local->root, err);
    if (rc == RY_OK && !local->swept) {
        local_mend(&local->root, local->file_mode);
        local->swept = true;
    }
    return rc;
}

int local_leave(struct local *local, int rc)
{
    if (rc == RY_EAWAY)
        local_root_close(&local->root);
    return rc;
}

void local_temporary(struct local *local, const char *file, char temporary[LOCAL_TEMPORARY_BYTES])
{
    (void)snprintf(temporary, LOCAL_TEMPORARY_BYTES, "%s.tmp.%016" PRIx64, file, ry_rng_u64(local->rng));
}

int local_check_names(const struct local *local, enum ry_store_kind kind, int folder_fd, const char *folder,
                      struct ry_error *err)
{
    int rc = local_root_check(&local->root, kind, err);
    if (rc == RY_OK && !local_root_same(folder_fd, local->root.tops[kind].fd, folder, AT_SYMLINK_NOFOLLOW))
        rc = ry_fail(err, RY_EAWAY, "the folder %s/%s/%s was moved, replaced or deleted while it was in use",
                     local->path, ry_store_folder(kind), folder);
    return rc;
}

int local_check_space(const struct local *local, enum ry_store_kind kind, uint64_t need_bytes, struct ry_error *err)
{
    struct statvfs fs;
    if (fstatvfs(local->root.tops[kind].fd, &fs) != 0)
        return local_fail_store(local, "ask for the free space of", ry_store_folder(kind), err);
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (free_bytes >= need_bytes && free_bytes - need_bytes >= local->reserve_bytes)
        return RY_OK;
    return ry_fail(err, RY_EFULL,
                   "the disk of %s has %" PRIu64 " bytes free and %" PRIu64
                   " are kept in reserve; free some, or lower REELYARD_DISK_RESERVE",
                   local->path, free_bytes, local->reserve_bytes);
}

bool local_read_whole(int fd, char *bytes, size_t n, uint64_t offset)
{
    for (size_t got = 0; got < n;) {
        ssize_t more = pread(fd, bytes + got, n - got, (off_t)(offset + got));
        if (more < 0 && errno == EINTR)
            continue;
        if (more == 0)
            errno = EIO; /* it has been cut under our hands */
        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    return true;
}
