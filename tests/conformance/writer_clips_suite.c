/* writer_clips_suite.c: who works on which clip, and what becomes of it. */
#include "tests/conformance/writer_suite_cases.h"

#include <stdio.h>
#include <stdlib.h>

#define ME       "node-a/2"
#define MY_PAST  "node-a/1"
#define OTHER    "node-b/1"
#define LEASE_MS 60000

static void write_clips(struct writer_fixture *f, unsigned first, unsigned n)
{
    (void)writer_batch_commit(f, writer_batch_make(f, first, n), WRITER_BRISK);
}

static struct ry_str clip_id(struct writer_fixture *f, unsigned number)
{
    return ry_arena_printf(&f->arena, "%032x", number);
}

static struct ry_clip_settled fail_clip(struct writer_fixture *f, unsigned number, int64_t wait_ms, bool release)
{
    struct ry_clip_failed failed = {.clip_id = clip_id(f, number), .reason = RY_STR("not a video"), .release = release};
    struct ry_clip_settled settled = {0};
    bool found = false;
    IN_TRANSACTION(f, clip_failed(f->engine, &failed, WRITER_WAIT(wait_ms), &found, &settled, &err));
    assert_true(found);
    return settled;
}

static struct ry_clip_settled complete_clip(struct writer_fixture *f, unsigned number, bool *found)
{
    struct ry_thumbnail_row rows[] = {{RY_STR("small"), RY_STR("thumbnails/s.webp"), 320, 180, 4000},
                                      {RY_STR("large"), RY_STR("thumbnails/l.webp"), 640, 360, 9000}};
    struct ry_video_facts facts = {
        .duration_s = 12.5, .width = 1920, .height = 1080, .mime_type = RY_STR("video/webm")};
    struct ry_clip_completed completed = {.clip_id = clip_id(f, number), .thumbnails = {rows, 2}, .facts = {&facts, 1}};
    struct ry_clip_settled settled = {0};
    IN_TRANSACTION(f, clip_completed(f->engine, &completed, found, &settled, &err));
    return settled;
}

/* The numbers of the clips claimed, joined by blanks, each with its attempts. */
static void assert_claimed(struct ry_clips_claimed claimed, const char *expected)
{
    char text[512] = "";
    size_t n = 0;
    for (size_t i = 0; i < claimed.clips.n; i++) {
        const struct ry_clip_work *work = &claimed.clips.items[i];
        char id[33];
        snprintf(id, sizeof id, "%.*s", RY_STR_ARG(work->clip_id));
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%lu:%lu", i ? " " : "", strtoul(id, NULL, 16),
                              (unsigned long)work->attempts);
    }
    assert_string_equal(text, expected);
}

/* ---- claims -------------------------------------------------------------------------------------------------- */

void claim_takes_new_then_left_then_due(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 8);
    /* 0 is left twice, 1 once, 2 failed and due, 3 failed and not due, 4 left in processing by another program. */
    assert_claimed(writer_claim_commit(f, OTHER, 4, 1000, false), "0:1 1:1 2:1 3:1");
    (void)fail_clip(f, 2, 1000, false);
    (void)fail_clip(f, 3, 3600000, false);
    ry_clock_manual_advance(&f->clock, 1000);
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'completed' WHERE filename > 'clip-3.mp4'");
    f->store->execute(f->store, "UPDATE clip SET deleted_at = updated_at WHERE filename = 'clip-1.mp4'");
    assert_claimed(writer_claim_commit(f, OTHER, 1, 1000, false), "0:2");
    ry_clock_manual_advance(&f->clock, 1000);
    f->store->execute(f->store, "UPDATE clip SET deleted_at = NULL");
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'processing' WHERE filename = 'clip-4.mp4'");
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'pending' WHERE filename > 'clip-4.mp4'");
    assert_claimed(writer_claim_commit(f, ME, 100, LEASE_MS, false), "5:1 6:1 7:1 4:1 1:2 0:3 2:1");
}

void claim_marks_and_leases(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 3);
    struct ry_clips_claimed claimed = writer_claim_commit(f, ME, 2, LEASE_MS, false);
    assert_claimed(claimed, "0:1 1:1");
    const struct ry_clip_work *work = &claimed.clips.items[1];
    ASSERT_STR(work->guild_id, "100");
    ASSERT_STR(work->channel_id, "200");
    ASSERT_STR(work->message_id, "100001");
    ASSERT_STR(work->filename, "clip-1.mp4");
    ASSERT_STR(work->url, "https://cdn.discordapp.com/1/clip.mp4?ex=1");
    assert_null(work->media_root.p);
    assert_int_equal(work->expires_wall_ms, f->clock.now_wall_ms + 86400000);
    assert_int_equal(work->file_size, 1001);
    assert_int_equal(work->retries, 0);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM clip WHERE thumbnail_status = 'processing'"), 2);
    writer_assert_text(f, "SELECT owner FROM reelyard_clip_lease", ME "," ME);
    assert_int_equal(writer_time_ms(f, "SELECT min(lease_until) FROM reelyard_clip_lease"),
                     WRITER_START_WALL_MS + LEASE_MS);
}

void claim_passes_over_what_is_leased_or_deleted(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 4);
    f->store->execute(f->store, "UPDATE clip SET deleted_at = updated_at WHERE filename = 'clip-1.mp4'");
    assert_claimed(writer_claim_commit(f, OTHER, 1, LEASE_MS, false), "0:1");
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "2:1 3:1");
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "");
    ry_clock_manual_advance(&f->clock, LEASE_MS - 1);
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "");
    ry_clock_manual_advance(&f->clock, 1);
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "0:2 2:2 3:2");
}

void claim_of_a_fresh_start_voids_its_former_self_only(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 4);
    (void)writer_claim_commit(f, MY_PAST, 1, LEASE_MS, true);
    (void)writer_claim_commit(f, OTHER, 1, LEASE_MS, true);
    (void)writer_claim_commit(f, "node-ab/1", 1, LEASE_MS, true);
    (void)writer_claim_commit(f, ME, 1, LEASE_MS, false);
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "");
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, true), "0:2");
}

void claim_says_when_to_come_again(void **state)
{
    struct writer_fixture *f = *state;
    assert_true(writer_claim_commit(f, ME, 10, LEASE_MS, false).next_due_ms == UINT64_MAX);
    write_clips(f, 0, 3);
    assert_int_equal(writer_claim_commit(f, ME, 1, LEASE_MS, false).next_due_ms, 0);
    assert_int_equal(writer_claim_commit(f, ME, 10, 2 * LEASE_MS, false).next_due_ms, LEASE_MS);
    (void)fail_clip(f, 1, 5000, false);
    assert_int_equal(writer_claim_commit(f, ME, 10, LEASE_MS, false).next_due_ms, 5000);
    (void)fail_clip(f, 0, INT64_MAX, false);
    (void)fail_clip(f, 2, INT64_MAX, false);
    assert_int_equal(writer_claim_commit(f, ME, 10, LEASE_MS, false).next_due_ms, 5000);
    ry_clock_manual_advance(&f->clock, 5000);
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "1:1");
    (void)fail_clip(f, 1, INT64_MAX, false);
    assert_true(writer_claim_commit(f, ME, 10, LEASE_MS, false).next_due_ms == UINT64_MAX);
}

void claim_brings_the_longest_media_root(void **state)
{
    struct writer_fixture *f = *state;
    static const struct {
        const char *url;
        const char *root; /* NULL: none */
    } cases[] = {
        {"file:///exports/a/media/x.mp4", "/exports/a"},
        {"file:///exports/a/b%20c/deep/x.mp4", "/exports/a/b c"},
        {"file:///exports/ab/x.mp4", NULL},
        {"file:///exports/a", NULL},
        {"file://host/exports/a/x.mp4", NULL},
        {"file:///exports/a/%zz.mp4", NULL},
        {"https://cdn.discordapp.com/exports/a/x.mp4", NULL},
    };
    static const char *const roots[] = {"/exports/a/", "/exports/a/b c", "/exports/a/b"};
    const unsigned n = sizeof cases / sizeof cases[0];
    for (unsigned i = 0; i < n; i++) {
        struct ry_batch_write *batch = writer_batch_make(f, i, 1);
        batch->media_root = ry_str_of(roots[i % 3]);
        batch->clips.items[0].url = ry_str_of(cases[i].url);
        (void)writer_batch_commit(f, batch, WRITER_BRISK);
    }
    struct ry_clips_claimed claimed = writer_claim_commit(f, ME, n, LEASE_MS, false);
    assert_int_equal(claimed.clips.n, n);
    for (unsigned i = 0; i < n; i++)
        if (!ry_str_is(claimed.clips.items[i].media_root, cases[i].root))
            fail_msg("%s: %.*s", cases[i].url, RY_STR_ARG(claimed.clips.items[i].media_root));
}

void renew_prolongs_own_leases_only(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 3);
    (void)writer_claim_commit(f, ME, 1, LEASE_MS, false);
    (void)writer_claim_commit(f, OTHER, 1, LEASE_MS, false);
    ry_clock_manual_advance(&f->clock, LEASE_MS - 1);
    struct ry_str ids[] = {clip_id(f, 0), clip_id(f, 1), clip_id(f, 2)};
    struct ry_clips_renew renew = {.owner = RY_STR(ME), .lease_ms = LEASE_MS, .clip_ids = {ids, 3}};
    struct ry_clips_renewed renewed;
    IN_TRANSACTION(f, clips_renew(f->engine, &renew, &renewed, &err));
    assert_int_equal(renewed.renewed, 1);
    ry_clock_manual_advance(&f->clock, LEASE_MS - 1);
    assert_claimed(writer_claim_commit(f, OTHER, 10, LEASE_MS, false), "2:1 1:2");
}

/* ---- outcomes ------------------------------------------------------------------------------------------------ */

void completed_records_everything_and_bears_repetition(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 1);
    (void)writer_claim_commit(f, ME, 1, LEASE_MS, false);
    (void)fail_clip(f, 0, 0, false);
    (void)writer_claim_commit(f, ME, 1, LEASE_MS, false);
    static char first[2048], second[2048];
    for (int round = 0; round < 2; round++) {
        bool found = false;
        struct ry_clip_settled settled = complete_clip(f, 0, &found);
        assert_true(found);
        assert_true(settled.completed);
        assert_true(settled.retry_ms == UINT64_MAX);
        f->store->ask(f->store,
                      "SELECT thumbnail_status || duration || resolution || mime_type || updated_at FROM clip"
                      " UNION ALL SELECT size_type || storage_path || width || height || file_size || mime_type || id"
                      " || updated_at FROM thumbnail ORDER BY 1",
                      round ? second : first, sizeof first);
        ry_clock_manual_advance(&f->clock, 1000);
    }
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "completed12.51920x1080video/webm"));
    assert_non_null(strstr(first, "smallthumbnails/s.webp3201804000image/webp"));
    assert_int_equal(writer_number(f, "SELECT count(*) FROM thumbnail"), 2);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM failed_thumbnail"), 0);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_clip_lease"), 0);
}

/* A mail that comes late, or from who was never given the clip, replaces nothing; a claim lets it be made again. */
void completed_clip_keeps_its_images_until_it_is_claimed_again(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 1);
    (void)writer_claim_commit(f, ME, 1, LEASE_MS, false);
    bool found = false;
    (void)complete_clip(f, 0, &found);
    struct ry_thumbnail_row row = {.size_type = RY_STR("small"),
                                   .storage_path = RY_STR("thumbnails/other.webp"),
                                   .width = 1,
                                   .height = 1,
                                   .file_size = 11};
    struct ry_video_facts facts = {.width = 1, .height = 1, .mime_type = RY_STR("text/html")};
    struct ry_clip_completed other = {.clip_id = clip_id(f, 0), .thumbnails = {&row, 1}, .facts = {&facts, 1}};
    struct ry_clip_settled settled;
    static char text[2048];
    for (int again = 0; again < 2; again++) {
        IN_TRANSACTION(f, clip_completed(f->engine, &other, &found, &settled, &err));
        assert_true(found);
        assert_true(settled.completed);
        f->store->ask(f->store,
                      "SELECT c.mime_type || t.storage_path FROM clip c JOIN thumbnail t ON t.clip_id = c.id"
                      " AND t.size_type = 'small'",
                      text, sizeof text);
        assert_string_equal(text, again ? "text/htmlthumbnails/other.webp" : "video/webmthumbnails/s.webp");
        f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'pending'");
        (void)writer_claim_commit(f, ME, 1, LEASE_MS, false);
    }
}

static void complete_with(struct writer_fixture *f, const struct ry_video_facts *facts)
{
    struct ry_thumbnail_row row = {RY_STR("small"), RY_STR("thumbnails/s.webp"), 320, 180, 4000};
    struct ry_video_facts copy = *facts;
    struct ry_clip_completed completed = {.clip_id = clip_id(f, 0), .thumbnails = {&row, 1}, .facts = {&copy, 1}};
    struct ry_clip_settled settled;
    bool found;
    IN_TRANSACTION(f, clip_completed(f->engine, &completed, &found, &settled, &err));
}

static void make_again(struct writer_fixture *f)
{
    f->store->execute(f->store, "UPDATE clip SET thumbnail_status = 'pending'");
    (void)writer_claim_commit(f, ME, 1, LEASE_MS, false);
}

void completed_clip_has_its_video_s_facts(void **state)
{
    struct writer_fixture *f = *state;
    static const char facts_of[] = "SELECT coalesce(container, '-') || ' ' || coalesce(video_codec, '-') || ' ' ||"
                                   " coalesce(audio_codec, '-') || ' ' || coalesce(thumbhash, '-') FROM reelyard_media";
    const struct ry_video_facts full = {.width = 1,
                                        .height = 1,
                                        .mime_type = RY_STR("video/mp4"),
                                        .container = RY_STR("mp4"),
                                        .video_codec = RY_STR("avc1.640028"),
                                        .audio_codec = RY_STR("mp4a.40.2"),
                                        .fps = 29.97,
                                        .bitrate = 5000000,
                                        .rotation = 90,
                                        .has_audio = true,
                                        .frame_time_s = 1.5,
                                        .thumbhash = RY_STR("3wcKnJqHh4iAiIiIiIeAdQj4eA==")};
    const struct ry_video_facts bare = {
        .width = 1, .height = 1, .mime_type = RY_STR("video/webm"), .container = RY_STR("webm")};
    const struct ry_video_facts none = {.width = 1, .height = 1, .mime_type = RY_STR("video/webm")};
    write_clips(f, 0, 1);
    (void)writer_claim_commit(f, ME, 1, LEASE_MS, false);
    complete_with(f, &full);
    complete_with(f, &bare); /* late: the first outcome stays */
    writer_assert_text(f, facts_of, "mp4 avc1.640028 mp4a.40.2 3wcKnJqHh4iAiIiIiIeAdQj4eA==");
    assert_int_equal(writer_number(f, "SELECT bitrate FROM reelyard_media WHERE has_audio AND fps > 29.9 AND fps < 30"
                                      " AND rotation = 90 AND frame_time_s = 1.5"),
                     5000000);
    make_again(f);
    complete_with(f, &none); /* by an encoder of an older version */
    writer_assert_text(f, facts_of, "mp4 avc1.640028 mp4a.40.2 3wcKnJqHh4iAiIiIiIeAdQj4eA==");
    make_again(f);
    complete_with(f, &bare);
    writer_assert_text(f, facts_of, "webm - - -");
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_media WHERE fps IS NULL AND bitrate IS NULL AND"
                                      " rotation = 0 AND NOT has_audio AND frame_time_s = 0 AND keep_state = 'none'"),
                     1);
}

void failed_counts_once_and_waits(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 1);
    for (int round = 1; round <= 2; round++) {
        assert_claimed(writer_claim_commit(f, ME, 1, LEASE_MS, false), "0:1");
        assert_int_equal(fail_clip(f, 0, 5000, false).retry_ms, 5000);
        ry_clock_manual_advance(&f->clock, 1000);
        /* The same mail again, late: counted once, and the wait goes on from where it was. */
        struct ry_clip_settled again = fail_clip(f, 0, 5000, false);
        assert_false(again.completed);
        assert_int_equal(again.retry_ms, 4000);
        assert_int_equal(writer_number(f, "SELECT retry_count FROM failed_thumbnail"), round);
        ry_clock_manual_advance(&f->clock, 4000);
    }
    writer_assert_text(f, "SELECT error_message FROM failed_thumbnail", "not a video");
    assert_int_equal(writer_time_ms(f, "SELECT last_attempted_at FROM failed_thumbnail"), WRITER_START_WALL_MS + 5000);
    assert_int_equal(writer_time_ms(f, "SELECT next_retry_at FROM failed_thumbnail"), WRITER_START_WALL_MS + 10000);
    struct ry_clips_claimed claimed = writer_claim_commit(f, ME, 1, LEASE_MS, false);
    assert_int_equal(claimed.clips.items[0].retries, 2);
}

/* The retry_count that counts is that of the row, whatever the claim said of it. */
void failure_waits_by_the_retry_count_of_its_row(void **state)
{
    struct writer_fixture *f = *state;
    static const struct retry_waits waits = {.ms = {1000, 5000, 7000}, .n = 3};
    const struct {
        const char *sql; /* what another program does before */
        int64_t wait_ms;
        unsigned retry_count; /* after */
    } cases[] = {
        {NULL, 1000, 1},
        {NULL, 5000, 2},
        {NULL, 7000, 3},
        {NULL, 7000, 4},
        {"UPDATE failed_thumbnail SET retry_count = 1", 5000, 2},
        {"UPDATE failed_thumbnail SET retry_count = 1000000", 7000, 1000001},
        {"DELETE FROM failed_thumbnail", 1000, 1},
    };
    (void)writer_batch_commit(f, writer_batch_make(f, 0, 1), WRITER_BRISK);
    struct ry_clip_failed failed = {.clip_id = clip_id(f, 0), .reason = RY_STR("not a video")};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_clip_settled settled = {0};
        bool found = false;
        assert_claimed(writer_claim_commit(f, ME, 1, LEASE_MS, false), "0:1");
        if (cases[i].sql != NULL)
            f->store->execute(f->store, cases[i].sql);
        IN_TRANSACTION(f, clip_failed(f->engine, &failed, &waits, &found, &settled, &err));
        assert_int_equal(settled.retry_ms, cases[i].wait_ms);
        assert_int_equal(writer_number(f, "SELECT retry_count FROM failed_thumbnail"), cases[i].retry_count);
        assert_int_equal(writer_time_ms(f, "SELECT next_retry_at FROM failed_thumbnail"),
                         ry_wall_ms(&f->clock.clock) + cases[i].wait_ms);
        ry_clock_manual_advance(&f->clock, cases[i].wait_ms);
    }
}

/* Claims one clip and fails it for good by the verdict of a version; "" is nobody's. */
static void fail_for_good(struct writer_fixture *f, unsigned number, const char *encoder)
{
    struct ry_clip_failed failed = {.clip_id = clip_id(f, number),
                                    .reason = RY_STR("audio only"),
                                    .class = RY_FAILURE_PERMANENT,
                                    .encoder = *encoder ? ry_str_of(encoder) : (struct ry_str){0}};
    struct ry_clip_settled settled = {0};
    bool found = false;
    ry_clock_manual_advance(&f->clock, 1);
    IN_TRANSACTION(f, clip_failed(f->engine, &failed, WRITER_WAIT(5000), &found, &settled, &err));
    assert_true(found);
    assert_false(settled.completed);
    assert_true(settled.retry_ms == UINT64_MAX);
}

/* Looks at all permanent failures, one a step; how many became due. */
static uint64_t review(struct writer_fixture *f)
{
    struct writer_review review = {.max = 1};
    uint64_t due = 0;
    do {
        IN_TRANSACTION(f, verdicts_review(f->engine, &review, &err));
        due += review.due;
    } while (review.more);
    return due;
}

/* A claim that tells the version, the look at the verdicts that follows, and a claim of what is due by it. */
static void claim_of_version(struct writer_fixture *f, const char *version, const char *expected, uint64_t due)
{
    struct ry_clips_claim claim = {
        .owner = RY_STR(ME), .limit = 100, .lease_ms = LEASE_MS, .encoder = ry_str_of(version)};
    struct ry_clips_claimed claimed = {0};
    ry_clock_manual_advance(&f->clock, 1);
    IN_TRANSACTION(f, clips_claim(f->engine, &claim, &f->arena, &claimed, &err));
    if (due > 0)
        assert_claimed(claimed, "");
    assert_int_equal(review(f), due);
    assert_int_equal(review(f), 0);
    if (due > 0)
        IN_TRANSACTION(f, clips_claim(f->engine, &claim, &f->arena, &claimed, &err));
    assert_claimed(claimed, expected);
}

static void assert_failures(struct writer_fixture *f, const char *expected)
{
    char text[256] = "";
    size_t n = 0;
    const struct ry_failed_get get = {.limit = 10};
    struct ry_failed_page page = {0};
    struct ry_error err = {0};
    assert_int_equal(f->engine->ops->failed_get(f->engine, &get, &f->arena, &page, &err), RY_OK);
    for (size_t i = 0; i < page.clips.n; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s:%.*s", i ? " " : "",
                              page.clips.items[i].class == RY_FAILURE_PERMANENT ? "permanent" : "passing",
                              RY_STR_ARG(page.clips.items[i].encoder));
    assert_string_equal(text, expected);
}

void permanent_failure_is_due_never_but_for_people(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 3);
    assert_claimed(writer_claim_commit(f, ME, 3, LEASE_MS, false), "0:1 1:1 2:1");
    fail_for_good(f, 0, "1, libavcodec 59");
    fail_for_good(f, 1, "");
    (void)fail_clip(f, 2, 5000, false);
    assert_failures(f, "permanent:1, libavcodec 59 permanent: passing:");
    struct ry_archive_state figures = {0};
    struct ry_error why = {0};
    assert_int_equal(f->engine->ops->archive_get(f->engine, &figures, &why), RY_OK);
    assert_int_equal(figures.clips_failed, 3);
    assert_int_equal(figures.clips_permanent, 2);
    /* The interface's column says so to others: a time that every client can read, far away. */
    assert_int_equal(
        writer_time_ms(f, "SELECT min(next_retry_at) FROM failed_thumbnail WHERE error_message = 'audio only'"),
        WRITER_NEVER_WALL_MS);
    ry_clock_manual_advance(&f->clock, INT64_C(10) * 365 * 86400000);
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "2:1");
    (void)fail_clip(f, 2, INT64_MAX, false);
    assert_true(writer_claim_commit(f, ME, 10, LEASE_MS, false).next_due_ms == UINT64_MAX);
    /* Stale work is not theirs: they are not pending. */
    const struct ry_clips_stale stale = {.older_ms = 1, .reason = RY_STR("stuck"), .limit = 10};
    struct ry_clips_staled staled;
    IN_TRANSACTION(f, clips_stale(f->engine, &stale, &staled, &err));
    assert_int_equal(staled.count, 0);
    struct ry_str id = clip_id(f, 1);
    const struct ry_failed_retry retry = {.clip_ids = {&id, 1}};
    struct ry_failed_retried retried;
    IN_TRANSACTION(f, failed_retry(f->engine, &retry, &retried, &err));
    assert_int_equal(retried.count, 1);
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "1:1");
    /* The next outcome counts, whatever the last one was. */
    (void)fail_clip(f, 1, 5000, false);
    assert_failures(f, "permanent:1, libavcodec 59 passing: passing:");
    ry_clock_manual_advance(&f->clock, 5000);
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "1:1");
    bool found = false;
    (void)complete_clip(f, 1, &found);
    IN_TRANSACTION(f, failed_retry(f->engine, &(struct ry_failed_retry){0}, &retried, &err));
    assert_int_equal(retried.count, 2);
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "0:1 2:1");
    (void)complete_clip(f, 0, &found);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_permanent_failure"), 0);
}

void another_version_of_the_encoder_tries_permanent_failures_once(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 4);
    claim_of_version(f, "one", "0:1 1:1 2:1 3:1", 0);
    fail_for_good(f, 0, "one");
    fail_for_good(f, 1, "");                 /* no encoder looked: none will see more */
    fail_for_good(f, 2, "two");              /* a version that was never told of itself */
    fail_for_good(f, 3, RY_ENCODER_UNKNOWN); /* is no version: nothing becomes due by it */
    claim_of_version(f, "one", "0:1", 1);    /* due since version two was heard of */
    fail_for_good(f, 0, "one");
    claim_of_version(f, "two", "", 0);
    claim_of_version(f, "three", "0:1 2:1 3:1", 3);
    fail_for_good(f, 0, "three");
    fail_for_good(f, 2, "three");
    fail_for_good(f, 3, "three");
    for (int i = 0; i < 2; i++) {
        claim_of_version(f, "three", "", 0);
        claim_of_version(f, "one", "", 0);
    }
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_encoder_version"), 3);
    f->store->execute(f->store, "DELETE FROM clip");
    assert_int_equal(writer_number(f, "SELECT count(*) FROM reelyard_permanent_failure"), 0);
}

void completed_wins_over_a_late_failure(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 1);
    (void)writer_claim_commit(f, ME, 1, LEASE_MS, false);
    bool found = false;
    (void)complete_clip(f, 0, &found);
    assert_true(fail_clip(f, 0, 5000, false).completed);
    assert_true(fail_clip(f, 0, 5000, true).completed);
    writer_assert_text(f, "SELECT thumbnail_status FROM clip", "completed");
    assert_int_equal(writer_number(f, "SELECT count(*) FROM failed_thumbnail"), 0);
}

void released_clip_is_pending_and_uncounted(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 1);
    assert_claimed(writer_claim_commit(f, ME, 1, LEASE_MS, false), "0:1");
    struct ry_clip_settled settled = fail_clip(f, 0, 0, true);
    assert_false(settled.completed);
    assert_int_equal(settled.retry_ms, 0);
    writer_assert_text(f, "SELECT thumbnail_status FROM clip", "pending");
    assert_claimed(writer_claim_commit(f, ME, 1, LEASE_MS, false), "0:1");
    ry_clock_manual_advance(&f->clock, LEASE_MS);
    assert_claimed(writer_claim_commit(f, ME, 1, LEASE_MS, false), "0:2");
    (void)fail_clip(f, 0, 0, true);
    (void)fail_clip(f, 0, 0, true); /* twice is once */
    write_clips(f, 1, 1);           /* nobody left this one yet, so it comes first */
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "1:1 0:2");
    assert_int_equal(writer_number(f, "SELECT count(*) FROM failed_thumbnail"), 0);
}

void outcome_of_a_clip_that_is_gone(void **state)
{
    struct writer_fixture *f = *state;
    bool found = true;
    struct ry_clip_settled settled = complete_clip(f, 0, &found);
    assert_false(found);
    assert_false(settled.completed);
    ASSERT_STR(settled.clip_id, "00000000000000000000000000000000");
    struct ry_clip_failed failed = {.clip_id = clip_id(f, 0), .reason = RY_STR("x")};
    found = true;
    IN_TRANSACTION(f, clip_failed(f->engine, &failed, WRITER_WAIT(5000), &found, &settled, &err));
    assert_false(found);
    assert_true(settled.retry_ms == UINT64_MAX);
    assert_int_equal(writer_number(f, "SELECT count(*) FROM thumbnail"), 0);
}

void failed_retry_takes_named_or_all(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 6);
    (void)writer_claim_commit(f, ME, 5, LEASE_MS, false);
    for (unsigned i = 0; i < 4; i++)
        (void)fail_clip(f, i, INT64_MAX, false);
    struct ry_str ids[] = {clip_id(f, 2), clip_id(f, 4), clip_id(f, 5), RY_STR("no such clip")};
    struct ry_failed_retry retry = {.clip_ids = {ids, 4}};
    struct ry_failed_retried retried;
    IN_TRANSACTION(f, failed_retry(f->engine, &retry, &retried, &err));
    assert_int_equal(retried.count, 1);
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "2:1 5:1");
    IN_TRANSACTION(f, failed_retry(f->engine, &(struct ry_failed_retry){0}, &retried, &err));
    assert_int_equal(retried.count, 3);
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "0:1 1:1 3:1");
}

static void fail_because(struct writer_fixture *f, unsigned number, const char *reason)
{
    struct ry_clip_failed failed = {.clip_id = clip_id(f, number), .reason = ry_str_of(reason)};
    struct ry_clip_settled settled = {0};
    bool found = false;
    IN_TRANSACTION(f, clip_failed(f->engine, &failed, WRITER_WAIT(INT64_MAX), &found, &settled, &err));
    assert_true(found);
}

/* A page of failures as "kind*alike kind*alike ...". */
static void assert_kinds(struct writer_fixture *f, struct ry_failed_get get, const char *expected)
{
    char text[512] = "";
    size_t n = 0;
    struct ry_failed_page page = {0};
    struct ry_error err = {0};
    assert_int_equal(f->engine->ops->failed_get(f->engine, &get, &f->arena, &page, &err), RY_OK);
    for (size_t i = 0; i < page.clips.n; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s*%u", i ? ", " : "",
                              RY_STR_ARG(page.clips.items[i].kind), (unsigned)page.clips.items[i].alike);
        assert_true(page.clips.items[i].url.n > 0);
    }
    assert_string_equal(text, expected);
}

void failures_of_one_kind_are_counted_listed_and_retried_together(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 7);
    (void)writer_claim_commit(f, ME, 7, LEASE_MS, false);
    fail_because(f, 0, "clip-0.mp4 is empty");
    fail_because(f, 1, "clip-1.mp4 is no video");
    fail_because(f, 2, "another.mp4 is empty");
    fail_because(f, 3, "clip-3.mp4 is empty");
    fail_because(f, 4, "clip-4.mp4 is empty");
    fail_because(f, 5, "clip-5.mp4 ");
    assert_kinds(f, (struct ry_failed_get){.limit = 10, .each = 2},
                 "is empty*3, is empty*3, *1, another.mp4 is empty*1, is no video*1");
    assert_kinds(f, (struct ry_failed_get){.limit = 10, .each = 1},
                 "is empty*3, *1, another.mp4 is empty*1, is no video*1");
    assert_kinds(f, (struct ry_failed_get){.limit = 10, .kind = RY_STR("is empty")},
                 "is empty*0, is empty*0, is empty*0");
    assert_kinds(f, (struct ry_failed_get){.limit = 10, .kind = RY_STR("is empty"), .after_id = clip_id(f, 3)},
                 "is empty*0");
    assert_kinds(f, (struct ry_failed_get){.limit = 10, .kind = RY_STR("is")}, "");
    struct ry_failed_retried retried;
    struct ry_failed_retry retry = {.kind = RY_STR("is empty")};
    IN_TRANSACTION(f, failed_retry(f->engine, &retry, &retried, &err));
    assert_int_equal(retried.count, 3);
    assert_claimed(writer_claim_commit(f, ME, 10, LEASE_MS, false), "0:1 3:1 4:1");
    /* One with thumbnails is made again only if that is asked for, and it is named. */
    bool found = false;
    (void)complete_clip(f, 6, &found);
    struct ry_str id = clip_id(f, 6);
    retry = (struct ry_failed_retry){.clip_ids = {&id, 1}};
    IN_TRANSACTION(f, failed_retry(f->engine, &retry, &retried, &err));
    assert_int_equal(retried.count, 0);
    retry.completed = true;
    IN_TRANSACTION(f, failed_retry(f->engine, &retry, &retried, &err));
    assert_int_equal(retried.count, 1);
    (void)complete_clip(f, 6, &found);
    IN_TRANSACTION(f, failed_retry(f->engine, &(struct ry_failed_retry){.completed = true}, &retried, &err));
    assert_int_equal(retried.count, 3);
}

/* ---- looking after ------------------------------------------------------------------------------------------- */

static uint64_t mark_stale(struct writer_fixture *f, const char *guild_id, uint64_t limit)
{
    struct ry_clips_stale stale = {.guild_id = guild_id ? ry_str_of(guild_id) : (struct ry_str){0},
                                   .older_ms = 2 * LEASE_MS,
                                   .reason = RY_STR("nobody worked on it"),
                                   .limit = limit};
    struct ry_clips_staled staled;
    IN_TRANSACTION(f, clips_stale(f->engine, &stale, &staled, &err));
    return staled.count;
}

void stale_clips_fail_and_are_due_at_once(void **state)
{
    struct writer_fixture *f = *state;
    bool found = false;
    write_clips(f, 0, 5);
    assert_claimed(writer_claim_commit(f, ME, 1, LEASE_MS, false), "0:1");      /* its lease ends */
    assert_claimed(writer_claim_commit(f, ME, 1, 10 * LEASE_MS, false), "1:1"); /* is still worked on */
    (void)complete_clip(f, 2, &found);
    ry_clock_manual_advance(&f->clock, 2 * LEASE_MS);
    write_clips(f, 5, 1); /* waits for nothing yet */
    assert_int_equal(mark_stale(f, "101", 10), 0);
    assert_int_equal(mark_stale(f, "100", 2), 2);
    assert_int_equal(mark_stale(f, "global", 2), 1);
    assert_int_equal(mark_stale(f, NULL, 2), 0);
    writer_assert_text(f, "SELECT thumbnail_status FROM clip ORDER BY id",
                       "failed,processing,completed,failed,failed,pending");
    writer_assert_text(f, "SELECT error_message FROM failed_thumbnail",
                       "nobody worked on it,nobody worked on it,nobody worked on it");
    assert_int_equal(writer_time_ms(f, "SELECT max(next_retry_at) FROM failed_thumbnail"), f->clock.now_wall_ms);
    assert_int_equal(writer_claim_commit(f, ME, 10, LEASE_MS, false).clips.n, 4);
}

void fresh_urls_are_stored(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 2);
    ry_clock_manual_advance(&f->clock, 1000);
    struct ry_url_row rows[] = {
        {clip_id(f, 0), RY_STR("https://cdn.discordapp.com/fresh"), f->clock.now_wall_ms + 5000},
        {clip_id(f, 9), RY_STR("https://cdn.discordapp.com/gone"), f->clock.now_wall_ms}};
    struct ry_urls_store urls = {.urls = {rows, 2}};
    IN_TRANSACTION(f, urls_store(f->engine, &urls, &err));
    writer_assert_text(f, "SELECT cdn_url FROM clip ORDER BY id",
                       "https://cdn.discordapp.com/fresh,https://cdn.discordapp.com/1/clip.mp4?ex=1");
    assert_int_equal(writer_time_ms(f, "SELECT expires_at FROM clip WHERE filename = 'clip-0.mp4'"),
                     f->clock.now_wall_ms + 5000);
    assert_int_equal(writer_time_ms(f, "SELECT updated_at FROM clip WHERE filename = 'clip-0.mp4'"),
                     f->clock.now_wall_ms);
}

/* A clock that jumped ahead, by more than the server's tells, and was set right. */
void clock_that_was_ahead_puts_nothing_off(void **state)
{
    struct writer_fixture *f = *state;
    write_clips(f, 0, 4);
    uint64_t corrected = 0;
    assert_int_equal(writer_claim_commit(f, ME, 4, LEASE_MS, false).clips.n, 4);
    (void)fail_clip(f, 0, INT64_C(7) * 86400000, false); /* put off by the right clock, and for long */
    int64_t right_wall_ms = f->clock.now_wall_ms;
    f->clock.now_wall_ms += INT64_C(100) * 365 * 86400000;
    (void)fail_clip(f, 1, 5000, false);
    fail_for_good(f, 2, "1");
    assert_int_equal(writer_claim_commit(f, ME, 1, LEASE_MS, false).clips.n, 1); /* clip 3 anew */
    IN_TRANSACTION(f, clock_correct(f->engine, &corrected, &err));
    assert_int_equal(corrected, 0); /* by that clock all is well */
    f->clock.now_wall_ms = right_wall_ms;
    assert_int_equal(writer_claim_commit(f, ME, 4, LEASE_MS, false).clips.n, 0);
    IN_TRANSACTION(f, clock_correct(f->engine, &corrected, &err));
    assert_int_equal(corrected, 2);
    assert_claimed(writer_claim_commit(f, ME, 4, LEASE_MS, false), "3:3 1:1");
    IN_TRANSACTION(f, clock_correct(f->engine, &corrected, &err));
    assert_int_equal(corrected, 0);
}
