/* local.c: files in a folder.
 *
 * A file is written under a temporary name in its kind's folder .incoming, synced, renamed to its name, and then the folder
 * that has the name is synced, once for all files of a clip; so under its name there is always a whole file, and what
 * `put` has promised survives a power cut. A crash leaves at worst a file in .incoming. Its writer holds a lock on it
 * (flock) that dies with it, so the next open tells a leftover from another instance's work, and removes it.
 *
 * Every folder below the root is opened by its plain name from the one above without following symbolic links, so that
 * whoever can write to the archive cannot lead a write or a read out of it. */
#include "actors/storage/local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/storage/local_internal.h"
#include "runtime/base/assert.h"
#include "runtime/base/log.h"

/* What storage_access means. */
static const struct access {
    const char *name;
    mode_t folder;
    mode_t file;
} accesses[] = {{"owner", 0700, 0600}, {"group", 0750, 0640}, {"all", 0755, 0644}};

static const struct access *access_of(const char *name)
{
    size_t i = 0;
    while (i + 1 < sizeof accesses / sizeof *accesses && strcmp(accesses[i].name, name) != 0)
        i++;
    return &accesses[i];
}

/* ---- put --------------------------------------------------------------------------------------------------------- */

static bool write_whole(int fd, struct ry_str bytes)
{
    while (bytes.n > 0) {
        ssize_t written = write(fd, bytes.p, bytes.n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes = (struct ry_str){bytes.p + written, bytes.n - (size_t)written};
    }
    return true;
}

/* Whether the file is there with these very bytes. When in doubt, no: it is then written again. */
static bool is_same(int folder_fd, const char *file, struct ry_str bytes)
{
    FD_AUTO fd = openat(folder_fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != bytes.n)
        return false;
    char *there = malloc(bytes.n + 1);
    bool same = there != NULL && local_read_whole(fd, there, bytes.n, 0) && memcmp(there, bytes.p, bytes.n) == 0;
    free(there);
    return same;
}

/* A new file in .incoming, whole and synced; *fd holds its lock until it is closed. On an error nothing is left. */
static int write_incoming(struct local *local, enum ry_store_kind kind, const char *temporary, struct ry_str bytes,
                          int *fd, struct ry_error *err)
{
    int incoming_fd = local->root.tops[kind].incoming_fd;
    char incoming[RY_STORE_NAME_BYTES];
    (void)snprintf(incoming, sizeof incoming, "%s/" INCOMING, ry_store_folder(kind));
    *fd = openat(incoming_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0)
        return local_fail_store(local, "make a file in", incoming, err);
    (void)flock(*fd, LOCK_EX); /* where a file system has no locks, leftovers stay */
    bool changed;
    if (write_whole(*fd, bytes) && local_root_chmod(*fd, local->file_mode, &changed) && fsync(*fd) == 0)
        return RY_OK;
    int rc = local_fail_store(local, "write in", incoming, err);
    (void)unlinkat(incoming_fd, temporary, 0);
    return rc;
}

static int put_file(struct local *local, int folder_fd, const struct store_file *put, struct store_written *written,
                    struct ry_error *err)
{
    const struct local_name parts = local_split(put->name);
    const char *file = parts.file;
    enum ry_store_kind kind = parts.kind;
    if (is_same(folder_fd, file, put->bytes))
        return RY_OK;
    char temporary[LOCAL_TEMPORARY_BYTES];
    local_temporary(local, file, temporary);
    FD_AUTO locked_fd = -1;
    int rc = write_incoming(local, kind, temporary, put->bytes, &locked_fd, err);
    if (rc != RY_OK)
        return rc;
    int incoming_fd = local->root.tops[kind].incoming_fd;
    if (renameat(incoming_fd, temporary, folder_fd, file) != 0) {
        rc = local_fail_guild(local, "rename a new file to", put->name, err);
        (void)unlinkat(incoming_fd, temporary, 0);
        return rc;
    }
    written->files++;
    written->bytes += put->bytes.n;
    return RY_OK;
}

/* All files lie in one folder. */
static int put_files(struct local *local, const struct store_file *files, size_t n, struct store_written *written,
                     struct ry_error *err)
{
    const struct local_name parts = local_split(files[0].name);
    FD_AUTO folder_fd = -1;
    if (!local_root_folder(local->root.tops[parts.kind].fd, parts.folder, local->root.folder_mode, &folder_fd))
        return local_fail_guild(local, "open the folder of", files[0].name, err);
    int rc = RY_OK;
    for (size_t i = 0; i < n && rc == RY_OK; i++)
        rc = put_file(local, folder_fd, &files[i], written, err);
    /* Also when all was there: it may be there by a rename that a crash kept from being synced. */
    if (rc == RY_OK && !local_root_sync(folder_fd))
        rc = local_fail_guild(local, "sync the folder of", files[0].name, err);
    return rc == RY_OK ? local_check_names(local, parts.kind, folder_fd, parts.folder, err) : rc;
}

static int local_put(struct store *store, const struct store_file *files, size_t n, struct store_written *written,
                     struct ry_error *err)
{
    struct local *local = local_of(store);
    RY_ASSERT(n > 0);
    uint64_t need_bytes = 0;
    for (size_t i = 0; i < n; i++)
        need_bytes += files[i].bytes.n;
    enum ry_store_kind kind = local_split(files[0].name).kind;
    int rc = local_settle(local, err);
    if (rc == RY_OK)
        rc = local_root_settle_top(&local->root, kind, err);
    if (rc == RY_OK)
        rc = local_check_space(local, kind, need_bytes, err);
    if (rc == RY_OK)
        rc = put_files(local, files, n, written, err);
    return local_leave(local, rc);
}

static int local_ready(struct store *store, struct ry_error *err)
{
    struct local *local = local_of(store);
    int rc = local_settle(local, err);
    return rc == RY_OK ? local_check_space(local, RY_STORE_THUMBNAIL, 0, err) : rc;
}

static int local_presign(struct store *store, const char *name, unsigned seconds, struct ry_buf *url,
                         struct ry_error *err)
{
    (void)local_of(store);
    (void)seconds;
    (void)url;
    return ry_fail(err, RY_EUNSUPPORTED, "%s is a file of this machine and has no URL of its own", name);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void local_close(struct store *store)
{
    struct local *local = local_of(store);
    local_root_close(&local->root);
    free(local->path);
    local->magic = 0;
    free(local);
}

static const struct store_ops local_ops = {
    .put = local_put,
    .get = local_get,
    .remove = local_remove,
    .ready = local_ready,
    .keep = local_keep,
    .read = local_read,
    .presign = local_presign,
    .list = local_list,
    .close = local_close,
};

/* Errors of a disk, which says nothing about whether the path was meant. */
static bool is_of_disk(int error)
{
    return error == EROFS || error == EIO || error == ESTALE || error == ENODEV || error == ENXIO ||
           error == ENOTCONN || error == ETIMEDOUT || error == EHOSTDOWN;
}

int store_local_open(const struct store_local_options *options, struct store **store, struct ry_error *err)
{
    *store = NULL;
    const struct access *access = access_of(options->access);
    struct local *local = calloc(1, sizeof *local);
    if (local == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory to open %s", options->root);
    *local = (struct local){
        .store.ops = &local_ops,
        .magic = LOCAL_MAGIC,
        .root = local_root_make(NULL, access->folder),
        .file_mode = access->file,
        .path = strdup(options->root),
        .reserve_bytes = options->reserve_bytes,
        .rng = options->rng,
    };
    local->root.path = local->path;
    struct ry_error why = {0};
    int rc = local->path == NULL ? ry_fail(&why, RY_ENOMEM, "no memory to open %s", options->root)
                                 : local_settle(local, &why);
    if (rc == RY_EAWAY && is_of_disk(local->root.open_errno))
        rc = RY_OK;
    else if (rc != RY_OK)
        rc = ry_fail(err, rc == RY_EAWAY ? RY_ECONFIG : (enum ry_err)rc, "%s", why.text);
    if (rc != RY_OK) {
        local_close(&local->store);
        return rc;
    }
    *store = &local->store;
    return RY_OK;
}
