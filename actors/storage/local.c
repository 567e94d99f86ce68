/* local.c: thumbnails in a folder.
 *
 * A file is written under a temporary name in thumbnails/.incoming, synced, renamed to its name, and then the folder
 * that has the name is synced, once for all files of a clip; so under its name there is always a whole file, and what
 * `put` has promised survives a power cut. A crash leaves at worst a file in .incoming. Its writer holds a lock on it
 * (flock) that dies with it, so the next open tells a leftover from another instance's work, and removes it.
 *
 * Every folder below the root is opened by its plain name from the one above without following symbolic links, so that
 * whoever can write to the archive cannot lead a write or a read out of it. */
#include "actors/storage/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "runtime/base/log.h"

#define LOCAL_MAGIC 0x6c6f6361u
/* Leftovers looked at when the store opens: a bound on its start, far above what crashes leave. */
#define SWEEP_MAX 10000

#define THUMBNAILS "thumbnails"
#define INCOMING   ".incoming"

struct local {
    struct store store; /* first, so that the ops find the rest */
    unsigned magic;
    int root_fd;
    int thumbnails_fd;
    int incoming_fd;
    char *root;
    uint64_t reserve_bytes;
    struct ry_rng *rng;
};

static struct local *local_of(struct store *store)
{
    struct local *local = (struct local *)store;
    if (local->magic != LOCAL_MAGIC)
        abort();
    return local;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}
#define FD_AUTO __attribute__((cleanup(close_fd))) int

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static enum ry_err code_of(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT: return RY_EFULL;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:   /* a symbolic link where a folder or file of ours should be */
    case ENOTDIR: /* likewise */
    case EXDEV: return RY_EACCES;
    default: return RY_EIO;
    }
}

/* "cannot <doing> <root>/<name>: <errno>". */
static int fail_errno(const struct local *local, const char *doing, const char *name, struct ry_error *err)
{
    int error = errno;
    const char *advice = "";
    if (error == ELOOP || error == ENOTDIR)
        advice = "; symbolic links are not followed: set STORAGE_PATH to where it leads";
    else if (error == ENOENT)
        advice = "; its folder was taken away: start again";
    return ry_fail(err, code_of(error), "cannot %s %s/%s: %m%s", doing, local->root, name, advice);
}

static int check_space(const struct local *local, uint64_t need_bytes, struct ry_error *err)
{
    struct statvfs fs;
    if (fstatvfs(local->root_fd, &fs) != 0)
        return fail_errno(local, "ask for the free space of", "", err);
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (free_bytes >= need_bytes && free_bytes - need_bytes >= local->reserve_bytes)
        return RY_OK;
    return ry_fail(err, RY_EFULL,
                   "the disk of %s has %" PRIu64 " bytes free and %" PRIu64
                   " are kept in reserve; free some, or lower REELYARD_DISK_RESERVE",
                   local->root, free_bytes, local->reserve_bytes);
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

/* Some file systems cannot sync a folder, and say so by EINVAL; there is then nothing to wait for. */
static bool sync_folder(int fd)
{
    return fsync(fd) == 0 || errno == EINVAL;
}

/* Opens the folder `name` in parent_fd, making it (and that lasting) when it is not there; *fd or an errno. */
static bool open_folder(int parent_fd, const char *name, int *fd)
{
    static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    *fd = openat(parent_fd, name, flags);
    if (*fd >= 0 || errno != ENOENT)
        return *fd >= 0;
    if (mkdirat(parent_fd, name, 0755) != 0 && errno != EEXIST)
        return false;
    if (!sync_folder(parent_fd))
        return false;
    *fd = openat(parent_fd, name, flags);
    return *fd >= 0;
}

/* Splits thumbnails/guild_1/x.webp into its folder's name (below thumbnails) and its own. */
struct split_name {
    char folder[STORE_NAME_BYTES];
    const char *file;
};

static struct split_name split(const char *name)
{
    struct split_name parts;
    const char *folder = strchr(name, '/') + 1;
    const char *slash = strchr(folder, '/');
    (void)snprintf(parts.folder, sizeof parts.folder, "%.*s", (int)(slash - folder), folder);
    parts.file = slash + 1;
    return parts;
}

/* ---- put --------------------------------------------------------------------------------------------------------- */

static bool read_whole(int fd, char *bytes, size_t n)
{
    for (size_t got = 0; got < n;) {
        ssize_t more = read(fd, bytes + got, n - got);
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
    bool same = there != NULL && read_whole(fd, there, bytes.n) && memcmp(there, bytes.p, bytes.n) == 0;
    free(there);
    return same;
}

/* A new file in .incoming, whole and synced; *fd holds its lock until it is closed. On an error nothing is left. */
static int write_incoming(struct local *local, const char *temporary, struct ry_str bytes, int *fd,
                          struct ry_error *err)
{
    *fd = openat(local->incoming_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (*fd < 0)
        return fail_errno(local, "make", THUMBNAILS "/" INCOMING, err);
    (void)flock(*fd, LOCK_EX); /* where a file system has no locks, leftovers stay */
    if (write_whole(*fd, bytes) && fsync(*fd) == 0)
        return RY_OK;
    int rc = fail_errno(local, "write in", THUMBNAILS "/" INCOMING, err);
    (void)unlinkat(local->incoming_fd, temporary, 0);
    return rc;
}

static int put_file(struct local *local, int folder_fd, const char *file, const struct store_file *put,
                    struct store_written *written, struct ry_error *err)
{
    if (is_same(folder_fd, file, put->bytes))
        return RY_OK;
    char temporary[STORE_NAME_BYTES + 32];
    (void)snprintf(temporary, sizeof temporary, "%s.tmp.%016" PRIx64, file, ry_rng_u64(local->rng));
    FD_AUTO locked_fd = -1;
    int rc = write_incoming(local, temporary, put->bytes, &locked_fd, err);
    if (rc != RY_OK)
        return rc;
    if (renameat(local->incoming_fd, temporary, folder_fd, file) != 0) {
        rc = fail_errno(local, "rename a new file to", put->name, err);
        (void)unlinkat(local->incoming_fd, temporary, 0);
        return rc;
    }
    written->files++;
    written->bytes += put->bytes.n;
    return RY_OK;
}

static int local_put(struct store *store, const struct store_file *files, size_t n, struct store_written *written,
                     struct ry_error *err)
{
    struct local *local = local_of(store);
    uint64_t need_bytes = 0;
    for (size_t i = 0; i < n; i++)
        need_bytes += files[i].bytes.n;
    int rc = check_space(local, need_bytes, err);
    FD_AUTO folder_fd = -1;
    if (rc == RY_OK && n > 0 && !open_folder(local->thumbnails_fd, split(files[0].name).folder, &folder_fd))
        rc = fail_errno(local, "open the folder of", files[0].name, err);
    for (size_t i = 0; i < n && rc == RY_OK; i++)
        rc = put_file(local, folder_fd, split(files[i].name).file, &files[i], written, err);
    /* Also when all was there: it may be there by a rename that a crash kept from being synced. */
    if (rc == RY_OK && n > 0 && !sync_folder(folder_fd))
        rc = fail_errno(local, "sync the folder of", files[0].name, err);
    return rc;
}

/* ---- get --------------------------------------------------------------------------------------------------------- */

static int local_get(struct store *store, const char *name, struct ry_frame **frame, struct ry_error *err)
{
    struct local *local = local_of(store);
    *frame = NULL;
    struct split_name parts = split(name);
    FD_AUTO folder_fd = openat(local->thumbnails_fd, parts.folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder_fd < 0 && errno == ENOENT)
        return ry_fail(err, RY_ENOENT, "%s/%s is not there", local->root, name);
    if (folder_fd < 0)
        return fail_errno(local, "open the folder of", name, err);
    FD_AUTO fd = openat(folder_fd, parts.file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0 && errno == ENOENT)
        return ry_fail(err, RY_ENOENT, "%s/%s is not there", local->root, name);
    if (fd < 0 || fstat(fd, &st) != 0)
        return fail_errno(local, "open", name, err);
    if (!S_ISREG(st.st_mode))
        return ry_fail(err, RY_EACCES, "%s/%s is no plain file", local->root, name);
    if ((uint64_t)st.st_size > STORE_FILE_MAX_BYTES)
        return ry_fail(err, RY_ELIMIT, "%s/%s has %" PRId64 " bytes; at most %zu are given out", local->root, name,
                       (int64_t)st.st_size, STORE_FILE_MAX_BYTES);
    struct ry_frame *made = ry_frame_new((size_t)st.st_size);
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for %s", name);
    if (!read_whole(fd, ry_frame_data(made), ry_frame_size(made))) {
        int rc = fail_errno(local, "read", name, err);
        ry_frame_unref(made);
        return rc;
    }
    *frame = made;
    return RY_OK;
}

/* ---- remove ------------------------------------------------------------------------------------------------------ */

/* Folders of people, and what lies behind a symbolic link: left alone. */
static void log_foreign(const struct local *local, const char *name)
{
    RY_LOG(RY_WARNING, "file_not_ours", "folder=%s name=%s reason=%s", local->root, name,
           "it is a folder or behind a symbolic link and was left alone; delete it by hand if it is not wanted");
}

/* Whether the file is gone; else *err, unless that has an earlier error. */
static bool remove_file(struct local *local, int folder_fd, const char *name, struct ry_error *err)
{
    if (unlinkat(folder_fd, split(name).file, 0) == 0 || errno == ENOENT)
        return true;
    if (errno == EISDIR) {
        log_foreign(local, name);
        return true;
    }
    if (err->code == RY_OK)
        (void)fail_errno(local, "delete", name, err);
    return false;
}

/* Deletes files of one folder, synced once. */
static void remove_in_folder(struct local *local, const store_name *names, size_t n, bool *gone, struct ry_error *err)
{
    const struct split_name parts = split(names[0]);
    FD_AUTO folder_fd = openat(local->thumbnails_fd, parts.folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool foreign = folder_fd < 0 && (errno == ELOOP || errno == ENOTDIR);
    bool absent = folder_fd < 0 && errno == ENOENT;
    if (folder_fd < 0 && !foreign && !absent && err->code == RY_OK)
        (void)fail_errno(local, "open the folder of", names[0], err);
    if (foreign)
        log_foreign(local, names[0]);
    for (size_t i = 0; i < n; i++)
        gone[i] = folder_fd < 0 ? foreign || absent : remove_file(local, folder_fd, names[i], err);
    if (folder_fd < 0)
        return;
    if (!sync_folder(folder_fd)) {
        if (err->code == RY_OK)
            (void)fail_errno(local, "sync the folder of", names[0], err);
        memset(gone, 0, n * sizeof *gone);
    }
    /* Only if it is empty. A put that has just opened it fails to rename into it, and makes it again. */
    (void)unlinkat(local->thumbnails_fd, parts.folder, AT_REMOVEDIR);
}

static int local_remove(struct store *store, const store_name *names, size_t n, bool *gone, struct ry_error *err)
{
    struct local *local = local_of(store);
    struct ry_error first = {0};
    for (size_t from = 0, to = 0; from < n; from = to) {
        const struct split_name parts = split(names[from]);
        while (to < n && strcmp(split(names[to]).folder, parts.folder) == 0)
            to++;
        remove_in_folder(local, &names[from], to - from, &gone[from], &first);
    }
    *err = first;
    return (int)first.code;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void local_close(struct store *store)
{
    struct local *local = local_of(store);
    close_fd(&local->incoming_fd);
    close_fd(&local->thumbnails_fd);
    close_fd(&local->root_fd);
    free(local->root);
    local->magic = 0;
    free(local);
}

static const struct store_ops local_ops = {
    .put = local_put,
    .get = local_get,
    .remove = local_remove,
    .close = local_close,
};

/* Whether nobody works on this file of .incoming any more. */
static bool is_leftover(const struct local *local, const char *name)
{
    FD_AUTO fd = openat(local->incoming_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* Removes what crashes left in .incoming. What cannot be removed stays; it does no harm. A writer whose file is taken
 * in the moment before it has the lock fails to rename it, and writes it again. */
static void sweep(const struct local *local)
{
    int fd = openat(local->incoming_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        close_fd(&fd);
        return;
    }
    unsigned removed = 0;
    const struct dirent *entry;
    for (int i = 0; i < SWEEP_MAX && (entry = readdir(folder)) != NULL; i++) {
        if (is_leftover(local, entry->d_name) && unlinkat(local->incoming_fd, entry->d_name, 0) == 0)
            removed++;
    }
    (void)closedir(folder);
    if (removed > 0)
        RY_LOG(RY_INFO, "leftovers_removed", "folder=%s files=%u", local->root, removed);
}

static int refuse(const struct local *local, const char *name, struct ry_error *err)
{
    return ry_fail(err, RY_ECONFIG,
                   "thumbnails cannot be kept in %s%s%s: %m; let this user write there, or set STORAGE_PATH to another "
                   "folder",
                   local->root, name[0] ? "/" : "", name);
}

static int open_folders(struct local *local, struct ry_error *err)
{
    if (mkdir(local->root, 0755) != 0 && errno != EEXIST)
        return refuse(local, "", err);
    local->root_fd = open(local->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FD_AUTO parent_fd = local->root_fd < 0 ? -1 : openat(local->root_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (local->root_fd < 0 || (parent_fd >= 0 && !sync_folder(parent_fd)))
        return refuse(local, "", err);
    if (!open_folder(local->root_fd, THUMBNAILS, &local->thumbnails_fd) ||
        faccessat(local->thumbnails_fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
        return refuse(local, THUMBNAILS, err);
    if (!open_folder(local->thumbnails_fd, INCOMING, &local->incoming_fd) ||
        faccessat(local->incoming_fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
        return refuse(local, THUMBNAILS "/" INCOMING, err);
    return RY_OK;
}

int store_local_open(const struct store_local_options *options, struct store **store, struct ry_error *err)
{
    *store = NULL;
    struct local *local = calloc(1, sizeof *local);
    if (local == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory to open %s", options->root);
    *local = (struct local){
        .store.ops = &local_ops,
        .magic = LOCAL_MAGIC,
        .root_fd = -1,
        .thumbnails_fd = -1,
        .incoming_fd = -1,
        .root = strdup(options->root),
        .reserve_bytes = options->reserve_bytes,
        .rng = options->rng,
    };
    int rc =
        local->root == NULL ? ry_fail(err, RY_ENOMEM, "no memory to open %s", options->root) : open_folders(local, err);
    if (rc != RY_OK) {
        local_close(&local->store);
        return rc;
    }
    sweep(local);
    *store = &local->store;
    return RY_OK;
}
