/* writer_archive_suite.c: clips that settings archive, because they are too short or too old. */
#include "tests/conformance/writer_suite_cases.h"

#include <stdio.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define DAY_MS   INT64_C(86400000)

/* The rows of settings: JSON texts, NULL for none. */
static void write_settings(struct writer_fixture *f, const char *guild_default, const char *guild, const char *channel)
{
    char sql[1024], parts[3][256];
    const char *texts[] = {guild_default, guild, channel};
    for (size_t i = 0; i < 3; i++)
        snprintf(parts[i], sizeof parts[i], texts[i] ? "'%s'" : "NULL", texts[i]);
    f->store->execute(f->store, "DELETE FROM guild_settings");
    f->store->execute(f->store, "DELETE FROM channel_settings");
    snprintf(sql, sizeof sql,
             "INSERT INTO guild_settings (guild_id, default_channel_settings, settings, created_at, updated_at) VALUES"
             " ('100', %s, %s, '2024-10-19T15:03:09.000Z', '2024-10-19T15:03:09.000Z')",
             parts[0], parts[1]);
    f->store->execute(f->store, sql);
    snprintf(sql, sizeof sql,
             "INSERT INTO channel_settings (channel_id, settings, created_at, updated_at) VALUES"
             " ('200', %s, '2024-10-19T15:03:09.000Z', '2024-10-19T15:03:09.000Z')",
             parts[2]);
    f->store->execute(f->store, sql);
}

static void complete(struct writer_fixture *f, unsigned number, double duration_s)
{
    struct ry_clip_completed completed = writer_completed_make(f, number);
    struct ry_clip_settled settled = {0};
    bool found = false;
    char sql[120];
    (void)snprintf(sql, sizeof sql, "UPDATE clip SET thumbnail_status = 'pending' WHERE filename = 'clip-%u.mp4'",
                   number);
    f->store->execute(f->store, sql); /* so that it is made again, if it was made */
    completed.facts.items[0].duration_s = duration_s;
    IN_TRANSACTION(f, clip_completed(f->engine, &completed, &found, &settled, &err));
    assert_true(found);
    assert_true(settled.completed);
}

/* The numbers of the archived clips, as their files' names have them. */
static void assert_archived(struct writer_fixture *f, const char *expected)
{
    writer_assert_text(f, "SELECT filename FROM clip WHERE deleted_at IS NOT NULL ORDER BY id", expected);
}

static void write_clips(struct writer_fixture *f, unsigned n)
{
    (void)writer_batch_commit(f, writer_batch_make(f, 0, n), WRITER_BRISK);
}

void short_clip_is_archived_once(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 4);
    write_settings(f, NULL, "{\"min_video_seconds\": 12.5}", NULL);
    complete(f, 0, 12.499);
    complete(f, 1, 12.5);
    complete(f, 2, 0); /* not known */
    complete(f, 3, 60);
    assert_archived(f, "clip-0.mp4");
    writer_assert_text(f, "SELECT thumbnail_status FROM clip ORDER BY id", "completed,completed,completed,completed");
    assert_int_equal(writer_time_ms(f, "SELECT deleted_at FROM clip WHERE deleted_at IS NOT NULL"),
                     f->clock.now_wall_ms);
    writer_assert_archive(f);
    f->store->execute(f->store, "UPDATE clip SET deleted_at = NULL"); /* somebody wants it nevertheless */
    complete(f, 0, 12.499);
    assert_archived(f, "");
    f->store->execute(f->store, "DELETE FROM message");
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_archived"), 0);
}

void clip_that_is_long_enough_again_is_restored(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 3);
    write_settings(f, NULL, NULL, "{\"min_video_seconds\": 20}");
    f->store->execute(f->store,
                      "UPDATE clip SET deleted_at = '2024-01-01T00:00:00.000Z' WHERE filename = 'clip-2.mp4'");
    for (unsigned i = 0; i < 3; i++)
        complete(f, i, 10);
    assert_archived(f, "clip-0.mp4,clip-1.mp4,clip-2.mp4");
    write_settings(f, NULL, NULL, "{\"min_video_seconds\": 5}");
    f->clock.now_wall_ms += 1000;
    complete(f, 0, 10);
    complete(f, 2, 10);
    assert_archived(f, "clip-1.mp4,clip-2.mp4"); /* that one was archived by somebody */
    writer_assert_archive(f);
    write_settings(f, NULL, NULL, "{\"min_video_seconds\": 20}");
    complete(f, 0, 10); /* it is a new reason, so it counts again */
    assert_archived(f, "clip-0.mp4,clip-1.mp4,clip-2.mp4");
}

void shortness_is_judged_by_the_uppermost_layer_that_says_it(void **state)
{
    struct writer_fixture *f = *state;
    static const struct {
        const char *guild_default, *guild, *channel;
        bool archived; /* a clip of 10 s */
    } cases[] = {
        {NULL, NULL, NULL, false},
        {"{\"min_video_seconds\": 11}", NULL, NULL, true},
        {"{\"min_video_seconds\": 11}", "{\"min_video_seconds\": 0}", NULL, false},
        {"{\"min_video_seconds\": 11}", "{\"a\": 1}", "{\"b\": 2}", true},
        {NULL, "{\"min_video_seconds\": 11}", "{\"min_video_seconds\": 9}", false},
        {NULL, "{\"min_video_seconds\": 9}", "{\"min_video_seconds\": 1e300}", true},
        {NULL, "{\"min_video_seconds\": 11}", "{\"min_video_seconds\": \"9\"}", true},
        {NULL, "{\"min_video_seconds\": 11}", "{\"min_video_seconds\": null}", true},
        {NULL, "{\"min_video_seconds\": 11}", "{\"min_video_seconds\": -1}", true},
        {NULL, "{\"min_video_seconds\": 11}", "{\"min_video_seconds\": [9]}", true},
        {NULL, "{\"min_video_seconds\": 11}", "[]", true},
        {NULL, "{\"min_video_seconds\": 11}", "\"x\"", true},
        {NULL, "{\"min_video_seconds\": true}", "null", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        f->store->execute(f->store, "DELETE FROM message");
        write_clips(f, 1);
        write_settings(f, cases[i].guild_default, cases[i].guild, cases[i].channel);
        complete(f, 0, 10);
        if ((writer_number(f, "SELECT count(*) FROM clip WHERE deleted_at IS NOT NULL") == 1) != cases[i].archived)
            fail_msg("case %zu", i);
    }
}

/* One slice; *next (in the fixture's arena) is where it ended. */
static uint64_t archive_slice(struct writer_fixture *f, const char *defaults, uint64_t limit, struct ry_strs *next)
{
    struct ry_clips_archive ask = {.defaults = ry_str_of(defaults), .limit = limit, .after = *next};
    struct ry_clips_archived archived = {0};
    IN_TRANSACTION(f, clips_archive(f->engine, &ask, &f->arena, &archived, &err));
    *next = archived.next;
    return archived.count;
}

/* A whole round. */
static uint64_t archive(struct writer_fixture *f, const char *defaults, uint64_t limit)
{
    struct ry_strs next = {0};
    uint64_t count = 0;
    do
        count += archive_slice(f, defaults, limit, &next);
    while (next.n > 0);
    return count;
}

/* Clips 0 .. n-1, posted so many days (and a moment) before now. */
static void write_old(struct writer_fixture *f, const int *days, unsigned n)
{
    struct ry_batch_write *batch = writer_batch_make(f, 0, n);
    for (unsigned i = 0; i < n; i++)
        batch->messages.items[i].timestamp_wall_ms = f->clock.now_wall_ms - days[i] * DAY_MS - 1;
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
}

void old_clips_are_archived_once(void **state)
{
    struct writer_fixture *f = *state;
    static const int days[] = {40, 29, 30, 100, 31};
    static const char RULE[] = "{\"auto_archive_after\": {\"unit\": \"days\", \"count\": 30}}";
    write_old(f, days, 5);
    write_settings(f, NULL, RULE, NULL);
    f->store->execute(f->store,
                      "UPDATE clip SET deleted_at = '2024-01-01T00:00:00.000Z' WHERE filename = 'clip-3.mp4'");
    assert_int_equal(archive(f, "{}", 2), 3);
    assert_int_equal(archive(f, "{}", 2), 0);
    assert_archived(f, "clip-0.mp4,clip-2.mp4,clip-3.mp4,clip-4.mp4");
    assert_int_equal(writer_time_ms(f, "SELECT deleted_at FROM clip WHERE filename = 'clip-3.mp4'"), 1704067200000);
    writer_assert_archive(f);
    f->store->execute(f->store, "UPDATE clip SET deleted_at = NULL WHERE filename = 'clip-4.mp4'");
    f->clock.now_wall_ms += DAY_MS;
    assert_int_equal(archive(f, "{}", 10), 1); /* the one of 29 days, not the one that was restored */
    assert_archived(f, "clip-0.mp4,clip-1.mp4,clip-2.mp4,clip-3.mp4");
}

static void write_channel(struct writer_fixture *f, const char *id)
{
    struct ry_batch_write *batch = writer_batch_make(f, 0, 1);
    batch->channels.items[0].id = ry_str_of(id);
    batch->messages.n = batch->clips.n = 0;
    (void)writer_batch_commit(f, batch, WRITER_BRISK);
}

/* Each slice looks at so many clips and no more, old or not, and the next one goes on behind it, even if what it ended
 * at is gone. */
void round_of_the_archivist_looks_at_each_clip_once(void **state)
{
    struct writer_fixture *f = *state;
    static const int days[] = {40, 1, 2, 3, 50, 60, 4, 70, 5};
    static const uint64_t archived[] = {1, 0, 2, 1, 0};
    static const char RULE[] = "{\"auto_archive_after\": {\"unit\": \"days\", \"count\": 30}}";
    write_old(f, days, 9);
    /* A channel without clips, and a second one with some. */
    write_channel(f, "199");
    write_channel(f, "201");
    f->store->execute(f->store, "UPDATE clip SET channel_id = '201' WHERE filename >= 'clip-6'");
    write_settings(f, NULL, RULE, NULL);
    struct ry_strs next = {0};
    for (size_t i = 0; i < COUNT(archived); i++) {
        uint64_t count = archive_slice(f, "{}", 2, &next);
        if (count != archived[i] || (next.n == 0) != (i + 1 == COUNT(archived)))
            fail_msg("slice %zu archived %llu and has %zu behind it", i, (unsigned long long)count, next.n);
        if (i == 0) /* where the slice ended */
            f->store->execute(f->store, "DELETE FROM clip WHERE filename = 'clip-1.mp4'");
    }
    assert_archived(f, "clip-0.mp4,clip-4.mp4,clip-5.mp4,clip-7.mp4");
}

#define AFTER(unit, count) "{\"auto_archive_after\": {\"unit\": \"" unit "\", \"count\": " count "}}"

void age_is_judged_by_the_uppermost_layer_that_says_it(void **state)
{
    struct writer_fixture *f = *state;
    static const int days[] = {6, 7, 30, 31, 400}; /* now is the 19th of October */
    static const struct {
        const char *defaults, *guild_default, *guild, *channel;
        uint64_t archived;
    } cases[] = {
        {"{}", NULL, NULL, NULL, 0},
        {AFTER("never", "0"), NULL, NULL, NULL, 0},
        {AFTER("days", "7"), NULL, NULL, NULL, 4},
        {AFTER("weeks", "1"), NULL, NULL, NULL, 4},
        {AFTER("months", "1"), NULL, NULL, NULL, 3}, /* since the 19th of September: 30 days */
        {AFTER("months", "2"), NULL, NULL, NULL, 1},
        {AFTER("days", "6.5"), NULL, NULL, NULL, 4},
        {AFTER("days", "0"), NULL, NULL, NULL, 0},
        {AFTER("months", "1e30"), NULL, NULL, NULL, 0},
        {AFTER("days", "7"), AFTER("days", "31"), NULL, NULL, 2},
        {AFTER("days", "7"), AFTER("days", "31"), AFTER("days", "399"), NULL, 1},
        {AFTER("days", "7"), AFTER("days", "31"), AFTER("days", "399"), AFTER("never", "0"), 0},
        {AFTER("days", "7"), NULL, AFTER("never", "5"), NULL, 0},
        {AFTER("days", "7"), NULL, AFTER("years", "1"), NULL, 4},
        {AFTER("days", "7"), NULL, AFTER("days", "-1"), NULL, 4},
        {AFTER("days", "7"), NULL, AFTER("days", "\"1\""), NULL, 4},
        {AFTER("days", "7"), NULL, "{\"auto_archive_after\": null}", "{\"auto_archive_after\": 3}", 4},
        {AFTER("days", "7"), NULL, "{\"auto_archive_after\": {\"unit\": \"days\"}}", "[1]", 4},
        {AFTER("fortnights", "1"), "{\"auto_archive_after\": [\"days\", 7]}", NULL, NULL, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        f->store->execute(f->store, "DELETE FROM message");
        write_old(f, days, 5);
        write_settings(f, cases[i].guild_default, cases[i].guild, cases[i].channel);
        uint64_t archived = archive(f, cases[i].defaults, 100);
        if (archived != cases[i].archived)
            fail_msg("case %zu: %llu", i, (unsigned long long)archived);
    }
}
