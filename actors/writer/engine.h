/* engine.h: a database as the writer sees it: a table of operations.
 *
 * An engine knows its own SQL and nothing of mails, answers or retries; the writer knows no SQL. Every operation
 * returns RY_OK or fails in a class that says what the writer does (runtime/base/error.h):
 *   RETRY   the transaction is rolled back and tried again later (lock held, disk full, connection lost)
 *   REJECT  these data are not to be stored (RY_EDATA): too long, out of range, belonging to nothing; others will do
 *   DIE     the database is damaged or not ours (RY_ECORRUPT, RY_ECONFIG)
 * RY_ESCHEMA, of the class RETRY, is for people: not the data are at fault, but the schema or this program. A
 * transaction that meets it is done again with savepoints; what meets it then is rolled back to its savepoint and left
 * for later.
 *
 * After an error inside a transaction the caller rolls back, to a savepoint or as a whole; nothing else may be called
 * before.
 *
 * An engine over a network sends the statements of a transaction in one go and learns of them later. So what an
 * operation inside a transaction puts out (through its pointers) holds only once `sync` or `commit` has returned RY_OK,
 * an operation's error may come from a later one, and all that an operation was given must live until then.
 *
 * An engine belongs to one thread. Calls block for as long as the database takes, at most a time limit of their own.
 * Implementations: engine_sqlite.c (embedded), engine_pg.c (PostgreSQL). All pass tests/conformance/writer_suite.c. */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_H
#define REELYARD_ACTORS_WRITER_ENGINE_H

#include "actors/writer/bounds.h"
#include "actors/writer/retry_waits.h"
#include "proto/message.h"
#include "runtime/base/arena.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/config/config.h"

struct writer_engine;

/* The rows of a batch_write, table by table, in the order in which they refer to each other. */
enum writer_table {
    WRITER_MEDIA_ROOTS, /* 0 or 1 */
    WRITER_GUILDS,
    WRITER_CHANNELS,
    WRITER_AUTHORS,
    WRITER_MESSAGES,
    WRITER_CLIPS,
    WRITER_TABLE_COUNT
};

/* What writing rows came to; operations add to it. */
struct writer_tally {
    uint64_t changed; /* rows inserted or updated */
    uint64_t pending; /* clips among them that now wait for thumbnails */
    uint64_t cut;     /* values shortened to fit their column */
};

/* Some rows of one table of a batch. */
struct writer_slice {
    const struct ry_batch_write *batch;
    size_t first;
    size_t n;
    struct writer_tally *tally;
    bool fresh; /* most likely none of these rows is in its table: an engine may insert plainly, and fail
                 * (RY_ESCHEMA: a key that its statement does not expect) if one is */
};

/* Whether a batch may be written at all: a larger token has written for its job; its scan is cancelled; its channel is
 * another guild's. */
enum writer_fence { WRITER_FENCE_OPEN, WRITER_FENCE_STALE, WRITER_FENCE_CANCELLED, WRITER_FENCE_FOREIGN };

/* The operations, each as engine_ops.def documents it. */
struct writer_engine_ops {
    const char *name; /* "sqlite", "postgresql" */
#define OPERATION(name, parameters) int(*name) parameters;
#define PROCEDURE(name, parameters) void(*name) parameters;
#define QUESTION(name, answer, damaged) \
    int (*name)(struct writer_engine * engine, const struct ry_##name *get, struct ry_arena *arena, \
                struct ry_##answer *got, struct ry_error *err);
#include "actors/writer/engine_ops.def"
};

struct writer_engine {
    const struct writer_engine_ops *ops;
};

/* The last moment that a time column holds; stands for "never". */
#define WRITER_NEVER_WALL_MS INT64_C(253402300799999)

/* No lease lasts longer, and no clock is ahead by more unless it is wrong. */
#define WRITER_PUT_OFF_MAX_MS (INT64_C(2) * 86400000)

/* When a purge's cooldown ends, at most WRITER_NEVER_WALL_MS; 0 when it has none. */
int64_t writer_cooldown_end_wall_ms(const struct ry_purge *purge, int64_t now_wall_ms);

/* Attempts at a storyboard, and how long after a failure the next one is due; it doubles each time. */
#define WRITER_SHEET_TRIES   5
#define WRITER_SHEET_WAIT_MS (INT64_C(15) * 60 * 1000)

/* How much longer than fences and slices refused rows are kept. */
#define WRITER_REFUSED_KEPT_MS (INT64_C(30) * 24 * 3600 * 1000)

/* Most bytes of rows that one answer carries, so that it fits in an envelope; lists end early when it is reached. */
#define WRITER_ANSWER_MAX_BYTES ((size_t)4 << 20)

/* Whether Discord tells something of the clip that the interface's tables have no column for: reelyard_media has it. */
bool writer_clip_tells(const struct ry_clip_row *clip);

/* The number of rows that a batch has for a table, and the table's name. */
size_t writer_table_rows(const struct ry_batch_write *batch, enum writer_table table);
const char *writer_table_name(enum writer_table table);

#endif
