/* engine_pg.h: what the files of the PostgreSQL engine share. Included by them (and their tests) alone.
 *
 * Statements are said to the server without waiting (pg_say): each leaves a handler, which is given its result when the
 * pipeline is read, at the next pg_settle. Parameters and results travel in binary form. */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_PG_H
#define REELYARD_ACTORS_WRITER_ENGINE_PG_H

#include "actors/writer/engine_open.h"
#include "actors/writer/pg_pool.h"
#include "actors/writer/text.h"
#include "runtime/base/buf.h"

/* Statements whose results are not yet read; more are read before more are sent. */
#define PG_UNREAD_MAX 64
/* The same in bytes sent. */
#define PG_UNREAD_MAX_BYTES ((size_t)8 << 20)
#define PG_ARGS_MAX         24
#define PG_GATES_MAX        256

/* The last moment that is written to a time column; stands for "never". */
#define PG_NEVER_WALL_MS WRITER_NEVER_WALL_MS

struct pg;

/* Takes a statement's result; arg is what pg_say was given, and lives in the scratch arena or with the caller. */
typedef int pg_handler(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err);

/* A column of a statement's parameters: a binary array. */
struct pg_column {
    struct ry_buf buf;
    uint32_t n;
    uint32_t type; /* of its elements */
    bool nulls;
};

struct pg_args {
    int n;
    Oid types[PG_ARGS_MAX];
    const char *values[PG_ARGS_MAX];
    int lengths[PG_ARGS_MAX];
    int formats[PG_ARGS_MAX];
    uint64_t words[PG_ARGS_MAX]; /* numbers, in network order */
    size_t bytes;
};

struct pg_gate {
    const struct ry_batch_write *batch;
    enum writer_gate *gate;
};

struct pg_figures {
    struct ry_archive_state state;
    int64_t counted_mono_ms; /* on the engine's clock; INT64_MIN: never */
    int64_t took_ms;
};

struct pg {
    struct writer_engine engine;
    const struct ry_clock *clock;
    struct pg_pool *pool;
    int64_t timeout_ms;
    double video_min_s;      /* min_video_seconds where no row says it */
    struct pg_link *link;    /* NULL outside of a transaction */
    struct ry_arena scratch; /* of the transaction: values that had to be rewritten, handlers' arguments */
    bool scratch_failed;
    int64_t now_wall_ms; /* of the transaction: its rows share one time */
    struct {
        pg_handler *handler;
        void *arg;
    } unread[PG_UNREAD_MAX];
    size_t unread_n;
    size_t unread_bytes;
    bool unsynced; /* something was said since the last sync */
    bool failed;   /* since the last sync: `error` says why, and nothing more is said */
    bool began;    /* the server may have a transaction open */
    struct ry_error error;
    struct pg_gate gates[PG_GATES_MAX]; /* held back until it is known whether a settle follows */
    size_t gates_n;
    struct pg_column columns[PG_ARGS_MAX]; /* memory is kept from statement to statement */
    struct pg_figures figures;
    uint64_t statements;  /* said since the engine was opened */
    uint64_t round_trips; /* times that the server's answers were waited for, since then */
};

static inline struct pg *pg_of(struct writer_engine *engine)
{
    return (struct pg *)engine;
}

/* ---- transactions and the pipeline (engine_pg_wire.c) ---------------------------------------------------------- */

/* Takes a connection and says BEGIN with the limits of a transaction, without waiting. */
int pg_begin(struct pg *pg, bool read_only, struct ry_error *err);
/* Says a statement. handler may be NULL: nothing is wanted of its result. */
int pg_say(struct pg *pg, const char *sql, const struct pg_args *args, pg_handler *handler, void *arg,
           struct ry_error *err);
/* Waits until all is read that was said. On an error the transaction stands as after a failed statement. */
int pg_settle(struct pg *pg, struct ry_error *err);
/* COMMIT, waits, and puts the connection back if it went well. */
int pg_commit(struct pg *pg, struct ry_error *err);
/* Ends the transaction whatever state it is in. */
void pg_rollback(struct pg *pg);
/* One statement in a read-only transaction of its own: one round trip. */
int pg_look(struct pg *pg, const char *sql, const struct pg_args *args, pg_handler *handler, void *arg,
            struct ry_error *err);
/* Begins a look of several statements; pg_look_end waits for them and ends it. */
int pg_look_begin(struct pg *pg, struct ry_error *err);
int pg_look_end(struct pg *pg, int rc, struct ry_error *err);

/* ---- values (engine_pg_value.c) --------------------------------------------------------------------------------- */

/* n zeroed bytes of the scratch arena; NULL marks it failed, which pg_say then tells. */
void *pg_room(struct pg *pg, size_t n);

/* Parameters, numbered from 1 in the order in which they are added. Texts are borrowed until the statement is said and
 * lose NUL bytes, which no text of PostgreSQL can hold. */
void pg_add_text(struct pg *pg, struct pg_args *args, struct ry_str text); /* absent: NULL */
void pg_add_i64(struct pg_args *args, int64_t value);
void pg_add_u64(struct pg_args *args, uint64_t value); /* at most INT64_MAX is stored */
void pg_add_time(struct pg_args *args, int64_t wall_ms);
void pg_add_bool(struct pg_args *args, bool value);
void pg_add_real(struct pg_args *args, double value); /* 0 or less: NULL */
void pg_add_strs(struct pg *pg, struct pg_args *args, const struct ry_str *items, size_t n);

/* Arrays, one column each, by position 0, 1, ...: begun, filled, then added in one go. */
void pg_columns_begin(struct pg *pg, const uint32_t *types, size_t count);
void pg_put_text(struct pg *pg, size_t column, struct ry_str text);
void pg_put_i64(struct pg *pg, size_t column, int64_t value);
void pg_put_time(struct pg *pg, size_t column, int64_t wall_ms);
void pg_put_bool(struct pg *pg, size_t column, bool value);
void pg_add_columns(struct pg *pg, struct pg_args *args, size_t count);

/* Types (pg_type.dat). */
#define PG_BOOL 16u
#define PG_INT8 20u
#define PG_TEXT 25u
#define PG_REAL 701u
#define PG_TIME 1184u

/* Columns of a result. Text is copied to the arena, at most max bytes; NULL is absent. Integers of any width; NULL and
 * what is negative where a u64 is wanted are 0. Time: INT64_MAX for NULL and infinity. */
struct ry_str pg_text(const PGresult *result, int row, int column, size_t max, struct ry_arena *arena);
int64_t pg_i64(const PGresult *result, int row, int column);
uint64_t pg_u64(const PGresult *result, int row, int column);
bool pg_bool(const PGresult *result, int row, int column);
double pg_real(const PGresult *result, int row, int column);
int64_t pg_time(const PGresult *result, int row, int column);
bool pg_null(const PGresult *result, int row, int column);

/* ---- the schema (engine_pg_migrate.c, engine_pg_adopt.c, engine_pg_index.c, engine_pg_keys.c) -------------------- */

/* Brings the schema up to date, or says why this database is not for this program. */
int pg_migrate(const struct ry_config *config, struct pg_pool *pool, struct ry_error *err);

enum pg_kind { PG_KIND_EMPTY, PG_KIND_ARCHIVE };
/* Looks at the tables that are there: none, or the interface's with all that reelyard needs; else RY_ECONFIG names what
 * is missing or foreign. */
int pg_adopt_check(struct pg_link *link, int64_t wait_ms, enum pg_kind *kind, struct ry_error *err);

/* Makes the indexes that are missing. concurrently: outside of a transaction, without stopping writers. *missing: only
 * looks how many are. */
int pg_index_missing(struct pg_link *link, int64_t wait_ms, size_t *missing, struct ry_error *err);
int pg_index_make(struct pg_link *link, int64_t wait_ms, bool concurrently, struct ry_error *err);

/* Validates the foreign keys that a migration added to tables with rows, after it has deleted the rows whose guild or
 * channel is gone: those that the key would have deleted with it. Their files go on the list of files to delete. Stops
 * no writer; takes as long as reading the tables does. *unchecked: how many keys are to be validated. */
int pg_keys_unchecked(struct pg_link *link, int64_t wait_ms, size_t *unchecked, struct ry_error *err);
int pg_keys_validate(struct pg_link *link, int64_t wait_ms, struct ry_error *err);

#include "actors/writer/engine_pg_ops.h"

#endif
