/* writer_suite.c: the fixture of the suite and its list. The claims themselves stand in writer_*_suite.c by subject. */
#include "actors/writer/search_index.h"
#include "tests/conformance/writer_suite_cases.h"

#include <stdlib.h>

#define START_WALL_MS WRITER_START_WALL_MS

void writer_fixture_open(struct writer_fixture *fixture, struct writer_store *store)
{
    *fixture = (struct writer_fixture){.store = store, .arena = ry_arena_make((size_t)256 << 20)};
    ry_clock_manual_init(&fixture->clock, START_WALL_MS);
    struct ry_error err = {0};
    if (store->open(store, &fixture->clock.clock, &fixture->engine, &err) != RY_OK)
        fail_msg("open: %s", err.text);
}

void writer_fixture_close(struct writer_fixture *fixture)
{
    writer_engine_close(&fixture->engine);
    fixture->store->remove(fixture->store);
    ry_arena_free(&fixture->arena);
}

static void *room(struct writer_fixture *fixture, size_t count, size_t size)
{
    void *p = ry_arena_array(&fixture->arena, count, size);
    assert_non_null(p);
    return p;
}

struct ry_batch_write *writer_batch_make(struct writer_fixture *fixture, unsigned first, unsigned n)
{
    struct ry_arena *arena = &fixture->arena;
    struct ry_batch_write *batch = room(fixture, 1, sizeof *batch);
    *batch = (struct ry_batch_write){.job_id = RY_STR("job-1"),
                                     .token = 7,
                                     .guild_id = RY_STR("100"),
                                     .channel_id = RY_STR("200"),
                                     .guilds = {room(fixture, 1, sizeof *batch->guilds.items), 1},
                                     .channels = {room(fixture, 1, sizeof *batch->channels.items), 1},
                                     .authors = {room(fixture, 2, sizeof *batch->authors.items), 2},
                                     .messages = {room(fixture, n, sizeof *batch->messages.items), n},
                                     .clips = {room(fixture, n, sizeof *batch->clips.items), n}};
    batch->guilds.items[0] = (struct ry_guild_row){.id = RY_STR("100"), .name = RY_STR("A guild")};
    batch->channels.items[0] =
        (struct ry_channel_row){.id = RY_STR("200"), .name = RY_STR("clips"), .type = RY_STR("text")};
    for (unsigned i = 0; i < 2; i++)
        batch->authors.items[i] = (struct ry_author_row){.user_id = ry_arena_printf(arena, "%u", 300 + i),
                                                         .username = ry_arena_printf(arena, "user%u", i),
                                                         .discriminator = RY_STR("0"),
                                                         .display_name = ry_arena_printf(arena, "User %u", i)};
    for (unsigned i = 0; i < n; i++) {
        struct ry_str message_id = ry_arena_printf(arena, "%u", 100000 + first + i);
        batch->messages.items[i] = (struct ry_message_row){.id = message_id,
                                                           .author_id = batch->authors.items[i % 2].user_id,
                                                           .content = ry_arena_printf(arena, "message %u", first + i),
                                                           .timestamp_wall_ms = START_WALL_MS + (first + i) * 1000};
        batch->clips.items[i] = (struct ry_clip_row){
            .id = ry_arena_printf(arena, "%032x", first + i),
            .message_id = message_id,
            .author_id = batch->authors.items[i % 2].user_id,
            .filename = ry_arena_printf(arena, "clip-%u.mp4", first + i),
            .file_size = 1000 + first + i,
            .mime_type = RY_STR("video/mp4"),
            .visibility = RY_STR("PUBLIC"),
            .settings_hash = RY_STR("27b3234951922ec2213c626963892154"),
            .url = ry_arena_printf(arena, "https://cdn.discordapp.com/%u/clip.mp4?ex=1", first + i),
            .expires_wall_ms = START_WALL_MS + 86400000};
    }
    return batch;
}

int writer_batch_try(struct writer_fixture *fixture, const struct ry_batch_write *batch, enum writer_care care,
                     struct writer_batch **written, struct ry_error *err)
{
    *written = room(fixture, 1, sizeof **written);
    **written = (struct writer_batch){.write = batch};
    struct writer_batch **list = room(fixture, 1, sizeof(struct writer_batch *));
    list[0] = *written;
    return care == WRITER_BRISK ? writer_batches_write(fixture->engine, list, 1, &fixture->arena, err)
                                : writer_batch_write_carefully(fixture->engine, *written, care, &fixture->arena, err);
}

struct ry_batch_written writer_batch_commit(struct writer_fixture *fixture, const struct ry_batch_write *batch,
                                            enum writer_care care)
{
    const struct writer_engine_ops *ops = fixture->engine->ops;
    struct writer_batch *written = NULL;
    struct ry_error err = {0};
    assert_int_equal(ops->begin(fixture->engine, &err), RY_OK);
    int rc = writer_batch_try(fixture, batch, care, &written, &err);
    if (rc == RY_OK)
        rc = search_index_write(fixture->engine, care, &err);
    if (rc == RY_OK)
        rc = ops->commit(fixture->engine, &err);
    if (rc == RY_EFENCED && care == WRITER_BRISK) {
        ops->rollback(fixture->engine);
        return writer_batch_commit(fixture, batch, WRITER_CAREFUL);
    }
    if (rc != RY_OK)
        fail_msg("batch: %s", err.text);
    writer_batch_sum(written);
    return written->written;
}

struct ry_clip_completed writer_completed_make(struct writer_fixture *fixture, unsigned number)
{
    struct ry_arena *arena = &fixture->arena;
    struct ry_thumbnail_row *rows = room(fixture, 2, sizeof *rows);
    struct ry_video_facts *facts = room(fixture, 1, sizeof *facts);
    rows[0] = (struct ry_thumbnail_row){RY_STR("small"), ry_arena_printf(arena, "thumbnails/%u_small.webp", number),
                                        320, 180, 4000};
    rows[1] = (struct ry_thumbnail_row){RY_STR("large"), ry_arena_printf(arena, "thumbnails/%u_large.webp", number),
                                        640, 360, 9000};
    *facts =
        (struct ry_video_facts){.duration_s = 12.5, .width = 1920, .height = 1080, .mime_type = RY_STR("video/webm")};
    return (struct ry_clip_completed){
        .clip_id = ry_arena_printf(arena, "%032x", number), .thumbnails = {rows, 2}, .facts = {facts, 1}};
}

struct ry_clips_claimed writer_claim_commit(struct writer_fixture *fixture, const char *owner, uint64_t limit,
                                            uint64_t lease_ms, bool first)
{
    struct ry_clips_claim claim = {.owner = ry_str_of(owner), .limit = limit, .lease_ms = lease_ms, .first = first};
    struct ry_clips_claimed claimed = {0};
    IN_TRANSACTION(fixture, clips_claim(fixture->engine, &claim, &fixture->arena, &claimed, &err));
    return claimed;
}

int64_t writer_number(struct writer_fixture *fixture, const char *sql)
{
    char text[64];
    fixture->store->ask(fixture->store, sql, text, sizeof text);
    return strtoll(text, NULL, 10);
}

int64_t writer_time_ms(struct writer_fixture *fixture, const char *sql)
{
    return fixture->store->time_ms(fixture->store, sql);
}

void writer_assert_text(struct writer_fixture *fixture, const char *sql, const char *expected)
{
    static char text[4096];
    fixture->store->ask(fixture->store, sql, text, sizeof text);
    assert_string_equal(text, expected);
}

/* ---- the list ------------------------------------------------------------------------------------------------ */

static int setup(void **state)
{
    struct writer_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    writer_fixture_open(fixture, *state);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct writer_fixture *fixture = *state;
    writer_fixture_close(fixture);
    free(fixture);
    return 0;
}

int writer_suite_run(struct writer_store *store)
{
    struct CMUnitTest tests[] = {
#define CASE(name) {#name, name, setup, teardown, store},
        WRITER_CASES
#undef CASE
    };
    return cmocka_run_group_tests_name(store->name, tests, NULL, NULL);
}
