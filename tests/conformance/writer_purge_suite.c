/* writer_purge_suite.c: deleting: which rows go, in which steps, and which files are left to be deleted. */
#include "tests/conformance/writer_suite_cases.h"

#include <stdio.h>

#define MINUTE_MS INT64_C(60000)

/* Clips `first` to `first + n - 1` in a channel of guild 100, with thumbnails and a failure each. */
static void fill(struct writer_fixture *f, const char *channel_id, unsigned first, unsigned n)
{
    struct ry_batch_write *batch = writer_batch_make(f, first, n);
    batch->channel_id = batch->channels.items[0].id = ry_str_of(channel_id);
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    (void)writer_claim_commit(f, "node/1", n, 1000, false);
    for (unsigned i = first; i < first + n; i++) {
        struct ry_clip_completed completed = writer_completed_make(f, i);
        struct ry_clip_failed failed = {.clip_id = completed.clip_id, .reason = RY_STR("once")};
        struct ry_clip_settled settled;
        bool found = false;
        IN_TRANSACTION(f, clip_completed(f->engine, &completed, &found, &settled, &err));
        f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'processing'");
        IN_TRANSACTION(f, clip_failed(f->engine, &failed, WRITER_WAIT(0), &found, &settled, &err));
        assert_true(found);
    }
}

static struct ry_purged purge(struct writer_fixture *f, struct ry_purge purge)
{
    purge.job_id = RY_STR("purge");
    if (purge.token == 0)
        purge.token = 1;
    purge.guild_id = RY_STR("100");
    struct ry_purged purged = {0};
    IN_TRANSACTION(f, purge(f->engine, &purge, &purged, &err));
    return purged;
}

static struct ry_files_doomed_got ask_files(struct writer_fixture *f, uint64_t limit)
{
    struct ry_files_doomed_get get = {.limit = limit};
    struct ry_files_doomed_got got;
    struct ry_error err;
    if (f->engine->ops->files_doomed_get(f->engine, &get, &f->arena, &got, &err) != RY_OK)
        fail_msg("files_doomed_get: %s", err.text);
    return got;
}

static void assert_rows(struct writer_fixture *f, int64_t messages)
{
    assert_int_equal(writer_number(f, "SELECT count(*) FROM message"), messages);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM clip"), messages);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM thumbnail"), 2 * messages);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM failed_thumbnail"), messages);
}

static void begin_scan(struct writer_fixture *f, const char *channel_id)
{
    struct ry_scan_begin begin = {
        .job_id = RY_STR("scan"), .token = 1, .guild_id = RY_STR("100"), .channel_id = ry_str_of(channel_id)};
    struct ry_scan_begun begun;
    IN_TRANSACTION(f, scan_begin(f->engine, &begin, &f->arena, &begun, &err));
}

/* ---- what goes ----------------------------------------------------------------------------------------------- */

void purged_message_takes_its_rows_and_lists_its_files(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, "200", 0, 3);
    const struct ry_purge wish = {
        .scope = RY_PURGE_MESSAGE, .channel_id = RY_STR("200"), .message_id = RY_STR("100001"), .limit = 100};
    struct ry_purged purged = purge(f, wish);
    assert_false(purged.fenced || purged.more);
    assert_int_equal(purged.messages, 1);
    assert_int_equal(purged.clips, 1);
    assert_int_equal(purged.files, 2);
    assert_rows(f, 2);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM message WHERE id = '100001'"), 0);
    struct ry_files_doomed_got got = ask_files(f, 10);
    assert_int_equal(got.paths.n, 2);
    ASSERT_STR(got.paths.items[0], "thumbnails/1_large.webp");
    ASSERT_STR(got.paths.items[1], "thumbnails/1_small.webp");
    purged = purge(f, wish);
    assert_int_equal(purged.messages + purged.clips + purged.files, 0);
    assert_int_equal(ask_files(f, 10).paths.n, 2);
    writer_assert_archive(f);
}

void purged_channel_goes_in_steps(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, "200", 0, 7);
    fill(f, "201", 7, 2);
    begin_scan(f, "200");
    begin_scan(f, "201");
    struct ry_purge wish = {
        .scope = RY_PURGE_CHANNEL, .channel_id = RY_STR("200"), .limit = 3, .cooldown_ms = 5 * MINUTE_MS};
    uint64_t messages = 0, clips = 0, files = 0;
    bool more = true;
    for (unsigned step = 0; more; step++) {
        assert_between(step, 0, 9);
        struct ry_purged purged = purge(f, wish);
        assert_between(purged.messages, 0, wish.limit);
        messages += purged.messages;
        clips += purged.clips;
        files += purged.files;
        more = purged.more;
        writer_assert_archive(f);
        if (more) {
            writer_assert_text(f, "SELECT status FROM channel_scan_status WHERE channel_id = '200'", "CANCELLED");
            assert_int_equal(writer_time_ms(f, "SELECT purge_cooldown FROM channel WHERE id = '200'"), INT64_MIN);
        }
    }
    assert_int_equal(messages, 7);
    assert_int_equal(clips, 7);
    assert_int_equal(files, 14);
    assert_rows(f, 2);
    assert_int_equal(ask_files(f, 100).paths.n, 14);
    writer_assert_text(f, "SELECT channel_id || status FROM channel_scan_status", "201RUNNING");
    writer_assert_text(f, "SELECT id FROM channel ORDER BY id", "200,201");
    assert_int_equal(writer_time_ms(f, "SELECT purge_cooldown FROM channel WHERE id = '200'"),
                     f->clock.now_wall_ms + 5 * MINUTE_MS);
    assert_int_equal(writer_time_ms(f, "SELECT purge_cooldown FROM channel WHERE id = '201'"), INT64_MIN);
    /* Once more finds nothing; a cooldown of 0 is none. */
    wish.cooldown_ms = 0;
    struct ry_purged again = purge(f, wish);
    assert_false(again.more);
    assert_int_equal(again.messages + again.clips + again.files, 0);
    assert_int_equal(writer_time_ms(f, "SELECT purge_cooldown FROM channel WHERE id = '200'"), INT64_MIN);
}

void purged_guild_goes_with_its_channels(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, "200", 0, 4);
    fill(f, "201", 4, 3);
    begin_scan(f, "201");
    struct ry_batch_write *other = writer_batch_make(f, 50, 1);
    other->guild_id = other->guilds.items[0].id = RY_STR("101");
    other->channel_id = other->channels.items[0].id = RY_STR("300");
    (void)writer_batch_commit(f, other, WRITER_BRISK);
    const struct ry_purge wish = {.scope = RY_PURGE_GUILD, .limit = 2};
    uint64_t messages = 0, files = 0;
    bool more = true;
    for (unsigned step = 0; more; step++) {
        assert_between(step, 0, 19);
        struct ry_purged purged = purge(f, wish);
        if (step == 0) {
            /* Nothing is scanned on from the first step. */
            assert_int_equal(
                writer_number(f, "SELECT count(*) FROM guild WHERE id = '100' AND NOT message_scan_enabled"), 1);
            writer_assert_text(f, "SELECT status FROM channel_scan_status", "CANCELLED");
            ry_clock_manual_advance(&f->clock, 1000);
        }
        assert_between(purged.messages, 0, wish.limit);
        messages += purged.messages;
        files += purged.files;
        more = purged.more;
        writer_assert_archive(f);
    }
    assert_int_equal(messages, 7);
    assert_int_equal(files, 14);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM message"), 1);
    writer_assert_text(f, "SELECT id FROM channel", "300");
    assert_int_equal(writer_number(f, "SELECT count(*) FROM channel_scan_status"), 0);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM author WHERE guild_id = '100'"), 0);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM author WHERE guild_id = '101'"), 2);
    writer_assert_text(f, "SELECT id FROM guild WHERE message_scan_enabled", "101");
    assert_int_equal(writer_time_ms(f, "SELECT deleted_at FROM guild WHERE id = '100'"), WRITER_START_WALL_MS);
    assert_int_equal(writer_time_ms(f, "SELECT deleted_at FROM guild WHERE id = '101'"), INT64_MIN);
    ry_clock_manual_advance(&f->clock, 1000);
    struct ry_purged again = purge(f, wish);
    assert_false(again.more);
    assert_int_equal(again.messages + again.clips + again.files, 0);
    assert_int_equal(writer_time_ms(f, "SELECT deleted_at FROM guild WHERE id = '100'"), WRITER_START_WALL_MS);
}

void purge_without_the_lease_deletes_nothing(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, "200", 0, 2);
    begin_scan(f, "200");
    struct ry_purge wish = {.scope = RY_PURGE_CHANNEL, .channel_id = RY_STR("200"), .limit = 1, .token = 3};
    assert_true(purge(f, wish).more);
    f->store->execute(f->store, "UPDATE channel_scan_status SET status = 'RUNNING'");
    wish.token = 2;
    assert_true(purge(f, wish).fenced);
    assert_rows(f, 1);
    writer_assert_text(f, "SELECT status FROM channel_scan_status", "RUNNING");
}

/* The interface's own tables hang on a clip by their own foreign keys. */
void purge_leaves_other_tables_to_their_keys(void **state)
{
    struct writer_fixture *f = *state;
    f->store->execute(f->store, "CREATE TABLE somebodys_clip (clip_id VARCHAR(64) NOT NULL"
                                " REFERENCES clip (id) ON DELETE CASCADE)");
    fill(f, "200", 0, 2);
    f->store->execute(f->store, "INSERT INTO somebodys_clip (clip_id) SELECT id FROM clip");
    (void)purge(
        f, (struct ry_purge){
               .scope = RY_PURGE_MESSAGE, .channel_id = RY_STR("200"), .message_id = RY_STR("100000"), .limit = 10});
    writer_assert_text(f, "SELECT clip_id FROM somebodys_clip", "00000000000000000000000000000001");
}

/* ---- files --------------------------------------------------------------------------------------------------- */

void doomed_files_are_listed_oldest_first_until_forgotten(void **state)
{
    struct writer_fixture *f = *state;
    fill(f, "200", 0, 3);
    static const char *const messages[] = {"100002", "100000", "100001"};
    for (size_t i = 0; i < 3; i++) {
        (void)purge(f, (struct ry_purge){.scope = RY_PURGE_MESSAGE,
                                         .channel_id = RY_STR("200"),
                                         .message_id = ry_str_of(messages[i]),
                                         .limit = 10});
        ry_clock_manual_advance(&f->clock, 1000);
    }
    struct ry_files_doomed_got got = ask_files(f, 3);
    assert_int_equal(got.paths.n, 3);
    ASSERT_STR(got.paths.items[0], "thumbnails/2_large.webp");
    ASSERT_STR(got.paths.items[1], "thumbnails/2_small.webp");
    ASSERT_STR(got.paths.items[2], "thumbnails/0_large.webp");
    struct ry_files_forget forget = {.paths = got.paths};
    IN_TRANSACTION(f, files_forget(f->engine, &forget, &err));
    IN_TRANSACTION(f, files_forget(f->engine, &forget, &err));
    got = ask_files(f, 10);
    assert_int_equal(got.paths.n, 3);
    ASSERT_STR(got.paths.items[0], "thumbnails/0_small.webp");
}

void clip_completed_after_its_row_went_has_its_files_deleted(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_clip_completed completed = writer_completed_make(f, 0);
    struct ry_clip_settled settled;
    bool found = true;
    for (int round = 0; round < 2; round++) {
        IN_TRANSACTION(f, clip_completed(f->engine, &completed, &found, &settled, &err));
        assert_false(found);
        assert_int_equal(ask_files(f, 10).paths.n, 2);
    }
    /* Stored again under the same name for a row that is there, the file is no longer to be deleted. */
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 1), WRITER_BRISK);
    IN_TRANSACTION(f, clip_completed(f->engine, &completed, &found, &settled, &err));
    assert_true(found);
    assert_int_equal(ask_files(f, 10).paths.n, 0);
}
