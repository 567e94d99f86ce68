/* writer_batch_suite.c: batches: what they write, what they leave alone, and what becomes of bad rows. */
#include "tests/conformance/writer_suite_cases.h"

#include <stdio.h>

/* Everything that a batch may write, times included: equal before and after means that no row was touched. */
static const char everything[] =
    "SELECT id || name || coalesce(icon_url, '-') || updated_at || created_at FROM guild UNION ALL"
    " SELECT id || name || updated_at || created_at FROM channel UNION ALL"
    " SELECT user_id || username || updated_at || created_at FROM author UNION ALL"
    " SELECT id || content || updated_at || created_at FROM message UNION ALL"
    " SELECT id || thumbnail_status || cdn_url || updated_at || created_at FROM clip ORDER BY 1";

void batch_brings_every_row(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 3);
    batch->guilds.items[0].icon_url = RY_STR("https://cdn.discordapp.com/icons/1.png");
    struct ry_batch_written written = writer_batch_commit(f, batch, WRITER_BRISK);
    assert_int_equal(written.succeeded, 1 + 1 + 2 + 3 + 3);
    assert_int_equal(written.changed, written.succeeded);
    assert_int_equal(written.pending, 3);
    assert_int_equal(written.failures.n, 0);
    writer_assert_text(f, "SELECT name || icon_url FROM guild WHERE id = '100' AND message_scan_enabled",
                       "A guildhttps://cdn.discordapp.com/icons/1.png");
    assert_int_equal(writer_time_ms(f, "SELECT updated_at FROM guild WHERE id = '100'"), WRITER_START_WALL_MS);
    writer_assert_text(f, "SELECT name || type FROM channel WHERE id = '200' AND message_scan_enabled AND NOT nsfw",
                       "clipstext");
    writer_assert_text(f, "SELECT username || discriminator || display_name FROM author WHERE user_id = '301'",
                       "user10User 1");
    writer_assert_text(f, "SELECT content || author_id FROM message WHERE id = '100002'", "message 2300");
    assert_int_equal(writer_time_ms(f, "SELECT timestamp FROM message WHERE id = '100002'"),
                     WRITER_START_WALL_MS + 2000);
    writer_assert_text(f,
                       "SELECT message_id || filename || file_size || mime_type || visibility || thumbnail_status"
                       " FROM clip WHERE id = '00000000000000000000000000000002'",
                       "100002clip-2.mp41002video/mp4PUBLICpending");
    assert_int_equal(writer_time_ms(f, "SELECT expires_at FROM clip WHERE filename = 'clip-2.mp4'"),
                     WRITER_START_WALL_MS + 86400000);
}

void batch_written_again_changes_nothing(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 5);
    batch->media_root = RY_STR("/exports/a/");
    static char before[8192], after[8192];
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    f->store->ask(f->store, everything, before, sizeof before);
    ry_clock_manual_advance(&f->clock, 1000);
    struct ry_batch_written again = writer_batch_commit(f, batch, WRITER_BRISK);
    assert_int_equal(again.changed, 0);
    assert_int_equal(again.pending, 0);
    assert_int_equal(again.succeeded, 1 + 1 + 1 + 2 + 5 + 5);
    f->store->ask(f->store, everything, after, sizeof after);
    assert_string_equal(before, after);
}

void batch_changes_only_what_differs(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 4);
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    ry_clock_manual_advance(&f->clock, 1000);
    batch->guilds.items[0].name = RY_STR("Renamed");
    batch->authors.items[1].nickname = RY_STR("Nick");
    batch->messages.items[2].content = RY_STR("edited");
    struct ry_batch_written written = writer_batch_commit(f, batch, WRITER_BRISK);
    assert_int_equal(written.changed, 3);
    assert_int_equal(written.pending, 0);
    writer_assert_text(f, "SELECT name FROM guild", "Renamed");
    assert_int_equal(writer_time_ms(f, "SELECT updated_at FROM guild"), WRITER_START_WALL_MS + 1000);
    assert_int_equal(writer_time_ms(f, "SELECT created_at FROM guild"), WRITER_START_WALL_MS);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM message WHERE updated_at > created_at"), 1);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM author WHERE updated_at > created_at"), 1);
}

static const char told[] =
    "SELECT clip_id || coalesce(thumbhash, '-') || coalesce(source_kind, '-') || coalesce(source_url, '-')"
    " || CASE WHEN pinned THEN 'pinned' ELSE '-' END || CASE WHEN edited_at IS NULL THEN '-' ELSE 'edited' END"
    " FROM reelyard_media ORDER BY 1";

/* Fresh or not: there is a row for each clip of which something is told, and none for the others. */
void what_discord_tells_of_a_clip_stands_beside_it(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = NULL;
    struct ry_clip_row *clips = NULL;
    for (int fresh = 1; fresh >= 0; fresh--) {
        batch = writer_batch_make(f, fresh ? 0 : 16, 4);
        clips = batch->clips.items;
        batch->fresh = fresh;
        clips[0].placeholder = RY_STR("3OcRJYB4d3h/iIeHeEh3eIhw+j2w");
        clips[1].source_kind = RY_STR("forward");
        clips[1].source_url = RY_STR("https://discord.com/channels/1/2/3");
        clips[3].pinned = true;
        clips[3].edited_wall_ms = WRITER_START_WALL_MS + 5;
        struct ry_batch_written written = writer_batch_commit(f, batch, WRITER_BRISK);
        assert_int_equal(written.succeeded, 1 + 1 + 2 + 4 + 4); /* they are no rows of the batch */
    }
    writer_assert_text(f, told,
                       "000000000000000000000000000000003OcRJYB4d3h/iIeHeEh3eIhw+j2w----,"
                       "00000000000000000000000000000001-forwardhttps://discord.com/channels/1/2/3--,"
                       "00000000000000000000000000000003---pinnededited,"
                       "000000000000000000000000000000103OcRJYB4d3h/iIeHeEh3eIhw+j2w----,"
                       "00000000000000000000000000000011-forwardhttps://discord.com/channels/1/2/3--,"
                       "00000000000000000000000000000013---pinnededited");
    assert_int_equal(writer_time_ms(f, "SELECT edited_at FROM reelyard_media WHERE clip_id LIKE '%13'"),
                     WRITER_START_WALL_MS + 5);
    /* Ours stays; what is no longer so goes. */
    f->store->execute(f->store, "UPDATE reelyard_media SET thumbhash = 'ours' WHERE clip_id LIKE '%10'");
    batch->fresh = false;
    clips[0].placeholder = RY_STR("AAAA");
    clips[1].placeholder = RY_STR("BBBB");
    clips[3].pinned = false;
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    writer_assert_text(f, "SELECT thumbhash FROM reelyard_media WHERE clip_id LIKE '%10'", "ours");
    writer_assert_text(f, "SELECT thumbhash FROM reelyard_media WHERE clip_id LIKE '%11'", "BBBB");
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_media WHERE clip_id LIKE '%13' AND pinned"), 0);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_media"), 6);
}

void upsert_leaves_what_people_and_the_bot_own(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 1);
    batch->guilds.items[0].icon_url = RY_STR("https://icon");
    batch->channels.items[0].topic = RY_STR("A topic");
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    f->store->execute(f->store, "UPDATE guild SET message_scan_enabled = false");
    f->store->execute(f->store, "UPDATE channel SET message_scan_enabled = false, nsfw = true");
    f->store->execute(f->store, "UPDATE clip SET title = 'Best', visibility = 'PRIVATE', deleted_at = updated_at");
    ry_clock_manual_advance(&f->clock, 1000);
    batch->guilds.items[0] = (struct ry_guild_row){.id = RY_STR("100"), .name = RY_STR("New name")};
    batch->channels.items[0] =
        (struct ry_channel_row){.id = RY_STR("200"), .name = RY_STR("new-name"), .type = RY_STR("text")};
    batch->clips.items[0].settings_hash = RY_STR("00000000000000000000000000000000");
    struct ry_batch_written written = writer_batch_commit(f, batch, WRITER_BRISK);
    assert_int_equal(written.changed, 3);
    writer_assert_text(f, "SELECT name || icon_url FROM guild WHERE NOT message_scan_enabled", "New namehttps://icon");
    writer_assert_text(f, "SELECT name || topic FROM channel WHERE NOT message_scan_enabled AND nsfw",
                       "new-nameA topic");
    writer_assert_text(f, "SELECT title || visibility FROM clip", "BestPRIVATE");
    assert_int_equal(writer_time_ms(f, "SELECT deleted_at FROM clip"), WRITER_START_WALL_MS);
    assert_int_equal(writer_time_ms(f, "SELECT created_at FROM clip"), WRITER_START_WALL_MS);
}

/* ---- the life of a clip's row -------------------------------------------------------------------------------- */

#define SAME    "27b3234951922ec2213c626963892154"
#define OTHER   "f5ab75111e87c33e08c860ac93764c2c"
#define WEB     "https://cdn.discordapp.com/0/clip.mp4?ex=1"
#define WEB_NEW "https://cdn.discordapp.com/0/clip.mp4?ex=2"
#define DISK    "file:///media/a.mp4"

static const struct rescan {
    const char *name;
    const char *status; /* before */
    const char *url;    /* before */
    bool expired;       /* before */
    const char *hash;   /* of the rescan */
    const char *new_url;
    const char *status_after;
    bool url_taken;
    bool changed;
} rescans[] = {
    {"completed stays", "completed", WEB, false, SAME, WEB, "completed", false, false},
    {"completed keeps an address that serves", "completed", WEB, false, SAME, WEB_NEW, "completed", false, false},
    {"completed takes an address for an expired one", "completed", WEB, true, SAME, WEB_NEW, "completed", true, true},
    {"completed with a moved file", "completed", DISK, false, SAME, "file:///media/b.mp4", "completed", true, true},
    {"completed with the same file", "completed", DISK, true, SAME, DISK, "completed", false, false},
    {"completed under other settings is made again", "completed", WEB, false, OTHER, WEB, "pending", false, true},
    {"pending stays", "pending", WEB, false, SAME, WEB, "pending", false, false},
    {"pending takes the new address", "pending", WEB, false, SAME, WEB_NEW, "pending", true, true},
    {"pending with the same file", "pending", DISK, true, SAME, DISK, "pending", false, false},
    {"pending takes other settings", "pending", WEB, false, OTHER, WEB, "pending", false, true},
    {"processing stays", "processing", WEB, false, SAME, WEB, "processing", false, false},
    {"processing goes on under other settings", "processing", WEB, false, OTHER, WEB_NEW, "processing", true, true},
    {"failed is tried again", "failed", WEB, false, SAME, WEB, "pending", false, true},
};

void clip_becomes_pending_unless_completed_with_the_same_settings(void **state)
{
    struct writer_fixture *f = *state;
    for (size_t i = 0; i < sizeof rescans / sizeof rescans[0]; i++) {
        const struct rescan *r = &rescans[i];
        struct ry_batch_write *batch = writer_batch_make(f, (unsigned)i, 1);
        struct ry_clip_row *clip = &batch->clips.items[0];
        clip->url = ry_str_of(r->url);
        if (r->expired)
            clip->expires_wall_ms = f->clock.now_wall_ms - 1;
        (void)writer_batch_commit(f, batch, WRITER_BRISK);
        char sql[256], text[64];
        snprintf(sql, sizeof sql, "UPDATE clip SET thumbnail_status = '%s' WHERE id = '%.*s'", r->status,
                 RY_STR_ARG(clip->id));
        f->store->execute(f->store, sql);
        clip->url = ry_str_of(r->new_url);
        clip->settings_hash = ry_str_of(r->hash);
        if (r->expired || !ry_str_is(clip->url, r->url))
            clip->expires_wall_ms = f->clock.now_wall_ms + 3600000;
        struct ry_batch_written written = writer_batch_commit(f, batch, WRITER_BRISK);
        if (written.changed != r->changed)
            fail_msg("%s: changed %d", r->name, (int)written.changed);
        if (written.pending != (r->changed && strcmp(r->status_after, "pending") == 0))
            fail_msg("%s: pending %d", r->name, (int)written.pending);
        snprintf(sql, sizeof sql,
                 "SELECT thumbnail_status || CASE WHEN cdn_url = '%s' THEN 1 ELSE 0 END FROM clip WHERE id = '%.*s'",
                 r->new_url, RY_STR_ARG(clip->id));
        f->store->ask(f->store, sql, text, sizeof text);
        char expected[64];
        snprintf(expected, sizeof expected, "%s%d", r->status_after, r->url_taken || strcmp(r->url, r->new_url) == 0);
        if (strcmp(text, expected) != 0)
            fail_msg("%s: %s, not %s", r->name, text, expected);
    }
}

/* ---- text ---------------------------------------------------------------------------------------------------- */

void text_is_cut_to_its_column_between_characters(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 1);
    char guild[400], person[400], file[1024];
    for (size_t i = 0; i < sizeof guild / 2; i++)
        memcpy(guild + i * 2, "\xC3\xA9", 2); /* é */
    for (size_t i = 0; i < sizeof person / 4; i++)
        memcpy(person + i * 4, "\xF0\x9F\x8E\xAC", 4); /* a clapper board */
    memset(file, 'x', sizeof file);
    batch->guilds.items[0].name = (struct ry_str){guild, sizeof guild};
    batch->authors.items[0].username = (struct ry_str){person, sizeof person};
    batch->authors.items[0].nickname = (struct ry_str){person, 32 * 4};
    batch->clips.items[0].filename = (struct ry_str){file, sizeof file};
    batch->messages.items[0].content = (struct ry_str){"nul\0inside", 10};
    struct writer_batch *written = NULL;
    struct ry_error err = {0};
    assert_int_equal(f->engine->ops->begin(f->engine, &err), RY_OK);
    assert_int_equal(writer_batch_try(f, batch, WRITER_BRISK, &written, &err), RY_OK);
    assert_int_equal(f->engine->ops->commit(f->engine, &err), RY_OK);
    assert_int_equal(written->tally.cut, 3);
    assert_int_equal(writer_number(f, "SELECT length(name) FROM guild"), 100);
    assert_int_equal(writer_number(f, "SELECT length(username) FROM author WHERE user_id = '300'"), 32);
    assert_int_equal(writer_number(f, "SELECT length(nickname) FROM author WHERE user_id = '300'"), 32);
    assert_int_equal(writer_number(f, "SELECT length(filename) FROM clip"), 255);
    writer_assert_text(f, "SELECT content FROM message", "nulinside");
    writer_assert_text(f, "SELECT substr(name, 100) FROM guild", "\xC3\xA9");
    assert_int_equal(writer_batch_commit(f, batch, WRITER_BRISK).changed, 0);
}

/* ---- many batches -------------------------------------------------------------------------------------------- */

/* Two batches of one channel that overlap, in three slices; of two rows with one key the later one holds. */
void slices_of_many_batches_are_one_upsert(void **state)
{
    struct writer_fixture *f = *state;
    const struct writer_engine_ops *ops = f->engine->ops;
    struct ry_batch_write *first = writer_batch_make(f, 0, 4), *second = writer_batch_make(f, 3, 3);
    second->messages.items[0].content = RY_STR("the later one");
    second->clips.items[0].filename = RY_STR("later.mp4");
    second->guilds.items[0].name = RY_STR("Later guild");
    second->authors.items[0].nickname = RY_STR("Nick");
    struct writer_tally tallies[2] = {0};
    struct ry_error err = {0};
    assert_int_equal(ops->begin(f->engine, &err), RY_OK);
    static struct writer_slice slices[WRITER_TABLE_COUNT][3];
    for (int t = WRITER_GUILDS; t < WRITER_TABLE_COUNT; t++) {
        enum writer_table table = (enum writer_table)t;
        size_t n = writer_table_rows(first, table), half = n / 2;
        slices[t][0] = (struct writer_slice){first, 0, half, &tallies[0], false};
        slices[t][1] = (struct writer_slice){first, half, n - half, &tallies[0], false};
        slices[t][2] = (struct writer_slice){second, 0, writer_table_rows(second, table), &tallies[1], false};
        assert_int_equal(ops->upsert(f->engine, table, slices[t], 3, &err), RY_OK);
    }
    if (ops->commit(f->engine, &err) != RY_OK)
        fail_msg("%s", err.text);
    writer_assert_text(f, "SELECT id FROM message ORDER BY id", "100000,100001,100002,100003,100004,100005");
    writer_assert_text(f, "SELECT content FROM message WHERE id = '100003'", "the later one");
    writer_assert_text(f, "SELECT filename FROM clip ORDER BY id",
                       "clip-0.mp4,clip-1.mp4,clip-2.mp4,later.mp4,clip-4.mp4,clip-5.mp4");
    writer_assert_text(f, "SELECT name FROM guild", "Later guild");
    writer_assert_text(f, "SELECT nickname FROM author WHERE user_id = '300'", "Nick");
    writer_assert_archive(f);
}

void batches_of_a_transaction_are_tallied_each(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_error err = {0};
    struct ry_batch_write *writes[3];
    struct writer_batch batches[3], *list[3];
    for (unsigned i = 0; i < 3; i++) {
        writes[i] = writer_batch_make(f, i * 10, 2 + i);
        writes[i]->job_id = ry_arena_printf(&f->arena, "job-%u", i);
        writes[i]->guild_id = writes[i]->guilds.items[0].id = ry_arena_printf(&f->arena, "10%u", i);
        writes[i]->channel_id = writes[i]->channels.items[0].id = ry_arena_printf(&f->arena, "20%u", i);
        list[i] = &batches[i];
    }
    (void)writer_batch_commit(f, writes[1], WRITER_BRISK); /* is there already */
    char name[400];
    memset(name, 'n', sizeof name);
    writes[2]->authors.items[1].username = (struct ry_str){name, sizeof name};
    for (unsigned i = 0; i < 3; i++)
        batches[i] = (struct writer_batch){.write = writes[i]};
    assert_int_equal(f->engine->ops->begin(f->engine, &err), RY_OK);
    assert_int_equal(writer_batches_write(f->engine, list, 3, &f->arena, &err), RY_OK);
    assert_int_equal(f->engine->ops->commit(f->engine, &err), RY_OK);
    static const struct {
        uint64_t succeeded, changed, pending, cut;
    } expected[] = {{8, 8, 2, 0}, {10, 0, 0, 0}, {12, 12, 4, 1}};
    for (unsigned i = 0; i < 3; i++) {
        writer_batch_sum(&batches[i]);
        assert_int_equal(batches[i].written.succeeded, expected[i].succeeded);
        assert_int_equal(batches[i].written.changed, expected[i].changed);
        assert_int_equal(batches[i].written.pending, expected[i].pending);
        assert_int_equal(batches[i].tally.cut, expected[i].cut);
    }
    writer_assert_text(f, "SELECT channel_id FROM message WHERE id IN ('100000', '100010', '100020') ORDER BY id",
                       "200,201,202");
}

/* ---- fresh rows ---------------------------------------------------------------------------------------------- */

void fresh_rows_are_inserted(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 50);
    batch->fresh = true;
    struct ry_batch_written written = writer_batch_commit(f, batch, WRITER_BRISK);
    assert_int_equal(written.failures.n, 0);
    assert_int_equal(written.changed, 1 + 1 + 2 + 50 + 50);
    assert_int_equal(written.pending, 50);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM message"), 50);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM clip WHERE thumbnail_status = 'pending'"), 50);
}

/* Somebody else was quicker with one of them. */
void rows_that_are_not_fresh_after_all_lose_nothing(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 7, 1), WRITER_BRISK);
    struct ry_batch_write *batch = writer_batch_make(f, 0, 50);
    batch->fresh = true;
    struct writer_batch *one;
    struct ry_error err = {0};
    assert_int_equal(f->engine->ops->begin(f->engine, &err), RY_OK);
    int rc = writer_batch_try(f, batch, WRITER_BRISK, &one, &err);
    if (rc == RY_OK)
        rc = f->engine->ops->sync(f->engine, &err);
    f->engine->ops->rollback(f->engine);
    if (rc != RY_OK) /* the transaction is done again, carefully */
        assert_true(ry_err_class(err.code) == RY_CLASS_REJECT || err.code == RY_ESCHEMA);
    struct ry_batch_written written = writer_batch_commit(f, batch, WRITER_CAREFUL);
    assert_int_equal(written.failures.n, 0);
    assert_int_equal(written.changed, 1 + 49 + 49); /* and an author */
    assert_int_equal(written.pending, 49);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM message"), 50);
}

/* ---- bad rows ------------------------------------------------------------------------------------------------ */

void bad_rows_stand_alone(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 100);
    static const unsigned bad[] = {0, 41, 42, 99};
    for (size_t i = 0; i < 4; i++)
        batch->clips.items[bad[i]].visibility = RY_STR("NOBODY AT ALL");
    struct ry_batch_written written = writer_batch_commit(f, batch, WRITER_CAREFUL);
    assert_int_equal(written.failures.n, 4);
    assert_int_equal(written.succeeded, 1 + 1 + 2 + 100 + 96);
    assert_int_equal(written.changed, written.succeeded);
    assert_int_equal(written.pending, 96);
    for (size_t i = 0; i < 4; i++) {
        ASSERT_STR(written.failures.items[i].table, "clip");
        assert_true(ry_str_eq(written.failures.items[i].key, batch->clips.items[bad[i]].id));
        assert_true(written.failures.items[i].reason.n > 0);
    }
    assert_int_equal(writer_number(f, "SELECT count(*) FROM clip"), 96);
}

void rows_without_what_they_belong_to_are_refused(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 3);
    batch->clips.items[1].message_id = RY_STR("999");
    struct ry_batch_written written = writer_batch_commit(f, batch, WRITER_CAREFUL);
    assert_int_equal(written.failures.n, 1);
    ASSERT_STR(written.failures.items[0].table, "clip");
    ASSERT_STR(written.failures.items[0].reason, "the row that it belongs to does not exist");
    assert_int_equal(writer_number(f, "SELECT count(*) FROM clip"), 2);

    struct ry_batch_write *lost = writer_batch_make(f, 3, 3); /* of a guild that nobody knows */
    lost->job_id = RY_STR("lost");
    lost->guild_id = RY_STR("101");
    lost->guilds.n = lost->messages.n = lost->clips.n = 0;
    lost->channel_id = lost->channels.items[0].id = RY_STR("201");
    written = writer_batch_commit(f, lost, WRITER_CAREFUL);
    assert_int_equal(written.failures.n, 1 + 2);
    ASSERT_STR(written.failures.items[0].table, "channel");
    ASSERT_STR(written.failures.items[1].table, "author");
}

void brisk_batch_with_a_bad_row_fails_as_a_whole(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 3);
    batch->channels.items[0].type = RY_STR("stage channel");
    struct ry_error err = {0};
    struct writer_batch *written = NULL;
    assert_int_equal(f->engine->ops->begin(f->engine, &err), RY_OK);
    int rc = writer_batch_try(f, batch, WRITER_BRISK, &written, &err);
    if (rc == RY_OK)
        rc = f->engine->ops->sync(f->engine, &err);
    assert_int_equal(rc, RY_EDATA);
    f->engine->ops->rollback(f->engine);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM guild"), 0);
}

/* ---- other guilds -------------------------------------------------------------------------------------------- */

/* A batch of guild 101, whose ids are its own: channel 201, authors, messages and clips from `first`. */
static struct ry_batch_write *batch_of_another_guild(struct writer_fixture *f, unsigned first, unsigned n)
{
    struct ry_batch_write *batch = writer_batch_make(f, first, n);
    batch->job_id = RY_STR("other");
    batch->guild_id = batch->guilds.items[0].id = RY_STR("101");
    batch->channel_id = batch->channels.items[0].id = RY_STR("201");
    return batch;
}

static void expect_refused(const struct ry_batch_written *written, const char *const *tables, size_t n)
{
    assert_int_equal(written->failures.n, n);
    for (size_t i = 0; i < n; i++) {
        ASSERT_STR(written->failures.items[i].table, tables[i]);
        struct ry_str reason = written->failures.items[i].reason;
        assert_non_null(memmem(reason.p, reason.n, "of another guild", 16));
    }
}

void rows_of_another_guild_are_left_alone(void **state)
{
    struct writer_fixture *f = *state;
    static const char *const statuses[] = {"pending", "processing", "completed", "failed"};
    static const char theirs[] =
        "SELECT id || name || updated_at FROM channel WHERE guild_id = '100' UNION ALL"
        " SELECT id || channel_id || author_id || content || updated_at FROM message WHERE guild_id = '100' UNION ALL"
        " SELECT id || channel_id || thumbnail_status || cdn_url || expires_at || updated_at FROM clip"
        " WHERE guild_id = '100' ORDER BY 1";
    static char before[8192], after[8192];
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 1), WRITER_BRISK);
    (void)writer_batch_commit(f, batch_of_another_guild(f, 10, 1), WRITER_BRISK);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        for (int changed = 0; changed < 2; changed++) {
            char sql[128];
            snprintf(sql, sizeof sql, "UPDATE clip SET thumbnail_status = '%s'", statuses[i]);
            f->store->execute(f->store, sql);
            struct ry_batch_write *batch = batch_of_another_guild(f, 10, 3);
            const struct ry_batch_write *first = writer_batch_make(f, 0, 1);
            batch->messages.items[1] = first->messages.items[0];
            batch->clips.items[1] = first->clips.items[0];
            batch->channels.items[0].id = RY_STR("200");
            if (changed) {
                batch->messages.items[1].content = RY_STR("not theirs");
                batch->clips.items[1].url = RY_STR("https://cdn.discordapp.com/other");
                batch->channels.items[0].name = RY_STR("not theirs");
            }
            ry_clock_manual_advance(&f->clock, INT64_C(2) * 86400000); /* addresses have ended */
            f->store->ask(f->store, theirs, before, sizeof before);
            struct ry_batch_written written = writer_batch_commit(f, batch, WRITER_CAREFUL);
            expect_refused(&written, (const char *const[]){"channel", "message", "clip"}, 3);
            assert_int_equal(written.succeeded, 1 + 2 + 2 + 2);
            f->store->ask(f->store, theirs, after, sizeof after);
            assert_string_equal(before, after);
        }
}

void brisk_batch_with_an_id_of_another_guild_fails_as_a_whole(void **state)
{
    struct writer_fixture *f = *state;
    static char before[8192], after[8192];
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 3), WRITER_BRISK);
    f->store->ask(f->store, everything, before, sizeof before);
    for (int fresh = 0; fresh < 2; fresh++) {
        struct ry_batch_write *batch = batch_of_another_guild(f, 2, 3);
        struct writer_batch *written = NULL;
        struct ry_error err = {0};
        batch->fresh = fresh;
        assert_int_equal(f->engine->ops->begin(f->engine, &err), RY_OK);
        int rc = writer_batch_try(f, batch, WRITER_BRISK, &written, &err);
        if (rc == RY_OK)
            rc = f->engine->ops->commit(f->engine, &err);
        f->engine->ops->rollback(f->engine);
        assert_true(rc == RY_EDATA || (fresh && rc == RY_ESCHEMA)); /* either way it is done again carefully */
        f->store->ask(f->store, everything, after, sizeof after);
        assert_string_equal(before, after);
    }
}

void one_id_from_two_guilds_in_a_transaction_is_the_first_ones(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batches[] = {writer_batch_make(f, 0, 2), batch_of_another_guild(f, 1, 2)};
    struct writer_batch *transaction[2];
    struct writer_batch two[2];
    struct ry_error err = {0};
    for (size_t i = 0; i < 2; i++) {
        two[i] = (struct writer_batch){.write = batches[i]};
        transaction[i] = &two[i];
    }
    assert_int_equal(f->engine->ops->begin(f->engine, &err), RY_OK);
    int rc = writer_batches_write(f->engine, transaction, 2, &f->arena, &err);
    if (rc == RY_OK)
        rc = f->engine->ops->commit(f->engine, &err);
    f->engine->ops->rollback(f->engine);
    assert_int_equal(rc, RY_EDATA);
    struct ry_batch_written written = writer_batch_commit(f, batches[0], WRITER_CAREFUL);
    assert_int_equal(written.failures.n, 0);
    written = writer_batch_commit(f, batches[1], WRITER_CAREFUL);
    expect_refused(&written, (const char *const[]){"message", "clip"}, 2);
    writer_assert_text(f, "SELECT id || '/' || guild_id FROM message ORDER BY id", "100000/100,100001/100,100002/101");
}

void batch_for_a_channel_of_another_guild_writes_nothing(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_scan_progress progress = {
        .direction = RY_STR("backward"), .newest_id = RY_STR("999999"), .oldest_id = RY_STR("1"), .messages = 7};
    static char before[8192], after[8192];
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 2), WRITER_BRISK);
    for (int care = WRITER_BRISK; care <= WRITER_CAREFUL; care++) {
        struct ry_batch_write *batch = batch_of_another_guild(f, 10, 2);
        batch->channel_id = RY_STR("200");
        batch->progress.items = &progress;
        batch->progress.n = 1;
        f->store->ask(f->store, everything, before, sizeof before);
        struct ry_batch_written written = writer_batch_commit(f, batch, (enum writer_care)care);
        assert_int_equal(written.failures.n, 1);
        ASSERT_STR(written.failures.items[0].table, "channel");
        ASSERT_STR(written.failures.items[0].key, "200");
        ASSERT_STR(written.failures.items[0].reason, "the channel is another guild's");
        assert_int_equal(written.succeeded, 0);
        assert_int_equal(written.changed, 0);
        f->store->ask(f->store, everything, after, sizeof after);
        assert_string_equal(before, after);
        assert_int_equal(writer_number(f, "SELECT count(*) FROM channel_scan_status"), 0);
    }
}

void guild_row_of_another_guild_is_refused(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 1), WRITER_BRISK);
    struct ry_batch_write *batch = batch_of_another_guild(f, 10, 1);
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    batch->guilds.items[0] = (struct ry_guild_row){.id = RY_STR("100"), .name = RY_STR("Not theirs")};
    struct writer_batch *brisk = NULL;
    struct ry_error err = {0};
    assert_int_equal(f->engine->ops->begin(f->engine, &err), RY_OK);
    assert_int_equal(writer_batch_try(f, batch, WRITER_BRISK, &brisk, &err), RY_EDATA);
    f->engine->ops->rollback(f->engine);
    struct ry_batch_written written = writer_batch_commit(f, batch, WRITER_CAREFUL);
    expect_refused(&written, (const char *const[]){"guild"}, 1);
    writer_assert_text(f, "SELECT name FROM guild WHERE id = '100'", "A guild");
}

/* ---- fencing and transactions -------------------------------------------------------------------------------- */

void smaller_token_is_fenced(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 1);
    static const struct {
        const char *job;
        uint64_t token;
        bool fenced;
    } steps[] = {{"a", 1, false}, {"a", 5, false}, {"a", 5, false}, {"a", 4, true},
                 {"a", 1, true},  {"b", 4, false}, {"a", 6, false}, {"a", 5, true}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        batch->job_id = ry_str_of(steps[i].job);
        batch->token = steps[i].token;
        batch->messages.items[0].content = ry_arena_printf(&f->arena, "step %zu", i);
        struct ry_batch_written written = writer_batch_commit(f, batch, WRITER_BRISK);
        assert_int_equal(written.fenced, steps[i].fenced);
        assert_int_equal(written.changed > 0, !steps[i].fenced);
    }
}

void old_tokens_are_forgotten_a_few_at_a_time(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 1);
    for (unsigned i = 0; i < 10; i++) {
        batch->job_id = ry_arena_printf(&f->arena, "job-%u", i);
        (void)writer_batch_commit(f, batch, WRITER_BRISK);
        ry_clock_manual_advance(&f->clock, 1000);
    }
    int64_t before_wall_ms = f->clock.now_wall_ms - 3000; /* seven are older */
    IN_TRANSACTION(f, fence_prune(f->engine, before_wall_ms, 4, &err));
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_fence"), 6);
    IN_TRANSACTION(f, fence_prune(f->engine, before_wall_ms, 4, &err));
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_fence"), 3);
    IN_TRANSACTION(f, fence_prune(f->engine, before_wall_ms, 4, &err));
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_fence"), 3);
}

void rollback_leaves_nothing(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 3);
    struct ry_error err = {0};
    struct writer_batch *written = NULL;
    assert_int_equal(f->engine->ops->begin(f->engine, &err), RY_OK);
    assert_int_equal(writer_batch_try(f, batch, WRITER_BRISK, &written, &err), RY_OK);
    assert_int_equal(f->engine->ops->sync(f->engine, &err), RY_OK);
    f->engine->ops->rollback(f->engine);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM clip"), 0);
    assert_int_equal(writer_batch_commit(f, batch, WRITER_BRISK).changed, written->tally.changed);
}

void marks_nest(void **state)
{
    struct writer_fixture *f = *state;
    const struct writer_engine_ops *ops = f->engine->ops;
    struct ry_batch_write *place = writer_batch_make(f, 0, 0);
    place->job_id = RY_STR("other job");
    (void)writer_batch_commit(f, place, WRITER_BRISK);
    struct ry_batch_write *batch = writer_batch_make(f, 0, 3);
    struct writer_tally tally = {0};
    const struct writer_slice slices[] = {
        {batch, 0, 1, &tally, false}, {batch, 1, 1, &tally, false}, {batch, 2, 1, &tally, false}};
    struct ry_error err = {0};
    assert_int_equal(ops->begin(f->engine, &err), RY_OK);
    assert_int_equal(ops->upsert(f->engine, WRITER_MESSAGES, &slices[0], 1, &err), RY_OK);
    assert_int_equal(ops->savepoint(f->engine, &err), RY_OK);
    assert_int_equal(ops->upsert(f->engine, WRITER_MESSAGES, &slices[1], 1, &err), RY_OK);
    assert_int_equal(ops->savepoint(f->engine, &err), RY_OK);
    assert_int_equal(ops->upsert(f->engine, WRITER_MESSAGES, &slices[2], 1, &err), RY_OK);
    assert_int_equal(ops->rollback_to(f->engine, &err), RY_OK);
    assert_int_equal(ops->release(f->engine, &err), RY_OK);
    /* An undo ends its mark, so that the next one goes back to the mark before. */
    assert_int_equal(ops->savepoint(f->engine, &err), RY_OK);
    assert_int_equal(ops->upsert(f->engine, WRITER_MESSAGES, &slices[2], 1, &err), RY_OK);
    assert_int_equal(ops->savepoint(f->engine, &err), RY_OK);
    assert_int_equal(ops->rollback_to(f->engine, &err), RY_OK);
    assert_int_equal(ops->rollback_to(f->engine, &err), RY_OK);
    assert_int_equal(ops->commit(f->engine, &err), RY_OK);
    writer_assert_text(f, "SELECT id FROM message ORDER BY id", "100000,100001");
}
