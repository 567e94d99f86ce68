/* engine_sqlite_migrate.c: brings the schema of a file up to date, or says why this file is not for this program.
 *
 * Every numbered SQL file that is not yet recorded in reelyard_migration is applied, in order, each in a transaction of
 * its own together with its record; so a crash leaves whole versions only. Two programs that open a new file at once
 * both come here: who gets the lock second finds the work done.
 *
 * A file is reelyard's if its application_id says so, or if it has no tables but reelyard's own (the queue lives in the
 * same file and may have made it). */
#include "actors/writer/engine_sqlite_ops.h"
#include "actors/writer/schema.h"
#include "runtime/base/log.h"

#include <stdio.h>

#define APPLICATION_ID 0x5259444C /* "RYDL" */

static int execute(struct lite *lite, const char *sql, struct ry_error *err)
{
    int rc = sqlite3_exec(lite->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? RY_OK : lite_fail(lite, rc, err);
}

/* One number from a statement without parameters. */
static int ask(struct lite *lite, const char *sql, int64_t *value, struct ry_error *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(lite->db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return rc == SQLITE_ROW ? RY_OK : lite_fail(lite, rc, err);
}

static int check_owner(struct lite *lite, struct ry_error *err)
{
    int64_t application_id = 0, foreign_tables = 0;
    int rc = ask(lite, "PRAGMA application_id", &application_id, err);
    if (rc == RY_OK)
        rc = ask(lite,
                 "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"
                 " AND name NOT GLOB 'reelyard_*'",
                 &foreign_tables, err);
    if (rc != RY_OK || application_id == APPLICATION_ID)
        return rc;
    if (application_id != 0 || foreign_tables > 0)
        return ry_fail(err, RY_ECONFIG,
                       "%s is an SQLite database, but not one of reelyard's: name another file or folder (--data)",
                       lite->path);
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d", APPLICATION_ID);
    return execute(lite, sql, err);
}

/* Compares what was applied with what this program knows; *applied is how many it found. */
static int check_versions(struct lite *lite, size_t *applied, struct ry_error *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(lite->db, "SELECT version, sha1 FROM reelyard_migration ORDER BY version", -1,
                                &statement, NULL);
    *applied = 0;
    int result = RY_OK;
    while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        int version = sqlite3_column_int(statement, 0);
        const char *sha1 = (const char *)sqlite3_column_text(statement, 1);
        const struct writer_migration *known = *applied < writer_migration_count ? &writer_migrations[*applied] : NULL;
        if (known == NULL) {
            result =
                ry_fail(err, RY_ECONFIG,
                        "%s has schema version %d, this program knows %zu: use the program that made it, or a newer "
                        "one",
                        lite->path, version, writer_migration_count);
            break;
        }
        if (version != known->version || sha1 == NULL || strcmp(sha1, known->sha1) != 0) {
            result = ry_fail(err, RY_ECONFIG,
                             "%s was made by another variant of this program: its schema version %d is not %04d_%s.sql "
                             "as it is here",
                             lite->path, version, known->version, known->name);
            break;
        }
        *applied += 1;
        rc = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    if (result == RY_OK && rc != SQLITE_DONE)
        result = lite_fail(lite, rc, err);
    return result;
}

static int record(struct lite *lite, const struct writer_migration *migration, struct ry_error *err)
{
    sqlite3_stmt *statement = NULL;
    char now[RY_TIME_TEXT_BYTES];
    ry_time_format(ry_wall_ms(lite->clock), now);
    int rc = sqlite3_prepare_v2(lite->db,
                                "INSERT INTO reelyard_migration (version, name, sha1, applied_at)"
                                " VALUES (?1, ?2, ?3, ?4)",
                                -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int(statement, 1, migration->version);
        lite_bind(statement, 2, ry_str_of(migration->name));
        lite_bind(statement, 3, ry_str_of(migration->sha1));
        lite_bind(statement, 4, ry_str_of(now));
        rc = sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    return rc == SQLITE_DONE ? RY_OK : lite_fail(lite, rc, err);
}

/* Inside a transaction: applies the next version, or sets *done. */
static int migrate_once(struct lite *lite, bool *done, struct ry_error *err)
{
    size_t applied = 0;
    int rc = check_owner(lite, err);
    if (rc == RY_OK)
        rc = execute(lite,
                     "CREATE TABLE IF NOT EXISTS reelyard_migration (version INTEGER NOT NULL PRIMARY KEY,"
                     " name TEXT NOT NULL, sha1 TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT",
                     err);
    if (rc == RY_OK)
        rc = check_versions(lite, &applied, err);
    *done = applied >= writer_migration_count;
    if (rc != RY_OK || *done)
        return rc;
    const struct writer_migration *next = &writer_migrations[applied];
    rc = execute(lite, next->sql, err);
    if (rc == RY_OK)
        rc = record(lite, next, err);
    if (rc == RY_OK)
        RY_LOG(RY_INFO, "schema_migrated", "file=%s version=%d name=%s", lite->path, next->version, next->name);
    return rc;
}

int lite_migrate(struct lite *lite, struct ry_error *err)
{
    bool done = false;
    while (!done) {
        int rc = execute(lite, "BEGIN IMMEDIATE", err);
        if (rc != RY_OK)
            return rc;
        rc = migrate_once(lite, &done, err);
        if (rc == RY_OK)
            rc = execute(lite, "COMMIT", err);
        if (rc != RY_OK) {
            sqlite3_exec(lite->db, "ROLLBACK", NULL, NULL, NULL);
            return rc;
        }
    }
    return RY_OK;
}
