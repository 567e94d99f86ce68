/* downloader_files_test.c: videos that are files: what of them is read, and which may be. */
#include "tests/bed/download_bench.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOWNLOAD_NOBODY 65534

static void downloader_sends_a_short_file_whole(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(
        (bed_option[]){{"frame", "exact"}, {"thumbnail_timestamp", "2.5"}, {"thumbnail_quality", "70"}, {NULL, NULL}});
    uint64_t id = download_make_file(bench, "/small.mp4");
    const struct ry_encode_run *run = download_expect_run(bench);
    download_check_windows(run, DOWNLOAD_SMALL_BYTES);
    assert_true(run->last_round);
    assert_int_equal(run->total_bytes, DOWNLOAD_SMALL_BYTES);
    assert_true(ry_str_is(run->clip_id, DOWNLOAD_CLIP_ID));
    assert_true(ry_str_is(run->filename, "holiday.mp4"));
    assert_int_equal(run->frame, RY_FRAME_EXACT);
    assert_true(run->wished_s == 2.5);
    assert_int_equal(run->quality, 70);
    assert_int_equal(run->small_width, 320);
    assert_int_equal(run->large_height, 360);
    const struct ry_envelope *envelope = bed_envelope(bench->bed);
    assert_int_equal(envelope->correlation, id);
    assert_int_equal(envelope->priority, RY_PRIORITY_BACKFILL);
    assert_int_equal(envelope->tenant, UINT64_C(41771983423143937));
    bed_expect_nothing(bench->bed);
    assert_int_equal(bed_kept(bench->bed), 1);
    download_answer_done(bench, envelope->id);
    bed_expect_done(bench->bed, id);
    bed_expect_nothing(bench->bed);
    download_bench_free(bench);
}

static void downloader_reads_of_a_file_only_what_is_needed(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(NULL);
    uint64_t id = download_make_file(bench, "/clip.mp4");
    const struct ry_encode_run *run = download_expect_run(bench);
    download_check_windows(run, DOWNLOAD_WINDOW_BYTES);
    assert_false(run->last_round);
    assert_int_equal(run->total_bytes, DOWNLOAD_FILE_BYTES);
    download_answer_needs(bench, download_run_id(bench), DOWNLOAD_FILE_BYTES - 20000, 30000);
    run = download_expect_run(bench);
    assert_int_equal(run->windows.n, 2);
    download_check_windows(run, DOWNLOAD_WINDOW_BYTES + 20000);
    assert_false(run->last_round);
    download_answer_done(bench, download_run_id(bench));
    bed_expect_done(bench->bed, id);
    assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_bytes), DOWNLOAD_WINDOW_BYTES + 20000);
    assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_requests), 2);
    download_bench_free(bench);
}

static void downloader_opens_files_by_any_name_that_stays_inside(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/small.mp4",    "//small.mp4", "/inside.mp4", "/folder.mp4/../small.mp4", "/%C3%9Cn%C3%af%20%281%29%23%3F.mp4",
        "/Ünï (1)#?.mp4"};
    struct download_bench *bench = download_bench_new(NULL);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        uint64_t id = download_make_file(bench, paths[i]);
        download_check_windows(download_expect_run(bench), DOWNLOAD_SMALL_BYTES);
        download_answer_done(bench, download_run_id(bench));
        bed_expect_done(bench->bed, id);
    }
    download_bench_free(bench);
}

static void downloader_says_what_is_wrong_with_a_file(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *words;
    } rows[] = {
        {"/absent.mp4", "is missing from the export's folder"},
        {"/small.mp4/x", "is missing from the export's folder"},
        {"/empty.mp4", "is empty (0 bytes)"},
        {"/folder.mp4", "is not a regular file"},
        {"/fifo.mp4", "is not a regular file"},
        {"/outside.mp4", "is outside the export's folder"},
        {"/absolute.mp4", "is outside the export's folder"},
        {"/magic.mp4", "is outside the export's folder"},
        {"/loop.mp4", "is outside the export's folder"},
        {"/../secret.mp4", "is outside the export's folder"},
        {"/%2e%2e/secret.mp4", "is outside the export's folder"},
        {"/folder.mp4/../../secret.mp4", "is outside the export's folder"},
        {"ed/clip.mp4", "is not below the registered folder"}, /* a folder that begins like it */
        {"/", "is not below the registered folder"},
        {"", "is not below the registered folder"},
        {"/small.mp4%00", "malformed file URL"},
        {"/small%2", "malformed file URL"},
        {"/small%zz.mp4", "malformed file URL"},
    };
    struct download_bench *bench = download_bench_new(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        download_expect_failure(bench, download_make_file(bench, rows[i].path), rows[i].words);
    assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_errors), sizeof rows / sizeof *rows);
    assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_bytes), 0);
    download_bench_free(bench);
}

static void downloader_opens_no_file_without_its_registered_folder(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *root;
        const char *words;
    } rows[] = {
        {"file:///etc/passwd", NULL, "is outside the folders of imported exports"},
        {"file:///etc/passwd", "relative", "is outside the folders of imported exports"},
        {"file:///etc/passwd", "/nowhere", "is not below"},
        {"file:///nowhere/x.mp4", "/nowhere", "cannot be read: the folder of its export is not there: /nowhere"},
        {"file:///tmp/nowhere.mp4", "/tmp", "is missing from the export's folder"},
        {"file://other.example/etc/passwd", "/etc", "malformed file URL"},
        {"FILE:/etc/passwd", "/etc", "malformed file URL"},
    };
    struct download_bench *bench = download_bench_new(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ry_clip_work work = {.url = ry_str_of(rows[i].url), .media_root = ry_str_of(rows[i].root)};
        download_expect_failure(bench, download_make(bench, &work), rows[i].words);
    }
    download_bench_free(bench);
}

/* A mount point without its disk is an empty folder, or one on another device than before. */
static void file_of_an_export_that_is_not_there_fails_for_now(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(NULL);
    char empty[160];
    char url[256];
    (void)snprintf(empty, sizeof empty, "%s/nothing", bench->root);
    assert_int_equal(mkdir(empty, 0700), 0);
    (void)snprintf(url, sizeof url, "file://%s/clip.mp4", empty);
    const struct ry_clip_work work = {.url = ry_str_of(url), .media_root = ry_str_of(empty)};
    download_expect_failure(bench, download_make(bench, &work), "there is nothing in the folder of its export");
    assert_int_equal(rmdir(empty), 0);
    download_expect_failure(bench, download_make(bench, &work), "the folder of its export is not there");
    download_bench_free(bench);
}

static void downloader_reads_no_file_that_it_may_not(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(NULL);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/small.mp4", bench->root);
    assert_int_equal(chmod(path, 0), 0);
    int user =
        setfsuid(DOWNLOAD_NOBODY); /* root, who may read everything, looks as somebody else; others cannot change */
    uint64_t id = download_make_file(bench, "/small.mp4");
    setfsuid((uid_t)user);
    download_expect_failure(bench, id, "cannot be read: permission denied");
    download_bench_free(bench);
}

static void downloader_begins_anew_once_when_a_file_changes(void **state)
{
    (void)state;
    struct download_bench *bench = download_bench_new(NULL);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/clip.mp4", bench->root);
    uint64_t id = download_make_file(bench, "/clip.mp4");
    download_expect_run(bench);
    uint64_t run = download_run_id(bench);
    assert_int_equal(truncate(path, 300000), 0);
    download_answer_needs(bench, run, 290000, 20000);
    const struct ry_encode_run *again = download_expect_run(bench);
    assert_int_equal(again->total_bytes, 300000);
    download_check_windows(again, DOWNLOAD_WINDOW_BYTES);
    run = download_run_id(bench);
    assert_int_equal(truncate(path, 100000), 0);
    download_answer_needs(bench, run, 290000, 20000);
    download_expect_failure(bench, id, "became shorter while it was read");
    download_bench_free(bench);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(downloader_sends_a_short_file_whole),
        cmocka_unit_test(downloader_reads_of_a_file_only_what_is_needed),
        cmocka_unit_test(downloader_opens_files_by_any_name_that_stays_inside),
        cmocka_unit_test(downloader_says_what_is_wrong_with_a_file),
        cmocka_unit_test(downloader_opens_no_file_without_its_registered_folder),
        cmocka_unit_test(file_of_an_export_that_is_not_there_fails_for_now),
        cmocka_unit_test(downloader_reads_no_file_that_it_may_not),
        cmocka_unit_test(downloader_begins_anew_once_when_a_file_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
