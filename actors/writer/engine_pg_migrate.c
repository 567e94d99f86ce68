/* engine_pg_migrate.c: brings a database's schema up to date, or says why it is not for this program.
 *
 * The usual start looks once and finds everything as it should be. Otherwise one node at a time goes on: it holds an
 * advisory lock in a transaction of its own connection, while a second connection does the work, because an index that
 * is made without stopping writers must be outside of any transaction. Who waits for the lock tries again and again
 * instead of waiting in the server: a waiting statement has a snapshot, for which CREATE INDEX CONCURRENTLY would wait
 * in turn.
 *
 * All numbered SQL files that are not yet recorded in reelyard_migration are applied in one transaction with their
 * records, so a crash leaves the schema as it was. The first one, the interface's tables, is only recorded when the
 * database has them already. What a file changes of a table is quick, but it waits for whoever uses the table, and
 * others then wait behind it: so it waits shortly, gives way, and comes again. What takes long (indexes, the check of
 * foreign keys) follows behind the transaction and stops nobody. */
#include "actors/writer/engine_pg_schema.h"
#include "actors/writer/schema.h"
#include "runtime/base/log.h"
#include "runtime/base/wait.h"

#include <stdlib.h>

/* Any number that nobody else uses. */
#define LOCK_SQL     "SELECT pg_try_advisory_xact_lock(5929450712)"
#define LOCK_TRY_MS  100
#define LOCK_WAIT_MS (INT64_C(6) * 3600 * 1000)
/* How long a change of a table waits in front of its other users, and until it comes again. */
#define TABLE_LOCK_SQL     "SET LOCAL lock_timeout = '2s'"
#define TABLE_LOCK_TRY_MS  3000
#define TABLE_LOCK_WAIT_MS (INT64_C(10) * 60 * 1000)

#define SERVER_VERSION_MIN 120000

struct migration {
    const struct pg_address *address;
    int64_t wait_ms;
    struct pg_link *work;
    struct pg_link *lock; /* NULL until it is needed */
};

static int run(struct migration *m, const char *sql, struct ry_error *err)
{
    return pg_link_run(m->work, sql, 0, NULL, m->wait_ms, NULL, err);
}

/* Compares what was applied with what this program knows; *applied is how many it found. */
static int check_versions(struct migration *m, size_t *applied, struct ry_error *err)
{
    PGresult *result = NULL;
    *applied = 0;
    int rc =
        pg_link_run(m->work, "SELECT to_regclass('reelyard_migration') IS NOT NULL", 0, NULL, m->wait_ms, &result, err);
    bool exists = rc == RY_OK && PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);
    result = NULL;
    if (rc == RY_OK && exists)
        rc = pg_link_run(m->work, "SELECT version, sha1 FROM reelyard_migration ORDER BY version", 0, NULL, m->wait_ms,
                         &result, err);
    for (int i = 0; rc == RY_OK && exists && i < PQntuples(result); i++) {
        int version = atoi(PQgetvalue(result, i, 0));
        const struct writer_migration *known =
            *applied < writer_pg_migration_count ? &writer_pg_migrations[*applied] : NULL;
        if (known == NULL)
            rc = ry_fail(err, RY_ECONFIG,
                         "%s has schema version %d, this program knows %zu: use the program that made it, or a newer "
                         "one",
                         m->address->where, version, writer_pg_migration_count);
        else if (version != known->version || strcmp(PQgetvalue(result, i, 1), known->sha1) != 0)
            rc = ry_fail(err, RY_ECONFIG,
                         "%s was made by another variant of this program: its schema version %d is not %04d_%s.sql as "
                         "it is here",
                         m->address->where, version, known->version, known->name);
        *applied += rc == RY_OK;
    }
    PQclear(result);
    return rc;
}

/* Waits until this node is the one that migrates. */
static int take_lock(struct migration *m, struct ry_error *err)
{
    int64_t deadline_mono_ms = pg_now_mono_ms() + LOCK_WAIT_MS;
    int rc = pg_link_open(m->address, false, pg_now_mono_ms() + m->wait_ms, &m->lock, err);
    for (bool told = false; rc == RY_OK;) {
        PGresult *result = NULL;
        rc = pg_link_run(m->lock, "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; " LOCK_SQL, 0, NULL,
                         m->wait_ms, &result, err);
        bool held = rc == RY_OK && PQgetvalue(result, 0, 0)[0] == 't';
        PQclear(result);
        if (rc != RY_OK || held)
            return rc;
        if (!told)
            RY_LOG(RY_INFO, "schema_waits", "database=%s reason=%s", m->address->where,
                   "another node brings the schema up to date");
        told = true;
        rc = pg_link_run(m->lock, "ROLLBACK", 0, NULL, m->wait_ms, NULL, err);
        if (rc == RY_OK && pg_now_mono_ms() > deadline_mono_ms)
            return ry_fail(err, RY_EBUSY, "another node has been migrating %s for hours", m->address->where);
        (void)ry_wait(NULL, 0, LOCK_TRY_MS);
    }
    return rc;
}

static int record(struct migration *m, const struct writer_migration *migration, struct ry_error *err)
{
    char version[16];
    snprintf(version, sizeof version, "%d", migration->version);
    const char *values[] = {version, migration->name, migration->sha1};
    return pg_link_run(m->work,
                       "INSERT INTO reelyard_migration (version, name, sha1, applied_at) VALUES ($1, $2, $3, now())", 3,
                       values, m->wait_ms, NULL, err);
}

/* Inside a transaction: everything that is not yet there. */
static int apply(struct migration *m, struct ry_error *err)
{
    size_t applied = 0;
    enum pg_kind kind = PG_KIND_EMPTY;
    int rc = check_versions(m, &applied, err);
    if (rc == RY_OK)
        rc = pg_adopt_check(m->work, m->wait_ms, &kind, err);
    if (rc == RY_OK && applied > 0 && kind == PG_KIND_EMPTY)
        rc = ry_fail(err, RY_ECONFIG, "%s has lost the archive's tables: restore a backup", m->address->where);
    if (rc == RY_OK && applied < writer_pg_migration_count)
        rc = run(m,
                 "CREATE TABLE IF NOT EXISTS reelyard_migration (version INT NOT NULL PRIMARY KEY, name TEXT NOT NULL,"
                 " sha1 TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL)",
                 err);
    bool adopts = applied == 0 && kind == PG_KIND_ARCHIVE;
    for (size_t i = applied; rc == RY_OK && i < writer_pg_migration_count; i++) {
        const struct writer_migration *next = &writer_pg_migrations[i];
        bool there = i == 0 && adopts;
        if (!there)
            rc = run(m, next->sql, err);
        if (rc == RY_OK)
            rc = record(m, next, err);
        if (rc == RY_OK)
            RY_LOG(RY_INFO, "schema_migrated", "database=%s version=%d name=%s adopted=%s", m->address->where,
                   next->version, next->name, there ? "yes" : "no");
    }
    /* New tables have no writers to be stopped. */
    return rc == RY_OK && kind == PG_KIND_EMPTY ? pg_index_make(m->work, m->wait_ms, false, err) : rc;
}

/* One try: RY_EBUSY when a table is in use. */
static int apply_once(struct migration *m, struct ry_error *err)
{
    int rc = run(m, "BEGIN; " TABLE_LOCK_SQL, err);
    if (rc == RY_OK)
        rc = apply(m, err);
    if (rc == RY_OK)
        return run(m, "COMMIT", err);
    if (rc == RY_EBUSY)
        (void)run(m, "ROLLBACK", NULL);
    return rc;
}

/* Until no table is in use. */
static int apply_patiently(struct migration *m, struct ry_error *err)
{
    int64_t deadline_mono_ms = pg_now_mono_ms() + TABLE_LOCK_WAIT_MS;
    struct ry_error why = {0};
    int rc = RY_EBUSY;
    for (;;) {
        rc = apply_once(m, &why);
        if (rc != RY_EBUSY || pg_now_mono_ms() > deadline_mono_ms)
            break;
        RY_LOG(RY_INFO, "schema_waits", "database=%s reason=%s", m->address->where, why.text);
        (void)ry_wait(NULL, 0, TABLE_LOCK_TRY_MS);
    }
    if (rc != RY_OK && err != NULL)
        *err = why;
    return rc;
}

static int bring_up(struct migration *m, struct ry_error *err)
{
    int rc = take_lock(m, err);
    if (rc == RY_OK)
        rc = apply_patiently(m, err);
    if (rc == RY_OK)
        rc = pg_index_make(m->work, m->wait_ms, true, err);
    return rc == RY_OK ? pg_keys_validate(m->work, m->wait_ms, err) : rc;
}

static int look(struct migration *m, bool *done, struct ry_error *err)
{
    size_t applied = 0, missing = 0;
    enum pg_kind kind;
    *done = false;
    if (PQserverVersion(m->work->conn) < SERVER_VERSION_MIN)
        return ry_fail(err, RY_ECONFIG, "%s is PostgreSQL %d: 12 is the oldest that this program works with",
                       m->address->where, PQserverVersion(m->work->conn) / 10000);
    int rc = check_versions(m, &applied, err);
    if (rc == RY_OK)
        rc = pg_adopt_check(m->work, m->wait_ms, &kind, err);
    if (rc == RY_OK && applied == writer_pg_migration_count && kind == PG_KIND_ARCHIVE) {
        rc = pg_index_missing(m->work, m->wait_ms, &missing, err);
        if (rc == RY_OK && missing == 0)
            rc = pg_keys_unchecked(m->work, m->wait_ms, &missing, err);
        *done = missing == 0;
    }
    return rc;
}

int pg_migrate(const struct ry_config *config, struct pg_pool *pool, struct ry_error *err)
{
    struct migration m = {.address = pg_pool_address(pool), .wait_ms = ry_config_int(config, RY_OPT_db_timeout_ms)};
    bool done = false;
    int rc = pg_link_open(m.address, false, pg_now_mono_ms() + m.wait_ms, &m.work, err);
    if (rc == RY_OK)
        rc = look(&m, &done, err);
    if (rc == RY_OK && !done)
        rc = bring_up(&m, err);
    /* Ending the connections ends the lock, and the transaction of one that failed. */
    pg_link_close(&m.work);
    pg_link_close(&m.lock);
    /* Before there is a schema to work with, nothing is gained by trying again. */
    if (rc == RY_ESCHEMA && err != NULL)
        err->code = RY_ECONFIG;
    return rc == RY_ESCHEMA ? RY_ECONFIG : rc;
}
