/* downloader_keep_test.c: originals from servers of all kinds, against the fake CDN: the test plays the scheduler, and a
 * storage that puts the bytes together. */
#include "tests/bed/download_bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What storage has. */
struct kept {
    char *bytes;
    uint64_t n;
    uint64_t total;
    unsigned begins;
    char validator[300];
};

static uint64_t keep_remote(struct download_bench *bench, const char *path)
{
    char url[256];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/%s?hm=signature", fake_port(bench->fake), path);
    struct ry_clip_work clip = {.clip_id = RY_STR(DOWNLOAD_CLIP_ID),
                                .guild_id = RY_STR("41771983423143937"),
                                .channel_id = RY_STR("1424914917202464798"),
                                .message_id = RY_STR("1297213456789012480"),
                                .filename = RY_STR("holiday.mp4"),
                                .url = ry_str_of(url)};
    const struct ry_media_keep message = {.clips = {&clip, 1}};
    return BED_DELIVER(bench->bed, media_keep, &message, NULL);
}

static void on_begin(struct download_bench *bench, struct kept *kept)
{
    const struct ry_media_begin *begin = BED_EXPECT(bench->bed, media_begin);
    uint64_t id = bed_envelope(bench->bed)->id;
    bool same = kept->total == begin->total && begin->validator.n > 0 && ry_str_is(begin->validator, kept->validator);
    if (!same)
        kept->n = 0;
    kept->total = begin->total;
    kept->begins++;
    (void)snprintf(kept->validator, sizeof kept->validator, "%.*s", RY_STR_ARG(begin->validator));
    kept->bytes = realloc(kept->bytes, kept->total);
    assert_non_null(kept->bytes);
    BED_ANSWER(bench->bed, id, media_begun, &(struct ry_media_begun){.offset = kept->n});
}

static void on_write(struct download_bench *bench, struct kept *kept)
{
    const struct ry_media_write *write = BED_EXPECT(bench->bed, media_write);
    uint64_t id = bed_envelope(bench->bed)->id;
    assert_int_equal(write->offset, kept->n);
    assert_true(write->bytes.n <= kept->total - kept->n);
    memcpy(kept->bytes + kept->n, write->bytes.p, write->bytes.n);
    kept->n += write->bytes.n;
    BED_ANSWER(bench->bed, id, media_written, &(struct ry_media_written){.offset = kept->n});
}

/* Plays storage until the tag that ends it comes next, or so many bytes are there. */
static enum ry_tag store(struct download_bench *bench, struct kept *kept, uint64_t enough)
{
    for (;;) {
        download_listen_for_more(bench);
        enum ry_tag tag = bed_next_tag(bench->bed);
        if (tag == RY_TAG_media_begin)
            on_begin(bench, kept);
        else if (tag == RY_TAG_media_write && kept->n < enough)
            on_write(bench, kept);
        else if (tag == RY_TAG_download_pace)
            (void)BED_EXPECT(bench->bed, download_pace);
        else
            return tag;
    }
}

/* The bytes are those of the served file. */
static void assert_served(struct download_bench *bench, const struct kept *kept, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", bench->served, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *bytes = malloc(kept->n + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, kept->n + 1, file), kept->n);
    assert_memory_equal(bytes, kept->bytes, kept->n);
    free(bytes);
    (void)fclose(file);
}

static void expect_commit(struct download_bench *bench, uint64_t id)
{
    const struct ry_media_commit *commit = BED_EXPECT(bench->bed, media_commit);
    assert_true(ry_str_is(commit->filename, "holiday.mp4"));
    BED_ANSWER(bench->bed, bed_envelope(bench->bed)->id, media_committed, &(struct ry_media_committed){0});
    bed_expect_done(bench->bed, id);
}

static void original_comes_from_every_kind_of_server(void **state)
{
    (void)state;
    static const char *const ways[] = {"ok",    "norange", "chunked",  "short",   "slow",
                                       "flaky", "busy",    "cutrange", "redirect"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct download_bench *bench = download_bench_with_fake(NULL);
        struct kept kept = {0};
        char path[64];
        (void)snprintf(path, sizeof path, "%s/clip.mp4", ways[i]);
        uint64_t id = keep_remote(bench, path);
        enum ry_tag tag = store(bench, &kept, UINT64_MAX);
        if (tag != RY_TAG_media_commit)
            fail_msg("%s: %s comes instead of a commit", ways[i], ry_descriptor(tag)->record.name);
        expect_commit(bench, id);
        assert_int_equal(kept.n, DOWNLOAD_FILE_BYTES);
        assert_served(bench, &kept, "clip.mp4");
        free(kept.bytes);
        download_bench_free(bench);
    }
}

static void original_goes_on_where_storage_is_after_a_crash(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    struct kept kept = {0};
    (void)keep_remote(bench, "ok/clip.mp4");
    assert_int_equal(store(bench, &kept, 1), RY_TAG_media_write);
    uint64_t before = kept.n;
    assert_true(before > 0 && before < DOWNLOAD_FILE_BYTES);
    bed_restart(bench->bed);
    uint64_t bytes = fake_stat(bench->fake, "bytes");
    uint64_t id = keep_remote(bench, "ok/clip.mp4");
    assert_int_equal(store(bench, &kept, UINT64_MAX), RY_TAG_media_commit);
    expect_commit(bench, id);
    assert_int_equal(kept.begins, 2);
    assert_served(bench, &kept, "clip.mp4");
    /* The first window tells whether it is the same file; what lies behind it is not fetched twice. */
    assert_true(fake_stat(bench->fake, "bytes") - bytes <= DOWNLOAD_FILE_BYTES - before + 262144);
    free(kept.bytes);
    download_bench_free(bench);
}

static void original_that_changes_begins_anew_once(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    struct kept kept = {0};
    uint64_t id = keep_remote(bench, "changes/clip.mp4");
    assert_int_equal(store(bench, &kept, UINT64_MAX), RY_TAG_media_commit);
    expect_commit(bench, id);
    assert_int_equal(kept.begins, 2);
    assert_served(bench, &kept, "clip.mp4");
    free(kept.bytes);
    download_bench_free(bench);
}

static void original_that_cannot_be_had_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *words;
        bool permanent;
        bool gone;
        bool asks; /* the server says how long to wait */
    } rows[] = {
        {"gone/clip.mp4", "its server says 404", true, true, false},
        {"expired/clip.mp4", "its server says 403", false, false, false},
        {"never/clip.mp4", "limits requests (429)", false, false, true},
        {"until/clip.mp4", "internal error (503)", false, false, true},
        {"lie/clip.mp4", "other bytes than it was asked for", false, false, false},
        {"more/clip.mp4", "sends more than it announced", false, false, false},
        {"gzip/clip.mp4", "compresses it", false, false, false},
        {"away/clip.mp4", "is not among the allowed hosts", false, false, false},
        {"ok/empty.mp4", "is empty (0 bytes)", true, false, false},
        {"cut/clip.mp4", "closed the connection during", false, false, false},
        {"restless/clip.mp4", "changed on its server", false, false, false},
        {"nototal/clip.mp4", "does not tell its size", false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct download_bench *bench = download_bench_with_fake(NULL);
        struct kept kept = {0};
        uint64_t id = keep_remote(bench, rows[i].path);
        enum ry_tag tag = store(bench, &kept, UINT64_MAX);
        if (tag != RY_TAG_clip_keep_failed)
            fail_msg("%s: %s comes instead of a failure", rows[i].path, ry_descriptor(tag)->record.name);
        const struct ry_clip_keep_failed *failed = BED_EXPECT(bench->bed, clip_keep_failed);
        if (memmem(failed->reason.p, failed->reason.n, rows[i].words, strlen(rows[i].words)) == NULL)
            fail_msg("%s: '%.*s' has no '%s'", rows[i].path, RY_STR_ARG(failed->reason), rows[i].words);
        if ((failed->class == RY_FAILURE_PERMANENT) != rows[i].permanent || failed->gone != rows[i].gone ||
            (failed->next_retry_ms > 0) != rows[i].asks || failed->release)
            fail_msg("%s: class %" PRIu64 ", gone %d, retry %" PRIu64 ", release %d", rows[i].path, failed->class,
                     failed->gone, failed->next_retry_ms, failed->release);
        assert_null(memmem(failed->reason.p, failed->reason.n, "signature", 9));
        bed_expect_done(bench->bed, id);
        free(kept.bytes);
        download_bench_free(bench);
    }
}

static void store_without_room_gives_the_clip_back(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    for (int at_write = 0; at_write < 2; at_write++) {
        struct kept kept = {0};
        uint64_t id = keep_remote(bench, "ok/clip.mp4");
        if (at_write) {
            assert_int_equal(store(bench, &kept, 1), RY_TAG_media_write);
            (void)BED_EXPECT(bench->bed, media_write);
            const struct ry_media_written no = {.error = RY_STR("waits for room"), .away = true};
            BED_ANSWER(bench->bed, bed_envelope(bench->bed)->id, media_written, &no);
        } else {
            download_listen_for_more(bench);
            (void)BED_EXPECT(bench->bed, media_begin);
            const struct ry_media_begun no = {.error = RY_STR("waits for room"), .away = true};
            BED_ANSWER(bench->bed, bed_envelope(bench->bed)->id, media_begun, &no);
        }
        const struct ry_clip_keep_failed *failed = BED_EXPECT(bench->bed, clip_keep_failed);
        assert_true(failed->release && failed->away);
        assert_true(ry_str_is(failed->reason, "holiday.mp4 waits for room"));
        bed_expect_done(bench->bed, id);
        free(kept.bytes);
    }
    download_bench_free(bench);
}

static void drain_gives_originals_back_at_once(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    struct kept kept = {0};
    uint64_t id = keep_remote(bench, "ok/clip.mp4");
    assert_int_equal(store(bench, &kept, 1), RY_TAG_media_write);
    (void)BED_EXPECT(bench->bed, media_write);
    bed_drain(bench->bed);
    assert_true(BED_EXPECT(bench->bed, clip_keep_failed)->release);
    bed_expect_done(bench->bed, id);
    assert_true(bed_finished(bench->bed));
    free(kept.bytes);
    download_bench_free(bench);
}

static void file_of_this_host_is_copied_by_storage(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(NULL);
    struct ry_clip_work clip = {.clip_id = RY_STR(DOWNLOAD_CLIP_ID),
                                .guild_id = RY_STR("41771983423143937"),
                                .channel_id = RY_STR("1424914917202464798"),
                                .message_id = RY_STR("1297213456789012480"),
                                .filename = RY_STR("holiday.mp4"),
                                .url = RY_STR("file:///somewhere/clip.mp4"),
                                .media_root = RY_STR("/somewhere")};
    const struct ry_media_keep message = {.clips = {&clip, 1}};
    uint64_t id = BED_DELIVER(bench->bed, media_keep, &message, NULL);
    for (int i = 0; i < 3; i++) {
        const struct ry_media_copy *copy = BED_EXPECT(bench->bed, media_copy);
        assert_true(ry_str_is(copy->url, "file:///somewhere/clip.mp4") && ry_str_is(copy->media_root, "/somewhere"));
        BED_ANSWER(bench->bed, bed_envelope(bench->bed)->id, media_copied, &(struct ry_media_copied){.more = i < 2});
    }
    bed_expect_done(bench->bed, id);
    id = BED_DELIVER(bench->bed, media_keep, &message, NULL);
    (void)BED_EXPECT(bench->bed, media_copy);
    const struct ry_media_copied gone = {.error = RY_STR("is missing"), .class = RY_FAILURE_PERMANENT, .gone = true};
    BED_ANSWER(bench->bed, bed_envelope(bench->bed)->id, media_copied, &gone);
    const struct ry_clip_keep_failed *failed = BED_EXPECT(bench->bed, clip_keep_failed);
    assert_true(failed->gone && failed->class == RY_FAILURE_PERMANENT);
    bed_expect_done(bench->bed, id);
    download_bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(original_comes_from_every_kind_of_server),
        cmocka_unit_test(original_goes_on_where_storage_is_after_a_crash),
        cmocka_unit_test(original_that_changes_begins_anew_once),
        cmocka_unit_test(original_that_cannot_be_had_says_why),
        cmocka_unit_test(store_without_room_gives_the_clip_back),
        cmocka_unit_test(drain_gives_originals_back_at_once),
        cmocka_unit_test(file_of_this_host_is_copied_by_storage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
