/* engine_sqlite_statement.c: prepared statements, values in and out, and what SQLite's errors mean.
 *
 * Owns nothing but the cache in struct lite. Everything that the other files of this engine say to SQLite goes through
 * here, so that a result code is judged in one place. */
#include "actors/writer/engine_sqlite.h"

#include "runtime/base/assert.h"
#include "runtime/base/utf8.h"

static const char *const texts[LITE_STATEMENT_COUNT] = {
#define STATEMENT(name, sql) [LITE_##name] = (sql),
#include "actors/writer/engine_sqlite_statements.def"
#undef STATEMENT
};

enum ry_err lite_code(int rc)
{
    switch (rc & 0xFF) {
    case SQLITE_OK: return RY_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return RY_EBUSY;
    case SQLITE_FULL: return RY_EFULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return RY_ECORRUPT;
    case SQLITE_NOMEM: return RY_ENOMEM;
    case SQLITE_TOOBIG: return RY_EDATA;
    /* The file's CHECKs are reelyard's own (widths and values), and a row is sorted out by them. */
    case SQLITE_CONSTRAINT:
        return rc == SQLITE_CONSTRAINT_FOREIGNKEY || rc == SQLITE_CONSTRAINT_CHECK ? RY_EDATA : RY_ESCHEMA;
    case SQLITE_MISMATCH: /* another type */
    case SQLITE_SCHEMA:
    case SQLITE_ERROR: return RY_ESCHEMA; /* no such table or column */
    default: return RY_EIO;
    }
}

static int fail_io(struct lite *lite, int rc, const char *what, struct ry_error *err)
{
    const char *path = lite->path;
    switch (rc & 0xFF) {
    case SQLITE_READONLY:
        return ry_fail(err, RY_EIO, "%s cannot be written (%s): check the permissions of the file and its folder", path,
                       what);
    case SQLITE_IOERR:
        return ry_fail(err, RY_EIO, "reading or writing %s failed (%s, %s): check its disk", path, what,
                       strerror(sqlite3_system_errno(lite->db)));
    case SQLITE_CANTOPEN:
        return ry_fail(err, RY_EIO, "cannot open %s (%s): check that its folder exists and may be written", path, what);
    default: return ry_fail(err, RY_EIO, "%s: %s (SQLite code %d)", path, what, rc);
    }
}

int lite_fail(struct lite *lite, int rc, struct ry_error *err)
{
    const char *path = lite->path;
    const char *what = lite->db ? sqlite3_errmsg(lite->db) : sqlite3_errstr(rc);
    enum ry_err code = lite_code(rc);
    switch (code) {
    case RY_EBUSY: return ry_fail(err, code, "%s is locked by another program (%s)", path, what);
    case RY_EFULL:
        return ry_fail(err, code, "no room for %s: make room on its disk, reelyard then goes on by itself", path);
    case RY_ECORRUPT:
        return ry_fail(err, code,
                       "%s is damaged (%s): stop reelyard, put the file aside and restore a copy, or save what is "
                       "readable with `sqlite3 FILE .recover`",
                       path, what);
    case RY_ENOMEM: return ry_fail(err, code, "out of memory for %s", path);
    case RY_EDATA:
        return ry_fail(err, code, "%s",
                       rc == SQLITE_CONSTRAINT_FOREIGNKEY ? "the row that it belongs to does not exist" : what);
    case RY_ESCHEMA:
        return ry_fail(err, code,
                       "the schema of %s is not as it should be: %s; run `reelyard migrate`, or take the change back",
                       path, what);
    default: return fail_io(lite, rc, what, err);
    }
}

int lite_get(struct lite *lite, enum lite_statement which, sqlite3_stmt **statement, struct ry_error *err)
{
    RY_ASSERT(which < LITE_STATEMENT_COUNT, "statement %d", (int)which);
    if (lite->statements[which] == NULL) {
        int rc =
            sqlite3_prepare_v3(lite->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, &lite->statements[which], NULL);
        if (rc != SQLITE_OK) {
            *statement = NULL;
            return lite_fail(lite, rc, err);
        }
    }
    *statement = lite->statements[which];
    return RY_OK;
}

void lite_put(sqlite3_stmt **statement)
{
    if (*statement == NULL)
        return;
    sqlite3_reset(*statement);
    sqlite3_clear_bindings(*statement);
    *statement = NULL;
}

int lite_step(struct lite *lite, sqlite3_stmt *statement, struct ry_error *err)
{
    if (lite->scratch_failed)
        return ry_fail(err, RY_ENOMEM, "out of memory for a row");
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : lite_fail(lite, rc, err);
}

int lite_run(struct lite *lite, sqlite3_stmt *statement, uint64_t *changed, struct ry_error *err)
{
    int rc = lite_step(lite, statement, err);
    if (rc < 0)
        return rc;
    if (changed != NULL)
        *changed += (uint64_t)sqlite3_changes64(lite->db);
    return RY_OK;
}

int lite_run_id(struct lite *lite, enum lite_statement which, struct ry_str id, uint64_t *changed, struct ry_error *err)
{
    LITE_AUTO *statement = NULL;
    int rc = lite_get(lite, which, &statement, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(statement, 1, id);
    return lite_run(lite, statement, changed, err);
}

void lite_bind(sqlite3_stmt *statement, int at, struct ry_str text)
{
    if (text.p == NULL)
        sqlite3_bind_null(statement, at);
    else
        sqlite3_bind_text64(statement, at, text.p, text.n, SQLITE_STATIC, SQLITE_UTF8);
}

void lite_bind_time(struct lite *lite, sqlite3_stmt *statement, int at, int64_t wall_ms)
{
    char text[RY_TIME_TEXT_BYTES];
    ry_time_format(wall_ms, text);
    struct ry_str copy = ry_arena_str(&lite->scratch, ry_str_of(text));
    if (copy.p == NULL)
        lite->scratch_failed = true;
    lite_bind(statement, at, copy);
}

void lite_bind_u64(sqlite3_stmt *statement, int at, uint64_t value)
{
    sqlite3_bind_int64(statement, at, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void lite_bind_now(struct lite *lite, sqlite3_stmt *statement, int at)
{
    lite_bind(statement, at, ry_str_of(lite->now));
}

void lite_bind_fit(struct lite *lite, sqlite3_stmt *statement, int at, struct ry_str text, enum writer_width width,
                   uint64_t *cut)
{
    lite_bind(statement, at, writer_text_fit(text, width, &lite->scratch, cut, &lite->scratch_failed));
}

struct ry_str lite_text(sqlite3_stmt *statement, int at, size_t max, struct ry_arena *arena)
{
    const char *p = (const char *)sqlite3_column_text(statement, at);
    if (p == NULL)
        return (struct ry_str){0};
    struct ry_str stored = ry_utf8_head((struct ry_str){p, (size_t)sqlite3_column_bytes(statement, at)}, max);
    char *copy = ry_arena_alloc(arena, stored.n);
    if (copy == NULL)
        return (struct ry_str){0};
    memcpy(copy, stored.p, stored.n);
    /* Only a foreign hand can have stored what is no UTF-8; shown as it can be rather than not at all. */
    ry_utf8_mend(copy, stored.n);
    return (struct ry_str){copy, stored.n};
}

uint64_t lite_u64(sqlite3_stmt *statement, int at)
{
    int64_t value = sqlite3_column_int64(statement, at);
    return value < 0 ? 0 : (uint64_t)value;
}

int64_t lite_time(sqlite3_stmt *statement, int at)
{
    const char *p = (const char *)sqlite3_column_text(statement, at);
    int64_t wall_ms = INT64_MAX;
    if (p != NULL && !ry_time_parse(ry_str_of(p), &wall_ms))
        return INT64_MAX;
    return wall_ms;
}
