/* download_bench.c: see download_bench.h. A bench owns its bed, the folder and the fake CDN. */
#include "tests/bed/download_bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char download_file_byte(uint64_t i)
{
    return (char)(i * 31 + i / 251);
}

static void download_write_file(const char *folder, const char *name, size_t n)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < n; i++)
        putc(download_file_byte(i), file);
    assert_int_equal(fclose(file), 0);
}

static void download_link_to(const char *folder, const char *name, const char *target)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(symlink(target, path), 0);
}

static void download_fill_folder(struct download_bench *bench)
{
    char path[256];
    (void)snprintf(bench->root, sizeof bench->root, "%s/export", bed_data(bench->bed));
    assert_int_equal(mkdir(bench->root, 0700), 0);
    download_write_file(bench->root, "clip.mp4", DOWNLOAD_FILE_BYTES);
    download_write_file(bench->root, "small.mp4", DOWNLOAD_SMALL_BYTES);
    download_write_file(bench->root, "Ünï (1)#?.mp4", DOWNLOAD_SMALL_BYTES);
    download_write_file(bench->root, "empty.mp4", 0);
    download_write_file(bed_data(bench->bed), "secret.mp4", DOWNLOAD_SMALL_BYTES);
    download_link_to(bench->root, "inside.mp4", "small.mp4");
    download_link_to(bench->root, "outside.mp4", "../secret.mp4");
    download_link_to(bench->root, "absolute.mp4", "/etc/passwd");
    download_link_to(bench->root, "loop.mp4", "loop.mp4");
    download_link_to(bench->root, "magic.mp4", "/proc/self/fd/0");
    (void)snprintf(path, sizeof path, "%s/fifo.mp4", bench->root);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)snprintf(path, sizeof path, "%s/folder.mp4", bench->root);
    assert_int_equal(mkdir(path, 0700), 0);
}

struct download_bench *download_bench_new(bed_option *options)
{
    struct download_bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->bed = bed_new(&ry_downloader_spec, options);
    download_fill_folder(bench);
    return bench;
}

static const char *const served_files[] = {"clip.mp4", "small.mp4", "empty.mp4"};

struct download_bench *download_bench_with_fake(bed_option *more)
{
    static const size_t sizes[] = {DOWNLOAD_FILE_BYTES, DOWNLOAD_SMALL_BYTES, 0};
    char folder[64] = "/tmp/reelyard-cdn-XXXXXX";
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        download_write_file(folder, served_files[i], sizes[i]);
    struct fake *fake = fake_start("cdn", folder);
    char host[32];
    (void)snprintf(host, sizeof host, "127.0.0.1:%u", fake_port(fake));
    const char *options[5][2] = {{"allowed_hosts", host}};
    for (size_t i = 0; more && more[i][0]; i++) {
        assert_true(i < 3);
        options[i + 1][0] = more[i][0];
        options[i + 1][1] = more[i][1];
    }
    struct download_bench *bench = download_bench_new((bed_option *)options);
    bench->fake = fake;
    memcpy(bench->served, folder, sizeof folder);
    return bench;
}

void download_bench_free(struct download_bench *bench)
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

uint64_t download_make(struct download_bench *bench, const struct ry_clip_work *work)
{
    struct ry_clip_work clip = *work;
    clip.clip_id = RY_STR(DOWNLOAD_CLIP_ID);
    clip.guild_id = RY_STR("41771983423143937");
    clip.channel_id = RY_STR("1424914917202464798");
    clip.message_id = RY_STR("1297213456789012480");
    if (!clip.filename.p)
        clip.filename = RY_STR("holiday.mp4");
    const struct ry_thumbnail_make message = {.clips = {&clip, 1}};
    const struct ry_send send = {.tenant = UINT64_C(41771983423143937), .priority = RY_PRIORITY_BACKFILL};
    return BED_DELIVER(bench->bed, thumbnail_make, &message, &send);
}

uint64_t download_make_file(struct download_bench *bench, const char *path)
{
    char url[256];
    (void)snprintf(url, sizeof url, "file://%s%s", bench->root, path);
    return download_make(bench, &(struct ry_clip_work){.url = ry_str_of(url), .media_root = ry_str_of(bench->root)});
}

uint64_t download_make_remote(struct download_bench *bench, const char *path)
{
    char url[256];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/%s?hm=signature", fake_port(bench->fake), path);
    return download_make(bench, &(struct ry_clip_work){.url = ry_str_of(url)});
}

/* Pauses are shorter, and the time of an encoder much longer. */
#define DOWNLOAD_PAUSE_LONGEST_MS 60000

void download_listen_for_more(struct download_bench *bench)
{
    while (bed_next_tag(bench->bed) == RY_TAG_NONE) {
        int64_t due_mono_ms = ry_instance_next_mono_ms(bed_instance(bench->bed));
        int64_t wait_ms = due_mono_ms - bed_clock(bench->bed)->now_mono_ms;
        if (due_mono_ms != INT64_MAX && wait_ms < DOWNLOAD_PAUSE_LONGEST_MS)
            bed_advance(bench->bed, wait_ms);
        else if (!bed_wait_engine(bench->bed, PATIENCE_MS))
            fail_msg("nothing happened for %d ms", PATIENCE_MS);
    }
}

const struct ry_encode_run *download_expect_run(struct download_bench *bench)
{
    download_listen_for_more(bench);
    return BED_EXPECT(bench->bed, encode_run);
}

/* What no further try can mend: the words of all such reasons of this actor's own. */
static bool download_is_permanent(const char *reason)
{
    static const char *const words[] = {"is missing from", "is empty",         "is larger than",     "says 404",
                                        "says 410",        "shows no picture", "seems to be cut off"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(reason, words[i]))
            return true;
    return false;
}

void download_expect_failure(struct download_bench *bench, uint64_t id, const char *words)
{
    download_listen_for_more(bench);
    const struct ry_clip_failed *failed = BED_EXPECT(bench->bed, clip_failed);
    char reason[401];
    (void)snprintf(reason, sizeof reason, "%.*s", RY_STR_ARG(failed->reason));
    if (!strstr(reason, words))
        fail_msg("not \"%s\", but: %s", words, reason);
    assert_int_equal(strncmp(reason, "holiday.mp4 ", 12), 0);
    assert_null(strstr(reason, "signature"));
    assert_true(ry_str_is(failed->clip_id, DOWNLOAD_CLIP_ID));
    assert_false(failed->release);
    assert_int_equal(failed->class, download_is_permanent(reason) ? RY_FAILURE_PERMANENT : RY_FAILURE_PASSING);
    assert_int_equal(bed_envelope(bench->bed)->correlation, id);
    bed_expect_done(bench->bed, id);
    bed_expect_nothing(bench->bed);
    assert_int_equal(bed_kept(bench->bed), 0);
}

void download_answer_needs(struct download_bench *bench, uint64_t run_id, uint64_t offset, uint64_t length)
{
    struct ry_byte_range range = {offset, length};
    const struct ry_encode_needs needs = {.ranges = {&range, 1}};
    BED_ANSWER(bench->bed, run_id, encode_needs, &needs);
}

void download_answer_done(struct download_bench *bench, uint64_t run_id)
{
    BED_ANSWER(bench->bed, run_id, encode_done, &(struct ry_encode_done){0});
}

uint64_t download_run_id(struct download_bench *bench)
{
    return bed_envelope(bench->bed)->id;
}

void download_check_windows(const struct ry_encode_run *run, uint64_t bytes)
{
    uint64_t sum = 0;
    uint64_t reached = 0;
    for (size_t i = 0; i < run->windows.n; i++) {
        const struct ry_window *window = &run->windows.items[i];
        assert_true(window->offset >= reached);
        const char *p = window->bytes.p;
        for (size_t k = 0; k < window->bytes.n; k++)
            if (p[k] != download_file_byte(window->offset + k))
                fail_msg("byte %llu is wrong", (unsigned long long)(window->offset + k));
        reached = window->offset + window->bytes.n;
        sum += window->bytes.n;
    }
    assert_int_equal(sum, bytes);
}
