/* downloader_test.c: the downloader on files and against the fake CDN, driven by hand. */
#include "tests/bed/bed.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/downloader/downloader.h"
#include "actors/downloader/source.h"
#include "tests/bed/fake.h"
#include "tests/bed/patience.h"

#define FILE_BYTES   500000 /* of clip.mp4; the first window is 64 KiB */
#define SMALL_BYTES  3000   /* of small.mp4 */
#define WINDOW_BYTES 65536
#define HUGE_BYTES   (UINT64_C(4) << 30)
#define NOBODY       65534
#define CLIP_ID      "d1523646fd8f70dd6e199d427ae00606"

struct bench {
    struct bed *bed;
    struct fake *fake;
    char root[80];   /* the registered folder: in the bed's data folder, as is what lies beside it */
    char served[64]; /* the fake's folder */
};

static char file_byte(uint64_t i)
{
    return (char)(i * 31 + i / 251);
}

static void write_file(const char *folder, const char *name, size_t n)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < n; i++)
        putc(file_byte(i), file);
    assert_int_equal(fclose(file), 0);
}

static void link_to(const char *folder, const char *name, const char *target)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(symlink(target, path), 0);
}

static void fill_folder(struct bench *bench)
{
    char path[256];
    (void)snprintf(bench->root, sizeof bench->root, "%s/export", bed_data(bench->bed));
    assert_int_equal(mkdir(bench->root, 0700), 0);
    write_file(bench->root, "clip.mp4", FILE_BYTES);
    write_file(bench->root, "small.mp4", SMALL_BYTES);
    write_file(bench->root, "Ünï (1)#?.mp4", SMALL_BYTES);
    write_file(bench->root, "empty.mp4", 0);
    write_file(bed_data(bench->bed), "secret.mp4", SMALL_BYTES);
    link_to(bench->root, "inside.mp4", "small.mp4");
    link_to(bench->root, "outside.mp4", "../secret.mp4");
    link_to(bench->root, "absolute.mp4", "/etc/passwd");
    link_to(bench->root, "loop.mp4", "loop.mp4");
    link_to(bench->root, "magic.mp4", "/proc/self/fd/0");
    (void)snprintf(path, sizeof path, "%s/fifo.mp4", bench->root);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)snprintf(path, sizeof path, "%s/folder.mp4", bench->root);
    assert_int_equal(mkdir(path, 0700), 0);
}

static struct bench *bench_new(bed_option *options)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->bed = bed_new(&ry_downloader_spec, options);
    fill_folder(bench);
    return bench;
}

static const char *const served_files[] = {"clip.mp4", "small.mp4", "empty.mp4"};

/* A bench with a fake on the list of hosts. more: further options, at most three. */
static struct bench *bench_with_fake(bed_option *more)
{
    static const size_t sizes[] = {FILE_BYTES, SMALL_BYTES, 0};
    char folder[64] = "/tmp/reelyard-cdn-XXXXXX";
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        write_file(folder, served_files[i], sizes[i]);
    struct fake *fake = fake_start("cdn", folder);
    char host[32];
    (void)snprintf(host, sizeof host, "127.0.0.1:%u", fake_port(fake));
    const char *options[5][2] = {{"allowed_hosts", host}};
    for (size_t i = 0; more && more[i][0]; i++) {
        assert_true(i < 3);
        options[i + 1][0] = more[i][0];
        options[i + 1][1] = more[i][1];
    }
    struct bench *bench = bench_new((bed_option *)options);
    bench->fake = fake;
    memcpy(bench->served, folder, sizeof folder);
    return bench;
}

static void bench_free(struct bench *bench)
{
    for (size_t i = 0; bench->served[0] && i < sizeof served_files / sizeof *served_files; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", bench->served, served_files[i]);
        unlink(path);
    }
    if (bench->served[0])
        rmdir(bench->served);
    fake_stop(bench->fake);
    bed_free(bench->bed);
    free(bench);
}

/* ---- saying and hearing ------------------------------------------------------------------------------------------ */

static uint64_t make(struct bench *bench, const struct ry_clip_work *work)
{
    struct ry_clip_work clip = *work;
    clip.clip_id = RY_STR(CLIP_ID);
    clip.guild_id = RY_STR("41771983423143937");
    clip.channel_id = RY_STR("1424914917202464798");
    clip.message_id = RY_STR("1297213456789012480");
    if (!clip.filename.p)
        clip.filename = RY_STR("holiday.mp4");
    const struct ry_thumbnail_make message = {.clips = {&clip, 1}};
    const struct ry_send send = {.tenant = UINT64_C(41771983423143937), .priority = RY_PRIORITY_BACKFILL};
    return BED_DELIVER(bench->bed, thumbnail_make, &message, &send);
}

/* A clip of a file of the registered folder; path as it stands in the URL, behind the root. */
static uint64_t make_file(struct bench *bench, const char *path)
{
    char url[256];
    (void)snprintf(url, sizeof url, "file://%s%s", bench->root, path);
    return make(bench, &(struct ry_clip_work){.url = ry_str_of(url), .media_root = ry_str_of(bench->root)});
}

/* A clip of the fake, served in one of its ways ("ok/clip.mp4"). */
static uint64_t make_remote(struct bench *bench, const char *path)
{
    char url[256];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/%s?hm=signature", fake_port(bench->fake), path);
    return make(bench, &(struct ry_clip_work){.url = ry_str_of(url)});
}

/* Pauses are shorter, and the time of an encoder much longer. */
#define PAUSE_LONGEST_MS 60000

/* Lets the engine run, and the clock when clips are paused, until something is said. */
static void listen_for_more(struct bench *bench)
{
    while (bed_next_tag(bench->bed) == RY_TAG_NONE) {
        int64_t due_mono_ms = ry_instance_next_mono_ms(bed_instance(bench->bed));
        int64_t wait_ms = due_mono_ms - bed_clock(bench->bed)->now_mono_ms;
        if (due_mono_ms != INT64_MAX && wait_ms < PAUSE_LONGEST_MS)
            bed_advance(bench->bed, wait_ms);
        else if (!bed_wait_engine(bench->bed, PATIENCE_MS))
            fail_msg("nothing happened for %d ms", PATIENCE_MS);
    }
}

static const struct ry_encode_run *expect_run(struct bench *bench)
{
    listen_for_more(bench);
    return BED_EXPECT(bench->bed, encode_run);
}

/* What no further try can mend: the words of all such reasons of this actor's own. */
static bool is_permanent(const char *reason)
{
    static const char *const words[] = {"is missing from", "is empty",         "is larger than",     "says 404",
                                        "says 410",        "shows no picture", "seems to be cut off"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(reason, words[i]))
            return true;
    return false;
}

/* The clip must fail, with these words in the reason. */
static void expect_failure(struct bench *bench, uint64_t id, const char *words)
{
    listen_for_more(bench);
    const struct ry_clip_failed *failed = BED_EXPECT(bench->bed, clip_failed);
    char reason[401];
    (void)snprintf(reason, sizeof reason, "%.*s", RY_STR_ARG(failed->reason));
    if (!strstr(reason, words))
        fail_msg("not \"%s\", but: %s", words, reason);
    assert_int_equal(strncmp(reason, "holiday.mp4 ", 12), 0);
    assert_null(strstr(reason, "signature"));
    assert_true(ry_str_is(failed->clip_id, CLIP_ID));
    assert_false(failed->release);
    assert_int_equal(failed->class, is_permanent(reason) ? RY_FAILURE_PERMANENT : RY_FAILURE_PASSING);
    assert_int_equal(bed_envelope(bench->bed)->correlation, id);
    bed_expect_done(bench->bed, id);
    bed_expect_nothing(bench->bed);
    assert_int_equal(bed_kept(bench->bed), 0);
}

static void answer_needs(struct bench *bench, uint64_t run_id, uint64_t offset, uint64_t length)
{
    struct ry_byte_range range = {offset, length};
    const struct ry_encode_needs needs = {.ranges = {&range, 1}};
    BED_ANSWER(bench->bed, run_id, encode_needs, &needs);
}

static void answer_done(struct bench *bench, uint64_t run_id)
{
    BED_ANSWER(bench->bed, run_id, encode_done, &(struct ry_encode_done){0});
}

static uint64_t run_id(struct bench *bench)
{
    return bed_envelope(bench->bed)->id;
}

/* The windows of a run must be these bytes of the file, and no others. */
static void check_windows(const struct ry_encode_run *run, uint64_t bytes)
{
    uint64_t sum = 0;
    uint64_t reached = 0;
    for (size_t i = 0; i < run->windows.n; i++) {
        const struct ry_window *window = &run->windows.items[i];
        assert_true(window->offset >= reached);
        const char *p = window->bytes.p;
        for (size_t k = 0; k < window->bytes.n; k++)
            if (p[k] != file_byte(window->offset + k))
                fail_msg("byte %llu is wrong", (unsigned long long)(window->offset + k));
        reached = window->offset + window->bytes.n;
        sum += window->bytes.n;
    }
    assert_int_equal(sum, bytes);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void downloader_sends_a_short_file_whole(void **state)
{
    (void)state;
    struct bench *bench = bench_new(
        (bed_option[]){{"frame", "exact"}, {"thumbnail_timestamp", "2.5"}, {"thumbnail_quality", "70"}, {NULL, NULL}});
    uint64_t id = make_file(bench, "/small.mp4");
    const struct ry_encode_run *run = expect_run(bench);
    check_windows(run, SMALL_BYTES);
    assert_true(run->last_round);
    assert_int_equal(run->total_bytes, SMALL_BYTES);
    assert_true(ry_str_is(run->clip_id, CLIP_ID));
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
    answer_done(bench, envelope->id);
    bed_expect_done(bench->bed, id);
    bed_expect_nothing(bench->bed);
    bench_free(bench);
}

static void downloader_reads_of_a_file_only_what_is_needed(void **state)
{
    (void)state;
    struct bench *bench = bench_new(NULL);
    uint64_t id = make_file(bench, "/clip.mp4");
    const struct ry_encode_run *run = expect_run(bench);
    check_windows(run, WINDOW_BYTES);
    assert_false(run->last_round);
    assert_int_equal(run->total_bytes, FILE_BYTES);
    answer_needs(bench, run_id(bench), FILE_BYTES - 20000, 30000);
    run = expect_run(bench);
    assert_int_equal(run->windows.n, 2);
    check_windows(run, WINDOW_BYTES + 20000);
    assert_false(run->last_round);
    answer_done(bench, run_id(bench));
    bed_expect_done(bench->bed, id);
    assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_bytes), WINDOW_BYTES + 20000);
    assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_requests), 2);
    bench_free(bench);
}

static void downloader_opens_files_by_any_name_that_stays_inside(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/small.mp4",    "//small.mp4", "/inside.mp4", "/folder.mp4/../small.mp4", "/%C3%9Cn%C3%af%20%281%29%23%3F.mp4",
        "/Ünï (1)#?.mp4"};
    struct bench *bench = bench_new(NULL);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        uint64_t id = make_file(bench, paths[i]);
        check_windows(expect_run(bench), SMALL_BYTES);
        answer_done(bench, run_id(bench));
        bed_expect_done(bench->bed, id);
    }
    bench_free(bench);
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
        {"/outside.mp4", "leaves the export's folder"},
        {"/absolute.mp4", "leaves the export's folder"},
        {"/magic.mp4", "leaves the export's folder"},
        {"/loop.mp4", "leaves the export's folder"},
        {"/../secret.mp4", "leaves the export's folder"},
        {"/%2e%2e/secret.mp4", "leaves the export's folder"},
        {"/folder.mp4/../../secret.mp4", "leaves the export's folder"},
        {"ed/clip.mp4", "does not lie below the registered folder"}, /* a folder that begins like it */
        {"/", "does not lie below the registered folder"},
        {"", "does not lie below the registered folder"},
        {"/small.mp4%00", "malformed file URL"},
        {"/small%2", "malformed file URL"},
        {"/small%zz.mp4", "malformed file URL"},
    };
    struct bench *bench = bench_new(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_failure(bench, make_file(bench, rows[i].path), rows[i].words);
    assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_errors), sizeof rows / sizeof *rows);
    assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_bytes), 0);
    bench_free(bench);
}

static void downloader_opens_no_file_without_its_registered_folder(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *root;
        const char *words;
    } rows[] = {
        {"file:///etc/passwd", NULL, "lies outside the folders of imported exports"},
        {"file:///etc/passwd", "relative", "lies outside the folders of imported exports"},
        {"file:///etc/passwd", "/nowhere", "does not lie below"},
        {"file:///nowhere/x.mp4", "/nowhere", "cannot be read: the folder of its export is not there: /nowhere"},
        {"file:///tmp/nowhere.mp4", "/tmp", "is missing from the export's folder"},
        {"file://other.example/etc/passwd", "/etc", "malformed file URL"},
        {"FILE:/etc/passwd", "/etc", "malformed file URL"},
    };
    struct bench *bench = bench_new(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ry_clip_work work = {.url = ry_str_of(rows[i].url), .media_root = ry_str_of(rows[i].root)};
        expect_failure(bench, make(bench, &work), rows[i].words);
    }
    bench_free(bench);
}

/* A mount point without its disk is an empty folder, or one on another device than before. */
static void file_of_an_export_that_is_not_there_fails_for_now(void **state)
{
    (void)state;
    struct bench *bench = bench_new(NULL);
    char empty[160];
    char url[256];
    (void)snprintf(empty, sizeof empty, "%s/nothing", bench->root);
    assert_int_equal(mkdir(empty, 0700), 0);
    (void)snprintf(url, sizeof url, "file://%s/clip.mp4", empty);
    const struct ry_clip_work work = {.url = ry_str_of(url), .media_root = ry_str_of(empty)};
    expect_failure(bench, make(bench, &work), "there is nothing in the folder of its export");
    assert_int_equal(rmdir(empty), 0);
    expect_failure(bench, make(bench, &work), "the folder of its export is not there");
    bench_free(bench);
}

static void file_of_an_export_whose_device_changed_is_not_missing_for_good(void **state)
{
    (void)state;
    struct bench *bench = bench_new(NULL);
    struct source_roots *roots = calloc(1, sizeof *roots);
    assert_non_null(roots);
    for (int other = 0; other < 2; other++) {
        char url[256];
        struct source *source = NULL;
        struct ry_error err = {0};
        (void)snprintf(url, sizeof url, "file://%s/small.mp4", bench->root);
        assert_int_equal(source_file_open(&source, roots, ry_str_of(url), ry_str_of(bench->root), NULL, NULL, &err),
                         RY_OK);
        source_close(&source);
        assert_int_equal(roots->count, 1);
        roots->items[0].device += (dev_t)other;
        (void)snprintf(url, sizeof url, "file://%s/absent.mp4", bench->root);
        assert_int_equal(source_file_open(&source, roots, ry_str_of(url), ry_str_of(bench->root), NULL, NULL, &err),
                         other ? RY_EAWAY : RY_ENOENT);
        if (other)
            assert_non_null(strstr(err.text, "on another device than before"));
    }
    free(roots);
    bench_free(bench);
}

static void downloader_reads_no_file_that_it_may_not(void **state)
{
    (void)state;
    struct bench *bench = bench_new(NULL);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/small.mp4", bench->root);
    assert_int_equal(chmod(path, 0), 0);
    int user = setfsuid(NOBODY); /* root, who may read everything, looks as somebody else; others cannot change */
    uint64_t id = make_file(bench, "/small.mp4");
    setfsuid((uid_t)user);
    expect_failure(bench, id, "may not be read");
    bench_free(bench);
}

static void downloader_begins_anew_once_when_a_file_changes(void **state)
{
    (void)state;
    struct bench *bench = bench_new(NULL);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/clip.mp4", bench->root);
    uint64_t id = make_file(bench, "/clip.mp4");
    expect_run(bench);
    uint64_t run = run_id(bench);
    assert_int_equal(truncate(path, 300000), 0);
    answer_needs(bench, run, 290000, 20000);
    const struct ry_encode_run *again = expect_run(bench);
    assert_int_equal(again->total_bytes, 300000);
    check_windows(again, WINDOW_BYTES);
    run = run_id(bench);
    assert_int_equal(truncate(path, 100000), 0);
    answer_needs(bench, run, 290000, 20000);
    expect_failure(bench, id, "became shorter while it was read");
    bench_free(bench);
}

/* ---- servers ----------------------------------------------------------------------------------------------------- */

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
        struct bench *bench = bench_with_fake(NULL);
        char path[64];
        (void)snprintf(path, sizeof path, "%s/clip.mp4", rows[i].way);
        uint64_t id = make_remote(bench, path);
        const struct ry_encode_run *run = expect_run(bench);
        check_windows(run, WINDOW_BYTES);
        assert_int_equal(run->total_bytes, rows[i].untold ? 0 : FILE_BYTES);
        answer_needs(bench, run_id(bench), FILE_BYTES - 20000, 30000);
        run = expect_run(bench);
        if (strcmp(rows[i].way, "changes") == 0) { /* it began anew, with the first window alone */
            check_windows(run, WINDOW_BYTES);
            answer_needs(bench, run_id(bench), FILE_BYTES - 20000, 30000);
            run = expect_run(bench);
        }
        check_windows(run, WINDOW_BYTES + 20000);
        assert_int_equal(run->windows.n > 2, rows[i].many);
        answer_done(bench, run_id(bench));
        bed_expect_done(bench->bed, id);
        assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_spooled), rows[i].whole);
        if (!rows[i].whole && strcmp(rows[i].way, "changes") != 0)
            assert_between(fake_stat(bench->fake, "bytes"), WINDOW_BYTES + 20000, 3 * WINDOW_BYTES);
        bench_free(bench);
    }
}

static void downloader_takes_a_short_video_in_one_request(void **state)
{
    (void)state;
    struct bench *bench = bench_with_fake(NULL);
    uint64_t id = make_remote(bench, "ok/small.mp4");
    const struct ry_encode_run *run = expect_run(bench);
    check_windows(run, SMALL_BYTES);
    assert_true(run->last_round);
    answer_done(bench, run_id(bench));
    bed_expect_done(bench->bed, id);
    assert_int_equal(fake_stat(bench->fake, "requests"), 1);
    bench_free(bench);
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
        {"cut/clip.mp4", "hung up in the middle"},
        {"cutwhole/clip.mp4", "hung up in the middle"},
    };
    struct bench *bench = bench_with_fake(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_failure(bench, make_remote(bench, rows[i].path), rows[i].words);
    bench_free(bench);
}

static void a_video_that_is_gone_is_doubted_when_its_url_is_about_to_expire(void **state)
{
    (void)state;
    struct bench *bench = bench_with_fake(NULL);
    int64_t now_wall_ms = bed_clock(bench->bed)->now_wall_ms;
    static const struct {
        int64_t left_ms;
        enum ry_failure_class class;
    } rows[] = {{60 * 1000, RY_FAILURE_PASSING}, {3600 * 1000, RY_FAILURE_PERMANENT}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char url[256];
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/gone/clip.mp4", fake_port(bench->fake));
        uint64_t id = make(
            bench, &(struct ry_clip_work){.url = ry_str_of(url), .expires_wall_ms = now_wall_ms + rows[i].left_ms});
        listen_for_more(bench);
        const struct ry_clip_failed *failed = BED_EXPECT(bench->bed, clip_failed);
        assert_int_equal(failed->class, rows[i].class);
        bed_expect_done(bench->bed, id);
    }
    bench_free(bench);
}

static void downloader_passes_on_how_long_the_server_asks_to_wait(void **state)
{
    (void)state;
    struct bench *bench = bench_with_fake(NULL);
    uint64_t id = make_remote(bench, "never/clip.mp4");
    listen_for_more(bench);
    const struct ry_clip_failed *failed = BED_EXPECT(bench->bed, clip_failed);
    assert_true(failed->next_retry_ms > (uint64_t)24 * 3600 * 1000); /* the writer says how much of it counts */
    bed_expect_done(bench->bed, id);
    bench_free(bench);
}

static void downloader_gives_up_a_video_that_keeps_changing(void **state)
{
    (void)state;
    struct bench *bench = bench_with_fake(NULL);
    uint64_t id = make_remote(bench, "restless/clip.mp4");
    expect_run(bench);
    answer_needs(bench, run_id(bench), FILE_BYTES - 20000, 30000);
    expect_run(bench);
    answer_needs(bench, run_id(bench), FILE_BYTES - 20000, 30000);
    expect_failure(bench, id, "changes on its server");
    bench_free(bench);
}

static void downloader_tries_passing_troubles_a_few_times(void **state)
{
    (void)state;
    struct bench *bench = bench_with_fake(NULL);
    int64_t began_mono_ms = bed_clock(bench->bed)->now_mono_ms;
    expect_failure(bench, make_remote(bench, "cut/clip.mp4"), "hung up in the middle");
    assert_int_equal(fake_stat(bench->fake, "requests"), 4);
    assert_between(bed_clock(bench->bed)->now_mono_ms - began_mono_ms, 2625, 4375); /* 0.5 + 1 + 2 s, +-25 % */
    assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_errors), 4);
    bench_free(bench);
}

static void downloader_gives_a_clip_no_more_than_its_time(void **state)
{
    (void)state;
    struct bench *bench = bench_with_fake((bed_option[]){{"download_timeout", "30"}, {NULL, NULL}});
    uint64_t id = make_remote(bench, "hang/clip.mp4");
    while (fake_stat(bench->fake, "requests") == 0)
        assert_true(bed_wait_engine(bench->bed, PATIENCE_MS));
    bed_advance(bench->bed, 29999);
    ry_instance_ready(bed_instance(bench->bed));
    bed_expect_nothing(bench->bed);
    bed_advance(bench->bed, 1);
    ry_instance_ready(bed_instance(bench->bed));
    expect_failure(bench, id, "did not send it within the time allowed");
    bench_free(bench);
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
        struct bench *bench = bench_with_fake((bed_option[]){{rows[i].option[0], rows[i].option[1]}, {NULL, NULL}});
        expect_failure(bench, make_remote(bench, rows[i].path), rows[i].words);
        bench_free(bench);
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
    struct bench *bench = bench_new(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ry_clip_work work = {.url = ry_str_of(rows[i].url)};
        expect_failure(bench, make(bench, &work), rows[i].words);
    }
    bench_free(bench);
}

static void downloader_does_not_try_an_expired_url(void **state)
{
    (void)state;
    struct bench *bench = bench_with_fake(NULL);
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/ok/clip.mp4?ex=1", fake_port(bench->fake));
    const struct ry_clip_work work = {.url = ry_str_of(url), .expires_wall_ms = BED_START_WALL_MS};
    expect_failure(bench, make(bench, &work), "its URL has expired at 2024-10-19T15:03:09.000Z");
    assert_int_equal(fake_stat(bench->fake, "requests"), 0);
    char file_url[256];
    (void)snprintf(file_url, sizeof file_url, "file://%s/small.mp4", bench->root);
    const struct ry_clip_work local = {
        .url = ry_str_of(file_url), .media_root = ry_str_of(bench->root), .expires_wall_ms = BED_START_WALL_MS};
    make(bench, &local); /* files do not expire */
    check_windows(expect_run(bench), SMALL_BYTES);
    bench_free(bench);
}

static void downloader_works_on_many_clips_over_few_connections(void **state)
{
    (void)state;
    struct bench *bench = bench_with_fake(NULL);
    enum { N = 16 };
    uint64_t runs[N];
    uint64_t ids[N];
    for (size_t i = 0; i < N; i++)
        make_remote(bench, "slow/clip.mp4");
    for (size_t i = 0; i < N; i++) {
        check_windows(expect_run(bench), WINDOW_BYTES);
        runs[i] = run_id(bench);
        ids[i] = bed_envelope(bench->bed)->correlation;
    }
    assert_int_equal(bed_kept(bench->bed), N);
    for (size_t i = 0; i < N; i++) {
        answer_done(bench, runs[i]);
        bed_expect_done(bench->bed, ids[i]);
    }
    assert_between(fake_stat(bench->fake, "connections"), 2, 9);
    bench_free(bench);
}

/* ---- the encoder ------------------------------------------------------------------------------------------------- */

static void downloader_tells_the_encoder_when_a_round_is_the_last(void **state)
{
    (void)state;
    struct bench *bench = bench_new((bed_option[]){{"download_window", "4096"}, {NULL, NULL}});
    char path[128];
    (void)snprintf(path, sizeof path, "%s/clip.mp4", bench->root);
    assert_int_equal(truncate(path, (off_t)HUGE_BYTES), 0); /* sparse */
    uint64_t id = make_file(bench, "/clip.mp4");
    const struct ry_encode_run *run = expect_run(bench);
    unsigned rounds = 1;
    for (; !run->last_round; rounds++) {
        answer_needs(bench, run_id(bench), HUGE_BYTES / 100 * rounds, 10);
        run = expect_run(bench);
    }
    assert_int_equal(rounds, 24);
    answer_needs(bench, run_id(bench), 10000, 10);
    expect_failure(bench, id, "shows no picture within 24 rounds");
    bench_free(bench);
}

static void downloader_holds_no_more_of_a_video_than_it_may(void **state)
{
    (void)state;
    struct bench *bench = bench_new(NULL);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/clip.mp4", bench->root);
    assert_int_equal(truncate(path, (off_t)HUGE_BYTES), 0); /* sparse */
    uint64_t id = make_file(bench, "/clip.mp4");
    expect_run(bench);
    answer_needs(bench, run_id(bench), 1000000, HUGE_BYTES);
    const struct ry_encode_run *run = expect_run(bench);
    assert_true(run->last_round);
    uint64_t held = 0;
    for (size_t i = 0; i < run->windows.n; i++)
        held += run->windows.items[i].bytes.n;
    assert_int_equal(held, 64 << 20);
    answer_done(bench, run_id(bench));
    bed_expect_done(bench->bed, id);
    bench_free(bench);
}

static void downloader_ends_when_nothing_is_missing(void **state)
{
    (void)state;
    struct bench *bench = bench_with_fake(NULL);
    uint64_t id = make_file(bench, "/clip.mp4");
    assert_false(expect_run(bench)->last_round);
    answer_needs(bench, run_id(bench), 100, 10); /* it has that */
    assert_true(expect_run(bench)->last_round);
    answer_done(bench, run_id(bench));
    bed_expect_done(bench->bed, id);
    id = make_remote(bench, "nototal/clip.mp4");
    expect_run(bench);
    answer_needs(bench, run_id(bench), FILE_BYTES + 100000, 10); /* behind an end that nobody told of */
    assert_true(expect_run(bench)->last_round);
    answer_done(bench, run_id(bench));
    bed_expect_done(bench->bed, id);
    bench_free(bench);
}

static void downloader_says_that_a_whole_video_is_cut_off(void **state)
{
    (void)state;
    struct bench *bench = bench_new(NULL);
    uint64_t id = make_file(bench, "/small.mp4");
    expect_run(bench);
    answer_needs(bench, run_id(bench), 10000, 10);
    expect_failure(bench, id, "ends before a picture comes");
    bench_free(bench);
}

static void downloader_passes_on_what_the_encoder_says(void **state)
{
    (void)state;
    struct bench *bench = bench_new(NULL);
    uint64_t id = make_file(bench, "/small.mp4");
    expect_run(bench);
    const struct ry_encode_failed failed = {.reason = RY_STR("it has no video stream")};
    BED_ANSWER(bench->bed, run_id(bench), encode_failed, &failed);
    expect_failure(bench, id, "gives no thumbnail: it has no video stream");
    bench_free(bench);
}

static void downloader_asks_again_when_the_encoders_are_full(void **state)
{
    (void)state;
    static const enum ry_undeliverable_cause causes[] = {RY_UNDELIVERABLE_FULL, RY_UNDELIVERABLE_EXPIRED};
    struct bench *bench = bench_new(NULL);
    uint64_t id = make_file(bench, "/clip.mp4");
    expect_run(bench);
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        bed_undeliverable(bench->bed, run_id(bench), id, RY_TAG_encode_run, causes[i]);
        bed_expect_nothing(bench->bed);
        bed_advance(bench->bed, 700);
        bed_expect_nothing(bench->bed);
        bed_advance(bench->bed, 600);
        const struct ry_encode_run *run = BED_EXPECT(bench->bed, encode_run);
        check_windows(run, WINDOW_BYTES);
        assert_false(run->last_round);
    }
    answer_done(bench, run_id(bench));
    bed_expect_done(bench->bed, id);
    assert_int_equal(bed_counter(bench->bed, RY_COUNTER_download_requests), 1);
    bench_free(bench);
}

static void downloader_gives_a_clip_back_when_no_encoder_answers(void **state)
{
    (void)state;
    struct bench *bench = bench_new(NULL);
    uint64_t id = make_file(bench, "/clip.mp4");
    expect_run(bench);
    uint64_t run = run_id(bench);
    bed_advance(bench->bed, 3600 * 1000 - 1);
    bed_expect_nothing(bench->bed);
    bed_advance(bench->bed, 1);
    const struct ry_clip_failed *failed = BED_EXPECT(bench->bed, clip_failed);
    assert_true(failed->release); /* it waits again, and has not failed */
    assert_true(ry_str_is(failed->reason, "no encoder answered within an hour"));
    bed_expect_done(bench->bed, id);
    answer_done(bench, run); /* too late */
    bed_expect_nothing(bench->bed);
    bench_free(bench);
}

static void downloader_fails_a_clip_that_kills_encoders(void **state)
{
    (void)state;
    static const enum ry_undeliverable_cause causes[] = {RY_UNDELIVERABLE_DEAD, RY_UNDELIVERABLE_REFUSED};
    struct bench *bench = bench_new(NULL);
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        uint64_t id = make_file(bench, "/clip.mp4");
        expect_run(bench);
        bed_undeliverable(bench->bed, run_id(bench), id, RY_TAG_encode_run, causes[i]);
        expect_failure(bench, id, "could not be decoded: said the bed");
    }
    bench_free(bench);
}

static void downloader_ignores_answers_to_runs_of_the_past(void **state)
{
    (void)state;
    struct bench *bench = bench_new(NULL);
    uint64_t id = make_file(bench, "/clip.mp4");
    expect_run(bench);
    uint64_t first = run_id(bench);
    answer_needs(bench, first, 200000, 10);
    expect_run(bench);
    uint64_t second = run_id(bench);
    answer_done(bench, first);
    answer_needs(bench, first, 300000, 10);
    bed_undeliverable(bench->bed, first, id, RY_TAG_encode_run, RY_UNDELIVERABLE_DEAD);
    bed_expect_nothing(bench->bed);
    answer_done(bench, second);
    bed_expect_done(bench->bed, id);
    answer_done(bench, second);
    bed_expect_nothing(bench->bed);
    bench_free(bench);
}

/* ---- custody and reasons ----------------------------------------------------------------------------------------- */

static void downloader_bears_the_same_mail_twice(void **state)
{
    (void)state;
    struct bench *bench = bench_new(NULL);
    char url[256];
    (void)snprintf(url, sizeof url, "file://%s/small.mp4", bench->root);
    uint64_t id = make_file(bench, "/small.mp4");
    expect_run(bench);
    uint64_t first = run_id(bench);
    struct ry_clip_work clip = {.clip_id = RY_STR(CLIP_ID),
                                .guild_id = RY_STR("1"),
                                .channel_id = RY_STR("1"),
                                .message_id = RY_STR("1"),
                                .filename = RY_STR("holiday.mp4"),
                                .url = ry_str_of(url),
                                .media_root = ry_str_of(bench->root)};
    const struct ry_thumbnail_make message = {.clips = {&clip, 1}};
    bed_restart(bench->bed); /* the first instance died with it */
    bed_redeliver(bench->bed, id, 2, RY_TAG_thumbnail_make, &message, NULL);
    check_windows(expect_run(bench), SMALL_BYTES);
    uint64_t second = run_id(bench);
    assert_int_not_equal(first, second);
    answer_done(bench, first);
    bed_expect_nothing(bench->bed);
    answer_done(bench, second);
    bed_expect_done(bench->bed, id);
    bench_free(bench);
}

static void downloader_works_on_a_clip_twice_at_a_time(void **state)
{
    (void)state;
    struct bench *bench = bench_new(NULL);
    uint64_t a = make_file(bench, "/small.mp4");
    uint64_t b = make_file(bench, "/small.mp4");
    expect_run(bench);
    uint64_t run_a = run_id(bench);
    expect_run(bench);
    answer_done(bench, run_id(bench));
    bed_expect_done(bench->bed, b);
    answer_done(bench, run_a);
    bed_expect_done(bench->bed, a);
    bench_free(bench);
}

static void downloader_finishes_what_it_holds_when_asked_to_drain(void **state)
{
    (void)state;
    struct bench *bench = bench_with_fake(NULL);
    uint64_t id = make_remote(bench, "ok/clip.mp4");
    bed_drain(bench->bed);
    assert_false(bed_finished(bench->bed));
    expect_run(bench);
    assert_false(bed_finished(bench->bed));
    answer_done(bench, run_id(bench));
    bed_expect_done(bench->bed, id);
    assert_true(bed_finished(bench->bed));
    bench_free(bench);
}

static void downloader_ends_in_the_middle_of_everything(void **state)
{
    (void)state;
    struct bench *bench = bench_with_fake(NULL);
    make_file(bench, "/clip.mp4");        /* at the encoder */
    make_remote(bench, "stall/clip.mp4"); /* in the middle of a body */
    make_remote(bench, "hang/clip.mp4");  /* waiting for a head */
    uint64_t id = make_file(bench, "/clip.mp4");
    expect_run(bench);
    expect_run(bench);
    bed_undeliverable(bench->bed, run_id(bench), id, RY_TAG_encode_run, RY_UNDELIVERABLE_FULL); /* paused */
    while (fake_stat(bench->fake, "bytes") == 0)
        assert_true(bed_wait_engine(bench->bed, PATIENCE_MS));
    bench_free(bench); /* the sanitizer tells of what is left */
}

static void downloader_names_any_file_in_one_line(void **state)
{
    (void)state;
    struct bench *bench = bench_new(NULL);
    char name[1024];
    for (size_t i = 0; i + 3 <= sizeof name; i += 3)
        memcpy(name + i, "漢", 3);
    const struct ry_str names[] = {{name, 1023}, RY_STR("two\nlines\x1b[31m.mp4")};
    for (size_t i = 0; i < 2; i++) {
        const struct ry_clip_work work = {.url = RY_STR("file:///x"), .filename = names[i]};
        uint64_t id = make(bench, &work);
        const struct ry_clip_failed *failed = BED_EXPECT(bench->bed, clip_failed);
        assert_true(ry_str_is_utf8(failed->reason));
        assert_true(ry_str_ends(failed->reason, RY_STR("the folder that it lies in"), false));
        for (size_t k = 0; k < failed->reason.n; k++)
            assert_true((unsigned char)failed->reason.p[k] >= ' ');
        bed_expect_done(bench->bed, id);
    }
    bench_free(bench);
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
        struct bench *bench = bench_new(NULL);
        uint64_t id = make_file(bench, "/small.mp4");
        expect_run(bench);
        const struct ry_encode_failed failed = {.reason = RY_STR("audio only"),
                                                .class = rows[i].class,
                                                .encoder = rows[i].version ? ry_str_of(rows[i].version)
                                                                           : (struct ry_str){NULL, 0}};
        const struct ry_undeliverable lost = {.id = run_id(bench),
                                              .origin = id,
                                              .tag = RY_TAG_encode_run,
                                              .cause = RY_UNDELIVERABLE_DEAD,
                                              .reason = RY_STR("audio only"),
                                              .class = rows[i].class};
        if (rows[i].answered)
            BED_ANSWER(bench->bed, run_id(bench), encode_failed, &failed);
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
        bench_free(bench);
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
        cmocka_unit_test(downloader_sends_a_short_file_whole),
        cmocka_unit_test(downloader_reads_of_a_file_only_what_is_needed),
        cmocka_unit_test(downloader_opens_files_by_any_name_that_stays_inside),
        cmocka_unit_test(downloader_says_what_is_wrong_with_a_file),
        cmocka_unit_test(downloader_opens_no_file_without_its_registered_folder),
        cmocka_unit_test(file_of_an_export_that_is_not_there_fails_for_now),
        cmocka_unit_test(file_of_an_export_whose_device_changed_is_not_missing_for_good),
        cmocka_unit_test(downloader_reads_no_file_that_it_may_not),
        cmocka_unit_test(downloader_begins_anew_once_when_a_file_changes),
        cmocka_unit_test(downloader_brings_a_video_from_every_kind_of_server),
        cmocka_unit_test(downloader_takes_a_short_video_in_one_request),
        cmocka_unit_test(downloader_says_what_is_wrong_with_a_server),
        cmocka_unit_test(downloader_gives_up_a_video_that_keeps_changing),
        cmocka_unit_test(downloader_tries_passing_troubles_a_few_times),
        cmocka_unit_test(downloader_gives_a_clip_no_more_than_its_time),
        cmocka_unit_test(downloader_keeps_to_the_limits_of_the_spool),
        cmocka_unit_test(downloader_asks_only_allowed_hosts),
        cmocka_unit_test(downloader_does_not_try_an_expired_url),
        cmocka_unit_test(downloader_works_on_many_clips_over_few_connections),
        cmocka_unit_test(downloader_tells_the_encoder_when_a_round_is_the_last),
        cmocka_unit_test(downloader_holds_no_more_of_a_video_than_it_may),
        cmocka_unit_test(downloader_ends_when_nothing_is_missing),
        cmocka_unit_test(downloader_says_that_a_whole_video_is_cut_off),
        cmocka_unit_test(downloader_passes_on_what_the_encoder_says),
        cmocka_unit_test(downloader_asks_again_when_the_encoders_are_full),
        cmocka_unit_test(downloader_gives_a_clip_back_when_no_encoder_answers),
        cmocka_unit_test(downloader_fails_a_clip_that_kills_encoders),
        cmocka_unit_test(downloader_passes_on_whose_verdict_a_failure_is),
        cmocka_unit_test(downloader_ignores_answers_to_runs_of_the_past),
        cmocka_unit_test(downloader_bears_the_same_mail_twice),
        cmocka_unit_test(downloader_works_on_a_clip_twice_at_a_time),
        cmocka_unit_test(downloader_finishes_what_it_holds_when_asked_to_drain),
        cmocka_unit_test(downloader_ends_in_the_middle_of_everything),
        cmocka_unit_test(a_video_that_is_gone_is_doubted_when_its_url_is_about_to_expire),
        cmocka_unit_test(downloader_passes_on_how_long_the_server_asks_to_wait),
        cmocka_unit_test(downloader_names_any_file_in_one_line),
        cmocka_unit_test(downloader_refuses_a_malformed_list_of_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
