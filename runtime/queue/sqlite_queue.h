/* sqlite_queue.h: the embedded queue's connection, shared by the files that implement it (sqlite_*.c).
 *
 * Used by runtime/queue alone; everybody else sees job_queue.h. One thread per queue. */
#ifndef REELYARD_RUNTIME_QUEUE_SQLITE_QUEUE_H
#define REELYARD_RUNTIME_QUEUE_SQLITE_QUEUE_H

#include <sqlite3.h>

#include "runtime/queue/job_queue.h"

enum ry_sqlite_queue_statement {
#define STATEMENT(name, sql) RY_SQLITE_QUEUE_##name,
#include "runtime/queue/sqlite_statements.def"
#undef STATEMENT
    RY_SQLITE_QUEUE_STATEMENT_COUNT
};

enum ry_job_state { RY_JOB_READY = 0, RY_JOB_DELAYED = 1, RY_JOB_LEASED = 2 };

#define RY_SQLITE_QUEUE_MAGIC 0x71756575u

/* How much of a commit must be on the disk when it returns. */
enum ry_sqlite_queue_sync {
    RY_SQLITE_QUEUE_ORDERED, /* synchronous=NORMAL: a power cut may undo it, but then also all that came after it */
    RY_SQLITE_QUEUE_DURABLE  /* synchronous=FULL */
};

struct ry_sqlite_queue {
    struct ry_job_queue base; /* first, so that the ops find the rest */
    unsigned magic;           /* RY_SQLITE_QUEUE_MAGIC */
    sqlite3 *db;
    sqlite3_stmt *statements[RY_SQLITE_QUEUE_STATEMENT_COUNT]; /* NULL until first used */
    const struct ry_clock *clock;
    char *path;
    enum ry_sqlite_queue_sync sync; /* what the connection is set to */
    /* The guild served last in each priority: the next pick goes on behind it. */
    char served[RY_PRIORITY_COUNT][RY_JOB_GUILD_MAX];
    size_t served_bytes[RY_PRIORITY_COUNT];
};

/* The SQLite queue behind a job queue, which must be one: another kind fails an assertion. */
struct ry_sqlite_queue *ry_sqlite_queue_of(struct ry_job_queue *queue);

/* ---- sqlite_queue.c: statements, transactions, errors ------------------------------------------------------------ */

/* Turns what SQLite has just said into an error: "cannot <doing>", why, where, what to do. */
int ry_sqlite_queue_fail(struct ry_sqlite_queue *sqlite, const char *doing, struct ry_error *err);

/* A statement, reset, nothing bound. Its caller resets it again when it leaves it in the middle. */
int ry_sqlite_queue_statement(struct ry_sqlite_queue *sqlite, enum ry_sqlite_queue_statement name,
                              sqlite3_stmt **statement, const char *doing, struct ry_error *err);

/* Binds text or bytes that outlive the statement's use; an absent string as '' (text) or NULL (the others). */
void ry_sqlite_queue_bind_text(sqlite3_stmt *statement, int at, struct ry_str text);
void ry_sqlite_queue_bind_text_or_null(sqlite3_stmt *statement, int at, struct ry_str text);
void ry_sqlite_queue_bind_blob(sqlite3_stmt *statement, int at, struct ry_str bytes);

/* A column copied into the arena. RY_OK (absent for NULL), or RY_ENOMEM when it does not fit there. */
int ry_sqlite_queue_column(sqlite3_stmt *statement, int at, struct ry_arena *arena, struct ry_str *text);

/* Runs a statement that returns no row, and resets it. *changes (may be NULL): rows changed. */
int ry_sqlite_queue_run(struct ry_sqlite_queue *sqlite, sqlite3_stmt *statement, const char *doing, size_t *changes,
                        struct ry_error *err);

/* Runs a statement of at most one integer: *found tells whether there was a row, *value is its first column. */
int ry_sqlite_queue_integer(struct ry_sqlite_queue *sqlite, sqlite3_stmt *statement, const char *doing, bool *found,
                            int64_t *value, struct ry_error *err);

/* A write transaction. ry_sqlite_queue_end commits when rc is RY_OK and rolls back otherwise, and returns rc or the
 * commit's error. */
int ry_sqlite_queue_begin(struct ry_sqlite_queue *sqlite, enum ry_sqlite_queue_sync sync, const char *doing,
                          struct ry_error *err);
int ry_sqlite_queue_end(struct ry_sqlite_queue *sqlite, int rc, const char *doing, struct ry_error *err);

/* ---- sqlite_schema.c --------------------------------------------------------------------------------------------- */

/* Makes the tables if they are missing, and checks their version. */
int ry_sqlite_queue_schema(struct ry_sqlite_queue *sqlite, struct ry_error *err);

/* ---- sqlite_push.c ----------------------------------------------------------------------------------------------- */

/* Puts jobs that an ending job names into the queue, inside its transaction. Those whose id is in the queue or
 * remembered are left out. */
int ry_sqlite_queue_push_next(struct ry_sqlite_queue *sqlite, const struct ry_job_push *next, size_t n,
                              const char *doing, struct ry_error *err);

/* ---- the ops; job_queue.h tells what they promise ---------------------------------------------------------------- */

/* sqlite_push.c */
int ry_sqlite_queue_push(struct ry_job_queue *queue, const struct ry_job_push *jobs, size_t n, struct ry_str cursor_key,
                         struct ry_str cursor, size_t *accepted, struct ry_error *err);
int ry_sqlite_queue_cursor_get(struct ry_job_queue *queue, struct ry_str key, struct ry_arena *arena,
                               struct ry_str *cursor, struct ry_error *err);
int ry_sqlite_queue_depth(struct ry_job_queue *queue, struct ry_depth *depth, struct ry_error *err);
int ry_sqlite_queue_find(struct ry_job_queue *queue, const struct ry_job_queue_channel *channels, size_t n,
                         const char *const *types, bool *found, struct ry_error *err);
/* sqlite_fair_read.c */
int ry_sqlite_queue_read(struct ry_job_queue *queue, struct ry_str consumer, size_t max, enum ry_priority least,
                         int64_t lease_ms, struct ry_arena *arena, struct ry_lease *leases, size_t *n,
                         struct ry_error *err);
/* sqlite_lease.c */
int ry_sqlite_queue_renew(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, int64_t lease_ms,
                          struct ry_error *err);
int ry_sqlite_queue_ack(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token,
                        const struct ry_job_push *next, size_t n, struct ry_error *err);
int ry_sqlite_queue_hurry(struct ry_job_queue *queue, struct ry_error *err);
int ry_sqlite_queue_nack(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, int64_t delay_ms,
                         bool counted, struct ry_error *err);
int ry_sqlite_queue_bury(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, struct ry_str reason,
                         struct ry_error *err);
int ry_sqlite_queue_release(struct ry_job_queue *queue, struct ry_str consumer_prefix, struct ry_str except,
                            size_t *released, struct ry_error *err);
/* sqlite_dead.c */
int ry_sqlite_queue_dead_add(struct ry_job_queue *queue, const struct ry_dead *dead, struct ry_error *err);
int ry_sqlite_queue_dead_list(struct ry_job_queue *queue, int64_t after_id, size_t max, struct ry_arena *arena,
                              struct ry_dead *letters, size_t *n, struct ry_error *err);
int ry_sqlite_queue_dead_get(struct ry_job_queue *queue, int64_t id, struct ry_arena *arena, struct ry_dead *letter,
                             struct ry_error *err);
int ry_sqlite_queue_dead_take(struct ry_job_queue *queue, const int64_t *ids, size_t n, bool replay,
                              struct ry_error *outcomes, struct ry_error *err);

#endif
