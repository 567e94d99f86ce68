/* writer_commit_test.c: a database may refuse a transaction at its COMMIT, for constraints and triggers that others made
 * and that it checks there only. The writer on SQLite and on a real PostgreSQL: what is at fault fails alone, with its
 * reason; what stood beside it in the transaction is stored. */
#include "tests/bed/batch.h"
#include "tests/bed/bed.h"
#include "tests/bed/postgres_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "actors/writer/writer.h"
#include "runtime/base/log.h"

#define WAIT_MS    50
#define DATABASE   "deferred"
#define BAD        "bad.mp4"
#define NOTE_TABLE "CREATE TABLE note (clip_id VARCHAR(64) REFERENCES clip (id) DEFERRABLE INITIALLY DEFERRED)"
#define FUNCTION(name, state) \
    "CREATE FUNCTION " name "() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION USING ERRCODE = '" state \
    "', MESSAGE = 'not this one'; END$$;"
#define DEFERRED_TRIGGER \
    " CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON clip DEFERRABLE INITIALLY DEFERRED FOR EACH ROW" \
    " WHEN (NEW.filename = '" BAD "') EXECUTE FUNCTION says()"

static struct postgres_server server;

/* An engine, and how its database is looked at. */
struct side {
    const char *name;
    struct bed *(*open)(const char *create);
    void (*sql)(struct bed *bed, const char *sql, char *text, size_t text_bytes);
    const char *bad_clip; /* SQL: from then on COMMIT refuses a clip whose file is called BAD */
    const char *bad_list; /* SQL: from then on the list of refused rows refuses every row */
};

static struct bed *sqlite_open(const char *create)
{
    (void)create;
    return bed_new(&ry_writer_spec, (bed_option[]){{"batch_wait_ms", "50"}, {NULL, NULL}});
}

static void sqlite_sql(struct bed *bed, const char *sql, char *text, size_t text_bytes)
{
    char path[256];
    snprintf(path, sizeof path, "%s/reelyard.db", bed_data(bed));
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    for (int rc = SQLITE_OK; *sql != '\0' && rc != SQLITE_ROW;) {
        sqlite3_stmt *s = NULL;
        if (sqlite3_prepare_v2(db, sql, -1, &s, &sql) != SQLITE_OK)
            fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        rc = sqlite3_step(s);
        if (rc == SQLITE_ROW && text != NULL)
            snprintf(text, text_bytes, "%s", (const char *)sqlite3_column_text(s, 0));
        sqlite3_finalize(s);
    }
    sqlite3_close(db);
}

static struct bed *pg_open(const char *create)
{
    char url[128];
    snprintf(url, sizeof url, "postgresql://postgres@127.0.0.1:%d/" DATABASE "?sslmode=disable", server.port);
    postgres_server_disconnect(&server);
    postgres_server_sql(&server, NULL, "DROP DATABASE IF EXISTS " DATABASE, NULL, 0);
    postgres_server_sql(&server, NULL, create, NULL, 0);
    return bed_new(&ry_writer_spec, (bed_option[]){{"database_url", url}, {"batch_wait_ms", "50"}, {NULL, NULL}});
}

static void pg_sql(struct bed *bed, const char *sql, char *text, size_t text_bytes)
{
    (void)bed;
    postgres_server_sql(&server, DATABASE, sql, text, text_bytes);
}

static const struct side sides[] = {
    {"SQLite", sqlite_open, sqlite_sql,
     NOTE_TABLE "; CREATE TRIGGER deferred AFTER INSERT ON clip WHEN NEW.filename = '" BAD
                "' BEGIN INSERT INTO note VALUES ('nowhere'); END",
     "CREATE TABLE strict (tab TEXT CHECK (tab = '')); CREATE TRIGGER strict AFTER INSERT ON reelyard_refused"
     " BEGIN INSERT INTO strict VALUES (NEW.tab); END"},
    {"PostgreSQL", pg_open, pg_sql, FUNCTION("says", "22000") DEFERRED_TRIGGER,
     FUNCTION("strict", "22000") " CREATE TRIGGER strict BEFORE INSERT ON reelyard_refused FOR EACH ROW EXECUTE"
                                 " FUNCTION strict()"},
};
#define SIDES   (sizeof sides / sizeof *sides)
#define CREATE  "CREATE DATABASE " DATABASE
#define PG_SIDE (&sides[1])

static void assert_count(const struct side *side, struct bed *bed, const char *table, long expected)
{
    char sql[64], text[32] = "";
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    side->sql(bed, sql, text, sizeof text);
    if (strtol(text, NULL, 10) != expected)
        fail_msg("%s: %s rows in %s, not %ld", side->name, text, table, expected);
}

static void write_first(struct bed *bed)
{
    struct batch batch;
    uint64_t id = BED_DELIVER(bed, batch_write, batch_make(&batch, 0), NULL);
    bed_advance(bed, WAIT_MS);
    assert_int_equal(BED_EXPECT(bed, batch_written)->pending, 1);
    bed_expect_done(bed, id);
    (void)BED_EXPECT(bed, clips_pending);
}

static void purge_that_the_commit_refuses_fails_alone(void **state)
{
    (void)state;
    for (const struct side *side = sides; side < sides + SIDES; side++) {
        struct bed *bed = side->open(CREATE);
        struct batch batches[2];
        write_first(bed);
        side->sql(bed, NOTE_TABLE "; INSERT INTO note SELECT id FROM clip", NULL, 0);
        const struct ry_purge purge = {.job_id = RY_STR("purge"),
                                       .token = 1,
                                       .scope = RY_PURGE_CHANNEL,
                                       .guild_id = RY_STR("100"),
                                       .channel_id = RY_STR("200"),
                                       .limit = 100};
        uint64_t ids[] = {BED_DELIVER(bed, batch_write, batch_make(&batches[0], 1), NULL),
                          BED_DELIVER(bed, purge, &purge, NULL),
                          BED_DELIVER(bed, batch_write, batch_make(&batches[1], 2), NULL)};
        bed_advance(bed, WAIT_MS);
        for (unsigned i = 0; i < 3; i++) {
            if (i == 1) {
                const struct ry_purged *purged = BED_EXPECT(bed, purged);
                assert_true(purged->refused && purged->error.n > 0);
                assert_int_equal(purged->messages, 0);
            } else {
                assert_int_equal(BED_EXPECT(bed, batch_written)->succeeded, BATCH_ROWS);
            }
            bed_expect_done(bed, ids[i]);
        }
        assert_int_equal(BED_EXPECT(bed, clips_pending)->count, 2);
        bed_expect_nothing(bed);
        assert_count(side, bed, "clip", 3);
        side->sql(bed, "DROP TABLE note", NULL, 0);
        (void)BED_DELIVER(bed, purge, &purge, NULL);
        assert_int_equal(BED_EXPECT(bed, purged)->messages, 3);
        bed_free(bed);
    }
}

/* Three batches, of which the second has the bad clip.. */
static void write_three(struct bed *bed, struct batch batches[3], uint64_t ids[3])
{
    for (unsigned i = 0; i < 3; i++) {
        struct ry_batch_write *write = batch_make(&batches[i], i);
        if (i == 1)
            batches[i].clip.filename = RY_STR(BAD);
        ids[i] = BED_DELIVER(bed, batch_write, write, NULL);
    }
    bed_advance(bed, WAIT_MS);
    assert_int_equal(BED_EXPECT(bed, batch_written)->succeeded, BATCH_ROWS);
    bed_expect_done(bed, ids[0]);
}

static void row_that_the_commit_refuses_is_named_and_all_others_are_stored(void **state)
{
    (void)state;
    for (const struct side *side = sides; side < sides + SIDES; side++) {
        struct bed *bed = side->open(CREATE);
        struct batch batches[3];
        uint64_t ids[3];
        side->sql(bed, side->bad_clip, NULL, 0);
        write_three(bed, batches, ids);
        const struct ry_batch_written *written = BED_EXPECT(bed, batch_written);
        assert_int_equal(written->error.n, 0);
        assert_int_equal(written->succeeded, BATCH_ROWS - 1);
        assert_int_equal(written->failures.n, 1);
        assert_true(ry_str_is(written->failures.items[0].table, "clip"));
        assert_true(ry_str_is(written->failures.items[0].key, batches[1].clip_id));
        assert_true(written->failures.items[0].reason.n > 0);
        bed_expect_done(bed, ids[1]);
        assert_int_equal(BED_EXPECT(bed, batch_written)->succeeded, BATCH_ROWS);
        bed_expect_done(bed, ids[2]);
        assert_int_equal(BED_EXPECT(bed, clips_pending)->count, 2);
        bed_expect_nothing(bed);
        assert_count(side, bed, "clip", 2);
        assert_count(side, bed, "message", 3);
        assert_count(side, bed, "reelyard_refused", 1);
        bed_free(bed);
    }
}

static void batch_whose_commit_the_schema_refuses_fails_alone(void **state)
{
    (void)state;
    struct bed *bed = pg_open(CREATE);
    struct batch batches[3];
    uint64_t ids[3];
    pg_sql(bed, FUNCTION("says", "P0001") DEFERRED_TRIGGER, NULL, 0);
    write_three(bed, batches, ids);
    const struct ry_batch_written *written = BED_EXPECT(bed, batch_written);
    assert_true(written->error.n > 0);
    assert_int_equal(written->failures.n, 0);
    bed_expect_done(bed, ids[1]);
    assert_int_equal(BED_EXPECT(bed, batch_written)->succeeded, BATCH_ROWS);
    bed_expect_done(bed, ids[2]);
    assert_int_equal(BED_EXPECT(bed, clips_pending)->count, 2);
    bed_expect_nothing(bed);
    assert_count(PG_SIDE, bed, "message", 2);
    assert_int_equal(bed_counter(bed, RY_COUNTER_schema_refusals), 1);
    bed_free(bed);
}

/* ---- the list of refused rows --------------------------------------------------------------------------------- */

static unsigned times_logged(FILE *log, const char *event)
{
    static char text[65536];
    rewind(log);
    text[fread(text, 1, sizeof text - 1, log)] = '\0';
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, event)) != NULL; p++)
        n++;
    return n;
}

static void expect_refused_but_not_listed(const struct side *side, struct bed *bed, struct ry_batch_write *write,
                                          const char *table)
{
    FILE *log = tmpfile();
    assert_non_null(log);
    ry_log_setup(RY_INFO, RY_LOG_TEXT, fileno(log));
    uint64_t id = BED_DELIVER(bed, batch_write, write, NULL);
    bed_advance(bed, WAIT_MS);
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    const struct ry_batch_written *written = BED_EXPECT(bed, batch_written);
    assert_int_equal(written->error.n, 0);
    assert_int_equal(written->failures.n, 1);
    assert_true(ry_str_is(written->failures.items[0].table, table));
    bed_expect_done(bed, id);
    assert_int_equal(times_logged(log, "refused_row_not_listed"), 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_rows_failed), 1);
    assert_count(side, bed, "reelyard_refused", 0);
    assert_count(side, bed, "message", 1);
    (void)fclose(log);
}

static void row_that_the_list_of_refused_rows_refuses_is_counted_and_logged(void **state)
{
    (void)state;
    for (const struct side *side = sides; side < sides + SIDES; side++) {
        struct bed *bed = side->open(CREATE);
        struct batch batch;
        struct ry_batch_write *write = batch_make(&batch, 0);
        side->sql(bed, side->bad_list, NULL, 0);
        batch.clip.message_id = RY_STR("77");
        expect_refused_but_not_listed(side, bed, write, "clip");
        bed_free(bed);
    }
}

static void folder_that_the_encoding_cannot_hold_is_refused_alone(void **state)
{
    (void)state;
    struct bed *bed = pg_open(CREATE " ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    struct batch batch;
    struct ry_batch_write *write = batch_make(&batch, 0);
    write->media_root = RY_STR("/export/\xE6\x98\xA0\xE7\x94\xBB");
    expect_refused_but_not_listed(PG_SIDE, bed, write, "reelyard_media_root");
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(purge_that_the_commit_refuses_fails_alone),
        cmocka_unit_test(row_that_the_commit_refuses_is_named_and_all_others_are_stored),
        cmocka_unit_test(batch_whose_commit_the_schema_refuses_fails_alone),
        cmocka_unit_test(row_that_the_list_of_refused_rows_refuses_is_counted_and_logged),
        cmocka_unit_test(folder_that_the_encoding_cannot_hold_is_refused_alone),
    };
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    postgres_server_needed();
    postgres_server_make(&server);
    int failed = cmocka_run_group_tests_name("commits that are refused", tests, NULL, NULL);
    postgres_server_remove(&server);
    return failed;
}
