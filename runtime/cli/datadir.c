/* datadir.c: the data folder: creates it, corrects its modes, holds its lock.
 *
 * The lock's descriptor belongs to the caller; the kernel releases the lock when the process ends, however it ends.
 * Promises that at most one process holds a data folder, and that asking who holds it never blocks a start. */
#include "runtime/cli/datadir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/base/private_file.h"

#define LOCK_WAIT_MS      5000
#define LOCK_ROUND_MS     50
#define SOCKET_NAME       "node.sock"
#define LOCK_RECORD_BYTES 512

/* Where the lock is: always below the data folder, even if the socket is elsewhere, because it is the data that may
 * have only one holder. */
static int lock_folder(const struct ry_config *config, char *path, size_t size, struct ry_error *err)
{
    int n = snprintf(path, size, "%s/run", ry_config_str(config, RY_OPT_data));
    if (n < 0 || (size_t)n >= size)
        return ry_fail(err, RY_ECONFIG, "data: the path is too long");
    return RY_OK;
}

static int lock_path(const struct ry_config *config, char *path, size_t size, struct ry_error *err)
{
    int n = snprintf(path, size, "%s/run/lock", ry_config_str(config, RY_OPT_data));
    if (n < 0 || (size_t)n >= size)
        return ry_fail(err, RY_ECONFIG, "data: the path is too long");
    return RY_OK;
}

/* ---- making it --------------------------------------------------------------------------------------------------- */

static int cannot_make(const char *path, struct ry_error *err)
{
    enum ry_err code = errno == EACCES || errno == EPERM || errno == EROFS ? RY_EACCES : RY_EIO;
    const char *advice = code == RY_EACCES ? "; choose a folder that can be written, with --data" : "";
    return ry_fail(err, code, "cannot make the folder %s: %s%s", path, strerror(errno), advice);
}

/* Makes a folder and those above it. */
static int make_folders(const char *path, mode_t mode, struct ry_error *err)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof part)
        return ry_fail(err, RY_ECONFIG, "the path of the folder %.60s... is too long", path);
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        if (mkdir(part, i == n ? mode : 0755) != 0 && errno != EEXIST)
            return cannot_make(part, err);
        part[i] = path[i];
    }
    struct stat status;
    if (stat(path, &status) != 0)
        return ry_fail(err, RY_EIO, "cannot examine the folder %s: %s", path, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return ry_fail(err, RY_EIO, "%s is there, but is not a folder", path);
    return RY_OK;
}

/* A folder that only its owner may enter: whoever could reach the socket could speak for an actor. */
static int make_private(const char *path, struct ry_error *err)
{
    int rc = make_folders(path, 0700, err);
    if (rc != RY_OK)
        return rc;
    struct stat status;
    if (stat(path, &status) != 0)
        return ry_fail(err, RY_EIO, "cannot examine the folder %s: %s", path, strerror(errno));
    if (status.st_uid != geteuid())
        return ry_fail(err, RY_EACCES, "the folder %s belongs to another user; name another with --run-dir or --data",
                       path);
    if (status.st_mode & 077)
        return ry_fail(err, RY_EACCES,
                       "other users may enter the folder %s; make one for reelyard alone (chmod 700) and name it with "
                       "--run-dir",
                       path);
    return RY_OK;
}

/* Whether a folder holds nothing, or what a data folder holds: one of somebody's own that was named by mistake, such as
 * a home, is not shut. */
static bool is_data_folder(const struct ry_config *config, const char *path)
{
    char lock[PATH_MAX];
    if (access(ry_config_str(config, RY_OPT_sqlite_path), F_OK) == 0 ||
        (lock_path(config, lock, sizeof lock, NULL) == RY_OK && access(lock, F_OK) == 0))
        return true;
    DIR *folder = opendir(path);
    unsigned names = 0;
    while (folder != NULL && names <= 2 && readdir(folder) != NULL)
        names++;
    if (folder != NULL)
        (void)closedir(folder);
    return names == 2; /* "." and ".." */
}

/* What an earlier version, or another umask, left open to others is shut, and one line says so. */
static void mend_modes(const struct ry_config *config)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
    /* The operator may name links; others' are not followed. */
    char data[PATH_MAX];
    char database[PATH_MAX];
    struct stat status;
    unsigned mended = 0;
    if (realpath(ry_config_str(config, RY_OPT_data), data) == NULL)
        return;
    if (stat(data, &status) == 0 && (status.st_mode & S_ISVTX) == 0 && is_data_folder(config, data))
        mended += ry_private_file_mend(data);
    bool has_database = realpath(ry_config_str(config, RY_OPT_sqlite_path), database) != NULL;
    for (size_t i = 0; has_database && i < sizeof tails / sizeof *tails; i++) {
        char path[PATH_MAX];
        int n = snprintf(path, sizeof path, "%s%s", database, tails[i]);
        if (n > 0 && (size_t)n < sizeof path)
            mended += ry_private_file_mend(path);
    }
    char lock[PATH_MAX];
    if (lock_path(config, lock, sizeof lock, NULL) == RY_OK)
        mended += ry_private_file_mend(lock);
    if (mended > 0)
        RY_LOG(RY_WARNING, "modes_mended", "folder=%s count=%u reason=%s", data, mended,
               "the data folder or the database was readable by others; access is now restricted to this user");
}

int ry_datadir_prepare(const struct ry_config *config, struct ry_error *err)
{
    char path[PATH_MAX];
    int rc = lock_folder(config, path, sizeof path, err);
    if (rc == RY_OK)
        rc = make_folders(ry_config_str(config, RY_OPT_data), 0700, err);
    if (rc == RY_OK)
        mend_modes(config);
    if (rc == RY_OK)
        rc = make_private(path, err);
    if (rc == RY_OK)
        rc = make_private(ry_config_str(config, RY_OPT_run_dir), err);
    return rc;
}

int ry_datadir_socket(const struct ry_config *config, char path[RY_SOCKET_PATH_BYTES], struct ry_error *err)
{
    const char *folder = ry_config_str(config, RY_OPT_run_dir);
    int n = snprintf(path, RY_SOCKET_PATH_BYTES, "%s/" SOCKET_NAME, folder);
    if (n >= RY_SOCKET_PATH_BYTES)
        return ry_fail(err, RY_ECONFIG,
                       "the socket's path %.80s.../" SOCKET_NAME " has %d bytes, and %d is the most that the system "
                       "takes; name a shorter folder with --run-dir",
                       folder, n, RY_SOCKET_PATH_BYTES - 1);
    return RY_OK;
}

/* ---- holding it -------------------------------------------------------------------------------------------------- */

/* The socket as a process in another folder would name it, when that is short enough. */
static void socket_for_others(const char *socket, char path[RY_SOCKET_PATH_BYTES])
{
    char folder[RY_SOCKET_PATH_BYTES];
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(strlen(socket) - strlen("/" SOCKET_NAME)), socket);
    char *real = realpath(folder, NULL);
    int n = real ? snprintf(path, RY_SOCKET_PATH_BYTES, "%s/" SOCKET_NAME, real) : RY_SOCKET_PATH_BYTES;
    if (n >= RY_SOCKET_PATH_BYTES)
        (void)snprintf(path, RY_SOCKET_PATH_BYTES, "%s", socket);
    free(real);
}

/* Writes "PID\nSOCKET\n" in one go. */
static int write_record(int fd, const char *path, const char *socket, struct ry_error *err)
{
    char record[LOCK_RECORD_BYTES];
    char reachable[RY_SOCKET_PATH_BYTES] = "";
    if (socket)
        socket_for_others(socket, reachable);
    int n = snprintf(record, sizeof record, "%ld\n%s\n", (long)getpid(), reachable);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, record, (size_t)n, 0) != n)
        return ry_fail(err, RY_EIO, "cannot write %s: %s", path, strerror(errno));
    return RY_OK;
}

static void read_record(int fd, struct ry_datadir_holder *holder)
{
    char record[LOCK_RECORD_BYTES];
    ssize_t n = pread(fd, record, sizeof record - 1, 0);
    if (n <= 0)
        return;
    record[n] = '\0';
    char *rest = NULL;
    holder->pid = (pid_t)strtol(record, &rest, 10);
    if (*rest == '\n')
        (void)snprintf(holder->socket, sizeof holder->socket, "%.*s", (int)strcspn(rest + 1, "\n"), rest + 1);
}

static int take_lock(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &lock);
}

/* Waits for the lock while who has it is a command. */
static int await_lock(int fd, const char *path, const struct ry_config *config, struct ry_error *err)
{
    for (int waited_ms = 0;; waited_ms += LOCK_ROUND_MS) {
        if (take_lock(fd) == 0)
            return RY_OK;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EACCES)
            return ry_fail(err, RY_EIO, "cannot lock %s: %s", path, strerror(errno));
        struct ry_datadir_holder holder = {.held = true};
        read_record(fd, &holder);
        if (holder.socket[0] || waited_ms >= LOCK_WAIT_MS)
            return ry_fail(err, RY_EBUSY, "the data folder %s is in use by process %ld; see `reelyard status`",
                           ry_config_str(config, RY_OPT_data), (long)holder.pid);
        const struct timespec round = {.tv_nsec = LOCK_ROUND_MS * 1000000L};
        (void)nanosleep(&round, NULL);
    }
}

int ry_datadir_lock(const struct ry_config *config, const char *socket, int *lock_fd, struct ry_error *err)
{
    char path[PATH_MAX];
    int rc = lock_path(config, path, sizeof path, err);
    if (rc != RY_OK)
        return rc;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return ry_fail(err, errno == EACCES || errno == EROFS ? RY_EACCES : RY_EIO, "cannot open %s: %s", path,
                       strerror(errno));
    rc = await_lock(fd, path, config, err);
    if (rc == RY_OK)
        rc = write_record(fd, path, socket, err);
    if (rc != RY_OK) {
        (void)close(fd);
        return rc;
    }
    *lock_fd = fd;
    return RY_OK;
}

int ry_datadir_ask(const struct ry_config *config, struct ry_datadir_holder *holder, struct ry_error *err)
{
    char path[PATH_MAX];
    *holder = (struct ry_datadir_holder){.held = false};
    int rc = lock_path(config, path, sizeof path, err);
    if (rc != RY_OK)
        return rc;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return RY_OK;
    if (fd < 0)
        return ry_fail(err, errno == EACCES ? RY_EACCES : RY_EIO, "cannot open %s: %s", path, strerror(errno));
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_GETLK, &lock) != 0) {
        rc = ry_fail(err, RY_EIO, "cannot ask who holds %s: %s", path, strerror(errno));
    } else if (lock.l_type != F_UNLCK) {
        holder->held = true;
        read_record(fd, holder);
    }
    (void)close(fd);
    return rc;
}
