/* engine_sqlite_transaction.c: transactions of the embedded engine, and looks outside of one.
 *
 * A transaction takes the write lock at its beginning: it waits there or fails as a whole, and never half-way. All of
 * its rows share one time. When it crashes, SQLite rolls the transaction back at the next open. */
#include "actors/writer/engine_sqlite_ops.h"
#include "runtime/base/assert.h"

static int run_plain(struct writer_engine *engine, enum lite_statement which, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    LITE_AUTO *statement = NULL;
    int rc = lite_get(lite, which, &statement, err);
    return rc == RY_OK ? lite_run(lite, statement, NULL, err) : rc;
}

int lite_check_place(struct lite *lite, struct ry_error *err)
{
    int moved = 0;
    if (sqlite3_file_control(lite->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved)
        return ry_fail(
            err, RY_ECORRUPT,
            "the database file %s was removed or replaced while it was in use; put it back (or leave it away "
            "to begin anew) and start again",
            lite->path);
    return RY_OK;
}

int lite_begin(struct writer_engine *engine, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    RY_ASSERT(sqlite3_get_autocommit(lite->db) || lite->left_open, "a transaction is open");
    if (lite->left_open)
        lite_rollback(engine);
    if (lite->left_open)
        return ry_fail(err, RY_ENOMEM, "the last transaction of %s cannot be rolled back yet", lite->path);
    ry_arena_reset(&lite->scratch);
    lite->scratch_failed = false;
    lite->now_wall_ms = ry_wall_ms(lite->clock);
    ry_time_format(lite->now_wall_ms, lite->now);
    int rc = lite_check_place(lite, err);
    return rc == RY_OK ? run_plain(engine, LITE_begin, err) : rc;
}

int lite_commit(struct writer_engine *engine, struct ry_error *err)
{
    return run_plain(engine, LITE_commit, err);
}

void lite_rollback(struct writer_engine *engine)
{
    struct lite *lite = lite_of(engine);
    lite->scratch_failed = false;
    /* SQLite has rolled back by itself after some errors (disk full, I/O). */
    if (!sqlite3_get_autocommit(lite->db))
        sqlite3_exec(lite->db, "ROLLBACK", NULL, NULL, NULL); /* which needs memory */
    lite->left_open = !sqlite3_get_autocommit(lite->db);
}

int lite_savepoint(struct writer_engine *engine, struct ry_error *err)
{
    return run_plain(engine, LITE_savepoint, err);
}

/* Every statement is done when its step returns. */
int lite_sync(struct writer_engine *engine, struct ry_error *err)
{
    (void)engine;
    (void)err;
    return RY_OK;
}

/* SQLite does not say which key is at fault. */
int lite_check_deferred(struct writer_engine *engine, struct ry_error *err)
{
    int open = 0, highest = 0;
    if (sqlite3_db_status(lite_of(engine)->db, SQLITE_DBSTATUS_DEFERRED_FKS, &open, &highest, 0) != SQLITE_OK)
        return ry_fail(err, RY_EIO, "SQLite does not tell of its deferred foreign keys");
    return open == 0 ? RY_OK : ry_fail(err, RY_EDATA, "a deferred foreign key refers to a row that does not exist");
}

int lite_release(struct writer_engine *engine, struct ry_error *err)
{
    return run_plain(engine, LITE_release, err);
}

int lite_rollback_to(struct writer_engine *engine, struct ry_error *err)
{
    int rc = run_plain(engine, LITE_rollback_to, err);
    return rc == RY_OK ? run_plain(engine, LITE_release, err) : rc;
}

struct lite *lite_look(struct writer_engine *engine)
{
    struct lite *lite = lite_of(engine);
    RY_ASSERT(sqlite3_get_autocommit(lite->db) || lite->left_open, "a question inside a transaction");
    if (lite->left_open)
        lite_rollback(engine);
    ry_arena_reset(&lite->scratch);
    lite->scratch_failed = false;
    lite->now_wall_ms = ry_wall_ms(lite->clock);
    return lite;
}
