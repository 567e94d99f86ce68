/* writer_transaction_test.c: what the writer does with many operations at a time, and its longer conversations: batches
 * that are written together, good and bad; a scan from its beginning to its end; a purge; the database's health. */
#include "tests/bed/batch.h"
#include "tests/bed/bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "actors/writer/writer.h"
#include "proto/store_name.h"
#include "runtime/base/log.h"

#define WAIT_MS 50
#define PING_MS 60000

static bed_option options[] = {{"batch_wait_ms", "50"}, {"db_retry_attempts", "3"}, {NULL, NULL}};

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

static void execute(struct bed *bed, const char *sql)
{
    char path[256], *text = NULL;
    snprintf(path, sizeof path, "%s/reelyard.db", bed_data(bed));
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
    sqlite3_close(db);
}

static int64_t ask(struct bed *bed, const char *sql)
{
    char path[256];
    snprintf(path, sizeof path, "%s/reelyard.db", bed_data(bed));
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return value;
}

/* The answer to the last mail, which came after the wait for more. */
#define EXPECT_ANSWER(bed, id, name) \
    (bed_advance((bed), WAIT_MS), expect_answer((bed), (id), RY_TAG_##name), (const struct ry_##name *)answer)
static const void *answer;

static void expect_answer(struct bed *bed, uint64_t id, enum ry_tag tag)
{
    answer = bed_expect(bed, tag);
    assert_int_equal(bed_envelope(bed)->correlation, id);
}

/* ---- batches together ---------------------------------------------------------------------------------------- */

/* An author's guild must be there: the rows of all batches go table by table. */
static void batch_leans_on_rows_that_a_later_one_brings(void **state)
{
    struct bed *bed = *state;
    struct batch first, second;
    struct ry_batch_write *without = batch_make(&first, 0);
    without->guilds.n = without->channels.n = 0;
    uint64_t ids[] = {BED_DELIVER(bed, batch_write, without, NULL),
                      BED_DELIVER(bed, batch_write, batch_make(&second, 1), NULL)};
    bed_advance(bed, WAIT_MS);
    for (unsigned i = 0; i < 2; i++) {
        const struct ry_batch_written *written = BED_EXPECT(bed, batch_written);
        assert_int_equal(written->failures.n, 0);
        assert_int_equal(written->succeeded, i == 0 ? BATCH_ROWS - 2 : BATCH_ROWS);
        bed_expect_done(bed, ids[i]);
    }
    assert_int_equal(BED_EXPECT(bed, clips_pending)->count, 2);
    assert_int_equal(bed_counter(bed, RY_COUNTER_db_transactions), 1);
}

static void two_batches_with_a_bad_row_each_are_answered_each(void **state)
{
    struct bed *bed = *state;
    struct batch batches[3];
    uint64_t ids[3];
    for (unsigned i = 0; i < 3; i++) {
        struct ry_batch_write *write = batch_make(&batches[i], i);
        if (i == 0)
            batches[i].clip.visibility = RY_STR("NOBODY");
        if (i == 2)
            batches[i].clip.message_id = RY_STR("77");
        ids[i] = BED_DELIVER(bed, batch_write, write, NULL);
    }
    bed_advance(bed, WAIT_MS);
    for (unsigned i = 0; i < 3; i++) {
        const struct ry_batch_written *written = BED_EXPECT(bed, batch_written);
        assert_int_equal(written->failures.n, i != 1);
        assert_int_equal(written->succeeded, i == 1 ? BATCH_ROWS : BATCH_ROWS - 1);
        assert_int_equal(written->changed, i == 0 ? BATCH_ROWS - 1 : i == 1 ? 2 : 1);
        if (i != 1) {
            assert_true(ry_str_is(written->failures.items[0].table, "clip"));
            assert_true(ry_str_is(written->failures.items[0].key, batches[i].clip_id));
        }
        bed_expect_done(bed, ids[i]);
    }
    assert_int_equal(BED_EXPECT(bed, clips_pending)->count, 1);
    bed_expect_nothing(bed);
    assert_int_equal(bed_counter(bed, RY_COUNTER_rows_failed), 2);
    assert_int_equal(bed_counter(bed, RY_COUNTER_db_transactions), 1);
    assert_int_equal(ask(bed, "SELECT count(*) FROM message"), 3);
}

/* Written briskly, and once more carefully because a neighbour has a bad row. */
static void fenced_and_cancelled_batches_leave_their_neighbours_alone(void **state)
{
    struct bed *bed = *state;
    struct batch batch;
    uint64_t id = BED_DELIVER(bed, batch_write, batch_make(&batch, 0), NULL);
    (void)EXPECT_ANSWER(bed, id, batch_written);
    bed_expect_done(bed, id);
    (void)BED_EXPECT(bed, clips_pending);
    execute(bed, "INSERT INTO channel_scan_status (guild_id, channel_id, status) VALUES ('100', '200', 'CANCELLED')");
    for (unsigned round = 0; round < 2; round++) {
        struct batch batches[4];
        uint64_t ids[4];
        for (unsigned i = 0; i < 4; i++) {
            struct ry_batch_write *write = batch_make(&batches[i], 1 + 4 * round + i);
            write->token = i == 0 ? 4 : 5;
            write->cancellable = i == 1;
            if (i == 3 && round == 1)
                batches[i].clip.visibility = RY_STR("NOBODY");
            ids[i] = BED_DELIVER(bed, batch_write, write, NULL);
        }
        bed_advance(bed, WAIT_MS);
        for (unsigned i = 0; i < 4; i++) {
            const struct ry_batch_written *written = BED_EXPECT(bed, batch_written);
            assert_int_equal(written->fenced, i == 0);
            assert_int_equal(written->cancelled, i == 1);
            assert_int_equal(written->failures.n, i == 3 && round == 1);
            assert_int_equal(written->succeeded, i < 2 ? 0 : BATCH_ROWS - written->failures.n);
            assert_int_equal(written->pending, i >= 2 && written->failures.n == 0);
            bed_expect_done(bed, ids[i]);
        }
        assert_int_equal(BED_EXPECT(bed, clips_pending)->count, round == 0 ? 2 : 1);
        bed_expect_nothing(bed);
    }
    assert_int_equal(ask(bed, "SELECT count(*) FROM message"), 1 + 2 + 2);
}

static void refused_progress_is_named_and_rows_are_written(void **state)
{
    struct bed *bed = *state;
    struct batch batch;
    struct ry_batch_write *write = batch_make(&batch, 0);
    write->channels.n = 0; /* nobody brought the channel: it has no place for a status */
    write->progress.n = 1;
    uint64_t id = BED_DELIVER(bed, batch_write, write, NULL);
    const struct ry_batch_written *written = EXPECT_ANSWER(bed, id, batch_written);
    assert_int_equal(written->succeeded, BATCH_ROWS - 1);
    assert_int_equal(written->failures.n, 1);
    assert_true(ry_str_is(written->failures.items[0].table, "channel_scan_status"));
    assert_true(ry_str_is(written->failures.items[0].key, "200"));
    assert_int_equal(ask(bed, "SELECT count(*) FROM message"), 1);
    assert_int_equal(ask(bed, "SELECT count(*) FROM reelyard_slice"), 0);
}

/* ---- a schema that is not as it should be --------------------------------------------------------------------- */

#define REFUSE(table) "CREATE TRIGGER somebodys BEFORE INSERT ON " table " BEGIN SELECT RAISE(ABORT, 'not today'); END"

static bool is_unwell(struct bed *bed)
{
    uint64_t id = BED_DELIVER(bed, archive_get, &(struct ry_archive_get){0}, NULL);
    bool unwell = BED_EXPECT(bed, archive_state)->error.n > 0;
    bed_expect_done(bed, id);
    return unwell;
}

/* Nothing of the batch counts as written, and its sender comes again; who stands beside it is not kept from his work.
 */
static void batch_that_the_schema_refuses_fails_as_a_whole(void **state)
{
    struct bed *bed = *state;
    struct batch batches[2];
    execute(bed, REFUSE("clip"));
    struct ry_batch_write *without = batch_make(&batches[1], 1);
    without->clips.n = 0;
    uint64_t ids[] = {BED_DELIVER(bed, batch_write, batch_make(&batches[0], 0), NULL),
                      BED_DELIVER(bed, batch_write, without, NULL)};
    bed_advance(bed, WAIT_MS);
    const struct ry_batch_written *written = BED_EXPECT(bed, batch_written);
    assert_true(written->error.n > 0);
    assert_int_equal(written->succeeded, 0);
    assert_int_equal(written->failures.n, 0);
    bed_expect_done(bed, ids[0]);
    assert_int_equal(BED_EXPECT(bed, batch_written)->succeeded, BATCH_ROWS - 1);
    bed_expect_done(bed, ids[1]);
    assert_int_equal(ask(bed, "SELECT count(*) FROM message"), 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_schema_refusals), 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_rows_failed), 0);

    execute(bed, "DROP TRIGGER somebodys");
    uint64_t id = BED_DELIVER(bed, batch_write, batch_make(&batches[0], 0), NULL);
    assert_int_equal(EXPECT_ANSWER(bed, id, batch_written)->succeeded, BATCH_ROWS);
    bed_expect_done(bed, id);
    (void)BED_EXPECT(bed, clips_pending);
    assert_false(is_unwell(bed));
}

static void archive_is_unwell_until_the_schema_takes_rows_again(void **state)
{
    struct bed *bed = *state;
    struct batch batch;
    assert_false(is_unwell(bed));
    for (unsigned round = 0; round < 2; round++) {
        execute(bed, round == 0 ? REFUSE("clip") : "DROP TRIGGER somebodys");
        uint64_t id = BED_DELIVER(bed, batch_write, batch_make(&batch, 0), NULL);
        assert_int_equal(EXPECT_ANSWER(bed, id, batch_written)->error.n > 0, round == 0);
        bed_expect_done(bed, id);
        if (round == 1)
            (void)BED_EXPECT(bed, clips_pending);
        assert_int_equal(is_unwell(bed), round == 0);
    }
}

/* Nobody would say again what became of a clip. */
static void outcome_that_the_schema_refuses_waits_until_it_goes_in(void **state)
{
    struct bed *bed = *state;
    struct batch batch;
    uint64_t id = BED_DELIVER(bed, batch_write, batch_make(&batch, 0), NULL);
    (void)EXPECT_ANSWER(bed, id, batch_written);
    bed_expect_done(bed, id);
    (void)BED_EXPECT(bed, clips_pending);
    execute(bed, "UPDATE clip SET thumbnail_status = 'processing'");
    execute(bed, REFUSE("failed_thumbnail"));
    struct ry_clip_failed failed = {.clip_id = ry_str_of(batch.clip_id), .reason = RY_STR("no picture")};
    uint64_t outcome = BED_DELIVER(bed, clip_failed, &failed, NULL);
    bed_advance(bed, WAIT_MS);
    bed_expect_nothing(bed);
    id = BED_DELIVER(bed, batch_write, batch_make(&batch, 1), NULL); /* others go on */
    assert_int_equal(EXPECT_ANSWER(bed, id, batch_written)->succeeded, BATCH_ROWS);
    bed_expect_done(bed, id);
    (void)BED_EXPECT(bed, clips_pending);
    bed_advance(bed, 60000);
    bed_expect_nothing(bed);
    assert_true(is_unwell(bed));
    execute(bed, "DROP TRIGGER somebodys");
    bed_advance(bed, 60000);
    assert_false(BED_EXPECT(bed, clip_settled)->completed);
    bed_expect_done(bed, outcome);
    assert_int_equal(ask(bed, "SELECT count(*) FROM clip WHERE thumbnail_status = 'failed'"), 1);
    assert_false(is_unwell(bed));
}

static void rows_refused_for_their_own_data_are_counted_in_the_slice(void **state)
{
    struct bed *bed = *state;
    struct batch batch;
    struct ry_batch_write *write = batch_make(&batch, 0);
    batch.clip.visibility = RY_STR("NOBODY");
    batch.progress.rejected = 2;
    write->progress.n = 1;
    uint64_t id = BED_DELIVER(bed, batch_write, write, NULL);
    assert_int_equal(EXPECT_ANSWER(bed, id, batch_written)->failures.n, 1);
    bed_expect_done(bed, id);
    assert_int_equal(ask(bed, "SELECT rejected FROM reelyard_slice"), 3);
}

/* ---- conversations ------------------------------------------------------------------------------------------- */

/* Ends the scan as failed, and finds it so. */
static void end_scan(struct bed *bed)
{
    struct ry_scan_end end = {.job_id = RY_STR("next"),
                              .token = 1,
                              .guild_id = RY_STR("100"),
                              .channel_id = RY_STR("200"),
                              .status = RY_STR("FAILED"),
                              .error_message = RY_STR("why")};
    uint64_t id = BED_DELIVER(bed, scan_end, &end, NULL);
    assert_false(EXPECT_ANSWER(bed, id, scan_ended)->fenced);
    bed_expect_done(bed, id);
    id = BED_DELIVER(bed, scan_get, &(struct ry_scan_get){.channel_id = RY_STR("200")}, NULL);
    expect_answer(bed, id, RY_TAG_scan_got);
    const struct ry_scan_got *got = answer;
    assert_true(ry_str_is(got->scans.items[0].status, "FAILED"));
    assert_int_equal(got->scans.items[0].message_count, 1);
    bed_expect_done(bed, id);
}

static void scan_goes_from_its_beginning_to_its_end(void **state)
{
    struct bed *bed = *state;
    execute(bed, "INSERT INTO guild (id, name) VALUES ('100', 'g')");
    execute(bed, "INSERT INTO channel (id, guild_id, name) VALUES ('200', '100', 'c')");
    struct ry_scan_begin begin = {
        .job_id = RY_STR("job"), .token = 5, .guild_id = RY_STR("100"), .channel_id = RY_STR("200")};
    uint64_t id = BED_DELIVER(bed, scan_begin, &begin, NULL);
    assert_int_equal(EXPECT_ANSWER(bed, id, scan_begun)->slices.n, 0);
    bed_expect_done(bed, id);

    struct batch batch;
    struct ry_batch_write *write = batch_make(&batch, 0);
    batch.progress.newest_id = batch.progress.oldest_id = RY_STR("1000");
    batch.progress.next = RY_STR("{\"job_id\": \"next\"}");
    write->progress.n = 1;
    write->cancellable = true;
    id = BED_DELIVER(bed, batch_write, write, NULL);
    assert_int_equal(EXPECT_ANSWER(bed, id, batch_written)->succeeded, BATCH_ROWS);
    bed_expect_done(bed, id);
    (void)BED_EXPECT(bed, clips_pending);

    begin.token = 6; /* the worker died before it could say so */
    id = BED_DELIVER(bed, scan_begin, &begin, NULL);
    const struct ry_scan_begun *begun = EXPECT_ANSWER(bed, id, scan_begun);
    assert_int_equal(begun->slices.n, 1);
    assert_int_equal(begun->slices.items[0].messages, 100);
    assert_true(ry_str_is(begun->slices.items[0].next, "{\"job_id\": \"next\"}"));
    assert_true(ry_str_is(begun->forward_message_id, "1000"));
    bed_expect_done(bed, id);

    id = BED_DELIVER(bed, scans_open_get, &(struct ry_scans_open_get){.limit = 10}, NULL);
    expect_answer(bed, id, RY_TAG_scans_open_got);
    const struct ry_scans_open_got *open = answer;
    assert_int_equal(open->scans.n, 1);
    assert_true(ry_str_is(open->scans.items[0].next, "{\"job_id\": \"next\"}"));
    bed_expect_done(bed, id);

    struct ry_str messages[] = {RY_STR("1000"), RY_STR("1001")}, users[] = {RY_STR("300")};
    struct ry_known_get known = {.guild_id = RY_STR("100"), .message_ids = {messages, 2}, .user_ids = {users, 1}};
    id = BED_DELIVER(bed, known_get, &known, NULL);
    expect_answer(bed, id, RY_TAG_known_got);
    assert_int_equal(((const struct ry_known_got *)answer)->message_ids.n, 1);
    assert_int_equal(((const struct ry_known_got *)answer)->user_ids.n, 1);
    bed_expect_done(bed, id);

    end_scan(bed);
    bed_expect_nothing(bed);
}

#define PATH_OF_CLIP(id) "thumbnails/guild_100/" id "_small.webp"
#define PATH(digit)      PATH_OF_CLIP("0000000000000000000000000000000" digit)

static void complete_clips(struct bed *bed, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct batch batch;
        char path[RY_STORE_NAME_BYTES];
        uint64_t id = BED_DELIVER(bed, batch_write, batch_make(&batch, i), NULL);
        snprintf(path, sizeof path, PATH_OF_CLIP("%032x"), i);
        struct ry_thumbnail_row row = {RY_STR("small"), ry_str_of(path), 320, 180, 4000};
        struct ry_video_facts facts = {
            .duration_s = 1.5, .width = 1920, .height = 1080, .mime_type = RY_STR("video/mp4")};
        struct ry_clip_completed completed = {
            .clip_id = ry_str_of(batch.clip_id), .thumbnails = {&row, 1}, .facts = {&facts, 1}};
        uint64_t outcome = BED_DELIVER(bed, clip_completed, &completed, NULL);
        (void)EXPECT_ANSWER(bed, id, batch_written);
        bed_expect_done(bed, id);
        assert_true(BED_EXPECT(bed, clip_settled)->completed);
        bed_expect_done(bed, outcome);
        (void)BED_EXPECT(bed, clips_pending);
    }
}

static void purge_goes_on_until_nothing_is_left(void **state)
{
    struct bed *bed = *state;
    complete_clips(bed, 3);
    struct ry_purge purge = {.job_id = RY_STR("purge"),
                             .token = 1,
                             .scope = RY_PURGE_CHANNEL,
                             .guild_id = RY_STR("100"),
                             .channel_id = RY_STR("200"),
                             .limit = 2};
    static const uint64_t messages[] = {2, 1};
    for (unsigned step = 0; step < 2; step++) {
        uint64_t id = BED_DELIVER(bed, purge, &purge, NULL); /* answered at once */
        const struct ry_purged *purged = BED_EXPECT(bed, purged);
        assert_int_equal(purged->more, step == 0);
        assert_int_equal(purged->messages, messages[step]);
        assert_int_equal(purged->files, messages[step]);
        bed_expect_done(bed, id);
        assert_int_equal(BED_EXPECT(bed, files_doomed)->count, messages[step]);
    }
    bed_expect_nothing(bed);
    uint64_t id = BED_DELIVER(bed, files_doomed_get, &(struct ry_files_doomed_get){.limit = 10}, NULL);
    const struct ry_files_doomed_got *got = BED_EXPECT(bed, files_doomed_got);
    assert_int_equal(got->paths.n, 3);
    assert_true(ry_str_is(got->paths.items[0], PATH("0")));
    bed_expect_done(bed, id);
    struct ry_str paths[] = {RY_STR(PATH("0")), RY_STR(PATH("1")), RY_STR(PATH("2"))};
    id = BED_DELIVER(bed, files_forget, (&(struct ry_files_forget){.paths = {paths, 3}}), NULL);
    assert_null(EXPECT_ANSWER(bed, id, files_forgotten)->error.p);
    bed_expect_done(bed, id);
    id = BED_DELIVER(bed, files_doomed_get, &(struct ry_files_doomed_get){.limit = 10}, NULL);
    assert_int_equal(BED_EXPECT(bed, files_doomed_got)->paths.n, 0);
    bed_expect_done(bed, id);
}

static void stale_work_is_marked_and_urls_are_stored(void **state)
{
    struct bed *bed = *state;
    struct batch batch;
    uint64_t id = BED_DELIVER(bed, batch_write, batch_make(&batch, 0), NULL);
    (void)EXPECT_ANSWER(bed, id, batch_written);
    bed_expect_done(bed, id);
    (void)BED_EXPECT(bed, clips_pending);
    struct ry_url_row url = {ry_str_of(batch.clip_id), RY_STR("https://cdn.discordapp.com/fresh"), BED_START_WALL_MS};
    id = BED_DELIVER(bed, urls_store, (&(struct ry_urls_store){.urls = {&url, 1}}), NULL);
    assert_null(EXPECT_ANSWER(bed, id, urls_stored)->error.p);
    bed_expect_done(bed, id);
    assert_int_equal(ask(bed, "SELECT count(*) FROM clip WHERE cdn_url LIKE '%fresh'"), 1);
    bed_advance(bed, 1000);
    struct ry_clips_stale clips = {.older_ms = 500, .reason = RY_STR("nobody worked on it"), .limit = 10};
    id = BED_DELIVER(bed, clips_stale, &clips, NULL); /* answered at once */
    assert_int_equal(BED_EXPECT(bed, clips_staled)->count, 1);
    bed_expect_done(bed, id);
    assert_int_equal(BED_EXPECT(bed, clips_pending)->count, 1);
    execute(bed, "INSERT INTO channel_scan_status (guild_id, channel_id, status, updated_at)"
                 " VALUES ('100', '200', 'RUNNING', '2020-01-01T00:00:00.000Z')");
    struct ry_str channel = RY_STR("200");
    struct ry_scans_stale scans = {.older_ms = 500, .reason = RY_STR("stuck"), .channel_ids = {&channel, 1}};
    id = BED_DELIVER(bed, scans_stale, &scans, NULL);
    assert_int_equal(BED_EXPECT(bed, scans_staled)->count, 1);
    bed_expect_done(bed, id);
    bed_expect_nothing(bed);
}

/* ---- health -------------------------------------------------------------------------------------------------- */

static void assert_logged(FILE *log, const char *event, unsigned times)
{
    static char text[65536];
    rewind(log);
    text[fread(text, 1, sizeof text - 1, log)] = '\0';
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, event)) != NULL; p++)
        n++;
    if (n != times)
        fail_msg("%s was logged %u times, not %u: %s", event, n, times, text);
}

static void third_missing_sign_of_life_raises_one_alert(void **state)
{
    struct bed *bed = *state;
    FILE *log = tmpfile();
    assert_non_null(log);
    ry_log_setup(RY_INFO, RY_LOG_TEXT, fileno(log));
    bed_advance(bed, PING_MS);
    assert_false(is_unwell(bed));
    execute(bed, "ALTER TABLE reelyard_totals RENAME TO reelyard_hidden");
    bed_advance(bed, 2 * PING_MS);
    assert_logged(log, "database_unhealthy", 0);
    bed_advance(bed, 3 * PING_MS);
    assert_logged(log, "database_unhealthy", 1);
    assert_int_equal(bed_counter(bed, RY_COUNTER_db_pings_failed), 5);
    assert_true(is_unwell(bed));
    execute(bed, "ALTER TABLE reelyard_hidden RENAME TO reelyard_totals");
    assert_logged(log, "database_healthy", 0);
    assert_true(is_unwell(bed)); /* until it is asked again */
    bed_advance(bed, PING_MS);
    assert_logged(log, "database_healthy", 1);
    assert_false(is_unwell(bed));
    bed_advance(bed, 2 * PING_MS);
    assert_logged(log, "database_healthy", 1);
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    (void)fclose(log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(batch_leans_on_rows_that_a_later_one_brings),
        TEST(two_batches_with_a_bad_row_each_are_answered_each),
        TEST(fenced_and_cancelled_batches_leave_their_neighbours_alone),
        TEST(refused_progress_is_named_and_rows_are_written),
        TEST(batch_that_the_schema_refuses_fails_as_a_whole),
        TEST(archive_is_unwell_until_the_schema_takes_rows_again),
        TEST(outcome_that_the_schema_refuses_waits_until_it_goes_in),
        TEST(rows_refused_for_their_own_data_are_counted_in_the_slice),
        TEST(scan_goes_from_its_beginning_to_its_end),
        TEST(purge_goes_on_until_nothing_is_left),
        TEST(stale_work_is_marked_and_urls_are_stored),
        TEST(third_missing_sign_of_life_raises_one_alert),
    };
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
