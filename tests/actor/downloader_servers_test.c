/* downloader_servers_test.c: videos from servers of all kinds, against the fake CDN: ranges, limits, retries, expired
 * URLs. */
#include "tests/bed/download_bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void downloader_brings_a_video_from_every_kind_of_server(void **state)
{
    (void)state;
    static const struct {
        const char *way;
        bool whole;  /* the server sends it whole, so it is spooled */
        bool untold; /* the size is not told */
        bool many;   /* windows come in smaller pieces */
    } rows[] = {
        {.way = "ok"},
        {.way = "nototal", .untold = true},
        {.way = "norange", .whole = true},
        {.way = "chunked", .whole = true},
        {.way = "short", .many = true},
        {.way = "slow"},
        {.way = "redirect"},
        {.way = "flaky"},
        {.way = "busy"},
        {.way = "cutrange"},
        {.way = "changes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct download_bench *bench = download_bench_with_fake(NULL);
        char path[64];
        (void)snprintf(path, sizeof path, "%s/clip.mp4", rows[i].way);
        uint64_t id = download_make_remote(bench, path);
        const struct ry_encode_run *run = download_expect_run(bench);
        download_check_windows(run, DOWNLOAD_WINDOW_BYTES);
        assert_int_equal(run->total_bytes, rows[i].untold ? 0 : DOWNLOAD_FILE_BYTES);
        download_answer_needs(bench, download_run_id(bench), DOWNLOAD_FILE_BYTES - 20000, 30000);
        run = download_expect_run(bench);
        if (strcmp(rows[i].way, "changes") == 0) { /* it began anew, with the first window alone */
            download_check_windows(run, DOWNLOAD_WINDOW_BYTES);
            download_answer_needs(bench, download_run_id(bench), DOWNLOAD_FILE_BYTES - 20000, 30000);
            run = download_expect_run(bench);
        }
        download_check_windows(run, DOWNLOAD_WINDOW_BYTES + 20000);
        assert_int_equal(run->windows.n > 2, rows[i].many);
        download_answer_done(bench, download_run_id(bench));
        bed_expect_done(bench->bed, id);
        assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_spooled), rows[i].whole);
        if (!rows[i].whole && strcmp(rows[i].way, "changes") != 0)
            assert_between(fake_stat(bench->fake, "bytes"), DOWNLOAD_WINDOW_BYTES + 20000, 3 * DOWNLOAD_WINDOW_BYTES);
        download_bench_free(bench);
    }
}

static void downloader_takes_a_short_video_in_one_request(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    uint64_t id = download_make_remote(bench, "ok/small.mp4");
    const struct ry_encode_run *run = download_expect_run(bench);
    download_check_windows(run, DOWNLOAD_SMALL_BYTES);
    assert_true(run->last_round);
    download_answer_done(bench, download_run_id(bench));
    bed_expect_done(bench->bed, id);
    assert_int_equal(fake_stat(bench->fake, "requests"), 1);
    download_bench_free(bench);
}

static void downloader_says_what_is_wrong_with_a_server(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *words;
    } rows[] = {
        {"gone/clip.mp4", "its server says 404"},
        {"expired/clip.mp4", "its server says 403"},
        {"lie/clip.mp4", "other bytes than it was asked for"},
        {"more/clip.mp4", "sends more than it announced"},
        {"gzip/clip.mp4", "compresses it"},
        {"loop/clip.mp4", "redirects more than 5 times"},
        {"away/clip.mp4", "169.254.169.254 (http) is not among the allowed hosts"},
        {"ok/empty.mp4", "is empty (0 bytes)"},
        {"norange/empty.mp4", "is empty (0 bytes)"},
        {"cut/clip.mp4", "closed the connection during"},
        {"cutwhole/clip.mp4", "closed the connection during"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct download_bench *bench = download_bench_with_fake(NULL); /* of its own: many troubles change the pace */
        download_expect_failure(bench, download_make_remote(bench, rows[i].path), rows[i].words);
        download_bench_free(bench);
    }
}

static void downloader_asks_for_fewer_clips_while_a_server_limits_requests(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    for (size_t i = 0; i < 8; i++)
        download_expect_failure(bench, download_make_remote(bench, "never/clip.mp4"), "limits requests (429)");
    bed_advance(bench->bed, 200);
    download_make_remote(bench, "ok/clip.mp4");
    const struct ry_download_pace *pace = BED_EXPECT(bench->bed, download_pace);
    assert_int_equal(pace->clips, 8);
    assert_true(pace->owner.n > 0);
    download_expect_run(bench);
    bed_advance(bench->bed, 10000); /* it repeats itself while it works */
    download_answer_needs(bench, download_run_id(bench), 100000, 1000);
    assert_int_equal(BED_EXPECT(bench->bed, download_pace)->clips, 8);
    download_bench_free(bench);
}

static void a_video_that_is_gone_is_doubted_when_its_url_is_about_to_expire(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    int64_t now_wall_ms = bed_clock(bench->bed)->now_wall_ms;
    static const struct {
        int64_t left_ms;
        enum ry_failure_class class;
    } rows[] = {{60 * 1000, RY_FAILURE_PASSING}, {3600 * 1000, RY_FAILURE_PERMANENT}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char url[256];
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/gone/clip.mp4", fake_port(bench->fake));
        uint64_t id = download_make(
            bench, &(struct ry_clip_work){.url = ry_str_of(url), .expires_wall_ms = now_wall_ms + rows[i].left_ms});
        download_listen_for_more(bench);
        const struct ry_clip_failed *failed = BED_EXPECT(bench->bed, clip_failed);
        assert_int_equal(failed->class, rows[i].class);
        bed_expect_done(bench->bed, id);
    }
    download_bench_free(bench);
}

static void downloader_passes_on_how_long_the_server_asks_to_wait(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    uint64_t id = download_make_remote(bench, "never/clip.mp4");
    download_listen_for_more(bench);
    const struct ry_clip_failed *failed = BED_EXPECT(bench->bed, clip_failed);
    assert_true(failed->next_retry_ms > (uint64_t)24 * 3600 * 1000); /* the writer says how much of it counts */
    bed_expect_done(bench->bed, id);
    download_bench_free(bench);
}

static void downloader_gives_up_a_video_that_keeps_changing(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    uint64_t id = download_make_remote(bench, "restless/clip.mp4");
    download_expect_run(bench);
    download_answer_needs(bench, download_run_id(bench), DOWNLOAD_FILE_BYTES - 20000, 30000);
    download_expect_run(bench);
    download_answer_needs(bench, download_run_id(bench), DOWNLOAD_FILE_BYTES - 20000, 30000);
    download_expect_failure(bench, id, "changed on its server");
    download_bench_free(bench);
}

static void downloader_tries_passing_troubles_a_few_times(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    int64_t began_mono_ms = bed_clock(bench->bed)->now_mono_ms;
    download_expect_failure(bench, download_make_remote(bench, "cut/clip.mp4"), "closed the connection during");
    assert_int_equal(fake_stat(bench->fake, "requests"), 4);
    assert_between(bed_clock(bench->bed)->now_mono_ms - began_mono_ms, 2625, 4375); /* 0.5 + 1 + 2 s, +-25 % */
    assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_errors), 4);
    download_bench_free(bench);
}

static void downloader_gives_a_clip_no_more_than_its_time(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake((bed_option[]){{"download_timeout", "30"}, {NULL, NULL}});
    uint64_t id = download_make_remote(bench, "hang/clip.mp4");
    while (fake_stat(bench->fake, "requests") == 0)
        assert_true(bed_wait_engine(bench->bed, PATIENCE_MS));
    bed_advance(bench->bed, 29999);
    ry_instance_ready(bed_instance(bench->bed));
    bed_expect_nothing(bench->bed);
    bed_advance(bench->bed, 1);
    ry_instance_ready(bed_instance(bench->bed));
    download_expect_failure(bench, id, "did not send it within the time allowed");
    download_bench_free(bench);
}

static void downloader_keeps_to_the_limits_of_the_spool(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bed_option option;
        const char *words;
    } rows[] = {
        {"norange/clip.mp4", {"download_max_bytes", "100000"}, "is larger than 100000 bytes"},
        {"chunked/clip.mp4", {"download_max_bytes", "100000"}, "is larger than 100000 bytes"},
        {"norange/clip.mp4", {"disk_reserve", "1099511627776"}, "REELYARD_DISK_RESERVE keeps 1099511627776"},
        {"norange/clip.mp4", {"spool_path", "/proc/nowhere/spool"}, "the folder /proc/nowhere/spool cannot be made"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct download_bench *bench =
            download_bench_with_fake((bed_option[]){{rows[i].option[0], rows[i].option[1]}, {NULL, NULL}});
        download_expect_failure(bench, download_make_remote(bench, rows[i].path), rows[i].words);
        download_bench_free(bench);
    }
}

static void downloader_asks_only_allowed_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *words;
    } rows[] = {
        {"http://169.254.169.254/latest/meta-data/?x=signature", "not among the allowed hosts"},
        {"https://127.0.0.1/clip.mp4?x=signature", "not among the allowed hosts"},
        {"http://localhost:8080/clip.mp4?x=signature", "not among the allowed hosts"},
        {"http://cdn.discordapp.com/clip.mp4?x=signature", "not among the allowed hosts"},
        {"https://cdn.discordapp.com@evil.example/?x=signature", "malformed"},
        {"ftp://cdn.discordapp.com/clip.mp4?x=signature", "only https (and http) is fetched"},
        {"clip.mp4?x=signature", "malformed"},
    };
    struct download_bench *bench = download_bench_new(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ry_clip_work work = {.url = ry_str_of(rows[i].url)};
        download_expect_failure(bench, download_make(bench, &work), rows[i].words);
    }
    download_bench_free(bench);
}

static void downloader_does_not_try_an_expired_url(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/ok/clip.mp4?ex=1", fake_port(bench->fake));
    const struct ry_clip_work work = {.url = ry_str_of(url), .expires_wall_ms = BED_START_WALL_MS};
    download_expect_failure(bench, download_make(bench, &work), "its URL has expired at 2024-10-19T15:03:09.000Z");
    assert_int_equal(fake_stat(bench->fake, "requests"), 0);
    char file_url[256];
    (void)snprintf(file_url, sizeof file_url, "file://%s/small.mp4", bench->root);
    const struct ry_clip_work local = {
        .url = ry_str_of(file_url), .media_root = ry_str_of(bench->root), .expires_wall_ms = BED_START_WALL_MS};
    download_make(bench, &local); /* files do not expire */
    download_check_windows(download_expect_run(bench), DOWNLOAD_SMALL_BYTES);
    download_bench_free(bench);
}

static void downloader_works_on_many_clips_over_few_connections(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_with_fake(NULL);
    enum { N = 16 };
    uint64_t runs[N];
    uint64_t ids[N];
    for (size_t i = 0; i < N; i++)
        download_make_remote(bench, "slow/clip.mp4");
    for (size_t i = 0; i < N; i++) {
        download_check_windows(download_expect_run(bench), DOWNLOAD_WINDOW_BYTES);
        runs[i] = download_run_id(bench);
        ids[i] = bed_envelope(bench->bed)->correlation;
    }
    assert_int_equal(bed_kept(bench->bed), N);
    for (size_t i = 0; i < N; i++) {
        download_answer_done(bench, runs[i]);
        bed_expect_done(bench->bed, ids[i]);
    }
    assert_between(fake_stat(bench->fake, "connections"), 2, 9);
    download_bench_free(bench);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(downloader_brings_a_video_from_every_kind_of_server),
        cmocka_unit_test(downloader_takes_a_short_video_in_one_request),
        cmocka_unit_test(downloader_says_what_is_wrong_with_a_server),
        cmocka_unit_test(downloader_asks_for_fewer_clips_while_a_server_limits_requests),
        cmocka_unit_test(downloader_gives_up_a_video_that_keeps_changing),
        cmocka_unit_test(downloader_tries_passing_troubles_a_few_times),
        cmocka_unit_test(downloader_gives_a_clip_no_more_than_its_time),
        cmocka_unit_test(downloader_keeps_to_the_limits_of_the_spool),
        cmocka_unit_test(downloader_asks_only_allowed_hosts),
        cmocka_unit_test(downloader_does_not_try_an_expired_url),
        cmocka_unit_test(downloader_works_on_many_clips_over_few_connections),
        cmocka_unit_test(a_video_that_is_gone_is_doubted_when_its_url_is_about_to_expire),
        cmocka_unit_test(downloader_passes_on_how_long_the_server_asks_to_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
