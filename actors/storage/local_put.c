/* local_put.c: keeps the files of several clips for the price of two barriers.
 *
 * All files are written under temporary names in .incoming; one barrier makes their bytes durable; they are renamed;
 * another barrier makes the names durable. A barrier is one for the whole file system, or, where there is little to ask
 * for or that is not to be trusted, one for each file and each folder. A file that fails takes only its own clip with
 * it. Whatever the moment of a crash, under a name lies a whole file, and what was not said to be kept is written again
 * or found to be there. */
#include "actors/storage/local_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/storage/local_barrier.h"
#include "runtime/base/assert.h"

/* So many files or folders are asked for one by one: what others write to the file system is then not waited for. */
#define ONE_BY_ONE_MAX 2

/* A folder that files of the group belong to. */
struct folder {
    struct local_name parts; /* of one of its files */
    int fd;
};

/* A file that is not there yet. */
struct staged {
    struct store_put *put;
    const struct store_file *file;
    size_t folder;
    int fd; /* holds its lock until it is closed */
    char temporary[LOCAL_TEMPORARY_BYTES];
};

struct group {
    struct local *local;
    struct store_put *puts;
    size_t n;
    size_t *folder_of; /* of each put */
    struct folder *folders;
    size_t folders_count;
    struct staged *staged;
    size_t staged_count;
};

/* ---- writing ----------------------------------------------------------------------------------------------------- */

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

/* "cannot <doing> <store>/<kind>/.incoming". */
static int fail_incoming(const struct local *local, enum ry_store_kind kind, const char *doing, struct ry_error *err)
{
    char incoming[RY_STORE_NAME_BYTES];
    (void)snprintf(incoming, sizeof incoming, "%s/" INCOMING, ry_store_folder(kind));
    return local_fail_store(local, doing, incoming, err);
}

/* Writes a new file in .incoming, which is not durable yet. */
static int stage(struct group *group, struct store_put *put, const struct store_file *file, size_t folder)
{
    struct local *local = group->local;
    struct staged *staged = &group->staged[group->staged_count];
    const struct local_name parts = local_split(file->name);
    int incoming_fd = local->root.tops[parts.kind].incoming_fd;
    *staged = (struct staged){.put = put, .file = file, .folder = folder};
    local_temporary(local, parts.file, staged->temporary);
    staged->fd = openat(incoming_fd, staged->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (staged->fd < 0)
        return fail_incoming(local, parts.kind, "make a file in", &put->err);
    group->staged_count++;
    (void)flock(staged->fd, LOCK_EX); /* where a file system has no locks, leftovers stay */
    bool changed;
    if (write_whole(staged->fd, file->bytes) && local_root_chmod(staged->fd, local->file_mode, &changed))
        return RY_OK;
    return fail_incoming(local, parts.kind, "write in", &put->err);
}

static int open_folder(struct group *group, const char *name, size_t *index, struct ry_error *err)
{
    struct local *local = group->local;
    const struct local_name parts = local_split(name);
    for (size_t i = 0; i < group->folders_count; i++) {
        *index = i;
        if (group->folders[i].parts.kind == parts.kind && strcmp(group->folders[i].parts.folder, parts.folder) == 0)
            return RY_OK;
    }
    int rc = local_root_settle_top(&local->root, parts.kind, err);
    struct folder *folder = &group->folders[group->folders_count];
    *folder = (struct folder){.parts = parts, .fd = -1};
    if (rc == RY_OK &&
        !local_root_folder(local->root.tops[parts.kind].fd, parts.folder, local->root.folder_mode, &folder->fd))
        rc = local_fail_guild(local, "open the folder of", name, err);
    if (rc == RY_OK)
        *index = group->folders_count++;
    return rc;
}

/* Writes what is not there of one put. */
static int stage_put(struct group *group, struct store_put *put, size_t *folder)
{
    RY_ASSERT(put->n > 0);
    int rc = open_folder(group, put->files[0].name, folder, &put->err);
    if (rc != RY_OK)
        return rc;
    uint64_t need_bytes = 0;
    for (size_t i = 0; i < put->n; i++)
        need_bytes += put->files[i].bytes.n;
    rc = local_check_space(group->local, group->folders[*folder].parts.kind, need_bytes, &put->err);
    for (size_t i = 0; i < put->n && rc == RY_OK; i++) {
        const struct store_file *file = &put->files[i];
        if (!is_same(group->folders[*folder].fd, local_split(file->name).file, file->bytes))
            rc = stage(group, put, file, *folder);
    }
    return rc;
}

/* ---- barriers and names ------------------------------------------------------------------------------------------ */

/* Makes the bytes of all staged files durable. */
static void sync_files(struct group *group)
{
    int folder_fds[RY_STORE_KINDS];
    size_t kinds = 0;
    for (size_t i = 0; i < RY_STORE_KINDS; i++)
        if (group->local->root.tops[i].incoming_fd >= 0)
            folder_fds[kinds++] = group->local->root.tops[i].incoming_fd;
    if (group->staged_count > ONE_BY_ONE_MAX && local_barrier_whole(folder_fds, kinds))
        return;
    for (size_t i = 0; i < group->staged_count && group->staged_count > ONE_BY_ONE_MAX; i++)
        (void)sync_file_range(group->staged[i].fd, 0, 0,
                              SYNC_FILE_RANGE_WRITE); /* begun for all, so that they overlap */
    for (size_t i = 0; i < group->staged_count; i++) {
        struct staged *staged = &group->staged[i];
        if (staged->put->rc == RY_OK && fsync(staged->fd) != 0)
            staged->put->rc =
                fail_incoming(group->local, group->folders[staged->folder].parts.kind, "write in", &staged->put->err);
    }
}

/* Gives a staged file its name, or removes it when its put has failed. */
static void give_name(struct group *group, struct staged *staged)
{
    const struct folder *folder = &group->folders[staged->folder];
    int incoming_fd = group->local->root.tops[folder->parts.kind].incoming_fd;
    struct store_put *put = staged->put;
    const struct store_file *file = staged->file;
    if (put->rc == RY_OK && renameat(incoming_fd, staged->temporary, folder->fd, local_split(file->name).file) != 0)
        put->rc = local_fail_guild(group->local, "rename a new file to", file->name, &put->err);
    if (put->rc != RY_OK) {
        (void)unlinkat(incoming_fd, staged->temporary, 0);
        return;
    }
    put->written.files++;
    put->written.bytes += file->bytes.n;
}

static bool has_good_put(const struct group *group, size_t folder)
{
    for (size_t i = 0; i < group->n; i++)
        if (group->puts[i].rc == RY_OK && group->folder_of[i] == folder)
            return true;
    return false;
}

/* All puts of a folder have its failure. */
static void fail_folder(struct group *group, size_t folder, const struct ry_error *why)
{
    for (size_t i = 0; i < group->n; i++) {
        if (group->puts[i].rc != RY_OK || group->folder_of[i] != folder)
            continue;
        group->puts[i].rc = why->code;
        group->puts[i].err = *why;
    }
}

/* Makes names durable, also those that were there: a crash may have kept a rename from being synced. */
static void sync_folders(struct group *group, int *folder_fds)
{
    size_t good = 0;
    for (size_t i = 0; i < group->folders_count; i++)
        if (has_good_put(group, i))
            folder_fds[good++] = group->folders[i].fd;
    bool synced = good > 1 && local_barrier_whole(folder_fds, good);
    for (size_t i = 0; i < group->folders_count; i++) {
        const struct local_name *parts = &group->folders[i].parts;
        struct ry_error why = {0};
        if (!has_good_put(group, i))
            continue;
        if (!synced && !local_root_sync(group->folders[i].fd)) {
            char name[2 * RY_STORE_NAME_BYTES];
            (void)snprintf(name, sizeof name, "%s/%s", ry_store_folder(parts->kind), parts->folder);
            (void)local_fail_guild(group->local, "sync the folder", name, &why);
        } else {
            (void)local_check_names(group->local, parts->kind, group->folders[i].fd, parts->folder, &why);
        }
        if (why.code != RY_OK)
            fail_folder(group, i, &why);
    }
}

/* ---- the group --------------------------------------------------------------------------------------------------- */

static void run_group(struct group *group, int *folder_fds)
{
    for (size_t i = 0; i < group->n; i++)
        group->puts[i].rc = stage_put(group, &group->puts[i], &group->folder_of[i]);
    sync_files(group);
    for (size_t i = 0; i < group->staged_count; i++)
        give_name(group, &group->staged[i]);
    sync_folders(group, folder_fds);
    for (size_t i = 0; i < group->staged_count; i++)
        (void)close(group->staged[i].fd);
    for (size_t i = 0; i < group->folders_count; i++)
        (void)close(group->folders[i].fd);
}

static void fail_all(struct group *group, const struct ry_error *why)
{
    for (size_t i = 0; i < group->n; i++) {
        group->puts[i].rc = why->code;
        group->puts[i].err = *why;
    }
}

void local_put_group(struct store *store, struct store_put *puts, size_t n)
{
    RY_ASSERT(n > 0);
    struct group group = {.local = local_of(store), .puts = puts, .n = n};
    size_t files = 0;
    for (size_t i = 0; i < n; i++) {
        puts[i].written = (struct store_written){0};
        puts[i].err = (struct ry_error){0};
        files += puts[i].n;
    }
    struct ry_error why = {0};
    group.folder_of = calloc(n, sizeof *group.folder_of);
    group.folders = calloc(n, sizeof *group.folders);
    group.staged = calloc(files, sizeof *group.staged);
    int *folder_fds = calloc(n, sizeof *folder_fds);
    if (group.folder_of == NULL || group.folders == NULL || group.staged == NULL || folder_fds == NULL)
        (void)ry_fail(&why, RY_ENOMEM, "no memory to keep %zu files", files);
    if (why.code == RY_OK && local_settle(group.local, &why) == RY_OK)
        run_group(&group, folder_fds);
    else
        fail_all(&group, &why);
    free(group.folder_of);
    free(group.folders);
    free(group.staged);
    free(folder_fds);
    for (size_t i = 0; i < n; i++)
        (void)local_leave(group.local, puts[i].rc);
}

int local_put(struct store *store, const struct store_file *files, size_t n, struct store_written *written,
              struct ry_error *err)
{
    struct store_put put = {.files = files, .n = n};
    local_put_group(store, &put, 1);
    written->files += put.written.files;
    written->bytes += put.written.bytes;
    if (put.rc != RY_OK && err != NULL)
        *err = put.err;
    return put.rc;
}
