/* writer_sqlite_test.c: the embedded engine: the suite, and what only a file can do to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "actors/writer/engine_sqlite.h"
#include "actors/writer/schema.h"
#include "runtime/base/log.h"
#include "tests/bed/between.h"
#include "tests/bed/patience.h"
#include "tests/conformance/writer_suite.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct files {
    char folder[64];
    char path[96];
    struct lite *lite;
};

static int open_engine(const char *path, const struct ry_clock *clock, struct writer_engine **engine,
                       struct ry_error *err)
{
    const struct writer_sqlite_options options = {.path = path, .clock = clock, .busy_ms = 0};
    return writer_engine_sqlite_open(&options, engine, err);
}

static int store_open(struct writer_store *store, const struct ry_clock *clock, struct writer_engine **engine,
                      struct ry_error *err)
{
    struct files *files = store->arg;
    strcpy(files->folder, "/tmp/reelyard-writer-XXXXXX");
    assert_non_null(mkdtemp(files->folder));
    snprintf(files->path, sizeof files->path, "%s/reelyard.db", files->folder);
    int rc = open_engine(files->path, clock, engine, err);
    files->lite = rc == RY_OK ? lite_of(*engine) : NULL;
    return rc;
}

/* A database and the files that SQLite keeps beside it, which stay when the last connections close at the same time. */
static void remove_database(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[160];
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
}

static void store_remove(struct writer_store *store)
{
    struct files *files = store->arg;
    remove_database(files->path);
    assert_int_equal(rmdir(files->folder), 0);
}

static void store_execute(struct writer_store *store, const char *sql)
{
    struct files *files = store->arg;
    if (sqlite3_exec(files->lite->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(files->lite->db));
}

static void store_ask(struct writer_store *store, const char *sql, char *text, size_t text_bytes)
{
    struct files *files = store->arg;
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(files->lite->db, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(files->lite->db));
    size_t n = 0;
    text[0] = '\0';
    for (bool first = true; sqlite3_step(s) == SQLITE_ROW; first = false) {
        const char *value = (const char *)sqlite3_column_text(s, 0);
        n += (size_t)snprintf(text + n, text_bytes - n, "%s%s", first ? "" : ",", value ? value : "");
        assert_true(n < text_bytes);
    }
    sqlite3_finalize(s);
}

static int64_t store_time_ms(struct writer_store *store, const char *sql)
{
    char text[64];
    store_ask(store, sql, text, sizeof text);
    int64_t wall_ms = INT64_MIN;
    if (text[0] != '\0' && !ry_time_parse(ry_str_of(text), &wall_ms))
        fail_msg("%s: '%s' is no time", sql, text);
    return wall_ms;
}

static struct files files;
static struct writer_store store = {.name = "writer on sqlite",
                                    .open = store_open,
                                    .remove = store_remove,
                                    .execute = store_execute,
                                    .ask = store_ask,
                                    .time_ms = store_time_ms,
                                    .arg = &files};

static int setup(void **state)
{
    static struct writer_fixture fixture;
    writer_fixture_open(&fixture, &store);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    writer_fixture_close(*state);
    return 0;
}

/* ---- opening ------------------------------------------------------------------------------------------------- */

static void reopening_keeps_what_is_there(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 3), WRITER_BRISK);
    writer_engine_close(&f->engine);
    struct ry_error err;
    assert_int_equal(open_engine(files.path, &f->clock.clock, &f->engine, &err), RY_OK);
    files.lite = lite_of(f->engine);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM clip"), 3);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_migration"), (int64_t)writer_migration_count);
    assert_int_equal(writer_number(f, "PRAGMA application_id"), 0x5259444C);
    assert_int_equal(writer_number(f, "PRAGMA foreign_keys"), 1);
    char text[16];
    store_ask(&store, "PRAGMA journal_mode", text, sizeof text);
    assert_string_equal(text, "wal");
}

/* Changes the file with SQL, or by raw bytes, and asserts how opening it then fails. */
static void files_that_are_not_ours_are_refused(void **state)
{
    struct writer_fixture *f = *state;
    static const struct {
        const char *name;
        const char *sql;
        enum ry_err code;
        const char *text;
    } cases[] = {
        {"newer", "INSERT INTO reelyard_migration VALUES (99, 'later', 'x', '')", RY_ECONFIG, "schema version 99"},
        {"variant", "UPDATE reelyard_migration SET sha1 = 'other'", RY_ECONFIG, "another variant"},
        {"other application", "PRAGMA application_id = 42", RY_ECONFIG, "not one of reelyard's"},
        {"unmarked with foreign tables", "PRAGMA application_id = 0", RY_ECONFIG, "not one of reelyard's"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *backup = sqlite3_mprintf("VACUUM INTO '%s/copy.db'", files.folder);
        store_execute(&store, backup);
        sqlite3_free(backup);
        char path[128];
        snprintf(path, sizeof path, "%s/copy.db", files.folder);
        sqlite3 *db = NULL;
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, cases[i].sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        struct ry_error err = {0};
        struct writer_engine *engine = NULL;
        int rc = open_engine(path, &f->clock.clock, &engine, &err);
        if (rc != (int)cases[i].code || strstr(err.text, cases[i].text) == NULL)
            fail_msg("%s: %d %s", cases[i].name, rc, err.text);
        assert_null(engine);
        remove_database(path);
    }
}

#define CLIPS_COUNTED \
    "SELECT channel_id, count(*), sum(thumbnail_status IN ('pending', 'processing')), sum(thumbnail_status = " \
    "'failed')" \
    " FROM clip WHERE deleted_at IS NULL GROUP BY channel_id"

static void assert_channel_figures(struct writer_fixture *f)
{
    static const char kept[] = "SELECT channel_id, clips, waiting, failed FROM reelyard_channel_clips WHERE clips > 0";
    char sql[768];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM (" CLIPS_COUNTED " EXCEPT %s)", kept);
    assert_int_equal(writer_number(f, sql), 0);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM (%s EXCEPT " CLIPS_COUNTED ")", kept);
    assert_int_equal(writer_number(f, sql), 0);
}

static void figures_of_channels_stay_right(void **state)
{
    struct writer_fixture *f = *state;
    for (unsigned i = 0; i < 2; i++) {
        struct ry_batch_write *batch = writer_batch_make(f, i * 20, 20);
        batch->channel_id = batch->channels.items[0].id = ry_arena_printf(&f->arena, "%u", 200 + i);
        (void)writer_batch_commit(f, batch, WRITER_BRISK);
    }
    assert_channel_figures(f);
    (void)writer_claim_commit(f, "node/1", 30, 1000, false);
    static const char *const changes[] = {
        "UPDATE clip SET thumbnail_status = 'failed' WHERE file_size % 3 = 0",
        "UPDATE clip SET thumbnail_status = 'completed' WHERE file_size % 5 = 0",
        "UPDATE clip SET deleted_at = updated_at WHERE file_size % 4 = 0",
        "UPDATE clip SET thumbnail_status = 'pending' WHERE file_size % 6 = 0",
        "UPDATE clip SET deleted_at = NULL WHERE file_size % 8 = 0",
        "DELETE FROM message WHERE id < '100007'",
        "DELETE FROM message WHERE channel_id = '201'",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        store_execute(&store, changes[i]);
        assert_channel_figures(f);
    }
    assert_true(writer_number(f, "SELECT clips FROM reelyard_channel_clips WHERE channel_id = '200'") > 0);
}

static void file_of_the_first_version_is_brought_up_to_date(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 3), WRITER_BRISK);
    store_execute(&store, "UPDATE clip SET thumbnail_status = 'failed' WHERE filename = 'clip-1.mp4'");
    /* What the later versions brought is taken away again. */
    static const char *const undo[] = {"DROP TRIGGER reelyard_search_clip_in",
                                       "DROP TRIGGER reelyard_search_clip_change",
                                       "DROP TRIGGER reelyard_search_message_change",
                                       "DROP TRIGGER reelyard_search_author_change",
                                       "DROP TRIGGER reelyard_search_channel_change",
                                       "DROP TABLE reelyard_search",
                                       "DROP TABLE reelyard_words",
                                       "DROP TABLE reelyard_search_due",
                                       "DROP TABLE reelyard_search_renamed",
                                       "DROP TABLE reelyard_search_gone",
                                       "DROP TABLE reelyard_search_fill",
                                       "DROP TABLE reelyard_media",
                                       "DROP TABLE reelyard_media_totals",
                                       "DROP TABLE reelyard_removed_file",
                                       "DROP TABLE reelyard_archived",
                                       "DROP TRIGGER reelyard_channel_clip_in",
                                       "DROP TRIGGER reelyard_channel_clip_out",
                                       "DROP TRIGGER reelyard_channel_clip_change",
                                       "DROP TABLE reelyard_channel_clips",
                                       "DROP TABLE reelyard_slice",
                                       "DROP TABLE reelyard_refused",
                                       "DROP TABLE reelyard_permanent_failure",
                                       "DROP TABLE reelyard_encoder_version",
                                       "DROP TABLE reelyard_doomed_file",
                                       "DELETE FROM reelyard_migration WHERE version > 1"};
    for (size_t i = 0; i < sizeof undo / sizeof undo[0]; i++)
        store_execute(&store, undo[i]);
    writer_engine_close(&f->engine);
    struct ry_error err = {0};
    if (open_engine(files.path, &f->clock.clock, &f->engine, &err) != RY_OK)
        fail_msg("%s", err.text);
    files.lite = lite_of(f->engine);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_migration"), (int64_t)writer_migration_count);
    assert_channel_figures(f);
    assert_int_equal(writer_number(f, "SELECT clips * 100 + waiting * 10 + failed FROM reelyard_channel_clips"), 321);
    assert_int_equal(writer_batch_commit(f, writer_batch_make(f, 3, 2), WRITER_BRISK).pending, 2);
    assert_channel_figures(f);
}

static void file_made_by_the_queue_is_taken(void **state)
{
    struct writer_fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/queue.db", files.folder);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE reelyard_queue_job (id)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    struct writer_engine *engine = NULL;
    struct ry_error err;
    assert_int_equal(open_engine(path, &f->clock.clock, &engine, &err), RY_OK);
    writer_engine_close(&engine);
    remove_database(path);
}

static void damage(const char *path, long at, const char *bytes, size_t n)
{
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
    close(fd);
}

static void damaged_file_is_named(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 50), WRITER_BRISK);
    writer_engine_close(&f->engine);
    damage(files.path, 0, "this is no database file", 24);
    struct ry_error err = {0};
    assert_int_equal(open_engine(files.path, &f->clock.clock, &f->engine, &err), RY_ECORRUPT);
    assert_non_null(strstr(err.text, files.path));
}

static void damage_met_later_is_told(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 200), WRITER_BRISK);
    int64_t page = writer_number(f, "SELECT rootpage FROM sqlite_schema WHERE name = 'message'");
    writer_engine_close(&f->engine);
    static char noise[4096];
    memset(noise, 0xAB, sizeof noise);
    damage(files.path, (long)(page - 1) * 4096, noise, sizeof noise);
    struct ry_error err = {0};
    assert_int_equal(open_engine(files.path, &f->clock.clock, &f->engine, &err), RY_OK);
    struct ry_gallery_get get = {.limit = 10, .before_wall_ms = INT64_MAX};
    struct ry_gallery_page result;
    assert_int_equal(f->engine->ops->gallery_get(f->engine, &get, &f->arena, &result, &err), RY_ECORRUPT);
}

static void file_that_was_taken_away_is_noticed(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 10), WRITER_BRISK);
    assert_int_equal(unlink(files.path), 0);
    struct ry_error err = {0};
    struct ry_archive_state archive;
    assert_int_equal(f->engine->ops->begin(f->engine, &err), RY_ECORRUPT);
    assert_non_null(strstr(err.text, files.path));
    assert_int_equal(f->engine->ops->archive_get(f->engine, &archive, &err), RY_ECORRUPT);
}

/* Runs as a user that may not write, also when the tests run as root. */
static void folder_that_may_not_be_written_is_named(void **state)
{
    struct writer_fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/new.db", files.folder);
    assert_int_equal(chmod(files.folder, 0555), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && seteuid(65534) != 0)
            _exit(2);
        struct writer_engine *engine = NULL;
        struct ry_error err = {0};
        int rc = open_engine(path, &f->clock.clock, &engine, &err);
        _exit(rc == RY_EIO && strstr(err.text, "new.db") && strstr(err.text, "folder") ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(files.folder, 0700), 0);
    assert_int_equal(status, 0);
}

static void new_file_may_be_opened_by_many_at_once(void **state)
{
    struct writer_fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/many.db", files.folder);
    pid_t children[6];
    for (size_t i = 0; i < 6; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            const struct writer_sqlite_options options = {
                .path = path, .clock = &f->clock.clock, .busy_ms = PATIENCE_MS};
            struct writer_engine *engine = NULL;
            struct ry_error err = {0};
            int rc = writer_engine_sqlite_open(&options, &engine, &err);
            if (rc != RY_OK)
                fprintf(stderr, "opener %zu: %s\n", i, err.text);
            writer_engine_close(&engine);
            _exit(rc == RY_OK ? 0 : 1);
        }
    }
    int failures = 0;
    for (size_t i = 0; i < 6; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        failures += status != 0;
    }
    remove_database(path);
    assert_int_equal(failures, 0);
}

/* ---- trouble in the middle ----------------------------------------------------------------------------------- */

static void lock_of_another_program_is_a_passing_trouble(void **state)
{
    struct writer_fixture *f = *state;
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(files.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    struct ry_error err = {0};
    assert_int_equal(f->engine->ops->begin(f->engine, &err), RY_EBUSY);
    f->engine->ops->rollback(f->engine);
    /* Questions do not wait for writers. */
    struct ry_archive_state archive;
    assert_int_equal(f->engine->ops->archive_get(f->engine, &archive, &err), RY_OK);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    assert_int_equal(writer_batch_commit(f, writer_batch_make(f, 0, 1), WRITER_BRISK).pending, 1);
}

static void full_disk_is_a_passing_trouble(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 10), WRITER_BRISK);
    int64_t pages = writer_number(f, "PRAGMA page_count");
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %ld", (long)pages + 2);
    store_execute(&store, sql);
    struct ry_batch_write *batch = writer_batch_make(f, 10, 2000);
    struct writer_batch *written = NULL;
    struct ry_error err = {0};
    for (int round = 0; round < 2; round++) {
        assert_int_equal(f->engine->ops->begin(f->engine, &err), RY_OK);
        assert_int_equal(writer_batch_try(f, batch, round ? WRITER_CAREFUL : WRITER_BRISK, &written, &err), RY_EFULL);
        f->engine->ops->rollback(f->engine);
        assert_int_equal(writer_number(f, "SELECT count(*) FROM clip"), 10);
    }
    store_execute(&store, "PRAGMA max_page_count = 1073741823");
    assert_int_equal(writer_batch_commit(f, batch, WRITER_BRISK).pending, 2000);
}

static void kill_in_the_middle_leaves_whole_transactions(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 5), WRITER_BRISK);
    writer_engine_close(&f->engine);
    for (int round = 0; round < 5; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct writer_engine *engine = NULL;
            struct ry_error err;
            struct writer_batch *written = NULL;
            struct ry_batch_write *batch = writer_batch_make(f, 5, 400u * ((unsigned)round + 1));
            int rc = open_engine(files.path, &f->clock.clock, &engine, &err);
            f->engine = engine;
            if (rc != RY_OK || engine->ops->begin(engine, &err) != RY_OK ||
                writer_batch_try(f, batch, WRITER_BRISK, &written, &err) != RY_OK)
                _exit(1);
            sqlite3_db_cacheflush(lite_of(engine)->db); /* what is not committed stands in the log already */
            raise(SIGKILL);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        struct ry_error err;
        assert_int_equal(open_engine(files.path, &f->clock.clock, &f->engine, &err), RY_OK);
        files.lite = lite_of(f->engine);
        assert_int_equal(writer_number(f, "SELECT count(*) FROM clip"), 5);
        char check[64];
        store_ask(&store, "PRAGMA integrity_check", check, sizeof check);
        assert_string_equal(check, "ok");
        writer_engine_close(&f->engine);
    }
}

/* ---- cost ---------------------------------------------------------------------------------------------------- */

static void rescan_writes_no_page(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 500);
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    int64_t changes = sqlite3_total_changes64(files.lite->db);
    ry_clock_manual_advance(&f->clock, 60000);
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    (void)writer_batch_commit(f, batch, WRITER_CAREFUL);
    assert_int_equal(sqlite3_total_changes64(files.lite->db), changes);
}

/* An archive of n clips by one statement; every tenth completed, every hundredth failed. */
static void fill(unsigned n)
{
    char sql[1024];
    store_execute(&store, "INSERT INTO guild (id, name) VALUES ('100', 'g')");
    snprintf(
        sql, sizeof sql,
        "WITH RECURSIVE i (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n < %u)"
        "INSERT INTO message (id, guild_id, channel_id, author_id, timestamp) SELECT 1000000 + n, '100', '200', '3',"
        " strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 1700000000 + n * 7, 'unixepoch') FROM i",
        n - 1);
    store_execute(&store, sql);
    store_execute(&store, "INSERT INTO clip (id, message_id, guild_id, channel_id, author_id, filename, file_size,"
                          " mime_type, cdn_url, expires_at, thumbnail_status)"
                          " SELECT printf('%032x', id), id, '100', '200', '3', 'a.mp4', 1, 'video/mp4', 'https://x',"
                          " timestamp, iif(id % 100 = 0, 'failed', iif(id % 10 = 0, 'completed', 'pending'))"
                          " FROM message");
}

static int steps_of(enum lite_statement which)
{
    sqlite3_stmt *s = files.lite->statements[which];
    return s ? sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 1) : 0;
}

/* Counted in steps of SQLite's machine, which do not depend on this one. */
static void claim_costs_what_it_takes_not_what_waits(void **state)
{
    struct writer_fixture *f = *state;
    fill(100000);
    for (int round = 0; round < 3; round++) {
        struct ry_clips_claimed claimed = writer_claim_commit(f, "node/1", 16, 60000, round == 0);
        assert_int_equal(claimed.clips.n, 16);
        int steps = steps_of(LITE_claim_pending) + steps_of(LITE_claim_left) + steps_of(LITE_claim_due);
        assert_between(steps, 1, 16 * 60 + 200);
    }
}

static void page_costs_what_it_shows_not_what_there_is(void **state)
{
    struct writer_fixture *f = *state;
    fill(100000);
    const struct {
        struct ry_gallery_get get;
        enum lite_statement which;
    } cases[] = {
        {{.limit = 50, .before_wall_ms = INT64_MAX}, LITE_gallery_all},
        {{.limit = 50, .before_wall_ms = 1700300000000}, LITE_gallery_all},
        {{.limit = 50, .before_wall_ms = INT64_MAX, .channel_id = RY_STR("200")}, LITE_gallery_channel},
        {{.limit = 50, .before_wall_ms = INT64_MAX, .guild_id = RY_STR("100")}, LITE_gallery_all},
        {{.limit = 50, .before_wall_ms = INT64_MAX, .status = RY_STR("pending")}, LITE_gallery_all},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ry_gallery_page page;
        struct ry_error err;
        assert_int_equal(f->engine->ops->gallery_get(f->engine, &cases[i].get, &f->arena, &page, &err), RY_OK);
        assert_int_equal(page.clips.n, 50);
        assert_true(page.more);
        assert_between(steps_of(cases[i].which), 1, 51 * 250);
    }
}

/* The first step, one in the middle and those that find less than their limit. */
static void purge_step_costs_its_limit_not_what_there_is(void **state)
{
    struct writer_fixture *f = *state;
    static const enum lite_statement statements[][3] = {
        {LITE_purge_channel_files, LITE_purge_channel_clips, LITE_purge_channel_rows},
        {LITE_purge_guild_files, LITE_purge_guild_clips, LITE_purge_guild_rows},
    };
    fill(100000);
    for (unsigned step = 0; step < 6; step++) {
        bool guild = step % 2 == 1;
        struct ry_purge purge = {.job_id = RY_STR("purge"),
                                 .token = 1,
                                 .scope = guild ? RY_PURGE_GUILD : RY_PURGE_CHANNEL,
                                 .guild_id = RY_STR("100"),
                                 .channel_id = RY_STR("200"),
                                 .limit = 50};
        struct ry_purged purged;
        struct ry_error err = {0};
        assert_int_equal(f->engine->ops->begin(f->engine, &err), RY_OK);
        assert_int_equal(f->engine->ops->purge(f->engine, &purge, &purged, &err), RY_OK);
        assert_int_equal(f->engine->ops->commit(f->engine, &err), RY_OK);
        assert_int_equal(purged.messages, 50);
        assert_true(purged.more);
        int steps = 0;
        for (size_t i = 0; i < 3; i++)
            steps += steps_of(statements[guild][i]);
        assert_between(steps, 1, 50 * 600);
    }
}

static int deny_rollback(void *arg, int action, const char *what, const char *b, const char *c, const char *d)
{
    (void)arg, (void)b, (void)c, (void)d;
    return action == SQLITE_TRANSACTION && strcmp(what, "ROLLBACK") == 0 ? SQLITE_DENY : SQLITE_OK;
}

/* Without memory SQLite cannot even prepare a ROLLBACK. */
static void transaction_that_cannot_be_rolled_back_is_a_passing_trouble(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 3);
    const struct writer_engine_ops *ops = f->engine->ops;
    struct writer_batch *written = NULL;
    struct ry_archive_state archive;
    struct ry_error err = {0};
    assert_int_equal(ops->begin(f->engine, &err), RY_OK);
    assert_int_equal(writer_batch_try(f, batch, WRITER_BRISK, &written, &err), RY_OK);
    sqlite3_set_authorizer(files.lite->db, deny_rollback, NULL);
    ops->rollback(f->engine);
    assert_int_not_equal(ops->begin(f->engine, &err), RY_OK);
    assert_int_equal(ry_err_class(err.code), RY_CLASS_RETRY);
    assert_int_equal(ops->archive_get(f->engine, &archive, &err), RY_OK);
    sqlite3_set_authorizer(files.lite->db, NULL, NULL);
    assert_int_equal(ops->archive_get(f->engine, &archive, &err), RY_OK);
    assert_int_equal(archive.messages, 0);
    assert_int_equal(writer_batch_commit(f, batch, WRITER_BRISK).pending, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reopening_keeps_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(files_that_are_not_ours_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(figures_of_channels_stay_right, setup, teardown),
        cmocka_unit_test_setup_teardown(file_of_the_first_version_is_brought_up_to_date, setup, teardown),
        cmocka_unit_test_setup_teardown(file_made_by_the_queue_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_file_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_met_later_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(file_that_was_taken_away_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(folder_that_may_not_be_written_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(new_file_may_be_opened_by_many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(lock_of_another_program_is_a_passing_trouble, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk_is_a_passing_trouble, setup, teardown),
        cmocka_unit_test_setup_teardown(transaction_that_cannot_be_rolled_back_is_a_passing_trouble, setup, teardown),
        cmocka_unit_test_setup_teardown(kill_in_the_middle_leaves_whole_transactions, setup, teardown),
        cmocka_unit_test_setup_teardown(rescan_writes_no_page, setup, teardown),
        cmocka_unit_test_setup_teardown(claim_costs_what_it_takes_not_what_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(page_costs_what_it_shows_not_what_there_is, setup, teardown),
        cmocka_unit_test_setup_teardown(purge_step_costs_its_limit_not_what_there_is, setup, teardown),
    };
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    int failed = writer_suite_run(&store);
    return failed + cmocka_run_group_tests_name("writer's sqlite file", tests, NULL, NULL);
}
