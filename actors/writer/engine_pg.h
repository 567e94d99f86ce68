/* engine_pg.h: the state of the PostgreSQL engine, for its own files (and their tests) alone.
 *
 * Calls between its files run one way:
 *
 *   engine_pg.c             the table of operations; open and close
 *   engine_pg_<theme>.c     the operations, by theme (engine_pg_ops.h)
 *   engine_pg_transaction.c begin, commit, rollback, savepoints, reads (engine_pg_transaction.h)
 *   engine_pg_fence.c       locks and fences; every statement goes behind them
 *   engine_pg_pipeline.c    sends statements without waiting, reads their results (engine_pg_pipeline.h)
 *   engine_pg_value.c       parameters and results in binary form (engine_pg_value.h)
 *   pg_pool.c, pg_link.c    connections
 *
 * and engine_pg_migrate.c with engine_pg_{adopt,index,keys}.c brings the schema up to date
 * (engine_pg_schema.h). */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_PG_H
#define REELYARD_ACTORS_WRITER_ENGINE_PG_H

#include "actors/writer/engine_open.h"
#include "actors/writer/pg_pool.h"
#include "actors/writer/text.h"
#include "runtime/base/assert.h"
#include "runtime/base/buf.h"

/* Statements whose results are not yet read; more are read before more are sent. */
#define PG_UNREAD_MAX 64
/* The same in bytes sent. */
#define PG_UNREAD_MAX_BYTES ((size_t)8 << 20)
#define PG_ARGS_MAX         24
#define PG_FENCES_MAX       256
/* Columns of the statements of fences, behind those of all others: they are sent while another statement is filled. */
#define PG_FENCE_COLUMN  PG_ARGS_MAX
#define PG_FENCE_COLUMNS 5

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

struct pg_fence {
    const struct ry_batch_write *batch;
    enum writer_fence *fence;
};

struct pg_figures {
    struct ry_archive_state state;
    int64_t counted_mono_ms; /* on the engine's clock; INT64_MIN: never */
    int64_t took_ms;
    char keep_trouble[401]; /* what state.keep_trouble points to */
};

#define PG_MAGIC 0x70677371u

struct pg {
    struct writer_engine engine; /* first, so that the operations find the rest */
    uint32_t magic;
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
    struct pg_fence fences[PG_FENCES_MAX]; /* held back until it is known whether a sync follows */
    size_t fences_n;
    struct pg_column columns[PG_ARGS_MAX + PG_FENCE_COLUMNS]; /* memory is kept from statement to statement */
    struct pg_figures figures;
    uint64_t statements;  /* said since the engine was opened */
    uint64_t round_trips; /* times that the server's answers were waited for, since then */
};

static inline struct pg *pg_of(struct writer_engine *engine)
{
    struct pg *pg = (struct pg *)engine;
    RY_ASSERT(pg->magic == PG_MAGIC && pg->fences_n <= PG_FENCES_MAX && pg->unread_n < PG_UNREAD_MAX,
              "%zu fences held back, %zu results unread", pg->fences_n, pg->unread_n);
    return pg;
}

#endif
