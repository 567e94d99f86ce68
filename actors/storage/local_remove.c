/* local_remove.c: deletes files of the store.
 *
 * Owns nothing. A file counts as gone only when its folder is synced, or when it was not there. Folders of people, and
 * what lies behind a symbolic link, are left alone. A crash leaves files that the next round deletes. */
#include "actors/storage/local_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/log.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Folders of people, and what lies behind a symbolic link: left alone. */
static void log_foreign(const struct local *local, const char *name)
{
    RY_LOG(RY_WARNING, "file_not_ours", "folder=%s name=%s reason=%s", local->path, name,
           "it is a folder or behind a symbolic link and was left alone; delete it by hand if it is not wanted");
}

/* Whether the file is gone; else *err, unless that has an earlier error. */
static bool remove_file(struct local *local, int folder_fd, const char *name, struct ry_error *err)
{
    if (unlinkat(folder_fd, local_split(name).file, 0) == 0 || errno == ENOENT)
        return true;
    if (errno == EISDIR) {
        log_foreign(local, name);
        return true;
    }
    if (err->code == RY_OK)
        (void)local_fail_guild(local, "delete", name, err);
    return false;
}

/* As local_check_names, of a folder that was opened without making any. */
static int check_names(const struct local *local, int top_fd, int folder_fd, const struct local_name *parts,
                       struct ry_error *err)
{
    int rc = local_root_check(&local->root, RY_STORE_THUMBNAIL, err);
    if (rc == RY_OK &&
        !(local_root_same(top_fd, local->root.root_fd, ry_store_folder(parts->kind), AT_SYMLINK_NOFOLLOW) &&
          local_root_same(folder_fd, top_fd, parts->folder, AT_SYMLINK_NOFOLLOW)))
        rc = ry_fail(err, RY_EAWAY, "the folder %s/%s/%s was moved, replaced or deleted while it was in use",
                     local->path, ry_store_folder(parts->kind), parts->folder);
    return rc;
}

/* Deletes files of one folder, synced once. */
static void remove_in_folder(struct local *local, const ry_store_name *names, size_t n, bool *gone,
                             struct ry_error *err)
{
    const struct local_name parts = local_split(names[0]);
    FD_AUTO top_fd = openat(local->root.root_fd, ry_store_folder(parts.kind), FOLDER_FLAGS);
    FD_AUTO folder_fd = top_fd < 0 ? -1 : openat(top_fd, parts.folder, FOLDER_FLAGS);
    bool foreign = folder_fd < 0 && (errno == ELOOP || errno == ENOTDIR);
    bool absent = folder_fd < 0 && errno == ENOENT;
    if (folder_fd < 0 && !foreign && !absent && err->code == RY_OK)
        (void)local_fail_guild(local, "open the folder of", names[0], err);
    if (foreign)
        log_foreign(local, names[0]);
    for (size_t i = 0; i < n; i++)
        gone[i] = folder_fd < 0 ? foreign || absent : remove_file(local, folder_fd, names[i], err);
    if (folder_fd < 0)
        return;
    struct ry_error why = {0};
    if (!local_root_sync(folder_fd))
        (void)local_fail_guild(local, "sync the folder of", names[0], &why);
    else
        (void)check_names(local, top_fd, folder_fd, &parts, &why);
    if (why.code != RY_OK) {
        memset(gone, 0, n * sizeof *gone);
        if (err->code == RY_OK)
            *err = why;
    }
    /* Only if it is empty. A put that has just opened it fails to rename into it, and makes it again. */
    (void)unlinkat(top_fd, parts.folder, AT_REMOVEDIR);
}

static bool in_folder_of(const char *name, const struct local_name *parts)
{
    const struct local_name other = local_split(name);
    return other.kind == parts->kind && strcmp(other.folder, parts->folder) == 0;
}

int local_remove(struct store *store, const ry_store_name *names, size_t n, bool *gone, struct ry_error *err)
{
    struct local *local = local_of(store);
    struct ry_error first = {0};
    memset(gone, 0, n * sizeof *gone);
    int rc = local_settle(local, err);
    if (rc != RY_OK)
        return rc;
    for (size_t from = 0, to = 0; from < n; from = to) {
        const struct local_name parts = local_split(names[from]);
        while (to < n && in_folder_of(names[to], &parts))
            to++;
        remove_in_folder(local, &names[from], to - from, &gone[from], &first);
    }
    *err = first;
    return local_leave(local, (int)first.code);
}
