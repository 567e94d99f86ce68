/* job_queue_sqlite.c: the embedded job queue, in a SQLite file.
 *
 * Owns      one connection to the file and its prepared statements; the tables reelyard_queue_* (sqlite_schema.c).
 *
 * Promises  what job_queue.h says, each call one transaction. Other connections, of the writer's engine and of
 *           commands, work in the same file at the same time (WAL); a call waits up to BUSY_TIMEOUT_MS for their locks
 *           and then returns RY_EBUSY.
 *
 * A crash leaves the transactions that were committed and nothing of others. What a power cut may undo stands at the
 * top of sqlite_queue.c. */
#include "runtime/queue/sqlite_queue.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/private_file.h"

#define BUSY_TIMEOUT_MS 10000
#define LOCK_PAUSE_MS   2
/* Entering WAL mode needs the file for a moment alone, and SQLite does not wait for that by itself. */
#define WAL_TRIES    2000
#define WAL_PAUSE_MS 5
/* The log is cut back to this after a large job has passed through it. */
#define WAL_KEEP_BYTES "16777216"

static const char opening[] = "open the queue";

static void close_queue(struct ry_job_queue *queue)
{
    struct ry_sqlite_queue *sqlite = ry_sqlite_queue_of(queue);
    for (size_t i = 0; i < RY_SQLITE_QUEUE_STATEMENT_COUNT; i++)
        (void)sqlite3_finalize(sqlite->statements[i]);
    (void)sqlite3_close(sqlite->db);
    free(sqlite->path);
    sqlite->magic = 0;
    free(sqlite);
}

static const struct ry_job_queue_ops sqlite_ops = {
    .name = "sqlite",
    .push = ry_sqlite_queue_push,
    .cursor_get = ry_sqlite_queue_cursor_get,
    .read = ry_sqlite_queue_read,
    .renew = ry_sqlite_queue_renew,
    .ack = ry_sqlite_queue_ack,
    .nack = ry_sqlite_queue_nack,
    .hurry = ry_sqlite_queue_hurry,
    .bury = ry_sqlite_queue_bury,
    .release = ry_sqlite_queue_release,
    .depth = ry_sqlite_queue_depth,
    .find = ry_sqlite_queue_find,
    .dead_add = ry_sqlite_queue_dead_add,
    .dead_list = ry_sqlite_queue_dead_list,
    .dead_get = ry_sqlite_queue_dead_get,
    .dead_take = ry_sqlite_queue_dead_take,
    .close = close_queue,
};

static int enter_wal(struct ry_sqlite_queue *sqlite, struct ry_error *err)
{
    int code = SQLITE_OK;
    for (int i = 0; i < WAL_TRIES; i++) {
        code = sqlite3_exec(sqlite->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if ((code & 0xff) != SQLITE_BUSY)
            break;
        (void)sqlite3_sleep(WAL_PAUSE_MS);
    }
    return code == SQLITE_OK ? RY_OK : ry_sqlite_queue_fail(sqlite, opening, err);
}

/* The writer holds the lock for most of the time while it is busy, and the gaps are short. SQLite's own waiting doubles
 * its pauses up to a tenth of a second, and would miss most of them. */
static int wait_for_lock(void *arg, int tries)
{
    (void)arg;
    if (tries >= BUSY_TIMEOUT_MS / LOCK_PAUSE_MS)
        return 0;
    (void)sqlite3_sleep(LOCK_PAUSE_MS);
    return 1;
}

static int configure(struct ry_sqlite_queue *sqlite, struct ry_error *err)
{
    static const char pragmas[] = "PRAGMA synchronous = NORMAL;"
                                  "PRAGMA cache_size = -512;"         /* KiB: a job is read once */
                                  "PRAGMA wal_autocheckpoint = 4000;" /* pages, as the writer has it: the log is one */
                                  "PRAGMA journal_size_limit = " WAL_KEEP_BYTES ";";
    (void)sqlite3_extended_result_codes(sqlite->db, 1);
    (void)sqlite3_busy_handler(sqlite->db, wait_for_lock, NULL);
    /* SQLite opens a file that it may not write for reading, and would tell so only at the first push. */
    if (sqlite3_db_readonly(sqlite->db, "main") == 1)
        return ry_fail(err, RY_EACCES, "cannot open the queue in %s: this user may not write it", sqlite->path);
    int rc = enter_wal(sqlite, err);
    if (rc == RY_OK && sqlite3_exec(sqlite->db, pragmas, NULL, NULL, NULL) != SQLITE_OK)
        rc = ry_sqlite_queue_fail(sqlite, opening, err);
    sqlite->sync = RY_SQLITE_QUEUE_ORDERED;
    return rc;
}

/* Whether the file's folder is there but this user may not make a file in it. */
static bool folder_refuses(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    bool refuses = folder != NULL && faccessat(AT_FDCWD, folder, F_OK, AT_EACCESS) == 0 &&
                   faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0;
    free(folder);
    return refuses;
}

static int connect_file(struct ry_sqlite_queue *sqlite, struct ry_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    ry_private_file_make(sqlite->path); /* its WAL and index get the same mode from SQLite */
    int code = sqlite3_open_v2(sqlite->path, &sqlite->db, flags, NULL);
    if (code == SQLITE_OK)
        return RY_OK;
    /* SQLite then tries to open it for reading, and reports why that failed. */
    if ((code & 0xff) == SQLITE_CANTOPEN && folder_refuses(sqlite->path))
        return ry_fail(err, RY_EACCES, "cannot make %s: this user may not write its folder", sqlite->path);
    return ry_sqlite_queue_fail(sqlite, opening, err);
}

int ry_job_queue_sqlite_open(const char *path, const struct ry_clock *clock, struct ry_job_queue **queue,
                             struct ry_error *err)
{
    *queue = NULL;
    struct ry_sqlite_queue *sqlite = calloc(1, sizeof *sqlite);
    if (sqlite == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory to open the queue in %s", path);
    sqlite->base.ops = &sqlite_ops;
    sqlite->magic = RY_SQLITE_QUEUE_MAGIC;
    sqlite->clock = clock;
    sqlite->path = strdup(path);
    int rc = RY_OK;
    if (sqlite->path == NULL)
        rc = ry_fail(err, RY_ENOMEM, "no memory to open the queue in %s", path);
    else
        rc = connect_file(sqlite, err);
    if (rc == RY_OK)
        rc = configure(sqlite, err);
    if (rc == RY_OK)
        rc = ry_sqlite_queue_schema(sqlite, err);
    if (rc != RY_OK) {
        close_queue(&sqlite->base);
        return rc;
    }
    *queue = &sqlite->base;
    return RY_OK;
}
