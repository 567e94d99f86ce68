/* engine_sqlite.c: the embedded database: one file in WAL mode.
 *
 * Owns one connection. The job queue lives in the same file behind another connection (runtime/queue), so every
 * transaction takes the write lock at its beginning (BEGIN IMMEDIATE: it waits there or fails as a whole, and never
 * half-way) and ends within one call of the writer.
 *
 * Durability: synchronous=NORMAL. A crash of the program loses nothing; a power cut may lose the last transactions, in
 * the order of the log, never a part of one. Since acks of jobs go to the same log after the rows they stand for, a
 * job whose rows were lost is leased again. */
#include "actors/writer/engine_sqlite_ops.h"

#include <stdlib.h>

#include "runtime/base/private_file.h"

/* Values rewritten in one transaction, and times; the transaction fails when it needs more. */
#define SCRATCH_MAX_BYTES ((size_t)64 << 20)

#define WAL_PAUSE_MS 5

/* SQLite counts its memory under one lock for the whole process, twice for every allocation; nobody reads the count. */
void lite_set_up_process(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

void lite_close(struct writer_engine *engine)
{
    struct lite *lite = lite_of(engine);
    for (size_t i = 0; i < LITE_STATEMENT_COUNT; i++)
        sqlite3_finalize(lite->statements[i]);
    sqlite3_close(lite->db);
    ry_arena_free(&lite->scratch);
    free(lite->path);
    lite->magic = 0;
    free(lite);
}

static const struct writer_engine_ops lite_ops = {
    .name = "sqlite",
#define OPERATION(name, parameters)     .name = lite_##name,
#define PROCEDURE(name, parameters)     .name = lite_##name,
#define QUESTION(name, answer, damaged) .name = lite_##name,
#include "actors/writer/engine_ops.def"
};

/* WAL mode is entered once in a file's life. That takes the file alone for a moment, and SQLite does not wait for it by
 * itself: the queue, which may open a new file at the same moment, is waited for here. */
static int enter_wal(struct lite *lite, int busy_ms, struct ry_error *err)
{
    int rc = SQLITE_BUSY;
    for (int waited_ms = 0; (rc & 0xFF) == SQLITE_BUSY && waited_ms <= busy_ms; waited_ms += WAL_PAUSE_MS) {
        if (waited_ms > 0)
            sqlite3_sleep(WAL_PAUSE_MS);
        rc = sqlite3_exec(lite->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    }
    return rc == SQLITE_OK ? RY_OK : lite_fail(lite, rc, err);
}

/* Pages, not the whole file, in memory: what the cache and the log may take stays the same however large the archive
 * becomes. */
static int configure(struct lite *lite, struct ry_error *err)
{
    static const char *const pragmas[] = {
        "PRAGMA synchronous = NORMAL",
        "PRAGMA foreign_keys = ON",
        "PRAGMA temp_store = MEMORY",
        "PRAGMA cache_size = -4096",            /* KiB */
        "PRAGMA mmap_size = 0",                 /* a failing disk is an error here, not SIGBUS */
        "PRAGMA wal_autocheckpoint = 4000",     /* pages: 16 MB */
        "PRAGMA journal_size_limit = 67108864", /* bytes */
    };
    for (size_t i = 0; i < sizeof pragmas / sizeof pragmas[0]; i++) {
        int rc = sqlite3_exec(lite->db, pragmas[i], NULL, NULL, NULL);
        if (rc != SQLITE_OK)
            return lite_fail(lite, rc, err);
    }
    return RY_OK;
}

static int connect(struct lite *lite, int busy_ms, struct ry_error *err)
{
    ry_private_file_make(lite->path); /* its WAL and index get the same mode from SQLite */
    int rc = sqlite3_open_v2(
        lite->path, &lite->db,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (rc != SQLITE_OK)
        return lite_fail(lite, rc, err);
    sqlite3_extended_result_codes(lite->db, 1);
    sqlite3_busy_timeout(lite->db, busy_ms);
    /* No statement of ours may damage the file's own structure, whatever stands in its schema. */
    sqlite3_db_config(lite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    rc = enter_wal(lite, busy_ms, err);
    return rc == RY_OK ? configure(lite, err) : rc;
}

int writer_engine_sqlite_open(const struct writer_sqlite_options *options, struct writer_engine **engine,
                              struct ry_error *err)
{
    *engine = NULL;
    struct lite *lite = calloc(1, sizeof *lite);
    if (lite == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    lite->engine.ops = &lite_ops;
    lite->magic = LITE_MAGIC;
    lite->clock = options->clock;
    lite->video_min_s = options->video_min_s;
    lite->scratch = ry_arena_make(SCRATCH_MAX_BYTES);
    lite->path = strdup(options->path);
    int rc = lite->path ? RY_OK : ry_fail(err, RY_ENOMEM, "out of memory");
    if (rc == RY_OK)
        rc = connect(lite, options->busy_ms, err);
    if (rc == RY_OK)
        rc = lite_migrate(lite, err);
    if (rc != RY_OK) {
        lite_close(&lite->engine);
        return rc;
    }
    *engine = &lite->engine;
    return RY_OK;
}
