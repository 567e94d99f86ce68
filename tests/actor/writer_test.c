/* writer_test.c: the writer as its neighbours see it: what is gathered, when it is answered, and what trouble does. */
#include "tests/bed/batch.h"
#include "tests/bed/between.h"
#include "tests/bed/bed.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "actors/writer/writer.h"
#include "proto/store_name.h"
#include "runtime/base/log.h"

#define WAIT_MS  50
#define ROWS_MAX 30

static bed_option options[] = {{"batch_wait_ms", "50"},
                               {"batch_rows", "30"},
                               {"db_lock_wait_ms", "0"},
                               {"db_retry_attempts", "3"},
                               {"db_retry_base_delay", "1"},
                               {"db_retry_max_delay", "10"},
                               {NULL, NULL}};

/* The longest waits after the first, second and third trouble: doubled, and jittered by a quarter. */
static const int64_t waits_max_ms[] = {1250, 2500, 5000};

static int setup(void **state)
{
    *state = bed_new(&ry_writer_spec, options);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

/* ---- what is said to it -------------------------------------------------------------------------------------- */

static uint64_t deliver_batch(struct bed *bed, unsigned number)
{
    struct batch batch;
    return BED_DELIVER(bed, batch_write, batch_make(&batch, number), NULL);
}

/* Rows that are there, by way of a transaction of its own. */
static void commit_clips(struct bed *bed, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t id = deliver_batch(bed, i);
        bed_advance(bed, WAIT_MS);
        assert_int_equal(BED_EXPECT(bed, batch_written)->pending, 1);
        bed_expect_done(bed, id);
        assert_int_equal(BED_EXPECT(bed, clips_pending)->count, 1);
    }
}

static uint64_t deliver_claim(struct bed *bed, uint64_t limit)
{
    struct ry_clips_claim claim = {.owner = RY_STR("node/1"), .limit = limit, .lease_ms = 60000};
    return BED_DELIVER(bed, clips_claim, &claim, NULL);
}

static void claim_clips(struct bed *bed, uint64_t n)
{
    uint64_t id = deliver_claim(bed, n);
    assert_int_equal(BED_EXPECT(bed, clips_claimed)->clips.n, n);
    bed_expect_done(bed, id);
}

static uint64_t deliver_stored(struct bed *bed, const char *clip_id, const char *size_type, const char *path,
                               uint64_t origin)
{
    struct ry_thumbnail_row row = {ry_str_of(size_type), ry_str_of(path), 320, 180, 4000};
    struct ry_video_facts facts = {.duration_s = 1.5, .width = 1920, .height = 1080, .mime_type = RY_STR("video/mp4")};
    struct ry_clip_completed completed = {.clip_id = ry_str_of(clip_id), .thumbnails = {&row, 1}, .facts = {&facts, 1}};
    return BED_DELIVER(bed, clip_completed, &completed, &(struct ry_send){.correlation = origin});
}

static uint64_t deliver_completed(struct bed *bed, const char *clip_id, const char *size_type, uint64_t origin)
{
    char path[RY_STORE_NAME_BYTES];
    snprintf(path, sizeof path, "thumbnails/guild_100/%s_%s.webp", clip_id, size_type);
    return deliver_stored(bed, clip_id, size_type, path, origin);
}

#define CLIP_0 "00000000000000000000000000000000"
#define CLIP_1 "00000000000000000000000000000001"
static const char clip_0[] = CLIP_0;

/* ---- beside it ----------------------------------------------------------------------------------------------- */

static sqlite3 *open_beside(struct bed *bed)
{
    char path[256];
    snprintf(path, sizeof path, "%s/reelyard.db", bed_data(bed));
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    return db;
}

static void execute(sqlite3 *db, const char *sql)
{
    char *text = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
}

static int64_t ask(struct bed *bed, const char *sql)
{
    sqlite3 *db = open_beside(bed);
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return value;
}

static sqlite3 *lock_database(struct bed *bed)
{
    sqlite3 *db = open_beside(bed);
    execute(db, "BEGIN IMMEDIATE");
    return db;
}

static void unlock_database(sqlite3 *db)
{
    execute(db, "ROLLBACK");
    sqlite3_close(db);
}

/* ---- gathering ----------------------------------------------------------------------------------------------- */

static void batches_are_gathered_into_one_transaction(void **state)
{
    struct bed *bed = *state;
    uint64_t ids[3];
    for (unsigned i = 0; i < 3; i++)
        ids[i] = deliver_batch(bed, i);
    bed_expect_nothing(bed);
    assert_int_equal(bed_kept(bed), 3);
    bed_advance(bed, WAIT_MS - 1);
    bed_expect_nothing(bed);
    bed_advance(bed, 1);
    for (unsigned i = 0; i < 3; i++) {
        const struct ry_batch_written *written = BED_EXPECT(bed, batch_written);
        assert_int_equal(written->succeeded, BATCH_ROWS);
        assert_int_equal(written->changed, i == 0 ? BATCH_ROWS : 2);
        assert_int_equal(bed_envelope(bed)->correlation, ids[i]);
        bed_expect_done(bed, ids[i]);
    }
    assert_int_equal(BED_EXPECT(bed, clips_pending)->count, 3);
    bed_expect_nothing(bed);
    assert_int_equal(bed_counter(bed, RY_COUNTER_db_transactions), 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_rows_written), BATCH_ROWS + 2 + 2);
    assert_int_equal(bed_counter(bed, RY_COUNTER_rows_unchanged), 3 + 3);
}

static void enough_rows_end_the_wait(void **state)
{
    struct bed *bed = *state;
    for (unsigned i = 0; i + 1 < ROWS_MAX / BATCH_ROWS; i++) {
        (void)deliver_batch(bed, i);
        bed_expect_nothing(bed);
    }
    (void)deliver_batch(bed, 99);
    assert_int_equal(bed_next_tag(bed), RY_TAG_batch_written);
    assert_int_equal(bed_counter(bed, RY_COUNTER_db_transactions), 1);
}

static void claim_waits_for_nobody(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 2);
    claim_clips(bed, 2);
    bed_expect_nothing(bed);
    assert_int_equal(bed_counter(bed, RY_COUNTER_clips_claimed), 2);
}

static void mails_are_worked_on_in_the_order_in_which_they_came(void **state)
{
    struct bed *bed = *state;
    uint64_t batch = deliver_batch(bed, 0);
    uint64_t claim = deliver_claim(bed, 10);
    bed_expect_nothing(bed);
    bed_advance(bed, WAIT_MS);
    (void)BED_EXPECT(bed, batch_written);
    bed_expect_done(bed, batch);
    assert_int_equal(BED_EXPECT(bed, clips_claimed)->clips.n, 1);
    bed_expect_done(bed, claim);
}

static void questions_are_answered_while_batches_wait(void **state)
{
    struct bed *bed = *state;
    (void)deliver_batch(bed, 0);
    struct ry_settings_get settings = {.guild_id = RY_STR("100"), .channel_id = RY_STR("200")};
    uint64_t id = BED_DELIVER(bed, settings_get, &settings, NULL);
    assert_false(BED_EXPECT(bed, settings_got)->guild_exists);
    bed_expect_done(bed, id);
    id = BED_DELIVER(bed, archive_get, &(struct ry_archive_get){0}, NULL);
    assert_int_equal(BED_EXPECT(bed, archive_state)->messages, 0);
    bed_expect_done(bed, id);
    id = BED_DELIVER(bed, gallery_get, (&(struct ry_gallery_get){.limit = 5, .before_wall_ms = INT64_MAX}), NULL);
    assert_int_equal(BED_EXPECT(bed, gallery_page)->clips.n, 0);
    bed_expect_done(bed, id);
    id = BED_DELIVER(bed, failed_get, &(struct ry_failed_get){.limit = 5}, NULL);
    assert_int_equal(BED_EXPECT(bed, failed_page)->clips.n, 0);
    bed_expect_done(bed, id);
    assert_int_equal(bed_kept(bed), 1);
    bed_expect_nothing(bed);
}

/* ---- rows that somebody else damaged ------------------------------------------------------------------------- */

#define DAMAGED_CLIP "00000000000000000000000000000001"

/* Executes a statement with the checks of the tables out of force, as another program's tables have none. */
static void damage(struct bed *bed, const char *sql)
{
    sqlite3 *db = open_beside(bed);
    execute(db, "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF");
    execute(db, sql);
    sqlite3_close(db);
}

static void a_damaged_row_takes_no_other_from_the_gallery(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *why;
    } CASES[] = {
        {"UPDATE clip SET filename = '' WHERE id = '" DAMAGED_CLIP "'", "filename has 0 bytes"},
        {"UPDATE clip SET cdn_url = '' WHERE id = '" DAMAGED_CLIP "'", "url has 0 bytes"},
        {"UPDATE clip SET mime_type = '' WHERE id = '" DAMAGED_CLIP "'", "mime_type has 0 bytes"},
        {"UPDATE clip SET thumbnail_status = '' WHERE id = '" DAMAGED_CLIP "'", "status has 0 bytes"},
        {"UPDATE clip SET guild_id = '' WHERE id = '" DAMAGED_CLIP "'", "guild_id has 0 bytes"},
        {"UPDATE clip SET id = 'short' WHERE id = '" DAMAGED_CLIP "'", "clip_id has 5 bytes"},
        {"UPDATE clip SET id = '' WHERE id = '" DAMAGED_CLIP "'", "clip_id has 0 bytes"},
        {"INSERT INTO thumbnail (id, clip_id, size_type, storage_path, width, height, file_size)"
         " VALUES ('1', '" DAMAGED_CLIP "', 'small', 'a', 99999, -3, 1)",
         "small_width is 99999"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct bed *bed = bed_new(&ry_writer_spec, options);
        commit_clips(bed, 3);
        damage(bed, CASES[i].sql);
        uint64_t id =
            BED_DELIVER(bed, gallery_get, (&(struct ry_gallery_get){.limit = 5, .before_wall_ms = INT64_MAX}), NULL);
        const struct ry_gallery_page *page = BED_EXPECT(bed, gallery_page);
        size_t damaged = 0;
        if (page->error.n > 0 || page->clips.n != 3)
            fail_msg("%s: %zu clips, %.*s", CASES[i].sql, page->clips.n, RY_STR_ARG(page->error));
        for (size_t k = 0; k < page->clips.n; k++) {
            const struct ry_gallery_clip *clip = &page->clips.items[k];
            char failure[401];
            (void)snprintf(failure, sizeof failure, "%.*s", RY_STR_ARG(clip->failure));
            if (ry_str_is(clip->status, "damaged") && strstr(failure, CASES[i].why) != NULL)
                damaged++;
            else if (!ry_str_is(clip->status, "pending") || !ry_str_is(clip->filename, "a.mp4"))
                fail_msg("%s: %.*s, %s", CASES[i].sql, RY_STR_ARG(clip->status), failure);
        }
        assert_int_equal(damaged, 1);
        bed_expect_done(bed, id);
        bed_free(bed);
    }
}

static void a_claimed_clip_that_cannot_be_used_fails_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *set, *why;
    } CASES[] = {
        {"id = 'short'", "clip_id has 5 bytes"},
        {"id = '" DAMAGED_CLIP "and more'", "clip_id has 40 bytes"},
        {"guild_id = 'x'", "guild_id"},
        {"guild_id = '123456789012345678901'", "guild_id has 21 bytes"},
        {"channel_id = ''", "channel_id has 0 bytes"},
        {"filename = ''", "filename has 0 bytes"},
        {"filename = printf('%.2000c', 'x')", "filename has"},
        {"cdn_url = ''", "url has 0 bytes"},
        {"cdn_url = 'https://' || printf('%.9000c', 'x')", "url has"},
        {"file_size = -1", NULL}, /* not known */
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char sql[256];
        struct bed *bed = bed_new(&ry_writer_spec, options);
        commit_clips(bed, 3);
        (void)snprintf(sql, sizeof sql, "UPDATE clip SET %s WHERE id = '" DAMAGED_CLIP "'", CASES[i].set);
        damage(bed, sql);
        uint64_t usable = CASES[i].why != NULL ? 2 : 3;
        uint64_t id = deliver_claim(bed, 5);
        if (BED_EXPECT(bed, clips_claimed)->clips.n != usable)
            fail_msg("%s", CASES[i].set);
        bed_expect_done(bed, id);
        assert_int_equal(ask(bed, "SELECT count(*) FROM clip WHERE thumbnail_status = 'processing'"), usable);
        if (CASES[i].why != NULL) {
            (void)snprintf(sql, sizeof sql,
                           "SELECT count(*) FROM clip c JOIN failed_thumbnail f ON f.clip_id = c.id WHERE"
                           " thumbnail_status = 'failed' AND error_message LIKE '%%cannot be used%%%s%%'",
                           CASES[i].why);
            if (ask(bed, sql) != 1)
                fail_msg("%s: it has not failed with its reason", CASES[i].set);
        }
        bed_advance(bed, 60001); /* the leases have ended */
        id = deliver_claim(bed, 5);
        assert_int_equal(BED_EXPECT(bed, clips_claimed)->clips.n, usable);
        bed_expect_done(bed, id);
        bed_free(bed);
    }
}

static uint64_t claim_with(struct bed *bed, const char *encoder)
{
    struct ry_clips_claim claim = {
        .owner = RY_STR("node/1"), .limit = 1000, .lease_ms = 60000, .encoder = ry_str_of(encoder)};
    uint64_t id = BED_DELIVER(bed, clips_claim, &claim, NULL);
    uint64_t n = BED_EXPECT(bed, clips_claimed)->clips.n;
    bed_expect_done(bed, id);
    return n;
}

/* The verdict of an encoder on clip_0, which is in the works. */
static void fail_for_good(struct bed *bed, const char *version)
{
    struct ry_clip_failed failed = {.clip_id = ry_str_of(clip_0),
                                    .reason = RY_STR("audio only"),
                                    .class = RY_FAILURE_PERMANENT,
                                    .encoder = ry_str_of(version)};
    uint64_t id = BED_DELIVER(bed, clip_failed, &failed, NULL);
    bed_advance(bed, WAIT_MS);
    (void)BED_EXPECT(bed, clip_settled);
    bed_expect_done(bed, id);
}

/* The claim that tells a new version changes none of them, however many there are. */
static void verdicts_of_another_version_become_due_step_by_step_behind_the_claim(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 1);
    assert_int_equal(claim_with(bed, "one"), 1);
    fail_for_good(bed, "one");
    damage(bed, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) INSERT INTO clip (id,"
                " message_id, guild_id, channel_id, author_id, filename, file_size, mime_type, cdn_url, expires_at,"
                " thumbnail_status) SELECT printf('%032x', i), message_id, guild_id, channel_id, author_id, filename,"
                " file_size, mime_type, cdn_url, expires_at, thumbnail_status FROM n, clip");
    damage(bed,
           "INSERT INTO failed_thumbnail (id, clip_id, error_message, retry_count, next_retry_at) SELECT 'f' || c.id,"
           " c.id, 'x', 1, f.next_retry_at FROM clip c, failed_thumbnail f WHERE c.id <> f.clip_id");
    damage(bed, "INSERT INTO reelyard_permanent_failure SELECT c.id, p.encoder, p.judged_at FROM clip c,"
                " reelyard_permanent_failure p WHERE c.id <> p.clip_id");
    bed_advance(bed, 1000);
    bed_expect_nothing(bed);
    assert_int_equal(claim_with(bed, "two"), 0);
    static const uint64_t steps[] = {500, 500, 201};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        bed_advance(bed, 50);
        assert_int_equal(BED_EXPECT(bed, clips_pending)->count, steps[i]);
        bed_expect_nothing(bed);
    }
    bed_advance(bed, 1000);
    assert_int_equal(claim_with(bed, "two"), 1000);
    assert_int_equal(claim_with(bed, "one"), 201);
    bed_advance(bed, 1000);
    bed_expect_nothing(bed);
}

/* An encoder that was taken over says a new version each time. */
static void few_new_versions_of_an_encoder_are_believed_in_a_day(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 1);
    for (int day = 0; day < 3; day++) {
        unsigned tries = 0;
        for (unsigned i = 0; i < 40; i++) {
            char version[32];
            snprintf(version, sizeof version, "%d/%u", day, i);
            if (claim_with(bed, version) > 0) {
                fail_for_good(bed, "honest");
                tries++;
            }
            bed_advance(bed, 1000);
            if (bed_next_tag(bed) == RY_TAG_clips_pending)
                (void)BED_EXPECT(bed, clips_pending);
        }
        assert_between(tries, 1, 4);
        bed_advance(bed, INT64_C(24) * 3600 * 1000);
        bed_expect_nothing(bed);
    }
}

static void a_damaged_row_takes_no_other_from_a_list(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 3);
    damage(bed, "UPDATE clip SET thumbnail_status = 'failed'");
    damage(bed, "UPDATE clip SET filename = '' WHERE id = '" DAMAGED_CLIP "'");
    uint64_t id = BED_DELIVER(bed, failed_get, &(struct ry_failed_get){.limit = 5}, NULL);
    const struct ry_failed_page *failed = BED_EXPECT(bed, failed_page);
    assert_int_equal(failed->error.n, 0);
    assert_int_equal(failed->clips.n, 3);
    assert_true(ry_str_is(failed->clips.items[0].reason, "unknown"));
    assert_true(ry_str_starts(failed->clips.items[1].reason, RY_STR("its row in the database is damaged: ")));
    assert_true(ry_str_is(failed->clips.items[1].clip_id, DAMAGED_CLIP));
    bed_expect_done(bed, id);

    damage(bed,
           "INSERT INTO reelyard_refused VALUES ('200', 'clip', 'a', '100', 'j', 'why', '2024-10-19T15:03:09.159Z'),"
           " ('200', '', 'b', '100', 'j', 'why', '2024-10-19T15:03:09.159Z')");
    id = BED_DELIVER(bed, refused_get, &(struct ry_refused_get){.limit = 5}, NULL);
    assert_int_equal(BED_EXPECT(bed, refused_page)->rows.n, 2);
    bed_expect_done(bed, id);
}

/* Nobody deletes a file by half of its name. */
static void a_damaged_row_is_left_out_of_what_is_acted_on(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 1);
    damage(bed, "INSERT INTO reelyard_doomed_file VALUES ('a.webp', '2024-10-19T15:03:09.159Z'),"
                " (printf('%.5000c', 'x'), '2024-10-19T15:03:09.159Z'), ('b.webp', '2024-10-19T15:03:09.159Z')");
    uint64_t id = BED_DELIVER(bed, files_doomed_get, &(struct ry_files_doomed_get){.limit = 5}, NULL);
    const struct ry_files_doomed_got *got = BED_EXPECT(bed, files_doomed_got);
    assert_int_equal(got->error.n, 0);
    assert_int_equal(got->paths.n, 2);
    assert_true(ry_str_is(got->paths.items[0], "a.webp"));
    assert_true(ry_str_is(got->paths.items[1], "b.webp"));
    bed_expect_done(bed, id);
}

static void settings_that_are_too_large_are_passed_over(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 1);
    damage(bed, "INSERT OR REPLACE INTO guild_settings (id, guild_id, settings)"
                " VALUES ('1', '100', '{\"a\":\"' || printf('%.1100000c', 'x') || '\"}')");
    struct ry_settings_get get = {.guild_id = RY_STR("100"), .channel_id = RY_STR("200")};
    uint64_t id = BED_DELIVER(bed, settings_get, &get, NULL);
    const struct ry_settings_got *got = BED_EXPECT(bed, settings_got);
    assert_int_equal(got->error.n, 0);
    assert_true(got->channel_exists);
    assert_true(ry_str_is(got->guild_settings, "\"larger than 1048576 bytes\""));
    bed_expect_done(bed, id);
}

static void batch_that_changes_nothing_hints_nothing(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 1);
    uint64_t id = deliver_batch(bed, 0);
    bed_advance(bed, WAIT_MS);
    const struct ry_batch_written *written = BED_EXPECT(bed, batch_written);
    assert_int_equal(written->changed, 0);
    assert_int_equal(written->succeeded, BATCH_ROWS);
    bed_expect_done(bed, id);
    bed_expect_nothing(bed);
}

/* ---- outcomes ------------------------------------------------------------------------------------------------ */

static void outcome_is_told_to_its_origin(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 2);
    claim_clips(bed, 2);
    uint64_t completed = deliver_completed(bed, clip_0, "small", 0x4200000007);
    struct ry_clip_failed failed = {.clip_id = RY_STR("00000000000000000000000000000001"),
                                    .reason = RY_STR("no video")};
    uint64_t failure = BED_DELIVER(bed, clip_failed, &failed, &(struct ry_send){.correlation = 0x4200000008});
    bed_advance(bed, WAIT_MS);
    assert_true(BED_EXPECT(bed, clip_settled)->completed);
    assert_int_equal(bed_envelope(bed)->correlation, 0x4200000007);
    bed_expect_done(bed, completed);
    const struct ry_clip_settled *settled = BED_EXPECT(bed, clip_settled);
    assert_false(settled->completed);
    assert_between(settled->retry_ms, 270000, 330000);
    assert_int_equal(bed_envelope(bed)->correlation, 0x4200000008);
    bed_expect_done(bed, failure);
    bed_expect_nothing(bed);
    assert_int_equal(bed_counter(bed, RY_COUNTER_clips_completed), 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_clips_failed), 1);
}

/* What the sender asks for is the server's wish; how long a clip waits is the writer's own sum. */
static void failure_waits_as_the_writers_list_says_or_longer_if_asked(void **state)
{
    struct bed *bed = *state;
    const struct {
        uint64_t asked_ms;
        int64_t least_ms, most_ms;
    } cases[] = {
        {0, 270000, 330000},         /* 5 minutes +- 10 % */
        {0, 810000, 990000},         /* 15 minutes */
        {7200000, 7200000, 7200000}, /* more than the hour of the list */
        {UINT64_MAX, 86400000, 86400000},
    };
    commit_clips(bed, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        claim_clips(bed, 1);
        struct ry_clip_failed failed = {
            .clip_id = RY_STR(clip_0), .reason = RY_STR("no video"), .next_retry_ms = cases[i].asked_ms};
        uint64_t id = BED_DELIVER(bed, clip_failed, &failed, NULL);
        bed_advance(bed, WAIT_MS);
        uint64_t retry_ms = BED_EXPECT(bed, clip_settled)->retry_ms;
        assert_between(retry_ms, cases[i].least_ms, cases[i].most_ms);
        bed_expect_done(bed, id);
        bed_advance(bed, (int64_t)retry_ms);
    }
}

static void outcome_of_a_clip_that_is_gone_is_settled_and_counted(void **state)
{
    struct bed *bed = *state;
    uint64_t id = deliver_completed(bed, clip_0, "small", 0x4200000007);
    bed_advance(bed, WAIT_MS);
    assert_false(BED_EXPECT(bed, clip_settled)->completed);
    bed_expect_done(bed, id);
    assert_int_equal(BED_EXPECT(bed, files_doomed)->count, 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_clips_gone), 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_clips_completed), 0);
    id = BED_DELIVER(bed, files_doomed_get, &(struct ry_files_doomed_get){.limit = 5}, NULL);
    const struct ry_files_doomed_got *got = BED_EXPECT(bed, files_doomed_got);
    assert_int_equal(got->paths.n, 1);
    assert_true(ry_str_is(got->paths.items[0], "thumbnails/guild_100/" CLIP_0 "_small.webp"));
    bed_expect_done(bed, id);
}

static void failed_retry_hints_at_what_waits_again(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 1);
    claim_clips(bed, 1);
    struct ry_clip_failed failed = {.clip_id = RY_STR(clip_0), .reason = RY_STR("no video")};
    uint64_t id = BED_DELIVER(bed, clip_failed, &failed, NULL);
    bed_advance(bed, WAIT_MS);
    (void)BED_EXPECT(bed, clip_settled);
    bed_expect_done(bed, id);
    id = BED_DELIVER(bed, failed_retry, &(struct ry_failed_retry){0}, NULL);
    assert_int_equal(BED_EXPECT(bed, failed_retried)->count, 1);
    bed_expect_done(bed, id);
    assert_int_equal(BED_EXPECT(bed, clips_pending)->count, 1);
    claim_clips(bed, 1);
}

static void renewal_is_answered_at_once(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 1);
    claim_clips(bed, 1);
    struct ry_str ids[] = {RY_STR(clip_0)};
    struct ry_clips_renew renew = {.owner = RY_STR("node/1"), .lease_ms = 60000, .clip_ids = {ids, 1}};
    uint64_t id = BED_DELIVER(bed, clips_renew, &renew, NULL);
    assert_int_equal(BED_EXPECT(bed, clips_renewed)->renewed, 1);
    bed_expect_done(bed, id);
}

/* ---- bad data ------------------------------------------------------------------------------------------------ */

static void bad_row_is_named_and_its_neighbours_are_written(void **state)
{
    struct bed *bed = *state;
    struct batch bad;
    struct ry_batch_write *write = batch_make(&bad, 1);
    bad.clip.visibility = RY_STR("NOBODY");
    uint64_t ids[] = {deliver_batch(bed, 0), BED_DELIVER(bed, batch_write, write, NULL), deliver_batch(bed, 2)};
    bed_advance(bed, WAIT_MS);
    for (unsigned i = 0; i < 3; i++) {
        const struct ry_batch_written *written = BED_EXPECT(bed, batch_written);
        assert_int_equal(written->failures.n, i == 1);
        assert_int_equal(written->succeeded, i == 1 ? BATCH_ROWS - 1 : BATCH_ROWS);
        assert_int_equal(written->pending, i != 1);
        if (i == 1) {
            assert_true(ry_str_is(written->failures.items[0].table, "clip"));
            assert_true(ry_str_is(written->failures.items[0].key, bad.clip_id));
        }
        bed_expect_done(bed, ids[i]);
    }
    assert_int_equal(BED_EXPECT(bed, clips_pending)->count, 2);
    assert_int_equal(bed_counter(bed, RY_COUNTER_rows_failed), 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_db_transactions), 1);
    assert_int_equal(ask(bed, "SELECT count(*) FROM clip"), 2);
}

static void bad_outcome_is_a_dead_letter_and_its_neighbours_are_written(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 1);
    uint64_t batch = deliver_batch(bed, 1);
    uint64_t bad = deliver_completed(bed, clip_0, "huge", 0);
    uint64_t good = deliver_completed(bed, clip_0, "small", 0);
    bed_advance(bed, WAIT_MS);
    (void)BED_EXPECT(bed, batch_written);
    bed_expect_done(bed, batch);
    assert_non_null(strstr(bed_expect_fail(bed, bad, false), "the huge image"));
    assert_true(BED_EXPECT(bed, clip_settled)->completed);
    bed_expect_done(bed, good);
    assert_int_equal(ask(bed, "SELECT count(*) FROM thumbnail"), 1);
}

/* Its row would name the file, and a purge of the clip would doom it. */
static void file_that_is_not_the_clips_own_is_refused(void **state)
{
    struct bed *bed = *state;
    static const char *const paths[] = {
        "thumbnails/guild_100/" CLIP_1 "_small.webp",
        "thumbnails/guild_100/" CLIP_0 "_large.webp",
        "thumbnails/guild_100/../guild_100/" CLIP_0 "_small.webp",
        "thumbnails/guild_100/" CLIP_1 "_small.webp/" CLIP_0 "_small.webp",
        "thumbnails/guild_/" CLIP_0 "_small.webp",
        "/thumbnails/guild_100/" CLIP_0 "_small.webp",
        "thumbnails/guild_100/" CLIP_0 "_small.webp ",
        CLIP_0 "_small.webp",
        "reelyard.db",
    };
    commit_clips(bed, 2);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        uint64_t id = deliver_stored(bed, CLIP_0, "small", paths[i], 0);
        bed_advance(bed, WAIT_MS);
        assert_non_null(strstr(bed_expect_fail(bed, id, false), "is not the name of the small image of clip " CLIP_0));
        id = deliver_stored(bed, "00000000000000000000000000000099", "small", paths[i], 0); /* a clip that is gone */
        bed_advance(bed, WAIT_MS);
        (void)bed_expect_fail(bed, id, false);
    }
    bed_expect_nothing(bed);
    assert_int_equal(ask(bed, "SELECT count(*) FROM thumbnail"), 0);
    assert_int_equal(ask(bed, "SELECT count(*) FROM reelyard_doomed_file"), 0);
    assert_int_equal(ask(bed, "SELECT count(*) FROM clip WHERE thumbnail_status = 'completed'"), 0);
}

static void worker_without_its_lease_writes_nothing(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 1);
    struct batch late;
    struct ry_batch_write *write = batch_make(&late, 7);
    write->token = 4;
    uint64_t id = BED_DELIVER(bed, batch_write, write, NULL);
    bed_advance(bed, WAIT_MS);
    const struct ry_batch_written *written = BED_EXPECT(bed, batch_written);
    assert_true(written->fenced);
    assert_int_equal(written->succeeded, 0);
    bed_expect_done(bed, id);
    bed_expect_nothing(bed);
    assert_int_equal(ask(bed, "SELECT count(*) FROM clip"), 1);
}

static void shortened_values_are_counted(void **state)
{
    struct bed *bed = *state;
    struct batch batch;
    char name[200];
    memset(name, 'n', sizeof name);
    struct ry_batch_write *write = batch_make(&batch, 0);
    batch.guild.name = (struct ry_str){name, sizeof name};
    (void)BED_DELIVER(bed, batch_write, write, NULL);
    bed_advance(bed, WAIT_MS);
    assert_int_equal(bed_counter(bed, RY_COUNTER_values_cut), 1);
    assert_int_equal(ask(bed, "SELECT length(name) FROM guild"), 100);
}

/* ---- trouble ------------------------------------------------------------------------------------------------- */

static void lock_is_waited_for_by_timer(void **state)
{
    struct bed *bed = *state;
    uint64_t id = deliver_batch(bed, 0);
    sqlite3 *lock = lock_database(bed);
    bed_advance(bed, WAIT_MS);
    bed_advance(bed, 700); /* the first wait is at least 750 ms */
    bed_expect_nothing(bed);
    assert_int_equal(bed_counter(bed, RY_COUNTER_db_errors), 1);
    unlock_database(lock);
    bed_expect_nothing(bed);
    bed_advance(bed, waits_max_ms[0] - 700);
    assert_int_equal(BED_EXPECT(bed, batch_written)->changed, BATCH_ROWS);
    bed_expect_done(bed, id);
    assert_int_equal(bed_counter(bed, RY_COUNTER_db_retries), 1);
    (void)BED_EXPECT(bed, clips_pending);
    /* The next trouble is a first one again. */
    id = deliver_batch(bed, 1);
    lock = lock_database(bed);
    bed_advance(bed, WAIT_MS);
    unlock_database(lock);
    bed_advance(bed, waits_max_ms[0]);
    (void)BED_EXPECT(bed, batch_written);
    bed_expect_done(bed, id);
}

static void asker_is_told_after_the_last_try(void **state)
{
    struct bed *bed = *state;
    sqlite3 *lock = lock_database(bed);
    uint64_t batch = deliver_batch(bed, 0);
    bed_advance(bed, WAIT_MS);
    /* These come later: tried once less so far, and not before the others. */
    uint64_t claim = deliver_claim(bed, 5);
    for (unsigned i = 0; i < ROWS_MAX / BATCH_ROWS; i++)
        (void)deliver_completed(bed, clip_0, "small", 0);
    assert_int_equal(bed_counter(bed, RY_COUNTER_db_errors), 1);
    bed_advance(bed, waits_max_ms[0]);
    bed_expect_nothing(bed);
    bed_advance(bed, waits_max_ms[1]);
    const struct ry_batch_written *written = BED_EXPECT(bed, batch_written);
    assert_non_null(memmem(written->error.p, written->error.n, "locked", 6));
    assert_int_equal(written->succeeded, 0);
    bed_expect_done(bed, batch);
    bed_expect_nothing(bed);
    bed_advance(bed, waits_max_ms[2]);
    assert_true(BED_EXPECT(bed, clips_claimed)->error.n > 0);
    bed_expect_done(bed, claim);
    bed_expect_nothing(bed);
    unlock_database(lock);
}

static void outcome_is_kept_until_it_can_be_written(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 1);
    claim_clips(bed, 1);
    sqlite3 *lock = lock_database(bed);
    uint64_t id = deliver_completed(bed, clip_0, "small", 0);
    bed_advance(bed, 3600000); /* an hour */
    bed_expect_nothing(bed);
    assert_int_equal(bed_kept(bed), 1);
    assert_between(bed_counter(bed, RY_COUNTER_db_retries), 3600 / 13, 3600 / 7);
    unlock_database(lock);
    bed_advance(bed, 12500);
    assert_true(BED_EXPECT(bed, clip_settled)->completed);
    bed_expect_done(bed, id);
}

static void writer_holds_no_more_than_it_can(void **state)
{
    struct bed *bed = *state;
    sqlite3 *lock = lock_database(bed);
    for (unsigned i = 0; i < ry_writer_spec.capacity; i++)
        (void)deliver_completed(bed, clip_0, "small", 0);
    bed_advance(bed, 60000);
    uint64_t id = deliver_completed(bed, clip_0, "small", 0);
    (void)bed_expect_fail(bed, id, true);
    unlock_database(lock);
    bed_advance(bed, 12500);
    for (unsigned i = 0; i < ry_writer_spec.capacity; i++) {
        (void)BED_EXPECT(bed, clip_settled);
        assert_int_equal(bed_next_tag(bed), RY_TAG_done);
        bed_expect_done(bed, id - ry_writer_spec.capacity + i);
    }
    assert_int_equal(BED_EXPECT(bed, files_doomed)->count, ry_writer_spec.capacity);
    bed_expect_nothing(bed);
}

static void drain_writes_what_waits(void **state)
{
    struct bed *bed = *state;
    uint64_t id = deliver_batch(bed, 0);
    bed_drain(bed);
    (void)BED_EXPECT(bed, batch_written);
    bed_expect_done(bed, id);
    (void)BED_EXPECT(bed, clips_pending);
    assert_true(bed_finished(bed));
}

static void mail_given_out_again_after_a_crash_is_written_once(void **state)
{
    struct bed *bed = *state;
    struct batch batch;
    uint64_t id = BED_DELIVER(bed, batch_write, batch_make(&batch, 0), NULL);
    bed_advance(bed, WAIT_MS);
    bed_restart(bed);
    bed_redeliver(bed, id, 2, RY_TAG_batch_write, batch_make(&batch, 0), NULL);
    bed_advance(bed, WAIT_MS);
    const struct ry_batch_written *written = BED_EXPECT(bed, batch_written);
    assert_int_equal(written->succeeded, BATCH_ROWS);
    assert_int_equal(written->changed, 0);
    bed_expect_done(bed, id);
    bed_expect_nothing(bed);
    assert_int_equal(ask(bed, "SELECT count(*) FROM clip"), 1);
}

static void damaged_database_ends_the_writer_and_keeps_its_mail(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 3);
    bed_restart(bed); /* the log is in the file now */
    int64_t page = ask(bed, "SELECT rootpage FROM sqlite_schema WHERE name = 'clip'");
    char path[256];
    static char noise[4096];
    memset(noise, 0xAB, sizeof noise);
    snprintf(path, sizeof path, "%s/reelyard.db", bed_data(bed));
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, noise, sizeof noise, (page - 1) * 4096), (ssize_t)sizeof noise);
    close(fd);
    (void)deliver_batch(bed, 9);
    bed_advance(bed, WAIT_MS);
    struct ry_error why;
    assert_true(bed_exited(bed, &why));
    assert_int_equal(why.code, RY_ECORRUPT);
    assert_int_equal(bed_kept(bed), 1);
    bed_expect_nothing(bed);
}

static void foreign_file_is_refused_at_the_start(void **state)
{
    (void)state;
    char folder[] = "/tmp/reelyard-writer-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/other.db", folder);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    execute(db, "CREATE TABLE somebodys (id)");
    sqlite3_close(db);
    struct ry_error err;
    bed_new_fails(&ry_writer_spec, (bed_option[]){{"sqlite_path", path}, {NULL, NULL}}, &err);
    assert_int_equal(err.code, RY_ECONFIG);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void old_fencing_tokens_are_forgotten_after_a_day(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 1);
    bed_advance(bed, INT64_C(23) * 3600 * 1000);
    assert_int_equal(ask(bed, "SELECT count(*) FROM reelyard_fence"), 1);
    bed_advance(bed, INT64_C(2) * 3600 * 1000);
    assert_int_equal(ask(bed, "SELECT count(*) FROM reelyard_fence"), 0);
}

/* The scheduler sleeps until the time that it was told, so it has to be told. */
static void retries_of_a_clock_that_was_ahead_are_hinted_at(void **state)
{
    struct bed *bed = *state;
    commit_clips(bed, 1);
    claim_clips(bed, 1);
    struct ry_clip_failed failed = {.clip_id = ry_str_of(clip_0), .reason = RY_STR("cut off")};
    uint64_t id = BED_DELIVER(bed, clip_failed, &failed, NULL);
    bed_advance(bed, WAIT_MS);
    assert_between(BED_EXPECT(bed, clip_settled)->retry_ms, 270000, 330000);
    bed_expect_done(bed, id);
    sqlite3 *db = open_beside(bed);
    execute(db, "UPDATE failed_thumbnail SET last_attempted_at = '2099-01-01T00:00:00.000Z',"
                " next_retry_at = '2099-01-01T00:00:05.000Z'");
    sqlite3_close(db);
    bed_advance(bed, 60000);
    assert_int_equal(BED_EXPECT(bed, clips_pending)->count, 1);
    claim_clips(bed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(batches_are_gathered_into_one_transaction),
        TEST(enough_rows_end_the_wait),
        TEST(claim_waits_for_nobody),
        TEST(mails_are_worked_on_in_the_order_in_which_they_came),
        TEST(questions_are_answered_while_batches_wait),
        TEST(a_damaged_row_takes_no_other_from_the_gallery),
        TEST(a_claimed_clip_that_cannot_be_used_fails_with_its_reason),
        TEST(verdicts_of_another_version_become_due_step_by_step_behind_the_claim),
        TEST(few_new_versions_of_an_encoder_are_believed_in_a_day),
        TEST(a_damaged_row_takes_no_other_from_a_list),
        TEST(a_damaged_row_is_left_out_of_what_is_acted_on),
        TEST(settings_that_are_too_large_are_passed_over),
        TEST(batch_that_changes_nothing_hints_nothing),
        TEST(outcome_is_told_to_its_origin),
        TEST(failure_waits_as_the_writers_list_says_or_longer_if_asked),
        TEST(outcome_of_a_clip_that_is_gone_is_settled_and_counted),
        TEST(failed_retry_hints_at_what_waits_again),
        TEST(renewal_is_answered_at_once),
        TEST(bad_row_is_named_and_its_neighbours_are_written),
        TEST(bad_outcome_is_a_dead_letter_and_its_neighbours_are_written),
        TEST(file_that_is_not_the_clips_own_is_refused),
        TEST(worker_without_its_lease_writes_nothing),
        TEST(shortened_values_are_counted),
        TEST(lock_is_waited_for_by_timer),
        TEST(asker_is_told_after_the_last_try),
        TEST(outcome_is_kept_until_it_can_be_written),
        TEST(writer_holds_no_more_than_it_can),
        TEST(drain_writes_what_waits),
        TEST(mail_given_out_again_after_a_crash_is_written_once),
        TEST(damaged_database_ends_the_writer_and_keeps_its_mail),
        cmocka_unit_test(foreign_file_is_refused_at_the_start),
        TEST(old_fencing_tokens_are_forgotten_after_a_day),
        TEST(retries_of_a_clock_that_was_ahead_are_hinted_at),
    };
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
