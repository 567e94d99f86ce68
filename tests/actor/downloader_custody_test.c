/* downloader_custody_test.c: mail that comes twice, draining, the end in the middle, and the reasons that are reported.
 */
#include "tests/bed/download_bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void downloader_bears_the_same_mail_twice(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(NULL);
    char url[256];
    (void)snprintf(url, sizeof url, "file://%s/small.mp4", bench->root);
    uint64_t id = download_make_file(bench, "/small.mp4");
    download_expect_run(bench);
    uint64_t first = download_run_id(bench);
    struct ry_clip_work clip = {.clip_id = RY_STR(DOWNLOAD_CLIP_ID),
                                .guild_id = RY_STR("1"),
                                .channel_id = RY_STR("1"),
                                .message_id = RY_STR("1"),
                                .filename = RY_STR("holiday.mp4"),
                                .url = ry_str_of(url),
                                .media_root = ry_str_of(bench->root)};
    const struct ry_thumbnail_make message = {.clips = {&clip, 1}};
    bed_restart(bench->bed); /* the first instance died with it */
    bed_redeliver(bench->bed, id, 2, RY_TAG_thumbnail_make, &message, NULL);
    download_check_windows(download_expect_run(bench), DOWNLOAD_SMALL_BYTES);
    uint64_t second = download_run_id(bench);
    assert_int_not_equal(first, second);
    download_answer_done(bench, first);
    bed_expect_nothing(bench->bed);
    download_answer_done(bench, second);
    bed_expect_done(bench->bed, id);
    download_bench_free(bench);
}

static void downloader_works_on_a_clip_twice_at_a_time(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(NULL);
    uint64_t a = download_make_file(bench, "/small.mp4");
    uint64_t b = download_make_file(bench, "/small.mp4");
    download_expect_run(bench);
    uint64_t run_a = download_run_id(bench);
    download_expect_run(bench);
    download_answer_done(bench, download_run_id(bench));
    bed_expect_done(bench->bed, b);
    download_answer_done(bench, run_a);
    bed_expect_done(bench->bed, a);
    download_bench_free(bench);
}

static void downloader_finishes_what_it_holds_when_asked_to_drain(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    uint64_t id = download_make_remote(bench, "ok/clip.mp4");
    bed_drain(bench->bed);
    assert_false(bed_finished(bench->bed));
    download_expect_run(bench);
    assert_false(bed_finished(bench->bed));
    download_answer_done(bench, download_run_id(bench));
    bed_expect_done(bench->bed, id);
    assert_true(bed_finished(bench->bed));
    download_bench_free(bench);
}

static void downloader_ends_in_the_middle_of_everything(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    download_make_file(bench, "/clip.mp4");        /* at the encoder */
    download_make_remote(bench, "stall/clip.mp4"); /* in the middle of a body */
    download_make_remote(bench, "hang/clip.mp4");  /* waiting for a head */
    uint64_t id = download_make_file(bench, "/clip.mp4");
    download_expect_run(bench);
    download_expect_run(bench);
    bed_undeliverable(bench->bed, download_run_id(bench), id, RY_TAG_encode_run, RY_UNDELIVERABLE_FULL); /* paused */
    while (fake_stat(bench->fake, "bytes") == 0)
        assert_true(bed_wait_engine(bench->bed, PATIENCE_MS));
    download_bench_free(bench); /* the sanitizer tells of what is left */
}

static void downloader_names_any_file_in_one_line(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(NULL);
    char name[1024];
    for (size_t i = 0; i + 3 <= sizeof name; i += 3)
        memcpy(name + i, "漢", 3);
    const struct ry_str names[] = {{name, 1023}, RY_STR("two\nlines\x1b[31m.mp4")};
    for (size_t i = 0; i < 2; i++) {
        const struct ry_clip_work work = {.url = RY_STR("file:///x"), .filename = names[i]};
        uint64_t id = download_make(bench, &work);
        const struct ry_clip_failed *failed = BED_EXPECT(bench->bed, clip_failed);
        assert_true(ry_str_is_utf8(failed->reason));
        assert_true(ry_str_ends(failed->reason, RY_STR("the folder that it lies in"), false));
        for (size_t k = 0; k < failed->reason.n; k++)
            assert_true((unsigned char)failed->reason.p[k] >= ' ');
        bed_expect_done(bench->bed, id);
    }
    download_bench_free(bench);
}

static void downloader_passes_on_whose_verdict_a_failure_is(void **state)
{
    (void)state;
    static const struct {
        bool answered; /* by the encoder; else its mail ended */
        uint64_t class;
        const char *version; /* of the answer; NULL: an older encoder says none */
        const char *encoder; /* of the failure; NULL: nobody's */
        const char *reason;
    } rows[] = {
        {true, RY_FAILURE_PERMANENT, "1, libavcodec 59", "1, libavcodec 59",
         "holiday.mp4 gives no thumbnail: audio only"},
        {true, RY_FAILURE_PASSING, "1, libavcodec 59", "1, libavcodec 59",
         "holiday.mp4 gives no thumbnail: audio only"},
        {true, RY_FAILURE_PASSING, NULL, NULL, "holiday.mp4 gives no thumbnail: audio only"},
        {false, RY_FAILURE_PERMANENT, NULL, "unknown", "holiday.mp4 gives no thumbnail: audio only"},
        {false, RY_FAILURE_PASSING, NULL, NULL, "holiday.mp4 could not be decoded: audio only"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct download_bench *bench = download_bench_new(NULL);
        uint64_t id = download_make_file(bench, "/small.mp4");
        download_expect_run(bench);
        const struct ry_encode_failed failed = {.reason = RY_STR("audio only"),
                                                .class = rows[i].class,
                                                .encoder = rows[i].version ? ry_str_of(rows[i].version)
                                                                           : (struct ry_str){NULL, 0}};
        const struct ry_undeliverable lost = {.id = download_run_id(bench),
                                              .origin = id,
                                              .tag = RY_TAG_encode_run,
                                              .cause = RY_UNDELIVERABLE_DEAD,
                                              .reason = RY_STR("audio only"),
                                              .class = rows[i].class};
        if (rows[i].answered)
            BED_ANSWER(bench->bed, download_run_id(bench), encode_failed, &failed);
        else
            BED_ANSWER(bench->bed, lost.id, undeliverable, &lost);
        const struct ry_clip_failed *told = BED_EXPECT(bench->bed, clip_failed);
        assert_true(ry_str_is(told->reason, rows[i].reason));
        assert_int_equal(told->class, rows[i].class);
        if (rows[i].encoder)
            assert_true(ry_str_is(told->encoder, rows[i].encoder));
        else
            assert_null(told->encoder.p);
        bed_expect_done(bench->bed, id);
        download_bench_free(bench);
    }
}

static void downloader_refuses_a_malformed_list_of_hosts(void **state)
{
    (void)state;
    struct ry_error err;
    bed_new_fails(&ry_downloader_spec, (bed_option[]){{"allowed_hosts", "http://a.example"}, {NULL, NULL}}, &err);
    assert_int_equal(err.code, RY_ECONFIG);
    assert_non_null(strstr(err.text, "http://a.example"));
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(downloader_passes_on_whose_verdict_a_failure_is),
        cmocka_unit_test(downloader_bears_the_same_mail_twice),
        cmocka_unit_test(downloader_works_on_a_clip_twice_at_a_time),
        cmocka_unit_test(downloader_finishes_what_it_holds_when_asked_to_drain),
        cmocka_unit_test(downloader_ends_in_the_middle_of_everything),
        cmocka_unit_test(downloader_names_any_file_in_one_line),
        cmocka_unit_test(downloader_refuses_a_malformed_list_of_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
