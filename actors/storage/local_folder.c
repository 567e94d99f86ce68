/* local_folder.c: the folders of the store, their names and what errors at them mean; see local_internal.h.
 *
 * Owns nothing: the descriptors are struct local_root's. An error at the store's own folders is one of the whole store,
 * which is waited for; one in a guild's folder is the file's own. */
#include "actors/storage/local_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

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

struct local_name local_split(const char *name)
{
    RY_ASSERT(strncmp(name, THUMBNAILS "/", sizeof THUMBNAILS) == 0, "a file called %s", name);
    struct local_name parts;
    const char *folder = strchr(name, '/') + 1;
    const char *slash = strchr(folder, '/');
    (void)snprintf(parts.folder, sizeof parts.folder, "%.*s", (int)(slash - folder), folder);
    parts.file = slash + 1;
    return parts;
}

int local_check_names(const struct local *local, int folder_fd, const char *folder, struct ry_error *err)
{
    int rc = local_root_check(&local->root, err);
    if (rc == RY_OK && !local_root_same(folder_fd, local->root.thumbnails_fd, folder, AT_SYMLINK_NOFOLLOW))
        rc =
            ry_fail(err, RY_EAWAY, "the folder %s/" THUMBNAILS "/%s was moved, replaced or deleted while it was in use",
                    local->path, folder);
    return rc;
}
