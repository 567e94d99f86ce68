/* sqlite_schema.c: the tables of the embedded queue.
 *
 * They live in the same file as the archive's tables, whose engine owns PRAGMA user_version and application_id; so the
 * queue keeps its version in a row of its own and touches neither. */
#include "runtime/queue/sqlite_queue.h"

#define SCHEMA_VERSION 2

/* Version 2: jobs that an ack has pushed are remembered after their end, and jobs are found by their channel. */
#define VERSION_2_COLUMN " remembered INTEGER NOT NULL DEFAULT 0"
#define VERSION_2_TABLES \
    "CREATE TABLE reelyard_queue_ended (job_id TEXT PRIMARY KEY, until_wall_ms INTEGER NOT NULL) WITHOUT ROWID;" \
    "CREATE INDEX reelyard_queue_ended_until ON reelyard_queue_ended (until_wall_ms);" \
    "CREATE INDEX reelyard_queue_job_channel ON reelyard_queue_job (channel_id, guild_id, type);"

/* Bodies stand in a table of their own: a lease rewrites its job's row, and should not rewrite megabytes with it.
 *
 * job_ready holds all that reading and counting need, in the order in which jobs are picked. job_due holds only what
 * waits for a time. Ids of dead letters are told to people, so they are never used again (AUTOINCREMENT). */
static const char schema[] =
    "CREATE TABLE reelyard_queue_meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE reelyard_queue_cursor (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE reelyard_queue_job ("
    " seq INTEGER PRIMARY KEY,"
    " job_id TEXT NOT NULL UNIQUE,"
    " type TEXT NOT NULL,"
    " guild_id TEXT NOT NULL,"
    " channel_id TEXT NOT NULL,"
    " priority INTEGER NOT NULL,"
    " state INTEGER NOT NULL DEFAULT 0,"
    " due_wall_ms INTEGER NOT NULL DEFAULT 0,"
    " consumer TEXT,"
    " token INTEGER NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " pushed_wall_ms INTEGER NOT NULL," VERSION_2_COLUMN ");"
    "CREATE INDEX reelyard_queue_job_ready ON reelyard_queue_job (state, priority, guild_id, seq, pushed_wall_ms);"
    "CREATE INDEX reelyard_queue_job_due ON reelyard_queue_job (due_wall_ms) WHERE state <> 0;"
    "CREATE TABLE reelyard_queue_body (seq INTEGER PRIMARY KEY, json BLOB NOT NULL);"
    "CREATE TABLE reelyard_queue_dead ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " kind INTEGER NOT NULL,"
    " job_id TEXT NOT NULL,"
    " type TEXT NOT NULL,"
    " guild_id TEXT NOT NULL,"
    " channel_id TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " summary TEXT NOT NULL,"
    " priority INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " died_wall_ms INTEGER NOT NULL,"
    " body BLOB);" /* last: a list that does not want it need not read past it */
    "CREATE INDEX reelyard_queue_dead_job ON reelyard_queue_dead (job_id);" VERSION_2_TABLES
    "INSERT INTO reelyard_queue_meta (name, value) VALUES ('version', 2), ('token', 0);";

/* Steps from each version to the next, for queues that an older program made. */
static const char *const steps[SCHEMA_VERSION] = {
    [1] = "ALTER TABLE reelyard_queue_job ADD COLUMN" VERSION_2_COLUMN ";" VERSION_2_TABLES
          "UPDATE reelyard_queue_meta SET value = 2 WHERE name = 'version';",
};

static const char opening[] = "open the queue";

/* Asked in one go: the version, 0 when there are no tables yet. */
static int version_get(struct ry_sqlite_queue *sqlite, int64_t *version, struct ry_error *err)
{
    *version = 0;
    sqlite3_stmt *statement = NULL;
    bool there = false;
    int64_t one = 0;
    int rc = RY_OK;
    if (sqlite3_prepare_v2(sqlite->db, "SELECT 1 FROM sqlite_schema WHERE name = 'reelyard_queue_meta'", -1, &statement,
                           NULL) != SQLITE_OK)
        return ry_sqlite_queue_fail(sqlite, opening, err);
    rc = ry_sqlite_queue_integer(sqlite, statement, opening, &there, &one, err);
    sqlite3_finalize(statement);
    if (rc != RY_OK || !there)
        return rc;
    if (sqlite3_prepare_v2(sqlite->db, "SELECT value FROM reelyard_queue_meta WHERE name = 'version'", -1, &statement,
                           NULL) != SQLITE_OK)
        return ry_sqlite_queue_fail(sqlite, opening, err);
    rc = ry_sqlite_queue_integer(sqlite, statement, opening, &there, version, err);
    sqlite3_finalize(statement);
    return rc;
}

/* Makes the tables, or brings them to this program's version. */
static int raise_version(struct ry_sqlite_queue *sqlite, int64_t *version, struct ry_error *err)
{
    int rc = ry_sqlite_queue_begin(sqlite, RY_SQLITE_QUEUE_DURABLE, opening, err);
    if (rc != RY_OK)
        return rc;
    /* Somebody else may have been quicker. */
    rc = version_get(sqlite, version, err);
    while (rc == RY_OK && *version >= 0 && *version < SCHEMA_VERSION) {
        const char *step = *version == 0 ? schema : steps[*version];
        if (sqlite3_exec(sqlite->db, step, NULL, NULL, NULL) != SQLITE_OK)
            rc = ry_sqlite_queue_fail(sqlite, "make the queue's tables", err);
        else
            *version = *version == 0 ? SCHEMA_VERSION : *version + 1;
    }
    return ry_sqlite_queue_end(sqlite, rc, opening, err);
}

int ry_sqlite_queue_schema(struct ry_sqlite_queue *sqlite, struct ry_error *err)
{
    int64_t version = 0;
    int rc = version_get(sqlite, &version, err);
    if (rc == RY_OK && version >= 0 && version < SCHEMA_VERSION)
        rc = raise_version(sqlite, &version, err);
    if (rc == RY_OK && version != SCHEMA_VERSION)
        rc = ry_fail(err, RY_ECORRUPT,
                     "the queue in %s has version %lld and this program knows version %d: use the program that made it",
                     sqlite->path, (long long)version, SCHEMA_VERSION);
    return rc;
}
