/* local.c: files in a folder.
 *
 * A new file is written under a temporary name in its kind's folder .incoming and renamed when its bytes are durable
 * (local_put.c, local_keep.c); so under its name there is always a whole file. A crash leaves at worst a file in
 * .incoming. Its writer holds a lock on it (flock) that dies with it, so the next open tells a leftover from another
 * instance's work, and removes it.
 *
 * Every folder below the root is opened by its plain name from the one above without following symbolic links, so that
 * whoever can write to the archive cannot lead a write or a read out of it. */
#include "actors/storage/local.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

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

static int local_ready(struct store *store, struct ry_error *err)
{
    struct local *local = local_of(store);
    int rc = local_settle(local, err);
    return local_leave(local, rc == RY_OK ? local_check_space(local, RY_STORE_THUMBNAIL, 0, err) : rc);
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

static void local_release(struct store *store)
{
    local_root_close(&local_of(store)->root);
}

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
    .put_group = local_put_group,
    .get = local_get,
    .remove = local_remove,
    .ready = local_ready,
    .keep = local_keep,
    .read = local_read,
    .presign = local_presign,
    .list = local_list,
    .release = local_release,
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
        .swept = options->swept,
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
