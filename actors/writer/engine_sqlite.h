/* engine_sqlite.h: the state of the embedded engine ("lite"), and its statements; for its own files alone.
 *
 * Calls between its files run one way: engine_sqlite.c (the table of operations; open and close), the operations by
 * theme (engine_sqlite_ops.h), engine_sqlite_transaction.c, engine_sqlite_statement.c. */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_SQLITE_H
#define REELYARD_ACTORS_WRITER_ENGINE_SQLITE_H

#include "actors/writer/engine_open.h"
#include "actors/writer/text.h"
#include "runtime/base/assert.h"

#include <sqlite3.h>

enum lite_statement {
#define STATEMENT(name, sql) LITE_##name,
#include "actors/writer/engine_sqlite_statements.def"
#undef STATEMENT
    LITE_STATEMENT_COUNT
};

#define LITE_MAGIC 0x6c697465u

struct lite {
    struct writer_engine engine; /* first, so that the operations find the rest */
    uint32_t magic;
    sqlite3 *db;
    const struct ry_clock *clock;
    char *path;
    double video_min_s;                             /* min_video_seconds where no row says it */
    sqlite3_stmt *statements[LITE_STATEMENT_COUNT]; /* NULL until first used */
    struct ry_arena scratch;                        /* values of the transaction that had to be rewritten */
    bool scratch_failed;                            /* one could not be */
    bool left_open;                                 /* a transaction that SQLite did not roll back: it is tried again */
    int64_t now_wall_ms;                            /* of the transaction: its rows share one time */
    char now[RY_TIME_TEXT_BYTES];
};

static inline struct lite *lite_of(struct writer_engine *engine)
{
    struct lite *lite = (struct lite *)engine;
    RY_ASSERT(lite->magic == LITE_MAGIC);
    return lite;
}

/* Settings of SQLite for the whole process: before anything opens a database. */
void lite_set_up_process(void);

/* ---- statements (engine_sqlite_statement.c) ------------------------------------------------------------------ */

/* Fills err from an SQLite result: its class, what happened to which file, and what to do. */
int lite_fail(struct lite *lite, int rc, struct ry_error *err);
/* The code of an (extended) result code: RY_EDATA when a row's own data are at fault, RY_ESCHEMA when the schema or
 * this program is, others as their names say. */
enum ry_err lite_code(int rc);

/* The prepared statement, without bindings. Put it back with lite_put (or LITE_AUTO): a statement left in the middle
 * holds its locks. */
int lite_get(struct lite *lite, enum lite_statement which, sqlite3_stmt **statement, struct ry_error *err);
void lite_put(sqlite3_stmt **statement);
#define LITE_AUTO __attribute__((cleanup(lite_put))) sqlite3_stmt

/* 1: a row is there; 0: no more; or an error. */
int lite_step(struct lite *lite, sqlite3_stmt *statement, struct ry_error *err);

/* Runs a statement that gives no rows; *changed (may be NULL) is raised by the rows it wrote. */
int lite_run(struct lite *lite, sqlite3_stmt *statement, uint64_t *changed, struct ry_error *err);

/* Gets, binds one text (absent: none) and runs. */
int lite_run_id(struct lite *lite, enum lite_statement which, struct ry_str id, uint64_t *changed,
                struct ry_error *err);

/* Binding cannot fail: the text stays where it is until the statement has run, and no limit of SQLite is near. */
void lite_bind(sqlite3_stmt *statement, int at, struct ry_str text); /* absent: NULL */
void lite_bind_time(struct lite *lite, sqlite3_stmt *statement, int at, int64_t wall_ms);
void lite_bind_u64(sqlite3_stmt *statement, int at, uint64_t value); /* at most INT64_MAX is stored */
void lite_bind_now(struct lite *lite, sqlite3_stmt *statement, int at);
/* Text cut to its column. */
void lite_bind_fit(struct lite *lite, sqlite3_stmt *statement, int at, struct ry_str text, enum writer_width width,
                   uint64_t *cut);

/* Columns. Text is copied to the arena, at most max bytes of it, well-formed UTF-8 whatever is stored; NULL is absent.
 */
struct ry_str lite_text(sqlite3_stmt *statement, int at, size_t max, struct ry_arena *arena);
uint64_t lite_u64(sqlite3_stmt *statement, int at); /* negative: 0 */
/* INT64_MAX for NULL or what is no time. */
int64_t lite_time(sqlite3_stmt *statement, int at);

/* The last moment that a time column can hold; stands for "never". */
#define LITE_NEVER_WALL_MS WRITER_NEVER_WALL_MS

#endif
