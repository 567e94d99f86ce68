/* sqlite_queue.c: the connection of the embedded queue: statements, transactions, errors.
 *
 * Transactions are BEGIN IMMEDIATE, so that two writers wait for each other at their start (BUSY_TIMEOUT_MS) and never
 * meet in the middle.
 *
 * What is synced: a push is (FULL), because its producer has nobody else who remembers, and its cursor says "not
 * again". All else is only ordered (NORMAL): the queue and the archive's tables share one write-ahead log, so a power
 * cut takes away the end of that log and never something from its middle. An ack that survives comes after the rows it
 * stands for; one that is lost leaves a job that runs again, which upserts bear. An ordered commit costs a tenth
 * of a millisecond where a synced one waits for the disk, and a connection changes between the two only when it has to
 * (1 us): an importer's always pushes, an ingester's never does. */
#include "runtime/queue/sqlite_queue.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/base/assert.h"

static const char *const statement_sql[RY_SQLITE_QUEUE_STATEMENT_COUNT] = {
#define STATEMENT(name, sql) [RY_SQLITE_QUEUE_##name] = (sql),
#include "runtime/queue/sqlite_statements.def"
#undef STATEMENT
};

struct ry_sqlite_queue *ry_sqlite_queue_of(struct ry_job_queue *queue)
{
    struct ry_sqlite_queue *sqlite = (struct ry_sqlite_queue *)queue;
    RY_ASSERT(sqlite->magic == RY_SQLITE_QUEUE_MAGIC, "magic %x", sqlite->magic);
    return sqlite;
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* What the operating system said decides, when SQLite only knows that it could not. */
static enum ry_err code_of_errno(int system_errno)
{
    switch (system_errno) {
    case EACCES:
    case EPERM:
    case EROFS: return RY_EACCES;
    case ENOSPC:
    case EDQUOT: return RY_EFULL;
    default: return RY_EIO;
    }
}

static enum ry_err code_of(int sqlite_code, int system_errno)
{
    switch (sqlite_code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return RY_EBUSY;
    case SQLITE_FULL: return RY_EFULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return RY_ECORRUPT;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return RY_EACCES;
    case SQLITE_NOMEM: return RY_ENOMEM;
    case SQLITE_TOOBIG: return RY_ELIMIT;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH: return RY_EDATA;
    case SQLITE_MISUSE:
    case SQLITE_RANGE: return RY_EBUG;
    default: return code_of_errno(system_errno);
    }
}

static const char *advice(enum ry_err code)
{
    switch (code) {
    case RY_EBUSY: return "another program holds its lock; end that program, or try again";
    case RY_EFULL: return "free some space on its disk";
    case RY_ECORRUPT:
        return "the file is damaged or no SQLite database; stop reelyard, put the file aside, and restore "
               "a backup or try sqlite3's .recover on a copy";
    case RY_EACCES: return "let this user write the file and its folder";
    default: return "see whether its disk is well";
    }
}

int ry_sqlite_queue_fail(struct ry_sqlite_queue *sqlite, const char *doing, struct ry_error *err)
{
    int system_errno = sqlite3_system_errno(sqlite->db);
    enum ry_err code = code_of(sqlite3_extended_errcode(sqlite->db), system_errno);
    const char *system_text =
        code == code_of_errno(system_errno) && system_errno != 0 ? strerrordesc_np(system_errno) : NULL;
    return ry_fail(err, code, "cannot %s in %s: %s%s%s; %s", doing, sqlite->path, sqlite3_errmsg(sqlite->db),
                   system_text ? ": " : "", system_text ? system_text : "", advice(code));
}

/* ---- statements -------------------------------------------------------------------------------------------------- */

int ry_sqlite_queue_statement(struct ry_sqlite_queue *sqlite, enum ry_sqlite_queue_statement name,
                              sqlite3_stmt **statement, const char *doing, struct ry_error *err)
{
    sqlite3_stmt **kept = &sqlite->statements[name];
    if (*kept == NULL &&
        sqlite3_prepare_v3(sqlite->db, statement_sql[name], -1, SQLITE_PREPARE_PERSISTENT, kept, NULL) != SQLITE_OK)
        return ry_sqlite_queue_fail(sqlite, doing, err);
    (void)sqlite3_reset(*kept);
    (void)sqlite3_clear_bindings(*kept);
    *statement = *kept;
    return RY_OK;
}

/* Binding to a parameter that exists copies nothing and cannot fail, so what it returns is not looked at. */
void ry_sqlite_queue_bind_text_or_null(sqlite3_stmt *statement, int at, struct ry_str text)
{
    if (text.p == NULL)
        (void)sqlite3_bind_null(statement, at);
    else
        (void)sqlite3_bind_text64(statement, at, text.p, text.n, SQLITE_STATIC, SQLITE_UTF8);
}

void ry_sqlite_queue_bind_text(sqlite3_stmt *statement, int at, struct ry_str text)
{
    ry_sqlite_queue_bind_text_or_null(statement, at, text.p == NULL ? RY_STR("") : text);
}

void ry_sqlite_queue_bind_blob(sqlite3_stmt *statement, int at, struct ry_str bytes)
{
    if (bytes.p == NULL)
        (void)sqlite3_bind_null(statement, at);
    else
        (void)sqlite3_bind_blob64(statement, at, bytes.p, bytes.n, SQLITE_STATIC);
}

int ry_sqlite_queue_column(sqlite3_stmt *statement, int at, struct ry_arena *arena, struct ry_str *text)
{
    *text = (struct ry_str){NULL, 0};
    if (sqlite3_column_type(statement, at) == SQLITE_NULL)
        return RY_OK;
    const void *bytes = sqlite3_column_blob(statement, at);
    size_t n = (size_t)sqlite3_column_bytes(statement, at);
    /* SQLite has NULL for an empty value, and for one that memory did not suffice for. */
    if (bytes == NULL && n > 0)
        return RY_ENOMEM;
    *text = ry_arena_str(arena, (struct ry_str){bytes ? bytes : "", n});
    return text->p ? RY_OK : RY_ENOMEM;
}

int ry_sqlite_queue_run(struct ry_sqlite_queue *sqlite, sqlite3_stmt *statement, const char *doing, size_t *changes,
                        struct ry_error *err)
{
    int rc = RY_OK;
    if (sqlite3_step(statement) != SQLITE_DONE)
        rc = ry_sqlite_queue_fail(sqlite, doing, err);
    else if (changes != NULL)
        *changes = (size_t)sqlite3_changes(sqlite->db);
    (void)sqlite3_reset(statement);
    return rc;
}

int ry_sqlite_queue_integer(struct ry_sqlite_queue *sqlite, sqlite3_stmt *statement, const char *doing, bool *found,
                            int64_t *value, struct ry_error *err)
{
    *found = false;
    int step = sqlite3_step(statement);
    if (step == SQLITE_ROW) {
        *found = true;
        *value = sqlite3_column_int64(statement, 0);
        step = sqlite3_step(statement);
    }
    int rc = step == SQLITE_DONE ? RY_OK : ry_sqlite_queue_fail(sqlite, doing, err);
    (void)sqlite3_reset(statement);
    return rc;
}

/* ---- transactions ------------------------------------------------------------------------------------------------ */

static int run_named(struct ry_sqlite_queue *sqlite, enum ry_sqlite_queue_statement name, const char *doing,
                     struct ry_error *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = ry_sqlite_queue_statement(sqlite, name, &statement, doing, err);
    return rc != RY_OK ? rc : ry_sqlite_queue_run(sqlite, statement, doing, NULL, err);
}

int ry_sqlite_queue_begin(struct ry_sqlite_queue *sqlite, enum ry_sqlite_queue_sync sync, const char *doing,
                          struct ry_error *err)
{
    RY_ASSERT(sqlite3_get_autocommit(sqlite->db), "to %s inside a transaction", doing);
    if (sqlite->sync != sync) {
        const char *pragma =
            sync == RY_SQLITE_QUEUE_DURABLE ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";
        if (sqlite3_exec(sqlite->db, pragma, NULL, NULL, NULL) != SQLITE_OK)
            return ry_sqlite_queue_fail(sqlite, doing, err);
        sqlite->sync = sync;
    }
    return run_named(sqlite, RY_SQLITE_QUEUE_begin, doing, err);
}

int ry_sqlite_queue_end(struct ry_sqlite_queue *sqlite, int rc, const char *doing, struct ry_error *err)
{
    RY_ASSERT(rc != RY_OK || !sqlite3_get_autocommit(sqlite->db), "to %s outside of a transaction", doing);
    if (rc == RY_OK)
        rc = run_named(sqlite, RY_SQLITE_QUEUE_commit, doing, err);
    /* Some errors have rolled back by themselves. */
    if (rc != RY_OK && !sqlite3_get_autocommit(sqlite->db))
        (void)sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}
