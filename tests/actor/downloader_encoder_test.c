/* downloader_encoder_test.c: the conversation with the encoder: rounds, limits, encoders that are full, silent or die.
 */
#include "tests/bed/download_bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DOWNLOAD_HUGE_BYTES (UINT64_C(4) << 30)

static void downloader_tells_the_encoder_when_a_round_is_the_last(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new((bed_option[]){{"download_window", "4096"}, {NULL, NULL}});
    char path[128];
    (void)snprintf(path, sizeof path, "%s/clip.mp4", bench->root);
    assert_int_equal(truncate(path, (off_t)DOWNLOAD_HUGE_BYTES), 0); /* sparse */
    uint64_t id = download_make_file(bench, "/clip.mp4");
    const struct ry_encode_run *run = download_expect_run(bench);
    unsigned rounds = 1;
    for (; !run->last_round; rounds++) {
        download_answer_needs(bench, download_run_id(bench), DOWNLOAD_HUGE_BYTES / 100 * rounds, 10);
        run = download_expect_run(bench);
    }
    assert_int_equal(rounds, 24);
    download_answer_needs(bench, download_run_id(bench), 10000, 10);
    download_expect_failure(bench, id, "shows no picture within 24 rounds");
    download_bench_free(bench);
}

static void downloader_holds_no_more_of_a_video_than_it_may(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(NULL);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/clip.mp4", bench->root);
    assert_int_equal(truncate(path, (off_t)DOWNLOAD_HUGE_BYTES), 0); /* sparse */
    uint64_t id = download_make_file(bench, "/clip.mp4");
    download_expect_run(bench);
    download_answer_needs(bench, download_run_id(bench), 1000000, DOWNLOAD_HUGE_BYTES);
    const struct ry_encode_run *run = download_expect_run(bench);
    assert_true(run->last_round);
    uint64_t held = 0;
    for (size_t i = 0; i < run->windows.n; i++)
        held += run->windows.items[i].bytes.n;
    assert_int_equal(held, 64 << 20);
    download_answer_done(bench, download_run_id(bench));
    bed_expect_done(bench->bed, id);
    download_bench_free(bench);
}

static void downloader_ends_when_nothing_is_missing(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    uint64_t id = download_make_file(bench, "/clip.mp4");
    assert_false(download_expect_run(bench)->last_round);
    download_answer_needs(bench, download_run_id(bench), 100, 10); /* it has that */
    assert_true(download_expect_run(bench)->last_round);
    download_answer_done(bench, download_run_id(bench));
    bed_expect_done(bench->bed, id);
    id = download_make_remote(bench, "nototal/clip.mp4");
    download_expect_run(bench);
    download_answer_needs(bench, download_run_id(bench), DOWNLOAD_FILE_BYTES + 100000,
                          10); /* behind an end that nobody told of */
    assert_true(download_expect_run(bench)->last_round);
    download_answer_done(bench, download_run_id(bench));
    bed_expect_done(bench->bed, id);
    download_bench_free(bench);
}

static void downloader_says_that_a_whole_video_is_cut_off(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(NULL);
    uint64_t id = download_make_file(bench, "/small.mp4");
    download_expect_run(bench);
    download_answer_needs(bench, download_run_id(bench), 10000, 10);
    download_expect_failure(bench, id, "ends before a picture comes");
    download_bench_free(bench);
}

static void downloader_passes_on_what_the_encoder_says(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(NULL);
    uint64_t id = download_make_file(bench, "/small.mp4");
    download_expect_run(bench);
    const struct ry_encode_failed failed = {.reason = RY_STR("it has no video stream")};
    BED_ANSWER(bench->bed, download_run_id(bench), encode_failed, &failed);
    download_expect_failure(bench, id, "gives no thumbnail: it has no video stream");
    download_bench_free(bench);
}

static void downloader_asks_again_when_the_encoders_are_full(void **state)
{
    (void)state;
    static const enum ry_undeliverable_cause causes[] = {RY_UNDELIVERABLE_FULL, RY_UNDELIVERABLE_EXPIRED};
    struct download_bench *bench = download_bench_new(NULL);
    uint64_t id = download_make_file(bench, "/clip.mp4");
    download_expect_run(bench);
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        bed_undeliverable(bench->bed, download_run_id(bench), id, RY_TAG_encode_run, causes[i]);
        bed_expect_nothing(bench->bed);
        bed_advance(bench->bed, 700);
        bed_expect_nothing(bench->bed);
        bed_advance(bench->bed, 600);
        const struct ry_encode_run *run = BED_EXPECT(bench->bed, encode_run);
        download_check_windows(run, DOWNLOAD_WINDOW_BYTES);
        assert_false(run->last_round);
    }
    download_answer_done(bench, download_run_id(bench));
    bed_expect_done(bench->bed, id);
    assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_requests), 1);
    download_bench_free(bench);
}

static void downloader_gives_a_clip_back_when_no_encoder_answers(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(NULL);
    uint64_t id = download_make_file(bench, "/clip.mp4");
    download_expect_run(bench);
    uint64_t run = download_run_id(bench);
    bed_advance(bench->bed, 3600 * 1000 - 1);
    bed_expect_nothing(bench->bed);
    bed_advance(bench->bed, 1);
    const struct ry_clip_failed *failed = BED_EXPECT(bench->bed, clip_failed);
    assert_true(failed->release); /* it waits again, and has not failed */
    assert_true(ry_str_is(failed->reason, "no encoder answered within an hour"));
    bed_expect_done(bench->bed, id);
    download_answer_done(bench, run); /* too late */
    bed_expect_nothing(bench->bed);
    download_bench_free(bench);
}

static void downloader_fails_a_clip_that_kills_encoders(void **state)
{
    (void)state;
    static const enum ry_undeliverable_cause causes[] = {RY_UNDELIVERABLE_DEAD, RY_UNDELIVERABLE_REFUSED};
    struct download_bench *bench = download_bench_new(NULL);
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        uint64_t id = download_make_file(bench, "/clip.mp4");
        download_expect_run(bench);
        bed_undeliverable(bench->bed, download_run_id(bench), id, RY_TAG_encode_run, causes[i]);
        download_expect_failure(bench, id, "could not be decoded: said the bed");
    }
    download_bench_free(bench);
}

static void downloader_ignores_answers_to_runs_of_the_past(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(NULL);
    uint64_t id = download_make_file(bench, "/clip.mp4");
    download_expect_run(bench);
    uint64_t first = download_run_id(bench);
    download_answer_needs(bench, first, 200000, 10);
    download_expect_run(bench);
    uint64_t second = download_run_id(bench);
    download_answer_done(bench, first);
    download_answer_needs(bench, first, 300000, 10);
    bed_undeliverable(bench->bed, first, id, RY_TAG_encode_run, RY_UNDELIVERABLE_DEAD);
    bed_expect_nothing(bench->bed);
    download_answer_done(bench, second);
    bed_expect_done(bench->bed, id);
    download_answer_done(bench, second);
    bed_expect_nothing(bench->bed);
    download_bench_free(bench);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(downloader_tells_the_encoder_when_a_round_is_the_last),
        cmocka_unit_test(downloader_holds_no_more_of_a_video_than_it_may),
        cmocka_unit_test(downloader_ends_when_nothing_is_missing),
        cmocka_unit_test(downloader_says_that_a_whole_video_is_cut_off),
        cmocka_unit_test(downloader_passes_on_what_the_encoder_says),
        cmocka_unit_test(downloader_asks_again_when_the_encoders_are_full),
        cmocka_unit_test(downloader_gives_a_clip_back_when_no_encoder_answers),
        cmocka_unit_test(downloader_fails_a_clip_that_kills_encoders),
        cmocka_unit_test(downloader_ignores_answers_to_runs_of_the_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
