/* writer_queries_suite.c: what can be asked of the archive. */
#include "tests/conformance/writer_suite_cases.h"

#include <stdio.h>

void settings_tell_flags_and_json(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_settings_get get = {RY_STR("100"), RY_STR("200"), 0};
    struct ry_settings_got got;
    struct ry_error err;
    assert_int_equal(f->engine->ops->settings_get(f->engine, &get, &f->arena, &got, &err), RY_OK);
    assert_false(got.guild_exists || got.channel_exists || got.guild_enabled || got.channel_enabled || got.nsfw);
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 1), WRITER_BRISK);
    f->store->execute(f->store, "UPDATE channel SET nsfw = true");
    f->store->execute(f->store, "INSERT INTO guild_settings (guild_id, default_channel_settings, settings,"
                                " created_at, updated_at) VALUES ('100', '{\"a\": 1}', '{\"b\": 2}',"
                                " '2024-10-19T15:00:00.000Z', '2024-10-19T15:00:00.000Z')");
    f->store->execute(f->store, "INSERT INTO channel_settings (channel_id, settings, created_at, updated_at) VALUES"
                                " ('200', '{\"c\": 3}', '2024-10-19T15:00:00.000Z', '2024-10-19T15:00:00.000Z')");
    assert_int_equal(f->engine->ops->settings_get(f->engine, &get, &f->arena, &got, &err), RY_OK);
    assert_true(got.guild_exists && got.channel_exists && got.guild_enabled && got.channel_enabled && got.nsfw);
    ASSERT_STR(got.channel_type, "text");
    ASSERT_STR(got.guild_default_channel_settings, "{\"a\": 1}");
    ASSERT_STR(got.guild_settings, "{\"b\": 2}");
    ASSERT_STR(got.channel_settings, "{\"c\": 3}");
    /* A channel of another guild is no channel of this one; settings that were deleted are none. */
    f->store->execute(f->store, "UPDATE guild_settings SET deleted_at = updated_at");
    get.channel_id = RY_STR("201");
    assert_int_equal(f->engine->ops->settings_get(f->engine, &get, &f->arena, &got, &err), RY_OK);
    assert_true(got.guild_exists && !got.channel_exists);
    assert_null(got.guild_settings.p);
    assert_null(got.channel_settings.p);
}

#define KEPT_HASH "ab0c3f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccd"

/* ---- gallery ------------------------------------------------------------------------------------------------- */

static struct ry_gallery_page ask_gallery(struct writer_fixture *f, struct ry_gallery_get get)
{
    struct ry_gallery_page page;
    struct ry_error err;
    if (f->engine->ops->gallery_get(f->engine, &get, &f->arena, &page, &err) != RY_OK)
        fail_msg("gallery: %s", err.text);
    return page;
}

/* Walks all pages and compares with what one plain statement says. */
static void assert_pages(struct writer_fixture *f, struct ry_gallery_get get, const char *where, size_t expected_n)
{
    static char walked[8192], expected[8192];
    size_t n = 0, bytes = 0;
    walked[0] = '\0';
    get.before_wall_ms = INT64_MAX;
    for (bool more = true; more;) {
        struct ry_gallery_page page = ask_gallery(f, get);
        more = page.more;
        assert_true(page.clips.n <= get.limit);
        assert_true(!more || page.clips.n == get.limit);
        for (size_t i = 0; i < page.clips.n; i++, n++)
            bytes += (size_t)snprintf(walked + bytes, sizeof walked - bytes, "%s%.*s", n ? "," : "",
                                      RY_STR_ARG(page.clips.items[i].filename));
        if (page.clips.n > 0) {
            get.before_wall_ms = page.clips.items[page.clips.n - 1].posted_wall_ms;
            get.before_id = page.clips.items[page.clips.n - 1].clip_id;
        }
    }
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT c.filename FROM clip c JOIN message m ON m.id = c.message_id"
             " WHERE c.deleted_at IS NULL AND m.deleted_at IS NULL AND %s ORDER BY m.timestamp DESC, c.id DESC",
             where);
    f->store->ask(f->store, sql, expected, sizeof expected);
    assert_string_equal(walked, expected);
    assert_int_equal(n, expected_n);
}

/* 30 clips in two channels; three messages each share one time; some rows are deleted. */
static void fill_gallery(struct writer_fixture *f)
{
    for (unsigned part = 0; part < 2; part++) {
        struct ry_batch_write *batch = writer_batch_make(f, part * 15, 15);
        if (part == 1) {
            batch->channel_id = RY_STR("201");
            batch->channels.items[0].id = RY_STR("201");
        }
        for (size_t i = 0; i < 15; i++)
            batch->messages.items[i].timestamp_wall_ms =
                f->clock.now_wall_ms + (int64_t)((part * 15 + i) * 7 % 30 / 3) * 1000;
        (void)writer_batch_commit(f, batch, WRITER_BRISK);
    }
    f->store->execute(f->store, "UPDATE clip SET deleted_at = updated_at WHERE filename = 'clip-7.mp4'");
    f->store->execute(f->store, "UPDATE message SET deleted_at = updated_at WHERE id = '100008'");
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'completed' WHERE file_size % 4 = 0");
}

void gallery_pages_through_all_newest_first(void **state)
{
    struct writer_fixture *f = *state;
    assert_pages(f, (struct ry_gallery_get){.limit = 5}, "1 = 1", 0);
    fill_gallery(f);
    for (unsigned limit = 1; limit <= 30; limit++)
        assert_pages(f, (struct ry_gallery_get){.limit = limit}, "1 = 1", 28);
}

void gallery_filters(void **state)
{
    struct writer_fixture *f = *state;
    fill_gallery(f);
    assert_pages(f, (struct ry_gallery_get){.limit = 4, .channel_id = RY_STR("201")}, "c.channel_id = '201'", 15);
    assert_pages(f, (struct ry_gallery_get){.limit = 4, .guild_id = RY_STR("100")}, "c.guild_id = '100'", 28);
    assert_pages(f, (struct ry_gallery_get){.limit = 4, .guild_id = RY_STR("101")}, "c.guild_id = '101'", 0);
    assert_pages(f, (struct ry_gallery_get){.limit = 3, .status = RY_STR("completed")},
                 "c.thumbnail_status = 'completed'", 7);
    assert_pages(f, (struct ry_gallery_get){.limit = 3, .status = RY_STR("completed"), .channel_id = RY_STR("200")},
                 "c.thumbnail_status = 'completed' AND c.channel_id = '200'", 3);
    assert_pages(f, (struct ry_gallery_get){.limit = 3, .clip_id = RY_STR("00000000000000000000000000000003")},
                 "c.filename = 'clip-3.mp4'", 1);
}

/* An answer must fit in an envelope, whatever people write. */
void long_texts_end_a_list_early(void **state)
{
    struct writer_fixture *f = *state;
    const unsigned n = 700;
    char *content = ry_arena_alloc(&f->arena, 65536), *url = ry_arena_alloc(&f->arena, 8192);
    assert_non_null(content);
    assert_non_null(url);
    memset(content, 'c', 65536);
    memset(url, 'u', 8192);
    struct ry_batch_write *batch = writer_batch_make(f, 0, n);
    for (unsigned i = 0; i < n; i++) {
        batch->clips.items[i].url = (struct ry_str){url, 8192};
        if (i < 200)
            batch->messages.items[i].content = (struct ry_str){content, 65536};
    }
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    struct ry_gallery_page page =
        ask_gallery(f, (struct ry_gallery_get){
                           .limit = 200, .before_wall_ms = f->clock.now_wall_ms + 200 * 1000, .before_id = RY_STR("")});
    assert_true(page.more);
    assert_between(page.clips.n, 1, WRITER_ANSWER_MAX_BYTES / 65536);
    struct ry_clips_claimed claimed = writer_claim_commit(f, "node/1", n, 1000, false);
    assert_between(claimed.clips.n, 1, WRITER_ANSWER_MAX_BYTES / 8192 + 1);
    assert_int_equal(claimed.next_due_ms, 0);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_clip_lease"), claimed.clips.n);
}

void gallery_shows_names_files_and_failures(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 2), WRITER_BRISK);
    (void)writer_claim_commit(f, "node/1", 2, 1000, false);
    struct ry_clip_failed failed = {.clip_id = RY_STR("00000000000000000000000000000001"), .reason = RY_STR("broken")};
    struct ry_thumbnail_row rows[] = {{RY_STR("small"), RY_STR("s.webp"), 320, 180, 4000},
                                      {RY_STR("large"), RY_STR("l.webp"), 640, 360, 9000}};
    struct ry_video_facts facts = {
        .duration_s = 12.5, .width = 1920, .height = 1080, .mime_type = RY_STR("video/webm")};
    struct ry_clip_completed completed = {
        .clip_id = RY_STR("00000000000000000000000000000000"), .thumbnails = {rows, 2}, .facts = {&facts, 1}};
    struct ry_clip_settled settled;
    bool found;
    IN_TRANSACTION(f, clip_failed(f->engine, &failed, WRITER_WAIT(0), &found, &settled, &err));
    IN_TRANSACTION(f, clip_completed(f->engine, &completed, &found, &settled, &err));
    struct ry_gallery_page page = ask_gallery(f, (struct ry_gallery_get){.limit = 2, .before_wall_ms = INT64_MAX});
    assert_int_equal(page.clips.n, 2);
    const struct ry_gallery_clip *broken = &page.clips.items[0], *made = &page.clips.items[1];
    ASSERT_STR(broken->status, "failed");
    ASSERT_STR(broken->failure, "broken");
    assert_null(broken->small_path.p);
    ASSERT_STR(made->status, "completed");
    ASSERT_STR(made->guild_name, "A guild");
    ASSERT_STR(made->channel_name, "clips");
    ASSERT_STR(made->author_name, "User 0");
    ASSERT_STR(made->content, "message 0");
    ASSERT_STR(made->resolution, "1920x1080");
    ASSERT_STR(made->small_path, "s.webp");
    ASSERT_STR(made->large_path, "l.webp");
    assert_int_equal(made->small_width, 320);
    assert_int_equal(made->small_height, 180);
    assert_true(made->duration_s > 12.4 && made->duration_s < 12.6);
    assert_int_equal(made->posted_wall_ms, f->clock.now_wall_ms);
}

void gallery_names_a_local_files_folder_for_one_clip(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 3);
    batch->media_root = RY_STR("/exports");
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    batch->media_root = RY_STR("/exports/one");
    batch->clips.items[0].url = RY_STR("file:///exports/one/media/a%20b.mp4");
    batch->clips.items[1].url = RY_STR("file:///exports/other/c.mp4");
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    static const char *const roots[] = {"/exports/one", "/exports", NULL};
    for (unsigned i = 0; i < 3; i++) {
        char id[33];
        (void)snprintf(id, sizeof id, "%032u", i);
        struct ry_gallery_page page =
            ask_gallery(f, (struct ry_gallery_get){.limit = 1, .before_wall_ms = INT64_MAX, .clip_id = ry_str_of(id)});
        assert_int_equal(page.clips.n, 1);
        assert_true(ry_str_eq(page.clips.items[0].media_root, ry_str_of(roots[i])));
        assert_int_equal(page.clips.items[0].expires_wall_ms, batch->clips.items[i].expires_wall_ms);
    }
    struct ry_gallery_page page = ask_gallery(f, (struct ry_gallery_get){.limit = 3, .before_wall_ms = INT64_MAX});
    assert_int_equal(page.clips.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_null(page.clips.items[i].media_root.p);
}

void gallery_tells_what_is_known_of_a_video(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 2), WRITER_BRISK);
    f->store->execute(
        f->store,
        "INSERT INTO reelyard_media (clip_id, keep_state, keep_error, sha256, kept_path, kept_bytes, container,"
        " video_codec, audio_codec, fps, has_audio, frame_time_s, thumbhash, sheet_path, sheet_columns,"
        " sheet_rows, sheet_count, sheet_step_s, playable_path, playable_state, keep_attempts, playable_attempts)"
        " SELECT id, 'kept', 'full', '" KEPT_HASH "', 'media/ab/c.mp4', 5000000000, 'mp4', 'avc1.640028',"
        " 'mp4a.40.2', 59.5, 1 = 1, 1.5, '1QcSHQRnh493V4dIh4eXh1h4kJUI', 'sheets/guild_1/x.webp', 4, 3, 11,"
        " 2.5, 'playable/ab/c.mp4', 'done', 0, 0 FROM clip WHERE id = '00000000000000000000000000000001'");
    struct ry_gallery_page page = ask_gallery(f, (struct ry_gallery_get){.limit = 2, .before_wall_ms = INT64_MAX});
    assert_int_equal(page.clips.n, 2);
    const struct ry_gallery_clip *kept = &page.clips.items[0], *bare = &page.clips.items[1];
    ASSERT_STR(kept->keep_state, "kept");
    ASSERT_STR(kept->keep_error, "full");
    ASSERT_STR(kept->kept_path, "media/ab/c.mp4");
    assert_int_equal(kept->kept_bytes, UINT64_C(5000000000));
    ASSERT_STR(kept->container, "mp4");
    ASSERT_STR(kept->video_codec, "avc1.640028");
    ASSERT_STR(kept->audio_codec, "mp4a.40.2");
    assert_true(kept->fps == 59.5 && kept->has_audio && kept->frame_time_s == 1.5);
    ASSERT_STR(kept->thumbhash, "1QcSHQRnh493V4dIh4eXh1h4kJUI");
    ASSERT_STR(kept->sheet_path, "sheets/guild_1/x.webp");
    assert_int_equal(kept->sheet_columns, 4);
    assert_int_equal(kept->sheet_rows, 3);
    assert_int_equal(kept->sheet_count, 11);
    assert_true(kept->sheet_step_s == 2.5);
    ASSERT_STR(kept->playable_path, "playable/ab/c.mp4");
    ASSERT_STR(kept->playable_state, "done");
    assert_null(bare->keep_state.p);
    assert_null(bare->kept_path.p);
    assert_true(bare->kept_bytes == 0 && bare->fps == 0 && !bare->has_audio && bare->sheet_count == 0);
}

/* ---- figures and failures ------------------------------------------------------------------------------------ */

void writer_assert_archive(struct writer_fixture *f)
{
    struct ry_archive_state a;
    struct ry_error err;
    if (f->engine->ops->archive_get(f->engine, &a, &err) != RY_OK)
        fail_msg("archive: %s", err.text);
    const struct {
        uint64_t told;
        const char *sql;
    } figures[] = {
        {a.guilds, "SELECT count(*) FROM guild"},
        {a.channels, "SELECT count(*) FROM channel"},
        {a.authors, "SELECT count(*) FROM author"},
        {a.messages, "SELECT count(*) FROM message"},
        {a.clips_pending, "SELECT count(*) FROM clip WHERE thumbnail_status = 'pending' AND deleted_at IS NULL"},
        {a.clips_processing, "SELECT count(*) FROM clip WHERE thumbnail_status = 'processing' AND deleted_at IS NULL"},
        {a.clips_completed, "SELECT count(*) FROM clip WHERE thumbnail_status = 'completed' AND deleted_at IS NULL"},
        {a.clips_failed, "SELECT count(*) FROM clip WHERE thumbnail_status = 'failed' AND deleted_at IS NULL"},
        {a.thumbnails, "SELECT count(*) FROM thumbnail"},
        {a.bytes_videos, "SELECT coalesce(sum(file_size), 0) FROM clip WHERE deleted_at IS NULL"},
        {a.bytes_thumbnails, "SELECT coalesce(sum(file_size), 0) FROM thumbnail"},
    };
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        if (figures[i].told != (uint64_t)writer_number(f, figures[i].sql))
            fail_msg("%s: told %lu", figures[i].sql, (unsigned long)figures[i].told);
    ASSERT_STR(a.engine, f->engine->ops->name);
    assert_true(a.schema_version > 0);
}

void archive_counts_what_is_there(void **state)
{
    struct writer_fixture *f = *state;
    writer_assert_archive(f);
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 20), WRITER_BRISK);
    writer_assert_archive(f);
    (void)writer_claim_commit(f, "node/1", 12, 1000, false);
    struct ry_thumbnail_row row = {RY_STR("small"), RY_STR("s.webp"), 320, 180, 4000};
    struct ry_video_facts facts = {
        .duration_s = 12.5, .width = 1920, .height = 1080, .mime_type = RY_STR("video/webm")};
    struct ry_clip_completed completed = {.thumbnails = {&row, 1}, .facts = {&facts, 1}};
    struct ry_clip_settled settled;
    bool found;
    for (unsigned i = 0; i < 6; i++) {
        struct ry_clip_failed failed = {.clip_id = ry_arena_printf(&f->arena, "%032x", i), .reason = RY_STR("x")};
        completed.clip_id = failed.clip_id;
        if (i % 2)
            IN_TRANSACTION(f, clip_failed(f->engine, &failed, WRITER_WAIT(0), &found, &settled, &err));
        else
            IN_TRANSACTION(f, clip_completed(f->engine, &completed, &found, &settled, &err));
        row.file_size += 100; /* the first one's file is stored again, larger */
        completed.clip_id = RY_STR("00000000000000000000000000000000");
        IN_TRANSACTION(f, clip_completed(f->engine, &completed, &found, &settled, &err));
    }
    writer_assert_archive(f);
    f->store->execute(f->store, "UPDATE clip SET deleted_at = updated_at WHERE file_size % 3 = 0");
    writer_assert_archive(f);
    f->store->execute(f->store, "UPDATE clip SET deleted_at = NULL, file_size = file_size + 1");
    writer_assert_archive(f);
    f->store->execute(f->store, "DELETE FROM message WHERE id < '100010'"); /* clips and thumbnails go with them */
    writer_assert_archive(f);
    f->store->execute(f->store, "DELETE FROM guild");
    writer_assert_archive(f);
}

void failed_clips_are_listed_by_pages(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 7), WRITER_BRISK);
    (void)writer_claim_commit(f, "node/1", 6, 1000, false);
    struct ry_clip_settled settled;
    bool found;
    for (unsigned i = 0; i < 5; i++) {
        struct ry_clip_failed failed = {.clip_id = ry_arena_printf(&f->arena, "%032x", i),
                                        .reason = ry_arena_printf(&f->arena, "reason %u", i)};
        IN_TRANSACTION(f, clip_failed(f->engine, &failed, WRITER_WAIT(1000), &found, &settled, &err));
    }
    struct ry_failed_get get = {.limit = 2};
    unsigned seen = 0;
    struct ry_failed_page page;
    do {
        struct ry_error err;
        if (f->engine->ops->failed_get(f->engine, &get, &f->arena, &page, &err) != RY_OK)
            fail_msg("failed: %s", err.text);
        for (size_t i = 0; i < page.clips.n; i++, seen++) {
            const struct ry_failed_clip *clip = &page.clips.items[i];
            char name[32], reason[32];
            snprintf(name, sizeof name, "clip-%u.mp4", seen);
            snprintf(reason, sizeof reason, "reason %u", seen);
            ASSERT_STR(clip->filename, name);
            ASSERT_STR(clip->reason, reason);
            ASSERT_STR(clip->channel_id, "200");
            assert_int_equal(clip->retries, 1);
            assert_int_equal(clip->last_wall_ms, f->clock.now_wall_ms);
            assert_int_equal(clip->next_wall_ms, f->clock.now_wall_ms + 1000);
            get.after_id = clip->clip_id;
        }
    } while (page.more);
    assert_int_equal(seen, 5);
}

/* ---- small questions ----------------------------------------------------------------------------------------- */

void known_rows_are_told(void **state)
{
    struct writer_fixture *f = *state;
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 3), WRITER_BRISK);
    f->store->execute(f->store, "UPDATE message SET deleted_at = updated_at WHERE id = '100000'");
    struct ry_str messages[] = {RY_STR("100002"), RY_STR("99"), RY_STR("100000")};
    struct ry_str users[] = {RY_STR("305"), RY_STR("301")};
    struct ry_known_get get = {.guild_id = RY_STR("100"), .message_ids = {messages, 3}, .user_ids = {users, 2}};
    struct ry_known_got got;
    struct ry_error err;
    assert_int_equal(f->engine->ops->known_get(f->engine, &get, &f->arena, &got, &err), RY_OK);
    assert_int_equal(got.message_ids.n, 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(ry_str_is(got.message_ids.items[i], "100002") || ry_str_is(got.message_ids.items[i], "100000"));
    assert_int_equal(got.user_ids.n, 1);
    ASSERT_STR(got.user_ids.items[0], "301");
    get.guild_id = RY_STR("101"); /* authors and messages of another guild */
    assert_int_equal(f->engine->ops->known_get(f->engine, &get, &f->arena, &got, &err), RY_OK);
    assert_int_equal(got.message_ids.n + got.user_ids.n, 0);
    get = (struct ry_known_get){.guild_id = RY_STR("100")};
    assert_int_equal(f->engine->ops->known_get(f->engine, &get, &f->arena, &got, &err), RY_OK);
    assert_int_equal(got.message_ids.n + got.user_ids.n, 0);
}

void clips_of_a_channels_days_are_counted(void **state)
{
    struct writer_fixture *f = *state;
    const int64_t day_ms = 86400000, begin = WRITER_START_WALL_MS - WRITER_START_WALL_MS % day_ms;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 6);
    static const int64_t after_ms[] = {0, 86399999, 86400000, -1, -86400000, 43200000};
    for (size_t i = 0; i < 6; i++)
        batch->messages.items[i].timestamp_wall_ms = begin + after_ms[i];
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
    f->store->execute(f->store, "UPDATE clip SET deleted_at = updated_at WHERE filename = 'clip-5.mp4'");
    struct ry_day_clips days[] = {{.day_wall_ms = begin + day_ms},
                                  {.day_wall_ms = begin},
                                  {.day_wall_ms = begin - day_ms},
                                  {.day_wall_ms = begin - 365 * day_ms}};
    static const uint64_t counts[] = {1, 3, 2, 0};
    struct ry_str ids[] = {batch->clips.items[3].id, RY_STR("00000000000000000000000000000bad"),
                           batch->clips.items[0].id};
    struct ry_days_get get = {.channel_id = RY_STR("200"), .days = {days, 4}, .clip_ids = {ids, 3}};
    struct ry_days_got got;
    struct ry_error err = {0};
    assert_int_equal(f->engine->ops->days_get(f->engine, &get, &f->arena, &got, &err), RY_OK);
    assert_int_equal(got.days.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(got.days.items[i].day_wall_ms, days[i].day_wall_ms);
        assert_int_equal(got.days.items[i].count, counts[i]);
    }
    assert_int_equal(got.clip_ids.n, 2);
    assert_true(ry_str_eq(got.clip_ids.items[0], ids[0]) && ry_str_eq(got.clip_ids.items[1], ids[2]));
    get.channel_id = RY_STR("201");
    assert_int_equal(f->engine->ops->days_get(f->engine, &get, &f->arena, &got, &err), RY_OK);
    assert_int_equal(got.days.n, 4);
    assert_int_equal(got.days.items[1].count + got.clip_ids.n, 0);
}

void ping_is_answered(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_error err;
    assert_int_equal(f->engine->ops->ping(f->engine, &err), RY_OK);
}

/* ---- refused rows ---------------------------------------------------------------------------------------------- */

static struct ry_refused_page list_refused(struct writer_fixture *f, uint64_t limit)
{
    struct ry_refused_get get = {.limit = limit};
    struct ry_refused_page page;
    struct ry_error err;
    assert_int_equal(f->engine->ops->refused_get(f->engine, &get, &f->arena, &page, &err), RY_OK);
    struct ry_archive_state state;
    assert_int_equal(f->engine->ops->archive_get(f->engine, &state, &err), RY_OK);
    assert_int_equal(state.rows_refused, writer_number(f, "SELECT count(*) FROM reelyard_refused"));
    return page;
}

/* Two clips of eight that their column does not take; the job's slice, the channel's status and the list tell of them
 * until they go in. */
void refused_rows_are_told_until_they_go_in(void **state)
{
    struct writer_fixture *f = *state;
    struct ry_batch_write *batch = writer_batch_make(f, 0, 8);
    struct ry_scan_progress progress = {.direction = RY_STR("backward"), .messages = 8, .clips = 8, .ended = true};
    batch->progress.items = &progress;
    batch->progress.n = 1;
    batch->clips.items[2].visibility = batch->clips.items[5].visibility = RY_STR("NOBODY AT ALL");
    for (int again = 0; again < 2; again++) { /* the same job, delivered again */
        assert_int_equal(writer_batch_commit(f, batch, WRITER_CAREFUL).failures.n, 2);
        struct ry_refused_page page = list_refused(f, 10);
        assert_int_equal(page.rows.n, 2);
        ASSERT_STR(page.rows.items[0].table, "clip");
        ASSERT_STR(page.rows.items[0].channel_id, "200");
        assert_true(ry_str_eq(page.rows.items[0].key, batch->clips.items[2].id));
        assert_true(page.rows.items[0].reason.n > 0);
        assert_int_equal(page.rows.items[0].refused_wall_ms, WRITER_START_WALL_MS);
        assert_true(list_refused(f, 1).more);
    }
    assert_int_equal(writer_number(f, "SELECT rejected FROM reelyard_slice"), 2);
    writer_assert_text(f, "SELECT status || ' ' || substr(error_message, 1, 71) FROM channel_scan_status",
                       "SUCCEEDED rows of this channel that the database refused: 2; the last one: clip 0");

    struct ry_batch_write *repaired = writer_batch_make(f, 0, 8);
    repaired->progress.items = &progress;
    repaired->progress.n = 1;
    repaired->job_id = RY_STR("rescan");
    assert_int_equal(writer_batch_commit(f, repaired, WRITER_BRISK).failures.n, 0);
    assert_int_equal(list_refused(f, 10).rows.n, 0);
    writer_assert_text(f, "SELECT status || coalesce(error_message, '') FROM channel_scan_status", "SUCCEEDED");
}

void refused_rows_go_with_a_purge_or_after_a_month(void **state)
{
    struct writer_fixture *f = *state;
    static const struct {
        enum ry_purge_scope scope;
        int64_t later_ms;
    } cases[] = {{RY_PURGE_CHANNEL, 0}, {RY_PURGE_GUILD, 0}, {0, INT64_C(40) * 24 * 3600 * 1000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ry_batch_write *batch = writer_batch_make(f, 0, 3);
        batch->job_id = ry_arena_printf(&f->arena, "job-%zu", i);
        batch->clips.items[1].visibility = RY_STR("NOBODY AT ALL");
        assert_int_equal(writer_batch_commit(f, batch, WRITER_CAREFUL).failures.n, 1);
        assert_int_equal(list_refused(f, 10).rows.n, 1);
        ry_clock_manual_advance(&f->clock, cases[i].later_ms);
        struct ry_purge purge = {.job_id = RY_STR("purge"),
                                 .token = 1,
                                 .scope = cases[i].scope,
                                 .guild_id = RY_STR("100"),
                                 .channel_id = RY_STR("200"),
                                 .limit = 100};
        struct ry_purged purged;
        if (cases[i].scope != 0)
            IN_TRANSACTION(f, purge(f->engine, &purge, &purged, &err));
        else
            IN_TRANSACTION(f, fence_prune(f->engine, f->clock.now_wall_ms - 1000, 100, &err));
        assert_int_equal(list_refused(f, 10).rows.n, 0);
    }
}
