/* engine_sqlite.c: the embedded database: one file in WAL mode.
 *
 * Owns one connection. The job queue lives in the same file behind another connection (runtime/queue), so every
 * transaction takes the write lock at its beginning (BEGIN IMMEDIATE: it waits there or fails as a whole, and never
 * half-way) and ends within one call of the writer.
 *
 * Durability: synchronous=NORMAL. A crash of the program loses nothing; a power cut may lose the last transactions, in
 * the order of the log, never a part of one. Since acks of jobs go to the same log after the rows they stand for, a
 * job whose rows were lost is leased again. */
#include "actors/writer/engine_sqlite.h"

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

static int lite_begin(struct writer_engine *engine, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    ry_arena_reset(&lite->scratch);
    lite->scratch_failed = false;
    lite->now_wall_ms = ry_wall_ms(lite->clock);
    ry_time_format(lite->now_wall_ms, lite->now);
    int rc = lite_check_place(lite, err);
    return rc == RY_OK ? run_plain(engine, LITE_begin, err) : rc;
}

static int lite_commit(struct writer_engine *engine, struct ry_error *err)
{
    return run_plain(engine, LITE_commit, err);
}

static void lite_rollback(struct writer_engine *engine)
{
    struct lite *lite = lite_of(engine);
    lite->scratch_failed = false;
    /* SQLite has rolled back by itself after some errors (disk full, I/O). */
    if (!sqlite3_get_autocommit(lite->db))
        sqlite3_exec(lite->db, "ROLLBACK", NULL, NULL, NULL);
}

static int lite_mark(struct writer_engine *engine, struct ry_error *err)
{
    return run_plain(engine, LITE_mark, err);
}

/* Every statement is done when its step returns. */
static int lite_settle(struct writer_engine *engine, struct ry_error *err)
{
    (void)engine;
    (void)err;
    return RY_OK;
}

static int lite_keep(struct writer_engine *engine, struct ry_error *err)
{
    return run_plain(engine, LITE_keep, err);
}

static int lite_undo(struct writer_engine *engine, struct ry_error *err)
{
    int rc = run_plain(engine, LITE_undo, err);
    return rc == RY_OK ? run_plain(engine, LITE_keep, err) : rc;
}

static void lite_close(struct writer_engine *engine)
{
    struct lite *lite = lite_of(engine);
    for (size_t i = 0; i < LITE_STATEMENT_COUNT; i++)
        sqlite3_finalize(lite->statements[i]);
    sqlite3_close(lite->db);
    ry_arena_free(&lite->scratch);
    free(lite->path);
    free(lite);
}

static const struct writer_engine_ops lite_ops = {
    .name = "sqlite",
    .begin = lite_begin,
    .commit = lite_commit,
    .rollback = lite_rollback,
    .mark = lite_mark,
    .undo = lite_undo,
    .keep = lite_keep,
    .settle = lite_settle,
    .gate = lite_gate,
    .upsert = lite_upsert,
    .refuse = lite_refuse,
    .progress = lite_progress,
    .scan_begin = lite_scan_begin,
    .scan_end = lite_scan_end,
    .purge = lite_purge,
    .files_forget = lite_files_forget,
    .clips_stale = lite_clips_stale,
    .scans_stale = lite_scans_stale,
    .urls_store = lite_urls_store,
    .clip_completed = lite_clip_completed,
    .clip_failed = lite_clip_failed,
    .clips_claim = lite_clips_claim,
    .clips_renew = lite_clips_renew,
    .failed_retry = lite_failed_retry,
    .verdicts_review = lite_verdicts_review,
    .fence_prune = lite_fence_prune,
    .clock_mend = lite_clock_mend,
    .settings_get = lite_settings_get,
    .gallery_get = lite_gallery_get,
    .archive_get = lite_archive_get,
    .failed_get = lite_failed_get,
    .refused_get = lite_refused_get,
    .known_get = lite_known_get,
    .days_get = lite_days_get,
    .clips_archive = lite_clips_archive,
    .scan_get = lite_scan_get,
    .scans_open_get = lite_scans_open_get,
    .files_doomed_get = lite_files_doomed_get,
    .ping = lite_ping,
    .close = lite_close,
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
